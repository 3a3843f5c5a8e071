"""A request that no list holds never arrives, those before it on the same connection do: HTTP/1 kept alive and
pipelined, HTTP/2 and gRPC by streams, TLS by name, protocol, version and fingerprint, DNS by type and name.
"""

import http.client
import re
import socket

from lib import services
from lib.check import check, main, same, say
from lib.denied import SERVER, Watch, cut, document, put, rule
from lib.gateway import Gateway
from lib.wire import inside, make, run

GONE = (OSError, http.client.HTTPException)
WEB = """
http: { methods: [GET, HEAD] }
http: { methods: POST, hosts: ["*.e2e.test"], paths: ["/api/v1/*", "~^/cart/[0-9]+$"], headers: [x-token] }
"""
# Method, path, headers; with a host of e2e.test and a token where nothing else is said.
ALLOWED = [("GET", "/any", {}), ("POST", "/api/v1/x", {}), ("POST", "/cart/12", {}), ("HEAD", "/y", {}),
           ("POST", "/api/./v1/%78", {})]
REFUSED = [("DELETE", "/api/v1/x", {}), ("POST", "/cart/12x", {}), ("POST", "/api/v1/../v2/x", {}),
           ("POST", "/api/v1/x", {"Host": "other.test"}), ("POST", "/api/v1/x", {"X-Token": None})]


def connection(port):
    with inside("shop"):
        c = http.client.HTTPConnection(SERVER, port, timeout=8)
        c.connect()
    return c


def ask(c, method, path, headers):
    """Status of a request."""
    c.putrequest(method, path, skip_host=True)
    for name, value in {"Host": "shop.e2e.test", "X-Token": "t", "Content-Length": "3", **headers}.items():
        if value is not None:
            c.putheader(name, value)
    c.endheaders(b"abc")
    r = c.getresponse()
    r.read()
    return r.status


def pipelined(gateway, port, together):
    """Requests without waiting for answers; a packet with a denied one does not arrive at all."""
    with inside("shop"):
        s = socket.create_connection((SERVER, port), timeout=8)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = [b"%s HTTP/1.1\r\nHost: a\r\n\r\n" % r for r in (b"GET /one", b"GET /two", b"DELETE /x", b"GET /third")]
    with Watch(gateway, port, [b"DELETE", b"/third"], [] if together else [b"GET /one", b"GET /two"],
               http__http_method="DELETE", http__url="/x"):
        for data in [b"".join(requests)] if together else requests:
            try:
                s.sendall(data)
            except OSError:
                break  # it has been cut already
        got = b""
        try:
            while data := s.recv(4096):
                got += data
        except OSError:
            pass
        check(b"/third" not in got, f"nothing after the denied one of a pipeline: {got}")


def http1(gateway, port):
    with Watch(gateway, port, always=[b"POST /cart/12 "]):
        c = connection(port)
        for request in ALLOWED:
            same(ask(c, *request), 200, f"{request} on a connection kept alive")
    for how in ("reset", "respond"):
        put(gateway, rule(WEB, f"action: allow\ndenied: {how}"))
        for method, path, headers in REFUSED:
            with Watch(gateway, port, [b"/never/" + method.encode(), b"x-never"], [b"GET /first"], app_proto="http",
                       http__http_method=method, http__hostname=headers.get("Host", "shop.e2e.test")):
                c = connection(port)
                same(ask(c, "GET", "/first", {}), 200, "the request before")
                never = {**headers, "X-Never": "x"}
                if how == "respond":
                    same(ask(c, method, path, never), 403, f"{method} {path}")
                    check(not c.sock or not c.sock.recv(10), "the connection ends after the 403")
                else:
                    cut(lambda c=c, m=method, p=path, n=never: ask(c, m, p, n), f"{method} {path}", *GONE)
    pipelined(gateway, port, False)
    pipelined(gateway, port, True)
    access = open(f"{services.HOME}/nginx/access.log", encoding="utf-8").read()
    check("/first" in access and "/cart/12 " in access, "the server's log has what was allowed")
    check(not re.search("DELETE|/cart/12x|/third|/v2/", access), "the server's log has nothing that was denied")


