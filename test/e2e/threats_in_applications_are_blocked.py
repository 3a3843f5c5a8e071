"""Threats in what applications say, between a client and a server that policy lets talk by ports alone: seen, named, and
what is to be blocked never arrives. Clients are real ones where they can do it, else their bytes.
"""

import socket
import struct
import time

from lib import services
from lib.check import check, main, same, say, until
from lib.denied import SERVER, Watch
from lib.gateway import EVERYTHING, Gateway, policy
from lib.wire import Server, attempt, connect, inside, make, run, udp

ACTIONS = {"heartbleed": "drop", "http_smuggling": "reset", "http_negative_length": "drop",
           "http2_rapid_reset": "reset", "http2_continuation": "drop", "http2_settings": "reset", "http2_ping": "reset",
           "slow_request": {"action": "reset", "window": "2s"}, "slow_body": {"action": "reset", "window": "2s"},
           "dns_transfer": "drop", "dns_loop": "drop", "dns_tunnel": "alert", "dns_null": "drop", "dns_overflow": "drop",
           "ssh_version_1": "reset", "mysql_access_denied": "alert", "weak_cipher": "alert",
           "brute_force": {"action": "alert", "threshold": 5}}
FRAME = struct.Struct("!BHBBI")


def sensor(gateway, port, name, blocked=True, **more):
    """A watch that expects this threat."""
    never = more.pop("never", ())
    return Watch(gateway, port, never, more.pop("always", ()), proto=more.pop("proto", "tcp"),
                 reason="threat" if blocked else None, bulkhead__sensor=f"threat.{name}",
                 alert__action="blocked" if blocked else "allowed", **more)


def gone(s, data=()):
    """The connection ends, while we send, or nothing comes back any more."""
    s.settimeout(1)
    end = time.monotonic() + 20
    try:
        while time.monotonic() < end:
            for part in data:
                s.sendall(part)
            try:
                if s.recv(65536) == b"":
                    return
            except TimeoutError:
                if not data:
                    return
    except OSError:
        return
    check(False, "the connection goes on")


def say_bytes(gateway, port, name, first, bad, word):
    """What comes first arrives, the attack behind it does not."""
    with sensor(gateway, port, name, never=[word], always=[first[:20]]):
        s = connect("web", "redis", port)
        s.sendall(first)
        time.sleep(0.2)
        s.sendall(bad)
        gone(s)
        s.close()


def hello(ciphers=b"\xc0\x2f"):
    body = b"\3\3" + bytes(32) + b"\0" + struct.pack("!H", len(ciphers)) + ciphers + b"\1\0"
    message = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack("!H", len(message)) + message


def tls(gateway):
    Server("redis", 443, echo=False)
    say_bytes(gateway, 443, "heartbleed", hello(), b"\x18\3\2\0\3\1\x40\x00", b"\x18\3\2\0\3\1\x40\x00")
    say("TLS: done")


def http(gateway):
    head = b"POST /a HTTP/1.1\r\nHost: a\r\n"
    for name, rest in (("http_smuggling", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled"),
                       ("http_smuggling", b"Transfer-Encoding: xchunked\r\nContent-Length: 9\r\n\r\n/smuggled"),
                       ("http_negative_length", b"Content-Length: -9\r\n\r\n/smuggled")):
        with sensor(gateway, 80, name, never=[b"/smuggled"]):
            s = connect("web", "redis", 80)
            s.sendall(head + rest)
            gone(s)
    with sensor(gateway, 80, "slow_request"):
        s = connect("web", "redis", 80)
        s.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n")
        gone(s, [b"X-a: b\r\n"])
    with sensor(gateway, 80, "slow_body"):
        s = connect("web", "redis", 80)
        s.sendall(head + b"Content-Length: 100000\r\n\r\n")
        gone(s, [b"x"])
    same(run("curl", "-s", "-m", 10, "-d", "a=b", f"http://{SERVER}/ok", ns="shop").strip(),
         "hello from nginx POST /ok", "an ordinary request")
    say("HTTP: done")


def frame(kind, flags=0, stream=0, payload=b""):
    return FRAME.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def http2(gateway):
    Server("redis", 8080, echo=False)
    first = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4)
    block = b"\x82\x84\x86\x41\x01a"
    resets = b"".join(frame(1, 5, 2 * i + 1, block) + frame(3, 0, 2 * i + 1, b"\0\0\0\x08") for i in range(400))
    for name, flood in (("http2_rapid_reset", resets),
                        ("http2_continuation", frame(1, 1, 1, block) + frame(9, 0, 1, b"") * 100),
                        ("http2_settings", frame(4) * 300), ("http2_ping", frame(6, 0, 0, b"12345678") * 6000)):
        with sensor(gateway, 8080, name):
            s = connect("web", "redis", 8080)
            try:
                s.sendall(first + flood)
            except OSError:
                pass
            gone(s)
            s.close()
    say("HTTP/2: done")


