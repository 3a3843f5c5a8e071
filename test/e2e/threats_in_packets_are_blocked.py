"""Threats that packets and flows show, provoked by the tools that people use for it and, where there is none, by frames of
our own: each is seen, named right, blocked, and nothing of what ordinary hosts do is one."""

import shutil
import signal
import socket
import struct
import time

from lib import threats
from lib.check import Skip, check, main, same, say, until
from lib.gateway import EVERYTHING, Gateway, policy, rule
from lib.rawtcp import ACK, SYN, Path, checksum
from lib.wire import Server, addr, attempt, connect, inside, mac, make, ping, raw, run, spawn, udp

OUTSIDE, EXTERNAL_IP = "203.0.113.9", "203.0.113.7"
ROUTED, SCANNER = "10.98.0", "10.99.0.14"
TOOLS = ("hping3", "nmap", "arpspoof")
SETTINGS = {
    "all": "drop", "session_limit": {"action": "drop", "threshold": 100},
    "small_window": {"action": "reset", "window": "1s"},
    "no_client_data": {"action": "reset", "threshold": 3, "window": "2s"},
    "port_scan": "block", "address_scan": "block",
    "beacon": {"action": "drop", "threshold": 4},
}


def ports(f):
    """Of a frame of TCP or UDP over IPv4 without options: source, destination, flags."""
    if f[12:14] != b"\x08\x00" or f[23] not in (6, 17):
        return 0, 0, 0
    return (*struct.unpack_from("!HH", f, 34), f[47] if f[23] == 6 else 0)


def to_port(port):
    return lambda f: ports(f)[1] == port


def is_icmp(f):
    return f[12:14] == b"\x08\x00" and f[23] == 1


def hping(*args):
    return run("hping3", "-q", "-n", *args, ns="shop", ok=False, timeout=60)


# ---- one a threat

def syn_flood(g):
    with threats.Shot(g, "syn_flood", to_port(7000), most=900):
        hping("-S", "-p", 7000, "--rand-source", "-i", "u150", "-c", 4000, addr("cards"))


def icmp_flood(g):
    # Of those within a window of a second the first 99 pass; hping3 may need two for them.
    with threats.Shot(g, "icmp_flood", is_icmp, most=200):
        hping("-1", "-i", "u200", "-c", 600, addr("cards"))


def invalid_packet(g):
    with threats.Shot(g, "invalid_packet", to_port(7001)):
        hping("-S", "-F", "-p", 7001, "-c", 2, "-i", "u10000", addr("redis"))
        hping("-F", "-P", "-U", "-p", 7001, "-c", 2, "-i", "u10000", addr("redis"))


def teardrop(g):
    path, out = Path(addr("web"), "redis", 4), raw("shop")
    whole = struct.pack("!HHHH", 4000, 7009, 8 + 64, 0) + bytes(64)
    with threats.Shot(g, "teardrop", lambda f: f[23] == 17):
        out.send(path.ip(whole[:48], 17, fragment=(77, 0, True)))
        out.send(path.ip(b"x" * 40, 17, fragment=(77, 32, False)))


def ping_death(g):
    with threats.Shot(g, "ping_death", is_icmp):
        run("ping", "-n", "-c", 1, "-W", 1, "-s", 40000, "-I", addr("web"), addr("redis"), ns="shop", ok=False)


def syn_data(g):
    with threats.Shot(g, "syn_data", to_port(7002)):
        hping("-S", "-d", 100, "-p", 7002, "-c", 2, "-i", "u10000", addr("redis"))


def split_handshake(g):
    """The server, which is a raw socket, answers SYN by SYN."""
    there, back = raw("shop"), raw("cde")
    path = Path(addr("web"), "10.99.0.50", 4)
    answer = turned(path)
    with threats.Shot(g, "split_handshake", lambda f: ports(f)[0] == 7003 and ports(f)[2] == ACK | SYN, at="shop"):
        there.send(path.ip(path.tcp(4003, 7003, 1000, 0, SYN)))
        time.sleep(0.2)
        back.send(answer.ip(answer.tcp(7003, 4003, 5000, 0, SYN)))
        time.sleep(0.2)
        back.send(answer.ip(answer.tcp(7003, 4003, 5000, 1001, SYN | ACK)))


