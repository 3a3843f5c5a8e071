"""Without a policy: endpoints fall into segments, what they do is learned, and after the quiet time they are protected by
themselves. What they did still works, also over connections that stayed open; anything else is blocked and told by name; no
rule was written by hand. It survives kill -9, and a learned rule can be adopted."""

import signal

from lib.check import check, same, main, until
from lib.gateway import BUILD, Gateway, write
from lib.wire import addr, attempt, connect, make, run, spawn

OUTSIDE, OTHER = "203.0.113.50", "203.0.113.51"
PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"


def services():
    for address in (OUTSIDE, OTHER):
        run("ip", "addr", "add", f"{address}/32", "dev", "eth0", ns="cde")
    run("ip", "route", "add", "203.0.113.0/24", "dev", "eth0", ns="shop")
    keep = [spawn("redis-server", "--port", "6379", "--bind", addr("redis"), "--save", "", "--appendonly", "no",
                  "--protected-mode", "no", ns="cde")]
    for host, port in ((addr("cards"), 8080), (OUTSIDE, 8080), (OTHER, 8080)):
        keep.append(spawn("python3", "-m", "http.server", "--bind", host, port, "--directory", "/run", ns="cde"))
    until(lambda: len(run("ss", "-Hltn", ns="cde").splitlines()) >= 4, "servers listen")
    return keep


def ask(src, dst, port, what, want):
    with connect(src, dst, port) as c:
        c.sendall(what)
        got = c.recv(256)
    check(got.startswith(want), f"{src} to {dst}: {got!r}")


def http(src, dst):
    ask(src, dst, 8080, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"HTTP/1.0 200")


def usual():
    """All that the shop does."""
    ask("web", "redis", 6379, PING, PONG)
    http("web", "cards")
    http("web", OUTSIDE)
    http("batch", "cards")


def silent(src, dst, port, what):
    """What is not allowed brings no answer."""
    try:
        with connect(src, dst, port, timeout=4) as c:
            c.settimeout(3)
            c.sendall(what)
            return c.recv(64)
    except (TimeoutError, ConnectionError):
        return b""


def blocked(gateway):
    """A new peer, a new application on a known port, a new address outside: nothing comes back, and both ends have names."""
    same(attempt("batch", "redis", 6379), "timeout", "a new peer")
    same(silent("web", "redis", 6379, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), b"", "a new application on a known port")
    same(attempt("web", OTHER, 8080), "timeout", "a new address outside")
    same(attempt("web", "cards", 22), "timeout", "a new port")
    for src, dst, port, names in (("batch", addr("redis"), 6379, ("batch.shop", "redis.shop")),
                                  ("web", addr("redis"), 6379, ("web.shop", "redis.shop")),
                                  ("web", OTHER, 8080, ("web.shop", "external")),
                                  ("web", addr("cards"), 22, ("web.shop", "cards.shop"))):
        alert = gateway.event("alert", src_ip=addr(src), dest_ip=dst, dest_port=port, b_verdict="deny",
                              b_src_segment=names[0], b_dst_segment=names[1])
        same(alert["alert"]["action"], "blocked", f"{src} to {dst}")


def modes(gateway):
    return {s["name"]: s["mode"] for s in gateway.get("/learned")["segments"]}


def test():
    make()
    keep = services()
    gateway = Gateway(policy="", mode="discover", store={"path": "store.db"},
                      learning={"promote": "protect", "quiet": "8s", "monitor": "1s", "look": "200ms"}).start()
    for host in ("web", "batch", "redis", "cards"):
        same(gateway.request("PUT", f"/endpoints/{addr(host)}", {"labels": {"service": host, "namespace": "shop"}})[0],
             201, f"the endpoint of {host}")
    until(lambda: len(modes(gateway)) == 4, "segments by themselves")
    stays = connect("web", "redis", 6379)
    stays.sendall(PING)
    same(stays.recv(64), PONG, "a connection that stays")
    usual()
    until(lambda: set(modes(gateway).values()) == {"protect"}, "all segments are protected", 60)
    usual()
    stays.sendall(PING)
    same(stays.recv(64), PONG, "the connection that stayed")
    blocked(gateway)
    # Those that are quiet at the same look share an event; which these are is the machine's pace.
    until(lambda: [e for e in gateway.events("bulkhead") if e["bulkhead"]["event"] == "promoted"
                   and "web.shop to" in e["bulkhead"]["detail"]], "the event of a promotion")
    same({r["origin"] for r in gateway.get("/rules")["items"]}, {"learned"}, "rules by their origin")
    authors = {r["author"] for r in gateway.get("/policy/revisions")["items"]}
    same(authors, {"gateway"}, "who made the revisions")
    check(any(e["action"] == "segment.mode" for e in gateway.get("/audit")["items"]), "promotions in the audit log")

    gateway.kill(signal.SIGKILL)
    gateway.start()
    for host in ("web", "batch", "redis", "cards"):
        gateway.request("PUT", f"/endpoints/{addr(host)}", {"labels": {"service": host, "namespace": "shop"}})
    usual()
    same(attempt("batch", "redis", 6379), "timeout", "a new peer after kill -9")
    check(len(gateway.get("/conversations?seen=learned")["items"]) >= 4, "conversations after kill -9")

    env = {"BULKHEAD_TOKEN_FILE": f"{gateway.dir}/token"}
    out = run("env", *[f"{k}={v}" for k, v in env.items()], f"{BUILD}/bulkheadctl", "adopt", "all")
    check("is in force" in out, f"adopt: {out}")
    same({r["origin"] for r in gateway.get("/rules")["items"]}, {"written"}, "adopted rules by their origin")
    usual()
    same(attempt("batch", "redis", 6379), "timeout", "a new peer after adopting")

    draft = f"{gateway.dir}/draft.yaml"
    write(draft, {"version": 1, "learned": {}})
    out = run("env", *[f"{k}={v}" for k, v in env.items()], f"{BUILD}/bulkheadctl", "whatif", draft, ok=False)
    same(out.returncode, 1, f"a draft without rules changes something: {out.stdout}")
    check("redis.shop" in out.stdout and "deny" in out.stdout, f"what it would change: {out.stdout}")
    usual()
    gateway.stop()
    del keep


main(test)
