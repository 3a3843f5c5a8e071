"""A contract tester: what an OpenAPI document says against what its server does. Each operation is called as its examples say, and
wrongly in every way that the document excludes; each answer must have a documented status and media type and fit its schema,
each refusal must be a problem of RFC 9457 that says where the fault is.
"""

import copy
import http.client
import json
import urllib.parse
import warnings

from jsonschema import Draft202012Validator, FormatChecker

METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"


class Answer:
    def __init__(self, response, stream):
        self.status = response.status
        self.type = (response.headers.get("Content-Type") or "").split(";")[0]
        self.data = b"" if stream and self.status == 200 else response.read()

    def json(self):
        return json.loads(self.data)


class Contract:
    """`real` puts values of this gateway in the place of examples: called with the operation, the parameter and the example."""

    def __init__(self, document, port, token, real):
        self.document, self.port, self.token, self.real = document, port, token, real
        self.calls, self.differences, self.operations = 0, [], 0
        self.reached = {}

    # ---- the document

    def each(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def resolve(self, node):
        while "$ref" in node:
            name = node["$ref"].split("/")[1:]
            node = self.document
            for part in name:
                node = node[part]
        return node

    def validator(self, schema):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Draft202012Validator({**schema, "components": self.document["components"]}, format_checker=FormatChecker())

    def fault(self, schema, value):
        """The first way in which a value does not fit, or None."""
        for e in self.validator(schema).iter_errors(value):
            deep = e
            while deep.context:
                deep = max(deep.context, key=lambda c: len(c.absolute_path))
            return f"{list(e.absolute_path)} {deep.message[:160]}"
        return None

    # ---- calling

    def send(self, path, method, query=(), body=None, kind=None, token=True, stream=False, accept=None):
        self.calls += 1
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        head = {}
        if token:
            head["Authorization"] = f"Bearer {self.token}"
        if kind is not None:
            head["Content-Type"] = kind
        if accept:
            head["Accept"] = accept
        url = path + ("?" + urllib.parse.urlencode(query) if query else "")
        c.request(method.upper(), url, body=body, headers=head)
        try:
            return Answer(c.getresponse(), stream)
        finally:
            c.close()

    def parameters(self, operation, where):
        return [p for p in operation.get("parameters", []) if p["in"] == where]

    def path_of(self, path, method, operation):
        for p in self.parameters(operation, "path"):
            value = self.real(f"{method} {path}", p["name"], p.get("example"))
            path = path.replace("{%s}" % p["name"], urllib.parse.quote(str(value), safe=""))
        return path

    def body_of(self, path, method, operation):
        """Its media type, example and schema."""
        if "requestBody" not in operation:
            return None, None, None
        content = operation["requestBody"]["content"]
        kind = JSON if JSON in content else next(iter(content))
        example = self.real(f"{method} {path}", None, copy.deepcopy(content[kind].get("example")))
        return kind, example, content[kind]["schema"]

    # ---- judging

    def differ(self, at, what):
        self.differences.append(f"{at}: {what}")

    def judge(self, at, operation, answer, want=None):
        """Is the answer a documented one? want: 'good', 'bad' or None for either."""
        responses = operation["responses"]
        status = str(answer.status)
        good = answer.status < 400 or (status in responses and "content" in responses[status])
        if status not in responses and (answer.status < 400 or "default" not in responses):
            self.differ(at, f"status {status} is not documented ({answer.data[:200]!r})")
            return False
        if want == "good" and not answer.status < 400:
            self.differ(at, f"refused with {status}: {answer.data[:300]!r}")
        if want == "bad" and answer.status < 400:
            self.differ(at, f"accepted with {status}: {answer.data[:200]!r}")
        response = self.resolve(responses.get(status, responses.get("default")))
        content = response.get("content", {})
        if not content:
            if answer.data:
                self.differ(at, f"{status} has a body: {answer.data[:100]!r}")
        elif answer.type not in content:
            self.differ(at, f"{status} has the media type {answer.type!r}, documented are {sorted(content)}")
        elif answer.type.endswith("json"):
            try:
                fault = self.fault(content[answer.type]["schema"], answer.json())
            except ValueError as e:
                fault = f"no JSON: {e}"
            if fault:
                self.differ(at, f"{status} does not fit its schema: {fault}")
        if not good:
            self.problem(at, answer)
        return good

    def problem(self, at, answer):
        if answer.type != "application/problem+json":
            self.differ(at, f"{answer.status} is {answer.type!r} and no problem")
            return
        if answer.json()["status"] != answer.status:
            self.differ(at, f"the problem says {answer.json()['status']}, the answer {answer.status}")

    def place(self, at, answer, **want):
        """The problem says where: by a pointer into the body, an argument, or a line."""
        if answer.type != "application/problem+json":
            return
        said = answer.json()
        if not any(k in said and (v is None or str(said[k]).startswith(v)) for k, v in want.items()):
            self.differ(at, f"the problem does not say where ({want}): {said}")

    # ---- one operation

    def valid(self, path, method, operation):
        at = f"{method.upper()} {path}"
        url = self.path_of(path, method, operation)
        kind, example, schema = self.body_of(path, method, operation)
        stream = "text/event-stream" in operation["responses"]["200"].get("content", {}) if "200" in operation["responses"] else False
        needed = [(p["name"], p["example"]) for p in self.parameters(operation, "query") if p["required"]]
        if schema is not None:
            fault = self.fault(schema, example)
            if fault:
                self.differ(at, f"its example does not fit its schema: {fault}")
        wanted = [p for p in self.parameters(operation, "query") if not p["required"] and "example" in p]
        wanted = [(p["name"], p["example"]) for p in wanted]
        # One argument more each time, where nothing is changed; else each by itself.
        sets = [wanted[:n] for n in range(len(wanted) + 1)] if method == "get" else [[], *([w] for w in wanted)]
        for query in sets:
            query = needed + query
            answer = self.send(url, method, query, json.dumps(example) if kind else None, kind, stream=stream)
            self.judge(f"{at} {query}", operation, answer, "good")
            if answer.status < 400:
                self.reached[at] = self.reached.get(at, 0) + 1
            if method not in ("get",) or "{" in path:
                url = self.path_of(path, method, operation)
                kind, example, schema = self.body_of(path, method, operation)

    def invalid_arguments(self, path, method, operation):
        at, url = f"{method.upper()} {path}", self.path_of(path, method, operation)
        kind, example, _ = self.body_of(path, method, operation)
        body = json.dumps(example) if kind else None
        needed = [(p["name"], p["example"]) for p in self.parameters(operation, "query") if p["required"]]
        for p in self.parameters(operation, "query"):
            others = [q for q in needed if q[0] != p["name"]]
            for value in wrong_texts(self.resolve(p["schema"])):
                answer = self.send(url, method, others + [(p["name"], value)], body, kind)
                self.judge(f"{at}?{p['name']}={value[:20]}", operation, answer, "bad")
                self.place(f"{at}?{p['name']}={value[:20]}", answer, argument=p["name"])
            if p["required"]:
                answer = self.send(url, method, others, body, kind)
                self.judge(f"{at} without {p['name']}", operation, answer, "bad")
                self.place(f"{at} without {p['name']}", answer, argument=p["name"])
            if p["name"] not in ("label", "op"):
                answer = self.send(url, method, others + [(p["name"], p.get("example", "1"))] * 2, body, kind)
                self.judge(f"{at} {p['name']} twice", operation, answer, "bad")
        answer = self.send(url, method, needed + [("no_such_argument", "1")], body, kind)
        self.judge(f"{at} with an unknown argument", operation, answer, "bad")
        self.place(f"{at} with an unknown argument", answer, argument="no_such_argument")

    def invalid_bodies(self, path, method, operation):
        at, url = f"{method.upper()} {path}", self.path_of(path, method, operation)
        kind, example, schema = self.body_of(path, method, operation)
        if kind is None:
            answer = self.send(url, method, body="{}", kind=JSON)
            self.judge(f"{at} with a body", operation, answer, "bad")
            return
        policy = "application/yaml" in operation["requestBody"]["content"]
        for text in ('{"a":', '[1, 2]', '"text"', '{"a": 1, "a": 2}', ''):
            if text == '' and path.endswith("/lint"):
                continue  # the policy in force
            answer = self.send(url, method, body=text, kind=kind)
            self.judge(f"{at} body {text}", operation, answer, "bad")
            self.place(f"{at} body {text}", answer, line=None, pointer="")
        for other in ("text/plain", "application/xml", ""):
            answer = self.send(url, method, body=json.dumps(example), kind=other)
            self.judge(f"{at} as {other!r}", operation, answer, "bad")
            if answer.status != 415:
                self.differ(at, f"Content-Type {other!r} is {answer.status}")
        if policy:
            answer = self.send(url, method, body='{"version": 1, "no_such_key": 1}', kind=kind)
            self.judge(f"{at} an unknown key", operation, answer, "bad")
            self.place(f"{at} an unknown key", answer, line=None)
            return
        for what, pointer, value in wrong_bodies(self, schema, example):
            if self.fault(schema, value) is None:
                continue  # it fits after all: another branch of the schema
            answer = self.send(url, method, body=json.dumps(value), kind=kind)
            self.judge(f"{at} {what}", operation, answer, "bad")
            self.place(f"{at} {what}", answer, pointer=pointer)

    def other_methods(self):
        for path, item in self.document["paths"].items():
            one = item[next(m for m in METHODS if m in item)]
            first = next(m for m in METHODS if m in item)
            for method in (*METHODS, "options", "trace"):
                if method in item:
                    continue
                answer = self.send(self.path_of(path, first, one), method)
                at = f"{method.upper()} {path}"
                if answer.status != 405:
                    self.differ(at, f"a method that is not documented is {answer.status}")
                else:
                    self.problem(at, answer)

    def nobody(self, path, method, operation):
        """Without a token: refused exactly where the document asks for one."""
        security = operation.get("security", [])
        if not security or {} in security:
            return
        answer = self.send(self.path_of(path, method, operation), method, token=False)
        at = f"{method.upper()} {path} without a token"
        self.judge(at, operation, answer, "bad")
        if answer.status != 401:
            self.differ(at, f"is {answer.status}")

    def run(self):
        for path, method, operation in self.each():
            self.operations += 1
            self.nobody(path, method, operation)
            self.invalid_arguments(path, method, operation)
            self.invalid_bodies(path, method, operation)
            self.valid(path, method, operation)
        self.other_methods()


def wrong_texts(schema):
    """Texts of an argument that do not fit its schema."""
    if schema.get("enum"):
        yield "no-such-word"
        yield ""
        yield schema["enum"][0] + "x"
    elif schema.get("type") == "integer":
        yield "x"
        yield "1.5"
        yield "-1"
        yield str(schema["maximum"] + 1)
        if schema["minimum"] > 0:
            yield str(schema["minimum"] - 1)
        yield "99999999999999999999999"
    elif schema.get("type") == "string":
        if schema.get("minLength"):
            yield ""
        if schema.get("maxLength", 1 << 20) < 10000:
            yield "a" * (schema["maxLength"] + 1)
        if "pattern" in schema:
            yield "@"


def wrong_bodies(contract, schema, value):
    """(what, pointer, body): bodies that differ from a right one in one place."""
    for what, pointer, change in wrong_at(contract, schema, value, ""):
        body = copy.deepcopy(value)
        yield f"{what} at {pointer or '/'}", pointer, change(body)


def wrong_at(contract, schema, value, at):
    """(what, pointer, function of a body that makes the mistake)."""
    def put(wrong):
        def change(body):
            if not at:
                return wrong
            parts = [p.replace("~1", "/").replace("~0", "~") for p in at.split("/")[1:]]
            node = body
            for part in parts[:-1]:
                node = node[int(part)] if isinstance(node, list) else node[part]
            last = int(parts[-1]) if isinstance(node, list) else parts[-1]
            node[last] = wrong
            return body
        return change

    schema = contract.resolve(schema)
    for wrong in ([1], {"a": 1}, 1.5, True, None, "no such \u0001 thing", -1, 1 << 62, "a" * 3000):
        if contract.fault(schema, wrong) is not None:
            yield f"{str(wrong)[:24]!r}", at, put(wrong)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            yield f"without {name}", f"{at}/{name}", put({k: v for k, v in value.items() if k != name})
        if schema.get("additionalProperties") is False:
            yield "an unknown member", f"{at}/no~1such", put({**value, "no/such": 1})
        for name in properties:
            if name not in value:
                sub = contract.resolve(properties[name])
                wrong = next(w for w in ([1, 2, 3], {"a": 1}, 1.5) if contract.fault(sub, w) is not None)
                yield f"{wrong} for {name}", f"{at}/{name}", put({**value, name: wrong})
        for name, v in value.items():
            sub = properties.get(name) or schema.get("additionalProperties")
            if sub:
                yield from wrong_at(contract, sub, v, f"{at}/{name}")
    if isinstance(value, list) and value and "items" in schema:
        yield from wrong_at(contract, schema["items"], value[0], f"{at}/0")
