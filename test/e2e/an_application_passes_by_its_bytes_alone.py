"""With a rule for exactly what they speak real clients work on any port; with a rule for another application not one
payload byte arrives at the server, and the alert names what was seen.
"""

import time

from lib import services
from lib.check import Failed, check, main, same, say
from lib.gateway import Gateway, policy
from lib.wire import Capture, addr, make

CLIENT, SERVER = addr("web"), addr("redis")
# What a connection is asked to be and is not: the next but some of the table, over the same transport; then something
# whose server speaks first, and again something whose client does.
OTHERS = [{"tcp": ["rsync", "kafka", "bgp", "ldap"], "udp": ["ntp", "snmp"]},
          {"tcp": ["vnc", "smtp", "mysql", "ssh"], "udp": ["quic"]},
          {"tcp": ["http", "tls", "redis"], "udp": ["dtls", "dhcp"]}]
OVER = {"etcd": {"http", "http2", "grpc"}, "http2": {"http"}}


def rule(name, applications, ports=None):
    r = {"id": name, "from": "web", "to": "redis", "applications": applications, "action": "allow"}
    if ports:
        r["ports"] = ports
    return r


def to_server():
    return Capture("cde", f"src host {CLIENT} and dst host {SERVER} and (tcp or udp)")


def put(gateway, rules):
    status, answer = gateway.put_policy(policy(rules))
    same(status, 200, f"PUT of a policy ({answer})")


def works(gateway, apps):
    """One application allowed at a time, without ports. Returns what failed."""
    failures = []
    for app in apps:
        put(gateway, [rule("exactly", app.rule)])
        seen = to_server()
        began = time.monotonic()
        try:
            for port in app.ports:
                app.works(port)
        except Failed as why:
            failures.append(str(why))
            continue
        took = time.monotonic() - began
        arrived = {port for port, _ in services.payload_to(seen.frames())}
        same(arrived, set(app.ports), f"{app.label}: ports where the capture shows payload")
        say(f"{app.label:12} works on {app.ports[0]} and {app.ports[1]}, {took:.1f} s for both")
    return failures


def refused(gateway, apps, others):
    """For each another application is allowed on its ports; all clients at once."""
    rules, asked = [], {}
    for i, app in enumerate(apps):
        names = [n for n in others[app.proto] if n != app.name and n not in OVER.get(app.name, ())]
        asked[app.label] = names[i % len(names)]
        rules.append(rule(app.label.replace("/", "-"), [asked[app.label]], [f"{app.proto}/{p}" for p in app.ports]))
    put(gateway, rules)
    since = len(gateway.events("alert"))
    seen = to_server()
    clients = [(app, port, app.launch(port, 5)) for app in apps for port in app.ports]
    for app, port, p in clients:
        out = p.communicate(timeout=60)[0]
        check(p.returncode != 0 or app.want not in out, f"{app.label} on {port}, a rule for {asked[app.label]}: {out}")
    frames = seen.frames()
    arrived = services.payload_to(frames)
    check(not arrived, f"payload that arrived at servers: {arrived[:3]}")
    check(frames, "the capture saw the handshakes")
    for app, port, _ in clients:
        event = gateway.event("alert", dest_port=port, proto=app.proto.upper(), src_ip=CLIENT, since=since)
        name, reason = event.get("app_proto"), event["bulkhead"]["reason"]
        name = None if name == "unknown" else name
        check(name in app.seen, f"the alert about {app.label} on {port} with a rule for {asked[app.label]} names {name}")
        same(reason, "application_deny" if name else "application_unknown", f"the reason for {app.label} on {port}")
    say(f"{len(clients)} clients refused: " + ", ".join(f"{label} is not {name}" for label, name in asked.items()))


def test():
    apps, gone = services.available(services.APPS)
    make()
    services.start(apps)
    gateway = Gateway(policy([])).start()
    failures = works(gateway, apps)
    for others in OTHERS:
        refused(gateway, apps, others)
    check(not failures, "; ".join(failures))
    gateway.stop()
    for label, what in gone:
        say(f"without {label}: {what} is not here")


main(test)
