/* gateway: what a rejected packet gets back. */
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"
#define WEB6 "2001:db8:1::1"
#define REDIS6 "2001:db8:2::1"

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct rig_packet
rejected(bool v6, uint8_t proto, uint16_t payload)
{
	return (struct rig_packet){
		.src = v6 ? WEB6 : WEB,
		.dst = v6 ? REDIS6 : REDIS,
		.proto = proto,
		.sport = 40000,
		.dport = 7000,
		.payload = payload,
		.tcp_flags = BH_TCP_SYN,
		.seq = 0xfffffff0,
		.ack = 77,
	};
}

static unsigned
ip_bytes(const struct rig_frame *f)
{
	const uint8_t *ip = f->b + rig_l3(f);

	return ip[0] >> 4 == 4 ? ip[2] * 256u + ip[3] : 40 + ip[4] * 256u + ip[5];
}

/* Is `a` addressed as an answer to f, with right checksums and not longer? */
static bool
answers(const struct rig_frame *a, const struct rig_frame *f)
{
	unsigned l3 = rig_l3(f), n = rig_l4(f) - l3 == 20 ? 4 : 16, at = l3 + (n == 4 ? 12 : 8);

	return memcmp(a->b, f->b + 6, 6) == 0 && memcmp(a->b + 6, f->b, 6) == 0 &&
	       memcmp(a->b + 12, f->b + 12, l3 - 12) == 0 &&
	       memcmp(a->b + at, f->b + at + n, n) == 0 &&
	       memcmp(a->b + at + n, f->b + at, n) == 0 && a->len == l3 + ip_bytes(a) &&
	       ip_bytes(a) <= ip_bytes(f) && rig_checksums_good(a);
}

/* The one answer to p, or NULL. */
static const struct rig_frame *
answer_to(struct rig *r, const struct rig_packet *p)
{
	struct rig_frame f;
	const struct rig_frame *a = &r->wire[RIG_OUTSIDE].out[0];

	rig_clear(r);
	rig_build(&f, p);
	rig_put(r, RIG_OUTSIDE, &f);
	rig_run(r);
	CU_ASSERT_EQUAL(r->wire[RIG_INSIDE].n_out, 0);
	if (r->wire[RIG_OUTSIDE].n_out == 0)
		return NULL;
	CU_ASSERT_EQUAL(r->wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_TRUE(answers(a, &f));
	return a;
}

/* RFC 9293 3.10.7.1: no ACK in it: seq 0, ack = seq + length; with ACK: seq = its ack. */
static void
rejected_tcp_gets_the_reset_of_the_rfc(void)
{
	struct rig r;
	unsigned v6;

	rig_start(&r, NULL);
	for (v6 = 0; v6 < 2; v6++) {
		struct rig_packet p = rejected(v6, 6, 0);
		const struct rig_frame *a;
		const uint8_t *tcp;

		p.vlan = 12 * (uint16_t)v6;
		a = answer_to(&r, &p);
		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		tcp = a->b + rig_l4(a);
		CU_ASSERT_EQUAL(get32(tcp), 7000u << 16 | 40000);
		CU_ASSERT_EQUAL(get32(tcp + 4), 0);
		CU_ASSERT_EQUAL(get32(tcp + 8), 0xfffffff1);
		CU_ASSERT_EQUAL(tcp[13], BH_TCP_RST | BH_TCP_ACK);
		/* Data behind the SYN counts as well; sequence numbers wrap. */
		p.payload = 100;
		a = answer_to(&r, &p);
		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		CU_ASSERT_EQUAL(get32(a->b + rig_l4(a) + 8), 0xfffffff1u + 100);
		p.tcp_flags = BH_TCP_ACK | BH_TCP_PSH;
		a = answer_to(&r, &p);
		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		tcp = a->b + rig_l4(a);
		CU_ASSERT_EQUAL(get32(tcp + 4), 77);
		CU_ASSERT_EQUAL(get32(tcp + 8), 0);
		CU_ASSERT_EQUAL(tcp[13], BH_TCP_RST);
	}
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_RULE_REJECT], 6);
	CU_ASSERT_EQUAL(r.c.answers, 6);
	CU_ASSERT_EQUAL(r.c.packets, 6);
	CU_ASSERT_EQUAL(r.c.forwarded, 0);
	rig_stop(&r);
}

