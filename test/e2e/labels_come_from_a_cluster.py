"""Pods of a cluster are who its API server says they are: made, relabelled, deleted, their addresses given to others, while
traffic flows; the API server killed and back, its history lost, its token changed."""

import base64
import os
import time

from lib.check import check, main, same, say, until
from lib.gateway import DIR, Gateway, policy, text, write
from lib.kube_api import KubeApi, certificates, kubeconfig
from lib.pump import Stream
from lib.wire import Server, addr, attempt, make

SEGMENTS = {"web": {"selector": "app=web, k8s.namespace/tier=front, k8s.cluster=east"},
            "redis": {"selector": "app=redis, k8s.namespace=db"}}
RULES = [{"id": "web-to-redis", "from": "web", "to": "redis", "action": "allow", "ports": ["tcp/6379"]}]


def labels(gateway, address):
    status, answer = gateway.request("GET", f"/endpoints/{address}")
    return answer["labels"] if status == 200 else None


def becomes(gateway, address, want, what):
    until(lambda: (labels(gateway, address) or {}).get("app") == want, what, 20)


def relabelled_under_load(gateway, api, server):
    """Not a byte that was sent after the change was in force arrives. Returns how long it took."""
    stream = Stream("web", "redis", 6379, server, 4)
    stream.flowing()
    version = api.pod("web-0", "shop", [addr("web", 4), addr("web", 6)], {"app": "batch"})
    spoken = api.spoken(version)
    while (labels(gateway, addr("web")) or {}).get("app") != "batch":
        check(time.time() < spoken + 20, "the relabelling arrives")
    took, last = time.time() - spoken, stream.sent_so_far()
    time.sleep(1.0)
    check(stream.sent_so_far() > last, "the client goes on sending")
    arrived = stream.received()
    check(arrived <= last, f"number {arrived} arrived, sent after {last}")
    api.pod("web-0", "shop", [addr("web", 4), addr("web", 6)], {"app": "web"})
    becomes(gateway, addr("web"), "web", "the labels are back")
    stream.flowing()
    stream.received()
    stream.close()
    return took


def addresses(gateway, api):
    """Who has an address: completed, terminating, host's, reused."""
    web = addr("web")
    api.pod("web-0", "shop", [web, addr("web", 6)], {"app": "web"}, phase="Succeeded")
    until(lambda: labels(gateway, web) is None, "a completed pod gives its address up")
    same(attempt("web", "redis", 6379), "timeout", "a completed pod's address")
    api.pod("other", "shop", [web], {"app": "batch"}, start="2026-01-01T00:00:05Z")
    becomes(gateway, web, "batch", "another pod has its address")
    api.pod("web-1", "shop", [web], {"app": "web"}, start="2026-01-01T00:00:09Z")
    becomes(gateway, web, "web", "the newest of two pods has it")
    same(attempt("web", "redis", 6379, timeout=20), "open", "the newest")
    api.delete("pods", "other", "shop")
    api.pod("web-1", "shop", [web], {"app": "web"}, start="2026-01-01T00:00:09Z", terminating=True)
    time.sleep(0.5)
    same(attempt("web", "redis", 6379, timeout=20), "open", "a pod that is ending, until it is gone")
    api.delete("pods", "web-1", "shop")
    until(lambda: labels(gateway, web) is None, "it is gone")
    api.pod("on-host", "shop", [web], {"app": "web"}, host=True)
    api.put("nodes", {"metadata": {"name": "node-1", "labels": {"kubernetes.io/hostname": "node-1"}},
                      "status": {"addresses": [{"type": "InternalIP", "address": web}]}})
    until(lambda: (labels(gateway, web) or {}).get("kubernetes.io/hostname") == "node-1", "a node's address is the node's")
    api.delete("nodes", "node-1")
    until(lambda: labels(gateway, web) is None, "the node is gone")
    forged = {"app": "web", "k8s.namespace/tier": "front", "k8s.cluster": "east", "kubernetes.io/hostname": "x", "namespace": "y"}
    api.namespace("evil")
    api.pod("forged", "evil", [web], forged)
    becomes(gateway, web, "web", "a pod that writes itself labels of its namespace")
    got = labels(gateway, web)
    check("k8s.namespace/tier" not in got and "kubernetes.io/hostname" not in got, f"it has none of them: {got}")
    same((got["k8s.namespace"], got["namespace"]), ("evil", "evil"), "its namespace")
    same(attempt("web", "redis", 6379), "timeout", "a pod that lies")
    api.delete("pods", "forged", "evil")
    api.put("services", {"metadata": {"name": "front", "namespace": "shop", "labels": {"app": "front"}},
                         "spec": {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "externalIPs": [addr("redis")]}})
    until(lambda: (labels(gateway, "10.96.0.7") or {}).get("k8s.service") == "front", "a service's address")
    same(labels(gateway, addr("redis"))["app"], "redis", "an address that a service would like to have")
    api.pod("web-0", "shop", [web, addr("web", 6)], {"app": "web"})
    becomes(gateway, web, "web", "web again")


