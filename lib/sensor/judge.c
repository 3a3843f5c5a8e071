/* From matches of patterns to hits of rules. */
#include "sensor_priv.h"

#define FIRST_CAP 4u
#define LAST_CAP 4096u
#define EVIDENCE 128

void
bh_sensor_limit(struct bh_sensor_scan *s, enum bh_sensor_limit what)
{
	struct bh_sensor_worker *w = s->w;

	bh_sensor_tick(&w->c.limit[what], 1);
	if (w->params.limit != NULL)
		w->params.limit(w->params.arg, s->c, s->side, s->context, what);
}

/* ---- rules that have begun to match ------------------------------------------------------------------ */

/* The entry of a rule, or the free one where it would be. The table is never full. */
static struct bh_sensor_entry *
slot_of(const struct bh_sensor_progress *p, uint32_t rule)
{
	uint32_t i = rule * UINT32_C(2654435761) & (p->cap - 1);

	while (p->entry[i].rule != 0 && p->entry[i].rule != rule + 1)
		i = (i + 1) & (p->cap - 1);
	return &p->entry[i];
}

static struct bh_sensor_entry *
find(const struct bh_sensor_progress *p, uint32_t rule)
{
	struct bh_sensor_entry *e;

	if (p->n == 0)
		return NULL;
	e = slot_of(p, rule);
	return e->rule != 0 ? e : NULL;
}

static bool
grow(struct bh_sensor_worker *w, struct bh_sensor_progress *p)
{
	struct bh_sensor_progress next = {.n = p->n, .cap = p->cap != 0 ? p->cap * 4 : FIRST_CAP};
	uint32_t i;

	if (next.cap > LAST_CAP)
		return false;
	next.entry = bh_sensor_pool_take(&w->pool, next.cap * sizeof(*next.entry));
	if (next.entry == NULL)
		return false;
	memset(next.entry, 0, next.cap * sizeof(*next.entry));
	for (i = 0; i < p->cap; i++)
		if (p->entry[i].rule != 0)
			*slot_of(&next, p->entry[i].rule - 1) = p->entry[i];
	bh_sensor_pool_give(&w->pool, p->entry);
	*p = next;
	return true;
}

static struct bh_sensor_entry *
insert(struct bh_sensor_scan *s, struct bh_sensor_progress *p, uint32_t rule)
{
	struct bh_sensor_entry *e = find(p, rule);

	if (e != NULL)
		return e;
	if ((p->n + 1) * 4 > p->cap * 3 && !grow(s->w, p)) {
		bh_sensor_limit(s, BH_SENSOR_LIMIT_MEMORY);
		return NULL;
	}
	e = slot_of(p, rule);
	e->rule = rule + 1;
	p->n++;
	return e;
}

/* ---- does a rule want this connection, and is it told --------------------------------------------------- */

static bool
has_port(const struct bh_sensor_rule *r, uint16_t port)
{
	const struct bh_sensor_ports *p;
	bool listed = false, found = false;

	for (p = r->ports; p != NULL; p = p->next) {
		bool in = port >= p->low && port <= p->high;

		if (p->except && in)
			return false;
		listed |= !p->except;
		found |= !p->except && in;
	}
	return found || !listed;
}

static bool
applies(const struct bh_sensor_scan *s, const struct bh_sensor_judged *j)
{
	return j->sides & 1u << s->side &&
	       (j->rule->app == BH_APP_UNKNOWN || bh_app_is(s->c->app, j->rule->app)) &&
	       (j->rule->ports == NULL || has_port(j->rule, s->c->port));
}

static bool
bits_allow(const struct bh_sensor_conn *c, const struct bh_sensor_rule *r)
{
	const struct bh_sensor_bit *b;

	for (b = r->bits; b != NULL; b = b->next) {
		bool is = c->bits != NULL && c->bits[b->index / 64] >> b->index % 64 & 1;

		if ((b->op == BH_SENSOR_BIT_ISSET && !is) ||
		    (b->op == BH_SENSOR_BIT_ISNOTSET && is))
			return false;
	}
	return true;
}

