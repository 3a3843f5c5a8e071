"""A committed policy is in force after kill -9, a rollback brings back the one before, what nobody confirms goes."""

import http.client
import json
import os
import random
import re
import signal
import sqlite3
import threading
import time

from lib.check import Failed, check, main, same, until
from lib.gateway import BUILD, ENDPOINTS, Gateway, RULES, SEGMENTS, policy, rule, text, write
from lib.wire import Server, attempt, make, run

CLOSED = policy([r for r in RULES if r["id"] != "web-to-redis"])
OPEN = policy(RULES + [rule("one-more", "batch", "cards", ["tcp/9"])])


def opens(how, what):
    same(attempt("web", "redis", 6379, timeout=20 if how == "open" else 3), how, what)


def revision(gateway):
    return gateway.get("/policy")["revision"]


def put(gateway, document, query="", want=200):
    status, answer = gateway.request("PUT", f"/policy{query}", text(document), kind="application/yaml")
    same(status, want, f"PUT {query} ({answer})")
    return answer


def restarted(gateway):
    gateway.kill(signal.SIGKILL)
    return gateway.start()


def intact(gateway, entries):
    answer = gateway.get("/audit/verify")
    check(answer["intact"] and answer["entries"] >= entries, f"the audit log's chain: {answer}")


def killed(gateway):
    same(revision(gateway), 1, "the file is the first revision")
    opens("open", "under the file's policy")
    put(gateway, CLOSED, "?author=alice&why=TICKET-7")
    restarted(gateway)
    same(revision(gateway), 2, "the revision after kill -9")
    opens("timeout", "what the committed policy denies, after kill -9")
    for n in range(10):
        put(gateway, OPEN if n % 2 else CLOSED)
        restarted(gateway)
        same(revision(gateway), 3 + n, f"the revision after kill {n}")
    opens("open", "under the last one")
    first = gateway.get("/policy/revisions?limit=1000")["items"][-2]
    same((first["revision"], first["author"], first["why"]), (2, "api:alice", "TICKET-7"), "who and why")


def marked(n):
    """A document whose number stands in a rule, a segment, an endpoint's address and its label."""
    own = f"10.97.{n >> 8}.{n & 255}"
    document = policy(RULES + [rule(f"marker-{n}", f"marked-{n}", "cards", [f"tcp/{1000 + n}"])],
                      ENDPOINTS + [{"address": own, "labels": {"marked": str(n)}}],
                      {**SEGMENTS, f"marked-{n}": {"selector": f"marked={n}"}})
    return text(document)


def marks(gateway):
    """The number in each part of what is in force."""
    names = [r["id"] for r in gateway.get("/rules?limit=1000")["items"]]
    names += [s["name"] for s in gateway.get("/segments?limit=1000")["items"]]
    names += [f"marked-{e['labels']['marked']}" for e in gateway.get("/endpoints?limit=1000")["items"]
              if "marked" in e["labels"]]
    return [int(n.split("-")[1]) for n in names if re.match(r"mark(er|ed)-\d+$", n)]


