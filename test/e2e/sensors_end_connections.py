"""What a sensor finds ends the connection before it arrives: compiled-in ones, ones of our own, signatures; loaded anew while
connections are open; a file with a mistake leaves in force what is."""

import os
import signal
import threading

from lib.check import check, main, same, until
from lib.denied import SERVER, document, rule
from lib.gateway import Gateway, write
from lib.wire import inside, make

import http.client
import http.server

PORT = 8080
SEEN = []  # targets and bodies that the server has read
OWN = """
sensors:
  - name: leak.projects
    severity: high
    rules:
      - name: codename
        patterns: [{context: body, value: 'project\\s+(alpha|beta)'}]
attach:
  - {sensor: leak.projects, action: reject}
  - {sensor: site, action: alert}
  - {sensor: traversal, action: capture}
  - {sensor: cmdi, action: capture}
exceptions:
  - {sensor: sqli, paths: [/query, '/reports/*']}
  - {sensor: sqli, where: [argument sql]}
"""
RULES = """drop http any any -> any any (msg:"no one asks for this"; flow:to_server,established; http.uri; content:"/admin/shell"; sid:1000001; rev:1;)
"""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        SEEN.append((self.path, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def connect():
    with inside("shop"):
        c = http.client.HTTPConnection(SERVER, PORT, timeout=5)
        c.connect()
    return c


def ask(c, path, body=None):
    """True: answered."""
    try:
        c.request("POST" if body else "GET", path, body=body)
        return c.getresponse().read() == b"ok"
    except (OSError, http.client.HTTPException):
        return False


def refused(path, body=None):
    before = len(SEEN)
    check(not ask(connect(), path, body), f"{path} is not answered")
    same(len(SEEN), before, f"requests that the server has read after {path}")


def test():
    make()
    with inside("cde"):
        server = http.server.ThreadingHTTPServer((SERVER, PORT), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway = Gateway(document(rule("http: { methods: [GET, POST] }")), inspect={"sensors": "deny"},
                      sensors={"files": ["own.yaml", "site.rules"], "cache": "."})
    write(os.path.join(gateway.dir, "own.yaml"), OWN)
    write(os.path.join(gateway.dir, "site.rules"), RULES)
    gateway.start()
    gateway.logged(r"sensors in use: 2 with 2 rules")

    long = connect()
    check(ask(long, "/a") and ask(long, "/b", b"x" * 40000), "ordinary requests pass")
    refused("/a?id=1'+union+select+name,pass+from+users--+x")
    refused("/c", b"about project  beta")
    refused("/%61dmin/shell")
    for want in ({"b_sensor": "sqli"}, {"b_sensor": "leak.projects"}, {"b_sensor_rule": "1000001"}):
        same(gateway.event("alert", **want)["alert"]["action"], "blocked", f"what was done about {want}")

    # Compiled-in classes have attachments and exceptions as others have.
    check(ask(connect(), "/run?a=;cat+/etc/passwd"), "what is captured passes")
    check(ask(connect(), "/reports/a?id=1'+union+select+name,pass+from+users--+x"), "an excepted path passes")
    check(ask(connect(), "/a?sql=1'+union+select+name,pass+from+users--+x"), "an excepted argument passes")
    refused("/reports/../a?id=1'+union+select+name,pass+from+users--+x")
    refused("/a?sql=1&id=1'+union+select+name,pass+from+users--+x")
    until(lambda: any(e["bulkhead"].get("sensor_action") == "capture" and e["alert"]["action"] == "allowed"
                      for e in gateway.events("alert")), "an alert that asks for its packets")

    # A file with a mistake: what is in use stays.
    write(os.path.join(gateway.dir, "own.yaml"), OWN.replace("regex", "x").replace("(alpha|beta)", "(alpha"))
    gateway.signal(signal.SIGHUP)
    gateway.logged(r"sensors refused, those in use stay: .*leak.projects")
    refused("/c", b"about project  beta")

    # Others: connections that were open keep theirs.
    write(os.path.join(gateway.dir, "own.yaml"), OWN.replace("beta", "gamma"))
    gateway.signal(signal.SIGHUP)
    until(lambda: gateway.log().count("sensors in use") == 2, "the new sensors are in use")
    check(ask(connect(), "/c", b"about project  beta"), "what is looked for no longer passes")
    refused("/c", b"about project gamma")
    check(not ask(long, "/c", b"about project  beta"), "an open connection keeps its sensors")
    gateway.stop()


main(test)
