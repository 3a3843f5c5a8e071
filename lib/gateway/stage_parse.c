/* parse: headers to flow key. Also completes checksums that a local sender left to its NIC, since
 * after this hop nobody will. */
#include "gateway_priv.h"

struct sum_arg {
	const struct rte_mbuf *m;
};

/* Ones-complement sum over [off, off + len) of a chained frame. A segment that starts at an odd place
 * counts with its bytes swapped (RFC 1071, 2B). */
static uint64_t
sum_frame(void *arg, uint32_t off, uint32_t len)
{
	const struct rte_mbuf *m = ((const struct sum_arg *)arg)->m;
	uint64_t acc = 0;
	uint32_t done = 0;

	for (; m != NULL && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; m != NULL && done < len; m = m->next, off = 0) {
		uint32_t n = RTE_MIN(m->data_len - off, len - done);
		uint16_t part = bh_csum_fold(
			bh_csum_add(0, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n));

		acc += (done & 1) != 0 ? rte_bswap16(part) : part;
		done += n;
	}
	return acc;
}

static void
store_checksum(struct rte_mbuf *m, uint32_t off, uint16_t value_be)
{
	/* Headers lie in the first 512 bytes but may cross segments: two single bytes. */
	const uint8_t b[2] = {(uint8_t)value_be, (uint8_t)(value_be >> 8)};
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct rte_mbuf *s = m;
		uint32_t o = off + i;

		for (; s != NULL && o >= s->data_len; s = s->next)
			o -= s->data_len;
		if (s != NULL)
			*rte_pktmbuf_mtod_offset(s, uint8_t *, o) = b[i];
	}
}

/* The same for CRC32c. */
static uint32_t
crc_frame(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t crc = BH_CRC32C_INIT, n;

	for (; m != NULL && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; m != NULL && len > 0; m = m->next, off = 0, len -= n) {
		n = RTE_MIN(m->data_len - off, len);
		crc = bh_crc32c_add(crc, rte_pktmbuf_mtod_offset(m, const void *, off), n);
	}
	return ~crc;
}

/* A local sender leaves SCTP's checksum to the NIC as 0 (Linux: CHECKSUM_PARTIAL with csum_not_inet). */
static void
complete_sctp(struct bh_worker *w, struct bh_packet *p, const uint8_t *head)
{
	const uint32_t at = p->h.l4_off + 8u;
	uint32_t len = (uint32_t)(p->h.payload_off - p->h.l4_off) + p->h.payload_len, crc;
	uint32_t field;

	memcpy(&field, head + at, sizeof(field));
	if (field != 0 || p->h.l4_off + len > p->m->pkt_len)
		return;
	crc = crc_frame(p->m, p->h.l4_off, len);
	store_checksum(p->m, at, (uint16_t)crc);
	store_checksum(p->m, at + 2, (uint16_t)(crc >> 16));
	bh_count(&w->c.partial_checksums, 1);
}

static uint32_t
checksum_offset(const struct bh_parsed *h)
{
	switch (h->key.proto) {
	case 6:
		return h->l4_off + 16u;
	case 17:
		return h->l4_off + 6u;
	default:
		return h->l4_off + 2u; /* ICMP, ICMPv6 */
	}
}

/* What there is to judge of a frame: its innermost packet, or one around it. */
struct layer {
	struct bh_parsed *h;
	const uint8_t *head;
	enum bh_csum_state (*judge)(const struct bh_csum_view *view, const struct bh_parsed *pkt,
				    bool quick, uint16_t *good_be);
};

/* A chained frame is all there, though parse saw its first segment only. */
static enum bh_csum_state
judge_checksum(struct bh_worker *w, const struct bh_packet *p, const struct layer *l, bool quick,
	       uint16_t *good_be)
{
	struct sum_arg arg = {.m = p->m};
	const struct bh_csum_view view = {.head = l->head, .sum = sum_frame, .arg = &arg};
	uint8_t flags = l->h->flags;
	enum bh_csum_state state;

	if (bh_wire_length(w, p->m, p->wire) == p->m->pkt_len)
		l->h->flags &= (uint8_t)~BH_PKT_CUT;
	state = l->judge(&view, l->h, quick, good_be);
	l->h->flags = flags;
	return state;
}

static void
check_layer(struct bh_worker *w, struct bh_packet *p, const struct layer *l)
{
	const struct bh_wire *wire = &w->g->p.wire[p->wire];
	bool verify = w->config->l4_checksum == BH_CHECK_VERIFY;
	uint16_t good_be = 0;

	switch (judge_checksum(w, p, l, !verify, &good_be)) {
	case BH_CSUM_PARTIAL:
		if (wire->partial_checksums) {
			store_checksum(p->m, checksum_offset(l->h), good_be);
			bh_count(&w->c.partial_checksums, 1);
		} else if (verify) {
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
		}
		break;
	case BH_CSUM_BAD:
		if (verify)
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
		break;
	default:
		break;
	}
}

