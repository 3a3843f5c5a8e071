"""What a socket behind the gateway reads is byte for byte what the gateway judged, whatever is sent to it.

Thousands of connections to a real Linux socket, made by hand: all pairs and triplets of overlapping chunks as TCP
segments and as IP fragments, with equal and with different bytes, over IPv4 and IPv6, with sequence numbers that wrap;
and games with handshakes, resets, acknowledgements, checksums, timestamps and urgent data, in random company.
The gateway says how many bytes of each connection it judged, and their hash; the socket says what it read.

CASES=n, SEED=n in the environment: more, and others.
"""

import itertools
import os
import random
import time

from lib.check import check, main, same, say, until
from lib.gateway import ENDPOINTS, SEGMENTS, Gateway, policy
from lib.rawtcp import ACK, FIN, PSH, RST, SYN, URG, Answers, Listener, Path
from lib.wire import make

CASES = int(os.environ.get("CASES", "10400"))
SEED = int(os.environ.get("SEED", "1"))
HOST = {4: "10.99.0.77", 6: "fd00:99::77"}
PORT, CELL, CELLS, BATCH = 8080, 8, 4, 400
HEAD = b"POST /upload HTTP/1.1\r\nHost: cards\r\nContent-Length: 4096\r\n\r\n"
SPANS = [(i, j) for i in range(CELLS) for j in range(i + 1, CELLS + 1)]
TIMESTAMPS = b"\x01\x01\x08\x0a"


class Talk:
    """One connection of the made-up host: what it will send, step by step."""

    def __init__(self, path, sport, rng, wrap=False):
        self.path, self.sport, self.rng = path, sport, rng
        self.isn = 0x100000000 - len(HEAD) - 1 - 2 * CELL if wrap else rng.randrange(1 << 32)
        self.spoiled = False
        self.peer, self.body, self.steps = None, self.isn + 1 + len(HEAD), []
        self.stamped, self.clock = rng.random() < 0.3, rng.randrange(1 << 30)

    def options(self, back=0):
        if not self.stamped:
            return b""
        self.clock += 1
        return TIMESTAMPS + (self.clock - back & 0xffffffff).to_bytes(4, "big") + b"\0\0\0\0"

    def segment(self, flags=ACK | PSH, at=0, data=b"", ack=None, back=0, **kwargs):
        """Of the body, at an offset; ack: other than what is due."""
        due = self.peer + 1 if ack is None else self.peer + 1 + ack
        return self.path.ip(self.path.tcp(self.sport, PORT, self.body + at, due, flags, data,
                                          options=self.options(back), **kwargs))

    def open(self):
        return self.path.ip(self.path.tcp(self.sport, PORT, self.isn, 0, SYN, options=self.options()))

    def fragments(self, chunks):
        """One segment of the first cells of the body, its parts as fragments that overlap."""
        ident = self.rng.randrange(1, 1 << 16)
        for span, letter in chunks:
            whole = self.path.tcp(self.sport, PORT, self.body, self.peer + 1, ACK | PSH, letter * (CELL * CELLS - 20))
            part = whole[span[0] * CELL:span[1] * CELL]
            yield self.path.ip(part, fragment=(ident, span[0] * CELL, span[1] < CELLS))

    def fill(self, chunks):
        """What no chunk had, so that the stream can go on."""
        covered = {c for (i, j), _ in chunks for c in range(i, j)}
        return [lambda c=c: self.segment(at=c * CELL, data=b"z" * CELL) for c in range(CELLS) if c not in covered]


def spell(letter, span, offset=0):
    return letter * ((span[1] - span[0]) * CELL - offset)


def overlap(talk, spans, differ):
    chunks = [(s, bytes([97 + k if differ else 97])) for k, s in enumerate(spans)]
    for s, letter in chunks:
        talk.steps.append(lambda s=s, letter=letter: talk.segment(at=s[0] * CELL, data=spell(letter, s)))
    talk.steps += talk.fill(chunks)
    talk.steps.append(lambda: talk.segment(at=CELLS * CELL, data=b"end"))


def fragmented(talk, spans, differ):
    chunks = [(s, bytes([97 + k if differ else 97])) for k, s in enumerate(spans)]
    talk.steps.append(lambda: list(talk.fragments(chunks)))
    talk.steps.append(lambda: talk.segment(data=b"a" * (CELL * CELLS - 20)))
    talk.steps.append(lambda: talk.segment(at=CELL * CELLS - 20, data=b"end"))


def at(talk):
    return talk.rng.randrange(0, CELLS * CELL)


