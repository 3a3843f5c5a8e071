/* sink: where events go. An EVE file: one JSON object a line.
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

#endif
