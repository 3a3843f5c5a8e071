"""Traffic that numbers itself: what was sent when, and what arrived."""

import json
import socket
import struct
import threading
import time

from .check import Failed, check, until
from .wire import addr, connect, run, side, spawn, udp


class Pump:
    """Numbered datagrams from one host to another, one a millisecond, until stop()."""

    def __init__(self, src, dst, port, family=4):
        self.arrived, self.sent, self.stopping = [], 0, False
        self.to = (addr(dst, family), port)
        self.rx, self.tx = udp(dst, port, family), udp(src, 0, family)
        # Each is one that the gateway let through: none may be lost here because this process had no turn for a while.
        self.rx.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
        # Without a link, datagrams that wait for a neighbour's address fill the socket's buffer: it must not stop for them.
        # ... and one that finds no room counts as sent: there is room for all but those.
        self.tx.setblocking(False)
        self.tx.setsockopt(socket.SOL_SOCKET, 32, 32 << 20)  # SO_SNDBUFFORCE
        threading.Thread(target=self._receive, daemon=True).start()
        threading.Thread(target=self._send, daemon=True).start()

    def _send(self):
        while not self.stopping:
            try:
                self.tx.sendto(struct.pack("!Q", self.sent), self.to)
            except OSError:
                pass  # no link, or no room, for a while
            self.sent += 1
            time.sleep(0.001)

    def _receive(self):
        while True:
            try:
                data = self.rx.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            self.arrived.append((time.time(), struct.unpack("!Q", data[:8])[0]))

    def flowing(self, seconds=30):
        """Wait until more arrives than has so far."""
        before = len(self.arrived)
        until(lambda: len(self.arrived) > before + 20, f"datagrams arrive from {self.to}", seconds)

    def none_for(self, seconds, what):
        """Nothing that is sent from now on arrives. Returns when that is certain."""
        first, now = self.sent, len(self.arrived)
        time.sleep(seconds)
        check(self.sent > first + 20, "the pump still sends")
        late = [n for _, n in self.arrived[now:] if n > first]
        check(not late, f"{what}: datagrams {late[:5]} arrived, sent after number {first}")

    def stop(self):
        self.stopping = True


class Stream:
    """A TCP connection on which the client sends numbers and the server's echo comes back."""

    def __init__(self, src, dst, port, server, family=4):
        self.server_peers = len(server.peers)
        self.sock = connect(src, dst, port, family)
        self.local = self.sock.getsockname()[1]
        until(lambda: len(server.peers) > self.server_peers, "the server accepts")
        self.peer = server.peers[-1]
        self.number, self.echoed, self.stopping = 0, 0, False
        self.sock.settimeout(None)
        # Each number is a segment, that weighs over a kilobyte in the buffer: it is never full while the way is cut.
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 16 << 20)  # SO_SNDBUFFORCE
        threading.Thread(target=self._send, daemon=True).start()
        threading.Thread(target=self._receive, daemon=True).start()

    def _send(self):
        try:
            while not self.stopping:
                self.number += 1
                self.sock.sendall(struct.pack("!Q", self.number))
                time.sleep(0.002)
        except OSError:
            pass

    def _receive(self):
        try:
            while data := self.sock.recv(65536):
                self.echoed += len(data) / 8
        except OSError:
            pass

    def received(self):
        """The last number at the server; all before it must be there, in order."""
        data = bytes(self.peer.received)
        n = len(data) // 8
        check(list(struct.unpack(f"!{n}Q", data[:8 * n])) == list(range(1, n + 1)), "the stream is intact")
        return n

    def flowing(self, seconds=90):
        """Wait until what is sent from now on comes back. TCP's own retries double up to a minute."""
        first = self.number
        until(lambda: self.echoed > first + 5, "the connection carries data both ways", seconds)

    def sent_so_far(self):
        """Every number above the one returned is sent after this call."""
        return self.number

    def close(self):
        self.stopping = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Iperf:
    """iperf3 from one host to another; result() is its JSON."""

    def __init__(self, src, dst, port, seconds, *more, family=4):
        self.server = spawn("iperf3", "-s", "-1", "-p", port, "-B", addr(dst, family), ns=side(dst))
        listening = f"{addr(dst, family)}:{port}" if family == 4 else f"[{addr(dst, family)}]:{port}"
        until(lambda: listening in run("ss", "-Hltn", ns=side(dst)), "iperf3 listens")
        self.seconds = seconds
        self.client = spawn("iperf3", "-c", addr(dst, family), "-B", addr(src, family), "-p", port, "-t", seconds,
                            "-i", "0.1", "--connect-timeout", "20000", "-J", *more, ns=side(src))

    def result(self):
        out = self.client.communicate(timeout=self.seconds + 60)[0]
        self.server.kill()
        self.server.wait(20)  # its port is free again
        try:
            data = json.loads(out)
        except ValueError:
            raise Failed(f"iperf3: {out[-500:]!r}") from None
        check(self.client.returncode == 0 and "error" not in data, f"iperf3: {data.get('error')}")
        return data


def longest_stall(data):
    """Seconds of the longest time without a byte, over the intervals of an iperf3 run."""
    longest = now = 0.0
    for interval in data["intervals"]:
        s = interval["sum"]
        now = now + s["seconds"] if s["bytes"] == 0 else 0.0
        longest = max(longest, now)
    return longest
