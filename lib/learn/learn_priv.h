/* learn_priv: conversations in memory and in their file.
 *
 *   learn.c   open, close, counts
 *   party.c   segments and addresses by name
 *   table.c   pairs and conversations
 *   sight.c   from events and flows to them
 *   member.c  pairs of addresses of a conversation
 *   value.c   what operations say
 *   far.c     what other gateways have seen
 *   list.c    reading and forgetting
 *   db.c      the file: open, schema, statements
 *   save.c    rows out, rows in
 */
#ifndef BH_LEARN_PRIV_H
#define BH_LEARN_PRIV_H

#include <pthread.h>
#include <sqlite3.h>

#include "learn.h"

#define BH_LEARN_NONE UINT32_MAX
/* Pairs of addresses, of all conversations, by room for one: with 72 bytes each, 288 bytes. Each may have one beyond. */
#define BH_LEARN_MEMBERS_EACH 4
#define BH_LEARN_OTHER UINT32_MAX /* service of a pair's conversation that stands for the rest */

struct bh_learn_party {
	char name[BH_LEARN_NAME];
	struct bh_prefix address; /* family 0: a segment */
	uint32_t next;            /* of its hash chain */
	uint8_t reserved;         /* name id + 1 of the reserved segment that an address is in; 0 */
	bool whole;
	bool full;
	uint32_t met[2]; /* single addresses it met: as from, as to */
};

/* Two parties, in this order. */
struct bh_learn_pair {
	uint32_t from, to, next;
	uint32_t n; /* conversations */
};

#define BH_LEARN_GATEWAYS 64

/* What another gateway has counted of a row, in its own newest words. */
struct bh_learn_far {
	uint8_t gateway; /* index of its name */
	uint64_t sessions[BH_SEEN_KINDS], bytes[2];
};

struct bh_learn_row {
	uint32_t from, to; /* parties */
	uint32_t service;
	uint16_t app;
	bool used, learn, undecided, dirty, stored;
	bool here; /* this gateway has seen it itself */
	uint8_t n_far;
	struct bh_learn_far *far; /* not in the file: they say it again */
	uint32_t next;            /* of its hash chain, or of the free ones */
	uint64_t id;
	uint64_t first_ns, last_ns, violation_ns;
	uint64_t sessions[BH_SEEN_KINDS], bytes[2];
	uint64_t add_sessions[BH_SEEN_KINDS], add_bytes[2]; /* since the last save */
	uint32_t open, open_now;
	uint32_t rule; /* name id, or UINT32_MAX */
	char *rule_text;
	uint8_t family;
	uint8_t address[2][16];
	bh_tenant tenant;
	struct bh_learn_member *member;
	uint16_t n_members;
	bool members_lost; /* there were more than are kept */
	bool members_anew; /* the file has some that are no longer kept */
	struct bh_learn_value *value;
	uint16_t n_values, n_stored; /* n_stored: of them, in the file */
};

struct bh_learn {
	struct bh_learn_params p;
	const struct bh_clock *clock;
	char path[256];
	pthread_mutex_t lock; /* all below but db */
	pthread_mutex_t disk; /* db; taken before lock */
	sqlite3 *db;          /* NULL: in memory only */
	struct bh_hash_key key;
	struct bh_learn_party *party; /* [n_parties], grows to p.max */
	uint32_t n_parties, cap_parties;
	struct bh_learn_pair *pair;
	uint32_t n_pairs, cap_pairs;
	struct bh_learn_row *row; /* [n_rows], some free */
	uint32_t n_rows, cap_rows, free_row, n_used;
	uint32_t *party_head, *pair_head, *row_head; /* hash heads, mask + 1 each */
	uint32_t mask;
	uint32_t *of_segment; /* party by a segment's name id */
	uint32_t n_segments;
	char gateway[BH_LEARN_GATEWAYS][64];
	unsigned n_gateways;
	uint64_t next_id;
	uint64_t n_members; /* of all rows */
	struct bh_learn_counts c;
};

