"""Once started, neither process has a right that it does not need: every thread of the packet process is under seccomp with
four capabilities, the HTTP process has none; and what they are for still works."""

import http.client
import json
import os
import signal
import socket
import subprocess

from lib.check import check, main, same, until
from lib.gateway import TOKEN, Gateway, policy, rule
from lib.pump import Pump
from lib.wire import make

# docs/architecture.md: CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7, CAP_NET_ADMIN 12
LEFT = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12


def status_of(path):
    with open(f"{path}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def tasks(pid):
    return {tid: status_of(f"/proc/{pid}/task/{tid}") for tid in os.listdir(f"/proc/{pid}/task")}


def front(gateway):
    def found():
        for tid in os.listdir(f"/proc/{gateway.p.pid}/task"):
            try:
                with open(f"/proc/{gateway.p.pid}/task/{tid}/children", encoding="utf-8") as f:
                    every = [(int(pid), status_of(f"/proc/{pid}")) for pid in f.read().split()]
            except OSError:
                continue  # one that was killed went while it was looked at
            for pid, facts in every:
                if facts["Name"] == "bulkhead-api" and facts["Seccomp"] >= "2" and "Z" not in facts["State"]:
                    return pid
        return None
    return until(found, "a confined HTTP process runs")


def is_confined(gateway):
    every = tasks(gateway.p.pid)
    check(len(every) >= 4, f"control, worker, API and DPDK's own: {[t['Name'] for t in every.values()]}")
    for tid, facts in every.items():
        who = f"thread {tid} ({facts['Name']})"
        same(facts["Seccomp"], "2", f"seccomp of {who}")
        same(facts["NoNewPrivs"], "1", f"no_new_privs of {who}")
        for kind in ("CapEff", "CapPrm", "CapBnd"):
            same(int(facts[kind], 16), LEFT, f"{kind} of {who}")
        for kind in ("CapInh", "CapAmb"):
            same(int(facts[kind], 16), 0, f"{kind} of {who}")
    facts = status_of(f"/proc/{front(gateway)}")
    same(facts["Seccomp"], "2", "seccomp of the HTTP process")
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        same(int(facts[kind], 16), 0, f"{kind} of the HTTP process")
    with open(f"/proc/{front(gateway)}/limits", encoding="utf-8") as f:
        limits = {line[:26].strip(): line[26:].split() for line in f}
    same(limits["Max open files"][:2], ["1024", "1024"], "its descriptors")
    same(limits["Max core file size"][:2], ["0", "0"], "its core files")
    same(limits["Max processes"][:2], ["0", "0"], "its processes")


RUN = "/run/bulkhead"
SOCKET = f"{RUN}/dpdk/bulkhead/dpdk_telemetry.v2"


class Telemetry:
    """A client of DPDK's socket: one message a command, one an answer."""

    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.s.settimeout(60)
        self.s.connect(SOCKET)
        self.room = json.loads(self.s.recv(1024))["max_output_len"]

    def ask(self, command):
        self.s.send(command.encode())
        return json.loads(self.s.recv(self.room))[command.split(",")[0]]


def metrics(gateway):
    """By name and labels, as they stand there."""
    c = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    c.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    lines = c.getresponse().read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def telemetry(gateway):
    """DPDK's socket, in the sandbox too: for root alone, and the figures are those of /metrics."""
    same(os.stat(SOCKET).st_mode & 0o777, 0o600, "mode of the socket")
    same(os.stat(os.path.dirname(SOCKET)).st_mode & 0o777, 0o700, "mode of its folder")
    t = Telemetry()
    same(t.ask("/bulkhead/workers"), [0], "workers")
    same(t.ask("/bulkhead/ports"), ["shop", "cde"], "ports")
    same(t.ask("/bulkhead/info")["mode"], "protect", "mode")
    before = metrics(gateway)
    worker, port, drops = t.ask("/bulkhead/worker,0"), t.ask("/bulkhead/port,shop"), t.ask("/bulkhead/drops")
    after = metrics(gateway)
    told = {f'bulkhead_{k}{{worker="0"}}': v for k, v in worker.items()}
    told |= {f'bulkhead_port_{k}{{port="shop",pair="shop-cde"}}': v for k, v in port.items() if isinstance(v, int)}
    check(len(told) >= 31, f"figures of a worker and a port: {told}")
    reasons = [k for k in before if k.startswith("bulkhead_dropped_packets_total{")]
    same(len(drops), len(reasons), "reasons")
    told |= {k: drops[k.split('"')[1]] for k in reasons}
    for k, v in told.items():
        check(before[k] <= v <= after[k] or not k.partition("{")[0].endswith("_total"), f"{k}: {before[k]}, {v}, {after[k]}")
    check(told['bulkhead_forwarded_packets_total{worker="0"}'] > 0, "packets were forwarded")
    for wrong in ("/bulkhead/worker", "/bulkhead/worker,1", "/bulkhead/worker,-1", "/bulkhead/worker,x", "/bulkhead/port,none"):
        same(t.ask(wrong), None, wrong)
    check("/ethdev/list" in t.ask("/"), "DPDK's own commands are there")
    tool = subprocess.run(["dpdk-telemetry.py", "-f", "bulkhead"], input="/bulkhead/workers\nquit\n", text=True, capture_output=True,
                          env={**os.environ, "RUNTIME_DIRECTORY": RUN}, timeout=120, check=False)
    check('"/bulkhead/workers": [' in tool.stdout, f"dpdk-telemetry.py: {tool.stdout} {tool.stderr}")
    return t


def loaded(gateway):
    return gateway.log().count("rules,")


def test():
    make()
    gateway = Gateway(policy([rule("numbers", "web", "redis", ["udp/7000"])])).start()
    check("sandbox: " in gateway.log() and "threads confined" in gateway.log(), "the log says so")
    is_confined(gateway)
    pump = Pump("web", "redis", 7000)
    pump.flowing()

    # Rotation and reload: the file is made anew, the policy read again.
    before = loaded(gateway)
    os.rename(gateway.eve_path, gateway.eve_path + ".1")
    gateway.signal(signal.SIGHUP)
    until(lambda: os.path.exists(gateway.eve_path), "the event file is there again")
    until(lambda: loaded(gateway) > before, "the policy was read again")

    # A policy over REST replaces the file.
    was = os.stat(gateway.policy_path).st_ino
    c = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    c.request("PUT", "/api/v1/policy", body=json.dumps(policy([rule("other", "web", "redis", ["udp/7000"])])),
              headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
    answer = c.getresponse()
    check(answer.status in (200, 204), f"PUT /policy: {answer.status} {answer.read()}")
    check(os.stat(gateway.policy_path).st_ino != was, "the file is another one")

    # Killed, another one starts, as confined as the first.
    first = front(gateway)
    os.kill(first, signal.SIGKILL)
    until(lambda: front(gateway) != first, "another HTTP process runs")
    until(lambda: gateway.request("GET", "/health")[0] == 200, "it answers")
    is_confined(gateway)
    pump.flowing()
    held = telemetry(gateway)
    pump.stop()
    gateway.stop()
    same(held.s.recv(100), b"", "the socket's other end")
    check(not os.path.exists(f"{RUN}/dpdk"), "DPDK's folder is gone with the gateway")

    # Not asked for, it is not there.
    without = Gateway(metrics={"telemetry": False}).start()
    check(not os.path.exists(SOCKET), "no socket")
    without.stop()

    # Root's right over others' files goes with the rest: said at start, not when something is to be written.
    store = os.path.join(gateway.dir, "of-another")
    os.mkdir(store, 0o755)
    os.chown(store, 65534, 65534)
    status, log = Gateway(store={"path": "of-another/store.db"}).refuse()
    check(status == 1 and "of-another" in log and "chown" in log, f"a folder of another user: {status}, {log[-300:]}")

    bare = Gateway(store={"path": "of-another/store.db"}, sandbox=False).start()
    check("sandbox: off" in bare.log(), "the log says that it is off")
    same({t["Seccomp"] for t in tasks(bare.p.pid).values()}, {"0"}, "seccomp where it is off")
    bare.stop()


main(test)
