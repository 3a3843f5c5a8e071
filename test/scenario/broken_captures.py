"""Whatever bytes a capture holds: no crash, no sanitizer report, every packet that could be read is forwarded or dropped
for a reason, every event is JSON. Captures of the other scenarios, damaged by a fixed seed."""

import importlib
import os
import random
import shutil

from lib import scenario

SOURCES = ("fragments", "icmp_errors", "labels_decide", "link_types", "malformed_ip", "malformed_transport", "tenants",
           "tunnels")
CONFIGS = ("mode: discover\nflows: {max: 1024, midstream: true}\nmemory: {mbufs: 4096, mbuf_size: 512}\n"
           "checksums: {ip4: false, l4: verify}\nframes: {other: pass}\n",
           "policy: policy.yaml\nflows: {max: 1024}\nmemory: {mbufs: 4096}\nfragments: {datagrams: 16}\n")
POLICY = "version: 1\nrules:\n  - {from: any, to: any, action: allow}\n"


def damaged(image, r):
    """Bits flipped, words overwritten, pieces removed or repeated; the end cut off."""
    b = bytearray(image)
    for _ in range(r.choice((1, 3, 20, 200))):
        at = r.randrange(24, len(b))
        kind = r.random()
        if kind < 0.6:
            b[at] ^= 1 << r.randrange(8)
        elif kind < 0.8:
            b[at : at + 4] = r.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\xff\xff", b"\0\0\0\x04"))
        elif kind < 0.9:
            del b[at : at + r.randrange(1, 40)]
        else:
            b[at:at] = b[at : at + r.randrange(1, 40)]
        if len(b) < 100:
            break
    return bytes(b[: r.randrange(len(b) // 2, len(b) + 1)] if r.random() < 0.3 else b)


class Broken:
    def __init__(self, seed):
        self.name, self.seed = f"seed {seed}", seed

    def run(self, directory):
        r = random.Random(self.seed)
        module = importlib.import_module(r.choice(SOURCES))
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        scenario.write(directory, "in", damaged(r.choice(module.SCENARIOS).image(), r))
        scenario.write(directory, "config.yaml", r.choice(CONFIGS))
        scenario.write(directory, "policy.yaml", POLICY)
        done = scenario.replay(directory, ["-c", "config.yaml", "-r", "in", "-w", "forwarded", "-e", "eve.json",
                                           "--stats", "stats.json"])
        scenario.check(done.returncode in (0, 2), f"exit code {done.returncode}:\n{done.stderr}")
        if done.returncode == 0:
            stats = scenario.read_stats(directory)
            forwarded = scenario.capture.read(os.path.join(directory, "forwarded"))
            scenario.check(len(forwarded) == stats["forwarded"], f"{len(forwarded)} packets written, {stats}")
            events = scenario.read_events(directory)
            scenario.check(len(events) + stats["events_lost"] == stats["events"], f"{len(events)} events, {stats}")


SCENARIOS = [Broken(seed) for seed in range(100)]
