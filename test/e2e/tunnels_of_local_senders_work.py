"""VXLAN with checksums between local senders: ARP, pings and TCP inside it work, no checksum leaves unfinished."""

import struct

from lib.check import check, main, same, say
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Iperf
from lib.wire import HOSTS, Capture, addr, make, run, side

ENDS = ("web", "redis")
INSIDE = ("web-inside", "redis-inside")
HEADER = {4: 20, 6: 40}
FIELD = {1: 2, 6: 16, 17: 6}  # where a protocol has its checksum


def tunnel(family):
    """A VXLAN device at each end, over the addresses of web and redis."""
    for host, peer in (ENDS, ENDS[::-1]):
        ns = side(host)
        run("ip", "link", "del", "vx0", ns=ns, ok=False)
        run("ip", "link", "add", "vx0", "type", "vxlan", "id", 42, "dstport", 4789, "local", addr(host, family),
            "remote", addr(peer, family), "dev", "eth0", *(["udpcsum"] if family == 4 else
                                                             ["noudp6zerocsumtx", "noudp6zerocsumrx"]), ns=ns)
        run("ip", "addr", "add", addr(f"{host}-inside") + "/24", "dev", "vx0", ns=ns)
        run("ip", "link", "set", "vx0", "mtu", 1430, "up", ns=ns)  # 40 + 8 + 8 + 14 are around it


def total(data):
    """Ones-complement sum (RFC 1071)."""
    data += bytes(len(data) % 2)
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n > 0xffff:
        n = (n & 0xffff) + (n >> 16)
    return n


def check_l4(packet):
    """(is there a checksum, is it right, protocol, what follows the IP header) of an IP packet without options."""
    version = packet[0] >> 4
    proto = packet[9] if version == 4 else packet[6]
    end = struct.unpack_from("!H", packet, 2)[0] if version == 4 else 40 + struct.unpack_from("!H", packet, 4)[0]
    l4 = packet[HEADER[version]:end]
    pseudo = (packet[12:20] if version == 4 else packet[8:40]) + struct.pack("!II", len(l4), proto)
    # 0 says "none" in UDP alone (RFC 768); of TCP and ICMP it is as right as any, once in 65,536 packets.
    there = proto != 17 or l4[FIELD[proto]:FIELD[proto] + 2] != b"\0\0"
    return there, total((b"" if proto == 1 else pseudo) + l4) == 0xffff, proto, l4


def contents(frames):
    """How many frames have what inside. Each must be VXLAN with a checksum, and all checksums right."""
    found = {"arp": 0, 1: 0, 6: 0, 17: 0}
    for _, data in frames:
        there, right, proto, l4 = check_l4(data[14:])
        check(proto == 17 and there, f"a tunnel frame with a checksum: {data.hex()}")
        check(right, f"the tunnel's checksum is right: {data.hex()}")
        inner = l4[16:]
        if inner[12:14] == b"\x08\x06":
            found["arp"] += 1
        elif inner[12:14] == b"\x08\x00":
            there, right, proto, _ = check_l4(inner[14:])
            check(there and right, f"the checksum inside is right: {data.hex()}")
            found[proto] += 1
    return found


def judge(gateway, family):
    tunnel(family)
    seen = {ns: Capture(ns, "udp port 4789", first=600) for ns in ("shop", "cde")}
    before = gateway.total()["partial_checksums"]
    for host, peer in (INSIDE, INSIDE[::-1]):
        out = run("ping", "-n", "-c", 3, "-i", "0.2", "-W", 5, addr(peer), ns=side(host), ok=False, timeout=60)
        same(out.returncode, 0, f"ping from {host} to {peer}: {out.stdout}")
    for more in (("-u", "-b", "1M", "-l", "1200"), (), ("-R",)):
        data = Iperf(*INSIDE, 5201, 1, *more).result()
        sums = data["end"].get("sum_received") or data["end"]["sum"]
        check(sums["bytes"] > 50_000, f"bytes inside, {more}: {sums['bytes']}")
        say(f"over IPv{family} {' '.join(more) or 'TCP'}: {sums['bits_per_second'] / 1e6:.0f} Mbit/s")
    for ns, capture in seen.items():
        found = contents(capture.frames())
        say(f"to {ns}: {found}")
        check(all(found.values()), f"ARP, ping, TCP and UDP came to {ns}: {found}")
    check(gateway.total()["partial_checksums"] > before + 100, "checksums completed by the gateway")


def corrupt(ns):
    """What the kernel took for corrupt, by counter."""
    names = ("UdpInCsumErrors", "Udp6InCsumErrors", "TcpInCsumErrors", "IcmpInCsumErrors")
    fields = [line.split() for line in run("nstat", "-asz", *names, ns=ns).splitlines()]
    return {f[0]: int(f[1]) for f in fields if f[0] in names}


def test():
    make()
    for last, host in enumerate(ENDS, 1):
        HOSTS[f"{host}-inside"] = (side(host), f"10.98.0.{last}")
        check("tx-checksumming: on" in run("ethtool", "-k", "eth0", ns=side(host)), f"{host} leaves checksums out")
    for kind in ("iface", "packet"):
        gateway = Gateway(policy(EVERYTHING), name=kind,
                          ports=[{"name": s, "device": f"{kind}:{s}0"} for s in ("shop", "cde")]).start()
        say(f"drivers: {sorted({p['driver'] for p in gateway.stats()['ports']})}")
        for family in (4, 6):
            judge(gateway, family)
        for ns in ("shop", "cde"):
            found = corrupt(ns)
            check(len(found) == 4 and not any(found.values()), f"{ns} took nothing for corrupt: {found}")
        same(gateway.stop()["dropped"].get("l4_checksum", 0), 0, "packets that the gateway took for corrupt")


main(test)
