"""The kernel between the same frames: two namespaces, in one bench_wire on two veth ports (AF_PACKET), in the other a router
whose nftables rules track connections. Everything happens on bench_wire's CPU, in the system call that sends."""
import json
import os
import shutil
import subprocess
import tempfile

from topology import B, OURS, SEGMENTS, SERVICE, Missing, first

IN, OUT = "port0", "port1"  # the router's ports
HERE_MAC, THERE_MAC = "02:00:00:00:00:02", "02:00:00:00:00:01"  # as bench_wire addresses frames


def rules():
    out = ["table inet f {", " chain forward {", "  type filter hook forward priority 0; policy drop;", "  ct state established accept"]
    for i in range(SEGMENTS):
        out.append(f"  ip saddr & 255.255.0.3 == 10.64.0.{i} ip daddr & 255.255.0.3 == 10.128.0.{i} udp dport {SERVICE} ct state new accept")
    return "\n".join(out + [" }", "}"]) + "\n"


class Kernel:
    name = "nftables conntrack"

    def __init__(self):
        if not shutil.which("nft"):
            raise Missing("nft is not installed (apt install nftables)")
        self.wire, self.router = (f"bench-{x}-{os.getpid()}" for x in ("wire", "router"))
        self.process = None
        try:
            self.build()
            self.start()
            got = self.ask("check 0")
            if got != {"passed": 5, "stopped": 5}:
                raise Missing(f"the kernel does not forward what it should, or more: {got}")
        except BaseException:
            self.close()
            raise

    def run(self, *command, text=None):
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise Missing(f"{' '.join(command)}: {done.stderr.strip()[-200:]}")

    def build(self):
        for ns in (self.wire, self.router):
            self.run("ip", "netns", "add", ns)
            # Nobody looks for IPv6 neighbours between our packets.
            self.run("ip", "netns", "exec", ns, "sh", "-c",
                     "for c in all default; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done 2>/dev/null || true")
        for port, net, gateway in ((IN, "10.64.0.0/16", "192.0.2.1"), (OUT, "10.128.0.0/16", "192.0.3.1")):
            self.run("ip", "-n", self.wire, "link", "add", port, "type", "veth", "peer", "name", port, "netns", self.router)
            self.run("ip", "-n", self.router, "link", "set", port, "address", HERE_MAC, "up")
            self.run("ip", "-n", self.wire, "link", "set", port, "up")
            self.run("ip", "-n", self.router, "address", "add", gateway[:-1] + "2/24", "dev", port)
            self.run("ip", "-n", self.router, "neigh", "add", gateway, "lladdr", THERE_MAC, "dev", port, "nud", "permanent")
            self.run("ip", "-n", self.router, "route", "add", net, "via", gateway, "dev", port)
        inside = ("ip", "netns", "exec", self.router)
        self.run(*inside, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done")
        self.run(*inside, "nft", "-f", "-", text=rules())

    def start(self):
        self.log = tempfile.TemporaryFile("w+")
        vdevs = [f"--vdev=net_af_packet{i},iface={p},blocksz=65536,framesz=2048,framecnt=1024,qpairs=1" for i, p in enumerate((IN, OUT))]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.wire, str(B / "bench/bench_wire"), "-l", str(OURS), "-m", "128", "--no-pci", "--in-memory", "--no-telemetry",
             "--log-level=error", *vdevs, "--", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=first)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise Missing(f"bench_wire ended: {self.log.read()[-300:]}")
        return json.loads(line)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def drop_all(self, on):
        """Everything is dropped as it enters: what is left is what sending costs."""
        text = "add table netdev d\n"
        for port in (IN, OUT):
            text += f"add chain netdev d {port} {{ type filter hook ingress device \"{port}\" priority 0; policy drop; }}\n"
        self.run("ip", "netns", "exec", self.router, "nft", "-f", "-", text=text if on else "delete table netdev d\n")

    def cost_ns(self, ms):
        """Of one packet forwarded, its conntrack and its arrival in the other port's ring: nanoseconds of CPU."""
        self.ask(f"rate 0 {ms // 2}")
        went = self.ask(f"rate 0 {ms}")
        self.drop_all(True)
        try:
            sent = self.ask(f"rate 0 {ms}")
        finally:
            self.drop_all(False)
        if went["received"] < went["sent"] / 2:
            raise Missing(f"the kernel lost most packets: {went}")
        return (went["seconds"] / went["sent"] - sent["seconds"] / sent["sent"]) * went["sent"] / went["received"] * 1e9

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for ns in (self.wire, self.router):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)
