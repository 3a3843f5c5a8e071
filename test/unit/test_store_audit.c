/* store: whoever edits, deletes, reorders or cuts off audit entries is found out, and where. */
#include "test_store_rig.h"

#define ENTRIES 40

static void
write_entries(struct rig *r, unsigned n)
{
	char object[32];
	unsigned i;

	for (i = 1; i <= n; i++) {
		snprintf(object, sizeof(object), "revision %u", i);
		r->wall += i;
		CU_ASSERT_EQUAL(bh_store_audit(r->s,
					       &(struct bh_audit){.actor = "api:alice",
								  .action = "policy.commit",
								  .object = object,
								  .result = "ok",
								  .detail = "{\"a\":1}"},
					       NULL),
				0);
	}
}

/* The first wrong entry after `sql`, which is a format of up to two sequence numbers; then all is as before. */
static uint64_t
wrong_after(struct rig *r, const char *sql, unsigned a, unsigned b)
{
	struct bh_audit_check c;
	char line[400], copy[300];

	rig_close(r);
	snprintf(copy, sizeof(copy), "cp %s %s.copy", r->path, r->path);
	CU_ASSERT_EQUAL_FATAL(system(copy), 0);
	snprintf(line, sizeof(line), sql, a, b);
	rig_tamper(r, line);
	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL), 0);
	CU_ASSERT_EQUAL(bh_store_audit_verify(r->s, &c, NULL), 0);
	CU_ASSERT(c.wrong == 0 || c.why[0] != '\0');
	rig_close(r);
	snprintf(copy, sizeof(copy), "mv %s.copy %s", r->path, r->path);
	CU_ASSERT_EQUAL_FATAL(system(copy), 0);
	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL), 0);
	return c.wrong;
}

static void
untouched_chain_is_right_whatever_its_length(void)
{
	struct bh_audit_check c;
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(bh_store_audit_verify(r.s, &c, NULL), 0);
	CU_ASSERT_EQUAL(c.wrong, 0);
	CU_ASSERT_EQUAL(c.entries, 0);
	write_entries(&r, 1);
	bh_store_audit_verify(r.s, &c, NULL);
	CU_ASSERT_EQUAL(c.entries, 1);
	write_entries(&r, 511); /* as many as are read at once */
	bh_store_audit_verify(r.s, &c, NULL);
	CU_ASSERT_EQUAL(c.wrong, 0);
	CU_ASSERT_EQUAL(c.entries, 512);
	write_entries(&r, 700);
	bh_store_audit_verify(r.s, &c, NULL);
	CU_ASSERT_EQUAL(c.wrong, 0);
	CU_ASSERT_EQUAL(c.entries, 1212);
	CU_ASSERT_EQUAL(c.head_seq, 1212);
	rig_leave(&r);
}

static void
edit_of_any_column_of_any_entry_names_it(void)
{
	static const char *const edits[] = {
		"UPDATE audit SET time_ns = time_ns + 1 WHERE seq = %u",
		"UPDATE audit SET actor = 'api:alicf' WHERE seq = %u",
		"UPDATE audit SET action = 'policy.commis' WHERE seq = %u",
		"UPDATE audit SET object = object || ' ' WHERE seq = %u",
		"UPDATE audit SET result = 'oK' WHERE seq = %u",
		"UPDATE audit SET detail = '{\"a\":2}' WHERE seq = %u",
		"UPDATE audit SET prev = zeroblob(31) || x'01' WHERE seq = %u",
		"UPDATE audit SET hash = zeroblob(32) WHERE seq = %u",
		"UPDATE audit SET hash = x'' WHERE seq = %u",
		/* the same bytes, moved over the border of two fields */
		"UPDATE audit SET actor = actor || 'p', action = substr(action, 2) WHERE seq = %u",
	};
	struct rig r;
	unsigned seq, i;

	rig_enter(&r);
	write_entries(&r, ENTRIES);
	for (seq = 1; seq <= ENTRIES; seq++) {
		for (i = seq % 3; i < BH_ARRAY_SIZE(edits); i += 3)
			CU_ASSERT_EQUAL(wrong_after(&r, edits[i], seq, 0), seq);
	}
	rig_leave(&r);
}

