/* Pieces: which bytes of a side are known, whose packets they are in, and whether they come again as
 * they were. */
#include "stream_priv.h"

/* ---- nodes ------------------------------------------------------------------------------------ */

static uint32_t
take_node(struct bh_stream_ctx *c)
{
	struct bh_stream_store *st = c->st;
	const struct bh_stream_packet *p = c->p;
	uint32_t i = st->free_node;
	struct bh_stream_node *n = &st->node[i];

	st->free_node = n->next;
	st->n_free_nodes--;
	c->d->nodes++;
	*n = (struct bh_stream_node){
		.from = c->from,
		.packet = p->packet,
		.next = BH_STREAM_NONE,
		.prev = BH_STREAM_NONE,
		.wnext = BH_STREAM_NONE,
		.wprev = BH_STREAM_NONE,
		.len = p->h->payload_len,
		.tag = {.l3_len = p->h->l3_len,
			.tcp_flags = c->flags,
			.wire = p->wire,
			.side = p->side},
	};
	return i;
}

static void
give_node(struct bh_stream_store *st, struct bh_stream_side *d, uint32_t i)
{
	st->node[i].next = st->free_node;
	st->free_node = i;
	st->n_free_nodes++;
	d->nodes--;
}

static void
link_piece(struct bh_stream_store *st, struct bh_stream_side *d, uint32_t i, uint32_t before)
{
	struct bh_stream_node *n = &st->node[i];

	n->next = before;
	n->prev = before != BH_STREAM_NONE ? st->node[before].prev : d->tail;
	if (n->prev != BH_STREAM_NONE)
		st->node[n->prev].next = i;
	else
		d->head = i;
	if (before != BH_STREAM_NONE)
		st->node[before].prev = i;
	else
		d->tail = i;
	d->bytes += (uint32_t)(n->hi - n->lo);
	d->hint = i;
}

void
bh_stream_unpiece(struct bh_stream_store *st, struct bh_stream_side *d, uint32_t i)
{
	struct bh_stream_node *n = &st->node[i];

	if (n->prev != BH_STREAM_NONE)
		st->node[n->prev].next = n->next;
	else
		d->head = n->next;
	if (n->next != BH_STREAM_NONE)
		st->node[n->next].prev = n->prev;
	else
		d->tail = n->prev;
	d->bytes -= (uint32_t)(n->hi - n->lo);
	if (d->hint == i)
		d->hint = BH_STREAM_NONE;
	if (d->cursor == i)
		d->cursor = BH_STREAM_NONE;
	if (d->last == i)
		d->last = BH_STREAM_NONE;
	n->hi = n->lo;
	if (!n->waits) {
		st->p.drop(n->packet);
		give_node(st, d, i);
	}
}

/* In order of the first byte; behind those with the same one. What comes in order goes to the end. */
static void
link_waiting(struct bh_stream_ctx *c, uint32_t i)
{
	struct bh_stream_node *node = c->st->node, *n = &node[i];
	struct bh_stream_side *d = c->d;
	uint32_t after = d->wtail;

	while (after != BH_STREAM_NONE && node[after].from > n->from)
		after = node[after].wprev;
	n->wprev = after;
	n->wnext = after != BH_STREAM_NONE ? node[after].wnext : d->whead;
	if (after != BH_STREAM_NONE)
		node[after].wnext = i;
	else
		d->whead = i;
	if (n->wnext != BH_STREAM_NONE)
		node[n->wnext].wprev = i;
	else
		d->wtail = i;
	n->waits = true;
	d->waiting++;
	d->waiting_bytes += n->len;
	c->st->waiting++;
}

void *
bh_stream_unwait(struct bh_stream_store *st, struct bh_stream_side *d, uint32_t i)
{
	struct bh_stream_node *n = &st->node[i];
	void *packet = n->packet;

	if (n->wprev != BH_STREAM_NONE)
		st->node[n->wprev].wnext = n->wnext;
	else
		d->whead = n->wnext;
	if (n->wnext != BH_STREAM_NONE)
		st->node[n->wnext].wprev = n->wprev;
	else
		d->wtail = n->wprev;
	n->waits = false;
	d->waiting--;
	d->waiting_bytes -= n->len;
	st->waiting--;
	if (n->lo != n->hi)
		st->p.keep(packet);
	else
		give_node(st, d, i);
	return packet;
}

/* ---- where ------------------------------------------------------------------------------------- */

static uint64_t
distance(const struct bh_stream_store *st, uint32_t i, int64_t offset)
{
	int64_t far;

	if (i == BH_STREAM_NONE)
		return UINT64_MAX;
	far = bh_stream_piece_from(&st->node[i]) - offset;
	return (uint64_t)(far < 0 ? -far : far);
}

/* From the nearest of head, tail and the piece looked at last: what is sent again begins at the head
 * (what was not acknowledged) and goes on piece by piece. */
