/* DNS messages, and names that carry data. */
#include <stdio.h>

#include "threat_app_rig.h"

static size_t
header(uint8_t *b, bool response, unsigned questions, unsigned answers)
{
	memset(b, 0, 12);
	b[2] = response ? 0x84 : 0x01;
	b[5] = (uint8_t)questions;
	b[7] = (uint8_t)answers;
	return 12;
}

static size_t
name(uint8_t *b, const char *text)
{
	size_t n = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, ".");

		b[n++] = (uint8_t)len;
		memcpy(b + n, text, len);
		n += len;
		text += len + (text[len] == '.');
	}
	b[n++] = 0;
	return n;
}

static size_t
query(uint8_t *b, const char *text, uint16_t type)
{
	size_t n = header(b, false, 1, 0);

	n += name(b + n, text);
	b[n++] = (uint8_t)(type >> 8);
	b[n++] = (uint8_t)type;
	b[n++] = 0;
	b[n++] = 1;
	return n;
}

static bool
look(struct threat_rig *r, const uint8_t *b, size_t n, struct bh_threat_question *q)
{
	return bh_threat_dns(&r->ctx, b, (uint32_t)n, (uint32_t)n, q);
}

static void
names_that_lead_nowhere_are_loops(void)
{
	/* a pointer to itself; two to one another; one ahead; into its own first label */
	static const uint8_t bad[][8] = {{0xc0, 12}, {1, 'a', 0xc0, 12}, {0xc0, 40}, {0xc0, 13}};
	struct bh_threat_question q;
	uint8_t b[256] = {0};
	size_t i, n;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		struct threat_rig *r = rig_open(0);

		n = header(b, false, 1, 0);
		memcpy(b + n, bad[i], 8);
		CU_ASSERT_TRUE(look(r, b, n + 8 + 40, &q));
		CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_LOOP], 1);
		CU_ASSERT_EQUAL(q.n, 0);
		free(r);
	}
}

static void
pointers_back_are_ordinary(void)
{
	struct threat_rig *r = rig_open(0);
	struct bh_threat_question q;
	uint8_t b[512];
	size_t n = header(b, true, 1, 20), i;

	n += name(b + n, "www.example.com");
	memcpy(b + n, (const uint8_t[]){0, 1, 0, 1}, 4);
	n += 4;
	for (i = 0; i < 20; i++) {
		memcpy(b + n, (const uint8_t[]){0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4},
		       16);
		n += 16;
	}
	CU_ASSERT_TRUE(look(r, b, n, &q));
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
}

static void
too_many_jumps_are_a_loop(void)
{
	struct threat_rig *r = rig_open(0);
	struct bh_threat_question q;
	uint8_t b[512] = {0};
	size_t n = header(b, false, 1, 0), i;

	/* A chain that leads back, one pointer to the one before: the first name starts at its end. */
	n += 5;
	for (i = 0; i < 70; i++) {
		b[n] = 0xc0;
		b[n + 1] = (uint8_t)(i == 0 ? 12 : n - 2);
		n += 2;
	}
	memcpy(b + 12, (const uint8_t[]){0, 0, 1, 0, 1}, 5);
	b[7] = 1; /* the chain's end is the name of an answer: skip the others by a record's length */
	{
		uint8_t m[512];
		size_t k = header(m, false, 1, 2);

		memcpy(m + k, (const uint8_t[]){0, 0, 1, 0, 1}, 5);
		k += 5;
		memcpy(m + k, (const uint8_t[]){0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 140}, 11);
		k += 11;
		for (i = 0; i < 70; i++) {
			m[k] = 0xc0;
			m[k + 1] = (uint8_t)(i == 0 ? 12 : k - 2);
			k += 2;
		}
		m[k] = 0xc0;
		m[k + 1] = (uint8_t)(k - 2);
		k += 2;
		memcpy(m + k, (const uint8_t[]){0, 1, 0, 1, 0, 0, 0, 0, 0, 0}, 10);
		k += 10;
		CU_ASSERT_TRUE(look(r, m, k, &q));
	}
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_LOOP], 1);
	free(r);
}

