/* wire_mssql: one side's message of TDS. Private to inspect. */
#ifndef BH_INSPECT_WIRE_MSSQL_H
#define BH_INSPECT_WIRE_MSSQL_H

#include "wire_priv.h"

#define BH_TDS_COLUMNS 512 /* of more, rows are looked at as they come */

/* What comes next of a message. */
enum bh_tds_step {
	BH_TDS_PASS,  /* nothing that is read */
	BH_TDS_LOOSE, /* bytes without zeros, so that both kinds of text can be read */
	BH_TDS_SKIP,
	BH_TDS_HEADERS,
	BH_TDS_BATCH,
	BH_TDS_LOGIN,
	BH_TDS_RPC,
	BH_TDS_RPC_ID,
	BH_TDS_RPC_NAME,
	BH_TDS_PARAM,
	BH_TDS_TOKEN,
	BH_TDS_LENGTH2,
	BH_TDS_LENGTH4,
	BH_TDS_LOGINACK,
	BH_TDS_ERROR,
	BH_TDS_ERROR_TEXT,
	BH_TDS_FEATURE,
	BH_TDS_FEATURE_LENGTH,
	BH_TDS_COUNT,
	BH_TDS_COLUMN,
	BH_TDS_NULLS,
	BH_TDS_RESULT,
	BH_TDS_RESULT_FLAGS,
	/* of a type and a value: wire_mssql_value.c */
	BH_TDS_TYPE,
	BH_TDS_INFO,
	BH_TDS_NAME8,
	BH_TDS_NAME16,
	BH_TDS_TABLES,
	BH_TDS_VALUE,
	BH_TDS_LONG,
	BH_TDS_VARIANT,
	BH_TDS_CHUNK,
	BH_TDS_BYTES,
};

/* What a type or value belongs to. */
enum bh_tds_of { BH_TDS_OF_COLUMN, BH_TDS_OF_ROW, BH_TDS_OF_PARAM, BH_TDS_OF_RESULT };

struct bh_tds_type {
	uint8_t index; /* in the table of types */
	uint8_t scale;
};

struct bh_tds {
	struct bh_wire_some some;
	struct bh_wire_utf16 wide;
	uint64_t bytes;     /* of a value */
	uint64_t skip;      /* to pass over */
	uint16_t n, i;      /* columns, parameters */
	uint16_t statement; /* which parameter is one, from 1; 0: none */
	uint8_t step, then; /* then: behind SKIP */
	uint8_t of;
	uint8_t phase;           /* whose names: the type's, its table's, the column's */
	uint8_t names8, names16; /* that follow, with lengths of so many bits */
	uint8_t n_name;
	bool partial;   /* the value comes in chunks */
	bool has_nulls; /* the row has a bitmap */
	bool old;       /* before TDS 7.2 */
	struct bh_tds_type type;
	uint8_t name[16]; /* of a procedure */
	uint8_t nulls[BH_TDS_COLUMNS / 8];
	struct bh_tds_type column[BH_TDS_COLUMNS];
};

/* One step of a type or a value, with at least one byte at hand; false: more has to come. */
bool bh_tds_value(struct bh_wire *w, struct bh_tds *t, struct bh_cur *in);
/* The first column of a row, or the next one that is there, or the next token. */
void bh_tds_row(struct bh_tds *t, bool first);
/* Pass over n bytes, then go on. */
void bh_tds_skip(struct bh_tds *t, uint64_t n, enum bh_tds_step then);

#endif
