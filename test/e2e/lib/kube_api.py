"""A stand-in for a Kubernetes API server: list in pages, watch with bookmarks, 410 Gone; TLS, bearer tokens or client
certificates; it can be killed and come back with its objects or without its history."""

import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse

from .wire import authority

KINDS = {"namespaces": "Namespace", "nodes": "Node", "services": "Service", "pods": "Pod"}
# Groups besides the first one: what is not in `groups` of a server is not there, 404.
GROUPS = {"endpointslices": "discovery.k8s.io/v1", "networkpolicies": "networking.k8s.io/v1",
          "bulkheadsegments": "bulkhead.internal/v1", "bulkheadsensors": "bulkhead.internal/v1",
          "bulkheadpolicies": "bulkhead.internal/v1"}
KINDS.update({"endpointslices": "EndpointSlice", "networkpolicies": "NetworkPolicy",
              "bulkheadsegments": "BulkheadSegment", "bulkheadsensors": "BulkheadSensor", "bulkheadpolicies": "BulkheadPolicy"})


def certificates():
    """A server's of 127.0.0.1 and a client's."""
    return authority("kube", {"server": "subjectAltName=IP:127.0.0.1", "client": "extendedKeyUsage=clientAuth"})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


class KubeApi:
    def __init__(self, port, path, token=None, page=None, bookmark=1.0, groups=None):
        self.groups = GROUPS if groups is None else groups
        self.port, self.path, self.token, self.page, self.bookmark = port, path, token, page, bookmark
        self.lock = threading.Condition()
        self.version, self.oldest = 1000, 1000
        self.objects = {kind: {} for kind in KINDS}
        self.history = []                  # (version, kind, type, object)
        self.said = {}                     # version: when it was written to a watch
        self.lists, self.watches, self.refused, self.connections = 0, 0, 0, set()
        self.up, self.server = False, None
        self.sulks = {}                    # kind: how many requests more are answered 503

    # ---- objects

    def change(self, kind, type_, o):
        with self.lock:
            self.version += 1
            meta = o["metadata"]
            before = self.objects[kind].get((meta.get("namespace", ""), meta["name"]))
            if kind in GROUPS:
                same_spec = before and before.get("spec") == o.get("spec")
                meta["generation"] = before["metadata"]["generation"] + (not same_spec) if before else 1
                if before and "status" in before and "status" not in o:
                    o["status"] = before["status"]
            meta["resourceVersion"] = str(self.version)
            key = (meta.get("namespace", ""), meta["name"])
            o = json.loads(json.dumps(o))
            if type_ == "DELETED":
                self.objects[kind].pop(key, None)
            else:
                self.objects[kind][key] = o
            self.history.append((self.version, kind, type_, o))
            self.lock.notify_all()
            return self.version

    def put(self, kind, o):
        key = (o["metadata"].get("namespace", ""), o["metadata"]["name"])
        return self.change(kind, "MODIFIED" if key in self.objects[kind] else "ADDED", o)

    def delete(self, kind, name, ns=""):
        return self.change(kind, "DELETED", self.objects[kind][(ns, name)])

    def namespace(self, name, **labels):
        return self.put("namespaces", {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}})

    def pod(self, name, ns, addresses, labels, uid=None, phase="Running", start=None, host=False, terminating=False):
        o = {"metadata": {"name": name, "namespace": ns, "uid": uid or f"uid-{name}", "labels": labels,
                          "creationTimestamp": start or "2026-01-01T00:00:00Z"},
             "spec": {"nodeName": "node-1", "hostNetwork": host, "containers": [{"name": "c", "image": "i"}]},
             "status": {"phase": phase, "podIP": addresses[0] if addresses else "",
                        "podIPs": [{"ip": a} for a in addresses], "startTime": start or "2026-01-01T00:00:00Z"}}
        if terminating:
            o["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
        return self.put("pods", o)

    def forget(self):
        """The history is compacted: whoever comes with an older version is told 410."""
        with self.lock:
            self.oldest = self.version
            self.history.clear()

    def spoken(self, version, seconds=20):
        """When a watch was told of this version."""
        end = time.time() + seconds
        with self.lock:
            while version not in self.said and time.time() < end:
                self.lock.wait(0.2)
            return self.said.get(version)

    # ---- begin and end

    def start(self):
        api = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.crt"), self.path("server.key"))
        context.load_verify_locations(self.path("ca.crt"))
        context.verify_mode = ssl.CERT_OPTIONAL if self.token else ssl.CERT_REQUIRED

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                self.request.settimeout(10)
                self.request = context.wrap_socket(self.request, server_side=True)
                self.request.settimeout(None)
                api.connections.add(self.request)
                super().setup()

            def log_message(self, *_):
                pass

            def do_GET(self):
                api.answer(self)

            def do_PATCH(self):
                api.patch(self)

        self.up = True
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def kill(self):
        """Every connection is cut, nobody listens."""
        self.up = False
        with self.lock:
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()
        for c in list(self.connections):
            try:
                c.shutdown(socket.SHUT_RDWR)
                c.close()
            except OSError:
                pass
        self.connections.clear()

    # ---- requests

    def answer(self, h):
        url = urllib.parse.urlsplit(h.path)
        ask = dict(urllib.parse.parse_qsl(url.query))
        kind = url.path.rsplit("/", 1)[1]
        if self.token and h.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            self.status(h, 401, "Unauthorized")
        elif kind not in KINDS or not self.knows(kind, url.path):
            self.status(h, 404, "not found")
        elif self.sulks.get(kind, 0) > 0:
            self.sulks[kind] -= 1
            self.status(h, 503, "not yet")
        elif ask.get("watch") == "true":
            self.watch(h, kind, ask)
        else:
            self.list(h, kind, ask)

    def knows(self, kind, path):
        """Is this where it has the kind?"""
        return path == (f"/apis/{self.groups[kind]}/{kind}" if kind in GROUPS and kind in self.groups else
                        "" if kind in GROUPS else f"/api/v1/{kind}")

    def patch(self, h):
        """The status of an object, as a merge patch."""
        body = json.loads(h.rfile.read(int(h.headers["Content-Length"])))
        *_, kind, name, last = h.path.split("/")
        with self.lock:
            o = self.objects.get(kind, {}).get(("", name))
        if h.headers.get("Content-Type") != "application/merge-patch+json" or last != "status" or set(body) != {"status"}:
            self.status(h, 415, "no merge patch of a status")
        elif o is None or not self.knows(kind, h.path.rsplit("/", 2)[0]):
            self.status(h, 404, "not found")
        else:
            o = json.loads(json.dumps(o))
            merged = {**o.get("status", {}), **body["status"]}
            o["status"] = {key: v for key, v in merged.items() if v is not None}
            self.put(kind, o)
            self.send(h, 200, o)

    def state(self, kind, name):
        """What was said of the newest text of an object: (state, reason), or None."""
        with self.lock:
            o = self.objects[kind].get(("", name), {})
            status = o.get("status", {})
            if not status or status.get("observedGeneration") != o["metadata"]["generation"]:
                return None
            return status["state"], status.get("reason", "")

    def send(self, h, code, body):
        data = json.dumps(body).encode()
        h.send_response(code)
        h.send_header("Content-Type", "application/json")
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)

    def status(self, h, code, message):
        self.send(h, code, {"kind": "Status", "status": "Failure", "message": message, "code": code})

    def list(self, h, kind, ask):
        with self.lock:
            self.lists += 1
            items = [self.objects[kind][k] for k in sorted(self.objects[kind])]
            version = self.version
        limit = min(int(ask.get("limit", "500")), self.page or 500)
        at, meta = 0, {"resourceVersion": str(version)}
        if "continue" in ask:
            version, at = (int(x) for x in ask["continue"].split("/+"))
            if version < self.oldest:
                self.status(h, 410, "the provided continue parameter is too old")
                return
            meta["resourceVersion"] = str(version)
        if at + limit < len(items):
            meta["continue"] = f"{version}/+{at + limit}"
        self.send(h, 200, {"kind": KINDS[kind] + "List", "apiVersion": "v1", "metadata": meta,
                           "items": items[at:at + limit]})

    def watch(self, h, kind, ask):
        version = int(ask["resourceVersion"])
        end = time.time() + int(ask.get("timeoutSeconds", "300"))
        self.watches += 1
        h.send_response(200)
        h.send_header("Content-Type", "application/json")
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()

        def say(type_, o):
            line = json.dumps({"type": type_, "object": o}).encode() + b"\n"
            half = len(line) // 2          # a line may come in pieces
            for part in (line[:half], line[half:]):
                h.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            h.wfile.flush()

        if version < self.oldest or version > self.version:
            say("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})
            h.wfile.write(b"0\r\n\r\n")
            return
        marked = time.time()
        while self.up and time.time() < end:
            with self.lock:
                if self.version == version:
                    self.lock.wait(0.2)
                new = [x for x in self.history if x[0] > version and x[1] == kind]
                version = self.version
            for v, _, type_, o in new:
                say(type_, {"kind": KINDS[kind], **o})
                with self.lock:
                    self.said[v] = time.time()
                    self.lock.notify_all()
            if time.time() > marked + self.bookmark:
                marked = time.time()
                say("BOOKMARK", {"kind": KINDS[kind], "metadata": {"resourceVersion": str(version)}})
        h.wfile.write(b"0\r\n\r\n")


def kubeconfig(path, port, user):
    """The text of one, which names files by absolute paths."""
    return {"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "k", "cluster": {"server": f"https://127.0.0.1:{port}", **path}}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "users": [{"name": "u", "user": user}]}
