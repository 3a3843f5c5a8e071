/* evidence: names, retention, and files that come and go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "evidence_rig.h"
#include "unit.h"

static void
put_file(struct evidence_rig *r, const char *name, size_t size)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", r->path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void
names_say_time_flow_and_class(void)
{
	struct bh_evidence_file f;

	CU_ASSERT_TRUE_FATAL(bh_evidence_name_parse(RIG_NAME "dlp.card.pcapng", &f));
	CU_ASSERT_EQUAL(f.time_ns, RIG_T0);
	CU_ASSERT_EQUAL(f.flow_id, 7);
	CU_ASSERT_STRING_EQUAL(f.class_, "dlp.card");
}

static void
other_names_are_no_evidence(void)
{
	static const char *const names[] = {
		"",
		".pcapng",
		"../" RIG_NAME "sqli.pcapng",
		RIG_NAME ".pcapng",
		RIG_NAME "../x.pcapng",
		RIG_NAME "sqli.pcapng.new",
		RIG_NAME "SQLI.pcapng",
		"20261302T030405.000000Z-0000000000000007-sqli.pcapng",
		"20260102T030405.000000Z-7-sqli.pcapng",
		"policy.yaml",
	};
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_file f;
	struct bh_err err = {0};
	char *data;
	size_t i, len;

	rig_open(&r);
	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		CU_ASSERT_FALSE(bh_evidence_name_parse(names[i], &f));
		CU_ASSERT_EQUAL(bh_evidence_load(r.path, names[i], &data, &len, &err), -ENOENT);
		CU_ASSERT_EQUAL(bh_evidence_delete(r.path, names[i], &err), -ENOENT);
	}
	rig_close(&r);
}

static void
lists_come_newest_first_and_in_pages(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	struct bh_evidence_file f[4];
	char name[BH_EVIDENCE_NAME_MAX], cursor[BH_EVIDENCE_NAME_MAX];
	struct bh_evidence_want want = {.max = 4};
	unsigned i, n, seen = 0;
	bool more = true;

	rig_open(&r);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "20260102T0304%02u.000000Z-0000000000000007-x.pcapng",
			 10 + (i * 7) % 10);
		put_file(&r, name, i);
	}
	put_file(&r, "something.else", 5);
	while (more) {
		want.before = seen != 0 ? cursor : NULL;
		CU_ASSERT_EQUAL_FATAL(bh_evidence_list(r.path, &want, f, &n, &more, NULL), 0);
		CU_ASSERT_FATAL(n > 0);
		for (i = 0; i < n; i++, seen++) {
			snprintf(name, sizeof(name),
				 "20260102T0304%02u.000000Z-0000000000000007-x.pcapng", 19 - seen);
			CU_ASSERT_STRING_EQUAL(f[i].name, name);
		}
		strcpy(cursor, f[n - 1].name);
	}
	CU_ASSERT_EQUAL(seen, 10);
	rig_close(&r);
}

/* However many others lie between and before them. */
static void
a_list_may_be_of_one_class(void)
{
	const struct bh_evidence_want want = {.class_ = "capture", .max = 3};
	struct evidence_rig r = {.p = {.by_hand = true}};
	char name[BH_EVIDENCE_NAME_MAX];
	struct bh_evidence_file f[3];
	unsigned i, n;
	bool more;

	rig_open(&r);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "20260102T0304%02u.000000Z-0000000000000000-%s.pcapng",
			 i,
			 i % 10 == 3   ? "capture"
			 : i % 10 == 4 ? "captures"
				       : "sqli");
		put_file(&r, name, 1);
	}
	CU_ASSERT_EQUAL_FATAL(bh_evidence_list(r.path, &want, f, &n, &more, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CU_ASSERT_TRUE(more);
	for (i = 0; i < n; i++)
		CU_ASSERT_EQUAL(f[i].time_ns, RIG_T0 + (28 - 10 * i) * BH_NS_PER_SEC);
	rig_close(&r);
}

static void
the_oldest_go_when_there_is_too_much(void)
{
	struct evidence_rig r = {
		.p = {.by_hand = true, .max_size = 100000, .max_age_ms = 86400000}};
	char name[BH_EVIDENCE_NAME_MAX];
	struct bh_evidence_file f[64];
	struct bh_event e[8];
	unsigned i, n;
	bool more;

	rig_open(&r);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "20260102T02%02u00.000000Z-0000000000000007-x.pcapng",
			 i);
		put_file(&r, name, 20000);
	}
	bh_evidence_close(r.ev);
	rig_open(&r); /* what is there already counts */
	CU_ASSERT_EQUAL(rig_files(&r), 5);
	rig_packet(&r, 1000, 0, "a", 1);
	rig_event(&r, 1000, NULL, e);
	bh_evidence_offer(r.ev, e);
	bh_evidence_flush(r.ev);
	CU_ASSERT_EQUAL(bh_evidence_list(r.path, &(struct bh_evidence_want){.max = 64}, f, &n,
					 &more, NULL),
			0);
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_STRING_EQUAL(f[0].class_, "violation");
	CU_ASSERT_STRING_EQUAL(f[4].name, "20260102T020600.000000Z-0000000000000007-x.pcapng");
	rig_close(&r);
}

