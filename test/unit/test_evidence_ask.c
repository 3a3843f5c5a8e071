/* evidence: captures that somebody asks for. */
#include <errno.h>
#include <stdlib.h>

#include "evidence_rig.h"
#include "unit.h"

/* First characters of the payloads of the one file there is, in order. */
static void
captured(struct evidence_rig *r, const char *name, char *first, unsigned room)
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
}

static struct bh_evidence_order
order(void)
{
	return (struct bh_evidence_order){.packets = 100,
					  .bytes = 1 << 20,
					  .for_ms = 60000,
					  .text = "{\"by\":\"me\"}"};
}

static void
start(struct evidence_rig *r, const struct bh_evidence_order *o, char name[BH_EVIDENCE_NAME_MAX])
{
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_evidence_capture_start(r->ev, o, name, &err), 0);
}

static void
what_fits_is_taken_until_it_is_stopped(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_order o = order();
	struct bh_evidence_running run[BH_EVIDENCE_CAPTURES];
	char name[BH_EVIDENCE_NAME_MAX], first[32];
	struct bh_evidence_file f;
	size_t len;
	char *data;

	rig_open(&r);
	rig_packet(&r, 1000, 0, "a", 1); /* before it began */
	r.now_ns += BH_NS_PER_MS;
	o.filter.port = 1000;
	start(&r, &o, name);
	CU_ASSERT_TRUE(bh_evidence_name_parse(name, &f));
	CU_ASSERT_STRING_EQUAL(f.class_, "capture");
	rig_packet(&r, 1000, 1, "b", 1);
	rig_packet(&r, 2000, 1, "X", 1);
	rig_packet(&r, 1000, 2, "c", 1);
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(bh_evidence_captures(r.ev, run), 1);
	CU_ASSERT_EQUAL(run[0].packets, 2);
	CU_ASSERT_STRING_EQUAL(run[0].name, name);
	CU_ASSERT_EQUAL(rig_files(&r), 0);
	CU_ASSERT_EQUAL(bh_evidence_capture_stop(r.ev, "other"), -ENOENT);
	CU_ASSERT_EQUAL(bh_evidence_capture_stop(r.ev, name), 0);
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(bh_evidence_captures(r.ev, run), 0);
	rig_packet(&r, 1000, 3, "d", 1);
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 1);
	captured(&r, name, first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "bc");
	data = rig_load(&r, name, &len);
	CU_ASSERT_TRUE(rig_has(data, len, "{\"by\":\"me\"}"));
	free(data);
	rig_close(&r);
}

static void
packets_bytes_and_time_end_it(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_order o = order();
	char name[3][BH_EVIDENCE_NAME_MAX], first[32];
	struct bh_evidence_running run[BH_EVIDENCE_CAPTURES];
	unsigned i;

	rig_open(&r);
	o.packets = 3;
	start(&r, &o, name[0]);
	o = order();
	o.bytes = 1600 + 2 * 55; /* a frame of this test has 55, one of 1,600 may come */
	start(&r, &o, name[1]);
	o = order();
	o.for_ms = 1000;
	start(&r, &o, name[2]);
	CU_ASSERT_STRING_NOT_EQUAL(name[0], name[1]);
	for (i = 0; i < 8; i++) {
		rig_packet(&r, 1000, i, &"abcdefgh"[i], 1);
		bh_evidence_step(r.ev);
	}
	CU_ASSERT_EQUAL(rig_files(&r), 2);
	r.now_ns += BH_NS_PER_SEC;
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 3);
	CU_ASSERT_EQUAL(bh_evidence_captures(r.ev, run), 0);
	captured(&r, name[0], first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "abc");
	captured(&r, name[1], first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "abc");
	captured(&r, name[2], first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "abcdefgh");
	rig_close(&r);
}

static void
an_application_takes_its_flows_beginning_along(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_order o = order();
	char name[BH_EVIDENCE_NAME_MAX], first[32];

	rig_open(&r);
	o.filter.app[1] = 1u << 2; /* 66 */
	start(&r, &o, name);
	rig_packet(&r, 1000, 0, "a", 1);
	rig_packet(&r, 2000, 0, "X", 1);
	rig_packet(&r, 3000, 0, "Y", 1);
	r.app = 66;
	rig_packet(&r, 1000, 1, "b", 1);
	r.app = 7;
	rig_packet(&r, 2000, 1, "X", 1);
	bh_evidence_capture_stop(r.ev, name);
	bh_evidence_step(r.ev);
	captured(&r, name, first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "ab");
	rig_close(&r);
}

