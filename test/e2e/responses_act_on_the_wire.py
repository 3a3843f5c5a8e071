"""What rules of responses do, seen by real clients and servers: a fifth violation within a minute blocks and a fourth does not, a
cut ends one connection on both sides and no other, what is suppressed is written nowhere but its packets are kept, and a note
is a record alone."""

import os
import socket

from lib.check import check, main, same, until
from lib.gateway import Gateway, policy, rule, write
from lib.services import find, nginx
from lib.wire import Capture, Server, addr, attempt, connect, make, run

REDIS = addr("redis")
RULES = [rule("web-redis", "web", "redis", ["tcp/80", "tcp/6379"]), rule("batch-redis", "batch", "redis", ["tcp/80"]),
         rule("admin-redis", "admin", "redis", ["tcp/80"])]
RESPONSES = {
    "version": 1,
    "rules": [
        {"id": "knocks", "on": "violation", "from": "batch", "count": 5, "within": "1m", "per": "source",
         "do": [{"action": "block", "between": "segments", "service": "any", "for": "1h"}]},
        {"id": "injection", "on": "sensor", "class": ["sqli"], "from": "web", "do": ["cut", "notify"]},
        {"id": "scanner", "on": "violation", "from": "admin", "do": ["suppress", "capture"]},
    ],
}
ATTACK = "/a?id=1'%20union%20select%20name,pass%20from%20users--%20x"


def request(sock, path):
    """Whether a request on an open connection is answered."""
    try:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return sock.recv(65536).startswith(b"HTTP/1.1 200")
    except ConnectionResetError:
        return False


def curl(host):
    done = run(find("curl"), "-sS", "-m", "4", "--interface", addr(host), f"http://{REDIS}/x", ns="shop", ok=False)
    return done.returncode == 0 and "hello from nginx" in done.stdout


def blocks(gateway):
    return gateway.get("/blocks")["items"]


def records(gateway, name):
    return [(e["bulkhead"]["action"], e["bulkhead"]["result"]) for e in gateway.events("response")
            if e["bulkhead"].get("rule") == name]


def counted_in_time(gateway):
    since = len(gateway.events("alert"))
    for n in range(4):
        same(attempt("batch", "redis", 2000 + n), "timeout", "a port that no rule allows")
    until(lambda: len(gateway.events("alert")) >= since + 4, "four violations")
    check(curl("batch"), "four are not five")
    same(blocks(gateway), [], "nothing is blocked yet")
    same(attempt("batch", "redis", 2004), "timeout", "the fifth")
    until(lambda: blocks(gateway), "a block")
    one = blocks(gateway)[0]
    same((one["from"], one["to"], one["rule"]), ("batch", "redis", "knocks"), "who, to whom, by what")
    check(not curl("batch"), "what its rule allows is blocked")
    check(gateway.dropped("blocked") > 0, "and counted by its name")
    check(curl("web"), "another source goes on")
    same(records(gateway, "knocks"), [("block", "done")], "done once")


def cut(gateway):
    other, idle, bad = connect("web", "redis", 80), connect("web", "redis", 6379), connect("web", "redis", 80)
    check(request(other, "/x") and request(bad, "/x"), "both connections work")
    port = bad.getsockname()[1]
    servers, clients = (Capture(ns, f"tcp[tcpflags] & tcp-rst != 0 and port {port}") for ns in ("cde", "shop"))
    bad.sendall(f"GET {ATTACK} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    until(lambda: ("cut", "done") in records(gateway, "injection"), "a cut")
    same(sorted(records(gateway, "injection")), [("cut", "done"), ("notify", "done")], "what was done")
    until(lambda: not request(bad, "/after"), "the connection that it was about ends")
    until(lambda: clients.count() > 0 and servers.count() > 0, "a RST to both ends")
    check(request(other, "/x"), "another connection of the same two goes on")
    idle.sendall(b"hello")
    same(idle.recv(100), b"hello", "and to another port")
    check(curl("web"), "and a new one")
    check(gateway.dropped("connection_cut") > 0, "counted by its name")
    for c in (servers, clients):
        c.frames()


def kept_of(gateway, host):
    """Evidence with a host's address in it."""
    return [name for name in (f["name"] for f in gateway.get("/evidence?limit=1000")["items"])
            if socket.inet_aton(addr(host)) in gateway.request("GET", f"/evidence/{name}")[1]]


def suppressed(gateway):
    same(kept_of(gateway, "admin"), [], "nothing is kept of who did nothing")
    same(attempt("admin", "redis", 2100), "timeout", "a port that no rule allows")
    until(lambda: kept_of(gateway, "admin"), "the packets of what is suppressed")
    # What comes later and is told says that this is not.
    since = len(gateway.events("alert"))
    same(attempt("web", "redis", 2101), "timeout", "a port that no rule allows, of another")
    gateway.event("alert", since=since, src_ip=addr("web"))
    same([e for e in gateway.events() if e.get("src_ip") == addr("admin") and e["event_type"] == "alert"], [],
         "alerts about what is suppressed")
    check(curl("admin"), "what is allowed of it passes")
    rules = {r["id"]: r for r in gateway.get("/response-rules")["items"]}
    check(rules["scanner"]["events"] >= 1, f"the rule says what it met: {rules['scanner']}")


def test():
    make()
    nginx("")(["80"])
    Server("redis", 6379)
    gateway = Gateway(policy(RULES), inspect={"sensors": "alert"}, store={"path": "store.db"},
                      evidence={"path": "evidence"}, responses={"file": "responses.yaml"})
    write(os.path.join(gateway.dir, "responses.yaml"), RESPONSES)
    gateway.start()
    until(lambda: curl("web"), "an ordinary request passes")
    counted_in_time(gateway)
    cut(gateway)
    suppressed(gateway)
    gateway.stop()


if __name__ == "__main__":
    main(test)
