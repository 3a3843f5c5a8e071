/* A draft beside live traffic. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "shadow.h"

#define LOOK_MAX 65536            /* open flows judged in one look: some 0.2 s */
#define SLOTS (2 * BH_SHADOW_MAX) /* of the index: at most half full */

struct difference {
	struct bh_shadow_difference d;
	uint64_t hash;
};

struct bh_shadow {
	const struct bh_event_names *names;
	uint32_t on; /* written under the lock, read by bh_shadow_events without (relaxed) */
	pthread_mutex_t lock; /* all below */
	struct bh_draft *draft;
	struct bh_policy *p;
	struct bh_shadow_state state;
	struct difference item[BH_SHADOW_MAX];
	uint32_t n;
	uint32_t looked;       /* flows of the look that goes on */
	uint32_t slot[SLOTS];  /* index + 1; 0: free */
	struct bh_arena arena; /* words of the differences */
};

int
bh_shadow_create(struct bh_shadow **out, const struct bh_event_names *names)
{
	struct bh_shadow *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->names = names;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

static void
end(struct bh_shadow *s)
{
	__atomic_store_n(&s->on, 0, __ATOMIC_RELAXED);
	s->state.on = false;
	bh_draft_close(s->draft);
	s->draft = NULL;
}

void
bh_shadow_destroy(struct bh_shadow *s)
{
	if (s == NULL)
		return;
	end(s);
	bh_arena_free(&s->arena);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int
bh_shadow_start(struct bh_shadow *s, const struct bh_shadow_params *params, struct bh_err *err)
{
	struct bh_draft_params p = {.name = params->name,
				    .from = params->p,
				    .max_endpoints = params->max_endpoints,
				    .mode = params->mode};
	struct bh_buf force = {0}, text = {0};
	struct bh_draft *draft = NULL;
	int rc;

	bh_policy_text(params->p, &force);
	rc = bh_document_carry(&force, params->text, params->len, &text, NULL, err);
	p.text = text.data;
	p.len = text.len;
	if (rc == 0)
		rc = bh_draft_open(&draft, &p, err);
	bh_buf_free(&force);
	bh_buf_free(&text);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&s->lock);
	end(s);
	bh_arena_free(&s->arena);
	memset(s->slot, 0, sizeof(s->slot));
	s->n = 0;
	s->draft = draft;
	s->p = params->p;
	s->state = (struct bh_shadow_state){.on = true,
					    .started = true,
					    .start_ns = bh_clock_system.wall_ns(NULL)};
	s->state.until_ns = s->state.start_ns + params->for_ms * BH_NS_PER_MS;
	__atomic_store_n(&s->on, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

bool
bh_shadow_stop(struct bh_shadow *s)
{
	bool was;

	pthread_mutex_lock(&s->lock);
	was = s->state.on;
	if (was)
		s->state.until_ns = bh_clock_system.wall_ns(NULL);
	end(s);
	pthread_mutex_unlock(&s->lock);
	return was;
}

/* ---- differences ------------------------------------------------------------------------------------------ */

static uint64_t
hash_text(uint64_t h, const char *text)
{
	do {
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	} while (*text++ != '\0');
	return h;
}

/* FNV-1a; what collides is compared. */
static uint64_t
hash_of(const struct bh_shadow_difference *d)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ d->service ^ (uint64_t)d->before << 40 ^
		     (uint64_t)d->after << 48;

	h = hash_text(hash_text(h, d->from), d->to);
	h = hash_text(h, d->app);
	return hash_text(hash_text(h, d->rule[0]), d->rule[1]);
}

static bool
is_same(const struct bh_shadow_difference *a, const struct bh_shadow_difference *b)
{
	return a->service == b->service && a->before == b->before && a->after == b->after &&
	       strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 &&
	       strcmp(a->app, b->app) == 0 && strcmp(a->rule[0], b->rule[0]) == 0 &&
	       strcmp(a->rule[1], b->rule[1]) == 0;
}

static const char *
keep(struct bh_shadow *s, const char *text)
{
	return bh_arena_text(&s->arena, text, strlen(text));
}

/* NULL: no room. */
static struct bh_shadow_difference *
find(struct bh_shadow *s, const struct bh_shadow_difference *d)
{
	uint64_t hash = hash_of(d);
	uint32_t at = (uint32_t)(hash % SLOTS);
	struct difference *x;

	for (; s->slot[at] != 0; at = (at + 1) % SLOTS) {
		x = &s->item[s->slot[at] - 1];
		if (x->hash == hash && is_same(&x->d, d))
			return &x->d;
	}
	if (s->n == BH_SHADOW_MAX)
		return NULL;
	x = &s->item[s->n];
	*x = (struct difference){.d = *d, .hash = hash};
	x->d.from = keep(s, d->from);
	x->d.to = keep(s, d->to);
	x->d.app = keep(s, d->app);
	x->d.rule[0] = keep(s, d->rule[0]);
	x->d.rule[1] = keep(s, d->rule[1]);
	if (x->d.from == NULL || x->d.to == NULL || x->d.app == NULL || x->d.rule[0] == NULL ||
	    x->d.rule[1] == NULL)
		return NULL;
	s->slot[at] = ++s->n;
	return &x->d;
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* What an event and an open flow say of a connection. */
struct sight {
	const struct bh_flow_key *key;
	unsigned client; /* end of the key */
	uint32_t segment[2];
	uint16_t icmp; /* type << 8 | code */
	uint16_t app;
	uint8_t verdict;
	bool decided; /* nothing more is asked about its application */
	bool ended;
	uint32_t rule;
	uint64_t now_ns;
};

static uint32_t
service_of(const struct sight *e)
{
	uint32_t proto = (uint32_t)e->key->proto << 16;

	switch (e->key->proto) {
	case 6:
	case 17:
	case 132:
		return proto | e->key->port[1 - e->client];
	case 1:
	case 58:
		return proto | e->icmp;
	default:
		return proto;
	}
}

/* The connection as one that was recorded. */
static void
describe(const struct bh_shadow *s, const struct sight *e, struct bh_conversation *c)
{
	*c = (struct bh_conversation){
		.service = service_of(e),
		.app = e->app != 0 ? or_empty(s->names->app(s->names->arg, e->app)) : "",
		.undecided = e->app == 0 && !e->decided && e->key->proto != 17,
		.family = e->key->family,
		.tenant = e->key->tenant,
	};
	memcpy(c->address[0], e->key->addr[e->client].b, 16);
	memcpy(c->address[1], e->key->addr[1 - e->client].b, 16);
}

static void
judge(struct bh_shadow *s, const struct sight *e)
{
	const struct bh_event_names *names = s->names;
	unsigned client = e->client, i;
	struct bh_shadow_difference d, *kept;
	struct bh_draft_verdict after;
	struct bh_conversation c;

	describe(s, e, &c);
	for (i = 0; i < 2; i++)
		bh_draft_follow(s->draft, s->p, c.address[i], c.family, c.tenant);
	bh_draft_judge(s->draft, &c, &after);
	s->state.connections += e->ended;
	s->state.unknown += e->ended && after.verdict == BH_VERDICT_PENDING;
	if (after.verdict == e->verdict)
		return;
	s->state.changed += e->ended;
	d = (struct bh_shadow_difference){
		.from = or_empty(names->segment(names->arg, e->segment[client])),
		.to = or_empty(names->segment(names->arg, e->segment[1 - client])),
		.service = c.service,
		.app = c.app,
		.before = e->verdict,
		.after = after.verdict,
		.rule = {e->rule != UINT32_MAX ? or_empty(names->rule(names->arg, e->rule)) : "",
			 after.rule},
	};
	kept = find(s, &d);
	if (kept == NULL) {
		s->state.no_room++;
		return;
	}
	kept->connections += e->ended;
	kept->open_now += !e->ended;
	kept->first_ns = kept->first_ns == 0 ? e->now_ns : kept->first_ns;
	kept->last_ns = e->now_ns;
	kept->family = c.family;
	kept->tenant = c.tenant;
	memcpy(kept->address, c.address, sizeof(kept->address));
}

static void
end_in_time(struct bh_shadow *s)
{
	if (s->state.on && bh_clock_system.wall_ns(NULL) >= s->state.until_ns)
		end(s);
}

/* Not what no policy judged. */
static bool
is_judged(const struct sight *e)
{
	return e->verdict != BH_VERDICT_NONE && e->segment[0] != UINT32_MAX &&
	       e->segment[1] != UINT32_MAX;
}

void
bh_shadow_events(struct bh_shadow *s, const struct bh_event *e, unsigned n)
{
	const struct bh_event *last = e + n;

	if (__atomic_load_n(&s->on, __ATOMIC_RELAXED) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	end_in_time(s);
	for (; s->state.on && e < last; e = bh_event_after(e)) {
		const struct sight x = {.key = &e->key,
					.client = e->initiator & 1,
					.segment = {e->segment[0], e->segment[1]},
					.icmp = e->service,
					.app = e->app,
					.verdict = e->verdict,
					.decided = e->app_done != 0,
					.ended = true,
					.rule = e->rule,
					.now_ns = e->time_ns};

		if (e->type == BH_EVENT_FLOW && e->has_flow && is_judged(&x))
			judge(s, &x);
	}
	pthread_mutex_unlock(&s->lock);
}

void
bh_shadow_look_begin(struct bh_shadow *s)
{
	uint32_t i;

	if (__atomic_load_n(&s->on, __ATOMIC_RELAXED) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	s->looked = 0;
	for (i = 0; i < s->n; i++)
		s->item[i].d.open_now = 0;
	pthread_mutex_unlock(&s->lock);
}

void
bh_shadow_look_flow(struct bh_shadow *s, const struct bh_flow *f)
{
	const struct sight x = {
		.key = &f->key,
		.client = f->flags & BH_FLAG_INITIATOR,
		.segment = {f->segment[0], f->segment[1]},
		.icmp = (uint16_t)(f->tcp_seen[0] << 8 | f->tcp_seen[1]),
		.app = f->app,
		/* Judged by operation it is pending to its end: up to here it was allowed. */
		.verdict = f->verdict == BH_VERDICT_PENDING && f->app != 0 ? BH_VERDICT_ALLOW
									   : f->verdict,
		.decided = (f->flags & BH_FLAG_APP_DONE) != 0,
		.rule = f->rule,
		.now_ns = bh_clock_system.wall_ns(NULL),
	};

	if (__atomic_load_n(&s->on, __ATOMIC_RELAXED) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	end_in_time(s);
	/* Open and not named yet: the next look knows more. */
	if (s->state.on && s->looked < LOOK_MAX && is_judged(&x) &&
	    (x.app != 0 || x.decided || x.verdict != BH_VERDICT_PENDING)) {
		s->looked++;
		judge(s, &x);
	}
	pthread_mutex_unlock(&s->lock);
}

void
bh_shadow_look_end(struct bh_shadow *s)
{
	uint32_t i;

	if (__atomic_load_n(&s->on, __ATOMIC_RELAXED) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < s->n; i++)
		s->item[i].d.open = s->item[i].d.open_now;
	pthread_mutex_unlock(&s->lock);
}

void
bh_shadow_each(struct bh_shadow *s, struct bh_shadow_state *state, bh_shadow_fn fn, void *arg)
{
	uint32_t i;

	pthread_mutex_lock(&s->lock);
	end_in_time(s);
	*state = s->state;
	for (i = 0; fn != NULL && i < s->n; i++) {
		if (!fn(arg, &s->item[i].d))
			break;
	}
	pthread_mutex_unlock(&s->lock);
}
