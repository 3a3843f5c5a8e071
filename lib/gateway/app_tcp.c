/* TCP connections that are judged by what they say. Their streams are made unambiguous (lib/stream); nothing of a side
 * goes before it has been judged; what has been judged is compared with what comes again until it is
 * acknowledged. After that the flow is one like any other. */
#include "app_threat.h"

/* Contexts looked at in a millisecond: all of the default pool in 64 ms. */
#define AGE_CONTEXTS 4u /* a slice; divides 64 */

/* FNV-1a, 64 bits (draft-eastlake-fnv) */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static unsigned
side_of(const struct bh_packet *p)
{
	return p->h.from ^ (p->flow->flags & BH_FLAG_INITIATOR);
}

static void
release(struct bh_worker *w, struct bh_flow *f, enum bh_reason reason)
{
	bh_app_release(w, f->ext, reason);
	f->ext = 0;
}

/* Do its bytes wait for a judgement? */
static bool
holds(const struct bh_worker *w, const struct bh_flow *f)
{
	return f->mode == BH_MODE_PROTECT &&
	       (f->verdict == BH_VERDICT_PENDING || bh_app_inspect_blocks(w));
}

/* Nothing can be judged of it any more, for or against: it has no context. */
static void
without_context(struct bh_worker *w, struct bh_packet *p, enum bh_exception x,
		enum bh_reason reason)
{
	struct bh_app_context none = {.flow = p->flow, .hold = holds(w, p->flow)};

	bh_count(&w->c.apps_unasked, 1);
	/* Not inspected where it would only be watched, or where the configuration says so. */
	if (!none.hold || w->config->exception[x] == BH_ACTION_PASS) {
		bh_count(&w->c.exceptions[x], 1);
		p->flow->verdict = BH_VERDICT_ALLOW;
		p->flow->reason = BH_REASON_EXCEPTION;
		return;
	}
	bh_app_except(w, &(struct bh_app_case){.p = p, .c = &none}, x, reason);
}

/* Where the first byte of a side will be, for naming in passing once it has been let go. */
static void
note_start(struct bh_app_context *c, const struct bh_packet *p, unsigned side)
{
	if ((p->h.tcp_flags & BH_TCP_SYN) == 0)
		return;
	c->side[side].started = true;
	c->side[side].base = p->h.tcp_seq + 1;
}

/* URG and its pointer are taken out, the checksum mended (RFC 1624): the receiver then keeps the byte in its stream. */
static void
clear_urgent(struct bh_packet *p)
{
	uint32_t have = p->m->data_len;
	uint8_t *tcp = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->h.l4_off);
	uint32_t sum;

	if (have < p->h.l4_off + 20u)
		return;
	sum = (uint16_t)~bh_load_be16(tcp + 16);
	sum += (uint16_t)~bh_load_be16(tcp + 12) + (uint16_t)~bh_load_be16(tcp + 18);
	tcp[13] &= (uint8_t)~BH_TCP_URG;
	tcp[18] = tcp[19] = 0;
	sum += bh_load_be16(tcp + 12);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum;
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

void
bh_app_note_judged(const struct bh_worker *w, struct bh_app_context *c, unsigned side,
		   const uint8_t *at, uint32_t n)
{
	uint64_t hash = c->judged_hash[side];
	uint32_t i;

	if (likely(!w->config->event_judged))
		return;
	for (i = 0; i < n; i++)
		hash = (hash ^ at[i]) * FNV_PRIME;
	c->judged_hash[side] = hash;
	c->judged_bytes[side] += n;
}

/* New bytes of both sides to the detectors. */
static bool
read_window(struct bh_app_context *c)
{
	bool grown = false;
	unsigned side;

	for (side = 0; side < 2; side++) {
		struct bh_app_side *s = &c->side[side];
		const uint8_t *at;
		bool ended = false;
		uint32_t n;

		while (s->len < BH_PROTO_WINDOW &&
		       (n = bh_stream_next(c->stream, side, &at, &ended)) != 0) {
			n = RTE_MIN(n, BH_PROTO_WINDOW - s->len);
			memcpy(c->u.data[side] + s->len, at, n);
			bh_stream_read(c->stream, side, n);
			if (!c->spoken)
				c->first = (uint8_t)side;
			c->spoken = true;
			s->len += n;
			grown = true;
		}
		if ((ended || s->len == BH_PROTO_WINDOW) && !s->ended) {
			s->ended = true;
			grown = true;
		}
	}
	return grown;
}

