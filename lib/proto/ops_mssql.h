/* ops_mssql.h: a connection of MS SQL Server, between the files of its parser. */
#ifndef BH_PROTO_OPS_MSSQL_H
#define BH_PROTO_OPS_MSSQL_H

#include "sql.h"

#define BH_MSSQL_KEEP 320u

/* Where in a remote procedure call the next byte is (MS-TDS 2.2.6.6). */
enum mssql_rpc {
	RPC_NAME_LEN,
	RPC_NAME,
	RPC_ID,
	RPC_FLAGS,
	RPC_PARAM, /* the length of its name, or what separates calls */
	RPC_PARAM_NAME,
	RPC_TYPE, /* status and type */
	RPC_INFO,
	RPC_LEN,
	RPC_CHUNK, /* the length of a part of a long value */
	RPC_DATA,
};

/* What a value is. */
enum mssql_use { USE_NONE, USE_SKIP, USE_TEXT };

/* What of a message is next. */
enum part { PART_KEEP, PART_HEADERS, PART_TEXT, PART_CALL, PART_SKIP };

struct mssql {
	struct bh_sql sql;
	struct bh_sql_hold hold;
	/* the client's packets */
	uint8_t head[8];
	uint8_t head_len;
	uint16_t left;      /* of this packet */
	uint16_t tls_left;  /* of a TLS record of an encrypted log-in */
	uint32_t tls_bytes; /* all of them */
	uint8_t phase, part, type;
	bool mid; /* inside of a message of several packets */
	bool last;
	bool tls; /* log-in alone may be encrypted */
	bool judging;
	uint8_t encryption; /* what the client asked for */
	/* a code unit's first byte, and whether there is one */
	uint8_t low;
	bool half;
	/* calls */
	uint8_t rpc;              /* enum mssql_rpc */
	uint8_t use;              /* enum mssql_use, of the value that comes */
	uint8_t param, statement; /* number of this parameter; of the one that is the statement */
	uint8_t value, len_size;  /* type; bytes of the value's length */
	bool chunks;
	uint32_t data;
	uint16_t need, n_keep;
	uint8_t keep[BH_MSSQL_KEEP];
	/* the server's packets */
	uint8_t server_head[8];
	uint8_t server_head_len;
	bool server_new; /* the next byte is a packet's first */
	uint16_t server_left, n_answer;
	uint8_t answer[BH_MSSQL_KEEP];
};

/* Bytes of UTF-16 from the message, as many as n; true: a statement is complete, *eaten says where. */
bool bh_mssql_text(struct mssql *m, const uint8_t *p, uint32_t n, uint32_t *eaten);
enum bh_ops_status bh_mssql_emit(struct mssql *m, struct bh_ops_out *out, bool complete);
/* A call's bytes: at most n of them; *eaten says how many. */
enum bh_ops_status bh_mssql_call(struct mssql *m, const uint8_t *p, uint32_t n, uint32_t *eaten,
				 struct bh_ops_out *out);
/* A message of calls begins, has ended. */
void bh_mssql_call_begin(struct mssql *m);
enum bh_ops_status bh_mssql_call_end(struct mssql *m, struct bh_ops_out *out);

#endif
