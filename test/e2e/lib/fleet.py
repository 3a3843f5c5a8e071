"""An etcd cluster, and gateways that share a policy by it: the test's own one between shop and cde, others each in a namespace of
their own with a cable to the etcd servers, which a test may pull."""

import os
import signal

from .check import check, same, until
from .gateway import DIR, Gateway
from .wire import authority, run, spawn

NET = "10.77.0"


def certificates():
    """Etcd's and a gateway's; etcd is a client of its own HTTP gateway, too. No common name: it would be taken for a user's."""
    return authority("etcd", {"server": f"subjectAltName=IP:{NET}.1\nextendedKeyUsage=serverAuth,clientAuth",
                              "client": "extendedKeyUsage=clientAuth"}, "O")


class Etcd:
    """Members on the main namespace's end of the cables; clients at port 2379 and the next ones. secure: with client certificates,
    and passwords of its own authentication."""

    def __init__(self, members=1, secure=False):
        self.path, self.user = certificates() if secure else None, None
        run("ip", "link", "add", "etcd0", "type", "bridge")
        run("ip", "addr", "add", f"{NET}.1/24", "dev", "etcd0")
        run("ip", "link", "set", "etcd0", "up")
        self.names = [f"e{i}" for i in range(members)]
        self.p = {}
        for i in range(members):
            self.start(i)
        self.healthy()

    def urls(self):
        return [f"http{'s' if self.path else ''}://{NET}.1:{2379 + 10 * i}" for i in range(len(self.names))]

    def start(self, i, fresh=True):
        tls = ["--cert-file", self.path("server.crt"), "--key-file", self.path("server.key"), "--client-cert-auth",
               "--trusted-ca-file", self.path("ca.crt")] if self.path else []
        peers = ",".join(f"{n}=http://{NET}.1:{2380 + 10 * k}" for k, n in enumerate(self.names))
        with open(os.path.join(DIR, f"{self.names[i]}.etcd"), "ab") as log:
            self.p[i] = spawn(
                # It is killed, the machine is not: what it wrote is read again, whether a disk has it or not. And no lease ends
                # because a disk was slow.
                "etcd", "--unsafe-no-fsync", "--name", self.names[i], "--data-dir", os.path.join(DIR, f"{self.names[i]}.d"),
                "--listen-client-urls", self.urls()[i], "--advertise-client-urls", self.urls()[i],
                "--listen-peer-urls", f"http://{NET}.1:{2380 + 10 * i}",
                "--initial-advertise-peer-urls", f"http://{NET}.1:{2380 + 10 * i}",
                *tls, "--initial-cluster", peers, "--initial-cluster-state", "new" if fresh else "existing",
                stdout=log, stderr=log)

    def kill(self, i):
        self.p[i].send_signal(signal.SIGKILL)
        self.p[i].wait(30)

    def ctl(self, *words, ok=True, said=""):
        """said: a line that it reads."""
        tls = ["--cacert", self.path("ca.crt"), "--cert", self.path("client.crt"), "--key", self.path("client.key")] if self.path else []
        user = ["--user", self.user] if self.user else []
        return run("sh", "-c", 'echo "$0" | "$@"', said, "env", "ETCDCTL_API=3", "etcdctl", "--endpoints", ",".join(self.urls()), *tls, *user, *words,
                   ok=ok)

    def with_passwords(self, password):
        """From now on each request needs a user: root, or bulkhead, who has what lies below /bulkhead/ alone."""
        for words in ("user add root:root-password", "user grant-role root root", "role add bulkhead",
                      "role grant-permission bulkhead readwrite --prefix=true /bulkhead/", f"user add bulkhead:{password}",
                      "user grant-role bulkhead bulkhead", "auth enable"):
            self.ctl(*words.split())
        self.user = "root:root-password"

    def healthy(self):
        until(lambda: self.ctl("put", "/test", "1", ok=False).returncode == 0, "etcd takes a key", 60)


class Door(Gateway):
    """A gateway in a namespace of its own, its ports lead nowhere. number: its last byte on the cable to etcd."""

    def __init__(self, number, document=None, name=None, **config):
        self.ns = f"door{number}"
        self.number = number
        run("ip", "netns", "add", self.ns)
        run("ip", "link", "add", f"up{number}", "type", "veth", "peer", "name", "etcd", "netns", self.ns)
        run("ip", "link", "set", f"up{number}", "master", "etcd0", "up")
        for cmd in (["link", "set", "lo", "up"], ["addr", "add", f"{NET}.{number}/24", "dev", "etcd"],
                    ["link", "set", "etcd", "up"]):
            run("ip", *cmd, ns=self.ns)
        for port in ("shop0", "cde0"):
            run("ip", "link", "add", port, "type", "veth", "peer", "name", f"{port}x", ns=self.ns)
            run("ip", "link", "set", port, "up", ns=self.ns)
            run("ip", "link", "set", f"{port}x", "up", ns=self.ns)
        super().__init__(document, name=name or self.ns, run_dir=f"/run/{self.ns}", **config)

    def cable(self, up):
        run("ip", "link", "set", f"up{self.number}", "up" if up else "down")


def member(gateway, name):
    return next((m for m in gateway.get("/fleet")["items"] if m["name"] == name), None)


def in_step(gateways, revision=None, seconds=30):
    """All have the same revision in force, and each knows it of the others."""
    def look():
        for g in gateways:
            fleet = g.get("/fleet")
            if not fleet["connected"] or not fleet["in_step"] or (revision and fleet["revision"] != revision):
                return False
            if g.get("/policy")["revision"] != fleet["revision"]:
                return False
            members = [m for m in fleet["items"] if m["connected"]]
            if len(members) != len(gateways) or any(m["revision"] != fleet["revision"] for m in members):
                return False
        return True

    until(look, f"all gateways have revision {revision or 'of the fleet'}: {[g.get('/fleet') for g in gateways]}", seconds)


def document(gateway):
    status, data = gateway.request("GET", "/policy?format=yaml")
    same(status, 200, "the document in force")
    return data


def same_document(gateways):
    first = document(gateways[0])
    for g in gateways[1:]:
        check(document(g) == first, f"{g.name} has the document of {gateways[0].name}")
