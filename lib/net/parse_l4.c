/* parse_l4: TCP, UDP, SCTP, ICMP of both families, and all other protocols by number. */
#include "net_priv.h"

void
bh_net_payload(struct bh_net_ctx *c, uint32_t off)
{
	uint32_t len = c->end - off;

	c->out->payload_off = (uint16_t)off;
	c->out->payload_len = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
	if (bh_net_is_cut(c))
		c->out->flags |= BH_PKT_CUT;
	c->next = BH_LAYER_DONE;
}

/* The addresses stand in order already, unless they are equal: then the ports decide. */
static void
set_ports(const struct bh_net_ctx *c, uint16_t src, uint16_t dst)
{
	struct bh_parsed *out = c->out;

	if (BH_UNLIKELY(c->to_itself))
		out->from = src > dst;
	out->key.port[out->from] = src;
	out->key.port[1 - out->from] = dst;
}

static void
set_both_ports(struct bh_parsed *out, uint16_t port)
{
	out->key.port[0] = port;
	out->key.port[1] = port;
}

static enum bh_reason
read_tcp(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, BH_TCP_HEADER);
	struct bh_parsed *out = c->out;
	uint32_t head;

	if (h == NULL)
		return BH_REASON_TCP_TRUNCATED;
	set_ports(c, bh_load_be16(h), bh_load_be16(h + 2));
	out->tcp_seq = bh_load_be32(h + 4);
	out->tcp_ack = bh_load_be32(h + 8);
	out->tcp_flags = h[13];
	out->tcp_window = bh_load_be16(h + 14);
	out->service = bh_load_be16(h + 2);
	head = (uint32_t)h[12] >> 4 << 2;
	if (head < BH_TCP_HEADER || head > c->end - out->l4_off)
		return BH_REASON_TCP_OFFSET;
	if (bh_cur_take(&c->cur, head - BH_TCP_HEADER) == NULL)
		return BH_REASON_TCP_TRUNCATED;
	if (out->key.port[0] == 0 || out->key.port[1] == 0)
		return BH_REASON_TCP_PORT_ZERO;
	if (!bh_net_tcp_flags_ok(out->tcp_flags))
		return BH_REASON_TCP_FLAGS;
	bh_net_payload(c, bh_net_at(c));
	return BH_REASON_NONE;
}

/* A length below the IP payload's would leave bytes that one host reads and another does not. */
static enum bh_reason
read_udp(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, BH_UDP_HEADER);
	uint16_t sport, dport;

	if (h == NULL)
		return BH_REASON_UDP_TRUNCATED;
	sport = bh_load_be16(h);
	dport = bh_load_be16(h + 2);
	if (bh_load_be16(h + 4) != c->end - c->out->l4_off)
		return BH_REASON_UDP_LENGTH;
	switch (bh_net_stops(c) ? BH_TUNNEL_NONE : bh_net_udp_tunnel(c->params, dport)) {
	case BH_TUNNEL_VXLAN:
		return bh_net_vxlan(c);
	case BH_TUNNEL_GENEVE:
		return bh_net_geneve(c);
	default:
		break;
	}
	set_ports(c, sport, dport);
	c->out->service = dport;
	bh_net_payload(c, bh_net_at(c));
	return BH_REASON_NONE;
}

static enum bh_reason
read_sctp(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, BH_SCTP_HEADER);

	if (h == NULL)
		return BH_REASON_SCTP_TRUNCATED;
	set_ports(c, bh_load_be16(h), bh_load_be16(h + 2));
	c->out->service = bh_load_be16(h + 2);
	bh_net_payload(c, bh_net_at(c));
	return BH_REASON_NONE;
}

/* Is the receiver a group (RFC 5771, RFC 4291 2.7)? */
static bool
is_to_group(const struct bh_parsed *out)
{
	const uint8_t *dst = out->key.addr[1 - out->from].b;

	return out->key.family == BH_IP4 ? dst[0] >> 4 == 0xe : dst[0] == 0xff;
}

