"""The traffic generator at both ends of the gateway, all in the test's own network namespace:

    gc --- shop0 (gateway) cde0 --- gs
"""

import json
import os
import signal

from .check import Failed, check, same, until
from .gateway import BUILD, DIR
from .wire import addr, run, spawn


def make():
    """The cables. The mount namespace is the test's own: /run vanishes with it."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    for near, far in (("shop0", "gc"), ("cde0", "gs")):
        run("ip", "link", "add", near, "type", "veth", "peer", "name", far)
        for name in (near, far):
            run("ip", "link", "set", name, "up")


def options(client, server, family, more):
    return ["--client-net", addr(client, family), "--server-net", addr(server, family),
            "--idle", "sleep", "--run-dir", "/run/generator", *more]


def start(name, *more, client="web", server="redis", family=4):
    log = open(os.path.join(DIR, f"{name}.log"), "wb")
    return spawn(f"{BUILD}/bulkhead-generator", *options(client, server, family, more), stdout=log, stderr=log)


def log(name):
    with open(os.path.join(DIR, f"{name}.log"), encoding="utf-8", errors="replace") as f:
        return f.read()


def measure(name, *more, seconds=120, **who):
    """Run it to its end; what its JSON says."""
    path = os.path.join(DIR, f"{name}.json")
    p = start(name, *more, "--json", path, **who)
    try:
        status = p.wait(seconds)
    except Exception:
        p.kill()
        raise Failed(f"the generator runs on:\n{log(name)}") from None
    same(status, 0, f"exit status of the generator; it said:\n{log(name)}")
    with open(path, encoding="utf-8") as f:
        return json.load(f)


class Server:
    """A generator that answers until it is stopped."""

    def __init__(self, *more, name="server", **who):
        self.name = name
        self.path = os.path.join(DIR, f"{name}.json")
        self.p = start(name, "--server", "iface:gs", "--json", self.path, *more, **who)
        until(lambda: "answering" in log(name) or self.p.poll() is not None, "the server answers", 60)
        check(self.p.poll() is None, f"it answers; it said:\n{log(name)}")

    def stop(self):
        self.p.send_signal(signal.SIGINT)
        same(self.p.wait(60), 0, f"exit status after SIGINT; it said:\n{log(self.name)}")
        with open(self.path, encoding="utf-8") as f:
            return json.load(f)