static void
change_bits(struct bh_sensor_scan *s, const struct bh_sensor_rule *r)
{
	size_t bytes = (s->set->n_bits + 63) / 64 * sizeof(uint64_t);
	const struct bh_sensor_bit *b;

	for (b = r->bits; b != NULL; b = b->next) {
		uint64_t *word, bit = UINT64_C(1) << b->index % 64, was;

		if (b->op != BH_SENSOR_BIT_SET && b->op != BH_SENSOR_BIT_UNSET &&
		    b->op != BH_SENSOR_BIT_TOGGLE)
			continue;
		if (s->c->bits == NULL) {
			s->c->bits = bh_sensor_pool_take(&s->w->pool, bytes);
			if (s->c->bits == NULL) {
				bh_sensor_limit(s, BH_SENSOR_LIMIT_MEMORY);
				return;
			}
			memset(s->c->bits, 0, bytes);
		}
		word = &s->c->bits[b->index / 64];
		was = *word;
		*word = b->op == BH_SENSOR_BIT_SET     ? was | bit
			: b->op == BH_SENSOR_BIT_UNSET ? was & ~bit
						       : was ^ bit;
		s->bits |= *word != was;
	}
}

static void
report(struct bh_sensor_scan *s, const struct bh_sensor_judged *j, const struct bh_sensor_entry *e)
{
	struct bh_sensor_worker *w = s->w;
	struct bh_sensor_hit hit = {
		.sensor = j->rule->sensor,
		.rule = j->rule,
		.side = (uint8_t)s->side,
		.severity = j->severity,
		.message = s->c->side[s->side].message,
	};
	uint64_t to;

	if (e != NULL) {
		hit.context = e->context;
		hit.offset = e->offset;
		if (e->context == s->context && e->offset >= s->base &&
		    e->offset - s->base <= s->len && s->data != NULL) {
			to = e->offset - s->base;
			hit.len = to < EVIDENCE ? (size_t)to : EVIDENCE;
			hit.at = s->data + to - hit.len;
		}
	} else {
		hit.context = (uint8_t)__builtin_ctzll(j->contexts);
	}
	bh_sensor_tick(&w->c.hits, 1);
	if (w->params.report != NULL)
		w->params.report(w->params.arg, s->c, &hit);
}

/* All patterns say yes. Returns false when the rule still waits for a flowbit. */
static bool
fire(struct bh_sensor_scan *s, const struct bh_sensor_judged *j, const struct bh_sensor_entry *e)
{
	struct bh_sensor_worker *w = s->w;

	if (w->params.wanted != NULL && !w->params.wanted(w->params.arg, s->c, j->rule))
		return true;
	if (j->has_bits) {
		if (!bits_allow(s->c, j->rule))
			return false;
		change_bits(s, j->rule);
	}
	if (j->silent || !bh_sensor_threshold(w, s->c, j->rule, s->side))
		bh_sensor_tick(&w->c.suppressed, 1);
	else
		report(s, j, e);
	return true;
}

/* ---- completeness ------------------------------------------------------------------------------------ */

/* Contexts of this side whose bytes were not all looked at: what did not match there is not known. */
static uint64_t
unknown_of(const struct bh_sensor_scan *s)
{
	return s->c->side[s->side].lost;
}