# Each sends something that a receiver and an inspector could read differently; x is an offset in the body.
GAMES = {
    "bad checksum": lambda t, x: t.segment(at=x, data=b"BAD", bad=True),
    "rst with a bad checksum": lambda t, x: t.segment(RST | ACK, at=x, bad=True),
    "rst behind the window": lambda t, x: t.segment(RST, at=1 << 20),
    "rst in the window": lambda t, x: t.segment(RST, at=CELLS * CELL + 100 + x),
    "rst of the past": lambda t, x: t.segment(RST, at=-5),
    "fin ahead": lambda t, x: t.segment(FIN | ACK, at=CELLS * CELL + 50 + x),
    "fin of the past": lambda t, x: t.segment(FIN | ACK, at=-3),
    "syn again": lambda t, x: t.segment(SYN, at=x),
    "syn with data": lambda t, x: t.segment(SYN, at=x, data=b"SYN"),
    "syn fin": lambda t, x: t.segment(SYN | FIN, at=x),
    "syn rst": lambda t, x: t.segment(SYN | RST, at=x),
    "no flags": lambda t, x: t.segment(0, at=x, data=b"NUL"),
    "data without ack": lambda t, x: t.segment(PSH, at=x, data=b"NOA"),
    "acknowledges the future": lambda t, x: t.segment(at=x, data=b"FUT", ack=100000),
    "acknowledges the distant past": lambda t, x: t.segment(at=x, data=b"OLD", ack=-(1 << 30)),
    "out of the window": lambda t, x: t.segment(at=(1 << 24) + x, data=b"OUT"),
    "before the first byte": lambda t, x: t.segment(at=-len(HEAD) - 8, data=b"BEFORE01"),
    "head again, other": lambda t, x: t.segment(at=-len(HEAD), data=HEAD.replace(b"upload", b"DELETE")),
    "keep-alive": lambda t, x: t.segment(ACK, at=-1, data=b"K"),
    "urgent": lambda t, x: t.segment(ACK | PSH | URG, at=x, data=b"URG", urgent=1 + x % 3),
    "urgent beyond": lambda t, x: t.segment(ACK | PSH | URG, at=x, data=b"URG", urgent=5000),
    "old timestamp": lambda t, x: t.segment(at=x, data=b"PAW", back=1000000),
    "one byte": lambda t, x: t.segment(at=x, data=b"1"),
    "three bytes": lambda t, x: t.segment(at=x, data=b"aaa"),
    "nothing": lambda t, x: t.segment(at=x),
    "low ttl": lambda t, x: t.path.ip(t.path.tcp(t.sport, PORT, t.body + x, t.peer + 1, ACK, b"TTL",
                                                 options=t.options()), ttl=1),
    "option twice": lambda t, x: t.path.ip(t.path.tcp(t.sport, PORT, t.body + x, t.peer + 1, ACK, b"OPT",
                                                      options=t.options() * 2)),
    "md5 option": lambda t, x: t.path.ip(t.path.tcp(t.sport, PORT, t.body + x, t.peer + 1, RST | ACK,
                                                    options=b"\x13\x12" + b"m" * 16)),
}


def game(talk):
    """Some of them among chunks that are as they should be, in any order, then all of the body in order."""
    rng = talk.rng
    for _ in range(rng.randrange(1, 5)):
        play = rng.choice(list(GAMES.values()))
        talk.steps.append(lambda play=play, x=at(talk): play(talk, x))
        if rng.random() < 0.6:
            i = rng.randrange(CELLS)
            talk.steps.append(lambda i=i: talk.segment(at=i * CELL, data=b"a" * CELL))
    for i in range(CELLS):
        talk.steps.append(lambda i=i: talk.segment(at=i * CELL, data=b"a" * CELL))


def cases(rng):
    """(what, maker) without end: every overlap in every form, then games."""
    sets = list(itertools.product(SPANS, repeat=2)) + list(itertools.product(SPANS, repeat=3))
    forms = [(overlap, False), (overlap, True), (fragmented, False)]
    for how, wrap in forms:
        for differ in (True, False):
            for spans in sets:
                yield how.__name__, wrap, lambda t, how=how, s=spans, d=differ: how(t, s, d)
    while True:
        yield "game", rng.random() < 0.2, game


