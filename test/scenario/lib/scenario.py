"""A scenario: packets with their fates, a configuration and a policy; and what follows from them."""

import json
import os
import re
import subprocess
from collections import Counter

import jsonschema

from lib import capture
from lib.capture import ETHERNET, Record

B = os.environ["B"]
REPLAY = os.path.join(B, "bulkhead-replay")
START = 1_700_000_000 * 10**9  # of every capture
STEP = 10**6  # between two packets without a time of their own
PASS = "pass"
# Small, so that a start takes milliseconds.
SMALL = "flows: {max: 1024}\nmemory: {mbufs: 4096}\n"


# Dotted names of all fields that any event had; run.py holds them against docs/events.md.
seen_fields = set()
seen_types, seen_forms = set(), set()

def _validator(path):
    with open(path, encoding="utf-8") as schema:
        return jsonschema.Draft7Validator(json.load(schema))


# Our events' members of Suricata's schema; and all of it, where SURICATA_SCHEMA names the file.
EVE = [_validator(path) for path in (os.path.join(os.path.dirname(__file__), "..", "..", "eve.schema.json"),
                                     os.environ.get("SURICATA_SCHEMA")) if path]


class Failed(Exception):
    pass


class Packet:
    def __init__(self, fate, data, at=None, wire=None, link=None):
        self.fate, self.data, self.link = fate, bytes(data), link
        self.at = at  # seconds from the start of the capture
        self.wire = len(self.data) if wire is None else wire


def _packets(fate, packets, **more):
    if not isinstance(packets, (list, tuple)):
        packets = [packets]
    return [Packet(fate, p, **more) for p in packets]


def ok(packets, **more):
    """One packet or a list of them, which must pass. at=seconds, wire=length, link=link type."""
    return _packets(PASS, packets, **more)


def no(reason, packets, **more):
    """The same, dropped for this reason."""
    return _packets(reason, packets, **more)


class Scenario:
    """packets: a list of what ok() and no() return. Whatever is None is not checked.

    policy      text of the policy file; None: none, and mode discover
    config      more lines of the configuration
    flows       how many are opened
    events      dicts of dotted names and values; each must fit an event. "count": exactly so many
    never       dicts that no event may fit
    ordered     False: what passes may come in another order (fragments wait)
    file        bytes of the capture, else it is made of the packets
    status      exit code; warning: a pattern that standard error must hold
    """

    def __init__(self, name, packets, policy=None, config="", mode=None, flows=None, events=(), never=(),
                 ordered=True, link=ETHERNET, form="pcap", file=None, status=0, warning=None, arguments=()):
        self.name, self.policy, self.config, self.flows = name, policy, config, flows
        self.mode = mode or ("discover" if policy is None else "protect")
        self.events, self.never, self.ordered, self.form = events, never, ordered, form
        self.file, self.status, self.warning, self.arguments = file, status, warning, arguments
        self.packets = [p for group in packets for p in group]
        time = START
        for p in self.packets:
            time = START + round(p.at * 10**9) if p.at is not None else time
            p.record = Record(time, link if p.link is None else p.link, p.data, p.wire)
            time += STEP

    def image(self):
        """The capture as bytes."""
        if self.file is not None:
            return self.file
        records = [p.record for p in self.packets]
        if self.form == "pcapng":
            return capture.pcapng(records)
        return capture.pcap(records, records[0].link if records else ETHERNET)


def check(condition, text):
    if not condition:
        raise Failed(text)


def replay(directory, arguments):
    """Runs bulkhead-replay in the scenario's folder. Bounded."""
    done = subprocess.run([REPLAY, *arguments], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120, text=True, errors="replace")
    for name, text in (("output", done.stdout), ("errors", done.stderr)):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)
    check(not re.search(r"Sanitizer|runtime error", done.stderr), "sanitizer report:\n" + done.stderr)
    check(done.returncode >= 0, f"ended by signal {-done.returncode}:\n{done.stderr}")
    return done


def read_stats(directory):
    with open(os.path.join(directory, "stats.json"), encoding="utf-8") as f:
        s = json.load(f)
    check(s["packets"] == s["forwarded"] + sum(s["dropped"].values()), f"the sum does not hold: {s}")
    return s


