"""Real servers in cde, and what their real clients are told to do there. Each on its usual port and on a wrong one.

A server writes below /run/services, which vanishes with the test's mount namespace.
"""

import os
import pwd
import shutil
import socket
import subprocess
import threading
import time

from .check import Failed, until
from .wire import addr, inside, run, spawn

HOME = "/run/services"
KEY = f"{HOME}/ssh/key"
SERVER = addr("redis")
WRONG = 30000  # added to the usual port


def service(name):
    """The user of that name where there is one, else nobody."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return pwd.getpwnam("nobody")


def folder(name, user=None):
    path = f"{HOME}/{name}"
    os.makedirs(path, exist_ok=True)
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


def as_user(user):
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def conf(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def find(*names):
    """The first of these programs that exists, or None."""
    for name in names:
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/lib/postgresql/15/bin")
        if path:
            return path
    return None


def serve(name, *cmd, env=None):
    """A server's process in cde; what it says is in its folder."""
    log = open(f"{folder(name)}/log", "ab")  # pylint: disable=consider-using-with
    return spawn(*cmd, ns="cde", stdout=log, stderr=log, env={**os.environ, "HOME": folder(name), **(env or {})})


class Relay:
    """A wrong port for a server that has one port only: connections go on to it over loopback."""

    def __init__(self, port, to):
        with inside("cde"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((SERVER, port))
        self.sock.listen(64)
        self.to = to
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with inside("cde"):
            while True:
                client, _ = self.sock.accept()
                server = socket.create_connection((SERVER, self.to))
                for a, b in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


# ---- servers: each takes the ports that it shall listen on; those it cannot, a relay does

def redis(ports):
    for p in ports:
        serve("redis", find("redis-server"), "--port", p, "--bind", "0.0.0.0", "::", "--save", "", "--appendonly",
              "no", "--protected-mode", "no", "--dir", folder("redis"))


def postgresql(ports):
    user, path = service("postgres"), folder("postgresql")
    data = f"{path}/data"
    os.chown(path, user.pw_uid, user.pw_gid)
    run(*as_user(user), find("initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", timeout=120)
    with open(f"{data}/pg_hba.conf", "a", encoding="utf-8") as f:
        f.write("host all all all trust\n")
    serve("postgresql", *as_user(user), find("postgres"), "-D", data, "-p", ports[0], "-k", path, "-c",
          "listen_addresses=*", "-c", "fsync=off")
    return ports[:1]


def mysql(ports):
    user, path = service("mysql"), folder("mysql", service("mysql"))
    common = ["--no-defaults", f"--datadir={path}/data", f"--socket={path}/s", f"--pid-file={path}/pid"]
    run(find("mariadb-install-db"), "--no-defaults", f"--datadir={path}/data", f"--user={user.pw_name}",
        "--auth-root-authentication-method=normal", "--skip-test-db", timeout=120)
    conf(f"{path}/init", "create user e2e identified by 'e2e';\ngrant all on *.* to e2e;\ncreate database shop;\n")
    serve("mysql", find("mariadbd"), *common, f"--user={user.pw_name}", f"--port={ports[0]}",
          "--bind-address=0.0.0.0", f"--init-file={path}/init", "--innodb-buffer-pool-size=16M",
          "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve")
    return ports[:1]


NGINX = """
worker_processes 1; daemon off; error_log {path}/error.log; pid {path}/pid;
events {{ worker_connections 512; }}
http {{
	access_log {path}/access.log; client_body_temp_path {path}; client_max_body_size 64m;
	proxy_temp_path {path}; fastcgi_temp_path {path}; uwsgi_temp_path {path}; scgi_temp_path {path};
	ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {path}/cert.pem; ssl_certificate_key {path}/key.pem;
	{servers}
}}
"""
NGINX_SERVER = """
	server {{
		{listen}
		location / {{ return 200 "hello from nginx $request_method $uri\\n"; }}
		location /files/ {{ alias {path}/files/; }}
	}}
"""


def certificate(path, names=("e2e.test",)):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names),
        "-keyout", f"{path}/key.pem", "-out", f"{path}/cert.pem")