/* What routers never forward can be told from what merely looks like it: group membership has a hop
 * limit of 1 (RFC 2236, 3376, 2710, 3810) and goes to a group. The rest is IP, judged as such. */
static bool
is_group_membership(const struct bh_net_ctx *c)
{
	return c->out->ttl == 1 && !c->fragmented && is_to_group(c->out);
}

static enum bh_reason
read_igmp(struct bh_net_ctx *c)
{
	if (is_group_membership(c))
		c->out->kind = BH_FRAME_MCAST;
	bh_net_payload(c, c->out->l4_off);
	return BH_REASON_NONE;
}

/* Kinds of ICMPv6 that stay on their link. Neighbour discovery from afar is an attack (RFC 4861
 * 6.1, 7.1); in fragments it is void (RFC 6980). */
static enum bh_reason
classify_icmp6(struct bh_net_ctx *c, uint8_t type)
{
	struct bh_parsed *out = c->out;

	switch (type) {
	case 133:
	case 134:
	case 135:
	case 136:
		if (out->ttl != 255)
			return BH_REASON_ND_HOP_LIMIT;
		if (!c->fragmented)
			out->kind = BH_FRAME_ND;
		break;
	case 130:
	case 131:
	case 132:
	case 143:
		if (is_group_membership(c))
			out->kind = BH_FRAME_MCAST;
		break;
	}
	return BH_REASON_NONE;
}

static enum bh_reason
read_icmp(struct bh_net_ctx *c, uint8_t family)
{
	const uint8_t *h = bh_cur_take(&c->cur, BH_ICMP_HEADER);
	struct bh_parsed *out = c->out;

	if (out->key.family != family)
		return BH_REASON_ICMP_FAMILY;
	if (h == NULL)
		return BH_REASON_ICMP_TRUNCATED;
	out->icmp_type = h[0];
	out->icmp_code = h[1];
	out->service = (uint16_t)(h[0] << 8 | h[1]);
	set_both_ports(out, bh_net_icmp_port(family, h));
	if (bh_net_icmp_is_query(family, h[0]))
		out->flags |= BH_PKT_ICMP_QUERY;
	else if (bh_net_icmp_is_error(family, h[0]))
		out->flags |= BH_PKT_ICMP_ERROR;
	if (bh_net_icmp_is_request(family, h[0]))
		out->flags |= BH_PKT_TO_SERVER_HINT;
	bh_net_payload(c, bh_net_at(c));
	return family == BH_IP6 ? classify_icmp6(c, h[0]) : BH_REASON_NONE;
}

static enum bh_reason
read_ip_tunnel(struct bh_net_ctx *c, uint8_t proto)
{
	if (proto == BH_PROTO_GRE)
		return c->params->gre ? bh_net_gre(c) : bh_net_other(c);
	if (!c->params->ipip)
		return bh_net_other(c);
	return bh_net_ipip(c, proto == BH_PROTO_IPIP ? BH_LAYER_IP4 : BH_LAYER_IP6);
}

enum bh_reason
bh_net_l4(struct bh_net_ctx *c, uint8_t proto)
{
	c->out->key.proto = proto;
	c->out->l4_off = (uint16_t)bh_net_at(c);
	switch (proto) {
	case BH_PROTO_TCP:
		return read_tcp(c);
	case BH_PROTO_UDP:
		return read_udp(c);
	case BH_PROTO_ICMP:
		return read_icmp(c, BH_IP4);
	case BH_PROTO_ICMPV6:
		return read_icmp(c, BH_IP6);
	case BH_PROTO_SCTP:
		return read_sctp(c);
	case BH_PROTO_IGMP:
		return c->out->key.family == BH_IP4 ? read_igmp(c) : bh_net_other(c);
	case BH_PROTO_IPIP:
	case BH_PROTO_IPV6:
	case BH_PROTO_GRE:
		return bh_net_stops(c) ? bh_net_other(c) : read_ip_tunnel(c, proto);
	default:
		return bh_net_other(c);
	}
}

enum bh_reason
bh_net_other(struct bh_net_ctx *c)
{
	bh_net_payload(c, c->out->l4_off);
	return BH_REASON_NONE;
}
