#!/usr/bin/env python3
"""The tables of docs/configuration.md, made from config.def, config_list.def, flow_state.def
exception.def and threat.def.

Without arguments: does the document hold exactly them? With "write": put them there.
"""
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(__file__), "..", ".."))
DOC = "docs/configuration.md"
FLAT = {"1u << 20": "1M", "8u << 20": "8M", "1u << 22": "4M", "1u << 24": "16M", "1u << 27": "128M", "16u << 20": "16M", "1u << 30": "1G",
        "256u << 10": "256k", "64u << 10": "64k", "64u << 20": "64M",
        "32u << 20": "32M", "256u << 20": "256M", "1ull << 40": "1T"}


def arguments(path, macro):
    """(macro's name, its arguments) for each line that is a call of it; quoted commas stay."""
    for line in open(path):
        match = re.match("(" + macro + r")\((.*)\)\s*$", line)
        if match:
            yield match.group(1), [a.strip() for a in
                                   re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', match.group(2))]


def words(text):
    return text.strip('"').replace("|", "\\|")


def duration(ms):
    ms = int(ms)
    for unit, size in (("h", 3600000), ("m", 60000), ("s", 1000)):
        if ms and ms % size == 0:
            return "%d%s" % (ms // size, unit)
    return "%dms" % ms


def scalar_rows():
    yield "| key | value | default | what |"
    yield "| --- | --- | --- | --- |"
    for macro, a in arguments("lib/conf/config.def", r"BH_CONFIG_\w+"):
        kind = macro[len("BH_CONFIG_"):]
        flat = [FLAT.get(x, x) for x in a]
        if kind == "U64":
            value, default = "%s to %s" % (flat[3], flat[4]), flat[2]
        elif kind == "MS":
            value, default = "%s to %s" % (duration(a[3]), duration(a[4])), duration(a[2])
        elif kind == "BOOL":
            value, default = "true, false", a[2]
        elif kind == "ENUM":
            value, default = ", ".join(words(a[2]).split()), a[3].split("_")[-1].lower()
        else:
            value, default = "text", words(a[2]) or "none"
        yield "| `%s` | %s | %s | %s |" % (words(a[1]), value, default, words(a[-1]))


def list_rows():
    yield "| key | form | default | what |"
    yield "| --- | --- | --- | --- |"
    for _, a in arguments("lib/conf/config_list.def", "BH_CONFIG_LIST"):
        yield "| `%s` | `%s` | %s | %s |" % (words(a[1]), words(a[2]), words(a[3]), words(a[4]))


def state_rows():
    yield "| key under `flows.timeouts` | default | state |"
    yield "| --- | --- | --- |"
    for _, a in arguments("lib/flow/flow_state.def", "BH_FLOW_STATE"):
        yield "| `%s` | %s | %s |" % (words(a[2]), duration(int(a[3]) * 1000), words(a[4]))


def action(text):
    return text.strip().lower().replace("_", "-")


def exception_rows():
    yield "| key under `exceptions` | default | may also be | case |"
    yield "| --- | --- | --- | --- |"
    for _, a in arguments("lib/base/exception.def", "BH_EXCEPTION"):
        others = [action(x) for x in a[3].split("|") if action(x) != action(a[2])]
        yield "| `%s` | %s | %s | %s |" % (words(a[1]), action(a[2]), ", ".join(others), words(a[5]))


def threat_rows():
    yield "| key under `threats` | name | default | threshold | window | ATT&CK | what it is, or what the threshold counts |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for _, a in arguments("lib/threat/threat.def", "BH_THREAT"):
        yield "| `%s` | %s | %s%s | %s | %s | %s | %s |" % (
            words(a[2]), words(a[1]), "" if a[4] == "true" else "off, ", action(a[5]),
            a[6] if a[6] != "0" else "", duration(a[7]) if a[7] != "0" else "", words(a[8]), words(a[9]))


def render(text):
    for mark, rows in (("scalars", scalar_rows), ("lists", list_rows), ("states", state_rows),
                       ("exceptions", exception_rows), ("threats", threat_rows)):
        text = re.sub(r"(<!-- %s -->\n).*?(<!-- end -->)" % mark,
                      lambda m, rows=rows: m.group(1) + "\n".join(rows()) + "\n" + m.group(2),
                      text, flags=re.S)
    return text


def main():
    text = open(DOC).read()
    if sys.argv[1:] == ["write"]:
        with open(DOC, "w") as out:
            out.write(render(text))
        return 0
    if render(text) != text:
        print("arch: %s differs from its tables: run test/arch/config-docs.py write" % DOC)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
