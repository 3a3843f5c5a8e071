/* The question that workers ask: who are these two, and may they talk? */
#include "policy_hot.h"
#include "policy_priv.h"

/* One end of a flow. */
struct end {
	uint32_t slot, generation;
	const struct bh_class *by_label, *by_address;
	uint64_t bits; /* of all segments that it is in, and any */
	uint64_t fence;
	unsigned mode; /* BH_ENDMODE_* */
	bool unknown;  /* in no segment, or in `unknown` */
};

/* How often to look again when an address changes hands under our eyes. */
#define TRIES 4

/* The slot of an address and its generation, such that any change after this makes the stamp stale.
 *
 * The writer changes the table, then bumps the slot that the address resolved to before (release). We read
 * the generation (acquire), then resolve again: if that still gives this slot, the table as we saw it
 * had no change that this generation does not already count; a change that comes later bumps it. Where
 * nothing at all was changed meanwhile, which is nearly always so, that is known without asking. If it gives
 * another, that one is looked at the same way. After TRIES changes within a judgement, the answer is right for this
 * packet and its stamp made stale, so that the next packet asks again.
 *
 * Slots are not reused while we run (quiescence), so that what place[] and slot_class[] say is about
 * this address and no other. */
static void
resolve(const struct bh_view *v, const struct bh_flow_key *key, unsigned end, struct end *e)
{
	const uint8_t *addr = key->addr[end].b;
	uint32_t version = bh_table_version(v->endpoints), again;
	uint32_t slot = bh_table_resolve(v->endpoints, addr, key->family, key->tenant);
	unsigned i;

	for (i = 0;; i++) {
		e->slot = slot;
		e->generation = __atomic_load_n(&v->generation[slot], __ATOMIC_ACQUIRE);
		if (BH_LIKELY(bh_table_unchanged(v->endpoints, version)))
			return;
		again = bh_table_resolve(v->endpoints, addr, key->family, key->tenant);
		if (again == slot)
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
	if (BH_UNLIKELY(v->known != NULL))
		by_address = bh_known_class(v->known, key->addr[end].b, key->family, by_address);
	if (by_label == by_address || (e->slot != 0 && by_address <= BH_CLASS_UNKNOWN))
		by_address = BH_CLASS_EMPTY;
	e->by_label = &s->class_[by_label];
	e->by_address = &s->class_[by_address];
	e->mode = bh_endmode_join(v->modes->class_[by_label], v->modes->class_[by_address]);
	if (BH_UNLIKELY(v->modes->fence != NULL))
		e->fence = v->modes->fence[by_label] | v->modes->fence[by_address];
	else
		e->fence = 0;
	e->bits = e->by_label->bits | e->by_address->bits | BH_SEG_ANY_BIT;
	e->unknown = by_address == BH_CLASS_UNKNOWN ||
		     (by_label == BH_CLASS_EMPTY && by_address == BH_CLASS_EMPTY);
}

/* What is done with the step of each pair that both ends are in. Inlined into its caller, and so is the walk: a
 * policy without applications pays nothing for those that have them. */
typedef void (*meet_fn)(const struct bh_snapshot *s, uint32_t rule, void *arg);

static inline __attribute__((always_inline)) void
ask_pair(const struct bh_snapshot *s, uint32_t from, uint32_t to, uint32_t service, meet_fn meet,
	 void *arg)
{
	uint64_t key = (uint64_t)from << 32 | to;
	uint32_t i = (uint32_t)bh_pair_hash(s, key) & s->pair_mask, n, half;
	const struct bh_step *step;

	while (s->pair[i].n != 0 && s->pair[i].key != key)
		i = (i + 1) & s->pair_mask;
	if (s->pair[i].n == 0)
		return;
	step = &s->step[s->pair[i].first];
	if (step->service > service)
		return;
	for (n = s->pair[i].n; n > 1; n -= half) {
		half = n / 2;
		step += step[half].service <= service ? half : 0;
	}
	meet(s, step->rule, arg);
}

/* One segment of the from-end against all of the to-end, and any. */
static inline __attribute__((always_inline)) void
ask_from(const struct bh_snapshot *s, uint32_t from, const struct end *to, uint32_t service,
	 meet_fn meet, void *arg)
{
	const struct bh_class *c[2] = {to->by_label, to->by_address};
	uint64_t peers = s->seg[from].to;
	uint32_t i, k, t;

	if ((peers & to->bits) == 0)
		return;
	if ((peers & BH_SEG_ANY_BIT) != 0)
		ask_pair(s, from, s->n_segs, service, meet, arg);
	for (k = 0; k < 2; k++) {
		if ((peers & c[k]->bits) == 0)
			continue;
		for (i = 0; i < c[k]->n; i++) {
			t = s->member[c[k]->first + i];
			if ((peers & s->seg[t].bit) != 0)
				ask_pair(s, from, t, service, meet, arg);
		}
	}
}

static inline __attribute__((always_inline)) void
ask_all(const struct bh_snapshot *s, const struct end *from, const struct end *to, uint32_t service,
	meet_fn meet, void *arg)
{
	const struct bh_class *c[2] = {from->by_label, from->by_address};
	uint32_t i, k;

	ask_from(s, s->n_segs, to, service, meet, arg);
	for (k = 0; k < 2; k++) {
		for (i = 0; i < c[k]->n; i++)
			ask_from(s, s->member[c[k]->first + i], to, service, meet, arg);
	}
}

static inline void
meet_first(const struct bh_snapshot *s, uint32_t rule, void *arg)
{
	uint32_t *best = arg;

	(void)s;
	*best = rule < *best ? rule : *best;
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

/* ---- rules that name applications ------------------------------------------------------------------- */

/* Chains that are walked side by side. Two ends with more are asked again for each next rule: slower, not less. */
#define CURSORS 32

/* The chains of all pairs that both ends are in, as one, by document order. */
struct walk {
	uint32_t plain; /* first rule of pairs without a chain */
	uint32_t n;
	const uint32_t *cursor[CURSORS];
	bool more;           /* than have a cursor */
	uint32_t from, next; /* with more: the first rule from `from` on */
};

static inline bool
is_chain(uint32_t rule)
{
	return (rule & BH_STEP_CHAIN) != 0 && rule != BH_NO_RULE;
}

static inline void
meet_chain(const struct bh_snapshot *s, uint32_t rule, void *arg)
{
	struct walk *w = arg;

	if (!is_chain(rule))
		w->plain = rule < w->plain ? rule : w->plain;
	else if (w->n < CURSORS)
		w->cursor[w->n++] = &s->chain[rule & ~BH_STEP_CHAIN];
	else
		w->more = true;
}

static inline void
meet_next(const struct bh_snapshot *s, uint32_t rule, void *arg)
{
	struct walk *w = arg;
	const uint32_t *c = is_chain(rule) ? &s->chain[rule & ~BH_STEP_CHAIN] : NULL;

	if (c != NULL) {
		while ((*c & ~BH_CHAIN_LAST) < w->from && (*c & BH_CHAIN_LAST) == 0)
			c++;
		rule = *c & ~BH_CHAIN_LAST;
	}
	if (rule >= w->from && rule < w->next)
		w->next = rule;
}

/* The next rule of a walk that has a cursor for each chain; BH_NO_RULE at the end. */
static uint32_t
walk_next(struct walk *w)
{
	uint32_t best = w->plain, i, rule;

	for (i = 0; i < w->n; i++) {
		rule = *w->cursor[i] & ~BH_CHAIN_LAST;
		best = rule < best ? rule : best;
	}
	for (i = 0; i < w->n;) {
		if ((*w->cursor[i] & ~BH_CHAIN_LAST) != best)
			i++;
		else if ((*w->cursor[i] & BH_CHAIN_LAST) == 0)
			w->cursor[i++]++;
		else
			w->cursor[i] = w->cursor[--w->n];
	}
	return best;
}

/* Not inlined: its cursors are no matter of policies without applications. */
static __attribute__((noinline)) void
walk_rules(const struct bh_snapshot *s, const struct end *from, const struct end *to,
	   uint32_t service, struct bh_decider *d)
{
	struct walk w;
	uint32_t rule;

	w.plain = BH_NO_RULE;
	w.n = w.from = 0;
	w.more = false;

	ask_all(s, from, to, service, meet_chain, &w);
	do {
		if (!w.more) {
			rule = walk_next(&w);
		} else {
			w.next = BH_NO_RULE;
			ask_all(s, from, to, service, meet_next, &w);
			rule = w.next;
			w.from = rule + 1;
		}
	} while (rule != BH_NO_RULE && !bh_decider_add(d, rule));
}

/* ---- the question ----------------------------------------------------------------------------------- */

static void
first_rule(const struct bh_snapshot *s, const struct end *from, const struct end *to,
	   uint32_t service, struct bh_decider *d)
{
	uint32_t rule = BH_NO_RULE;

	ask_all(s, from, to, service, meet_first, &rule);
	if (rule != BH_NO_RULE)
		bh_decider_add(d, rule);
}

/* Not inlined: none is in force most of the time. */
static __attribute__((noinline)) void
restrict_ends(struct bh_restrict_question *q, const struct end end[2], struct bh_judgement *out)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		q->class_[i][0] = end[i].by_label;
		q->class_[i][1] = end[i].by_address;
		q->unknown[i] = end[i].unknown;
	}
	bh_restrict_judge(q, out);
}

