"""networking.k8s.io/v1 NetworkPolicy as Kubernetes' reference says it: a pod that some policy selects for a direction is
isolated in it; a connection passes when the source's egress and the destination's ingress both let it. And clusters
drawn at random."""

import ipaddress

NAMESPACES = {"shop": {"team": "a"}, "pay": {"team": "b", "pci": "yes"}, "ops": {"team": "a"}}
APPS = ["web", "api", "db"]
PODS = "10.244.0.0/16"
PORTS = [("TCP", 80), ("TCP", 82), ("TCP", 443), ("UDP", 53), ("SCTP", 3868), ("TCP", 30000)]


class Pod:
    def __init__(self, address, ns, labels):
        self.address, self.ns, self.labels = address, ns, labels


def selected(selector, labels):
    """A LabelSelector: all of matchLabels and matchExpressions; empty: everybody."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for e in selector.get("matchExpressions", []):
        value = labels.get(e["key"])
        holds = {"In": value in e.get("values", []), "NotIn": value not in e.get("values", []),
                 "Exists": value is not None, "DoesNotExist": value is None}[e["operator"]]
        if not holds:
            return False
    return True


def _namespace_labels(ns):
    return dict(NAMESPACES[ns], **{"kubernetes.io/metadata.name": ns})


class Cluster:
    def __init__(self, pods, strangers, policies):
        self.pods, self.strangers, self.policies = pods, strangers, policies

    def _pod(self, address):
        return next((p for p in self.pods if p.address == address), None)

    @staticmethod
    def _types(policy):
        spec = policy["spec"]
        return spec.get("policyTypes") or ["Ingress"] + (["Egress"] if spec.get("egress") else [])

    def _peer(self, policy, peer, address):
        block = peer.get("ipBlock")
        if block:
            a = ipaddress.ip_address(address)
            return a in ipaddress.ip_network(block["cidr"]) and not any(
                a in ipaddress.ip_network(e) for e in block.get("except", []))
        pod = self._pod(address)
        if pod is None:
            return False
        if "namespaceSelector" in peer:
            if not selected(peer["namespaceSelector"], _namespace_labels(pod.ns)):
                return False
        elif pod.ns != policy["metadata"]["namespace"]:
            return False
        return selected(peer.get("podSelector", {}), pod.labels)

    @staticmethod
    def _port(ports, proto, port):
        if not ports:
            return True
        for p in ports:
            if p.get("protocol", "TCP") != proto:
                continue
            if "port" not in p or p["port"] <= port <= p.get("endPort", p["port"]):
                return True
        return False

    def _lets(self, direction, address, peer, proto, port):
        """Does the pod's side let it? Who is no pod is never isolated."""
        pod, isolated = self._pod(address), False
        if pod is None:
            return True
        for policy in self.policies:
            if policy["metadata"]["namespace"] != pod.ns or direction not in self._types(policy):
                continue
            if not selected(policy["spec"].get("podSelector", {}), pod.labels):
                continue
            isolated = True
            for rule in policy["spec"].get(direction.lower()) or []:
                peers = rule.get("from" if direction == "Ingress" else "to")
                if (not peers or any(self._peer(policy, p, peer) for p in peers)) and self._port(
                        rule.get("ports"), proto, port):
                    return True
        return not isolated

    def allowed(self, source, destination, proto, port):
        return (self._lets("Egress", source, destination, proto, port)
                and self._lets("Ingress", destination, source, proto, port))

    def endpoints(self):
        """Pods with the labels that an importer's conventions give them (docs/import.md)."""
        found = []
        for p in self.pods:
            labels = dict(p.labels, **{"k8s.namespace": p.ns})
            labels.update({"k8s.namespace/" + k: v for k, v in NAMESPACES[p.ns].items()})
            found.append({"address": p.address, "labels": labels})
        return found

    def pairs(self):
        """Between two that are no pods Kubernetes has no say."""
        pods = [p.address for p in self.pods]
        ends = pods + self.strangers
        return [(a, b) for a in ends for b in ends if a != b and (a in pods or b in pods)]


# ---- drawing -----------------------------------------------------------------------------------------------------


def _selector(rng, values):
    """values: key -> values."""
    key = rng.choice(sorted(values))
    op = rng.choice(["label", "label", "In", "NotIn", "Exists", "DoesNotExist", "all"])
    if op == "all":
        return {}
    if op == "label":
        return {"matchLabels": {key: rng.choice(values[key])}}
    e = {"key": key, "operator": op}
    if op in ("In", "NotIn"):
        e["values"] = rng.sample(values[key], rng.randint(1, len(values[key])))
    return {"matchExpressions": [e]}


def _pods(rng):
    return _selector(rng, {"app": APPS, "tier": ["front", "back"]})


def _spaces(rng):
    return _selector(rng, {"team": ["a", "b"], "pci": ["yes"], "kubernetes.io/metadata.name": sorted(NAMESPACES)})


def _draw_peer(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return {"podSelector": _pods(rng)}
    if kind == 1:
        return {"namespaceSelector": _spaces(rng)}
    if kind == 2:
        return {"namespaceSelector": _spaces(rng), "podSelector": _pods(rng)}
    return {"ipBlock": rng.choice([
        {"cidr": "0.0.0.0/0"}, {"cidr": "0.0.0.0/0", "except": ["198.51.100.0/24"]},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, {"cidr": "198.51.100.0/24"},
        {"cidr": "198.51.100.0/24", "except": ["198.51.100.128/25", "198.51.100.16/28"]}, {"cidr": "10.0.0.0/8"}])}


def _draw_ports(rng):
    drawn = []
    for _ in range(rng.choice([0, 1, 1, 2])):
        proto, port = rng.choice(PORTS)
        p = {"protocol": proto}
        if rng.random() < 0.85:
            p["port"] = port
            if rng.random() < 0.3:
                p["endPort"] = port + rng.choice([1, 2, 500])
        elif proto == "TCP":
            p = {"port": port}  # TCP is the default
        drawn.append(p)
    return drawn


def draw(rng):
    pods = []
    for i in range(8):
        labels = {"app": rng.choice(APPS)}
        if rng.random() < 0.6:
            labels["tier"] = rng.choice(["front", "back"])
        pods.append(Pod(f"10.244.{i % 3}.{i + 1}", rng.choice(sorted(NAMESPACES)), labels))
    policies = []
    for i in range(rng.randint(2, 6)):
        spec = {"podSelector": _pods(rng)}
        types = rng.choice([None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]])
        if types:
            spec["policyTypes"] = types
        for direction, word in (("ingress", "from"), ("egress", "to")):
            if types and direction.capitalize() not in types:
                continue
            rules = []
            for _ in range(rng.choice([0, 1, 2, 2])):
                rule = {}
                if rng.random() < 0.9:
                    rule[word] = [_draw_peer(rng) for _ in range(rng.randint(1, 2))]
                ports = _draw_ports(rng)
                if ports:
                    rule["ports"] = ports
                rules.append(rule)
            spec[direction] = rules
        policies.append({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                         "metadata": {"name": f"p{i}", "namespace": rng.choice(sorted(NAMESPACES))}, "spec": spec})
    return Cluster(pods, ["198.51.100.7", "198.51.100.20", "198.51.100.200", "203.0.113.9"], policies)
