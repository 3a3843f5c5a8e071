"""Capture files, written and read by hand: what is tested is not its own witness."""

import struct
from collections import namedtuple

ETHERNET, RAW, SLL, SLL2, NULL, LOOP, IPV4, IPV6 = 1, 101, 113, 276, 0, 108, 228, 229

# time in nanoseconds; data: the bytes kept; wire: length on the wire
Record = namedtuple("Record", "time link data wire")


def pcap(records, link, nanoseconds=False, big=False):
    order = ">" if big else "<"
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for r in records:
        assert r.link == link, "one pcap, one link type"
        part = r.time % 10**9 if nanoseconds else r.time % 10**9 // 1000
        out.append(struct.pack(order + "IIII", r.time // 10**9, part, len(r.data), r.wire) + r.data)
    return b"".join(out)


def _block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(records, big=False, snaplens=None):
    """An interface for each link type, in nanoseconds; snaplens: by link type."""
    order = ">" if big else "<"
    out = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    links = []
    for r in records:
        if r.link not in links:
            links.append(r.link)
            snap = (snaplens or {}).get(r.link, 0)
            options = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0)
            out.append(_block(order, 1, struct.pack(order + "HHI", r.link, 0, snap) + options))
        body = struct.pack(order + "IIIII", links.index(r.link), r.time >> 32, r.time & 0xFFFFFFFF, len(r.data), r.wire)
        out.append(_block(order, 6, body + r.data + bytes(-len(r.data) % 4)))
    return b"".join(out)


def _read_pcapng(b):
    links, out, at = [], [], 0
    while at < len(b):
        kind, size = struct.unpack_from("<II", b, at)
        assert b[at + size - 4 : at + size] == b[at + 4 : at + 8], "a block's two lengths differ"
        if kind == 1:
            links.append(struct.unpack_from("<H", b, at + 8)[0])
            assert struct.unpack_from("<HHB", b, at + 16) == (9, 1, 9), "interface is not in nanoseconds"
        elif kind == 6:
            index, high, low, kept, wire = struct.unpack_from("<IIIII", b, at + 8)
            out.append(Record(high << 32 | low, links[index], b[at + 28 : at + 28 + kept], wire))
        at += size
    return out


def read(path):
    """What bulkhead-replay wrote: little-endian."""
    with open(path, "rb") as f:
        b = f.read()
    if b[:4] == b"\x0a\x0d\x0d\x0a":
        return _read_pcapng(b)
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", b)
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    out, at = [], 24
    while at < len(b):
        sec, part, kept, wire = struct.unpack_from("<IIII", b, at)
        out.append(Record(sec * 10**9 + part * unit, link, b[at + 16 : at + 16 + kept], wire))
        assert len(out[-1].data) == kept, "the last packet is cut"
        at += 16 + kept
    return out