static void
what_is_too_old_goes(void)
{
	struct evidence_rig r = {.p = {.by_hand = true, .max_age_ms = 60000}};

	rig_open(&r);
	put_file(&r, "20260102T030401.000000Z-0000000000000007-x.pcapng", 10);
	put_file(&r, "20260102T030500.000000Z-0000000000000007-x.pcapng", 10);
	r.now_ns = RIG_T0 + 58 * BH_NS_PER_SEC;
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 2);
	r.now_ns = RIG_T0 + 62 * BH_NS_PER_SEC;
	bh_evidence_step(r.ev);
	CU_ASSERT_EQUAL(rig_files(&r), 1);
	rig_close(&r);
}

static void
half_a_file_of_a_crash_is_cleared_away(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	char path[200];

	rig_open(&r);
	put_file(&r, RIG_NAME "x.pcapng.new", 10);
	bh_evidence_close(r.ev);
	rig_open(&r);
	snprintf(path, sizeof(path), "%s/" RIG_NAME "x.pcapng.new", r.path);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	rig_close(&r);
}

static void
what_cannot_be_written_is_told_once_until_it_works(void)
{
	struct evidence_rig r = {.p = {.by_hand = true}};
	char text[256];
	struct bh_event e[8];
	unsigned i;

	rig_open(&r);
	CU_ASSERT_EQUAL(bh_evidence_trouble(r.ev, text, sizeof(text)), 0);
	CU_ASSERT_EQUAL(rmdir(r.path), 0); /* nothing can be made in a folder that is removed */
	for (i = 0; i < 3; i++) {
		rig_event(&r, 1000 + i, NULL, e);
		bh_evidence_offer(r.ev, e);
		bh_evidence_flush(r.ev);
		CU_ASSERT_EQUAL(bh_evidence_trouble(r.ev, text, sizeof(text)), i == 0 ? 1 : 0);
	}
	CU_ASSERT(strstr(text, "No such file") != NULL);
	rig_close(&r);
}

const struct bh_unit_test bh_suite_evidence_folder[] = {
	BH_TEST(names_say_time_flow_and_class),
	BH_TEST(other_names_are_no_evidence),
	BH_TEST(lists_come_newest_first_and_in_pages),
	BH_TEST(a_list_may_be_of_one_class),
	BH_TEST(the_oldest_go_when_there_is_too_much),
	BH_TEST(what_is_too_old_goes),
	BH_TEST(half_a_file_of_a_crash_is_cleared_away),
	BH_TEST(what_cannot_be_written_is_told_once_until_it_works),
	BH_TEST_END,
};
