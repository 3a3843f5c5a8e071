/* bulkhead.yaml: what a good one becomes. */
#include <stdio.h>

#include "../../lib/conf/conf.h"
#include "../../lib/net/net.h"
#include "unit.h"

#define PORTS                                                                                      \
	"ports:\n"                                                                                 \
	"  - {name: a, device: \"iface:eth1\"}\n"                                                  \
	"  - {name: b, device: \"iface:eth2\"}\n"                                                  \
	"pairs:\n"                                                                                 \
	"  - {name: p, inside: a, outside: b}\n"

static struct bh_config config;

static int
load(const char *name, const char *text, bool need_ports)
{
	struct bh_err err = {0};
	char message[1024];
	int rc = bh_config_load_text(&config, name, text, strlen(text), need_ports, &err);

	if (rc != 0) {
		bh_err_format(&err, message, sizeof(message));
		fprintf(stderr, "\n%s\n", message);
	}
	return rc;
}

static void
defaults_are_those_of_the_table(void)
{
	bh_config_default(&config);
#define BH_CONFIG_U64(f, p, def, lo, hi, t)                                                        \
	CU_ASSERT_EQUAL(config.f, def);                                                            \
	CU_ASSERT_TRUE(config.f + 1 > lo && config.f <= hi);
#define BH_CONFIG_MS(f, p, def, lo, hi, t) CU_ASSERT_EQUAL(config.f, def);
#define BH_CONFIG_BOOL(f, p, def, t) CU_ASSERT_EQUAL(config.f, def);
#define BH_CONFIG_ENUM(f, p, words, def, t) CU_ASSERT_EQUAL(config.f, def);
#define BH_CONFIG_STR(f, p, def, t) CU_ASSERT_STRING_EQUAL(config.f, def);
#include "../../lib/conf/config.def"
#undef BH_CONFIG_U64
#undef BH_CONFIG_MS
#undef BH_CONFIG_BOOL
#undef BH_CONFIG_ENUM
#undef BH_CONFIG_STR
	CU_ASSERT_EQUAL(config.vxlan_port[0], 4789);
	CU_ASSERT_EQUAL(config.vxlan_port[1], 8472);
	CU_ASSERT_EQUAL(config.geneve_port[0], 6081);
	CU_ASSERT_TRUE(config.frame_pass[BH_FRAME_ARP]);
	CU_ASSERT_TRUE(config.frame_pass[BH_FRAME_ND]);
	CU_ASSERT_FALSE(config.frame_pass[BH_FRAME_STP]);
}

