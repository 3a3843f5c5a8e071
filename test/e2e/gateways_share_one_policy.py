"""Two gateways, one policy, by a real etcd: what is committed at one is in force at both, of two commits at once one wins, what
is not confirmed is taken back at both, also when its writer died, and a restart finds the way back."""

import http.client
import threading

from lib.check import check, main, same, say, until
from lib.fleet import Door, Etcd, document, in_step, member, same_document
from lib.gateway import BUILD, EVERYTHING, RULES, Gateway, policy, text
from lib.wire import make, run


def put(gateway, what, query=""):
    return gateway.request("PUT", f"/policy{query}", text(what), kind="application/yaml")


def metrics():
    c = http.client.HTTPConnection("127.0.0.1", 8471, timeout=30)
    c.request("GET", "/metrics")
    return c.getresponse().read().decode()


def conflicting(a, b):
    """Both at once, again and again: exactly one wins, and the other is told of it."""
    for i in range(5):
        before = a.get("/fleet")["revision"]
        in_step([a, b], before)
        got = {}

        def push(g, rules):
            got[g.name] = put(g, policy(rules), f"?author={g.name}&why=round-{i}")

        each = [threading.Thread(target=push, args=(a, RULES[: 3 + i % 2])), threading.Thread(target=push, args=(b, EVERYTHING))]
        for t in each:
            t.start()
        for t in each:
            t.join(60)
        status = sorted(s for s, _ in got.values())
        check(status[0] == 200 and status[1] in (200, 412), f"one wins at least: {got}")
        if status[1] == 200:                # one after the other, in order
            in_step([a, b], before + 2)
        else:
            loser = next(answer for s, answer in got.values() if s == 412)
            check(str(before + 1) in loser["detail"], f"the present revision is named: {loser}")
            in_step([a, b], before + 1)
        same_document([a, b])


def confirmation(a, b):
    revision = a.get("/fleet")["revision"]
    status, answer = put(a, policy(EVERYTHING), "?confirm=60s&author=anna")
    same(status, 200, f"a commit that waits ({answer})")
    in_step([a, b], revision + 1)
    check(b.get("/fleet")["waits"] and "unconfirmed" in b.get("/policy"), "it waits at the other, too")
    same(put(b, policy(RULES))[0], 409, "another commit meanwhile")
    same(b.request("POST", "/policy/confirm", {"author": "bert"})[0], 200, "confirmed at the other gateway")
    until(lambda: "unconfirmed" not in a.get("/policy"), "it does not wait any more where it was written")
    same([r["state"] for r in a.get("/policy/revisions")["items"]][0], "confirmed", "its state")
    for i in range(20):
        same(put(a, policy(RULES[: 1 + i % 2]), "?confirm=60s")[0], 200, f"commit {i} of 20 that wait")
        in_step([a, b], revision + 2 + i)
        status, answer = a.request("POST", "/policy/confirm", {"author": "anna"})
        same((status, answer["revision"]), (200, revision + 2 + i), f"each is confirmed, whoever hears of it first ({answer})")
    revision += 20

    kept = document(a)
    status, answer = put(b, policy(RULES[:1]), "?confirm=4s&author=bert")
    same(status, 200, f"a commit that nobody confirms ({answer})")
    in_step([a, b], revision + 3)
    same((document(a), document(b)), (kept, kept), "it is taken back at both")
    for g in (a, b):
        same([r["state"] for r in g.get("/policy/revisions")["items"]][1], "rolled_back", f"its state at {g.name}")

    status, answer = put(b, policy(RULES[:2]), "?confirm=15s")
    same(status, 200, f"a commit whose writer dies ({answer})")
    in_step([a, b], revision + 4)
    b.kill()
    until(lambda: a.get("/policy")["revision"] == revision + 5, "it is taken back without its writer", 60)
    same(document(a), kept, "what is in force")
    a.event("alert", b_kind="anomaly", seconds=20)
    b.start()
    in_step([a, b], revision + 5)
    same(document(b), kept, "what the writer has in force when it is back")


def test():
    make()
    etcd = Etcd()
    fleet = {"endpoints": etcd.urls(), "ttl": "3s"}
    a = Gateway(policy(RULES), name="a", store={"path": "store.db"}, fleet=dict(fleet, name="a")).start()
    until(lambda: a.get("/fleet")["in_step"], "the first gateway gives its policy")
    same(a.get("/fleet")["revision"], 1, "the fleet's first revision")
    b = Door(2, policy(EVERYTHING), name="b", store={"path": "store.db"}, fleet=dict(fleet, name="b")).start()
    in_step([a, b])
    same_document([a, b])
    say(f"joined: revision {b.get('/fleet')['revision']}")

    status, answer = put(a, policy(RULES[:4]), "?author=anna&why=first")
    same(status, 200, f"a commit ({answer})")
    in_step([a, b])
    same_document([a, b])
    row = b.get("/policy/revisions")["items"][0]
    same((row["author"], row["why"]), ("api:anna", "first"), "who made it, at the other gateway")
    entry = b.get("/audit")["items"][0]
    same((entry["actor"], entry["detail"].get("gateway")), ("api:anna", "a"), f"its audit entry there ({entry})")
    same(member(a, "b")["sha256"], row["sha256"], "what a knows of b")

    conflicting(a, b)
    confirmation(a, b)

    status, answer = b.request("POST", "/policy/rollback", {"revision": 1, "author": "bert"})
    same(status, 200, f"a rollback at the other gateway ({answer})")
    in_step([a, b])
    same_document([a, b])
    same(a.get("/policy/revisions")["items"][0]["repeats"], 1, "it repeats the fleet's first")
    seen = metrics()
    check("bulkhead_fleet_connected 1\n" in seen and "bulkhead_fleet_connected_members 2\n" in seen, "metrics")
    out = run("env", f"BULKHEAD_TOKEN_FILE={a.dir}/token", f"{BUILD}/bulkheadctl", "get", "fleet")
    check(len(out.splitlines()) == 3 and "in step" in out, f"bulkheadctl get fleet: {out}")
    a.stop()
    until(lambda: not member(b, "a")["connected"], "b sees a go")
    b.stop()


main(test)
