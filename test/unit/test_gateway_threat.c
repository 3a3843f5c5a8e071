/* gateway: threats of single packets, ICMP, scans and sessions; and what raises none. */
#include "threat_rig.h"

#define CLIENT "10.1.0.1"

static void
some_on(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->threat[BH_THREAT_SYN_DATA].on = true;
	c->threat[BH_THREAT_SESSION_LIMIT].on = true;
	c->threat[BH_THREAT_SESSION_LIMIT].threshold = 8;
	c->threat[BH_THREAT_ICMP_FLOOD].on = true;
	c->threat[BH_THREAT_ICMP_FLOOD].threshold = 20;
	c->threat[BH_THREAT_PING_DEATH].threshold = 1000;
	c->threat[BH_THREAT_ICMP_TUNNEL].action = BH_THREAT_DROP;
	c->threat[BH_THREAT_SPLIT_HANDSHAKE].action = BH_THREAT_DROP;
}

static void
examined(struct bh_config *c, struct bh_gateway_params *p)
{
	some_on(c, p);
	c->threat[BH_THREAT_HEARTBLEED].on = true;
	c->threat[BH_THREAT_HEARTBLEED].action = BH_THREAT_DROP;
}

static void
scans_blocked(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->threat[BH_THREAT_PORT_SCAN].action = BH_THREAT_BLOCK;
	c->threat[BH_THREAT_PORT_SCAN].except = 1;
	c->n_threat_segments = 1;
	strcpy(c->threat_segment[0], "testers");
}

/* ---- single packets ------------------------------------------------------------------------------------ */

static void
malformed_packet_is_a_threat_once_in_its_time(void)
{
	const struct bh_event *e;
	struct rig_frame f;
	struct rig r;
	unsigned n, i;

	threat_start(&r, NULL, BH_MODE_PROTECT);
	tcp_frame(&f, CLIENT, SERVER, (uint16_t[2]){3000, 80}, BH_TCP_SYN | BH_TCP_FIN);
	for (i = 0; i < 5; i++)
		rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	e = threat_find(&r, "threat.invalid_packet", &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->reason, BH_REASON_TCP_FLAGS);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(r.c.threats[BH_THREAT_INVALID_PACKET], 5);
	rig_wait(&r, 11000);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	e = threat_find(&r, "threat.invalid_packet", &n);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(e->repeated, 4);
	rig_stop(&r);
}

static void
overlapping_fragments_are_teardrop(void)
{
	struct rig_frame whole, part[3];
	struct rig r;

	threat_start(&r, NULL, BH_MODE_PROTECT);
	rig_build(&whole, &(struct rig_packet){.src = CLIENT,
					       .dst = SERVER,
					       .proto = 17,
					       .sport = 3000,
					       .dport = 53,
					       .ip_id = 7,
					       .payload = 900});
	rig_fragment(&whole, part, 3);
	rig_put(&r, RIG_OUTSIDE, &part[0]);
	rig_put(&r, RIG_OUTSIDE, &part[1]);
	rig_put(&r, RIG_OUTSIDE, &part[2]);
	rig_run(&r);
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	whole.b[rig_l3(&whole) + 4] = 1; /* another id */
	rig_build(&whole, &(struct rig_packet){.src = CLIENT,
					       .dst = SERVER,
					       .proto = 17,
					       .sport = 3000,
					       .dport = 53,
					       .ip_id = 8,
					       .payload = 900});
	rig_fragment(&whole, part, 3);
	rig_put(&r, RIG_OUTSIDE, &part[0]);
	rig_put(&r, RIG_OUTSIDE, &part[1]);
	rig_put(&r, RIG_OUTSIDE, &part[1]);
	rig_run(&r);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.teardrop"), 1);
	rig_stop(&r);
}

static void
data_on_a_syn_is_dropped_where_it_is_looked_for(void)
{
	struct rig_packet p = {.src = CLIENT,
			       .dst = SERVER,
			       .proto = 6,
			       .sport = 3000,
			       .dport = 80,
			       .tcp_flags = BH_TCP_SYN,
			       .payload = 10};
	struct rig_frame f;
	struct rig r;

	rig_build(&f, &p);
	threat_start(&r, NULL, BH_MODE_PROTECT);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	rig_stop(&r);
	threat_start(&r, some_on, BH_MODE_PROTECT);
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.syn_data"), 1);
	rig_stop(&r);
}

