"""The same two memif ports for whoever forwards between them: Bulkhead, testpmd, Open vSwitch. bench_wire is at the other
end of all of them; those whose turn it is not are stopped (SIGSTOP), so that each has the last CPU to itself."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

B = pathlib.Path(os.environ.get("B", "build")).resolve()
CPUS = sorted(os.sched_getaffinity(0))
HERS, OURS = CPUS[-1], CPUS[0]  # the forwarder's CPU, bench_wire's
SEGMENTS, ENDPOINTS, SERVICE = 4, 256, 9000


def first():
    """Before others that want the CPU, but not without end: threads that open ports share it. A session of its own has a
    weight of its own where the kernel groups processes by session."""
    os.setsid()
    os.nice(-20)
    try:
        pathlib.Path("/proc/self/autogroup").write_text("-20")
    except OSError:
        pass


class Missing(Exception):
    """A rival that can't be run here, and why."""


def devargs(index, role, path, name=None):
    return f"{name or 'net_memif' + str(index)},role={role},id=0,socket={path},socket-abstract=no,bsize=2048,rsize=10"


def wait_for(what, test, seconds=30):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise Missing(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


class Dut:
    """A forwarder in a process of its own."""
    name = ""
    queues = 1  # that it sends on

    def __init__(self, folder, sockets):
        self.folder, self.sockets, self.process = folder, sockets, None
        folder.mkdir()

    def start(self, command, **more):
        log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, preexec_fn=first,
                                        **more)

    def pids(self):
        return [self.process.pid]

    def signal(self, what):
        for pid in self.pids():
            try:
                os.kill(pid, what)
            except ProcessLookupError:
                raise Missing(f"{self.name} ended: {(self.folder / 'log').read_text()[-400:]}") from None

    def stop(self):
        if self.process is None:
            return
        for what in (signal.SIGCONT, signal.SIGTERM):
            if self.process.poll() is None:
                self.process.send_signal(what)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Testpmd(Dut):
    name = "testpmd io"

    def begin(self):
        if not shutil.which("dpdk-testpmd"):
            raise Missing("dpdk-testpmd is not installed (apt install dpdk)")
        vdevs = [f"--vdev={devargs(i, 'client', s)}" for i, s in enumerate(self.sockets)]
        self.start(["dpdk-testpmd", "-l", f"{OURS},{HERS}", "-m", "128", "--no-pci", "--in-memory", "--no-telemetry", *vdevs, "--",
                    "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=16384", "--no-lsc-interrupt", "--port-topology=paired"],
                   stdin=subprocess.PIPE)


def policy(rules=10):
    """As gate.h's."""
    half = ENDPOINTS // 2
    text = ["version: 1", "endpoints:"]
    for i in range(half):
        text += [f"  - {{address: 10.64.0.{i}, labels: {{app: c{i % SEGMENTS}}}}}", f"  - {{address: 10.128.0.{i}, labels: {{app: s{i % SEGMENTS}}}}}"]
    text.append("segments:")
    for i in range(SEGMENTS):
        text += [f"  c{i}: {{selector: app=c{i}}}", f"  s{i}: {{selector: app=s{i}}}"]
    text.append("rules:")
    for i in range(rules - SEGMENTS):
        text.append(f"  - {{from: c{i % SEGMENTS}, to: s{i // SEGMENTS % SEGMENTS}, ports: [udp/{10000 + i // 16}], action: allow}}")
    for i in range(SEGMENTS):
        text.append(f"  - {{from: c{i}, to: s{i}, ports: [udp/{SERVICE}], action: allow}}")
    return "\n".join(text) + "\n"


class Bulkhead(Dut):
    name = "Bulkhead"

    def begin(self):
        (self.folder / "policy.yaml").write_text(policy())
        (self.folder / "bulkhead.yaml").write_text(f"""policy: policy.yaml
ports:
  - {{name: a, device: "{devargs(0, 'client', self.sockets[0])}"}}
  - {{name: b, device: "{devargs(1, 'client', self.sockets[1])}"}}
pairs:
  - {{name: ab, inside: b, outside: a}}
# It is stopped while others have the CPU: nobody shall take that for a failure.
cores: {{control: {OURS}, workers: [{HERS}], heartbeat: 10m}}
api: {{listen: "off"}}
events: {{file: eve.json}}
""")
        self.start([str(B / "bulkhead"), "-c", "bulkhead.yaml"])