def turned(path):
    """The way back of a path."""
    other = Path.__new__(Path)
    other.__dict__.update(path.__dict__)
    other.src, other.dst = path.dst, path.src
    other.ether = path.ether[6:12] + path.ether[:6] + path.ether[12:]
    return other


def small_mss(g):
    path = Path(addr("web"), "redis", 4)
    with threats.Shot(g, "small_mss", to_port(7004)):
        raw("shop").send(path.ip(path.tcp(4004, 7004, 1, 0, SYN, options=b"\2\4\0\x30\4\2\1\1")))


def small_window(g):
    """A client that takes nothing: its kernel says so each time it is asked."""
    Server("redis", 7005)
    with threats.Shot(g, "small_window"):
        with inside("shop"):
            s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.bind((addr("web"), 0))
        s.connect((addr("redis"), 7005))
        s.settimeout(1)
        ends(s)


def ends(s):
    """Sends until that fails, for twenty seconds at most."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            s.sendall(b"x" * 1000)
        except TimeoutError:
            continue
        except OSError:
            return
        time.sleep(0.02)
    check(False, "the connection goes on")


def no_client_data(g):
    server = Server("redis", 7006)
    with threats.Shot(g, "no_client_data"):
        silent = [connect("web", "redis", 7006) for _ in range(4)]
        until(lambda: any(e["bulkhead"]["sensor"] == "threat.no_client_data" for e in threats.told(g)), "the sweep", 30)
        time.sleep(1)
        for s in silent:
            try:
                s.sendall(b"at last")
            except OSError:
                pass
        time.sleep(0.5)
    spared = sum(b"at last" in p.received for p in server.peers)
    check(spared <= 2, f"{spared} silent connections were spared, threshold 3")


def session_limit(g):
    Server("cards", 7007)
    kept = []
    with threats.Shot(g, "session_limit", with_=("no_client_data",)):
        for _ in range(99):
            s = connect("batch", "cards", 7007)
            s.sendall(b"hello")
            kept.append(s)
        while len(kept) < 120 and attempt("batch", "cards", 7007, timeout=0.5) != "timeout":
            kept.append(None)
    check(len(kept) <= 100, f"{len(kept)} sessions of one source")
    for s in kept:
        if s:
            s.close()


def icmp_tunnel(g):
    """Replies say something else than their requests."""
    run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1", ns="cde")
    there, back, path = raw("shop"), raw("cde"), Path(addr("web"), "redis", 4)
    answer = turned(path)
    with threats.Shot(g, "icmp_tunnel", lambda f: is_icmp(f) and b"answer 5" in f, at="shop"):
        for i in range(6):
            there.send(path.ip(echo(8, i, b"question %d" % i + bytes(40)), 1))
            time.sleep(0.05)
            back.send(answer.ip(echo(0, i, b"answer %d" % i + bytes(40)), 1))
            time.sleep(0.05)
    run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0", ns="cde")


def echo(kind, seq, data):
    head = struct.pack("!BBHHH", kind, 0, 0, 99, seq)
    return head[:2] + struct.pack("!H", checksum(head + data)) + head[4:] + data


def port_scan(g):
    Server("redis", 7010)
    with threats.Shot(g, "port_scan", with_=("invalid_packet", "syn_data")):
        run("nmap", "-sS", "-Pn", "-n", "-e", "eth0", "-S", addr("admin"), "-p", "2000-2100", "--max-retries", 1, "--host-timeout",
            "20s", addr("redis"), ns="shop", ok=False, timeout=60)
    same(attempt("admin", "redis", 7010), "timeout", "who scanned is blocked")
    same(attempt("web", "redis", 7010, timeout=20), "open", "others are not")


def address_scan(g):
    """To where policy lets nobody: behind a router that is redis."""
    run("ip", "addr", "add", f"{SCANNER}/24", "dev", "eth0", ns="shop")
    run("ip", "route", "add", f"{ROUTED}.0/24", "via", addr("redis"), "src", SCANNER, ns="shop")
    with threats.Shot(g, "address_scan"):
        run("nmap", "-sT", "-Pn", "-n", "-p", 9999, "--max-retries", 0, "--host-timeout", "5s", f"{ROUTED}.1-60", ns="shop",
            ok=False, timeout=60)
    same(attempt(SCANNER, "redis", 7010), "timeout", "who scanned is blocked")


def address_spoof(g):
    """shop says to cards that it is redis, which has been seen at another address."""
    run("ip", "neigh", "flush", "all", ns="shop")
    check(ping("web", "redis"), "redis' address is learned")
    with threats.Shot(g, "address_spoof", lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2"):
        p = spawn("arpspoof", "-i", "eth0", "-t", addr("cards"), addr("redis"), ns="shop")
        time.sleep(3)
        p.send_signal(signal.SIGKILL)
        p.wait(20)


def beacon(g):
    run("ip", "addr", "add", f"{OUTSIDE}/32", "dev", "eth0", ns="cde")
    with inside("cde"):
        server = socket.socket()
    server.bind((OUTSIDE, 443))
    server.listen(16)
    with threats.Shot(g, "beacon"):
        for i in range(4):
            got = attempt("web", OUTSIDE, 443, timeout=20 if i < 3 else 1.5)
            same(got, "open" if i < 3 else "timeout", f"connection {i + 1}")
            time.sleep(6 if i < 3 else 0)


def external_ip(g):
    run("ip", "neigh", "replace", EXTERNAL_IP, "lladdr", mac("cde"), "dev", "eth0", ns="shop")
    with threats.Shot(g, "external_ip", lambda f: f[30:34] == socket.inet_aton(EXTERNAL_IP) and f[23] == 6):
        same(attempt("web", EXTERNAL_IP, 80), "timeout", "an external address of a service")


def ordinary(g):
    """What hosts do all day, and what looks a little like a threat."""
    for family in (4, 6):
        Server("redis", 7008, family)
        for _ in range(3):
            check(ping("web", "redis", family), "a ping")
        s = connect("web", "redis", 7008, family)
        for n in (1, 100, 20000):
            s.sendall(b"x" * n)
            while n:
                n -= len(s.recv(65536))
        s.close()
        u = udp("web", 0, family)
        for n in (10, 1400, 5000):  # the last one in fragments
            u.sendto(b"x" * n, (addr("redis", family), 7008))
    for port in (81, 82, 83):
        same(attempt("web", "redis", port), "refused", "closed ports, a few")
    run("ping", "-n", "-c", 2, "-s", 3000, "-i", "0.2", "-I", addr("web"), addr("redis"), ns="shop")
    run("ip", "neigh", "flush", "all", ns="shop")
    run("ip", "neigh", "flush", "all", ns="cde")
    check(ping("web", "redis"), "addresses are learned again")
    time.sleep(0.5)
    same([e["bulkhead"]["sensor"] for e in threats.told(g)], [], "threats in ordinary traffic")


def test():
    gone = [t for t in TOOLS if shutil.which(t) is None]
    if gone:
        raise Skip(f"not installed: {', '.join(gone)}")
    make()
    run("ip", "route", "add", "203.0.113.0/24", "dev", "eth0", "src", addr("web"), ns="shop")
    rules = [rule("nobody", "any", "any", ["tcp/9999"], "deny"), *EVERYTHING]
    gateway = Gateway(policy(rules), threats=SETTINGS, blocking={"time": "60s"},
                      watching={"report": "1s", "external_ips": [EXTERNAL_IP]}).start()
    threats.complete()
    ordinary(gateway)
    shots = [syn_data, small_mss, invalid_packet, teardrop, ping_death, icmp_tunnel, split_handshake, address_spoof,
             external_ip, small_window, no_client_data, session_limit, port_scan, address_scan, beacon, icmp_flood, syn_flood]
    same({s.__name__ for s in shots}, threats.PACKETS, "threats that are provoked here")
    for shot in shots:
        shot(gateway)
        say(f"{shot.__name__}: seen, named, blocked")
    gateway.stop()


main(test)
