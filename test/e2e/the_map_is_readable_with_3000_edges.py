"""The map is readable with 500 segments and 3,000 edges, as the page would be told of them; 390 px wide, too.

Frame times are said and not judged: they are those of two busy cores without a graphics card.
"""

from lib.browser import browse, need
from lib.check import main
from lib.gateway import Gateway, policy, rule
from lib.wire import make


def test():
    need()
    make()
    gateway = Gateway(policy([rule("all", "any", "any", None)]), name="many").start()
    pretend = ["pretend", {"segments": 500, "edges": 3000, "zones": 20}]
    whole = ["map", {"segments": 500, "edges": 2900}]
    browse("map-3000", [pretend, ["open", "map"], whole, ["shot", "map-3000"], ["drag", None],
                        ["fill", ["#map-find", "web-010"]], ["click", ".segments button"], ["shot", "map-3000-chosen"]])
    browse("map-3000-phone", [pretend, ["open", "map"], whole, ["fits", None], ["shot", "map-3000-phone"]], phone=True)
    gateway.stop()


main(test)