static void
each_kind_of_key_is_read(void)
{
	static const char text[] =
		"policy: policy.yaml\n"
		"mode: monitor\n" PORTS
		"cores: {control: 3, workers: [1, 4-6], idle: sleep, heartbeat: 2s}\n"
		"flows:\n"
		"  max: 2M\n"
		"  midstream: true\n"
		"  timeouts: {new: 5s, tcp_established: 1h}\n"
		"frames: {stp: pass, arp: drop}\n"
		"tunnels: {vxlan: [4790], geneve: []}\n"
		"streams: {max: 1k, packets: 2k, bytes: 1M, segments: 64}\n"
		"hold: {bytes: 4k, packets: 8, time: 250ms}\n"
		"events: {file: \"-\", ring: 64, stats: 0}\n";

	CU_ASSERT_EQUAL_FATAL(load("/etc/bulkhead/bulkhead.yaml", text, true), 0);
	CU_ASSERT_EQUAL(config.mode, BH_MODE_MONITOR);
	CU_ASSERT_EQUAL(config.control_core, 3);
	CU_ASSERT_EQUAL(config.n_workers, 4);
	CU_ASSERT_EQUAL(config.worker_core[0], 1);
	CU_ASSERT_EQUAL(config.worker_core[3], 6);
	CU_ASSERT_EQUAL(config.idle, BH_IDLE_SLEEP);
	CU_ASSERT_EQUAL(config.heartbeat_ms, 2000);
	CU_ASSERT_EQUAL(config.max_flows, 2 << 20);
	CU_ASSERT_TRUE(config.midstream);
	CU_ASSERT_EQUAL(config.flow_timeout_ms[0], 5000);
	CU_ASSERT_EQUAL(config.flow_timeout_ms[1], 0);
	CU_ASSERT_EQUAL(config.flow_timeout_ms[5], 3600000);
	CU_ASSERT_TRUE(config.frame_pass[BH_FRAME_STP]);
	CU_ASSERT_FALSE(config.frame_pass[BH_FRAME_ARP]);
	CU_ASSERT_TRUE(config.frame_pass[BH_FRAME_ND]);
	CU_ASSERT_EQUAL(config.vxlan_port[0], 4790);
	CU_ASSERT_EQUAL(config.vxlan_port[1], 0);
	CU_ASSERT_EQUAL(config.geneve_port[0], 0);
	CU_ASSERT_STRING_EQUAL(config.eve_file, "-");
	CU_ASSERT_EQUAL(config.stats_ms, 0);
	CU_ASSERT_EQUAL(config.max_streams, 1024);
	CU_ASSERT_EQUAL(config.stream_packets, 2048);
	CU_ASSERT_EQUAL(config.stream_bytes, 1 << 20);
	CU_ASSERT_EQUAL(config.stream_segments, 64);
	CU_ASSERT_EQUAL(config.hold_bytes, 4096);
	CU_ASSERT_EQUAL(config.hold_packets, 8);
	CU_ASSERT_EQUAL(config.hold_ms, 250);
	CU_ASSERT_EQUAL(config.n_ports, 2);
	CU_ASSERT_STRING_EQUAL(config.port[1].device, "iface:eth2");
	CU_ASSERT_EQUAL(config.n_pairs, 1);
	CU_ASSERT_EQUAL(config.pair[0].inside, 0);
	CU_ASSERT_EQUAL(config.pair[0].outside, 1);
}

static void
exceptions_not_named_keep_their_default(void)
{
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(load("c",
				   "mode: discover\n" PORTS
				   "exceptions: {tcp_urgent: drop-packet, midstream: pass,\n"
				   "  tcp_conflict: reject, tcp_handshake: drop-flow}\n",
				   true),
			      0);
	for (i = 0; i < BH_EXCEPTION_COUNT; i++) {
		switch (i) {
		case BH_EXCEPTION_TCP_URGENT:
			CU_ASSERT_EQUAL(config.exception[i], BH_ACTION_DROP_PACKET);
			break;
		case BH_EXCEPTION_MIDSTREAM:
			CU_ASSERT_EQUAL(config.exception[i], BH_ACTION_PASS);
			break;
		case BH_EXCEPTION_TCP_CONFLICT:
			CU_ASSERT_EQUAL(config.exception[i], BH_ACTION_REJECT);
			break;
		case BH_EXCEPTION_TCP_HANDSHAKE:
			CU_ASSERT_EQUAL(config.exception[i], BH_ACTION_DROP_FLOW);
			break;
		default:
			CU_ASSERT_EQUAL(config.exception[i], bh_exception_info(i)->normal);
		}
	}
	CU_ASSERT_EQUAL_FATAL(load("c", "exceptions: {tcp_urgent: normalise}\n", false), 0);
	CU_ASSERT_EQUAL(config.exception[BH_EXCEPTION_TCP_URGENT], BH_ACTION_NORMALISE);
}

static void
pairs_may_stand_before_their_ports(void)
{
	CU_ASSERT_EQUAL_FATAL(
		load("c",
		     "mode: discover\n"
		     "pairs: [{name: p, inside: y, outside: x}]\n"
		     "ports: [{name: x, device: 0000:01:00.0}, {name: y, device: 0000:01:00.1}]\n",
		     true),
		0);
	CU_ASSERT_EQUAL(config.pair[0].inside, 1);
	CU_ASSERT_EQUAL(config.pair[0].outside, 0);
}

