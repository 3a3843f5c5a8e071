"""The packets around an alert are kept: those of its flow from before and after it, each with its verdict, no card number in
any of them; fetched and deleted over REST and the command line; and a full disk stops the files, not the traffic.
"""

import os
import socket
import struct
import time

from lib.check import check, main, same, say, until
from lib.denied import SERVER, document, rule
from lib.gateway import BUILD, Gateway
from lib.wire import Server, inside, make, run

PORT = 8080
CARD = b"5555555555554444"
WEB = rule("http: { methods: [GET, POST] }")


def blocks(data):
    """(type, body) of each block of a pcapng file in this machine's byte order."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        same(struct.unpack_from("<I", data, at + size - 4)[0], size, "the length at a block's end")
        yield kind, data[at + 8:at + size - 4]
        at += size
    same(at, len(data), "the file ends with a block")


def options(body, at):
    while at + 4 <= len(body):
        code, size = struct.unpack_from("<HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4


def read(data):
    """Comments of the section, names of the interfaces, and (payload, comment) of each packet."""
    section, names, packets = [], [], []
    for kind, body in blocks(data):
        if kind == 0x0a0d0d0a:
            section = [v.decode() for c, v in options(body, 16) if c == 1]
        elif kind == 1:
            names += [v.decode() for c, v in options(body, 8) if c == 2]
        elif kind == 6:
            size = struct.unpack_from("<I", body, 12)[0]
            frame = body[20:20 + size]
            comment = [v.decode() for c, v in options(body, 20 + (size + 3) // 4 * 4) if c == 1]
            packets.append((frame[14 + 20 + (frame[46] >> 4) * 4:], comment[0]))
    return section, names, packets


def connection():
    with inside("shop"):
        s = socket.create_connection((SERVER, PORT), timeout=8)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def listed(gateway):
    return {f["name"]: f for f in gateway.get("/evidence?limit=1000")["items"]}


def evidence_of(gateway, since, **want):
    """The alert, and its file once it is there."""
    alert = gateway.event("alert", since=since, **want)
    name = alert["bulkhead"].get("evidence")
    check(name, f"the alert names its evidence: {alert}")
    until(lambda: name in listed(gateway), f"the file {name}")
    status, data = gateway.request("GET", f"/evidence/{name}")
    same(status, 200, f"GET of {name}")
    return alert, name, data


def a_refused_request(gateway, server):
    since = len(gateway.events("alert"))
    s = connection()
    s.sendall(b"GET /before HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: b"/before" in bytes(server.peer().received), "the first request arrives")
    s.sendall(b"DELETE /refused HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.1)
    try:
        s.sendall(b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n")
    except OSError:
        pass
    alert, name, data = evidence_of(gateway, since, b_kind="violation", b_reason="operation_deny")
    same(alert["bulkhead"]["src_labels"], {"app": "web", "zone": "shop"}, "labels of the client")
    same(alert["bulkhead"]["dst_labels"], {"app": "redis", "zone": "cde"}, "labels of the server")
    section, names, packets = read(data)
    same(names, ["shop", "cde"], "interfaces")
    check(any(str(alert["flow_id"]) in c and "operation_deny" in c for c in section), f"the event: {section}")
    verdict = {word: [c for p, c in packets if p.startswith(word)] for word in (b"GET /before", b"DELETE /refused")}
    check(all("verdict=pass" in c for c in verdict[b"GET /before"]) and verdict[b"GET /before"],
          f"the request before has passed: {verdict}")
    check(any("reason=operation_deny" in c and "verdict=pass" not in c for c in verdict[b"DELETE /refused"]),
          f"the refused one has not: {verdict}")
    refused = [i for i, (p, _) in enumerate(packets) if p.startswith(b"DELETE")][0]
    check(refused >= 4, "the handshake and what came before are there")
    check(len(packets) > refused + 1, "and what came after")
    path = os.path.join(gateway.dir, "evidence", name)
    same(os.stat(path).st_mode & 0o777, 0o600, "the file's mode")
    out = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.comment")
    same(out.count("verdict="), len(packets), "tshark reads it")
    s.close()


def a_card_number(gateway):
    since = len(gateway.events("alert"))
    s = connection()
    body = b"a=1&card=" + CARD + b"&mail=alice@example.org"
    request = b"POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    half = request.index(CARD) + 7
    s.sendall(request[:half])
    time.sleep(0.1)
    s.sendall(request[half:])
    time.sleep(0.1)
    s.sendall(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
    _, name, data = evidence_of(gateway, since, b_sensor="dlp.card")
    section, _, packets = read(data)
    check(any('"dlp.card"' in c for c in section), f"the event: {section}")
    text = b"".join(p for p, _ in packets)
    check(b"POST /pay" in text, "the request before the number is there")
    check(b"card=555555******4444" in text, f"the number is masked: {text}")
    check(b"alice" not in text, "so is the address")
    check(any("masked" in c for c in section), f"the file says so: {section}")
    for folder, _, files in os.walk(gateway.dir):
        for file in files:
            with open(os.path.join(folder, file), "rb") as f:
                check(CARD not in f.read(), f"{file} holds no card number")
    s.close()
    return name


def control(gateway, name):
    def ctl(*args):
        return run(f"{BUILD}/bulkheadctl", "--token-file", os.path.join(gateway.dir, "token"), *args)

    check(name in ctl("evidence", "list"), "the list")
    out = os.path.join(gateway.dir, "fetched.pcapng")
    run("sh", "-c", f"{BUILD}/bulkheadctl -t {gateway.dir}/token evidence get {name} > {out}")
    with open(out, "rb") as f:
        same(f.read(), gateway.request("GET", f"/evidence/{name}")[1], "what is fetched")
    os.unlink(out)
    same(gateway.request("GET", f"/evidence/{name}", token=None)[0], 401, "without the token")
    same(gateway.request("GET", "/evidence/..%2fpolicy.yaml")[0], 404, "another file")
    ctl("evidence", "delete", name)
    check(name not in listed(gateway), "it is gone")
    same(gateway.request("GET", f"/evidence/{name}")[0], 404, "and can't be fetched")


def a_full_disk(gateway, server):
    folder = os.path.join(gateway.dir, "evidence")
    kept, ballast = set(listed(gateway)), os.path.join(folder, "ballast")
    with open(ballast, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    since = len(gateway.events("alert"))
    s = connection()
    s.sendall(b"DELETE /full HTTP/1.1\r\nHost: a\r\n\r\n")
    lost = gateway.event("alert", since=since, b_event="evidence_lost")
    check("make room" in lost["bulkhead"]["detail"], f"what to do: {lost}")
    good = connection()
    good.sendall(b"GET /still-forwarded HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: b"/still-forwarded" in bytes(server.peer().received), "traffic goes on")
    os.unlink(ballast)
    other = connection()
    other.sendall(b"DELETE /again HTTP/1.1\r\nHost: a\r\n\r\n")
    gateway.event("alert", since=since, b_event="evidence_back")
    until(lambda: set(listed(gateway)) - kept, "files are written again")
    for c in (s, good, other):
        c.close()


def test():
    make()
    gateway = Gateway(document(WEB), evidence={"path": "evidence", "ring": "1M", "time": "500ms"},
                      inspect={"sensors": "alert"})
    folder = os.path.join(gateway.dir, "evidence")
    os.makedirs(folder)
    run("mount", "-t", "tmpfs", "-o", "size=1m", "none", folder)
    gateway.start()
    server = Server("redis", PORT, echo=False)
    a_refused_request(gateway, server)
    say("a refused request: done")
    name = a_card_number(gateway)
    say("a card number: done")
    control(gateway, name)
    a_full_disk(gateway, server)
    gateway.stop()


main(test)
