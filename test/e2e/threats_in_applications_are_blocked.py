"""Threats in what applications say, between a client and a server that policy lets talk by ports alone: seen, named, and
what is to be blocked never arrives. Clients are real ones where they can do it, else their bytes.
"""

import os
import shutil
import signal
import struct
import time

from lib import services, threats
from lib.check import Skip, check, main, same, say, until
from lib.denied import SERVER, Watch
from lib.gateway import EVERYTHING, Gateway, policy
from lib.wire import Server, attempt, connect, make, run, spawn, udp

TOOLS = ("slowhttptest", "iodine", "iodined")
ACTIONS = {"heartbleed": "drop", "cipher_overflow": "drop", "ssl_2_3": "drop", "tls_1_0": "drop", "tls_1_1": "drop",
           "tls_floor": "reset", "weak_cipher": "drop", "certificate_expiry": {"action": "drop", "threshold": 30},
           "http_smuggling": "reset", "http_negative_length": "drop",
           "http2_rapid_reset": "reset", "http2_continuation": "drop", "http2_settings": "reset", "http2_ping": "reset",
           "slow_request": {"action": "reset", "window": "2s"}, "slow_body": {"action": "reset", "window": "2s"},
           "slow_read": {"action": "reset", "window": "2s"},
           "dns_transfer": "drop", "dns_loop": "drop", "dns_tunnel": "drop", "dns_null": "drop", "dns_overflow": "drop",
           "ssh_version_1": "reset", "mysql_access_denied": "drop",
           "brute_force": {"action": "block", "threshold": 5}}
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


def hello_of_ssl3(server):
    """The server's, or the client's: suite 0x002f."""
    body = b"\3\0" + bytes(32) + b"\0" + (b"\0\x2f\0" if server else b"\0\2\0\x2f\1\0")
    message = (b"\2" if server else b"\1") + struct.pack("!I", len(body))[1:] + body
    return b"\x16\3\0" + struct.pack("!H", len(message)) + message


def ssl3(gateway):
    server = Server("redis", 4430, echo=False)
    with threats.Shot(gateway, "ssl_2_3", with_=("tls_floor",)):
        s = connect("web", "redis", 4430)
        s.sendall(hello_of_ssl3(False))
        until(lambda: server.peer().received, "the client's hello arrives")
        server.peer().sock.sendall(hello_of_ssl3(True))
        s.settimeout(2)
        try:
            same(s.recv(100), b"", "the server's hello")
        except OSError:
            pass


def openssl(gateway, key, port, words, also=()):
    """A server and a client of OpenSSL that agree on something which is not to be."""
    path = f"{services.HOME}/openssl"
    if not os.path.exists(path):
        services.folder("openssl")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 1000, "-subj", "/CN=a", "-keyout",
            f"{path}/key", "-out", f"{path}/cert")
        run("openssl", "req", "-x509", "-key", f"{path}/key", "-days", 5, "-subj", "/CN=a", "-out", f"{path}/old")
    cert = "old" if key == "certificate_expiry" else "cert"
    services.serve("openssl", "openssl", "s_server", "-accept", port, "-key", f"{path}/key", "-cert", f"{path}/{cert}", "-www",
                   *words)
    until(lambda: services.listening(port), "s_server listens")
    with threats.Shot(gateway, key, with_=also):
        done = run("timeout", 5, "openssl", "s_client", "-connect", f"{SERVER}:{port}", *words, ns="shop", ok=False)
        check("Cipher is (NONE)" in done.stdout or done.returncode != 0, f"{key}: no session, but {done.stdout[-300:]}")


