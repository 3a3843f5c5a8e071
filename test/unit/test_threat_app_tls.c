/* What TLS records show, of bytes made here by RFC 5246, 6520, 8446. */
#include "threat_app_rig.h"

static size_t
record(uint8_t *out, uint8_t type, const uint8_t *p, size_t n)
{
	const uint8_t head[5] = {type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

	memcpy(out, head, 5);
	memcpy(out + 5, p, n);
	return 5 + n;
}

static size_t
message(uint8_t *out, uint8_t type, const uint8_t *p, size_t n)
{
	uint8_t m[4096];
	const uint8_t head[4] = {type, 0, (uint8_t)(n >> 8), (uint8_t)n};

	memcpy(m, head, 4);
	memcpy(m + 4, p, n);
	return record(out, 22, m, n + 4);
}

static size_t
client_hello(uint8_t *out, uint16_t claimed)
{
	uint8_t b[34 + 1 + 2 + 4 + 2] = {3, 3};

	b[35] = (uint8_t)(claimed >> 8);
	b[36] = (uint8_t)claimed;
	b[38] = 0x2f;
	b[40] = 0x35;
	b[41] = 1;
	return message(out, 1, b, sizeof(b));
}

static size_t
server_hello(uint8_t *out, uint16_t version, uint16_t cipher, bool tls13)
{
	uint8_t b[34 + 1 + 2 + 1 + 2 + 6] = {(uint8_t)(version >> 8), (uint8_t)version};

	b[35] = (uint8_t)(cipher >> 8);
	b[36] = (uint8_t)cipher;
	if (!tls13)
		return message(out, 2, b, 38);
	b[39] = 6;
	memcpy(b + 40, (const uint8_t[]){0, 43, 0, 2, 3, 4}, 6);
	return message(out, 2, b, sizeof(b));
}

static void
each_version_is_named_and_judged_by_the_floor(void)
{
	static const struct {
		uint16_t version;
		bool tls13;
		unsigned threat, floor;
	} cases[] = {{0x0300, false, BH_THREAT_SSL, 1},
		     {0x0301, false, BH_THREAT_TLS_1_0, 1},
		     {0x0302, false, BH_THREAT_TLS_1_1, 1},
		     {0x0303, false, BH_THREAT_COUNT, 0},
		     {0x0303, true, BH_THREAT_COUNT, 0}};
	uint8_t b[256];
	size_t i, n;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct threat_rig *r = rig_open(BH_APP_TLS);

		n = client_hello(b, 4);
		rig_drip(r, 0, b, n);
		n = server_hello(b, cases[i].version, 0xc02f, cases[i].tls13);
		rig_drip(r, 1, b, n);
		CU_ASSERT_EQUAL(r->hits[BH_THREAT_TLS_FLOOR], cases[i].floor);
		CU_ASSERT_EQUAL(r->n_hits, 2 * cases[i].floor);
		if (cases[i].threat != BH_THREAT_COUNT)
			CU_ASSERT_EQUAL(r->hits[cases[i].threat], 1);
		CU_ASSERT_EQUAL(r->conn.done, cases[i].tls13);
		free(r);
	}
}

static void
a_floor_of_13_refuses_tls_1_2(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	uint8_t b[256];

	r->rule[BH_THREAT_TLS_FLOOR].threshold = 13;
	rig_say(r, 1, b, server_hello(b, 0x0303, 0xc02f, false));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_TLS_FLOOR], 1);
	free(r);
}

static void
weak_ciphers_are_named_and_strong_ones_are_not(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	static const uint16_t strong[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca8,
					  0x009c, 0x002f, 0x0035, 0xc013, 0xc014};
	uint8_t b[256];
	size_t i;

	rig_say(r, 1, b, server_hello(b, 0x0303, 0x0005, false));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_WEAK_CIPHER], 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(r->text, "RC4"));
	for (i = 0; i < BH_ARRAY_SIZE(strong); i++)
		CU_ASSERT_PTR_NULL(bh_threat_weak_cipher(strong[i]));
	CU_ASSERT_STRING_EQUAL(bh_threat_weak_cipher(0x000a), "3DES");
	CU_ASSERT_STRING_EQUAL(bh_threat_weak_cipher(0x0000), "no encryption");
	CU_ASSERT_STRING_EQUAL(bh_threat_weak_cipher(0xc018), "anonymous");
	free(r);
}

static void
a_heartbeat_that_claims_more_than_it_holds_is_heartbleed(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	const uint8_t bleed[] = {1, 0x40, 0x00};
	uint8_t b[256], honest[3 + 8 + 16] = {1, 0, 8};

	rig_say(r, 0, b, client_hello(b, 4));
	rig_drip(r, 0, b, record(b, 24, honest, sizeof(honest)));
	CU_ASSERT_EQUAL(r->n_hits, 0);
	rig_drip(r, 0, b, record(b, 24, bleed, sizeof(bleed)));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_HEARTBLEED], 1);
	free(r);
}

