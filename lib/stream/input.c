/* A packet comes in: checked, compared, kept; then what it says about the connection counts. */
#include "stream_priv.h"

/* Like congestion: the sender slows down and sends it again. */
static bool
refuse(struct bh_stream_ctx *c, enum bh_reason reason)
{
	c->r->act = c->s->hold ? BH_STREAM_DROP : BH_STREAM_PASS;
	c->r->reason = (uint8_t)reason;
	return false;
}

/* How many packets a side may have, by what the pool has left: many that want all of it get equal parts, and
 * something is left for whoever comes next (Choudhury and Hahne 1998). What lies behind a gap, which may never close,
 * gets less. */
static uint32_t
share_of(const struct bh_stream_ctx *c)
{
	return c->st->n_free_nodes / (c->from <= c->d->edge ? 1 : 4);
}

static bool
has_room(struct bh_stream_ctx *c, const struct bh_stream_overlap *v, bool waits)
{
	const struct bh_stream_params *p = &c->st->p;
	const struct bh_stream_side *d = c->d;
	uint32_t need = v->holes > 0 ? v->holes : waits;
	/* Before a gap, ours or the receiver's: what is kept waits for this. */
	unsigned before_gap =
		c->from <= d->edge && (bh_stream_high(c->st, d) > d->edge || c->from <= d->acked);
	uint64_t bytes = (uint64_t)p->side_bytes << before_gap;
	uint64_t nodes = (uint64_t)p->side_segments << before_gap;
	uint64_t judged = 0;

	/* Of what is kept: bytes that were skipped are released and in no piece. */
	if (d->head != BH_STREAM_NONE)
		judged = (uint64_t)bh_stream_min(
			bh_stream_max(d->released - bh_stream_piece_from(&c->st->node[d->head]), 0),
			d->bytes);
	if (d->bytes + v->new_bytes > bytes) {
		if (d->bytes - judged + v->new_bytes > bytes)
			return bh_stream_except(c, BH_EXCEPTION_STREAM_BYTES);
		return refuse(c, BH_REASON_STREAM_BYTES);
	}
	if (d->nodes + need > nodes) {
		if (d->waiting + need > nodes)
			return bh_stream_except(c, BH_EXCEPTION_STREAM_SEGMENTS);
		return refuse(c, BH_REASON_STREAM_SEGMENTS);
	}
	return d->nodes + need <= share_of(c) || refuse(c, BH_REASON_STREAM_SEGMENTS);
}

/* A keep-alive with a byte of garbage (RFC 9293 3.8.4) lies below what its sender has been told is acknowledged, and not below
 * what the receiver has. */
static bool
is_probe(const struct bh_stream_ctx *c)
{
	return c->to - c->from == 1 && c->to == c->d->vouched;
}

/* False: r holds the end result and nothing of the packet counts. */
static bool
take_bytes(struct bh_stream_ctx *c)
{
	struct bh_stream_side *d = c->d;
	struct bh_stream_overlap v = {
		.lo = bh_stream_max(bh_stream_max(c->from, d->acked), 0),
		.hi = bh_stream_min(c->to, d->limit),
	};
	bool again = !c->s->gone && v.lo < d->read;
	bool fin = (c->flags & BH_TCP_FIN) != 0;
	bool waits = bh_stream_holds(c->s) && c->to > d->released;

	/* A keep-alive without a byte, too (RFC 9293 3.8.4): its receiver would find it ahead of what it has, and say nothing. */
	d->repeat |= c->from < d->vouched && d->acked < d->vouched;
	if (c->from == c->to && !fin)
		return true;
	/* What has been read is in pieces until it is acknowledged, or was skipped: then nothing is to be known of it. */
	if (again) {
		struct bh_stream_overlap read = {.lo = v.lo, .hi = bh_stream_min(v.hi, d->read)};

		bh_stream_compare(c, &read);
		again = read.same;
		v.lo = read.hi;
		if (!again && is_probe(c))
			return refuse(c, BH_REASON_TCP_CONFLICT);
		if (!again)
			return bh_stream_except(c, BH_EXCEPTION_TCP_CONFLICT) || !c->s->hold;
	}
	bh_stream_compare(c, &v);
	if (!v.same && is_probe(c))
		return refuse(c, BH_REASON_TCP_CONFLICT);
	if (!v.same)
		return bh_stream_except(c, BH_EXCEPTION_TCP_CONFLICT) || !c->s->hold;
	if (!c->s->gone && (v.holes != 0 || waits)) {
		if (!has_room(c, &v, waits))
			return !c->s->hold;
		bh_stream_keep(c, &v, waits);
	}
	if (c->s->gone && c->to > d->edge)
		d->edge = d->released = c->to;
	if (waits) {
		c->r->act = BH_STREAM_KEPT;
		d->asked |= c->from <= d->acked && d->acked < d->released;
	} else {
		d->far = bh_stream_max(d->far, c->to);
	}
	if (!waits && fin)
		d->fin_gone = true;
	return true;
}

