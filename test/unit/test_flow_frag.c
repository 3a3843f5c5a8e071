/* Fragments, case by case. Handles are numbers from 1 in order of arrival. */
#include <errno.h>

#include "test_flow_frag_ref.h"
#include "unit.h"

struct rig {
	struct bh_frag_store *s;
	struct bh_frag_out out;
	uint8_t family;
	uintptr_t next;
	uint32_t now_ms;
};

static struct rig
rig(uint32_t datagrams, uint32_t max_fragments, uint32_t max_held)
{
	struct bh_frag_params p = {
		.datagrams = datagrams,
		.max_fragments = max_fragments,
		.max_held = max_held,
		.timeout_ms = 5000,
		.hash_key = {{3, 5, 7, 11, 13, 17, 19, 23}},
	};
	struct rig r = {.next = 1, .family = BH_IP4};

	CU_ASSERT_EQUAL_FATAL(bh_frag_store_create(&r.s, &p), 0);
	return r;
}

static void
rig_end(struct rig *r)
{
	while (bh_frag_flush(r->s, &r->out))
		;
	CU_ASSERT_EQUAL(bh_frag_held(r->s), 0);
	bh_frag_store_destroy(r->s);
}

static struct bh_parsed
fragment(const struct rig *r, uint32_t id, uint32_t off, uint32_t len, bool last)
{
	struct bh_parsed pkt;

	memset(&pkt, 0, sizeof(pkt));
	pkt.kind = BH_FRAME_FRAGMENT;
	pkt.key.family = r->family;
	pkt.key.proto = 17;
	pkt.key.addr[0].b[0] = 10;
	pkt.key.addr[1].b[0] = 20;
	pkt.key.port[0] = (uint16_t)(id >> 16);
	pkt.key.port[1] = (uint16_t)id;
	pkt.l3_off = 14;
	pkt.l4_off = r->family == BH_IP4 ? 34 : 14 + 48;
	pkt.frag_off = (uint16_t)off;
	pkt.frag_len = (uint16_t)len;
	pkt.flags = (uint8_t)((off == 0 ? BH_PKT_FIRST_FRAGMENT : 0) |
			      (last ? BH_PKT_LAST_FRAGMENT : 0));
	return pkt;
}

static bool
give(struct rig *r, const struct bh_parsed *pkt)
{
	return bh_frag_add(r->s, pkt, (void *)r->next++, r->now_ms, &r->out);
}

static bool
add(struct rig *r, uint32_t id, uint32_t off, uint32_t len, bool last)
{
	struct bh_parsed pkt = fragment(r, id, off, len, last);

	return give(r, &pkt);
}

static void
assert_out(const struct rig *r, enum bh_reason reason, unsigned n, uintptr_t first_handle)
{
	unsigned i;

	CU_ASSERT_EQUAL(r->out.reason, reason);
	CU_ASSERT_EQUAL(r->out.n, n);
	for (i = 0; i < r->out.n; i++)
		CU_ASSERT_EQUAL((uintptr_t)r->out.packet[i], first_handle + i);
}

static void
whole_datagram_comes_back_in_order_of_arrival(void)
{
	struct rig r = rig(16, 8, 0);
	unsigned v;

	for (v = 0; v < 2; v++) {
		r.family = v == 0 ? BH_IP4 : BH_IP6;
		r.next = 1;
		CU_ASSERT_FALSE(add(&r, 70000, 16, 8, false));
		CU_ASSERT_FALSE(add(&r, 70000, 24, 5, true));
		CU_ASSERT_EQUAL(bh_frag_held(r.s), 2);
		CU_ASSERT_TRUE(add(&r, 70000, 0, 16, false));
		assert_out(&r, BH_REASON_NONE, 3, 1);
		CU_ASSERT_EQUAL(r.out.first, 2);
		CU_ASSERT_EQUAL(r.out.total_len, 29);
		CU_ASSERT_EQUAL(bh_frag_held(r.s), 0);
		/* The id is free again. */
		CU_ASSERT_FALSE(add(&r, 70000, 16, 8, false));
		CU_ASSERT_TRUE(bh_frag_flush(r.s, &r.out));
	}
	rig_end(&r);
}

static void
a_lone_whole_fragment_passes_by_itself(void)
{
	struct rig r = rig(16, 8, 0);

	r.family = BH_IP6;
	CU_ASSERT_FALSE(add(&r, 1, 8, 8, false));
	r.next = 50;
	CU_ASSERT_TRUE(add(&r, 1, 0, 100, true));
	assert_out(&r, BH_REASON_NONE, 1, 50);
	CU_ASSERT_EQUAL(r.out.first, 0);
	CU_ASSERT_EQUAL(r.out.total_len, 100);
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 1); /* the other datagram of that id is untouched */
	rig_end(&r);
}

