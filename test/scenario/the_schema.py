"""config/policy.schema.json takes what the gateway takes: documents of every form, and the samples; and refuses what is wrong in its
form, which the gateway refuses as well."""

import json
import os

import jsonschema
import yaml

from lib import capture
from lib.capture import ETHERNET
from lib.scenario import SMALL, check, replay, write

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RULE = "{from: web, to: any, action: allow}"

GOOD = [
    "version: 1",
    "version: 1\nsegments:\nrules:\nimported:\nlearned:\n",
    "version: 1\nnetworks: {internal: [10.0.0.0/8, 'fc00::/7']}",
    "version: 1\nmodes: {default: monitor, contention: strict, override: none}",
    "version: 1\nendpoints:\n - {address: 10.0.0.1, labels: {a: b, c: '1'}, vlan: [12, 13], vni: 5, comment: x}\n"
    " - {address: 10.0.0.1, vlan: 3, labels: {}}\n - {address: 'fd00::/64', labels: {a: b}}",
    "version: 1\nsegments: {a: {selector: [x=1, '!y'], within: [10.0.0.0/8], names: ['*.example.com'], mode: protect}}",
    "version: 1\nsegments: {a: {addresses: [10.0.0.1, '::ffff:1:2/128']}, b: {names: [a.b.example.], comment: x}}",
    "version: 1\nsegments: {a: {selector: x}}\nzones: {z: {segments: [a, nodes], addresses: [10.0.0.0/8], cde: true, intra: only}}",
    "version: 1\nnamespaces: {label: ns, boundary: [pay]}\nrules: [{from: 'namespace:pay', to: [nodes, external], action: deny}]",
    "version: 1\nsegments: {web: {selector: x}}\nrules:\n - {id: r/1, from: web, to: any, action: reject, owner: o,\n"
    "    reason: r, expires: 2090-01-01T00:00:00Z, comment: c, ports: [tcp/1-5, udp, icmp/3/4, proto/47, sctp/9]}\n"
    " - {from: [web], to: any, ports: any, applications: any, action: allow, expires: 2090-01-01,\n"
    "    evidence: {sessions: 3, bytes: 10, first: '2026-01-01T00:00:00Z', last: '2026-01-01T00:00:00Z'}}\n"
    " - {from: web, to: any, applications: [redis, {http: {methods: GET, paths: [/a, '/b*']}}, {dns: {types: [A]}}], action: allow, denied: reset}",
    "version: 1\nlearned: {segments: {web: {selector: x}}, rules: [" + RULE + "]}",
]
BAD = [
    "segments: {}", "version: 2", "version: 1\nruels: []", "version: 1\nrules: {}", "version: 1\nsegments: [a]",
    "version: 1\nsegments: {a: {}}", "version: 1\nsegments: {a: {addresses: []}}", "version: 1\nsegments: {any: {selector: x}}",
    "version: 1\nsegments: {unknown: {selector: x}}", "version: 1\nsegments: {-a: {selector: x}}",
    "version: 1\nsegments: {a: {selector: x, colour: red}}", "version: 1\nsegments: {a: {selector: x, mode: loud}}",
    "version: 1\nsegments: {a: {within: [10.0.0.0/8]}}", "version: 1\nsegments: {a: {selector: x, within: []}}",
    "version: 1\nsegments: {a: {addresses: [here]}}", "version: 1\nsegments: {a: {names: [com]}}",
    "version: 1\nsegments: {a: {names: ['a.*.com']}}", "version: 1\nzones: {z: {cde: true}}",
    "version: 1\nzones: {z: {addresses: [10.0.0.0/8], intra: none}}", "version: 1\nendpoints: [{labels: {}}]",
    "version: 1\nendpoints: [{address: 10.0.0.1}]", "version: 1\nendpoints: [{address: 10.0.0.1, labels: {}, vlan: 4095}]",
    "version: 1\nmodes: {default: off}", "version: 1\nnamespaces: {border: [a]}", "version: 1\nlearned: {zones: {}}",
    "version: 1\nrules: [{from: any, to: any}]", "version: 1\nrules: [{from: any, action: allow}]",
    "version: 1\nrules: [{from: any, to: [], action: allow}]", "version: 1\nrules: [{from: any, to: any, action: maybe}]",
    "version: 1\nrules: [{from: any, to: any, action: allow, ports: http}]",
    "version: 1\nrules: [{from: any, to: any, action: allow, ports: 80}]",
    "version: 1\nrules: [{from: any, to: any, action: deny, expires: tomorrow}]",
    "version: 1\nrules: [{from: any, to: any, action: deny, denied: loudly}]",
    "version: 1\nrules: [{from: any, to: any, action: allow, because: x}]",
]


class Text(yaml.SafeLoader):
    """As the gateway reads: a day is a text."""


Text.yaml_implicit_resolvers = {k: [r for r in v if r[0] != "tag:yaml.org,2002:timestamp"]
                                for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def schema():
    with open(os.path.join(ROOT, "config", "policy.schema.json"), encoding="utf-8") as f:
        s = json.load(f)
    jsonschema.Draft202012Validator.check_schema(s)
    return jsonschema.Draft202012Validator(s)


def gateway(directory, text):
    write(directory, "in", capture.pcap([], ETHERNET))
    write(directory, "config.yaml", f"policy: policy.yaml\n{SMALL}")
    write(directory, "policy.yaml", text)
    return replay(directory, ["-c", "config.yaml", "-r", "in"])


class Agrees:
    name = "the schema and the gateway agree"

    @staticmethod
    def run(directory):
        s = schema()
        with open(os.path.join(ROOT, "config", "policy.yaml"), encoding="utf-8") as f:
            good = [*GOOD, f.read()]
        for text in good:
            done = gateway(directory, text)
            check(done.returncode == 0, f"the gateway refuses\n{text}\n{done.stderr}")
            wrong = [e.message for e in s.iter_errors(yaml.load(text, Text))]
            check(not wrong, f"the schema refuses\n{text}\n{wrong}")
        for text in BAD:
            check(gateway(directory, text).returncode == 2, f"the gateway takes\n{text}")
            check(not s.is_valid(yaml.load(text, Text)), f"the schema takes\n{text}")


SCENARIOS = [Agrees]