class Pusher(threading.Thread):
    """Endpoints come and change while policies are committed."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.pushed = gateway, 0
        self.start()

    def run(self):
        try:
            while True:
                changes = [{"op": "put", "address": f"10.98.0.{i}", "labels": {"turn": str(self.pushed % 7)}}
                           for i in range(1, 21)]
                status, answer = self.gateway.request("POST", "/endpoints", {"changes": changes})
                if status != 200:
                    raise Failed(f"POST /endpoints: {status} {answer}")
                self.pushed += 1
        except (OSError, http.client.HTTPException):
            pass


class Writer(threading.Thread):
    """Commits one document after the other until nobody answers; knows what was acknowledged and what is on its way."""

    def __init__(self, gateway, n):
        super().__init__(daemon=True)
        self.gateway, self.n, self.acknowledged, self.sent = gateway, n, None, None
        self.start()

    def run(self):
        try:
            while True:
                self.n += 1
                self.sent = marked(self.n)
                status, answer = self.gateway.put_policy(self.sent)
                if status != 200:
                    raise Failed(f"PUT {self.n}: {status} {answer}")
                self.acknowledged = self.sent, answer["revision"]
        except (OSError, http.client.HTTPException):
            pass


def killed_in_between(gateway):
    """Random moments: acknowledged or on its way, whole, and never an older one."""
    n = 0
    for _ in range(int(os.environ.get("CASES", "10"))):
        before = gateway.request("GET", "/policy?format=yaml")[1].decode()
        writer, pusher = Writer(gateway, n), Pusher(gateway)
        until(lambda: writer.acknowledged and pusher.pushed or not writer.is_alive() or not pusher.is_alive(),
              "a first commit, and endpoints that were pushed")
        time.sleep(random.uniform(0, 0.3))
        gateway.kill(signal.SIGKILL)
        writer.join(30)
        pusher.join(30)
        check(pusher.pushed, "no endpoint was pushed in between")
        n = writer.n
        gateway.start()
        acknowledged, number = writer.acknowledged
        document = gateway.request("GET", "/policy?format=yaml")[1].decode()
        check(document in (acknowledged, writer.sent), f"the last acknowledged policy or the next:\n{document}")
        check(document != before and number <= revision(gateway) <= number + 1,
              f"revision {revision(gateway)} after {number} was acknowledged")
        number = int(re.search(r"marker-(\d+)", document).group(1))
        same(marks(gateway), [number] * 3, "all parts are of one document")
        intact(gateway, 1)


def rolled_back(gateway, ctl, last):
    check("is in force" in ctl("rollback"), "a rollback by one")
    opens("timeout", "after a rollback to the one before")
    ctl("rollback", "1")
    opens("open", "after a rollback to the first")
    restarted(gateway)
    same(revision(gateway), last + 2, "the revision after rollback and kill -9")
    opens("open", "after kill -9")
    return last + 2


def unconfirmed(gateway, ctl, last):
    # Time for the 3 s of an attempt, also where each answer takes one.
    put(gateway, CLOSED, "?confirm=10s")
    opens("timeout", "while it waits")
    until(lambda: revision(gateway) == last + 2, "it is taken back by itself")
    opens("open", "after the time for its confirmation")
    gateway.event("alert", b_event="policy_unconfirmed")
    put(gateway, CLOSED, "?confirm=60s")
    ctl("confirm")
    put(gateway, OPEN, "?confirm=4s")
    gateway.kill(signal.SIGKILL)  # the deadline passes while it is down
    time.sleep(5)
    gateway.start()
    same(revision(gateway), last + 5, "the revision after a deadline that passed meanwhile")
    opens("timeout", "the confirmed one is in force again")
    return last + 5


def file_edited(gateway, last):
    check("revision %d" % last in gateway.reload(), "the same file again changes nothing")
    opens("timeout", "after a reload of the same file")
    write(gateway.policy_path, OPEN)
    restarted(gateway)
    same(revision(gateway), last + 1, "an edited file is a new revision")
    opens("open", "under the edited file")


def tampered(gateway, ctl):
    entries = gateway.get("/audit/verify")["entries"]
    intact(gateway, 30)
    check("intact" in ctl("audit", "verify"), "verification by the command line")
    gateway.stop()
    path = os.path.join(gateway.dir, "store.db")
    db = sqlite3.connect(path)
    db.execute("UPDATE audit SET actor = 'api:mallory' WHERE seq = 7")
    newest, = db.execute("SELECT max(number) FROM revision").fetchone()
    db.execute("UPDATE revision SET document = CAST('version: 1' AS BLOB) WHERE number = ?", (newest,))
    db.commit()
    db.close()
    gateway.start()
    answer = gateway.get("/audit/verify")
    same((answer["intact"], answer["wrong_entry"]), (False, 7), f"an edited entry is named ({answer})")
    check("entry 7" in ctl("audit", "verify", want=1), "and by the command line, with its exit status")
    check(gateway.get("/audit?limit=1")["items"][0]["entry"] > entries, "entries go on")
    same(revision(gateway), newest - 1, "a damaged revision is passed over")
    gateway.event("alert", b_event="policy_damaged")
    status, _ = gateway.request("GET", f"/policy/revisions/{newest}?format=yaml", token=None)
    same(status, 500, "the damaged document is not given out")


def test():
    make()
    gateway = Gateway(store={"path": "store.db"}).start()
    Server("redis", 6379)

    def ctl(*args, want=0):
        done = run(f"{BUILD}/bulkheadctl", "--token-file", os.path.join(gateway.dir, "token"), *args, ok=False)
        same(done.returncode, want, f"exit status of bulkheadctl {' '.join(args)}: {done.stdout.strip()}")
        return done.stdout

    killed(gateway)
    killed_in_between(gateway)
    put(gateway, CLOSED)
    put(gateway, OPEN)
    last = gateway.get("/policy/revisions?limit=1")["items"][0]["revision"]
    last = rolled_back(gateway, ctl, last)
    last = unconfirmed(gateway, ctl, last)
    same(len(json.loads(ctl("get", "revisions", "-o", "json"))["items"]), last, "revisions are all there")
    file_edited(gateway, last)
    tampered(gateway, ctl)
    gateway.stop()


main(test)
