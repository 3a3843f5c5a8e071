"""Against Debian's own kube-apiserver, etcd and kubectl: pods made, relabelled, deleted, their addresses given to others, under traffic;
the cluster's policies and their status; 5,000 pods, 100 changes a second; the API server killed and started; every certificate replaced.
Labels of the gateway are the API's within a second, and not a byte passes that they do not allow. Figures are printed."""

import concurrent.futures
import http.client
import json
import os
import random
import signal
import ssl
import threading
import time

from lib.check import check, main, same, say, until
from lib.gateway import DIR, Gateway, policy, text, write
from lib.pump import Stream
from lib.wire import Server, addr, attempt, make, run, spawn

KUBE = os.environ["KUBE"]
PODS = int(os.environ.get("PODS", "5000"))
RATE, SECONDS = 100, 20
DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/kubernetes")


def at(name):
    return os.path.join(DIR, name)


def authority():
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN=ca-{random.randrange(10**9)}", "-keyout", at("ca.key"), "-out", at("ca.crt"))


def certificate(name, subject, extension):
    write(at(f"{name}.ext"), extension + "\n")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
        "-keyout", at(f"{name}.key.new"), "-out", at(f"{name}.csr"))
    run("openssl", "x509", "-req", "-in", at(f"{name}.csr"), "-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial",
        "-days", "2", "-extfile", at(f"{name}.ext"), "-out", at(f"{name}.crt.new"))
    for ending in ("key", "crt"):
        os.rename(at(f"{name}.{ending}.new"), at(f"{name}.{ending}"))