static void
deletion_at_any_place_names_what_is_missing(void)
{
	struct rig r;
	unsigned seq;

	rig_enter(&r);
	write_entries(&r, ENTRIES);
	for (seq = 1; seq <= ENTRIES; seq++) {
		CU_ASSERT_EQUAL(wrong_after(&r, "DELETE FROM audit WHERE seq = %u", seq, 0), seq);
		CU_ASSERT_EQUAL(wrong_after(&r, "DELETE FROM audit WHERE seq >= %u", seq, 0), seq);
		/* the gap closed by renumbering */
		CU_ASSERT_EQUAL(
			wrong_after(&r,
				    "DELETE FROM audit WHERE seq = %u; UPDATE audit SET seq = "
				    "-seq WHERE seq > %u; UPDATE audit SET seq = -seq - 1 "
				    "WHERE seq < 0",
				    seq, seq),
			seq);
	}
	rig_leave(&r);
}

static void
reordering_names_the_first_that_moved(void)
{
	struct rig r;
	unsigned seq;

	rig_enter(&r);
	write_entries(&r, ENTRIES);
	for (seq = 1; seq < ENTRIES; seq++)
		CU_ASSERT_EQUAL(
			wrong_after(&r,
				    "UPDATE audit SET seq = -seq WHERE seq IN (%u, %u); "
				    "UPDATE audit SET seq = seq - (SELECT sum(seq) FROM audit "
				    "WHERE seq < 0) WHERE seq < 0",
				    seq, seq + 1),
			seq);
	rig_leave(&r);
}

static void
head_cannot_be_moved_along_with_what_is_cut_off(void)
{
	struct rig r;

	rig_enter(&r);
	write_entries(&r, ENTRIES);
	CU_ASSERT_EQUAL(wrong_after(&r, "UPDATE audit_head SET seq = %u", 30, 0), 31);
	CU_ASSERT_EQUAL(wrong_after(&r, "UPDATE audit_head SET hash = zeroblob(%u)", 32, 0),
			ENTRIES);
	CU_ASSERT_EQUAL(wrong_after(&r, "DELETE FROM audit_head", 0, 0), ENTRIES);
	CU_ASSERT_EQUAL(wrong_after(&r, "DELETE FROM audit; UPDATE audit_head SET seq = %u", 5, 0),
			1);
	/* an entry that nobody wrote */
	CU_ASSERT_EQUAL(wrong_after(&r,
				    "INSERT INTO audit SELECT %u, time_ns, actor, action, object, "
				    "result, detail, prev, hash FROM audit WHERE seq = %u",
				    ENTRIES + 1, ENTRIES),
			ENTRIES + 1);
	rig_leave(&r);
}

/* The form that docs/policy.md gives, written down once more. */
static void
put_number(struct bh_buf *b, uint64_t v)
{
	v = __builtin_bswap64(v);
	bh_buf_add(b, &v, sizeof(v));
}

static void
put_field(struct bh_buf *b, const void *data, size_t len)
{
	put_number(b, len);
	bh_buf_add(b, data, len);
}

static bool
hash_as_mallory(void *arg, const struct bh_audit *a)
{
	static const char *const first = "bulkhead audit 1", *const actor = "api:mallory";
	struct bh_buf b = {0};
	uint8_t hash[BH_SHA256_SIZE];
	unsigned i;

	put_field(&b, first, strlen(first));
	put_number(&b, a->seq);
	put_number(&b, a->time_ns);
	for (i = 0; i < 2; i++) { /* as it stands, then as the edit would have it */
		const char *by = i == 0 ? a->actor : actor;

		b.len = 8 + strlen(first) + 16;
		put_field(&b, by, strlen(by));
		put_field(&b, a->action, strlen(a->action));
		put_field(&b, a->object, strlen(a->object));
		put_field(&b, a->result, strlen(a->result));
		put_field(&b, a->detail, strlen(a->detail));
		put_field(&b, a->prev, BH_SHA256_SIZE);
		bh_sha256(b.data, b.len, hash);
		CU_ASSERT_EQUAL(memcmp(hash, a->hash, sizeof(hash)) == 0, i == 0);
	}
	bh_sha256_hex(hash, arg);
	bh_buf_free(&b);
	return false;
}

