"""A day of an office and its servers, from a seed: whoever works there surfs, mails and logs in, machines ask one another how
they are, resolve names, back up at night. Nobody attacks anybody."""

import base64
import random
import struct
import subprocess
import tempfile

from lib.conversation import ACK, RST, SYN, SYN_OPTIONS, Frames, Tcp

HOUR, DAY = 3600.0, 86400.0
CLIENTS = [f"10.1.0.{n}" for n in range(10, 50)]
WEB, INTRANET, DB, SSH, MAIL, NAMES, BACKUP = (f"10.2.0.{n}" for n in range(10, 17))
SERVERS = [f"10.2.{n // 200}.{20 + n % 200}" for n in range(150)]
MONITOR, BUILDER, BALANCER, SHOP = "10.1.1.5", "10.1.1.6", "10.1.1.7", "10.1.1.8"
FILLER = bytes(range(256)) * 400


def certificate():
    """Of a server, for years to come, in DER."""
    with tempfile.TemporaryDirectory() as path:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "800", "-subj", "/CN=www.example.net", "-keyout", f"{path}/k", "-outform", "DER", "-out", f"{path}/c"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(f"{path}/c", "rb") as f:
            return f.read()


class Day:
    def __init__(self, seed, hours=24):
        self.rng, self.frames, self.end = random.Random(seed), Frames(), hours * HOUR
        self.sport, self.der = {}, certificate()

    def records(self):
        for part in (self.surfing, self.names, self.secure, self.shells, self.databases, self.checks, self.mail, self.chatter,
                     self.building, self.backups, self.leisure, self.mishaps):
            part()
        return sorted((at, f) for at, f in self.frames.all if at < self.end)

    # ---- small things

    def times(self, every, spread=0.5, begin=0.0):
        """Moments at about this distance."""
        at = begin + self.rng.uniform(0, every)
        while at < self.end:
            yield at
            at += every * self.rng.uniform(1 - spread, 1 + spread)

    def working(self, every):
        """The same in the hours of work, or in what there is of the day."""
        for at in self.times(every):
            if self.end < DAY or 8 * HOUR < at < 18 * HOUR or self.rng.random() < 0.05:
                yield at

    def port(self, host):
        self.sport[host] = 32768 + (self.sport.get(host, 0) + 1) % 28000
        return self.sport[host]

    def tcp(self, at, client, server, port, rtt=0.002):
        return Tcp(self.frames, at, client, server, (self.port(client), port), rtt).opened()

    def outside(self):
        return f"93.{self.rng.randrange(16, 240)}.{self.rng.randrange(256)}.{self.rng.randrange(1, 255)}"

    # ---- HTTP

    @staticmethod
    def get(path, more=""):
        return (f"GET {path} HTTP/1.1\r\nHost: www.office.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
                f"Accept: */*\r\n{more}\r\n").encode()

    @staticmethod
    def answer(n, status="200 OK", more=""):
        return f"HTTP/1.1 {status}\r\nServer: nginx\r\nContent-Length: {n}\r\n{more}\r\n".encode() + FILLER[:n]

    def surfing(self):
        for at in self.working(90):
            c = self.tcp(at, self.rng.choice(CLIENTS), WEB, 80)
            for _ in range(self.rng.randrange(1, 12)):
                if self.rng.random() < 0.1:
                    form = b"name=somebody&note=" + b"x" * self.rng.randrange(2000)
                    c.say(0, f"POST /form HTTP/1.1\r\nHost: www.office.example\r\nContent-Length: {len(form)}\r\n\r\n".encode() +
                          form, self.rng.uniform(0.5, 20))
                else:
                    c.say(0, self.get(f"/page{self.rng.randrange(900)}.html"), self.rng.uniform(0.1, 20))
                kind = self.rng.choice(["200 OK"] * 9 + ["404 Not Found", "403 Forbidden"])
                c.say(1, self.answer(self.rng.randrange(200, 9000), kind), self.rng.uniform(0.01, 0.3))
            c.close(1, self.rng.uniform(5, 65))
        for at in self.working(400):  # polls that wait, and connections that browsers open in case they need them
            c = self.tcp(at, self.rng.choice(CLIENTS), WEB, 80)
            for _ in range(4):
                c.say(0, self.get("/news?wait=55"), 0.2).say(1, self.answer(2), self.rng.uniform(20, 55))
            c.close()
            self.tcp(at, self.rng.choice(CLIENTS), WEB, 80).close(1, 60)
        for at in self.working(150):  # log-ins of a domain: three steps, of which two are refused
            client = self.rng.choice(CLIENTS)
            for _ in range(6):
                c = self.tcp(at, client, INTRANET, 80)
                c.say(0, self.get("/")).say(1, self.answer(50, "401 Unauthorized", "WWW-Authenticate: NTLM\r\n"))
                c.say(0, self.get("/", "Authorization: NTLM TlRMTVNTUAABAAAA\r\n"))
                c.say(1, self.answer(50, "401 Unauthorized", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n"))
                c.say(0, self.get("/", "Authorization: NTLM TlRMTVNTUAADAAAA\r\n")).say(1, self.answer(3000)).close(0, 3)

    # ---- names

    def question(self, at, client, name, kind=1, size=60):
        ident, port = self.rng.randrange(65536), self.port(client)
        wire = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
        tail = wire + struct.pack("!HH", kind, 1)
        self.frames.udp(at, client, NAMES, (port, 53), struct.pack("!HHHHHH", ident, 0x100, 1, 0, 0, 0) + tail)
        data = bytes([size % 251]) * max(4, size - 40)
        if kind == 16:
            data = b"".join(bytes([len(p)]) + p for p in (data[i:i + 255] for i in range(0, len(data), 255)))
        else:
            data, size = bytes([93, 184, 216, 34]) if kind == 1 else bytes(16), 0
        kind = kind if kind in (1, 16, 28) else 28
        self.frames.udp(at + 0.004, NAMES, client, (53, port), struct.pack("!HHHHHH", ident, 0x8180, 1, 1, 0, 0) + tail +
                        struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(data) if kind != 28 else 16) +
                        (data if kind != 28 else bytes(16)))

    def token(self, n, letters="abcdefghijklmnopqrstuvwxyz0123456789"):
        return "".join(self.rng.choice(letters) for _ in range(n))

    def names(self):
        networks = (lambda: f"d{self.token(13)}.cloudfront.net", lambda: f"r{self.rng.randrange(9)}---sn-{self.token(8)}."
                    "googlevideo.com", lambda: f"e{self.rng.randrange(99999)}.dscb.akamaiedge.net",
                    lambda: f"{self.token(12)}.s3.eu-central-1.amazonaws.com", lambda: "www.example.org",
                    lambda: f"{self.token(8)}.azureedge.net", lambda: f"scontent-{self.token(6)}.xx.fbcdn.net",
                    lambda: f"{self.token(20)}.us-east-1.elb.amazonaws.com")
        for at in self.working(60):
            client = self.rng.choice(CLIENTS)
            for i in range(self.rng.randrange(2, 40)):  # of one page
                name = self.rng.choice(networks)()
                self.question(at + i * 0.01, client, name)
                self.question(at + i * 0.01, client, name, 28)
        for at in self.times(300):  # a mail: lists of senders, policies, keys
            for i in range(self.rng.randrange(1, 12)):
                who = ".".join(str(self.rng.randrange(256)) for _ in range(4))
                for suffix in ("zen.spamhaus.org", "bl.spamcop.net", "b.barracudacentral.org"):
                    self.question(at + i * 0.1, MAIL, f"{who}.{suffix}")
                self.question(at + i * 0.1, MAIL, f"{self.token(8)}.example", 16, 300)
                self.question(at + i * 0.1, MAIL, f"selector{i}._domainkey.{self.token(9)}.example", 16, 400)
        for at in self.times(4 * HOUR):  # addresses in a log become names
            for i in range(90):
                address = ".".join(self.token(32, "0123456789abcdef"))
                self.question(at + i * 0.3, MONITOR, f"{address}.ip6.arpa" if i % 2 else
                              f"{self.rng.randrange(256)}.{i}.0.193.in-addr.arpa", 12)
        for at in self.times(2 * HOUR):  # an answer in fragments
            self.question(at, MAIL, "large.example", 16, 1900)

    # ---- TLS

    @staticmethod
    def record(kind, data):
        return bytes([kind, 3, 3]) + struct.pack("!H", len(data)) + data

    def hello(self, server, newest):
        body = b"\3\3" + bytes(self.rng.randrange(1, 256) for _ in range(32)) + b"\x20" + bytes(32)
        body += b"\x13\1\0" if server and newest else b"\xc0\x2f\0" if server else b"\0\4\x13\1\xc0\x2f\1\0"
        if newest:
            more = struct.pack("!HH", 43, 2 if server else 3) + (b"\3\4" if server else b"\2\3\4")
            body += struct.pack("!H", len(more)) + more
        else:
            body += b"\0\0"
        return self.record(22, (b"\2" if server else b"\1") + struct.pack("!I", len(body))[1:] + body)

    def secure(self):
        for at in self.working(45):
            newest = self.rng.random() < 0.7
            c = self.tcp(at, self.rng.choice(CLIENTS), self.outside() if self.rng.random() < 0.6 else WEB, 443, 0.03)
            c.say(0, self.hello(False, newest))
            flight = self.hello(True, newest)
            if not newest:
                one = struct.pack("!I", len(self.der))[1:] + self.der
                several = struct.pack("!I", len(one))[1:] + one
                flight += self.record(22, b"\x0b" + struct.pack("!I", len(several))[1:] + several + b"\x0e\0\0\0")
            c.say(1, flight + (self.record(20, b"\1") + self.record(23, FILLER[:900]) if newest else b""))
            c.say(0, self.record(20, b"\1") + self.record(22 if not newest else 23, FILLER[:40]))
            if not newest:
                c.say(1, self.record(20, b"\1") + self.record(22, FILLER[:40]))
            for _ in range(self.rng.randrange(1, 6)):
                c.say(0, self.record(23, FILLER[:self.rng.randrange(100, 900)]), self.rng.uniform(0.1, 30))
                c.say(1, self.record(23, FILLER[:self.rng.randrange(100, 12000)]), 0.05)
            c.close(self.rng.randrange(2), self.rng.uniform(0, 60))

    # ---- SSH

    def shell(self, at, client, server, wrong):
        """Sizes of the server's encrypted messages: accept 44, failure 60, success 28."""
        c = self.tcp(at, client, server, 22)
        kex = struct.pack("!IBB", 600, 4, 20) + FILLER[:598]
        keys = struct.pack("!IBB", 12, 10, 21) + bytes(10)
        c.say(0, b"SSH-2.0-OpenSSH_9.2p1\r\n").say(1, b"SSH-2.0-OpenSSH_9.2p1\r\n").say(0, kex).say(1, kex)
        c.say(0, struct.pack("!IBB", 44, 6, 30) + FILLER[:42]).say(1, struct.pack("!IBB", 252, 6, 31) + FILLER[:250] + keys)
        c.say(0, keys).say(0, FILLER[:44]).say(1, FILLER[:44])
        for _ in range(1 + wrong):
            c.say(0, FILLER[:100], self.rng.uniform(0.1, 4)).say(1, FILLER[:60], 0.1)
        c.say(0, FILLER[:200], 1)
        if wrong >= 3:
            return c.say(1, FILLER[:60], 0.1).close()
        c.say(1, FILLER[:28], 0.1).say(1, FILLER[:600])
        for _ in range(self.rng.randrange(2, 20)):
            c.say(0, FILLER[:36], self.rng.uniform(0.1, 3)).say(1, FILLER[:self.rng.randrange(36, 900)])
        return c.close()

    def shells(self):
        for at in self.working(600):
            self.shell(at, self.rng.choice(CLIENTS), SSH, self.rng.choice([0, 0, 0, 0, 1, 2, 3]))
        for at in self.times(6 * HOUR):  # who sets up many machines at once
            for n, server in enumerate(SERVERS[:40]):
                self.shell(at + n * 0.5, BUILDER, server, 0)

    # ---- databases

    def databases(self):
        for at in self.times(300):
            c = self.tcp(at, SHOP, DB, 3306)
            greeting = b"\x0a8.0.36\0" + struct.pack("<I", 9) + b"abcdefgh\0\xff\xf7\x21\2\0\xff\xdf\x15" + bytes(10)
            greeting += b"ijklmnopqrst\0mysql_native_password\0"
            c.say(1, struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
            login = struct.pack("<IIB", 0x000FA68D, 1 << 24, 33) + bytes(23) + b"shop\0\x14" + bytes(20) + b"orders\0" \
                b"mysql_native_password\0"
            c.say(0, struct.pack("<I", len(login))[:3] + b"\1" + login).say(1, b"\7\0\0\2\0\0\0\2\0\0\0")
            for _ in range(self.rng.randrange(3, 30)):
                text = b"\3select * from orders where id = %d" % self.rng.randrange(10**6)
                c.say(0, struct.pack("<I", len(text))[:3] + b"\0" + text, self.rng.uniform(0.1, 8))
                c.say(1, b"\7\0\0\1\0\0\0\2\0\0\0", 0.002)
            c.say(0, b"\1\0\0\0\1").close()
        for at in self.times(HOUR):  # one that stays open
            c = self.tcp(at, SHOP, DB, 6379)
            for _ in range(100):
                c.say(0, b"*1\r\n$4\r\nPING\r\n", 30).say(1, b"+PONG\r\n")
            c.close()

    # ---- machines

    def checks(self):
        for n, server in enumerate((WEB, INTRANET)):
            at = n * 1.0
            while at < self.end:  # to the second, all day
                self.tcp(at, BALANCER, server, 80).say(0, self.get("/health")).say(1, self.answer(2)).close()
                at += 60
        at = 0.5
        while at < self.end:  # half a handshake is enough to know
            c = Tcp(self.frames, at, BALANCER, DB, (self.port(BALANCER), 3306)).opened()
            c.segment(0, RST | ACK)
            at += 30
        seq, at = 0, 3.0
        while at < self.end:  # everybody at once
            for n, server in enumerate(SERVERS):
                self.frames.echo(at + n * 0.001, MONITOR, server, 4000 + n, seq, struct.pack("!d", at) + b"check" * 10)
            seq, at = seq + 1 & 0xFFFF, at + 600

    def mail(self):
        for at in self.times(240):
            c = self.tcp(at, self.outside(), MAIL, 25, 0.04)
            c.say(1, b"220 mail.office.example ESMTP\r\n").say(0, b"EHLO a.example\r\n")
            c.say(1, b"250-mail.office.example\r\n250 8BITMIME\r\n").say(0, b"MAIL FROM:<a@a.example>\r\n").say(1, b"250 Ok\r\n")
            c.say(0, b"RCPT TO:<b@office.example>\r\n").say(1, b"250 Ok\r\n").say(0, b"DATA\r\n").say(1, b"354 go on\r\n")
            text = base64.encodebytes(FILLER[:self.rng.randrange(300, 20000)])
            c.say(0, b"Subject: report\r\n\r\n" + text.replace(b"\n", b"\r\n") + b"\r\n.\r\n").say(1, b"250 Ok\r\n")
            c.say(0, b"QUIT\r\n").say(1, b"221 Bye\r\n").close(1)

    def chatter(self):
        hosts = CLIENTS + SERVERS[:20] + [WEB, INTRANET, DB, SSH, MAIL, NAMES, MONITOR]
        for host in hosts:
            self.frames.arp(self.rng.uniform(0, 60), 1, host, host, host)
            for at in self.times(1200):
                other = self.rng.choice(hosts)
                self.frames.arp(at, 1, host, host, other)
                self.frames.arp(at + 0.0005, 2, other, host, host)
        for host in CLIENTS:
            for at in self.times(900):
                self.frames.udp(at, host, "224.0.0.251", (5353, 5353), b"\0\0\0\0\0\1\0\0\0\0\0\0\x0b_googlecast\4_tcp\5local\0\0\x0c\0\1")
                self.frames.udp(at + 2, host, "239.255.255.250", (self.port(host), 1900), b"M-SEARCH * HTTP/1.1\r\nHOST: "
                                b"239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:dial\r\n\r\n")
            at = self.rng.uniform(0, 1024)
            while at < self.end:  # the time, to the second
                self.frames.udp(at, host, "93.184.10.10", (123, 123), b"\x23" + bytes(47))
                self.frames.udp(at + 0.02, "93.184.10.10", host, (123, 123), b"\x24\2" + bytes(46))
                at += 1024

    def building(self):
        """Fetches many sources, each time told first that it has to log in."""
        for at in self.working(HOUR):
            for n in range(50):
                c = self.tcp(at + n, BUILDER, INTRANET, 80)
                c.say(0, self.get(f"/git/{n}/info/refs")).say(1, self.answer(20, "401 Unauthorized",
                                                                              "WWW-Authenticate: Basic realm=git\r\n"))
                c.say(0, self.get(f"/git/{n}/info/refs", "Authorization: Basic Ym90OmJvdA==\r\n")).say(1, self.answer(700)).close()

    def backups(self):
        for n, host in enumerate(CLIENTS[:6]):
            if 2 * HOUR < self.end:
                c = self.tcp(1.5 * HOUR + n * 300, host, BACKUP, 873)
                c.say(1, b"@RSYNCD: 31.0\n").say(0, b"@RSYNCD: 31.0\n")
                for _ in range(40):
                    c.say(0, FILLER[:90000], 0.01)
                c.close()

    # ---- people

    def leisure(self):
        for at in self.working(3 * HOUR):  # a film that is stopped for a while: no room for more
            c = self.tcp(at, self.rng.choice(CLIENTS), WEB, 80).say(0, self.get("/film.mp4"))
            c.say(1, b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + FILLER[:100000])
            for _ in range(4):
                c.say(1, FILLER[:90000], 0.2)
            for window, after in ((0, 0.1), (0, 3), (0, 6), (0, 12), (64000, 1)):
                c.at += after
                c.window[0] = window
                c.segment(0, ACK)
            c.say(1, FILLER[:60000]).segment(0, RST | ACK)
        for at in self.working(1800):  # is it there?
            client, n = self.rng.choice(CLIENTS), self.rng.choice([32, 56, 1400])
            for i in range(5):
                self.frames.echo(at + i, client, self.rng.choice([WEB, self.outside()]), 77, i, struct.pack("!d", at + i) + bytes(
                    range(8, 8 + min(n, 200))) * (n // 200 + 1))
        for at in self.working(1800):  # something heavy goes up slowly
            c = self.tcp(at, self.rng.choice(CLIENTS), WEB, 80)
            c.say(0, b"POST /upload HTTP/1.1\r\nHost: www.office.example\r\nContent-Length: 60000\r\n\r\n")
            for _ in range(60):
                c.say(0, FILLER[:1000], self.rng.uniform(0.2, 2))
            c.say(1, self.answer(2)).close()

    def mishaps(self):
        for at in self.times(HOUR):  # a printer that is off
            c = Tcp(self.frames, at, CLIENTS[0], "10.2.0.250", (self.port(CLIENTS[0]), 9100))
            for late in (1, 2, 4):
                c.at, c.seq[0] = c.at + late, c.seq[0] - 1
                c.segment(0, SYN, options=SYN_OPTIONS)
        for at in self.working(HOUR):  # services that are not there
            client = self.rng.choice(CLIENTS)
            for port in (445, 139, 8080):
                c = Tcp(self.frames, at, client, WEB, (self.port(client), port))
                c.segment(1, RST | ACK)
