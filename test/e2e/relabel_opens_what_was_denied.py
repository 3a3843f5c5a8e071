"""A connection attempt that was denied succeeds as soon as labels allow it, without being started again."""

import threading

from lib.check import check, main, same, until
from lib.gateway import Gateway
from lib.wire import Server, addr, attempt, connect, make, silent, udp


def test():
    make()
    gateway = Gateway().start()
    for family in (4, 6):
        server = Server("redis", 6379, family)
        gateway.label(addr("web", family), app="nobody")
        same(attempt("web", "redis", 6379, family), "timeout", "without the label")
        result = []
        pending = threading.Thread(target=lambda: result.append(connect("web", "redis", 6379, family, 60)))
        denied = gateway.dropped_by("policy")
        pending.start()
        until(lambda: gateway.dropped_by("policy") > denied, "its first SYN is dropped")
        gateway.label(addr("web", family), app="web")
        pending.join(60)
        check(result, "the attempt that was waiting gets through with its next SYN")
        result[0].sendall(b"x")
        same(result[0].recv(1), b"x", "data over it")
        same(attempt("web", "redis", 6379, family, 20), "open", "a new one")
        del server

        # The same for a flow without connections, by the label of its destination.
        rx, tx = udp("redis", 6379, family), udp("web", 0, family)
        gateway.label(addr("redis", family), app="nobody")
        tx.sendto(b"early", (addr("redis", family), 6379))
        silent(rx, "a denied datagram")
        rx.settimeout(20)
        gateway.label(addr("redis", family), app="redis")
        tx.sendto(b"late", (addr("redis", family), 6379))
        same(rx.recv(16), b"late", "the next datagram of the same flow")
    gateway.stop()


main(test)
