"""discover lets everything well-formed pass and records it, with or without a policy; monitor lets pass what policy
denies, and says so; protect blocks it. What is malformed is dropped in each."""

from lib.packets import BATCH, CARDS, POLICY, REDIS, TCP, WEB, Tcp, frame, udp
from lib.scenario import Scenario, no, ok

BROKEN = frame(WEB, REDIS, TCP(sport=1, dport=2, flags="SF"))


def traffic():
    """Allowed, denied by no rule, denied by a rule, rejected."""
    return [*Tcp(WEB, REDIS, 6379).all(), Tcp(WEB, CARDS, 80).syn(), Tcp(BATCH, REDIS, 6379).syn(),
            Tcp(BATCH, CARDS, 80).syn(), udp("192.0.2.1", "192.0.2.2", 5, 6)]


RECORDED = [{"event_type": "flow", "count": 5}, {"event_type": "alert", "bulkhead.kind": "anomaly", "count": 1}]
VERDICTS = [("deny", "default_deny", 2), ("deny", "rule_deny", 1), ("reject", "rule_reject", 1)]


def violations(action, mode):
    """What is violated, by which reason, is the same in monitor and in protect; what is done is not."""
    return [{"event_type": "alert", "bulkhead.kind": "violation", "count": n, "alert.action": action,
             "bulkhead.verdict": verdict, "bulkhead.reason": reason, "bulkhead.mode": mode}
            for verdict, reason, n in VERDICTS]


SCENARIOS = [
    Scenario("discover without policy", [ok(traffic()), no("tcp_flags", BROKEN)], flows=5,
             events=RECORDED + [{"event_type": "flow", "bulkhead.verdict": "allow", "bulkhead.reason": "discover",
                                 "bulkhead.mode": "discover", "count": 5}],
             never=[{"bulkhead.kind": "violation"}]),
    Scenario("discover with policy", [ok(traffic()), no("tcp_flags", BROKEN)], POLICY, mode="discover", flows=5,
             events=RECORDED + [{"event_type": "flow", "bulkhead.rule_id": "web-redis", "count": 1}],
             never=[{"bulkhead.kind": "violation"}]),
    Scenario("monitor", [ok(traffic()), no("tcp_flags", BROKEN)], POLICY, mode="monitor", flows=5,
             events=RECORDED + violations("allowed", "monitor") +
             [{"event_type": "flow", "bulkhead.verdict": "violate", "bulkhead.reason": "default_deny", "count": 2}], never=[{"event_type": "drop"}]),
    Scenario("protect", [ok(traffic()[:9]), no("default_deny", traffic()[9]), no("rule_deny", traffic()[10]),
                         no("rule_reject", traffic()[11]), no("default_deny", traffic()[12]),
                         no("tcp_flags", BROKEN)], POLICY, flows=5,
             events=RECORDED + violations("blocked", "protect")),
]
