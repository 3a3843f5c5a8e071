"""In discover everything passes and is recorded, without a policy; in monitor denials only raise alerts."""

from lib.check import check, main, same
from lib.gateway import Gateway
from lib.wire import Server, addr, connect, make


def test():
    make()
    keep = [Server("redis", 6379), Server("redis", 6379, 6)]
    gateway = Gateway(name="discover", policy="", mode="discover").start()
    for family in (4, 6):
        with connect("batch", "redis", 6379, family) as c:
            c.sendall(b"without a policy")
            same(c.recv(64), b"without a policy", "in discover")
    gateway.stop()
    for family in (4, 6):
        flow = gateway.event("flow", src_ip=addr("batch", family), dest_ip=addr("redis", family), dest_port=6379)
        same(flow["bulkhead"]["mode"], "discover", "the mode in the record")
        check(flow["flow"]["pkts_toserver"] >= 3 and flow["flow"]["bytes_toclient"] > 150, f"its packets: {flow}")

    gateway = Gateway(name="monitor", mode="monitor").start()
    with connect("batch", "redis", 6379) as c:
        c.sendall(b"denied, but passed")
        same(c.recv(64), b"denied, but passed", "in monitor")
    gateway.event("alert", src_ip=addr("batch"), dest_port=6379, b_verdict="deny", b_mode="monitor",
                  b_reason="rule_deny",
                  b_src_segment="batch", b_dst_segment="redis")
    same(gateway.dropped_by("policy"), 0, "packets dropped in monitor")
    gateway.stop()
    del keep


main(test)
