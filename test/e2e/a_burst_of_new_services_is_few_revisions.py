"""500 new sets of labels in one second are segments in force at once, by few revisions."""

import time

from lib.check import check, main, same, until
from lib.gateway import Gateway, policy
from lib.wire import make

N, LOADS = 500, 20


def segments(gateway):
    return gateway.get("/policy")["segments"]


def test():
    make()
    gateway = Gateway({**policy(rules=[], endpoints=[], segments={"db": {"selector": "app=db"}})},
                      store={"path": "store.db"}, learning={"segments": True}).start()
    before, first = segments(gateway), gateway.get("/policy")["revision"]
    begin = time.monotonic()
    for load in range(LOADS):
        changes = [{"op": "put", "address": f"10.77.{i // 250}.{i % 250 + 1}",
                    "labels": {"app": f"svc-{i}", "namespace": f"ns-{i % 7}"}}
                   for i in range(load * N // LOADS, (load + 1) * N // LOADS)]
        status, answer = gateway.request("POST", "/endpoints", {"changes": changes})
        same(status, 200, f"endpoints: {answer}")
        time.sleep(max(0, begin + (load + 1) / LOADS - time.monotonic()))
    took = time.monotonic() - begin
    end = time.monotonic()
    until(lambda: segments(gateway) == before + N, "a segment for each set of labels")
    late = time.monotonic() - end
    revisions = gateway.get("/policy")["revision"] - first
    print(f"{N} sets of labels in {took:.2f} s: {revisions} revisions, the last in force {late:.2f} s after")
    # A look in a quarter of a second, and two that were full.
    check(revisions <= 4 * (took + late) + 4, f"{revisions} revisions")
    answer = gateway.get("/endpoints/10.77.1.250")
    same(answer["segments"], ["svc-499.ns-2"], "where the last one is")
    gateway.stop()


main(test)