def gone_and_back(gateway, api):
    """The server away, and back with a history that is lost."""
    api.kill()
    time.sleep(1.0)
    same(attempt("web", "redis", 6379, timeout=20), "open", "what was known stays in force")
    source = until(lambda: [s for s in gateway.get("/sources")["items"] if not s["connected"]], "it is said that it is away")[0]
    check(source["name"] == "east" and source["trouble"], f"{source}")
    gateway.event("alert", b_kind="anomaly", seconds=30)
    until(lambda: [s for s in gateway.get("/sources")["items"] if s["stale"]], "it is stale", 30)
    gateway.logged("source east has said nothing for 3s")
    api.forget()
    key = ("shop", "web-0")
    gone = api.objects["pods"].pop(key)      # while nobody looked
    with api.lock:
        api.version += 1
    api.forget()
    lists = api.lists
    api.sulks = {"pods": 4}                  # as one that has not read its own state yet
    api.start()
    back = time.time()
    until(lambda: labels(gateway, addr("web")) is None, "what the new list does not have is gone", 60)
    say(f"the server is back: known {1000 * (time.time() - back):.0f} ms later, four refusals included")
    check(time.time() - back < 15, "a server that says no at first is asked again soon")
    check(api.lists >= lists + 1, "all was listed again")
    same(attempt("web", "redis", 6379), "timeout", "who is gone")
    api.put("pods", gone)
    becomes(gateway, addr("web"), "web", "it is there again")
    gateway.logged("source east is back")
    until(lambda: all(s["connected"] and not s["stale"] for s in gateway.get("/sources")["items"]), "all is in step", 60)


def test():
    make()
    path = certificates()
    token = os.path.join(DIR, "kube-token")
    write(token, "first-token\n")
    api = KubeApi(6443, path, token="first-token", page=3).start()
    api.namespace("shop", tier="front")
    api.namespace("db")
    for i in range(10):
        api.pod(f"filler-{i}", "shop", [f"10.99.7.{i + 1}"], {"app": "filler"})
    api.pod("redis-0", "db", [addr("redis", 4), addr("redis", 6)], {"app": "redis"})
    write(os.path.join(DIR, "kubeconfig"), text(kubeconfig({"certificate-authority": path("ca.crt")}, 6443, {"tokenFile": token})))
    with open(path("ca.crt"), "rb") as ca, open(path("client.crt"), "rb") as crt, open(path("client.key"), "rb") as key:
        ca, crt, key = (base64.b64encode(f.read()).decode() for f in (ca, crt, key))
    west = KubeApi(6444, path).start()
    west.namespace("shop")
    west.pod("west-0", "shop", ["10.98.0.1"], {"app": "web"})
    write(os.path.join(DIR, "kubeconfig-west"),
          text(kubeconfig({"certificate-authority-data": ca}, 6444, {"client-certificate-data": crt, "client-key-data": key})))
    gateway = Gateway(policy(RULES, [], SEGMENTS), sources=[
        {"type": "kubernetes", "name": "east", "kubeconfig": os.path.join(DIR, "kubeconfig"), "stale": {"after": "3s"}},
        {"type": "kubernetes", "name": "west", "kubeconfig": os.path.join(DIR, "kubeconfig-west")}])
    gateway.start()
    becomes(gateway, addr("redis"), "redis", "what the first list says is in force")
    becomes(gateway, "10.99.7.10", "filler", "all pages of it")
    until(lambda: (labels(gateway, "10.98.0.1") or {}).get("k8s.cluster") == "west", "a second cluster, by client certificate")
    servers = [Server("redis", 6379, family) for family in (4, 6)]
    same(attempt("web", "redis", 6379), "timeout", "a pod that is not there yet")
    api.pod("web-0", "shop", [addr("web", 4), addr("web", 6)], {"app": "web"})
    becomes(gateway, addr("web"), "web", "a pod that is made")
    for family in (4, 6):
        same(attempt("web", "redis", 6379, family, 20), "open", "its connection")
    took = [relabelled_under_load(gateway, api, servers[0]) for _ in range(5)]
    say(f"relabelled: in force and seen {1000 * min(took):.0f} to {1000 * max(took):.0f} ms after the API said so")
    check(min(took) < 0.1, f"in force within 100 ms ({took})")
    api.namespace("shop", tier="back")
    until(lambda: (labels(gateway, addr("web")) or {}).get("k8s.namespace/tier") == "back", "a namespace's labels change")
    same(attempt("web", "redis", 6379), "timeout", "pods of a namespace that is no front any more")
    api.namespace("shop", tier="front")
    until(lambda: (labels(gateway, addr("web")) or {}).get("k8s.namespace/tier") == "front", "and back")
    addresses(gateway, api)
    gone_and_back(gateway, api)
    write(token, "second-token\n")
    api.token = "second-token"
    refused = api.refused
    api.kill()
    api.start()
    until(lambda: all(s["connected"] for s in gateway.get("/sources")["items"]), "it comes with the new token", 60)
    same(api.refused, refused, "requests with the old token")
    check("token" not in gateway.log().replace("tokenFile", ""), "no token is in the log")
    gateway.stop()


main(test)
