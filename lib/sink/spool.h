/* spool: a queue of records in files, for what cannot be delivered at once.
 *
 * Usage     bh_spool_open(), bh_spool_append(); bh_spool_peek() and bh_spool_advance() read on; bh_spool_settle() once
 *           what was read up to a mark has arrived: it is then forgotten. bh_spool_rewind() reads again what has not.
 * Threads   one thread.
 * Lifetime  the folder is made; records and the settled mark are there again after a restart, a kill -9 included: the
 *           system keeps what was written. Only bh_spool_close waits for the disk: a power failure may cost the end.
 *
 * Files of at most a sixteenth of the limit, NUMBER.spool, and `settled`. A record is 16 bytes of header (length,
 * FNV-1a of sequence number and data, sequence number) and its data. A file that ends inside a record, or holds a damaged
 * one, is read up to there. Every process writes a file of its own.
 */
#ifndef BH_SINK_SPOOL_H
#define BH_SINK_SPOOL_H

#include "../base/base.h"

#define BH_SPOOL_RECORD_MAX (64u << 10) /* bytes of data */
#define BH_SPOOL_MIN (1u << 20)         /* least limit */

struct bh_spool;

struct bh_spool_params {
	const char *folder; /* copied; its parent must exist */
	uint64_t max_bytes; /* of all files */
};

/* A place between two records. */
struct bh_spool_mark {
	uint32_t file;
	uint32_t offset;
	uint64_t seq; /* of the last record before it */
};

struct bh_spool_item {
	const uint8_t *data; /* until the next bh_spool_peek */
	uint32_t len;
	uint64_t seq;
};

/* 0 or -errno with err set. */
int bh_spool_open(struct bh_spool **out, const struct bh_spool_params *params, struct bh_err *err);
void bh_spool_close(struct bh_spool *s); /* NULL is fine */
/* The highest number that was ever appended; numbers go on growing from it. */
uint64_t bh_spool_last_seq(const struct bh_spool *s);
/* 0; -ENOSPC when the limit is reached; -EMSGSIZE; -errno of the disk. On failure nothing of it stays. */
int bh_spool_append(struct bh_spool *s, uint64_t seq, const void *data, uint32_t len);
/* The next records that have not been read, at most max; 0: none. -errno of the disk. */
int bh_spool_peek(struct bh_spool *s, struct bh_spool_item *item, unsigned max);
/* Go past the first n items of the last peek. */
void bh_spool_advance(struct bh_spool *s, unsigned n);
/* Where reading stands. */
struct bh_spool_mark bh_spool_read_mark(const struct bh_spool *s);
/* Everything before the mark has arrived. 0 or -errno: it would come again after a restart. */
int bh_spool_settle(struct bh_spool *s, const struct bh_spool_mark *mark);
void bh_spool_rewind(struct bh_spool *s);
uint64_t bh_spool_bytes(const struct bh_spool *s);  /* of all files */
uint64_t bh_spool_unread(const struct bh_spool *s); /* bytes behind the reading */

#endif
