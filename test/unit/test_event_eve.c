/* event: EVE records, read back by jansson. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>

#include "../../lib/event/event.h"
#include "unit.h"

#define T0 UINT64_C(1767323045000000000) /* 2026-01-02T03:04:05Z */

static const char *
segment_name(void *arg, uint32_t segment)
{
	static const char *const names[] = {"external", "unknown", "shop", "cde"};

	(void)arg;
	return segment < BH_ARRAY_SIZE(names) ? names[segment] : NULL;
}

static const char *
rule_name(void *arg, uint32_t rule)
{
	(void)arg;
	return rule == 5 ? "allow-redis" : "";
}

static const char *
port_name(void *arg, uint32_t port)
{
	(void)arg;
	return port == 1 ? "inside0" : NULL;
}

static const char *
app_name(void *arg, uint16_t app)
{
	(void)arg;
	return app == 3 ? "redis" : NULL;
}

static const struct bh_event_names names = {.segment = segment_name,
					    .rule = rule_name,
					    .port = port_name,
					    .app = app_name};

/* A TCP flow of shop 10.0.0.9:40000 to cde 10.0.0.5:6379. The server's address is the smaller: the
 * initiator is end 1. */
static struct bh_event
tcp_event(enum bh_event_type type)
{
	struct bh_event e = {
		.type = (uint8_t)type,
		.time_ns = T0 + 10 * BH_NS_PER_SEC,
		.start_ns = T0,
		.last_ms_ago = 3500,
		.flow_id = 1234567,
		.has_flow = 1,
		.rule = 5,
		.segment = {3, 2},
		.bytes = {500, 300},
		.packets = {5, 3},
		.tcp_seen = {BH_TCP_SYN | BH_TCP_ACK, BH_TCP_SYN | BH_TCP_ACK | BH_TCP_PSH},
		.initiator = 1,
		.flow_state = BH_STATE_ESTABLISHED,
		.flow_end = BH_FLOW_END_TIMEOUT,
		.verdict = BH_VERDICT_ALLOW,
		.reason = BH_REASON_RULE_ALLOW,
		.mode = BH_MODE_PROTECT,
		.port = 1,
		.worker = 2,
		.app = 3,
	};

	e.key.family = BH_IP4;
	e.key.proto = 6;
	inet_pton(AF_INET, "10.0.0.5", &e.key.addr[0]);
	inet_pton(AF_INET, "10.0.0.9", &e.key.addr[1]);
	e.key.port[0] = 6379;
	e.key.port[1] = 40000;
	return e;
}

