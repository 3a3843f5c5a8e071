/* Types and values of TDS (MS-TDS 2.2.5.4 to 2.2.5.6), of columns, parameters and returned values. */
#include "wire_mssql.h"

/* How a value says its length. */
enum how { FIXED, BYTE, SHORT, LONG, PARTIAL, VARIANT };
/* What it says. */
enum says { NOTHING, TEXT, WIDE, INTEGER, FLOAT, DECIMAL };

static const struct type {
	uint8_t id;
	uint8_t info; /* bytes behind the type */
	uint8_t how, says;
	uint8_t size; /* of FIXED */
} types[] = {
	{0x1f, 0, FIXED, NOTHING, 0}, /* NULL */
	{0x30, 0, FIXED, NOTHING, 1}, /* TINYINT */
	{0x32, 0, FIXED, NOTHING, 1}, /* BIT */
	{0x34, 0, FIXED, NOTHING, 2}, /* SMALLINT */
	{0x38, 0, FIXED, INTEGER, 4}, /* INT */
	{0x3a, 0, FIXED, NOTHING, 4}, /* SMALLDATETIME */
	{0x3b, 0, FIXED, NOTHING, 4}, /* REAL */
	{0x3c, 0, FIXED, NOTHING, 8}, /* MONEY */
	{0x3d, 0, FIXED, NOTHING, 8}, /* DATETIME */
	{0x3e, 0, FIXED, FLOAT, 8},   /* FLOAT */
	{0x7a, 0, FIXED, NOTHING, 4}, /* SMALLMONEY */
	{0x7f, 0, FIXED, INTEGER, 8}, /* BIGINT */
	{0x24, 1, BYTE, NOTHING, 0},  /* GUID */
	{0x26, 1, BYTE, INTEGER, 0},  /* INTN */
	{0x68, 1, BYTE, NOTHING, 0},  /* BITN */
	{0x6d, 1, BYTE, FLOAT, 0},    /* FLTN */
	{0x6e, 1, BYTE, NOTHING, 0},  /* MONEYN */
	{0x6f, 1, BYTE, NOTHING, 0},  /* DATETIMN */
	{0x28, 0, BYTE, NOTHING, 0},  /* DATEN */
	{0x29, 1, BYTE, NOTHING, 0},  /* TIMEN */
	{0x2a, 1, BYTE, NOTHING, 0},  /* DATETIME2N */
	{0x2b, 1, BYTE, NOTHING, 0},  /* DATETIMEOFFSETN */
	{0x37, 3, BYTE, DECIMAL, 0},    {0x3f, 3, BYTE, DECIMAL, 0}, {0x6a, 3, BYTE, DECIMAL, 0},
	{0x6c, 3, BYTE, DECIMAL, 0},    {0x2f, 1, BYTE, TEXT, 0}, /* CHAR */
	{0x27, 1, BYTE, TEXT, 0},                                 /* VARCHAR */
	{0x2d, 1, BYTE, TEXT, 0},                                 /* BINARY */
	{0x25, 1, BYTE, TEXT, 0},                                 /* VARBINARY */
	{0xa5, 2, SHORT, TEXT, 0},                                /* BIGVARBINARY */
	{0xad, 2, SHORT, TEXT, 0},                                /* BIGBINARY */
	{0xa7, 7, SHORT, TEXT, 0},                                /* BIGVARCHAR */
	{0xaf, 7, SHORT, TEXT, 0},                                /* BIGCHAR */
	{0xe7, 7, SHORT, WIDE, 0},                                /* NVARCHAR */
	{0xef, 7, SHORT, WIDE, 0},                                /* NCHAR */
	{0x23, 9, LONG, TEXT, 0},                                 /* TEXT */
	{0x63, 9, LONG, WIDE, 0},                                 /* NTEXT */
	{0x22, 4, LONG, TEXT, 0},                                 /* IMAGE */
	{0xf1, 1, PARTIAL, WIDE, 0},                              /* XML */
	{0xf0, 0, PARTIAL, TEXT, 0},                              /* UDT */
	{0xf4, 0, PARTIAL, TEXT, 0},                              /* JSON */
	{0x62, 4, VARIANT, NOTHING, 0},
};

enum { ID_XML = 0xf1, ID_UDT = 0xf0 };

static const struct type *
type_of(const struct bh_tds *t)
{
	return &types[t->type.index];
}

static bool
find(struct bh_tds *t, uint8_t id)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(types); i++) {
		if (types[i].id != id)
			continue;
		t->type = (struct bh_tds_type){.index = (uint8_t)i};
		return true;
	}
	return false;
}

void
bh_tds_skip(struct bh_tds *t, uint64_t n, enum bh_tds_step then)
{
	t->some.have = 0;
	t->skip = n;
	t->then = (uint8_t)then;
	t->step = n > 0 ? BH_TDS_SKIP : (uint8_t)then;
}

