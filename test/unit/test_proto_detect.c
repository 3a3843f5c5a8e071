/* Detectors over the samples of all protocols, noise and look-alikes. */
#include <stdio.h>

#include "proto_samples.h"
#include "unit.h"

static void
each_sample_is_named(void)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(samples); i++) {
		struct bh_proto_state state = {0};
		struct bh_proto_input in = input_of(&samples[i]);

		bh_proto_identify(&state, &in);
		if (strcmp(bh_app_name(state.app), samples[i].app) != 0)
			printf("\n%zu: %s named %s", i, samples[i].app, bh_app_name(state.app));
		CU_ASSERT_STRING_EQUAL(bh_app_name(state.app), samples[i].app);
	}
}

/* Bytes come one at a time: no prefix may rule out what the whole is, nor prove another name. */
static void
no_prefix_contradicts_the_whole(void)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(samples); i++) {
		struct bh_proto_input whole = input_of(&samples[i]);
		struct bh_proto_state state = {0};
		uint32_t c = 0, s = 0;
		bool possible = true;

		if (samples[i].transport != BH_OVER_TCP || strcmp(samples[i].app, "echo") == 0)
			continue;
		/* The server's bytes after the client's, but for those who greet. */
		while (!state.decided && (c < whole.len[0] || s < whole.len[1])) {
			struct bh_proto_input in = whole;

			if (c < whole.len[0] &&
			    (whole.len[1] == 0 || s == whole.len[1] || samples[i].server[0] != '2'))
				c++;
			else
				s++;
			in.len[0] = c;
			in.len[1] = s;
			in.from = s != 0;
			bh_proto_identify(&state, &in);
			possible =
				possible && bh_proto_possible(&state, bh_app_find(samples[i].app));
		}
		CU_ASSERT(possible);
		if (!possible || strcmp(bh_app_name(state.app), samples[i].app) != 0)
			printf("\n%zu: %s ends as %s", i, samples[i].app, bh_app_name(state.app));
		CU_ASSERT_STRING_EQUAL(bh_app_name(state.app), samples[i].app);
	}
}

/* Bytes that no protocol made: nothing is proven. */
static void
noise_has_no_name(void)
{
	uint64_t x = 88172645463325252u;
	uint8_t noise[1024];
	unsigned round, named = 0;
	size_t i;

	for (round = 0; round < 20000; round++) {
		struct bh_proto_state state = {0};
		struct bh_proto_input in = {.data = {noise, noise + 512}, .packets = 2};

		for (i = 0; i < sizeof(noise); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			noise[i] = (uint8_t)x;
		}
		in.len[0] = 1 + (uint32_t)(x >> 20) % 512;
		in.len[1] = (uint32_t)(x >> 40) % 512;
		in.transport = (round & 1) != 0 ? BH_OVER_TCP : BH_OVER_UDP;
		in.ended[0] = in.ended[1] = true;
		bh_proto_identify(&state, &in);
		if (state.app != BH_APP_UNKNOWN)
			printf("\nnoise named %s", bh_app_name(state.app));
		named += state.app != BH_APP_UNKNOWN;
	}
	CU_ASSERT_EQUAL(named, 0);
}

static void
tell(struct bh_proto_state *state, struct bh_proto_input *in, const char *datagram, size_t len)
{
	in->transport = BH_OVER_UDP;
	in->data[0] = (const uint8_t *)datagram;
	in->len[0] = (uint32_t)len;
	in->packets++;
	bh_proto_identify(state, in);
}

static void
later_datagram_names_the_flow(void)
{
	struct bh_proto_state state = {0};
	struct bh_proto_input in = {0};
	unsigned i;

	tell(&state, &in, S("\x00"));
	CU_ASSERT_FALSE(state.decided);
	CU_ASSERT_TRUE(bh_proto_possible(&state, BH_APP_DNS));
	tell(&state, &in, S(DNS_QUERY));
	CU_ASSERT_TRUE(state.decided);
	CU_ASSERT_EQUAL(state.app, BH_APP_DNS);

	memset(&state, 0, sizeof(state));
	in.packets = 0;
	for (i = 0; i < BH_PROTO_DATAGRAMS; i++)
		tell(&state, &in, S("\x00"));
	tell(&state, &in, S(DNS_QUERY));
	CU_ASSERT_EQUAL(state.app, BH_APP_UNKNOWN);
	CU_ASSERT_FALSE(bh_proto_possible(&state, BH_APP_DNS));
}

