/* event: EVE records, read back by jansson. */
#include "event_rig.h"

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

const struct bh_unit_test bh_suite_event_eve[] = {
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
	BH_TEST_END,
};
