/* Keys in canonical order, and words for addresses and protocols. */
#include <stdio.h>

#include "net_frame.h"

static uint64_t seed = 12345;

static uint32_t
dice(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % n);
}

/* Addresses that often are equal or differ in one byte. */
static void
random_address(uint8_t *a)
{
	memset(a, 7, 16);
	a[dice(16)] = (uint8_t)dice(3);
	a[dice(16)] = (uint8_t)(dice(2) * 0xff);
}

static void
both_directions_make_the_same_key(void)
{
	struct bh_flow_key a, b;
	uint8_t x[16], y[16];
	unsigned i;

	for (i = 0; i < 20000; i++) {
		uint16_t p = (uint16_t)dice(4), q = (uint16_t)dice(4);
		uint8_t from_a, from_b;

		random_address(x);
		random_address(y);
		memset(&a, 0, sizeof(a));
		a.family = i & 1 ? BH_IP4 : BH_IP6;
		b = a;
		memset(b.addr, 0xee, sizeof(b.addr)); /* every byte is set */
		from_a = bh_flow_key_set(&a, x, y, p, q);
		from_b = bh_flow_key_set(&b, y, x, q, p);
		CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
		CU_ASSERT_EQUAL(memcmp(a.addr[from_a].b, x, i & 1 ? 4 : 16), 0);
		CU_ASSERT_EQUAL(memcmp(a.addr[from_b].b, y, i & 1 ? 4 : 16), 0);
		CU_ASSERT_EQUAL(a.port[from_a], p);
		CU_ASSERT_EQUAL(a.port[1 - from_a], q);
		if (memcmp(x, y, i & 1 ? 4 : 16) != 0 || p != q)
			CU_ASSERT_EQUAL(from_a, 1 - from_b);
	}
}

static void
smaller_end_is_end_0(void)
{
	struct bh_flow_key key;
	uint8_t x[16], y[16];
	unsigned i;

	for (i = 0; i < 20000; i++) {
		uint16_t p = (uint16_t)dice(300), q = (uint16_t)dice(300);
		int order;

		random_address(x);
		random_address(y);
		memset(&key, 0, sizeof(key));
		key.family = i & 1 ? BH_IP4 : BH_IP6;
		bh_flow_key_set(&key, x, y, p, q);
		order = memcmp(key.addr[0].b, key.addr[1].b, 16);
		CU_ASSERT_TRUE(order < 0 || (order == 0 && key.port[0] <= key.port[1]));
	}
}

static void
ipv4_and_ipv6_never_share_a_key(void)
{
	struct bh_flow_key a = {.family = BH_IP4}, b = {.family = BH_IP6};
	uint8_t x[16] = {10, 0, 0, 1}, y[16] = {10, 0, 0, 2};

	/* The same 16 bytes in the key: ac00:1:: is not 10.0.0.1. */
	bh_flow_key_set(&a, x, y, 1, 2);
	bh_flow_key_set(&b, x, y, 1, 2);
	CU_ASSERT_EQUAL(memcmp(a.addr, b.addr, sizeof(a.addr)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
}

static void
other_fields_of_the_key_are_left_alone(void)
{
	struct bh_flow_key key = {
		.family = BH_IP4, .proto = 6, .pair = 9, .tunnel = 2, .tenant = 0x1234};

	bh_flow_key_set(&key, "\1\2\3\4", "\5\6\7\10", 1, 2);
	CU_ASSERT_EQUAL(key.proto, 6);
	CU_ASSERT_EQUAL(key.pair, 9);
	CU_ASSERT_EQUAL(key.tunnel, 2);
	CU_ASSERT_EQUAL(key.tenant, 0x1234);
}

static void
addresses_are_printed(void)
{
	static const uint8_t a6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	char out[BH_ADDR_STRLEN];

	CU_ASSERT_STRING_EQUAL(bh_addr_format(BH_IP4, "\x0a\1\2\xff", out, sizeof(out)),
			       "10.1.2.255");
	CU_ASSERT_STRING_EQUAL(bh_addr_format(BH_IP6, a6, out, sizeof(out)), "2001:db8::1");
	CU_ASSERT_STRING_EQUAL(bh_addr_format(0, a6, out, sizeof(out)), "none");
	CU_ASSERT_STRING_EQUAL(bh_addr_format(BH_IP4, "\x0a\1\2\xff", out, 5), "none");
}

static void
protocols_have_one_word_each(void)
{
	char a[16], b[16];
	unsigned i, j;

	CU_ASSERT_STRING_EQUAL(bh_proto_format(6, a, sizeof(a)), "tcp");
	CU_ASSERT_STRING_EQUAL(bh_proto_format(17, a, sizeof(a)), "udp");
	CU_ASSERT_STRING_EQUAL(bh_proto_format(1, a, sizeof(a)), "icmp");
	CU_ASSERT_STRING_EQUAL(bh_proto_format(58, a, sizeof(a)), "ipv6-icmp");
	CU_ASSERT_STRING_EQUAL(bh_proto_format(132, a, sizeof(a)), "sctp");
	CU_ASSERT_STRING_EQUAL(bh_proto_format(253, a, sizeof(a)), "253");
	CU_ASSERT_STRING_EQUAL(bh_proto_format(0, a, sizeof(a)), "0");
	for (i = 0; i < 256; i++) {
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(bh_proto_format((uint8_t)i, a, sizeof(a)),
						   bh_proto_format((uint8_t)j, b, sizeof(b)));
	}
}

const struct bh_unit_test bh_suite_net_key[] = {
	BH_TEST(both_directions_make_the_same_key),
	BH_TEST(smaller_end_is_end_0),
	BH_TEST(ipv4_and_ipv6_never_share_a_key),
	BH_TEST(other_fields_of_the_key_are_left_alone),
	BH_TEST(addresses_are_printed),
	BH_TEST(protocols_have_one_word_each),
	BH_TEST_END,
};