def nginx(kind):
    """A server of nginx whose ports have these words behind them: `http2`, `ssl http2`, nothing."""
    def start(ports):
        name = "nginx" + kind.replace(" ", "-")
        path = folder(name)
        os.makedirs(f"{path}/files", exist_ok=True)
        certificate(path)
        listen = " ".join(f"listen {p} {kind}; listen [::]:{p} {kind};" for p in ports)
        text = NGINX.format(path=path, servers=NGINX_SERVER.format(listen=listen, path=path))
        serve(name, find("nginx"), "-c", conf(f"{path}/conf", "user root;\n" + text), "-p", path)
    return start


def mqtt(ports):
    path = folder("mqtt")
    lines = "".join(f"listener {p} 0.0.0.0\n" for p in ports)
    serve("mqtt", find("mosquitto"), "-c", conf(f"{path}/conf", f"user root\nallow_anonymous true\n{lines}"))


def ssh(ports):
    path = folder("ssh")
    os.makedirs("/run/sshd", exist_ok=True)
    for key in ("host", "key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{path}/{key}")
    shutil.copy(f"{path}/key.pub", f"{path}/authorized")
    lines = "".join(f"Port {p}\n" for p in ports)
    conf(f"{path}/conf", f"{lines}HostKey {path}/host\nAuthorizedKeysFile {path}/authorized\nStrictModes no\n"
                         "PermitRootLogin yes\nUsePAM no\nUseDNS no\nPidFile none\n")
    serve("ssh", find("sshd"), "-D", "-e", "-f", f"{path}/conf")


