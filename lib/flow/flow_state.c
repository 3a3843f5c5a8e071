/* States of a flow: their names, and how a packet that is more than one to count moves them. */
#include "flow_priv.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58 };

const char *
bh_flow_state_name(unsigned state)
{
	static const char *const name[] = {
#define BH_FLOW_STATE(sym, word, timeout_key, default_s, text) word,
#include "flow_state.def"
#undef BH_FLOW_STATE
	};

	return state < BH_STATE_COUNT ? name[state] : "invalid";
}

const char *
bh_flow_state_eve(unsigned state)
{
	switch (state) {
	case BH_STATE_REPLIED:
	case BH_STATE_ESTABLISHED:
	case BH_STATE_FIN_WAIT:
		return "established";
	case BH_STATE_CLOSING:
	case BH_STATE_CLOSED:
		return "closed";
	default:
		return "new";
	}
}

const char *
bh_flow_end_name(unsigned end)
{
	static const char *const name[] = {
		[BH_FLOW_END_TIMEOUT] = "timeout",   [BH_FLOW_END_CLOSED] = "closed",
		[BH_FLOW_END_EVICTED] = "evicted",   [BH_FLOW_END_RELABELLED] = "relabelled",
		[BH_FLOW_END_SHUTDOWN] = "shutdown",
	};

	return end < BH_FLOW_END_COUNT ? name[end] : "invalid";
}

void
bh_flow_table_params_default(struct bh_flow_table_params *params)
{
	static const uint32_t timeout_s[] = {
#define BH_FLOW_STATE(sym, word, timeout_key, default_s, text) default_s,
#include "flow_state.def"
#undef BH_FLOW_STATE
	};
	unsigned i;

	memset(params, 0, sizeof(*params));
	for (i = 0; i < BH_STATE_COUNT; i++)
		params->timeout_ms[i] = timeout_s[i] * 1000;
}

uint8_t
bh_flow_first_state(uint8_t proto)
{
	switch (proto) {
	case PROTO_TCP:
		return BH_STATE_SYN_SENT;
	case PROTO_ICMP:
	case PROTO_ICMP6:
		return BH_STATE_ICMP;
	default:
		return BH_STATE_NEW;
	}
}

/* The state of a TCP flow whose both ends take part, by the FINs seen so far. `from` sent the last
 * packet: when that makes the second FIN, it is the one still to be acknowledged. */
static void
settle(struct bh_flow *f, unsigned from)
{
	unsigned fins = (unsigned)((f->tcp_seen[0] & BH_TCP_FIN) + (f->tcp_seen[1] & BH_TCP_FIN));

	if (fins == 2) {
		f->state = BH_STATE_CLOSING;
		f->flags &= (uint8_t)~BH_FLAG_LAST_FIN;
		f->flags |= (uint8_t)(from * BH_FLAG_LAST_FIN);
		return;
	}
	f->state = fins == 1 ? BH_STATE_FIN_WAIT : BH_STATE_ESTABLISHED;
}

/* Before the handshake is complete. A FIN does not count yet: without the other end's consent a
 * flow never reaches a state that eviction spares. */
static void
advance_handshake(struct bh_flow *f, unsigned from, bool responder, uint8_t tcp_flags)
{
	const uint8_t syn_ack = BH_TCP_SYN | BH_TCP_ACK;
	bool syn_seen = ((f->tcp_seen[0] | f->tcp_seen[1]) & BH_TCP_SYN) != 0;

	if (f->state == BH_STATE_SYN_RECEIVED) {
		if (!responder && (tcp_flags & syn_ack) == BH_TCP_ACK)
			settle(f, from);
	} else if (!syn_seen) {
		f->flags |= BH_FLAG_MIDSTREAM;
		if (f->tcp_seen[0] != 0 && f->tcp_seen[1] != 0)
			settle(f, from);
	} else if (responder && (tcp_flags & syn_ack) == syn_ack) {
		f->state = BH_STATE_SYN_RECEIVED;
	}
}

static void
advance_tcp(struct bh_flow *f, unsigned from, bool responder, uint8_t tcp_flags)
{
	bool last_fin = (f->flags & BH_FLAG_LAST_FIN) != 0;

	if (tcp_flags & BH_TCP_RST) {
		f->state = BH_STATE_CLOSED;
		return;
	}
	switch (f->state) {
	case BH_STATE_ESTABLISHED:
	case BH_STATE_FIN_WAIT:
		settle(f, from);
		break;
	case BH_STATE_CLOSING:
		if ((tcp_flags & (BH_TCP_ACK | BH_TCP_FIN)) == BH_TCP_ACK && from != last_fin)
			f->state = BH_STATE_CLOSED;
		break;
	case BH_STATE_CLOSED:
		break;
	default:
		advance_handshake(f, from, responder, tcp_flags);
		break;
	}
}

void
bh_flow_advance(struct bh_flow *f, unsigned from, uint8_t tcp_flags)
{
	bool responder = from != (f->flags & BH_FLAG_INITIATOR);

	f->tcp_seen[from] |= tcp_flags;
	if (responder)
		f->flags |= BH_FLAG_REPLIED;
	if (f->state == BH_STATE_REFUSED)
		return;
	if (f->key.proto == PROTO_TCP)
		advance_tcp(f, from, responder, tcp_flags);
	else if (f->state == BH_STATE_NEW && responder)
		f->state = BH_STATE_REPLIED;
}

void
bh_flow_touch(struct bh_flow *f, const struct bh_parsed *pkt, uint32_t now_ms)
{
	bh_flow_touch_hot(f, pkt, now_ms);
}
