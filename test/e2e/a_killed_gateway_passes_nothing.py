"""After kill -9 nothing passes, and after the restart nothing until the policy is loaded and ports start."""

import re
import signal
from datetime import datetime, timezone

from lib.check import check, main, same, until
from lib.gateway import EVERYTHING, Gateway, policy, write
from lib.pump import Pump, Stream
from lib.wire import Server, attempt, make


def log_time(log, words):
    """Seconds since the epoch of the first line of a log with some words in it."""
    line = next(l for l in log.splitlines() if words in l)
    stamp = re.search(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d+)", line)
    check(stamp, f"a time in {line!r}")
    return datetime.strptime(" ".join(stamp.groups()), "%Y-%m-%d %H:%M:%S.%f").replace(
        tzinfo=timezone.utc).timestamp()


def test():
    make()
    gateway = Gateway(policy(EVERYTHING)).start()
    server = Server("redis", 6379)
    stream = Stream("web", "redis", 6379, server)
    stream.flowing()
    pump = Pump("web", "redis", 5000)
    pump.flowing()

    gateway.kill(signal.SIGKILL)
    pump.none_for(2, "while no gateway runs")
    killed = len(pump.arrived)

    write(gateway.policy_path, "version: 1\nrules: [{from: web\n")
    status, log = gateway.refuse()
    same(status, 2, f"exit status with a broken policy; log:\n{log}")
    same(len(pump.arrived), killed, "datagrams that passed while a broken policy was tried")

    write(gateway.policy_path, policy(EVERYTHING))
    gateway.start()
    pump.flowing()
    first = pump.arrived[killed][0]
    loaded = log_time(gateway.log(), "policy ")
    check(first > loaded, f"the first datagram passed {loaded - first:.3f} s before the policy was loaded")
    # Its start was not seen by this process, so its connections are unknown ones.
    last = stream.sent_so_far()
    until(lambda: gateway.dropped("tcp_midstream") > 0, "packets of the old connection are dropped")
    check(stream.received() <= last, "the old connection does not go on")
    same(attempt("web", "redis", 6379, timeout=20), "open", "a new connection")
    pump.stop()
    gateway.stop()


main(test)
