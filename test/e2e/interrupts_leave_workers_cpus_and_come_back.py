"""deploy/cpus.sh says what it would move, moves interrupts off the workers' CPUs, refuses what would leave none, and undoes it
exactly (against a copy of /proc/irq: the machine's own stay)."""

import os
import subprocess

from lib.check import check, main, same
from lib.gateway import DIR, write

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "cpus.sh")
WAS = {"1": "0-3", "24": "2", "25": "3"}


def call(*args, status=0):
    env = {**os.environ, "BH_IRQ_DIR": f"{DIR}/irq", "BH_CPU_DIR": f"{DIR}/cpu", "BH_IRQ_STATE": f"{DIR}/moved"}
    p = subprocess.run([SCRIPT, *args], env=env, capture_output=True, text=True, check=False, timeout=30)
    same(p.returncode, status, f"{args}: {p.stdout}{p.stderr}")
    return p.stdout + p.stderr


def now():
    out = {}
    for n in WAS:
        with open(f"{DIR}/irq/{n}/smp_affinity_list", encoding="ascii") as f:
            out[n] = f.read().strip()
    return out


def test():
    for n, cpus in WAS.items():
        os.makedirs(f"{DIR}/irq/{n}")
        write(f"{DIR}/irq/{n}/smp_affinity_list", cpus + "\n")
    os.makedirs(f"{DIR}/cpu")
    write(f"{DIR}/cpu/online", "0-3\n")

    check("would write 0,1" in call("take", "2-3", "--dry-run"), "a dry run says what it would do")
    same(now(), WAS, "after a dry run")
    check("isolcpus=2-3" in call("take", "2-3"), "the kernel's command line")
    same(set(now().values()), {"0,1"}, "interrupts")
    check("undo first" in call("take", "1", status=1), "a second one would forget where they were")
    call("undo", "--dry-run")
    same(set(now().values()), {"0,1"}, "interrupts after a dry run")
    call("undo")
    same(now(), WAS, "after undo")
    check("nothing to undo" in call("undo", status=1), "a second undo")
    for cpus, why in (("0-3", "no CPU is left"), ("7", "no CPU 7"), ("x", "no list of CPUs")):
        check(why in call("take", cpus, status=1), f"take {cpus}: {why}")
    same(now(), WAS, "after refusals")


main(test)