static void
a_gateway_that_is_gone_leaves_no_link_unless_told_to(void)
{
	CU_ASSERT_EQUAL_FATAL(load("c", "mode: discover\n" PORTS, true), 0);
	CU_ASSERT_EQUAL(config.failure_stop, BH_FAILURE_DOWN);
	CU_ASSERT_EQUAL(config.failure_crash, BH_FAILURE_DOWN);
	CU_ASSERT_EQUAL(config.failure_stall, BH_FAILURE_DOWN);
	CU_ASSERT_EQUAL_FATAL(load("c",
				   "mode: discover\nfailure: {stop: closed, crash: bypass}\n" PORTS,
				   true),
			      0);
	CU_ASSERT_EQUAL(config.failure_stop, BH_FAILURE_CLOSED);
	CU_ASSERT_EQUAL(config.failure_crash, BH_FAILURE_BYPASS);
	CU_ASSERT_EQUAL(config.failure_stall, BH_FAILURE_DOWN);
}

static void
relative_paths_start_at_the_files_folder(void)
{
	static const char text[] = "policy: p/policy.yaml\n" PORTS
				   "api: {token_file: /run/token}\nevents: {file: eve.json}\n";

	CU_ASSERT_EQUAL_FATAL(load("/etc/bulkhead/bulkhead.yaml", text, true), 0);
	CU_ASSERT_STRING_EQUAL(config.policy_file, "/etc/bulkhead/p/policy.yaml");
	CU_ASSERT_STRING_EQUAL(config.api_token_file, "/run/token");
	CU_ASSERT_STRING_EQUAL(config.eve_file, "/etc/bulkhead/eve.json");
	CU_ASSERT_STRING_EQUAL(config.run_dir, "/run/bulkhead");
	CU_ASSERT_EQUAL_FATAL(load("bulkhead.yaml", text, true), 0);
	CU_ASSERT_STRING_EQUAL(config.policy_file, "p/policy.yaml");
}

