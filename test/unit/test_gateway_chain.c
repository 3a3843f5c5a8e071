/* gateway: frames in several segments, and checksums that a local sender left unfinished. */
#include "gateway_rig.h"

#define WEB "10.1.0.1"
#define REDIS "10.2.0.1"
#define WEB6 "2001:db8:1::1"
#define REDIS6 "2001:db8:2::1"

static void
partial_wires(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)c;
	p->wire[0].partial_checksums = p->wire[1].partial_checksums = true;
}

static void
verify_checksums(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->l4_checksum = BH_CHECK_VERIFY;
}

/* The same frame, whole and cut at every byte its first 200 have: the same verdict, reason and bytes. */
static void
split_frames_fare_like_whole_ones(void)
{
	struct rig_frame inner, f[8];
	struct rig r;
	unsigned i, split;

	rig_build(&f[0], &(struct rig_packet){.src = WEB,
					      .dst = REDIS,
					      .proto = 17,
					      .sport = 1000,
					      .dport = 6379,
					      .payload = 300});
	rig_build(&f[1], &(struct rig_packet){.src = WEB6,
					      .dst = REDIS6,
					      .proto = 6,
					      .sport = 1000,
					      .dport = 6379,
					      .tcp_flags = BH_TCP_SYN,
					      .payload = 300,
					      .vlan = 5});
	rig_build(&f[2], &(struct rig_packet){.src = WEB,
					      .dst = REDIS,
					      .proto = 17,
					      .sport = 1000,
					      .dport = 53,
					      .payload = 300});
	rig_build(&inner, &(struct rig_packet){.src = WEB,
					       .dst = REDIS,
					       .proto = 6,
					       .sport = 1001,
					       .dport = 6379,
					       .tcp_flags = BH_TCP_SYN,
					       .payload = 100});
	rig_build(&f[3], &(struct rig_packet){.src = "192.0.2.1",
					      .dst = "192.0.2.2",
					      .proto = 17,
					      .sport = 5,
					      .dport = 4789,
					      .content = &inner});
	/* An error about f[0], a bad version, a lone last fragment's length, an IPv6 ping. */
	rig_build(&f[4],
		  &(struct rig_packet){
			  .src = REDIS, .dst = WEB, .proto = 1, .icmp_type = 3, .quote = &f[0]});
	f[5] = f[0];
	f[5].b[14] = 0x95;
	f[6] = f[0];
	f[6].b[16] = 0x7f; /* total length beyond the frame */
	rig_build(&f[7], &(struct rig_packet){.src = WEB6,
					      .dst = REDIS6,
					      .proto = 58,
					      .icmp_type = 128,
					      .sport = 9,
					      .payload = 200});
	rig_start(&r, NULL);
	for (i = 0; i < BH_ARRAY_SIZE(f); i++) {
		struct bh_counters before = r.c;
		unsigned out, reason, whole_reason = 0;
		bool passes;

		rig_clear(&r);
		rig_put(&r, RIG_OUTSIDE, &f[i]);
		rig_run(&r);
		passes = r.wire[RIG_INSIDE].n_out == 1;
		for (reason = 0; reason < BH_REASON_COUNT; reason++) {
			if (r.c.dropped[reason] != before.dropped[reason])
				whole_reason = reason;
		}
		CU_ASSERT_EQUAL(passes, whole_reason == 0);
		for (split = 1; split < RTE_MIN(f[i].len, 200u); split++) {
			before = r.c;
			rig_clear(&r);
			rig_put_split(&r, RIG_OUTSIDE, &f[i], split);
			rig_run(&r);
			out = r.wire[RIG_INSIDE].n_out;
			CU_ASSERT_EQUAL(out, passes);
			CU_ASSERT_TRUE(!passes || rig_same(&r.wire[RIG_INSIDE].out[0], &f[i]));
			CU_ASSERT_TRUE(passes || r.c.dropped[whole_reason] ==
							 before.dropped[whole_reason] + 1);
		}
	}
	CU_ASSERT_EQUAL(r.c.flows_opened, 5);
	rig_stop(&r);
}

static unsigned
build_checked(struct rig_frame *partial, struct rig_frame *good, unsigned i, uint16_t payload)
{
	static const struct {
		bool v6;
		uint8_t proto;
	} kinds[] = {{false, 17}, {false, 6}, {true, 17}, {true, 6}, {true, 58}};
	struct rig_packet p = {
		.src = kinds[i].v6 ? WEB6 : WEB,
		.dst = kinds[i].v6 ? REDIS6 : REDIS,
		.proto = kinds[i].proto,
		.sport = 1000,
		.dport = 6379,
		.tcp_flags = BH_TCP_SYN,
		.icmp_type = 128,
		.payload = payload,
		.seed = (uint8_t)payload,
	};

	rig_build(good, &p);
	p.partial = true;
	rig_build(partial, &p);
	return BH_ARRAY_SIZE(kinds);
}

static void
partial_checksums_are_completed(void)
{
	struct rig_frame partial, good;
	struct rig r;
	unsigned i, n = 1, done = 0;
	uint16_t len;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = partial_wires});
	for (i = 0; i < n; i++) {
		for (len = 0; len < 70; len++) {
			n = build_checked(&partial, &good, i, len);
			rig_clear(&r);
			rig_put(&r, RIG_OUTSIDE, &partial);
			rig_run(&r);
			CU_ASSERT_EQUAL_FATAL(r.wire[RIG_INSIDE].n_out, 1);
			CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[0], &good));
			CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &good));
			done++;
		}
	}
	CU_ASSERT_EQUAL(r.c.partial_checksums, done);
	rig_stop(&r);
}

