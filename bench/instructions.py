#!/usr/bin/env python3
"""The gate against slow growth: instructions of a fixed piece of work on the packet path (bench_instructions), counted by
callgrind, against bench/baseline.json. They are the same on a busy machine.

    instructions.py            exit 1 when one takes more than TOLERANCE beyond its baseline, and says which functions grew
    instructions.py --renew    take what is measured for the baseline: commit it with the change that is worth it

A baseline counts for the compiler that made it: with another version of gcc this is skipped.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
B = pathlib.Path(os.environ.get("B", "build")).resolve()
BASELINE = HERE / "baseline.json"
SCENARIOS = {"known": "packet of a known flow", "opens": "packet that opens a flow", "silent": "TCP connection, nothing said",
             "http": "TCP connection, HTTP judged by its name",
             "flood": "SYN of a flood, not answered"}
TOLERANCE = 0.03  # of it 1 % is the hash key's, which is drawn anew each time
ROW = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(?:\S+?:)?([^\s\[]+)", re.M)


def count(scenario):
    """Instructions for one, and of each function for one."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/out"
        run = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=measured_run", f"--callgrind-out-file={out}",
                              str(B / "bench/bench_instructions"), scenario], capture_output=True, text=True, timeout=300)
        if run.returncode != 0:
            raise SystemExit(f"instructions: {scenario}: {run.stderr.strip()[-600:]}")
        n = int(run.stdout.split()[-1])
        note = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", out], capture_output=True, text=True, check=True, timeout=100).stdout
    each = {}
    for cost, function in ROW.findall(note):
        if function != "PROGRAM" and function != "TOTALS":
            each[function] = each.get(function, 0) + int(cost.replace(",", "")) / n
    # What glibc would take for another CPU, and what is too small to tell, goes into the sum alone.
    return round(sum(each.values()), 1), {f: round(c, 1) for f, c in sorted(each.items(), key=lambda x: -x[1]) if c >= 1}


def grown(now, before):
    """The functions whose cost changed most."""
    change = {f: now.get(f, 0) - before.get(f, 0) for f in {*now, *before}}
    for f in sorted(change, key=lambda f: -abs(change[f]))[:8]:
        if abs(change[f]) >= 1:
            print(f"      {change[f]:+8.1f}  {f} ({before.get(f, 0):.1f} -> {now.get(f, 0):.1f})")


def main():
    gcc = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    renew = "--renew" in sys.argv[1:]
    old = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"gcc": gcc, "scenarios": {}}
    if old["gcc"] != gcc and not renew:
        print(f"instructions: skipped: bench/baseline.json was made with gcc {old['gcc']}, this is {gcc or 'none'}")
        return
    new, failed = {"gcc": gcc, "scenarios": {}}, []
    for scenario, what in SCENARIOS.items():
        total, functions = count(scenario)
        new["scenarios"][scenario] = {"instructions": total, "functions": functions}
        before = old["scenarios"].get(scenario)
        if before is None:
            print(f"  {what:<44} {total:>9,.1f} instructions, no baseline")
            continue
        more = total / before["instructions"] - 1
        print(f"  {what:<44} {total:>9,.1f} instructions, baseline {before['instructions']:,.1f}: {more:+.1%}")
        if abs(more) > TOLERANCE:
            grown(functions, before["functions"])
        if more > TOLERANCE:
            failed.append(scenario)
        elif more < -TOLERANCE:
            print("      less than before: renew the baseline, so that it stays so")
    if renew:
        BASELINE.write_text(json.dumps(new, indent=1) + "\n")
        print(f"written: {BASELINE}")
    elif failed:
        print(f"instructions: failed: {', '.join(failed)} took more than {TOLERANCE:.0%} beyond bench/baseline.json. If that is worth it: "
              "make instructions RENEW=1, and commit it with the reason")
        raise SystemExit(1)
    else:
        print("instructions: ok")


if __name__ == "__main__":
    main()