static json_t *
written(const struct bh_event *e, const struct bh_event_names *n)
{
	struct bh_buf b = {0};
	json_error_t err;
	json_t *v;

	bh_eve_format(&b, e, n);
	CU_ASSERT_FATAL(b.len > 0);
	CU_ASSERT_EQUAL(b.data[b.len - 1], '\n');
	CU_ASSERT_PTR_EQUAL(strchr(b.data, '\n'), b.data + b.len - 1);
	v = json_loads(b.data, JSON_REJECT_DUPLICATES, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	bh_buf_free(&b);
	return v;
}

static const char *
str(const json_t *v, const char *object, const char *key)
{
	const char *s;

	if (object != NULL)
		v = json_object_get(v, object);
	s = json_string_value(json_object_get(v, key));
	return s != NULL ? s : "(absent)";
}

static json_int_t
num(const json_t *v, const char *object, const char *key)
{
	const json_t *n;

	if (object != NULL)
		v = json_object_get(v, object);
	n = json_object_get(v, key);
	return json_is_integer(n) ? json_integer_value(n) : -1;
}

static bool
absent(const json_t *v, const char *object, const char *key)
{
	if (object != NULL)
		v = json_object_get(v, object);
	return json_object_get(v, key) == NULL;
}

static void
flow_counts_by_direction_of_its_opener(void)
{
	struct bh_event e = tcp_event(BH_EVENT_FLOW);
	json_t *v = written(&e, &names);

	CU_ASSERT_STRING_EQUAL(str(v, NULL, "event_type"), "flow");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "timestamp"), "2026-01-02T03:04:15.000000+0000");
	CU_ASSERT_EQUAL(num(v, NULL, "flow_id"), 1234567);
	CU_ASSERT_TRUE(absent(v, NULL, "in_iface"));
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "src_ip"), "10.0.0.9");
	CU_ASSERT_EQUAL(num(v, NULL, "src_port"), 40000);
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "dest_ip"), "10.0.0.5");
	CU_ASSERT_EQUAL(num(v, NULL, "dest_port"), 6379);
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "proto"), "TCP");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "app_proto"), "redis");
	CU_ASSERT_EQUAL(num(v, "flow", "pkts_toserver"), 3);
	CU_ASSERT_EQUAL(num(v, "flow", "pkts_toclient"), 5);
	CU_ASSERT_EQUAL(num(v, "flow", "bytes_toserver"), 300);
	CU_ASSERT_EQUAL(num(v, "flow", "bytes_toclient"), 500);
	CU_ASSERT_STRING_EQUAL(str(v, "flow", "start"), "2026-01-02T03:04:05.000000+0000");
	CU_ASSERT_STRING_EQUAL(str(v, "flow", "end"), "2026-01-02T03:04:11.500000+0000");
	CU_ASSERT_EQUAL(num(v, "flow", "age"), 6);
	CU_ASSERT_STRING_EQUAL(str(v, "flow", "state"), "established");
	CU_ASSERT_STRING_EQUAL(str(v, "flow", "reason"), "timeout");
	CU_ASSERT_TRUE(json_is_false(json_object_get(json_object_get(v, "flow"), "alerted")));
	CU_ASSERT_STRING_EQUAL(str(v, "tcp", "tcp_flags"), "1a");
	CU_ASSERT_STRING_EQUAL(str(v, "tcp", "tcp_flags_ts"), "1a");
	CU_ASSERT_STRING_EQUAL(str(v, "tcp", "tcp_flags_tc"), "12");
	CU_ASSERT_TRUE(json_is_true(json_object_get(json_object_get(v, "tcp"), "syn")));
	CU_ASSERT_TRUE(absent(v, "tcp", "fin"));
	CU_ASSERT_STRING_EQUAL(str(v, "tcp", "state"), "established");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "src_segment"), "shop");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "dst_segment"), "cde");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "rule_id"), "allow-redis");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "verdict"), "allow");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "reason"), "rule_allow");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "mode"), "protect");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "end"), "timeout");
	CU_ASSERT_EQUAL(num(v, "bulkhead", "worker"), 2);
	CU_ASSERT_TRUE(absent(v, "bulkhead", "kind"));
	CU_ASSERT_TRUE(absent(v, NULL, "vlan"));
	CU_ASSERT_TRUE(absent(v, NULL, "alert"));
	json_decref(v);
}

static void
flow_never_ends_before_it_began(void)
{
	struct bh_event e = tcp_event(BH_EVENT_FLOW);
	json_t *v;

	e.last_ms_ago = UINT32_MAX;
	v = written(&e, &names);
	CU_ASSERT_STRING_EQUAL(str(v, "flow", "end"), str(v, "flow", "start"));
	CU_ASSERT_EQUAL(num(v, "flow", "age"), 0);
	json_decref(v);
}

