"""Captures through Bulkhead and through Suricata with Hyperscan: the same file, the same 550 rules, one CPU for each.

What counts is CPU time for a packet. Bulkhead (bulkhead-replay: the gateway's worker and pipeline) says what it took from the first
packet it read to the last flow that ended. Suricata's is that of the whole process, its start taken off: the difference of a long and of a
short capture of the same kind. Both read the file themselves, and write no events while they are measured. Before that, both must
have found the same rules hit in one capture, or there are no figures."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import ruleset
import tell
import traffic
from topology import B, HERS, Missing

SHORT, LONG, ROUNDS = (20_000, 120_000, 3) if tell.QUICK else (30_000, 300_000, 9)

OURS = """mode: discover
checksums: {ip4: false, l4: ignore}
applications: {parse: all}
events: {flows: false, operations: false}
"""
# The values that its own suricata.yaml has, but for what it would write and what it would check.
SURICATA = """%YAML 1.1
---
stats: {{enabled: no}}
outputs:
  - eve-log: {{enabled: {events}, filetype: regular, filename: eve.json, types: [alert]}}
logging: {{default-log-level: error, outputs: [{{console: {{enabled: yes}}}}]}}
pcap-file: {{checksum-checks: no}}
app-layer:
  protocols:
    http:
      enabled: yes
      libhtp:
        default-config:
          {{personality: IDS, request-body-limit: 100kb, response-body-limit: 100kb, request-body-minimal-inspect-size: 32kb,
           request-body-inspect-window: 4kb, response-body-minimal-inspect-size: 40kb, response-body-inspect-window: 16kb}}
    tls: {{enabled: yes, detection-ports: {{dp: 443}}}}
    dns: {{tcp: {{enabled: yes, detection-ports: {{dp: 53}}}}, udp: {{enabled: yes, detection-ports: {{dp: 53}}}}}}
    smtp: {{enabled: yes, mime: {{decode-mime: yes, decode-base64: yes, decode-quoted-printable: yes, header-value-depth: 2000, extract-urls: yes}}}}
    smb: {{enabled: yes, detection-ports: {{dp: 139, 445}}}}
    http2: {{enabled: yes}}
    ssh: {{enabled: yes}}
    ftp: {{enabled: yes}}
    quic: {{enabled: yes}}
    mqtt: {{enabled: yes}}
    snmp: {{enabled: yes}}
    krb5: {{enabled: yes}}
    ntp: {{enabled: yes}}
    dhcp: {{enabled: yes}}
