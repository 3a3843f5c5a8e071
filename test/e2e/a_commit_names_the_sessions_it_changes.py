"""The answer to a commit says how many open sessions another policy judges otherwise, and which: from, to, before, now."""

import os
import re

from lib.check import check, main, same, until
from lib.gateway import BUILD, Gateway, RULES, policy, rule, text, write
from lib.pump import Stream
from lib.wire import Server, make, run

CLOSED = policy([r for r in RULES if r["id"] != "web-to-redis"])


def put(gateway, document):
    status, answer = gateway.request("PUT", "/policy", text(document), kind="application/yaml")
    same(status, 200, f"PUT ({answer})")
    return answer["sessions"]


def test():
    make()
    gateway = Gateway(store={"path": "store.db"}).start()
    stream = Stream("web", "redis", 6379, Server("redis", 6379))
    stream.flowing()
    swept = put(gateway, policy(RULES + [{**RULES[0], "id": "again", "ports": ["tcp/9"]}]))
    same((swept["changed"], swept["items"], swept["complete"]), (0, [], True), "a commit that changes nothing for it")
    check(swept["judged"] >= 1, "it was looked at")
    swept = put(gateway, CLOSED)
    same((swept["changed"], len(swept["items"])), (1, 1), f"sessions that changed ({swept})")
    one = swept["items"][0]
    same((one["src"]["segment"], one["dst"]["segment"], one["verdict_before"], one["rule_before"], one["verdict"]),
         ("web", "redis", "allow", "web-to-redis", "deny"), "which, and how")
    status, answer = gateway.request("POST", "/policy/rollback", {})
    same((status, answer["sessions"]["changed"]), (200, 1), f"a rollback says it, too ({answer})")
    path = os.path.join(gateway.dir, "closed.yaml")
    write(path, CLOSED)
    for verb in (["apply", "-f", path], ["rollback"], ["apply", "-f", path]):
        out = run(f"{BUILD}/bulkheadctl", "--token-file", os.path.join(gateway.dir, "token"), *verb)
        check(re.search(r"^1 of \d+ open sessions are judged otherwise", out, re.M), f"bulkheadctl {verb[0]}: {out}")
        check(re.search(r" web +redis ", out), f"bulkheadctl {verb[0]} names it: {out}")
    line = gateway.reload(policy(RULES + [rule("one-more", "batch", "cards", ["tcp/9"])]))
    check(re.search(r", 1 of \d+ open sessions are judged otherwise", line), f"SIGHUP: {line}")
    same(put(gateway, CLOSED)["changed"], 1, "closed again")
    status, answer = gateway.request("PATCH", "/segments", {"modes": {"web": "monitor", "redis": "monitor"}})
    same((status, answer["sessions"]["changed"]), (200, 1), f"a mode says it, too ({answer})")
    same(answer["sessions"]["items"][0]["verdict"], "violate", "what it is")
    # With its next packet that is what it was.
    until(lambda: gateway.request("PATCH", "/segments/web", {"mode": "monitor"})[1]["sessions"]["changed"] == 0,
          "a mode that it has already changes nothing")
    gateway.stop()


main(test)