static void
violation_says_who_which_rule_and_whether_it_was_blocked(void)
{
	struct bh_event e = tcp_event(BH_EVENT_VIOLATION);
	json_t *v;

	e.verdict = BH_VERDICT_REJECT;
	e.reason = BH_REASON_RULE_REJECT;
	e.repeated = 41;
	v = written(&e, &names);
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "event_type"), "alert");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "in_iface"), "inside0");
	CU_ASSERT_STRING_EQUAL(str(v, "alert", "action"), "blocked");
	CU_ASSERT_EQUAL(num(v, "alert", "gid"), 1);
	CU_ASSERT_EQUAL(num(v, "alert", "signature_id"), 8000001);
	CU_ASSERT_EQUAL(num(v, "alert", "rev"), 1);
	CU_ASSERT_STRING_EQUAL(str(v, "alert", "category"), "Policy Violation");
	CU_ASSERT_EQUAL(num(v, "alert", "severity"), 2);
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "kind"), "violation");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "verdict"), "reject");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "reason_text"), "a rule rejects it");
	CU_ASSERT_EQUAL(num(v, "bulkhead", "repeated"), 41);
	CU_ASSERT_EQUAL(num(v, "flow", "pkts_toserver"), 3);
	CU_ASSERT_TRUE(absent(v, "flow", "end"));
	json_decref(v);

	/* In monitor it says what protect would do, and that it was not done. */
	e.mode = BH_MODE_MONITOR;
	v = written(&e, &names);
	CU_ASSERT_STRING_EQUAL(str(v, "alert", "action"), "allowed");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "verdict"), "reject");
	json_decref(v);
}

static void
drop_describes_the_packet(void)
{
	struct bh_event e = tcp_event(BH_EVENT_DROP);
	json_t *v, *drop;

	e.has_flow = 0;
	e.segment[0] = e.segment[1] = e.rule = UINT32_MAX;
	e.verdict = BH_VERDICT_DENY;
	e.reason = BH_REASON_TCP_MIDSTREAM;
	e.l3_len = 52;
	e.ttl = 63;
	e.ip_id = 4711;
	e.tcp_seq = 4000000000u;
	e.tcp_ack = 77;
	e.tcp_window = 512;
	e.tcp_flags = BH_TCP_ACK | BH_TCP_FIN;
	e.frame_len = 66;
	v = written(&e, &names);
	drop = json_object_get(v, "drop");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "event_type"), "drop");
	CU_ASSERT_EQUAL(num(v, "drop", "len"), 52);
	CU_ASSERT_EQUAL(num(v, "drop", "ttl"), 63);
	CU_ASSERT_EQUAL(num(v, "drop", "ipid"), 4711);
	CU_ASSERT_EQUAL(num(v, "drop", "tcpseq"), 4000000000);
	CU_ASSERT_EQUAL(num(v, "drop", "tcpack"), 77);
	CU_ASSERT_EQUAL(num(v, "drop", "tcpwin"), 512);
	CU_ASSERT_TRUE(json_is_true(json_object_get(drop, "ack")));
	CU_ASSERT_TRUE(json_is_true(json_object_get(drop, "fin")));
	CU_ASSERT_TRUE(json_is_false(json_object_get(drop, "syn")));
	CU_ASSERT_STRING_EQUAL(str(v, "drop", "reason"), "tcp_midstream");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "verdict"), "deny");
	CU_ASSERT_EQUAL(num(v, "bulkhead", "frame_len"), 66);
	CU_ASSERT_TRUE(absent(v, NULL, "flow_id"));
	CU_ASSERT_TRUE(absent(v, "bulkhead", "src_segment"));
	CU_ASSERT_TRUE(absent(v, "bulkhead", "rule_id"));
	json_decref(v);
}

static void
ipv6_drop_has_payload_length_and_hop_limit(void)
{
	struct bh_event e = {.type = BH_EVENT_DROP, .l3_len = 48, .ttl = 64};
	json_t *v;

	e.key.family = BH_IP6;
	e.key.proto = 17;
	inet_pton(AF_INET6, "2001:db8::1", &e.key.addr[0]);
	inet_pton(AF_INET6, "2001:db8::2", &e.key.addr[1]);
	v = written(&e, &names);
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "src_ip"), "2001:db8::1");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "dest_ip"), "2001:db8::2");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "proto"), "UDP");
	CU_ASSERT_EQUAL(num(v, "drop", "len"), 8);
	CU_ASSERT_EQUAL(num(v, "drop", "hoplimit"), 64);
	CU_ASSERT_TRUE(absent(v, "drop", "ttl"));
	CU_ASSERT_TRUE(absent(v, "drop", "tcpseq"));
	json_decref(v);
}

