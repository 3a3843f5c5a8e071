"""What was learned at one door is known at the others: a conversation at gateway A is among B's, proposed there, and protected by
the policy that both share."""

from lib.check import check, main, same, until
from lib.fleet import Door, Etcd, in_step
from lib.gateway import Gateway
from lib.wire import addr, connect, make, spawn

PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"


def ping():
    with connect("web", "redis", 6379) as c:
        c.sendall(PING)
        same(c.recv(64), PONG, "an answer of redis")


def conversation(gateway):
    return next((c for c in gateway.get("/conversations")["items"]
                 if (c["from"], c["to"], c["application"]) == ("web.shop", "redis.shop", "redis")), None)


def test():
    make()
    etcd = Etcd()
    more = {"mode": "discover", "store": {"path": "store.db"}, "learning": {"segments": True, "look": "200ms"}}
    fleet = {"endpoints": etcd.urls(), "ttl": "3s"}
    a = Gateway(policy="", name="a", fleet=dict(fleet, name="a"), **more).start()
    b = Door(2, policy="", name="b", fleet=dict(fleet, name="b"), **more).start()
    for host in ("web", "redis"):
        same(a.request("PUT", f"/endpoints/{addr(host)}", {"labels": {"service": host, "namespace": "shop"}})[0], 201, host)
    until(lambda: a.get("/fleet")["revision"] != 0, "segments by themselves")
    in_step([a, b])
    until(lambda: len(b.get("/segments")["items"]) >= 4, "segments of both, at the other gateway")
    redis = spawn("redis-server", "--port", "6379", "--bind", addr("redis"), "--save", "", "--appendonly", "no",
                  "--protected-mode", "no", ns="cde")
    until(lambda: ping_works(), "redis")
    for _ in range(3):
        ping()
    seen = until(lambda: conversation(a), "the conversation where it was")
    check(seen["learned"], f"learned: {seen}")
    there = until(lambda: conversation(b), "the same at the other gateway", 40)
    check(there["learned"], f"learned there: {there}")
    until(lambda: any("redis" in r["applications"] for r in b.get("/learned")["rules"]), "it is proposed there")
    until(lambda: conversation(b)["sessions"] == conversation(a)["sessions"], "the same figures", 60)

    b.kill()
    b.start()
    check(conversation(b) is not None, "known after a restart")
    redis.kill()
    a.stop()
    b.stop()


def ping_works():
    try:
        ping()
        return True
    except OSError:
        return False


main(test)