def dns_query(name, kind):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0" + struct.pack("!HH", kind, 1)


def dns(gateway):
    with sensor(gateway, 53, "dns_transfer", never=[b"secretzone"]):
        run("dig", "+time=1", "+tries=1", f"@{SERVER}", "secretzone.test", "AXFR", ns="shop", ok=False)
    with sensor(gateway, 53, "dns_null", proto="udp", never=[b"nothere"]):
        run("dig", "+time=1", "+tries=1", f"@{SERVER}", "nothere.e2e.test", "TYPE10", ns="shop", ok=False)
    answer = run("dig", "+short", "+time=3", "+tries=3", f"@{SERVER}", "www.e2e.test", ns="shop").strip()
    same(answer, "10.1.2.3", "an ordinary question")
    s = udp("web")
    s.connect((SERVER, 53))
    with sensor(gateway, 53, "dns_loop", proto="udp", never=[b"looping"]):
        s.send(dns_query("ok.e2e.test", 1))
        s.recv(4096)
        s.send(b"\x12\x35\1\0\0\1\0\0\0\0\0\0\7looping\xc0\x0c\0\1\0\1")
        time.sleep(0.5)
    with sensor(gateway, 53, "dns_tunnel", blocked=False, proto="udp"):
        for i in range(60):
            s.send(dns_query("%032x.t.e2e.test" % (i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128), 16))
            s.recv(4096)
    s.close()
    say("DNS: done")


def logins(gateway):
    Server("redis", 2222, echo=False)
    with sensor(gateway, 2222, "ssh_version_1", never=[b"SSH-1.5"]):
        s = connect("web", "redis", 2222)
        s.sendall(b"SSH-1.5-old\r\n")
        gone(s)
    with sensor(gateway, 22, "brute_force", blocked=False):
        for _ in range(8):
            done = run("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                       "-o", "IdentitiesOnly=yes", "-i", "/dev/null", f"nobody@{SERVER}", "true", ns="shop", ok=False)
            check(done.returncode != 0, "no log-in")
    with sensor(gateway, 3306, "mysql_access_denied", blocked=False):
        run("mariadb", "--skip-ssl", "-h", SERVER, "-u", "e2e", "-pwrong", "-e", "select 1", ns="shop", ok=False)
    with Watch(gateway, 3306):
        same(run("mariadb", "--skip-ssl", "-N", "-h", SERVER, "-u", "e2e", "-pe2e", "-e", "select 1", ns="shop").strip(),
             "1", "a log-in that works")
    with sensor(gateway, 3306, "brute_force", blocked=False):
        for i in range(8):
            run("mariadb", "--skip-ssl", "-h", SERVER, "-u", "e2e", f"-pwrong{i}", ns="shop", ok=False)
    say("log-ins: done")


def test():
    make()
    services.nginx("")([80])
    services.dns([53])
    services.ssh([22])
    services.mysql([3306])
    gateway = Gateway(policy(EVERYTHING), threats={"all": "off", **ACTIONS}, watching={"report": "0ms"}).start()
    for port in (80, 53, 22, 3306):
        until(lambda p=port: attempt("web", "redis", p) == "open", f"a server at port {port}", 90)
    tls(gateway)
    http(gateway)
    http2(gateway)
    dns(gateway)
    logins(gateway)
    gateway.stop()


main(test)
