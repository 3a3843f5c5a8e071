/* Random valid frames from a plan: what is parsed is what was planned, however the frame is wrapped;
 * and whatever is cut off or changed, nothing outside is read and both paths agree. */
#include "net_plan.h"

#define ROUNDS 2000

static void
valid_frames_are_read_as_planned(void)
{
	struct bh_parsed want, got;
	struct net_frame f;
	struct plan p;
	unsigned i;

	seed = 1;
	for (i = 0; i < ROUNDS; i++) {
		memset(&p, 0, sizeof(p));
		plan_frame(&p);
		build(&p, &f, &want);
		CU_ASSERT_EQUAL(net_parse(&f, &got), BH_REASON_NONE);
		CU_ASSERT_EQUAL(memcmp(&got, &want, sizeof(got)), 0);
	}
}

static void
both_directions_have_one_key(void)
{
	struct bh_parsed there, back, want;
	struct net_frame f;
	struct plan p;
	unsigned i;

	seed = 2;
	for (i = 0; i < ROUNDS; i++) {
		memset(&p, 0, sizeof(p));
		plan_frame(&p);
		build(&p, &f, &want);
		CU_ASSERT_EQUAL(net_parse(&f, &there), BH_REASON_NONE);
		turn_round(&p);
		build(&p, &f, &want);
		CU_ASSERT_EQUAL(net_parse(&f, &back), BH_REASON_NONE);
		CU_ASSERT_EQUAL(memcmp(&there.key, &back.key, sizeof(there.key)), 0);
		CU_ASSERT_EQUAL(there.from, 1 - back.from);
	}
}

static void
plans_differ_in_their_keys(void)
{
	struct bh_parsed a, b, want;
	struct net_frame f;
	struct plan p;
	unsigned i;

	seed = 3;
	for (i = 0; i < ROUNDS; i++) {
		struct level *l;

		memset(&p, 0, sizeof(p));
		plan_frame(&p);
		build(&p, &f, &want);
		CU_ASSERT_EQUAL(net_parse(&f, &a), BH_REASON_NONE);
		/* Change what makes it another flow. */
		l = &p.level[p.n - 1];
		switch (dice(3)) {
		case 0:
			l->src[0] ^= 0x80;
			break;
		case 1:
			p.sport ^= 0x2000;
			if (p.proto == 253)
				l->dst[0] ^= 0x40;
			break;
		default:
			l->v6 = !l->v6;
			if (p.proto == BH_PROTO_ICMP || p.proto == BH_PROTO_ICMPV6)
				p.proto = l->v6 ? BH_PROTO_ICMPV6 : BH_PROTO_ICMP;
			break;
		}
		build(&p, &f, &want);
		CU_ASSERT_EQUAL(net_parse(&f, &b), BH_REASON_NONE);
		CU_ASSERT_NOT_EQUAL(memcmp(&a.key, &b.key, sizeof(a.key)), 0);
	}
}

/* What NONE promises about the first `cap` bytes. */
static void
assert_within(const struct bh_parsed *h, uint32_t cap, uint32_t wire)
{
	CU_ASSERT_TRUE(h->outer_l3_off <= h->l3_off);
	CU_ASSERT_TRUE(h->l3_off <= h->l4_off);
	CU_ASSERT_TRUE(h->l4_off <= h->payload_off);
	CU_ASSERT_TRUE(h->payload_off <= cap);
	CU_ASSERT_TRUE((uint32_t)h->payload_off + h->payload_len <= wire);
	CU_ASSERT_EQUAL((h->flags & BH_PKT_CUT) != 0,
			(uint32_t)h->payload_off + h->payload_len > cap);
}

static void
every_prefix_of_a_frame_is_safe(void)
{
	struct bh_parsed whole, got, want;
	struct net_frame f;
	struct plan p;
	unsigned i;
	uint32_t n;

	seed = 4;
	for (i = 0; i < ROUNDS / 20; i++) {
		memset(&p, 0, sizeof(p));
		plan_frame(&p);
		build(&p, &f, &want);
		CU_ASSERT_EQUAL(net_parse(&f, &whole), BH_REASON_NONE);
		for (n = 0; n <= f.len; n++) {
			/* As short a frame: it must be refused where lengths do not fit. */
			if (net_parse_cut(&f, BH_LINK_ETHERNET, n, n, &got) == BH_REASON_NONE) {
				assert_within(&got, n, n);
				CU_ASSERT_TRUE(n >= f.len - p.padding);
			}
			/* Cut by the capture: the same packet, once all headers are there. */
			if (net_parse_cut(&f, BH_LINK_ETHERNET, n, f.len, &got) == BH_REASON_NONE) {
				assert_within(&got, n, f.len);
				CU_ASSERT_EQUAL(memcmp(&got.key, &whole.key, sizeof(got.key)), 0);
				CU_ASSERT_EQUAL(got.payload_len, whole.payload_len);
			} else {
				CU_ASSERT_TRUE(n < whole.payload_off);
			}
		}
	}
}

/* The general path alone. */
static enum bh_reason
parse_by_layers(const struct net_frame *f, uint32_t caplen, struct bh_parsed *out)
{
	struct bh_parse_params params;
	struct bh_net_ctx c = {
		.params = &params,
		.frame = f->b,
		.cur = bh_cur(f->b, caplen),
		.end = f->len,
		.out = out,
	};

	bh_parse_params_default(&params);
	return bh_net_parse_layers(&c, BH_LINK_ETHERNET, 3);
}

static void
straight_path_and_layers_agree_on_damaged_frames(void)
{
	struct bh_parsed want, a, b;
	enum bh_reason x, y;
	struct net_frame f;
	unsigned i, j, passed = 0;
	struct plan p;

	seed = 5;
	for (i = 0; i < ROUNDS * 10; i++) {
		uint32_t cap;

		memset(&p, 0, sizeof(p));
		plan_frame(&p);
		p.n = dice(4) == 0 ? p.n : 1; /* mostly what the straight path may take */
		build(&p, &f, &want);
		for (j = dice(3); j != 0; j--)
			f.b[12 + dice(f.len - 12)] = (uint8_t)dice(256);
		if (dice(2) && !p.level[0].v6)
			net_sum4(&f, want.outer_l3_off);
		cap = dice(3) == 0 ? dice(f.len + 1) : f.len;
		x = net_parse_cut(&f, BH_LINK_ETHERNET, cap, f.len, &a);
		y = parse_by_layers(&f, cap, &b);
		CU_ASSERT_EQUAL(x, y);
		CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
		passed += x == BH_REASON_NONE;
	}
	CU_ASSERT_TRUE(passed > ROUNDS); /* and it was not all refused */
}

const struct bh_unit_test bh_suite_net_model[] = {
	BH_TEST(valid_frames_are_read_as_planned),
	BH_TEST(both_directions_have_one_key),
	BH_TEST(plans_differ_in_their_keys),
	BH_TEST(every_prefix_of_a_frame_is_safe),
	BH_TEST(straight_path_and_layers_agree_on_damaged_frames),
	BH_TEST_END,
};
