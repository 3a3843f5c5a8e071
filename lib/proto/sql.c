/* Statement analyser: a connection, its statements, what of them is kept. */
#include "sql_lex.h"
#include "sql_parse.h"

void
bh_sql_open(struct bh_sql *q, enum bh_sql_dialect dialect)
{
	memset(q, 0, sizeof(*q));
	q->dialect = (uint8_t)dialect;
	bh_sql_begin(q);
}

static void
begin_statement(struct bh_sql *q)
{
	q->clear = false;
	q->partial = false;
	q->active = false;
	q->plain = false;
	q->first = q->before = q->before2 = BH_SQLW_NONE;
	q->prev_char = 0;
	q->runs = false;
	q->depth = q->over = 0;
	q->n_verbs = q->n_tables = q->n_ctes = 0;
	q->used = q->ctes_used = 0;
	q->target = -1;
	q->sub = 0;
	q->name_len = q->parts = 0;
	q->level[0] = (struct bh_sql_level){.mode = M_HEAD, .flags = L_VERBS | L_FROM};
}

void
bh_sql_begin(struct bh_sql *q)
{
	memset(&q->lex, 0, sizeof(q->lex));
	q->doubt = false;
	begin_statement(q);
}

bool
bh_sql_feed(struct bh_sql *q, struct bh_cur *in)
{
	uint8_t c;

	while (bh_cur_u8(in, &c)) {
		if (q->clear)
			begin_statement(q);
		if (bh_sql_byte(q, c) && q->active)
			return true;
	}
	return false;
}

bool
bh_sql_end(struct bh_sql *q)
{
	if (q->clear)
		begin_statement(q);
	bh_sql_lex_end(q);
	if (q->active)
		bh_sql_finish(q);
	return q->active || q->doubt;
}

void
bh_sql_emit(struct bh_sql *q, struct bh_op *op, enum bh_op_field verb, enum bh_op_field table,
	    bool complete)
{
	unsigned i;

	for (i = 0; i < q->n_verbs; i++)
		bh_op_add(op, verb, q->pool + q->verb_at[i], q->verb_len[i]);
	for (i = 0; i < q->n_tables; i++)
		bh_op_add(op, table, q->pool + q->table_at[i], q->table_len[i]);
	if (q->partial || q->doubt)
		op->flags |= BH_OP_PARTIAL;
	if (!complete)
		return;
	q->clear = true;
	if (q->plain && op->flags == 0 && q->n_tables == 0)
		op->flags |= BH_OP_SESSION;
}

void
bh_sql_database(struct bh_sql *q, const void *name, size_t len)
{
	q->database_len = 0;
	if (len <= sizeof(q->database)) {
		q->database_len = (uint8_t)len;
		memcpy(q->database, name, len);
	}
}

bool
bh_sql_hold(struct bh_sql_hold *h, uint32_t n, struct bh_ops_out *out)
{
	bool now = false;

	h->bytes += n < BH_OPS_HOLD ? n : BH_OPS_HOLD;
	if (h->bytes > BH_OPS_HOLD)
		h->bytes = BH_OPS_HOLD + 1;
	if (!h->early && h->bytes >= BH_OPS_HOLD)
		h->early = now = true;
	out->pending = h->early && h->bytes != 0 ? 1 : h->bytes;
	return now;
}

/* ---- what is kept of a statement ----------------------------------------------------------------- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Room in the pool for what was written at its end; -1: none. */
static int
pool_add(struct bh_sql *q, const char *at, size_t len)
{
	unsigned start = q->used;

	if (len > sizeof(q->pool) - start) {
		q->partial = true;
		return -1;
	}
	memcpy(q->pool + start, at, len);
	q->used = (uint16_t)(start + len);
	return (int)start;
}

void
bh_sql_verb(struct bh_sql *q, const char *at, size_t len)
{
	char text[64];
	unsigned i;
	int start;

	if (len == 0)
		return;
	if (len > sizeof(text)) {
		q->partial = true;
		len = sizeof(text);
	}
	for (i = 0; i < len; i++)
		text[i] = lower(at[i]);
	for (i = 0; i < q->n_verbs; i++) {
		if (q->verb_len[i] == len && memcmp(q->pool + q->verb_at[i], text, len) == 0)
			return;
	}
	start = q->n_verbs < BH_SQL_VERBS ? pool_add(q, text, len) : -1;
	if (start < 0) {
		q->partial = true;
		return;
	}
	q->verb_at[q->n_verbs] = (uint16_t)start;
	q->verb_len[q->n_verbs++] = (uint8_t)len;
}

