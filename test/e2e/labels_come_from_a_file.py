"""A file of endpoints is in force when it has been replaced, as a whole or not at all; then its labels are an address's, and
beside it those of the policy and of REST stay."""

import os

from lib.check import main, same, until
from lib.gateway import ENDPOINTS, Gateway, policy, write
from lib.wire import Server, addr, attempt, make


def replace(path, document):
    write(f"{path}.new", document)
    os.rename(f"{path}.new", path)


def app(gateway, address):
    status, answer = gateway.request("GET", f"/endpoints/{address}")
    return answer["labels"].get("app") if status == 200 else None


def test():
    make()
    others = [e for e in ENDPOINTS if e["labels"]["app"] != "web"]
    gateway = Gateway(policy(endpoints=others), sources=[{"type": "file", "name": "cmdb", "path": "cmdb.yaml"}])
    path = os.path.join(gateway.dir, "cmdb.yaml")
    write(path, {"endpoints": []})
    gateway.start()
    Server("redis", 6379, 4)
    same(attempt("web", "redis", 6379), "timeout", "an address that nobody has")
    web = {"address": addr("web"), "labels": {"app": "web", "zone": "shop"}}
    replace(path, {"endpoints": [web, {"address": "10.99.9.0/24", "labels": {"app": "lab"}}]})
    until(lambda: app(gateway, addr("web")) == "web", "what the file says")
    same(app(gateway, "10.99.9.0/24"), "lab", "a prefix")
    same(attempt("web", "redis", 6379, timeout=20), "open", "by the file's labels")
    replace(path, "endpoints: [{address: 10.99.0.300, labels: {app: x}}]\n")
    gateway.logged("source cmdb: .*cmdb.yaml:1:")
    until(lambda: gateway.get("/sources")["items"][0]["trouble"], "its trouble is told")
    same(attempt("web", "redis", 6379, timeout=20), "open", "the one before stays")
    replace(path, {"endpoints": [web]})
    until(lambda: app(gateway, "10.99.9.0/24") is None, "what it lacks is gone")
    same(app(gateway, addr("redis")), "redis", "the policy's")
    replace(path, {"endpoints": [{**web, "labels": {"app": "batch", "zone": "shop"}}]})
    until(lambda: app(gateway, addr("web")) == "batch", "other labels")
    same(attempt("web", "redis", 6379), "timeout", "by other labels")
    gateway.stop()


main(test)
