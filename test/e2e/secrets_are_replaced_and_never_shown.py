"""The API's token from a Vault, a webhook's secret from a credential, TLS' key from files: another one is taken without a restart, a
key that does not fit is not, a Vault that is away changes nothing; and no secret is in a log, an event, an answer, a command
line or a core dump."""

import hashlib
import hmac
import http.client
import http.server
import json
import os
import resource
import signal
import ssl
import subprocess
import threading

from lib.check import check, main, same, say, until
from lib.gateway import DIR, Gateway, policy
from lib.wire import attempt, make

ROLE, SECRET_ID = "role-of-this-gateway", "secret-id-8f1d2c"
URL = ("127.0.0.1", 8471)
seen = {"api-token-one-3a77", "api-token-two-91c0", "hook-secret-one-55", "hook-secret-two-66", "T01-first", "T02-second", SECRET_ID}


class Vault(http.server.BaseHTTPRequestHandler):
    """AppRole and the key-value engine, version 2."""

    value, tokens, away = "api-token-one-3a77", set(), False

    def say(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if Vault.away:
            self.say(503, {"errors": ["sealed"]})
        elif self.path == "/v1/auth/approle/login" and body == {"role_id": ROLE, "secret_id": SECRET_ID}:
            token = f"vault-token-{len(Vault.tokens)}-6b"
            Vault.tokens.add(token)
            seen.add(token)
            self.say(200, {"auth": {"client_token": token, "lease_duration": 3600, "renewable": True}})
        else:
            self.say(400, {"errors": ["invalid"]})

    def do_GET(self):
        if Vault.away:
            self.say(503, {"errors": ["sealed"]})
        elif self.headers["X-Vault-Token"] not in Vault.tokens:
            self.say(403, {"errors": ["permission denied"]})
        elif self.path == "/v1/secret/data/bulkhead/api":
            self.say(200, {"data": {"data": {"token": Vault.value}, "metadata": {"version": 1}}})
        else:
            self.say(404, {"errors": []})

    def log_message(self, *_):
        pass


class Hook(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hook.got.append((self.headers["X-Bulkhead-Signature"], body, self.path))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(handler, port):
    threading.Thread(target=http.server.ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever, daemon=True).start()


def save(path, text):
    with open(f"{path}.new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(f"{path}.new", 0o600)
    os.rename(f"{path}.new", path)


def key_pair(name):
    """A certificate for 127.0.0.1 that signs itself."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60, cwd=DIR)
    with open(os.path.join(DIR, f"{name}.pem"), encoding="utf-8") as c, \
            open(os.path.join(DIR, f"{name}.key"), encoding="utf-8") as k:
        return c.read(), k.read()


def shown():
    """The certificate that the API shows."""
    try:
        return ssl.get_server_certificate(URL, timeout=20)
    except OSError:
        return None


def change(gateway, token):
    """The status of a change with this token."""
    c = http.client.HTTPSConnection(*URL, timeout=30, context=ssl._create_unverified_context())
    try:
        c.request("PUT", "/api/v1/endpoints/10.9.9.9", body='{"labels": {"app": "x"}}',
                  headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        return c.getresponse().status
    except OSError:
        return None
    finally:
        c.close()


def signed(secret):
    """Did something come that is signed by this?"""
    return any(sign == "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for sign, body, _ in Hook.got)


def knock(port):
    same(attempt("web", "redis", port), "timeout", "a port that no rule allows")


def strings_in(path):
    with open(path, "rb") as f:
        data = f.read()
    return [s for s in seen if s.encode() in data]


def would_dump(pid):
    """Secrets in what a core dump would have: mappings without MADV_DONTDUMP."""
    found, at, flags = set(), None, None
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            if "-" in line.split(" ", 1)[0] and ":" not in line.split(" ", 1)[0]:
                at = [int(x, 16) for x in line.split(" ", 1)[0].split("-")]
                flags = line.split(" ")[1]
            if not line.startswith("VmFlags:") or " dd" in line or "w" not in flags:
                continue
            for page in range(at[0], at[1], 1 << 20):
                try:
                    mem.seek(page)
                    data = mem.read(min((1 << 20) + 64, at[1] - page))
                except OSError:
                    continue
                found |= {s for s in seen if s.encode() in data}
    return found


def test():
    make()
    serve(Vault, 8200)
    serve(Hook, 5580)
    certificate, key = key_pair("one")
    other, other_key = key_pair("two")
    credentials = os.path.join(DIR, "credentials")
    os.mkdir(credentials)
    os.environ["CREDENTIALS_DIRECTORY"] = credentials
    save(f"{credentials}/hook", "hook-secret-one-55\n")
    save(f"{credentials}/vault", SECRET_ID)
    save(f"{credentials}/url", "http://127.0.0.1:5580/services/T01-first\n")
    gateway = Gateway(policy(), store={"path": "store.db"},
                      api={"token_file": "vault:bulkhead/api#token", "tls": {"certificate": "cert.pem", "key": "file:key.pem"}},
                      secrets={"vault": {"address": "http://127.0.0.1:8200", "auth": "approle", "role": ROLE,
                                         "secret_id": "credential:vault"}},
                      spool={"path": os.path.join(DIR, "spool")},
                      sinks=[{"type": "webhook", "url": "credential:url", "name": "hook", "secret_file": "credential:hook",
                              "kinds": ["drop"]}])
    save(f"{gateway.dir}/cert.pem", certificate)
    save(f"{gateway.dir}/key.pem", key)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    Vault.away = True
    gateway.launch()
    gateway.logged("Vault is sealed or not ready; waiting for it")
    Vault.away = False
    until(lambda: "forwarding" in gateway.log() or gateway.p.poll() is not None, "it forwards", 90)
    until(lambda: change(gateway, "api-token-one-3a77") in (200, 201), "the token from Vault")
    same(change(gateway, "api-token-two-91c0"), 401, "one that is nobody's")
    knock(2001)
    until(lambda: signed("hook-secret-one-55"), "a signature with the first secret")

    Vault.value = "api-token-two-91c0"
    save(f"{credentials}/hook", "hook-secret-two-66\n")
    gateway.signal(signal.SIGHUP)
    until(lambda: change(gateway, "api-token-two-91c0") in (200, 201), "the other token, without a restart")
    same(change(gateway, "api-token-one-3a77"), 401, "the token before")
    gateway.logged("secret credential:hook: another one is there")
    knock(2002)
    until(lambda: signed("hook-secret-two-66"), "a signature with the second")
    same({path for _, _, path in Hook.got}, {"/services/T01-first"}, "where it came")
    save(f"{credentials}/url", "http://127.0.0.1:5580/services/T02-second\n")
    gateway.signal(signal.SIGHUP)
    gateway.logged("secret credential:url: another one is there")
    knock(2003)
    until(lambda: Hook.got[-1][2] == "/services/T02-second", "the second URL")

    same(shown(), certificate, "the certificate")
    save(f"{gateway.dir}/cert.pem", other)
    gateway.signal(signal.SIGHUP)
    gateway.logged("api.tls.certificate and api.tls.key: .*; what was before goes on to be used")
    same(shown(), certificate, "a certificate that its key does not fit")
    save(f"{gateway.dir}/key.pem", other_key)
    gateway.signal(signal.SIGHUP)
    until(lambda: shown() == other, "the other certificate")

    Vault.away = True
    gateway.signal(signal.SIGHUP)
    gateway.logged("secret vault:bulkhead/api#token: .*; what it was goes on to be used")
    until(lambda: change(gateway, "api-token-two-91c0") in (200, 201), "a Vault that is away changes nothing")
    Vault.away = False
    gateway.signal(signal.SIGHUP)
    gateway.logged("secret vault:bulkhead/api#token: it can be read again")
    nowhere(gateway)


def nowhere(gateway):
    for root, _, files in os.walk(DIR):
        for name in files:
            path = os.path.join(root, name)
            if not path.startswith(os.path.join(DIR, "credentials")):
                same(strings_in(path), [], f"secrets in {path}")
    for what in ("cmdline", "environ"):
        same(strings_in(f"/proc/{gateway.p.pid}/{what}"), [], f"secrets in its {what}")
    text = json.dumps([http_get(path) for path in ("/configuration", "/sinks", "/audit?limit=1000", "/metrics")])
    same([s for s in seen if s in text], [], "secrets in answers")
    say(f"of {len(seen)} secrets a dump would have {len(would_dump(gateway.p.pid))}")
    os.chdir(DIR)
    control = subprocess.Popen(["sh", "-c", "kill -SEGV $$"])
    if not os.WCOREDUMP(os.waitpid(control.pid, 0)[1]):
        say("this machine writes no core files at all")
    gateway.signal(signal.SIGSEGV)
    _, status = os.waitpid(gateway.p.pid, 0)
    check(os.WIFSIGNALED(status) and not os.WCOREDUMP(status), f"it crashed and left no core: {status:#x}")
    gateway.p.returncode = -signal.SIGSEGV


def http_get(path):
    c = http.client.HTTPSConnection(*URL, timeout=30, context=ssl._create_unverified_context())
    c.request("GET", f"/api/v1{path}", headers={"Authorization": "Bearer api-token-two-91c0"})
    data = c.getresponse().read().decode()
    c.close()
    return data


main(test)