static void
datagrams_differ_by_every_part_of_the_key_and_by_direction(void)
{
	struct rig r = rig(32, 8, 0);
	struct bh_parsed base = fragment(&r, 7, 0, 8, false), pkt[8];
	unsigned i;

	for (i = 0; i < 8; i++)
		pkt[i] = base;
	pkt[1].from = 1;
	pkt[2].key.proto = 6;
	pkt[3].key.family = BH_IP6;
	pkt[4].key.tenant = 1;
	pkt[5].key.addr[1].b[15] = 1;
	pkt[6].key.port[0] = 1;
	pkt[7].key.pair = 1;
	for (i = 0; i < 8; i++)
		CU_ASSERT_FALSE(give(&r, &pkt[i]));
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 8);
	for (i = 0; i < 8; i++) {
		pkt[i].frag_off = 8;
		pkt[i].flags = BH_PKT_LAST_FRAGMENT;
		CU_ASSERT_TRUE(give(&r, &pkt[i]));
		CU_ASSERT_EQUAL(r.out.n, 2);
		CU_ASSERT_EQUAL(r.out.reason, BH_REASON_NONE);
		CU_ASSERT_EQUAL((uintptr_t)r.out.packet[0], i + 1);
	}
	rig_end(&r);
}

/* A first datagram part [8, 24), not last, then one contradicting fragment. */
static void
assert_refused(uint32_t off, uint32_t len, bool last, enum bh_reason reason)
{
	struct rig r = rig(16, 8, 0);

	CU_ASSERT_FALSE(add(&r, 1, 8, 16, false));
	CU_ASSERT_TRUE(add(&r, 1, off, len, last));
	assert_out(&r, reason, 2, 1);
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 0);
	/* What follows is dropped for the same reason, also what would have fitted. */
	r.next = 90;
	CU_ASSERT_TRUE(add(&r, 1, 0, 8, false));
	assert_out(&r, reason, 1, 90);
	CU_ASSERT_TRUE(add(&r, 1, 24, 8, true));
	assert_out(&r, reason, 1, 91);
	r.now_ms = 4999;
	CU_ASSERT_FALSE(bh_frag_age(r.s, r.now_ms, &r.out));
	CU_ASSERT_TRUE(add(&r, 1, 0, 8, false));
	/* Until the time-out, which nothing of this has put off. */
	r.now_ms = 5000;
	CU_ASSERT_FALSE(bh_frag_age(r.s, r.now_ms, &r.out));
	CU_ASSERT_FALSE(add(&r, 1, 0, 8, false));
	rig_end(&r);
}

static void
overlap_of_any_byte_refuses_the_datagram(void)
{
	assert_refused(8, 16, false, BH_REASON_FRAG_OVERLAP); /* exact duplicate */
	assert_refused(0, 16, false, BH_REASON_FRAG_OVERLAP); /* tail over head */
	assert_refused(16, 16, false, BH_REASON_FRAG_OVERLAP);
	assert_refused(16, 8, false, BH_REASON_FRAG_OVERLAP); /* inside */
	assert_refused(0, 64, false, BH_REASON_FRAG_OVERLAP); /* around */
	assert_refused(16, 1, true, BH_REASON_FRAG_OVERLAP);
	assert_refused(8, 16, true, BH_REASON_FRAG_OVERLAP);
}

static void
ends_that_contradict_each_other_refuse_the_datagram(void)
{
	struct rig r = rig(16, 8, 0);

	/* Two last ones, apart. */
	CU_ASSERT_FALSE(add(&r, 1, 32, 8, true));
	CU_ASSERT_TRUE(add(&r, 1, 16, 8, true));
	assert_out(&r, BH_REASON_FRAG_OVERLAP, 2, 1);
	/* Bytes behind the last one: before it and after it came. */
	r.next = 1;
	CU_ASSERT_FALSE(add(&r, 2, 32, 8, true));
	CU_ASSERT_TRUE(add(&r, 2, 48, 8, false));
	assert_out(&r, BH_REASON_FRAG_OVERLAP, 2, 1);
	r.next = 1;
	CU_ASSERT_FALSE(add(&r, 3, 48, 8, false));
	CU_ASSERT_TRUE(add(&r, 3, 32, 8, true));
	assert_out(&r, BH_REASON_FRAG_OVERLAP, 2, 1);
	rig_end(&r);
}

