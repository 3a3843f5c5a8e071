"""What a rule allows passes, what none allows does not, what one rejects fails at once; IPv4 and IPv6 alike."""

import time

from lib.check import Failed, check, main, same
from lib.gateway import Gateway
from lib.wire import Capture, Server, addr, attempt, connect, make, ping, silent, udp


def tcp(family):
    same(attempt("web", "redis", 6379, family, 20), "open", "web to redis")
    same(attempt("web", "cards", 8080, family, 20), "open", "web to cards")
    same(attempt("batch", "redis", 6379, family), "timeout", "batch to redis, which a rule denies")
    start = time.monotonic()
    same(attempt("batch", "cards", 8080, family, 20), "refused", "batch to cards, which a rule rejects")
    check(time.monotonic() - start < 10, "a rejected client learns it without waiting")
    same(attempt("web", "redis", 6380, family), "timeout", "another port of redis, which no rule names")
    same(attempt("redis", "web", 6379, family), "timeout", "redis to web: a rule is not its reverse")
    with connect("web", "redis", 6379, family) as c:
        c.sendall(b"hello")
        same(c.recv(16), b"hello", "what comes back over the allowed connection")


def refused(sock):
    try:
        data = sock.recv(64)
    except ConnectionRefusedError:
        return
    raise Failed(f"no error for a rejected datagram but {data!r}")


def datagrams(family):
    server, client = udp("redis", 6379, family), udp("web", 0, family)
    client.sendto(b"question", (addr("redis", family), 6379))
    data, peer = server.recvfrom(64)
    same(data, b"question", "an allowed datagram")
    server.sendto(b"answer", peer)
    same(client.recv(64), b"answer", "its answer")
    denied = udp("batch", 0, family)
    denied.sendto(b"question", (addr("redis", family), 6379))
    silent(server, "a denied datagram")
    # Long enough for an ICMP error to be no longer than what it answers.
    rejected = udp("batch", 0, family, 20)
    rejected.connect((addr("cards", family), 8080))
    rejected.send(bytes(400))
    refused(rejected)


def events(gateway, family):
    v = {"src_ip": addr("batch", family)}
    gateway.event("alert", dest_ip=addr("redis", family), dest_port=6379, proto="TCP", b_src_segment="batch",
                  b_dst_segment="redis", b_rule_id="batch-never-redis", b_verdict="deny", b_reason="rule_deny",
                  b_mode="protect", b_kind="violation", **v)
    gateway.event("alert", dest_ip=addr("cards", family), dest_port=8080, proto="TCP", b_src_segment="batch",
                  b_rule_id="batch-not-cards", b_verdict="reject", b_reason="rule_reject", **v)
    gateway.event("alert", src_ip=addr("web", family), dest_ip=addr("redis", family), dest_port=6380,
                  b_verdict="deny", b_reason="default_deny")


def test():
    make()
    gateway = Gateway().start()
    for family in (4, 6):
        keep = [Server("redis", 6379, family), Server("cards", 8080, family), Server("redis", 6380, family),
                Server("web", 6379, family)]
        seen = Capture("cde", f"src host {addr('batch', family)} and (tcp or udp)")
        tcp(family)
        datagrams(family)
        check(ping("admin", "redis", family), "an allowed ping")
        check(ping("admin", "cards", family), "a ping that a rule for ICMP allows")
        check(not ping("web", "cards", family, 1), "a ping that nothing allows")
        same(len(seen.frames()), 0, "frames of batch that reached the other side")
        events(gateway, family)
        del keep
    gateway.stop()


main(test)