/* The UDP headers of the tunnels around a packet, whatever it is. */
static void
check_tunnels(struct bh_worker *w, struct bh_packet *p, const uint8_t *head, uint32_t have)
{
	struct bh_parse_params params = w->parse;
	struct bh_parsed outer;
	const struct layer l = {.h = &outer, .head = head, .judge = bh_net_tunnel_csum};
	unsigned n;

	for (n = BH_NET_MAX_TUNNELS; n > 0; n--) {
		params.stop_at_tunnel = (uint8_t)n;
		if (bh_net_parse(&params, w->g->p.wire[p->wire].link, head, have,
				 bh_wire_length(w, p->m, p->wire), p->h.key.pair,
				 &outer) == BH_REASON_NONE &&
		    outer.l4_off != p->h.l4_off) /* else there is no n-th tunnel */
			check_layer(w, p, &l);
	}
}

/* Off the straight path: only wires that may carry partial checksums, or where every one is to be
 * verified. From the inside out: a checksum that Linux puts around a partial one counts on what that will
 * be (local checksum offload). */
static void
check_l4(struct bh_worker *w, struct bh_packet *p, const uint8_t *head, uint32_t have)
{
	const struct layer inner = {.h = &p->h, .head = head, .judge = bh_net_l4_csum};

	if (p->h.kind == BH_FRAME_IP && p->h.key.proto == BH_PROTO_SCTP) {
		if (w->g->p.wire[p->wire].partial_checksums)
			complete_sctp(w, p, head);
	} else if (p->h.kind == BH_FRAME_IP) {
		check_layer(w, p, &inner);
	}
	if ((p->h.flags & BH_PKT_TUNNELLED) != 0)
		check_tunnels(w, p, head, have);
}

static inline bool
is_odd_tunnel(const struct bh_parsed *h, enum bh_reason reason)
{
	if ((h->flags & BH_PKT_TUNNELLED) != 0)
		return reason != BH_REASON_NONE || h->kind == BH_FRAME_OTHER;
	return reason == BH_REASON_VXLAN_HEADER || reason == BH_REASON_GENEVE_HEADER ||
	       reason == BH_REASON_TUNNEL_INNER;
}

/* A client may have a tunnel's port for its own: what comes back to it is no tunnel, and read as one it is
 * malformed or holds a frame of no known kind. Such a datagram is a plain one if it belongs to a known
 * flow, which its receiver must have opened, as opening one takes a datagram from that port to one that
 * is no tunnel's. Else it is what it was: reason, or a frame that is not IP. */
static enum bh_reason
parse_reply(struct bh_worker *w, struct bh_packet *p, const uint8_t *head, uint32_t have,
	    enum bh_reason reason)
{
	bool pass = w->config->frame_pass[BH_FRAME_OTHER];
	struct bh_parse_params params = w->parse;
	struct bh_parsed plain;

	params.stop_at_tunnel = 1;
	if (bh_net_parse(&params, w->g->p.wire[p->wire].link, head, have,
			 bh_wire_length(w, p->m, p->wire), p->h.key.pair,
			 &plain) != BH_REASON_NONE ||
	    plain.kind != BH_FRAME_IP || plain.key.proto != BH_PROTO_UDP)
		return reason;
	p->h = plain;
	p->unless_known = reason != BH_REASON_NONE ? (uint8_t)reason
			  : pass                   ? BH_REASON_L2_PASS
						   : BH_REASON_L2_DENY;
	return BH_REASON_NONE;
}

bool
bh_parse_checksum_wrong(struct bh_worker *w, struct bh_packet *p)
{
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, p->m, &have);
	const struct layer inner = {.h = &p->h, .head = head, .judge = bh_net_l4_csum};
	uint16_t good_be;

	return judge_checksum(w, p, &inner, false, &good_be) == BH_CSUM_BAD;
}

/* Any frame of any wire. Out of line: the straight path keeps its registers. */
static __rte_noinline void
parse_any(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_wire *wire = &w->g->p.wire[p->wire];
	const struct bh_entry *e = &w->entry[p->wire];
	const struct rte_mbuf *m = p->m;
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, m, &have);
	enum bh_reason reason = bh_net_parse(&w->parse, wire->link, head, have,
					     bh_wire_length(w, m, p->wire), e->pair, &p->h);

	if (unlikely(is_odd_tunnel(&p->h, reason)))
		reason = parse_reply(w, p, head, have, reason);
	if (unlikely(reason != BH_REASON_NONE)) {
		bh_packet_decide(p, BH_FATE_DROP, reason);
		return;
	}
	if (p->h.kind == BH_FRAME_IP &&
	    (m->ol_flags & e->checksum_mask) == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
	if (wire->partial_checksums || w->config->l4_checksum == BH_CHECK_VERIFY)
		check_l4(w, p, head, have);
}

/* Is it an unbroken frame of a plain wire, and what most frames are? Then it is parsed. */
static inline bool
parse_straight(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_entry *e = &w->entry[p->wire];
	const struct rte_mbuf *m = p->m;

	return likely(e->plain && m->nb_segs == 1 &&
		      (m->ol_flags & e->checksum_mask) != RTE_MBUF_F_RX_L4_CKSUM_BAD) &&
	       bh_net_parse_straight(&w->parse, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
				     m->data_len, e->pair, &p->h);
}

void
bh_stage_parse(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	b->n_fragments = b->n_odd = 0;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];

		if (p->found || likely(parse_straight(w, p)))
			continue;
		parse_any(w, p);
		b->n_fragments += p->h.kind == BH_FRAME_FRAGMENT;
		b->n_odd += p->fate != BH_FATE_OPEN || p->h.kind != BH_FRAME_IP ||
			    p->h.key.proto == 1 || p->h.key.proto == 58;
	}
}
