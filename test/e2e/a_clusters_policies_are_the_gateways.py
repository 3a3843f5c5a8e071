"""A cluster's NetworkPolicies, and its BulkheadSegments and BulkheadPolicies, decide about its pods: what is accepted is in force and says
so in its status, what is bad is refused there with its reason and changes nothing; they outlive a policy that somebody puts, a restart
without the API server, and a history that is lost."""

import os
import time

from lib.check import check, main, same, until
from lib.fleet import document
from lib.gateway import DIR, Gateway, policy, text, write
from lib.kube_api import GROUPS, KubeApi, certificates, kubeconfig
from lib.wire import Server, addr, attempt, make

OLDER = {**GROUPS, "endpointslices": "discovery.k8s.io/v1beta1"}


def resource(api, kind, name, spec):
    api.put(kind, {"metadata": {"name": name}, "spec": spec})


def told(api, kind, name, state, what):
    return until(lambda: (lambda s: s if s and s[0] == state else None)(api.state(kind, name)),
                 f"{what}: {name} is {state}, not {api.state(kind, name)}", 60)[1]


def rules(src, dst, **more):
    return {"rules": [{"from": [src], "to": [dst], "ports": ["tcp/6379"], "action": "allow", **more}]}


def origin(gateway, word):
    return [r["id"] for r in gateway.get("/rules?limit=1000")["items"] if r["origin"] == word]


def resources(gateway, api):
    same(attempt("web", "redis", 6379), "timeout", "nothing allows it yet")
    resource(api, "bulkheadsegments", "web", {"selector": "app = web"})
    resource(api, "bulkheadsegments", "redis", {"selector": "app = redis"})
    resource(api, "bulkheadpolicies", "sessions", rules("web", "redis"))
    told(api, "bulkheadpolicies", "sessions", "Accepted", "a policy of the cluster")
    told(api, "bulkheadsegments", "web", "Accepted", "a segment of the cluster")
    same(attempt("web", "redis", 6379, timeout=20), "open", "what it allows")
    same(origin(gateway, "clusters"), ["east/sessions/1"], "rules of the cluster")
    for spec, words in ((rules("web", "nobody"), "nobody"), (rules("any", "any"), "one end must be"),
                        (rules("web", "redis", ports=["tcp/no"]), "east/sessions/1"), ({"rules": "all"}, "a list")):
        resource(api, "bulkheadpolicies", "sessions", spec)
        reason = told(api, "bulkheadpolicies", "sessions", "Refused", words)
        check(words in reason, f"why: {reason}")
        same(attempt("web", "redis", 6379, timeout=20), "open", "what it said before stays")
        resource(api, "bulkheadpolicies", "sessions", rules("web", "redis"))
        told(api, "bulkheadpolicies", "sessions", "Accepted", "mended")
    source = gateway.get("/sources")["items"][0]
    same((source["policies"], source["policies_refused"]), (3, 0), "what the source says of its policies")
    api.delete("bulkheadsegments", "redis")
    gateway.logged("BulkheadSegment redis is refused")
    same(attempt("web", "redis", 6379, timeout=20), "open", "a segment that is needed stays")
    resource(api, "bulkheadsegments", "redis", {"selector": "app = redis"})


def others_change_the_policy(gateway):
    """A document that somebody puts has no `clusters:`; those that are in force go on."""
    status, answer = gateway.request("PUT", "/policy", text(policy([], [], {"x": {"selector": "app=x"}})), kind="application/yaml")
    same(status, 200, f"a policy that is put ({answer})")
    same(origin(gateway, "clusters"), ["east/sessions/1"], "rules of the cluster go on")
    same(attempt("web", "redis", 6379, timeout=20), "open", "and decide")


