/* What is bound to statements and queries of MySQL (COM_STMT_EXECUTE, COM_QUERY with CLIENT_QUERY_ATTRIBUTES): a bitmap of
 * NULLs, types if they are new, values. How many there are is in the answer to COM_STMT_PREPARE. */
#include "wire_mysql.h"

#define NONE UINT16_MAX
#define LAST UINT32_MAX /* MariaDB: the statement that was prepared last */

enum { COUNT_IS_THERE = 8 }; /* a flag of COM_STMT_EXECUTE */

static struct bh_my_statement *
find(struct bh_my_statements *s, uint32_t id)
{
	unsigned i;

	id = id == LAST ? s->last : id;
	for (i = 0; id != 0 && i < BH_MY_STATEMENTS; i++)
		if (s->one[i].id == id)
			return &s->one[i];
	return NULL;
}

void
bh_my_prepared(struct bh_my_statements *s, uint32_t id, uint16_t bound, uint16_t columns)
{
	bh_my_closed(s, id);
	s->last = id;
	s->one[s->next] =
		(struct bh_my_statement){.id = id, .bound = {bound, NONE}, .row = {columns, NONE}};
	s->next = (uint16_t)((s->next + 1u) % BH_MY_STATEMENTS);
}

void
bh_my_closed(struct bh_my_statements *s, uint32_t id)
{
	struct bh_my_statement *one = find(s, id);

	if (one != NULL)
		one->id = 0;
}

void
bh_my_sent(struct bh_my_statements *s, uint32_t id, uint16_t parameter)
{
	if (s->sent_id != id)
		memset(s->sent, 0, sizeof(s->sent));
	s->sent_id = id;
	if (parameter < BH_MY_COLUMNS)
		s->sent[parameter / 8] |= (uint8_t)(1u << parameter % 8);
}

static void
lose(struct bh_my_kept *old, unsigned from, unsigned to)
{
	if (old->at != NONE && old->at < to && old->at + old->n > from)
		old->at = NONE;
}

/* Types for executions to come, in place of the oldest ones. */
static void
keep(struct bh_my_statements *s, struct bh_my_kept *k, const uint8_t *type)
{
	unsigned i;

	if (k->at == NONE) {
		if (s->top + k->n > BH_MY_TYPES)
			s->top = 0;
		for (i = 0; i < BH_MY_STATEMENTS; i++) {
			lose(&s->one[i].bound, s->top, s->top + k->n);
			lose(&s->one[i].row, s->top, s->top + k->n);
		}
		k->at = s->top;
		s->top = (uint16_t)(s->top + k->n);
	}
	memcpy(s->type + k->at, type, k->n);
}

void
bh_my_described(struct bh_my_statements *s, uint32_t id, const struct bh_my_values *row)
{
	struct bh_my_statement *one = find(s, id);

	if (one == NULL || row->n > BH_MY_COLUMNS)
		return;
	if (one->row.n != row->n)
		one->row = (struct bh_my_kept){row->n, NONE};
	keep(s, &one->row, row->type);
}

bool
bh_my_recall(struct bh_my_statements *s, uint32_t id, struct bh_my_values *row)
{
	const struct bh_my_statement *one = find(s, id);

	if (one == NULL || one->row.n != row->n || one->row.at == NONE)
		return false;
	memcpy(row->type, s->type + one->row.at, row->n);
	return true;
}

/* Types are known: the values follow. */
static void
begin_values(struct bh_my_statements *s, struct bh_my_values *v)
{
	unsigned i;

	/* what was sent before is not among them, as if it were NULL */
	if (s->id != 0 && s->sent_id == s->id) {
		for (i = 0; i < (v->n + 7u) / 8; i++)
			v->nulls[i] |= s->sent[i];
		memset(s->sent, 0, sizeof(s->sent));
	}
	bh_my_values_begin(v);
	for (i = 0; i < v->n; i++)
		if (bh_my_is_there(v, i) && bh_mysql_value_size(v->type[i]) < 0)
			v->stage = BH_MY_LOOSE;
}

/* n is known. */
static void
counted(struct bh_my_values *v, uint64_t n, bool sets)
{
	v->some.have = 0;
	v->i = 0;
	v->n = (uint16_t)(n <= BH_MY_COLUMNS ? n : 0);
	v->stage = n > BH_MY_COLUMNS ? BH_MY_LOOSE
		   : sets            ? BH_MY_SETS
		   : n == 0          ? BH_MY_OVER
				     : BH_MY_NULLS;
}

/* A number of 1 to 9 bytes; false: more of it is to come. */
static bool
lenenc(struct bh_my_values *v, struct bh_cur *in, uint64_t *n)
{
	static const uint8_t sizes[] = {2, 3, 8};
	unsigned more;

	if (!bh_wire_collect(&v->some, in, 1))
		return false;
	more = v->some.byte[0] >= 0xfc && v->some.byte[0] < 0xff ? sizes[v->some.byte[0] - 0xfc]
								 : 0;
	if (!bh_wire_collect(&v->some, in, 1 + more))
		return false;
	*n = more == 0 ? v->some.byte[0] : bh_wire_le(v->some.byte + 1, more);
	v->some.have = 0;
	return true;
}

