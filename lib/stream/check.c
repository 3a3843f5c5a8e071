/* The checks of a packet against its connection, in the order of stream.h. They change nothing but what the
 * first packet of a side must say before it can be judged: its initial number. */
#include "stream_priv.h"

bool
bh_stream_except(struct bh_stream_ctx *c, enum bh_exception exception)
{
	struct bh_stream_result *r = c->r;

	r->exception = (uint8_t)(exception + 1);
	if (!c->s->hold) {
		r->act = BH_STREAM_PASS;
		r->reason = (uint8_t)bh_exception_info(exception)->reason;
		return false;
	}
	switch (c->st->p.action[exception]) {
	case BH_ACTION_NORMALISE:
		r->clear_urgent = true;
		/* fall through */
	case BH_ACTION_PASS:
		r->act = BH_STREAM_PASS;
		r->reason = BH_REASON_EXCEPTION;
		return true;
	case BH_ACTION_DROP_PACKET:
		r->act = BH_STREAM_DROP;
		break;
	case BH_ACTION_REJECT:
		r->reset = true;
		/* fall through */
	default:
		r->act = BH_STREAM_END;
		break;
	}
	r->reason = (uint8_t)bh_exception_info(exception)->reason;
	return false;
}

/* The same where a stream that holds nothing goes on all the same: what it reads is better than
 * nothing. */
static bool
except_or_watch(struct bh_stream_ctx *c, enum bh_exception exception)
{
	return bh_stream_except(c, exception) || !c->s->hold;
}

/* Whose number is not known yet comes in on another wire than its peer. */
static bool
check_wire(struct bh_stream_ctx *c)
{
	uint8_t wire = c->p->wire;

	if (c->d->known ? wire == c->d->wire : !c->s->hold || !c->o->known || wire != c->o->wire)
		return true;
	c->r->reason = BH_REASON_TCP_WRONG_SIDE;
	c->r->act = c->s->hold ? BH_STREAM_DROP : BH_STREAM_PASS;
	return false;
}

static void
place(struct bh_stream_ctx *c)
{
	const struct bh_parsed *h = c->p->h;

	c->from = bh_stream_offset(c->d, h->tcp_seq + ((c->flags & BH_TCP_SYN) != 0));
	c->to = c->from + h->payload_len;
	c->acks = (c->flags & BH_TCP_ACK) != 0 && c->o->known;
	c->ack = c->acks ? bh_stream_offset(c->o, h->tcp_ack) : 0;
}

/* Take the packet's number as that of the side's first byte. */
static void
start_side(struct bh_stream_ctx *c)
{
	c->d->isn = c->p->h->tcp_seq - ((c->flags & BH_TCP_SYN) == 0);
	c->d->wire = c->p->wire;
	c->d->known = true;
}

static bool
same_syn(const struct bh_stream_ctx *c)
{
	/* Some stacks leave options out when they try again; the SYN/ACK tells which was taken. */
	return c->p->h->tcp_seq == c->d->isn &&
	       (c->opt.scale == BH_STREAM_NO_SCALE || c->opt.scale == c->d->scale);
}

/* RFC 9293 3.5, figure 6 only: SYN, SYN/ACK, ACK. */
static bool
check_syn(struct bh_stream_ctx *c)
{
	const struct bh_stream *s = c->s;
	uint32_t seq = c->p->h->tcp_seq;
	bool answer = (c->flags & BH_TCP_ACK) != 0;

	if (s->loose && answer && !c->d->known) {
		start_side(c);
		return true;
	}
	if (answer != (c->p->side == 1) || (answer && s->state == BH_STREAM_NEW))
		return bh_stream_except(c, BH_EXCEPTION_TCP_HANDSHAKE);
	if (answer) {
		int64_t ack = bh_stream_offset(c->o, c->p->h->tcp_ack);

		if (!c->o->known || ack < 0 || ack > bh_stream_top(c->o))
			return bh_stream_except(c, BH_EXCEPTION_TCP_HANDSHAKE);
	}
	c->opens = s->state == (answer ? BH_STREAM_SYN_SENT : BH_STREAM_NEW);
	if (c->opens)
		c->d->isn = seq;
	else if (!c->d->known || !same_syn(c))
		return bh_stream_except(c, BH_EXCEPTION_TCP_HANDSHAKE);
	return c->p->h->payload_len == 0 || except_or_watch(c, BH_EXCEPTION_TCP_SYN_DATA);
}

/* A packet other than SYN and RST while the handshake is not complete. */
static bool
check_early(struct bh_stream_ctx *c)
{
	struct bh_stream *s = c->s;
	enum bh_exception what = c->p->h->payload_len != 0 ? BH_EXCEPTION_TCP_EARLY_DATA
							   : BH_EXCEPTION_TCP_HANDSHAKE;

	if (s->state == BH_STREAM_SYN_RECEIVED) {
		bool side0 = c->p->side == 0;

		if (side0 && c->ack >= 0 && c->ack <= bh_stream_top(c->o))
			return true;
		if (side0)
			return bh_stream_except(c, BH_EXCEPTION_TCP_ACK);
		if (c->p->h->payload_len == 0 && (c->flags & BH_TCP_FIN) == 0)
			return true;
	}
	if (!except_or_watch(c, what))
		return false;
	/* Watched only, and part of the handshake was not seen. */
	s->state = BH_STREAM_ESTABLISHED;
	s->loose = true;
	c->r->established = true;
	return true;
}

