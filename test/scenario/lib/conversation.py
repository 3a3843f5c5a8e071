"""Frames and TCP connections made fast, for captures of a hundred thousand packets: no checksums, no options but a SYN's."""

import socket
import struct

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
MSS = 1448
SYN_OPTIONS = b"\2\4\5\xb4\4\2\1\1\1\3\3\7"


def mac(address):
    return b"\2\0" + socket.inet_aton(address)


class Frames:
    """What is on the wire: (time in seconds, frame), in any order."""

    def __init__(self):
        self.all, self.ident = [], 0

    def ip(self, at, src, dst, proto, payload):
        """A packet, in fragments if it is longer than a frame."""
        self.ident = self.ident + 1 & 0xFFFF
        head = mac(dst) + mac(src) + b"\x08\0"
        for begin in range(0, max(len(payload), 1), 1480):
            part = payload[begin:begin + 1480]
            flags = (0x2000 if begin + 1480 < len(payload) else 0) | begin // 8
            self.all.append((at, head + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), self.ident, flags, 64, proto, 0,
                                                    socket.inet_aton(src), socket.inet_aton(dst)) + part))

    def udp(self, at, src, dst, ports, data):
        self.ip(at, src, dst, 17, struct.pack("!HHHH", *ports, 8 + len(data), 0) + data)

    def echo(self, at, src, dst, ident, seq, data, reply=True):
        for kind, a, b, late in ((8, src, dst, 0), (0, dst, src, 0.001))[:1 + reply]:
            self.ip(at + late, a, b, 1, struct.pack("!BBHHH", kind, 0, 0, ident, seq) + data)

    def arp(self, at, kind, src, dst, asked):
        head = (b"\xff" * 6 if kind == 1 else mac(dst)) + mac(src) + b"\x08\6"
        body = struct.pack("!HHBBH", 1, 0x800, 6, 4, kind) + mac(src) + socket.inet_aton(src)
        self.all.append((at, head + body + (bytes(6) if kind == 1 else mac(dst)) + socket.inet_aton(asked)))


class Tcp:
    """One connection; time goes on with each thing said."""

    def __init__(self, frames, at, client, server, ports, rtt=0.002):  # pylint: disable=too-many-arguments
        self.frames, self.at, self.host, self.port, self.rtt = frames, at, (client, server), ports, rtt
        self.seq, self.window = [1000 + int(at) & 0xFFFFFF, 77000], [64000, 64000]
        self.segment(0, SYN, options=SYN_OPTIONS)

    def segment(self, side, flags, data=b"", options=b""):
        head = struct.pack("!HHIIBBHHH", self.port[side], self.port[1 - side], self.seq[side] & 0xFFFFFFFF,
                           self.seq[1 - side] & 0xFFFFFFFF if flags & ACK else 0, (20 + len(options)) * 4, flags,
                           self.window[side], 0, 0) + options
        self.frames.ip(self.at, self.host[side], self.host[1 - side], 6, head + data)
        self.seq[side] += len(data) + (flags & (SYN | FIN) != 0)
        self.at += 0.00002

    def opened(self):
        self.at += self.rtt / 2
        self.segment(1, SYN | ACK, options=SYN_OPTIONS)
        self.at += self.rtt / 2
        self.segment(0, ACK)
        return self

    def say(self, side, data, after=0.0):
        """Data in segments, each second one acknowledged."""
        self.at += after
        for n, begin in enumerate(range(0, len(data), MSS)):
            last = begin + MSS >= len(data)
            self.segment(side, ACK | PSH if last else ACK, data[begin:begin + MSS])
            if last or n % 2:
                self.at += self.rtt / 2
                self.segment(1 - side, ACK)
        return self

    def close(self, first=0, after=0.0):
        self.at += after
        self.segment(first, FIN | ACK)
        self.at += self.rtt / 2
        self.segment(1 - first, FIN | ACK)
        self.at += self.rtt / 2
        self.segment(first, ACK)
        return self
