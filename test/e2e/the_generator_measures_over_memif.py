"""Where gateway and generator meet over memif, without the kernel between: frames of a low rate all arrive, and every
transaction is whole."""

import os

from lib.check import check, main, same, say, until
from lib.gateway import Gateway
from lib.generator import make, measure

SOCKETS = ("shop", "cde")


def device(role, index):
    # The path has room for 107 bytes (unix(7)): /run is the test's own.
    return f"net_memif{index},role={role},id={index},socket=/run/{SOCKETS[index]}.sock,socket-abstract=no"


def test():
    make()
    gateway = Gateway(ports=[{"name": name, "device": device("server", i)} for i, name in enumerate(SOCKETS)]).launch()
    gateway.logged("forwarding", 90)
    until(lambda: all(os.path.exists(f"/run/{name}.sock") for name in SOCKETS), "the sockets")
    ports = ("--client", device("client", 0), "--server", device("client", 1), "--port", "6379")
    trial = measure("frames", *ports, "--rate", "500", "--seconds", "2", "--flows", "100", "--prime", "500", "--drain", "20",
                    "--frames", "imix")["trials"][0]
    check(trial["sent"] > 0, f"frames are sent ({trial})")
    same((trial["received"], trial["corrupt"], trial["repeated"]), (trial["sent"], 0, 0), f"what arrives ({trial})")
    run = measure("connections", *ports, "--protocol", "redis", "--test", "cps", "--rate", "50", "--connections", "20",
                  "--seconds", "2", "--drain", "30")["results"][0]
    check(run["passed"], f"connections ({run})")
    same(run["client"]["opened"], run["client"]["closed"], f"connections closed in good order ({run['client']})")
    say(f"{trial['received']} frames, {run['client']['transactions']} transactions")
    gateway.stop()


main(test)
