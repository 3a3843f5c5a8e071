"""`bulkheadctl doctor` names what was made wrong on a real machine, the printed command mends it, and a gateway that runs in
order has no fault."""

import json
import os
import shlex
import socket
import subprocess

from lib.check import check, main, same
from lib.gateway import BUILD, Gateway, write
from lib.wire import make, run


def doctor(gateway, *args):
    done = run(f"{BUILD}/bulkheadctl", "doctor", "--config", gateway.config_path, "-o", "json", *args, ok=False)
    report = json.loads(done.stdout)
    same(report["faults"], sum(f["severity"] == "fault" for f in report["findings"]), "faults are counted")
    same(done.returncode, 1 if report["faults"] else 0, "exit status")
    return report


def found(gateway, name, subject=None):
    every = [f for f in doctor(gateway)["findings"] if f["name"] == name]
    if subject is not None:
        every = [f for f in every if f["subject"] == subject]
    return every[0] if every else None


def mend(finding):
    done = subprocess.run(["sh", "-c", finding["fix"]], capture_output=True, text=True, timeout=30, check=False)
    same(done.returncode, 0, f"`{finding['fix']}`: {done.stderr}")


def provoked(gateway, name, subject, provoke):
    """Not there before, there once it is wrong, gone when its own command has run."""
    check(found(gateway, name, subject) is None, f"{name} is not found before")
    provoke()
    finding = found(gateway, name, subject)
    check(finding, f"{name} of {subject} is found")
    mend(finding)
    check(found(gateway, name, subject) is None, f"{name} is gone after `{finding['fix']}`")


def machine(gateway):
    provoked(gateway, "iface_down", "shop0", lambda: run("ip", "link", "set", "shop0", "down"))
    provoked(gateway, "mtu_pair", "cde0", lambda: run("ip", "link", "set", "cde0", "mtu", "1400"))
    provoked(gateway, "iface_address", "shop0", lambda: run("ip", "address", "add", "192.0.2.7/24", "dev", "shop0"))
    run("ip", "link", "add", "br7", "type", "bridge")
    provoked(gateway, "iface_enslaved", "cde0", lambda: run("ip", "link", "set", "cde0", "master", "br7"))
    run("ip", "link", "del", "br7")
    token = os.path.join(gateway.dir, "token")
    provoked(gateway, "secret_exposed", token, lambda: os.chmod(token, 0o644))
    provoked(gateway, "file_unreadable", gateway.policy_path, lambda: os.chmod(gateway.policy_path, 0))
    os.chmod(gateway.policy_path, 0o644)
    provoked(gateway, "file_writable", gateway.policy_path, lambda: os.chmod(gateway.policy_path, 0o666))


def port_in_use(gateway):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", gateway.port))
    s.listen()
    finding = found(gateway, "api_port_used")
    check(finding and f":{gateway.port}" in finding["fix"], "the port that is in use is found")
    look = shlex.split(finding["fix"].split(",")[0])
    check(str(os.getpid()) in run(*look), f"{look} names the program")
    s.close()
    check(found(gateway, "api_port_used") is None, "it is free again")


def documents(gateway):
    good = open(gateway.policy_path, encoding="utf-8").read()
    write(gateway.policy_path, "version: 1\nrules:\n  - {id: a, from: webb, to: any, action: allow}\n")
    finding = found(gateway, "policy_wrong", gateway.policy_path)
    check(finding and "policy.yaml:3:" in finding["seen"], f"the policy's fault, with its place: {finding}")
    write(gateway.policy_path, good)
    gateway.config["ports"][0]["device"] = "iface:nowhere0"
    write(gateway.config_path, gateway.config)
    finding = found(gateway, "iface_missing", "nowhere0")
    check(finding and "shop0" in finding["fix"], "the interface is not there, others are")
    gateway.config["ports"][0]["device"] = "iface:shop0"
    write(gateway.config_path, gateway.config)


def test():
    make()
    gateway = Gateway()
    os.chmod(gateway.config_path, 0o644)
    os.chmod(gateway.policy_path, 0o644)
    before = doctor(gateway)
    same(before["gateway_runs"], False, "no gateway runs")
    machine(gateway)
    port_in_use(gateway)
    documents(gateway)

    gateway.start()
    report = doctor(gateway)
    same(report["gateway_runs"], True, "a gateway runs")
    same([f for f in report["findings"] if f["severity"] == "fault"], [], "faults of one that runs in order")
    run("ip", "link", "set", "cde0", "down")
    names = {f["name"] for f in doctor(gateway)["findings"]}
    check({"iface_down", "gateway_degraded"} & names, f"a link that was taken down under it: {names}")
    run("ip", "link", "set", "cde0", "up")
    gateway.stop()


main(test)
