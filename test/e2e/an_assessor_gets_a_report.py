"""The PCI DSS report of a zone says who is in it, which paths lead there and when they were last used, what was denied,
who changed what, and when the gateway was down; over restarts, and from a chain that shows when it was touched."""

import json
import os
import signal
import sqlite3

from lib.check import check, main, same, until
from lib.gateway import BUILD, ENDPOINTS, Gateway, SEGMENTS, rule, write
from lib.wire import Server, attempt, make, run

JUSTIFIED = {"owner": "team-pay", "reason": "PCI-17 <sessions & cards>", "expires": "2100-01-01"}
RULES = [
    {**rule("web-to-redis", "web", "redis", ["tcp/6379"]), **JUSTIFIED},
    {**rule("admin-to-cards", "admin", "cards", ["tcp/8080"]), **JUSTIFIED},
    rule("batch-never", "batch", "redis", ["tcp/6379"], "deny"),
    rule("cards-to-web", "cards", "web", ["tcp/443"]),
    rule("shop-inside", "web", "batch", ["tcp/80"]),
]
DOCUMENT = {"version": 1, "endpoints": ENDPOINTS, "segments": SEGMENTS,
            "zones": {"cde": {"segments": ["redis", "cards"], "cde": True}, "shop": {"segments": ["web"]}},
            "modes": {"default": "protect"}, "rules": RULES}


def ctl(gateway, *args, want=0):
    done = run(f"{BUILD}/bulkheadctl", "--token-file", os.path.join(gateway.dir, "token"), *args, ok=False)
    same(done.returncode, want, f"exit status of bulkheadctl {' '.join(args)}: {done.stdout.strip()}")
    return done.stdout


def report(gateway):
    return gateway.get("/reports/pci?zone=cde")


def path(o, name):
    return next((p for p in o["paths"] if p["id"] == name), None)


def scope(gateway):
    o = report(gateway)
    same(o["zone"]["name"], "zone:cde", "the zone")
    same(sorted(m["address"] for m in o["members"]),
         sorted(e["address"] for e in ENDPOINTS if e["labels"]["app"] in ("redis", "cards")), "members in scope")
    same({p["id"]: p["directions"] for p in o["paths"]},
         {"web-to-redis": ["in"], "admin-to-cards": ["in"], "cards-to-web": ["out"]}, "allowed paths")
    same([p["id"] for p in o["refusing_rules"]], ["batch-never"], "rules that refuse")
    same(sorted(s["name"] for s in o["reached_from"]), ["admin", "web"], "who can reach it")
    same(path(o, "web-to-redis")["owner"], "team-pay", "the owner of a path")
    same(path(o, "web-to-redis")["last_used"], None, "a path that nobody used")
    answers = {r["requirement"]: r["answer"] for r in o["requirements"]}
    same(answers["1.2.5"], "attention", "a path out of the zone without owner")
    same(answers["10.3"], "met", "the audit log's chain")


def used(gateway):
    for _ in range(3):
        same(attempt("web", "redis", 6379, timeout=20), "open", "an allowed path")
    same(attempt("batch", "redis", 6379), "timeout", "a refused one")
    same(attempt("batch", "cards", 8080), "timeout", "what no rule allows")
    o = report(gateway)
    p = path(o, "web-to-redis")
    same(p["hits"], 3, "hits of a path")
    check(p["last_used"], "when it was last used")
    same(path(o, "admin-to-cards")["hits"], 0, "hits of a path that nobody used")
    check(o["refusing_rules"][0]["hits"] >= 1, "hits of a rule that refuses")
    until(lambda: len(report(gateway)["denied"]) >= 2, "denied attempts are listed", 30)
    denied = {(c["from"], c["to"], c["service"]) for c in report(gateway)["denied"]}
    check({("batch", "redis", "tcp/6379"), ("batch", "cards", "tcp/8080")} <= denied, f"denied attempts: {denied}")


