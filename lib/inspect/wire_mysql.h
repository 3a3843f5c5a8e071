/* wire_mysql: a connection of MySQL, between the files of its decoder. Private to inspect. */
#ifndef BH_INSPECT_WIRE_MYSQL_H
#define BH_INSPECT_WIRE_MYSQL_H

#include "../proto/mysql.h"
#include "wire_priv.h"

#define BH_MY_COLUMNS 256 /* of more, rows are looked at as they come */
/* Statements that are prepared, and types of what was bound to them: told with the first execution, not with others. What
 * finds no room takes that of the oldest. */
#define BH_MY_STATEMENTS 192
#define BH_MY_TYPES 3072

/* Where in a row, or in what is bound, its reader stands. */
enum bh_my_stage {
	BH_MY_HEAD,
	BH_MY_NULLS,
	BH_MY_VALUE,
	BH_MY_LENGTH,
	BH_MY_BYTES,
	BH_MY_INDICATOR, /* MariaDB's bulk: is there a value? */
	/* of what is bound, before its values */
	BH_MY_BULK,
	BH_MY_COUNT,
	BH_MY_SETS,
	BH_MY_NEW,
	BH_MY_TYPE,
	BH_MY_NAME,
	BH_MY_NAME_BYTES,
	BH_MY_OVER,
	BH_MY_LOOSE, /* of no known form */
};

/* A row, or what is bound to a statement or query. */
struct bh_my_values {
	struct bh_wire_some some;
	uint64_t bytes; /* of a value, still to come */
	uint16_t n, i;
	uint8_t stage;
	bool binary;
	bool bound;  /* no row: its bits of NULLs begin with the first one */
	bool bulk;   /* sets of values, one behind the other, up to the end */
	bool hidden; /* the value is no text */
	uint8_t type[BH_MY_COLUMNS];
	uint8_t nulls[(BH_MY_COLUMNS + 9) / 8];
};

/* Types that were told once. */
struct bh_my_kept {
	uint16_t n;
	uint16_t at; /* UINT16_MAX: not told, or not kept any more */
};

struct bh_my_statement {
	uint32_t id; /* from 1; 0: none */
	struct bh_my_kept bound, row;
};

struct bh_my_statements {
	struct bh_my_statement one[BH_MY_STATEMENTS];
	uint16_t next, top; /* the oldest ones */
	uint32_t last;      /* prepared */
	uint32_t id;        /* of the one at hand */
	uint32_t sent_id;   /* whose parameters came before, by themselves */
	uint8_t sent[BH_MY_COLUMNS / 8];
	uint8_t type[BH_MY_TYPES];
};

/* ---- wire_mysql_value.c --------------------------------------------------------------------------- */

void bh_my_row_begin(struct bh_my_values *v);
/* Bytes of a row. */
void bh_my_row(struct bh_wire *w, struct bh_my_values *v, struct bh_cur *in);
/* The first value that is there. */
void bh_my_values_begin(struct bh_my_values *v);
bool bh_my_is_there(const struct bh_my_values *v, unsigned i);
/* One step of a value, with at least one byte at hand. */
void bh_my_value(struct bh_wire *w, struct bh_my_values *v, struct bh_cur *in);

/* ---- wire_mysql_bound.c --------------------------------------------------------------------------- */

/* All of it zero: there is no statement. */
void bh_my_prepared(struct bh_my_statements *s, uint32_t id, uint16_t bound, uint16_t columns);
void bh_my_closed(struct bh_my_statements *s, uint32_t id);
/* COM_STMT_SEND_LONG_DATA: this one won't be among the values. */
void bh_my_sent(struct bh_my_statements *s, uint32_t id, uint16_t parameter);
/* Types of its rows; those that were kept. False: they were not, or not for so many. */
void bh_my_described(struct bh_my_statements *s, uint32_t id, const struct bh_my_values *row);
bool bh_my_recall(struct bh_my_statements *s, uint32_t id, struct bh_my_values *row);

/* COM_STMT_EXECUTE; COM_QUERY with attributes; COM_STMT_BULK_EXECUTE. */
void bh_my_bound_begin(struct bh_my_values *v, enum bh_mysql_command command);
/* Bytes of what is bound. False: all of it has come, and what is left of `in` is behind it. */
bool bh_my_bound(struct bh_wire *w, struct bh_my_statements *s, struct bh_my_values *v,
		 struct bh_cur *in, bool attributes);

/* ---- wire_mysql_packed.c -------------------------------------------------------------------------- */

/* A side's compressed packets. */
struct bh_my_packed {
	struct bh_wire_some head;
	struct bh_wire_inflate z;
	enum bh_coding coding;
	uint32_t left, plain; /* plain: bytes before compression; 0: it is not compressed */
	bool inside;
};

/* Bytes of compressed packets; what is in them goes to `plain`. False: they can't be read. */
bool bh_my_unpack(struct bh_wire *w, struct bh_my_packed *p, struct bh_cur *in,
		  void (*plain)(struct bh_wire *w, struct bh_cur *in));

/* What the bytes of a packet are. */
enum bh_my_part {
	PASS,
	TEXT,
	ROW,
	DEFINITION,
	COMMAND,
	LOGIN,
	ANSWER,
	GREETING,
	BOUND,
	SENT,
	CLOSE
};

/* What the server says next. */
enum bh_my_answer { NOTHING, FIRST, DEFINITIONS, ROWS, PREPARED, DESCRIPTION };

/* How far they know each other. */
enum bh_my_met { STRANGERS, GREETED, LOGGED_IN };

struct bh_my_packets {
	struct bh_wire_some head;
	uint32_t left;
	uint8_t part;
	uint8_t sequence;
	bool goes_on, inside;
};

struct bh_my {
	struct bh_my_packets in[2];
	struct bh_wire_some some;  /* of the server's side */
	struct bh_wire_some first; /* of the client's side */
	uint32_t caps, server_caps;
	uint16_t columns, column;
	uint16_t before; /* definitions of parameters, before those of columns */
	uint8_t command, answer, met;
	bool logged_in; /* the client said who it is */
	bool packed;    /* both sides compress */
	bool foreign;   /* it is no such protocol */
	bool defined;   /* the last definition was the last packet */
	struct bh_my_values row, bound;
	struct bh_my_statements statements;
	struct bh_my_packed unpacked[2];
};

/* ---- wire_mysql_server.c -------------------------------------------------------------------------- */

/* A packet of the server begins, and has ended. */
void bh_my_server_begins(struct bh_my *m, struct bh_my_packets *p);
void bh_my_server_ends(struct bh_wire *w, struct bh_my *m, const struct bh_my_packets *p);
/* Bytes of GREETING; ANSWER: false when more has to come; DEFINITION. */
void bh_my_greeting(struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in);
bool bh_my_answer(struct bh_wire *w, struct bh_my *m, struct bh_my_packets *p, struct bh_cur *in);
void bh_my_definition(struct bh_my *m, const struct bh_my_packets *p, struct bh_cur in);

#endif
