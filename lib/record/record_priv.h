/* record_priv: what the files of this room share.
 *
 *   record.c  queue, the thread, open and close
 *   row.c     from an EVE line to columns
 *   db.c      the file: schema, a batch, retention
 *   query.c   readers
 */
#ifndef BH_RECORD_PRIV_H
#define BH_RECORD_PRIV_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "record.h"

#define BH_RECORD_WORD 128
#define BH_RECORD_ADDRESS 17 /* family, and 4 or 16 bytes: sorts as addresses do */

struct bh_record_address {
	uint8_t b[BH_RECORD_ADDRESS];
	uint8_t len; /* 0: none */
};

/* What is asked for; words that are not there are "". */
struct bh_record_row {
	uint64_t time_ns;
	char type[BH_RECORD_WORD], kind[BH_RECORD_WORD], event[BH_RECORD_WORD];
	char src_segment[BH_RECORD_WORD], dst_segment[BH_RECORD_WORD];
	char rule[BH_RECORD_WORD], verdict[BH_RECORD_WORD], mode[BH_RECORD_WORD];
	char app[BH_RECORD_WORD], sensor[BH_RECORD_WORD];
	struct bh_record_address src, dst;
	unsigned severity;
	bool dropped;
};

/* Lines, each behind its length in 4 bytes. */
struct bh_record_batch {
	char *data;
	size_t len;
	uint64_t n;
};

struct bh_record {
	char path[512];
	int lock_fd; /* holds the lock of the file; closed after the databases */
	uint64_t keep_ns, keep_bytes;
	const struct bh_clock *clock;
	/* queue: `lock` */
	pthread_mutex_t lock;
	pthread_cond_t wake, settled;
	size_t cap; /* of a batch */
	struct bh_record_batch in;
	uint64_t given, done, lost;
	bool urgent, ending, failing;
	pthread_t thread;
	bool running;
	/* the thread's, and open's and close's */
	struct bh_record_batch out;
	sqlite3 *db;
	sqlite3_stmt *insert_event, *insert_line;
	uint64_t next;
	struct bh_record_row row;
	/* readers: `read_lock` */
	pthread_mutex_t read_lock;
	sqlite3 *reader;
	_Atomic uint64_t newest, oldest, stored, deleted, bytes;
};

/* ---- row.c ---------------------------------------------------------------------------------------- */

/* Any bytes: what is not found stays empty, and the time is `now_ns`. */
void bh_record_parse(struct bh_record_row *row, const char *line, size_t len, uint64_t now_ns);
/* "2026-01-02T03:04:05.678901+0000". 0: it is none. */
uint64_t bh_record_time(const char *text, size_t len);

/* ---- db.c ----------------------------------------------------------------------------------------- */

int bh_record_db_open(struct bh_record *r, struct bh_err *err);
void bh_record_db_close(struct bh_record *r);
/* Write r->out, all or nothing, and delete what is too old or too much. 0 or -errno. */
int bh_record_db_write(struct bh_record *r, struct bh_err *err);
/* -errno, with the database's words in err. */
int bh_record_db_err(const struct bh_record *r, sqlite3 *db, const char *doing, struct bh_err *err);

#endif