/* party.c */
uint32_t bh_learn_party_find(const struct bh_learn *l, const char *name);
/* -1, BH_LEARN_NONE: no room. */
uint32_t bh_learn_party_add(struct bh_learn *l, const char *name);
/* The segment with this name id; BH_LEARN_NONE: no room, or it has no name. */
uint32_t bh_learn_party_segment(struct bh_learn *l, uint32_t segment);
/* "host-ADDRESS", made a name that policy takes. */
void bh_learn_host_name(const uint8_t *addr, uint8_t family, char out[BH_LEARN_NAME]);

/* table.c. BH_LEARN_NONE: there is none, there is no room. */
uint32_t bh_learn_pair_find(const struct bh_learn *l, uint32_t from, uint32_t to);
struct bh_learn_key {
	uint32_t from, to, service;
	uint16_t app;
};
struct bh_learn_row *bh_learn_row_find(struct bh_learn *l, const struct bh_learn_key *k);
/* NULL: no room, which is counted. */
struct bh_learn_row *bh_learn_row_add(struct bh_learn *l, const struct bh_learn_key *k,
				      uint64_t now_ns);
void bh_learn_row_remove(struct bh_learn *l, struct bh_learn_row *r);
void bh_learn_no_room(struct bh_learn *l, uint32_t from, uint32_t to);

/* member.c. Seen: made when it is new, in place of another where there is no room. NULL: no memory. */
struct bh_learn_member *bh_learn_member_see(struct bh_learn *l, struct bh_learn_row *r,
					    const struct bh_learn_member *seen);
void bh_learn_members_free(struct bh_learn *l, struct bh_learn_row *r);
/* Its table, in files that were made without. */
int bh_learn_members_prepare(struct bh_learn *l, struct bh_err *err);
/* For a save: into a copy of the row; when it did not get to the disk, back; onto the disk. */
bool bh_learn_members_take(struct bh_learn_row *r, struct bh_learn_row *copy);
void bh_learn_members_give_back(struct bh_learn_row *r);
int bh_learn_members_statements(struct bh_learn *l, struct sqlite3_stmt *st[2], struct bh_err *err);
int bh_learn_members_write(struct bh_learn *l, struct sqlite3_stmt *st[2],
			   const struct bh_learn_row *copy, struct bh_err *err);
void bh_learn_member_load(struct bh_learn *l, struct bh_learn_row *r, struct sqlite3_stmt *st);

/* value.c */
void bh_learn_value_add(struct bh_learn_row *r, uint8_t field, const char *text, size_t len);
/* Before the values of an operation are added that has those of these fields: a list that wants a value of each operation
 * can't be made of a field that some have and others don't. */
void bh_learn_values_lacking(struct bh_learn_row *r, const bool said[BH_OP_FIELD_COUNT]);
void bh_learn_values_free(struct bh_learn_row *r);

/* far.c */
/* Of this gateway and the others. */
uint64_t bh_learn_row_sessions(const struct bh_learn_row *r, unsigned seen);
/* A view's figures: of all, and this gateway's own. */
void bh_learn_far_view(const struct bh_learn_row *r, struct bh_conversation *out);

/* list.c */
void bh_learn_view(struct bh_learn *l, const struct bh_learn_row *r, struct bh_conversation *out);
bool bh_learn_fits(const struct bh_learn *l, const struct bh_learn_row *r,
		   const struct bh_learn_filter *f);

/* db.c: with `disk` held */
int bh_learn_db_open(struct bh_learn *l, struct bh_err *err);
int bh_learn_sql_err(struct bh_learn *l, const char *doing, struct bh_err *err);
int bh_learn_sql_prepare(struct bh_learn *l, sqlite3_stmt **out, const char *sql,
			 struct bh_err *err);
int bh_learn_sql_run(struct bh_learn *l, const char *sql, struct bh_err *err);
/* Commit, or roll back when rc != 0; returns rc or what failed. */
int bh_learn_sql_end(struct bh_learn *l, int rc, struct bh_err *err);
/* Step a statement to its end and reset it. */
int bh_learn_sql_done(struct bh_learn *l, sqlite3_stmt *st, struct bh_err *err);

/* save.c */
int bh_learn_load(struct bh_learn *l, struct bh_err *err);

#endif