/* Byte count of the window field (RFC 7323 2.2). Unknown scales are taken to be the largest. */
static uint32_t
window_of(const struct bh_stream_ctx *c)
{
	const struct bh_stream *s = c->s;
	uint32_t shift = 0;

	if ((c->flags & BH_TCP_SYN) == 0) {
		if (s->loose)
			shift = BH_STREAM_MAX_SHIFT;
		else if (s->side[0].scale != BH_STREAM_NO_SCALE &&
			 s->side[1].scale != BH_STREAM_NO_SCALE)
			shift = c->d->scale;
	}
	return (uint32_t)c->p->h->tcp_window << shift;
}

/* The window field that says the same in a packet without SYN, at most. */
static uint16_t
unscaled_window(const struct bh_stream_ctx *c)
{
	const struct bh_stream *s = c->s;
	uint32_t window = c->p->h->tcp_window;

	if ((c->flags & BH_TCP_SYN) != 0 && s->side[0].scale != BH_STREAM_NO_SCALE &&
	    s->side[1].scale != BH_STREAM_NO_SCALE)
		window >>= c->d->scale;
	return (uint16_t)window;
}

static void
count_window(struct bh_stream_ctx *c)
{
	struct bh_stream_side *o = c->o;
	uint32_t window = window_of(c);
	int64_t right = c->ack + window;

	o->right = o->windowed ? bh_stream_max(o->right, right) : right;
	o->windowed = true;
	if (window > o->window)
		o->window = window;
}

static void
count_ack(struct bh_stream_ctx *c)
{
	struct bh_stream_side *o = c->o;

	if (c->stale || c->ack < o->acked)
		return;
	if (o->fin_gone && c->ack == o->fin + 1)
		o->fin_acked = true;
	if (c->ack > o->acked)
		o->asked = false;
	o->acked = o->fin_gone ? bh_stream_min(c->ack, o->fin) : c->ack;
	bh_stream_trim(c->s, o);
}

/* A stamp comes back from a receiver whose TS.Recent it is, and that only grows. One that was never sent is nobody's. */
static void
count_stamp(struct bh_stream_ctx *c)
{
	struct bh_stream_side *d = c->d, *o = c->o;

	if (c->acks && (int32_t)(c->opt.ts_ecr - o->ts_echoed) > 0 &&
	    (int32_t)(c->opt.ts_ecr - o->ts_recent) <= 0)
		o->ts_echoed = c->opt.ts_ecr;
	if (c->from <= d->edge && (int32_t)(c->opt.ts_val - d->ts_recent) > 0)
		d->ts_recent = c->opt.ts_val;
}

static void
count_syn(struct bh_stream_ctx *c)
{
	struct bh_stream_side *d = c->d;

	d->known = true;
	d->wire = c->p->wire;
	d->scale = c->opt.scale;
	d->stamps = c->opt.stamp;
	d->sacks = c->opt.sack;
	d->ts_recent = d->ts_echoed = c->opt.ts_val;
	c->s->state++;
	if (c->p->side == 0)
		count_window(c);
}

/* The packet is accepted: what it says is true from here on. */
static void
count(struct bh_stream_ctx *c)
{
	struct bh_stream *s = c->s;
	struct bh_stream_side *d = c->d;

	if (c->opens)
		count_syn(c);
	else if (s->state == BH_STREAM_SYN_RECEIVED && c->p->side == 0 &&
		 (c->flags & BH_TCP_SYN) == 0) {
		s->state = BH_STREAM_ESTABLISHED;
		c->r->established = true;
	}
	if (c->acks) {
		count_ack(c);
		count_window(c);
		d->raw_window = unscaled_window(c);
		d->ts_val = c->opt.ts_val;
		d->ts_ecr = c->opt.ts_ecr;
		d->spoken = !c->stale;
	}
	if (c->opt.stamp && (c->flags & BH_TCP_SYN) == 0)
		count_stamp(c);
	if ((c->flags & BH_TCP_FIN) != 0)
		d->fin = c->to;
	if (c->cut)
		d->skip_to = d->read = d->seen_to = d->released = d->edge = c->to;
}

void
bh_stream_input(struct bh_stream_store *st, struct bh_stream *s, const struct bh_stream_packet *p,
		struct bh_stream_result *r)
{
	struct bh_stream_ctx c = {
		.st = st,
		.s = s,
		.p = p,
		.r = r,
		.d = &s->side[p->side],
		.o = &s->side[p->side ^ 1],
		.flags = p->h->tcp_flags,
	};

	*r = (struct bh_stream_result){.act = BH_STREAM_PASS};
	c.d->last = BH_STREAM_NONE;
	if (bh_stream_check(&c) && take_bytes(&c))
		count(&c);
}
