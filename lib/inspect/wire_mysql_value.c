/* Values of MySQL: of rows in text and binary, and of what is bound (MySQL "Client/Server Protocol": Text Resultset,
 * Binary Protocol Resultset, Binary Protocol Value). */
#include "wire_mysql.h"

enum { TYPE_LONG = 3, TYPE_DOUBLE = 5, TYPE_NULL = 6, TYPE_LONGLONG = 8, TYPE_INT24 = 9 };
enum { TYPE_TIMESTAMP = 7, TYPE_DATE = 10, TYPE_TIME = 11, TYPE_DATETIME = 12, TYPE_TEXT = 253 };

/* A length-encoded integer's further bytes; 0: the first one is all. */
static unsigned
further(uint8_t first)
{
	return first == 0xfc ? 2 : first == 0xfd ? 3 : first == 0xfe ? 8 : 0;
}

static bool
is_null(const struct bh_my_values *v, unsigned i)
{
	unsigned bit = v->bound ? i : i + 2;

	return v->binary && (v->nulls[bit / 8] >> bit % 8 & 1) != 0;
}

bool
bh_my_is_there(const struct bh_my_values *v, unsigned i)
{
	return !is_null(v, i) && !(v->bound && v->type[i] == TYPE_NULL);
}

/* The one at v->i, or the next one that is there. */
static void
settle(struct bh_my_values *v)
{
	v->some.have = 0;
	v->hidden = false;
	if (v->bulk) {
		v->i = v->i < v->n ? v->i : 0;
		v->stage = BH_MY_INDICATOR;
		return;
	}
	while (v->i < v->n && !bh_my_is_there(v, v->i))
		v->i++;
	v->stage = v->bound && v->i >= v->n ? BH_MY_OVER : BH_MY_VALUE;
}

static void
next(struct bh_my_values *v)
{
	v->i++;
	settle(v);
}

void
bh_my_values_begin(struct bh_my_values *v)
{
	v->i = 0;
	settle(v);
}

void
bh_my_row_begin(struct bh_my_values *v)
{
	bool loose = v->n > BH_MY_COLUMNS;

	v->some.have = 0;
	v->i = 0;
	v->hidden = v->bound = false;
	v->stage = loose ? BH_MY_BYTES : v->binary ? BH_MY_HEAD : BH_MY_VALUE;
	v->bytes = loose ? UINT64_MAX : 0;
}

/* The bitmap of NULLs, one byte a turn. */
static void
nulls(struct bh_my_values *v, struct bh_cur *in)
{
	(void)bh_cur_u8(in, &v->nulls[v->i++]);
	if (v->i < (v->n + (v->bound ? 7u : 9u)) / 8)
		return;
	if (v->bound)
		v->stage = BH_MY_NEW;
	else
		bh_my_values_begin(v);
}

static void
value(struct bh_wire *w, struct bh_my_values *v, struct bh_cur *in)
{
	uint8_t type = v->i < v->n ? v->type[v->i] : TYPE_TEXT;
	int size = v->binary ? bh_mysql_value_size(type) : 0;

	if (size <= 0) {
		/* a date has no text; nor is one sought in it */
		v->hidden = v->binary && (type == TYPE_TIMESTAMP ||
					  (type >= TYPE_DATE && type <= TYPE_DATETIME));
		v->stage = BH_MY_LENGTH;
		return;
	}
	if (!bh_wire_collect(&v->some, in, (unsigned)size))
		return;
	if (type == TYPE_LONGLONG || type == TYPE_LONG || type == TYPE_INT24)
		bh_wire_integer(w, bh_wire_le(v->some.byte, (unsigned)size), (unsigned)size);
	else if (type == TYPE_DOUBLE)
		bh_wire_double(w, bh_wire_le(v->some.byte, 8));
	next(v);
}

static void
length(struct bh_wire *w, struct bh_my_values *v, struct bh_cur *in)
{
	unsigned more;

	if (!bh_wire_collect(&v->some, in, 1))
		return;
	more = further(v->some.byte[0]);
	if (!bh_wire_collect(&v->some, in, 1 + more))
		return;
	v->bytes = more == 0 ? v->some.byte[0] : bh_wire_le(v->some.byte + 1, more);
	v->stage = BH_MY_BYTES;
	if (v->bytes == 0xfb && more == 0)
		v->bytes = 0;
	if (v->bytes == 0) {
		bh_wire_gap(w);
		next(v);
	}
}

/* MariaDB "COM_STMT_BULK_EXECUTE": 0: a value follows; NULL, the column's default, or nothing. */
static void
indicator(struct bh_my_values *v, struct bh_cur *in)
{
	uint8_t none = 0;

	(void)bh_cur_u8(in, &none);
	if (none != 0)
		next(v);
	else
		v->stage = BH_MY_VALUE;
}

void
bh_my_value(struct bh_wire *w, struct bh_my_values *v, struct bh_cur *in)
{
	struct bh_cur part;

	switch (v->stage) {
	case BH_MY_NULLS:
		nulls(v, in);
		break;
	case BH_MY_INDICATOR:
		indicator(v, in);
		break;
	case BH_MY_VALUE:
		value(w, v, in);
		break;
	case BH_MY_LENGTH:
		length(w, v, in);
		break;
	default:
		part = bh_wire_upto(in, v->bytes);
		v->bytes -= bh_cur_left(&part);
		if (!v->hidden)
			bh_wire_text(w, part.p, bh_cur_left(&part));
		if (v->bytes == 0) {
			bh_wire_gap(w);
			next(v);
		}
	}
}

void
bh_my_row(struct bh_wire *w, struct bh_my_values *v, struct bh_cur *in)
{
	uint8_t skip;

	while (bh_cur_left(in) > 0) {
		if (v->stage == BH_MY_HEAD) {
			(void)bh_cur_u8(in, &skip);
			v->stage = BH_MY_NULLS;
		} else {
			bh_my_value(w, v, in);
		}
	}
}
