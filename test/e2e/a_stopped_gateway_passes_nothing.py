"""While the process is stopped (SIGSTOP) nothing passes; when it goes on, so does the traffic."""

import signal
import time

from lib.check import main, same
from lib.gateway import EVERYTHING, Gateway, policy
from lib.pump import Pump
from lib.wire import make


def test():
    make()
    gateway = Gateway(policy(EVERYTHING), cores={"heartbeat": "1s"}).start()
    pump = Pump("web", "redis", 5000)
    pump.flowing()
    for _ in range(3):
        gateway.signal(signal.SIGSTOP)
        time.sleep(0.3)  # what it had handed to the kernel
        pump.none_for(2, "while the gateway is stopped")
        gateway.signal(signal.SIGCONT)
        pump.flowing()
        time.sleep(1)
        same(gateway.p.poll(), None, "exit status: its workers' silence was its own")
    pump.stop()
    gateway.stop()


main(test)
