/* What is acknowledged in the receiver's name, and owed to it from then on. */
#include "stream_priv.h"

/* Every byte that is vouched for can be sent again: it is in a piece (what was skipped is not), of a packet that is not
 * too long. Returns the first, or NONE. */
static uint32_t
first_kept(const struct bh_stream *s, const struct bh_stream_side *d, uint32_t max)
{
	const struct bh_stream_node *node = s->st->node;
	int64_t at = d->acked;
	uint32_t i, first = BH_STREAM_NONE;

	for (i = d->head; i != BH_STREAM_NONE && at < d->edge; i = node[i].next) {
		if (bh_stream_piece_to(&node[i]) <= at)
			continue;
		if (bh_stream_piece_from(&node[i]) > at || node[i].len > max)
			return BH_STREAM_NONE;
		first = first == BH_STREAM_NONE ? i : first;
		at = bh_stream_piece_to(&node[i]);
	}
	return at >= d->edge ? first : BH_STREAM_NONE;
}

/* The window field that leaves the right edge where the receiver has put it (RFC 9293 3.8.6). */
static uint16_t
window_left(const struct bh_stream_side *d, const struct bh_stream_side *o)
{
	bool scaled = d->scale != BH_STREAM_NO_SCALE && o->scale != BH_STREAM_NO_SCALE;
	int64_t left = bh_stream_max(d->right - d->edge, 0) >> (scaled ? o->scale : 0);

	return (uint16_t)bh_stream_min(left, UINT16_MAX);
}

void *
bh_stream_vouch(const struct bh_stream *s, unsigned side, uint32_t max, struct bh_stream_gap *out)
{
	const struct bh_stream_side *d = &s->side[side], *o = &s->side[side ^ 1];
	uint32_t first;

	if (!bh_stream_holds(s) || s->state != BH_STREAM_ESTABLISHED || s->loose || !o->spoken ||
	    !d->windowed)
		return NULL;
	if (d->repeat ? d->acked >= d->vouched
		      : d->edge <= d->vouched || d->edge <= d->released || d->acked < d->far)
		return NULL;
	first = first_kept(s, d, max);
	if (first == BH_STREAM_NONE)
		return NULL;
	*out = (struct bh_stream_gap){
		.seq = o->isn + 1 + (uint32_t)bh_stream_top(o),
		.ack = d->isn + 1 + (uint32_t)bh_stream_max(d->edge, d->vouched),
		.ts_val = o->ts_val,
		.ts_ecr = d->ts_recent,
		.window = window_left(d, o),
		.stamped = d->stamps && o->stamps,
	};
	return s->st->node[first].packet;
}

void
bh_stream_vouched(struct bh_stream *s, unsigned side)
{
	struct bh_stream_side *d = &s->side[side];

	d->vouched = bh_stream_max(d->vouched, d->edge);
	d->repeat = false;
}

bool
bh_stream_owes(const struct bh_stream *s, unsigned side)
{
	return s->side[side].acked < s->side[side].vouched;
}

void *
bh_stream_owed(struct bh_stream *s, unsigned side, uint32_t *n, uint32_t *from)
{
	struct bh_stream_side *d = &s->side[side];
	/* A packet of which a part only is released has not gone: what the receiver acknowledged of it would be beyond `far`. */
	int64_t to = bh_stream_min(d->vouched, bh_stream_min(d->released, d->far));
	const struct bh_stream_node *node;
	uint32_t i;

	if (d->acked >= to)
		return NULL;
	i = bh_stream_find(s->st, d, d->acked);
	if (i == BH_STREAM_NONE || bh_stream_piece_from(&s->st->node[i]) > d->acked)
		return NULL;
	node = &s->st->node[i];
	*n = (uint32_t)(bh_stream_min(to, bh_stream_piece_to(node)) - node->from);
	*from = d->isn + 1 + (uint32_t)d->acked;
	return node->packet;
}
