/* store: no touch of the audit log goes unseen: each row, each column, each byte, each kind of storage.
 * Edits are made inside a transaction on the store's own connection and taken back, so that thousands are tried. */
#include "../../lib/store/store_priv.h"
#include "test_store_rig.h"

#define ENTRIES 12
#define PAGE 4096

static const char *const columns[] = {"time_ns", "actor",  "action", "object",
				      "result",  "detail", "prev",   "hash"};
#define TEXTS_FROM 1
#define BLOBS_FROM 6

static void
write_entries(struct rig *r)
{
	char object[32], detail[64];
	unsigned i;

	for (i = 1; i <= ENTRIES; i++) {
		snprintf(object, sizeof(object), "revision %u", i);
		snprintf(detail, sizeof(detail), "{\"why\":\"TICKET-%u\"}", 1000 + i);
		r->wall += i;
		CU_ASSERT_EQUAL_FATAL(
			bh_store_audit(r->s,
				       &(struct bh_audit){.actor = "api:alice",
							  .action = "policy.commit",
							  .object = object,
							  .result = i % 3 == 0 ? "failed" : "ok",
							  .detail = detail},
				       NULL),
			0);
	}
}

static void
sql(struct rig *r, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(r->s->db, text, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, why);
		CU_FAIL("the statement fails");
	}
	sqlite3_free(why);
}