static void
bytes_that_belong_to_no_record_overflow(void)
{
	struct threat_rig *r = rig_open(0);
	struct bh_threat_question q;
	static uint8_t b[4096];
	size_t n = query(b, "a.example", 1);

	look(r, b, 2048, &q);
	look(r, b, n + 1000, &q);
	CU_ASSERT_EQUAL(r->n_hits, 0);
	look(r, b, 2100, &q);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_OVERFLOW], 1);
	/* All of it in records: fine, however long. */
	b[7] = 1;
	memcpy(b + n, (const uint8_t[]){0, 0, 16, 0, 1, 0, 0, 0, 0, 0x0b, 0xb8}, 11);
	look(r, b, n + 11 + 3000, &q);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_OVERFLOW], 1);
	free(r);
}

static void
whole_zones_and_null_records_are_told(void)
{
	struct threat_rig *r = rig_open(0);
	struct bh_threat_question q;
	uint8_t b[256];

	look(r, b, query(b, "example.com", 252), &q);
	look(r, b, query(b, "example.com", 251), &q);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_TRANSFER], 2);
	look(r, b, query(b, "example.com", 10), &q);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_NULL], 1);
	CU_ASSERT_EQUAL(r->n_hits, 3);
	/* an answer to a transfer is not asked for */
	query(b, "example.com", 252);
	b[2] |= 0x80;
	look(r, b, 29, &q);
	CU_ASSERT_EQUAL(r->n_hits, 3);
	free(r);
}

static void
a_transfer_over_tcp_is_seen_however_it_is_cut(void)
{
	struct threat_rig *r = rig_open(BH_APP_DNS);
	uint8_t b[300] = {0};
	size_t n = query(b + 2, "example.com", 252), i;

	b[1] = (uint8_t)n;
	for (i = 0; i < 3; i++)
		rig_drip(r, 0, b, n + 2);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_DNS_TRANSFER], 3);
	CU_ASSERT_EQUAL(r->asked, 3);
	free(r);
}

/* ---- tunnels ---------------------------------------------------------------------------------------------- */

static void
ask(struct threat_rig *r, struct bh_threat_tunnels *t, const char *text, uint16_t type)
{
	struct bh_threat_question q;
	uint8_t b[512];

	CU_ASSERT_TRUE(look(r, b, query(b, text, type), &q));
	CU_ASSERT_STRING_EQUAL(q.name, text);
	bh_threat_tunnels_ask(t, &r->ctx, 7, &q);
}

static void
hex(char *out, unsigned n, unsigned seed)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		out[i] = "0123456789abcdef"[seed >> 20 & 15];
	}
	out[n] = '\0';
}

static void
tunnels_of_several_tools_are_told(void)
{
	static const struct {
		uint16_t type;
		unsigned labels, length;
	} tools[] = {{16, 1, 18}, {5, 1, 34}, {15, 3, 60}, {10, 2, 62}, {1, 3, 60}, {16, 1, 40}};
	unsigned i, k, l;

	for (i = 0; i < BH_ARRAY_SIZE(tools); i++) {
		struct threat_rig *r = rig_open(0);
		struct bh_threat_tunnels *t;

		CU_ASSERT_EQUAL(bh_threat_tunnels_create(&t, 64), 0);
		r->rule[BH_THREAT_DNS_NULL].on = false;
		for (k = 0; k < 60; k++) {
			char text[300] = "";

			for (l = 0; l < tools[i].labels; l++) {
				hex(text + strlen(text), tools[i].length, k * 7 + l + 1);
				strcat(text, ".");
			}
			strcat(text, "t.example.com");
			r->ctx.now_ms += 900;
			ask(r, t, text, tools[i].type);
		}
		CU_ASSERT_TRUE(r->hits[BH_THREAT_DNS_TUNNEL] != 0);
		bh_threat_tunnels_destroy(t);
		free(r);
	}
}

