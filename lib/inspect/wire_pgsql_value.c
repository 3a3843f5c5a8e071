/* Values of PostgreSQL's binary format (src/backend/utils/adt: int8send, float8send, numeric_send). Of what type a value is,
 * is not always told; but texts hold no 0 there, and numbers that matter here do. */
#include "wire_pgsql.h"

enum {
	OID_INT8 = 20,
	OID_FLOAT8 = 701,
	OID_TIME = 1083,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
};

/* Of numeric: number of digits, weight, sign, scale. Up to 5 digits to the base 10,000 are of interest, and two behind the
 * point. */
enum { NUMERIC_HEAD = 8, NUMERIC_MAX = NUMERIC_HEAD + 6 * 2 };

bool
bh_pg_may_be_number(const struct bh_pg_type *t, uint32_t size)
{
	if (t->format == BH_PG_TEXT)
		return false;
	return size == 8 || (size % 2 == 0 && size > NUMERIC_HEAD && size <= NUMERIC_MAX);
}

/* Has it the form of one? */
static bool
is_numeric(const uint8_t *at, uint32_t size)
{
	unsigned n = (unsigned)bh_wire_be(at, 2), sign = (unsigned)bh_wire_be(at + 4, 2), i;

	if (size != NUMERIC_HEAD + 2 * n || (sign != 0 && sign != 0x4000))
		return false;
	for (i = 0; i < n; i++)
		if (bh_wire_be(at + NUMERIC_HEAD + 2 * (size_t)i, 2) > 9999)
			return false;
	return true;
}

/* The first digit is of weight 10,000^weight. What is behind the point is left out. */
static void
numeric(struct bh_wire *w, const uint8_t *at)
{
	unsigned n = (unsigned)bh_wire_be(at, 2), weight = (unsigned)bh_wire_be(at + 2, 2), i;
	uint64_t value = 0;

	/* negative ones are no numbers of anything that is counted here, larger ones too long */
	if (weight > 4 || bh_wire_be(at + 4, 2) != 0)
		return;
	for (i = 0; i <= weight; i++)
		value = value * 10000 +
			(i < n ? bh_wire_be(at + NUMERIC_HEAD + 2 * (size_t)i, 2) : 0);
	bh_wire_number(w, value);
}

/* 8 bytes of a type that is not told. Floating point of ordinary size would be integers of 19 digits: only those that are
 * shorter are taken for one. */
static void
unknown(struct bh_wire *w, const uint8_t *at)
{
	uint64_t bits = bh_wire_be(at, 8);

	/* microseconds at a whole second are a time */
	if (at[0] == 0 && bits % 1000000 != 0)
		bh_wire_number(w, bits);
	else if (at[0] == 0x42 || at[0] == 0x43)
		bh_wire_double(w, bits);
}

void
bh_pg_number(struct bh_wire *w, const struct bh_pg_type *t, const uint8_t *at, uint32_t size)
{
	bool zero = memchr(at, 0, size) != NULL;

	if (size != 8) {
		if (zero && is_numeric(at, size))
			numeric(w, at);
		else
			bh_wire_text(w, at, size);
		return;
	}
	/* a text, whatever was described */
	if (!zero && (t->format != BH_PG_BINARY || (t->oid != OID_INT8 && t->oid != OID_FLOAT8))) {
		bh_wire_text(w, at, size);
		if (t->format == BH_PG_BINARY && t->oid == 0)
			unknown(w, at);
		return;
	}
	switch (t->oid) {
	case OID_TIME:
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ:
		break;
	case OID_INT8:
		bh_wire_integer(w, bh_wire_be(at, 8), 8);
		break;
	case OID_FLOAT8:
		bh_wire_double(w, bh_wire_be(at, 8));
		break;
	default:
		unknown(w, at);
		break;
	}
}
