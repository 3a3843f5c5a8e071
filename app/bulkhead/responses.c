/* Responses: the workers' events go to their rules; what these did goes to the event file. */
#include <errno.h>
#include <stdlib.h>

#include "daemon.h"

int
bh_daemon_responses_open(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_response_params p = {.policy = d->policy,
					     .store = d->store,
					     .rules = d->config.response_file};

	return bh_response_open(&d->response, &p, err);
}

void
bh_daemon_respond(struct bh_daemon *d, struct bh_event *e, unsigned n)
{
	struct bh_event *end = e + n;
	unsigned what;

	if (d->response == NULL)
		return;
	for (; e < end; e += 1 + e->n_text) {
		what = bh_response_event(d->response, e);
		if ((what & BH_RESPONSE_SUPPRESS) == 0)
			continue;
		if ((what & BH_RESPONSE_CAPTURE) != 0 && d->evidence != NULL)
			bh_evidence_offer(d->evidence, e);
		e->type = BH_EVENT_NONE;
	}
}

void
bh_daemon_responses_turn(struct bh_daemon *d)
{
	char *p, *nl;

	if (d->response == NULL)
		return;
	bh_response_tick(d->response);
	bh_buf_reset(&d->record);
	bh_response_take_records(d->response, &d->record);
	if (d->record.failed || d->record.len == 0)
		return;
	for (p = d->record.data; (nl = strchr(p, '\n')) != NULL; p = nl + 1)
		bh_daemon_put_line(d, p, (size_t)(nl - p));
	bh_daemon_events_flush(d);
}

void
bh_daemon_responses_reload(struct bh_daemon *d)
{
	struct bh_err err = {0};
	char text[1024];

	if (d->config.response_file[0] == '\0')
		return;
	if (bh_response_reload(d->response, &err) == 0) {
		bh_log(BH_LOG_INFO, "rules of responses in use: %s", d->config.response_file);
		return;
	}
	bh_err_format(&err, text, sizeof(text));
	bh_log(BH_LOG_ERROR, "rules of responses refused, those in use stay: %s", text);
}

int
bh_daemon_responses_check(struct bh_daemon *d, struct bh_err *err)
{
	char *text = NULL;
	size_t len;
	int rc;

	if (d->config.response_file[0] == '\0')
		return 0;
	rc = bh_file_read(d->config.response_file, 1u << 20, &text, &len, err);
	if (rc == 0)
		rc = bh_response_check(d->config.response_file, text, len, err);
	free(text);
	return rc;
}
