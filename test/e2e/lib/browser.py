"""The dashboard in a real Chromium: web/browser.mjs does the steps, and fails on anything in the console."""

import json
import os
import shutil
import subprocess

from .check import Failed, Skip, say
from .gateway import BUILD, DIR

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "web")
MODULES = f"{BUILD}/node/e2e"


def need():
    """Skip where there is no browser to look with."""
    for program in ("node", "chromium"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    if not os.path.isdir(f"{MODULES}/node_modules/playwright-core"):
        raise Skip(f"playwright-core is not in {MODULES}: `make e2e` gets it by npm")
    if not os.path.isdir(f"{MODULES}/node_modules/axe-core"):
        raise Skip(f"axe-core is not in {MODULES}: `make e2e` gets it by npm")
    if not os.path.isdir(f"{BUILD}/web/assets/vendor"):
        raise Skip(f"the graph library is not in {BUILD}/web: `make web` gets it by npm")


def browse(name, steps, port=8471, dark=False, phone=False):
    """Do the steps in a fresh browser. Failed says what went wrong there."""
    home = os.path.join(DIR, "browser")
    os.makedirs(home, exist_ok=True)
    job = os.path.join(DIR, f"{name}.json")
    with open(job, "w", encoding="utf-8") as f:
        json.dump({"url": f"http://127.0.0.1:{port}", "out": DIR, "modules": MODULES, "chromium": shutil.which("chromium"),
                   "dark": dark, "viewport": {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
                   "steps": steps}, f)
    done = subprocess.run(["node", os.path.join(HERE, "browser.mjs"), job], capture_output=True, text=True, timeout=150,
                          check=False, env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home})
    for line in done.stdout.splitlines():
        say(f"{name}: {line}")
    if done.returncode != 0:
        raise Failed(f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
