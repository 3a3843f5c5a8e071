/* The Internet checksum against its textbook form, and what L4 fields say. */
#include "net_frame.h"

static uint64_t seed = 99;

static uint32_t
dice(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % n);
}

/* As stored: the bytes in network order. */
static uint16_t
stored(uint16_t host)
{
	return __builtin_bswap16(host);
}

static void
sum_is_that_of_the_textbook(void)
{
	static uint8_t b[4200];
	unsigned i, n, at;

	for (i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)dice(256);
	for (i = 0; i < 20000; i++) {
		at = dice(64);
		n = i < 300 ? i : dice(4096);
		CU_ASSERT_EQUAL(bh_csum_fold(bh_csum_add(0, b + at, n)),
				stored(net_naive_sum(0, b + at, n)));
	}
}

static void
sum_of_extremes_does_not_lose_carries(void)
{
	static uint8_t b[65536];
	unsigned i;

	CU_ASSERT_EQUAL(bh_csum_fold(bh_csum_add(0, b, sizeof(b))), 0);
	memset(b, 0xff, sizeof(b));
	CU_ASSERT_EQUAL(bh_csum_fold(bh_csum_add(0, b, sizeof(b))), 0xffff);
	CU_ASSERT_EQUAL(bh_csum_fold(UINT64_MAX), 0xffff);
	CU_ASSERT_EQUAL(bh_csum_fold(UINT64_C(0xfffffffffffeffff)), 0xffff - 1);
	CU_ASSERT_EQUAL(bh_csum_fold(UINT64_C(0xffff0001ffffffff)), 1);
	/* Carries out of 64 bits go round. */
	for (i = 1; i < 64; i++) {
		uint16_t one = bh_csum_fold(bh_csum_add(0, b, i));
		uint64_t acc = bh_csum_add(UINT64_MAX, b, i);

		CU_ASSERT_EQUAL(bh_csum_fold(acc), one == 0 ? 0xffff : one);
	}
	CU_ASSERT_EQUAL(bh_csum_add(7, b, 0), 7);
	CU_ASSERT_EQUAL(bh_csum_fold(0), 0);
}

static void
sum_of_parts_is_the_sum(void)
{
	uint8_t b[512];
	unsigned i, cut;

	for (i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)dice(256);
	for (cut = 0; cut <= sizeof(b); cut += 2) {
		uint64_t acc = bh_csum_add(bh_csum_add(0, b, cut), b + cut, sizeof(b) - cut);

		CU_ASSERT_EQUAL(bh_csum_fold(acc), bh_csum_fold(bh_csum_add(0, b, sizeof(b))));
	}
}