static void
go(struct bh_tds *t, enum bh_tds_step step)
{
	t->some.have = 0;
	t->step = (uint8_t)step;
}

/* ---- types ------------------------------------------------------------------------------------------- */

/* A type is known, and the names behind it are read. */
static void
typed(struct bh_tds *t)
{
	if (t->of != BH_TDS_OF_COLUMN) {
		go(t, BH_TDS_VALUE);
		return;
	}
	if (t->i < BH_TDS_COLUMNS)
		t->column[t->i] = t->type;
	t->i++;
	go(t, t->i < t->n ? BH_TDS_COLUMN : BH_TDS_TOKEN);
}

/* Names of the type, of the table that a long one is in, and of the column. */
static void
names(struct bh_tds *t)
{
	enum { OF_TYPE, OF_TABLE, OF_COLUMN };

	while (t->names8 == 0 && t->names16 == 0) {
		if (t->of != BH_TDS_OF_COLUMN || t->phase == OF_COLUMN) {
			typed(t);
			return;
		}
		t->phase++;
		if (t->phase == OF_TABLE && type_of(t)->how == LONG) {
			go(t, BH_TDS_TABLES);
			return;
		}
		t->names8 = t->phase == OF_COLUMN;
	}
	go(t, t->names8 > 0 ? BH_TDS_NAME8 : BH_TDS_NAME16);
}

/* A name of so many characters: over it, to what follows. */
static void
over(struct bh_tds *t, unsigned n)
{
	names(t);
	bh_tds_skip(t, 2 * (uint64_t)n, (enum bh_tds_step)t->step);
}

/* Of a type of an assembly the maximum, in results only. */
static unsigned
info_size(const struct bh_tds *t)
{
	return type_of(t)->id == ID_UDT && t->of != BH_TDS_OF_PARAM ? 2 : type_of(t)->info;
}

/* What stands behind the type is at hand. */
static void
info(struct bh_tds *t)
{
	const struct type *type = type_of(t);
	const uint8_t *p = t->some.byte;

	t->names8 = t->names16 = t->phase = 0;
	if (type->says == DECIMAL)
		t->type.scale = p[2];
	/* a length of 0xffff: it comes in chunks */
	if (type->how == SHORT && p[0] == 0xff && p[1] == 0xff)
		t->type.scale = 0xff;
	if (type->id == ID_XML && p[0] != 0) {
		t->names8 = 2;
		t->names16 = 1;
	}
	if (type->id == ID_UDT) {
		t->names8 = 3;
		t->names16 = t->of != BH_TDS_OF_PARAM;
	}
	names(t);
}

static bool
type_step(struct bh_tds *t, struct bh_cur *in)
{
	uint8_t c = 0;

	switch (t->step) {
	case BH_TDS_TYPE:
		(void)bh_cur_u8(in, &c);
		go(t, find(t, c) ? BH_TDS_INFO : BH_TDS_LOOSE);
		if (t->step == BH_TDS_INFO && info_size(t) == 0)
			info(t);
		return true;
	case BH_TDS_INFO:
		if (!bh_wire_collect(&t->some, in, info_size(t)))
			return false;
		info(t);
		return true;
	case BH_TDS_NAME8:
		(void)bh_cur_u8(in, &c);
		t->names8--;
		over(t, c);
		return true;
	case BH_TDS_NAME16:
		if (!bh_wire_collect(&t->some, in, 2))
			return false;
		t->names16--;
		over(t, (unsigned)bh_wire_le(t->some.byte, 2));
		return true;
	}
	/* BH_TDS_TABLES: parts of a table's name; one before TDS 7.2 */
	t->names16 = 1;
	if (!t->old)
		(void)bh_cur_u8(in, &t->names16);
	names(t);
	return true;
}

/* ---- values ------------------------------------------------------------------------------------------ */

static bool
is_null(const struct bh_tds *t, unsigned column)
{
	return t->has_nulls && (t->nulls[column / 8] >> column % 8 & 1) != 0;
}

void
bh_tds_row(struct bh_tds *t, bool first)
{
	t->i = first ? 0 : (uint16_t)(t->i + 1);
	while (t->i < t->n && is_null(t, t->i))
		t->i++;
	go(t, t->i < t->n ? BH_TDS_VALUE : BH_TDS_TOKEN);
	if (t->i < t->n)
		t->type = t->column[t->i];
}

static void
value_ends(struct bh_wire *w, struct bh_tds *t)
{
	t->wide = (struct bh_wire_utf16){0};
	if (type_of(t)->says != NOTHING)
		bh_wire_gap(w);
	switch (t->of) {
	case BH_TDS_OF_ROW:
		bh_tds_row(t, false);
		break;
	case BH_TDS_OF_PARAM:
		if (++t->i == t->statement)
			bh_wire_begin(w, BH_TEXT_DATA);
		go(t, BH_TDS_PARAM);
		break;
	default:
		go(t, BH_TDS_TOKEN);
	}
}