/* Returns false when the flow was refused. */
static bool
find_name(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	bool grown = read_window(c), over;

	if (grown) {
		c->packets++;
		over = bh_app_identify(c, BH_OVER_TCP, k->p != NULL ? side_of(k->p) : 0);
		bh_count(&w->c.apps_named, over && c->state.app != 0);
	}
	if (!grown && !c->ask_again)
		return true;
	c->ask_again = false;
	if (!bh_app_judge(w, k))
		return false;
	/* Allowed whatever it is: only what has a detector waits for it. */
	if (c->phase == BH_APP_NAMING && c->flow->verdict == BH_VERDICT_ALLOW &&
	    !bh_app_inspect_blocks(w)) {
		c->passed = true;
		bh_stream_release(c->stream, 0, bh_stream_read_so_far(c->stream, 0));
		bh_stream_release(c->stream, 1, bh_stream_read_so_far(c->stream, 1));
	}
	return true;
}

/* Undecided for too long? Returns false when the flow was refused. Where operations are judged, the parser bounds what it
 * wants to see (BH_OPS_HOLD) and the stream what comes out of order. */
static bool
check_bounds(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	uint32_t bytes, packets = bh_stream_held(c->stream, &bytes);
	bool gap;

	if (packets == 0 || c->phase != BH_APP_NAMING) {
		c->waiting = false;
		return true;
	}
	gap = bh_stream_has_gap(c->stream);
	if (!c->waiting || (c->gap && !gap))
		c->held_ms = w->now_ms;
	c->waiting = true;
	c->gap = gap;
	/* What comes out of order is bounded by the stream. */
	if (!gap && bytes > w->config->hold_bytes)
		return bh_app_except(w, k, BH_EXCEPTION_HOLD_FULL, BH_REASON_HOLD_BYTES);
	if (!gap && packets > w->config->hold_packets)
		return bh_app_except(w, k, BH_EXCEPTION_HOLD_FULL, BH_REASON_HOLD_PACKETS);
	if (w->now_ms - c->held_ms >= (gap ? w->config->hold_gap_ms : w->config->hold_ms))
		return bh_app_except(w, k, BH_EXCEPTION_HOLD_FULL, BH_REASON_HOLD_TIME);
	return true;
}

/* Back to the straight path, when nothing that was judged can be changed any more. */
static void
end_if_settled(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_flow *f = c->flow;

	if (c->phase != BH_APP_LET_GO || !bh_stream_settled(c->stream))
		return;
	bh_stream_close(w->streams, c->stream, NULL, NULL);
	c->stream = NULL;
	if (c->state.decided) {
		f->flags |= BH_FLAG_APP_DONE;
		release(w, f, BH_REASON_NONE);
	}
}

/* An unfinished message waits a moment for its rest, and not so much of it that its sender's first window is full
 * (RFC 6928: ten segments). False: a finding ended it. */
static bool
bound_look(struct bh_worker *w, const struct bh_app_case *k)
{
	enum { LOOK_BYTES = 8192 };
	struct bh_app_context *c = k->c;
	uint32_t n = RTE_MAX(bh_app_inspect_waits(w, c, 0), bh_app_inspect_waits(w, c, 1));

	if (n >= LOOK_BYTES && !bh_app_inspect_look(w, k))
		return false;
	n = n < LOOK_BYTES ? n : 0;
	if (n != 0 && !c->waiting)
		c->held_ms = w->now_ms;
	c->waiting = n != 0;
	return true;
}

