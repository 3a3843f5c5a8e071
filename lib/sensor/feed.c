/* A connection's bytes: regions begin, are scanned, end. */
#include "sensor_priv.h"

/* A confirmation that was in vain is tried again after so many bytes, or a quarter of the window's if that is more: so that
 * bytes that come one by one cost no square. */
#define RETRY 32

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct bh_sensor_scan *s = arg;
	const struct bh_sensor_expr *e = s->db->expr[id];
	uint32_t i;

	(void)from;
	(void)flags;
	if (e->code != NULL) {
		uint32_t slot = s->db->slot[id];

		if (!(s->region->done[slot / 64] >> slot % 64 & 1)) {
			s->region->pending[slot / 64] |= UINT64_C(1) << slot % 64;
			s->region->any = true;
		}
		return 0;
	}
	for (i = 0; i < e->n_units; i++)
		bh_sensor_match(s, &s->set->unit[e->unit + i], to);
	return 0;
}

static void
scan(struct bh_sensor_scan *s, const uint8_t *data, size_t len)
{
	struct bh_sensor_worker *w = s->w;

	s->data = data;
	s->len = len;
	s->base = s->region->length;
	s->region->length += len;
	bh_sensor_tick(&w->c.bytes, len);
	if (s->region->stream == NULL || len == 0)
		return;
	bh_sensor_tick(&w->c.scans, 1);
	hs_scan_stream(s->region->stream, (const char *)data, (unsigned)len, 0, s->c->held->scratch,
		       on_match, s);
}

/* ---- the window of what PCRE2 may be asked about --------------------------------------------------------- */

static bool
grow_window(struct bh_sensor_scan *s, size_t need)
{
	struct bh_sensor_region *r = s->region;
	uint32_t cap = r->cap != 0 ? r->cap : 1024;
	uint8_t *next;

	if (need <= r->cap)
		return true;
	while (cap < need)
		cap *= 2;
	next = bh_sensor_pool_take(&s->w->pool, cap);
	if (next == NULL)
		return false;
	if (r->used != 0)
		memcpy(next, r->window, r->used);
	bh_sensor_pool_give(&s->w->pool, (void *)(uintptr_t)r->window);
	r->window = next;
	r->cap = cap;
	return true;
}

/* A full window moves on by half, always at the same offsets, however the bytes come. */
static void
slide(struct bh_sensor_scan *s)
{
	struct bh_sensor_region *r = s->region;
	uint32_t keep = BH_SENSOR_WINDOW / 2;

	if (r->any)
		bh_sensor_confirm(s, BH_SENSOR_WINDOW_FULL);
	memmove((uint8_t *)(uintptr_t)r->window, r->window + r->used - keep, keep);
	r->window_at += r->used - keep;
	r->used = keep;
	r->next_try = 0;
}

/* Scan and keep. false: no memory for the window. */
static bool
scan_kept(struct bh_sensor_scan *s, const uint8_t *data, size_t len)
{
	struct bh_sensor_region *r = s->region;

	while (len != 0) {
		size_t n = BH_SENSOR_WINDOW - r->used;

		n = n < len ? n : len;
		if (!grow_window(s, r->used + n))
			return false;
		memcpy((uint8_t *)(uintptr_t)r->window + r->used, data, n);
		r->used += (uint32_t)n;
		scan(s, data, n);
		if (r->any && r->used >= r->next_try && r->used < BH_SENSOR_WINDOW) {
			bh_sensor_confirm(s, BH_SENSOR_MORE_COMES);
			r->next_try = r->used + (r->used / 4 > RETRY ? r->used / 4 : RETRY);
		}
		if (r->used == BH_SENSOR_WINDOW)
			slide(s);
		data += n;
		len -= n;
	}
	return true;
}

/* ---- a region's end ---------------------------------------------------------------------------------------- */

static void
judge_size(struct bh_sensor_scan *s, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < s->db->n_size; i++)
		if (len >= s->db->size[i]->size_min &&
		    (len <= s->db->size[i]->size_max || s->db->size[i]->size_max == UINT32_MAX))
			bh_sensor_match(s, s->db->size[i], len);
}

/* whole: it was all there, so that what is anchored to its end can be judged. */
static void
finish(struct bh_sensor_scan *s, bool whole)
{
	struct bh_sensor_region *r = s->region;

	if (r->stream != NULL)
		hs_reset_stream(r->stream, 0, s->c->held->scratch, whole ? on_match : NULL, s);
	if (r->any)
		bh_sensor_confirm(s, whole ? BH_SENSOR_AT_END : BH_SENSOR_WINDOW_FULL);
	if (whole && s->context != BH_SENSOR_PACKET)
		judge_size(s, r->length);
}

static void
drop_region(struct bh_sensor_scan *s)
{
	struct bh_sensor_side *side = &s->c->side[s->side];

	if (s->region->cap != 0)
		bh_sensor_pool_give(&s->w->pool, (void *)(uintptr_t)s->region->window);
	bh_sensor_pool_give(&s->w->pool, s->region);
	side->region[s->context] = NULL;
	side->open &= ~BH_SENSOR_CONTEXT_BIT(s->context);
	s->region = NULL;
}