/* at_end: of what the rule is about, so that negated patterns can be judged. */
static void
complete(struct bh_sensor_scan *s, uint32_t rule, bool at_end)
{
	struct bh_sensor_side *side = &s->c->side[s->side];
	const struct bh_sensor_judged *j = &s->set->rule[rule];
	struct bh_sensor_entry *e0 = find(&side->part[0], rule);
	struct bh_sensor_entry *e1 = j->flow != 0 ? find(&side->part[1], rule) : NULL;
	struct bh_sensor_entry *home = j->of_flow ? e1 : e0;
	uint64_t mask = (e0 != NULL ? e0->mask : 0) | (e1 != NULL ? e1->mask : 0);

	if ((home != NULL && home->mask & BH_SENSOR_FIRED) || (mask & j->need) != j->need)
		return;
	if (j->ban != 0 && (!at_end || mask & j->ban || unknown_of(s) & j->banned))
		return;
	if (fire(s, j, home != NULL ? home : e1) && home != NULL)
		home->mask |= BH_SENSOR_FIRED;
}

void
bh_sensor_match(struct bh_sensor_scan *s, const struct bh_sensor_unit *u, uint64_t to)
{
	struct bh_sensor_side *side = &s->c->side[s->side];
	const struct bh_sensor_judged *j = &s->set->rule[u->rule];
	struct bh_sensor_entry *e;

	bh_sensor_tick(&s->w->c.matches, 1);
	if (!applies(s, j))
		return;
	e = insert(s, &side->part[u->context == BH_SENSOR_PACKET], u->rule);
	if (e == NULL || e->mask & UINT64_C(1) << u->bit)
		return;
	e->mask |= UINT64_C(1) << u->bit;
	e->offset = to;
	e->context = u->context;
	if (!u->negated)
		complete(s, u->rule, false);
}

static void
judge_part(struct bh_sensor_scan *s, unsigned part, bool of_flow, bool at_end)
{
	struct bh_sensor_side *side = &s->c->side[s->side];
	const struct bh_sensor_progress *p = &side->part[part];
	uint32_t i, rule;

	for (i = 0; i < p->cap; i++) {
		if (p->entry[i].rule == 0)
			continue;
		rule = p->entry[i].rule - 1;
		/* A rule that is in both parts is judged in the message's. */
		if (s->set->rule[rule].of_flow == of_flow &&
		    (part == 0 || of_flow || find(&side->part[0], rule) == NULL))
			complete(s, rule, at_end);
	}
}

static void
judge_negated(struct bh_sensor_scan *s, bool of_flow, uint64_t seen)
{
	uint32_t i, rule;

	for (i = 0; i < s->set->n_negated; i++) {
		const struct bh_sensor_judged *j;

		rule = s->set->negated[i];
		j = &s->set->rule[rule];
		/* What matched there has an entry, and was judged with the others. */
		if (j->of_flow == of_flow && j->contexts & seen && applies(s, j) &&
		    find(&s->c->side[s->side].part[0], rule) == NULL &&
		    find(&s->c->side[s->side].part[1], rule) == NULL)
			complete(s, rule, true);
	}
}

void
bh_sensor_judge_again(struct bh_sensor_scan *s)
{
	unsigned side = s->side, rounds;

	/* Each round may set bits that others wait for; more than a few are a loop of toggles. */
	for (rounds = 0; s->bits && rounds < 4; rounds++) {
		s->bits = false;
		for (s->side = 0; s->side < 2; s->side++) {
			judge_part(s, 0, false, false);
			judge_part(s, 1, true, false);
		}
	}
	s->bits = false;
	s->side = side;
}

void
bh_sensor_judge_message(struct bh_sensor_scan *s)
{
	struct bh_sensor_side *side = &s->c->side[s->side];

	judge_part(s, 0, false, true);
	judge_part(s, 1, false, true);
	judge_negated(s, false, side->seen & ~BH_SENSOR_CONTEXT_BIT(BH_SENSOR_PACKET));
	bh_sensor_judge_again(s);
}

void
bh_sensor_judge_flow(struct bh_sensor_scan *s)
{
	struct bh_sensor_side *side = &s->c->side[s->side];

	judge_part(s, 1, true, true);
	judge_negated(s, true, side->seen & BH_SENSOR_CONTEXT_BIT(BH_SENSOR_PACKET));
	bh_sensor_judge_again(s);
}
