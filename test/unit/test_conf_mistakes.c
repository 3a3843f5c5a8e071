/* Mistakes in bulkhead.yaml, each with the exact place and the sentence that a person gets. */
#include <stdio.h>

#include "../../lib/conf/conf.h"
#include "unit.h"

#define GOOD                                                                                       \
	"mode: discover\n"                                                                         \
	"ports: [{name: a, device: iface:eth1}, {name: b, device: iface:eth2}]\n"                  \
	"pairs: [{name: p, inside: a, outside: b}]\n"

static const struct {
	const char *text, *want;
} mistakes[] = {
	{"", "bulkhead.yaml:1:1: no ports: list two devices under 'ports' and join them under "
	     "'pairs'"},
	{"- a\n", "bulkhead.yaml:1:1: the configuration must be a map of keys, found a list"},
	{GOOD "polcy: p.yaml\n",
	 "bulkhead.yaml:4:1: unknown key 'polcy' in the configuration: did you mean 'policy'?"},
	{GOOD "cores: {controll: 1}\n",
	 "bulkhead.yaml:4:9: unknown key 'controll' in 'cores': did you mean 'control'?"},
	{GOOD "reject: {speed: 1}\n",
	 "bulkhead.yaml:4:10: unknown key 'speed' in 'reject': it may hold rate"},
	{GOOD "flows: {max: many}\n",
	 "bulkhead.yaml:4:14: expected a number from 1024 to 134217728, found 'many'"},
	{GOOD "flows: {max: 512}\n",
	 "bulkhead.yaml:4:14: expected a number from 1024 to 134217728, found '512'"},
	{GOOD "flows:\n  timeouts:\n    tcp_establishd: 1h\n",
	 "bulkhead.yaml:6:5: unknown key 'tcp_establishd' in 'flows.timeouts': did you mean "
	 "'tcp_established'?"},
	{GOOD "flows:\n  timeouts:\n    new: 30\n",
	 "bulkhead.yaml:6:10: expected a duration from 1s to 7d, such as 500ms, 30s, 5m, 2h or 1d, "
	 "found '30': add a unit"},
	{GOOD "mode: protect\n",
	 "bulkhead.yaml:4:1: key 'mode' is already set in line 1, column 1: keep one of them"},
	{"mode: protct\n", "bulkhead.yaml:1:7: expected discover, monitor or protect, found "
			   "'protct': did you mean 'protect'?"},
	{"ports: [{name: a, device: x}, {name: b, device: y}]\n"
	 "pairs: [{name: p, inside: a, outside: b}]\nmode: protect\n",
	 "bulkhead.yaml:3:7: the mode is protect but no policy is named: add 'policy: FILE', or "
	 "set "
	 "'mode: discover' to let everything pass and be recorded"},
	{GOOD "checksums: {ip4: maybe}\n",
	 "bulkhead.yaml:4:18: expected true or false, found 'maybe'"},
	{GOOD "frames: {arp: block}\n", "bulkhead.yaml:4:15: expected drop or pass, found 'block'"},
	{GOOD "frames: {lacp: pass}\n",
	 "bulkhead.yaml:4:10: unknown key 'lacp' in 'frames': it may "
	 "hold arp, nd, mcast, lldp, stp, other"},
	{GOOD "inspect: {thresholds: {dlp.card: 101}}\n",
	 "bulkhead.yaml:4:34: expected a number from 1 to 100, found '101'"},
	{GOOD "inspect: {thresholds: {dlp.key: 2}}\n",
	 "bulkhead.yaml:4:24: unknown key 'dlp.key' in 'inspect.thresholds': it may hold "
	 "dlp.card, dlp.ssn, dlp.iban, dlp.email, dlp.phone, dlp.national, dlp.passport"},
	{GOOD "exceptions: {tcp_urgent: pass}\n",
	 "bulkhead.yaml:4:26: expected drop-packet, drop-flow, reject or normalise, found 'pass'"},
	{GOOD "exceptions: {tcp_rst: reject}\n",
	 "bulkhead.yaml:4:23: expected drop-packet, drop-flow or pass, found 'reject'"},
	{GOOD "exceptions: {tcp_conflict: drop_flow}\n",
	 "bulkhead.yaml:4:28: expected drop-packet, drop-flow or reject, found 'drop_flow': did "
	 "you "
	 "mean 'drop-flow'?"},
	{GOOD "exceptions:\n  tcp_conflct: reject\n",
	 "bulkhead.yaml:5:3: unknown key 'tcp_conflct' in 'exceptions': did you mean "
	 "'tcp_conflict'?"},
	{GOOD "threats: {syn_flod: off}\n",
	 "bulkhead.yaml:4:11: unknown key 'syn_flod' in 'threats': did you mean 'syn_flood'?"},
	{GOOD "threats: {teardrop: {threshold: 5}}\n",
	 "bulkhead.yaml:4:22: unknown key 'threshold' in 'threats.teardrop': it may hold enabled, "
	 "action, except"},
	{GOOD "threats: {syn_flood: {except: web}}\n",
	 "bulkhead.yaml:4:31: expected a list of segment names, found 'web'"},
	{GOOD "threats: {syn_flood: {action: blok}}\n",
	 "bulkhead.yaml:4:31: expected alert, drop, reset or block, found 'blok': did you mean "
	 "'block'?"},
	{GOOD "quotas: {name: a}\n", "bulkhead.yaml:4:9: expected a list of quotas, found a map"},
	{GOOD "quotas: [{name: a, per: source}]\n",
	 "bulkhead.yaml:4:10: quota 'a' limits nothing: it lacks connections, sessions, packets or "
	 "bytes"},
	{GOOD "quotas: [{name: a, packets: 1}, {name: a, bytes: 1}]\n",
	 "bulkhead.yaml:4:40: a second quota named 'a': give each its own name"},
	{GOOD "quotas: [{name: a, per: pairs, packets: 1}]\n",
	 "bulkhead.yaml:4:25: expected source, destination or pair, found 'pairs': did you mean "
	 "'pair'?"},
	{GOOD "exceptions: pass\n",
	 "bulkhead.yaml:4:13: 'exceptions' must be a map of keys, found 'pass'"},
	{GOOD "streams: {packets: 8}\n",
	 "bulkhead.yaml:4:20: expected 0 or a number from 64 on, found 8"},
	{GOOD "streams: {packets: 16384}\n",
	 "bulkhead.yaml:4:20: 16384 packets kept by each of 1 workers are more than half of the "
	 "packet buffers: set memory.mbufs to 32768 or more, or streams.packets lower"},
	{GOOD "hold: {time: 5}\n",
	 "bulkhead.yaml:4:14: expected a duration from 100ms to 10m, such as 500ms, 30s, 5m, 2h or "
	 "1d, found '5': add a unit"},
	{GOOD "events: {ring: 5000}\n", "bulkhead.yaml:4:16: expected a power of two such as 4096 "
					"or 8192, found 5000"},
	{GOOD "cores: {control: 1, workers: [1, 2]}\n",
	 "bulkhead.yaml:4:30: core 1 is the control core (cores.control): give the worker another "
	 "one; on a machine with one core set cores.share: true"},
	{GOOD "cores: {workers: [1, 2, 1-3]}\n",
	 "bulkhead.yaml:4:25: core 1 is listed twice: one worker a core"},
	{GOOD "cores: {workers: 3-1}\n", "bulkhead.yaml:4:18: expected a core from 0 to 1023 or a "
					 "range such as 1-3, found '3-1'"},
	{GOOD "cores: {workers: all}\n", "bulkhead.yaml:4:18: expected a core from 0 to 1023 or a "
					 "range such as 1-3, found 'all'"},
	{GOOD "cores: {workers: []}\n",
	 "bulkhead.yaml:4:18: no core is listed: name at least one, or remove the key"},
	{GOOD "cores: 4\n", "bulkhead.yaml:4:8: 'cores' must be a map of keys, found '4'"},
	{GOOD "tunnels: {vxlan: [70000]}\n",
	 "bulkhead.yaml:4:19: expected a number from 1 to 65535, found '70000'"},
	{GOOD "tunnels: {vxlan: [1, 2, 3, 4, 5]}\n", "bulkhead.yaml:4:31: more than 4 UDP ports"},
	{GOOD "tunnels: {vxlan: [6081]}\n", "bulkhead.yaml:4:10: UDP port 6081 is listed for VXLAN "
					    "and for Geneve: it can be one of them"},
	{GOOD "api: {listen: localhost}\n", "bulkhead.yaml:4:15: expected an address and a port "
					    "such as 127.0.0.1:8471 or [::1]:8471, or "
					    "off, found 'localhost'"},
	{GOOD "memory: {mbufs: 1024, descriptors: 1024}\n",
	 "bulkhead.yaml:4:17: 1024 packet buffers are fewer than the queues of 2 ports and 1 "
	 "workers "
	 "can hold: set memory.mbufs to 4096 or more, or memory.descriptors lower"},
	{"mode: discover\nports: eth1\n",
	 "bulkhead.yaml:2:8: expected a list of ports, found 'eth1'"},
	{"mode: discover\nports:\n  - device: iface:eth1\n",
	 "bulkhead.yaml:3:5: a port lacks 'name'"},
	{"mode: discover\nports:\n  - name: a\n",
	 "bulkhead.yaml:3:5: a port lacks 'device': a PCI address (0000:01:00.0), DPDK devargs, or "
	 "iface:NAME"},
	{"mode: discover\nports:\n  - {name: a, device: \"iface:this-name-is-long\"}\n",
	 "bulkhead.yaml:3:23: expected the name of a kernel interface (at most 15 characters) "
	 "behind "
	 "the colon, found 'iface:this-name-is-long'"},
	{"mode: discover\nports:\n  - {name: a b, device: x}\n",
	 "bulkhead.yaml:3:12: the name of a port may hold letters, digits, '-', '_' and '.', at "
	 "most "
	 "31 of them, found 'a b'"},
	{"mode: discover\nports:\n  - {name: a, device: x}\n  - {name: a, device: y}\n",
	 "bulkhead.yaml:4:12: a second port named 'a': give each port its own name"},
	{"mode: discover\nports:\n  - {name: a, device: iface:eth1}\n"
	 "  - {name: b, device: \"net_af_xdp0,iface=eth1\"}\n",
	 "bulkhead.yaml:4:23: device 'net_af_xdp0,iface=eth1' is already port 'a': a device can be "
	 "one port only"},
	{"mode: discover\nports: [{name: a, device: iface:eth1}, {name: b, device: packet:eth1}]\n",
	 "bulkhead.yaml:2:58: device 'packet:eth1' is already port 'a': a device can be one port "
	 "only"},
	{"mode: discover\nports: [{name: a, device: x}, {name: b, device: y}]\n",
	 "bulkhead.yaml:1:1: no pairs: say under 'pairs' which port is the inside and which the "
	 "outside"},
	{"mode: discover\nports: [{name: left, device: x}, {name: right, device: y}]\n"
	 "pairs: [{name: p, inside: left, outside: rigth}]\n",
	 "bulkhead.yaml:3:42: no port is named 'rigth': did you mean 'right'?"},
	{"mode: discover\nports: [{name: left, device: x}, {name: right, device: y}]\n"
	 "pairs: [{name: p, inside: left}]\n",
	 "bulkhead.yaml:3:9: a pair lacks 'outside': name the port on that side"},
	{"mode: discover\nports: [{name: left, device: x}, {name: right, device: y}]\n"
	 "pairs: [{name: p, inside: left, outside: left}]\n",
	 "bulkhead.yaml:3:42: port 'left' is both sides of pair 'p': a pair joins two ports"},
	{"mode: discover\nports: [{name: a, device: x}, {name: b, device: y}, {name: c, device: "
	 "z}]\n"
	 "pairs:\n  - {name: p, inside: a, outside: b}\n  - {name: q, inside: c, outside: b}\n",
	 "bulkhead.yaml:5:35: port 'b' is already in pair 'p': a port is in one pair only"},
	{"mode: discover\nports: [{name: a, device: x}, {name: b, device: y}, {name: c, device: "
	 "z}]\n"
	 "pairs:\n  - {name: p, inside: a, outside: b}\n",
	 "bulkhead.yaml:2:53: port 'c' is in no pair: nothing would be forwarded; join it under "
	 "'pairs' or remove it"},
	{"mode: discover\n\tports: []\n",
	 "bulkhead.yaml:2:1: a tab where YAML wants spaces: indent with spaces"},
};

static void
each_mistake_has_its_place_and_its_sentence(void)
{
	struct bh_config c;
	char got[1024];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(mistakes); i++) {
		struct bh_err err = {0};

		CU_ASSERT_NOT_EQUAL(bh_config_load_text(&c, "bulkhead.yaml", mistakes[i].text,
							strlen(mistakes[i].text), true, &err),
				    0);
		bh_err_format(&err, got, sizeof(got));
		if (strcmp(got, mistakes[i].want) != 0)
			fprintf(stderr, "\nmistake %zu\nwant: %s\ngot:  %s\n", i, mistakes[i].want,
				got);
		CU_ASSERT_STRING_EQUAL(got, mistakes[i].want);
	}
}

static void
what_the_mistakes_were_made_from_is_good(void)
{
	struct bh_err err = {0};
	struct bh_config c;

	CU_ASSERT_EQUAL(bh_config_load_text(&c, "bulkhead.yaml", GOOD, strlen(GOOD), true, &err),
			0);
}

const struct bh_unit_test bh_suite_conf_mistakes[] = {
	BH_TEST(each_mistake_has_its_place_and_its_sentence),
	BH_TEST(what_the_mistakes_were_made_from_is_good), BH_TEST_END};
