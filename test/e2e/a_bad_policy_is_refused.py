"""A policy with a mistake stops the start with file, line and column; at a reload the old one stays in force."""

import os
import re

from lib.check import check, main, same, until
from lib.gateway import BUILD, Gateway, policy, text, write
from lib.pump import Pump, Stream
from lib.wire import Server, attempt, make, run

MISTAKES = {
    "YAML": "version: 1\nrules:\n  - {id: a, from: web\n",
    "an unknown key": "version: 1\nruels: []\n",
    "an unknown segment": "version: 1\nrules:\n  - {id: a, from: webb, to: any, action: allow}\n",
    "an unknown action": "version: 1\nrules:\n  - {id: a, from: any, to: any, action: alow}\n",
    "an address": "version: 1\nendpoints:\n  - {address: 10.99.0.256, labels: {a: b}}\n",
    "a port": "version: 1\nrules:\n  - {id: a, from: any, to: any, ports: [tcp/65536], action: allow}\n",
    "nothing at all": "",
}


def at_start(gateway):
    pump = Pump("web", "redis", 5000)
    for what, document in MISTAKES.items():
        write(gateway.policy_path, document)
        status, log = gateway.refuse()
        same(status, 2, f"exit status for {what}; log:\n{log}")
        check(re.search(r"policy\.yaml:\d+:\d+: \S", log), f"file, line and column for {what}:\n{log}")
        done = run(f"{BUILD}/bulkhead", "-c", gateway.config_path, "--check", ok=False)
        same(done.returncode, 2, f"exit status of --check for {what}: {done.stdout}")
    os.unlink(gateway.policy_path)
    status, log = gateway.refuse()
    same(status, 2, f"exit status without the file; log:\n{log}")
    check("policy.yaml" in log, f"the file's name:\n{log}")
    same(pump.arrived, [], "what passed meanwhile")
    pump.stop()


def at_reload(gateway):
    server = Server("redis", 6379)
    stream = Stream("web", "redis", 6379, server)
    revision = gateway.get("/policy")["revision"]
    for what, document in MISTAKES.items():
        line = gateway.reload(document)
        check("refused" in line and re.search(r"policy\.yaml:\d+:\d+: ", line), f"{what}: {line}")
        status, answer = gateway.put_policy(document)
        check(status in (400, 422) and answer["detail"], f"PUT with {what}: {status} {answer}")
        stream.flowing()
    same(gateway.get("/policy")["revision"], revision, "the revision in force")
    same(attempt("web", "redis", 6379, timeout=20), "open", "a new connection under the old policy")
    same(attempt("batch", "redis", 6379), "timeout", "a denied one")

    def refusals():
        return [e for e in gateway.events("bulkhead") if e["bulkhead"].get("event") == "policy_refused"]

    until(lambda: len(refusals()) >= len(MISTAKES), "events about refused reloads")
    same(len(refusals()), len(MISTAKES), "events about refused reloads")
    status, answer = gateway.put_policy(text(policy()))
    same(status, 200, f"a right one afterwards ({answer})")


def test():
    make()
    gateway = Gateway()
    at_start(gateway)
    write(gateway.policy_path, policy())
    done = run(f"{BUILD}/bulkhead", "-c", gateway.config_path, "--check")
    check("ok" in done, f"--check of what is right: {done}")
    gateway.start()
    at_reload(gateway)
    gateway.stop()


main(test)
