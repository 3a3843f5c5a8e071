/* The caller's side: what can be read, what may go, when to look no more. */
#include "stream_priv.h"

uint32_t
bh_stream_next(struct bh_stream *s, unsigned side, const uint8_t **at, bool *ended)
{
	struct bh_stream_store *st = s->st;
	struct bh_stream_side *d = &s->side[side];
	const struct bh_stream_node *n;
	uint32_t len, left;

	*at = NULL;
	*ended = d->read == d->fin && d->edge == d->fin;
	if (s->gone || d->read >= d->edge)
		return 0;
	if (d->cursor == BH_STREAM_NONE || bh_stream_piece_from(&st->node[d->cursor]) > d->read ||
	    bh_stream_piece_to(&st->node[d->cursor]) <= d->read)
		d->cursor = bh_stream_find(st, d, d->read);
	n = &st->node[d->cursor];
	left = (uint32_t)(bh_stream_piece_to(n) - d->read);
	*at = st->p.payload(n->packet, (uint32_t)(d->read - n->from), &len);
	return len < left ? len : left;
}

void
bh_stream_read(struct bh_stream *s, unsigned side, uint32_t n)
{
	struct bh_stream_side *d = &s->side[side];

	d->read = bh_stream_min(d->read + n, d->edge);
	d->seen_to = bh_stream_max(d->seen_to, d->read);
	if (d->cursor != BH_STREAM_NONE && bh_stream_piece_to(&s->st->node[d->cursor]) <= d->read)
		d->cursor = s->st->node[d->cursor].next;
	bh_stream_trim(s, d);
}

uint32_t
bh_stream_skip(struct bh_stream *s, unsigned side, uint32_t n)
{
	struct bh_stream_store *st = s->st;
	struct bh_stream_side *d = &s->side[side];
	int64_t from = d->read;
	bool more = d->skip_from != d->skip_to && d->skip_to == from;
	uint32_t i;

	if (s->gone || n == 0 || from - d->acked > BH_STREAM_SKIP / 2)
		return 0;
	if (!more)
		d->skip_from = from;
	d->read += n < BH_STREAM_SKIP ? n : BH_STREAM_SKIP;
	if (d->fin != BH_STREAM_NO_FIN)
		d->read = bh_stream_min(d->read, d->fin);
	d->skip_to = d->seen_to = d->read;
	d->released = bh_stream_max(d->released, d->read);
	d->edge = bh_stream_max(d->edge, d->read);
	d->cursor = BH_STREAM_NONE;
	for (i = bh_stream_find(st, d, d->edge);
	     i != BH_STREAM_NONE && bh_stream_piece_from(&st->node[i]) <= d->edge;
	     i = st->node[i].next)
		d->edge = bh_stream_max(d->edge, bh_stream_piece_to(&st->node[i]));
	if (!s->hold)
		d->released = d->edge;
	return (uint32_t)(d->read - from);
}

bool
bh_stream_rewind(struct bh_stream *s, unsigned side)
{
	struct bh_stream_side *d = &s->side[side];

	if (d->base != 0 || s->gone)
		return false;
	d->read = 0;
	return true;
}

void
bh_stream_release(struct bh_stream *s, unsigned side, uint64_t offset)
{
	struct bh_stream_side *d = &s->side[side];
	int64_t to = offset < (uint64_t)d->seen_to ? (int64_t)offset : d->seen_to;

	d->released = bh_stream_max(d->released, to);
}

void *
bh_stream_pop(struct bh_stream_store *st, struct bh_stream *s, unsigned side,
	      struct bh_stream_tag *tag)
{
	struct bh_stream_side *d = &s->side[side];
	uint32_t i = d->whead;

	/* A packet that reaches beyond what is released does not keep back those behind it that don't. */
	while (i != BH_STREAM_NONE && !s->gone) {
		const struct bh_stream_node *n = &st->node[i];

		if (n->from + n->len <= d->released)
			break;
		i = n->from < d->released ? n->wnext : BH_STREAM_NONE;
	}
	if (i == BH_STREAM_NONE)
		return NULL;
	*tag = st->node[i].tag;
	d->far = bh_stream_max(d->far, st->node[i].from + st->node[i].len);
	if ((tag->tcp_flags & BH_TCP_FIN) != 0)
		d->fin_gone = true;
	return bh_stream_unwait(st, d, i);
}

void *
bh_stream_part(const struct bh_stream *s, unsigned side, uint32_t *n)
{
	const struct bh_stream_side *d = &s->side[side];
	const struct bh_stream_node *first;

	if (!bh_stream_holds(s) || d->whead == BH_STREAM_NONE || d->acked >= d->released)
		return NULL;
	if (!d->asked && (d->far >= d->released || d->acked < d->far))
		return NULL;
	first = &s->st->node[d->whead];
	/* Asked again: what had gone, as a part or in a smaller packet, was lost behind us. */
	if (first->from > (d->asked ? d->acked : d->far) || first->from + first->len <= d->released)
		return NULL;
	*n = (uint32_t)(d->released - first->from);
	return first->packet;
}

