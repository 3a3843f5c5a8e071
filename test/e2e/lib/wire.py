"""Two namespaces, `shop` and `cde`, one cable each to the gateway's namespace, which is the test's own.

    shop: eth0 --- shop0 (gateway) cde0 --- eth0 :cde

A host is a pair of addresses in one of them; several hosts share a namespace and are told apart by the
source address that a client binds to.
"""

import ctypes
import errno
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from .check import Failed, check, until

HOSTS = {
    "web": ("shop", 11),
    "batch": ("shop", 12),
    "admin": ("shop", 13),
    "redis": ("cde", 21),
    "cards": ("cde", 22),
}
LAST = {"shop": 1, "cde": 2}
_libc = ctypes.CDLL(None, use_errno=True)


def side(host):
    """The namespace of a host; addresses that a test adds are in shop."""
    return HOSTS[host][0] if host in HOSTS else "shop"


def addr(host, family=4):
    """A host's address; an address is itself. A host that a test adds may have an address instead of a number."""
    if host not in HOSTS:
        return host
    if isinstance(HOSTS[host][1], str):
        return HOSTS[host][1]
    return f"10.99.0.{HOSTS[host][1]}" if family == 4 else f"fd00:99::{HOSTS[host][1]}"


def mac(ns):
    return f"02:00:00:00:00:0{LAST[ns]}"


def run(*cmd, ns=None, timeout=60, ok=True):
    """Run a command to its end and return what it printed."""
    args = (["nsenter", f"--net=/run/netns/{ns}"] if ns else []) + [str(c) for c in cmd]
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, text=True, errors="replace")
    if ok and done.returncode != 0:
        raise Failed(f"{' '.join(args)}: exit {done.returncode}: {done.stdout.strip()}")
    return done.stdout if ok else done


def spawn(*cmd, ns=None, **kwargs):
    args = (["nsenter", f"--net=/run/netns/{ns}"] if ns else []) + [str(c) for c in cmd]
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.STDOUT)
    return subprocess.Popen(args, **kwargs)


class inside:
    """This thread's sockets are made in a namespace: `with inside("shop"): ...`"""

    def __init__(self, ns):
        self.ns = ns

    def __enter__(self):
        self.back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        fd = os.open(f"/run/netns/{self.ns}", os.O_RDONLY)
        self._set(fd)
        os.close(fd)

    def __exit__(self, *_):
        self._set(self.back)
        os.close(self.back)

    @staticmethod
    def _set(fd):
        if _libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "setns")


def cable(ns, mtu, road):
    """From the gateway's interface to a namespace's; with a road the ends meet at `<ns>r` and `<ns>e`, open so far."""
    end = ["peer", "name", "eth0", "address", mac(ns), "mtu", mtu, "netns", ns]
    if not road:
        run("ip", "link", "add", f"{ns}0", "mtu", mtu, "type", "veth", *end)
        return
    run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    run("ip", "link", "add", f"{ns}0", "mtu", mtu, "type", "veth", "peer", "name", f"{ns}r", "mtu", mtu)
    run("ip", "link", "add", f"{ns}e", "mtu", mtu, "type", "veth", *end)
    # What goes over a packet socket is a frame as on a wire: whole, and with its checksum.
    run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off", ns=ns)
    for name in (f"{ns}r", f"{ns}e"):
        run("ethtool", "-K", name, "gro", "off")
        run("ip", "link", "set", name, "up")


