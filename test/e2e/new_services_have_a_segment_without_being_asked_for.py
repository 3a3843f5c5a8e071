"""Endpoints that no segment takes in have one by their labels within a moment, by a revision: rules can name it at once, and lists
and explain know it. Nothing is promoted."""

from lib.check import check, main, same, until
from lib.gateway import Gateway, policy
from lib.wire import Server, addr, attempt, make

LABELS = {"web": {"app": "shop", "namespace": "eu"}, "redis": {"app": "cache", "namespace": "eu"},
          "batch": {"namespace": "eu"}}


def segments(gateway):
    return {s["name"]: s for s in gateway.get("/segments")["items"] if not s["reserved"]}


def test():
    make()
    Server("redis", 6379)
    gateway = Gateway({**policy(rules=[], endpoints=[], segments={"db": {"selector": "app=db"}})},
                      store={"path": "store.db"}, learning={"segments": True}).start()
    same(sorted(segments(gateway)), ["db"], "at first")
    for host, labels in LABELS.items():
        status, answer = gateway.request("PUT", f"/endpoints/{addr(host)}", {"labels": labels})
        check(status in (200, 201), f"{host}: {status} {answer}")
    until(lambda: sorted(segments(gateway)) == ["cache.eu", "db", "other.eu", "shop.eu"], "the new segments")
    same(segments(gateway)["shop.eu"]["members"], 1, "members")
    same({s["mode"] for s in segments(gateway).values()}, {"protect"}, "modes")
    check("segments of new endpoints" in gateway.get("/policy/revisions")["items"][0]["why"], "the revision says why")
    same(attempt("web", "redis", 6379, timeout=1.5), "timeout", "before there is a rule")
    rules = [{"id": "shop", "from": "shop.eu", "to": "cache.eu", "ports": "tcp/6379", "action": "allow"}]
    document = policy(rules=rules, endpoints=[], segments={"db": {"selector": "app=db"}})
    same(gateway.put_policy(document)[0], 200, "a policy with rules for them")
    same(attempt("web", "redis", 6379, timeout=20), "open", "with a rule")
    gateway.stop()


main(test)