/* Number of the statement, flags, iterations. */
static void
head(struct bh_my_statements *s, struct bh_my_values *v, struct bh_cur *in, bool attributes)
{
	const struct bh_my_statement *one;
	uint8_t flags;

	if (!bh_wire_collect(&v->some, in, 9))
		return;
	s->id = (uint32_t)bh_wire_le(v->some.byte, 4);
	flags = v->some.byte[4];
	v->some.have = 0;
	one = find(s, s->id);
	if (attributes && ((one != NULL && one->bound.n > 0) || (flags & COUNT_IS_THERE) != 0))
		v->stage = BH_MY_COUNT;
	else if (one == NULL)
		v->stage = BH_MY_LOOSE;
	else
		counted(v, one->bound.n, false);
}

/* Types follow, or were told before. */
static void
types(struct bh_my_statements *s, struct bh_my_values *v, bool told)
{
	const struct bh_my_statement *one = find(s, s->id);

	v->i = 0;
	v->some.have = 0;
	v->stage = BH_MY_TYPE;
	if (told)
		return;
	v->stage = BH_MY_LOOSE;
	if (one == NULL || one->bound.n != v->n || one->bound.at == NONE)
		return;
	memcpy(v->type, s->type + one->bound.at, v->n);
	begin_values(s, v);
}

static void
told(struct bh_my_statements *s, struct bh_my_values *v, struct bh_cur *in)
{
	uint8_t new = 0;

	(void)bh_cur_u8(in, &new);
	types(s, v, new == 1);
}

/* MariaDB "COM_STMT_BULK_EXECUTE": number of the statement, flags. */
static void
bulk(struct bh_my_statements *s, struct bh_my_values *v, struct bh_cur *in)
{
	enum { TYPES_ARE_THERE = 128 };
	const struct bh_my_statement *one;
	bool there;

	if (!bh_wire_collect(&v->some, in, 6))
		return;
	s->id = (uint32_t)bh_wire_le(v->some.byte, 4);
	there = (v->some.byte[4] & TYPES_ARE_THERE) != 0;
	one = find(s, s->id);
	counted(v, one != NULL ? one->bound.n : UINT16_MAX, false);
	if (v->stage == BH_MY_NULLS)
		types(s, v, there);
}

static void
next_type(struct bh_my_statements *s, struct bh_my_values *v)
{
	struct bh_my_statement *one;

	v->stage = BH_MY_TYPE;
	if (++v->i < v->n)
		return;
	one = find(s, s->id);
	if (one != NULL && one->bound.n == v->n)
		keep(s, &one->bound, v->type);
	begin_values(s, v);
}

/* A type and a flag; with attributes, a name. */
static void
type(struct bh_my_statements *s, struct bh_my_values *v, struct bh_cur *in, bool named)
{
	if (!bh_wire_collect(&v->some, in, 2))
		return;
	v->some.have = 0;
	v->type[v->i] = v->some.byte[0];
	if (named)
		v->stage = BH_MY_NAME;
	else
		next_type(s, v);
}

void
bh_my_bound_begin(struct bh_my_values *v, enum bh_mysql_command command)
{
	memset(v, 0, offsetof(struct bh_my_values, type));
	memset(v->nulls, 0, sizeof(v->nulls));
	v->binary = v->bound = true;
	v->bulk = command == COM_STMT_BULK_EXECUTE;
	v->stage = v->bulk ? BH_MY_BULK : command == COM_QUERY ? BH_MY_SETS : BH_MY_HEAD;
}

/* Numbers before the values. */
static void
numbers(struct bh_my_statements *s, struct bh_my_values *v, struct bh_cur *in)
{
	uint64_t n;
	struct bh_cur part;

	switch (v->stage) {
	case BH_MY_COUNT:
		if (lenenc(v, in, &n))
			counted(v, n, false);
		break;
	case BH_MY_NAME:
		if (!lenenc(v, in, &v->bytes))
			break;
		v->stage = BH_MY_NAME_BYTES;
		if (v->bytes == 0)
			next_type(s, v);
		break;
	default:
		part = bh_wire_upto(in, v->bytes);
		v->bytes -= bh_cur_left(&part);
		if (v->bytes == 0)
			next_type(s, v);
	}
}

/* Of a query: how many, and how many sets of them: 1. */
static void
sets(struct bh_my_statements *s, struct bh_my_values *v, struct bh_cur *in)
{
	uint64_t n;

	/* hidden: the first one has been read */
	if (!lenenc(v, in, &n))
		return;
	if (!v->hidden) {
		counted(v, n, true);
		v->hidden = true;
		return;
	}
	s->id = 0;
	v->hidden = false;
	if (n == 1)
		counted(v, v->n, false);
	else
		v->stage = BH_MY_LOOSE;
}

bool
bh_my_bound(struct bh_wire *w, struct bh_my_statements *s, struct bh_my_values *v,
	    struct bh_cur *in, bool attributes)
{
	while (bh_cur_left(in) > 0) {
		switch (v->stage) {
		case BH_MY_HEAD:
			head(s, v, in, attributes);
			break;
		case BH_MY_BULK:
			bulk(s, v, in);
			break;
		case BH_MY_SETS:
			sets(s, v, in);
			break;
		case BH_MY_COUNT:
		case BH_MY_NAME:
		case BH_MY_NAME_BYTES:
			numbers(s, v, in);
			break;
		case BH_MY_NEW:
			told(s, v, in);
			break;
		case BH_MY_TYPE:
			type(s, v, in, attributes && !v->bulk);
			break;
		case BH_MY_OVER:
		case BH_MY_LOOSE:
			return false;
		default:
			bh_my_value(w, v, in);
		}
	}
	return v->stage != BH_MY_OVER && v->stage != BH_MY_LOOSE;
}
