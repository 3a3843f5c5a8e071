"""What the tests of denied operations share: a policy as a person writes it, and the proof that something did not arrive."""

import time

from . import services
from .check import Failed, check, same, until
from .gateway import ENDPOINTS, text
from .wire import Capture, addr

CLIENT, SERVER = addr("web"), addr("redis")

HEAD = text({"version": 1, "endpoints": ENDPOINTS}) + """
segments:
  web: {selector: "app=web, zone=shop"}
  orders-db: {selector: "app=redis, zone=cde"}
rules:
"""


def document(*rules):
    """A policy: the test's endpoints, and these rules between web and orders-db, as written."""
    return HEAD + "".join(rules)


def rule(applications, more="action: allow"):
    """A rule as people write it; each line of more is a key of it."""
    lines = "".join(f"    {line.strip()}\n" for line in more.strip().splitlines())
    listed = "".join(f"      - {line.strip()}\n" for line in applications.strip().splitlines())
    return f"  - from: web\n    to: orders-db\n    applications:\n{listed}{lines}"


def put(gateway, *rules):
    """Over REST."""
    status, answer = gateway.put_policy(document(*rules))
    same(status, 200, f"PUT of a policy ({answer})")


def value(event, path):
    """A field of an event by its path; of one with several values a sorted tuple."""
    for part in path.split("."):
        event = event.get(part) if isinstance(event, dict) else None
    return tuple(sorted(event)) if isinstance(event, list) else event


class Watch:
    """What arrives at a port of the server while the body runs; then: what was denied did not, and the alert says so.

    never    bytes that no payload to the server holds, in any case
    always   bytes that it does hold
    event    fields that an alert of this time has, `http__url` for http.url; nothing: no alert is written
    """

    def __init__(self, gateway, port, never=(), always=(), proto="tcp", reason="operation_deny", **event):
        self.gateway, self.port, self.proto, self.reason = gateway, port, proto, reason
        self.never, self.always, self.want = never, always, event

    def __enter__(self):
        self.since = len(self.gateway.events("alert"))
        self.capture = Capture("cde", f"src host {CLIENT} and dst host {SERVER} and {self.proto} port {self.port}")
        return self

    def alerts(self):
        return [e for e in self.gateway.events("alert")[self.since:] if e.get("dest_port") == self.port]

    def has(self, event):
        return event["bulkhead"].get("reason") == self.reason and \
            all(value(event, path.replace("__", ".")) == want for path, want in self.want.items())

    def __exit__(self, kind, *_):
        if kind:
            return
        if self.want:
            try:
                until(lambda: any(self.has(e) for e in self.alerts()), "the alert", 10)
            except Failed:
                raise Failed(f"no alert about port {self.port} with {self.reason} and {self.want}, but "
                             f"{[{k: v for k, v in e.items() if isinstance(v, dict)} for e in self.alerts()]}") from None
        else:
            time.sleep(0.1)
        arrived = b"".join(data for _, data in services.payload_to(self.capture.frames(), self.port)).lower()
        for word in self.never:
            check(word.lower() not in arrived, f"{word!r} arrived at port {self.port}")
        for word in self.always:
            check(word.lower() in arrived, f"{word!r} arrived at port {self.port}, only {arrived[-200:]!r} did")
        if not self.want:
            check(not self.alerts(), f"no alert about port {self.port}: {self.alerts()[:2]}")


def cut(action, what, *errors):
    """The client's library says that its connection is gone."""
    try:
        answer = action()
    except errors as why:
        return str(why)
    check(False, f"{what}: the client got {answer!r}")
    return None
