/* Segments by themselves, learned rules, promotion: each step is a commit of the store. Control core. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/learn/draft.h"
#include "daemon.h"

#define TICK_NS BH_NS_PER_SEC
#define SEGMENTS_NS                                                                                \
	(BH_NS_PER_SEC / 4) /* between looks for new endpoints: a burst of them is few revisions */
#define SEGMENTS_SHARE 8    /* looks take one part in so many of the control core's time */
#define RETRY_NS (30 * BH_NS_PER_SEC) /* after a commit that failed */
#define NEW_SEGMENTS 256              /* in one commit */
#define AUTHOR "gateway"

/* ---- commits ------------------------------------------------------------------------------------------- */

static int
commit(struct bh_daemon *d, const struct bh_buf *text, const char *why, struct bh_err *err)
{
	const struct bh_api_commit in = {.text = text->data,
					 .len = text->len,
					 .author = AUTHOR,
					 .why = why};
	struct bh_policy_change change;

	return bh_daemon_commit(d, &in, &change, err);
}

/* Endpoints that are in no segment get one by their labels. Returns how many, or -errno. */
static int
make_segments(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_buf lines = {0}, names = {0}, text = {0}, out = {0}, why = {0};
	unsigned n = bh_learn_new_segments(d->policy, bh_learn_labels(d->learn), NEW_SEGMENTS,
					   &lines, &names);
	int rc = 0;

	if (n == 0)
		goto out;
	bh_policy_text(d->policy, &text);
	bh_buf_printf(&why, "segments of new endpoints: %.800s", names.data);
	rc = bh_document_add_segments(text.len != 0 ? text.data : "", text.len, lines.data, &out,
				      err);
	if (rc == 0)
		rc = commit(d, &out, why.data, err);
out:
	bh_buf_free(&lines);
	bh_buf_free(&names);
	bh_buf_free(&text);
	bh_buf_free(&out);
	bh_buf_free(&why);
	return rc != 0 ? rc : (int)n;
}

/* The learned part of the document anew. */
static int
commit_rules(struct bh_daemon *d, const char *why, struct bh_err *err)
{
	struct bh_buf text = {0}, old = {0}, all = {0}, kept = {0}, learned = {0}, out = {0};
	struct bh_learned *o = NULL;
	int rc = bh_learn_proposal(d->learn, d->policy, (uint32_t)d->config.max_endpoints, &o, err);

	if (rc != 0)
		return rc;
	bh_policy_text(d->policy, &text);
	if (text.len != 0)
		bh_document_learned(text.data, text.len, &old);
	if (old.len != 0)
		bh_document_selectors(old.data, old.len, &all);
	if (all.len != 0)
		bh_learn_supersede(bh_learn_labels(d->learn), all.data, all.len, &kept);
	bh_learned_yaml(o, kept.len != 0 ? kept.data : "", &learned);
	rc = text.failed || old.failed || all.failed || kept.failed || learned.failed
		     ? bh_err_set(err, ENOMEM, "out of memory")
		     : bh_document_with(text.len != 0 ? text.data : "", text.len, learned.data,
					&out, err);
	if (rc == 0)
		rc = commit(d, &out, why, err);
	bh_learned_free(o);
	bh_buf_free(&text);
	bh_buf_free(&old);
	bh_buf_free(&all);
	bh_buf_free(&kept);
	bh_buf_free(&learned);
	bh_buf_free(&out);
	return rc;
}

/* ---- who may be promoted --------------------------------------------------------------------------------- */

struct list {
	struct bh_daemon *d;
	struct bh_api_learn_segment *item;
	size_t n, room;
	bool failed;
};

static bool
list_segment(void *arg, const struct bh_segment_info *s)
{
	struct list *l = arg;
	struct bh_api_learn_segment *p;

	if (s->reserved || strncmp(s->name, "host-", 5) == 0)
		return true;
	if (l->n == l->room) {
		l->room = l->room != 0 ? 2 * l->room : 64;
		p = realloc(l->item, l->room * sizeof(*p));
		if (p == NULL) {
			l->failed = true;
			return false;
		}
		l->item = p;
	}
	p = &l->item[l->n++];
	*p = (struct bh_api_learn_segment){.mode = s->mode, .origin = s->mode_origin};
	snprintf(p->name, sizeof(p->name), "%s", s->name);
	return true;
}