/* RFC 3720 B.4's vectors, and that parts make the whole. */
static void
crc32c_is_that_of_the_vectors(void)
{
	uint8_t b[32];
	unsigned i, cut;

	memset(b, 0, sizeof(b));
	CU_ASSERT_EQUAL(~bh_crc32c_add(BH_CRC32C_INIT, b, sizeof(b)), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	CU_ASSERT_EQUAL(~bh_crc32c_add(BH_CRC32C_INIT, b, sizeof(b)), 0x62a8ab43);
	for (i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)i;
	for (cut = 0; cut <= sizeof(b); cut++)
		CU_ASSERT_EQUAL(~bh_crc32c_add(bh_crc32c_add(BH_CRC32C_INIT, b, cut), b + cut,
					       sizeof(b) - cut),
				0x46dd794e);
	CU_ASSERT_EQUAL(~bh_crc32c_add(BH_CRC32C_INIT, "123456789", 9), 0xe3069283);
}

/* ---- L4 fields ------------------------------------------------------------------------------------ */

static unsigned sums; /* calls of sum_frame */

static uint64_t
sum_frame(void *arg, uint32_t off, uint32_t len)
{
	const struct net_frame *f = arg;

	sums++;
	CU_ASSERT_TRUE(off + len <= f->len);
	return bh_csum_add(0, f->b + off, len);
}

static enum bh_csum_state
judge(struct net_frame *f, bool quick, uint16_t *good)
{
	const struct bh_csum_view view = {.head = f->b, .sum = sum_frame, .arg = f};
	struct bh_parsed h;
	enum bh_reason reason = net_parse(f, &h);

	CU_ASSERT_EQUAL(reason, BH_REASON_NONE);
	sums = 0;
	return bh_net_l4_csum(&view, &h, quick, good);
}

struct shape {
	bool v6;
	unsigned proto;
	unsigned payload;
};

/* Returns where the checksum field is. */
static uint32_t
build(struct net_frame *f, const struct shape *s)
{
	uint32_t l4;

	net_start(f);
	net_eth(f, s->v6 ? BH_ETH_IP6 : BH_ETH_IP4);
	if (s->v6)
		net_ip6(f, s->proto);
	else
		net_ip4(f, s->proto);
	l4 = f->len;
	if (s->proto == BH_PROTO_TCP)
		net_tcp(f, 1000, 80, BH_TCP_ACK);
	else if (s->proto == BH_PROTO_UDP)
		net_udp(f, 1000, 53);
	else
		net_icmp(f, s->v6, s->v6 ? 128 : 8, 0, 5);
	while (f->len < l4 + 20 + s->payload)
		net_8(f, dice(256));
	net_end(f);
	net_fill(f, dice(8)); /* padding does not count */
	return l4 + (s->proto == BH_PROTO_TCP ? 16 : s->proto == BH_PROTO_UDP ? 6 : 2);
}

static const struct shape shapes[] = {
	{false, BH_PROTO_TCP, 10},  {true, BH_PROTO_TCP, 33},   {false, BH_PROTO_UDP, 7},
	{true, BH_PROTO_UDP, 1400}, {false, BH_PROTO_ICMP, 21}, {true, BH_PROTO_ICMPV6, 20},
};

static uint16_t
field_at(const struct net_frame *f, uint32_t at)
{
	uint16_t v;

	memcpy(&v, f->b + at, 2);
	return v;
}

static void
right_checksums_are_good(void)
{
	struct net_frame f;
	uint16_t good = 0x5555;
	unsigned i, round;

	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++) {
		for (round = 0; round < 50; round++) {
			build(&f, &shapes[i]);
			CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_GOOD);
			CU_ASSERT_EQUAL(judge(&f, true, &good), BH_CSUM_GOOD);
			CU_ASSERT_EQUAL(sums, 0); /* quick did not look */
		}
	}
	CU_ASSERT_EQUAL(good, 0x5555);
}

static void
wrong_checksums_are_bad_and_the_right_one_is_told(void)
{
	struct net_frame f;
	uint16_t good, right;
	unsigned i, round;
	uint32_t at;

	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++) {
		for (round = 0; round < 50; round++) {
			at = build(&f, &shapes[i]);
			right = field_at(&f, at);
			do
				f.b[at + dice(2)] ^= (uint8_t)(1 << dice(8));
			while (field_at(&f, at) == 0); /* that would say "none" over IPv4 */
			CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_BAD);
			CU_ASSERT_EQUAL(good, right);
			CU_ASSERT_EQUAL(judge(&f, true, &good), BH_CSUM_GOOD); /* presumed */
		}
	}
}

/* The field as Linux leaves it for its device: the folded pseudo header, not inverted. */
static void
make_partial(struct net_frame *f, const struct shape *s, uint32_t at)
{
	uint32_t len = bh_load_be16(f->b + 14 + (s->v6 ? 4 : 2));

	net_set16(f, at, net_naive_pseudo(f, 1, s->proto, s->v6 ? len : len - 20));
}

static void
partial_checksums_are_told_and_completed(void)
{
	struct net_frame f;
	uint16_t good, right;
	unsigned i, round, quick;
	uint32_t at;

	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++) {
		if (shapes[i].proto == BH_PROTO_ICMP)
			continue; /* no pseudo header, no partial form */
		for (round = 0; round < 100; round++) {
			at = build(&f, &shapes[i]);
			right = field_at(&f, at);
			make_partial(&f, &shapes[i], at);
			for (quick = 0; quick < 2; quick++) {
				CU_ASSERT_EQUAL(judge(&f, quick, &good), BH_CSUM_PARTIAL);
				CU_ASSERT_EQUAL(good, right);
			}
			memcpy(f.b + at, &good, 2);
			CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_GOOD);
		}
	}
}

