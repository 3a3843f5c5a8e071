/* Frames hold what was put in, are right in the eyes of the product's parser, and come back judged. */
#include <string.h>

#include "../../lib/generator/generator.h"
#include "unit.h"

static struct bh_gen_probes
world(const char *client, const char *server, uint16_t vlan)
{
	struct bh_gen_probes p = {.secret = 99};

	bh_prefix_parse(client, &p.wire.net[0], NULL);
	bh_prefix_parse(server, &p.wire.net[1], NULL);
	p.wire.hosts[0] = 10;
	p.wire.hosts[1] = 3;
	p.wire.port = 7;
	p.wire.vlan = vlan;
	memcpy(p.wire.mac, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	memcpy(p.wire.to, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	bh_parse_params_default(&p.parse);
	return p;
}

static const struct {
	const char *client, *server;
	uint16_t vlan;
} worlds[] = {
	{"198.18.0.0/16", "198.19.0.0/16", 0},
	{"198.18.0.0/16", "198.19.0.0/16", 100},
	{"fd00:1::/64", "fd00:2::/64", 0},
	{"fd00:1::/64", "fd00:2::/64", 4094},
};

static uint64_t
sum_of(void *arg, uint32_t off, uint32_t len)
{
	return bh_csum_add(0, (const uint8_t *)arg + off, len);
}

static void
what_is_built_is_read(void)
{
	uint8_t f[9100];
	unsigned i, w;

	for (w = 0; w < BH_ARRAY_SIZE(worlds); w++) {
		struct bh_gen_probes p = world(worlds[w].client, worlds[w].server, worlds[w].vlan);
		struct bh_gen_rng r = {w};

		for (i = 0; i < 2000; i++) {
			const uint16_t least = bh_gen_probe_least(&p.wire);
			const uint16_t size =
				(uint16_t)(i == 0 ? least : least + bh_gen_below(&r, 9000 - least));
			const struct bh_gen_probe in = {
				.flow = bh_gen_below(&r, 10 * 3 * BH_GEN_PORTS),
				.sequence = (uint32_t)bh_gen_random(&r),
				.trial = (uint8_t)i,
				.ticks = bh_gen_random(&r) >> 8,
			};
			struct bh_gen_probe out = {0};
			struct bh_parsed h;
			uint16_t good;

			memset(f, 0xee, sizeof(f));
			bh_gen_probe_build(&p, &in, i % 2 != 0, size, f);
			CU_ASSERT_EQUAL(f[size - BH_GEN_FCS], 0xee);
			CU_ASSERT_EQUAL(bh_gen_probe_read(&p, f, size - BH_GEN_FCS, &out),
					BH_GEN_PROBE);
			CU_ASSERT(out.flow == in.flow && out.sequence == in.sequence &&
				  out.trial == in.trial && out.ticks == in.ticks);
			CU_ASSERT_EQUAL_FATAL(bh_net_parse(&p.parse, BH_LINK_ETHERNET, f, size - 4u,
							   size - 4u, 0, &h),
					      BH_REASON_NONE);
			CU_ASSERT_EQUAL(bh_net_l4_csum(&(struct bh_csum_view){f, sum_of, f}, &h,
						       false, &good),
					BH_CSUM_GOOD);
			CU_ASSERT_EQUAL(BH_TENANT_VLAN1(h.key.tenant), worlds[w].vlan);
		}
	}
}

static void
no_two_flows_have_the_same_ends(void)
{
	struct bh_gen_probes p = world("198.18.0.0/16", "198.19.0.0/16", 0);
	struct bh_flow_key key[300];
	unsigned i, k;

	for (i = 0; i < 300; i++) {
		struct bh_gen_probe in = {.flow = i};
		struct bh_parsed h;
		uint8_t f[64];

		bh_gen_probe_build(&p, &in, false, 64, f);
		bh_net_parse(&p.parse, BH_LINK_ETHERNET, f, 60, 60, 0, &h);
		key[i] = h.key;
		for (k = 0; k < i; k++)
			CU_ASSERT(memcmp(&key[i], &key[k], sizeof(key[0])) != 0);
	}
}

static void
any_changed_byte_of_the_payload_is_seen(void)
{
	struct bh_gen_probes p = world("198.18.0.0/16", "198.19.0.0/16", 0);
	struct bh_gen_probe in = {.flow = 5, .sequence = 6, .trial = 1, .ticks = 7}, out;
	uint8_t f[200];
	unsigned at;

	for (at = 42; at < 196; at++) {
		bh_gen_probe_build(&p, &in, false, 200, f);
		f[at] ^= 0x10;
		CU_ASSERT_EQUAL(bh_gen_probe_read(&p, f, 196, &out), BH_GEN_CORRUPT);
	}
}

static void
frames_of_another_run_are_not_ours(void)
{
	struct bh_gen_probes p = world("198.18.0.0/16", "198.19.0.0/16", 0), q = p;
	struct bh_gen_probe in = {.flow = 5}, out;
	uint8_t f[64];

	q.secret = 98;
	bh_gen_probe_build(&q, &in, false, 64, f);
	CU_ASSERT_EQUAL(bh_gen_probe_read(&p, f, 60, &out), BH_GEN_CORRUPT);
	q.wire.port = 9;
	bh_gen_probe_build(&q, &in, false, 64, f);
	CU_ASSERT_EQUAL(bh_gen_probe_read(&p, f, 60, &out), BH_GEN_FOREIGN);
}

static void
what_is_reflected_is_the_way_back(void)
{
	unsigned w;

	for (w = 0; w < BH_ARRAY_SIZE(worlds); w++) {
		struct bh_gen_probes p = world(worlds[w].client, worlds[w].server, worlds[w].vlan);
		struct bh_gen_probe in = {.flow = 77, .sequence = 1, .trial = 2, .ticks = 3};
		uint8_t there[300], back[300];

		bh_gen_probe_build(&p, &in, false, 300, there);
		bh_gen_probe_build(&p, &in, true, 300, back);
		CU_ASSERT(bh_gen_probe_reflect(&p, there, 296));
		CU_ASSERT_EQUAL(memcmp(there, back, 296), 0);
		/* It would go round for ever. */
		CU_ASSERT(!bh_gen_probe_reflect(&p, back, 296));
	}
}

static void
hosts_are_asked_for_and_answer(void)
{
	unsigned w;

	for (w = 0; w < BH_ARRAY_SIZE(worlds); w++) {
		struct bh_gen_probes p = world(worlds[w].client, worlds[w].server, worlds[w].vlan);
		struct bh_gen_asked asked = {0}, other = {0};
		uint8_t ask[BH_GEN_ASK_SIZE], reply[BH_GEN_ASK_SIZE], none[BH_GEN_ASK_SIZE];
		unsigned n;

		bh_gen_wire_host(&p.wire, BH_GEN_SERVER, 2, asked.target);
		n = bh_gen_neighbour_ask(&p.wire, BH_GEN_CLIENT, asked.target, ask);
		CU_ASSERT(n >= 60 && n <= BH_GEN_ASK_SIZE);
		/* Not for this side. */
		CU_ASSERT_EQUAL(bh_gen_neighbour_input(&p.wire, BH_GEN_CLIENT, ask, n, &other,
						       none),
				0);
		n = bh_gen_neighbour_input(&p.wire, BH_GEN_SERVER, ask, n, &other, reply);
		CU_ASSERT(n >= 60 && !other.known);
		CU_ASSERT_EQUAL(bh_gen_neighbour_input(&p.wire, BH_GEN_CLIENT, reply, n, &asked,
						       none),
				0);
		CU_ASSERT(asked.known);
		CU_ASSERT_EQUAL(memcmp(asked.mac, p.wire.mac[BH_GEN_SERVER], 6), 0);
		/* A host that is not there does not answer. */
		bh_gen_wire_host(&p.wire, BH_GEN_SERVER, 3, other.target);
		n = bh_gen_neighbour_ask(&p.wire, BH_GEN_CLIENT, other.target, ask);
		CU_ASSERT_EQUAL(bh_gen_neighbour_input(&p.wire, BH_GEN_SERVER, ask, n, &other,
						       none),
				0);
	}
}

static void
cut_and_random_frames_are_foreign_and_read_nothing_behind_their_end(void)
{
	struct bh_gen_probes p = world("fd00:1::/64", "fd00:2::/64", 5);
	struct bh_gen_asked asked = {0};
	struct bh_gen_rng r = {8};
	struct bh_gen_probe out;
	uint8_t f[200], answer[BH_GEN_ASK_SIZE];
	unsigned i, k;

	for (i = 0; i < 20000; i++) {
		unsigned n = bh_gen_below(&r, 120);

		if (i % 2 == 0) {
			bh_gen_probe_build(&p, &(struct bh_gen_probe){.flow = i}, false, 124, f);
		} else {
			for (k = 0; k < n; k++)
				f[k] = (uint8_t)bh_gen_random(&r);
		}
		CU_ASSERT(bh_gen_probe_read(&p, f, n, &out) != BH_GEN_PROBE);
		CU_ASSERT_EQUAL(bh_gen_neighbour_input(&p.wire, 0, f, n, &asked, answer), 0);
	}
}

const struct bh_unit_test bh_suite_generator_probe[] = {
	BH_TEST(what_is_built_is_read),
	BH_TEST(no_two_flows_have_the_same_ends),
	BH_TEST(any_changed_byte_of_the_payload_is_seen),
	BH_TEST(frames_of_another_run_are_not_ours),
	BH_TEST(what_is_reflected_is_the_way_back),
	BH_TEST(hosts_are_asked_for_and_answer),
	BH_TEST(cut_and_random_frames_are_foreign_and_read_nothing_behind_their_end),
	BH_TEST_END,
};
