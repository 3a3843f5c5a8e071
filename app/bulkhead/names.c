/* Names that segments list: what DNS answers said, and what we asked for ourselves, into the policy. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

/* A line each: "pay.example.com 203.0.113.1". */
static void
record(struct bh_daemon *d, const struct bh_buf *lines, const char *what)
{
	struct bh_buf text = {0};
	const char *p = lines->data, *end;

	for (; p != NULL && *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		if (end == NULL)
			break;
		bh_buf_reset(&text);
		bh_buf_printf(&text, "%s: %.*s", what, (int)(end - p), p);
		bh_log(BH_LOG_INFO, "names: %s", text.data != NULL ? text.data : "");
		bh_daemon_record(d, BH_EVENT_SEGMENT_ADDRESS, NULL, text.data);
	}
	bh_buf_free(&text);
}

void
bh_daemon_names_take(struct bh_daemon *d, const struct bh_event *e, unsigned n)
{
	struct bh_buf told = {0};
	int rc = bh_gateway_take_answers(d->policy, e, n, bh_clock_system.mono_ns(NULL), &told);

	if (rc < 0)
		bh_log(BH_LOG_ERROR, "addresses of names are left out: %s",
		       rc == -ENOSPC ? "names.max is reached" : strerror(-rc));
	record(d, &told, "seen in an answer");
	bh_buf_free(&told);
	bh_gateway_names_in_force(d->gateway);
}

void
bh_daemon_names_tick(struct bh_daemon *d, uint64_t mono_ns)
{
	struct bh_buf told = {0};

	/* An answer that went on a moment ago, because its address was known, keeps that. */
	if (bh_policy_names_leave(d->policy, mono_ns) > 0)
		bh_daemon_take_events(d);
	if (bh_policy_names_expire(d->policy, mono_ns, &told) < 0)
		bh_log(BH_LOG_ERROR, "names keep addresses whose time is over: out of memory; "
				     "trying again");
	record(d, &told, "its time is over");
	bh_buf_reset(&told);
	if (d->resolve != NULL)
		bh_resolve_told(d->resolve, &told);
	record(d, &told, "asked for");
	bh_buf_free(&told);
}

int
bh_daemon_names_start(struct bh_daemon *d, struct bh_err *err)
{
	int rc = d->config.names_resolve ? bh_resolve_start(&d->resolve, d->policy, &d->config) : 0;

	return rc == 0 ? 0 : bh_err_set(err, -rc, "cannot start the resolver: %s", strerror(-rc));
}

void
bh_daemon_names_stop(struct bh_daemon *d)
{
	bh_resolve_stop(d->resolve);
	d->resolve = NULL;
}
