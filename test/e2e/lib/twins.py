"""Two gateways on paths beside each other:

               sw0: shopA -- shop0 (gateway a) cde0 -- cdeA :sw1
    shop: eth0 -+                                             +- eth0 :cde
                    shopB -- shop0 (gateway b) cde0 -- cdeB

Each in a namespace of its own; sw0 and sw1 are the test's bridges, learning switches without a spanning tree; a third cable,
between the two, is theirs alone."""

import os

from .check import until
from .gateway import Gateway
from .wire import HOSTS, addr, mac, run

SECRET = "what two gateways know of each other\n"
PORT = 8475


def make():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    for ns, switch in (("shop", "sw0"), ("cde", "sw1")):
        run("ip", "netns", "add", ns)
        run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.router_solicitations=0", ns=ns)
        run("ip", "link", "add", switch, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        run("ip", "link", "set", switch, "up")
        run("ip", "link", "add", f"{ns}h", "type", "veth", "peer", "name", "eth0", "address", mac(ns), "netns", ns)
        run("ip", "link", "set", f"{ns}h", "master", switch, "up")
        run("ip", "link", "set", "lo", "up", ns=ns)
        for host, (where, _) in HOSTS.items():
            if where == ns:
                run("ip", "addr", "add", addr(host) + "/24", "dev", "eth0", ns=ns)
                run("ip", "addr", "add", addr(host, 6) + "/64", "dev", "eth0", "nodad", ns=ns)
        run("ip", "link", "set", "eth0", "up", ns=ns)
        # What leaves is a frame as on a wire.
        run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", ns=ns)
    for side in "ab":
        run("ip", "netns", "add", f"twin{side}")
        run("ip", "link", "set", "lo", "up", ns=f"twin{side}")
    run("ip", "link", "add", "twin0", "netns", "twina", "type", "veth", "peer", "name", "twin0", "netns", "twinb")
    for number, side in ((1, "a"), (2, "b")):
        run("ip", "addr", "add", f"10.78.0.{number}/24", "dev", "twin0", ns=f"twin{side}")
        run("ip", "link", "set", "twin0", "up", ns=f"twin{side}")


def forwards(cable):
    return "state forwarding" in run("bridge", "link", "show", "dev", cable)


class Twin(Gateway):
    """side: "a" or "b"."""

    def __init__(self, side, document=None, **config):
        self.ns, self.cables = f"twin{side}", [f"shop{side.upper()}", f"cde{side.upper()}"]
        own, other = (1, 2) if side == "a" else (2, 1)
        for cable, port, switch in zip(self.cables, ("shop0", "cde0"), ("sw0", "sw1")):
            run("ip", "link", "add", cable, "type", "veth", "peer", "name", port, "netns", self.ns)
            run("ip", "link", "set", cable, "master", switch, "up")
            run("ip", "link", "set", port, "up", ns=self.ns)
        pair = {"listen": f"10.78.0.{own}:{PORT}", "peer": f"10.78.0.{other}:{PORT}", "interface": "twin0",
                "secret_file": "twin.secret", "priority": 200 - own}
        pair.update(config.pop("pair", {}))
        super().__init__(document, name=side, run_dir=f"/run/{self.ns}", pair=pair, **config)
        path = os.path.join(self.dir, "twin.secret")
        with open(path, "w", encoding="utf-8") as f:
            f.write(SECRET)
        os.chmod(path, 0o600)

    def role(self):
        return self.get("/pair")["role"]

    def plug(self, up):
        for cable in self.cables:
            run("ip", "link", "set", cable, "up" if up else "down")
        # The switch forwards on it later than its link is up, with busy cores by seconds.
        for cable in self.cables if up else ():
            until(lambda: forwards(cable), f"the switch forwards to {cable}", 60)


def settled(a, b, seconds=90):
    """One forwards, the other one stands by and knows all that the first does. Returns them in this order."""
    def look():
        seen = {g.get("/pair")["role"]: g for g in (a, b) if g.get("/pair")["channel"]["ready"]}
        return (seen["active"], seen["standby"]) if seen.keys() == {"active", "standby"} else None

    return until(look, "one of two forwards, the other one stands by", seconds)


def pair(document=None, **config):
    """Both run; a forwards, unless its core had no time for it."""
    a, b = Twin("a", document, **config), Twin("b", document, **config)
    a.start()
    b.start()
    settled(a, b)
    return a, b
