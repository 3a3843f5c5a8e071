"""TLS 1.3 and nothing else, client certificates and tokens name identities, the first admin is made with a one-time token."""

import json
import os
import socket
import ssl
import subprocess

from lib.check import check, main, same, until
from lib.gateway import BUILD, DIR, Gateway, policy
from lib.wire import make


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60, cwd=DIR)


def certificate(name, *more):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}", *more)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-copy_extensions", "copy", "-out", f"{name}.pem")
    der = subprocess.run(["openssl", "x509", "-in", f"{name}.pem", "-outform", "der"], check=True, capture_output=True,
                         cwd=DIR).stdout
    return subprocess.run(["sha256sum"], input=der, check=True, capture_output=True).stdout.split()[0].decode()


def file(name):
    return os.path.join(DIR, name)


def ctl(*args, token=None, want=0):
    r = subprocess.run([f"{BUILD}/bulkheadctl", "-s", "https://127.0.0.1:8471", "--ca", file("ca.pem"),
                        *(["-t", file(token)] if token else []), *args], capture_output=True, text=True, timeout=60)
    same(r.returncode, want, f"bulkheadctl {args} ({r.stdout}{r.stderr})")
    return r.stdout


def curl(*args, want=0):
    r = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", file("ca.pem"), *args], capture_output=True, text=True,
                       timeout=60)
    same(r.returncode, want, f"curl {args} ({r.stderr})")
    return r.stdout


def save(name, text):
    with open(file(name), "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(file(name), 0o600)


def say_raw(request):
    """What comes back for it until the connection is closed."""
    context = ssl.create_default_context(cafile=file("ca.pem"))
    context.check_hostname = False
    answer = b""
    with socket.create_connection(("127.0.0.1", 8471), timeout=30) as plain, context.wrap_socket(plain) as s:
        s.sendall(request)
        try:
            while part := s.recv(65536):
                answer += part
        except (ssl.SSLEOFError, ConnectionError):
            pass
    return answer


def test():
    make()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    certificate("server", "-addext", "subjectAltName=IP:127.0.0.1")
    pusher = certificate("pusher")
    stranger = certificate("stranger")
    gateway = Gateway(policy(), store={"path": "store.db"},
                      api={"token_file": "", "tls": {"certificate": file("server.pem"), "key": file("server.key"),
                                                     "client_ca": file("ca.pem")}})
    gateway.launch()
    until(lambda: "forwarding" in gateway.log() or gateway.p.poll() is not None, "it forwards", 60)
    url = "https://127.0.0.1:8471/api/v1"

    # TLS 1.3 and nothing else.
    same(json.loads(curl(f"{url}/health"))["status"], "ok", "health over TLS")
    curl("--tls-max", "1.2", f"{url}/health", want=35)
    curl("http://127.0.0.1:8471/api/v1/health", want=52)

    # A refusal is one whole response through TLS, too, and then the end.
    refused = say_raw(b"PUT /api/v1/policy HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 13, 13\r\n\r\n")
    head, _, body = refused.partition(b"\r\n\r\n")
    same(head.split(b" ")[1], b"400", "a list of lengths")
    check(f"Content-Length: {len(body)}".encode() in head and b"problem:framing" in body, f"one response: {refused}")

    # The first admin.
    first = "/run/bulkhead/admin-token"
    same(os.stat(first).st_mode & 0o777, 0o600, "mode of the one-time token")
    ctl("get", "flows", "-t", first, want=3)
    save("admin", ctl("identity", "make", "alice", "--role", "admin", "-t", first))
    check(not os.path.exists(first), "the one-time token's file is gone")
    check("alice" in ctl("get", "identities", token="admin"), "alice is listed")

    # A certificate is an identity where its hash was given one, else nobody.
    ctl("identity", "make", "cmdb", "--role", "pusher", "--certificate", pusher, token="admin")
    push = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"labels":{"app":"x"}}',
            "-o", "/dev/null", "-w", "%{http_code}"]
    mine = ["--cert", file("pusher.pem"), "--key", file("pusher.key")]
    same(curl(*push, *mine, f"{url}/endpoints/10.9.9.9"), "201", "a push by certificate")
    same(curl(*mine, "-o", "/dev/null", "-w", "%{http_code}", f"{url}/flows"), "403", "and nothing else")
    other = ["--cert", file("stranger.pem"), "--key", file("stranger.key")]
    same(curl(*push, *other, f"{url}/endpoints/10.9.9.9"), "401", "a push by a certificate that is nobody's")
    check(len(stranger) == 64 and stranger != pusher, "two certificates")
    ctl("identity", "delete", "cmdb", token="admin")
    same(curl(*push, *mine, f"{url}/endpoints/10.9.9.9"), "401", "after its identity ended")

    # Who did it stands in the log.
    save("auditor", ctl("identity", "make", "bob", "--role", "auditor", token="admin"))
    entries = json.loads(ctl("get", "audit", "-o", "json", token="auditor"))["items"]
    made = {(e["actor"], e["action"], e["object"]) for e in entries}
    for want in (("api:first", "identity.make", "identity alice"), ("api:alice", "identity.make", "identity cmdb"),
                 ("api:alice", "identity.delete", "identity cmdb")):
        check(want in made, f"{want} in {made}")
    with open(file("admin"), encoding="utf-8") as f:
        secret = f.read().strip()
    check(secret not in gateway.log(), "no token in the log")
    gateway.kill()


main(test)
