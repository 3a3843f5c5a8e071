/* store: revisions of several gateways keep their numbers, whoever gave them. */
#include "test_store_rig.h"

static int
claim(void *arg, const struct bh_revision *r, uint64_t confirm_ms, uint32_t *number,
      struct bh_err *err)
{
	(void)arg;
	(void)confirm_ms;
	if (strstr(r->text, "late") != NULL)
		return bh_err_set(err, ESTALE, "another was first");
	*number = 40;
	return 0;
}

static int
take(struct rig *r, uint32_t number, const char *text, uint64_t left_ms)
{
	const struct bh_revision rev = {.number = number,
					.time_ns = 77,
					.origin = BH_ORIGIN_API,
					.author = "api:carol",
					.why = "elsewhere",
					.text = text,
					.size = strlen(text)};

	r->err = (struct bh_err){0};
	return bh_store_take(r->s, &rev, "gw-b", left_ms, &r->ops, &r->err);
}

static bool
first_row(void *arg, const struct bh_revision *r)
{
	struct bh_revision *out = arg;

	*out = *r;
	return false;
}

static void
taken_revision_has_the_number_it_has_elsewhere(void)
{
	struct bh_store_force f;
	struct bh_revision row = {0};
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(bh_store_in_force(r.s, &f, NULL), 0);
	CU_ASSERT_EQUAL(f.number + f.newest, 0);
	rig_commit(&r, "ok one", 0);
	CU_ASSERT_EQUAL(take(&r, 9, "ok nine", 0), 0);
	CU_ASSERT_EQUAL(r.number, 9);
	CU_ASSERT_STRING_EQUAL(r.force, "ok nine");
	CU_ASSERT_EQUAL(bh_store_revisions(r.s, 0, 1, first_row, &row, NULL), 0);
	CU_ASSERT_EQUAL(row.number, 9);
	CU_ASSERT_EQUAL(row.time_ns, 77);
	CU_ASSERT_EQUAL(bh_store_in_force(r.s, &f, NULL), 0);
	CU_ASSERT_EQUAL(f.number, 9);
	CU_ASSERT_EQUAL(f.newest, 9);
	CU_ASSERT_EQUAL(memcmp(f.sha256, row.sha256, BH_SHA256_SIZE), 0);
	/* One of that number, or below it, is here already. */
	CU_ASSERT_EQUAL(take(&r, 9, "ok other", 0), -EEXIST);
	CU_ASSERT_EQUAL(take(&r, 5, "ok five", 0), -EEXIST);
	CU_ASSERT_STRING_EQUAL(r.force, "ok nine");
	/* What is wrong leaves what was in force. */
	CU_ASSERT_EQUAL(take(&r, 10, "bad", 0), -EINVAL);
	CU_ASSERT_EQUAL(r.number, 9);
	rig_leave(&r);
}

/* Whatever waits here: the fleet has gone on. */
static void
taken_revision_ends_the_waiting_of_another(void)
{
	struct bh_confirm w;
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "ok two", 60000);
	CU_ASSERT_EQUAL(take(&r, 3, "ok three", 0), 0);
	bh_store_waiting(r.s, &w);
	CU_ASSERT_EQUAL(w.number, 0);
	CU_ASSERT_EQUAL(take(&r, 4, "ok four", 5000), 0);
	bh_store_waiting(r.s, &w);
	CU_ASSERT_EQUAL(w.number, 4);
	CU_ASSERT_EQUAL(w.previous, 3);
	CU_ASSERT_EQUAL(w.left_ms, 5000);
	rig_leave(&r);
}

static void
claimed_revision_has_the_number_that_was_given(void)
{
	struct bh_store_force f;
	struct rig r;

	rig_enter(&r);
	r.ops.claim = claim;
	CU_ASSERT_EQUAL(rig_commit(&r, "ok one", 0), 0);
	CU_ASSERT_EQUAL(r.number, 40);
	/* Who comes second changes nothing, and spends no number. */
	CU_ASSERT_EQUAL(rig_commit(&r, "ok too late", 0), -ESTALE);
	CU_ASSERT_STRING_EQUAL(r.force, "ok one");
	CU_ASSERT_EQUAL(bh_store_in_force(r.s, &f, NULL), 0);
	CU_ASSERT_EQUAL(f.number, 40);
	CU_ASSERT_EQUAL(f.newest, 40);
	/* What is wrong is not claimed. */
	CU_ASSERT_EQUAL(rig_commit(&r, "late and bad", 0), -EINVAL);
	rig_leave(&r);
}

static void
kept_revision_can_be_gone_back_to(void)
{
	const struct bh_revision kept = {.number = 2,
					 .time_ns = 5,
					 .state = BH_REVISION_CONFIRMED,
					 .author = "api:carol",
					 .why = "",
					 .summary = "{}",
					 .text = "ok two",
					 .size = 6};
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	CU_ASSERT_EQUAL(bh_store_keep(r.s, &kept, NULL), 0);
	CU_ASSERT_EQUAL(bh_store_keep(r.s, &kept, NULL), -EEXIST);
	CU_ASSERT_EQUAL(r.published, 1);
	CU_ASSERT_EQUAL(take(&r, 3, "ok three", 0), 0);
	CU_ASSERT_EQUAL(rig_rollback(&r, 2), 0);
	CU_ASSERT_STRING_EQUAL(r.force, "ok two");
	CU_ASSERT_EQUAL(r.number, 4);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_take[] = {
	BH_TEST(taken_revision_has_the_number_it_has_elsewhere),
	BH_TEST(taken_revision_ends_the_waiting_of_another),
	BH_TEST(claimed_revision_has_the_number_that_was_given),
	BH_TEST(kept_revision_can_be_gone_back_to),
	BH_TEST_END,
};
