/* application: which protocol a flow speaks, proven from the first bytes of both sides. A flow without payload
 * yet, and one that is decided, costs one test of a flag. In between it owns a context from the worker's
 * bounded pool, where the first bytes of each side come together in order. */
#include "gateway_priv.h"

#define UDP_TRIES 12 /* datagrams after which an unknown flow stays unknown */

struct bh_app_context *
bh_app_contexts_create(uint32_t n)
{
	struct bh_app_context *pool = bh_mem_map((size_t)(n + 1) * sizeof(*pool), true, NULL);
	uint32_t i;

	/* Entry 0 heads the list of free ones: a flow's ext of 0 means none. */
	for (i = 0; pool != NULL && i <= n; i++)
		pool[i].next_free = i < n ? i + 1 : 0;
	return pool;
}

void
bh_app_contexts_destroy(struct bh_app_context *pool, uint32_t n)
{
	bh_mem_unmap(pool, (size_t)(n + 1) * sizeof(*pool));
}

/* Only what a fresh context relies on is cleared: not the windows. */
static uint32_t
take_context(struct bh_worker *w)
{
	uint32_t i = w->app[0].next_free;
	struct bh_app_context *c = &w->app[i];

	if (i == 0) {
		bh_count(&w->c.apps_unasked, 1);
		return 0;
	}
	w->app[0].next_free = c->next_free;
	memset(c, 0, offsetof(struct bh_app_context, data));
	return i;
}

void
bh_app_release(struct bh_worker *w, uint32_t context)
{
	if (context == 0)
		return;
	w->app[context].next_free = w->app[0].next_free;
	w->app[0].next_free = context;
}

/* Copy payload bytes [skip, skip + n) of a frame, chained or not, to `to`. */
static void
copy_payload(const struct bh_packet *p, uint32_t skip, uint32_t n, uint8_t *to)
{
	const void *at = rte_pktmbuf_read(p->m, p->h.payload_off + skip, n, to);

	if (at != NULL && at != to)
		memcpy(to, at, n);
}

/* Payload bytes of this frame that are in memory (a capture may have cut them). */
static uint32_t
payload_present(const struct bh_packet *p)
{
	uint32_t have = p->m->pkt_len > p->h.payload_off ? p->m->pkt_len - p->h.payload_off : 0;

	return RTE_MIN(have, (uint32_t)p->h.payload_len);
}

/* Ranges that touch become one; the one that starts at 0 is what detectors see. */
static void
merge_ranges(struct bh_app_side *s)
{
	unsigned i;

	for (i = 0; i < s->n_gaps;) {
		if (s->gap[i].from > s->len) {
			i++;
			continue;
		}
		if (s->gap[i].to > s->len)
			s->len = s->gap[i].to;
		s->gap[i] = s->gap[--s->n_gaps];
		i = 0;
	}
}

/* TCP: put a segment's bytes at their place in the window. The first copy of a byte wins. */
static bool
add_segment(struct bh_app_context *c, const struct bh_packet *p, unsigned side)
{
	struct bh_app_side *s = &c->side[side];
	uint32_t n = payload_present(p), skip = 0, offset, before = s->len;

	/* Data on a SYN come one number later than the SYN itself. */
	offset = p->h.tcp_seq + ((p->h.tcp_flags & BH_TCP_SYN) != 0);
	if (!s->started) {
		s->started = true;
		s->base = offset;
	}
	offset -= s->base;
	if ((int32_t)offset < 0 || offset < s->len) {
		skip = s->len - offset;
		if (skip >= n)
			return false;
		offset = s->len;
	}
	if (offset >= BH_PROTO_WINDOW) {
		s->ended = s->len == BH_PROTO_WINDOW;
		return false;
	}
	n = RTE_MIN(n - skip, BH_PROTO_WINDOW - offset);
	if (offset == s->len) {
		copy_payload(p, skip, n, c->data[side] + offset);
		s->len += n;
		merge_ranges(s);
	} else if (s->n_gaps < BH_APP_GAPS) {
		copy_payload(p, skip, n, c->data[side] + offset);
		s->gap[s->n_gaps].from = (uint16_t)offset;
		s->gap[s->n_gaps++].to = (uint16_t)(offset + n);
	}
	s->ended = s->len == BH_PROTO_WINDOW;
	return s->len != before;
}

/* UDP: the newest datagram of each side. */
static bool
add_datagram(struct bh_app_context *c, const struct bh_packet *p, unsigned side)
{
	uint32_t n = RTE_MIN(payload_present(p), (uint32_t)BH_PROTO_WINDOW);

	copy_payload(p, 0, n, c->data[side]);
	c->side[side].len = n;
	return n != 0;
}

static void
decide(struct bh_worker *w, struct bh_flow *f)
{
	f->flags |= BH_FLAG_APP_DONE;
	bh_app_release(w, f->ext);
	f->ext = 0;
	bh_count(&w->c.apps_named, f->app != 0);
}

static void
ask(struct bh_worker *w, struct bh_flow *f, struct bh_app_context *c, const struct bh_packet *p,
    unsigned side)
{
	struct bh_proto_input in = {
		.data = {c->data[0], c->data[1]},
		.len = {c->side[0].len, c->side[1].len},
		.ended = {c->side[0].ended, c->side[1].ended},
		.transport = p->h.key.proto == 6 ? BH_OVER_TCP : BH_OVER_UDP,
		.from = (uint8_t)side,
		.packets = c->packets,
	};
	bool done = bh_proto_identify(&c->state, &in);

	f->app = c->state.app;
	if (done || (in.transport == BH_OVER_UDP && c->packets >= UDP_TRIES))
		decide(w, f);
}

/* Out of the straight path: a flow that is not decided yet. */
static __rte_noinline void
identify(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	unsigned side = p->h.from ^ (f->flags & BH_FLAG_INITIATOR);
	struct bh_app_context *c;
	bool grown;

	if (f->ext == 0)
		f->ext = take_context(w);
	if (f->ext == 0) {
		f->flags |= BH_FLAG_APP_DONE;
		return;
	}
	c = &w->app[f->ext];
	c->packets += p->h.payload_len != 0;
	grown = p->h.key.proto == 6 ? add_segment(c, p, side) : add_datagram(c, p, side);
	if ((p->h.tcp_flags & BH_TCP_FIN) != 0 && c->side[side].n_gaps == 0)
		c->side[side].ended = grown = true;
	if (grown)
		ask(w, f, c, p, side);
}

void
bh_stage_application(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	if (likely(b->n_unnamed + b->n_judge == 0))
		return;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];
		const struct bh_flow *f = p->flow;

		if (likely(f == NULL || (f->flags & BH_FLAG_APP_DONE) != 0))
			continue;
		if (p->h.key.proto != 6 && p->h.key.proto != 17)
			continue;
		/* A context is taken with the first payload, so that a flood of SYNs takes none. */
		if (p->h.payload_len == 0 && (f->ext == 0 || (p->h.tcp_flags & BH_TCP_FIN) == 0))
			continue;
		if (f->verdict == BH_VERDICT_ALLOW || f->verdict == BH_VERDICT_VIOLATE)
			identify(w, p);
	}
}
