"""What --draft says would change is what changes: a generated day of a shop is run under a policy and compared with random
drafts; each draft is then put in force and the same capture run again. Connection by connection, verdict and rule agree.
So they do with what the recorded conversations of the first run alone say of the draft."""

import json
import os
import random
import re
from collections import Counter

from lib import capture
from lib.capture import ETHERNET, Record
from lib.packets import ICMP, STRANGER, Tcp, frame, udp
from lib.scenario import SMALL, START, check, lookup, read_events, replay, write

SEED = 20261122
DRAFTS = 20
TEAMS = ("web", "api", "batch", "ops")
SERVERS = {"redis": 6379, "http": 80, "postgresql": 5432, "dns": 53, "text": 7000}
# Outside: an address that a segment lists, one that only a name leads to, and one of nobody.
OUTSIDE = ("198.51.100.9", "203.0.113.77", "203.0.113.200")
RESOLVER = ("10.3.0.1", "10.3.0.2")
PARTNER = "api.partner.example"
MORE = {
    "cloud": "addresses: [198.51.100.0/25]", "partner": "names: ['*.partner.example']",
    "staff": "selector: 'team prefix (we, op)'", "short": "selector: 'team ~ \"^[a-z]{3}$\"'",
    "near": "selector: team, within: [10.1.0.0/23]",
}
RANK = ["allow", "pending", "violate", "deny", "reject"]

POSTGRES = b"\0\0\0\x21\0\x03\0\0user\0shop\0database\0shop\0\0"


