/* Any bytes as statements, in each dialect. Beyond "no crash": a text fed whole and fed byte by byte gives the same
 * operations; values lie inside of the analyser; a SESSION operation names no table and is understood; every text that
 * has a token gives an operation. */
#include <stdlib.h>

#include "../../lib/proto/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t hash;
	unsigned n;
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
add(struct seen *s, const struct bh_sql *q, const struct bh_op *op)
{
	const uint8_t *low = (const uint8_t *)q, *high = (const uint8_t *)(q + 1);
	unsigned i, k;

	s->n++;
	s->hash = (s->hash ^ op->flags) * UINT64_C(1099511628211);
	for (i = 0; i < op->n; i++) {
		check(op->value[i].at >= low && op->value[i].at + op->value[i].len <= high);
		check(op->value[i].field == BH_OP_PG_VERB || (op->flags & BH_OP_SESSION) == 0);
		s->hash = (s->hash ^ op->value[i].field) * UINT64_C(1099511628211);
		for (k = 0; k < op->value[i].len; k++)
			s->hash = (s->hash ^ op->value[i].at[k]) * UINT64_C(1099511628211);
	}
	check((op->flags & BH_OP_SESSION) == 0 || (op->flags & BH_OP_PARTIAL) == 0);
}

static void
emit(struct bh_sql *q, struct seen *s)
{
	static struct bh_op op;

	op.n = 0;
	op.flags = 0;
	bh_sql_emit(q, &op, BH_OP_PG_VERB, BH_OP_PG_TABLE, true);
	add(s, q, &op);
}

static struct seen
run(enum bh_sql_dialect dialect, const uint8_t *data, size_t size, size_t piece)
{
	static struct bh_sql q;
	struct seen s = {0};
	struct bh_cur in;
	size_t n;

	bh_sql_open(&q, dialect);
	bh_sql_database(&q, "shop", 4);
	while (size != 0) {
		n = piece != 0 && piece < size ? piece : size;
		in = bh_cur(data, n);
		while (bh_sql_feed(&q, &in))
			emit(&q, &s);
		check(bh_cur_left(&in) == 0);
		data += n;
		size -= n;
	}
	if (bh_sql_end(&q))
		emit(&q, &s);
	check(s.n != 0 || !q.active);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen a, b;
	unsigned d;

	for (d = 0; d < 4; d++) {
		a = run((enum bh_sql_dialect)(1 << d), data, size, 0);
		b = run((enum bh_sql_dialect)(1 << d), data, size, 1);
		check(a.n == b.n && a.hash == b.hash);
	}
	return 0;
}