def dns(ports):
    for p in ports:
        serve("dns", find("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", f"--port={p}", "--no-resolv",
              "--no-hosts", "--user=root", "--pid-file=", "--address=/e2e.test/10.1.2.3", "--txt-record=e2e.test,text",
              "--server=/tunnel.test/127.0.0.1#5300")


def memcached(ports):
    for p in ports:
        serve("memcached", find("memcached"), "-u", "nobody", "-p", p, "-U", 0, "-m", 8)


def etcd(ports):
    path = folder("etcd")
    urls = ",".join(f"http://{SERVER}:{p}" for p in ports)
    serve("etcd", find("etcd"), "--data-dir", f"{path}/data", "--listen-client-urls", urls, "--advertise-client-urls",
          urls.split(",", maxsplit=1)[0], "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync",
          env={"ETCD_UNSUPPORTED_ARCH": ""})


def amqp(ports):
    user, path = service("rabbitmq"), folder("amqp", service("rabbitmq"))
    text = "loopback_users = none\n" + "".join(f"listeners.tcp.{i} = 0.0.0.0:{p}\n" for i, p in enumerate(ports, 1))
    env = {"RABBITMQ_NODENAME": "e2e@localhost", "RABBITMQ_MNESIA_BASE": f"{path}/db", "RABBITMQ_LOG_BASE": path,
           "RABBITMQ_CONFIG_FILE": conf(f"{path}/rabbitmq.conf", text), "RABBITMQ_LOGS": "-",
           "RABBITMQ_ENABLED_PLUGINS_FILE": f"{path}/plugins", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1"}
    serve("amqp", *as_user(user), "/usr/lib/rabbitmq/bin/rabbitmq-server", env=env)


def zookeeper(ports):
    path = folder("zookeeper")
    conf(f"{path}/zoo.cfg", f"tickTime=2000\ndataDir={path}\nclientPort={ports[0]}\nadmin.enableServer=false\n"
                            "4lw.commands.whitelist=*\n")
    serve("zookeeper", find("java"), "-Xmx128m", "-cp", "/etc/zookeeper/conf:/usr/share/java/*",
          "org.apache.zookeeper.server.quorum.QuorumPeerMain", f"{path}/zoo.cfg")
    return ports[:1]


def smtp(ports):
    for p in ports:
        serve("smtp", "/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", f"{SERVER}:{p}", "-c",
              "aiosmtpd.handlers.Sink")


MAIL = """
import smtplib, sys
s = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=10)
s.sendmail("a@e2e.test", ["b@e2e.test"], "Subject: hello\\r\\n\\r\\nhello\\r\\n")
s.quit()
print("accepted")
"""
MEMCACHED = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
s.sendall(b"set k 0 0 5\\r\\nhello\\r\\n")
print(s.recv(100).decode())
s.sendall(b"get k\\r\\n")
print(s.recv(100).decode())
"""
SSH_OPTIONS = ["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
               "BatchMode=yes"]


class App:
    """An application: its server, the port where it is usual, and a client that prints `want` when all went well."""

    def __init__(self, name, port, start, needs, client, want):  # pylint: disable=too-many-arguments
        self.name, self.port, self.start, self.needs = name, port, start, needs
        self.client, self.want, self.label = client, want, name
        self.ports = [port, port + WRONG]
        self.proto, self.rule, self.seen = "tcp", [name], [name]

    def but(self, **other):
        """Other values than the usual: proto, label, rule (applications that it takes), seen (names in an alert)."""
        self.__dict__.update(other)
        return self

    def missing(self):
        """The first file or program that it needs and that is not here, or None."""
        return next((n for n in self.needs if not (os.path.exists(n) if n[0] == "/" else find(n))), None)

    def launch(self, port, seconds=20):
        return spawn("timeout", seconds, *self.client(port), ns="shop", text=True,
                     env={**os.environ, "ETCDCTL_API": "3", "PGCONNECT_TIMEOUT": str(seconds)})

    def works(self, port):
        """The client does what it is for. Returns what it printed."""
        p = self.launch(port)
        out = p.communicate(timeout=60)[0]
        if p.returncode != 0 or self.want not in out:
            raise Failed(f"{self.label} on port {port}: exit {p.returncode}: {out.strip()[-600:]}")
        return out


def python(code):
    return lambda p: ["/usr/bin/python3", "-c", code, SERVER, str(p)]


APPS = [
    App("redis", 6379, redis, ["redis-server", "redis-cli"],
        lambda p: ["redis-cli", "-h", SERVER, "-p", p, "set", "k", "v"], "OK"),
    App("postgresql", 5432, postgresql, ["psql", "initdb", "postgres"],
        lambda p: ["psql", "-h", SERVER, "-p", p, "-U", "postgres", "-Atc", "select 'said ' || 6*7"], "said 42"),
    App("mysql", 3306, mysql, ["mariadb", "mariadbd", "mariadb-install-db"],
        lambda p: ["mariadb", "--no-defaults", "-h", SERVER, "-P", p, "-u", "e2e", "-pe2e", "-e",
                   "select concat('said ', 6*7)"], "said 42"),
    App("http", 80, nginx(""), ["nginx", "curl"],
        lambda p: ["curl", "-sS", f"http://{SERVER}:{p}/x"], "hello from nginx GET /x"),
    App("http2", 8080, nginx("http2"), ["nginx", "curl"],
        lambda p: ["curl", "-sS", "--http2-prior-knowledge", f"http://{SERVER}:{p}/x"], "hello from nginx GET /x"),
    App("tls", 443, nginx("ssl http2"), ["nginx", "curl", "openssl"],
        lambda p: ["curl", "-sSk", f"https://{SERVER}:{p}/x"], "hello from nginx GET /x"),
    App("mqtt", 1883, mqtt, ["mosquitto", "mosquitto_pub"],
        lambda p: ["mosquitto_pub", "-h", SERVER, "-p", p, "-t", "t", "-m", "m", "-q", "1", "-d"], "received PUBACK"),
    App("ssh", 22, ssh, ["sshd", "ssh", "ssh-keygen"],
        lambda p: ["ssh", *SSH_OPTIONS, "-i", KEY, "-p", p, f"root@{SERVER}", "echo said so"], "said so"),
    App("dns", 53, dns, ["dnsmasq", "dig"],
        lambda p: ["dig", f"@{SERVER}", "-p", p, "+tries=1", "+short", "e2e.test"],
        "10.1.2.3").but(proto="udp", label="dns/udp"),
    App("dns", 53, None, ["dnsmasq", "dig"],
        lambda p: ["dig", f"@{SERVER}", "-p", p, "+tries=1", "+tcp", "+short", "e2e.test"],
        "10.1.2.3").but(label="dns/tcp"),
    App("memcached", 11211, memcached, ["memcached"], python(MEMCACHED), "VALUE k 0 5"),
    App("etcd", 2379, etcd, ["etcd", "etcdctl"],
        lambda p: ["etcdctl", f"--endpoints=http://{SERVER}:{p}", "put", "k", "v"],
        # Its client sends no request before it has heard the server.
        "OK").but(seen=["http2", "etcd"]),
    App("smtp", 25, smtp, ["/usr/lib/python3/dist-packages/aiosmtpd"], python(MAIL), "accepted"),
    App("amqp", 5672, amqp, ["/usr/lib/rabbitmq/bin/rabbitmq-server", "amqp-declare-queue"],
        lambda p: ["amqp-declare-queue", "-u", f"amqp://guest:guest@{SERVER}:{p}", "-q", "jobs"], "jobs"),
    App("zookeeper", 2181, zookeeper, ["java", "/usr/share/java/zookeeper.jar", "/usr/lib/zookeeper/bin/cli_mt"],
        lambda p: ["/usr/lib/zookeeper/bin/cli_mt", "-h", f"{SERVER}:{p}", "-c", "ls /"],
        # Its client may send a message's length alone, which rules out others before it proves anything.
        "zookeeper").but(seen=["zookeeper", None]),
]


def available(apps):
    """Those whose programs are here, and (label, what is missing) of the others."""
    gone = [(a.label, a.missing()) for a in apps if a.missing()]
    return [a for a in apps if not a.missing()], gone


def listening(port, proto="tcp"):
    flags = "-Hltn" if proto == "tcp" else "-Hlun"
    return any(line.split()[3].endswith(f":{port}") for line in run("ss", flags, ns="cde").splitlines())


def last_words(app):
    log = f"{HOME}/{app.name}/log"
    if not os.path.exists(log):
        return ""
    with open(log, encoding="utf-8", errors="replace") as f:
        return "".join(f.readlines()[-5:])


def start(apps, seconds=60):
    """Start their servers, all at once, and wait until each listens on its usual and its wrong port."""
    os.makedirs(HOME, exist_ok=True)
    failures = []

    def one(app):
        try:
            own = app.start(app.ports) or app.ports
            for p in own:
                until(lambda p=p: listening(p, app.proto), f"{app.label} listens on {p}; see its log", seconds)
            for p in set(app.ports) - set(own):
                Relay(p, app.ports[0])
        except (Failed, OSError, subprocess.SubprocessError) as why:
            failures.append(f"{app.label}: {why} {last_words(app)}")

    threads = [threading.Thread(target=one, args=(a,), daemon=True) for a in apps if a.start]
    for t in threads:
        t.start()
    for t in threads:
        t.join(seconds + 60)
    time.sleep(0.5)
    if failures:
        raise Failed("servers: " + "; ".join(failures))


def payload_to(frames, port=None):
    """(destination port, payload) of the TCP segments and UDP datagrams with payload among captured frames."""
    out = []
    for _, f in frames:
        six = f[12:14] == b"\x86\xdd"
        at = 54 if six else 14 + (f[14] & 15) * 4
        proto, end = (f[20], 54 + int.from_bytes(f[18:20], "big")) if six else \
            (f[23], 14 + int.from_bytes(f[16:18], "big"))
        head = (f[at + 12] >> 4) * 4 if proto == 6 else 8
        to = int.from_bytes(f[at + 2:at + 4], "big")
        if proto in (6, 17) and end > at + head and port in (None, to):
            out.append((to, bytes(f[at + head:end])))
    return out


