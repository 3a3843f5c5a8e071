/* evidence: from an event to its file. */
#include <stdlib.h>

#include "evidence_rig.h"
#include "unit.h"

#define CARD "4111111111111111"

/* Payloads of a file's packets, one character each. */
static unsigned
read_back(struct evidence_rig *r, const char *name, char *first, unsigned room)
{
	struct bh_capture_packet p;
	struct bh_capture *c;
	char path[200];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/%s", r->path, name);
	CU_ASSERT_EQUAL_FATAL(bh_capture_open(&c, path, NULL), 0);
	while (bh_capture_next(c, &p, NULL) == 1 && n < room - 1)
		first[n++] = p.caplen > 54 ? (char)p.data[54] : '-';
	first[n] = '\0';
	bh_capture_close(c);
	return n;
}

static void
a_file_has_the_flows_packets_from_before_and_after(void)
{
	struct evidence_rig r = {.p = {.by_hand = true, .before = 4, .after = 3}};
	char first[64], name[BH_EVIDENCE_NAME_MAX], path[200];
	struct bh_event e[8];
	struct stat st;
	unsigned i;

	rig_open(&r);
	for (i = 0; i < 10; i++) {
		rig_packet(&r, 1000, i * 10, &"abcdefghij"[i], 1);
		rig_packet(&r, 2000, i * 10, "X", 1);
	}
	rig_event(&r, 1000, NULL, e);
	r.p.before = 4;
	bh_evidence_offer(r.ev, e);
	CU_ASSERT_PTR_NOT_NULL(bh_evidence_name(r.ev, e, name));
	CU_ASSERT_STRING_EQUAL(name, "20260102T030405.020000Z-0000000000000007-violation.pcapng");
	bh_evidence_step(r.ev);
	for (i = 0; i < 6; i++) {
		rig_packet(&r, 1000, 100 + i, &"KLMNOP"[i], 1);
		rig_packet(&r, 2000, 100 + i, "Y", 1);
	}
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 0); /* not before its name could be asked for */
	r.now_ns += 200 * BH_NS_PER_MS;
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 1);
	CU_ASSERT_EQUAL(read_back(&r, name, first, sizeof(first)), 7);
	CU_ASSERT_STRING_EQUAL(first, "ghijKLM");
	snprintf(path, sizeof(path), "%s/%s", r.path, name);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	rig_close(&r);
}

static void
time_ends_a_file_too(void)
{
	struct evidence_rig r = {.p = {.by_hand = true, .before = 8, .after = 100}};
	char first[64], name[BH_EVIDENCE_NAME_MAX];
	struct bh_event e[8];

	rig_open(&r);
	rig_packet(&r, 1000, 0, "a", 1);
	rig_event(&r, 1000, NULL, e);
	bh_evidence_offer(r.ev, e);
	bh_evidence_name(r.ev, e, name);
	bh_evidence_step(r.ev);
	rig_packet(&r, 1000, 1, "b", 1);
	r.now_ns += 1500 * BH_NS_PER_MS;
	rig_packet(&r, 1000, 2, "c", 1); /* later than evidence.time */
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(read_back(&r, name, first, sizeof(first)), 2);
	CU_ASSERT_STRING_EQUAL(first, "ab");
	CU_ASSERT_PTR_NULL(bh_evidence_name(r.ev, e, name));
	rig_close(&r);
}

static void
packets_say_their_verdict_and_the_section_its_events(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	char name[BH_EVIDENCE_NAME_MAX];
	struct bh_event e[8], other[8];
	uint32_t a, b;
	size_t len;
	char *data;

	rig_open(&r);
	a = rig_packet(&r, 1000, 0, "a", 1);
	b = rig_packet(&r, 1000, 1, "b", 1);
	bh_evidence_settle(r.ring, a, BH_EVIDENCE_PASSED, BH_REASON_RULE_ALLOW);
	rig_event(&r, 1000, "sqli", e);
	rig_event(&r, 1000, NULL, other);
	bh_evidence_offer(r.ev, e);
	bh_evidence_offer(r.ev, other);
	bh_evidence_name(r.ev, e, name);
	bh_evidence_step(r.ev);
	/* Known only after it was read. */
	bh_evidence_settle(r.ring, b, BH_EVIDENCE_DROPPED, BH_REASON_APP_DENY);
	bh_evidence_flush(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 1);
	data = rig_load(&r, name, &len);
	CU_ASSERT(rig_has(data, len, "verdict=pass reason=rule_allow"));
	CU_ASSERT(rig_has(data, len, "verdict=drop reason=application_deny"));
	CU_ASSERT(rig_has(data, len, "\"sensor\":\"sqli\""));
	CU_ASSERT(rig_has(data, len, "\"kind\":\"violation\""));
	CU_ASSERT(rig_has(data, len, "cde"));
	free(data);
	rig_close(&r);
}

