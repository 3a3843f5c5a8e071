"""A client whose own port is that of VXLAN or Geneve gets its answers, whatever is in them, and nobody else gets through."""

from lib.check import main, same
from lib.gateway import Gateway
from lib.wire import addr, make, silent, udp

PORTS = (4789, 8472, 6081)


def contents():
    """Datagrams of every first byte, of 0 to 63 bytes."""
    for first in range(256):
        yield bytes([first] + [(first * 7 + i) % 256 for i in range(1, first % 64)])[:first % 64]


def test():
    make()
    gateway = Gateway().start()
    for family in (4, 6):
        server = udp("redis", 6379, family, 20)
        for port in PORTS:
            client = udp("web", port, family, 20)
            server.sendto(b"unasked", (addr("web", family), port))
            silent(client, f"nothing comes to port {port} of who has asked for nothing")
            client.sendto(b"question", (addr("redis", family), 6379))
            data, peer = server.recvfrom(64)
            same((data, peer[1]), (b"question", port), "the question")
            for answer in contents():
                server.sendto(answer, peer)
                same(client.recv(2048), answer, f"the answer to port {port} over IPv{family}")
    gateway.stop()


main(test)