/* What was known of it before: since when it has its mode. */
static uint64_t
since_of(const struct bh_daemon *d, const struct bh_api_learn_segment *s, size_t at, uint64_t now)
{
	size_t i;

	/* Mostly nothing has come or gone. */
	if (at < d->n_learn_segments && strcmp(d->learn_segment[at].name, s->name) == 0)
		i = at;
	else
		for (i = 0; i < d->n_learn_segments; i++) {
			if (strcmp(d->learn_segment[i].name, s->name) == 0)
				break;
		}
	if (i == d->n_learn_segments)
		return 0;
	return d->learn_segment[i].mode == s->mode ? d->learn_segment[i].since_ns : now;
}

static void
decide(struct bh_daemon *d, struct bh_api_learn_segment *s, size_t at,
       const struct bh_learn_counts *c)
{
	const struct bh_promotion_params p = {.quiet_ms = d->config.learn_quiet_ms,
					      .monitor_ms = d->config.learn_monitor_ms,
					      .upto = (uint8_t)d->config.learn_promote};
	struct bh_promotion_facts f = {.mode = s->mode,
				       .started_ns = c->started_ns,
				       .lost_ns = c->lost_ns,
				       .now_ns = bh_clock_system.wall_ns(NULL)};

	f.since_ns = since_of(d, s, at, f.now_ns);
	s->since_ns = f.since_ns;
	bh_learn_segment(d->learn, s->name, &f.times);
	s->times = f.times;
	bh_learn_promotion(&p, &f, &s->promotion);
	if (s->origin == BH_MODE_WRITTEN)
		s->promotion.hold = BH_HOLD_WRITTEN;
	else if (s->origin == BH_MODE_OVERRIDDEN)
		s->promotion.hold = BH_HOLD_OVERRIDDEN;
	if (s->promotion.hold != BH_HOLD_NONE)
		s->promotion.to = s->mode;
}

static int
look_at_segments(struct bh_daemon *d)
{
	struct list l = {.d = d};
	struct bh_learn_counts c;
	size_t i;

	bh_learn_counts(d->learn, &c);
	bh_policy_segments_each(d->policy, list_segment, &l);
	if (l.failed) {
		free(l.item);
		return -ENOMEM;
	}
	for (i = 0; i < l.n; i++)
		decide(d, &l.item[i], i, &c);
	pthread_mutex_lock(&d->learn_lock);
	free(d->learn_segment);
	d->learn_segment = l.item;
	d->n_learn_segments = l.n;
	pthread_mutex_unlock(&d->learn_lock);
	return 0;
}

/* ---- promotion -------------------------------------------------------------------------------------------- */

static void
tell(struct bh_daemon *d, const char *text)
{
	bh_log(BH_LOG_INFO, "learning: %s", text);
	bh_daemon_record(d, BH_EVENT_PROMOTED, NULL, text);
}

/* Rules first: a segment is never stricter than what is known of it. */
static int
promote(struct bh_daemon *d, struct bh_mode_change *change, size_t n, struct bh_err *err)
{
	struct bh_buf why = {0};
	size_t i;
	int rc;

	bh_buf_str(&why, "promoted: ");
	for (i = 0; i < n && why.len < 800; i++)
		bh_buf_printf(&why, "%s%s to %s", i != 0 ? ", " : "", change[i].segment,
			      bh_mode_name(change[i].mode));
	if (i < n)
		bh_buf_printf(&why, " and %zu more", n - i);
	rc = why.failed ? bh_err_set(err, ENOMEM, "out of memory") : commit_rules(d, why.data, err);
	if (rc == 0)
		rc = bh_daemon_modes_set(d, change, n,
					 &(struct bh_api_commit){.author = AUTHOR, .why = why.data},
					 err);
	if (rc == 0)
		tell(d, why.data);
	bh_buf_free(&why);
	return rc;
}