static void
tenant_is_told_by_vlans_tunnel_and_vni(void)
{
	struct bh_event e = tcp_event(BH_EVENT_FLOW);
	json_t *v, *vlan;

	e.key.tenant = UINT64_C(100) << 52 | UINT64_C(200) << 40 | 4242;
	e.key.tunnel = BH_TUNNEL_VXLAN;
	v = written(&e, &names);
	vlan = json_object_get(v, "vlan");
	CU_ASSERT_EQUAL(json_array_size(vlan), 2);
	CU_ASSERT_EQUAL(json_integer_value(json_array_get(vlan, 0)), 100);
	CU_ASSERT_EQUAL(json_integer_value(json_array_get(vlan, 1)), 200);
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "tunnel"), "vxlan");
	CU_ASSERT_EQUAL(num(v, "bulkhead", "vni"), 4242);
	json_decref(v);

	e.key.tenant = UINT64_C(7) << 52;
	e.key.tunnel = BH_TUNNEL_IPIP;
	v = written(&e, &names);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(v, "vlan")), 1);
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "tunnel"), "ipip");
	CU_ASSERT_TRUE(absent(v, "bulkhead", "vni"));
	json_decref(v);
}

static void
icmp_has_type_and_code_and_no_ports(void)
{
	struct bh_event e = tcp_event(BH_EVENT_FLOW);
	json_t *v;

	e.key.proto = 1;
	e.service = 3 << 8 | 13;
	e.flow_state = BH_STATE_ICMP;
	v = written(&e, &names);
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "proto"), "ICMP");
	CU_ASSERT_EQUAL(num(v, NULL, "icmp_type"), 3);
	CU_ASSERT_EQUAL(num(v, NULL, "icmp_code"), 13);
	CU_ASSERT_TRUE(absent(v, NULL, "src_port"));
	CU_ASSERT_TRUE(absent(v, NULL, "tcp"));
	json_decref(v);
	e.key.proto = 58;
	v = written(&e, &names);
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "proto"), "IPv6-ICMP");
	json_decref(v);
}

static void
protocol_without_a_name_is_three_digits(void)
{
	struct bh_event e = tcp_event(BH_EVENT_FLOW);
	static const struct {
		uint8_t number;
		const char *text;
	} cases[] = {{3, "003"}, {132, "SCTP"}, {47, "GRE"}, {253, "253"}};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		json_t *v;

		e.key.proto = cases[i].number;
		v = written(&e, &names);
		CU_ASSERT_STRING_EQUAL(str(v, NULL, "proto"), cases[i].text);
		CU_ASSERT_EQUAL(absent(v, NULL, "src_port"), cases[i].number != 132);
		json_decref(v);
	}
}

static void
fragment_identification_is_not_told_as_ports(void)
{
	struct bh_event e = tcp_event(BH_EVENT_MALFORMED);
	json_t *v;

	e.frame_kind = BH_FRAME_FRAGMENT;
	e.reason = BH_REASON_FRAG_OVERLAP;
	e.verdict = BH_VERDICT_DENY;
	v = written(&e, &names);
	CU_ASSERT_TRUE(absent(v, NULL, "src_port"));
	CU_ASSERT_TRUE(absent(v, NULL, "dest_port"));
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "src_ip"), "10.0.0.9");
	CU_ASSERT_STRING_EQUAL(str(v, "alert", "action"), "blocked");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "kind"), "anomaly");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "frame"), bh_frame_kind_name(BH_FRAME_FRAGMENT));
	json_decref(v);
}

static void
frame_without_ip_has_its_ethertype_and_no_addresses(void)
{
	struct bh_event e = {.type = BH_EVENT_DROP, .frame_kind = BH_FRAME_LLDP};
	json_t *v;

	e.ethertype = 0x88cc;
	e.reason = BH_REASON_L2_DENY;
	v = written(&e, &names);
	CU_ASSERT_EQUAL(num(v, "ether", "ether_type"), 0x88cc);
	CU_ASSERT_TRUE(absent(v, NULL, "src_ip"));
	CU_ASSERT_TRUE(absent(v, NULL, "proto"));
	CU_ASSERT_TRUE(absent(v, "bulkhead", "src_segment"));
	CU_ASSERT_TRUE(absent(v, "drop", "len"));
	json_decref(v);
}