static void
go_on(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;

	if (c->phase == BH_APP_NAMING && !find_name(w, k))
		return;
	if (c->phase == BH_APP_OPERATIONS) {
		bool again = c->ask_again;

		c->ask_again = false;
		if ((again && !bh_app_judge(w, k)) ||
		    (c->phase == BH_APP_OPERATIONS && !bh_app_operate(w, k)))
			return;
	}
	if (c->phase == BH_APP_INSPECTION) {
		if (c->ask_again && !bh_app_judge(w, k))
			return;
		c->ask_again = false;
		if (!bh_app_inspect_go_on(w, k))
			return;
	}
	if (!bh_app_threat_obey(w, k))
		return;
	if (c->phase != BH_APP_LET_GO && c->hold && !check_bounds(w, k))
		return;
	if (c->inspect != 0 && c->hold && c->phase != BH_APP_NAMING && !bound_look(w, k))
		return;
	bh_hold_forward_ready(w, c);
	/* What waits to be looked into does so for a moment only. */
	if (c->phase == BH_APP_OPERATIONS && c->hold && !c->waiting)
		bh_hold_forward_parts(w, c);
	end_if_settled(w, c);
}

/* A gap in front of us, on `side`: its sender hears of it as soon as all before it has been acknowledged. */
static void
answer_gap(struct bh_worker *w, const struct bh_app_case *k, unsigned side, bool back)
{
	struct bh_stream_gap gap;

	if (w->config->stream_answer && bh_stream_gap(k->c->stream, side, &gap))
		bh_answer_gap(w, k->p, &gap, back);
}

/* What the stream says to a packet. Returns false when there is no more to do. */
static bool
obey(struct bh_worker *w, const struct bh_app_case *k, void *handle,
     const struct bh_stream_result *r)
{
	struct bh_packet *p = k->p;

	if (r->exception != 0)
		bh_count(&w->c.exceptions[r->exception - 1], 1);
	switch (r->act) {
	case BH_STREAM_KEPT:
		w->n_waiting += bh_hold_frames(handle);
		p->fate = BH_FATE_GONE;
		answer_gap(w, k, side_of(p), true);
		return true;
	case BH_STREAM_PASS:
		bh_hold_forget(handle);
		if (p->train == NULL)
			bh_hold_stamp(k->c, side_of(p), p->m, p->h.l4_off, false);
		if (p->h.payload_len == 0)
			answer_gap(w, k, side_of(p) ^ 1, false);
		bh_touch_flow(w, p->flow, &p->h);
		bh_packet_decide(p, BH_FATE_PASS,
				 r->reason != BH_REASON_NONE ? r->reason
							     : bh_flow_pass_reason(p->flow));
		return true;
	case BH_STREAM_DROP:
		bh_hold_forget(handle);
		bh_packet_decide(p, BH_FATE_DROP, r->reason);
		return true;
	default:
		bh_hold_forget(handle);
		if (!bh_app_refuse(w, k, r->reason, r->reset ? BH_DENIED_RESET : BH_DENIED_DROP))
			return false;
		bh_app_let_go(w, k->c);
		return true;
	}
}

/* A wrong checksum: the receiver will not take it, nor do we (mbufs of captures and devices may say it is right). */
static bool
checksum_wrong(struct bh_worker *w, struct bh_packet *p)
{
	if (w->config->l4_checksum == BH_CHECK_IGNORE || p->train != NULL ||
	    (p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return false;
	return bh_parse_checksum_wrong(w, p);
}

/* Captures hold less than was on the wire: what is not there can't be judged. */
static bool
is_cut(const struct bh_worker *w, const struct bh_packet *p)
{
	return p->train == NULL && (p->h.flags & BH_PKT_CUT) != 0 &&
	       bh_wire_length(w, p->m, p->wire) != p->m->pkt_len;
}

static void
examine(struct bh_worker *w, struct bh_packet *p, struct bh_app_context *c)
{
	const struct bh_app_case k = {.p = p, .c = c};
	struct bh_stream_result r = {0};
	struct bh_stream_packet sp = {.h = &p->h, .wire = p->wire, .side = (uint8_t)side_of(p)};
	uint32_t have;

	c->flow = p->flow;
	if (unlikely(bh_tcp_opens(p->h.tcp_flags)) && bh_threat_split(w, p))
		return;
	if (is_cut(w, p)) {
		const struct bh_app_case cut = {.p = p, .c = c, .why = "cut short by the capture"};

		bh_app_except(w, &cut, BH_EXCEPTION_APP_ERROR, BH_REASON_APP_ERROR);
		return;
	}
	if (checksum_wrong(w, p)) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
		return;
	}
	sp.packet = bh_hold_packet(w, p);
	if (sp.packet == NULL) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_STREAM_SEGMENTS);
		return;
	}
	if (bh_hold_checksum_wrong(p, sp.packet)) {
		bh_hold_forget(sp.packet);
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
		return;
	}
	sp.tcp = bh_frame_head(w, p->m, &have) + p->h.l4_off;
	note_start(c, p, sp.side);
	c->vouch[sp.side].said_ms = w->now_ms;
	bh_stream_input(w->streams, c->stream, &sp, &r);
	if (r.clear_urgent)
		clear_urgent(p);
	if (!obey(w, &k, sp.packet, &r))
		return;
	if (c->phase == BH_APP_LET_GO && !c->state.decided && p->fate == BH_FATE_PASS &&
	    p->h.payload_len != 0)
		bh_app_watch(w, p, c);
	go_on(w, &k);
}