void
bh_policy_judge(const struct bh_view *view, const struct bh_flow_key *key, unsigned initiator,
		uint16_t service, const struct bh_said *said, struct bh_judgement *out)
{
	const struct bh_snapshot *s = view->snapshot;
	struct end end[2], *from = &end[initiator & 1], *to = &end[1 - (initiator & 1)];
	uint32_t asked = (uint32_t)key->proto << 16 | service, rule;
	const struct bh_rule *r;
	struct bh_decider d;
	unsigned i;

	for (i = 0; i < 2; i++) {
		find_end(view, key, i, &end[i]);
		out->slot[i] = end[i].slot;
		out->class_[i] = fingerprint(s, &end[i]);
	}
	out->stamp = view->epoch + end[0].generation + end[1].generation;
	bh_decider_start(&d, s, said, key->proto);
	d.fence[0] = from->fence & ~to->fence;
	d.fence[1] = to->fence & ~from->fence;
	d.hard = view->modes->hard;
	if (s->by_application)
		walk_rules(s, from, to, asked, &d);
	else
		first_rule(s, from, to, asked, &d);
	rule = bh_decider_end(&d, bh_modes_between(view->modes, from->mode, to->mode),
			      end[0].unknown || end[1].unknown, out);
	r = rule != BH_NO_RULE ? &s->rule[rule] : NULL;
	out->rule = r != NULL ? r->name_id : BH_NO_RULE;
	out->segment[initiator & 1] =
		deciding_segment(s, from, r != NULL ? r->from : NULL, r != NULL ? r->n_from : 0);
	out->segment[1 - (initiator & 1)] =
		deciding_segment(s, to, r != NULL ? r->to : NULL, r != NULL ? r->n_to : 0);
	out->restriction = 0;
	if (BH_UNLIKELY(view->restrictions != NULL))
		restrict_ends(&(struct bh_restrict_question){.view = view,
							     .key = key,
							     .initiator = initiator,
							     .service = service,
							     .said = said},
			      end, out);
}

