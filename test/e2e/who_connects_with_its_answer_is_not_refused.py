"""A segment by DNS name: 200 clients that never asked before, at once and then one by one, each ask for a name of their own and send
their SYN the moment they have the answer. None is refused: the answer waits until its address is in force. With
`names.hold: 0ms` some are."""

import selectors
import socket
import threading
import time

from lib.check import check, main, same
from lib.gateway import Gateway, policy, rule
from lib.wire import addr, inside, mac, make, run, udp
from names_are_learned_from_answers_that_were_asked_for import query, record, reply

CLIENTS = 200
SEGMENTS = {"web": {"selector": "app=web"}, "redis": {"selector": "app=redis"}, "bank": {"names": ["*.bank.test"]}}
RULES = [rule("dns", "web", "redis", "udp/53"), rule("bank", "web", "bank", "tcp/8080")]


def address(i):
    return f"10.99.7.{i + 1}"


def addresses():
    """An address of its own for each name, in the server's namespace. Neighbours are known: a kernel keeps few packets while it
    asks for one."""
    run("ip", "addr", "add", "10.99.7.254/24", "dev", "eth0", ns="shop")
    for to in [addr("redis"), *(address(i) for i in range(CLIENTS))]:
        run("ip", "neigh", "replace", to, "lladdr", mac("cde"), "dev", "eth0", ns="shop")
    run("ip", "neigh", "replace", addr("web"), "lladdr", mac("shop"), "dev", "eth0", ns="cde")
    for i in range(CLIENTS):
        run("ip", "addr", "add", address(i) + "/24", "dev", "eth0", ns="cde")


class Resolver(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.sock = udp("redis", 53, 4, 60)
        self.start()

    def run(self):
        while True:
            try:
                q, peer = self.sock.recvfrom(2048)
            except OSError:
                return
            i = int(q[13:13 + q[12]].decode()[1:]) % CLIENTS
            owner = q[13:13 + q[12]].decode() + ".bank.test"
            self.sock.sendto(reply(q, [record(owner, 1, 300, socket.inet_aton(address(i)))]), peer)


def listen():
    with inside("cde"):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("0.0.0.0", 8080))
    s.listen(512)
    threading.Thread(target=serve, args=(s,), daemon=True).start()
    return s


def serve(s):
    while True:
        try:
            s.accept()[0].close()
        except OSError:
            return


def connect_at_once(family, target):
    with inside("shop"):
        s = socket.socket(family, socket.SOCK_STREAM)
    s.setblocking(False)
    s.bind((addr("web"), 0))
    s.connect_ex((target, 8080))
    return s


def clients(prefix):
    """How long each connection took, from its SYN to the server's answer."""
    asking, took, ready = {}, [], selectors.DefaultSelector()
    socks = [udp("web", 0, 4, 10) for _ in range(CLIENTS)]
    for i, s in enumerate(socks):
        ready.register(s, selectors.EVENT_READ, i)
        s.sendto(query(1000 + i, f"{prefix}{i}.bank.test", 1), (addr("redis"), 53))
    end = time.monotonic() + 60
    while len(took) < CLIENTS and time.monotonic() < end:
        for key, _ in ready.select(1):
            if key.data is not None:
                key.fileobj.recv(2048)
                ready.unregister(key.fileobj)
                begun = time.monotonic()
                s = connect_at_once(socket.AF_INET, address(key.data))
                ready.register(s, selectors.EVENT_WRITE, None)
                asking[s] = begun
            else:
                took.append(time.monotonic() - asking[key.fileobj])
                same(key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "the connection")
                ready.unregister(key.fileobj)
    for s in [*socks, *asking]:
        s.close()
    return took


def one_by_one(prefix, n, seconds):
    """Between the answer and the SYN lie microseconds. Returns how many connected within so many seconds."""
    connected, asking = 0, udp("web", 0, 4, 10)
    with inside("shop"):
        socks = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(n)]
    for i, s in enumerate(socks):
        s.bind((addr("web"), 0))
        s.settimeout(seconds)
        target = (address(i), 8080)
        asking.sendto(query(5000 + i, f"{prefix}{i}.bank.test", 1), (addr("redis"), 53))
        asking.recv(2048)
        try:
            s.connect(target)
            connected += 1
        except TimeoutError:
            pass
        s.close()
    asking.close()
    return connected


def refused(gateway):
    return gateway.stats()["total"]["dropped"]


def test():
    make()
    addresses()
    server = listen()
    Resolver()
    known = [e for e in policy()["endpoints"] if e["labels"]["app"] in ("web", "redis")]
    document = policy(RULES, known, SEGMENTS)
    names = {"resolvers": [addr("redis")], "resolve": False, "hold": "2s"}  # the time of a core that has other work, too
    gateway = Gateway(document, names=names).start()
    took = clients("a")
    same(len(took), CLIENTS, f"connections; {gateway.stats()['total']}")
    same(refused(gateway), 0, "packets refused")
    stats = gateway.stats()["total"]
    check(stats["names_held"] >= CLIENTS, f"answers that waited: {stats['names_held']}")
    same(stats.get("exceptions", {}).get("names_late", 0), 0, "answers that waited too long")
    print(f"{CLIENTS} clients, slowest connection {max(took) * 1000:.1f} ms, refused 0")
    held = stats["names_held"]
    # The same names again say nothing new.
    same(len(clients("a")), CLIENTS, "connections")
    same(gateway.stats()["total"]["names_held"], held, "answers that waited the second time")
    same(one_by_one("c", CLIENTS, 10), CLIENTS, "connections one by one")
    same(refused(gateway), 0, "packets refused")
    gateway.stop()
    gateway = Gateway(document, name="unheld", names=names | {"hold": "0ms"}).start()
    one_by_one("d", 20, 0.1)
    check(refused(gateway) > 0, "without waiting some are refused, or this test shows nothing")
    print(f"without waiting: {refused(gateway)} of 20 SYNs refused")
    gateway.stop()
    server.close()


if __name__ == "__main__":
    main(test)
