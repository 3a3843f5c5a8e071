/* Where events go: the file, the store that the API reads, and sinks. A line is formatted once for all. */
#include "daemon.h"

#define DAY_NS (86400 * BH_NS_PER_SEC)

int
bh_daemon_events_join(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_record_params store = {.path = d->config.event_store,
					       .keep_ns = d->config.event_keep_days * DAY_NS,
					       .keep_bytes = d->config.event_keep_bytes};
	int rc = 0;

	if (store.path[0] != '\0')
		rc = bh_record_open(&d->event_store, &store, err);
	return rc == 0 ? bh_daemon_sinks_open(d, err) : rc;
}

void
bh_daemon_events_part(struct bh_daemon *d)
{
	bh_record_close(d->event_store);
	d->event_store = NULL;
	bh_daemon_sinks_close(d);
}

int
bh_daemon_events_open(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_eve_file_params file = {.path = d->config.eve_file, .names = &d->names};
	int rc = 0;

	if (file.path[0] != '\0')
		rc = bh_eve_file_open(&d->eve, &file, err);
	return rc == 0 ? bh_daemon_events_join(d, err) : rc;
}

void
bh_daemon_events_close(struct bh_daemon *d)
{
	bh_eve_file_close(d->eve);
	bh_daemon_events_part(d);
	bh_buf_free(&d->event_line);
}

bool
bh_daemon_events_wanted(const struct bh_daemon *d)
{
	return d->eve != NULL || d->event_store != NULL || d->n_sinks != 0;
}

static void
put(struct bh_daemon *d, const struct bh_sink_record *r)
{
	if (d->eve != NULL)
		bh_eve_file_line(d->eve, r->line, r->len);
	if (d->event_store != NULL)
		bh_record_line(d->event_store, r->line, r->len);
	bh_daemon_sinks_put(d, r);
}

/* What stands in d->event_line, without its newline. */
static void
put_formatted(struct bh_daemon *d, struct bh_sink_record *r)
{
	struct bh_buf *b = &d->event_line;

	if (b->failed || b->len <= 1)
		return;
	b->data[b->len - 1] = '\0';
	r->line = b->data;
	r->len = b->len - 1;
	put(d, r);
}

void
bh_daemon_put_event(struct bh_daemon *d, const struct bh_event *e)
{
	struct bh_sink_record r = {.time_ns = e->time_ns, .event = e, .names = &d->names};

	bh_buf_reset(&d->event_line);
	bh_eve_format(&d->event_line, e, &d->names);
	put_formatted(d, &r);
}

void
bh_daemon_put_note(struct bh_daemon *d, const struct bh_eve_note *note)
{
	struct bh_sink_record r = {.time_ns = note->time_ns};

	if (!bh_daemon_events_wanted(d))
		return;
	bh_buf_reset(&d->event_line);
	bh_eve_format_note(&d->event_line, note);
	put_formatted(d, &r);
}

void
bh_daemon_put_line(struct bh_daemon *d, const char *line, size_t len)
{
	put(d, &(struct bh_sink_record){.time_ns = bh_clock_system.wall_ns(NULL),
					.line = line,
					.len = len});
}

void
bh_daemon_events_flush(struct bh_daemon *d)
{
	if (d->eve != NULL)
		d->eve_rc = bh_eve_file_flush(d->eve);
}