/* The first packet of a connection that is to be judged by what it says. */
static void
begin(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	struct bh_stream_packet sp = {.h = &p->h, .wire = p->wire, .side = (uint8_t)side_of(p)};
	struct bh_stream_result r = {0};
	struct bh_app_context *c;
	uint32_t have, ext;

	if (!bh_tcp_opens(p->h.tcp_flags) || sp.side != 0) {
		without_context(w, p, BH_EXCEPTION_MIDSTREAM, BH_REASON_TCP_MIDSTREAM);
		return;
	}
	if (checksum_wrong(w, p)) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
		return;
	}
	sp.packet = bh_hold_packet(w, p);
	ext = sp.packet != NULL ? bh_app_take(w, f) : 0;
	if (ext == 0) {
		if (sp.packet != NULL)
			bh_hold_forget(sp.packet);
		without_context(w, p, BH_EXCEPTION_STREAM_FULL, BH_REASON_STREAM_FULL);
		return;
	}
	c = &w->app[ext];
	c->hold = holds(w, f) || (f->mode == BH_MODE_PROTECT && bh_app_threat_holds(w));
	sp.tcp = bh_frame_head(w, p->m, &have) + p->h.l4_off;
	c->stream = bh_stream_open(w->streams, &sp, c->hold, &r);
	if (c->stream == NULL) {
		bh_hold_forget(sp.packet);
		bh_app_release(w, ext, BH_REASON_NONE);
		without_context(w, p, BH_EXCEPTION_STREAM_FULL, BH_REASON_STREAM_FULL);
		return;
	}
	f->ext = ext;
	c->judged_hash[0] = c->judged_hash[1] = w->config->event_judged ? FNV_BASIS : 0;
	note_start(c, p, 0);
	obey(w, &(struct bh_app_case){.p = p, .c = c}, sp.packet, &r);
}

static void
watch(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	struct bh_app_context *c;

	/* A context is taken with the first payload, so that a flood of SYNs takes none. */
	if (p->h.payload_len == 0 && (f->ext == 0 || (p->h.tcp_flags & BH_TCP_FIN) == 0))
		return;
	if (f->ext == 0)
		f->ext = bh_app_take(w, f);
	if (f->ext == 0) {
		f->flags |= BH_FLAG_APP_DONE;
		return;
	}
	c = &w->app[f->ext];
	bh_app_watch(w, p, c);
	if (c->state.decided) {
		f->flags |= BH_FLAG_APP_DONE;
		release(w, f, BH_REASON_NONE);
	}
}

void
bh_app_tcp(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	struct bh_app_context *c = f->ext != 0 ? &w->app[f->ext] : NULL;

	if (c != NULL && c->stream != NULL)
		examine(w, p, c);
	else if (f->verdict == BH_VERDICT_PENDING ||
		 ((w->config->app_parse == BH_PARSE_ALL || bh_app_inspect_wants(w) ||
		   bh_app_threat_wants(w)) &&
		  bh_tcp_opens(p->h.tcp_flags) && f->ext == 0))
		begin(w, p);
	else
		watch(w, p);
}

/* The client has sent its preface, settings and window updates, and no request (RFC 9113 6). */
static bool
is_preface_only(const struct bh_app_context *c)
{
	enum { PREFACE = 24, SETTINGS = 4, WINDOW_UPDATE = 8 };
	struct bh_cur in = bh_cur(c->u.data[0], c->side[0].len);
	const uint8_t *frame;

	if (bh_cur_take(&in, PREFACE) == NULL)
		return false;
	while ((frame = bh_cur_take(&in, 9)) != NULL) {
		if ((frame[3] != SETTINGS && frame[3] != WINDOW_UPDATE) ||
		    bh_cur_take(&in, bh_load_be32(frame) >> 8) == NULL)
			return false;
	}
	return bh_cur_left(&in) == 0;
}

