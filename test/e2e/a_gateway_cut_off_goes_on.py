"""etcd of three: one killed, nothing is noticed; a gateway whose cable is pulled goes on with what it has, says so, takes no change,
takes back what nobody confirmed, and has the fleet's policy and endpoints when the cable is back; so do all when etcd is gone."""

from lib.check import check, main, same, say, until
from lib.fleet import Door, Etcd, document, in_step, member, same_document
from lib.gateway import BUILD, EVERYTHING, RULES, Gateway, policy, text
from lib.wire import Server, attempt, make, run


def put(gateway, what, query=""):
    return gateway.request("PUT", f"/policy{query}", text(what), kind="application/yaml")


def labels(gateway, address):
    status, answer = gateway.request("GET", f"/endpoints/{address}")
    return answer["labels"] if status == 200 else None


def one_member_killed(etcd, a, b):
    etcd.kill(0)
    for i, (g, rules) in enumerate(((a, RULES[:3]), (b, RULES), (a, EVERYTHING))):
        status, answer = put(g, policy(rules))
        same(status, 200, f"commit {i} with a member of etcd missing ({answer})")
        in_step([a, b])
    same_document([a, b])
    etcd.start(0)
    etcd.healthy()


def endpoints(a, b):
    """Pushed at one, known at the other, and again after a restart."""
    same(a.request("PUT", "/endpoints/10.99.0.77", {"labels": {"app": "new", "zone": "shop"}})[0], 201, "a push")
    until(lambda: labels(b, "10.99.0.77") == {"app": "new", "zone": "shop"}, "it is known at the other")
    same(b.request("PATCH", "/endpoints/10.99.0.77", {"labels": {"app": "newer"}})[0], 200, "a change there")
    until(lambda: labels(a, "10.99.0.77") == {"app": "newer", "zone": "shop"}, "it is known at the first")
    batch = [{"op": "put", "address": f"10.98.{i // 250}.{i % 250 + 1}", "labels": {"app": f"n{i}"}} for i in range(1000)]
    status, answer = a.request("POST", "/endpoints", {"changes": batch})
    same(status, 200, f"1,000 at once ({answer})")
    until(lambda: labels(b, "10.98.3.250") == {"app": "n999"}, "all of them are known at the other")
    same(a.request("DELETE", "/endpoints/10.98.0.1")[0], 204, "one is forgotten")
    until(lambda: labels(b, "10.98.0.1") is None, "at the other, too")


def cut_off(a, b):
    revision = a.get("/fleet")["revision"]
    kept = document(b)
    b.cable(False)
    fleet = until(lambda: (lambda f: f if not f["connected"] else None)(b.get("/fleet")), "it says that it is cut off", 30)
    check(fleet["trouble"] != "" and not fleet["in_step"], f"its status: {fleet}")
    b.event("alert", b_kind="anomaly", seconds=20)
    b.logged("cut off from the fleet")
    until(lambda: not member(a, "b")["connected"], "the other sees it gone", 30)
    status, answer = put(b, policy(RULES[:1]))
    same((status, answer["type"]), (503, "urn:bulkhead:problem:cut-off"), f"a commit while cut off ({answer})")
    check("cut off" in answer["detail"], f"its words: {answer}")
    same(b.request("POST", "/policy/rollback", {"revision": 1})[0], 503, "a rollback while cut off")
    check(document(b) == kept, "its policy stays")
    out = run("env", f"BULKHEAD_TOKEN_FILE={b.dir}/token", f"{BUILD}/bulkheadctl", "doctor", "-c", b.config_path, ns=b.ns, ok=False)
    check("fleet" in out.stdout and "cut off" in out.stdout, f"doctor: {out.stdout}")

    same(put(a, policy(RULES[:2]))[0], 200, "the fleet goes on")
    same(put(a, policy(RULES[:5]))[0], 200, "the fleet goes on")
    same(b.request("PUT", "/endpoints/10.99.0.78", {"labels": {"app": "apart"}})[0], 201, "a push at the one that is cut off")
    same(a.request("DELETE", "/endpoints/10.99.0.77")[0], 204, "one is forgotten meanwhile")
    b.kill()
    b.start()
    check(document(b) == kept, "its policy stays over a restart")
    same(b.request("PUT", "/endpoints/10.99.0.79", {"labels": {"app": "apart"}})[0], 201, "another push")
    b.cable(True)
    in_step([a, b], revision + 2, 60)
    same_document([a, b])
    same([r["revision"] for r in b.get("/policy/revisions")["items"]][:3], [revision + 2, revision + 1, revision], "its list")
    b.logged("connected to the fleet")
    until(lambda: labels(b, "10.99.0.77") is None, "what was forgotten meanwhile")
    until(lambda: labels(a, "10.99.0.79") == {"app": "apart"}, "what was pushed meanwhile")


