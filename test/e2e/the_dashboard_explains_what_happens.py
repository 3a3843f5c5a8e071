"""In a real browser, by keyboard: events as they happen, each with why, evidence, capture and what can be done about it. Then each page:
no console error, no request to elsewhere, no wider than the screen, accessible (axe)."""

import threading

from lib.attacked import RULES, attack, begin, curl, document
from lib.browser import browse, need
from lib.check import check, main, same, until
from lib.gateway import TOKEN, rule

PAGES = ["events", "live", "conversations", "sessions", "quarantines", "blocks", "rules", "segments", "lint", "learning", "revisions", "evidence",
         "audit", "identities", "reports"]


def events(gateway):
    """The stream shows what happens while one looks; an event says why, with evidence, and is acted on: by keyboard alone."""
    over = threading.Event()

    def again():
        while not over.wait(1):
            attack()

    attacker = threading.Thread(target=again)
    attacker.start()
    browse("events", [
        ["open", "map"], ["tab", "#login"], ["press", "Enter"], ["type", TOKEN], ["press", "Enter"], ["see", "#logout"],
        ["tab", "nav a[data-page=events]"], ["press", "Enter"], ["see", "[data-page=events][data-ready]"],
        ["grows", "tbody tr"], ["accessible", None], ["shot", "events"],
        ["open", "events?kind=sensor&segment=web"], ["see", "td button.link"], ["gone", "td:has-text('default_deny')"],
        ["tab", "td button.link"], ["press", "Enter"], ["see", ".panel.event .sentence"],
        ["text", [".panel.event .sentence", "SQL injection"]], ["text", [".panel.event .sentence", "It was blocked."]],
        ["see", ".panel.event a[href='https://attack.mitre.org/techniques/T1190/']"], ["see", ".panel.event .excerpt"],
        ["accessible", None], ["shot", "event"], ["download", ".panel.event .actions button:has-text('capture')"],
        ["tab", "button.why"], ["press", "Enter"], ["see", ".explained p"],
        ["text", [".explained", "web-redis"]],
        ["tab", "button.block"], ["press", "Enter"], ["fill", ["#ask-why", "seen among events"]],
        ["press", "Enter"], ["see", ".toast"], ["press", "Escape"], ["gone", ".panel.event .sentence"]])
    over.set()
    attacker.join()
    blocks = gateway.get("/blocks")["items"]
    same([b["why"] for b in blocks], ["seen among events"], "blocks after the click")
    check(not curl(seconds="2"), "the conversation is blocked")
    browse("unblock", [["open", "map"], ["login", TOKEN], ["open", "blocks"], ["see", "td:has-text('seen among events')"], ["click", "td button"],
                       ["press", "Enter"], ["gone", "td"]])
    until(curl, "after the release it passes")


def pages(gateway):
    walk = [["open", "map"], ["login", TOKEN]]
    for page in PAGES:
        walk += [["open", page], ["accessible", None], ["fits", None]]
    browse("pages", walk + [["open", "live"], ["see", "figcaption strong"], ["shot", "live"], ["text", ["figure:last-child", "Time in a core"]],
                            ["open", "evidence"], ["download", "td button"]])
    check(gateway.get("/stats")["total"]["turn_ns"]["count"] > 0, "turns with packets were timed")


def revisions(gateway):
    """What a revision changed is shown line by line, and the way back is taken from there."""
    gateway.put_policy(document(RULES + [rule("batch-too", "batch", "admin", ["tcp/8099"])]))
    same([r["id"] for r in gateway.get("/rules")["items"]], ["web-redis", "admin-cards", "batch-too"], "rules")
    browse("revisions", [
        ["open", "map"], ["login", TOKEN], ["open", "revisions"], ["click", "tbody tr:first-child button:has-text('Changes')"],
        ["see", ".diff .plus"], ["text", [".diff .plus", "batch-too"]], ["accessible", None], ["shot", "revisions"],
        ["click", "tbody tr:last-child button:has-text('Against now')"], ["see", ".diff .minus"], ["text", [".diff .minus", "batch-too"]],
        ["click", ".detail button.danger"], ["fill", ["#ask-why", "not needed"]], ["press", "Enter"], ["see", ".toast"],
        ["open", "reports"], ["click", "button.primary:has-text('Show')"], ["text", [".paper .body", "PCI-17"]], ["accessible", None], ["fits", None], ["shot", "report"]])
    same([r["id"] for r in gateway.get("/rules")["items"]], ["web-redis", "admin-cards"], "rules after the way back")
    same(gateway.get("/policy/revisions")["items"][0]["why"], "not needed", "why")


def identities(gateway):
    """An identity is made, its token taken from the page, used, and revoked; all of it is in the audit log."""
    browse("identities", [
        ["open", "map"], ["login", TOKEN], ["open", "identities"], ["click", "button:has-text('Make an identity')"],
        ["fill", ["#ask-name", "nora"]], ["press", "Enter"], ["see", "#ask-token"], ["accessible", None], ["press", "Escape"],
        ["see", "td:has-text('nora')"], ["accessible", None], ["shot", "identities"]])
    same([(i["name"], i["role"], i["token"]) for i in gateway.get("/identities")["items"]], [("nora", "viewer", True)], "identities")
    browse("revoke", [
        ["open", "map"], ["login", TOKEN], ["open", "identities"], ["click", "td button:has-text('Revoke')"], ["click", "dialog button.danger"], ["gone", "td"],
        ["open", "audit"], ["see", "td:has-text('identity.make')"], ["open", "audit?action=identity&object=nora"], ["see", "td:has-text('nora')"],
        ["accessible", None], ["shot", "audit"]])
    same(gateway.get("/identities")["items"], [], "identities after it was revoked")


def test():
    need()
    gateway = begin()
    events(gateway)
    revisions(gateway)
    identities(gateway)
    pages(gateway)
    gateway.stop()


if __name__ == "__main__":
    main(test)