/* From here on the region is not looked at. */
static void
go_blind(struct bh_sensor_scan *s, enum bh_sensor_limit why)
{
	struct bh_sensor_side *side = &s->c->side[s->side];

	side->blind |= BH_SENSOR_CONTEXT_BIT(s->context);
	side->lost |= BH_SENSOR_CONTEXT_BIT(s->context);
	if (s->region != NULL) {
		finish(s, false);
		drop_region(s);
	}
	bh_sensor_limit(s, why);
}

/* ---- feeding -------------------------------------------------------------------------------------------------- */

static struct bh_sensor_scan
begin_scan(struct bh_sensor_worker *w, struct bh_sensor_conn *c, unsigned side, unsigned context)
{
	const struct bh_sensor_set *set = c->held->set;
	uint16_t db = set->db_of[c->group][context];

	return (struct bh_sensor_scan){
		.w = w,
		.c = c,
		.set = set,
		.db = db != BH_SENSOR_NO_DB ? &set->db[db] : NULL,
		.region = c->side[side].region[context],
		.side = side,
		.context = (uint8_t)context,
	};
}

static bool
open_region(struct bh_sensor_scan *s)
{
	struct bh_sensor_side *side = &s->c->side[s->side];
	void *at = bh_sensor_pool_take(&s->w->pool, bh_sensor_region_bytes(s->db));

	if (at == NULL)
		return false;
	s->region = bh_sensor_region_begin(at, s->db);
	side->region[s->context] = s->region;
	side->open |= BH_SENSOR_CONTEXT_BIT(s->context);
	return true;
}

/* All of a region in one piece: the worker's own stream serves, and nothing is copied. */
static void
feed_whole(struct bh_sensor_scan *s, const uint8_t *data, size_t len)
{
	struct bh_sensor_region *r = s->c->held->whole[s->db - s->set->db];

	s->region = r;
	if (s->db->n_confirm != 0)
		bh_sensor_region_again(r, s->db);
	r->length = 0;
	scan(s, data, len);
	r->window = len != 0 ? data : (const uint8_t *)"";
	r->used = (uint32_t)len;
	finish(s, true);
}

/* How much may be looked at; *why is set when that is less than len. */
static size_t
allowed(const struct bh_sensor_scan *s, size_t len, enum bh_sensor_limit *why)
{
	const struct bh_sensor_worker *w = s->w;
	uint64_t so_far = s->region != NULL ? s->region->length : 0;
	uint64_t n = len;

	*why = BH_SENSOR_LIMITS;
	if (w->params.depth != 0 && s->context != BH_SENSOR_PACKET &&
	    n > w->params.depth - so_far) {
		n = w->params.depth - so_far;
		*why = BH_SENSOR_LIMIT_DEPTH;
	}
	if (BH_UNLIKELY(n > w->budget)) {
		*why = BH_SENSOR_LIMIT_BUDGET;
		if (w->params.over == BH_SENSOR_OVER_SKIP)
			n = w->budget;
	}
	return (size_t)n;
}

static void
feed_part(struct bh_sensor_scan *s, const uint8_t *data, size_t len, bool last)
{
	enum bh_sensor_limit why;
	size_t n;

	n = allowed(s, len, &why);
	s->w->budget -= n < s->w->budget ? n : s->w->budget;
	if (s->region == NULL && last && n == len &&
	    (s->db->n_confirm == 0 || len <= BH_SENSOR_WINDOW)) {
		feed_whole(s, data, len);
		s->region = NULL;
		if (why != BH_SENSOR_LIMITS)
			bh_sensor_limit(s, why);
		return;
	}
	if (s->region == NULL && !open_region(s)) {
		go_blind(s, BH_SENSOR_LIMIT_MEMORY);
		return;
	}
	if (s->db->n_confirm == 0) {
		scan(s, data, n);
	} else if (!scan_kept(s, data, n)) {
		go_blind(s, BH_SENSOR_LIMIT_MEMORY);
		return;
	}
	if (n < len) {
		go_blind(s, why);
	} else if (why != BH_SENSOR_LIMITS) {
		bh_sensor_limit(s, why);
	}
	if (last && s->region != NULL) {
		finish(s, true);
		drop_region(s);
	}
}

void
bh_sensor_feed(struct bh_sensor_worker *w, struct bh_sensor_conn *c, unsigned side,
	       enum bh_sensor_context context, const uint8_t *data, size_t len, bool last)
{
	uint64_t bit = BH_SENSOR_CONTEXT_BIT(context);
	struct bh_sensor_side *at = &c->side[side];
	struct bh_sensor_scan s;

	if (BH_UNLIKELY(c->held != w->current))
		bh_sensor_move(w, c);
	if (c->held == NULL)
		return;
	at->begun |= context != BH_SENSOR_PACKET;
	s = begin_scan(w, c, side, context);
	if (s.db == NULL)
		return;
	at->seen |= bit;
	if (BH_LIKELY(!(at->blind & bit)))
		feed_part(&s, data, len, last);
	if (context == BH_SENSOR_PACKET && s.db->n_size != 0)
		judge_size(&s, len);
	if (last)
		at->blind &= ~bit;
	if (BH_UNLIKELY(s.bits))
		bh_sensor_judge_again(&s);
}

