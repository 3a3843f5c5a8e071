"""failure: down. After kill -9 and SIGSTOP the links of both ports go down and nothing passes, whatever the kernel forwards by itself;
the hook is told; a guardian that ends is told of; with the gateway back, links and traffic are."""

import json
import os
import signal

from lib.check import check, main, same, until
from lib.failure import RECORD, guardians
from lib.gateway import EVERYTHING, Gateway, policy
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
                          failure={"crash": "down", "heartbeat": "down", "after": "500ms", "hook": HOOK}).start()
        pump = Pump("web", "redis", port)
        pump.flowing()
        fail(gateway, pump, signal.SIGKILL, "crash")
        back(gateway, pump)
        fail(gateway, pump, signal.SIGSTOP, "heartbeat")
        back(gateway, pump)
        fail(gateway, pump, signal.SIGTERM, "stop", "closed")
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