/* A SYN with these options in place of payload: the data offset grows over it. */
static void
syn_with(struct rig_frame *f, uint16_t sport, const char *options, unsigned n)
{
	uint8_t *tcp;

	rig_build(f, &(struct rig_packet){.src = CLIENT,
					  .dst = SERVER,
					  .proto = 6,
					  .sport = sport,
					  .dport = 80,
					  .tcp_flags = BH_TCP_SYN,
					  .payload = (uint16_t)n,
					  .text = options});
	tcp = f->b + rig_l4(f);
	tcp[12] = (uint8_t)((20 + n) / 4 << 4);
}

static void
small_mss_with_sack_is_dropped(void)
{
	static const struct {
		const char *options;
		unsigned n;
		bool threat;
	} cases[] = {
		{"\x02\x04\x00\x30\x04\x02\x01\x01", 8, true}, /* MSS 48, SACK permitted */
		{"\x04\x02\x02\x04\x00\xff\x01\x00", 8, true},
		{"\x02\x04\x00\x30\x01\x01\x01\x01", 8, false}, /* no SACK */
		{"\x02\x04\x05\xb4\x04\x02\x01\x01", 8, false}, /* MSS 1460 */
		{"\x02\x04\x01\x00\x04\x02\x01\x01", 8, false}, /* 256 */
		{"\x04\x02\x01\x01", 4, false},                 /* none */
		{"\x02\x09\x00\x30\x04\x02\x01\x01", 8, false}, /* runs over */
	};
	struct rig_frame f;
	struct rig r;
	unsigned i;

	threat_start(&r, NULL, BH_MODE_PROTECT);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		uint64_t before = r.c.dropped[BH_REASON_THREAT];

		syn_with(&f, (uint16_t)(3000 + i), cases[i].options, cases[i].n);
		rig_put(&r, RIG_OUTSIDE, &f);
		rig_run(&r);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_THREAT] - before, cases[i].threat);
	}
	CU_ASSERT_EQUAL(r.c.threats[BH_THREAT_SMALL_MSS], 2);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.small_mss"), 1);
	rig_stop(&r);
}

static void
syn_for_a_syn_is_a_split_handshake(void)
{
	struct rig_frame f;
	struct rig r;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	CU_ASSERT(connects(&r, CLIENT, SERVER, 3000, 80));
	tcp_frame(&f, CLIENT, SERVER, (uint16_t[2]){3001, 80}, BH_TCP_SYN);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp_frame(&f, SERVER, CLIENT, (uint16_t[2]){80, 3001}, BH_TCP_SYN);
	CU_ASSERT(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.split_handshake"), 1);
	CU_ASSERT_EQUAL(threat_total(&r), 1);
	rig_stop(&r);
}

static void
split_handshake_of_an_examined_connection_ends_it(void)
{
	struct rig_frame f;
	struct rig r;

	threat_start(&r, examined, BH_MODE_PROTECT);
	tcp_frame(&f, CLIENT, SERVER, (uint16_t[2]){3001, 80}, BH_TCP_SYN);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp_frame(&f, SERVER, CLIENT, (uint16_t[2]){80, 3001}, BH_TCP_SYN);
	CU_ASSERT(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_THREAT));
	tcp_frame(&f, SERVER, CLIENT, (uint16_t[2]){80, 3001}, BH_TCP_SYN | BH_TCP_ACK);
	CU_ASSERT(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.split_handshake"), 1);
	CU_ASSERT_EQUAL(threat_total(&r), 1);
	rig_stop(&r);
	/* Under monitor it is told of once, and passes. */
	threat_start(&r, examined, BH_MODE_MONITOR);
	tcp_frame(&f, CLIENT, SERVER, (uint16_t[2]){3001, 80}, BH_TCP_SYN);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	tcp_frame(&f, SERVER, CLIENT, (uint16_t[2]){80, 3001}, BH_TCP_SYN);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT_EQUAL(threat_total(&r), 1);
	rig_stop(&r);
}

/* ---- ICMP ----------------------------------------------------------------------------------------------- */

static void
echo(struct rig_frame *f, bool reply, uint16_t seq, const char *text, unsigned n)
{
	uint8_t *icmp;
	uint32_t sum;

	rig_build(f, &(struct rig_packet){.src = reply ? SERVER : CLIENT,
					  .dst = reply ? CLIENT : SERVER,
					  .proto = 1,
					  .sport = 77,
					  .icmp_type = reply ? 0 : 8,
					  .payload = (uint16_t)n,
					  .text = text});
	icmp = f->b + rig_l4(f);
	/* The number, and the checksum by as much less. */
	sum = (uint32_t)(uint16_t)~bh_load_be16(icmp + 2) + seq + (uint16_t)~bh_load_be16(icmp + 6);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	icmp[6] = (uint8_t)(seq >> 8);
	icmp[7] = (uint8_t)seq;
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
}

/* A request and its reply; answers: as it was. */
static bool
pings(struct rig *r, uint16_t seq, const char *ask, const char *answer, unsigned n)
{
	struct rig_frame f;
	bool ok;

	echo(&f, false, seq, ask, n);
	ok = rig_passes(r, RIG_OUTSIDE, &f);
	echo(&f, true, seq, answer, n);
	return rig_passes(r, RIG_INSIDE, &f) && ok;
}

static void
ping_is_no_threat(void)
{
	char text[200];
	struct rig r;
	uint16_t i;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 100; i++) {
		snprintf(text, 16, "time %u", i);
		CU_ASSERT(pings(&r, i, text, text, sizeof(text)));
		rig_wait(&r, 1000);
	}
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	rig_stop(&r);
}

