"""1,000 ordinary connections whose operations are judged, with loss, reordering, delay and duplicates on both sides of the
gateway: every byte arrives, none is cut, nothing is called a violation.
"""

import hashlib
import http.client
import http.server
import json
import os
import queue
import random
import signal
import socket
import threading
import time

from lib import services
from lib.check import Failed, Skip, check, main, same, say
from lib.denied import SERVER, document, rule
from lib.gateway import Gateway
from lib.wire import inside, make, spawn

CONNECTIONS = 1000
AT_ONCE = 24
LIMIT = 180  # seconds in which all must be done: two busy cores need half of it
UPLOAD = 8000
FILES = [0, 1, 700, 1448, 1460, 4096, 20000, 65536, 200000, 700001, 3000000]
RULES = rule('http: { methods: [GET, POST] }') + rule('redis: { commands: [get, set, del], keys: ["blob:*"] }')


def blob(size, seed):
    return random.Random(seed).randbytes(size)


def size(rnd):
    """Most are small, some are large."""
    kind = rnd.random()
    return rnd.randrange(10000) if kind < 0.65 else rnd.randrange(200000) if kind < 0.96 else rnd.randrange(2500000)


class Uploads(http.server.BaseHTTPRequestHandler):
    """Answers a POST with the hash of its body, and `X-Back` bytes after it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        back = hashlib.sha256(body).hexdigest().encode() + blob(int(self.headers["X-Back"]), 1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(back)))
        self.end_headers()
        self.wfile.write(back)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Backlog(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


OWN = threading.local()  # port: of the newest connection


def connect(port, rnd):
    """Half of them probe while they are idle."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(60)
    if rnd.random() < 0.5:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    s.connect((SERVER, port))
    OWN.port = s.getsockname()[1]
    return s


def read_all(sock, n):
    parts, left = [], n
    while left > 0:
        data = sock.recv(min(left, 1 << 20))
        if not data:
            raise OSError(f"ended {left} bytes early")
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def over_http(port, rnd, requests):
    c = http.client.HTTPConnection(SERVER, port)
    c.sock = connect(port, rnd)
    for request in requests:
        request(c, rnd)
        if rnd.random() < 0.03:
            time.sleep(2.3)  # idle, probed
    c.close()


def download(c, rnd):
    n = rnd.choice(FILES[:9] * 4 + FILES[9:])
    c.request("GET", f"/files/{n}")
    r = c.getresponse()
    same((r.status, hashlib.sha256(r.read()).hexdigest()), (200, hashlib.sha256(blob(n, n)).hexdigest()), f"file {n}")


def upload(c, rnd):
    body, back = blob(size(rnd), rnd.random()), rnd.choice([0, 0, 5000, 50000])
    c.request("POST", "/upload", body=body, headers={"X-Back": str(back)})
    got = c.getresponse().read()
    same(got, hashlib.sha256(body).hexdigest().encode() + blob(back, 1), "hash of an upload, and what came back")


def half_closed(rnd):
    """The client says that it has said all, and reads on."""
    body = blob(size(rnd), rnd.random())
    with connect(UPLOAD, rnd) as s:
        s.sendall(b"POST /upload HTTP/1.1\r\nHost: a\r\nX-Back: 70000\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while data := s.recv(1 << 20):
            got += data
    same(got.partition(b"\r\n\r\n")[2], hashlib.sha256(body).hexdigest().encode() + blob(70000, 1), "after half a close")


def over_redis(rnd, number):
    key = b"blob:%d" % number
    with connect(6379, rnd) as s:
        for _ in range(rnd.randrange(1, 4)):
            value = blob(size(rnd), rnd.random())
            head = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n" % (len(key), key, len(value))
            get = b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key)
            want = b"+OK\r\n$%d\r\n%s\r\n" % (len(value), value)
            s.sendall(head + value + b"\r\n" + get)  # pipelined
            same(read_all(s, len(want)), want, "a value set and got")
        s.sendall(b"*2\r\n$3\r\nDEL\r\n$%d\r\n%s\r\n" % (len(key), key))
        same(read_all(s, 4), b":1\r\n", "a key deleted")


def one(number):
    rnd = random.Random(number)
    kind = number % 10
    if kind < 4:
        over_http(80, rnd, [download] * rnd.randrange(1, 4))
    elif kind < 6:
        over_http(UPLOAD, rnd, [upload] * rnd.randrange(1, 3))
    elif kind < 7:
        half_closed(rnd)
    else:
        over_redis(rnd, number)


def everything():
    todo, failures = queue.Queue(), []
    for number in range(CONNECTIONS):
        todo.put(number)

    def work():
        with inside("shop"):
            while True:
                try:
                    number = todo.get_nowait()
                except queue.Empty:
                    return
                try:
                    one(number)
                except (OSError, http.client.HTTPException, Failed) as why:
                    failures.append(f"{number} from {getattr(OWN, 'port', 0)}: {type(why).__name__}: {str(why)[:160]}")

    workers = [threading.Thread(target=work, daemon=True) for _ in range(AT_ONCE)]
    end = time.monotonic() + LIMIT
    for w in workers:
        w.start()
    for w in workers:
        w.join(max(0.1, end - time.monotonic()))
    check(not any(w.is_alive() for w in workers), f"done within {LIMIT} s; left: {todo.qsize()}; failed: {failures[:5]}")
    return failures


def servers():
    apps, gone = services.available([a for a in services.APPS if a.label in ("redis", "http")])
    if gone:
        raise Skip(f"no {gone[0][1]}")
    services.start(apps)
    for n in FILES:
        with open(f"{services.HOME}/nginx/files/{n}", "wb") as f:
            f.write(blob(n, n))
    with inside("cde"):
        server = Backlog((SERVER, UPLOAD), Uploads)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def test():
    make(road=True)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "road.py")
    roads = [spawn("/usr/bin/python3", program, f"{ns}e", f"{ns}r", seed, text=True)
             for ns, seed in (("shop", 11), ("cde", 12))]
    for road in roads:
        same(road.stdout.readline().strip(), "open", "the road")
    servers()
    gateway = Gateway(document(RULES)).start()
    began = time.monotonic()
    failures = everything()
    took = time.monotonic() - began
    total = gateway.quiet()
    alerts = gateway.events("alert")
    say(f"{CONNECTIONS} connections in {took:.0f} s, {total['packets']} packets")
    say("dropped by reason: " + json.dumps({k: v["packets"] for k, v in total["dropped_by_reason"].items()}))
    for road in roads:
        road.send_signal(signal.SIGTERM)
        done = json.loads(road.stdout.readline())
        say(f"road: {done}")
        check(done["lost"] and done["late"] and done["twice"], "the road was bad")
    check(not failures, f"{len(failures)} connections failed: {failures[:8]}; alerts: "
                        f"{[(e['src_port'], e['dest_port'], e['bulkhead'].get('reason')) for e in alerts[:8]]}")
    check(not alerts, f"no alert, but {alerts[:2]}")
    gateway.stop()


main(test)