static void
value_of(struct bh_wire *w, struct bh_tds *t, uint64_t n)
{
	t->bytes = n;
	go(t, BH_TDS_BYTES);
	if (n == 0 && !t->partial)
		value_ends(w, t);
}

/* A sign, and a number in little-endian; the last `scale` digits are a fraction. */
static void
decimal(struct bh_wire *w, const uint8_t *p, unsigned n, unsigned scale)
{
	__extension__ unsigned __int128 v = 0;

	if (p[0] == 0)
		return;
	while (n-- > 1)
		v = v << 8 | p[n];
	for (; scale > 0 && v % 10 == 0; scale--)
		v /= 10;
	if (scale == 0 && v <= UINT64_MAX)
		bh_wire_number(w, (uint64_t)v);
}

/* Numbers have to be together. */
static bool
is_number(const struct bh_tds *t)
{
	unsigned says = type_of(t)->says;

	return ((says == INTEGER || says == FLOAT) && t->bytes == 8) ||
	       (says == DECIMAL && t->bytes > 1 && t->bytes <= 17);
}

static bool
bytes(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	const struct type *type = type_of(t);
	struct bh_cur part;

	if (is_number(t)) {
		if (!bh_wire_collect(&t->some, in, (unsigned)t->bytes))
			return false;
		if (type->says == DECIMAL)
			decimal(w, t->some.byte, (unsigned)t->bytes, t->type.scale);
		else if (type->says == FLOAT)
			bh_wire_double(w, bh_wire_le(t->some.byte, 8));
		else if (t->some.byte[7] < 0x80)
			bh_wire_number(w, bh_wire_le(t->some.byte, 8));
		value_ends(w, t);
		return true;
	}
	part = bh_wire_upto(in, t->bytes);
	t->bytes -= bh_cur_left(&part);
	if (type->says == TEXT)
		bh_wire_text(w, part.p, bh_cur_left(&part));
	else if (type->says == WIDE)
		bh_wire_utf16(w, &t->wide, part.p, bh_cur_left(&part));
	if (t->bytes == 0 && t->partial)
		go(t, BH_TDS_CHUNK);
	else if (t->bytes == 0)
		value_ends(w, t);
	return true;
}

/* A value's length, however it is said. */
static bool
value(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	const struct type *type = type_of(t);
	/* chunks, of what may be long */
	bool partial = type->how == PARTIAL || (type->how == SHORT && t->type.scale == 0xff);
	unsigned need = partial ? 8 : type->how == BYTE ? 1 : type->how == SHORT ? 2 : 4;
	uint64_t n;

	t->partial = false;
	if (type->how == FIXED) {
		value_of(w, t, type->size);
		return true;
	}
	/* in rows a pointer and a time stamp stand before a long value */
	if (type->how == LONG && t->of == BH_TDS_OF_ROW)
		need = 1;
	if (!bh_wire_collect(&t->some, in, need))
		return false;
	n = bh_wire_le(t->some.byte, need);
	if (type->how == LONG && t->of == BH_TDS_OF_ROW && n > 0)
		bh_tds_skip(t, n + 8, BH_TDS_LONG);
	else if (partial && n != UINT64_MAX)
		t->partial = true, go(t, BH_TDS_CHUNK);
	else if (type->how == VARIANT && n > 2)
		t->bytes = n, go(t, BH_TDS_VARIANT);
	else if (partial || (type->how == SHORT && n == UINT16_MAX) || n == UINT32_MAX)
		value_ends(w, t);
	else
		value_of(w, t, n);
	return true;
}

/* A type of its own, its properties and the value. */
static bool
variant(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	uint64_t n = t->bytes;
	unsigned skip;

	if (!bh_wire_collect(&t->some, in, 2))
		return false;
	skip = t->some.byte[1];
	n = n > 2u + skip ? n - 2 - skip : 0;
	/* how a decimal is scaled stands in the properties */
	if (!find(t, t->some.byte[0]) || type_of(t)->says == DECIMAL)
		(void)find(t, 0x24);
	if (n == 0) {
		value_ends(w, t);
		return true;
	}
	t->bytes = n;
	bh_tds_skip(t, skip, BH_TDS_BYTES);
	return true;
}

bool
bh_tds_value(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in)
{
	uint64_t n;

	switch (t->step) {
	case BH_TDS_VALUE:
		return value(w, t, in);
	case BH_TDS_VARIANT:
		return variant(w, t, in);
	case BH_TDS_BYTES:
		return bytes(w, t, in);
	case BH_TDS_LONG:
	case BH_TDS_CHUNK:
		if (!bh_wire_collect(&t->some, in, 4))
			return false;
		n = bh_wire_le(t->some.byte, 4);
		if (n == 0)
			t->partial = false;
		value_of(w, t, n);
		return true;
	}
	return type_step(t, in);
}
