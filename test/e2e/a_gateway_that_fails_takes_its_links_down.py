"""As the product comes, after a stop, kill -9 and SIGSTOP the links of both ports go down and nothing passes, whatever the kernel
forwards by itself; so do they when a start fails. closed leaves them up. The hook is told; a guardian that ends is told of; with the
gateway back, links and traffic are."""

import json
import os
import signal

from lib.check import check, main, same, until
from lib.failure import DEFAULT, RECORD, guardians
from lib.gateway import EVERYTHING, Gateway, policy, write
from lib.pump import Pump
from lib.wire import make, run

HOOK = "/run/bulkhead-hook"


def up(port):
    return "UP" in json.loads(run("ip", "-j", "link", "show", "dev", port))[0]["flags"]


def carrier(ns):
    return "LOWER_UP" in json.loads(run("ip", "-j", "link", "show", "dev", "eth0", ns=ns))[0]["flags"]


def fail(gateway, pump, sig, cause, action="down"):
    if os.path.exists(HOOK + ".said"):
        os.unlink(HOOK + ".said")
    gateway.signal(sig)
    gateway.p.wait(30)
    until(lambda: os.path.exists(HOOK + ".said"), "the hook is run", 20)
    with open(HOOK + ".said", encoding="utf-8") as f:
        same(f.read().split(), [cause, action, "shop-cde"], "what the hook is told")
    with open(RECORD, encoding="utf-8") as f:
        record = json.load(f)
    same((record["cause"], record["action"]), (cause, action), "the record")
    same((up("shop0"), up("cde0")), (action != "down",) * 2, "the ports' links")
    until(lambda: carrier("shop") == carrier("cde") == (action != "down"), "the neighbours see that")
    pump.none_for(2, f"after {cause}")
    until(lambda: not guardians(), "its guardian has done its work")


def back(gateway, pump):
    gateway.start()
    pump.flowing()
    check(not os.path.exists(RECORD), "the record is not of the present any more")


def a_start_that_fails(gateway):
    """With its ports open already."""
    for port in ("shop0", "cde0"):
        run("ip", "link", "set", port, "up")
    working = dict(gateway.config["api"])
    gateway.config["api"]["listen"] = "192.0.2.1:1"
    write(gateway.config_path, gateway.config)
    status, log = gateway.refuse()
    same(status, 1, f"a gateway without an address for its API does not start:\n{log}")
    until(lambda: not guardians(), "its guardian has done its work")
    same((up("shop0"), up("cde0")), (False, False), "the ports' links")
    gateway.config["api"] = working
    write(gateway.config_path, gateway.config)


def stays_closed(gateway):
    """A stop that leaves links as the gateway found them, which was up."""
    gateway.config["failure"]["stop"] = "closed"
    write(gateway.config_path, gateway.config)
    gateway.start()
    pump = Pump("web", "redis", 5002)
    pump.flowing()
    fail(gateway, pump, signal.SIGTERM, "stop", "closed")
    pump.stop()
    del gateway.config["failure"]["stop"]
    write(gateway.config_path, gateway.config)


def test():
    make()
    # What could pass by itself: a kernel that routes.
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    with open(HOOK, "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\necho "$@" >{HOOK}.part && mv {HOOK}.part {HOOK}.said\n')
    os.chmod(HOOK, 0o755)
    for port, kind in enumerate(("iface", "packet"), 5000):
        gateway = Gateway(policy(EVERYTHING), name=kind,
                          ports=[{"name": s, "device": f"{kind}:{s}0"} for s in ("shop", "cde")],
                          failure=DEFAULT | {"after": "5s", "hook": HOOK})
        if kind == "iface":
            stays_closed(gateway)
        gateway.start()
        pump = Pump("web", "redis", port)
        pump.flowing()
        fail(gateway, pump, signal.SIGKILL, "crash")
        back(gateway, pump)
        fail(gateway, pump, signal.SIGSTOP, "heartbeat")
        back(gateway, pump)
        fail(gateway, pump, signal.SIGTERM, "stop")
        if kind == "iface":
            a_start_that_fails(gateway)
        back(gateway, pump)
        # Without it nothing passes either.
        for pid in guardians():
            os.kill(pid, signal.SIGKILL)
        until(lambda: [e for e in gateway.events("alert") if e["alert"]["signature_id"] == 8000091],
              "an alert says that the guardian is gone")
        gateway.kill()
        pump.none_for(2, "after kill -9 without a guardian")
        pump.stop()


main(test)
