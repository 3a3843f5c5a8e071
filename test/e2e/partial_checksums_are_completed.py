"""Local senders leave checksums to a NIC that does not exist: they leave the gateway complete, with nothing tuned."""

import logging

from lib.check import check, main, same, say
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Iperf
from lib.wire import Capture, make, run

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402


def wrong_checksums(frames):
    """Frames whose TCP or UDP checksum is not what it should be."""
    wrong = 0
    for _, data in frames:
        f = Ether(data)
        l3 = IP if IP in f else IPv6
        l4 = TCP if TCP in f else UDP
        if l3 not in f or l4 not in f:
            continue
        had = f[l4].chksum
        del f[l4].chksum
        again = Ether(bytes(f))[l4].chksum
        wrong += had != again and had != 0
    return wrong


def test():
    make()
    check("tx-checksumming: on" in run("ethtool", "-k", "eth0", ns="shop"), "the senders leave checksums out")
    gateway = Gateway(policy(EVERYTHING)).start()
    for family in (4, 6):
        for more in ((), ("-R",), ("-u", "-b", "20M", "-l", "1200")):
            seen = [Capture(ns, "port 5201", first=1000) for ns in ("cde", "shop")]
            data = Iperf("web", "redis", 5201, 2, *more, family=family).result()
            sums = data["end"].get("sum_received") or data["end"]["sum"]
            check(sums["bytes"] > 100_000, f"bytes over IPv{family} {more}: {sums['bytes']}")
            say(f"IPv{family} {' '.join(more) or 'TCP'}: {sums['bits_per_second'] / 1e6:.0f} Mbit/s")
            for capture in seen:
                same(wrong_checksums(capture.frames()), 0, "frames with a wrong checksum")
    check(gateway.total()["partial_checksums"] > 100, "checksums completed by the gateway")
    gateway.stop()


main(test)
