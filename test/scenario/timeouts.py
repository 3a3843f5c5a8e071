"""Flows end in capture time: by their state's time-out since the last packet, neither earlier nor later, whatever the
machine's clock says. Times that go back a little are disorder, times that go back a lot do not end flows."""

from lib.packets import POLICY, REDIS, WEB, Tcp, udp
from lib.scenario import Scenario, no, ok

SHORT = ("flows: {max: 1024, timeouts: {new: 5s, replied: 20s, tcp_syn: 5s, tcp_established: 60s, tcp_closed: 2s, "
         "refused: 10s}}")


def question(**more):
    return ok(udp(WEB, REDIS, 5353, 53), **more)


def answer(**more):
    return ok(udp(REDIS, WEB, 53, 5353), **more)


def idle_connection():
    c = Tcp(WEB, REDIS, 6379)
    return [ok(c.handshake(), at=0), ok(c.exchange(), at=59), ok(c.exchange(), at=118.9),
            no("tcp_midstream", c.exchange(), at=179)]


def port_again():
    """The same ports, a while after the connection was closed."""
    a, b = Tcp(WEB, REDIS, 6379), Tcp(WEB, REDIS, 6379)
    return [ok(a.all(), at=0), ok(b.all(), at=1)]


def end_event(**more):
    return {"event_type": "flow", "src_port": 5353, "bulkhead.end": "timeout", **more}


YEAR = 365 * 86400

SCENARIOS = [
    Scenario("since the last packet", [question(at=0), question(at=4.9), question(at=9.8), question(at=14.9)], POLICY,
             config=SHORT, flows=2, events=[
                 end_event(**{"flow.pkts_toserver": 3, "flow.age": 9, "flow.reason": "timeout", "flow.state": "new",
                              "flow.start": "2023-11-14T22:13:20.000000+0000",
                              "flow.end": "2023-11-14T22:13:29.800000+0000"})]),
    Scenario("by state", [question(at=0), answer(at=1), question(at=20), answer(at=39), question(at=59.5)], POLICY,
             config=SHORT, flows=2, events=[end_event(**{"flow.state": "established", "flow.pkts_toclient": 2})]),
    Scenario("an answer that comes too late", [question(at=0), no("default_deny", udp(REDIS, WEB, 53, 5353), at=5.5)],
             POLICY, config=SHORT, flows=2),
    Scenario("idle connection", idle_connection(), POLICY, config=SHORT, flows=1, events=[
        {"event_type": "flow", "bulkhead.end": "timeout", "flow.age": 118}]),
    Scenario("port again after close", port_again(), POLICY, config=SHORT, flows=2, events=[
        {"event_type": "flow", "count": 2, "flow.state": "closed", "flow.pkts_toserver": 6}]),
    # All at once at the end of the gap, though the table is large and mostly idle.
    Scenario("long gap", [
        ok([udp(WEB, REDIS, 1000 + i, 53) for i in range(900)], at=0),
        ok(udp(WEB, REDIS, 999, 53), at=3600),
    ], POLICY, config=SHORT, flows=901, events=[
        {"event_type": "flow", "count": 900, "bulkhead.end": "timeout"},
        {"event_type": "flow", "count": 1, "bulkhead.end": "shutdown"},
    ]),
    Scenario("little disorder", [question(at=10), answer(at=9.9995), question(at=9.999), answer(at=10.001)], POLICY,
             config=SHORT, flows=1),
    # Expired ones hold no room that a new one needs.
    Scenario("full table after a long gap", [
        *[ok(Tcp(WEB, REDIS, 6379, 1000 + i).handshake(), at=0) for i in range(1024)],
        no("flow_table_full", Tcp(WEB, REDIS, 6379, 3000).syn(), at=50),
        ok(Tcp(WEB, REDIS, 6379, 3000).all(), at=200),
    ], POLICY, config=SHORT, flows=1025),
    # Goes on from there: 34 seconds are more than an answered question's 20.
    Scenario("clock set back", [question(at=5000), answer(at=5001), question(at=4), answer(at=6), question(at=40)], POLICY,
             config=SHORT, flows=2),
    Scenario("clock far ahead and back", [question(at=0), answer(at=0.5), question(at=20 * YEAR), question(at=1),
                                          answer(at=1.5), question(at=40 * YEAR)], POLICY, config=SHORT, flows=3),
    # 256 turns of 2^32 ms, after each of which a 32-bit clock shows the same.
    Scenario("gap that is a multiple of the table's clock", [question(at=0), question(at=2**40 / 1000)], POLICY,
             config=SHORT, flows=2),
]