static void
impossible_lengths_refuse_the_datagram(void)
{
	assert_refused(24, 0, false, BH_REASON_FRAG_LENGTH);
	assert_refused(24, 0, true, BH_REASON_FRAG_LENGTH);
	assert_refused(0, 0, false, BH_REASON_FRAG_LENGTH);
	assert_refused(24, 7, false, BH_REASON_FRAG_LENGTH);
	/* IPv4: 20 bytes of header count (the ping of death). */
	assert_refused(65512, 4, true, BH_REASON_FRAG_TOO_BIG);
	assert_refused(65528, 65528, false, BH_REASON_FRAG_TOO_BIG);
}

static void
largest_datagrams_pass(void)
{
	struct rig r = rig(16, 64, 0);
	struct bh_parsed pkt;

	CU_ASSERT_FALSE(add(&r, 1, 0, 32768, false));
	CU_ASSERT_TRUE(add(&r, 1, 32768, 65535 - 20 - 32768, true));
	assert_out(&r, BH_REASON_NONE, 2, 1);
	CU_ASSERT_EQUAL(r.out.total_len, 65515);
	/* IPv6: its own header and the fragment's do not count, other extension headers do. */
	r.family = BH_IP6;
	r.next = 1;
	CU_ASSERT_FALSE(add(&r, 1, 0, 32768, false));
	CU_ASSERT_TRUE(add(&r, 1, 32768, 32767, true));
	assert_out(&r, BH_REASON_NONE, 2, 1);
	CU_ASSERT_EQUAL(r.out.total_len, 65535);
	pkt = fragment(&r, 2, 32768, 32767 - 8, true);
	pkt.l4_off += 8;
	CU_ASSERT_FALSE(give(&r, &pkt));
	pkt = fragment(&r, 3, 32768, 32767 - 7, true);
	pkt.l4_off += 8;
	CU_ASSERT_TRUE(give(&r, &pkt));
	CU_ASSERT_EQUAL(r.out.reason, BH_REASON_FRAG_TOO_BIG);
	rig_end(&r);
}

static void
too_many_fragments_refuse_the_datagram(void)
{
	struct rig r = rig(16, 64, 0);
	unsigned i;

	for (i = 0; i < 63; i++)
		CU_ASSERT_FALSE(add(&r, 1, 8 * i, 8, false));
	CU_ASSERT_TRUE(add(&r, 1, 8 * i, 8, true)); /* 64 are allowed */
	assert_out(&r, BH_REASON_NONE, 64, 1);
	r.next = 1;
	for (i = 0; i < 63; i++)
		CU_ASSERT_FALSE(add(&r, 2, 8 * i, 8, false));
	CU_ASSERT_TRUE(add(&r, 2, 8 * i, 8, false)); /* not whole with 64: never */
	assert_out(&r, BH_REASON_FRAG_TOO_MANY, 64, 1);
	CU_ASSERT_TRUE(add(&r, 2, 8 * 64, 8, true));
	assert_out(&r, BH_REASON_FRAG_TOO_MANY, 1, 65);
	rig_end(&r);
}

static void
a_full_store_refuses_new_datagrams_and_keeps_the_old(void)
{
	struct rig r = rig(16, 8, 0);
	uint32_t id;

	for (id = 0; id < 16; id++)
		CU_ASSERT_FALSE(add(&r, id, 0, 8, false));
	CU_ASSERT_TRUE(add(&r, 16, 0, 8, false));
	assert_out(&r, BH_REASON_FRAG_TABLE_FULL, 1, 17);
	for (id = 0; id < 16; id++) {
		CU_ASSERT_TRUE(add(&r, id, 8, 8, true));
		CU_ASSERT_EQUAL(r.out.reason, BH_REASON_NONE);
		CU_ASSERT_EQUAL(r.out.n, 2);
	}
	CU_ASSERT_FALSE(add(&r, 16, 0, 8, false)); /* not remembered as refused */
	rig_end(&r);
}

static void
packets_held_are_bounded(void)
{
	struct rig r = rig(16, 8, 10);
	uint32_t id;

	for (id = 0; id < 10; id++)
		CU_ASSERT_FALSE(add(&r, id, 0, 8, false));
	CU_ASSERT_TRUE(add(&r, 0, 16, 8, false)); /* makes 11: its datagram goes */
	CU_ASSERT_EQUAL(r.out.reason, BH_REASON_FRAG_TABLE_FULL);
	CU_ASSERT_EQUAL(r.out.n, 2);
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 9);
	CU_ASSERT_FALSE(add(&r, 10, 0, 8, false));
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 10);
	CU_ASSERT_TRUE(add(&r, 1, 8, 8, true)); /* completes: needs no room */
	CU_ASSERT_EQUAL(r.out.reason, BH_REASON_NONE);
	rig_end(&r);
}