/* Bit by bit (RFC 9260 appendix A, reflected). */
static uint32_t
plain_crc32c(const uint8_t *p, unsigned len)
{
	uint32_t crc = UINT32_MAX;
	unsigned i, bit;

	for (i = 0; i < len; i++) {
		crc ^= p[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* A field of 0 is completed, also when the frame is split; any other one, right or wrong, is left alone. */
static void
sctp_checksums_are_completed(void)
{
	struct rig_packet p = {
		.src = WEB, .dst = REDIS, .proto = 132, .sport = 1000, .dport = 6379, .seed = 7};
	struct rig_frame partial, good;
	uint32_t crc;
	struct rig r;
	unsigned v6, l4, i, done = 0;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_DISCOVER, .tune = partial_wires});
	for (v6 = 0; v6 < 2; v6++) {
		p.src = v6 != 0 ? WEB6 : WEB;
		p.dst = v6 != 0 ? REDIS6 : REDIS;
		for (p.payload = 0; p.payload < 200; p.payload++) {
			rig_build(&partial, &p);
			good = partial;
			l4 = partial.len - 12 - p.payload;
			crc = plain_crc32c(good.b + l4, good.len - l4);
			for (i = 0; i < 4; i++)
				good.b[l4 + 8 + i] = (uint8_t)(crc >> 8 * i);
			rig_clear(&r);
			if ((p.payload & 1) == 0)
				rig_put(&r, RIG_OUTSIDE, &partial);
			else
				rig_put_split(&r, RIG_OUTSIDE, &partial, l4 + p.payload / 10);
			rig_run(&r);
			CU_ASSERT_EQUAL_FATAL(r.wire[RIG_INSIDE].n_out, 1);
			CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[0], &good));
			CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &good));
			good.b[l4 + 9]++;
			CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &good));
			done++;
		}
	}
	CU_ASSERT_EQUAL(r.c.partial_checksums, done);
	rig_stop(&r);
	rig_start(&r, &(struct rig_options){.mode = BH_MODE_DISCOVER});
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &partial));
	rig_stop(&r);
}

/* Odd and even cuts, through headers, the checksum field itself, and payload. */
static void
partial_checksums_of_split_frames_are_completed(void)
{
	struct rig_frame partial, good;
	struct rig r;
	unsigned i, n = 1, split;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = partial_wires});
	for (i = 0; i < n; i++) {
		n = build_checked(&partial, &good, i, 777);
		for (split = 1; split < partial.len; split++) {
			rig_clear(&r);
			rig_put_split(&r, RIG_OUTSIDE, &partial, split);
			rig_run(&r);
			CU_ASSERT_EQUAL_FATAL(r.wire[RIG_INSIDE].n_out, 1);
			CU_ASSERT_TRUE(rig_same(&r.wire[RIG_INSIDE].out[0], &good));
		}
	}
	rig_stop(&r);
}

/* What is wrong is neither corrected nor, unless configured, anybody's business. */
static void
wrong_checksums_pass_unless_they_are_verified(void)
{
	struct rig_frame partial, good;
	struct rig r;
	unsigned i, n = 1;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = partial_wires});
	for (i = 0; i < n; i++) {
		n = build_checked(&partial, &good, i, 100);
		good.b[good.len - 1]++;
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &good));
	}
	CU_ASSERT_EQUAL(r.c.partial_checksums, 0);
	rig_stop(&r);
	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT, .tune = verify_checksums});
	for (i = 0; i < n; i++) {
		build_checked(&partial, &good, i, 100);
		CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &good));
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &partial, BH_REASON_L4_CHECKSUM));
		good.b[good.len - 1]++;
		CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &good, BH_REASON_L4_CHECKSUM));
		/* Split frames are verified to their end. */
		rig_clear(&r);
		rig_put_split(&r, RIG_OUTSIDE, &good, 61);
		good.b[good.len - 1]--;
		rig_put_split(&r, RIG_OUTSIDE, &good, 61);
		rig_run(&r);
		CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 1);
	}
	rig_stop(&r);
}

static void
trust_driver(struct bh_config *c, struct bh_gateway_params *p)
{
	c->l4_checksum = BH_CHECK_DRIVER;
	p->wire[RIG_OUTSIDE].checksum_flags = true;
}

/* Only what the driver calls bad, on a wire whose driver may be asked. */
static void
driver_has_its_say_about_checksums(void)
{
	static const uint64_t flags[] = {0, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
					 RTE_MBUF_F_RX_L4_CKSUM_NONE, RTE_MBUF_F_RX_L4_CKSUM_BAD};
	struct rig_frame partial, good;
	struct rig r;
	unsigned i, wire;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_DISCOVER, .tune = trust_driver});
	build_checked(&partial, &good, 0, 100);
	for (wire = 0; wire < RIG_WIRES; wire++) {
		for (i = 0; i < BH_ARRAY_SIZE(flags); i++) {
			rig_clear(&r);
			rig_put(&r, wire, &good);
			r.wire[wire].in[0][0]->ol_flags |= flags[i];
			rig_run(&r);
			CU_ASSERT_EQUAL(r.wire[1 - wire].n_out, wire == RIG_INSIDE || i < 3);
		}
	}
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_L4_CHECKSUM], 1);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_chain[] = {
	BH_TEST(split_frames_fare_like_whole_ones),
	BH_TEST(partial_checksums_are_completed),
	BH_TEST(sctp_checksums_are_completed),
	BH_TEST(partial_checksums_of_split_frames_are_completed),
	BH_TEST(wrong_checksums_pass_unless_they_are_verified),
	BH_TEST(driver_has_its_say_about_checksums),
	BH_TEST_END,
};