def early(talk, answers, sock):
    """Now and then something before the handshake is over."""
    r = talk.rng.random()
    if r < 0.02:
        sock.send(talk.path.ip(talk.path.tcp(talk.sport, PORT, talk.isn + 1, 1, ACK, b"EARLY")))
    elif r < 0.04:
        sock.send(talk.path.ip(talk.path.tcp(talk.sport, PORT, talk.isn, 0, SYN, b"FASTOPEN")))
    elif r < 0.05:
        # The gateway holds on to this one, as the server's kernel does: the connection does not come about.
        sock.send(talk.path.ip(talk.path.tcp(talk.sport, PORT, talk.isn + 77, 0, SYN)))
        talk.spoiled = True


def converse(batch, answers, sock):
    for talk in batch:
        early(talk, answers, sock)
        sock.send(talk.open())
    until(lambda: answers.read() or all(t.sport in answers.syn_ack for t in batch), "every connection is accepted")
    for talk in batch:
        talk.peer = answers.syn_ack[talk.sport]
        sock.send(talk.segment(ACK, at=-len(HEAD)))
        sock.send(talk.segment(at=-len(HEAD), data=HEAD))
    until(lambda: answers.read() or all((t.body - answers.acked.get(t.sport, 0)) & 0xffffffff == 0 for t in batch
                                        if not t.spoiled), "every head is acknowledged")
    for n in range(max(len(t.steps) for t in batch)):
        for talk in batch:
            if n < len(talk.steps):
                made = talk.steps[n]()
                for frame in made if isinstance(made, list) else [made]:
                    sock.send(frame)
        answers.read()


def fnv1a(data):
    h = 0xcbf29ce484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{h:016x}"


def judged(events):
    """By client address and port: bytes and hash of what was judged toward the server."""
    out = {}
    for e in events:
        j = e["bulkhead"].get("judged")
        if j and e["event_type"] in ("flow", "alert"):
            # A SYN after a reset opens another connection of the same ports: it says nothing.
            if j["toserver"]["bytes"] or (e["src_ip"], e["src_port"]) not in out:
                out[e["src_ip"], e["src_port"]] = (j["toserver"]["bytes"], j["toserver"]["fnv1a"])
    return out


def compare(gateway, listener, talks):
    said, wrong, read_bytes, cut = judged(gateway.events()), [], 0, 0
    for what, talk, ip in talks:
        read = listener.read(ip, talk.sport)
        if read is None:
            read = b""
        read_bytes += len(read)
        mine = said.get((ip, talk.sport), (0, fnv1a(b"")))
        cut += len(read) < len(HEAD) + CELLS * CELL - 20
        if mine != (len(read), fnv1a(read)):
            wrong.append(f"{what} {ip}:{talk.sport}: judged {mine}, read {len(read)} {read[-60:]!r}")
    say(f"{len(talks)} connections, {read_bytes} bytes read, {cut} cut short, {len(wrong)} differences")
    same(wrong[:5], [], "what was read is what was judged")


def test():
    make()
    segments = {**SEGMENTS, "raw": {"selector": "app=raw"}}
    endpoints = ENDPOINTS + [{"address": HOST[f], "labels": {"app": "raw"}} for f in (4, 6)]
    rules = [{"id": "upload", "from": "raw", "to": "cards", "action": "allow",
              "applications": [{"http": {"methods": ["POST"]}}]}]
    gateway = Gateway(policy(rules, endpoints, segments), events={"judged": True, "ring": 65536},
                      applications={"contexts": CASES + 1000}, memory={"mbufs": 32768},
                      flows={"timeouts": {"tcp_established": "5s", "tcp_closed": "1s", "refused": "5s",
                                          "tcp_closing": "1s", "tcp_fin_wait": "5s"}}).start()
    listener, answers, rng = Listener("cards", PORT), Answers(), random.Random(SEED)
    paths = {f: Path(HOST[f], "cards", f) for f in (4, 6)}
    sock, talks, more = answers.sock, [], cases(rng)
    sport = 20000
    while len(talks) < CASES:
        batch = []
        for what, wrap, fill in itertools.islice(more, min(BATCH, CASES - len(talks))):
            family = 4 if len(talks) % 2 == 0 else 6
            sport = sport + 1 if sport < 60000 else 20000
            talk = Talk(paths[family], sport, rng, wrap)
            fill(talk)
            batch.append(talk)
            talks.append((what, talk, HOST[family]))
        answers.syn_ack.clear()
        answers.acked.clear()
        answers.reset.clear()
        converse(batch, answers, sock)
    gateway.quiet()
    time.sleep(0.5)
    gateway.stop()
    check(len(talks) >= CASES, "as many cases as asked for")
    compare(gateway, listener, talks)


main(test)