static void
right_checksum_in_partial_form_by_chance_is_good(void)
{
	struct net_frame f;
	uint16_t good;
	unsigned i, quick;
	uint32_t at;

	for (i = 0; i < BH_ARRAY_SIZE(shapes); i++) {
		const struct shape *s = &shapes[i];
		struct shape even = {s->v6, s->proto, s->payload & ~1u};
		uint16_t sum, partial, pay;

		if (s->proto == BH_PROTO_ICMP || even.payload < 2)
			continue;
		at = build(&f, &even);
		/* Change two bytes of payload so that the full checksum equals the partial form. */
		sum = bh_load_be16(f.b + at);
		partial = net_naive_pseudo(&f, 1, s->proto,
					   bh_load_be16(f.b + 14 + (s->v6 ? 4 : 2)) -
						   (s->v6 ? 0 : 20u));
		pay = bh_load_be16(f.b + at + 10);
		/* pay' = pay + sum - partial, in ones complement. */
		pay = net_naive_sum(pay, (uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2);
		pay = net_naive_sum(pay, (uint8_t[]){(uint8_t)(~partial >> 8), (uint8_t)~partial},
				    2);
		net_set16(&f, at + 10, pay);
		net_set16(&f, at, partial);
		for (quick = 0; quick < 2; quick++)
			CU_ASSERT_EQUAL(judge(&f, quick, &good), BH_CSUM_GOOD);
	}
}

static void
udp_without_checksum_is_none_over_ipv4_and_bad_over_ipv6(void)
{
	struct net_frame f;
	uint16_t good, right;
	uint32_t at;

	at = build(&f, &shapes[2]);
	net_set16(&f, at, 0);
	CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_NONE);
	CU_ASSERT_EQUAL(judge(&f, true, &good), BH_CSUM_NONE);
	at = build(&f, &shapes[3]);
	right = field_at(&f, at);
	net_set16(&f, at, 0);
	CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_BAD);
	CU_ASSERT_EQUAL(good, right);
}

/* A payload whose checksum comes out as 0 is sent as 0xffff by UDP, as 0 by TCP. */
static void
checksum_zero_is_sent_as_ffff_by_udp_alone(void)
{
	static const unsigned protos[] = {BH_PROTO_UDP, BH_PROTO_TCP};
	struct net_frame f;
	uint16_t good, sum;
	unsigned i, v6;
	uint32_t at;

	for (i = 0; i < 2; i++) {
		for (v6 = 0; v6 < 2; v6++) {
			struct shape s = {v6, protos[i], 40};

			at = build(&f, &s);
			sum = bh_load_be16(f.b + at);
			/* Put the checksum into the payload and 0 into its field. */
			net_set16(&f, at + 10,
				  net_naive_sum(bh_load_be16(f.b + at + 10),
						(uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2));
			net_set16(&f, at, 0x1111);
			CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_BAD);
			CU_ASSERT_EQUAL(good, protos[i] == BH_PROTO_UDP ? 0xffff : 0);
			memcpy(f.b + at, &good, 2);
			CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_GOOD);
			/* It adds up with 0, too, but that means something else. */
			net_set16(&f, at, 0);
			CU_ASSERT_EQUAL(judge(&f, false, &good), protos[i] == BH_PROTO_TCP
									 ? BH_CSUM_GOOD
								 : v6 ? BH_CSUM_BAD
								      : BH_CSUM_NONE);
		}
	}
}

/* No pseudo header: a message of zeros adds up to +0, which is not what a right one gives. */
static void
icmp_of_nothing_but_zeros_needs_ffff(void)
{
	struct net_frame f;
	uint16_t good = 0;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_ICMP);
	memset(f.b + f.len, 0, 20);
	f.len += 20;
	net_end(&f);
	CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_BAD);
	CU_ASSERT_EQUAL(good, 0xffff);
	memcpy(f.b + 34 + 2, &good, 2);
	CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_GOOD);
}

static void
what_cannot_be_checked_is_none(void)
{
	const struct bh_csum_view view = {.sum = sum_frame};
	struct net_frame f;
	struct bh_parsed h;
	uint16_t good;

	net_start(&f);
	net_eth(&f, BH_ETH_IP4);
	net_ip4(&f, BH_PROTO_SCTP);
	net_sctp(&f, 1, 2);
	net_end(&f);
	CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_NONE);
	build(&f, &shapes[0]);
	net_set16(&f, 14 + 6, 0x2000); /* more fragments */
	f.len = 34 + 24;
	net_set16(&f, 14 + 2, 44);
	net_sum4(&f, 14);
	CU_ASSERT_EQUAL(judge(&f, false, &good), BH_CSUM_NONE);
	build(&f, &shapes[1]);
	CU_ASSERT_EQUAL(net_parse_cut(&f, BH_LINK_ETHERNET, 74, f.len, &h), BH_REASON_NONE);
	CU_ASSERT_EQUAL(h.flags, BH_PKT_CUT);
	CU_ASSERT_EQUAL(bh_net_l4_csum(&view, &h, false, &good), BH_CSUM_NONE);
}

