"""What was learned at one door is known at the others: a conversation at gateway A is among B's, proposed there, and protected by
the policy that both share. All that over TLS with client certificates and a password of etcd's, which is another one after a while."""

import os

from lib.check import check, main, same, until
from lib.fleet import Door, Etcd, in_step
from lib.gateway import DIR, Gateway, write
from lib.wire import addr, connect, make, run, spawn

PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"


def ping():
    with connect("web", "redis", 6379) as c:
        c.sendall(PING)
        same(c.recv(64), PONG, "an answer of redis")


def conversation(gateway):
    return next((c for c in gateway.get("/conversations")["items"]
                 if (c["from"], c["to"], c["application"]) == ("web.shop", "redis.shop", "redis")), None)


def new_password(etcd, path, gateways):
    """Etcd forgets its tokens with its end: who is to be let in again needs the password that holds by then."""
    stranger = run("curl", "-s", "--cacert", etcd.path("ca.crt"), f"{etcd.urls()[0]}/version", ok=False)
    check(stranger.returncode != 0, f"who has no certificate is let in: {stranger.stdout}")
    etcd.ctl("user", "passwd", "bulkhead", "--interactive=false", said="second-password")
    write(path, "second-password\n")
    etcd.kill(0)
    until(lambda: all(not g.get("/fleet")["connected"] for g in gateways), "etcd is away", 60)
    etcd.start(0, fresh=False)
    until(lambda: all(g.get("/fleet")["connected"] for g in gateways), "all are let in with the new password", 60)
    in_step(gateways, seconds=60)
    for g in gateways:
        check("-password" not in g.log().replace("etcd-password", ""), "no password is in the log")


def test():
    make()
    etcd = Etcd(secure=True)
    etcd.with_passwords("first-password")
    password = os.path.join(DIR, "etcd-password")
    write(password, "first-password\n")
    os.chmod(password, 0o600)
    more = {"mode": "discover", "store": {"path": "store.db"}, "learning": {"segments": True, "look": "200ms"}}
    fleet = {"endpoints": etcd.urls(), "ttl": "3s", "user": "bulkhead", "password_file": password,
             "tls": {"ca": etcd.path("ca.crt"), "certificate": etcd.path("client.crt"), "key": etcd.path("client.key")}}
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
    until(lambda: conversation(b), "known after a restart, from its file or from the fleet", 60)
    new_password(etcd, password, [a, b])
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
