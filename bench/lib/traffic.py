"""Captures for whoever reads captures: ordinary traffic from a seed, and in it what the rules of ruleset.py look for.

    traffic.mixed(n), traffic.keepalive(n)      records of some n packets, in order of time"""
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test/scenario"))
from lib.capture import ETHERNET, Record, pcap
from lib.conversation import Frames, Tcp

from ruleset import PLANTED

START = 1_700_000_000
APART = 0.00002  # seconds between two packets, more or less: some 100 connections at once
TEXT = ("the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we "
        "when your can said there use an each which she do how their if will up other about out many then them these so some her would "
        "make like him into time has look two more write go see number no way could people my than first water been call who oil its now "
        "find long down day did get come made may part order customer address street city invoice delivery article price amount").split()
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", "curl/8.5.0",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1")


class Traffic:
    def __init__(self, seed):
        self.rng, self.frames, self.hosts = random.Random(seed), Frames(), 0
        self.blobs = [self.rng.randbytes(16384) for _ in range(16)]
        self.pages = [self.page(self.rng.randrange(400, 12000)) for _ in range(48)]

    def words(self, n, between=" "):
        return between.join(self.rng.choice(TEXT) for _ in range(n))

    def page(self, size):
        out = [f"<!DOCTYPE html><html><head><title>{self.words(4)}</title><script src=\"/js/{self.words(1)}.js\"></script></head><body>"]
        while sum(map(len, out)) < size:
            out.append(f'<div class="{self.words(2, "-")}"><a href="/{self.words(2, "/")}?id={self.rng.randrange(99999)}">{self.words(3)}</a>'
                       f"<p>{self.words(self.rng.randrange(5, 40))}</p></div>\n")
        return "".join(out).encode() + b"</body></html>"

    def tcp(self, at, port):
        """A connection of hosts that have not been seen before, often enough."""
        self.hosts += 1
        client, server = f"10.{self.hosts >> 14 & 63}.{self.hosts >> 6 & 255}.{1 + (self.hosts & 63)}", f"192.0.2.{1 + self.rng.randrange(200)}"
        return Tcp(self.frames, at, client, server, (32768 + self.hosts % 28000, port)).opened()

    def blob(self, n):
        at = self.rng.randrange(0, 4096)
        return self.rng.choice(self.blobs)[at:at + n]

    # ---- HTTP

    def request(self, hit):
        rng = self.rng
        uri = f"/{self.words(2, '/')}/{self.words(1)}.{rng.choice(('html', 'php', 'js', 'css', 'png'))}"
        if rng.random() < 0.5:
            uri += f"?id={rng.randrange(99999)}&{self.words(1)}={self.words(1)}&page={rng.randrange(20)}"
        agent, body = rng.choice(AGENTS), b""
        if hit and hit[0] == "uri":
            uri = hit[1]
        elif hit and hit[0] == "agent":
            agent = hit[1]
        if hit and hit[0] == "body":
            body = hit[1].encode()
        elif rng.random() < 0.15:
            body = "&".join(f"{self.words(1)}={self.words(rng.randrange(1, 5), '+')}" for _ in range(rng.randrange(2, 9))).encode()
        head = (f"{'POST' if body else 'GET'} {uri} HTTP/1.1\r\nHost: {rng.choice(('www', 'shop', 'api'))}.example.com\r\nUser-Agent: {agent}\r\n"
                "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
                f"Cookie: session={rng.randbytes(16).hex()}; theme=dark\r\n")
        if body:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def answer(self, hit):
        if hit and hit[0] == "page":
            kind, body = "text/html", self.pages[0] + hit[1].encode()
        elif self.rng.random() < 0.75:
            kind, body = "text/html", self.rng.choice(self.pages)
        else:
            kind, body = "image/png", b"\x89PNG\r\n\x1a\n" + self.blob(self.rng.randrange(300, 12000))
        return (f"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jul 2024 10:00:00 GMT\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\nCache-Control: max-age=3600\r\n\r\n").encode() + body

    def http(self, at, requests, hit=None):
        c = self.tcp(at, 80)
        for i in range(requests):
            now = hit if i == requests // 2 else None
            c.say(0, self.request(now), 0.002).say(1, self.answer(now), 0.001)
        c.close()

    # ---- others

    def name(self, at, hit=None):
        rng = self.rng
        name = hit[1] if hit else f"{self.words(2, '-')}.{rng.choice(('example.com', 'example.net', 'cdn.example.org'))}"
        client, port, ident = f"10.9.{rng.randrange(256)}.{1 + rng.randrange(250)}", 20000 + rng.randrange(40000), rng.randrange(65536)
        wire = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0\0\1\0\1"
        self.frames.udp(at, client, "192.0.2.53", (port, 53), struct.pack("!HHHHHH", ident, 0x100, 1, 0, 0, 0) + wire)
        self.frames.udp(at + 0.002, "192.0.2.53", client, (53, port), struct.pack("!HHHHHH", ident, 0x8180, 1, 2, 0, 0) + wire +
                        b"".join(struct.pack("!HHHIH4s", 0xC00C, 1, 1, 300, 4, rng.randbytes(4)) for _ in range(2)))

    @staticmethod
    def record(kind, data):
        return b"".join(bytes([kind, 3, 3]) + struct.pack("!H", len(data[i:i + 16000])) + data[i:i + 16000] for i in range(0, len(data), 16000))

    def tls(self, at, hit=None):
        def extension(kind, body):
            return struct.pack("!HH", kind, len(body)) + body
        rng = self.rng
        c, name = self.tcp(at, 443), (hit[1] if hit else f"{self.words(2, '-')}.example.com").encode()
        more = (extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name) + extension(43, b"\2\3\4") +
                extension(10, b"\0\4\0\x1d\0\x17") + extension(13, b"\0\4\4\3\x08\4") + extension(51, b"\0\x26\0\x24\0\x1d\0\x20" + rng.randbytes(32)))
        body = b"\3\3" + rng.randbytes(32) + b"\x20" + rng.randbytes(32) + b"\0\6\x13\1\x13\2\xc0\x2f\1\0" + struct.pack("!H", len(more)) + more
        c.say(0, self.record(22, b"\1" + struct.pack("!I", len(body))[1:] + body))
        more = extension(43, b"\3\4") + extension(51, b"\0\x1d\0\x20" + rng.randbytes(32))
        body = b"\3\3" + rng.randbytes(32) + b"\x20" + bytes(32) + b"\x13\1\0" + struct.pack("!H", len(more)) + more
        c.say(1, self.record(22, b"\2" + struct.pack("!I", len(body))[1:] + body) + self.record(20, b"\1") + self.record(23, self.blob(2500)))
        c.say(0, self.record(20, b"\1") + self.record(23, self.blob(53)))
        for _ in range(rng.randrange(1, 6)):
            c.say(0, self.record(23, self.blob(rng.randrange(200, 900))), 0.003)
            c.say(1, self.record(23, self.blob(rng.randrange(200, 12000))), 0.002)
        c.close()

    def redis(self, at):
        c = self.tcp(at, 6379)
        for _ in range(self.rng.randrange(5, 40)):
            key, value = self.words(2, ":"), self.words(self.rng.randrange(1, 40)).encode()
            if self.rng.random() < 0.5:
                c.say(0, b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key.encode(), len(value), value), 0.001).say(1, b"+OK\r\n")
            else:
                c.say(0, b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key.encode()), 0.001).say(1, b"$%d\r\n%s\r\n" % (len(value), value))
        c.close()

    def mysql(self, at):
        def packet(seq, body):
            return struct.pack("<I", len(body))[:3] + bytes([seq]) + body
        c = self.tcp(at, 3306)
        c.say(1, packet(0, b"\x0a8.0.36\0" + struct.pack("<I", 9) + b"abcdefgh\0\xff\xf7\x21\2\0\xff\xdf\x15" + bytes(10) +
                        b"ijklmnopqrst\0mysql_native_password\0"))
        c.say(0, packet(1, struct.pack("<IIB", 0x000FA68D, 1 << 24, 33) + bytes(23) + b"shop\0\x14" + self.rng.randbytes(20) +
                        b"orders\0mysql_native_password\0")).say(1, packet(2, b"\0\0\0\2\0\0\0"))
        for _ in range(self.rng.randrange(3, 20)):
            c.say(0, packet(0, f"\3update orders set note = '{self.words(9)}' where id = {self.rng.randrange(10**6)}".encode()), 0.002)
            c.say(1, packet(1, b"\0\1\0\2\0\0\0"), 0.001)
        c.say(0, packet(0, b"\1")).close()

    def mail(self, at):
        c = self.tcp(at, 25)
        c.say(1, b"220 mail.example.com ESMTP\r\n").say(0, b"EHLO client.example.net\r\n").say(1, b"250-mail.example.com\r\n250 SIZE 10240000\r\n")
        c.say(0, b"MAIL FROM:<a@example.net>\r\n").say(1, b"250 ok\r\n").say(0, b"RCPT TO:<b@example.com>\r\n").say(1, b"250 ok\r\n")
        c.say(0, b"DATA\r\n").say(1, b"354 go on\r\n")
        text = "\r\n".join(self.words(10) for _ in range(self.rng.randrange(5, 80)))
        c.say(0, f"From: a@example.net\r\nTo: b@example.com\r\nSubject: {self.words(4)}\r\n\r\n{text}\r\n.\r\n".encode()).say(1, b"250 ok\r\n")
        c.say(0, b"QUIT\r\n").say(1, b"221 bye\r\n").close()

    def shell(self, at):
        c = self.tcp(at, 22)
        kex = struct.pack("!IBB", 600, 4, 20) + self.blob(16) + self.blob(582)
        c.say(0, b"SSH-2.0-OpenSSH_9.2p1\r\n").say(1, b"SSH-2.0-OpenSSH_9.2p1\r\n").say(0, kex).say(1, kex)
        for _ in range(self.rng.randrange(5, 40)):
            c.say(0, self.blob(36), 0.01).say(1, self.blob(self.rng.randrange(36, 900)), 0.005)
        c.close()

    def own(self, at, hit=None):
        """A protocol that nobody knows."""
        c = self.tcp(at, 4000)
        for _ in range(self.rng.randrange(3, 20)):
            c.say(0, b"\x7f\x02" + self.blob(self.rng.randrange(50, 400)), 0.002).say(1, b"\x7f\x03" + self.blob(self.rng.randrange(50, 3000)), 0.002)
        if hit:
            c.say(0, b"\x7f\x02" + self.blob(60) + hit[1] + self.blob(60))
        c.close()

    def voice(self, at):
        a, b = f"10.7.{self.rng.randrange(256)}.{1 + self.rng.randrange(250)}", f"192.0.2.{1 + self.rng.randrange(200)}"
        ports = (20000 + 2 * self.rng.randrange(9000), 20000 + 2 * self.rng.randrange(9000))
        for i in range(self.rng.randrange(10, 60)):
            for k in range(2):
                self.frames.udp(at + 0.02 * i, (a, b)[k], (b, a)[k], (ports[k], ports[1 - k]),
                                struct.pack("!BBHII", 0x80, 0, i, 160 * i, ports[k]) + self.blob(160))

    def records(self):
        out = [Record(START * 10**9 + round(at * 1e9), ETHERNET, frame, len(frame)) for at, frame in self.frames.all]
        out.sort(key=lambda r: r.time)
        return out