def network_policies(gateway, api):
    api.delete("bulkheadpolicies", "sessions")
    until(lambda: origin(gateway, "clusters") == [], "a policy that is deleted is gone", 60)
    same(attempt("web", "redis", 6379), "timeout", "nothing allows it any more")
    api.put("networkpolicies", {"metadata": {"name": "redis", "namespace": "db"}, "spec": {
        "podSelector": {"matchLabels": {"app": "redis"}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"tier": "front"}}}],
                     "ports": [{"protocol": "TCP", "port": 6379}]}]}})
    until(lambda: attempt("web", "redis", 6379) == "open", "what a NetworkPolicy allows", 60)
    same(attempt("web", "redis", 6380), "timeout", "another port")
    check("east/networkpolicy/k8s/isolated-ingress" in origin(gateway, "clusters"), f"{origin(gateway, 'clusters')}")
    api.put("networkpolicies", {"metadata": {"name": "bad", "namespace": "db"}, "spec": {
        "podSelector": {"matchLabels": {"-": "x"}}}})
    gateway.logged("NetworkPolicy db/bad is refused")
    same(attempt("web", "redis", 6379, timeout=20), "open", "the others stay")


def slices(gateway, api):
    """Who stands behind a service and is no pod; the older version of the API is found by itself."""
    api.put("endpointslices", {"metadata": {"name": "db-1", "namespace": "db", "labels": {"kubernetes.io/service-name": "db"}},
                               "addressType": "IPv4", "endpoints": [
                                   {"addresses": ["192.0.2.9"]}, {"addresses": [addr("web")]},
                                   {"addresses": ["192.0.2.10"], "targetRef": {"kind": "Pod", "name": "p"}}]})
    until(lambda: gateway.request("GET", "/endpoints/192.0.2.9")[0] == 200, "an end of a slice", 60)
    same(gateway.get("/endpoints/192.0.2.9")["labels"]["k8s.service"], "db", "its service")
    same(gateway.get(f"/endpoints/{addr('web')}")["labels"]["app"], "web", "a pod's address that it would like to have")
    same(gateway.request("GET", "/endpoints/192.0.2.10")[0], 404, "a pod that it names")


def gone_and_back(gateway, api):
    api.kill()
    gateway.stop()
    gateway.start()
    check("east/networkpolicy/k8s/isolated-ingress" in origin(gateway, "clusters"), "a restart without the API server keeps them")
    api.forget()
    api.objects["networkpolicies"].clear()       # while nobody looked
    api.forget()
    api.start()
    until(lambda: origin(gateway, "clusters") == [], "what the new list does not have is gone", 90)
    resource(api, "bulkheadpolicies", "sessions", rules("web", "redis"))
    told(api, "bulkheadpolicies", "sessions", "Accepted", "after the restart")
    until(lambda: attempt("web", "redis", 6379) == "open", "it decides", 60)


def nothing_is_left(gateway, api):
    """The last object is gone: so is all of it, once."""
    for kind in ("bulkheadpolicies", "bulkheadsegments"):
        for _, name in list(api.objects[kind]):
            api.delete(kind, name)
    until(lambda: b"clusters:" not in document(gateway), "the part of clusters is gone", 60)
    revision = gateway.get("/policy")["revision"]
    time.sleep(6)                                # it is looked at each 5 s
    same(gateway.get("/policy")["revision"], revision, "revisions, when nothing changes")


def test():
    make()
    path = certificates()
    api = KubeApi(6443, path, page=3, groups=OLDER).start()
    api.namespace("shop", tier="front")
    api.namespace("db")
    api.pod("web-0", "shop", [addr("web")], {"app": "web"})
    api.pod("redis-0", "db", [addr("redis")], {"app": "redis"})
    write(os.path.join(DIR, "kubeconfig"),
          text(kubeconfig({"certificate-authority": path("ca.crt")}, 6443,
                          {"client-certificate": path("client.crt"), "client-key": path("client.key")})))
    gateway = Gateway(policy([], [], {}), store={"path": "store.db"}, sources=[
        {"type": "kubernetes", "name": "east", "kubeconfig": os.path.join(DIR, "kubeconfig"), "resources": "apply",
         "network_policies": "apply", "pods": ["10.99.0.0/16"]}])
    gateway.start()
    server = Server("redis", 6379)
    until(lambda: gateway.request("GET", f"/endpoints/{addr('web')}")[0] == 200, "the first list", 60)
    resources(gateway, api)
    others_change_the_policy(gateway)
    network_policies(gateway, api)
    slices(gateway, api)
    gone_and_back(gateway, api)
    check(server is not None, "the server")
    nothing_is_left(gateway, api)
    gateway.stop()


main(test)