uint32_t
bh_stream_find(struct bh_stream_store *st, struct bh_stream_side *d, int64_t offset)
{
	const struct bh_stream_node *node = st->node;
	uint32_t i = d->tail;

	if (i == BH_STREAM_NONE || bh_stream_piece_to(&node[i]) <= offset)
		return BH_STREAM_NONE;
	if (distance(st, d->head, offset) < distance(st, i, offset))
		i = d->head;
	if (distance(st, d->hint, offset) < distance(st, i, offset))
		i = d->hint;
	while (bh_stream_piece_to(&node[i]) <= offset)
		i = node[i].next;
	while (node[i].prev != BH_STREAM_NONE && bh_stream_piece_to(&node[node[i].prev]) > offset)
		i = node[i].prev;
	d->hint = i;
	return i;
}

/* ---- compare ----------------------------------------------------------------------------------- */

/* Bytes [lo, hi) of the packet c->p against piece n, both of which have them. */
static bool
same_bytes(const struct bh_stream_ctx *c, const struct bh_stream_node *n, int64_t lo, int64_t hi)
{
	const struct bh_stream_params *p = &c->st->p;

	while (lo < hi) {
		uint32_t left = (uint32_t)(hi - lo), a_len, b_len;
		const uint8_t *a = p->payload(c->p->packet, (uint32_t)(lo - c->from), &a_len);
		const uint8_t *b = p->payload(n->packet, (uint32_t)(lo - n->from), &b_len);

		left = left < a_len ? left : a_len;
		left = left < b_len ? left : b_len;
		if (memcmp(a, b, left) != 0)
			return false;
		lo += left;
	}
	return true;
}

void
bh_stream_compare(struct bh_stream_ctx *c, struct bh_stream_overlap *v)
{
	const struct bh_stream_node *node = c->st->node;
	int64_t at = v->lo;
	uint32_t i;

	v->same = true;
	v->new_bytes = v->holes = 0;
	v->first = v->lo < v->hi ? bh_stream_find(c->st, c->d, v->lo) : BH_STREAM_NONE;
	for (i = v->first; i != BH_STREAM_NONE && at < v->hi; i = node[i].next) {
		int64_t from = bh_stream_piece_from(&node[i]), to = bh_stream_piece_to(&node[i]);

		if (from >= v->hi)
			break;
		if (from > at) {
			v->new_bytes += (uint32_t)(from - at);
			v->holes++;
			at = from;
		}
		to = bh_stream_min(to, v->hi);
		if (!same_bytes(c, &node[i], at, to)) {
			v->same = false;
			return;
		}
		at = to;
	}
	if (at < v->hi) {
		v->new_bytes += (uint32_t)(v->hi - at);
		v->holes++;
	}
}

/* ---- keep --------------------------------------------------------------------------------------- */

static void
advance_edge(struct bh_stream_ctx *c, uint32_t i)
{
	const struct bh_stream_node *node = c->st->node;
	struct bh_stream_side *d = c->d;

	while (i != BH_STREAM_NONE && bh_stream_piece_from(&node[i]) <= d->edge) {
		d->edge = bh_stream_max(d->edge, bh_stream_piece_to(&node[i]));
		i = node[i].next;
	}
	/* What isn't held has passed: the receiver may acknowledge it. */
	if (!c->s->hold)
		d->released = d->edge;
}

void
bh_stream_keep(struct bh_stream_ctx *c, const struct bh_stream_overlap *v, bool waits)
{
	const struct bh_stream_node *node = c->st->node;
	uint32_t i = v->first, first = BH_STREAM_NONE, mine;
	int64_t at = v->lo;

	while (v->new_bytes != 0 && at < v->hi) {
		int64_t end = i == BH_STREAM_NONE ? v->hi : bh_stream_piece_from(&node[i]);

		end = bh_stream_min(end, v->hi);
		if (at < end) {
			mine = take_node(c);
			c->st->node[mine].lo = (uint16_t)(at - c->from);
			c->st->node[mine].hi = (uint16_t)(end - c->from);
			link_piece(c->st, c->d, mine, i);
			/* The first node of a waiting packet has the caller's reference. */
			if (first != BH_STREAM_NONE || !waits)
				c->st->p.keep(c->p->packet);
			if (first == BH_STREAM_NONE)
				first = mine;
		}
		if (i == BH_STREAM_NONE)
			break;
		at = bh_stream_max(at, bh_stream_piece_to(&node[i]));
		i = node[i].next;
	}
	if (first != BH_STREAM_NONE && bh_stream_piece_from(&node[first]) > c->d->edge)
		c->d->last = first;
	if (waits)
		link_waiting(c, first != BH_STREAM_NONE ? first : take_node(c));
	advance_edge(c, first);
}

void
bh_stream_trim(struct bh_stream *s, struct bh_stream_side *d)
{
	struct bh_stream_store *st = s->st;
	int64_t done = s->gone ? d->acked : bh_stream_min(d->acked, d->read);

	while (d->head != BH_STREAM_NONE && bh_stream_piece_to(&st->node[d->head]) <= done) {
		d->base = bh_stream_piece_to(&st->node[d->head]);
		bh_stream_unpiece(st, d, d->head);
	}
}
