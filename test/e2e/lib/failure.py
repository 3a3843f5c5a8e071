"""What a gateway that fails leaves: its guardian, and the record of what that did."""

import os

# For Gateway(failure=...): as the product comes.
DEFAULT = {"stop": None, "crash": None, "heartbeat": None}
RECORD = "/run/bulkhead/failure.json"


def guardians():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                if f.read().startswith("bulkhead-bypass"):
                    found.append(int(pid))
        except OSError:
            pass
    return found