static void
edit_with_a_hash_that_fits_breaks_the_next_link(void)
{
	char hex[2 * BH_SHA256_SIZE + 1], sql[300];
	struct rig r;

	rig_enter(&r);
	write_entries(&r, ENTRIES);
	bh_store_audits(r.s, 13 + 1, 1, hash_as_mallory, hex, NULL);
	snprintf(sql, sizeof(sql),
		 "UPDATE audit SET actor = 'api:mallory', hash = x'%s' WHERE seq = %%u", hex);
	CU_ASSERT_EQUAL(wrong_after(&r, sql, 13, 0), 14);
	bh_store_audits(r.s, 0, 1, hash_as_mallory, hex, NULL);
	snprintf(sql, sizeof(sql),
		 "UPDATE audit SET actor = 'api:mallory', hash = x'%s' WHERE seq = %%u", hex);
	CU_ASSERT_EQUAL(wrong_after(&r, sql, ENTRIES, 0), ENTRIES);
	rig_leave(&r);
}

struct expect {
	const char *actor, *action, *object, *result;
};

static bool
take(void *arg, const struct bh_audit *a)
{
	const struct expect **e = arg;

	CU_ASSERT_STRING_EQUAL(a->actor, (*e)->actor);
	CU_ASSERT_STRING_EQUAL(a->action, (*e)->action);
	CU_ASSERT_STRING_EQUAL(a->object, (*e)->object);
	CU_ASSERT_STRING_EQUAL(a->result, (*e)->result);
	(*e)++;
	return true;
}

static void
each_change_leaves_its_entry(void)
{
	static const struct expect want[] = {
		{"gateway", "policy.rollback", "revision 6", "ok"},
		{"api:alice", "policy.commit", "revision 5", "ok"},
		{"api:bob", "policy.rollback", "revision 4", "ok"},
		{"api:alice", "policy.commit", "revision 3", "failed"},
		{"api:carol", "policy.confirm", "revision 2", "ok"},
		{"api:alice", "policy.commit", "revision 2", "ok"},
		{"api:alice", "policy.commit", "policy", "refused"},
		{"api:alice", "policy.commit", "revision 1", "ok"},
	};
	const struct expect *next = want;
	struct bh_audit_check c;
	uint32_t number;
	struct rig r;

	rig_enter(&r);
	rig_commit(&r, "ok one", 0);
	rig_commit(&r, "wrong", 0);
	rig_commit(&r, "ok two", 1000);
	bh_store_confirm(r.s, "api:carol", &number, NULL);
	r.publish_rc = -EIO;
	rig_commit(&r, "ok three", 0);
	r.publish_rc = 0;
	rig_rollback(&r, 1);
	rig_commit(&r, "ok five", 1000);
	r.mono += 2 * BH_NS_PER_SEC;
	CU_ASSERT_EQUAL(rig_tick(&r), 1);
	CU_ASSERT_EQUAL(bh_store_audits(r.s, 0, 100, take, &next, NULL), 0);
	CU_ASSERT_EQUAL(next - want, (long)BH_ARRAY_SIZE(want));
	bh_store_audit_verify(r.s, &c, NULL);
	CU_ASSERT_EQUAL(c.wrong, 0);
	CU_ASSERT_EQUAL(c.entries, BH_ARRAY_SIZE(want));
	rig_leave(&r);
}

struct found {
	uint64_t seq[32];
	unsigned n;
};

static bool
note_found(void *arg, const struct bh_audit *a)
{
	struct found *f = arg;

	if (f->n < BH_ARRAY_SIZE(f->seq))
		f->seq[f->n] = a->seq;
	f->n++;
	return true;
}