static void
dtls_follows_connectivity_checks(void)
{
	struct bh_proto_state state = {0};
	struct bh_proto_input in = {0};

	tell(&state, &in, S("\x00\x01\x00\x00\x21\x12\xa4\x42" TEXT12));
	CU_ASSERT_STRING_EQUAL(bh_app_name(state.app), "stun");
	CU_ASSERT_FALSE(state.decided);
	CU_ASSERT_TRUE(bh_proto_possible(&state, bh_app_find("dtls")));
	tell(&state, &in, S("\x14\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x01"));
	CU_ASSERT_STRING_EQUAL(bh_app_name(state.app), "dtls");
	CU_ASSERT_TRUE(state.decided);
	CU_ASSERT_TRUE(bh_app_is(state.app, BH_APP_STUN));
	CU_ASSERT_TRUE(bh_app_is(state.app, BH_APP_DTLS));
}

static void
look_alikes_have_no_name(void)
{
	static const char netbios[] = "\x12\x34\x01\x10\x00\x01\x00\x00\x00\x00\x00\x00\x20"
				      "EJFDEBFEEBFACACACACACACACACACAAA\x00\x00\x20\x00\x01";
	static const char zmtp[] = "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL";
	struct bh_proto_state state = {0};
	struct bh_proto_input in = {0};

	tell(&state, &in, netbios, sizeof(netbios) - 1);
	CU_ASSERT_EQUAL(state.app, BH_APP_UNKNOWN);

	memset(&state, 0, sizeof(state));
	in.transport = BH_OVER_TCP;
	in.data[0] = in.data[1] = (const uint8_t *)zmtp;
	in.len[0] = in.len[1] = sizeof(zmtp) - 1;
	bh_proto_identify(&state, &in);
	CU_ASSERT_EQUAL(state.app, BH_APP_UNKNOWN);
}

static void
name_of_two_lines_is_one_application(void)
{
	struct bh_proto_state state = {.app = BH_APP_GRPC};

	CU_ASSERT_TRUE(bh_app_is(BH_APP_ETCD, bh_app_find("etcd")));
	CU_ASSERT_TRUE(bh_app_is(BH_APP_ETCD_HTTP, bh_app_find("etcd")));
	CU_ASSERT_TRUE(bh_app_is(BH_APP_ETCD, BH_APP_HTTP2));
	CU_ASSERT_FALSE(bh_app_is(BH_APP_ETCD, BH_APP_HTTP));
	CU_ASSERT_FALSE(bh_app_is(BH_APP_UNKNOWN, BH_APP_HTTP));
	CU_ASSERT_TRUE(bh_proto_possible(&state, bh_app_find("etcd")));
	CU_ASSERT_FALSE(bh_proto_possible(&state, BH_APP_CONSUL));
	CU_ASSERT_FALSE(bh_proto_possible(&state, BH_APP_UNKNOWN));
}

static void
names_are_found_and_layered(void)
{
	CU_ASSERT_EQUAL(bh_app_find("redis"), BH_APP_REDIS);
	CU_ASSERT_EQUAL(bh_app_find("no such protocol"), BH_APP_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(bh_app_name(0), "unknown");
	CU_ASSERT_STRING_EQUAL(bh_app_name(BH_APP_COUNT), "invalid");
	CU_ASSERT_EQUAL(bh_app_parent(BH_APP_GRPC), BH_APP_HTTP2);
	CU_ASSERT_EQUAL(bh_app_parent(BH_APP_HTTP2), BH_APP_UNKNOWN);
}

const struct bh_unit_test bh_suite_proto_detect[] = {
	BH_TEST(each_sample_is_named),
	BH_TEST(no_prefix_contradicts_the_whole),
	BH_TEST(noise_has_no_name),
	BH_TEST(later_datagram_names_the_flow),
	BH_TEST(dtls_follows_connectivity_checks),
	BH_TEST(look_alikes_have_no_name),
	BH_TEST(name_of_two_lines_is_one_application),
	BH_TEST(names_are_found_and_layered),
	BH_TEST_END,
};
