"""Connections of the traffic generator cross the gateway: every transaction gets the whole object that it asked for, as what it
is (HTTP, Redis, TLS by their bytes), with one generator at both ends or with one at each; figures are told; and
connections that the policy denies are not there."""

from lib.check import check, main, same, say
from lib.gateway import Gateway, policy, rule, RULES
from lib.generator import Server, make, measure

PORTS = ("--client", "iface:gc", "--server", "iface:gs")
RUN = ("--seconds", "2", "--ramp", "0.5", "--drain", "30")
APPS = {"http": 8081, "redis": 6380, "tls": 8443}


def good(run, what):
    """No transaction failed, none is missing, and the figures fit together."""
    client = run["client"]
    check(run["passed"], f"{what}: passed ({run})")
    check(run["measured_transactions"] > 0, f"{what}: transactions ({run})")
    same(client["opened"], client["closed"], f"{what}: connections closed in good order ({client})")
    for key in ("reset", "timed_out", "mismatched", "refused_full", "corrupt"):
        same(client[key], 0, f"{what}: {key} ({client})")
    for key in ("first_byte_ns", "last_byte_ns"):
        check(0 < run[key]["min"] <= run[key]["p50"] <= run[key]["p99"] <= run[key]["max"], f"{what}: {key} ({run})")
        same(run[key]["n"] > 0, True, f"{what}: {key} are measured")
    check(run["first_byte_ns"]["mean"] <= run["last_byte_ns"]["mean"], f"{what}: the first byte comes first")
    for figure in ("connections_per_second", "transactions_per_second", "gbit_per_second", "concurrent_connections"):
        check(run[figure]["min"] <= run[figure]["avg"] <= run[figure]["max"], f"{what}: {figure} ({run})")


def test():
    make()
    rules = [{**rule(app, "web", "redis", [f"tcp/{port}"]), "applications": [app]} for app, port in APPS.items()]
    gateway = Gateway(policy([*rules, *RULES])).start()
    for app, port in APPS.items():
        more = ("--protocol", app, "--port", str(port))
        for family in (4, 6):
            result = measure(f"{app}-{family}", *PORTS, *RUN, *more, "--test", "cps", "--rate", "50", "--connections", "20",
                             family=family)["results"]
            same(len(result), 1, "runs")
            good(result[0], f"{app} over IPv{family}")
            same(result[0]["server"]["transactions"], result[0]["client"]["transactions"], "the server agrees")
        runs = measure(f"{app}-sizes", *PORTS, *RUN, *more, "--test", "tps", "--connections", "2", "--size", "1,64")
        same([r["kib"] for r in runs["results"]], [1, 64], "sizes")
        for run in runs["results"]:
            good(run, f"{app} of {run['kib']} KiB")
            least = run["client"]["transactions"] * run["kib"] * 1024
            check(run["client"]["bytes"] >= least, f"whole objects: {run['client']}")
            say(f"{app} {run['kib']} KiB: {run['transactions_per_second']['avg']:.0f} transactions/s, "
                f"{run['gbit_per_second']['avg']:.3f} Gbit/s")
    # The least of them counts: all are there before it is counted.
    held = measure("held", *PORTS, *RUN, "--ramp", "3", "--port", "6379", "--test", "concurrent", "--connections", "300", "--think", "0.5",
                   "--transactions", "0")["results"][0]
    good(held, "held connections")
    same(held["concurrent_connections"]["min"], 300, f"connections at one time ({held['concurrent_connections']})")
    # Tcp/9 has no rule: nothing comes back, and nothing is waited for longer than the run takes.
    denied = measure("denied", *PORTS, "--seconds", "2", "--ramp", "0", "--drain", "1", "--port", "9", "--test", "cps",
                     "--rate", "20", "--connections", "50")["results"][0]
    check(denied["client"]["opened"] > 0 and not denied["passed"], f"denied connections are tried ({denied})")
    same((denied["client"]["established"], denied["server"]["opened"]), (0, 0), "what there is of denied connections")
    server = Server("--port", "6379", "--test", "cps")
    two = measure("two", "--client", "iface:gc", *RUN, "--port", "6379", "--test", "cps", "--rate", "50",
                  "--connections", "20")["results"][0]
    good(two, "two generators")
    answered = server.stop()["results"][0]
    same((answered["transactions"], answered["mismatched"]), (two["client"]["transactions"], 0), f"the server ({answered})")
    flows = gateway.quiet()
    check(flows["packets"] > 0, "the gateway has seen it")
    gateway.stop()


main(test)
