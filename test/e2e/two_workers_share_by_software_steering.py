"""Two workers on ports with one queue: packets meet their flow's worker over rings, and the log says so."""

from lib.check import check, main, same, say
from lib.gateway import EVERYTHING, Gateway, need_cores, policy
from lib.pump import Iperf
from lib.wire import Server, connect, make, run


def many_pairs():
    """Connections between many pairs of addresses: a pair stays on one worker."""
    server = Server("redis", 5300)
    for n in range(30, 46):
        run("ip", "addr", "add", f"10.99.0.{n}/24", "dev", "eth0", ns="shop")
        with connect(f"10.99.0.{n}", "redis", 5300) as c:
            c.sendall(b"to and fro")
            same(c.recv(64), b"to and fro", f"over a connection from 10.99.0.{n}")
    del server


def test():
    need_cores(2)
    make()
    gateway = Gateway(policy(EVERYTHING),
                      cores={"control": 0, "workers": [0, 1], "share": True, "idle": "sleep"},
                      memory={"mbufs": 16384}).start()
    gateway.logged("steering.*software|software.*steering")
    same(gateway.stats()["steering"], "software", "steering as the API has it")
    many_pairs()
    for family in (4, 6):
        for more in ((), ("-R",)):
            data = Iperf("web", "redis", 5201, 3, "-P", "4", *more, family=family).result()
            received = data["end"]["sum_received"]
            check(received["bytes"] > 1e6, f"bytes over IPv{family} {more}")
            say(f"IPv{family} {' '.join(more)}: {received['bits_per_second'] / 1e6:.0f} Mbit/s")
    gateway.quiet()
    stats = gateway.stats()
    per_worker = [w["flows_opened"] for w in stats["workers"]]
    check(min(per_worker) > 0, f"each worker has had flows: {per_worker}")
    check(stats["total"]["steered"] > 0, "packets were handed over")
    # Had the two directions of a flow met different workers, one of them would be midstream there.
    same(stats["total"]["dropped_by_reason"].get("tcp_midstream"), None, "packets without their flow")
    gateway.stop()


main(test)
