"""A capture of a redis connection, asked for over REST and the command line, has its packets with their verdicts and nothing
else, reads in tshark with its comments, and a card number in it is masked.
"""

import os
import socket

from lib.check import check, main, same, until
from lib.denied import SERVER, document, rule
from lib.gateway import BUILD, Gateway
from lib.wire import Server, inside, make, run

CARD = b"5555555555554444"
REDIS, OTHER = 6379, 8080


def talk(port, *lines, echo=True):
    with inside("shop"):
        s = socket.create_connection((SERVER, port), timeout=20)
    for line in lines:
        s.sendall(line)
        got = b""
        while echo and len(got) < len(line):
            got += s.recv(4096)
    s.close()


def ctl(gateway, *args):
    return run(f"{BUILD}/bulkheadctl", "-t", os.path.join(gateway.dir, "token"), *args).strip()


def fetched(gateway, name):
    path = os.path.join(gateway.dir, name)
    run("sh", "-c", f"{BUILD}/bulkheadctl -t {gateway.dir}/token capture get {name} > {path}")
    return path


def test():
    make()
    gateway = Gateway(document(rule("redis"), rule("http")),
                      evidence={"path": "evidence", "ring": "4M"}).start()
    server = Server("redis", OTHER, echo=False)
    Server("redis", REDIS)

    refused = gateway.request("POST", "/captures", {"segments": ["nobody"]})
    same((refused[0], refused[1]["pointer"]), (422, "/segments"), "a segment that is not there")
    same(gateway.request("POST", "/captures", {"packet": 1})[0], 422, "an unknown member")
    same(gateway.request("POST", "/captures", {}, token=None)[0], 401, "without the token")

    name = ctl(gateway, "capture", "start", "--filter", "application=redis", "--filter", f"address={SERVER}", "--filter",
               "verdict=pass", "--for", "10m", "--why", "ticket 7")
    check("running" in ctl(gateway, "capture", "list"), "it runs")
    talk(OTHER, b"GET /never-in-it HTTP/1.1\r\nHost: a\r\n\r\n", echo=False)
    until(lambda: b"/never-in-it" in bytes(server.peer().received), "it arrives")
    talk(REDIS, b"*3\r\n$3\r\nSET\r\n$4\r\ncard\r\n$16\r\n" + CARD + b"\r\n", b"*2\r\n$3\r\nGET\r\n$4\r\ncard\r\n")
    until(lambda: [c for c in gateway.request("GET", "/captures")[1]["items"] if c.get("packets", 0) >= 8],
          "packets are in it")
    same(ctl(gateway, "capture", "stop", name), "stopped", "the end")
    path = fetched(gateway, name)
    with open(path, "rb") as f:
        data = f.read()
    check(b"SET" in data and b"555555******4444" in data, "the command, its number masked")
    check(CARD not in data, "no card number")
    check(b"never-in-it" not in data, "nothing of another application")
    check(b"ticket 7" in data, "who asked, and why")
    same(os.stat(os.path.join(gateway.dir, "evidence", name)).st_mode & 0o777, 0o600, "its mode")
    out = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "tcp.flags.syn", "-e", "frame.comment").splitlines()
    out = [line for line in out if not line.startswith("Running as")]
    check(len(out) >= 8 and all("verdict=pass" in line for line in out), f"tshark reads each comment: {out}")
    check(out[0].startswith(("1", "True")), f"it begins with the handshake: {out[0]}")
    said = run("capinfos", "-M", path)
    for words in (f"Number of packets:   {len(out)}", "Strict time order:   True", "Capture comment:", "ticket 7",
                  "masked with '*'", "Number of interfaces in file: 2"):
        check(words in said, f"capinfos says {words!r}: {said}")

    # Bounded by packets it ends by itself.
    status, answer = gateway.request("POST", "/captures", {"packets": 2, "port": OTHER})
    same(status, 200, f"POST /captures: {answer}")
    talk(OTHER, b"GET /two HTTP/1.1\r\nHost: a\r\n\r\n", echo=False)
    until(lambda: {"name": answer["name"], "state": "done"}.items() <=
          next(c for c in gateway.request("GET", "/captures")[1]["items"] if c["name"] == answer["name"]).items(),
          "two packets end it")
    same(ctl(gateway, "capture", "delete", name), "deleted", "a file goes")
    same(gateway.request("GET", f"/captures/{name}")[0], 404, "it is gone")
    same(gateway.request("GET", "/captures/..%2fpolicy.yaml")[0], 404, "another file")
    same(gateway.request("GET", f"/captures/{answer['name']}", token=None)[0], 401, "without the token")
    gateway.stop()


main(test)
