"""Restart without a gap and without a link that goes down: connections that speak redis and HTTP, and one that is judged by its ports,
go through it without a reset; what policy denies stays denied all along; a new one that fails, or is silent, leaves the old one at work.
CASES: flows that are open besides (20,000; with 1,000,000 it takes minutes)."""

import fcntl
import json
import os
import re
import signal
import socket
import struct
import threading

from lib.check import check, main, same, say, until
from lib.failure import DEFAULT, guardians
from lib.gateway import BUILD, DIR, Gateway, policy, rule, write
from lib.manager import Manager, environment
from lib.pump import Stream
from lib.talk import GET, OK, PING, PONG, Answers, Talk, crowd
from lib.wire import Server, addr, attempt, make, run, spawn

HELLO = struct.Struct("<IHHQQ4I16x192s")  # app/bulkhead/pass.h
CROWD = int(os.environ.get("CASES", 20000))
NOTIFY = os.path.join(DIR, "notify")
RULES = [
    rule("crowd", "web", "cards", ["udp/10000-14999"]),
    {"id": "cache", "from": "web", "to": "redis", "applications": ["redis"], "action": "allow"},
    {"id": "site", "from": "web", "to": "cards", "ports": ["tcp/80"], "applications": ["http"], "action": "allow"},
    rule("bare", "web", "cards", ["tcp/8080"]),
    rule("late", "admin", "redis", ["tcp/6379"]),
]


class Denied:
    """A client that may not, at it all the time."""

    def __init__(self):
        self.n, self.opened, self.stopping = 0, 0, False
        threading.Thread(target=self._try, daemon=True).start()

    def _try(self):
        while not self.stopping:
            if attempt("batch", "redis", 6379, timeout=0.2) == "open":
                self.opened += 1
            self.n += 1


def ordered(gateway):
    gateway.config["ports"] = [{"name": "shop", "device": "packet:shop0"}, {"name": "cde", "device": "packet:cde0"}]
    write(gateway.config_path, gateway.config)
    return gateway


def successor(old):
    """The next version, beside the old one: same folder, same configuration."""
    new = Gateway.__new__(Gateway)
    new.__dict__.update(old.__dict__)
    with open(new.log_path, "ab") as log:
        new.log_from = log.tell()
        new.p = spawn(f"{BUILD}/bulkhead", "-c", new.config_path, "--adopt", stdout=log, stderr=log)
    return new


def in_background(old):
    """As ExecReload= does: who starts it waits, and it is the child of nobody there."""
    new = Gateway.__new__(Gateway)
    new.__dict__.update(old.__dict__)
    with open(new.log_path, "ab") as log:
        new.log_from = log.tell()
        starter = spawn(f"{BUILD}/bulkhead", "-c", new.config_path, "--adopt", "--background", stdout=log, stderr=log)
    same(starter.wait(90), 0, f"who started it hears that it forwards:\n{new.log()}")
    return new, starter.pid


