/* Operations of SQL parsers as text, for tests: "verb,verb|table,table" and ! PARTIAL, ~ SESSION; one a line. */
#ifndef BH_TEST_PROTO_SQL_H
#define BH_TEST_PROTO_SQL_H

#include <stdio.h>

#include "../../lib/proto/sql.h"
#include "unit.h"

struct sql_rig {
	struct bh_ops ops;
	enum bh_ops_status status; /* of the last call */
	const char *why;
	unsigned became;
	uint32_t pending;
	bool leak; /* bytes of an operation were let go before it was judged, or more is pending than was fed */
	uint64_t fed;
	char text[16384];
};

static inline void
sql_words(char *out, size_t size, const struct bh_op *op, bool tables)
{
	const struct bh_op_value *v;
	unsigned i, n = 0;
	bool table;

	for (i = 0; i < op->n; i++) {
		v = &op->value[i];
		table = strcmp(bh_op_field_info(v->field)->eve_key, "table") == 0;
		if (table != tables)
			continue;
		snprintf(out + strlen(out), size - strlen(out), "%s%.*s", n++ != 0 ? "," : "",
			 (int)v->len, (const char *)v->at);
	}
}

static inline void
sql_text(char *out, size_t size, const struct bh_op *op)
{
	sql_words(out, size, op, false);
	snprintf(out + strlen(out), size - strlen(out), "|");
	sql_words(out, size, op, true);
	snprintf(out + strlen(out), size - strlen(out), "%s%s\n",
		 (op->flags & BH_OP_PARTIAL) != 0 ? "!" : "",
		 (op->flags & BH_OP_SESSION) != 0 ? "~" : "");
}

static inline void
sql_open(struct sql_rig *r, enum bh_app app)
{
	memset(r, 0, sizeof(*r));
	bh_ops_open(&r->ops, app, BH_OVER_TCP, NULL);
}

/* Feed all of it in pieces of at most `piece` bytes (0: whole). Stops at what ends the connection. */
static inline enum bh_ops_status
sql_feed(struct sql_rig *r, unsigned side, const void *data, size_t len, size_t piece)
{
	const uint8_t *p = data;
	struct bh_ops_out out;
	size_t n;

	do {
		n = piece != 0 && piece < len ? piece : len;
		r->status = bh_ops_feed(&r->ops, side, p, (uint32_t)n, false, &out);
		CU_ASSERT_TRUE(out.eaten <= n);
		CU_ASSERT_TRUE(r->status != BH_OPS_MORE || out.eaten == n);
		p += out.eaten;
		len -= out.eaten;
		r->fed += out.eaten;
		if (side == BH_CLIENT)
			r->pending = out.pending;
		r->leak = r->leak || out.pending > r->fed;
		if (r->status == BH_OPS_OP)
			sql_text(r->text, sizeof(r->text), &out.op);
		r->why = out.why;
		r->became = out.became;
	} while (r->status == BH_OPS_OP || (r->status == BH_OPS_MORE && len != 0));
	return r->status;
}

/* A text and what it is to be found to do. */
struct sql_sample {
	const char *text, *expected;
};

static inline void
sql_say(struct bh_sql *q, char *out, size_t size)
{
	static struct bh_op op;

	op.n = 0;
	op.flags = 0;
	bh_sql_emit(q, &op, BH_OP_PG_VERB, BH_OP_PG_TABLE, true);
	sql_text(out, size, &op);
}

/* Feed a text in pieces (0: whole) to the analyser alone. */
static inline void
sql_check(enum bh_sql_dialect dialect, const char *database, const struct sql_sample *s,
	  size_t piece)
{
	static struct bh_sql q;
	static char said[4096];
	size_t left = strlen(s->text), n;
	const char *p = s->text;
	struct bh_cur in;

	said[0] = '\0';
	bh_sql_open(&q, dialect);
	bh_sql_database(&q, database, strlen(database));
	for (; left != 0; left -= n, p += n) {
		n = piece != 0 && piece < left ? piece : left;
		in = bh_cur(p, n);
		while (bh_sql_feed(&q, &in))
			sql_say(&q, said, sizeof(said));
	}
	if (bh_sql_end(&q))
		sql_say(&q, said, sizeof(said));
	if (strcmp(said, s->expected) != 0)
		printf("%s\n  said     %s  expected %s", s->text, said, s->expected);
	CU_ASSERT_STRING_EQUAL(said, s->expected);
}

/* Bytes that a test puts together. */
struct sql_bytes {
	size_t n;
	uint8_t at[65536];
};

static inline void
put(struct sql_bytes *b, const void *at, size_t n)
{
	memcpy(b->at + b->n, at, n);
	b->n += n;
}

static inline void
put_int(struct sql_bytes *b, uint64_t v, unsigned n, bool big)
{
	unsigned i;

	for (i = 0; i < n; i++)
		b->at[b->n++] = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));
}

#endif