bool
bh_policy_end_in(const struct bh_view *view, const struct bh_flow_key *key, unsigned end,
		 uint32_t segment)
{
	const struct bh_snapshot *s = view->snapshot;
	const struct bh_class *c[2];
	struct end e;
	uint32_t i, k;

	find_end(view, key, end, &e);
	if (segment == BH_SEGMENT_UNKNOWN)
		return e.unknown;
	c[0] = e.by_label;
	c[1] = e.by_address;
	for (k = 0; k < 2; k++) {
		for (i = 0; i < c[k]->n; i++) {
			if (s->seg_name[s->member[c[k]->first + i]] == segment)
				return true;
		}
	}
	return false;
}

bool
bh_policy_all_protect(const struct bh_view *view)
{
	return view->modes->least == BH_MODE_PROTECT;
}

enum bh_mode
bh_policy_pair_mode(const struct bh_view *view, const struct bh_flow_key *key, unsigned initiator)
{
	struct end end[2];
	unsigned i;

	/* Most policies have one mode for all. */
	if (bh_policy_all_protect(view))
		return BH_MODE_PROTECT;
	for (i = 0; i < 2; i++)
		find_end(view, key, i, &end[i]);
	return bh_modes_between(view->modes, end[initiator & 1].mode,
				end[1 - (initiator & 1)].mode);
}
