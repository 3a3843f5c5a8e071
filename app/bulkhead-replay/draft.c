/* draft: the capture once more, under another policy. Both models live until the end: the words of what was judged
 * are theirs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/learn/draft.h"
#include "replay.h"

struct replay_draft {
	struct bh_policy *policy[2]; /* in force, draft */
	const struct bh_view *view;  /* the draft's */
	struct replay_run run[2];
	unsigned at; /* the run that goes on */
};

/* As it would come into force: with the learned rules of the one that is. */
static int
load(struct replay *r, struct bh_policy *p, struct bh_err *err)
{
	struct bh_buf force = {0}, text = {0};
	size_t len;
	char *own;
	int rc = bh_file_read(r->o.draft, REPLAY_DRAFT_MAX, &own, &len, err);

	if (rc != 0)
		return rc;
	bh_policy_text(r->policy, &force);
	rc = bh_document_carry(&force, own, len, &text, NULL, err);
	if (rc == 0)
		rc = bh_policy_load_text(p, r->o.draft, text.data != NULL ? text.data : "",
					 text.len, false, NULL, err);
	free(own);
	bh_buf_free(&force);
	bh_buf_free(&text);
	return rc;
}

int
replay_draft_open(struct replay *r, struct bh_err *err)
{
	struct replay_draft *d;
	int rc;

	if (r->o.draft == NULL)
		return 0;
	r->config.event_flows = true;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return bh_err_set(err, ENOMEM, "no memory");
	r->draft = d;
	d->policy[0] = r->policy;
	rc = replay_policy(r, &d->policy[1], &d->view, err);
	return rc == 0 ? load(r, d->policy[1], err) : rc;
}

void
replay_draft_close(struct replay_draft *d)
{
	unsigned i;

	for (i = 0; d != NULL && i < 2; i++) {
		bh_policy_destroy(d->policy[i]);
		free(d->run[i].item);
	}
	free(d);
}

/* ---- what is said of connections ------------------------------------------------------------------------- */

static struct replay_judged *
append(struct replay_run *run)
{
	size_t room = run->room != 0 ? 2 * run->room : 1024;
	struct replay_judged *p;

	if (run->failed)
		return NULL;
	if (run->n == run->room) {
		p = realloc(run->item, room * sizeof(*p));
		if (p == NULL) {
			run->failed = true;
			return NULL;
		}
		run->item = p;
		run->room = room;
	}
	return &run->item[run->n++];
}

static uint32_t
service_of(const struct bh_event *e)
{
	uint32_t proto = (uint32_t)e->key.proto << 16;

	switch (e->key.proto) {
	case 6:
	case 17:
	case 132:
		return proto | e->key.port[1 - (e->initiator & 1)];
	case 1:
	case 58:
		return proto | e->service;
	default:
		return proto;
	}
}

static void
take(struct replay *r, const struct bh_event *e)
{
	struct replay_draft *d = r->draft;
	struct bh_policy *p = d->policy[d->at];
	struct replay_judged *j;
	unsigned i;

	if ((e->type != BH_EVENT_FLOW && e->type != BH_EVENT_VIOLATION) || !e->has_flow)
		return;
	j = append(&d->run[d->at]);
	if (j == NULL)
		return;
	*j = (struct replay_judged){.key = e->key,
				    .flow_id = e->flow_id,
				    .start_ns = e->start_ns,
				    .service = service_of(e),
				    .app = e->app,
				    .client = e->initiator & 1,
				    .verdict = e->verdict,
				    .reason = e->reason,
				    .flow = e->type == BH_EVENT_FLOW};
	/* A violation says what protect would do. */
	if (!j->flow && e->mode != BH_MODE_PROTECT)
		j->verdict = BH_VERDICT_VIOLATE;
	j->rule = bh_policy_rule_name(p, e->rule);
	for (i = 0; i < 2; i++)
		j->segment[i] = bh_policy_segment_name(p, e->segment[i ^ j->client]);
}

void
replay_draft_take(struct replay *r, const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;

	for (; r->draft != NULL && e < end; e = bh_event_after(e))
		take(r, e);
}

/* ---- the second run --------------------------------------------------------------------------------------- */

static int
end_run(struct replay *r, struct bh_err *err)
{
	struct replay_draft *d = r->draft;
	struct replay_run *run = &d->run[d->at];
	struct bh_counters c;

	replay_totals(r, &c);
	if (c.events_lost != 0)
		return bh_err_set(err, EIO,
				  "%llu events were lost: raise events.ring to compare with a "
				  "draft",
				  (unsigned long long)c.events_lost);
	if (run->failed)
		return bh_err_set(err, ENOMEM, "no memory for %zu connections", run->n);
	replay_changes_sort(run);
	return 0;
}

int
replay_draft_run(struct replay *r, FILE *out, size_t *changed, struct bh_err *err)
{
	struct replay_draft *d = r->draft;
	struct replay_changes c = {.run = {&d->run[0], &d->run[1]},
				   .name = r->o.draft,
				   .table = out};
	bool standard = r->o.changes != NULL && strcmp(r->o.changes, "-") == 0;
	int rc = end_run(r, err);

	d->at = 1;
	if (rc == 0)
		rc = replay_again(r, d->policy[1], &d->view, err);
	if (rc != 0)
		return rc;
	replay_feed(r);
	rc = end_run(r, err);
	if (rc != 0)
		return rc;
	if (r->o.changes != NULL) {
		c.json = standard ? stdout : fopen(r->o.changes, "we");
		if (c.json == NULL)
			return bh_err_set(err, errno, "cannot write %s: %s", r->o.changes,
					  strerror(errno));
	}
	rc = replay_changes_print(&c, err);
	if (c.json != NULL && (standard ? fflush(c.json) : fclose(c.json)) != 0 && rc == 0)
		rc = bh_err_set(err, errno, "cannot write %s: %s", r->o.changes, strerror(errno));
	*changed = c.changed;
	return rc;
}
