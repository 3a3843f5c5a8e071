/* The question that workers ask: who are these two, and may they talk? */
#include "policy_hot.h"
#include "policy_priv.h"

/* One end of a flow. */
struct end {
	uint32_t slot, generation;
	const struct bh_class *by_label, *by_address;
	uint64_t bits; /* of all segments that it is in, and any */
	bool unknown;  /* in no segment, or in `unknown` */
};

/* How often to look again when an address changes hands under our eyes. */
#define TRIES 4

/* The slot of an address and its generation, such that any change after this makes the stamp stale.
 *
 * The writer changes the table, then bumps the slot that the address resolved to before (release). We read
 * the generation (acquire), then resolve again: if that still gives this slot, the table as we saw it
 * had no change that this generation does not already count; a change that comes later bumps it. If
 * it gives another, that one is looked at the same way. After TRIES changes within a judgement, the
 * answer is right for this packet and its stamp made stale, so that the next packet asks again.
 *
 * Slots are not reused while we run (quiescence), so that what place[] and slot_class[] say is about
 * this address and no other. */
static void
resolve(const struct bh_view *v, const struct bh_flow_key *key, unsigned end, struct end *e)
{
	const uint8_t *addr = key->addr[end].b;
	uint32_t slot = bh_table_resolve(v->endpoints, addr, key->family, key->tenant), again;
	unsigned i;

	for (i = 0;; i++) {
		e->slot = slot;
		e->generation = __atomic_load_n(&v->generation[slot], __ATOMIC_ACQUIRE);
		again = bh_table_resolve(v->endpoints, addr, key->family, key->tenant);
		if (BH_LIKELY(again == slot))
			return;
		slot = again;
		if (i == TRIES)
			break;
	}
	e->slot = slot;
	e->generation = __atomic_load_n(&v->generation[slot], __ATOMIC_ACQUIRE) - 1;
}

static void
find_end(const struct bh_view *v, const struct bh_flow_key *key, unsigned end, struct end *e)
{
	const struct bh_snapshot *s = v->snapshot;
	uint32_t by_label = BH_CLASS_EMPTY, by_address;

	resolve(v, key, end, e);
	/* After the generation: labels newer than it only make the stamp stale. Acquire: the class was
	 * complete before its number was stored. */
	if (e->slot != 0)
		by_label = __atomic_load_n(&s->slot_class[e->slot], __ATOMIC_ACQUIRE);
	by_address = bh_range_class(s, key->addr[end].b, key->family);
	if (by_label == by_address || (e->slot != 0 && by_address <= BH_CLASS_UNKNOWN))
		by_address = BH_CLASS_EMPTY;
	e->by_label = &s->class_[by_label];
	e->by_address = &s->class_[by_address];
	e->bits = e->by_label->bits | e->by_address->bits | BH_SEG_ANY_BIT;
	e->unknown = by_address == BH_CLASS_UNKNOWN ||
		     (by_label == BH_CLASS_EMPTY && by_address == BH_CLASS_EMPTY);
}

/* The rule of a pair of segments for a service, if it comes before `best`. */
static inline uint32_t
ask_pair(const struct bh_snapshot *s, uint32_t from, uint32_t to, uint32_t service, uint32_t best)
{
	uint64_t key = (uint64_t)from << 32 | to;
	uint32_t i = (uint32_t)bh_pair_hash(s, key) & s->pair_mask, n, half;
	const struct bh_step *step;

	while (s->pair[i].n != 0 && s->pair[i].key != key)
		i = (i + 1) & s->pair_mask;
	if (s->pair[i].n == 0)
		return best;
	step = &s->step[s->pair[i].first];
	if (step->service > service)
		return best;
	for (n = s->pair[i].n; n > 1; n -= half) {
		half = n / 2;
		step += step[half].service <= service ? half : 0;
	}
	return step->rule < best ? step->rule : best;
}

/* One segment of the from-end against all of the to-end, and any. */
static uint32_t
ask_from(const struct bh_snapshot *s, uint32_t from, const struct end *to, uint32_t service,
	 uint32_t best)
{
	const struct bh_class *c[2] = {to->by_label, to->by_address};
	uint64_t peers = s->seg[from].to;
	uint32_t i, k, t;

	if ((peers & to->bits) == 0)
		return best;
	if ((peers & BH_SEG_ANY_BIT) != 0)
		best = ask_pair(s, from, s->n_segs, service, best);
	for (k = 0; k < 2; k++) {
		if ((peers & c[k]->bits) == 0)
			continue;
		for (i = 0; i < c[k]->n; i++) {
			t = s->member[c[k]->first + i];
			if ((peers & s->seg[t].bit) != 0)
				best = ask_pair(s, from, t, service, best);
		}
	}
	return best;
}