static int64_t
number(struct rig *r, const char *text)
{
	sqlite3_stmt *st;
	int64_t n;

	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(r->s->db, text, -1, &st, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* The entry that verification names after this statement; 0: none. Then all is as before. */
static uint64_t
named(struct rig *r, const char *text)
{
	struct bh_audit_check c;

	sql(r, "BEGIN");
	sql(r, text);
	CU_ASSERT_EQUAL(bh_store_audit_verify(r->s, &c, NULL), 0);
	sql(r, "ROLLBACK");
	if (c.wrong == 0)
		fprintf(stderr, "not seen: %s\n", text);
	return c.wrong;
}

#define NAMED(r, want, ...)                                                                        \
	do {                                                                                       \
		char line_[400];                                                                   \
		snprintf(line_, sizeof(line_), __VA_ARGS__);                                       \
		CU_ASSERT_EQUAL(named(r, line_), want);                                            \
	} while (0)

/* Every byte of a column: another value, one byte more before it, the byte gone. */
static unsigned
touch_bytes(struct rig *r, unsigned seq, unsigned column)
{
	const char *name = columns[column], *type = column < BLOBS_FROM ? "TEXT" : "BLOB";
	char text[200];
	int64_t at, n;

	snprintf(text, sizeof(text), "SELECT length(CAST(%s AS BLOB)) FROM audit WHERE seq = %u",
		 name, seq);
	n = number(r, text);
	CU_ASSERT_FATAL(n > 0);
	for (at = 1; at <= n; at++) {
		char head[80], byte[80];

		snprintf(head, sizeof(head), "CAST(substr(CAST(%s AS BLOB), 1, %d) AS BLOB)", name,
			 (int)at - 1);
		snprintf(byte, sizeof(byte), "substr(CAST(%s AS BLOB), %d, 1)", name, (int)at);
		/* x'00' where the byte is not 0, x'01' where it is: no text of ours has a NUL. */
		NAMED(r, seq,
		      "UPDATE audit SET %s = CAST(%s || CASE %s WHEN x'00' THEN x'01' ELSE x'00' "
		      "END || "
		      "substr(CAST(%s AS BLOB), %d) AS %s) WHERE seq = %u",
		      name, head, byte, name, (int)at + 1, type, seq);
		NAMED(r, seq,
		      "UPDATE audit SET %s = CAST(%s || CASE %s WHEN x'41' THEN x'42' ELSE x'41' "
		      "END || "
		      "substr(CAST(%s AS BLOB), %d) AS %s) WHERE seq = %u",
		      name, head, byte, name, (int)at + 1, type, seq);
		NAMED(r, seq,
		      "UPDATE audit SET %s = CAST(%s || x'00' || substr(CAST(%s AS BLOB), %d) AS "
		      "%s) "
		      "WHERE seq = %u",
		      name, head, name, (int)at, type, seq);
		NAMED(r, seq,
		      "UPDATE audit SET %s = CAST(%s || substr(CAST(%s AS BLOB), %d) AS %s) "
		      "WHERE seq = %u",
		      name, head, name, (int)at + 1, type, seq);
	}
	return (unsigned)n;
}

static void
every_byte_of_every_column_of_every_entry_is_covered(void)
{
	unsigned seq, column, bytes = 0, bit;
	struct rig r;

	rig_enter(&r);
	write_entries(&r);
	for (seq = 1; seq <= ENTRIES; seq++) {
		for (column = TEXTS_FROM; column < BH_ARRAY_SIZE(columns); column++)
			bytes += touch_bytes(&r, seq, column);
		for (bit = 0; bit < 63; bit++)
			NAMED(&r, seq,
			      "UPDATE audit SET time_ns = (time_ns | %lld) - (time_ns & %lld) "
			      "WHERE seq = %u",
			      1LL << bit, 1LL << bit, seq);
	}
	CU_ASSERT(bytes > ENTRIES * 100);
	rig_leave(&r);
}

/* What a reader that stops at the first NUL, or converts, takes for the same. */
static void
bytes_behind_a_nul_and_other_kinds_of_storage_are_seen(void)
{
	unsigned seq, column;
	struct rig r;

	rig_enter(&r);
	write_entries(&r);
	for (seq = 1; seq <= ENTRIES; seq++) {
		for (column = TEXTS_FROM; column < BLOBS_FROM; column++) {
			const char *name = columns[column];

			NAMED(&r, seq, "UPDATE audit SET %s = %s || char(0) WHERE seq = %u", name,
			      name, seq);
			NAMED(&r, seq,
			      "UPDATE audit SET %s = %s || char(0) || 'by mallory' WHERE seq = %u",
			      name, name, seq);
			NAMED(&r, seq, "UPDATE audit SET %s = CAST(%s AS BLOB) WHERE seq = %u",
			      name, name, seq);
		}
		for (; column < BH_ARRAY_SIZE(columns); column++)
			NAMED(&r, seq, "UPDATE audit SET %s = CAST(%s AS TEXT) WHERE seq = %u",
			      columns[column], columns[column], seq);
		NAMED(&r, seq, "UPDATE audit SET time_ns = time_ns || ' ns' WHERE seq = %u", seq);
		NAMED(&r, seq,
		      "UPDATE audit SET time_ns = CAST(time_ns AS TEXT) || x'00' WHERE seq = %u",
		      seq);
		NAMED(&r, seq, "UPDATE audit SET time_ns = CAST(time_ns AS BLOB) WHERE seq = %u",
		      seq);
	}
	NAMED(&r, ENTRIES, "UPDATE audit_head SET hash = CAST(hash AS TEXT)");
	NAMED(&r, ENTRIES, "UPDATE audit_head SET seq = seq || ' '||x'00'");
	rig_leave(&r);
}

static void
rows_moved_removed_added_or_swapped_are_named(void)
{
	unsigned a, b;
	struct rig r;

	rig_enter(&r);
	write_entries(&r);
	for (a = 1; a <= ENTRIES; a++) {
		for (b = a + 1; b <= ENTRIES; b++)
			NAMED(&r, a,
			      "UPDATE audit SET seq = -seq WHERE seq IN (%u, %u);"
			      "UPDATE audit SET seq = %u + seq WHERE seq < 0",
			      a, b, a + b);
		NAMED(&r, a, "DELETE FROM audit WHERE seq = %u", a);
		NAMED(&r, a, "DELETE FROM audit WHERE seq >= %u", a);
		/* with the head moved along: its hash is another's, whatever it says it is */
		if (a > 1)
			NAMED(&r, a - 1,
			      "DELETE FROM audit WHERE seq >= %u; UPDATE audit_head SET seq = %u",
			      a, a - 1);
		NAMED(&r, a, "UPDATE audit SET seq = seq + 100 WHERE seq = %u", a);
	}
	for (a = 0; a < 2; a++)
		NAMED(&r, 1,
		      "INSERT INTO audit SELECT %s, time_ns, actor, action, object, result, "
		      "detail, "
		      "prev, hash FROM audit WHERE seq = 3",
		      a == 0 ? "0" : "-9223372036854775807 - 1");
	rig_leave(&r);
}

/* ---- bytes of the file ------------------------------------------------------------------------------- */

static bool
entry_text(void *arg, const struct bh_audit *a)
{
	struct bh_buf *b = arg;

	bh_buf_printf(b, "%llu %llu %s|%s|%s|%s|%s", (unsigned long long)a->seq,
		      (unsigned long long)a->time_ns, a->actor, a->action, a->object, a->result,
		      a->detail);
	bh_buf_add(b, a->prev, sizeof(a->prev));
	bh_buf_add(b, a->hash, sizeof(a->hash));
	return true;
}

static void
put_byte(struct rig *r, long at, uint8_t flip)
{
	FILE *f = fopen(r->path, "r+b");
	int c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fseek(f, at, SEEK_SET);
	c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ flip, f);
	fclose(f);
}

/* 1: the flip at this byte was seen; 0: what the log says is as before; -1: neither. */
static int
flipped(struct rig *r, long at, uint8_t flip, const struct bh_buf *want)
{
	struct bh_buf got = {0};
	struct bh_audit_check c;
	int result = 1;

	put_byte(r, at, flip);
	if (rig_open(r, NULL) != 0) {
		r->s = NULL;
	} else if (bh_store_audit_verify(r->s, &c, NULL) == 0 && c.wrong == 0) {
		bh_store_audits(r->s, 0, ENTRIES + 1, entry_text, &got, NULL);
		result =
			got.len == want->len && memcmp(got.data, want->data, got.len) == 0 ? 0 : -1;
	}
	rig_close(r);
	put_byte(r, at, flip);
	bh_buf_free(&got);
	return result;
}

/* Opening writes nothing to the page: the byte is put back where it was. */
static void
flipped_bytes_of_the_file_are_seen_or_change_nothing(void)
{
	struct bh_buf want = {0};
	unsigned i, seen = 0;
	int64_t page, free_bytes;
	struct rig r;

	rig_enter(&r);
	write_entries(&r);
	page = number(&r, "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'");
	free_bytes = PAGE - number(&r, "SELECT sum(length(CAST(actor || action || object || result "
				       "|| detail AS BLOB)) + 64) FROM audit");
	bh_store_audits(r.s, 0, ENTRIES + 1, entry_text, &want, NULL);
	rig_close(&r);
	srandom(55);
	for (i = 0; i < 600; i++) {
		long at = (long)((page - 1) * PAGE + random() % PAGE);
		int got = flipped(&r, at, (uint8_t)(1u << random() % 8), &want);

		if (got < 0)
			fprintf(stderr, "not seen: byte %ld of the file\n", at);
		CU_ASSERT(got >= 0);
		seen += got > 0;
	}
	/* Not of bytes that nothing is in alone. */
	CU_ASSERT(seen > 600 * (PAGE - free_bytes) / PAGE * 8 / 10);
	bh_buf_free(&want);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_touch[] = {
	BH_TEST(every_byte_of_every_column_of_every_entry_is_covered),
	BH_TEST(bytes_behind_a_nul_and_other_kinds_of_storage_are_seen),
	BH_TEST(rows_moved_removed_added_or_swapped_are_named),
	BH_TEST(flipped_bytes_of_the_file_are_seen_or_change_nothing),
	BH_TEST_END,
};
