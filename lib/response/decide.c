/* Which rules an event meets, and what follows. */
#include <errno.h>
#include <stdio.h>

#include "response_priv.h"

static unsigned
on_of(const struct bh_event *e)
{
	switch (e->type) {
	case BH_EVENT_VIOLATION:
		return BH_ON_VIOLATION;
	case BH_EVENT_SENSOR:
		return BH_ON_SENSOR;
	case BH_EVENT_THREAT:
		return BH_ON_THREAT;
	default:
		return 0;
	}
}

static struct bh_prefix
host(const struct bh_event *e, unsigned end)
{
	struct bh_prefix p = {.family = e->key.family, .len = e->key.family == BH_IP6 ? 128 : 32};

	memcpy(p.addr, e->key.addr[end].b, sizeof(p.addr));
	return p;
}

/* Did both ends take part? An address that only sends may be forged. */
static bool
is_proven(const struct bh_event *e)
{
	return e->type == BH_EVENT_SENSOR ||
	       (e->has_flow &&
		(e->flow_state == BH_STATE_REPLIED || e->flow_state == BH_STATE_ESTABLISHED ||
		 e->flow_state == BH_STATE_FIN_WAIT || e->flow_state == BH_STATE_CLOSING));
}

static bool
class_fits(const char *pattern, const char *class_)
{
	size_t n = strcspn(pattern, "*");

	return pattern[n] == '*' ? strncmp(pattern, class_, n) == 0 : strcmp(pattern, class_) == 0;
}

static bool
classes_fit(const struct bh_response_rule *rule, const struct bh_event *e)
{
	char key[128], name[128];
	unsigned i;

	if (rule->n_classes == 0)
		return true;
	bh_response_class_of(e, BH_EVENT_SENSOR_KEY, key, sizeof(key));
	bh_response_class_of(e, BH_EVENT_SENSOR_RULE, name, sizeof(name));
	if (e->type == BH_EVENT_VIOLATION)
		snprintf(key, sizeof(key), "%s", bh_reason_name(e->reason));
	for (i = 0; i < rule->n_classes; i++) {
		if (class_fits(rule->class_[i], key) ||
		    (name[0] != '\0' && class_fits(rule->class_[i], name)))
			return true;
	}
	return false;
}

static bool
end_fits(struct bh_response *r, const struct bh_restriction_end *want, const struct bh_event *e,
	 unsigned end)
{
	struct bh_prefix p = host(e, end);

	if (want->address.family != 0)
		return bh_prefix_covers(&want->address, &p);
	return want->segment[0] == '\0' ||
	       bh_policy_address_in(r->p.policy, &p, e->key.tenant, want->segment);
}

/* As rules read a name: all that stands on it, and HTTP in either version. */
static bool
app_fits(unsigned wanted, const struct bh_event *e)
{
	return wanted == BH_APP_UNKNOWN || bh_app_is(e->app, (enum bh_app)wanted) ||
	       (wanted == BH_APP_HTTP && bh_app_is(e->app, BH_APP_HTTP2));
}

static bool
meets(struct bh_response *r, const struct bh_response_rule *rule, const struct bh_event *e)
{
	/* A violation has no severity of its own: medium. */
	unsigned severity = e->severity != 0 ? e->severity : 2, from = e->initiator & 1;

	return (rule->on & on_of(e)) != 0 && severity <= rule->severity && app_fits(rule->app, e) &&
	       (!rule->proven || is_proven(e)) && classes_fit(rule, e) &&
	       end_fits(r, &rule->end[0], e, from) && end_fits(r, &rule->end[1], e, 1 - from);
}

static bool
counted(struct bh_response_rule *rule, const struct bh_event *e)
{
	uint8_t key[BH_WINDOW_KEY] = {0};
	unsigned from = e->initiator & 1;

	if (rule->window == NULL)
		return true;
	if (rule->per == BH_PER_SOURCE || rule->per == BH_PER_PAIR)
		memcpy(key, e->key.addr[from].b, 16);
	if (rule->per == BH_PER_TARGET || rule->per == BH_PER_PAIR)
		memcpy(key + 16, e->key.addr[1 - from].b, 16);
	if (rule->per != BH_PER_ALL) {
		memcpy(key + 32, &e->key.tenant, sizeof(e->key.tenant));
		key[47] = e->key.family;
	}
	return bh_window_hit(rule->window, key, e->time_ns);
}

