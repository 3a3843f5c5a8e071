"""failure: bypass. After kill -9, a SIGSTOP, and a stop, the kernel joins the two sides within the documented time, denied traffic
passes too, and no frame goes both ways; with the gateway back everything is judged again, and the time without it is told."""

import json
import os
import signal
import subprocess
import time

from lib.check import check, main, same, say, until
from lib.failure import RECORD, guardians
from lib.gateway import Gateway, policy, rule
from lib.pump import Pump
from lib.wire import Server, attempt, make, run

AFTER = 0.5
RULES = [rule("web-only", "web", "redis", ["tcp/6379", "udp/5000", "udp/5001"])]


def joined(port):
    return "bh_bypass" in run("tc", "filter", "show", "dev", port, "ingress", ok=False).stdout


def gone(gateway):
    try:
        gateway.p.wait(20)
    except subprocess.TimeoutExpired:
        return False
    return True


def denied():
    """What no rule allows: batch may not talk to redis."""
    return attempt("batch", "redis", 6379, timeout=3)


def fail(gateway, pump, how, cause):
    since = pump.arrived[-1][0]
    start = time.time()
    how()
    check(gone(gateway), "the process has ended")
    until(lambda: os.path.exists(RECORD), "it is recorded what was done", 20)
    with open(RECORD, encoding="utf-8") as f:
        record = json.load(f)
    same((record["cause"], record["action"], record["pairs"]), (cause, "bypass", ["shop-cde"]), "the record")
    check(all(joined(p) for p in ("shop0", "cde0")), "the kernel joins both ports")
    until(lambda: pump.arrived[-1][0] > start + AFTER + 1, "datagrams arrive without the gateway", 20)
    times = [t for t, *_ in pump.arrived if t >= since]
    gap = max(b - a for a, b in zip(times, times[1:]))
    say(f"{cause}: nothing passed for {gap * 1e3:.0f} ms")
    until(lambda: denied() == "open", "what policy denies passes, too: nothing is judged")
    until(lambda: not guardians(), "its guardian has done its work")


def back(gateway, pump, cause):
    gateway.start()
    check(not any(joined(p) for p in ("shop0", "cde0")), "the kernel joins nothing any more")
    arrived = len(pump.arrived)
    until(lambda: len(pump.arrived) > arrived + 20, "datagrams arrive by the gateway")
    check(gateway.total()["packets"] > 0, "it sees them")
    same(denied(), "timeout", "what policy denies")
    until(lambda: [e for e in gateway.events("alert") if e["alert"]["signature_id"] == 8000090 and
                   f"{cause} at " in json.dumps(e)], "an alert tells of the time without it")
    check(not os.path.exists(RECORD), "the record is not of the present any more")
    metrics = run("curl", "-sS", f"http://127.0.0.1:{gateway.port}/metrics")
    check(f'bulkhead_last_failure_timestamp_seconds{{cause="{cause}",action="bypass"}}' in metrics, "the metric")


def twice(pump):
    """Datagrams that arrived more than once: both ways at once."""
    numbers = [n for _, n, *_ in pump.arrived]
    return len(numbers) - len(set(numbers))


def test():
    make()
    Server("redis", 6379)
    for port, kind in enumerate(("iface", "packet"), 5000):
        gateway = Gateway(policy(RULES), name=kind,
                          ports=[{"name": s, "device": f"{kind}:{s}0"} for s in ("shop", "cde")],
                          failure={"stop": "bypass", "crash": "bypass", "heartbeat": "bypass", "after": f"{AFTER * 1000:.0f}ms"})
        gateway.start()
        say(f"drivers: {sorted({p['driver'] for p in gateway.stats()['ports']})}")
        same(len(guardians()), 1, "guardians")
        pump = Pump("web", "redis", port)
        pump.flowing()
        same(denied(), "timeout", "what policy denies")

        fail(gateway, pump, lambda: gateway.signal(signal.SIGKILL), "crash")
        back(gateway, pump, "crash")
        fail(gateway, pump, lambda: gateway.signal(signal.SIGSTOP), "heartbeat")
        back(gateway, pump, "heartbeat")
        fail(gateway, pump, lambda: gateway.signal(signal.SIGTERM), "stop")
        back(gateway, pump, "stop")
        pump.stop()
        same(twice(pump), 0, "datagrams that arrived twice")
        gateway.signal(signal.SIGKILL)
        gone(gateway)
        until(lambda: os.path.exists(RECORD), "recorded")
        until(lambda: not guardians(), "its guardian has done its work")


main(test)