def tls(gateway):
    Server("redis", 443, echo=False)
    say_bytes(gateway, 443, "heartbleed", hello(), b"\x18\3\2\0\3\1\x40\x00", b"\x18\3\2\0\3\1\x40\x00")
    # SSL 2: 28 bytes, of which 0x4000 are said to be ciphers
    bad = b"\x80\x1c\1\0\2\x40\0\0\0\0\x10" + b"challenges" + bytes(9)
    with sensor(gateway, 443, "cipher_overflow", never=[bad]):
        s = connect("web", "redis", 443)
        s.sendall(bad)
        gone(s)
    ssl3(gateway)
    every = ["-cipher", "ALL:@SECLEVEL=0"]
    openssl(gateway, "tls_1_0", 4431, ["-tls1", *every], ["tls_floor"])
    openssl(gateway, "tls_1_1", 4432, ["-tls1_1", *every], ["tls_floor"])
    openssl(gateway, "tls_floor", 4433, ["-tls1_1", *every], ["tls_1_1"])
    openssl(gateway, "weak_cipher", 4434, ["-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"])
    openssl(gateway, "certificate_expiry", 4435, ["-tls1_2"])
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
    with open(f"{services.HOME}/nginx/files/big", "wb") as f:
        f.truncate(8 << 20)
    slow = ["slowhttptest", "-c", 2, "-r", 10, "-i", 1, "-l", 8]
    for name, words in (("slow_request", ["-H", "-u", f"http://{SERVER}/"]), ("slow_body", ["-B", "-u", f"http://{SERVER}/"]),
                        ("slow_read", ["-X", "-w", 100, "-y", 200, "-n", 5, "-z", 1, "-u", f"http://{SERVER}/files/big"])):
        with threats.Shot(gateway, name):
            run(*slow, *words, ns="shop", ok=False, timeout=60)
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
    with sensor(gateway, 53, "dns_overflow", proto="udp", never=[b"overflowing"]):
        s.send(dns_query("ok.e2e.test", 1) + b"overflowing" * 400)
        time.sleep(0.5)
    tunnel(gateway)
    with sensor(gateway, 53, "dns_tunnel", proto="udp"):
        for i in range(60):
            s.send(dns_query("%032x.t.e2e.test" % (i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128), 16))
            time.sleep(0.01)
    s.close()
    say("DNS: done")


def tunnel(gateway):
    """iodine, its domain delegated by the name server to its own."""
    services.serve("iodined", "iodined", "-f", "-c", "-P", "secret", "-l", "127.0.0.1", "-p", 5300, "10.53.0.1", "t.tunnel.test")
    until(lambda: services.listening(5300, "udp"), "iodined listens")
    with threats.Shot(gateway, "dns_tunnel"):
        p = spawn("iodine", "-f", "-r", "-T", "TXT", "-P", "secret", SERVER, "t.tunnel.test", ns="shop")
        until(lambda: "dns_tunnel" in str(threats.told(gateway)), "the tunnel is seen", 60)
        p.send_signal(signal.SIGKILL)
        p.wait(20)


def logins(gateway):
    Server("redis", 2222, echo=False)
    with sensor(gateway, 2222, "ssh_version_1", never=[b"SSH-1.5"]):
        s = connect("web", "redis", 2222)
        s.sendall(b"SSH-1.5-old\r\n")
        gone(s)
    with sensor(gateway, 3306, "mysql_access_denied"):
        wrong_password("nobody")
    with Watch(gateway, 3306):
        same(run("mariadb", "--skip-ssl", "-N", "-h", SERVER, "-u", "e2e", "-pe2e", "-e", "select 1", ns="shop").strip(),
             "1", "a log-in that works")
    # Each waits for an answer that does not come.
    with threats.Shot(gateway, "brute_force", with_=("mysql_access_denied",)) as shot:
        for i in range(8):
            if not shot.alert():
                wrong_password(f"wrong{i}")
    same(attempt("web", "redis", 3306), "timeout", "who guesses is blocked")
    same(attempt("batch", "redis", 3306, timeout=20), "open", "others are not")
    until(lambda: attempt("web", "redis", 3306) == "open", "blocking.time goes by")
    with threats.Shot(gateway, "brute_force") as shot:
        for _ in range(8):
            shot.alert() or run("timeout", 5, "ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes", "-o",
                "UserKnownHostsFile=/dev/null", "-i", "/dev/null", f"nobody@{SERVER}", "true", ns="shop", ok=False)
    same(attempt("web", "redis", 22), "timeout", "who guesses is blocked")
    say("log-ins: done")


def wrong_password(password):
    run("timeout", 3, "mariadb", "--skip-ssl", "-h", SERVER, "-u", "e2e", f"-p{password}", "-e", "select 1", ns="shop", ok=False)


def test():
    gone_tools = [t for t in TOOLS if shutil.which(t) is None]
    if gone_tools:
        raise Skip(f"not installed: {', '.join(gone_tools)}")
    threats.complete()
    same(set(ACTIONS), threats.APPLICATIONS, "threats that are provoked here")
    make()
    services.nginx("")([80])
    services.dns([53])
    services.ssh([22])
    services.mysql([3306])
    gateway = Gateway(policy(EVERYTHING), threats={"all": "off", **ACTIONS}, watching={"report": "0ms"},
                      blocking={"time": "8s"}).start()
    for port in (80, 53, 22, 3306):
        until(lambda p=port: attempt("web", "redis", p) == "open", f"a server at port {port}", 90)
    tls(gateway)
    http(gateway)
    http2(gateway)
    dns(gateway)
    logins(gateway)
    gateway.stop()


main(test)
