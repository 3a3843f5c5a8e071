"""The command line shows and changes the running gateway; its exit codes tell scripts what came of it."""

import json
import os

from lib.check import check, main, same
from lib.gateway import BUILD, DIR, RULES, TOKEN, Gateway, policy, rule, write
from lib.wire import Server, addr, attempt, make, run

OK, NO, USAGE, REFUSED, UNREACHABLE = range(5)


class Ctl:
    def __init__(self, gateway):
        self.token = os.path.join(gateway.dir, "token")

    def __call__(self, *args, want=OK, token=True):
        done = run(f"{BUILD}/bulkheadctl", *(["--token-file", self.token] if token else []), *args, ok=False)
        same(done.returncode, want, f"exit status of bulkheadctl {' '.join(args)}: {done.stdout.strip()}")
        return done.stdout


def looks(ctl):
    check("web-to-redis" in ctl("get", "rules"), "the rules")
    check("redis" in ctl("get", "segments"), "the segments")
    same(json.loads(ctl("get", "endpoints", addr("web"), "-o", "json"))["labels"]["app"], "web", "an endpoint's label")
    check("shop" in ctl("describe", "endpoint", addr("web")), "all that is known of an endpoint")
    ctl("get", "endpoint", "192.0.2.1", want=NO)
    check("cde" in ctl("get", "ports"), "the ports")
    ctl("get", "workers")
    ctl("get", "flows")
    ctl("get", "reasons")
    ctl("health")
    ctl("version")
    check(ctl("top", "--once").strip(), "one measurement")
    ctl("get", "nothing-like-this", want=USAGE)
    ctl("--server", "http://127.0.0.1:1", "health", want=UNREACHABLE)


def labels(ctl):
    ctl("label", "endpoint", addr("web"), "app=nobody", token=False, want=REFUSED)
    same(attempt("web", "redis", 6379, timeout=20), "open", "after a refused change")
    ctl("label", "endpoint", addr("web"), "app=nobody")
    same(attempt("web", "redis", 6379), "timeout", "with another label")
    ctl("create", "endpoint", addr("web"), "app=web", "zone=shop")
    same(attempt("web", "redis", 6379, timeout=20), "open", "with its own again")
    ctl("delete", "endpoint", addr("web"))
    ctl("delete", "endpoint", addr("web"), want=REFUSED)
    same(attempt("web", "redis", 6379), "timeout", "forgotten")
    ctl("create", "endpoint", addr("web"), "app=web", "zone=shop")


def policies(ctl):
    new, bad = os.path.join(DIR, "new.yaml"), os.path.join(DIR, "bad.yaml")
    write(new, policy([rule("late", "batch", "redis", ["tcp/6379"]), *RULES]))
    write(bad, "version: 1\nrules:\n  - {id: a, from: webb, to: any, action: allow}\n")
    check("bad.yaml:3:" in ctl("apply", "-f", bad, want=REFUSED), "the file's own name and line")
    same(attempt("batch", "redis", 6379), "timeout", "after a refused policy")
    ctl("diff", "-f", new, want=NO)
    ctl("apply", "-f", new, "--dry-run")
    same(attempt("batch", "redis", 6379), "timeout", "after a dry run")
    ctl("apply", "-f", new)
    same(attempt("batch", "redis", 6379, timeout=20), "open", "after the policy that allows it")
    ctl("diff", "-f", new)
    check("late" in ctl("get", "policy", "-o", "yaml"), "the document in force")
    ctl("apply", "-f", os.path.join(DIR, "missing.yaml"), want=USAGE)


def test():
    make()
    gateway = Gateway().start()
    server = Server("redis", 6379)
    ctl = Ctl(gateway)
    check(TOKEN in open(ctl.token, encoding="utf-8").read(), "the token is where it is said to be")
    looks(ctl)
    labels(ctl)
    policies(ctl)
    del server
    gateway.stop()
    ctl("health", want=UNREACHABLE)


main(test)
