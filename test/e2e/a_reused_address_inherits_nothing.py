"""An address that is deleted, or given to another workload, has none of its former owner's rights or flows."""

import time

from lib.check import check, main, same
from lib.gateway import Gateway
from lib.pump import Stream
from lib.wire import Server, addr, attempt, make


def stopped(stream, last, what):
    time.sleep(1.5)
    check(stream.sent_so_far() > last + 20, "the client goes on sending")
    arrived = stream.received()
    check(arrived <= last, f"{what}: number {arrived} arrived, sent after {last}")


def test():
    make()
    gateway = Gateway().start()
    for family in (4, 6):
        server = Server("redis", 6379, family)
        path = f"/endpoints/{addr('web', family)}"
        web, batch = ({"labels": {"app": app, "zone": "shop"}} for app in ("web", "batch"))

        stream = Stream("web", "redis", 6379, server, family)
        stream.flowing()
        same(gateway.request("DELETE", path)[0], 204, "DELETE")
        last = stream.sent_so_far()
        stopped(stream, last, "its endpoint is gone")
        same(attempt("web", "redis", 6379, family), "timeout", "a new connection of an unknown address")
        check(gateway.request("PUT", path, batch)[0] in (200, 201), "PUT")
        stopped(stream, last, "another workload has the address")
        same(attempt("web", "redis", 6379, family), "timeout", "a new connection of the new owner")
        stream.close()

        check(gateway.request("PUT", path, web)[0] in (200, 201), "PUT")
        stream = Stream("web", "redis", 6379, server, family)
        stream.flowing()
        status, answer = gateway.request("POST", "/endpoints", {"changes": [
            {"op": "delete", "address": addr("web", family)},
            {"op": "put", "address": addr("web", family), **batch}]})
        last = stream.sent_so_far()
        same(status, 200, f"a batch that deletes and adds again ({answer})")
        stopped(stream, last, "deleted and added again in one go")
        stream.close()
        check(gateway.request("PUT", path, web)[0] in (200, 201), "PUT")
        same(attempt("web", "redis", 6379, family, 20), "open", "its first owner again")
    gateway.stop()


main(test)
