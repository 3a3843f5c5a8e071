"""Reading is free on loopback, changing needs the token; nothing of a refused request takes effect."""

from lib.check import check, main, same
from lib.gateway import TOKEN, Gateway, policy, text
from lib.wire import Server, addr, attempt, make


def test():
    make()
    gateway = Gateway().start()
    same(gateway.get("/health")["status"], "ok", "health")
    check(gateway.get("/version")["version"], "a version")
    path, body = f"/endpoints/{addr('web')}", {"labels": {"app": "nobody"}}
    for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()):
        for method, where, what in (("PATCH", path, body), ("DELETE", path, None), ("PUT", path, body),
                                    ("PUT", "/policy", "version: 1\n")):
            status, answer = gateway.request(method, where, what, token=token)
            same(status, 401, f"{method} {where} with token {token!r}")
            same(answer["status"], 401, "the problem says so, too")
    same(gateway.get(path)["labels"]["app"], "web", "the label, after all that")
    status, answer = gateway.request("PUT", "/policy?dry_run=1", "version: 1\n", kind="application/yaml")
    same((status, answer["dry_run"]), (200, True), f"a dry run ({answer})")
    server = Server("redis", 6379)
    same(attempt("web", "redis", 6379, timeout=20), "open", "what the policy allows, after all that")
    del server

    names = {s["name"] for s in gateway.get("/segments")["items"]}
    check({"web", "redis", "external", "unknown"} <= names, f"segments: {names}")
    rules = gateway.get("/rules")["items"]
    same(rules[0]["id"], "web-to-redis", "the first rule")
    flows = gateway.get(f"/flows?address={addr('web')}&port=6379")["items"]
    same(len(flows), 1, f"flows of the connection: {flows}")
    same(gateway.request("GET", "/flows?prot=tcp", token=None)[0], 400, "an unknown argument")
    same(gateway.request("GET", "/nowhere", token=None)[0], 404, "an unknown path")
    same(gateway.put_policy(text(policy()))[0], 200, "a change with the token")
    gateway.stop()

    # Without a token file, nobody can change anything.
    closed = Gateway(name="closed", api={"token_file": ""}).start()
    same(closed.request("PATCH", path, body)[0], 403, "a change where no token is configured")
    closed.stop()


main(test)