static void
replies_that_say_something_else_are_a_tunnel(void)
{
	const struct bh_event *e;
	struct rig r;
	unsigned n;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	CU_ASSERT(pings(&r, 1, "ls /tmp", "a b c d", 7));
	CU_ASSERT(pings(&r, 2, "ls /tmp", "ls /tmp", 7));
	CU_ASSERT(pings(&r, 3, "ls /etc", "passwd.", 7));
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	CU_ASSERT_FALSE(pings(&r, 4, "cat it.", "root:x:", 7));
	e = threat_find(&r, "threat.icmp_tunnel", &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_THREAT], 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->judged_bytes[0], 3);
	rig_stop(&r);
}

static void
requests_that_each_say_something_else_are_a_tunnel(void)
{
	char text[100];
	struct rig_frame f;
	struct rig r;
	uint16_t i;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 13; i++) {
		snprintf(text + 40, 16, "block %u", i);
		echo(&f, false, i, text, sizeof(text));
		rig_put(&r, RIG_OUTSIDE, &f);
		rig_run(&r);
		CU_ASSERT_EQUAL(threat_alerts(&r, "threat.icmp_tunnel"), i >= 12);
	}
	rig_stop(&r);
}

static void
icmp_flood_passes_what_its_threshold_is(void)
{
	struct rig_frame f;
	struct rig r;
	uint16_t i;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	for (i = 0; i < 60; i++) {
		echo(&f, false, i, "abc", 3);
		rig_put(&r, RIG_OUTSIDE, &f);
	}
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 19);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.icmp_flood"), 1);
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_THREAT], 41);
	rig_stop(&r);
}

static void
outsized_ping_is_dropped(void)
{
	static const char text[1200] = "big";
	struct rig_frame f;
	struct rig r;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	echo(&f, false, 1, text, 1000);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	echo(&f, false, 2, text, 1001);
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.ping_death"), 1);
	rig_stop(&r);
}

/* ---- scans and sessions ---------------------------------------------------------------------------------- */

static void
try_port(struct rig *r, const char *src, const char *dst, uint16_t port, bool refused)
{
	struct rig_frame f;

	tcp_frame(&f, src, dst, (uint16_t[2]){4000, port}, BH_TCP_SYN);
	rig_put(r, RIG_OUTSIDE, &f);
	rig_run(r);
	if (!refused)
		return;
	tcp_frame(&f, dst, src, (uint16_t[2]){port, 4000}, BH_TCP_RST | BH_TCP_ACK);
	rig_put(r, RIG_INSIDE, &f);
	rig_run(r);
}