static void
an_encrypted_answer_longer_than_its_heartbeat_is_heartbleed(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	uint8_t b[4096], sealed[2048] = {0}, one = 1;

	rig_say(r, 0, b, record(b, 20, &one, 1));
	rig_say(r, 1, b, record(b, 20, &one, 1));
	rig_drip(r, 0, b, record(b, 24, sealed, 64));
	rig_drip(r, 1, b, record(b, 24, sealed, 64));
	CU_ASSERT_EQUAL(r->n_hits, 0);
	rig_drip(r, 0, b, record(b, 24, sealed, 64));
	rig_drip(r, 1, b, record(b, 24, sealed, 2000));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_HEARTBLEED], 1);
	free(r);
}

static void
impossible_lists_of_ciphers_are_told_in_both_forms(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	uint8_t b[256];
	/* SSL 2: 9 + 3 + 0 + 16 bytes; the second claims 0x4000 bytes of ciphers */
	uint8_t fine[2 + 28] = {0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16};
	uint8_t bad[2 + 28] = {0x80, 28, 1, 0, 2, 0x40, 0, 0, 0, 0, 16};

	rig_drip(r, 0, b, client_hello(b, 0x3000));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_CIPHER_OVERFLOW], 1);
	free(r);
	r = rig_open(BH_APP_TLS);
	rig_drip(r, 0, fine, sizeof(fine));
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
	r = rig_open(BH_APP_TLS);
	rig_drip(r, 0, bad, sizeof(bad));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_CIPHER_OVERFLOW], 1);
	/* and its server's answer in the same form: SSL 2 is spoken */
	fine[2] = 4;
	rig_drip(r, 1, fine, sizeof(fine));
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_SSL], 1);
	free(r);
}

/* SEQUENCE { SEQUENCE { serial, algorithm, issuer, validity, subject } }, as much as is looked at */
static size_t
certificate(uint8_t *out, const char *not_after)
{
	uint8_t tbs[128], b[200];
	size_t n = 0;
	const uint8_t start[] = {2, 1, 5, 0x30, 0, 0x30, 0, 0x30, 30, 0x17, 13};

	memcpy(tbs, start, sizeof(start));
	n += sizeof(start);
	memcpy(tbs + n, "200101000000Z", 13);
	n += 13;
	tbs[n++] = 0x17;
	tbs[n++] = 13;
	memcpy(tbs + n, not_after, 13);
	n += 13;
	tbs[n++] = 0x30;
	tbs[n++] = 0;
	memset(b, 0, 6);
	b[6] = 0x30;
	b[7] = (uint8_t)(n + 2);
	b[8] = 0x30;
	b[9] = (uint8_t)n;
	memcpy(b + 10, tbs, n);
	return message(out, 11, b, 10 + n);
}

static void
a_certificate_is_told_when_it_ends(void)
{
	static const struct {
		const char *end;
		unsigned hits;
	} cases[] = {{"231114221319Z", 1}, /* the second before 1700000000 */
		     {"231114221321Z", 1}, /* within the day of the threshold */
		     {"231115221321Z", 0}, {"491231235959Z", 0}, {"500101000000Z", 1} /* 1950 */,
		     {"20251x115959Z", 0} /* no date */};
	uint8_t b[512];
	size_t i, n;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct threat_rig *r = rig_open(BH_APP_TLS);

		n = server_hello(b, 0x0303, 0xc02f, false);
		rig_say(r, 1, b, n);
		n = certificate(b, cases[i].end);
		rig_drip(r, 1, b, n);
		CU_ASSERT_EQUAL(r->hits[BH_THREAT_CERTIFICATE], cases[i].hits);
		CU_ASSERT_EQUAL(r->n_hits, cases[i].hits);
		free(r);
	}
}

static void
application_data_of_the_server_ends_the_watch(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	uint8_t b[256], data[32] = {0};

	rig_say(r, 0, b, record(b, 23, data, sizeof(data)));
	CU_ASSERT_FALSE(r->conn.done);
	rig_say(r, 1, b, record(b, 23, data, sizeof(data)));
	CU_ASSERT_TRUE(r->conn.done);
	free(r);
}

static void
a_threat_that_is_off_says_nothing(void)
{
	struct threat_rig *r = rig_open(BH_APP_TLS);
	uint8_t b[256];

	r->rule[BH_THREAT_TLS_1_0].on = r->rule[BH_THREAT_TLS_FLOOR].on = false;
	rig_say(r, 1, b, server_hello(b, 0x0301, 0xc02f, false));
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
}

const struct bh_unit_test bh_suite_threat_app_tls[] = {
	BH_TEST(each_version_is_named_and_judged_by_the_floor),
	BH_TEST(a_floor_of_13_refuses_tls_1_2),
	BH_TEST(weak_ciphers_are_named_and_strong_ones_are_not),
	BH_TEST(a_heartbeat_that_claims_more_than_it_holds_is_heartbleed),
	BH_TEST(an_encrypted_answer_longer_than_its_heartbeat_is_heartbleed),
	BH_TEST(impossible_lists_of_ciphers_are_told_in_both_forms),
	BH_TEST(a_certificate_is_told_when_it_ends),
	BH_TEST(application_data_of_the_server_ends_the_watch),
	BH_TEST(a_threat_that_is_off_says_nothing),
	BH_TEST_END,
};
