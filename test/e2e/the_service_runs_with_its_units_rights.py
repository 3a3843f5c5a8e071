"""The gateway runs as the packaged unit starts it: its user, capabilities, system calls, address families and limits, on
AF_PACKET with the unit alone and on AF_XDP with xdp.conf; it judges, reloads, restores its interfaces and ends as root's does."""

import ctypes
import errno
import json
import os
import pwd
import re
import resource
import struct
import subprocess
import sys

from lib.check import Skip, check, main, same, say, until
from lib.failure import DEFAULT, guardians
from lib.gateway import BUILD, Gateway, policy, rule
from lib.pump import Pump
from lib.wire import make, run

DEPLOY = os.path.join(os.path.dirname(__file__), "..", "..", "deploy")
HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_XDP": 44}
SOCKET, SOCKETPAIR = 41, 53
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
UNIT = "debian/bulkhead.service"
USER = "nobody"


def setting(files, key):
    """All values of a setting; drop-ins add to the unit's."""
    out = []
    for name in files:
        with open(os.path.join(DEPLOY, name), encoding="utf-8") as f:
            out += [line.split("=", 1)[1].strip() for line in f if line.startswith(key + "=")]
    return out


def members(group):
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    for word in re.findall(r"^    (\S+)", text, re.M):
        if word.startswith("@"):
            yield from members(word)
        elif not word.startswith("#"):
            yield word


def calls(files):
    with open(HEADER, encoding="ascii") as f:
        number = {name: int(n) for name, n in re.findall(r"#define __NR_(\w+) (\d+)", f.read())}
    # What systemd adds to every allow list.
    names = set(members("@default"))
    for value in setting(files, "SystemCallFilter"):
        for word in value.lstrip("~").split():
            of = set(members(word)) if word.startswith("@") else {word}
            names = names - of if value.startswith("~") else names | of
    return sorted(number[n] for n in names if n in number)


def program(files):
    """The unit's SystemCallFilter= and RestrictAddressFamilies= as one filter."""
    def op(code, k, jt=0, jf=0):
        return struct.pack("HBBI", code, jt, jf, k)

    out = [op(0x20, 0)]
    families = [FAMILIES[f] for f in " ".join(setting(files, "RestrictAddressFamilies")).split()]
    for call in (SOCKET, SOCKETPAIR):
        inner = [op(0x20, 16)]
        for f in families:
            inner += [op(0x15, f, 0, 1), op(0x06, ALLOW)]
        inner += [op(0x06, REFUSE | errno.EAFNOSUPPORT)]
        out += [op(0x15, call, 0, len(inner))] + inner
    for nr in calls(files):
        out += [op(0x15, nr, 0, 1), op(0x06, ALLOW)]
    return b"".join(out + [op(0x06, REFUSE | errno.EPERM)])


def rights_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def may_lock():
    """CAP_SYS_RESOURCE (24): containers' root has it not everywhere."""
    return int(rights_of("self")["CapEff"], 16) >> 24 & 1 or \
        resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] == resource.RLIM_INFINITY


def limits():
    """LimitMEMLOCK=infinity, LimitNICE=-10: as far as this machine lets root raise them."""
    if may_lock():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)
    ctypes.CDLL(None).setrlimit(13, struct.pack("QQ", 30, 30))


def become(filter_path, *argv):
    """In the new process, which is the unit's user already: its filter, then its program."""
    with open(filter_path, "rb") as f:
        code = f.read()
    text = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(text))
    if ctypes.CDLL(None).prctl(22, 2, ctypes.create_string_buffer(head, len(head)), 0, 0) != 0:
        sys.exit("no filter")
    os.execv(argv[0], argv)


