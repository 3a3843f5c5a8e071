"""A refused connection is an event in the store: found by its filters, told to who listens. The HTTP process is killed: who
comes back with Last-Event-ID misses nothing. A client that does not read, and one that goes away, hold nobody up. A session is
cut by its number."""

import http.client
import json
import os
import signal
import socket

from lib.check import check, main, same, say, until
from lib.gateway import BUILD, Gateway, policy, rule
from lib.wire import Server, addr, attempt, connect, make, run

RULES = [rule("web-redis", "web", "redis", ["tcp/6379"])]


class Stream:
    """One stream of events, read as it comes."""

    def __init__(self, gateway, query="", last=None):
        self.c = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        self.c.request("GET", f"/api/v1/events/stream{query}", headers={} if last is None else {"Last-Event-ID": last})
        self.r = self.c.getresponse()
        self.status = self.r.status

    def next(self):
        """The next event: its id and itself."""
        at = None
        while True:
            line = self.r.readline()
            if not line:
                raise EOFError
            if line.startswith(b"id: "):
                at = int(line[4:])
            if line.startswith(b"data: "):
                return at, json.loads(line[6:])

    def close(self):
        self.c.close()


def front(pid):
    """The HTTP process of a gateway, or None."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                stat = f.read()
        except OSError:
            continue
        if "(bulkhead-api)" in stat and int(stat.rpartition(")")[2].split()[1]) == pid:
            return int(entry)
    return None


def alerts(gateway, port):
    return [i for i in gateway.get("/events?kind=violation&verdict=drop&from=web&to=redis")["items"]
            if i["event"]["dest_port"] == port]


def ctl(gateway, *args):
    return run(f"{BUILD}/bulkheadctl", "--server", f"http://127.0.0.1:{gateway.port}", "--token-file",
               os.path.join(gateway.dir, "token"), *args)


def cut(gateway):
    """One of two sessions ends, the other stays."""
    one, other = connect("web", "redis", 6379), connect("web", "redis", 6379)
    for s in (one, other):
        s.sendall(b"hello")
        same(s.recv(100), b"hello", "a session")
    port = one.getsockname()[1]
    flows = [f for f in gateway.get("/flows?limit=1000")["items"] if f["src"].get("port") == port]
    same(len(flows), 1, "the flow of it")
    same(gateway.request("DELETE", f"/flows/{flows[0]['id']}", token=None)[0] in (401, 403), True, "cutting without a token")
    check("is in force until" in ctl(gateway, "cut", flows[0]["id"], "--why", "test"), "bulkheadctl says so")
    try:
        one.sendall(b"more")
        check(one.recv(100) == b"", "nothing comes back on the one that was cut")
    except ConnectionError:
        pass
    other.sendall(b"still")
    same(other.recv(100), b"still", "the other")
    same(gateway.request("DELETE", "/flows/1")[0], 404, "a flow that is not there")


def test():
    make()
    Server("redis", 6379)
    gateway = Gateway(policy(RULES), events={"store": "events.db"}).start()
    listening = Stream(gateway, "?kind=violation&verdict=drop&from=web")
    same((listening.status, listening.r.headers["Content-Type"]), (200, "text/event-stream"), "the stream")

    attempt("web", "redis", 7001)
    found = until(lambda: alerts(gateway, 7001), "the store has the event")[0]
    at, event = listening.next()
    same((str(at), event), (found["id"], found["event"]), "the stream tells what the store has")
    same(event["src_ip"], addr("web"), "whose it is")
    same(gateway.get(f"/events/{at}")["event"], event, "by its number")
    same(gateway.get(f"/events?address={addr('web')}&since=10m&severity=2&limit=1")["items"][0]["event"], event, "by address")
    for nothing in ("rule=nobody", "from=redis&kind=violation", "until=10m", "address=192.0.2.0/24", "segment=nowhere"):
        same(gateway.get(f"/events?{nothing}")["items"], [], nothing)
    for wrong in ("verdict=x", "since=x", "address=x", "severity=9", "cursor=x"):
        same(gateway.request("GET", f"/events?{wrong}")[0], 400, wrong)

    # On the command line
    line = ctl(gateway, "observe", "--verdict", "drop", "--from", "web", "--kind", "violation").splitlines()[0]
    for word in ("violation", "web", "redis", ":7001", "tcp" if "tcp" in line else "TCP"):
        check(word in line, f"{word!r} in {line!r}")
    same(json.loads(ctl(gateway, "observe", "--follow", "--since", "1h", "--kind", "violation", "--count", "1", "-o", "json")),
         {"id": found["id"], "event": event}, "observe --follow")
    check(str(at) in ctl(gateway, "get", "events"), "get events")
    cut(gateway)

    # kill -9, and what happened meanwhile
    was = front(gateway.p.pid)
    os.kill(was, signal.SIGKILL)
    for port in range(7002, 7012):
        attempt("web", "redis", port, timeout=0.5)
    until(lambda: front(gateway.p.pid) not in (None, was), "another HTTP process runs")
    until(lambda: gateway.request("GET", "/health")[0] == 200, "it answers")
    until(lambda: alerts(gateway, 7011), "the store has the last")
    want = [(int(i["id"]), i["event"]["dest_port"]) for i in reversed(gateway.get("/events?kind=violation")["items"])
            if int(i["id"]) > at]
    listening = Stream(gateway, "?kind=violation&verdict=drop&from=web", last=str(at))
    got = [(lambda e: (e[0], e[1]["dest_port"]))(listening.next()) for _ in want]
    same(got, want, "nothing is missing, nothing comes twice")
    same({p for _, p in got} - {6379}, set(range(7002, 7012)), "all ten; 6379 is of the cut")

    # Streams are bounded; those whose clients went away are over.
    streams = [listening]
    until(lambda: not streams.append(Stream(gateway)) and streams[-1].status == 503, "one too many is refused")
    say(f"{len(streams) - 1} streams were open")
    for s in streams:
        s.close()
    deaf = socket.create_connection(("127.0.0.1", gateway.port))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(b"GET /api/v1/events/stream?since=1h HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def again():
        s = Stream(gateway)
        s.close()
        return s.status == 200

    until(again, "there is room again", 60)
    same(gateway.request("GET", "/health")[0], 200, "others are answered")
    deaf.close()
    check(gateway.get("/stats")["event_store"]["lost"] == 0, "no event was lost")

    # The store goes on after a restart.
    newest = gateway.get("/stats")["event_store"]["newest"]
    gateway.stop()
    gateway.start()
    attempt("web", "redis", 7020)
    after = until(lambda: alerts(gateway, 7020), "events go on")[0]
    check(int(after["id"]) > newest, f"numbers go on: {after['id']} after {newest}")
    check(alerts(gateway, 7001), "those of before are there")
    gateway.stop()


main(test)
