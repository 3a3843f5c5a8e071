"""When an end's labels change, not one more payload byte of an open connection passes, in either direction."""

import time

from lib.check import check, main, same
from lib.gateway import Gateway
from lib.pump import Stream
from lib.wire import Capture, Server, addr, make

ROUNDS = 5


def payload_after(frames, when):
    """Frames with TCP payload that were seen after a time."""
    from scapy.layers.l2 import Ether
    from scapy.layers.inet import TCP
    late = []
    for t, data in frames:
        if t <= when:
            continue
        f = Ether(data)
        if TCP in f and len(f[TCP].payload) > 0:
            late.append(f"{t - when:.3f} s later: {f.summary()}")
    return late


def cut(gateway, server, who, family):
    expression = f"tcp port 6379 and host {addr('web', family)}"
    at_server, at_client = Capture("cde", expression), Capture("shop", expression)
    stream = Stream("web", "redis", 6379, server, family)
    stream.flowing()
    gateway.label(addr(who, family), app="nobody")
    returned, last = time.time(), stream.sent_so_far()
    time.sleep(2.5)
    check(stream.sent_so_far() > last + 20, "the client goes on sending")
    arrived = stream.received()
    check(arrived <= last, f"number {arrived} arrived, but everything after {last} was sent too late")
    # What had left the gateway may still be on the cable for a moment.
    late = payload_after(at_server.frames(), returned + 0.1)
    check(not late, f"payload to the server: {late[:3]}")
    late = payload_after(at_client.frames(), returned + 0.1)
    check(not late, f"payload to the client: {late[:3]}")
    gateway.event("alert", src_ip=addr("web", family), src_port=stream.local, dest_ip=addr("redis", family),
                  dest_port=6379, b_reason="labels_changed", b_verdict="deny")
    gateway.label(addr(who, family), app=who)
    return stream


def test():
    make()
    gateway = Gateway().start()
    for family in (4, 6):
        server = Server("redis", 6379, family)
        for who in ("web", "redis"):
            stream = cut(gateway, server, who, family)
            # Nobody closed it: with the labels back, TCP's own retries bring it all.
            stream.flowing()
            stream.received()
            stream.close()
        for _ in range(ROUNDS):
            stream = Stream("web", "redis", 6379, server, family)
            stream.flowing()
            gateway.label(addr("web", family), app="nobody")
            last = stream.sent_so_far()
            time.sleep(0.5)
            arrived = stream.received()
            check(arrived <= last, f"number {arrived} arrived, sent after {last}")
            stream.close()
            gateway.label(addr("web", family), app="web")
    same(gateway.dropped("policy_changed"), 0, "drops for a changed policy")
    check(gateway.total()["flows_relabelled"] >= 2 * (2 + ROUNDS), "flows ended by a change of labels")
    gateway.stop()


main(test)