static json_t *
noted(const struct bh_eve_note *note)
{
	struct bh_buf b = {0};
	json_t *v;

	bh_eve_format_note(&b, note);
	CU_ASSERT_EQUAL(b.data[b.len - 1], '\n');
	v = json_loads(b.data, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	bh_buf_free(&b);
	return v;
}

static void
lost_link_is_an_alert_that_names_the_port(void)
{
	json_t *v = noted(&(struct bh_eve_note){BH_EVENT_LINK_DOWN, T0, "inside0",
						"its \"cable\" is out", 7});

	CU_ASSERT_STRING_EQUAL(str(v, NULL, "timestamp"), "2026-01-02T03:04:05.000000+0000");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "event_type"), "alert");
	CU_ASSERT_STRING_EQUAL(str(v, NULL, "in_iface"), "inside0");
	CU_ASSERT_EQUAL(num(v, "alert", "severity"), 1);
	CU_ASSERT_STRING_EQUAL(str(v, "alert", "action"), "allowed");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "event"), "link_down");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "kind"), "anomaly");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "detail"), "its \"cable\" is out");
	CU_ASSERT_EQUAL(num(v, "bulkhead", "policy_revision"), 7);
	CU_ASSERT_TRUE(absent(v, NULL, "src_ip"));
	CU_ASSERT_TRUE(absent(v, NULL, "ether"));
	CU_ASSERT_TRUE(absent(v, "bulkhead", "verdict"));
	json_decref(v);
}

static void
loaded_policy_is_a_record_of_our_own(void)
{
	json_t *v = noted(&(struct bh_eve_note){BH_EVENT_POLICY_LOADED, T0, NULL, NULL, 8});

	CU_ASSERT_STRING_EQUAL(str(v, NULL, "event_type"), "bulkhead");
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "event"), "policy_loaded");
	CU_ASSERT_TRUE(absent(v, NULL, "in_iface"));
	CU_ASSERT_TRUE(absent(v, NULL, "alert"));
	CU_ASSERT_TRUE(absent(v, "bulkhead", "detail"));
	json_decref(v);
}

static void
signature_ids_are_unique_and_every_alert_has_one(void)
{
	static const struct {
		const char *type;
		uint32_t sid;
	} all[] = {
#define BH_EVENT(sym, eve, kind, severity, sid, text) {eve, sid},
#include "../../lib/event/event.def"
#undef BH_EVENT
	};
	size_t i, k;

	for (i = 0; i < BH_ARRAY_SIZE(all); i++) {
		CU_ASSERT_EQUAL(strcmp(all[i].type, "alert") == 0, all[i].sid != 0);
		for (k = 0; k < i; k++)
			CU_ASSERT(all[i].sid == 0 || all[i].sid != all[k].sid);
	}
}

static void
names_may_be_missing_or_hostile(void)
{
	static const struct bh_event_names none;
	struct bh_event e = tcp_event(BH_EVENT_FLOW);
	json_t *v = written(&e, NULL);

	CU_ASSERT_TRUE(absent(v, "bulkhead", "src_segment"));
	CU_ASSERT_TRUE(absent(v, NULL, "in_iface"));
	CU_ASSERT_TRUE(absent(v, NULL, "app_proto"));
	json_decref(v);
	json_decref(written(&e, &none));
	e.segment[0] = 99;
	v = written(&e, &names);
	CU_ASSERT_TRUE(absent(v, "bulkhead", "dst_segment"));
	CU_ASSERT_STRING_EQUAL(str(v, "bulkhead", "src_segment"), "shop");
	json_decref(v);
}

static void
any_bytes_make_one_valid_line(void)
{
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS]; /* with the words behind it */
	uint8_t *p = (uint8_t *)e;
	unsigned i;
	size_t k;

	srand(3);
	for (i = 0; i < 20000; i++) {
		for (k = 0; k < sizeof(e); k++)
			p[k] = (uint8_t)(rand() >> 7);
		if (i % 2 == 0)
			e->type = (uint8_t)(e->type % BH_EVENT_COUNT);
		if (i % 3 == 0)
			e->key.family = i % 6 == 0 ? BH_IP4 : BH_IP6;
		json_decref(written(e, i % 5 == 0 ? NULL : &names));
	}
}

