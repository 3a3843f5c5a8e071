"""A bad road: frames between two interfaces are lost, doubled, late and out of order, by a seed.

As a program (`road.py A B SEED`) it carries frames until SIGTERM, then prints what it did, as JSON. The kernel's netem
does such things where it is built in; this needs packet sockets alone.
"""

import heapq
import json
import os
import random
import select
import signal
import socket
import sys
import time

LOST, TWICE, LATE = 0.015, 0.01, 0.03  # shares of all frames
LATER = (0.0005, 0.008)                # seconds; what comes behind overtakes
IGNORE_OUTGOING = 23                   # PACKET_IGNORE_OUTGOING, linux/if_packet.h


def port(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(263, IGNORE_OUTGOING, 1)  # SOL_PACKET
    s.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
    s.bind((name, 0))
    s.setblocking(False)
    return s


class Road:
    def __init__(self, a, b, seed):
        self.random = random.Random(seed)
        self.a, self.b = port(a), port(b)
        self.queue, self.number, self.over = [], 0, False
        self.done = {"frames": 0, "lost": 0, "twice": 0, "late": 0, "full": 0}

    def send(self, to, frame):
        try:
            to.send(frame)
        except OSError:
            self.done["full"] += 1

    def take(self, to, frame):
        self.done["frames"] += 1
        fate = self.random.random()
        if fate < LOST:
            self.done["lost"] += 1
        elif fate < LOST + LATE:
            self.done["late"] += 1
            self.number += 1
            heapq.heappush(self.queue, (time.monotonic() + self.random.uniform(*LATER), self.number, to, frame))
        else:
            self.send(to, frame)
            if fate < LOST + LATE + TWICE:
                self.done["twice"] += 1
                self.send(to, frame)

    def run(self):
        poll = select.epoll()
        ends = {self.a.fileno(): (self.a, self.b), self.b.fileno(): (self.b, self.a)}
        for fd in ends:
            poll.register(fd, select.EPOLLIN)
        while not self.over:
            wait = max(0, self.queue[0][0] - time.monotonic()) if self.queue else 0.5
            for fd, _ in poll.poll(wait):
                src, to = ends[fd]
                for _ in range(64):
                    try:
                        self.take(to, src.recv(65536))
                    except BlockingIOError:
                        break
            now = time.monotonic()
            while self.queue and self.queue[0][0] <= now:
                self.send(*heapq.heappop(self.queue)[2:])
        print(json.dumps(self.done))


def main():
    road = Road(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    signal.signal(signal.SIGTERM, lambda *_: setattr(road, "over", True))
    print("open", flush=True)
    road.run()


if __name__ == "__main__":
    os.nice(-5)
    main()
