/* A flow's application from its first bytes, as they pass: nothing waits. For flows that are judged by their ports, and
 * for those that were let go before they had a name. */
#include "gateway_priv.h"

#define UDP_TRIES 12 /* datagrams after which an unknown flow stays unknown */

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
		copy_payload(p, skip, n, c->u.data[side] + offset);
		s->len += n;
		merge_ranges(s);
	} else if (s->n_gaps < BH_APP_GAPS) {
		copy_payload(p, skip, n, c->u.data[side] + offset);
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

	copy_payload(p, 0, n, c->u.data[side]);
	c->side[side].len = n;
	return n != 0;
}

bool
bh_app_identify(struct bh_app_context *c, uint8_t transport, unsigned from)
{
	struct bh_proto_input in = {
		.data = {c->u.data[0], c->u.data[1]},
		.len = {c->side[0].len, c->side[1].len},
		.ended = {c->side[0].ended, c->side[1].ended},
		.transport = transport,
		.from = (uint8_t)from,
		.packets = c->packets,
	};
	bool done = bh_proto_identify(&c->state, &in);

	if (c->state.app != 0 && c->flow->app != c->state.app)
		c->flow->app_proof = (uint8_t)((c->side[0].len != 0 ? BH_PROOF_CLIENT : 0) |
					       (c->side[1].len != 0 ? BH_PROOF_SERVER : 0) |
					       RTE_MIN(c->packets, BH_PROOF_PACKETS));
	c->flow->app = c->state.app;
	if (transport == BH_OVER_UDP && c->packets >= UDP_TRIES) {
		c->state.decided = true;
		done = true;
	}
	return done;
}

void
bh_app_watch(struct bh_worker *w, struct bh_packet *p, struct bh_app_context *c)
{
	struct bh_flow *f = p->flow;
	unsigned side = p->h.from ^ (f->flags & BH_FLAG_INITIATOR);
	bool tcp = p->h.key.proto == 6, grown;

	c->flow = f;
	c->packets += p->h.payload_len != 0;
	grown = tcp ? add_segment(c, p, side) : add_datagram(c, p, side);
	if ((p->h.tcp_flags & BH_TCP_FIN) != 0 && c->side[side].n_gaps == 0) {
		c->side[side].ended = true;
		grown = true;
	}
	if (!grown)
		return;
	if (bh_app_identify(c, tcp ? BH_OVER_TCP : BH_OVER_UDP, side))
		bh_count(&w->c.apps_named, c->state.app != 0);
}
