/* wire_pgsql: values of PostgreSQL's binary format. Private to inspect. */
#ifndef BH_INSPECT_WIRE_PGSQL_H
#define BH_INSPECT_WIRE_PGSQL_H

#include "wire_priv.h"

/* What is known of a value: its type (0: nothing), and its format. */
struct bh_pg_type {
	uint32_t oid;
	enum { BH_PG_ANY, BH_PG_TEXT, BH_PG_BINARY } format;
};

/* Is a value of this size to be looked at as a whole? */
bool bh_pg_may_be_number(const struct bh_pg_type *t, uint32_t size);
/* A value, as it would be printed. */
void bh_pg_number(struct bh_wire *w, const struct bh_pg_type *t, const uint8_t *at, uint32_t size);

#endif