/* One more action by a rule? A minute's worth may come at once. */
static bool
within_limit(struct bh_response *r)
{
	uint64_t now = r->p.clock->mono_ns(r->p.clock->arg) / BH_NS_PER_MS;
	uint64_t full = (uint64_t)r->rules->limit * 60000;

	r->tokens = r->tokens_ms == 0 ? full : r->tokens + (now - r->tokens_ms) * r->rules->limit;
	r->tokens = r->tokens > full ? full : r->tokens;
	r->tokens_ms = now != 0 ? now : 1;
	if (r->tokens < 60000)
		return false;
	r->tokens -= 60000;
	return true;
}

static bool
some_endpoint(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	(void)arg;
	(void)e;
	(void)segments;
	(void)n;
	return false;
}

/* ---- orders ----------------------------------------------------------------------------------------- */

static void
block_end(const struct bh_response *r, const struct bh_rule_action *a, const struct bh_event *e,
	  unsigned end, struct bh_restriction_end *out)
{
	const char *name = e->segment[end] != UINT32_MAX
				   ? bh_policy_segment_name(r->p.policy, e->segment[end])
				   : "";

	memset(out, 0, sizeof(*out));
	if (a->segments && name[0] != '\0')
		snprintf(out->segment, sizeof(out->segment), "%s", name);
	else
		out->address = host(e, end);
}

static uint16_t
service_of(const struct bh_event *e)
{
	uint8_t proto = e->key.proto;

	if (proto == 6 || proto == 17 || proto == 132)
		return e->key.port[1 - (e->initiator & 1)];
	return e->service;
}

/* What an action is, for this event. */
static void
order_of(const struct bh_response *r, const struct bh_rule_action *a, const struct bh_event *e,
	 struct bh_restriction *out)
{
	unsigned from = e->initiator & 1;

	*out = (struct bh_restriction){.tenant = e->key.tenant, .last = BH_SERVICE_ANY_LAST};
	switch (a->act) {
	case BH_ACT_QUARANTINE:
		out->kind = BH_RESTRICTION_QUARANTINE;
		out->end[0].address = host(e, a->target ? 1 - from : from);
		out->path = a->path;
		out->n_paths = a->n_paths;
		break;
	case BH_ACT_BLOCK:
		out->kind = BH_RESTRICTION_BLOCK;
		block_end(r, a, e, from, &out->end[0]);
		block_end(r, a, e, 1 - from, &out->end[1]);
		if (a->what == BH_BLOCK_APPLICATION && e->app != BH_APP_UNKNOWN)
			out->app = (uint8_t)e->app;
		else if (a->what != BH_BLOCK_ANY)
			out->first = out->last = (uint32_t)e->key.proto << 16 | service_of(e);
		break;
	default:
		out->kind = BH_RESTRICTION_CUT;
		out->proto = e->key.proto;
		out->end[0].address = host(e, from);
		out->end[1].address = host(e, 1 - from);
		out->port[0] = e->key.port[from];
		out->port[1] = e->key.port[1 - from];
		break;
	}
}

/* The same is in force already. */
static bool
is_there(struct bh_response *r, const struct bh_restriction *x)
{
	size_t i;

	if (x->kind == BH_RESTRICTION_QUARANTINE)
		return bh_response_quarantine_of(r, &x->end[0].address, x->tenant) != NULL;
	for (i = 0; i < r->n_actions; i++) {
		const struct bh_restriction *y = &r->action[i]->r;

		if (y->kind == x->kind && y->tenant == x->tenant && y->first == x->first &&
		    y->last == x->last && y->app == x->app && y->proto == x->proto &&
		    memcmp(y->end, x->end, sizeof(y->end)) == 0 &&
		    memcmp(y->port, x->port, sizeof(y->port)) == 0)
			return true;
	}
	return false;
}

/* An address that nobody answered from, and that is no endpoint's, may be anybody's. */
static bool
may_be_forged(struct bh_response *r, const struct bh_restriction *x, const struct bh_event *e)
{
	const struct bh_prefix *p = &x->end[0].address;

	if (is_proven(e) || x->kind == BH_RESTRICTION_CUT || p->family == 0)
		return false;
	return !bh_policy_endpoint_resolve(r->p.policy, p->addr, p->family, x->tenant,
					   some_endpoint, NULL);
}

/* Who does it, and why, in words. */
struct motive {
	struct bh_response_rule *rule; /* NULL: the event asked by itself */
	const char *id;
	char by[160], why[160];
};

static void
enforce_one(struct bh_response *r, const struct bh_rule_action *a, const struct bh_event *e,
	    struct motive *m)
{
	struct bh_response_order o = {.for_ms = a->for_ms, .by = m->by, .why = m->why};
	struct bh_response_note note = {.cause = e,
					.action = bh_response_act_name(a->act),
					.rule = m->id,
					.by = m->by,
					.result = "done"};
	char target[400];
	struct bh_err err = {0};
	uint64_t id = 0;
	int rc;

