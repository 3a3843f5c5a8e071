"""Flows reach nfcapd over UDP and another collector over TCP, from inside the sandbox: both directions, segments, verdict; one
that goes on is told of in parts that add up."""

import glob
import json
import os
import shutil
import socket
import struct
import threading

from lib.check import Skip, main, same, until
from lib.gateway import DIR, Gateway, policy
from lib.wire import addr, attempt, connect, inside, make, run, spawn

PEN, REVERSE = 32473, 29305
START, END, REASON, SRC, DST, DPORT = (0, 152), (0, 153), (0, 136), (0, 8), (0, 12), (0, 11)
BYTES, REPLY = (0, 1), (REVERSE, 1)
SRC_SEGMENT, DST_SEGMENT, RULE, VERDICT = ((PEN, n) for n in (1, 2, 3, 4))


class Collector(threading.Thread):
    """IPFIX over TCP, as RFC 7011 says; knows elements only from templates."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.records, self.expected = [], None
        self.listener = socket.create_server(("127.0.0.1", port))
        self.start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            self.templates, self.expected = {}, 0
            with peer.makefile("rb") as f:
                while head := f.read(16):
                    version, size, _, sequence, domain = struct.unpack("!HHIII", head)
                    same((version, domain, sequence), (10, 5, self.expected), "version, domain, sequence")
                    self.message(f.read(size - 16))

    def message(self, body):
        while body:
            kind, size = struct.unpack("!HH", body[:4])
            if kind == 2:
                self.read_templates(body[4:size])
            else:
                self.read_records(self.templates[kind], body[4:size])
            body = body[size:]

    def read_templates(self, data):
        while data:
            kind, n = struct.unpack("!HH", data[:4])
            data, fields = data[4:], []
            for _ in range(n):
                element, size, pen = *struct.unpack("!HH", data[:4]), 0
                data = data[4:]
                if element & 0x8000:
                    pen, data = struct.unpack("!I", data[:4])[0], data[4:]
                fields.append(((pen, element & 0x7fff), size))
            self.templates[kind] = fields

    def read_records(self, fields, data):
        while data:
            record = {}
            for name, size in fields:
                if size == 65535:
                    size, data = data[0], data[1:]
                    record[name] = data[:size].decode()
                else:
                    record[name] = int.from_bytes(data[:size], "big")
                data = data[size:]
            self.expected += 1
            self.records.append(record)

    def of(self, port):
        return [r for r in list(self.records) if r.get(DPORT) == port and SRC in r]


def captured(folder):
    """What nfcapd has written, as nfdump reads it."""
    out = []
    for name in sorted(glob.glob(f"{folder}/nfcapd.2*")):
        text = run("nfdump", "-q", "-r", name, "-o", "json")
        if text.startswith("{"):
            out += json.loads(f"[{text}]")
    return out


def test():
    if not shutil.which("nfcapd"):
        raise Skip("needs nfcapd (apt install nfdump)")
    make()
    folder = os.path.join(DIR, "nfcapd")
    os.makedirs(folder)
    log = open(os.path.join(DIR, "nfcapd.log"), "wb")
    # It keeps its books in System V memory, which would outlive a test that fails.
    nfcapd = spawn("unshare", "--ipc", "nfcapd", "-w", folder, "-p", "4739", "-b", "127.0.0.1", "-t", "2", stdout=log)
    until(lambda: ":1283 " in run("cat", "/proc/self/net/udp"), "nfcapd listens")
    tcp = Collector(4740)
    gateway = Gateway(policy(), spool={"path": "spool"}, events={"active": "1s"}, sinks=[
        {"name": "nfcapd", "type": "ipfix", "to": "udp://127.0.0.1:4739", "templates": "1s"},
        {"name": "tcp", "type": "ipfix", "to": "tcp://127.0.0.1:4740", "domain": 5}]).start()
    with inside("cde"):
        server = socket.create_server((addr("cards"), 8080))
    client = connect("web", "cards", 8080)
    peer, _ = server.accept()

    def told_of():
        client.sendall(b"x" * 1000)
        peer.recv(1000)
        return len([r for r in tcp.of(8080) if r[REASON] == 2]) >= 3

    until(told_of, "a connection that goes on is told of", 60)
    attempt("web", "cards", 4711)
    peer.sendall(b"y" * 5000)
    client.close()
    peer.close()
    gateway.stop()

    flow, = [e for e in gateway.events("flow") if e.get("dest_port") == 8080]
    want = (flow["flow"]["bytes_toserver"], flow["flow"]["bytes_toclient"])
    parts = until(lambda: sum(r[BYTES] for r in tcp.of(8080)) == want[0] and tcp.of(8080), "all parts, over TCP")
    same(sum(r[REPLY] for r in parts), want[1], "bytes of the other direction")
    for before, after in zip(parts, parts[1:]):
        same(after[START], before[END], "a part begins where the one before ended")
    last = parts[-1]
    same((last[SRC_SEGMENT], last[DST_SEGMENT], last[RULE], last[VERDICT]), ("web", "cards", "web-to-cards", "allow"), "names")
    denied = until(lambda: tcp.of(4711), "the denied flow")[0]
    same((denied[VERDICT], denied[SRC_SEGMENT]), ("deny", "web"), "its verdict")

    def read_back():
        return sum(r.get("in_bytes", 0) for r in captured(folder) if r.get("dst_port") == 8080) == want[0]

    until(read_back, f"nfdump adds up to {want[0]}: {captured(folder)}", 60)
    mine = [r for r in captured(folder) if r.get("dst_port") == 8080]
    same({r["src4_addr"] for r in mine}, {addr("web")}, "source")
    same(sum(r.get("out_bytes", 0) for r in mine), want[1], "nfdump's bytes of the other direction")
    nfcapd.kill()


main(test)
