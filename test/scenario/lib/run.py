"""Runs the scenarios named on the command line, or all. Last line: N passed, N failed."""

import importlib
import os
import re
import shutil
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, HERE)

from lib import scenario  # noqa: E402


def names():
    if len(sys.argv) > 1:
        return [os.path.basename(a).removesuffix(".py") for a in sys.argv[1:]]
    return sorted(f[:-3] for f in os.listdir(HERE) if f.endswith(".py"))


def run_one(s, directory):
    """None, or what is wrong."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    try:
        s.run(directory) if hasattr(s, "run") else scenario.run(s, directory)
    except scenario.Failed as e:
        return str(e)
    except Exception:  # whatever a scenario trips over is its failure, not the runner's
        return traceback.format_exc()
    return None


class Documentation:
    """Every field that an event had in any scenario stands in docs/events.md."""

    name = "every field is documented"

    @staticmethod
    def run(_):
        with open(os.path.join(HERE, "..", "..", "docs", "events.md"), encoding="utf-8") as f:
            text = f.read()
        documented = set(re.findall(r"`([a-z0-9_.]+)`", text))
        # An application's row lists the members of its object.
        for application, cells in re.findall(r"^\| `([a-z0-9_.]+)` \|(.*)", text, re.M):
            documented |= {f"{application}.{m}" for m in re.findall(r"`([a-z0-9_]+)`", cells)}
        # One scenario alone may have no events at all.
        scenario.check(scenario.seen_fields or len(sys.argv) > 1, "no event was seen")
        missing = sorted(scenario.seen_fields - documented)
        scenario.check(not missing, f"not in docs/events.md: {', '.join(missing)}")


def main():
    if not os.access(scenario.REPLAY, os.X_OK):
        sys.exit(f"{scenario.REPLAY} is missing: make build")
    todo = [(m, s) for m in names() for s in importlib.import_module(m).SCENARIOS]
    where = [os.path.join(scenario.B, "scenario", m, s.name.replace(" ", "_")) for m, s in todo]
    passed = failed = 0
    # Each start waits a tenth of a second for EAL to measure the clock: several at a time.
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        for (module, s), directory, wrong in zip(todo, where, pool.map(run_one, (s for _, s in todo), where)):
            if wrong is None:
                passed += 1
                continue
            failed += 1
            print(f"FAIL  {module}: {s.name}\n      in {directory}")
            print("".join(f"      | {line}\n" for line in wrong.splitlines()[:40]), end="", flush=True)
    wrong = run_one(Documentation, os.path.join(scenario.B, "scenario", "documentation"))
    if wrong is not None:
        failed += 1
        print(f"FAIL  documentation\n      | {wrong}")
    passed += wrong is None
    print(f"EVE: {len(scenario.seen_forms)} forms of {', '.join(sorted(scenario.seen_types))} are Suricata's")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
