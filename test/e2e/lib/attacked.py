"""A shop behind a gateway that keeps events, conversations and evidence, and an attack on it: what the dashboard's tests look at."""

from .check import check, until
from .gateway import Gateway, policy, rule
from .services import find, nginx
from .wire import Server, addr, make, run

WEB, REDIS = addr("web"), addr("redis")
WHY = {"owner": "team-pay", "reason": "PCI-17", "expires": "2099-12-31"}
RULES = [{**rule("web-redis", "web", "redis", ["tcp/80", "tcp/6379", "icmp"]), **WHY}, {**rule("admin-cards", "admin", "cards", ["tcp/8080"]), **WHY}]
ZONES = {"shop": {"segments": ["web", "batch", "admin"]}, "vault": {"segments": ["redis", "cards"], "cde": True}}


def curl(source=WEB, path="/x", seconds="4"):
    done = run(find("curl"), "-sS", "-m", seconds, "--interface", source, f"http://{REDIS}{path}", ns="shop", ok=False)
    return done.returncode == 0 and "hello from nginx" in done.stdout


def attack():
    return curl(path="/a?id=1'%20union%20select%20name,pass%20from%20users--%20x", seconds="2")


def traffic():
    for _ in range(5):
        check(curl(), "an ordinary request passes")
    check(not curl(addr("batch"), seconds="1"), "what policy denies does not pass")
    attack()


def document(rules=None):
    d = policy(RULES if rules is None else rules)
    d["zones"] = ZONES
    return d


def begin():
    make()
    nginx("")(["80"])
    Server("redis", 6379)
    gateway = Gateway(document(), inspect={"sensors": "deny"}, store={"path": "store.db"}, evidence={"path": "evidence"},
                      events={"store": "events.db"}, learning={"record": True}).start()
    until(curl, "an ordinary request passes")
    traffic()
    until(lambda: gateway.get("/conversations")["items"], "a conversation")
    return gateway
