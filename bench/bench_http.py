#!/usr/bin/env python3
"""HTTP requests looked into by one core, beside nginx with ModSecurity and the Core Rule Set at paranoia level 1.

    bench_http.py          QUICK=1: fewer requests

The same requests of some 500 bytes to both. Bulkhead's figure is all of a connection with one request (bench_inspected);
ModSecurity's is the CPU time of nginx's worker for a request on a connection that stays, less what it takes without
ModSecurity. Both must find the same attack and let the other requests pass.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import tell
from topology import B, Missing

MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
NDK = "/usr/lib/nginx/modules/ndk_http_module.so"
CRS = "/usr/share/modsecurity-crs/rules"
SETUP = "/etc/modsecurity/crs/crs-setup.conf"
REQUESTS, ROUNDS = (100, 3) if tell.QUICK else (400, 9)
TICK = os.sysconf("SC_CLK_TCK")
HEAD = ("Host: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
        "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
        "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n")


def post(body):
    return f"POST /api/orders HTTP/1.1\r\n{HEAD}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"


INNOCENT = [f"GET /api/orders?page=2&sort=date&filter=open&customer=4711&from=2024-01-01 HTTP/1.1\r\n{HEAD}\r\n",
            f"GET /products/blue-garden-chair?color=blue&size=large&ref=newsletter HTTP/1.1\r\n{HEAD}\r\n",
            post("name=Maria+Keller&street=Hauptstrasse+12&city=Bern&amount=2&article=4711&comment=please+ring+twice")]
ATTACK = f"GET /search?q=1%27%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1\r\n{HEAD}\r\n"


class Nginx:
    def __init__(self, folder, checked):
        if not all(os.path.exists(p) for p in (MODULE, CRS, SETUP)) or not shutil.which("nginx"):
            raise Missing("ModSecurity is not installed (apt install libnginx-mod-http-modsecurity modsecurity-crs)")
        (folder / "rules.conf").write_text("SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess Off\nSecAuditEngine Off\n"
                                           f"Include {SETUP}\nInclude {CRS}/*.conf\n")
        (folder / "body").write_text("Hello, world!")
        self.socket = str(folder / "nginx.sock")
        load = "".join(f"load_module {m};\n" for m in (NDK, MODULE) if os.path.exists(m))
        (folder / "nginx.conf").write_text(f"""{load}worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 64; }}
http {{
 access_log off;
 keepalive_requests 1000000;
 client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
 server {{
  listen unix:{self.socket};
  {f"modsecurity on; modsecurity_rules_file {folder}/rules.conf;" if checked else ""}
  location / {{ return 200 "Hello, world!"; }}
 }}
}}
""")
        # Rules look at what is proxied or served; a bare `return` is answered before the request's body is there.
        text = (folder / "nginx.conf").read_text().replace('return 200 "Hello, world!";', f"root {folder}; error_page 405 =200 /body; try_files /body =404;")
        (folder / "nginx.conf").write_text("user root;\n" + text if os.geteuid() == 0 else text)
        self.process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Missing(f"nginx does not start: {self.process.stderr.read()[-300:] if self.process.poll() is not None else 'no socket'}")
            time.sleep(0.1)
        time.sleep(0.5)
        self.client = None

    def worker(self):
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return int(out[0])

    def cpu(self):
        f = pathlib.Path(f"/proc/{self.worker()}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(f[11]) + int(f[12])) / TICK

    def ask(self, request):
        """Status of the answer."""
        if self.client is None:
            self.client = socket.socket(socket.AF_UNIX)
            self.client.settimeout(20)
            self.client.connect(self.socket)
        self.client.sendall(request.encode())
        got = b""
        while b"\r\n\r\n" not in got:
            more = self.client.recv(65536)
            if not more:
                raise Missing(f"nginx closed the connection: {got[:100]!r}")
            got += more
        head, body = got.split(b"\r\n\r\n", 1)
        length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length")), 0)
        while len(body) < length:
            body += self.client.recv(65536)
        if b"connection: close" in head.lower():
            self.client.close()
            self.client = None
        return int(head.split()[1])

    def each_ns(self):
        before = self.cpu()
        for i in range(REQUESTS):
            self.ask(INNOCENT[i % len(INNOCENT)])
        return (self.cpu() - before) / REQUESTS * 1e9

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def theirs(folder):
    servers = []
    try:
        for name, checked in (("with", True), ("without", False)):
            (folder / name).mkdir()
            servers.append(Nginx(folder / name, checked))
        seen = [servers[0].ask(r) for r in INNOCENT + [ATTACK]]
        if seen != [200] * len(INNOCENT) + [403]:
            raise Missing(f"ModSecurity answers {seen}, 403 was expected for the last alone")
        out = []
        for _ in range(ROUNDS):
            a, b = (s.each_ns() for s in servers)
            out.append(a - b)
        return out
    finally:
        for s in servers:
            s.stop()


def ours(folder):
    files = []
    for i, r in enumerate(INNOCENT + [ATTACK]):
        files.append(folder / f"request{i}")
        files[-1].write_bytes(r.encode())
    done = subprocess.run([str(B / "bench/bench_inspected"), *map(str, files)], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"bench_http: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])["ns"]


def main():
    with tempfile.TemporaryDirectory(prefix="bench-http.") as name:
        folder = pathlib.Path(name)
        tell.heading("CPU for an HTTP request that is looked into")
        us = ours(folder)
        tell.figure("HTTP request looked into", "Bulkhead, its connection included", "ns", us)
        try:
            them = theirs(folder)
        except Missing as why:
            tell.unmeasured("HTTP_INSPECTED", str(why).replace('"', "'").replace("\n", " "))
            return
        tell.figure("HTTP request looked into", "ModSecurity with CRS at paranoia level 1", "ns", them)
        mine = tell.spread(us)[0]
        tell.claim("HTTP_INSPECTED", [t / mine for t in them])


if __name__ == "__main__":
    main()
