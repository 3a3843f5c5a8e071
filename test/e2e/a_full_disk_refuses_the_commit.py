"""With the store's disk full, a commit is refused with the reason; traffic and the old policy go on, also over kill -9."""

import os
import signal

from lib.check import check, main, same
from lib.gateway import Gateway, RULES, policy, text
from lib.pump import Stream
from lib.wire import Server, attempt, make, run

CLOSED = policy([r for r in RULES if r["id"] != "web-to-redis"])


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 512)
        except OSError:
            pass


def put(gateway, document):
    return gateway.request("PUT", "/policy", text(document), kind="application/yaml")


def test():
    make()
    gateway = Gateway(store={"path": "disk/store.db"})
    disk = os.path.join(gateway.dir, "disk")
    os.makedirs(disk)
    run("mount", "-t", "tmpfs", "-o", "size=1m", "none", disk)
    gateway.start()
    server = Server("redis", 6379)
    stream = Stream("web", "redis", 6379, server)
    fill(os.path.join(disk, "ballast"))
    for _ in range(3):
        status, answer = put(gateway, CLOSED)
        same(status, 507, f"PUT on a full disk ({answer})")
        check("make room" in answer["detail"], f"the reason: {answer}")
        stream.flowing()
    same(gateway.get("/policy")["revision"], 1, "the revision in force")
    same(attempt("web", "redis", 6379, timeout=20), "open", "a new connection under the old policy")
    gateway.kill(signal.SIGKILL)
    gateway.start()
    same(gateway.get("/policy")["revision"], 1, "the revision after kill -9 on a full disk")
    same(attempt("web", "redis", 6379, timeout=20), "open", "a connection after kill -9")
    os.unlink(os.path.join(disk, "ballast"))
    status, answer = put(gateway, CLOSED)
    same(status, 200, f"PUT with room again ({answer})")
    same(attempt("web", "redis", 6379), "timeout", "under the new policy")
    check(gateway.get("/audit/verify")["intact"], "the audit log's chain")
    gateway.stop()


main(test)