def certificates():
    authority()
    certificate("server", "/CN=kube-apiserver", "subjectAltName=IP:127.0.0.1")
    certificate("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
    # Who it is to RBAC: the service account of rbac.yaml.
    certificate("gateway", "/CN=system:serviceaccount:bulkhead:bulkhead", "extendedKeyUsage=clientAuth")


def kubeconfig(name):
    write(at(f"{name}.kubeconfig"), text({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority": at("ca.crt")}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "users": [{"name": "u", "user": {"client-certificate": at(f"{name}.crt"), "client-key": at(f"{name}.key")}}]}))


class Cluster:
    def __init__(self):
        certificates()
        kubeconfig("admin")
        kubeconfig("gateway")
        run("openssl", "genrsa", "-out", at("sa.key"), "2048")
        run("openssl", "rsa", "-in", at("sa.key"), "-pubout", "-out", at("sa.pub"))
        with open(at("etcd.log"), "ab") as log:
            spawn("etcd", "--data-dir", at("etcd.d"), "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls",
                  "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync", stdout=log, stderr=log)
        self.local = threading.local()
        self.start()

    def start(self):
        with open(at("apiserver.log"), "ab") as log:
            self.p = spawn(f"{KUBE}/bin/kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--bind-address=127.0.0.1",
                           "--secure-port=6443", f"--tls-cert-file={at('server.crt')}", f"--tls-private-key-file={at('server.key')}",
                           f"--client-ca-file={at('ca.crt')}", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
                           f"--service-account-key-file={at('sa.pub')}", f"--service-account-signing-key-file={at('sa.key')}",
                           "--service-account-issuer=https://kubernetes.default", "--endpoint-reconciler-type=none",
                           "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition,Priority", "--max-requests-inflight=2000",
                           "--max-mutating-requests-inflight=1000", "--advertise-address=10.77.0.1", f"--cert-dir={at('certs')}",
                           stdout=log, stderr=log)
        until(lambda: self.p.poll() is None and self.ready(), "the API server is ready", 200)

    def ready(self):
        try:
            return self.ask("GET", "/readyz", raw=True)[0] == 200
        except OSError:
            return False

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.wait(30)

    def connection(self, anew):
        if anew or getattr(self.local, "c", None) is None:
            context = ssl.create_default_context(cafile=at("ca.crt"))
            context.load_cert_chain(at("admin.crt"), at("admin.key"))
            self.local.c = http.client.HTTPSConnection("127.0.0.1", 6443, context=context, timeout=60)
        return self.local.c

    def ask(self, method, path, body=None, kind="application/json", raw=False):
        for anew in (False, True):
            try:
                c = self.connection(anew)
                c.request(method, path, body=json.dumps(body) if body is not None else None, headers={"Content-Type": kind})
                answer = c.getresponse()
                data = answer.read()
                return answer.status, data if raw else json.loads(data)
            except (OSError, http.client.HTTPException) as e:
                self.local.c = None
                if anew:
                    raise OSError(str(e)) from e
        return None

    def kubectl(self, *words, ok=True, stdin=None):
        if stdin is not None:
            write(at("apply.yaml"), stdin)
            words = (*words, "-f", at("apply.yaml"))
        return run("env", f"HOME={DIR}", f"{KUBE}/bin/kubectl", f"--kubeconfig={at('admin.kubeconfig')}", *words, ok=ok, timeout=120)

    def pod(self, name, ns, addresses, labels):
        base = f"/api/v1/namespaces/{ns}/pods"
        status, o = self.ask("POST", base, {"metadata": {"name": name, "labels": labels}, "spec": {
            "nodeName": "node-1", "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "i"}]}})
        check(status == 201, f"pod {name}: {status} {o}")
        status, o = self.ask("PATCH", f"{base}/{name}/status", {"status": {
            "phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses],
            "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}, "application/merge-patch+json")
        check(status == 200, f"status of pod {name}: {status} {o}")

    def label(self, name, ns, labels):
        status, o = self.ask("PATCH", f"/api/v1/namespaces/{ns}/pods/{name}", {"metadata": {"labels": labels}},
                             "application/merge-patch+json")
        check(status == 200, f"label of {name}: {status} {o}")
        return time.time()

    def delete(self, name, ns):
        self.ask("DELETE", f"/api/v1/namespaces/{ns}/pods/{name}?gracePeriodSeconds=0")


def labels(gateway, address):
    status, answer = gateway.request("GET", f"/endpoints/{address}")
    return answer["labels"] if status == 200 else None


def app(gateway, address):
    return (labels(gateway, address) or {}).get("app")


def lag(gateway, address, want, since):
    """How long after `since` the gateway has it."""
    while app(gateway, address) != want:
        check(time.time() < since + 20, f"{address} is {want}")
        time.sleep(0.002)
    return time.time() - since


def within_a_second(times, what):
    times = sorted(times)
    say(f"{what}: {1000 * times[len(times) // 2]:.0f} ms in the middle, {1000 * times[-1]:.0f} ms at most, of {len(times)}")
    check(times[-1] < 1.0, f"{what}: within a second")


def life_of_a_pod(gateway, k, server):
    web = addr("web")
    same(attempt("web", "redis", 6379), "timeout", "a pod that is not there yet")
    k.pod("web-0", "shop", [web, addr("web", 6)], {"app": "web"})
    took = [lag(gateway, web, "web", time.time())]
    same(attempt("web", "redis", 6379), "open", "a pod that is made")
    for _ in range(5):
        stream = Stream("web", "redis", 6379, server, 4)
        stream.flowing()
        took.append(lag(gateway, web, "batch", k.label("web-0", "shop", {"app": "batch"})))
        last = stream.sent_so_far()
        time.sleep(1.0)
        check(stream.sent_so_far() > last, "the client goes on sending")
        arrived = stream.received()
        check(arrived <= last, f"number {arrived} arrived, sent after {last}")
        stream.close()
        took.append(lag(gateway, web, "web", k.label("web-0", "shop", {"app": "web"})))
        same(attempt("web", "redis", 6379), "open", "as before")
    k.kubectl("-n", "shop", "label", "pod", "web-0", "--overwrite", "app=batch")
    took.append(lag(gateway, web, "batch", time.time()))
    same(attempt("web", "redis", 6379), "timeout", "relabelled with kubectl")
    k.kubectl("-n", "shop", "delete", "pod", "web-0", "--grace-period=0", "--force")
    took.append(lag(gateway, web, None, time.time()))
    # Its address is another's, before and after that one is gone.
    k.pod("one", "shop", [web], {"app": "batch"})
    took.append(lag(gateway, web, "batch", time.time()))
    same(attempt("web", "redis", 6379), "timeout", "an address that another pod has")
    time.sleep(1.1)                              # of two pods the one that started last, to the second
    k.pod("two", "shop", [web], {"app": "web"})
    took.append(lag(gateway, web, "web", time.time()))
    same(attempt("web", "redis", 6379), "open", "the newest of two")
    k.delete("two", "shop")
    took.append(lag(gateway, web, "batch", time.time()))
    same(attempt("web", "redis", 6379), "timeout", "the one before it")
    k.delete("one", "shop")
    took.append(lag(gateway, web, None, time.time()))
    k.pod("web-0", "shop", [web], {"app": "web"})
    took.append(lag(gateway, web, "web", time.time()))
    within_a_second(took, "made, relabelled, deleted, reused: the gateway has it")


def status_of(k, kind, name):
    return k.kubectl("get", kind, name, "-o", "jsonpath={.status.state} {.status.revision} {.status.reason}").split(" ", 2)


def resources(gateway, k):
    """Segments and policies by kubectl, checked by the server, accepted or refused by the gateway."""
    resource = ("apiVersion: bulkhead.internal/v1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n---\n").format
    k.kubectl("apply", stdin=resource("BulkheadSegment", "web", "{selector: app = web}") +
              resource("BulkheadSegment", "redis", "{selector: app = redis}") +
              resource("BulkheadPolicy", "more", "{rules: [{from: [web], to: [redis], ports: [tcp/6380], action: allow}]}"))
    until(lambda: status_of(k, "bpol", "more")[0] == "Accepted", "a BulkheadPolicy", 30)
    say(f"kubectl get bpol: {k.kubectl('get', 'bpol').splitlines()[-1]}")
    same(attempt("web", "redis", 6380), "open", "what it allows")
    bad = k.kubectl("apply", ok=False, stdin=resource("BulkheadPolicy", "bad", "{rules: [{from: [web], to: [redis], action: pass}]}"))
    check(bad.returncode != 0 and "action" in bad.stdout, f"the server itself refuses what its schema does: {bad.stdout}")
    k.kubectl("apply", stdin=resource("BulkheadPolicy", "more", "{rules: [{from: [web], to: [nobody], action: allow}]}"))
    until(lambda: status_of(k, "bpol", "more")[0] == "Refused", "one that names nobody", 30)
    check("nobody" in status_of(k, "bpol", "more")[2], f"why: {status_of(k, 'bpol', 'more')}")
    same(attempt("web", "redis", 6380), "open", "what it said before stays")
    k.kubectl("delete", "bpol", "more")
    until(lambda: attempt("web", "redis", 6380) == "timeout", "it is gone", 30)


def sensors(gateway, k):
    """A BulkheadSensor by kubectl, as the shipped definition takes it; what the server lets through and does not load is refused."""
    sensor = ("apiVersion: bulkhead.internal/v1\nkind: BulkheadSensor\nmetadata: {{name: projects}}\nspec: {{severity: high, rules: [{{name: codename, "
              "patterns: [{{op: regex, value: '{}', context: url}}]}}], attach: [{{segments: [redis], side: server, action: deny}}]}}\n").format
    k.kubectl("apply", stdin=sensor("project-(alpha|beta)"))
    until(lambda: status_of(k, "bsen", "projects")[0] == "Accepted", "a BulkheadSensor", 60)
    say(f"kubectl get bsen: {k.kubectl('get', 'bsen').splitlines()[-1]}")
    gateway.logged("sensors in use: 1 with 1 rules")
    k.kubectl("apply", stdin=sensor("project-(alpha"))
    until(lambda: status_of(k, "bsen", "projects")[0] == "Refused", "one whose pattern is none", 60)
    reason = status_of(k, "bsen", "projects")[2]
    check("east/projects" in reason and "codename" in reason and "parenthesis" in reason, f"why: {reason}")
    say(f"refused: {reason}")
    same(k.kubectl("get", "bsen", "projects", "-o", "jsonpath={.status.observedGeneration} {.metadata.generation}").split(), ["2", "2"],
         "which text it is about")
    bad = k.kubectl("apply", ok=False, stdin=sensor("x").replace("action: deny", "action: quarantine"))
    check(bad.returncode != 0 and "quarantine" in bad.stdout, f"the server itself refuses what its schema does: {bad.stdout}")
    k.kubectl("delete", "bsen", "projects")
    gateway.logged("sensors in use: 0 with 0 rules")


def others_resources(gateway, k):
    """NetworkPolicies and EndpointSlices."""
    k.kubectl("apply", stdin=text({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "redis", "namespace": "db"},
        "spec": {"podSelector": {"matchLabels": {"app": "redis"}}, "policyTypes": ["Ingress"], "ingress": [
            {"from": [{"namespaceSelector": {"matchLabels": {"tier": "front"}}}], "ports": [{"port": 6380}]}]}}))
    until(lambda: attempt("web", "redis", 6380) == "open", "what a NetworkPolicy allows", 30)
    k.kubectl("-n", "db", "delete", "networkpolicy", "redis")
    until(lambda: attempt("web", "redis", 6380) == "timeout", "it is gone", 30)
    version = "v1beta1" if k.ask("GET", "/apis/discovery.k8s.io/v1")[0] == 404 else "v1"
    k.kubectl("apply", stdin=text({
        "apiVersion": f"discovery.k8s.io/{version}", "kind": "EndpointSlice", "metadata": {
            "name": "outside", "namespace": "db", "labels": {"kubernetes.io/service-name": "outside"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.9"]}], "ports": []}))
    until(lambda: (labels(gateway, "192.0.2.9") or {}).get("k8s.service") == "outside", "an end of an EndpointSlice", 30)


def rights(k):
    who = "--as=system:serviceaccount:bulkhead:bulkhead"
    for verb, what, want in (("list", "pods", "yes"), ("watch", "endpointslices.discovery.k8s.io", "yes"), ("get", "secrets", "no"),
                             ("list", "configmaps", "no"), ("delete", "pods", "no"), ("create", "bulkheadpolicies.bulkhead.internal", "no"),
                             ("watch", "bulkheadsensors.bulkhead.internal", "yes"), ("patch", "bulkheadsensors.bulkhead.internal", "no"),
                             ("update", "networkpolicies.networking.k8s.io", "no")):
        got = k.kubectl("auth", "can-i", verb, what, "-A", who, ok=False).stdout.split()
        same(got[-1:], [want], f"may the gateway {verb} {what}?")


def resident(gateway):
    with open(f"/proc/{gateway.p.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) // 1024


def place(i):
    return f"10.244.{i // 250}.{i % 250 + 1}"


def differences(gateway, k):
    """Addresses whose labels are not what the API says."""
    api, query = {}, "limit=1000"
    while True:
        _, page = k.ask("GET", f"/api/v1/namespaces/load/pods?{query}")
        api.update({o["status"]["podIP"]: o["metadata"]["labels"] for o in page["items"] if o["status"].get("podIP")})
        if not page["metadata"].get("continue"):
            break
        query = f"limit=1000&continue={page['metadata']['continue']}"
    have, cursor = {}, ""
    while cursor is not None:
        page = gateway.get(f"/endpoints?label=k8s.namespace=load&limit=1000{cursor}")
        have.update({o["address"].split("/")[0]: o["labels"] for o in page["items"]})
        cursor = f"&cursor={page['next']}" if page["next"] else None
    return [a for a in set(api) | set(have)
            if a not in api or a not in have or any(have[a].get(key) != v for key, v in api[a].items())]


def many(gateway, k, server):
    """5,000 pods, then 100 changes a second, under traffic that must not be harmed."""
    before, begun = resident(gateway), time.time()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: k.pod(f"p{i}", "load", [place(i)], {"app": "load", "v": "0"}), range(PODS)))
    made = time.time()
    until(lambda: not differences(gateway, k), f"{PODS} pods are known", 60)
    say(f"{PODS} pods in {made - begun:.0f} s: all known {time.time() - made:.1f} s later (the look itself takes most of it); "
        f"memory {before} -> {resident(gateway)} MiB")
    check(resident(gateway) < before + 150, "memory is bounded")
    stream = Stream("web", "redis", 6379, server, 4)
    stream.flowing()
    took, late, first = [], 0, time.time()

    def change(n):
        nonlocal late
        wait = first + n / RATE - time.time()
        if wait > 0:
            time.sleep(wait)
        late += wait < -1
        i, kind = random.randrange(PODS // 16) * 16 + n % 16, n % 10
        said = k.label(f"p{i}", "load", {"v": f"n{n}"})
        if kind == 0:
            took.append(lag_label(gateway, place(i), f"n{n}", said))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(change, range(RATE * SECONDS)))
    rate = RATE * SECONDS / (time.time() - first)
    time.sleep(1.0)
    same(differences(gateway, k), [], "labels a second after the last change")
    stream.flowing()
    stream.close()
    say(f"{RATE * SECONDS} changes at {rate:.0f} a second ({late} of them a second late); memory {resident(gateway)} MiB")
    within_a_second(took, f"of {RATE} changes a second each tenth: the gateway has it")


def lag_label(gateway, address, want, since):
    """Or a newer one: others change it, too."""
    while int((labels(gateway, address) or {"v": "n-1"})["v"][1:] or -1) < int(want[1:]):
        check(time.time() < since + 20, f"{address} has {want}")
        time.sleep(0.01)
    return time.time() - since


def killed(gateway, k):
    k.kill()
    time.sleep(2)
    same(attempt("web", "redis", 6379), "open", "what was known stays in force")
    check(not gateway.get("/sources")["items"][0]["connected"], "it says that the server is away")
    k.start()
    said = k.label("web-0", "shop", {"app": "batch"})
    back = lag(gateway, addr("web"), "batch", said)
    say(f"killed -9 and started: a change made at once is in force {back:.1f} s later")
    same(attempt("web", "redis", 6379), "timeout", "as it is now")
    k.label("web-0", "shop", {"app": "web"})
    until(lambda: gateway.get("/sources")["items"][0]["connected"], "in step again", 90)
    until(lambda: app(gateway, addr("web")) == "web", "and back", 30)
    same(differences(gateway, k), [], "labels when it is back")
    within_a_second([lag(gateway, addr("web"), want, k.label("web-0", "shop", {"app": want})) for want in ("batch", "web") * 3],
                    "after it is back")


def rotated(gateway, k):
    """Another authority, another server's certificate, another one of the gateway."""
    certificates()
    k.local = threading.local()
    k.kill()
    k.start()
    until(lambda: gateway.get("/sources")["items"][0]["connected"], "in step with new certificates", 90)
    within_a_second([lag(gateway, addr("web"), want, k.label("web-0", "shop", {"app": want})) for want in ("batch", "web") * 3],
                    "with every certificate replaced")
    same(attempt("web", "redis", 6379), "open", "as ever")


def test():
    make()
    k = Cluster()
    k.kubectl("apply", "-f", f"{DEPLOY}/rbac.yaml", "-f", f"{DEPLOY}/resources.yaml")
    k.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "bulkheadpolicies.bulkhead.internal")
    rights(k)
    for name, extra in (("shop", ", labels: {tier: front}"), ("db", ""), ("load", "")):
        k.kubectl("apply", stdin=f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}{extra}}}\n")
    k.pod("redis-0", "db", [addr("redis"), addr("redis", 6)], {"app": "redis"})
    gateway = Gateway(policy([{"id": "web-to-redis", "from": "w", "to": "r", "action": "allow", "ports": ["tcp/6379"]}], [],
                             {"w": {"selector": "app=web, k8s.namespace/tier=front, k8s.cluster=east"},
                              "r": {"selector": "app=redis, k8s.namespace=db"}}),
                      store={"path": "store.db"}, sources=[
        {"type": "kubernetes", "name": "east", "kubeconfig": at("gateway.kubeconfig"), "resources": "apply",
         "network_policies": "apply", "pods": ["10.99.0.0/16", "10.244.0.0/16"], "stale": {"after": "10m"}}])
    gateway.start()
    until(lambda: app(gateway, addr("redis")) == "redis", "what the first list says is in force", 60)
    server = Server("redis", 6379)
    second = Server("redis", 6380)
    life_of_a_pod(gateway, k, server)
    others_resources(gateway, k)
    resources(gateway, k)
    sensors(gateway, k)
    many(gateway, k, server)
    killed(gateway, k)
    rotated(gateway, k)
    check(second is not None, "the second server")
    gateway.stop()


main(test)