class Adopted:
    """What a Gateway asks of its process, of one that the first process has inherited, which this one is."""

    def __init__(self, pid):
        same(os.getpid(), 1, "the first process")
        self.pid, self.status = pid, None

    def poll(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def wait(self, seconds):
        return until(lambda: self.poll() is not None, f"process {self.pid} ends", seconds) and self.status

    def send_signal(self, sig):
        os.kill(self.pid, sig)


def the_service_goes_on(old, manager):
    """Its main process is another one before the old one has ended, which does not say that the service ends."""
    manager.hear()
    before = len(manager.by)
    new, starter = in_background(old)
    same(old.p.wait(60), 0, "the old one ended")
    manager.hear()
    told = [(pid, said) for pid, said in manager.by[before:] if "WATCHDOG" not in said]
    pid = int(told[0][1].get("MAINPID", 0))
    check(pid not in (0, old.p.pid, starter), f"the new one is named: {told}")
    # systemd believes the process that it has started itself (NotifyAccess=exec), then the one that this one named.
    same([(who, said.get("MAINPID"), said.get("READY")) for who, said in told], [(starter, str(pid), None), (pid, None, "1")],
         "what is said, and by whom")
    # It was told of no watchdog, and knows of the old one's.
    until(lambda: manager.hear() and [1 for who, said in manager.by if who == pid and "WATCHDOG" in said], "its pings")
    new.p = Adopted(pid)
    return new


def take_over(old):
    new = successor(old)
    until(lambda: "] forwarding" in new.log() or "forwarding:" in new.log() or new.p.poll() is not None,
          "the new one forwards", 90)
    same(new.p.poll(), None, f"the new one runs; log:\n{new.log()}")
    same(old.p.wait(60), 0, f"the old one ended; log:\n{new.log()}")
    m = re.search(r"took over from pid (\d+): (\d+) flows kept, (\d+) left out, ([\d.]+) ms not forwarding", new.log())
    check(m is not None, f"what was taken over is said:\n{new.log()}")
    same(int(m[1]), old.p.pid, "from whom")
    return new, int(m[2]), float(m[4])


def silent(old):
    """Asks whether it may take over, may, and says nothing more. The first answer, a refusal, tells of version and layout."""
    def ask(version, layout):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(60)
        s.connect("/run/bulkhead/handover.sock")
        memory = os.memfd_create("handover", os.MFD_ALLOW_SEALING)
        os.ftruncate(memory, 8 * (-(-(48 + 4096 * 136) // 4096) * 4096))  # blocks: a head and 4,096 flows
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        hello = HELLO.pack(0x53534150, version, 1, layout, 0, 0, 0, 1, 2, b"")
        socket.send_fds(s, [hello], [memory])
        return s, HELLO.unpack(s.recv(1000))

    _, (_, version, kind, layout, *_) = ask(0, 0)
    same(kind, 3, "who has another version is refused")
    s, (_, _, kind, *_) = ask(version, layout)
    same(kind, 2, "who has the same is welcome")
    same(old.get("/health")["status"], "ok", "the API, while it is silent")
    old.logged("handover given up: the new gateway is silent", 60)
    same(s.recv(1000), b"", "what it is told")


def fails_and_leaves(old, talks):
    """Ended while it starts: the old one has its API back, and has gone on."""
    new = successor(old)
    until(lambda: "handover:" in new.log() or new.p.poll() is not None, "it has begun", 60)
    new.p.send_signal(signal.SIGKILL)
    new.p.wait(60)
    old.logged("this gateway goes on as before", 90)
    for name, talk in talks.items():
        talk.flowing(f"{name}, after one that failed")
    status, answer = old.put_policy(policy(RULES))
    same(status, 200, f"PUT of a policy ({answer})")


def carrier_changes():
    return [json.loads(run("ip", "-j", "-s", "-s", "link", "show", "eth0", ns=ns))[0]["stats64"]["tx"]["carrier_changes"]
            for ns in ("shop", "cde")]


def test():
    make()
    Answers("redis", 7000, PING, PONG)
    Answers("cards", 80, GET, OK)
    echo = Server("cards", 8080)
    Server("redis", 6379)
    manager = Manager(NOTIFY)
    environment(NOTIFY_SOCKET=NOTIFY, WATCHDOG_USEC="2000000")
    gateway = ordered(Gateway(policy(RULES), failure=DEFAULT, store={"path": "store.db"}, events={"flows": False},
                              flows={"max": max(65536, CROWD + CROWD // 8), "timeouts": {"new": "30m"}})).start()
    environment(NOTIFY_SOCKET=NOTIFY)
    talks = {"redis": Talk("web", "redis", 7000, PING, PONG), "http": Talk("web", "cards", 80, GET, OK)}
    crowd(gateway, CROWD)
    bare = Stream("web", "cards", 8080, echo)
    for name, talk in talks.items():
        talk.flowing(name)
    bare.flowing()
    # Known from REST alone: no file has it.
    gateway.label(addr("batch"), app="admin")
    until(lambda: attempt("batch", "redis", 6379, timeout=2) == "open", "the new label holds")
    gateway.label(addr("batch"), app="batch")
    until(lambda: attempt("batch", "redis", 6379, timeout=0.5) != "open", "the old one holds again")
    denied = Denied()
    changes = carrier_changes()
    silent(gateway)
    fails_and_leaves(gateway, talks)
    gateway = the_service_goes_on(gateway, manager)
    for name, talk in talks.items():
        talk.flowing(f"{name}, with another main process")
    gaps = []
    for turn in range(2):
        gateway, kept, gap = take_over(gateway)
        check(kept >= CROWD + 3, f"flows kept: {kept}")
        gaps.append(gap)
        for name, talk in talks.items():
            talk.flowing(f"{name}, after take-over {turn + 1}")
        bare.flowing()
    before = denied.n
    until(lambda: denied.n > before + 2, "who may not has tried since")
    same(denied.opened, 0, "connections that policy denies")
    same(gateway.request("GET", "/policy")[0], 200, "the API answers")
    say(f"not forwarding: {', '.join(f'{g:.1f} ms' for g in gaps)} with {kept} flows; {sum(t.n for t in talks.values())} requests, no reset")
    denied.stopping = True
    for talk in talks.values():
        talk.stopping = True
    bare.close()
    same(carrier_changes(), changes, "how often the neighbours' links went up or down")
    # Each old one's guardian ends by itself, and leaves the ports to that of the new one.
    until(lambda: len(guardians()) == 1, "one guardian is left")
    gateway.stop()
    until(lambda: all(now > n for now, n in zip(carrier_changes(), changes)), "links go down with the last one")


main(test)
