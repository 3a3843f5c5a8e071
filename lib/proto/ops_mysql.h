/* ops_mysql.h: a connection of MySQL, between the files of its parser. */
#ifndef BH_PROTO_OPS_MYSQL_H
#define BH_PROTO_OPS_MYSQL_H

#include "mysql.h"
#include "sql.h"

#define STATUS_NO_BACKSLASH 0x200u
/* Bytes kept of a log-in, a name or query attributes, and of a greeting. */
#define KEEP 1024u
#define KEEP_SERVER 192u
/* Query attributes of one statement. */
#define PARAMS_MAX 64u

enum phase {
	GREETING, /* the client waits */
	LOGIN,
	AUTH, /* goes on until the server says OK */
	COMMAND,
};

/* What a client's packet is made of. */
enum part {
	NONE, /* a header comes */
	BYTE, /* the command */
	KEPT, /* in `keep`, to be looked at when it ends */
	ATTRIBUTES,
	TEXT,
	SKIP,
};

/* A side's packets. */
struct packets {
	uint8_t head[4];
	uint8_t head_len;
	bool goes_on; /* the one before was 0xffffff long */
	uint32_t left;
};

struct mysql {
	struct bh_sql sql;
	struct bh_sql_hold hold;
	struct packets client, server;
	uint32_t caps;   /* the server's, then both's */
	uint8_t phase;   /* enum phase */
	uint8_t part;    /* enum part */
	uint8_t command; /* enum bh_mysql_command */
	bool asked;      /* AUTH: the server waits for a packet */
	bool load;       /* the last command was LOAD DATA alone: the server may ask for the file */
	bool file;       /* it did */
	uint8_t statements; /* of this text */
	uint8_t last;       /* the first word of the last one */
	uint16_t n_keep, n_server;
	uint8_t keep[KEEP];
	uint8_t answer[KEEP_SERVER];
};

/* A length of 1 to 9 bytes; false: cut. */
bool bh_mysql_lenenc(struct bh_cur *c, uint64_t *v);
/* A packet that is in `keep` (the client's), in `answer` (the server's). */
enum bh_ops_status bh_mysql_login(struct mysql *m, struct bh_ops_out *out);
void bh_mysql_change_user(struct mysql *m);
enum bh_ops_status bh_mysql_greeting(struct mysql *m, struct bh_ops_out *out);
void bh_mysql_answered(struct mysql *m);

#endif
