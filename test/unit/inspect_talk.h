/* What clients and servers of other protocols than HTTP say to each other, made for tests, and given to bh_inspect_wire. */
#ifndef BH_INSPECT_TALK_H
#define BH_INSPECT_TALK_H

#include "../../lib/inspect/wire.h"
#include "inspect_rig.h"

struct inspect_talk {
	struct {
		uint32_t at, len;
		uint8_t side;
	} turn[64];
	unsigned n;
	uint32_t used;
	uint8_t bytes[1 << 18];
};

/* A row of a result has an identifier, a name, and this. */
struct talk_value {
	enum { TALK_TEXT, TALK_INT8, TALK_DOUBLE, TALK_NUMERIC } kind;
	const char *text;
	uint64_t number;
};

struct inspect_talk *talk_new(void); /* the only one there is, empty */
void talk_say(struct inspect_talk *t, unsigned side, const void *at, size_t len);
void talk_words(struct inspect_talk *t, unsigned side, const char *text);

void talk_mysql_login(struct inspect_talk *t, uint32_t caps);
void talk_mysql_command(struct inspect_talk *t, uint8_t command, const char *text);
/* deprecated: no packet ends the definitions, an OK ends the rows */
void talk_mysql_result(struct inspect_talk *t, const struct talk_value *v, unsigned n, bool binary,
		       bool deprecated);

/* the value in binary, bound to a statement that is prepared first */
void talk_mysql_bound(struct inspect_talk *t, const struct talk_value *v);

void talk_pgsql_login(struct inspect_talk *t);
void talk_pgsql_query(struct inspect_talk *t, const char *sql);
void talk_pgsql_bind(struct inspect_talk *t, const char *sql, const char *value, bool binary);
void talk_pgsql_bound(struct inspect_talk *t, const struct talk_value *v);
/* described: its types are told */
void talk_pgsql_result(struct inspect_talk *t, const struct talk_value *v, unsigned n, bool binary,
		       bool described);

/* TDS 7.4: a log-in, a batch, sp_executesql with a parameter (wide: NVARCHAR), a result with the value in forms of its
 * own: 0 NVARCHAR, 1 VARCHAR, 2 NVARCHAR(MAX) in chunks, 3 BIGINT, 4 DECIMAL, 5 FLOAT, 6 NTEXT, 7 SQL_VARIANT. */
#define TALK_MSSQL_FORMS 8
void talk_mssql_login(struct inspect_talk *t);
void talk_mssql_batch(struct inspect_talk *t, const char *sql);
void talk_mssql_call(struct inspect_talk *t, const char *sql, const char *value, bool wide);
void talk_mssql_result(struct inspect_talk *t, const struct talk_value *v, unsigned form,
		       bool bitmap);

/* RESP: a command of so many arguments; a reply that has the value within an aggregate. */
void talk_redis_command(struct inspect_talk *t, unsigned n, const char *const *arguments);
void talk_redis_reply(struct inspect_talk *t, const char *value, bool resp3);

/* A document with the value: 0 OP_MSG, 1 a sequence of documents, 2 compressed by zlib, 3 by snappy, 4 OP_QUERY, 5 OP_REPLY. */
void talk_mongodb(struct inspect_talk *t, unsigned side, const struct talk_value *v, unsigned form);
/* 0 stored, 1 fetched, 2 stored by a meta command, 3, 4 the same in binary. */
void talk_memcached(struct inspect_talk *t, const char *value, unsigned form);

/* A turn that was recorded, in hexadecimal; the last one has none. */
struct recorded {
	unsigned side;
	const char *hex;
};
struct inspect_talk *talk_recorded(const struct recorded *r);

/* All of it, in pieces of `cut` bytes at most (0: each turn whole). Returns what was seen. */
uint64_t talk_feed(const struct inspect_talk *t, unsigned app, size_t cut);
/* The same, told to this context. */
void talk_feed_to(const struct inspect_talk *t, unsigned app, size_t cut,
		  const struct bh_inspect_ctx *ctx);

#endif