/* With segments left the pseudo header's destination is not the header's. */
static void
routed_packets_are_not_judged_until_they_arrive(void)
{
	struct net_frame f;
	uint16_t good;
	unsigned left, auth;

	for (left = 0; left < 2; left++) {
		for (auth = 0; auth < 2; auth++) {
			net_start(&f);
			net_eth(&f, BH_ETH_IP6);
			net_ip6(&f, BH_EXT_DESTINATION);
			net_options6(&f, BH_EXT_FRAGMENT, 1);
			net_fragment6(&f, auth ? BH_EXT_AUTH : BH_EXT_ROUTING, 0, false,
				      0xffffffff);
			f.b[f.len - 7] = 0xff; /* reserved, not a length */
			if (auth)
				net_auth(&f, BH_EXT_ROUTING);
			net_routing6(&f, BH_PROTO_UDP, 4, left);
			net_udp(&f, 1, 2);
			net_fill(&f, 5);
			net_end(&f);
			f.b[f.len - 1] ^= 1;
			CU_ASSERT_EQUAL(judge(&f, false, &good), left ? BH_CSUM_NONE : BH_CSUM_BAD);
		}
		net_start(&f);
		net_eth(&f, BH_ETH_IP6);
		net_ip6(&f, BH_EXT_ROUTING);
		net_routing6(&f, BH_PROTO_UDP, 4, left);
		net_udp(&f, 1, 2);
		net_fill(&f, 5);
		net_end(&f);
		f.b[f.len - 1] ^= 1;
		CU_ASSERT_EQUAL(judge(&f, false, &good), left ? BH_CSUM_NONE : BH_CSUM_BAD);
	}
}

static void
innermost_checksum_is_the_one_that_is_judged(void)
{
	struct net_frame f;
	uint16_t good;
	unsigned i;

	for (i = 0; i < 2; i++) {
		net_start(&f);
		net_eth(&f, BH_ETH_IP6);
		net_ip6(&f, BH_PROTO_UDP);
		net_udp(&f, 5, 4789);
		net_32(&f, 0x08000000);
		net_32(&f, 0);
		net_eth(&f, BH_ETH_IP4);
		net_ip4(&f, BH_PROTO_UDP);
		net_udp(&f, 6, 7);
		net_fill(&f, 9);
		net_end(&f);
		net_set16(&f, 54 + 6, 0); /* the outer one may be missing (RFC 6935) */
		if (i == 1)
			f.b[f.len - 1] ^= 0x10;
		CU_ASSERT_EQUAL(judge(&f, false, &good), i == 0 ? BH_CSUM_GOOD : BH_CSUM_BAD);
	}
}

const struct bh_unit_test bh_suite_net_checksum[] = {
	BH_TEST(sum_is_that_of_the_textbook),
	BH_TEST(sum_of_extremes_does_not_lose_carries),
	BH_TEST(sum_of_parts_is_the_sum),
	BH_TEST(crc32c_is_that_of_the_vectors),
	BH_TEST(right_checksums_are_good),
	BH_TEST(wrong_checksums_are_bad_and_the_right_one_is_told),
	BH_TEST(partial_checksums_are_told_and_completed),
	BH_TEST(right_checksum_in_partial_form_by_chance_is_good),
	BH_TEST(udp_without_checksum_is_none_over_ipv4_and_bad_over_ipv6),
	BH_TEST(checksum_zero_is_sent_as_ffff_by_udp_alone),
	BH_TEST(icmp_of_nothing_but_zeros_needs_ffff),
	BH_TEST(what_cannot_be_checked_is_none),
	BH_TEST(routed_packets_are_not_judged_until_they_arrive),
	BH_TEST(innermost_checksum_is_the_one_that_is_judged),
	BH_TEST_END,
};