static void
operation_is_written_field_by_field(void)
{
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS] = {tcp_event(BH_EVENT_VIOLATION)};
	struct bh_event_text t = {0};
	struct bh_event_ring *r;
	json_t *v, *sql;

	bh_event_text_add(&t, BH_OP_PG_VERB, "delete", 6);
	bh_event_text_add(&t, BH_OP_PG_TABLE, "orders", 6);
	bh_event_text_add(&t, BH_OP_PG_TABLE, "x\"y", 3);
	bh_event_text_add(&t, BH_OP_SSH_CLIENT_PROTO, "2.0", 3);
	bh_event_text_add(&t, BH_OP_SSH_CLIENT, "OpenSSH_9", 9);
	bh_event_text_add(&t, BH_EVENT_WHY, "not listed", 10);
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
	CU_ASSERT_EQUAL(bh_event_pop(r, e, BH_ARRAY_SIZE(e)), 2);
	v = written(e, &names);
	sql = json_object_get(json_object_get(v, "bulkhead"), "sql");
	CU_ASSERT_PTR_NULL(json_object_get(v, "sql"));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sql, "verb")), "delete");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(sql, "table")), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(sql, "table"), 1)),
			       "x\"y");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_object_get(json_object_get(v, "ssh"), "client"),
				       "software_version")),
			       "OpenSSH_9");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_object_get(json_object_get(v, "ssh"), "client"),
				       "proto_version")),
			       "2.0");
	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_object_get(json_object_get(v, "bulkhead"), "detail")),
			       "not listed");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(v, "event_type")), "alert");
	json_decref(v);
	e[0].type = BH_EVENT_OPERATION;
	v = written(e, &names);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(v, "event_type")), "sql");
	json_decref(v);
	bh_event_ring_destroy(r);
}

/* Members of objects that Suricata's schema of EVE (7 and 8) has: it allows no others in them, and no other objects. */
static const char *const suricatas[] = {
	"http.http_method",
	"http.hostname",
	"http.url",
	"http.http_user_agent",
	"http.http_content_type",
	"http.protocol",
	"http.status",
	"dns.rrtype",
	"dns.rrname",
	"dns.rcode",
	"tls.sni",
	"tls.version",
	"tls.ja3.hash",
	"tls.ja3s.hash",
	"tls.subject",
	"tls.issuerdn",
	"tls.notafter",
	"tls.serial",
	"quic.sni",
	"quic.version",
	"quic.ja3.hash",
	"ssh.client.software_version",
	"ssh.client.proto_version",
	"ssh.server.software_version",
	"ssh.server.proto_version",
};

static bool
is_suricatas(const char *path)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(suricatas); i++) {
		if (strcmp(suricatas[i], path) == 0)
			return true;
	}
	return false;
}

/* All members below o, by path, are Suricata's, and texts but for the one that is a number there. */
static void
check_members(json_t *o, const char *path)
{
	const char *key;
	char below[128];
	json_t *v;

	json_object_foreach(o, key, v)
	{
		snprintf(below, sizeof(below), "%s.%s", path, key);
		if (json_is_object(v)) {
			check_members(v, below);
			continue;
		}
		CU_ASSERT(is_suricatas(below));
		CU_ASSERT(strcmp(below, "http.status") == 0 ? json_is_integer(v)
							    : json_is_string(v));
	}
}