PLACES = {"uri": Traffic.http, "agent": Traffic.http, "body": Traffic.http, "page": Traffic.http, "name": Traffic.name, "sni": Traffic.tls,
          "bytes": Traffic.own}


def plant(t, at, hit):
    if PLACES[hit[0]] is Traffic.http:
        t.http(at, 3, hit)
    else:
        PLACES[hit[0]](t, at, hit)


def mixed(n, seed=1):
    """Returns records and the sids that they hit."""
    t, rng, at = Traffic(seed), random.Random(seed), 0.0
    kinds = ((30, lambda a: t.http(a, rng.randrange(1, 6))), (20, t.tls), (60, t.name), (6, t.redis), (5, t.mysql), (4, t.mail), (4, t.shell), (5, t.own),
             (3, t.voice))
    choice, weights = [k for _, k in kinds], [w for w, _ in kinds]
    for _, _, hit in PLANTED:
        plant(t, at, hit)
    while len(t.frames.all) < n:
        before = len(t.frames.all)
        rng.choices(choice, weights)[0](at)
        at += APART * (len(t.frames.all) - before)
    return t.records(), set(range(1, len(PLANTED) + 1))


def keepalive(n, seed=2):
    """HTTP, dozens of requests a connection."""
    t, rng, at, hits = Traffic(seed), random.Random(seed), 0.0, set()
    for i, (_, _, hit) in enumerate(PLANTED, 1):
        if PLACES[hit[0]] is Traffic.http:
            plant(t, at, hit)
            hits.add(i)
    while len(t.frames.all) < n:
        before = len(t.frames.all)
        t.http(at, rng.randrange(20, 80))
        at += APART * (len(t.frames.all) - before)
    return t.records(), hits


def write(path, records):
    path.write_bytes(pcap(records, ETHERNET))