/* A server that speaks first, and whose words fit several applications, is heard by its client after a moment: the client
 * waits for it, and what it answers is what decides. Nothing has gone to the server. */
static void
pass_greeting(struct bh_worker *w, struct bh_app_context *c)
{
	/* A client of HTTP/2 may wait for the server's settings before it asks for anything (RFC 9113 3.4). */
	bool settings = c->state.app == BH_APP_HTTP2 && is_preface_only(c);

	if (c->phase != BH_APP_NAMING || w->now_ms - c->held_ms < w->config->hold_greeting_ms ||
	    (!settings && c->side[0].len != 0))
		return;
	if (settings)
		bh_stream_release(c->stream, 0, bh_stream_read_so_far(c->stream, 0));
	bh_stream_release(c->stream, 1, bh_stream_read_so_far(c->stream, 1));
	bh_hold_forward_ready(w, c);
}

static void
pass_what_was_read(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned side;

	for (side = 0; side < 2; side++)
		bh_stream_release(c->stream, side, bh_stream_read_so_far(c->stream, side));
	bh_hold_forward_ready(w, c);
}

static void
look_now(struct bh_worker *w, const struct bh_app_case *k)
{
	k->c->waiting = false;
	if (k->c->inspect == 0 || !bh_app_inspect_look(w, k))
		return;
	bh_hold_forward_ready(w, k->c);
	if (k->c->phase == BH_APP_OPERATIONS)
		bh_hold_forward_parts(w, k->c);
}

static void
age_context(struct bh_worker *w, struct bh_app_context *c)
{
	const struct bh_app_case k = {.c = c};
	struct bh_flow *f = c->flow;

	if (f != NULL && w->app_threat != NULL)
		bh_app_threat_tick(w, c);
	/* Nothing leaves under a policy or labels that are no longer. */
	if (f == NULL || w->view == NULL ||
	    f->stamp != bh_view_stamp(w->view, f->slot[0], f->slot[1]))
		return;
	if (c->stream != NULL && c->hold && w->config->stream_ack_ms != 0)
		bh_app_vouch(w, c);
	if (!c->waiting)
		return;
	if (c->stream == NULL) {
		if (c->n_held != 0 && w->now_ms - c->held_ms >= w->config->hold_ms)
			bh_app_except(w, &k, BH_EXCEPTION_HOLD_FULL, BH_REASON_HOLD_TIME);
		return;
	}
	if (c->phase != BH_APP_NAMING) {
		if (w->now_ms - c->held_ms >= w->config->inspect_linger_ms)
			look_now(w, &k);
		return;
	}
	/* Allowed whatever it is, and held to be looked into: an application that its first words do not tell. */
	if (f->verdict != BH_VERDICT_PENDING &&
	    w->now_ms - c->held_ms >= w->config->inspect_linger_ms)
		pass_what_was_read(w, c);
	if (check_bounds(w, &k) && c->stream != NULL && c->waiting)
		pass_greeting(w, c);
}

/* Those that are somebody's: contexts are kilobytes apart, each is a line, and a page, from memory. After a pause all of
 * them, if they are few. */
void
bh_app_age(struct bh_worker *w, uint64_t slices)
{
	enum { AT_ONCE = 64 };
	uint32_t n = (uint32_t)w->config->app_contexts / AGE_CONTEXTS + 1; /* and entry 0 */
	uint32_t lots = (uint32_t)RTE_MIN(slices, (uint64_t)n), seen = 0;

	for (; lots != 0 && seen < AT_ONCE; lots--) {
		uint32_t first = w->app_cursor * AGE_CONTEXTS;
		uint64_t used = w->app_used[first / 64] >> first % 64;

		for (used &= (1u << AGE_CONTEXTS) - 1; used != 0; used &= used - 1, seen++)
			age_context(w, &w->app[first + (unsigned)__builtin_ctzll(used)]);
		w->app_cursor = w->app_cursor + 1 < n ? w->app_cursor + 1 : 0;
	}
}
