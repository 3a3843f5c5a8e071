"""Where a port is AF_PACKET, the same is allowed and denied, untuned senders included, and the kernel forwards nothing."""

from lib.check import check, main, same, say
from lib.gateway import Gateway, policy, rule, RULES
from lib.pump import Iperf
from lib.wire import Capture, Server, addr, attempt, make, ping, run


def devices():
    return [{"name": side, "device": f"packet:{side}0"} for side in ("shop", "cde")]


def test():
    make()
    # A host that routes must not route around the gateway.
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    load = rule("load", "web", "redis", ["tcp/5201"])
    gateway = Gateway(policy([load, *RULES]), ports=devices()).start()
    same({p["driver"] for p in gateway.stats()["ports"]}, {"af_packet"}, "drivers")
    for family in (4, 6):
        keep = [Server("redis", 6379, family), Server("cards", 8080, family)]
        seen = Capture("cde", f"src host {addr('batch', family)} and (tcp or udp)")
        same(attempt("web", "redis", 6379, family, 20), "open", "web to redis")
        same(attempt("batch", "redis", 6379, family), "timeout", "batch to redis")
        same(attempt("batch", "cards", 8080, family, 20), "refused", "batch to cards")
        check(ping("admin", "cards", family), "an allowed ping")
        check(not ping("web", "cards", family, 1), "a denied ping")
        same(len(seen.frames()), 0, "frames of batch on the other side")
        for more in ((), ("-R",)):
            data = Iperf("web", "redis", 5201, 2, *more, family=family).result()
            check(data["end"]["sum_received"]["bytes"] > 100_000, f"TCP from an untuned sender, {more}")
            say(f"IPv{family} {' '.join(more)}: {data['end']['sum_received']['bits_per_second'] / 1e6:.0f} Mbit/s")
        del keep
    gateway.stop()


main(test)
