"""TCP by hand: segments and fragments as a hostile sender makes them, to a real kernel's socket."""

import os
import socket
import struct

from .wire import addr, inside, mac, raw, run

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
WINDOW = 60000


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


class Path:
    """The way from a made-up host in shop to a host in cde, in one family."""

    def __init__(self, src, dst, family):
        self.family = family
        net = socket.AF_INET if family == 4 else socket.AF_INET6
        self.src, self.dst = (socket.inet_pton(net, a) for a in (src, addr(dst, family)))
        self.ether = b"".join(bytes.fromhex(mac(n).replace(":", "")) for n in ("cde", "shop"))
        self.ether += b"\x08\x00" if family == 4 else b"\x86\xdd"
        self.ident = 0
        run("ip", "neigh", "replace", src, "lladdr", mac("shop"), "dev", "eth0", ns="cde")

    def pseudo(self, proto, length):
        if self.family == 4:
            return self.src + self.dst + struct.pack("!BBH", 0, proto, length)
        return self.src + self.dst + struct.pack("!IHBB", length, 0, 0, proto)

    def ip(self, payload, proto=6, ttl=64, fragment=None):
        """Frame of an IP packet; fragment: (identification, offset in bytes, more follow)."""
        if self.family == 6:
            if fragment:
                ident, at, more = fragment
                payload = struct.pack("!BBHI", proto, 0, at | more, ident) + payload
                proto = 44
            return (self.ether + struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + self.src + self.dst
                    + payload)
        self.ident = (self.ident + 1) & 0xffff
        ident, at, more = fragment or (self.ident, 0, False)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident & 0xffff,
                           (more << 13) | at // 8 if fragment else 0x4000, ttl, proto, 0) + self.src + self.dst
        return self.ether + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload

    def tcp(self, sport, dport, seq, ack, flags, data=b"", options=b"", urgent=0, bad=False, window=WINDOW):
        options += b"\x01" * (-len(options) % 4)
        head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                           (5 + len(options) // 4) << 4, flags, window, 0, urgent) + options
        total = checksum(self.pseudo(6, len(head) + len(data)) + head + data) ^ (0x5555 if bad else 0)
        return head[:16] + struct.pack("!H", total) + head[18:] + data


class Answers:
    """What comes back to a made-up host: sequence numbers of SYN/ACKs and the last acknowledgement, by port."""

    def __init__(self):
        self.sock = raw("shop")
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
        self.sock.settimeout(0.02)
        self.syn_ack, self.acked, self.reset = {}, {}, set()

    def read(self):
        try:
            while True:
                self.take(self.sock.recv(256))
        except TimeoutError:
            return

    def take(self, f):
        at = 34 if f[12:14] == b"\x08\x00" else 54
        if f[23 if at == 34 else 20] != 6 or len(f) < at + 20:
            return
        dport, seq, ack, flags = struct.unpack_from("!HIIxB", f, at + 2)
        if flags & RST:
            self.reset.add(dport)
        elif flags & (SYN | ACK) == SYN | ACK:
            self.syn_ack[dport] = seq
        elif flags & ACK:
            self.acked[dport] = ack


class Listener:
    """A real socket of a host: all that each connection reads, by the client's port. A process of its own, so that the
    sender does not wait for it."""

    def __init__(self, host, port):
        self.path = os.path.join(os.environ["E2E_DIR"], f"read-{port}")
        os.makedirs(self.path, exist_ok=True)
        with inside("cde"):
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self.sock.bind(("::", port))
            self.sock.listen(4096)
            if os.fork() == 0:
                self.serve()
        self.sock.close()

    def serve(self):
        import selectors
        watch, data = selectors.DefaultSelector(), {}
        self.sock.setblocking(False)
        watch.register(self.sock, selectors.EVENT_READ)
        while True:
            for key, _ in watch.select():
                if key.fileobj is self.sock:
                    try:
                        c, peer = self.sock.accept()
                    except OSError:
                        continue
                    c.setblocking(False)
                    data[c] = (peer[0].replace("::ffff:", ""), peer[1])
                    watch.register(c, selectors.EVENT_READ)
                    open(self.file(*data[c]), "wb").close()
                    continue
                try:
                    got = key.fileobj.recv(65536)
                except BlockingIOError:
                    continue
                except OSError:
                    got = b""
                if got:
                    with open(self.file(*data[key.fileobj]), "ab") as f:
                        f.write(got)
                else:
                    watch.unregister(key.fileobj)
                    key.fileobj.close()

    def file(self, ip, port):
        return os.path.join(self.path, f"{ip.replace(':', '_')}-{port}")

    def read(self, ip, port):
        try:
            with open(self.file(ip, port), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None
