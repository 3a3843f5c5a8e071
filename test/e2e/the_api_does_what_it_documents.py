"""Every operation of the served OpenAPI document is called, rightly and wrongly: 0 differences between what it says and what
the gateway does. A client that is generated from it works."""

import os

import yaml

from lib.check import check, main, same, say, until
from lib.contract import Contract
from lib.gateway import ENDPOINTS, Gateway, SEGMENTS, TOKEN, rule, text, write
from lib.services import find, nginx
from lib.wire import Server, addr, attempt, connect, make, run

JUSTIFIED = {"owner": "team-pay", "reason": "PCI-17", "expires": "2100-01-01"}
RULES = [
    {**rule("web-to-redis", "web", "redis", ["tcp/80", "tcp/6379"]), **JUSTIFIED},
    {**rule("web-to-cards", "web", "cards", ["tcp/8080"]), **JUSTIFIED},
    {"id": "orders", "from": "admin", "to": "cards", "action": "allow", "denied": "reset", **JUSTIFIED,
     "applications": [{"http": {"methods": ["GET"]}}]},
    rule("batch-never", "batch", "redis", ["tcp/6379"], "deny"),
]
DOCUMENT = {"version": 1, "endpoints": ENDPOINTS, "segments": SEGMENTS,
            "zones": {"cde": {"segments": ["redis", "cards"], "cde": True}, "shop": {"segments": ["web"]}},
            "modes": {"default": "protect"}, "rules": RULES}
RESPONSES = {"version": 1, "never": ["admin"],
             "rules": [{"id": "sqli", "on": "sensor", "class": ["sqli"], "do": [{"action": "quarantine", "for": "1h"}]}]}
# As the gateway writes it.
LEARNED = """learned:
  rules:
    - id: %s
      from: admin
      to: batch
      ports: tcp/22
      action: allow
"""
ATTACK = "/a?id=1'%20union%20select%20name,pass%20from%20users--%20x"


def lived_in():
    """A gateway with everything switched on that has seen traffic of all kinds."""
    nginx("")(["80"])
    Server("redis", 6379)
    Server("cards", 8080)
    gateway = Gateway(DOCUMENT, inspect={"sensors": "alert"}, store={"path": "store.db"}, events={"store": "events.db"},
                      evidence={"path": "evidence"}, learning={"record": True}, responses={"file": "responses.yaml"})
    write(os.path.join(gateway.dir, "responses.yaml"), RESPONSES)
    gateway.start()
    for _ in range(2):
        attempt("web", "redis", 6379, timeout=20)
    attempt("batch", "redis", 6379)
    attempt("batch", "cards", 8080)
    gateway.request("PATCH", "/segments/admin", {"mode": "discover"})
    attempt("admin", "redis", 6379, timeout=20)
    run(find("curl"), "-sS", "-m", "8", "--interface", addr("web"), f"http://{addr('redis')}{ATTACK}", ns="shop", ok=False)
    until(lambda: gateway.get("/quarantines")["items"], "a response")
    until(lambda: gateway.get("/evidence")["items"], "evidence")
    until(lambda: gateway.get("/conversations")["items"], "conversations")
    gateway.request("DELETE", "/quarantines/1")
    return gateway, [connect("web", "redis", 6379) for _ in range(8)]


class Real:
    """Values of this gateway for the document's examples: things that can be got are there, and those that are deleted
    are made before."""

    def __init__(self, gateway):
        self.gateway, self.policy = gateway, gateway.get("/policy?format=yaml")

    def first(self, path):
        return self.gateway.get(path)["items"][0]

    def post(self, path, body, method="POST"):
        status, answer = self.gateway.request(method, path, body)
        check(status in (200, 201, 409), f"{method} {path}: {status} {answer}")
        return answer

    def __call__(self, at, name, example):
        if name is None:
            return self.body(at, example)
        if "/evidence/" in at:
            return self.first("/evidence?limit=1000")["name"]
        if "/captures/" in at:
            return self.capture()
        if "/endpoints/" in at:
            self.post(f"/endpoints/{example}", {"labels": {"old": "x"}}, "PUT")
        elif at == "delete /api/v1/identities/{name}":
            self.post(f"/identities/{example}", {"role": "viewer"}, "PUT")
        elif at == "delete /api/v1/conversations/{id}":
            # Refused, so told of at once: what passes and says nothing is a conversation only when it ends.
            attempt("batch", "redis", 6379, timeout=0.3)
            until(lambda: self.gateway.get("/conversations")["items"], "a conversation")
            return self.first("/conversations")["id"]
        elif "/quarantines/" in at:
            self.post("/quarantines", {"address": example})
        elif "/blocks/" in at:
            return self.post("/blocks", {"from": "192.0.2.9"})["id"]
        elif "/flows/" in at:
            return [f for f in self.gateway.get("/flows?limit=1000")["items"] if f["verdict"] == "allow"][-1]["id"]
        elif "/events/" in at:
            return self.first("/events")["id"]
        return example

    def capture(self):
        """One that is done."""
        name = self.post("/captures", {"for": "60s"})["name"]
        status, answer = self.gateway.request("DELETE", f"/captures/{name}")
        same(status, 204, f"the end of a capture ({answer})")
        until(lambda: [c for c in self.gateway.request("GET", "/captures")[1]["items"] if (c["name"], c["state"]) == (name, "done")],
              "the capture is a file")
        return name

    def body(self, at, example):
        """What must be true before."""
        g = self.gateway
        if at == "post /api/v1/quarantines":
            g.request("DELETE", f"/quarantines/{example['address']}")
        elif at == "post /api/v1/policy/confirm":
            g.request("PUT", "/policy?confirm=10m", self.policy, kind="application/yaml")
        elif at == "post /api/v1/policy/rollback":
            g.request("POST", "/policy/confirm", {})
        elif at == "put /api/v1/policy":
            g.request("POST", "/policy/confirm", {})
            return yaml.safe_load(self.policy)
        elif at == "post /api/v1/learned/adopt":
            g.request("POST", "/policy/confirm", {})
            same(g.put_policy(text(DOCUMENT) + LEARNED % example["rules"][0])[0], 200, "a policy with a learned rule")
        return example


def test():
    make()
    gateway, _ = lived_in()
    contract = Contract(gateway.get("/openapi.json"), gateway.port, TOKEN, Real(gateway))
    contract.run()
    for line in contract.differences:
        say(line)
    say(f"{contract.operations} operations, {contract.calls} calls, {len(contract.differences)} differences")
    same([at for _, m, o in contract.each() if (at := f"{m.upper()} {_}") not in contract.reached], [], "operations that never succeeded")
    same(contract.differences, [], "differences")
    gateway.stop()


main(test)
