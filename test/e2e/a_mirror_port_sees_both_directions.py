"""A port that a switch mirrors to gets both directions of each connection, and recognises it as if it stood between: the other
end of the pair leads nowhere (docs/deploy.md)."""

import socket

from lib.check import main, same, until
from lib.gateway import Gateway, policy
from lib.wire import addr, inside, make, run

GET = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
ANSWER = b"$1\r\nx\r\n"


def conversation(client, server):
    """A redis client's connection as a mirror shows it, both directions mixed."""
    from scapy.all import IP, TCP, Ether, Raw

    def frame(forth, flags, seq, ack, data=b""):
        src, dst, sport, dport = (client, server, 4000, 6379) if forth else (server, client, 6379, 4000)
        mac = ("02:00:00:00:00:01", "02:00:00:00:00:02")
        return bytes(Ether(src=mac[not forth], dst=mac[forth]) / IP(src=src, dst=dst) /
                     TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack) / Raw(data))

    mine, its = 2 + len(GET), 101 + len(ANSWER)
    return [frame(True, "S", 1, 0), frame(False, "SA", 100, 2), frame(True, "A", 2, 101),
            frame(True, "PA", 2, 101, GET), frame(False, "PA", 101, mine, ANSWER),
            frame(True, "FA", mine, its), frame(False, "FA", its, mine + 1), frame(True, "A", mine + 1, its + 1)]


def test():
    make()
    run("ip", "link", "add", "sink0", "type", "veth", "peer", "name", "sink1")
    for name in ("sink0", "sink1"):
        run("ip", "link", "set", name, "up")
    gateway = Gateway(policy([]), mode="discover", flows={"midstream": True},
                      ports=[{"name": "mirror", "device": "packet:shop0"}, {"name": "nowhere", "device": "packet:sink0"}],
                      pairs=[{"name": "mirror", "outside": "mirror", "inside": "nowhere"}]).start()
    frames = conversation(addr("web", 4), addr("redis", 4))
    with inside("shop"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("eth0", 0))
        for f in frames:
            s.send(f)
    until(lambda: gateway.total()["forwarded"] >= len(frames), "all frames were looked at")
    gateway.stop()
    flow, = gateway.events("flow")
    same((flow["src_ip"], flow["dest_ip"], flow["app_proto"]), (addr("web", 4), addr("redis", 4), "redis"), "who, to whom, what")
    same((flow["flow"]["pkts_toserver"], flow["flow"]["pkts_toclient"]), (5, 3), "both directions")
    same(flow["bulkhead"]["verdict"], "allow", "nothing is blocked")


main(test)