def said(app, dice):
    """Request and reply; operations that rules can tell apart."""
    if app == "redis":
        return dice.choice([(b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"), (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"$-1\r\n"),
                            (b"*1\r\n$8\r\nFLUSHALL\r\n", b"+OK\r\n")])
    if app == "http":
        line = dice.choice([b"GET /", b"GET /admin", b"POST /orders"])
        body = b"Content-Length: 2\r\n\r\nhi" if line.startswith(b"POST") else b"\r\n"
        return line + b" HTTP/1.1\r\nHost: shop\r\n" + body, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    if app == "postgresql":
        return POSTGRES, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"
    return b"hello there\n", b"good day to you\n"


def dns_query(name):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + labels + b"\0\0\x01\0\x01"


def dns_answer(name, address):
    question = dns_query(name)[12:]
    return (b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0" + question + b"\xc0\x0c\0\x01\0\x01\0\x01\x51\x80\0\x04" +
            bytes(int(n) for n in address.split(".")))


class World:
    def __init__(self, dice):
        self.dice = dice
        self.clients = [(f"10.1.{t}.{n}", team, dice.choice(("prod", "test")))
                        for t, team in enumerate(TEAMS) for n in range(1, 7)]
        self.servers = [(f"10.2.{s}.{n}", name, dice.choice(("prod", "test")))
                        for s, name in enumerate(SERVERS) for n in range(1, 4)]

    def conversation(self, i, pairs):
        client = self.dice.choice(self.clients)[0] if self.dice.random() < 0.95 else STRANGER
        server, name, _ = self.dice.choice(self.servers)
        kind = self.dice.random()
        if kind < 0.05:
            # One of each pair: nothing else tells them apart.
            pair = self.dice.choice(sorted({(c[0], s[0]) for c in self.clients for s in self.servers} - pairs))
            pairs.add(pair)
            return [frame(*pair, ICMP(type=8, id=i) / b"ping"), frame(*pair[::-1], ICMP(type=0, id=i) / b"ping")]
        if kind < 0.10:
            return [udp(client, server, 20000 + i, 9000 + i % 3), udp(server, client, 9000 + i % 3, 20000 + i)]
        if kind < 0.22:
            server, name = self.dice.choice(OUTSIDE), "http"
        # Now and then something else is spoken on a known port, or the port is not known at all.
        app = name if self.dice.random() < 0.85 else self.dice.choice(list(SERVERS))
        port = SERVERS[name] if self.dice.random() < 0.9 else 4000 + self.dice.randrange(3)
        if app == "dns":
            return [udp(client, server, 20000 + i, port, dns_query(PARTNER)),
                    udp(server, client, port, 20000 + i, dns_answer(PARTNER, OUTSIDE[1]))]
        tcp = Tcp(client, server, port, 20000 + i)
        frames = tcp.handshake() + tcp.exchange(*said(app, self.dice))
        if self.dice.random() < 0.3:
            frames += tcp.exchange(*said(app, self.dice))
        return frames + (tcp.close() if self.dice.random() < 0.8 else [])

    def capture(self, n):
        records, time, pairs = [], START, set()
        for i in range(n):
            # The name is known from the beginning, under every policy.
            frames = self.conversation(i, pairs) if i != 0 else [
                udp(*RESOLVER, 20000, 53, dns_query(PARTNER)),
                udp(*RESOLVER[::-1], 53, 20000, dns_answer(PARTNER, OUTSIDE[1]))]
            for f in frames:
                records.append(Record(time, ETHERNET, bytes(f), len(f)))
                time += 2 * 10**6
            # Long enough for what was refused to be forgotten, in the middle of others.
            time += 40 * 10**9 if i % 100 == 99 else 0
        # What waits for more to be said has waited long enough before the end.
        last = bytes(udp(*RESOLVER, 20000, 53))
        records.append(Record(time, ETHERNET, last, len(last)))
        return capture.pcap(records, ETHERNET)

    def policy(self, mode=None):
        """Random segments, modes and rules over the same endpoints."""
        d = self.dice
        out = ["version: 1", "networks: {internal: [10.0.0.0/8]}",
               f"modes: {{default: {mode or d.choice(('protect', 'protect', 'monitor', 'discover'))}, "
               f"contention: {d.choice(('basic', 'strict'))}}}", "endpoints:"]
        out += [f"  - {{address: {a}, labels: {{team: {t}, env: {e}}}}}" for a, t, e in self.clients]
        out += [f"  - {{address: {a}, labels: {{app: {s}, env: {e}}}}}" for a, s, e in self.servers]
        out += [f"  - {{address: {a}, labels: {{role: resolver}}}}" for a in RESOLVER]
        out += ["segments:", "  resolver: {selector: role=resolver, mode: protect}"]
        names = []
        for key, values in (("team", TEAMS), ("app", SERVERS)):
            for v in values:
                for env in d.choice([("",), ("prod", "test")]):
                    name, selector = (f"{v}-{env}", f"{key}={v}, env={env}") if env else (v, f"{key}={v}")
                    names.append(name)
                    mode = f", mode: {d.choice(('monitor', 'protect'))}" if d.random() < 0.2 else ""
                    out.append(f"  {name}: {{selector: '{selector}'{mode}}}")
        for name, how in MORE.items():
            names.append(name)
            out.append(f"  {name}: {{{how}}}")
        names.append("external")
        out += ["rules:", "  - {id: resolve, from: resolver, to: resolver, ports: udp/53, action: allow}"]
        for i in range(14):
            rule = [f"id: r{i}", f"from: {d.choice(names + ['any', 'any'])}", f"to: {d.choice(names + ['any'])}",
                    f"action: {d.choice(('allow', 'allow', 'allow', 'deny', 'reject'))}"]
            app = d.choice(list(SERVERS)[:4])
            kind = d.randrange(5)
            if kind == 0:
                rule.append(f"ports: [tcp/{SERVERS[app]}, udp/{SERVERS[app]}]")
            elif kind == 1:
                rule.append("ports: [tcp/1-6000]")
            elif kind == 2 and app in ("redis", "http"):
                rule.append("applications: [{redis: {commands: [get, ping]}}]" if app == "redis" else
                            "applications: [{http: {methods: [GET], paths: [/]}}]")
            elif kind == 3:
                rule.append("ports: [icmp/8, udp/9000-9001]")
            else:
                rule.append(f"applications: [{app}]")
            out.append("  - {" + ", ".join(rule) + "}")
        return "\n".join(out) + "\n"


def judged(directory):
    """(client, port, server, port) -> the strictest that was said of it: verdict, rule."""
    found = {}
    for e in read_events(directory):
        flow = e["event_type"] == "flow"
        if not flow and lookup(e, "bulkhead.kind") != "violation":
            continue
        verdict = lookup(e, "bulkhead.verdict")
        if not flow and lookup(e, "bulkhead.mode") != "protect":
            verdict = "violate"
        key = (e["src_ip"], e.get("src_port"), e["dest_ip"], e.get("dest_port"))
        now = (verdict, lookup(e, "bulkhead.rule_id") or "")
        if key not in found or RANK.index(verdict) > RANK.index(found[key][0]):
            found[key] = now
    return found


def members(directory):
    """(client, port, server, port) -> client, server, service and application, as conversations have them."""
    found = {}
    for e in read_events(directory):
        if e["event_type"] == "flow" or lookup(e, "bulkhead.kind") == "violation":
            key = (e["src_ip"], e.get("src_port"), e["dest_ip"], e.get("dest_port"))
            service = f"{e['proto'].lower()}/{e['dest_port']}" if "dest_port" in e else "icmp/8/0"
            if e["event_type"] == "flow" or key not in found:
                found[key] = (e["src_ip"], e["dest_ip"], service, e.get("app_proto", ""))
    return found


class Drafts:
    name = "a draft is judged as it will judge"

    @staticmethod
    def run(directory):
        world = World(random.Random(SEED))
        write(directory, "in", world.capture(400))
        policies = [world.policy("protect")] + [world.policy() for _ in range(DRAFTS)]
        truth = []
        for i, text in enumerate(policies):
            write(directory, f"policy{i}.yaml", text)
            write(directory, f"config{i}.yaml", f"policy: policy{i}.yaml\nmode: protect\n{SMALL}")
            done = replay(directory, ["-c", f"config{i}.yaml", "-r", "in", "-e", "eve.json"])
            check(done.returncode == 0, done.stderr)
            truth.append(judged(directory))
        check(all(t.keys() == truth[0].keys() for t in truth), "not all runs know the same connections")
        check(len(truth[0]) == 400, f"{len(truth[0])} connections")
        seen = set()
        for i in range(1, DRAFTS + 1):
            Drafts.one(directory, i, truth[0], truth[i])
            seen |= {(truth[0][k][0], truth[i][k][0]) for k in truth[0]}
        # The random policies are worth something.
        check(len(seen) >= 8 and {("deny", "allow"), ("allow", "deny")} <= seen, f"only {seen}")

    @staticmethod
    def one(directory, i, before, after):
        done = replay(directory, ["-c", "config0.yaml", "-r", "in", "--draft", f"policy{i}.yaml", "--changes",
                                  "changes.json"])
        want = {k: (before[k], after[k]) for k in before if before[k][0] != after[k][0]}
        check(done.returncode == (4 if want else 0), f"exit code {done.returncode}: {done.stderr}")
        check(f"\n{len(want)} of 401 connections would change" in done.stdout, done.stdout)
        got = {}
        with open(os.path.join(directory, "changes.json"), encoding="utf-8") as f:
            for line in f:
                c = json.loads(line)
                # The id of a ping stands for its ports.
                ports = (None, None) if c["service"].startswith("icmp") else (c["client_port"], c["server_port"])
                key = (c["client"], ports[0], c["server"], ports[1])
                check(key not in got, f"{key} twice")
                got[key] = tuple((c[side]["verdict"], c[side]["rule"]) for side in ("before", "after"))
        check(got == want, f"draft {i}: " + "\n".join(
            f"{k}: said {got.get(k)}, is {want.get(k)}" for k in sorted(got.keys() | want.keys(), key=str)
            if got.get(k) != want.get(k)))


class Recorded:
    """A day is recorded, in discover and in protect; what its conversations say of a draft is held against the day
    under the draft. Where a verdict rests on what was never said, pending is the answer, and nothing else."""

    name = "what was recorded tells what a draft will do"

    @staticmethod
    def run(directory):
        world = World(random.Random(SEED + 1))
        write(directory, "in", world.capture(400))
        watched = re.sub(", mode: (monitor|protect)", "", world.policy("discover"))
        policies = [watched, world.policy("protect")] + [world.policy() for _ in range(DRAFTS)]
        truth, who = [], []
        for i, text in enumerate(policies):
            write(directory, f"policy{i}.yaml", text)
            write(directory, f"config{i}.yaml", f"policy: policy{i}.yaml\nmode: protect\n{SMALL}")
            done = replay(directory, ["-c", f"config{i}.yaml", "-r", "in", "-e", "eve.json"])
            check(done.returncode == 0, done.stderr)
            truth.append(judged(directory))
            who.append(members(directory))
        told = Counter()
        for base in (0, 1):
            for i in range(2, DRAFTS + 2):
                told += Recorded.one(directory, (base, i), truth, who[base])
        # Who lets everything pass hears nearly everything.
        check(told[0, "said"] > 7500 and told[0, "pending"] < 40, f"only {told}")
        check(told[1, "said"] > 6500, f"only {told}")

    @staticmethod
    def one(directory, pair, truth, who):
        base, i = pair
        before, after = truth[base], truth[i]
        done = replay(directory, ["-c", f"config{base}.yaml", "-r", "in", "--draft", f"policy{i}.yaml", "--conversations",
                                  f"said{base}-{i}.db", "--whatif", "whatif.json"])
        check(done.returncode in (0, 4), done.stderr)
        changes, wrong, told = {}, [], Counter()
        with open(os.path.join(directory, "whatif.json"), encoding="utf-8") as f:
            for line in f:
                c = json.loads(line)
                changes[c["client"], c["server"], c["service"], c["application"]] = (c["before"], c["after"])
        for k, name in who.items():
            b, a = changes.get(name, (None, None))
            if b is None:
                if before[k][0] != after[k][0]:
                    wrong.append(f"{name}: nothing said, is {before[k]} -> {after[k]}")
            elif a["verdict"] == "pending":
                told[base, "pending"] += 1
                continue
            elif a["by_operation"] or b["by_operation"]:
                # Allowed, and its operations are judged one by one.
                told[base, "by operation"] += 1
                continue
            elif (b["verdict"], a["verdict"]) != (before[k][0], after[k][0]):
                wrong.append(f"{name}: said {b} -> {a}, is {before[k]} -> {after[k]}")
            told[base, "said"] += 1
        check(not wrong, f"draft {i}: {len(wrong)} wrong\n" + "\n".join(wrong))
        return told


class Refused:
    """Mistakes are told before anything runs."""

    name = "a draft that cannot be used"

    @staticmethod
    def run(directory):
        write(directory, "in", World(random.Random(1)).capture(3))
        write(directory, "config.yaml", f"mode: discover\n{SMALL}")
        write(directory, "bad.yaml", "version: 1\nrules:\n  - {from: nowhere, to: any, action: allow}\n")
        for arguments, word in ((["--draft", "bad.yaml"], "bad.yaml:3"), (["--draft", "none.yaml"], "none.yaml"),
                                (["--changes", "x"], "--draft")):
            done = replay(directory, ["-c", "config.yaml", "-r", "in", *arguments])
            check(done.returncode == 2 and word in done.stderr, f"{done.returncode}: {done.stderr}")
        done = replay(directory, ["-c", "config.yaml", "-r", "-", "--draft", "bad.yaml"])
        check(done.returncode == 2 and "twice" in done.stderr, done.stderr)


SCENARIOS = [Drafts, Recorded, Refused]
