"""A link that goes down on one side of a pair goes down on the other, and comes back with it."""

from lib.check import main, same, until
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Pump
from lib.wire import make, run


def carrier(ns):
    flags = run("ip", "-o", "link", "show", "dev", "eth0", ns=ns)
    return "LOWER_UP" in flags


def test():
    make()
    gateway = Gateway(policy(EVERYTHING)).start()
    pump = Pump("web", "redis", 5000)
    for down, other in (("shop", "cde"), ("cde", "shop")):
        pump.flowing(60)
        run("ip", "link", "set", "eth0", "down", ns=down)
        until(lambda: not carrier(other), f"{other} loses its link, because {down} did")
        until(lambda: {p["name"]: p["link"] for p in gateway.stats()["ports"]} == {down: "down", other: "held-down"},
              "links as the API has them")
        run("ip", "link", "set", "eth0", "up", ns=down)
        until(lambda: carrier(other), f"{other} gets its link back")
    pump.flowing(60)

    def changes():
        names = [e["bulkhead"].get("event") for e in gateway.events()]
        return names.count("link_down"), names.count("link_up")

    until(lambda: min(changes()) >= 2, "an event for each change")
    same(changes(), (2, 2), "an event for each change")
    pump.stop()

    # What it had taken down, it gives back when it ends, though the reason is still there.
    run("ip", "link", "set", "eth0", "down", ns="shop")
    until(lambda: not carrier("cde"), "cde loses its link")
    gateway.stop()
    until(lambda: carrier("cde"), "the gateway gives back what it took down")


main(test)