class H2:
    """A client of HTTP/2 in clear text, a connection of many streams."""

    def __init__(self, port):
        import h2.connection
        import h2.events
        self.events = h2.events
        with inside("shop"):
            self.sock = socket.create_connection((SERVER, port), timeout=8)
        self.c = h2.connection.H2Connection()
        self.c.initiate_connection()

    def start(self, method, path, *headers, body=b""):
        stream = self.c.get_next_available_stream_id()
        self.c.send_headers(stream, [(":method", method), (":path", path), (":scheme", "http"),
                                     (":authority", "shop.e2e.test"), *headers], end_stream=not body)
        if body:
            self.c.send_data(stream, body, end_stream=True)
        return stream

    def flush(self):
        self.sock.sendall(self.c.data_to_send())

    def finish(self, *streams):
        """Wait for the answers to these streams."""
        self.flush()
        left, status = set(streams), {}
        while left:
            data = self.sock.recv(65536)
            if not data:
                raise OSError("closed")
            for e in self.c.receive_data(data):
                if isinstance(e, self.events.ResponseReceived):
                    status[e.stream_id] = dict((k.decode() if isinstance(k, bytes) else k, v) for k, v in e.headers)
                if isinstance(e, (self.events.StreamEnded, self.events.StreamReset)):
                    left.discard(e.stream_id)
                if isinstance(e, self.events.ConnectionTerminated):
                    raise OSError("GOAWAY")
            self.flush()
        return status


def http2(gateway, port):
    put(gateway, rule("http: { methods: [GET, POST], paths: [\"/api/*\"] }", "action: allow\ndenied: reset"))
    url = f"http://{SERVER}:{port}"
    with Watch(gateway, port):
        check("GET /api/x" in run("curl", "-sS", "-m", 8, "--http2-prior-knowledge", f"{url}/api/x", ns="shop"), "curl")
    with Watch(gateway, port, http__http_method="PUT", http__url="/api/x", app_proto="http2"):
        same(run("curl", "-sS", "-m", 8, "--http2-prior-knowledge", "-X", "PUT", f"{url}/api/x", ns="shop",
                 ok=False).returncode != 0, True, "curl -X PUT is cut")
    h = H2(port)
    h.finish(*[h.start("GET", f"/api/{i}") for i in range(20)])
    with Watch(gateway, port, http__http_method="GET", http__url="/secret"):
        h.start("POST", "/api/with-body", body=b"x" * 5000)
        cut(lambda: h.finish(h.start("GET", "/secret")), "a denied stream", OSError)
    access = open(f"{services.HOME}/nginxhttp2/access.log", encoding="utf-8").read()
    check("/api/19" in access and "/secret" not in access and "PUT" not in access, "the server's log")


def grpc(gateway, port):
    kind = [("content-type", "application/grpc"), ("te", "trailers")]
    frame = b"\0\0\0\0\3abc"
    put(gateway, rule("grpc: { services: [shop.Orders], methods: [Get, \"List*\"] }", "action: allow\ndenied: reset"))
    for path, service, method in (("/shop.Orders/Delete", "shop.Orders", "Delete"), ("/shop.Keys/Get", "shop.Keys", "Get")):
        with Watch(gateway, port, app_proto="grpc", bulkhead__grpc__service=service, bulkhead__grpc__method=method):
            h = H2(port)
            for good in ("/shop.Orders/Get", "/shop.Orders/ListAll"):
                h.finish(h.start("POST", good, *kind, body=frame))
            cut(lambda h=h, p=path: h.finish(h.start("POST", p, *kind, body=frame)), path, OSError)
    access = open(f"{services.HOME}/nginxhttp2/access.log", encoding="utf-8").read()
    check("Orders/ListAll" in access and "Delete" not in access and "Keys" not in access, "the server's log of gRPC")


def curl_tls(name, port, *more):
    done = run("curl", "-sSk", "-m", 5, "--resolve", f"{name}:{port}:{SERVER}", *more, f"https://{name}:{port}/x",
               ns="shop", ok=False)
    return done.returncode == 0 and "hello" in done.stdout


def s_client(port, *more):
    done = run("timeout", 5, "openssl", "s_client", "-connect", f"{SERVER}:{port}", *more, ns="shop", ok=False)
    return "Server certificate" in done.stdout


