"""SIGTERM under load: exit 0, every packet forwarded or dropped with a reason, every flow's end recorded."""

import os

from lib.check import check, main, same, until
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Iperf, Pump
from lib.wire import addr, mac, make, raw


def half_a_datagram():
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    return bytes(Ether(dst=mac("cde"), src=mac("shop")) / IP(src=addr("web"), dst=addr("redis"), id=7, flags="MF") /
                 UDP(sport=1, dport=5000) / os.urandom(64))


def test():
    make()
    gateway = Gateway(policy(EVERYTHING), fragments={"timeout": "60s"}).start()
    load = Iperf("web", "redis", 5201, 30)
    pump = Pump("web", "redis", 5000)
    pump.flowing()
    raw("shop").send(half_a_datagram())
    until(lambda: gateway.total()["held"] == 1, "half a datagram is held")
    until(lambda: gateway.total()["forwarded"] > 1000, "packets are forwarded under load")
    open_flows = until(lambda: gateway.total()["flows"], "open flows")
    last = gateway.stop()
    load.client.kill()
    same(last["dropped"].get("shutdown"), 1, "what was held when it stopped")
    check(last["forwarded"] > 1000, f"packets forwarded under load: {last['forwarded']}")
    ended = [e for e in gateway.events("flow") if e["flow"]["reason"] == "shutdown"]
    check(len(ended) >= open_flows, f"{open_flows} flows were open, {len(ended)} ended with the gateway")
    pump.stop()


main(test)