static void
entries_are_found_by_time_who_what_and_result(void)
{
	static const struct {
		struct bh_audit_filter f;
		uint64_t first; /* newest of those that are found */
		unsigned n;
	} asks[] = {
		{{.max = 32}, 6, 6},
		{{.actor = "alice", .max = 32}, 5, 3},
		{{.actor = "api:alice", .max = 32}, 5, 3},
		{{.actor = "gateway", .max = 32}, 6, 1},
		{{.actor = "ali", .max = 32}, 0, 0},
		{{.action = "policy", .max = 32}, 5, 3},
		{{.action = "policy.commit", .max = 32}, 4, 2},
		{{.action = "policy.c", .max = 32}, 0, 0},
		{{.object = "12", .max = 32}, 4, 2},
		{{.result = "refused", .max = 32}, 2, 1},
		{{.since_ns = 3000, .until_ns = 5000, .max = 32}, 5, 3},
		{{.actor = "alice", .before = 5, .max = 1}, 4, 1},
		{{.actor = "alice", .action = "policy", .object = "12", .since_ns = 2, .max = 32},
		 4,
		 2},
		{{.actor = "' OR 1=1 --", .max = 32}, 0, 0},
	};
	static const struct bh_audit entries[] = {
		{.actor = "api:bob", .action = "identity.make", .object = "alice", .result = "ok"},
		{.actor = "api:alice",
		 .action = "policy.commit",
		 .object = "revision 12",
		 .result = "refused"},
		{.actor = "api:bob", .action = "evidence.read", .object = "x", .result = "ok"},
		{.actor = "api:alice",
		 .action = "policy.commit",
		 .object = "revision 12",
		 .result = "ok"},
		{.actor = "api:alice",
		 .action = "policy.rollback",
		 .object = "revision 3",
		 .result = "ok"},
		{.actor = "gateway", .action = "gateway.stop", .object = "", .result = "ok"},
	};
	struct rig r;
	size_t i;

	rig_enter(&r);
	for (i = 0; i < BH_ARRAY_SIZE(entries); i++) {
		struct bh_audit a = entries[i];

		a.detail = "{}";
		r.wall = 1000 * (i + 1);
		CU_ASSERT_EQUAL(bh_store_audit(r.s, &a, NULL), 0);
	}
	for (i = 0; i < BH_ARRAY_SIZE(asks); i++) {
		struct found f = {.n = 0};

		CU_ASSERT_EQUAL(bh_store_audits_find(r.s, &asks[i].f, note_found, &f, NULL), 0);
		if (f.n != asks[i].n)
			fprintf(stderr, "ask %zu: %u\n", i, f.n);
		CU_ASSERT_EQUAL(f.n, asks[i].n);
		CU_ASSERT_EQUAL(f.n == 0 ? 0 : f.seq[0], asks[i].first);
	}
	rig_leave(&r);
}

struct modes {
	char text[200];
};

static bool
note_mode(void *arg, const struct bh_store_mode *m)
{
	struct modes *modes = arg;

	sprintf(modes->text + strlen(modes->text), "%s=%u ", m->segment, m->mode);
	return true;
}

static void
modes_are_kept_with_an_entry_each(void)
{
	static const struct bh_store_mode set[] = {{"web", BH_MODE_PROTECT, BH_MODE_DISCOVER},
						   {"a.b", BH_MODE_MONITOR, BH_MODE_DISCOVER}};
	static const struct bh_store_mode unset = {"web", BH_STORE_MODE_UNSET, BH_MODE_PROTECT};
	struct bh_audit_check check;
	struct modes m = {.text = ""};
	struct rig r;

	rig_enter(&r);
	CU_ASSERT_EQUAL(bh_store_modes_set(r.s, set, 2, "api:eve", "a \"reason\"", NULL), 0);
	rig_close(&r);
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL), 0);
	CU_ASSERT_EQUAL(bh_store_modes_each(r.s, note_mode, &m, NULL), 0);
	CU_ASSERT_STRING_EQUAL(m.text, "a.b=1 web=2 ");
	CU_ASSERT_EQUAL(bh_store_modes_set(r.s, &unset, 1, "gateway", NULL, NULL), 0);
	m.text[0] = '\0';
	CU_ASSERT_EQUAL(bh_store_modes_each(r.s, note_mode, &m, NULL), 0);
	CU_ASSERT_STRING_EQUAL(m.text, "a.b=1 ");
	CU_ASSERT_EQUAL(bh_store_audit_verify(r.s, &check, NULL), 0);
	CU_ASSERT(check.wrong == 0 && check.entries == 3);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_audit[] = {
	BH_TEST(entries_are_found_by_time_who_what_and_result),
	BH_TEST(modes_are_kept_with_an_entry_each),
	BH_TEST(untouched_chain_is_right_whatever_its_length),
	BH_TEST(edit_of_any_column_of_any_entry_names_it),
	BH_TEST(deletion_at_any_place_names_what_is_missing),
	BH_TEST(reordering_names_the_first_that_moved),
	BH_TEST(head_cannot_be_moved_along_with_what_is_cut_off),
	BH_TEST(edit_with_a_hash_that_fits_breaks_the_next_link),
	BH_TEST(each_change_leaves_its_entry),
	BH_TEST_END,
};
