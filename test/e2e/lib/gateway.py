"""The daemon between the two namespaces: configuration, start and end, REST, events, counters."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import time

import yaml

from .check import Failed, Skip, check, same, until
from .wire import addr, inside, spawn

TOKEN = "end-to-end-token-0123456789"
BUILD = os.environ["B"]
DIR = os.environ["E2E_DIR"]

ENDPOINTS = [{"address": addr(host, family), "labels": {"app": host, "zone": zone}}
             for host, zone in (("web", "shop"), ("batch", "shop"), ("admin", "shop"), ("redis", "cde"),
                                ("cards", "cde"))
             for family in (4, 6)]
SEGMENTS = {
    "web": {"selector": "app=web, zone=shop"},
    "batch": {"selector": "app=batch, zone=shop"},
    "admin": {"selector": "app=admin, zone=shop"},
    "redis": {"selector": "app=redis, zone=cde"},
    "cards": {"selector": "app=cards, zone=cde"},
}


def rule(name, src, dst, ports, action="allow"):
    r = {"id": name, "from": src, "to": dst, "action": action}
    if ports:
        r["ports"] = ports
    return r


RULES = [
    rule("web-to-redis", "web", "redis", ["tcp/6379", "udp/6379"]),
    rule("batch-never-redis", "batch", "redis", ["tcp/6379"], "deny"),
    rule("batch-not-cards", "batch", "cards", ["tcp/8080", "udp/8080"], "reject"),
    rule("web-to-cards", "web", "cards", ["tcp/8080"]),
    rule("admin-anything", "admin", "redis", None),
    rule("admin-ping", "admin", "cards", ["icmp", "icmpv6"]),
]
EVERYTHING = [rule("everything", "any", "any", None)]


def policy(rules=None, endpoints=None, segments=None):
    return {"version": 1, "endpoints": ENDPOINTS if endpoints is None else endpoints,
            "segments": SEGMENTS if segments is None else segments, "rules": RULES if rules is None else rules}


def text(document):
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=110)


def write(path, content):
    with open(path, "w", encoding="utf-8") as f:
        f.write(content if isinstance(content, str) else text(content))


def merge(into, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = value


class Gateway:
    """One daemon. `config` overrides parts of the configuration, None takes one out; `name` tells several apart."""

    ns = None  # it runs, and is asked, in this namespace; None: the test's own

    def __init__(self, document=None, name="gateway", **config):
        self.name, self.p, self.checked = name, None, False
        self.dir = os.path.join(DIR, name)
        os.makedirs(self.dir, exist_ok=True)
        self.log_path = os.path.join(DIR, f"{name}.log")
        self.eve_path = os.path.join(self.dir, "eve.json")
        self.policy_path = os.path.join(self.dir, "policy.yaml")
        self.config_path = os.path.join(self.dir, "bulkhead.yaml")
        self.port = 8471
        self.config = {
            "policy": "policy.yaml",
            "run_dir": "/run/bulkhead",
            "cores": cores(),
            "memory": {"mbufs": 8192},
            "flows": {"max": 65536},
            "events": {"file": "eve.json", "stats": "500ms"},
            "api": {"listen": f"127.0.0.1:{self.port}", "token_file": "token"},
            # As links stay up, what a gateway that is gone did to frames is seen by itself. The default: lib/failure.py.
            "failure": {"stop": "closed", "crash": "closed", "heartbeat": "closed"},
            "ports": [{"name": "shop", "device": "iface:shop0"}, {"name": "cde", "device": "iface:cde0"}],
            "pairs": [{"name": "shop-cde", "outside": "shop", "inside": "cde"}],
        }
        merge(self.config, config)
        write(self.policy_path, policy() if document is None else document)
        write(self.config_path, self.config)
        write(os.path.join(self.dir, "token"), TOKEN + "\n")
        os.chmod(os.path.join(self.dir, "token"), 0o600)

    # ---- start and end

    def launch(self):
        """Start and do not wait."""
        check(os.path.exists(f"{BUILD}/bulkhead"), f"{BUILD}/bulkhead is built")
        with open(self.log_path, "ab") as log:
            self.log_from = log.tell()
            self.p = spawn(f"{BUILD}/bulkhead", "-c", self.config_path, ns=self.ns, stdout=log, stderr=log)
        return self

    def start(self):
        self.launch()
        until(lambda: "forwarding" in self.log() or self.p.poll() is not None, "the gateway forwards", 90)
        if self.p.poll() is not None:
            raise Failed(f"the gateway ended with {self.p.returncode}:\n{self.log()}")
        until(lambda: self.carrier(), "both ports' links are up")
        return self

    def carrier(self):
        return all(p["link"] == "up" for p in self.stats()["ports"])

    def refuse(self, seconds=60):
        """Start; it must end by itself. Returns exit status and log."""
        self.launch()
        try:
            return self.p.wait(seconds), self.log()
        except subprocess.TimeoutExpired:
            raise Failed(f"it runs on:\n{self.log()}") from None

    def stop(self):
        """SIGTERM: exit 0, and every packet accounted for. Returns the last statistics."""
        self.p.send_signal(signal.SIGTERM)
        try:
            status = self.p.wait(60)
        except subprocess.TimeoutExpired:
            raise Failed("it does not end after SIGTERM") from None
        same(status, 0, f"exit status after SIGTERM; log:\n{self.log()}")
        last = [e for e in self.events("stats")][-1]["bulkhead"]
        same(last["packets"], last["forwarded"] + sum(last["dropped"].values()),
             f"packets == forwarded + dropped at the end ({last})")
        same(last["held"], 0, "held at the end")
        return last

    def kill(self, sig=signal.SIGKILL):
        self.p.send_signal(sig)
        self.p.wait(60)

    def signal(self, sig):
        self.p.send_signal(sig)

    def log(self):
        """What this run has logged."""
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            f.seek(self.log_from)
            return f.read()

    def logged(self, pattern, seconds=30):
        return until(lambda: re.search(pattern, self.log()), f"a log line like {pattern!r}", seconds)

    # ---- REST

    def request(self, method, path, body=None, token=TOKEN, headers=None, kind="application/json"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        head = dict(headers or {})
        if token:
            head["Authorization"] = f"Bearer {token}"
        if body is not None:
            head["Content-Type"] = kind
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        with inside(self.ns) if self.ns else contextlib.nullcontext():
            c.connect()
        c.request(method, f"/api/v1{path}", body=body, headers=head)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, json.loads(data) if data and "json" in r.headers.get("Content-Type", "") else data

    def get(self, path):
        free = not path.startswith(("/audit", "/evidence", "/identities", "/logs", "/reports"))
        status, answer = self.request("GET", path, token=None if free else TOKEN)
        same(status, 200, f"GET {path} ({answer})")
        return answer

    def label(self, address, **labels):
        """Set labels; effective for the next packet when this returns."""
        status, answer = self.request("PATCH", f"/endpoints/{address}", {"labels": labels})
        same(status, 200, f"PATCH of {address} ({answer})")

    def put_policy(self, document):
        return self.request("PUT", "/policy", document if isinstance(document, str) else text(document),
                            kind="application/yaml")

    def reload(self, document=None):
        """SIGHUP, and wait for its end. Returns the line that says what came of it."""
        if document is not None:
            write(self.policy_path, document)
        before = len(re.findall(r"policy (?:in force|refused).*", self.log()))
        self.signal(signal.SIGHUP)
        until(lambda: len(re.findall(r"policy (?:in force|refused).*", self.log())) > before,
              "the reload is logged")
        return re.findall(r"policy (?:in force|refused).*", self.log())[-1]

    def stats(self):
        return self.get("/stats")

    def total(self):
        return self.stats()["total"]

    def dropped(self, reason):
        return self.total()["dropped_by_reason"].get(reason, {"packets": 0})["packets"]

    def dropped_by(self, group):
        return sum(r["packets"] for name, r in self.total()["dropped_by_reason"].items()
                   if r["group"] == group and name != "l2_deny")

    def quiet(self):
        """The total once nothing moves any more."""
        last = {}

        def still():
            nonlocal last
            before, last = last, self.total()
            time.sleep(0.3)
            return before.get("packets") == last["packets"] and last["held"] == 0

        until(still, "traffic comes to rest")
        return last

    # ---- events

    def events(self, kind=None):
        """Every event so far, each line checked."""
        def whole():
            # Who reads while it is written may see the first pages of what is written at once.
            with open(self.eve_path, "rb") as f:
                read = f.read()
            return (read,) if not read or read.endswith(b"\n") else None

        lines = until(whole, "the last line ends")[0].decode().split("\n")[:-1]
        out = [valid_event(line) for line in lines]
        return [e for e in out if kind is None or e["event_type"] == kind]

    def event(self, kind, seconds=20, since=0, **want):
        """Wait for an event, not one of the first `since`; want names members, bulkhead's own with a leading b_."""
        def find():
            for e in self.events(kind)[since:]:
                if all((e["bulkhead"].get(k[2:]) if k.startswith("b_") else e.get(k)) == v
                       for k, v in want.items()):
                    return e
            return None

        return until(find, f"a {kind} event with {want}", seconds)


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000")
OURS = ("grpc", "sql", "redis", "mongodb", "kafka")
REQUIRED = {
    "flow": {"flow", "flow_id", "src_ip", "dest_ip", "proto", "bulkhead"},
    "alert": {"alert", "bulkhead"},
    "drop": {"drop", "bulkhead"},
    "stats": {"stats", "bulkhead"},
    "bulkhead": {"bulkhead"},
    "response": {"bulkhead"},
    # an operation: what it says stands in an object of that name
    **{kind: {kind, "flow_id", "app_proto", "bulkhead"}
       for kind in ("http", "dns", "tls", "quic", "ssh")},
    # ... or, where Suricata has none, inside ours
    **{kind: {"flow_id", "app_proto", "bulkhead"} for kind in OURS},
}


def valid_event(line):
    e = json.loads(line)
    kind = e.get("event_type")
    check(kind in REQUIRED, f"a known event_type: {line}")
    check(TIME.fullmatch(e.get("timestamp", "")), f"a timestamp: {line}")
    check(REQUIRED[kind] <= e.keys(), f"the members {REQUIRED[kind]}: {line}")
    check(kind not in OURS or kind in e["bulkhead"], f"bulkhead.{kind}: {line}")
    return e


def cores():
    """The control core and one worker, which share where there is only one; both sleep when idle."""
    n = os.cpu_count() or 1
    if n == 1:
        return {"control": 0, "workers": [0], "share": True, "idle": "sleep"}
    return {"control": 0, "workers": [n - 1], "idle": "sleep"}


def need_cores(n):
    if (os.cpu_count() or 1) < n:
        raise Skip(f"needs {n} cores")