static void
range_of_worker_cores_is_each_of_them(void)
{
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(load("c", "mode: discover\ncores: {workers: 1-3}\n" PORTS, true), 0);
	CU_ASSERT_EQUAL(config.n_workers, 3);
	for (i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(config.worker_core[i], i + 1);
}

static void
one_core_is_shared_only_when_asked(void)
{
	CU_ASSERT_EQUAL(load("c", "mode: discover\ncores: {workers: 0, share: true}\n" PORTS, true),
			0);
	CU_ASSERT_EQUAL(config.worker_core[0], 0);
}

static void
replay_without_policy_discovers_and_needs_no_ports(void)
{
	CU_ASSERT_EQUAL(load("c", "", false), 0);
	CU_ASSERT_EQUAL(config.mode, BH_MODE_DISCOVER);
	CU_ASSERT_EQUAL(load("c", "policy: p.yaml\n", false), 0);
	CU_ASSERT_EQUAL(config.mode, BH_MODE_PROTECT);
}

static void
failed_load_leaves_the_old_configuration(void)
{
	struct bh_config before;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(load("c", "mode: discover\nflows: {max: 4096}\n" PORTS, true), 0);
	before = config;
	CU_ASSERT_NOT_EQUAL(bh_config_load_text(&config, "c", "flows: {max: 1}", 15, true, &err),
			    0);
	CU_ASSERT_EQUAL(memcmp(&before, &config, sizeof(before)), 0);
}

static void
sections_may_be_empty(void)
{
	CU_ASSERT_EQUAL(
		load("c",
		     "mode: discover\ncores:\nframes:\nflows: {timeouts: }\nexceptions:\n" PORTS,
		     true),
		0);
}

/* The files that are shipped. Tests run in the source folder; elsewhere there is nothing to see. */
static void
shipped_configurations_load(void)
{
	struct bh_err err = {0};
	char message[1024] = "";

	if (bh_config_load(&config, "config/bulkhead.yaml", true, &err) != 0)
		bh_err_format(&err, message, sizeof(message));
	CU_ASSERT_STRING_EQUAL(message, "");
	CU_ASSERT_EQUAL(config.mode, BH_MODE_PROTECT);
	CU_ASSERT_STRING_EQUAL(config.policy_file, "config/policy.yaml");
	if (bh_config_load(&config, "config/discover.yaml", false, &err) != 0)
		bh_err_format(&err, message, sizeof(message));
	CU_ASSERT_STRING_EQUAL(message, "");
	CU_ASSERT_EQUAL(config.mode, BH_MODE_DISCOVER);
	CU_ASSERT_TRUE(config.midstream);
	CU_ASSERT_FALSE(config.ip4_checksum);
	CU_ASSERT_TRUE(config.frame_pass[BH_FRAME_OTHER]);
}

static void
threats_not_named_keep_their_default_or_follow_all(void)
{
	const struct bh_threat_rule *t = config.threat;

	CU_ASSERT_EQUAL_FATAL(load("c",
				   PORTS
				   "mode: discover\nthreats:\n"
				   "  syn_flood: {threshold: 2k, window: 1s, except: [a, b]}\n"
				   "  port_scan: block\n"
				   "  icmp_flood: off\n"
				   "  session_limit: {action: reset, except: [b]}\n",
				   true),
			      0);
	CU_ASSERT_EQUAL(t[BH_THREAT_SYN_FLOOD].threshold, 2048);
	CU_ASSERT_EQUAL(t[BH_THREAT_SYN_FLOOD].window_ms, 1000);
	CU_ASSERT_EQUAL(t[BH_THREAT_SYN_FLOOD].except, 3);
	CU_ASSERT_EQUAL(t[BH_THREAT_SYN_FLOOD].action, BH_THREAT_DROP);
	CU_ASSERT(t[BH_THREAT_PORT_SCAN].on && t[BH_THREAT_PORT_SCAN].action == BH_THREAT_BLOCK);
	CU_ASSERT_FALSE(t[BH_THREAT_ICMP_FLOOD].on);
	CU_ASSERT(t[BH_THREAT_SESSION_LIMIT].on);
	CU_ASSERT_EQUAL(t[BH_THREAT_SESSION_LIMIT].except, 2);
	CU_ASSERT(t[BH_THREAT_TEARDROP].on && t[BH_THREAT_TEARDROP].action == BH_THREAT_DROP);
	CU_ASSERT_EQUAL(config.n_threat_segments, 2);
	CU_ASSERT_STRING_EQUAL(config.threat_segment[1], "b");
	CU_ASSERT_EQUAL_FATAL(load("c",
				   PORTS "mode: discover\nthreats: {all: alert, syn_flood: off, "
					 "small_window: drop}\n",
				   true),
			      0);
	CU_ASSERT_FALSE(t[BH_THREAT_SYN_FLOOD].on);
	CU_ASSERT(t[BH_THREAT_SMALL_WINDOW].on);
	CU_ASSERT_EQUAL(t[BH_THREAT_SMALL_WINDOW].action, BH_THREAT_DROP);
	CU_ASSERT(t[BH_THREAT_SYN_DATA].on);
	CU_ASSERT_EQUAL(t[BH_THREAT_TEARDROP].action, BH_THREAT_ALERT);
}

const struct bh_unit_test bh_suite_conf_config[] = {
	BH_TEST(defaults_are_those_of_the_table),
	BH_TEST(each_kind_of_key_is_read),
	BH_TEST(exceptions_not_named_keep_their_default),
	BH_TEST(threats_not_named_keep_their_default_or_follow_all),
	BH_TEST(pairs_may_stand_before_their_ports),
	BH_TEST(a_gateway_that_is_gone_leaves_no_link_unless_told_to),
	BH_TEST(relative_paths_start_at_the_files_folder),
	BH_TEST(range_of_worker_cores_is_each_of_them),
	BH_TEST(one_core_is_shared_only_when_asked),
	BH_TEST(replay_without_policy_discovers_and_needs_no_ports),
	BH_TEST(failed_load_leaves_the_old_configuration),
	BH_TEST(sections_may_be_empty),
	BH_TEST(shipped_configurations_load),
	BH_TEST_END};
