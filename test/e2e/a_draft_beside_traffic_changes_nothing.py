"""A draft is put beside live traffic over bulkheadctl: it tells which connections it would judge otherwise and by which rule,
all of them go on as the policy in force says, and it ends when told."""

import json
import os

from lib.check import check, main, same, until
from lib.gateway import BUILD, DIR, Gateway, policy, rule, write
from lib.wire import Server, attempt, make, run

DRAFT = policy(rules=[rule("no-more", "web", "redis", ["tcp/6379"], "deny"),
                      rule("batch-may", "batch", "redis", ["tcp/6379"])])


def ctl(gateway, *words):
    return run(f"{BUILD}/bulkheadctl", "--token-file", os.path.join(gateway.dir, "token"), *words)


def test():
    make()
    gateway = Gateway(learning={"look": "500ms"}).start()
    Server("redis", 6379)
    draft = os.path.join(DIR, "draft.yaml")
    write(draft, DRAFT)
    same(attempt("web", "redis", 6379, timeout=20), "open", "before")
    check("until" in ctl(gateway, "simulate", draft, "--live", "--for", "10m"), "it begins")
    same(attempt("web", "redis", 6379, timeout=20), "open", "what the draft denies goes on")
    same(attempt("batch", "redis", 6379), "timeout", "what the draft allows does not")

    def found():
        state = json.loads(ctl(gateway, "get", "shadow", "-o", "json"))
        items = state["items"] if isinstance(state, dict) else state
        return {(i["from"], i["before"]["verdict"], i["after"]["verdict"], i["after"]["rule"]) for i in items}

    until(lambda: ("web", "allow", "deny", "no-more") in found(), "what would be denied is told")
    until(lambda: any(i[0] == "batch" and i[1] == "deny" and i[2:] == ("allow", "batch-may") for i in found()),
          "what would be allowed is told", 90)
    check("would have changed" in ctl(gateway, "shadow", "stop"), "it ends")
    status, answer = gateway.request("DELETE", "/policy/shadow")
    same(status, 404, f"twice ({answer})")
    same(attempt("web", "redis", 6379, timeout=20), "open", "after")
    gateway.stop()


main(test)