def unconfirmed(a, b):
    """Cut off while a revision waits: taken back there alone; and the fleet, which confirmed it, has the last word."""
    revision = a.get("/fleet")["revision"]
    before = document(b)
    same(put(a, policy(EVERYTHING), "?confirm=15s")[0], 200, "a commit that waits")
    in_step([a, b], revision + 1)
    confirmed = document(b)
    b.cable(False)
    until(lambda: document(b) == before, "it is taken back where nobody can be asked", 60)
    b.event("bulkhead", b_event="policy_loaded")
    until(lambda: document(a) == before, "and by the others")
    b.cable(True)
    in_step([a, b], None, 60)
    same_document([a, b])

    revision = a.get("/fleet")["revision"]
    same(put(a, policy(EVERYTHING), "?confirm=15s")[0], 200, "another that waits")
    in_step([a, b], revision + 1)
    b.cable(False)
    same(a.request("POST", "/policy/confirm", {})[0], 200, "confirmed, but not heard of there")
    until(lambda: document(b) == before, "it is taken back where nobody can be asked", 60)
    b.cable(True)
    in_step([a, b], None, 60)
    same((document(a), document(b)), (confirmed, confirmed), "what was confirmed is in force at both")


def test():
    make()
    etcd = Etcd(3)
    fleet = {"endpoints": etcd.urls(), "ttl": "3s"}
    a = Gateway(policy(RULES), name="a", store={"path": "store.db"}, fleet=dict(fleet, name="a")).start()
    until(lambda: a.get("/fleet")["in_step"], "the first gateway gives its policy")
    b = Door(2, policy(RULES), name="b", store={"path": "store.db"}, fleet=dict(fleet, name="b")).start()
    in_step([a, b], 1)
    Server("redis", 6379)
    same(attempt("web", "redis", 6379, timeout=20), "open", "traffic")

    one_member_killed(etcd, a, b)
    endpoints(a, b)
    cut_off(a, b)
    unconfirmed(a, b)

    reloads = b.get("/fleet")["reloads"]
    b.cable(False)
    until(lambda: not b.get("/fleet")["connected"], "cut off", 30)
    for i in range(3):
        same(put(a, policy(RULES[: 2 + i]))[0], 200, "the fleet goes on")
    etcd.ctl("compact", etcd.ctl("get", "/test", "-w", "fields").split('"Revision" : ')[1].split()[0])
    b.cable(True)
    in_step([a, b], None, 60)
    same_document([a, b])
    check(b.get("/fleet")["reloads"] > reloads, "all was read again")

    same(put(a, policy(RULES))[0], 200, "a policy that speaks of redis")
    in_step([a, b])
    for i in range(3):
        etcd.kill(i)
    until(lambda: not a.get("/fleet")["connected"] and not b.get("/fleet")["connected"], "all are cut off", 30)
    same(attempt("web", "redis", 6379, timeout=20), "open", "traffic without etcd")
    same(attempt("batch", "redis", 6379), "timeout", "what is denied stays denied")
    for i in range(3):
        etcd.start(i)
    in_step([a, b], None, 90)
    say("etcd gone and back")
    a.stop()
    b.stop()


main(test)
