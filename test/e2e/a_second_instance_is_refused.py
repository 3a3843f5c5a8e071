"""A second gateway on the same ports ends with a sentence that says so; the first one does not notice."""

from lib.check import check, main, same
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Pump
from lib.wire import make


def test():
    make()
    first = Gateway(policy(EVERYTHING)).start()
    pump = Pump("web", "redis", 5000)
    pump.flowing()

    second = Gateway(policy(EVERYTHING), name="second", api={"listen": "127.0.0.1:8472"})
    status, log = second.refuse()
    same(status, 1, f"exit status; log:\n{log}")
    check("in use" in log and str(first.p.pid) in log, f"who has the port:\n{log}")
    pump.flowing()

    # Another folder for locks: the kernel itself must be in the way.
    third = Gateway(policy(EVERYTHING), name="third", api={"listen": "127.0.0.1:8473"},
                    run_dir="/run/elsewhere")
    status, log = third.refuse()
    same(status, 1, f"exit status; log:\n{log}")
    pump.flowing()

    # Other ports, but the same address for its API.
    same(first.p.poll(), None, "exit status of the first")
    pump.stop()
    first.stop()
    Gateway(policy(EVERYTHING), name="fourth").start().stop()


main(test)
