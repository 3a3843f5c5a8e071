"""Probes of the traffic generator cross the gateway at a low rate without loss, over both families, one way and there and
back; flows that the policy denies do not arrive; and what the gateway counts agrees."""

from lib.check import check, main, same, say
from lib.gateway import Gateway
from lib.generator import Server, make, measure

PORTS = ("--client", "iface:gc", "--server", "iface:gs")
SLOW = ("--rate", "500", "--seconds", "2", "--prime", "500", "--flows", "200", "--drain", "20")


def whole(trial, what):
    check(trial["sent"] > 0, f"{what}: frames are sent ({trial})")
    for key in ("lost", "corrupt", "repeated"):
        same(trial[key], 0, f"{what}: {key} ({trial})")
    same(trial["received"], trial["sent"], f"{what}: received")
    same(trial["latency_ns"]["n"], trial["received"], f"{what}: latencies")
    check(0 < trial["latency_ns"]["min"] <= trial["latency_ns"]["p50"] <= trial["latency_ns"]["max"],
          f"{what}: latencies in order ({trial['latency_ns']})")


def test():
    make()
    gateway = Gateway().start()
    for family, frames in ((4, "64,imix,1518"), (6, "84,1518")):
        before = gateway.total()["forwarded"]
        result = measure(f"one-way-{family}", *PORTS, *SLOW, "--frames", frames, "--port", "6379", family=family)
        same(len(result["trials"]), len(frames.split(",")), "trials")
        for trial in result["trials"]:
            whole(trial, f"IPv{family} {trial['frames']}")
            say(f"IPv{family} {trial['frames']}: {trial['received']} frames, "
                f"p50 {trial['latency_ns']['p50'] / 1e3:.0f} us")
        sent = sum(t["sent"] for t in result["trials"])
        check(gateway.total()["forwarded"] - before >= sent, "the gateway has forwarded them")
        result = measure(f"both-ways-{family}", *PORTS, *SLOW, "--both-ways", "--frames", "128", "--port", "6379",
                         family=family)
        whole(result["trials"][0], f"IPv{family} both ways")
        denied = measure(f"denied-{family}", *PORTS, "--rate", "500", "--seconds", "1", "--flows", "50", "--frames", "128",
                         "--port", "9", "--prime", "500", "--drain", "1", family=family)["trials"][0]
        check(denied["sent"] > 0, "denied flows are sent")
        same((denied["received"], denied["foreign"]), (0, 0), "what arrives of denied flows")
    server = Server("--port", "6379")
    back = measure("back", "--client", "iface:gc", *SLOW, "--frames", "64,1514", "--port", "6379")
    answered = server.stop()["results"][0]
    for trial in back["trials"]:
        whole(trial, f"there and back {trial['frames']}; the server: {answered}; the gateway: {gateway.total()}")
    check(answered["reflected"] >= sum(t["sent"] for t in back["trials"]), f"the server sent them back ({answered})")
    found = measure("throughput", *PORTS, "--test", "latency", "--rate", "400", "--seconds", "1", "--flows", "20",
                    "--prime", "500", "--precision", "0.4", "--at", "50", "--loss", "0.5", "--port", "6379")
    kinds = [r["result"] for r in found["results"]]
    same(kinds, ["throughput", "latency"], "results of --test latency")
    check(0 < found["results"][0]["frames_per_second"] <= 420, f"a throughput ({found['results']})")
    gateway.stop()


main(test)