static void
rejected_udp_gets_port_unreachable_and_sctp_prohibited(void)
{
	static const struct {
		bool v6;
		uint8_t proto, icmp_proto, type, code;
	} want[] = {
		{false, 17, 1, 3, 3},
		{false, 132, 1, 3, 13},
		{true, 17, 58, 1, 4},
		{true, 132, 58, 1, 1},
	};
	struct rig r;
	unsigned i;

	rig_start(&r, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(want); i++) {
		struct rig_packet p = rejected(want[i].v6, want[i].proto, 100);
		const struct rig_frame *a = answer_to(&r, &p);
		const uint8_t *icmp;
		struct rig_frame f;
		unsigned head;

		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		icmp = a->b + rig_l4(a);
		CU_ASSERT_EQUAL(a->b[rig_l3(a) + (want[i].v6 ? 6 : 9)], want[i].icmp_proto);
		CU_ASSERT_EQUAL(icmp[0], want[i].type);
		CU_ASSERT_EQUAL(icmp[1], want[i].code);
		CU_ASSERT_EQUAL(get32(icmp + 4), 0);
		/* RFC 792: the IP header and 64 bits of what follows. */
		rig_build(&f, &p);
		head = rig_l4(&f) - rig_l3(&f) + 8;
		CU_ASSERT_EQUAL(a->len, rig_l4(a) + 8 + head);
		CU_ASSERT_EQUAL(memcmp(icmp + 8, f.b + rig_l3(&f), head), 0);
	}
	rig_stop(&r);
}

static void
answer_is_never_longer_than_what_it_answers(void)
{
	struct rig r;
	unsigned v6, len;

	rig_start(&r, NULL);
	for (v6 = 0; v6 < 2; v6++) {
		unsigned need = v6 ? 40 + 8 + 40 + 8 : 20 + 8 + 20 + 8;

		for (len = 0; len < 64; len++) {
			struct rig_packet p = rejected(v6, 17, (uint16_t)len);
			const struct rig_frame *a = answer_to(&r, &p);

			CU_ASSERT_EQUAL(a != NULL, (v6 ? 48 : 28) + len >= need);
		}
	}
	CU_ASSERT(r.c.answers_suppressed > 0);
	rig_stop(&r);
}

static void
resets_and_icmp_errors_are_not_answered(void)
{
	struct rig_packet p = rejected(false, 6, 0);
	struct rig_frame about;
	struct rig r;

	rig_start(&r, NULL);
	CU_ASSERT_PTR_NOT_NULL(answer_to(&r, &p));
	p.tcp_flags = BH_TCP_RST;
	CU_ASSERT_PTR_NULL(answer_to(&r, &p));
	p.tcp_flags = BH_TCP_RST | BH_TCP_ACK;
	CU_ASSERT_PTR_NULL(answer_to(&r, &p));
	/* An error about the rejected flow itself. */
	rig_build(&about, &(struct rig_packet){.src = REDIS,
					       .dst = WEB,
					       .proto = 6,
					       .sport = 7000,
					       .dport = 40000,
					       .tcp_flags = BH_TCP_SYN | BH_TCP_ACK});
	CU_ASSERT_PTR_NULL(answer_to(&r, &(struct rig_packet){.src = WEB,
							      .dst = REDIS,
							      .proto = 1,
							      .icmp_type = 3,
							      .icmp_code = 3,
							      .quote = &about}));
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_ICMP_UNSOLICITED], 1);
	rig_stop(&r);
}

static void
group_addresses_and_tunnels_are_not_answered(void)
{
	struct rig_packet p = rejected(false, 17, 100);
	struct rig_frame f, inner;
	struct rig r;

	rig_start(&r, NULL);
	rig_build(&f, &p);
	f.b[0] |= 1;
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_RULE_REJECT));
	rig_build(&inner, &p);
	rig_build(&f, &(struct rig_packet){.src = "192.0.2.1",
					   .dst = "192.0.2.2",
					   .proto = 17,
					   .sport = 5555,
					   .dport = 4789,
					   .content = &inner});
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_RULE_REJECT));
	CU_ASSERT_EQUAL(r.c.answers, 0);
	CU_ASSERT_EQUAL(r.c.answers_suppressed, 2);
	rig_stop(&r);
}