static void
ports_that_are_denied_or_closed_are_a_scan(void)
{
	struct rig r;
	uint16_t i;

	threat_start(&r, scans_blocked, BH_MODE_PROTECT);
	for (i = 0; i < 15; i++)
		try_port(&r, CLIENT, SERVER, (uint16_t)(1000 + i), false); /* denied */
	for (i = 0; i < 3; i++)
		try_port(&r, CLIENT, SERVER, 1000, false); /* the same one again */
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	for (i = 0; i < 8; i++)
		try_port(&r, CLIENT, SERVER, (uint16_t)(80 + i), true); /* closed */
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.port_scan"), 1);
	CU_ASSERT_EQUAL(r.c.threats[BH_THREAT_ADDRESS_SCAN], 0);
	/* Its source is blocked; others are not, and it is not for ever. */
	CU_ASSERT_FALSE(connects(&r, CLIENT, SERVER, 5000, 80));
	CU_ASSERT(r.c.dropped[BH_REASON_THREAT_BLOCKED] > 0);
	CU_ASSERT(connects(&r, "10.1.0.2", SERVER, 5000, 80));
	rig_wait(&r, 61000);
	CU_ASSERT(connects(&r, CLIENT, SERVER, 5001, 80));
	rig_clear(&r);
	for (i = 0; i < 40; i++)
		try_port(&r, "10.1.9.1", SERVER, (uint16_t)(1000 + i), false);
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.port_scan"), 0);
	rig_stop(&r);
}

static void
addresses_where_nobody_answers_are_a_scan(void)
{
	char name[32];
	struct rig r;
	unsigned i;

	threat_start(&r, NULL, BH_MODE_PROTECT);
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "10.2.0.%u", 10 + i);
		try_port(&r, CLIENT, name, 80, false);
	}
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	for (i = 0; i < 40; i++) {
		rig_wait(&r, 1000);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.address_scan"), 1);
	CU_ASSERT_EQUAL(r.c.threats[BH_THREAT_PORT_SCAN], 0);
	rig_stop(&r);
}

static void
many_ports_and_addresses_that_answer_are_no_scan(void)
{
	char name[32];
	struct rig r;
	unsigned i;

	threat_start(&r, NULL, BH_MODE_PROTECT);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "10.2.0.%u", 1 + i);
		CU_ASSERT(connects(&r, CLIENT, name, 4000, (uint16_t)(80 + i % 11)));
	}
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	rig_stop(&r);
	/* Flows that a shutdown ends were not unanswered. */
	CU_ASSERT_EQUAL(threat_total(&r), 0);
}

static void
sessions_of_a_source_are_limited(void)
{
	struct rig r;
	uint16_t i;

	threat_start(&r, some_on, BH_MODE_PROTECT);
	for (i = 0; i < 8; i++)
		CU_ASSERT(connects(&r, CLIENT, SERVER, (uint16_t)(3000 + i), 80));
	CU_ASSERT_FALSE(connects(&r, CLIENT, SERVER2, 3008, 80));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.session_limit"), 1);
	CU_ASSERT(connects(&r, "10.1.0.2", SERVER, 3008, 80));
	/* They end, and there is room. */
	rig_wait(&r, 7441000);
	for (i = 0; i < 20; i++) {
		rig_wait(&r, 1000);
		rig_run(&r);
	}
	CU_ASSERT(connects(&r, CLIENT, SERVER2, 3009, 80));
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_threat[] = {
	BH_TEST(malformed_packet_is_a_threat_once_in_its_time),
	BH_TEST(overlapping_fragments_are_teardrop),
	BH_TEST(data_on_a_syn_is_dropped_where_it_is_looked_for),
	BH_TEST(small_mss_with_sack_is_dropped),
	BH_TEST(syn_for_a_syn_is_a_split_handshake),
	BH_TEST(split_handshake_of_an_examined_connection_ends_it),
	BH_TEST(ping_is_no_threat),
	BH_TEST(replies_that_say_something_else_are_a_tunnel),
	BH_TEST(requests_that_each_say_something_else_are_a_tunnel),
	BH_TEST(icmp_flood_passes_what_its_threshold_is),
	BH_TEST(outsized_ping_is_dropped),
	BH_TEST(ports_that_are_denied_or_closed_are_a_scan),
	BH_TEST(addresses_where_nobody_answers_are_a_scan),
	BH_TEST(many_ports_and_addresses_that_answer_are_no_scan),
	BH_TEST(sessions_of_a_source_are_limited),
	BH_TEST_END};