static void
addresses_and_segments_are_of_one_end_or_both(void)
{
	static const struct {
		const char *a, *b; /* last byte of 10.0.0.x; NULL: none */
		uint32_t segment[2];
		unsigned n_segments;
		const char *want;
	} cases[] = {
		{"\001", NULL, {0}, 0, "a"},  {"\002", NULL, {0}, 0, "a"},
		{"\003", NULL, {0}, 0, ""},   {"\002", "\001", {0}, 0, "a"},
		{"\001", "\003", {0}, 0, ""}, {NULL, NULL, {5}, 1, "a"},
		{NULL, NULL, {6, 5}, 2, "a"}, {NULL, NULL, {4}, 1, ""},
		{NULL, NULL, {5, 4}, 2, ""},
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct evidence_rig r = {.p = {.by_hand = true}, .segment = {5, 6}};
		struct bh_evidence_order o = order();
		const char *last[2] = {cases[i].a, cases[i].b};
		char name[BH_EVIDENCE_NAME_MAX], first[32];
		unsigned k;

		rig_open(&r);
		for (k = 0; k < 2 && last[k] != NULL; k++)
			o.filter.address[o.filter.n_addresses++] = (struct bh_evidence_prefix){
				.family = 4, .len = 32, .addr = {10, 0, 0, (uint8_t)last[k][0]}};
		o.filter.n_segments = cases[i].n_segments;
		memcpy(o.filter.segment, cases[i].segment, sizeof(o.filter.segment));
		start(&r, &o, name);
		rig_packet(&r, 1000, 0, "a", 1);
		bh_evidence_capture_stop(r.ev, name);
		bh_evidence_step(r.ev);
		captured(&r, name, first, sizeof(first));
		CU_ASSERT_STRING_EQUAL(first, cases[i].want);
		rig_close(&r);
	}
}

static void
a_verdict_is_known_at_the_end(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_order o = order();
	char name[2][BH_EVIDENCE_NAME_MAX], first[32];
	uint32_t n[3];
	unsigned i;

	rig_open(&r);
	o.filter.dropped = true;
	start(&r, &o, name[0]);
	o.filter.dropped = false;
	o.filter.passed = true;
	start(&r, &o, name[1]);
	for (i = 0; i < 3; i++)
		n[i] = rig_packet(&r, 1000, i, &"abc"[i], 1);
	bh_evidence_step(r.ev); /* read before they are decided */
	bh_evidence_settle(r.ring, n[0], BH_EVIDENCE_PASSED, BH_REASON_RULE_ALLOW);
	bh_evidence_settle(r.ring, n[1], BH_EVIDENCE_REJECTED, BH_REASON_DEFAULT_DENY);
	bh_evidence_capture_stop(r.ev, name[0]);
	bh_evidence_capture_stop(r.ev, name[1]);
	bh_evidence_step(r.ev);
	captured(&r, name[0], first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "b");
	captured(&r, name[1], first, sizeof(first));
	CU_ASSERT_STRING_EQUAL(first, "a");
	rig_close(&r);
}

static void
a_number_over_two_packets_is_masked(void)
{
	struct evidence_rig r = {.p = {.by_hand = true, .mask = BH_MASK_DLP}};
	struct bh_evidence_order o = order();
	char name[BH_EVIDENCE_NAME_MAX];
	size_t len;
	char *data;

	rig_open(&r);
	start(&r, &o, name);
	rig_packet(&r, 1000, 0, "card=41111111", 13);
	rig_packet(&r, 1000, 13, "11111111;", 9);
	bh_evidence_capture_stop(r.ev, name);
	bh_evidence_step(r.ev);
	data = rig_load(&r, name, &len);
	CU_ASSERT_TRUE(rig_has(data, len, "card=411111**"));
	CU_ASSERT_TRUE(rig_has(data, len, "****1111;"));
	CU_ASSERT_TRUE(rig_has(data, len, "are masked with"));
	free(data);
	rig_close(&r);
}

static void
bounds_are_kept_and_a_fifth_is_refused(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_order o = order(), wrong;
	char name[BH_EVIDENCE_NAME_MAX];
	struct bh_err err = {0};
	unsigned i;

	rig_open(&r);
	wrong = o;
	wrong.packets = BH_EVIDENCE_CAPTURE_PACKETS + 1;
	CU_ASSERT_EQUAL(bh_evidence_capture_start(r.ev, &wrong, name, &err), -EINVAL);
	wrong = o;
	wrong.bytes = 0;
	CU_ASSERT_EQUAL(bh_evidence_capture_start(r.ev, &wrong, name, &err), -EINVAL);
	wrong = o;
	wrong.for_ms = BH_EVIDENCE_CAPTURE_MS + 1;
	CU_ASSERT_EQUAL(bh_evidence_capture_start(r.ev, &wrong, name, &err), -EINVAL);
	for (i = 0; i < BH_EVIDENCE_CAPTURES; i++)
		start(&r, &o, name);
	CU_ASSERT_EQUAL(bh_evidence_capture_start(r.ev, &o, name, &err), -EBUSY);
	rig_close(&r); /* those that run are written */
}

const struct bh_unit_test bh_suite_evidence_ask[] = {
	BH_TEST(what_fits_is_taken_until_it_is_stopped),
	BH_TEST(packets_bytes_and_time_end_it),
	BH_TEST(an_application_takes_its_flows_beginning_along),
	BH_TEST(addresses_and_segments_are_of_one_end_or_both),
	BH_TEST(a_verdict_is_known_at_the_end),
	BH_TEST(a_number_over_two_packets_is_masked),
	BH_TEST(bounds_are_kept_and_a_fifth_is_refused),
	BH_TEST_END,
};