/* The token is the name's next part, as the server will know it: PostgreSQL and CQL fold what is not quoted, SQL Server
 * compares without case by default; MySQL's names have the case that they have. */
void
bh_sql_name_part(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;
	bool fold = q->dialect == BH_SQL_TSQL ||
		    (t->kind == BH_SQLT_WORD && q->dialect != BH_SQL_MYSQL);
	unsigned i;

	if (q->parts != 0 && q->name_len < sizeof(q->name) - 1)
		q->name[q->name_len++] = '.';
	q->part_at = q->name_len;
	/* A dot in quotes is no separator, but would read like one. */
	if (t->len > sizeof(q->name) - 1u - q->name_len || memchr(t->text, '.', t->len) != NULL ||
	    t->len == 0) {
		q->partial = true;
		return;
	}
	for (i = 0; i < t->len; i++)
		q->name[q->name_len++] = fold ? lower(t->text[i]) : t->text[i];
	q->parts++;
}

/* The schema that names have by default: of two parts the first. */
static bool
is_default(const struct bh_sql *q, const char *at, size_t len)
{
	if (q->dialect == BH_SQL_PG)
		return len == 6 && memcmp(at, "public", 6) == 0;
	if (q->dialect == BH_SQL_TSQL)
		return len == 3 && memcmp(at, "dbo", 3) == 0;
	return len != 0 && len == q->database_len && memcmp(at, q->database, len) == 0;
}

void
bh_sql_table(struct bh_sql *q)
{
	const char *at = q->name;
	size_t len = q->name_len;
	unsigned i;
	int start;

	if (q->parts == 1 && (q->odd & BH_SQL_ODD_PATH) != 0)
		q->partial = true;
	if (q->parts == 2 && is_default(q, at, q->part_at - 1u)) {
		at += q->part_at;
		len -= q->part_at;
	}
	for (i = 0; i < q->n_tables; i++) {
		if (q->table_len[i] == len && memcmp(q->pool + q->table_at[i], at, len) == 0)
			return;
	}
	start = q->n_tables < BH_SQL_TABLES ? pool_add(q, at, len) : -1;
	if (start < 0) {
		q->partial = true;
		return;
	}
	q->table_at[q->n_tables] = (uint16_t)start;
	q->table_len[q->n_tables++] = (uint16_t)len;
}

uint64_t
bh_sql_hash(const struct bh_sql_token *t)
{
	uint64_t h = UINT64_C(14695981039346656037) + t->len;
	unsigned i;

	for (i = 0; i < t->len; i++)
		h = (h ^ (uint8_t)lower(t->text[i])) * UINT64_C(1099511628211);
	return h;
}

/* ---- levels of parentheses --------------------------------------------------------------------- */

void
bh_sql_push(struct bh_sql *q, enum mode mode, uint32_t flags)
{
	if (q->over != 0 || q->depth == BH_SQL_DEPTH - 1) {
		/* Too deep: what it names is not known. */
		q->partial = true;
		q->doubt = true;
		if (q->over < UINT8_MAX)
			q->over++;
		return;
	}
	q->level[++q->depth] =
		(struct bh_sql_level){.mode = (uint8_t)mode, .flags = flags, .n_ctes = q->n_ctes};
}

void
bh_sql_pop(struct bh_sql *q)
{
	struct bh_sql_level *l = bh_sql_here(q), *up;

	if (q->depth == 0) {
		q->partial = true;
		return;
	}
	up = l - 1;
	q->depth--;
	q->n_ctes = l->n_ctes;
	if (up->mode == M_CTE_OPEN) {
		if ((l->flags & L_HIDDEN) != 0)
			q->cte_len[q->n_ctes - 1] &= 0x7f;
		up->mode = M_CTE_NEXT;
	} else if (up->mode == M_HEAD || (l->flags & L_GROUP) != 0) {
		up->mode = M_EXPR;
		up->flags |= L_ALIAS;
	}
}
