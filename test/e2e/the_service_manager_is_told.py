"""A service manager hears READY=1 once frames are forwarded, RELOADING=1 and READY=1 around a reload, WATCHDOG=1 at half the
interval that it asked for, and STOPPING=1; nothing of it when it does not listen, or waits for somebody else."""

import os
import re
import signal
import time

from lib.check import check, main, same, until
from lib.gateway import DIR, Gateway, policy, rule
from lib.manager import Manager, environment
from lib.pump import Pump
from lib.wire import make

NAME = os.path.join(DIR, "notify")
HALF = 0.5


def reload_is_told(gateway, manager):
    begin = time.monotonic_ns() // 1000
    gateway.reload(policy([rule("numbers", "web", "redis", ["udp/7000"]), rule("more", "web", "cards", ["udp/1"])]))
    until(lambda: len(manager.said("READY")) == 2, "READY=1 after the reload")
    order = [next(k for k in ("READY", "RELOADING") if k in m) for _, m in manager.hear() if "WATCHDOG" not in m]
    same(order, ["READY", "RELOADING", "READY"], "what was said")
    when = int(manager.said("RELOADING")[0][1]["MONOTONIC_USEC"])
    check(begin <= when <= time.monotonic_ns() // 1000, f"MONOTONIC_USEC {when} is when the reload began, after {begin}")


def test():
    make()
    manager = Manager(NAME)
    environment(NOTIFY_SOCKET=NAME, WATCHDOG_USEC=str(int(2 * HALF * 1e6)))

    # Refused: it was never ready.
    status, _ = Gateway(ports=[{"name": "shop", "device": "iface:none0"}, {"name": "cde", "device": "iface:cde0"}],
                        name="refused").refuse()
    check(status != 0, "a port that does not exist refuses the start")
    same(manager.said("READY"), [], "READY=1 of a gateway that did not start")

    gateway = Gateway(policy([rule("numbers", "web", "redis", ["udp/7000"])])).launch()
    until(lambda: manager.said("READY"), "READY=1", 90)
    check("forwarding: " in gateway.log(), "it forwards when it says so")
    text = manager.said("READY")[0][1]["STATUS"]
    check(re.match(r"forwarding: 1 pairs, 1 workers, mode protect, policy revision \d+$", text), text)
    pump = Pump("web", "redis", 7000)
    pump.flowing()
    reload_is_told(gateway, manager)

    # A slow machine makes them later, never earlier.
    n = len(manager.said("WATCHDOG"))
    until(lambda: len(manager.said("WATCHDOG")) >= n + 6, "six more pings")
    at = [when for when, _ in manager.said("WATCHDOG")][-6:]
    check(at[-1] - at[0] >= 5 * HALF * 0.9, f"half the interval between pings, not less: {at}")
    # A gateway that stands still says nothing.
    gateway.signal(signal.SIGSTOP)
    until(lambda: all("T" in open(f"/proc/{gateway.p.pid}/task/{t}/stat", encoding="ascii").read().rsplit(")", 1)[1][:3]
                      for t in os.listdir(f"/proc/{gateway.p.pid}/task")), "it stands still")
    n = len(manager.said("WATCHDOG"))
    time.sleep(3 * HALF)
    same(len(manager.said("WATCHDOG")), n, "pings of a stopped gateway")
    gateway.signal(signal.SIGCONT)
    until(lambda: len(manager.said("WATCHDOG")) > n, "pings again")
    pump.stop()
    gateway.stop()
    same([list(m) for _, m in manager.hear()][-1], ["STOPPING"], "the last word")

    # An abstract socket, and a watchdog that is another process's: no ping.
    manager = Manager("@bulkhead-test")
    environment(NOTIFY_SOCKET="@bulkhead-test", WATCHDOG_USEC="100000", WATCHDOG_PID="1")
    gateway = Gateway().start()
    until(lambda: manager.said("READY"), "READY=1")
    gateway.reload()
    until(lambda: len(manager.said("READY")) == 2, "READY=1 after the reload")
    time.sleep(0.5)
    gateway.stop()
    same(manager.said("WATCHDOG"), [], "pings")

    # Nobody listens: it works all the same, and says so.
    environment(NOTIFY_SOCKET=os.path.join(DIR, "nobody"))
    gateway = Gateway().start()
    gateway.logged("NOTIFY_SOCKET .*nobody.*the service manager hears nothing")
    gateway.stop()


main(test)