def make(mtu=1500, road=False):
    """The namespaces, cables and addresses. The mount namespace is the test's own: /run vanishes with it."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    for ns in ("shop", "cde"):
        run("ip", "netns", "add", ns)
        run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.default.router_solicitations=0", ns=ns)
        cable(ns, mtu, road)
        run("ip", "link", "set", f"{ns}0", "up")
        run("ip", "link", "set", "lo", "up", ns=ns)
        for host, (where, _) in HOSTS.items():
            if where == ns:
                run("ip", "addr", "add", addr(host) + "/24", "dev", "eth0", ns=ns)
                run("ip", "addr", "add", addr(host, 6) + "/64", "dev", "eth0", "nodad", ns=ns)
        run("ip", "link", "set", "eth0", "up", ns=ns)


def _family(family):
    return socket.AF_INET if family == 4 else socket.AF_INET6


def connect(src, dst, port, family=4, timeout=20):
    """A connected TCP socket from one host to another."""
    with inside(side(src)):
        s = socket.socket(_family(family), socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        s.bind((addr(src, family), 0))
        s.connect((addr(dst, family), port))
    except OSError:
        s.close()
        raise
    return s


def attempt(src, dst, port, family=4, timeout=1.5):
    """What a TCP client sees: open, refused, timeout, or another error by name. A short time-out can only make a test that
    expects `open` fail, so those pass a longer one."""
    try:
        connect(src, dst, port, family, timeout).close()
        return "open"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def udp(host, port=0, family=4, timeout=5):
    with inside(side(host)):
        s = socket.socket(_family(family), socket.SOCK_DGRAM)
    s.bind((addr(host, family), port))
    s.settimeout(timeout)
    return s


def silent(sock, what, seconds=1):
    """Nothing comes in."""
    sock.settimeout(seconds)
    try:
        data = sock.recv(2048)
    except TimeoutError:
        return
    raise Failed(f"{what}: {data[:40]!r} came in")


def authority(prefix, extensions, field="CN"):
    """An authority, and a certificate and key of each name with these extensions. Returns a function from a file's name
    (ca.crt, NAME.crt, NAME.key) to its path."""
    def path(name):
        return os.path.join(os.environ["E2E_DIR"], f"{prefix}-{name}")

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *key, "-days", "2", "-subj", f"/{field}={prefix}-ca", "-keyout", path("ca.key"), "-out",
        path("ca.crt"))
    for name, extension in extensions.items():
        with open(path(f"{name}.ext"), "w", encoding="utf-8") as f:
            f.write(extension + "\n")
        run("openssl", "req", *key, "-subj", f"/{field}={name}", "-keyout", path(f"{name}.key"), "-out", path(f"{name}.csr"))
        run("openssl", "x509", "-req", "-in", path(f"{name}.csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", path(f"{name}.ext"), "-out", path(f"{name}.crt"))
    return path


def ping(src, dst, family=4, seconds=5):
    """Does one echo request get its answer?"""
    return run("ping", f"-{family}", "-n", "-c", 1, "-W", seconds, "-I", addr(src, family),
               addr(dst, family), ns=side(src), ok=False, timeout=seconds + 20).returncode == 0


def raw(ns):
    """A socket that sends and receives whole frames on eth0."""
    with inside(ns):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind(("eth0", 0))
    return s


class Server:
    """A TCP server of a host that keeps what it receives, by connection, and sends it back."""

    class Peer:
        def __init__(self, sock):
            self.sock, self.received, self.closed = sock, bytearray(), False

    def __init__(self, host, port, family=4, echo=True):
        self.peers, self.echo = [], echo
        with inside(side(host)):
            self.sock = socket.socket(_family(family), socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr(host, family), port))
        self.sock.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = self.Peer(sock)
            self.peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            while data := peer.sock.recv(65536):
                peer.received += data
                if self.echo:
                    peer.sock.sendall(data)
        except OSError:
            pass
        peer.closed = True

    def peer(self, index=-1):
        until(lambda: self.peers, "a connection at the server")
        return self.peers[index]


class Capture:
    """tcpdump of what comes in on a namespace's eth0: all of it, or the first so many frames.
    frames() ends it and gives (time, frame) as they came."""

    def __init__(self, ns, expression="", first=None):
        self.path = os.path.join(os.environ["E2E_DIR"], f"{ns}-{time.monotonic_ns()}.pcap")
        self.whole = first is None
        self.p = spawn("tcpdump", "-n", "-i", "eth0", "-U", "--immediate-mode", "-B", "16384", "-Z", "root",
                       "-Q", "in", *([] if self.whole else ["-c", first]), "-w", self.path,
                       *([expression] if expression else []), ns=ns, text=True)
        line = self.p.stdout.readline()
        check("listening on" in line, f"tcpdump: {line}")

    def count(self):
        return len(read_pcap(self.path))

    def waits(self):
        # Asleep: it has read all that the kernel queued for it, which wakes it up for more.
        with open(f"/proc/{self.p.pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] in "SZ"

    def frames(self):
        time.sleep(0.1)
        end = time.monotonic() + 10  # where frames never end it is woken again and again
        while not self.waits() and time.monotonic() < end:
            time.sleep(0.005)
        self.p.send_signal(signal.SIGINT)
        text = self.p.communicate(timeout=20)[0]
        lost = re.search(r"(\d+) packets dropped by kernel", text)
        check(not self.whole or (lost and lost.group(1) == "0"), f"the capture is not complete: {text}")
        return read_pcap(self.path)


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 24:
        return []
    check(data[:4] == b"\xd4\xc3\xb2\xa1", "a capture in this machine's byte order, microseconds")
    at, out = 24, []
    while at + 16 <= len(data):
        sec, usec, n, _ = struct.unpack_from("<IIII", data, at)
        if at + 16 + n > len(data):
            break  # still being written
        out.append((sec + usec / 1e6, data[at + 16:at + 16 + n]))
        at += 16 + n
    return out