static void
five_answers_a_second(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->reject_rate = 5;
}

static void
answers_are_limited_in_rate(void)
{
	struct rig_packet p = rejected(false, 6, 0);
	struct rig r;
	unsigned i, n = 0;

	rig_start(&r,
		  &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = five_answers_a_second});
	for (i = 0; i < 50; i++)
		n += answer_to(&r, &p) != NULL;
	CU_ASSERT_EQUAL(n, 5);
	rig_wait(&r, 1000);
	for (i = 0; i < 50; i++)
		n += answer_to(&r, &p) != NULL;
	CU_ASSERT_EQUAL(n, 10);
	CU_ASSERT_EQUAL(r.c.answers, 10);
	CU_ASSERT_EQUAL(r.c.answers_suppressed, 90);
	rig_stop(&r);
}

/* A connection that both ends believe in, and a policy that now rejects it: both get a reset. */
static void
both_ends_of_an_open_connection_are_reset(void)
{
	static const char reject_all[] = "version: 1\n"
					 "rules:\n"
					 "  - {from: any, to: any, action: reject}\n";
	struct rig_packet p = rejected(false, 6, 0);
	const struct rig_frame *on;
	struct rig_frame f;
	struct rig r;

	rig_start(&r, NULL);
	p.dport = 6379;
	rig_build(&f, &p);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_build(&f, &(struct rig_packet){.src = REDIS,
					   .dst = WEB,
					   .proto = 6,
					   .sport = 6379,
					   .dport = 40000,
					   .tcp_flags = BH_TCP_SYN | BH_TCP_ACK});
	CU_ASSERT_TRUE(rig_passes(&r, RIG_INSIDE, &f));
	rig_load(&r, reject_all);
	p.tcp_flags = BH_TCP_ACK | BH_TCP_PSH;
	p.payload = 100;
	rig_clear(&r);
	rig_build(&f, &p);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_OUTSIDE].n_out, 1);
	CU_ASSERT_TRUE(answers(&r.wire[RIG_OUTSIDE].out[0], &f));
	CU_ASSERT_EQUAL_FATAL(r.wire[RIG_INSIDE].n_out, 1);
	on = &r.wire[RIG_INSIDE].out[0];
	CU_ASSERT_EQUAL(memcmp(on->b, f.b, 14), 0);
	CU_ASSERT_EQUAL(memcmp(on->b + 26, f.b + 26, 12), 0); /* addresses and ports */
	CU_ASSERT_EQUAL(get32(on->b + 38), p.seq);
	CU_ASSERT_EQUAL(on->b[47], BH_TCP_RST);
	CU_ASSERT_TRUE(rig_checksums_good(on));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_VIOLATION)->verdict, BH_VERDICT_REJECT);
	rig_stop(&r);
}

/* Answers are not packets that came in: the sum must hold whether they leave or find no room. */
static void
answers_do_not_disturb_the_sum(void)
{
	struct rig_packet p = rejected(false, 6, 0);
	struct rig r;

	rig_start(&r, NULL);
	CU_ASSERT_PTR_NOT_NULL(answer_to(&r, &p));
	CU_ASSERT_EQUAL(r.c.packets, 1);
	CU_ASSERT_EQUAL(bh_counters_dropped(&r.c), 1);
	r.wire[RIG_OUTSIDE].room = 0;
	CU_ASSERT_PTR_NULL(answer_to(&r, &p));
	CU_ASSERT_EQUAL(r.c.packets, 2);
	CU_ASSERT_EQUAL(bh_counters_dropped(&r.c), 2);
	CU_ASSERT_EQUAL(r.c.forwarded, 0);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_answer[] = {
	BH_TEST(rejected_tcp_gets_the_reset_of_the_rfc),
	BH_TEST(rejected_udp_gets_port_unreachable_and_sctp_prohibited),
	BH_TEST(answer_is_never_longer_than_what_it_answers),
	BH_TEST(resets_and_icmp_errors_are_not_answered),
	BH_TEST(group_addresses_and_tunnels_are_not_answered),
	BH_TEST(answers_are_limited_in_rate),
	BH_TEST(both_ends_of_an_open_connection_are_reset),
	BH_TEST(answers_do_not_disturb_the_sum),
	BH_TEST_END,
};
