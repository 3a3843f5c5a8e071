/* record: the events of the last days in one SQLite file, for whoever asks later.
 *
 * Usage     bh_record_open(), bh_record_line() for each EVE line, bh_record_query() and bh_record_get() for readers,
 *           bh_record_close().
 * Threads   bh_record_line() takes a lock for the length of a copy and never waits for the disk: a thread of the store's own
 *           writes what has come together, ten times a second or when a lot has. Readers are any control threads; they have
 *           a connection of their own and exclude one another, not the writer. No packet core.
 * Lifetime  params are copied.
 *
 * What a line says is read out of the line itself (row.c), so that the store holds what the event file holds. Numbers grow by
 * one with each event and are never given twice, also over restarts: the newest row stays, however old it is.
 *
 * WAL with synchronous=NORMAL: a power cut may cost what was written last; the file stays whole. What finds no room in the
 * queue is counted as lost: a disk that is slow or full costs events, and nothing else. A batch that could not be written is
 * tried again every second.
 */
#ifndef BH_RECORD_H
#define BH_RECORD_H

#include "../base/base.h"
#include "../conf/conf.h"

struct bh_record;

struct bh_record_params {
	const char *path;
	uint64_t keep_ns;             /* older events are deleted; 0: none is for its age */
	uint64_t keep_bytes;          /* the oldest are deleted beyond it; 0: none is for size */
	size_t queue_bytes;           /* that may wait for the disk; 0: 16 MiB, taken twice */
	const struct bh_clock *clock; /* NULL: the system's */
};

/* Makes the file (mode 0600) when it is not there. -EBUSY: another process has it; -EBADMSG: not such a file, or damaged;
 * else -errno. err says what to do. */
int bh_record_open(struct bh_record **out, const struct bh_record_params *p, struct bh_err *err);
/* Writes what waits, once. NULL is fine. */
void bh_record_close(struct bh_record *r);

/* One EVE line; a newline at its end is left out. What is no JSON object is stored without columns. */
void bh_record_line(struct bh_record *r, const char *line, size_t len);
/* Wait until all that was given before is on disk or lost. For tests, and ends. */
void bh_record_flush(struct bh_record *r);

struct bh_record_stats {
	uint64_t stored, lost;   /* since the start */
	uint64_t deleted;        /* by age or size */
	uint64_t oldest, newest; /* numbers; 0: there are none */
	uint64_t bytes;          /* of the file, but for what is free in it */
	bool failing;            /* what was tried last could not be written */
};
void bh_record_stats(struct bh_record *r, struct bh_record_stats *out);
uint64_t bh_record_newest(const struct bh_record *r);

/* An end of an event: the name of a segment, an address or a prefix; empty: any. */
struct bh_record_end {
	const char *segment;      /* NULL: any */
	struct bh_prefix address; /* family 0: any */
};

/* All that is set must hold. */
struct bh_record_filter {
	uint64_t since_ns, until_ns; /* wall clock, both included; until 0: none */
	const char *kind;            /* as bulkhead.kind, else event_type or bulkhead.event */
	struct bh_record_end from, to, either;
	const char *segment;      /* of either end */
	struct bh_prefix address; /* of either end */
	const char *rule;
	const char *verdict;     /* "drop": whatever was kept from arriving */
	const char *application; /* app_proto */
	unsigned severity;       /* 1 high .. 3 low: so severe or more; 0: any */
};

struct bh_record_query {
	struct bh_record_filter filter;
	uint64_t after, before; /* numbers, neither included; before 0: none */
	bool oldest_first;
	size_t max;
	uint64_t budget_ns; /* it may take; 0: any. A page may then hold less than it could */
};

/* line: `len` bytes and a NUL, until it returns. false: enough. */
typedef bool (*bh_record_fn)(void *arg, uint64_t id, const char *line, size_t len);

/* *reached: the number to go on behind (oldest first: as `after`, else as `before`), 0 when there is nothing more to be
 * looked at now. 0 or -errno. */
int bh_record_query(struct bh_record *r, const struct bh_record_query *q, bh_record_fn fn,
		    void *arg, uint64_t *reached, struct bh_err *err);
/* One. -ENOENT. */
int bh_record_get(struct bh_record *r, uint64_t id, bh_record_fn fn, void *arg, struct bh_err *err);

#endif