static int
promote_ready(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_mode_change *change = calloc(d->n_learn_segments + 1, sizeof(*change));
	size_t i, n = 0;
	int rc = 0;

	if (change == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	for (i = 0; i < d->n_learn_segments; i++) {
		const struct bh_api_learn_segment *s = &d->learn_segment[i];

		if (s->promotion.to != s->mode)
			change[n++] = (struct bh_mode_change){.segment = s->name,
							      .mode = s->promotion.to};
	}
	if (n != 0)
		rc = promote(d, change, n, err);
	free(change);
	return rc;
}

/* New segments, and when to look again: a full commit left some over, a model of many endpoints takes its time. */
static int
segments_tick(struct bh_daemon *d, uint64_t now, struct bh_err *err)
{
	int rc = make_segments(d, err);
	uint64_t rest = SEGMENTS_SHARE * (bh_clock_system.mono_ns(NULL) - now);

	if (rest > TICK_NS)
		rest = TICK_NS;
	if (rc == NEW_SEGMENTS)
		d->learn_segments_ns = now;
	else
		d->learn_segments_ns = now + (rest > SEGMENTS_NS ? rest : SEGMENTS_NS);
	return rc;
}

void
bh_daemon_promotion_tick(struct bh_daemon *d, uint64_t now)
{
	bool promotes = d->config.learn_promote != BH_MODE_DISCOVER;
	struct bh_err err = {0};
	int rc;

	if (d->learn == NULL || d->store == NULL || (!promotes && !d->config.learn_segments) ||
	    now < d->learn_segments_ns)
		return;
	rc = segments_tick(d, now, &err);
	promotes &= now >= d->learn_tick_ns;
	if (promotes)
		d->learn_tick_ns = now + TICK_NS;
	if (rc >= 0 && promotes)
		rc = look_at_segments(d);
	if (rc >= 0 && promotes)
		rc = promote_ready(d, &err);
	if (rc >= 0)
		return;
	d->learn_segments_ns = d->learn_tick_ns = now + RETRY_NS;
	/* A revision that waits for its confirmation goes first. */
	if (rc != -EALREADY)
		bh_log(BH_LOG_ERROR, "learning: no new segments or promotion, trying again: %s",
		       err.what);
}

/* ---- what is learned outlives what is written -------------------------------------------------------------- */

int
bh_daemon_carry_learned(struct bh_daemon *d, const char *text, size_t len, struct bh_buf *out,
			struct bh_err *err)
{
	struct bh_buf force = {0};
	bool carried;
	int rc;

	bh_policy_text(d->policy, &force);
	rc = force.failed ? bh_err_set(err, ENOMEM, "out of memory")
			  : bh_document_carry(&force, text, len, out, &carried, err);
	/* As it is: the caller has it already. */
	if (rc == 0 && !carried)
		bh_buf_reset(out);
	bh_buf_free(&force);
	return rc;
}

void
bh_daemon_keep_learned(struct bh_daemon *d, const struct bh_buf *before)
{
	struct bh_buf text = {0}, out = {0};
	struct bh_err err = {0};
	bool carried = false;
	int rc = 0;

	if (before->len == 0 || before->failed)
		return;
	bh_policy_text(d->policy, &text);
	if (text.len != 0)
		rc = bh_document_carry(before, text.data, text.len, &out, &carried, &err);
	if (rc == 0 && carried)
		rc = commit(d, &out,
			    "learned rules, and those of clusters, go on beside the policy file",
			    &err);
	if (rc != 0)
		bh_log(BH_LOG_ERROR,
		       "the policy file came into force without learned rules and those of "
		       "clusters: %s",
		       err.what);
	bh_buf_free(&text);
	bh_buf_free(&out);
}

static bool
find_in_force(void *arg, const struct bh_revision *r)
{
	if (r->state != BH_REVISION_APPLIED && r->state != BH_REVISION_CONFIRMED)
		return true;
	*(uint32_t *)arg = r->number;
	return false;
}

static bool
take_text(void *arg, const struct bh_revision *r)
{
	if (r->text != NULL)
		bh_buf_add(arg, r->text, r->size);
	return false;
}

void
bh_daemon_stored(struct bh_daemon *d, struct bh_buf *out)
{
	uint32_t number = 0;

	if (bh_store_revisions(d->store, 0, 100, find_in_force, &number, NULL) == 0 && number != 0)
		bh_store_revision(d->store, number, take_text, out, NULL);
}

/* ---- for the API --------------------------------------------------------------------------------------------- */

bool
bh_daemon_learn_segment(void *arg, size_t index, struct bh_api_learn_segment *out)
{
	struct bh_daemon *d = arg;
	bool there;

	pthread_mutex_lock(&d->learn_lock);
	there = index < d->n_learn_segments;
	if (there)
		*out = d->learn_segment[index];
	pthread_mutex_unlock(&d->learn_lock);
	return there;
}
