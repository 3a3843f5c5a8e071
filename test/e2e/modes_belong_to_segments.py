"""What a denial does follows the modes of both ends, by the table of either contention; a mode that is set holds for the
next packet of open connections, over a restart, and is in the audit log."""

import itertools
import time

from lib.check import check, main, same
from lib.gateway import Gateway, policy
from lib.pump import Stream
from lib.wire import Server, addr, attempt, make

# from, to: what the two come to. The container firewall's tables.
BASIC = {("discover", "monitor"): "discover", ("discover", "protect"): "discover", ("monitor", "discover"): "discover",
         ("monitor", "protect"): "monitor", ("protect", "discover"): "discover", ("protect", "monitor"): "monitor"}
STRICT = {("discover", "monitor"): "monitor", ("discover", "protect"): "protect", ("monitor", "discover"): "monitor",
          ("monitor", "protect"): "protect", ("protect", "discover"): "protect", ("protect", "monitor"): "protect"}
FROM = {"web": "discover", "batch": "monitor", "admin": "protect"}


def document(contention):
    return {**policy(rules=[]), "modes": {"contention": contention}}


def set_mode(gateway, segment, mode, want=200):
    status, answer = gateway.request("PATCH", f"/segments/{segment}", {"mode": mode, "why": "a test", "author": "eve"})
    same(status, want, f"{segment} to {mode} ({answer})")
    answer.pop("sessions", None)
    return answer


def violations(gateway, host):
    return [e for e in gateway.events("alert") if e.get("src_ip") == addr(host)]


def cell(gateway, host, to_mode, want):
    """One connection that no rule allows."""
    opened = attempt(host, "redis", 6379, timeout=1.5 if want == "protect" else 20)
    same(opened, "timeout" if want == "protect" else "open", f"{FROM[host]} to {to_mode}: {want}")
    if want == "discover":
        return
    alert = gateway.event("alert", src_ip=addr(host), since=0, b_mode=want, b_verdict="deny", b_reason="default_deny",
                          b_src_segment=host, b_dst_segment="redis")
    same(alert["alert"]["action"], "blocked" if want == "protect" else "allowed", "what was done")


def tables(gateway):
    for contention, table in (("basic", BASIC), ("strict", STRICT)):
        same(gateway.put_policy(document(contention))[0], 200, contention)
        for host, mode in FROM.items():
            set_mode(gateway, host, mode)
        for to_mode, host in itertools.product(("discover", "monitor", "protect"), FROM):
            set_mode(gateway, "redis", to_mode)
            want = table.get((FROM[host], to_mode), to_mode)
            cell(gateway, host, to_mode, want)
    # Discover says nothing: of what web did, only what was not under discover.
    modes = {e["bulkhead"]["mode"] for e in violations(gateway, "web")}
    check("discover" not in modes, f"alerts of web under {modes}")


def live(gateway, server):
    set_mode(gateway, "web", "discover")
    set_mode(gateway, "redis", "discover")
    stream = Stream("web", "redis", 6379, server)
    stream.flowing()
    set_mode(gateway, "redis", "protect")  # contention is strict
    last = stream.sent_so_far()
    time.sleep(1)
    arrived = stream.received()
    check(arrived <= last, f"number {arrived} arrived, sent after {last}")
    gateway.event("alert", src_ip=addr("web"), src_port=stream.local, b_reason="policy_changed", b_mode="protect",
                  b_verdict="deny")
    set_mode(gateway, "redis", "monitor")
    stream.flowing()
    flow = [f for f in gateway.get(f"/flows?address={addr('web')}&state=established")["items"]
            if f["src"]["port"] == stream.local]
    same([(f["mode"], f["verdict"]) for f in flow], [("monitor", "violate")], "the flow in monitor")
    stream.close()


def kept(gateway):
    same(set_mode(gateway, "cards", "monitor"), {"name": "cards", "mode": "monitor", "mode_from": "set"}, "answer")
    set_mode(gateway, "nobody", "monitor", 404)
    set_mode(gateway, "cards", "sometimes", 422)
    set_mode(gateway, "external", "monitor", 422)
    gateway.stop()
    gateway.start()
    segments = {s["name"]: s for s in gateway.get("/segments")["items"]}
    same((segments["cards"]["mode"], segments["cards"]["mode_from"]), ("monitor", "set"), "after a restart")
    same(segments["web"]["mode"], "discover", "web after a restart")
    set_mode(gateway, "cards", None)
    segments = {s["name"]: s for s in gateway.get("/segments")["items"]}
    same((segments["cards"]["mode"], segments["cards"]["mode_from"]), ("protect", "default"), "unset")
    entries = [e for e in gateway.get("/audit?limit=200")["items"] if e["action"] == "segment.mode"]
    same((entries[0]["actor"], entries[0]["object"], entries[0]["detail"]),
         ("api:eve", "segment cards", {"from": "monitor", "to": "policy", "why": "a test"}), "the audit entry")
    check(gateway.get("/audit/verify")["intact"], "the chain")


def test():
    make()
    server = Server("redis", 6379)
    gateway = Gateway(document("basic"), store={"path": "store.db"}).start()
    tables(gateway)
    live(gateway, server)
    kept(gateway)
    gateway.stop()


main(test)
