/* sink: where events go. An EVE file: one JSON object a line; and sinks elsewhere, see further below. IPFIX: ipfix.h.
 *
 * Usage     bh_eve_file_open(), bh_eve_file_write() per batch of events, bh_eve_file_flush() once a turn,
 *           bh_eve_file_reopen() after the file was rotated away, bh_eve_file_close().
 * Threads   one control thread. Only standard output can block it, as long as its reader does.
 * Lifetime  the path is copied.
 *
 * Only whole lines. What cannot be written (disk full) waits in a bounded buffer; when that is full too,
 * the newest lines are lost and counted, and one log line says so per episode. A line that the
 * system took in part is cut off the file again, or, where that cannot be (pipe), finished first.
 */
#ifndef BH_SINK_H
#define BH_SINK_H

#include "../base/base.h"
#include "../base/sink.h"
#include "../event/event.h"

struct bh_eve_file;

struct bh_eve_file_params {
	const char *path;   /* "-" = standard output; else appended to, made with mode 0640 */
	bool replace;       /* what the file held is dropped */
	size_t buffer_size; /* bytes that may wait, 0 = 1 MiB; at least 4 KiB */
	const struct bh_event_names *names; /* must outlive the file; may be NULL */
};

struct bh_eve_file_stats {
	uint64_t lines;    /* written */
	uint64_t lost;     /* lines that found no room */
	uint64_t episodes; /* times that writing began to fail */
};

/* 0 or -errno with err set. */
int bh_eve_file_open(struct bh_eve_file **out, const struct bh_eve_file_params *params,
		     struct bh_err *err);
/* Format the events in n slots, as bh_event_pop filled them; writes when 64 KiB have come together. */
void bh_eve_file_write(struct bh_eve_file *f, const struct bh_event *e, unsigned n);
void bh_eve_file_note(struct bh_eve_file *f, const struct bh_eve_note *note);
/* One line, without its newline, that the caller has formatted (stats). */
void bh_eve_file_line(struct bh_eve_file *f, const char *line, size_t len);
/* Try to write all that waits. 0 or -errno of the write that failed. */
int bh_eve_file_flush(struct bh_eve_file *f);
/* Flush to the old file, then open the path anew. On error the old one stays in use. Standard output: only
 * flushes. */
int bh_eve_file_reopen(struct bh_eve_file *f, struct bh_err *err);
void bh_eve_file_stats(const struct bh_eve_file *f, struct bh_eve_file_stats *out);
/* Flushes; what cannot be written is lost and logged. 0 or -errno: not every line was written. NULL is
 * fine. */
int bh_eve_file_close(struct bh_eve_file *f);

/* ---- sinks elsewhere: syslog ... (base/sink.def) ------------------------------------------------------
 *
 * Usage     bh_sink_open(), bh_sink_put() for each record, bh_sink_close().
 * Threads   bh_sink_put: one control thread; it copies a few hundred bytes and never waits for disk or network. All
 *           else is done by two threads of the sink's own, one that writes the spool and one that sends. bh_sink_stats: any thread.
 * Lifetime  params are copied.
 *
 * What is put goes through memory (1 MiB) to a spool on disk, and from there out. A target that is away is tried again
 * after 0.2 s, then twice as long each time, up to 30 s. What finds no room, in memory or spool, is lost and counted: the
 * newest. Records are numbered; a number that is missing was lost. Records arrive in order, each at least once: what was
 * sent in the last second before a connection broke is sent again with the same number, because nobody can know whether
 * the target had read it.
 */
struct bh_sink;

/* Bits, in the order of base/sink_kind.def. */
enum bh_sink_kind_bit {
#define BH_SINK_KIND(sym, type) BH_SINK_BIT_##sym,
#include "../base/sink_kind.def"
#undef BH_SINK_KIND
	BH_SINK_KINDS
};
enum bh_sink_kind {
#define BH_SINK_KIND(sym, type) BH_SINK_KIND_##sym = 1 << BH_SINK_BIT_##sym,
#include "../base/sink_kind.def"
#undef BH_SINK_KIND
};

struct bh_sink_params {
	enum bh_sink_type type;
	const char *name;                      /* of the spool's folder, in logs and metrics */
	const char *to;                        /* "udp://host:port", "tcp://[::1]:601" ... */
	unsigned form;                         /* index among the forms of its line in sink.def */
	unsigned kinds;                        /* enum bh_sink_kind, any of them */
	const char *secret;                    /* or NULL */
	const struct bh_sink_options *options; /* NULL: the defaults */
	const char *host;     /* this machine's name, for headers; NULL: asked of the system */
	const char *spool;    /* folder of all spools; is made */
	uint64_t spool_bytes; /* of this one's files */
	unsigned retry_ms[2]; /* first and longest wait; 0: 200, 30000 */
	unsigned settle_ms;   /* 0: 1000 */
	bool hold;            /* nothing is sent before bh_sink_begin */
};

/* One record. The line is its EVE form, without the newline; NULL for FLOW_ACTIVE, which has none. */
struct bh_sink_record {
	uint64_t time_ns; /* wall clock */
	const char *line;
	size_t len;
	const struct bh_event *event; /* NULL: it is about no packet */
	const struct bh_event_names *names;
};

struct bh_sink_stats {
	uint64_t put;           /* records of its kinds */
	uint64_t sent;          /* handed over; again after a connection broke */
	uint64_t lost;          /* found no room, or too long for the target */
	uint64_t failures;      /* attempts that failed */
	uint64_t waiting_bytes; /* in the spool, not sent yet */
	bool up;                /* the last attempt worked */
};

/* 0 or -errno with err set. */
int bh_sink_open(struct bh_sink **out, const struct bh_sink_params *params, struct bh_err *err);
/* Of a sink on hold: the process has given its rights away. Threads that libraries make (librdkafka) take no signals and
 * could not be confined later. */
void bh_sink_begin(struct bh_sink *s);
/* What is of none of its kinds is left out. */
void bh_sink_put(struct bh_sink *s, const struct bh_sink_record *r);
void bh_sink_stats(const struct bh_sink *s, struct bh_sink_stats *out);
/* Another secret: with the next thing that is sent. Any thread. 0, -EINVAL (it has none), -ENOMEM. */
int bh_sink_set_secret(struct bh_sink *s, const char *secret);
/* The same of the URL of a webhook. -EINVAL, too: it is none. */
int bh_sink_set_target(struct bh_sink *s, const char *to);
const char *bh_sink_name(const struct bh_sink *s);
const char *bh_sink_type_name(unsigned type);
const char *bh_sink_kind_name(enum bh_sink_kind kind); /* of one */
/* Tries half a second more to send what waits; the rest stays in the spool. NULL is fine. */
void bh_sink_close(struct bh_sink *s);
/* Of a line's "event_type". */
enum bh_sink_kind bh_sink_kind_of(const char *line);

#endif