static void
datagrams_time_out_in_order_of_birth_across_the_wrap(void)
{
	struct rig r = rig(16, 8, 0);
	const uint32_t start = UINT32_MAX - 3000;
	uint32_t id;

	for (id = 0; id < 8; id++) {
		r.now_ms = start + id * 1000;
		CU_ASSERT_FALSE(add(&r, id, 0, 8, false));
	}
	r.now_ms = start + 4000;
	add(&r, 4, 16, 8, false); /* does not put its time-out off */
	add(&r, 2, 0, 8, false);  /* refused: nothing left to hand back */
	CU_ASSERT_FALSE(bh_frag_age(r.s, start + 4999, &r.out));
	CU_ASSERT_TRUE(bh_frag_age(r.s, start + 5000, &r.out));
	assert_out(&r, BH_REASON_FRAG_TIMEOUT, 1, 1);
	CU_ASSERT_FALSE(bh_frag_age(r.s, start + 5000, &r.out));
	CU_ASSERT_TRUE(bh_frag_age(r.s, start + 9000, &r.out));
	assert_out(&r, BH_REASON_FRAG_TIMEOUT, 1, 2);
	CU_ASSERT_TRUE(bh_frag_age(r.s, start + 9000, &r.out));
	assert_out(&r, BH_REASON_FRAG_TIMEOUT, 1, 4);
	CU_ASSERT_TRUE(bh_frag_age(r.s, start + 9000, &r.out));
	CU_ASSERT_EQUAL(r.out.n, 2);
	CU_ASSERT_EQUAL((uintptr_t)r.out.packet[0], 5);
	CU_ASSERT_EQUAL((uintptr_t)r.out.packet[1], 9);
	CU_ASSERT_FALSE(bh_frag_age(r.s, start + 9000, &r.out));
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 3);
	rig_end(&r);
}

static void
flush_hands_everything_back(void)
{
	struct rig r = rig(16, 8, 0);
	unsigned id, n = 0;

	for (id = 0; id < 10; id++) {
		add(&r, id, 0, 8, false);
		add(&r, id, id % 3 == 0 ? 0 : 16, 8, false);
	}
	while (bh_frag_flush(r.s, &r.out)) {
		CU_ASSERT_EQUAL(r.out.reason, BH_REASON_SHUTDOWN);
		n += r.out.n;
	}
	CU_ASSERT_EQUAL(n, 12);
	CU_ASSERT_EQUAL(bh_frag_held(r.s), 0);
	CU_ASSERT_FALSE(add(&r, 0, 0, 8, false)); /* refusals are forgotten too */
	rig_end(&r);
}

static void
bounds_out_of_range_are_refused(void)
{
	static const struct bh_frag_params bad[] = {
		{.datagrams = 15, .max_fragments = 8},
		{.datagrams = (1u << 20) + 1, .max_fragments = 8},
		{.datagrams = 16, .max_fragments = 1},
		{.datagrams = 16, .max_fragments = 65},
		{.datagrams = 16, .max_fragments = 8, .timeout_ms = 1u << 31},
	};
	struct bh_frag_store *s = NULL;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(bh_frag_store_create(&s, &bad[i]), -EINVAL);
	CU_ASSERT_PTR_NULL(s);
	bh_frag_store_destroy(NULL);
}

const struct bh_unit_test bh_suite_flow_frag[] = {
	BH_TEST(whole_datagram_comes_back_in_order_of_arrival),
	BH_TEST(a_lone_whole_fragment_passes_by_itself),
	BH_TEST(datagrams_differ_by_every_part_of_the_key_and_by_direction),
	BH_TEST(overlap_of_any_byte_refuses_the_datagram),
	BH_TEST(ends_that_contradict_each_other_refuse_the_datagram),
	BH_TEST(impossible_lengths_refuse_the_datagram),
	BH_TEST(largest_datagrams_pass),
	BH_TEST(too_many_fragments_refuse_the_datagram),
	BH_TEST(a_full_store_refuses_new_datagrams_and_keeps_the_old),
	BH_TEST(packets_held_are_bounded),
	BH_TEST(datagrams_time_out_in_order_of_birth_across_the_wrap),
	BH_TEST(flush_hands_everything_back),
	BH_TEST(bounds_out_of_range_are_refused),
	BH_TEST_END,
};
