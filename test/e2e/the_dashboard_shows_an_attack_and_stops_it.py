"""In a real browser: the map shows segments and traffic, an attack appears on it with its why, the operator quarantines from the page by
keyboard, and traffic stops. No console error, no request to elsewhere, accessible (axe), on a phone and in the dark, too."""

from lib.attacked import WEB, begin, curl
from lib.browser import browse, need
from lib.check import check, main, same, until
from lib.gateway import TOKEN
from lib.wire import attempt, connect, silent


def story(gateway):
    held = connect("web", "redis", 6379)
    held.sendall(b"hello")
    same(held.recv(100), b"hello", "a connection is open")
    browse("story", [
        ["open", "map"], ["map", {"segments": 5, "edges": 2}], ["accessible", None], ["shot", "map-light"],
        ["see", ".segments .chip:has-text('attack')"], ["login", TOKEN],
        # the picture's red edge in words: who, what, and what was done about it
        ["click", ".segments button:has-text('redis')"], ["text", [".alerts", "SQL injection"]], ["text", [".alerts", "It was blocked."]],
        ["click", ".talks li:has(.chip.bad) button.way"], ["see", ".detail h2:has-text('redis')"], ["accessible", None], ["shot", "map-edge"],
        # by keyboard alone: find the segment, choose it, quarantine its endpoint
        ["press", "/"], ["fill", ["#map-find", "web"]], ["tab", ".segments button"], ["press", "Enter"],
        ["see", ".member button.danger"], ["shot", "map-segment"],
        ["click", f".member:has-text('{WEB}') button.danger"], ["accessible", None], ["shot", "quarantine-dialog"],
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
    gateway = begin()
    story(gateway)
    browse("dark", [["open", "map"], ["map", {"segments": 5, "edges": 2}], ["accessible", None], ["shot", "map-dark"],
                    ["open", "sessions"], ["accessible", None], ["open", "events"], ["accessible", None], ["shot", "events-dark"]], dark=True)
    browse("phone", [["open", "map"], ["fits", None], ["shot", "map-phone"], ["open", "sessions"], ["fits", None],
                     ["open", "events?kind=sensor"], ["fits", None], ["click", "td button.link"], ["fits", None], ["accessible", None],
                     ["shot", "event-phone"], ["click", "#menu"], ["fits", None], ["shot", "menu-phone"]], phone=True)
    gateway.stop()


if __name__ == "__main__":
    main(test)
