"""Claims, waiting with a bound, and the main function of a test."""

import faulthandler
import os
import sys
import time
import traceback


class Failed(Exception):
    """A claim does not hold."""


class Skip(Exception):
    """The machine cannot do what the test needs; the text says what."""


def check(holds, what):
    if not holds:
        raise Failed(what)


def same(got, want, what):
    if got != want:
        raise Failed(f"{what}: expected {want!r}, got {got!r}")


def until(condition, what, seconds=30):
    """Wait until condition() is true and return its value. The bound is for what never comes."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def say(text):
    print(text, flush=True)


def main(test):
    """Run a test; its first line of documentation is its claim. run.sh knows the exit statuses."""
    limit = int(os.environ.get("E2E_LIMIT", "240"))
    faulthandler.dump_traceback_later(limit, exit=True)
    say(f"claim: {(sys.modules['__main__'].__doc__ or '').strip().splitlines()[0]}")
    status = 1
    try:
        test()
        status = 0
    except Skip as why:
        say(str(why))
        status = 77
    except Failed as why:
        own = os.path.dirname(__file__)
        frame = [f for f in traceback.extract_tb(why.__traceback__) if not f.filename.startswith(own)][-1]
        say(f"FAILED at {os.path.basename(frame.filename)}:{frame.lineno}: {why}")
        tail()
    except BaseException:  # whatever it is, the reader needs the trace and the log
        traceback.print_exc(file=sys.stdout)
        tail()
    # No join of threads that still serve sockets: the namespaces end with this process.
    sys.stdout.flush()
    os._exit(status)


def tail():
    """The last lines of each gateway's log, for the reader of a failure."""
    folder = os.environ["E2E_DIR"]
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                for line in f.readlines()[-15:]:
                    say(f"{name}: {line.rstrip()}")
