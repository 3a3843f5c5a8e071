"""An attack through a real server triggers a rule: the endpoint is in quarantine, all of it stops but its listed path, over a
kill -9 too, until bulkheadctl releases it. The audit log has both. By hand the same, and a block."""

import json
import os
import signal

from lib.check import check, main, same, until
from lib.gateway import BUILD, Gateway, policy, rule, write
from lib.services import find, nginx
from lib.wire import Server, addr, attempt, connect, make, run, silent

WEB, REDIS, CARDS = addr("web"), addr("redis"), addr("cards")
RULES = [rule("web-redis", "web", "redis", ["tcp/80", "tcp/6379", "icmp"]),
         rule("web-cards", "web", "cards", ["tcp/8080"]), rule("batch-redis", "batch", "redis", ["tcp/80"])]
RESPONSES = {
    "version": 1,
    "never": ["admin"],
    "rules": [{"id": "sqli", "on": "sensor", "class": ["sqli"],
               "do": [{"action": "quarantine", "for": "1h", "allow": ["cards:8080"]}]}],
}
ATTACK = "/a?id=1'%20union%20select%20name,pass%20from%20users--%20x"


def ctl(gateway, *args, want=0):
    done = run(f"{BUILD}/bulkheadctl", "--server", f"http://127.0.0.1:{gateway.port}", "--token-file",
               os.path.join(gateway.dir, "token"), *args, ok=False)
    same(done.returncode, want, f"exit status of bulkheadctl {' '.join(args)}: {done.stdout} {done.stderr or ''}")
    return done.stdout


def curl(path="/x", seconds="4"):
    done = run(find("curl"), "-sS", "-m", seconds, "--interface", WEB, f"http://{REDIS}{path}", ns="shop", ok=False)
    return done.returncode == 0 and "hello from nginx" in done.stdout


def echo(sock, what):
    sock.sendall(what)
    return sock.recv(100) == what


def only_the_path(open_before, path):
    check(not curl(seconds="2"), "nothing new of the quarantined endpoint passes")
    same(attempt("web", "redis", 6379), "timeout", "another service of the quarantined endpoint")
    open_before.sendall(b"more")
    silent(open_before, "the connection that was open before")
    check(echo(path, b"still here"), "its listed path stays, on an open connection")
    same(attempt("web", "cards", 8080, timeout=10), "open", "its listed path, newly opened")
    done = run(find("curl"), "-sS", "-m", "5", "--interface", addr("batch"), f"http://{REDIS}/x", ns="shop", ok=False)
    same(done.returncode, 0, "another endpoint is not touched")


def audit(gateway):
    return {(e["action"], e["actor"].split(":")[0]) for e in gateway.get("/audit?limit=100")["items"]}


def test():
    make()
    nginx("")(["80"])
    Server("redis", 6379)
    Server("cards", 8080)
    gateway = Gateway(policy(RULES), inspect={"sensors": "alert"}, store={"path": "store.db"},
                      responses={"file": "responses.yaml"})
    write(os.path.join(gateway.dir, "responses.yaml"), RESPONSES)
    gateway.start()
    until(curl, "an ordinary request passes")
    redis, cards = connect("web", "redis", 6379), connect("web", "cards", 8080)
    check(echo(redis, b"hello") and echo(cards, b"hello"), "connections are open")

    curl(ATTACK)
    until(lambda: gateway.get("/quarantines")["items"], "a quarantine")
    q = gateway.get("/quarantines")["items"][0]
    same((q["address"], q["rule"], q["by"], q["allow"], q["stored"]),
         (WEB, "sqli", "response:sqli", ["cards:tcp/8080"], True), "who, by what, and what stays")
    only_the_path(redis, cards)
    check(gateway.dropped("quarantined") > 0, "what was refused is counted by its name")
    e = until(lambda: [r for r in gateway.events("response") if r["bulkhead"]["result"] == "done"], "a record")[0]
    same((e["bulkhead"]["action"], e["bulkhead"]["class"], e["src_ip"]), ("quarantine", "sqli", WEB), "the record")
    same(len(gateway.get("/quarantines")["items"]), 1, "one quarantine, whatever it still tries")
    why = gateway.get(f"/explain?from={WEB}&to={REDIS}&service=tcp/80")
    same((why["verdict"], why["reason"], why["restriction"]), ("deny", "quarantined", q["id"]), "explain")
    check("quarantined" in ctl(gateway, "explain", WEB, REDIS, "tcp/80"), "explain on the command line")
    check(WEB in ctl(gateway, "get", "quarantines"), "bulkheadctl lists it")

    gateway.kill(signal.SIGKILL)
    gateway.start()
    same(gateway.get("/quarantines")["items"][0]["id"], q["id"], "after kill -9")
    check(not curl(seconds="2"), "it holds after kill -9")

    ctl(gateway, "release", WEB, "--why", "T-9")
    until(curl, "after the release it passes")
    same(gateway.get("/quarantines")["items"], [], "none is left")
    check({("response.quarantine", "response"), ("response.release", "api")} <= audit(gateway), f"audit: {audit(gateway)}")
    by_hand(gateway)
    check(gateway.get("/audit/verify")["intact"], "the audit log's chain")
    gateway.stop()


def by_hand(gateway):
    redis = connect("web", "redis", 6379)
    check(echo(redis, b"hello"), "open again")
    said = json.loads(ctl(gateway, "quarantine", WEB, "--for", "10m", "--allow", "redis:6379", "--why", "T-10", "-o", "json"))
    same((said["why"], said["allow"]), ("T-10", ["redis:tcp/6379"]), "the answer")
    check(echo(redis, b"its path stays"), "a listed path stays open")
    check(not curl(seconds="2"), "all else stops")
    ctl(gateway, "quarantine", WEB, want=3)
    ctl(gateway, "quarantine", addr("admin"), want=3)
    ctl(gateway, "release", str(said["id"]))
    until(curl, "passes again")
    block = json.loads(ctl(gateway, "block", "web", REDIS, "80", "--for", "1h", "-o", "json"))
    check(not curl(seconds="2"), "the block holds")
    check(echo(redis, b"elsewhere"), "what it does not name passes")
    check(str(block["id"]) in ctl(gateway, "get", "blocks"), "bulkheadctl lists it")
    ctl(gateway, "release", str(block["id"]))
    until(curl, "passes without the block")
    ctl(gateway, "release", "9999", want=1)
    check("sqli" in ctl(gateway, "get", "response_rules"), "bulkheadctl lists the rules")


if __name__ == "__main__":
    main(test)