def over_restarts(gateway):
    gateway.stop()
    gateway.start()
    same(path(report(gateway), "web-to-redis")["hits"], 3, "hits after a restart")
    downs = [f for f in report(gateway)["failures"] if f["what"] == "gateway"]
    same(len(downs), 1, "a stop is a time without forwarding")
    check("operator" in downs[0]["cause"] and downs[0]["start"] < downs[0]["end"], f"its cause and times: {downs}")
    gateway.kill(signal.SIGKILL)
    gateway.start()
    downs = [f for f in report(gateway)["failures"] if f["what"] == "gateway"]
    same(len(downs), 2, "and so is a kill")
    check("without being stopped" in downs[0]["cause"], f"with its cause: {downs}")


def changes(gateway):
    status, answer = gateway.request("PATCH", "/segments/redis", {"mode": "monitor", "why": "INC-3", "author": "eve"})
    same(status, 200, f"a mode ({answer})")
    status, answer = gateway.request("POST", "/endpoints", {"changes": [
        {"op": "put", "address": "10.77.0.9", "labels": {"app": "cards", "zone": "cde"}}]})
    same(status, 200, f"an endpoint ({answer})")
    until(lambda: any(c["action"] == "endpoints.push" for c in report(gateway)["changes"]), "pushes are in the log", 10)
    o = report(gateway)
    change = next(c for c in o["changes"] if c["action"] == "segment.mode")
    same((change["actor"], change["object"], change["detail"]["why"]), ("api:eve", "segment redis", "INC-3"), "who changed a mode")
    same(o["zone"]["segments_not_in_protect"], 1, "segments that are not in protect")
    answers = {r["requirement"]: r["answer"] for r in o["requirements"]}
    same(answers["1.3.1, 1.3.2"], "attention", "a member that is not protected")
    gateway.event("bulkhead", b_event="mode_changed")
    same(answers["1.2.7"], "attention", "no review yet")
    check("recorded" in ctl(gateway, "report", "review", "--zone", "cde", "--why", "half-yearly"), "a review")
    answers = {r["requirement"]: r["answer"] for r in report(gateway)["requirements"]}
    same(answers["1.2.7"], "met", "reviewed")


def page(gateway):
    html = ctl(gateway, "report", "pci", "--zone", "cde")
    check(html.startswith("<!doctype html>") and html.rstrip().endswith("</html>"), "one page")
    check("PCI-17 &lt;sessions &amp; cards&gt;" in html and "<sessions" not in html, "what people wrote is escaped")
    check("<script" not in html and "http" not in html.replace(">http<", "><"), "no scripts, nothing from elsewhere")
    same(json.loads(ctl(gateway, "report", "pci", "--zone", "zone:cde", "-o", "json"))["report"], "pci-dss", "as JSON")
    write(os.path.join(gateway.dir, "report.html"), html)
    check("no zone" in ctl(gateway, "report", "pci", "--zone", "nowhere", want=1), "an unknown zone")
    check("cde: true" in ctl(gateway, "report", "pci", "--zone", "shop", want=3), "a zone that is not marked")


def touched(gateway):
    gateway.stop()
    db = sqlite3.connect(os.path.join(gateway.dir, "store.db"))
    db.execute("UPDATE audit SET actor = 'api:mallory' WHERE action = 'segment.mode'")
    db.commit()
    db.close()
    gateway.start()
    o = report(gateway)
    answers = {r["requirement"]: r["answer"] for r in o["requirements"]}
    same((o["integrity"]["intact"], answers["10.3"]), (False, "attention"), "a touched log is not proof")
    check("NOT INTACT" in ctl(gateway, "report", "pci", "--zone", "cde"), "and the page says so")


def test():
    make()
    gateway = Gateway(DOCUMENT, store={"path": "store.db"}, learning={"record": True}).start()
    Server("redis", 6379)
    scope(gateway)
    used(gateway)
    over_restarts(gateway)
    changes(gateway)
    page(gateway)
    touched(gateway)
    gateway.stop()


main(test)
