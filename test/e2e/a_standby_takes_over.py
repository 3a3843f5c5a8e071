"""Two gateways on paths beside each other, one forwards. It is killed, stopped, unplugged and ended under load: the other one
takes over within a second, connections that were open go on, what is denied never passes, and no frame comes twice, also when
the one that was stopped goes on."""

import signal
import threading
import time

from lib.check import check, main, same, say, until
from lib.gateway import RULES, policy, rule
from lib.pump import Pump, Stream
from lib.twins import make, pair, settled
from lib.wire import Server, attempt, run

LIMIT_S = 1.0
TRIES = 4  # cores that others keep busy may cost one of them its second, not each
DOC = policy(RULES + [rule("web-to-http", "web", "redis", ["tcp/8080"])])


class Denied:
    """Somebody tries all along what no rule allows."""

    def __init__(self):
        self.server, self.stopping, self.tries, self.open = Server("cards", 6379), False, 0, 0
        self.thread = threading.Thread(target=self._try, daemon=True)
        self.thread.start()

    def _try(self):
        while not self.stopping:
            self.open += attempt("batch", "cards", 6379, timeout=0.2) == "open"
            self.tries += 1

    def stop(self):
        self.stopping = True
        self.thread.join(30)
        check(self.tries > 0, "denied connections were tried")
        same((self.open, len(self.server.peers)), (0, 0), "denied connections that were open, and that arrived")


def longest_gap(pump, since):
    """Seconds without a datagram, from `since` on."""
    times = [since] + [t for t, _ in pump.arrived if t >= since]
    return max(b - a for a, b in zip(times, times[1:]))


def gap_of(pump, streams, event, new):
    """event() happens now, and `new` takes over. Seconds without a datagram; connections went on."""
    pump.flowing()
    since = time.time()
    event()
    until(lambda: pump.arrived[-1][0] > since + LIMIT_S / 2 and new.role() == "active", f"gateway {new.name} takes over", 60)
    pump.flowing()
    gap = longest_gap(pump, since)
    for s in streams:
        s.flowing()
    return gap


def cases(old):
    """What happens to the one that forwards, and what brings it back."""
    def killed_back():
        old.start()

    return {"killed (SIGKILL)": (old.kill, killed_back),
            "stopped (SIGSTOP)": (lambda: old.signal(signal.SIGSTOP), lambda: old.signal(signal.SIGCONT)),
            "unplugged": (lambda: old.plug(False), lambda: old.plug(True)),
            "ended (SIGTERM)": (old.stop, killed_back)}


def test():
    make()
    a, b = pair(DOC, flows={"midstream": True})
    denied = Denied()
    pump = Pump("web", "redis", 6379)
    streams = [Stream("web", "redis", port, Server("redis", port)) for port in (6379, 8080)]
    for s in streams:
        s.flowing()
    for what in cases(a):
        gaps = []
        while not gaps or (min(gaps) >= LIMIT_S and len(gaps) < TRIES):
            old, new = settled(a, b)
            event, back = cases(old)[what]
            gaps.append(gap_of(pump, streams, event, new))
            say(f"{what}: {gaps[-1] * 1000:.0f} ms without a datagram")
            back()
        check(min(gaps) < LIMIT_S, f"{what}: taken over within a second ({gaps})")
    old, new = settled(a, b)
    denied.stop()
    for s in streams:
        s.received()
        s.close()
    pump.stop()
    numbers = [n for _, n in pump.arrived]
    same(len(numbers) - len(set(numbers)), 0, "datagrams that came twice")

    def stands_by():
        run("ping", "-c", 1, "-W", 1, "10.99.0.99", ns="shop", ok=False)  # who has it? Both hear the question.
        return new.dropped("pair_standby") > 0

    until(stands_by, "what the standby drops has its reason")
    same([g.p.poll() for g in (a, b)], [None, None], "exit status")
    a.stop()
    b.stop()


main(test)
