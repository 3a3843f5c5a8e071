#!/usr/bin/env python3
"""The alert rules and the dashboard in deploy/ name only metrics that /metrics has; promtool, where it is installed, reads
the rules."""
import json
import os
import re
import shutil
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(__file__), "..", ".."))
RULES = "deploy/prometheus/bulkhead.rules.yaml"
BOARD = "deploy/grafana/bulkhead.json"

source = open("lib/api/ep_metrics.c").read()
known = {"bulkhead_" + name for name in re.findall(r'"([a-z_]+)",\s*"(?:counter|gauge)"', source)}
table = open("lib/api/metric.def").read()
known |= {"bulkhead_" + name for name in re.findall(r'^BH_WORKER_METRIC\([a-z_.]+, "([a-z_]+)"', table, re.M)}
known |= {"bulkhead_port_" + name for name in re.findall(r'^BH_PORT_METRIC\([a-z_.]+, "([a-z_]+)"', table, re.M)}
status = 0
texts = {RULES: open(RULES).read(),
         BOARD: " ".join(t["expr"] for p in json.load(open(BOARD))["panels"] for t in p["targets"])}
for path, text in texts.items():
    for name in sorted(set(re.findall(r"bulkhead_[a-z_]+", text)) - known):
        print(f"arch: {path} names {name}, which /metrics does not have")
        status = 1
if shutil.which("promtool"):
    p = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True)
    if p.returncode != 0:
        print(p.stdout + p.stderr)
        status = 1
sys.exit(status)