	order_of(r, a, e, &o.what);
	if (is_there(r, &o.what))
		return;
	bh_response_object(&o.what, target, sizeof(target));
	note.target = target;
	note.why = m->why;
	if (may_be_forged(r, &o.what, e)) {
		note.result = "forged";
	} else if (!within_limit(r)) {
		note.result = "limit";
	} else {
		rc = bh_response_begin(r, &o, m->id, &id, &err);
		if (rc == 0)
			note.a = r->action[r->n_actions - 1];
		else
			note.result = rc == -EPERM ? "never" : "failed";
		if (rc != 0)
			note.why = err.what;
	}
	if (m->rule != NULL) {
		m->rule->acted += note.a != NULL;
		m->rule->left += note.a == NULL;
	}
	if (note.a != NULL)
		bh_log(BH_LOG_WARN, "%s, number %llu, by %s: %s", target, (unsigned long long)id,
		       m->by, m->why);
	bh_response_record(r, &note);
}

static unsigned
act(struct bh_response *r, const struct bh_rule_action *a, const struct bh_event *e,
    struct motive *m)
{
	bool acts = m->rule == NULL || (m->rule->modes & 1u << e->mode) != 0;
	struct bh_response_note note = {.action = bh_response_act_name(a->act),
					.cause = e,
					.rule = m->id,
					.by = m->by,
					.why = m->why,
					.result = acts ? "done" : "reported"};

	switch (a->act) {
	case BH_ACT_QUARANTINE:
	case BH_ACT_BLOCK:
	case BH_ACT_CUT:
		if (acts) {
			enforce_one(r, a, e, m);
			return 0;
		}
		m->rule->reported++;
		break;
	case BH_ACT_SUPPRESS:
		return BH_RESPONSE_SUPPRESS;
	case BH_ACT_CAPTURE:
		return BH_RESPONSE_CAPTURE;
	default:
		break;
	}
	bh_response_record(r, &note);
	return 0;
}

static unsigned
meet_rule(struct bh_response *r, struct bh_response_rule *rule, const struct bh_event *e)
{
	struct motive m = {.rule = rule, .id = rule->id};
	char class_[128];
	unsigned what = 0, i;

	if (!meets(r, rule, e))
		return 0;
	rule->events++;
	if (!counted(rule, e))
		return 0;
	rule->hits++;
	bh_response_class_of(e, BH_EVENT_SENSOR_KEY, class_, sizeof(class_));
	snprintf(m.by, sizeof(m.by), "response:%s", rule->id);
	snprintf(m.why, sizeof(m.why), "%s%s%s", bh_event_kind(e->type),
		 class_[0] != '\0' ? " " : "", class_);
	if (rule->window != NULL)
		snprintf(m.why + strlen(m.why), sizeof(m.why) - strlen(m.why), ", %u within %llu s",
			 rule->count, (unsigned long long)(rule->within_ms / 1000));
	for (i = 0; i < rule->n_actions; i++)
		what |= act(r, &rule->action[i], e, &m);
	return what;
}

/* The event itself asks for it: a sensor whose action is quarantine. */
static void
meet_wish(struct bh_response *r, const struct bh_event *e)
{
	struct bh_rule_action a = r->rules->asked;
	struct motive m = {.id = NULL};
	char class_[128];

	a.act = BH_ACT_QUARANTINE;
	a.target = e->respond == BH_RESPOND_QUARANTINE_TARGET;
	bh_response_class_of(e, BH_EVENT_SENSOR_KEY, class_, sizeof(class_));
	snprintf(m.by, sizeof(m.by), "sensor:%s", class_[0] != '\0' ? class_ : "?");
	snprintf(m.why, sizeof(m.why), "the action of the sensor");
	if (e->mode == BH_MODE_PROTECT)
		enforce_one(r, &a, e, &m);
	else
		bh_response_record(r, &(struct bh_response_note){.action = "quarantine",
								 .result = "reported",
								 .cause = e,
								 .by = m.by,
								 .why = m.why});
}

unsigned
bh_response_event(struct bh_response *r, const struct bh_event *e)
{
	unsigned what = 0, i;

	/* What a response refuses leads to no other. */
	if (on_of(e) == 0 || e->key.family == 0 || e->frame_kind != BH_FRAME_IP ||
	    bh_reason_is_restriction(e->reason))
		return 0;
	pthread_mutex_lock(&r->lock);
	for (i = 0; i < r->rules->n; i++)
		what |= meet_rule(r, &r->rules->rule[i], e);
	if (e->respond != BH_RESPOND_NONE)
		meet_wish(r, e);
	pthread_mutex_unlock(&r->lock);
	return what;
}