/* The number in pieces, each in a packet of its own, out of order and sent twice. */
static void
a_card_number_over_several_packets_is_hidden(void)
{
#define WORDS "POST / HTTP/1.1\r\n\r\ncard=" CARD "&name=alice"
	enum { SIZE = 3 };
	static const char text[sizeof(WORDS) + SIZE] = WORDS; /* the last piece is whole, too */
	const uint32_t size = SIZE, n = (sizeof(WORDS) + SIZE - 1) / SIZE;
	struct evidence_rig r = {.p = {.by_hand = true, .before = 64, .after = 8}};
	static const char *const keys[] = {"dlp.card", "sqli"};
	char name[BH_EVIDENCE_NAME_MAX], all[256], path[200];
	struct bh_capture_packet p;
	struct bh_capture *c;
	struct bh_event e[8];
	unsigned k, i;

	for (k = 0; k < 2; k++) {
		r.ring = NULL;
		rig_open(&r);
		for (i = 0; i < n; i++) {
			uint32_t at = (i * 5 % n) * size;

			rig_packet(&r, 1000, 0xfffffff0 + at, text + at, size);
			if (i % 3 == 0)
				rig_packet(&r, 1000, 0xfffffff0 + at, text + at, size);
		}
		rig_event(&r, 1000, keys[k], e);
		bh_evidence_offer(r.ev, e);
		bh_evidence_name(r.ev, e, name);
		bh_evidence_flush(r.ev);
		snprintf(path, sizeof(path), "%s/%s", r.path, name);
		CU_ASSERT_EQUAL_FATAL(bh_capture_open(&c, path, NULL), 0);
		memset(all, 0, sizeof(all));
		while (bh_capture_next(c, &p, NULL) == 1) {
			uint32_t seq = bh_load_be32(p.data + 38) - 0xfffffff0;

			CU_ASSERT_FATAL(seq + size < sizeof(all));
			memcpy(all + seq, p.data + 54, size);
		}
		bh_capture_close(c);
		CU_ASSERT_PTR_NULL(strstr(all, CARD));
		CU_ASSERT_PTR_NOT_NULL(strstr(all, "card=411111******1111&name=alice"));
		bh_evidence_close(r.ev);
		bh_evidence_ring_destroy(r.ring);
	}
	r.ev = NULL;
	r.ring = NULL;
	rig_close(&r);
}

static void
masking_follows_the_configuration(void)
{
	static const struct {
		enum bh_evidence_mask mask;
		const char *key;
		bool card, mail;
	} cases[] = {
		{BH_MASK_DLP, "sqli", false, true},
		{BH_MASK_DLP, "dlp.card", false, false},
		{BH_MASK_ALWAYS, "sqli", false, false},
		{BH_MASK_NEVER, "dlp.card", true, true},
	};
	struct evidence_rig r = {.p = {.by_hand = true}};
	char name[BH_EVIDENCE_NAME_MAX], *data;
	struct bh_event e[8];
	unsigned i;
	size_t len;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		r.p.mask = cases[i].mask;
		r.ring = NULL;
		rig_open(&r);
		rig_packet(&r, 1000, 0, CARD " bob@example.org", 32);
		rig_event(&r, 1000, cases[i].key, e);
		bh_evidence_offer(r.ev, e);
		bh_evidence_name(r.ev, e, name);
		bh_evidence_flush(r.ev);
		data = rig_load(&r, name, &len);
		CU_ASSERT_EQUAL(rig_has(data, len, CARD), cases[i].card);
		CU_ASSERT_EQUAL(rig_has(data, len, "bob@"), cases[i].mail);
		CU_ASSERT_EQUAL(rig_has(data, len, "bytes of payload are masked"), !cases[i].card);
		free(data);
		bh_evidence_close(r.ev);
		bh_evidence_ring_destroy(r.ring);
	}
	r.ev = NULL;
	r.ring = NULL;
	rig_close(&r);
}