static void
ordinary_names_are_no_tunnel(void)
{
	static const char *const site[] = {"www",    "api",  "cdn",   "img",
					   "static", "mail", "login", "assets"};
	struct threat_rig *r = rig_open(0);
	struct bh_threat_tunnels *t;
	unsigned i;
	char text[300];

	CU_ASSERT_EQUAL(bh_threat_tunnels_create(&t, 1024), 0);
	for (i = 0; i < 20000; i++) {
		unsigned x = i * 2654435761u;

		r->ctx.now_ms += 20; /* 50 a second */
		/* sites, content networks, reverse look-ups, lists by address, a directory, service discovery, clusters, mDNS */
		snprintf(text, sizeof(text), "%s.site%u.com", site[x % 8], x % 997);
		ask(r, t, text, i % 2 ? 1 : 28);
		snprintf(text, sizeof(text), "r%u---sn-4g5e6n%uz.videos.com", x % 20, x % 97);
		ask(r, t, text, 1);
		snprintf(text, sizeof(text), "e%u.dscx%u.akamai.net", x % 9973, x % 30);
		ask(r, t, text, 65);
		snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa", x & 255, x >> 8 & 255,
			 x >> 16 & 255, x >> 24);
		ask(r, t, text, 12);
		snprintf(text, sizeof(text), "%u.%u.%u.%u.zen.lists.org", x & 255, x >> 8 & 255,
			 x >> 16 & 255, x >> 24);
		ask(r, t, text, i % 2 ? 16 : 1);
		snprintf(text, sizeof(text), "_ldap._tcp.site%u._sites.dc._msdcs.corp.example.com",
			 x % 20);
		ask(r, t, text, 33);
		snprintf(text, sizeof(text), "pod-%u.service-%u.prod.svc.cluster.local", x % 5000,
			 x % 300);
		ask(r, t, text, 1);
		snprintf(text, sizeof(text), "api%u.vendor.com.svc.eu-west-1.compute.internal",
			 x % 500);
		ask(r, t, text, 28);
		snprintf(text, sizeof(text), "selector%u._domainkey.mail%u.com", x % 3, x % 5000);
		ask(r, t, text, 16);
		snprintf(text, sizeof(text), "printer-%08x-living-room._ipp._tcp.local", x);
		ask(r, t, text, 16);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	bh_threat_tunnels_destroy(t);
	free(r);
}

static void
the_same_long_names_again_are_no_tunnel(void)
{
	struct threat_rig *r = rig_open(0);
	struct bh_threat_tunnels *t;
	char text[300];
	unsigned i;

	CU_ASSERT_EQUAL(bh_threat_tunnels_create(&t, 64), 0);
	for (i = 0; i < 5000; i++) {
		hex(text, 60, i % 20 + 1);
		strcat(text, ".telemetry.example.com");
		r->ctx.now_ms += 5;
		ask(r, t, text, 16);
	}
	CU_ASSERT_EQUAL(r->n_hits, 0);
	bh_threat_tunnels_destroy(t);
	free(r);
}

static void
tables_of_odd_sizes_are_refused(void)
{
	struct bh_threat_tunnels *t;

	CU_ASSERT_TRUE(bh_threat_tunnels_create(&t, 4) < 0);
	CU_ASSERT_TRUE(bh_threat_tunnels_create(&t, 100) < 0);
}

const struct bh_unit_test bh_suite_threat_app_dns[] = {
	BH_TEST(names_that_lead_nowhere_are_loops),
	BH_TEST(pointers_back_are_ordinary),
	BH_TEST(too_many_jumps_are_a_loop),
	BH_TEST(bytes_that_belong_to_no_record_overflow),
	BH_TEST(whole_zones_and_null_records_are_told),
	BH_TEST(a_transfer_over_tcp_is_seen_however_it_is_cut),
	BH_TEST(tunnels_of_several_tools_are_told),
	BH_TEST(ordinary_names_are_no_tunnel),
	BH_TEST(the_same_long_names_again_are_no_tunnel),
	BH_TEST(tables_of_odd_sizes_are_refused),
	BH_TEST_END,
};
