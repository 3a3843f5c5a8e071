"""The map is readable and smooth in a real browser: with 20 and with 500 segments that really talk."""

import os
import socket
import ssl
import threading

from lib.browser import browse, need
from lib.check import main, until
from lib.gateway import DIR, Gateway, policy, rule
from lib.services import certificate
from lib.wire import inside, make, run

NAMES = {"shop": ["storefront", "mobile-api", "checkout", "search", "reviews"], "orders": ["orders-api", "shipping", "invoices", "stock", "mail"],
         "data": ["orders-db", "session-cache", "search-index", "events", "backup"], "payments": ["gateway-psp", "card-vault", "fraud", "ledger", "hsm"]}
#: who opens a connection to whom, and with what
TALKS = [("storefront", "session-cache", "redis"), ("storefront", "search-index", "http"), ("mobile-api", "session-cache", "redis"),
         ("checkout", "card-vault", "tls"), ("checkout", "fraud", "http"), ("orders-api", "orders-db", "memcached"),
         ("orders-api", "ledger", "tls"), ("shipping", "orders-db", "memcached"), ("invoices", "ledger", "tls"), ("stock", "events", "http"),
         ("search", "search-index", "http"), ("reviews", "session-cache", "redis"), ("reviews", "card-vault", "redis"), ("mail", "events", "http")]
SAYS = {"redis": (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"), "http": (b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        "memcached": (b"get a\r\n", b"END\r\n")}
PORTS = {"redis": 6379, "http": 80, "memcached": 11211, "tls": 443}


def address(side, i):
    return f"10.{101 if side == 'shop' else 102}.{i // 200}.{i % 200 + 1}"


def roads():
    """Each end owns a whole network, and finds the other's on the wire."""
    for ns, own, other in (("shop", 101, 102), ("cde", 102, 101)):
        run("ip", "route", "add", "local", f"10.{own}.0.0/16", "dev", "lo", ns=ns)
        run("ip", "route", "add", f"10.{other}.0.0/16", "dev", "eth0", "src", f"10.{own}.0.1", ns=ns)


def serve(app, context):
    def one(sock):
        try:
            if app == "tls":
                sock = context.wrap_socket(sock, server_side=True)
            while sock.recv(4096):
                sock.sendall(SAYS.get(app, (b"", b"ok"))[1] * 20)
        except OSError:
            pass

    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    with inside("cde"):
        listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", PORTS[app]))
    listener.listen(200)
    threading.Thread(target=accept, daemon=True).start()


def say(source, target, app, context, times):
    with inside("shop"):
        s = socket.socket()
    s.bind((source, 0))
    s.settimeout(10 if times else 0.2)
    try:
        s.connect((target, PORTS[app]))
        if app == "tls":
            s = context.wrap_socket(s, server_hostname="e2e.test")
        for _ in range(times):
            s.sendall(SAYS.get(app, (b"hello", b""))[0])
            s.recv(65536)
    except OSError:
        pass
    s.close()


def document(where, zones, rules):
    d = policy(rules, endpoints=[{"address": a, "labels": {"app": name}} for name, a in where.items()],
               segments={name: {"selector": f"app={name}"} for name in where})
    d["zones"] = {zone: {"segments": names} for zone, names in zones.items()}
    return d


def shop():
    where = {name: address("shop" if zone in ("shop", "orders") else "cde", i)
             for i, (zone, name) in enumerate((z, n) for z, names in NAMES.items() for n in names)}
    rules = [rule("never-cards", "reviews", "card-vault", None, "deny"), rule("all", "any", "any", None)]
    return where, NAMES, rules, TALKS


def crowd():
    where = {f"{'app' if i < 250 else 'svc'}-{i:03}": address("shop" if i < 250 else "cde", i) for i in range(500)}
    names, apps = list(where), list(PORTS)
    zones = {f"zone-{chr(97 + z)}": names[z * 25:z * 25 + 25] for z in range(20)}
    talks = [(names[i], names[250 + (i * 7 + k * 31) % 250], apps[(i + k) % 4]) for i in range(250) for k in range(3)]
    rules = [rule("never", ["app-010", "app-011"], "any", None, "deny"), rule("all", "any", "any", None)]
    return where, zones, rules, talks


def look(name, plan, steps, dark):
    where, zones, rules, talks = plan()
    gateway = Gateway(document(where, zones, rules), name=name, learning={"record": True}, store={"path": "store.db"}).start()
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    denied = {"reviews": "card-vault", "app-010": None, "app-011": None}
    for i, (a, b, app) in enumerate(talks):
        refused = a in denied and denied[a] in (None, b)
        say(where[a], where[b], app, client, 0 if refused else 1 + (i * 37 % 11) ** 2 if len(where) < 60 else 1)
    until(lambda: gateway.get("/conversations?limit=1000")["conversations"] >= len(talks) * 0.9, "conversations")
    browse(name, [["open", "map"], ["map", {"segments": len(where), "edges": int(len(talks) * 0.9)}], ["accessible", None],
                  ["shot", name], *steps], dark=dark)
    gateway.stop()


def test():
    need()
    make()
    roads()
    path = os.path.join(DIR, "tls")
    os.makedirs(path, exist_ok=True)
    certificate(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{path}/cert.pem", f"{path}/key.pem")
    for app in PORTS:
        serve(app, context)
    look("map-20", shop, [["fill", ["#map-find", "session"]], ["click", ".segments button"], ["shot", "map-20-chosen"]], False)
    look("map-500", crowd, [["drag", None], ["fill", ["#map-find", "app-011"]], ["click", ".segments button"], ["shot", "map-500-chosen"]], True)


if __name__ == "__main__":
    main(test)
