"""MTUs above 1500: 3300 by AF_XDP in one buffer, 9000 by AF_PACKET; full-size packets pass, larger ones cannot come."""

import sys

from lib.check import check, main, same
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Iperf
from lib.wire import addr, make, run


def ping_size(size):
    """Pings of this IP length that may not be fragmented."""
    done = run("ping", "-n", "-c", 3, "-i", "0.2", "-W", 10, "-M", "do", "-s", size - 28, "-I", addr("web"),
               addr("redis"), ns="shop", ok=False)
    check(done.returncode == 0 and " 0% packet loss" in done.stdout, f"pings of {size} bytes:\n{done.stdout}")


def at(mtu, memory):
    for where, device in (("shop", "eth0"), ("cde", "eth0"), (None, "shop0"), (None, "cde0")):
        run("ip", "link", "set", device, "mtu", mtu, ns=where)
    gateway = Gateway(policy(EVERYTHING), name=f"mtu-{mtu}", memory=memory).start()
    ports = gateway.stats()["ports"]
    same([p["mtu"] for p in ports], [mtu, mtu], "MTU of the ports")
    for size in (1500, mtu - 1, mtu):
        ping_size(size)
    data = Iperf("web", "redis", 5201, 3).result()
    check(data["end"]["sum_received"]["bytes"] > 1e6, "TCP at this MTU")
    same(gateway.dropped("oversize"), 0, "oversize drops")
    gateway.stop()
    return [p["driver"] for p in ports]


def test():
    make()
    drivers = at(3300, {"mbuf_size": 3648})
    drivers += at(9000, {"mbuf_size": 9216})
    print("drivers:", *drivers, file=sys.stdout)


main(test)
