"""A cluster's BulkheadSensors look into what its pods say: what they find is denied and told; a bad one is refused in its status with the
engine's reason and leaves the last good one in force; names of clusters and files don't meet; they outlive a restart without the API server."""

import http.server
import os
import threading

from lib.check import check, main, same, until
from lib.gateway import DIR, Gateway, policy, text, write
from lib.kube_api import KubeApi, certificates, kubeconfig
from lib.wire import addr, connect, inside, make, side

PORT = 6379
SEEN = []  # what the server was asked for

FILE = """
sensors:
  - name: east/taken
    rules: [{name: word, patterns: [{op: literal, value: taken-by-a-file}]}]
attach:
  - {sensor: east/taken, action: deny}
"""


def sensor(value, op="literal", **more):
    return {"severity": "high", "rules": [{"name": "codename", "patterns": [{"op": op, "value": value}]}], **more}


def rules(*sensors):
    return {"rules": [{"id": "allow", "from": ["web"], "to": ["redis"], "ports": ["tcp/6379"], "action": "allow", "sensors": list(sensors)}]}


def put(api, kind, name, spec):
    api.put(kind, {"metadata": {"name": name}, "spec": spec})


def told(api, kind, name, state):
    """Of its newest text; the reason."""
    return until(lambda: (lambda s: s if s and s[0] == state else None)(api.state(kind, name)),
                 f"{name} is {state}, not {api.state(kind, name)}", 60)[1]


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        SEEN.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Sites(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A connection that the gateway ended."""


def passes(words, seconds=20):
    """Is a request for /words answered, on a connection of its own?"""
    s = connect("web", "redis", PORT)
    try:
        s.settimeout(seconds)
        s.sendall(f"GET /{words} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := s.recv(1000):
            answer += data
        return answer.endswith(b"ok")
    except OSError:
        return False
    finally:
        s.close()


def denied(words):
    check(not passes(words, 2), f"{words} is not answered")
    check(f"/{words}" not in SEEN, f"{words} never arrived")


def found(gateway, api):
    put(api, "bulkheadsegments", "web", {"selector": "app = web"})
    put(api, "bulkheadsegments", "redis", {"selector": "app = redis"})
    put(api, "bulkheadsensors", "projects", sensor("project-alpha", attach=[{"segments": ["redis"], "side": "server", "action": "alert"}]))
    put(api, "bulkheadpolicies", "sessions", rules({"sensor": "projects", "action": "reject"}))
    told(api, "bulkheadpolicies", "sessions", "Accepted")
    told(api, "bulkheadsensors", "projects", "Accepted")
    check(passes("about-nothing"), "what no sensor looks for passes")
    denied("about-project-alpha")
    event = gateway.event("alert", b_sensor="east/projects")
    same((event["bulkhead"]["sensor_rule"], event["alert"]["action"], event["bulkhead"]["sensor_action"]),
         ("codename", "blocked", "reject"), "what is told: the rule's attachment goes before the sensor's own")


def bad(api):
    """Refused with sensor, rule, place and the engine's words; what it said before stays."""
    put(api, "bulkheadsensors", "projects", sensor("project-(beta", "regex"))
    reason = told(api, "bulkheadsensors", "projects", "Refused")
    for words in ("east/projects", "codename", "at byte 13", "missing closing parenthesis"):
        check(words in reason, f"{words} in: {reason}")
    denied("the-project-alpha")
    put(api, "bulkheadsensors", "projects", {**sensor("x"), "severity": "huge"})
    reason = told(api, "bulkheadsensors", "projects", "Refused")
    check("huge" in reason and "east/projects" in reason, f"a word that is none: {reason}")
    for spec, words in (({"attach": [{"segments": ["gateway/press"]}]}, "own pods"), ({"attach": [{"segments": ["redis"], "action": "quarantine"}]}, "action"),
                        ({"attach": [{"segments": ["redis"], "peers": ["gateway/nobody"]}]}, "nobody")):
        put(api, "bulkheadsensors", "other", sensor("x", **spec))
        reason = told(api, "bulkheadsensors", "other", "Refused")
        check(words in reason, f"{words} in: {reason}")
    api.delete("bulkheadsensors", "other")
    put(api, "bulkheadsensors", "projects", sensor("project-(beta|gamma)", "regex"))
    told(api, "bulkheadsensors", "projects", "Accepted")
    denied("a-project-gamma")
    check(passes("old-project-alpha"), "what is looked for no longer passes")


def names(gateway, api, west):
    """Each cluster has its own; one that a file has is taken."""
    put(api, "bulkheadsensors", "taken", sensor("x"))
    reason = told(api, "bulkheadsensors", "taken", "Refused")
    check("already in" in reason and "own.yaml" in reason, f"a name that a file has: {reason}")
    denied("taken-by-a-file")
    api.delete("bulkheadsensors", "taken")
    put(west, "bulkheadsegments", "all", {"selector": "app in (web, redis)"})
    put(west, "bulkheadsensors", "projects", sensor("project-delta", attach=[{"segments": ["all"], "action": "deny"}]))
    told(west, "bulkheadsensors", "projects", "Accepted")
    gateway.logged("sensors in use: 3 with 3 rules")
    check(passes("the-project-delta"), "what the other cluster looks for, in its own pods")
    put(west, "bulkheadpolicies", "p", {"rules": [{"from": ["all"], "to": ["all"], "action": "allow", "sensors": ["elsewhere"]}]})
    check("elsewhere" in told(west, "bulkheadpolicies", "p", "Refused"), "a rule that names a sensor that is not there")
    denied("the-project-beta")


def gone(gateway, api, west):
    for a in (api, west):
        a.kill()
    gateway.stop()
    gateway.start()
    gateway.logged("sensors in use: 3 with 3 rules")  # of the store
    api.start()
    west.start()
    until(lambda: gateway.request("GET", f"/endpoints/{addr('redis')}")[0] == 200, "the first list", 60)
    denied("after-a-restart-project-beta")
    put(api, "bulkheadsensors", "projects", sensor("project-(beta|epsilon)", "regex"))
    told(api, "bulkheadsensors", "projects", "Accepted")
    api.delete("bulkheadsensors", "projects")
    gateway.logged("BulkheadSensor projects is refused, what it said before stays: no BulkheadSensor is called 'projects'")
    denied("it-is-named:-project-beta")
    put(api, "bulkheadpolicies", "sessions", rules())
    told(api, "bulkheadpolicies", "sessions", "Accepted")
    check(passes("nobody-looks-for-project-beta"), "a sensor that is gone looks for nothing")
    denied("this-is-taken-by-a-file")
    put(api, "bulkheadpolicies", "sessions", rules({"sensor": "gateway/sqli", "action": "deny"}))
    told(api, "bulkheadpolicies", "sessions", "Accepted")
    denied("a?id=1'+union+select+name,pass+from+users--+x")


def test():
    make()
    path = certificates()
    api, west = KubeApi(6443, path).start(), KubeApi(6444, path).start()
    api.namespace("shop")
    api.pod("web-0", "shop", [addr("web")], {"app": "web"})
    api.pod("redis-0", "shop", [addr("redis")], {"app": "redis"})
    for name, port in (("east", 6443), ("west", 6444)):
        write(os.path.join(DIR, f"{name}.kubeconfig"),
              text(kubeconfig({"certificate-authority": path("ca.crt")}, port,
                              {"client-certificate": path("client.crt"), "client-key": path("client.key")})))
    gateway = Gateway(policy([], [], {}), store={"path": "store.db"}, sensors={"files": ["own.yaml"], "cache": "."}, sources=[
        {"type": "kubernetes", "name": name, "kubeconfig": os.path.join(DIR, f"{name}.kubeconfig"), "resources": "apply"}
        for name in ("east", "west")])
    write(os.path.join(gateway.dir, "own.yaml"), FILE)
    gateway.start()
    with inside(side("redis")):
        server = Sites((addr("redis"), PORT), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found(gateway, api)
    bad(api)
    names(gateway, api, west)
    gone(gateway, api, west)
    gateway.stop()


main(test)