/* Each field of op_field.def, alone in a record: either in one of Suricata's members, or inside ours. */
static void
what_suricata_has_no_member_for_stands_inside_ours(void)
{
	static const char *const objects[] = {"http", "dns", "tls", "quic", "ssh"};
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS];
	struct bh_event_ring *r;
	unsigned field, i, theirs = 0, ours = 0;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	for (field = 0; field < BH_OP_FIELD_COUNT; field++) {
		const struct bh_op_field_info *info = bh_op_field_info((uint8_t)field);
		struct bh_event_text t = {0};
		json_t *v, *o;

		if (info->eve_object == NULL)
			continue;
		e[0] = tcp_event(BH_EVENT_OPERATION);
		bh_event_text_add(&t, (uint8_t)field, "404", 3);
		CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
		CU_ASSERT(bh_event_pop(r, e, BH_ARRAY_SIZE(e)) >= 2);
		v = written(e, &names);
		for (i = 0, o = NULL; i < BH_ARRAY_SIZE(objects) && o == NULL; i++) {
			o = json_object_get(v, objects[i]);
			if (o != NULL)
				check_members(o, objects[i]);
		}
		theirs += o != NULL;
		if (o == NULL) {
			o = json_object_get(json_object_get(v, "bulkhead"),
					    str(v, NULL, "event_type"));
			CU_ASSERT_EQUAL(json_object_size(o), 1);
			ours++;
		}
		json_decref(v);
	}
	CU_ASSERT(theirs >= 25 && ours >= 20);
	bh_event_ring_destroy(r);
}

/* The issuer and the last four digits stay; times, hashes and longer numbers are as they were. */
static void
no_word_shows_a_card_number(void)
{
	static const struct {
		const char *say, *want;
	} cases[] = {
		{"/pay/4111111111111111/x", "/pay/411111******1111/x"},
		{"card 4111-1111-1111-1111 x", "card 4111-11**-****-1111 x"},
		{"a=4111%201111%201111%201111", "a=4111%2011**%20****%201111"},
		{"4111 1111 1111 1111 123", "4111 11** **** 1111 123"},
		{"7 4111111111111111 5500000000000004", "7 411111******1111 550000******0004"},
		{"key378282246310005", "key378282*****0005"},
		{"1763800000000000", "1763800000000000"},
		{"4111111111111112", "4111111111111112"},
		{"94111111111111111119999", "94111111111111111119999"},
		{"ab4111111111111111cdefabcdefabcd", "ab4111111111111111cdefabcdefabcd"},
	};
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS];
	struct bh_event_ring *r;
	unsigned i;
	json_t *v;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_event_text t = {0};

		e[0] = tcp_event(BH_EVENT_VIOLATION);
		bh_event_text_add(&t, BH_EVENT_WHY, cases[i].say, strlen(cases[i].say));
		CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
		CU_ASSERT(bh_event_pop(r, e, BH_ARRAY_SIZE(e)) > 1);
		v = written(e, &names);
		CU_ASSERT_STRING_EQUAL(json_string_value(
					       json_object_get(json_object_get(v, "bulkhead"),
							       "detail")),
				       cases[i].want);
		json_decref(v);
	}
	bh_event_ring_destroy(r);
}

const struct bh_unit_test bh_suite_event_eve[] = {
	BH_TEST(no_word_shows_a_card_number),
	BH_TEST(flow_counts_by_direction_of_its_opener),
	BH_TEST(flow_never_ends_before_it_began),
	BH_TEST(violation_says_who_which_rule_and_whether_it_was_blocked),
	BH_TEST(drop_describes_the_packet),
	BH_TEST(ipv6_drop_has_payload_length_and_hop_limit),
	BH_TEST(tenant_is_told_by_vlans_tunnel_and_vni),
	BH_TEST(icmp_has_type_and_code_and_no_ports),
	BH_TEST(protocol_without_a_name_is_three_digits),
	BH_TEST(fragment_identification_is_not_told_as_ports),
	BH_TEST(frame_without_ip_has_its_ethertype_and_no_addresses),
	BH_TEST(lost_link_is_an_alert_that_names_the_port),
	BH_TEST(loaded_policy_is_a_record_of_our_own),
	BH_TEST(signature_ids_are_unique_and_every_alert_has_one),
	BH_TEST(names_may_be_missing_or_hostile),
	BH_TEST(any_bytes_make_one_valid_line),
	BH_TEST(operation_is_written_field_by_field),
	BH_TEST(what_suricata_has_no_member_for_stands_inside_ours),
	BH_TEST_END,
};