void
bh_stream_part_gone(struct bh_stream *s, unsigned side)
{
	s->side[side].far = bh_stream_max(s->side[side].far, s->side[side].released);
	s->side[side].asked = false;
}

void
bh_stream_let_go(struct bh_stream_store *st, struct bh_stream *s)
{
	unsigned k;

	if (s->gone)
		return;
	s->gone = true;
	for (k = 0; k < 2; k++) {
		struct bh_stream_side *d = &s->side[k];
		int64_t high = bh_stream_high(st, d);

		d->limit = d->edge;
		while (d->tail != BH_STREAM_NONE &&
		       bh_stream_piece_from(&st->node[d->tail]) >= d->limit)
			bh_stream_unpiece(st, d, d->tail);
		d->edge = d->released = high;
		bh_stream_trim(s, d);
	}
}

/* The run of known bytes around piece i. Returns its first piece. */
static uint32_t
add_block(const struct bh_stream_store *st, const struct bh_stream_side *d, uint32_t i,
	  struct bh_stream_gap *out)
{
	const struct bh_stream_node *node = st->node;
	uint32_t a = i, b = i, k, from, to;

	while (node[a].prev != BH_STREAM_NONE &&
	       bh_stream_piece_to(&node[node[a].prev]) == bh_stream_piece_from(&node[a]))
		a = node[a].prev;
	while (node[b].next != BH_STREAM_NONE &&
	       bh_stream_piece_from(&node[node[b].next]) == bh_stream_piece_to(&node[b]))
		b = node[b].next;
	from = d->isn + 1 + (uint32_t)bh_stream_piece_from(&node[a]);
	to = d->isn + 1 + (uint32_t)bh_stream_piece_to(&node[b]);
	for (k = 0; k < out->n_blocks; k++) {
		if (out->block[k].from == from)
			return a;
	}
	out->block[out->n_blocks].from = from;
	out->block[out->n_blocks++].to = to;
	return a;
}

bool
bh_stream_gap(const struct bh_stream *s, unsigned side, struct bh_stream_gap *out)
{
	const struct bh_stream_side *d = &s->side[side], *o = &s->side[side ^ 1];
	const struct bh_stream_node *node = s->st->node;
	uint32_t i;

	if (!bh_stream_holds(s) || d->last == BH_STREAM_NONE || !o->spoken ||
	    s->state != BH_STREAM_ESTABLISHED)
		return false;
	/* What waits here before the gap can't be acknowledged: then all that has gone is enough. */
	if (d->acked < d->edge &&
	    (d->acked < d->far || d->whead == BH_STREAM_NONE || node[d->whead].from >= d->edge))
		return false;
	*out = (struct bh_stream_gap){
		.seq = o->isn + 1 + (uint32_t)bh_stream_top(o),
		.ack = d->isn + 1 + (uint32_t)d->acked,
		.ts_val = o->ts_val,
		.ts_ecr = o->ts_ecr,
		.window = o->raw_window,
		.stamped = d->stamps && o->stamps,
	};
	if (!d->sacks || !o->sacks)
		return true;
	add_block(s->st, d, d->last, out);
	/* The others from the end: those that the sender is most likely not to have heard of (RFC 2018 4). */
	for (i = d->tail; i != BH_STREAM_NONE && bh_stream_piece_from(&node[i]) > d->edge &&
			  out->n_blocks < BH_STREAM_BLOCKS;
	     i = node[i].prev)
		i = add_block(s->st, d, i, out);
	return true;
}

bool
bh_stream_settled(const struct bh_stream *s)
{
	return s->gone && s->side[0].waiting + s->side[1].waiting == 0 &&
	       s->side[0].head == BH_STREAM_NONE && s->side[1].head == BH_STREAM_NONE;
}

/* A FIN has no bytes and lies in no piece. */
static bool
side_has_gap(const struct bh_stream *s, unsigned side)
{
	const struct bh_stream_side *d = &s->side[side];

	return bh_stream_high(s->st, d) > d->edge ||
	       (d->fin != BH_STREAM_NO_FIN && d->fin > d->edge);
}

bool
bh_stream_has_gap(const struct bh_stream *s)
{
	return side_has_gap(s, 0) || side_has_gap(s, 1);
}

uint32_t
bh_stream_held(const struct bh_stream *s, uint32_t *bytes)
{
	if (bytes != NULL)
		*bytes = s->side[0].waiting_bytes + s->side[1].waiting_bytes;
	return s->side[0].waiting + s->side[1].waiting;
}
