/* parse_ip6: the IPv6 header and its extension headers (RFC 8200), wherever in a frame they stand. */
#include "net_priv.h"

#define MAX_EXT 8u
/* RFC 8504 5.3 lets a node refuse more than 8 options and 7 paddings of one byte in a row. With a
 * padding behind each option that is 16; twice that is nobody's need. */
#define MAX_OPTIONS 32u

enum {
	OPTION_PAD1 = 0,
	OPTION_JUMBO = 0xc2,
};

/* Where a walk along the chain of headers stands. */
struct walk {
	uint8_t next;      /* protocol number of the header at the cursor */
	uint8_t count;     /* extension headers so far */
	bool out_of_order; /* told at the end, since the chain may turn out too long as well */
	bool seen_routing, seen_fragment, seen_auth;
	uint8_t seen_destination;
	uint32_t unfragmentable; /* bytes of extension headers before the fragment header */
};

static enum bh_reason
walk_options(struct bh_cur options)
{
	uint8_t type, len;
	unsigned n;

	for (n = 0; bh_cur_u8(&options, &type); n++) {
		if (n == MAX_OPTIONS)
			return BH_REASON_IP6_OPTION;
		if (type == OPTION_PAD1)
			continue;
		if (!bh_cur_u8(&options, &len) || bh_cur_take(&options, len) == NULL)
			return BH_REASON_IP6_OPTION;
		if (type == OPTION_JUMBO)
			return BH_REASON_IP6_JUMBO;
	}
	return BH_REASON_NONE;
}

/* RFC 8200 4.1: each at most once, but destination options twice; hop-by-hop first or not at all. */
static void
note_order(struct walk *w)
{
	bool again = false;

	switch (w->next) {
	case BH_EXT_HOP_BY_HOP:
		again = w->count != 0;
		break;
	case BH_EXT_DESTINATION:
		again = ++w->seen_destination > 2;
		break;
	case BH_EXT_ROUTING:
		again = w->seen_routing;
		w->seen_routing = true;
		break;
	case BH_EXT_FRAGMENT:
		again = w->seen_fragment;
		w->seen_fragment = true;
		break;
	case BH_EXT_AUTH:
		again = w->seen_auth;
		w->seen_auth = true;
		break;
	}
	w->out_of_order |= again;
	w->count++;
}

/* Hop-by-hop, destination, routing: length in 8 bytes without the first 8. Authentication (RFC 4302
 * 2.2): length in 4 bytes without the first 8. */
static enum bh_reason
read_ext(struct bh_net_ctx *c, struct walk *w)
{
	const uint8_t *h = bh_cur_take(&c->cur, 8);
	uint8_t type = w->next;
	uint32_t len;

	if (h == NULL)
		return BH_REASON_IP6_EXT_TRUNCATED;
	len = type == BH_EXT_AUTH ? h[1] * 4u : h[1] * 8u;
	if (bh_cur_take(&c->cur, len) == NULL)
		return BH_REASON_IP6_EXT_TRUNCATED;
	w->next = h[0];
	if (type == BH_EXT_ROUTING)
		return h[2] == 0 ? BH_REASON_IP6_ROUTING0 : BH_REASON_NONE;
	if (type == BH_EXT_AUTH) /* 12 bytes are fixed */
		return len < 4 ? BH_REASON_IP6_EXT_TRUNCATED : BH_REASON_NONE;
	return walk_options(bh_cur(h + 2, 6 + len));
}

/* Offset 0 and no more to come is an atomic fragment: a whole packet (RFC 6946). */
static enum bh_reason
read_fragment(struct bh_net_ctx *c, struct walk *w)
{
	const uint8_t *h = bh_cur_take(&c->cur, 8);
	struct bh_net_fragment f;
	uint16_t where;

	if (h == NULL)
		return BH_REASON_IP6_EXT_TRUNCATED;
	where = bh_load_be16(h + 2);
	w->next = h[0];
	c->fragmented = true;
	f = (struct bh_net_fragment){
		.id = bh_load_be32(h + 4),
		.off = where & 0xfff8u,
		.base = w->unfragmentable,
		.proto = h[0],
		.more = (where & 1) != 0,
	};
	if (f.off == 0 && !f.more)
		return BH_REASON_NONE;
	c->out->ip_id = (uint16_t)f.id;
	return bh_net_fragment(c, &f);
}