static void
the_thread_does_the_same(void)
{
	struct evidence_rig r = {0};
	char first[64], name[BH_EVIDENCE_NAME_MAX];
	struct bh_event e[8];

	rig_open(&r);
	rig_packet(&r, 1000, 0, "a", 1);
	rig_event(&r, 1000, NULL, e);
	bh_evidence_offer(r.ev, e);
	bh_evidence_name(r.ev, e, name);
	bh_evidence_flush(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 1);
	CU_ASSERT_EQUAL(read_back(&r, name, first, sizeof(first)), 1);
	rig_packet(&r, 1000, 1, "b", 1);
	rig_event(&r, 1000, NULL, e);
	bh_evidence_offer(r.ev, e);
	bh_evidence_close(r.ev); /* in the making: written with what it has */
	r.ev = NULL;
	CU_ASSERT_EQUAL(rig_files(&r), 2);
	rig_close(&r);
}

static void
the_whole_pair_is_taken_where_configured(void)
{
	struct evidence_rig r = {.p = {.by_hand = true, .whole_pair = true}};
	char first[64], name[BH_EVIDENCE_NAME_MAX];
	struct bh_event e[8];

	rig_open(&r);
	rig_packet(&r, 1000, 0, "a", 1);
	rig_packet(&r, 2000, 0, "b", 1);
	rig_event(&r, 1000, NULL, e);
	bh_evidence_offer(r.ev, e);
	bh_evidence_name(r.ev, e, name);
	bh_evidence_flush(r.ev);
	CU_ASSERT_EQUAL(read_back(&r, name, first, sizeof(first)), 2);
	CU_ASSERT_STRING_EQUAL(first, "ab");
	rig_close(&r);
}

static void
more_events_than_the_rate_get_no_file(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_stats stats;
	char name[BH_EVIDENCE_NAME_MAX];
	struct bh_event e[8];
	unsigned i, named = 0;

	rig_open(&r);
	for (i = 0; i < 150; i++) {
		rig_event(&r, 1000 + i, NULL, e);
		bh_evidence_offer(r.ev, e);
		named += bh_evidence_name(r.ev, e, name) != NULL;
	}
	CU_ASSERT_EQUAL(named, 100);
	/* A scan of what is denied takes nothing from an attack. */
	rig_event(&r, 900, "sqli", e);
	bh_evidence_offer(r.ev, e);
	CU_ASSERT_PTR_NOT_NULL(bh_evidence_name(r.ev, e, name));
	bh_evidence_flush(r.ev);
	bh_evidence_stats(r.ev, &stats);
	CU_ASSERT_EQUAL(stats.files, 101);
	CU_ASSERT_EQUAL(stats.missed, 50);
	rig_close(&r);
}

/* evidence.alerts: capture */
static void
only_what_a_sensor_asks_for_is_kept_where_configured(void)
{
	struct evidence_rig r = {.p = {.by_hand = true, .captures = true}};
	struct bh_event e[8];
	char name[BH_EVIDENCE_NAME_MAX];

	rig_open(&r);
	rig_event(&r, 1000, NULL, e);
	bh_evidence_offer(r.ev, e);
	CU_ASSERT_PTR_NULL(bh_evidence_name(r.ev, e, name));
	r.action = "alert";
	rig_event(&r, 1000, "sqli", e);
	bh_evidence_offer(r.ev, e);
	CU_ASSERT_PTR_NULL(bh_evidence_name(r.ev, e, name));
	r.action = "capture";
	rig_event(&r, 1000, "sqli", e);
	bh_evidence_offer(r.ev, e);
	CU_ASSERT_PTR_NOT_NULL(bh_evidence_name(r.ev, e, name));
	rig_close(&r);
}

const struct bh_unit_test bh_suite_evidence_file[] = {
	BH_TEST(only_what_a_sensor_asks_for_is_kept_where_configured),
	BH_TEST(a_file_has_the_flows_packets_from_before_and_after),
	BH_TEST(time_ends_a_file_too),
	BH_TEST(packets_say_their_verdict_and_the_section_its_events),
	BH_TEST(a_card_number_over_several_packets_is_hidden),
	BH_TEST(masking_follows_the_configuration),
	BH_TEST(the_thread_does_the_same),
	BH_TEST(the_whole_pair_is_taken_where_configured),
	BH_TEST(more_events_than_the_rate_get_no_file),
	BH_TEST_END,
};
