"""A service manager that is told how the gateway does (sd_notify)."""

import os
import socket
import struct

SO_TIMESTAMP = 29  # when it was sent, whenever it is read


class Manager:
    """Its socket, and what came with the time when it was sent."""

    def __init__(self, name):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind("\0" + name[1:] if name[0] == "@" else name)
        self.s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.s.setblocking(False)
        self.heard = []
        self.by = []  # the same, with the sender's pid

    def hear(self):
        while True:
            try:
                text, more, _, _ = self.s.recvmsg(4096, socket.CMSG_SPACE(12) + socket.CMSG_SPACE(16))
            except BlockingIOError:
                return self.heard
            said = dict(line.split("=", 1) for line in text.decode().split("\n"))
            more = {kind: data for _, kind, data in more}
            seconds, microseconds = struct.unpack("qq", more[SO_TIMESTAMP])
            self.heard.append((seconds + microseconds / 1e6, said))
            self.by.append((struct.unpack("iII", more[socket.SCM_CREDENTIALS])[0], said))

    def said(self, key):
        return [(at, m) for at, m in self.hear() if key in m]


def environment(**values):
    for key in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        os.environ.pop(key, None)
    os.environ.update(values)