/* End what is open of a side: all but `packet`, or that alone. */
static void
end_regions(struct bh_sensor_worker *w, struct bh_sensor_conn *c, unsigned side, uint64_t which)
{
	uint64_t left;

	for (left = c->side[side].open & which; left != 0; left &= left - 1) {
		struct bh_sensor_scan s = begin_scan(w, c, side, (unsigned)__builtin_ctzll(left));

		finish(&s, true);
		drop_region(&s);
		if (s.bits)
			bh_sensor_judge_again(&s);
	}
	c->side[side].blind &= ~which;
}

static void
clear_progress(struct bh_sensor_worker *w, struct bh_sensor_progress *p)
{
	bh_sensor_pool_give(&w->pool, p->entry);
	*p = (struct bh_sensor_progress){0};
}

#define MESSAGE (~BH_SENSOR_CONTEXT_BIT(BH_SENSOR_PACKET))

void
bh_sensor_message_end(struct bh_sensor_worker *w, struct bh_sensor_conn *c, unsigned side)
{
	struct bh_sensor_side *at = &c->side[side];
	struct bh_sensor_scan s;

	if (c->held != NULL) {
		end_regions(w, c, side, MESSAGE);
		s = begin_scan(w, c, side, BH_SENSOR_PACKET);
		if (at->part[0].n + at->part[1].n + s.set->n_negated != 0)
			bh_sensor_judge_message(&s);
		clear_progress(w, &at->part[0]);
	}
	at->begun = false;
	at->seen &= ~MESSAGE;
	at->lost &= ~MESSAGE;
	at->message++;
}

static void
forget(struct bh_sensor_worker *w, struct bh_sensor_conn *c)
{
	unsigned side;
	uint64_t left;

	for (side = 0; side < 2; side++) {
		struct bh_sensor_side *at = &c->side[side];

		for (left = at->open; left != 0; left &= left - 1) {
			struct bh_sensor_scan s =
				begin_scan(w, c, side, (unsigned)__builtin_ctzll(left));

			drop_region(&s);
		}
		clear_progress(w, &at->part[0]);
		clear_progress(w, &at->part[1]);
		at->seen = at->lost = at->blind = 0;
	}
	bh_sensor_pool_give(&w->pool, c->bits);
	c->bits = NULL;
	__atomic_store_n(&c->held->live, c->held->live - 1, __ATOMIC_RELEASE);
	c->held = NULL;
}

static void
hold(struct bh_sensor_worker *w, struct bh_sensor_conn *c)
{
	struct bh_sensor_held *h = w->current;

	if (h == NULL)
		return;
	__atomic_store_n(&h->live, h->live + 1, __ATOMIC_RELAXED);
	c->held = h;
	c->group = (uint8_t)bh_sensor_group_of(h->set, c->app);
}

void
bh_sensor_move(struct bh_sensor_worker *w, struct bh_sensor_conn *c)
{
	uint64_t seq = c->held != NULL ? c->held->seq : c->born;

	if (seq >= w->reset_seq && (seq >= w->rescan_seq || c->side[0].begun || c->side[1].begun))
		return;
	if (c->held != NULL)
		forget(w, c);
	hold(w, c);
	c->born = w->current_seq;
	bh_sensor_tick(&w->c.swaps, 1);
}

void
bh_sensor_open(struct bh_sensor_worker *w, struct bh_sensor_conn *c,
	       const struct bh_sensor_open *how)
{
	memset(c, 0, sizeof(*c));
	c->app = how->app;
	c->port = how->port;
	c->client = how->client;
	c->server = how->server;
	c->user = how->user;
	c->born = w->current_seq;
	hold(w, c);
}

uint64_t
bh_sensor_wants(const struct bh_sensor_worker *w, const struct bh_sensor_conn *c)
{
	const struct bh_sensor_held *h = c->held;

	/* It may go over to what is newer with the next byte. */
	if (h != w->current && (h != NULL ? h->seq : c->born) < w->current_seq)
		return (h != NULL ? h->set->contexts[c->group] : 0) | bh_sensor_worker_wants(w);
	return h != NULL ? h->set->contexts[c->group] : 0;
}

void
bh_sensor_close(struct bh_sensor_worker *w, struct bh_sensor_conn *c)
{
	struct bh_sensor_scan s;
	unsigned side;

	if (c->held == NULL)
		return;
	for (side = 0; side < 2; side++) {
		if (c->side[side].begun)
			bh_sensor_message_end(w, c, side);
		end_regions(w, c, side, BH_SENSOR_CONTEXT_BIT(BH_SENSOR_PACKET));
		s = begin_scan(w, c, side, BH_SENSOR_PACKET);
		if (c->side[side].part[1].n + s.set->n_negated != 0)
			bh_sensor_judge_flow(&s);
	}
	forget(w, c);
}