def tls(gateway, port):
    def lists(text):
        put(gateway, rule(f"tls: {{ {text} }}", "action: allow\ndenied: reset"))

    lists('sni: ["*.e2e.test"], alpn: [h2, http/1.1], min_version: 1.2')
    with Watch(gateway, port, always=[b"shop.e2e.test"]):
        check(curl_tls("shop.e2e.test", port), "curl with an allowed name")
    with Watch(gateway, port, [b"evil.test"], tls__sni="evil.test", app_proto="tls"):
        check(not curl_tls("evil.test", port), "curl with another name")
    with Watch(gateway, port, [b"smuggle"], tls__sni="a.e2e.test"):
        check(not s_client(port, "-servername", "a.e2e.test", "-alpn", "h2,smuggle"), "another protocol")
    with Watch(gateway, port, [b"\x16\x03"], tls__version="1.1"):
        check(not s_client(port, "-servername", "a.e2e.test", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "TLS 1.1")
    with Watch(gateway, port, [b"\x16\x03"], app_proto="tls"):
        check(not s_client(port, "-noservername"), "no name at all")

    lists("min_version: 1.3")
    check(s_client(port, "-tls1_3"), "TLS 1.3")
    with Watch(gateway, port, [b"\x16\x03"], tls__version="1.2"):
        check(not s_client(port, "-tls1_2"), "TLS 1.2")

    lists("services: [orders.shop]")
    check(curl_tls("outbound_.8080_.v1_.orders.shop.svc.cluster.local", port), "a mesh's name for an allowed service")
    with Watch(gateway, port, [b"pay"], bulkhead__tls__service="pay.shop"):
        check(not curl_tls("outbound_.8080_.v1_.pay.shop.svc.cluster.local", port), "and for another one")

    known = [e["bulkhead"]["tls"]["ja4"] for e in gateway.events("tls") if e["tls"].get("sni") == "shop.e2e.test"]
    check(known, "curl's JA4 is recorded")
    lists(f"ja4: {known[0]}")
    check(curl_tls("shop.e2e.test", port), "the client with that fingerprint")
    with Watch(gateway, port, [b"\x16\x03"], app_proto="tls"):
        check(not s_client(port, "-servername", "shop.e2e.test"), "a client with another one")


def dig(port, name, kind, *more, seconds=1):
    done = run("dig", f"@{SERVER}", "-p", port, "+tries=1", f"+time={seconds}", "+short", *more, name, kind, ns="shop", ok=False)
    return done.stdout if done.returncode == 0 else ""


def dns(gateway, port):
    put(gateway, rule('dns: { types: [A, AAAA], names: [e2e.test, "*.e2e.test"] }'))
    for proto, more in (("udp", []), ("tcp", ["+tcp"])):
        with Watch(gateway, port, always=[b"\3web\3e2e\4test"], proto=proto):
            same(dig(port, "web.e2e.test", "A", *more, seconds=20).strip(), "10.1.2.3", f"dig over {proto}")
        with Watch(gateway, port, [b"\0\x10\0\1"], proto=proto, dns__rrtype="TXT", dns__rrname="e2e.test", app_proto="dns"):
            check("text" not in dig(port, "e2e.test", "TXT", *more), f"TXT over {proto}")
        with Watch(gateway, port, [b"\5other"], proto=proto, dns__rrname="other.test"):
            check("10." not in dig(port, "other.test", "A", *more), f"another name over {proto}")
    # A datagram stands alone: the flow of a socket goes on without the denied one.
    with inside("shop"):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    with Watch(gateway, port, [b"\6secret"], [b"\3one", b"\3two"], proto="udp", dns__rrname="secret.test"):
        for name in (b"\3one\3e2e\4test", b"\6secret\4test", b"\3two\3e2e\4test"):
            s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + name + b"\0\0\1\0\1", (SERVER, port))
        answers = [s.recv(512) for _ in range(2)]
        check(b"\3one" in answers[0] and b"\3two" in answers[1], f"the answers to the others: {answers}")


def test():
    steps = {("http", 80): http1, ("http2", 8080): http2, ("tls", 443): tls, ("dns/udp", 53): dns}
    apps, gone = services.available([a for a in services.APPS if (a.label, a.port) in steps])
    make()
    services.start(apps)
    gateway = Gateway(document(rule(WEB, "action: allow\ndenied: reset"))).start()
    for app in apps:
        step = steps[app.label, app.port]
        if step is http1:
            http1(gateway, app.ports[0])
            put(gateway, rule(WEB))
            with Watch(gateway, app.ports[1], [b"PATCH"], http__http_method="PATCH"):
                cut(lambda p=app.ports[1]: ask(connection(p), "PATCH", "/x", {}), "PATCH on a wrong port", *GONE)
        else:
            for port in app.ports:
                step(gateway, port)
        if step is http2:
            grpc(gateway, app.ports[0])
        say(f"{app.label}: done")
    gateway.stop()
    for label, what in gone:
        say(f"without {label}: {what} is not here")


main(test)