class Ovs(Dut):
    """Userspace datapath; connections are tracked, and only tracked ones of the same addresses and port pass."""
    name = "OVS-DPDK conntrack"
    queues = 2  # of its thread that forwards, and of its main thread
    SHARE = "/usr/share/openvswitch/vswitch.ovsschema"

    def call(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, env=self.env, timeout=60)
        if done.returncode != 0:
            raise Missing(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.stdout

    def begin(self):
        program = next((p for p in ("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk",) if os.path.exists(p)), None)
        if program is None or not shutil.which("ovsdb-tool"):
            raise Missing("OVS-DPDK is not installed (apt install openvswitch-switch-dpdk)")
        f = self.folder
        self.env = dict(os.environ, OVS_RUNDIR=str(f), OVS_LOGDIR=str(f), OVS_DBDIR=str(f), OVS_SYSCONFDIR=str(f))
        db = f"unix:{f}/db.sock"
        vsctl = ("ovs-vsctl", f"--db={db}", "--timeout=40")
        self.call("ovsdb-tool", "create", str(f / "conf.db"), self.SHARE)
        log = open(f / "db.log", "w")
        self.db = subprocess.Popen(["ovsdb-server", str(f / "conf.db"), f"--remote=p{db}", f"--unixctl={f}/db.ctl"], env=self.env,
                                   stdout=log, stderr=subprocess.STDOUT)
        wait_for("ovsdb-server", lambda: (f / "db.sock").exists())
        self.call(*vsctl, "--no-wait", "init")
        self.call(*vsctl, "--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true", "other_config:dpdk-socket-mem=256",
                  f"other_config:pmd-cpu-mask={1 << HERS:#x}", f"other_config:dpdk-lcore-mask={1 << OURS:#x}",
                  "other_config:dpdk-extra=--no-pci --in-memory --no-telemetry")
        self.start([program, db, f"--unixctl={f}/vswitchd.ctl", f"--log-file={f}/vswitchd.log"], env=self.env)
        self.call(*vsctl, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=secure")
        for i, s in enumerate(self.sockets):
            self.call(*vsctl, "add-port", "br0", f"p{i}", "--", "set", "Interface", f"p{i}", "type=dpdk", f"ofport_request={i + 1}",
                      f"options:dpdk-devargs={devargs(i, 'client', s)}")
        for i in range(2):
            error = self.call(*vsctl, "get", "Interface", f"p{i}", "error").strip()
            if error not in ("[]", '""'):
                raise Missing(f"OVS-DPDK does not take the memif port: {error}")
        flows = ["table=0,priority=10,udp,ct_state=-trk,actions=ct(table=1)",
                 "table=1,priority=20,udp,ct_state=+trk+est,in_port=1,actions=output:2", "table=1,priority=20,udp,ct_state=+trk+est,in_port=2,actions=output:1"]
        # The last two bits of an address are its segment, here and there.
        for i in range(SEGMENTS):
            flows.append(f"table=1,priority=10,udp,ct_state=+trk+new,in_port=1,nw_src=10.64.0.{i}/255.255.0.3,nw_dst=10.128.0.{i}/255.255.0.3,"
                         f"tp_dst={SERVICE},actions=ct(commit),output:2")
        (f / "flows").write_text("\n".join(flows) + "\n")
        self.call("ovs-ofctl", "add-flows", f"unix:{f}/br0.mgmt", str(f / "flows"))

    def stop(self):
        super().stop()
        if getattr(self, "db", None):
            self.db.terminate()
            self.db.wait(10)


class Wire:
    """bench_wire with two server ports for each of the forwarders."""

    def __init__(self, kinds):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-wire."))
        self.duts, self.missing = [], {}
        vdevs, pairs = [], []
        for k, kind in enumerate(kinds):
            sockets = [str(self.folder / f"{k}{side}.sock") for side in "ab"]
            vdevs += [f"--vdev={devargs(2 * k + i, 'server', s)}" for i, s in enumerate(sockets)]
            pairs.append((k, kind, sockets))
        self.log = open(self.folder / "wire.log", "w")
        self.process = subprocess.Popen(
            [str(B / "bench" / "bench_wire"), "-l", str(OURS), "-m", "192", "--no-pci", "--in-memory", "--no-telemetry", "--log-level=error", *vdevs,
             "--", *(str(kind.queues) for kind in kinds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=first)
        self.answer()
        for k, kind, sockets in pairs:
            dut = kind(self.folder / f"dut{k}", sockets)
            dut.pair = k
            try:
                dut.begin()
                wait_for(f"a packet through {dut.name}", lambda d=dut: d.process.poll() is not None or self.ask(f"check {d.pair}")["passed"] == 5, 60)
                dut.checked = self.ask(f"check {k}")
                if dut.checked["passed"] != 5:
                    raise Missing(f"{dut.name} forwards nothing: {(dut.folder / 'log').read_text()[-300:]}")
                dut.signal(signal.SIGSTOP)
                self.duts.append(dut)
            except Missing as why:
                self.missing[dut.name] = str(why).replace('"', "'").replace("\n", " ")
                dut.stop()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Missing(f"bench_wire ended: {(self.folder / 'wire.log').read_text()[-400:]}")
        return json.loads(line)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def turn(self, dut, command):
        """One command to the ports of this one, which alone runs."""
        dut.signal(signal.SIGCONT)
        try:
            return self.ask(command)
        finally:
            dut.signal(signal.SIGSTOP)

    def close(self):
        for dut in self.duts:
            dut.stop()
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if not os.environ.get('KEEP'):
            shutil.rmtree(self.folder, ignore_errors=True)