class Service(Gateway):
    """As Gateway, but started as the unit says."""

    def __init__(self, files, **config):
        super().__init__(policy([rule("numbers", "web", "redis", ["udp/7000", "udp/7001"])]), failure=DEFAULT, **config)
        self.files = files

    def launch(self):
        who = pwd.getpwnam(USER)
        filter_path = os.path.join(self.dir, "filter")
        with open(filter_path, "wb") as f:
            f.write(program(self.files))
        os.makedirs("/run/bulkhead", exist_ok=True)
        for path in [self.dir, "/run/bulkhead"] + [os.path.join(self.dir, f) for f in os.listdir(self.dir)]:
            os.chown(path, who.pw_uid, who.pw_gid)
        same(setting(self.files, "AmbientCapabilities"), setting(self.files, "CapabilityBoundingSet"), "the two sets")
        caps = ",".join("+" + c[4:].lower() for c in " ".join(setting(self.files, "AmbientCapabilities")).split())
        if not may_lock():
            # What AF_XDP's buffers need, which LimitMEMLOCK= gives where it can.
            say("locked memory is limited here: CAP_IPC_LOCK stands for LimitMEMLOCK=infinity")
            caps += ",+ipc_lock"
        with open(self.log_path, "ab") as log:
            self.log_from = log.tell()
            self.p = subprocess.Popen(
                ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups",
                 f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}", f"--bounding-set=-all,{caps}",
                 "--no-new-privs", sys.executable, __file__, "--become", filter_path,
                 f"{BUILD}/bulkhead", "-c", self.config_path],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=limits,
                env={**os.environ, "XDG_RUNTIME_DIR": "/run/bulkhead"})
        return self


def named(pid):
    """None: it has ended meanwhile."""
    try:
        return rights_of(pid)["Name"]
    except OSError:
        return None


def children(pid, name):
    out = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as f:
                out += f.read().split()
        except OSError:
            pass  # a thread that has ended meanwhile
    return [c for c in out if named(c) == name]


def answers(gateway):
    try:
        return gateway.request("GET", "/health")[0] == 200
    except OSError:
        return False


def ipv6_is_off(name):
    with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", encoding="ascii") as f:
        return f.read().strip() == "1"


def flags(name):
    return json.loads(run("ip", "-j", "link", "show", "dev", name))[0]["flags"]


def serves(files, driver, port):
    gateway = Service(files, name=driver).start()
    check(len(re.findall(f"driver (?:net_)?{driver},", gateway.log())) == 2, f"both ports by {driver}:\n{gateway.log()}")
    facts = rights_of(gateway.p.pid)
    check(facts["Uid"].split() == [str(pwd.getpwnam(USER).pw_uid)] * 4, f"never root: {facts['Uid']}")
    # Of the unit's rights, CAP_NET_ADMIN alone stays once it forwards.
    same([int(facts[k], 16) for k in ("CapEff", "CapPrm", "CapAmb")], [1 << 12, 1 << 12, 0], "capabilities left")
    check(ipv6_is_off("shop0"), "the kernel's IPv6 is off on a port")
    pump = Pump("web", "redis", port)
    pump.flowing()
    check("in force" in gateway.reload(), "a reload")

    # Its HTTP process is another, and is started again.
    first = until(lambda: children(gateway.p.pid, "bulkhead-api"), "the HTTP process")[0]
    os.kill(int(first), 9)
    until(lambda: [c for c in children(gateway.p.pid, "bulkhead-api") if c != first], "another HTTP process")
    until(lambda: answers(gateway), "it answers")
    same(gateway.put_policy(policy([]))[0], 200, "a policy over REST")
    pump.none_for(1, "nothing is allowed any more")
    pump.stop()
    gateway.stop()
    # What watches over it has the unit's rights, too.
    until(lambda: not guardians(), "its guardian has done its work")
    check("UP" not in flags("shop0") + flags("cde0"), "links are down without it")
    check(not ipv6_is_off("shop0"), "interfaces are as they were")


def strict():
    """ProtectKernelTunables=yes with its one exception."""
    for cmd in (["--bind", "/proc/sys", "/proc/sys"], ["--bind", "/proc/sys/net/ipv6/conf", "/proc/sys/net/ipv6/conf"],
                ["-o", "remount,bind,ro", "/proc/sys"]):
        run("mount", *cmd)
    try:
        open("/proc/sys/net/ipv6/conf/lo/hop_limit", "r+", encoding="ascii").close()
        open("/proc/sys/net/ipv4/ip_forward", "r+", encoding="ascii").close()
    except OSError as e:
        same(e.errno, errno.EROFS, "all but IPv6 is read-only")
    else:
        check(False, "ip_forward can be written")


def test():
    if not os.path.exists(HEADER):
        raise Skip(f"needs {HEADER} (linux-libc-dev)")
    if subprocess.run(["sh", "-c", "command -v systemd-analyze setpriv"], capture_output=True, check=False).returncode:
        raise Skip("needs systemd-analyze and setpriv")
    make()
    strict()
    serves([UNIT], "af_packet", 7000)
    serves([UNIT, "systemd/xdp.conf"], "af_xdp", 7001)


if sys.argv[1:2] == ["--become"]:
    become(*sys.argv[2:])
main(test)
