"""What is denied is told over TLS (RFC 5425), to rsyslog and to a server that wants a client's certificate; not to one whose
certificate is a stranger's or of another name. The client's key lies where a secret may; another one is taken without a restart."""

import os
import shutil
import socket
import ssl
import threading

from lib.check import check, main, same, say, until
from lib.gateway import DIR, Gateway, policy, write
from lib.wire import attempt, make, run, spawn


def certificate(name, alternative):
    """Its own authority; PEM of certificate and key in one file."""
    path = os.path.join(DIR, f"{name}.pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}", "-keyout", f"{path}.key", "-out", path)
    with open(f"{path}.key", encoding="utf-8") as key, open(path, "a", encoding="utf-8") as both:
        both.write(key.read())
    return path


class Server(threading.Thread):
    """Counted messages over TLS."""

    def __init__(self, port, pem, client=None):
        super().__init__(daemon=True)
        self.messages, self.names, self.refused = [], [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        if client:
            self.context.load_verify_locations(client)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", port))
        self.start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            try:
                with self.context.wrap_socket(peer, server_side=True) as tls:
                    self.names.append(dict(x[0] for x in (tls.getpeercert() or {}).get("subject", [])).get("commonName"))
                    self.read(tls.makefile("rb"))
            except OSError:
                self.refused += 1

    def read(self, f):
        while True:
            digits = b""
            while (c := f.read(1)).isdigit():
                digits += c
            if not digits:
                return
            same(c, b" ", "a space behind the length")
            self.messages.append(f.read(int(digits)).decode())


def rsyslog(pem):
    """rsyslogd with its GnuTLS driver; returns the file that it writes, or None."""
    if not shutil.which("rsyslogd") or not os.path.exists("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so"):
        say("rsyslog-gnutls is not installed: the test's own server alone")
        return None
    out = os.path.join(DIR, "received")
    write(os.path.join(DIR, "rsyslog.conf"), f'''
global(workDirectory="{DIR}" DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{pem}"
       DefaultNetstreamDriverCertFile="{pem}" DefaultNetstreamDriverKeyFile="{pem}")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.Authmode="anon")
input(type="imtcp" port="6514" address="127.0.0.1")
template(name="parts" type="string" string="%app-name% %msgid% %structured-data% %msg%\\n")
*.* action(type="omfile" file="{out}" template="parts")
''')
    log = open(os.path.join(DIR, "rsyslogd.log"), "wb")
    spawn("rsyslogd", "-n", "-f", os.path.join(DIR, "rsyslog.conf"), "-i", os.path.join(DIR, "rsyslogd.pid"), stdout=log)
    until(lambda: ":1972 " in run("cat", "/proc/self/net/tcp"), "rsyslogd listens")
    return out


def text(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def another(certificate, key):
    """A certificate of the client's own authority with another name and another key, which the server knows, in their places."""
    parts = [os.path.join(DIR, f"fw2.{end}") for end in ("key", "csr", "pem")]
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=fw2",
        "-keyout", parts[0], "-out", parts[1])
    run("openssl", "x509", "-req", "-in", parts[1], "-CA", certificate, "-CAkey", f"{certificate}.key", "-set_serial", "77",
        "-days", "2", "-out", parts[2])
    os.replace(parts[2], certificate)
    os.replace(parts[0], key)


def tells(server, port):
    attempt("web", "cards", port, timeout=0.5)
    return [m for m in server.messages if f'"dest_port":{port}' in m]


def test():
    make()
    server, other, client = certificate("logs", "IP:127.0.0.1"), certificate("other", "DNS:other.example"), certificate("fw", "DNS:fw")
    received = rsyslog(server)
    mutual = Server(6515, server, client)
    stranger, misnamed = Server(6516, other), Server(6517, other)

    def sink(name, port, ca, **more):
        return {"name": name, "type": "syslog", "kinds": ["drop"], "to": f"tls://127.0.0.1:{port}", "ca_file": ca, **more}

    # As systemd gives it; later another name is the client's.
    os.mkdir(os.path.join(DIR, "credentials"))
    key = os.path.join(DIR, "credentials", "fw-key")
    shutil.copy(f"{client}.key", key)
    os.environ["CREDENTIALS_DIRECTORY"] = os.path.dirname(key)
    gateway = Gateway(policy(), secrets={"refresh": "1s"}, spool={"path": "spool"}, sinks=[
        sink("rsyslog", 6514, server), sink("mutual", 6515, server, certificate=client, key="credential:fw-key"),
        sink("stranger", 6516, server), sink("misnamed", 6517, other)])
    gateway.start()
    attempt("web", "cards", 4711)
    until(lambda: [m for m in mutual.messages if '"dest_port":4711' in m], "the server that wants a certificate is told", 60)
    same(mutual.names[0], "fw", "whose certificate it saw")
    another(client, key)
    until(lambda: tells(mutual, 4712) and mutual.names[-1] == "fw2", "another key, and its certificate", 90)
    check(mutual.messages[0].startswith("<"), "a priority begins a message")
    if received:
        until(lambda: '"dest_port":4711' in text(received), "rsyslog is told", 60)
        line = [x for x in text(received).splitlines() if '"dest_port":4711' in x][0]
        check(line.startswith('bulkhead drop [meta sequenceId="'), f"rsyslog reads the header: {line}")
    until(lambda: stranger.refused >= 2 and misnamed.refused >= 2, "both wrong certificates are refused", 60)
    same((stranger.messages, misnamed.messages), ([], []), "what the wrong ones were told")
    gateway.logged("TLS with 127.0.0.1: .*(unknown|not trusted)")
    gateway.logged("TLS with 127.0.0.1: .*does not match")
    stats = {s["name"]: s for s in gateway.stats()["sinks"]}
    same((stats["stranger"]["up"], stats["mutual"]["up"], stats["mutual"]["lost"]), (False, True, 0), "figures")
    check(stats["stranger"]["waiting_bytes"] > 0, "what was not told waits")
    gateway.stop()


main(test)