static uint32_t
first_rule(const struct bh_snapshot *s, const struct end *from, const struct end *to,
	   uint32_t service)
{
	const struct bh_class *c[2] = {from->by_label, from->by_address};
	uint32_t best = ask_from(s, s->n_segs, to, service, BH_NO_RULE), i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < c[k]->n; i++)
			best = ask_from(s, s->member[c[k]->first + i], to, service, best);
	}
	return best;
}

static bool
is_in(const uint32_t *sorted, uint32_t n, uint32_t value)
{
	uint32_t half;

	if (n == 0)
		return false;
	for (; n > 1; n -= half) {
		half = n / 2;
		sorted += sorted[half] <= value ? half : 0;
	}
	return *sorted == value;
}

/* The first segment of a class, in document order, that a rule's side names (n = 0: any). */
static uint32_t
first_named(const struct bh_snapshot *s, const struct bh_class *c, const uint32_t *named,
	    uint32_t n)
{
	uint32_t i, m;

	for (i = 0; i < c->n; i++) {
		m = s->member[c->first + i];
		if (n == 0 || is_in(named, n, m))
			return m;
	}
	return BH_NONE;
}

/* The segment that decided, for the record. */
static uint32_t
deciding_segment(const struct bh_snapshot *s, const struct end *e, const uint32_t *named,
		 uint32_t n)
{
	uint32_t a = first_named(s, e->by_label, named, n),
		 b = first_named(s, e->by_address, named, n);

	a = a < b ? a : b;
	return a != BH_NONE ? s->seg_name[a] : BH_SEGMENT_UNKNOWN;
}

/* Number of a set of names: the sum of their keyed hashes, so that the two classes of an end can be
 * joined without sorting; a segment in both counts once. */
static uint32_t
fingerprint(const struct bh_snapshot *s, const struct end *e)
{
	const struct bh_class *a = e->by_label, *b = e->by_address;
	uint64_t sum = a->sum + b->sum;
	uint32_t i = 0, k = 0, x, y;

	while (i < a->n && k < b->n) {
		x = s->member[a->first + i];
		y = s->member[b->first + k];
		if (x == y)
			sum -= s->seg_hash[x];
		i += x <= y;
		k += y <= x;
	}
	sum = bh_mum(sum ^ UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db));
	return (uint32_t)(sum >> 32);
}

/* What the rule, or none, means in this mode. */
static void
set_verdict(const struct bh_view *v, uint32_t rule, bool unknown, struct bh_judgement *out)
{
	const struct bh_snapshot *s = v->snapshot;

	out->rule = BH_NO_RULE;
	out->verdict = BH_VERDICT_DENY;
	out->reason = unknown ? BH_REASON_UNKNOWN_SEGMENT : BH_REASON_DEFAULT_DENY;
	if (s->empty)
		out->reason = BH_REASON_NO_POLICY;
	if (rule != BH_NO_RULE) {
		out->rule = s->rule[rule].name_id;
		out->verdict = s->rule[rule].action;
		out->reason = out->verdict == BH_VERDICT_ALLOW  ? BH_REASON_RULE_ALLOW
			      : out->verdict == BH_VERDICT_DENY ? BH_REASON_RULE_DENY
								: BH_REASON_RULE_REJECT;
	}
	if (out->verdict == BH_VERDICT_ALLOW || v->mode == BH_MODE_PROTECT)
		return;
	if (v->mode == BH_MODE_DISCOVER) {
		out->verdict = BH_VERDICT_ALLOW;
		out->reason = BH_REASON_DISCOVER;
	} else {
		out->verdict = BH_VERDICT_VIOLATE;
		out->reason = BH_REASON_MONITOR;
	}
}

void
bh_policy_judge(const struct bh_view *view, const struct bh_flow_key *key, unsigned initiator,
		uint16_t service, const struct bh_said *said, struct bh_judgement *out)
{
	const struct bh_snapshot *s = view->snapshot;
	struct end end[2], *from = &end[initiator & 1], *to = &end[1 - (initiator & 1)];
	const struct bh_rule *r;
	uint32_t rule;
	unsigned i;

	for (i = 0; i < 2; i++) {
		find_end(view, key, i, &end[i]);
		out->slot[i] = end[i].slot;
		out->class_[i] = fingerprint(s, &end[i]);
	}
	out->stamp = view->epoch + end[0].generation + end[1].generation;
	rule = first_rule(s, from, to, (uint32_t)key->proto << 16 | service);
	r = rule != BH_NO_RULE ? &s->rule[rule] : NULL;
	out->segment[initiator & 1] =
		deciding_segment(s, from, r != NULL ? r->from : NULL, r != NULL ? r->n_from : 0);
	out->segment[1 - (initiator & 1)] =
		deciding_segment(s, to, r != NULL ? r->to : NULL, r != NULL ? r->n_to : 0);
	out->denied = BH_DENIED_DROP;
	out->by_operation = false;
	out->by_application = false;
	(void)said;
	set_verdict(view, rule, end[0].unknown || end[1].unknown, out);
}