static bool
check_handshake(struct bh_stream_ctx *c)
{
	if ((c->flags & BH_TCP_SYN) != 0) {
		if (!check_syn(c))
			return false;
		place(c);
		return true;
	}
	place(c);
	if ((c->flags & BH_TCP_RST) != 0)
		return true;
	if (c->s->state != BH_STREAM_ESTABLISHED && !check_early(c))
		return false;
	if (!c->d->known) {
		start_side(c);
		place(c);
	}
	return true;
}

/* RFC 5961 3.2. Ends nothing here: a receiver may not take what looks exact (RFC 2385, a low TTL). */
static bool
check_rst(struct bh_stream_ctx *c)
{
	const struct bh_stream_side *d = c->d;
	bool exact = false, abort = false;

	if (!d->known) {
		/* RFC 9293 3.10.7.3: refuses the SYN, and only with an ACK of exactly that. */
		exact = c->s->state == BH_STREAM_SYN_SENT && c->acks && c->ack >= 0 &&
			c->ack <= bh_stream_top(c->o);
	} else {
		int64_t end = bh_stream_high(c->st, d) + (d->fin != BH_STREAM_NO_FIN);

		exact = c->from == bh_stream_top(d) || c->from == d->acked + d->fin_acked;
		exact |= bh_stream_is_skipped(d, c->from) && (!d->windowed || c->from <= d->right);
		abort = c->from == end || c->from == d->edge + (d->fin == d->edge);
	}
	if (!exact && abort && d->waiting != 0 && bh_stream_holds(c->s)) {
		c->r->act = BH_STREAM_END;
		c->r->reason = BH_REASON_TCP_RST;
		c->r->reset = true;
	} else if (exact || abort) {
		c->r->closing = true;
	} else if (d->known && d->windowed &&
		   (c->from < d->acked - d->window || c->from > d->right + 1)) {
		bh_stream_except(c, BH_EXCEPTION_TCP_SEQUENCE);
	} else {
		bh_stream_except(c, BH_EXCEPTION_TCP_RST);
	}
	return false;
}

/* RFC 7323 5.3, by the stamp that the receiver is known to have taken: what is older it will refuse in any case, what
 * was only overtaken on its way here it may still want. What brings nothing new is left to the receiver, which
 * answers it. */
static bool
check_stamp(struct bh_stream_ctx *c)
{
	const struct bh_stream *s = c->s;
	bool fin = (c->flags & BH_TCP_FIN) != 0 && c->d->fin == BH_STREAM_NO_FIN;

	if (!c->opt.stamp || !s->side[0].stamps || !s->side[1].stamps ||
	    (c->flags & BH_TCP_SYN) != 0 || (int32_t)(c->opt.ts_val - c->d->ts_echoed) >= 0)
		return true;
	c->stale = true;
	if (!fin && (c->to == c->from || c->to <= c->d->edge))
		return true;
	return except_or_watch(c, BH_EXCEPTION_TCP_PAWS);
}

/* RFC 9293 3.10.7.4. A window probe may have one byte beyond the right edge. */
static bool
check_sequence(struct bh_stream_ctx *c)
{
	const struct bh_stream_side *d = c->d;
	bool fin = (c->flags & BH_TCP_FIN) != 0;

	if (!d->windowed || (c->flags & BH_TCP_SYN) != 0)
		return true;
	if (c->to >= d->acked - d->window && c->to + fin <= d->right + 1)
		return true;
	/* Watched only: a sender that heeds no window is read while it keeps its order. */
	return bh_stream_except(c, BH_EXCEPTION_TCP_SEQUENCE) ||
	       (!c->s->hold && c->from <= d->edge && c->to > d->edge);
}

/* RFC 5961 5.2; what isn't released was not sent to who acknowledges it. */
static bool
check_ack(struct bh_stream_ctx *c)
{
	const struct bh_stream_side *o = c->o;

	if (!c->acks ||
	    (c->ack <= bh_stream_top(o) && (!o->windowed || c->ack >= o->acked - o->window)))
		return true;
	c->acks = false;
	return except_or_watch(c, BH_EXCEPTION_TCP_ACK);
}

static bool
check_fin(struct bh_stream_ctx *c)
{
	const struct bh_stream_side *d = c->d;
	bool fin = (c->flags & BH_TCP_FIN) != 0;

	/* It ends before all of what was skipped has come: that is as far as it goes. */
	if (fin && d->fin == BH_STREAM_NO_FIN && c->to < d->skip_to && d->edge == d->skip_to &&
	    bh_stream_is_skipped(d, c->to)) {
		c->cut = true;
		return true;
	}
	if (d->fin == BH_STREAM_NO_FIN
		    ? !fin || c->to >= bh_stream_high(c->st, d)
		    : (fin ? c->to == d->fin : c->to == c->from || c->to <= d->fin))
		return true;
	return bh_stream_except(c, BH_EXCEPTION_TCP_FIN);
}

bool
bh_stream_check(struct bh_stream_ctx *c)
{
	if (!check_wire(c))
		return false;
	if (!bh_stream_read_options(c->p->tcp, &c->opt) &&
	    !bh_stream_except(c, BH_EXCEPTION_TCP_OPTIONS))
		return false;
	if (!check_handshake(c))
		return false;
	if ((c->flags & BH_TCP_RST) != 0)
		return check_rst(c);
	if (!check_stamp(c) || !check_sequence(c) || !check_ack(c))
		return false;
	if ((c->flags & BH_TCP_URG) != 0) {
		if (!except_or_watch(c, BH_EXCEPTION_TCP_URGENT))
			return false;
		c->flags &= (uint8_t)~BH_TCP_URG;
	}
	return check_fin(c);
}