def read_events(directory):
    """Every line is one JSON object of EVE's common form."""
    events = []
    with open(os.path.join(directory, "eve.json"), encoding="utf-8") as f:
        for line in f:
            check(line.endswith("\n"), "the last event is half a line")
            e = json.loads(line)
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000", e["timestamp"]), f"timestamp: {line}")
            check(isinstance(e["event_type"], str), f"event_type: {line}")
            events.append(e)
            seen_fields.update(fields(e))
            _check_form(e)
    return events


def _check_form(event):
    """What is not inside `bulkhead` is as Suricata's schema of EVE has it; each form once."""
    plain = {k: v for k, v in event.items() if k != "bulkhead"}
    form = frozenset((name, type(lookup(plain, name))) for name in fields(plain))
    if form in seen_forms:
        return
    seen_types.add(event["event_type"])
    for schema in EVE:
        for wrong in schema.iter_errors(plain):
            check(False, f"{'.'.join(map(str, wrong.absolute_path))}: {wrong.message}: {event}")
    seen_forms.add(form)


def fields(event, prefix=""):
    for name, value in event.items():
        if isinstance(value, dict):
            yield from fields(value, prefix + name + ".")
        else:
            yield prefix + name


def lookup(event, name):
    for part in name.split("."):
        if not isinstance(event, dict) or part not in event:
            return None
        event = event[part]
    return event


def fits(event, want):
    return all(lookup(event, k) == v for k, v in want.items() if k != "count")


def _check_events(s, events):
    for want in s.events:
        n = sum(fits(e, want) for e in events)
        if "count" in want:
            check(n == want["count"], f"{n} events fit {want}")
        else:
            check(n > 0, f"no event fits {want}")
    for want in s.never:
        check(not any(fits(e, want) for e in events), f"an event fits {want}")


def _check_forwarded(s, directory):
    want = [p.record for p in s.packets if p.fate == PASS]
    got = capture.read(os.path.join(directory, "forwarded"))
    if not s.ordered:
        want, got = sorted(want), sorted(got)
    for i, (a, b) in enumerate(zip(want, got)):
        check(a == b, f"forwarded packet {i + 1} is\n{b}\nexpected\n{a}")
    check(len(want) == len(got), f"{len(got)} packets forwarded, {len(want)} expected")


def write(directory, name, data):
    with open(os.path.join(directory, name), "wb" if isinstance(data, bytes) else "w") as f:
        f.write(data)


def run(s, directory):
    os.makedirs(directory, exist_ok=True)
    if s.policy is not None:
        write(directory, "policy.yaml", s.policy)
    policy = "" if s.policy is None else "policy: policy.yaml\n"
    small = "".join(line + "\n" for line in SMALL.splitlines() if line.split(":")[0] + ":" not in s.config)
    write(directory, "config.yaml", f"{policy}mode: {s.mode}\n{small}{s.config}\n")
    write(directory, "in", s.image())
    done = replay(directory, ["-c", "config.yaml", "-r", "in", "-w", "forwarded", "-e", "eve.json",
                              "--stats", "stats.json", *s.arguments])
    check(done.returncode == s.status, f"exit code {done.returncode}, expected {s.status}:\n{done.stderr}")
    check(s.warning is None or re.search(s.warning, done.stderr), f"no '{s.warning}' in: {done.stderr}")
    if s.status != 0:
        return
    stats = read_stats(directory)
    fates = Counter(p.fate for p in s.packets)
    dropped = {k: v for k, v in fates.items() if k != PASS}
    check(stats["dropped"] == dropped, f"dropped {stats['dropped']}, expected {dropped}")
    _check_forwarded(s, directory)
    check(stats["packets"] == len(s.packets), f"{stats['packets']} packets, expected {len(s.packets)}")
    check(s.flows is None or stats["flows"] == s.flows, f"{stats['flows']} flows, expected {s.flows}")
    events = read_events(directory)
    check(len(events) + stats["events_lost"] == stats["events"], "events are neither written nor counted as lost")
    _check_events(s, events)