/* Along the chain to the upper-layer header, or to the data of a fragment that is not the first. */
static enum bh_reason
walk_chain(struct bh_net_ctx *c, struct walk *w)
{
	enum bh_reason reason;
	uint32_t start;

	while (bh_net_is_ext(w->next)) {
		bool fragment = w->next == BH_EXT_FRAGMENT;

		if (w->count == MAX_EXT)
			return BH_REASON_IP6_EXT_COUNT;
		note_order(w);
		start = bh_net_at(c);
		reason = fragment ? read_fragment(c, w) : read_ext(c, w);
		if (reason != BH_REASON_NONE)
			return reason;
		if (fragment && c->out->kind == BH_FRAME_FRAGMENT && c->out->frag_off != 0)
			break;
		if (!c->fragmented)
			w->unfragmentable += bh_net_at(c) - start;
	}
	return w->out_of_order ? BH_REASON_IP6_EXT_ORDER : BH_REASON_NONE;
}

/* A first fragment must hold all headers, the upper-layer one included (RFC 7112); as far as a cut
 * capture lets it be known. */
static enum bh_reason
check_first_fragment(struct bh_net_ctx *c, const struct walk *w, enum bh_reason reason)
{
	if (c->out->frag_off != 0)
		return reason;
	if (reason == BH_REASON_IP6_EXT_TRUNCATED && !bh_net_is_cut(c))
		return BH_REASON_FRAG_NO_HEADER;
	if (reason == BH_REASON_NONE && !bh_net_header_whole(c, w->next))
		return BH_REASON_FRAG_NO_HEADER;
	return reason;
}

/* A payload length of 0 with hop-by-hop options can only be a jumbogram's (RFC 2675), whose length is
 * in the options, or wrong. */
static enum bh_reason
judge_no_length(struct bh_net_ctx *c)
{
	struct walk w = {.next = BH_EXT_HOP_BY_HOP};

	return read_ext(c, &w) == BH_REASON_IP6_JUMBO ? BH_REASON_IP6_JUMBO
						      : BH_REASON_IP6_EXT_TRUNCATED;
}

enum bh_reason
bh_net_ip6(struct bh_net_ctx *c)
{
	struct bh_parsed *out = c->out;
	uint32_t start = bh_net_at(c), len;
	const uint8_t *h = bh_cur_take(&c->cur, BH_IP6_HEADER);
	struct walk w = {0};
	enum bh_reason reason;

	out->kind = BH_FRAME_IP;
	if (h == NULL)
		return BH_REASON_IP6_TRUNCATED;
	if (h[0] >> 4 != 6)
		return BH_REASON_IP6_VERSION;
	w.next = h[6];
	out->key.family = BH_IP6;
	out->key.proto = w.next;
	bh_net_set_addresses(c, start, h + 8, h + 24);
	len = bh_load_be16(h + 4);
	out->l3_len =
		(uint16_t)(len < UINT16_MAX - BH_IP6_HEADER ? len + BH_IP6_HEADER : UINT16_MAX);
	out->ip_id = 0;
	out->ttl = h[7];
	if (len == 0 && w.next == BH_EXT_HOP_BY_HOP)
		return judge_no_length(c);
	if (len > bh_net_left(c))
		return BH_REASON_IP6_LENGTH;
	bh_net_narrow(c, bh_net_at(c) + len);
	reason = walk_chain(c, &w);
	if (out->kind == BH_FRAME_FRAGMENT)
		return check_first_fragment(c, &w, reason);
	return reason != BH_REASON_NONE ? reason : bh_net_l4(c, w.next);
}
