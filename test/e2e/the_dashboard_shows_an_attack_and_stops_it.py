"""In a real browser: the map shows segments and traffic, an attack appears on it, the operator quarantines from the page, and traffic
stops. No console error, no request to elsewhere, contrast AA, on a phone and in the dark, too."""

from lib.browser import browse, need
from lib.check import check, main, same, until
from lib.gateway import TOKEN, Gateway, policy, rule
from lib.services import find, nginx
from lib.wire import Server, addr, attempt, connect, make, run, silent

WEB, REDIS = addr("web"), addr("redis")
RULES = [rule("web-redis", "web", "redis", ["tcp/80", "tcp/6379", "icmp"]), rule("admin-cards", "admin", "cards", ["tcp/8080"])]
ZONES = {"shop": {"segments": ["web", "batch", "admin"]}, "vault": {"segments": ["redis", "cards"]}}
PAGES = ["live", "conversations", "sessions", "quarantines", "blocks", "rules", "segments", "lint", "learning", "revisions", "evidence",
         "reports"]


def curl(source=WEB, path="/x", seconds="4"):
    done = run(find("curl"), "-sS", "-m", seconds, "--interface", source, f"http://{REDIS}{path}", ns="shop", ok=False)
    return done.returncode == 0 and "hello from nginx" in done.stdout


def traffic():
    for _ in range(5):
        check(curl(), "an ordinary request passes")
    check(not curl(addr("batch"), seconds="1"), "what policy denies does not pass")
    curl(path="/a?id=1'%20union%20select%20name,pass%20from%20users--%20x")


def story(gateway):
    held = connect("web", "redis", 6379)
    held.sendall(b"hello")
    same(held.recv(100), b"hello", "a connection is open")
    browse("story", [
        ["open", "map"], ["map", {"segments": 5, "edges": 2}], ["contrast", None], ["shot", "map-light"],
        ["see", ".segments .chip:has-text('attack')"], ["login", TOKEN],
        # by keyboard alone: find the segment, choose it, quarantine its endpoint
        ["press", "/"], ["fill", ["#map-find", "web"]], ["press", "Tab"], ["press", "Enter"],
        ["see", ".member button.danger"], ["shot", "map-segment"],
        ["click", f".member:has-text('{WEB}') button.danger"], ["contrast", None], ["shot", "quarantine-dialog"],
        ["fill", ["#ask-why", "seen on the map"]], ["press", "Enter"],
        ["see", f".member:has-text('{WEB}') .chip.bad"], ["see", ".segments .chip:has-text('quarantined')"], ["shot", "map-quarantined"]])
    quarantines = gateway.get("/quarantines")["items"]
    same([(q["address"], q["why"]) for q in quarantines], [(WEB, "seen on the map")], "quarantines after the click")
    check(not curl(seconds="2"), "nothing new passes")
    same(attempt("web", "redis", 6379), "timeout", "another service")
    held.sendall(b"more")
    silent(held, "the connection that was open before")
    browse("release", [["open", "map"], ["login", TOKEN], ["open", "quarantines"], ["see", "td:has-text('seen on the map')"],
                       ["click", "td button"], ["fill", ["#ask-why", "it was a test"]], ["press", "Enter"], ["gone", "td"]])
    until(curl, "after the release it passes")


def test():
    need()
    make()
    nginx("")(["80"])
    Server("redis", 6379)
    document = policy(RULES)
    document["zones"] = ZONES
    gateway = Gateway(document, inspect={"sensors": "deny"}, store={"path": "store.db"}, evidence={"path": "evidence"},
                      learning={"record": True}).start()
    until(curl, "an ordinary request passes")
    traffic()
    until(lambda: gateway.get("/conversations")["items"], "a conversation")
    story(gateway)
    walk = [["open", "map"], ["login", TOKEN]]
    for page in PAGES:
        walk += [["open", page], ["contrast", None], ["fits", None]]
    browse("pages", walk + [["open", "live"], ["see", "figcaption strong"], ["shot", "live"], ["open", "conversations"],
                            ["shot", "conversations"], ["open", "evidence"], ["download", "td button"]])
    browse("dark", [["open", "map"], ["map", {"segments": 5, "edges": 2}], ["contrast", None], ["shot", "map-dark"],
                    ["open", "sessions"], ["contrast", None], ["shot", "sessions-dark"]], dark=True)
    browse("phone", [["open", "map"], ["fits", None], ["shot", "map-phone"], ["open", "sessions"], ["fits", None],
                     ["shot", "sessions-phone"], ["click", "#menu"], ["fits", None], ["shot", "menu-phone"]], phone=True)
    gateway.stop()


if __name__ == "__main__":
    main(test)
