/* icmp: which messages ask, answer or complain, and of which flow an error speaks. */
#include "net_priv.h"

bool
bh_net_icmp_is_error(uint8_t family, uint8_t type)
{
	/* Unreachable, source quench, time exceeded, parameter problem (RFC 792); RFC 4443 2.1. A
	 * redirect is no error: it asks a host to change its routes. */
	if (family == BH_IP4)
		return type == 3 || type == 4 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

bool
bh_net_icmp_is_request(uint8_t family, uint8_t type)
{
	/* Echo, timestamp, information, mask (RFC 792, 950), extended echo (RFC 8335). */
	if (family == BH_IP4)
		return type == 8 || type == 13 || type == 15 || type == 17 || type == 42;
	return type == 128 || type == 160;
}

bool
bh_net_icmp_is_query(uint8_t family, uint8_t type)
{
	if (bh_net_icmp_is_request(family, type))
		return true;
	if (family == BH_IP4)
		return type == 0 || type == 14 || type == 16 || type == 18 || type == 43;
	return type == 129 || type == 161;
}

uint16_t
bh_net_icmp_port(uint8_t family, const uint8_t *h)
{
	if (bh_net_icmp_is_query(family, h[0]))
		return bh_load_be16(h + 4);
	return (uint16_t)(h[0] << 8 | h[1]);
}

/* ---- the quoted packet: as much of it as a router sends back, so its lengths are not judged ------ */

struct quote {
	struct bh_cur cur;
	const uint8_t *src, *dst;
	uint8_t proto;
};

static bool
read_quote4(struct quote *q)
{
	const uint8_t *h = bh_cur_take(&q->cur, BH_IP4_HEADER);
	uint32_t head;

	if (h == NULL || h[0] >> 4 != 4)
		return false;
	head = (h[0] & 0xfu) * 4;
	/* Behind a fragment's later offset there are no ports. */
	if (head < BH_IP4_HEADER || (bh_load_be16(h + 6) & 0x1fff) != 0)
		return false;
	q->src = h + 12;
	q->dst = h + 16;
	q->proto = h[9];
	return bh_cur_take(&q->cur, head - BH_IP4_HEADER) != NULL;
}

#define MAX_QUOTED_EXT 8u

static bool
read_quote6(struct quote *q)
{
	const uint8_t *h = bh_cur_take(&q->cur, BH_IP6_HEADER);
	unsigned n;

	if (h == NULL || h[0] >> 4 != 6)
		return false;
	q->src = h + 8;
	q->dst = h + 24;
	q->proto = h[6];
	for (n = 0; bh_net_is_ext(q->proto); n++) {
		uint32_t len;

		h = bh_cur_take(&q->cur, 8);
		if (h == NULL || n == MAX_QUOTED_EXT)
			return false;
		len = q->proto == BH_EXT_AUTH ? h[1] * 4u : h[1] * 8u;
		if (q->proto == BH_EXT_FRAGMENT) {
			if ((bh_load_be16(h + 2) & 0xfff8) != 0)
				return false;
			len = 0;
		}
		if (bh_cur_take(&q->cur, len) == NULL)
			return false;
		q->proto = h[0];
	}
	return true;
}

/* Ports, or what stands for them in a key. */
static bool
read_quoted_ports(struct quote *q, uint8_t family, uint16_t port[2])
{
	const uint8_t *h;

	switch (q->proto) {
	case BH_PROTO_TCP:
	case BH_PROTO_UDP:
	case BH_PROTO_SCTP:
		return bh_cur_be16(&q->cur, &port[0]) && bh_cur_be16(&q->cur, &port[1]);
	case BH_PROTO_ICMP:
	case BH_PROTO_ICMPV6:
		h = bh_cur_take(&q->cur, BH_ICMP_HEADER);
		if (h == NULL || family != (q->proto == BH_PROTO_ICMP ? BH_IP4 : BH_IP6))
			return false;
		port[0] = port[1] = bh_net_icmp_port(family, h);
		return true;
	default:
		port[0] = port[1] = 0;
		return true;
	}
}

/* Set the cursor on the quoted packet; false: there is none. */
static bool
find_quote(struct quote *q, const uint8_t *p, uint32_t caplen, const struct bh_parsed *pkt)
{
	uint32_t end = (uint32_t)pkt->payload_off + pkt->payload_len;

	if (end > caplen)
		end = caplen;
	if (pkt->payload_off > end)
		return false;
	q->cur = bh_cur(p + pkt->payload_off, end - pkt->payload_off);
	return true;
}

static bool
read_quoted_ip(struct quote *q, uint8_t family)
{
	return family == BH_IP4 ? read_quote4(q) : read_quote6(q);
}

enum bh_reason
bh_net_quoted(const uint8_t *p, uint32_t caplen, const struct bh_parsed *pkt,
	      struct bh_flow_key *key, uint8_t *from)
{
	struct quote q;
	uint16_t port[2];

	if (!find_quote(&q, p, caplen, pkt) || !read_quoted_ip(&q, pkt->key.family) ||
	    !read_quoted_ports(&q, pkt->key.family, port))
		return BH_REASON_ICMP_QUOTE;
	*key = (struct bh_flow_key){
		.proto = q.proto,
		.family = pkt->key.family,
		.pair = pkt->key.pair,
		.tunnel = pkt->key.tunnel,
		.tenant = pkt->key.tenant,
	};
	*from = bh_flow_key_set(key, q.src, q.dst, port[0], port[1]);
	return BH_REASON_NONE;
}

/* The tunnel that begins behind a quoted IP header, as if the frame were parsed. NONE with the layer DONE:
 * none does, or none that is looked into. */
static enum bh_reason
enter_quoted(struct bh_net_ctx *c, uint8_t proto)
{
	enum bh_tunnel tunnel;

	c->next = BH_LAYER_DONE;
	switch (proto) {
	case BH_PROTO_UDP:
		if (bh_cur_left(&c->cur) < 4)
			return BH_REASON_ICMP_QUOTE;
		tunnel = bh_net_udp_tunnel(c->params, bh_load_be16(c->cur.p + 2));
		if (tunnel == BH_TUNNEL_NONE)
			return BH_REASON_NONE;
		if (bh_cur_take(&c->cur, BH_UDP_HEADER) == NULL)
			return BH_REASON_ICMP_TUNNEL_QUOTE;
		return tunnel == BH_TUNNEL_VXLAN ? bh_net_vxlan(c) : bh_net_geneve(c);
	case BH_PROTO_GRE:
		return c->params->gre ? bh_net_gre(c) : BH_REASON_NONE;
	case BH_PROTO_IPIP:
		return c->params->ipip ? bh_net_ipip(c, BH_LAYER_IP4) : BH_REASON_NONE;
	case BH_PROTO_IPV6:
		return c->params->ipip ? bh_net_ipip(c, BH_LAYER_IP6) : BH_REASON_NONE;
	default:
		return BH_REASON_NONE;
	}
}

/* Through the tunnels, as many as a frame may have, to the innermost IP header: it is read, the cursor
 * behind it. */
static enum bh_reason
reach_inner(struct bh_net_ctx *c, struct quote *q, uint8_t *family)
{
	enum bh_reason no = BH_REASON_ICMP_QUOTE, reason;

	for (;;) {
		if (!read_quoted_ip(q, *family))
			return no;
		c->cur = q->cur;
		reason = enter_quoted(c, q->proto);
		if (reason != BH_REASON_NONE)
			return reason == BH_REASON_ICMP_QUOTE ? no : BH_REASON_ICMP_TUNNEL_QUOTE;
		if (c->next == BH_LAYER_DONE)
			return BH_REASON_NONE;
		no = BH_REASON_ICMP_TUNNEL_QUOTE;
		if (c->next == BH_LAYER_ETHERNET && bh_net_ethernet(c) != BH_REASON_NONE)
			return no;
		if (c->next == BH_LAYER_DONE)
			return no;
		*family = c->next == BH_LAYER_IP4 ? BH_IP4 : BH_IP6;
		q->cur = c->cur;
	}
}

enum bh_reason
bh_net_quoted_inner(const struct bh_parse_params *params, const uint8_t *p, uint32_t caplen,
		    const struct bh_parsed *pkt, struct bh_flow_key *key)
{
	struct bh_parsed in = {.key = {.tenant = pkt->key.tenant, .tunnel = pkt->key.tunnel}};
	const uint8_t before = (pkt->flags & BH_PKT_TUNNELLED) != 0;
	struct bh_net_ctx c = {.params = params, .frame = p, .out = &in, .tunnels = before};
	uint8_t family = pkt->key.family;
	enum bh_reason reason;
	struct quote q;
	uint16_t port[2];

	if (!find_quote(&q, p, caplen, pkt))
		return BH_REASON_ICMP_QUOTE;
	c.end = (uint32_t)(q.cur.end - p);
	reason = reach_inner(&c, &q, &family);
	if (reason != BH_REASON_NONE)
		return reason;
	if (!read_quoted_ports(&q, family, port))
		return c.tunnels == before ? BH_REASON_ICMP_QUOTE : BH_REASON_ICMP_TUNNEL_QUOTE;
	*key = (struct bh_flow_key){
		.proto = q.proto,
		.family = family,
		.pair = pkt->key.pair,
		.tunnel = in.key.tunnel,
		.tenant = in.key.tenant,
	};
	bh_flow_key_set(key, q.src, q.dst, port[0], port[1]);
	return BH_REASON_NONE;
}
