/* Cookies: good for whom they were given, for a while. */
#include "../../lib/threat/threat.h"
#include "unit.h"

static void
cookie_is_good_for_its_client_alone_and_for_two_minutes_at_most(void)
{
	struct bh_hash_key secret, other;
	struct bh_flow_key key = {.family = 4, .proto = 6, .port = {80, 4000}}, k;
	uint32_t i, at, cookie;

	for (i = 0; i < 8; i++)
		secret.k[i] =
			bh_mum(i + 1, UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
	other = secret;
	other.k[3]++;
	for (i = 0; i < 1000; i++) {
		at = i * UINT32_C(2654435761);
		key.addr[0].w[0] = i;
		cookie = bh_threat_cookie(&secret, &key, 1, at);
		CU_ASSERT(bh_threat_cookie_good(&secret, &key, 1, at, cookie));
		CU_ASSERT(bh_threat_cookie_good(&secret, &key, 1, at + 65536, cookie));
		CU_ASSERT_FALSE(bh_threat_cookie_good(&secret, &key, 1, at + 131072, cookie));
		CU_ASSERT_FALSE(bh_threat_cookie_good(&secret, &key, 1, at, cookie + 1));
		CU_ASSERT_FALSE(bh_threat_cookie_good(&secret, &key, 0, at, cookie));
		CU_ASSERT_FALSE(bh_threat_cookie_good(&other, &key, 1, at, cookie));
		k = key;
		k.port[1]++;
		CU_ASSERT_FALSE(bh_threat_cookie_good(&secret, &k, 1, at, cookie));
		k = key;
		k.addr[1].w[3] = 1;
		CU_ASSERT_FALSE(bh_threat_cookie_good(&secret, &k, 1, at, cookie));
	}
}

const struct bh_unit_test bh_suite_threat_cookie[] = {
	BH_TEST(cookie_is_good_for_its_client_alone_and_for_two_minutes_at_most), BH_TEST_END};