flow: {{memcap: 128mb, hash-size: 65536, prealloc: 10000}}
stream: {{memcap: 64mb, checksum-validation: no, reassembly: {{memcap: 256mb, depth: 1mb, toserver-chunk-size: 2560, toclient-chunk-size: 2560}}}}
detect: {{profile: medium, sgh-mpm-context: auto}}
mpm-algo: hs
spm-algo: hs
"""


def cpu_seconds(command, folder):
    """Of a process, with all its threads, on the forwarder's CPU."""
    with open(folder / "log", "w") as log:
        p = subprocess.Popen(["taskset", "-c", str(HERS), *map(str, command)], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise Missing(f"{command[0]} ended with {p.returncode}: {(folder / 'log').read_text()[-300:]}")
    return used.ru_utime + used.ru_stime


class Suricata:
    def __init__(self, folder):
        if not shutil.which("suricata"):
            raise Missing("Suricata is not installed; Debian 12 has it in bookworm-backports (deploy/install-deps.sh bench)")
        info = subprocess.run(["suricata", "--build-info"], capture_output=True, text=True, timeout=30).stdout
        if not any(line.split(":")[0].strip() == "Hyperscan support" and "yes" in line for line in info.splitlines()):
            raise Missing("this Suricata was built without Hyperscan")
        self.version = info.split("Suricata version ")[1].split()[0]
        self.folder = folder / "suricata"
        self.folder.mkdir()
        for name, events in (("quiet", "no"), ("loud", "yes")):
            (self.folder / f"{name}.yaml").write_text(SURICATA.format(events=events))

    def run(self, capture, how="quiet"):
        return cpu_seconds(["suricata", "-c", f"{how}.yaml", "-r", capture, "-S", self.folder.parent / "bench.rules", "-l", self.folder, "-k", "none",
                            "--runmode", "single"], self.folder)

    def hits(self, capture):
        self.run(capture, "loud")
        events = map(json.loads, (self.folder / "eve.json").read_text().splitlines())
        return {e["alert"]["signature_id"] for e in events if e["event_type"] == "alert"}

    def packet_ns(self, short, long):
        return (self.run(long.path) - self.run(short.path)) / (long.packets - short.packets) * 1e9


class Ours:
    def __init__(self, folder):
        self.folder = folder / "bulkhead"
        self.folder.mkdir()
        (self.folder / "attach.yaml").write_text("version: 1\nattach:\n  - {sensor: bench, action: alert}\n")
        (self.folder / "bulkhead.yaml").write_text(OURS + "sensors: {files: [../bench.rules, attach.yaml], cache: .}\n")

    def run(self, capture, *more):
        cpu_seconds([B / "bulkhead-replay", "-c", "bulkhead.yaml", "-r", capture, "--stats", "stats.json", *more], self.folder)
        stats = json.loads((self.folder / "stats.json").read_text())
        if stats["dropped"]:
            raise SystemExit(f"replay: Bulkhead dropped packets of an ordinary capture ({stats['dropped']}): no figures")
        return stats

    def hits(self, capture):
        stats = self.run(capture, "-e", "eve.json")
        if stats["events_lost"]:
            raise SystemExit("replay: Bulkhead lost events: no figures")
        events = map(json.loads, (self.folder / "eve.json").read_text().splitlines())
        return {int(e["bulkhead"]["sensor_rule"]) for e in events if e["event_type"] == "alert"}

    def packet_ns(self, long):
        stats = self.run(long.path)
        return stats["cpu_seconds"] / stats["packets"] * 1e9


class Capture:
    def __init__(self, path, made):
        records, self.hits = made
        self.path, self.packets, self.bytes = path, len(records), sum(r.wire for r in records)
        traffic.write(path, records)


def check(capture, *engines):
    for e in engines:
        found = e.hits(capture.path)
        if found != capture.hits:
            raise SystemExit(f"replay: {type(e).__name__} finds rules {sorted(found)} hit, it should be {sorted(capture.hits)}: no figures")


def compare(folder):
    rival, ours = Suricata(folder), Ours(folder)
    (folder / "bench.rules").write_text(ruleset.rules())
    kinds = (("REPLAY_MIXED", "mixed traffic", traffic.mixed), ("REPLAY_HTTP", "HTTP, connections that stay", traffic.keepalive))
    for i, (key, name, make) in enumerate(kinds):
        short, long = (Capture(folder / f"{key}{n}", make(n)) for n in (SHORT, LONG))
        if i == 0:
            check(short, rival, ours)
        theirs, mine = [], []
        for _ in range(ROUNDS):
            theirs.append(rival.packet_ns(short, long))
            mine.append(ours.packet_ns(long))
        size = f"{long.bytes / long.packets:.0f} bytes a packet"
        tell.figure("capture replayed", f"{name}, {size}, Suricata {rival.version}", "ns", theirs)
        tell.figure("capture replayed", f"{name}, {size}, Bulkhead", "ns", mine)
        tell.claim(key, [t / m for t, m in zip(theirs, mine)], f"Suricata {rival.version} with Hyperscan on the same capture and rules")
        short.path.unlink()
        long.path.unlink()


def over_suricata():
    tell.heading("CPU for a packet of a capture, applications and 550 rules")
    with tempfile.TemporaryDirectory(prefix="bench-replay.") as name:
        try:
            compare(pathlib.Path(name))
        except Missing as why:
            for key in ("REPLAY_MIXED", "REPLAY_HTTP"):
                tell.unmeasured(key, str(why).replace('"', "'").replace("\n", " "))
