/* net_priv: the state of one general parse, and the layers that share it.
 *
 * A layer function takes its header from the cursor, narrows the cursor to what the header says it
 * holds, and names the layer that follows. bh_net_parse_layers() goes from one to the next: no
 * recursion, and what an attacker can stack is bounded by tags, tunnels and extension headers. */
#ifndef BH_NET_PRIV_H
#define BH_NET_PRIV_H

#include "net_hot.h"

/* IPv6 extension headers (RFC 8200). Mobility, HIP and Shim6 have the same form but end the chain
 * for all but their own end points: they are judged as protocols by number. ESP hides the rest. */
enum {
	BH_EXT_HOP_BY_HOP = 0,
	BH_EXT_ROUTING = 43,
	BH_EXT_FRAGMENT = 44,
	BH_EXT_AUTH = 51,
	BH_EXT_DESTINATION = 60,
};

enum bh_net_layer {
	BH_LAYER_DONE,
	BH_LAYER_ETHERNET,
	BH_LAYER_IP4,
	BH_LAYER_IP6,
};

struct bh_net_ctx {
	const struct bh_parse_params *params;
	const uint8_t *frame;
	struct bh_cur cur; /* what is in memory of the layer being read */
	uint32_t end;    /* where that layer ends on the wire, from frame; may lie behind cur.end */
	uint32_t total;  /* bh_net_parse_datagram: bytes of the whole datagram; else 0 */
	bool fragmented; /* has passed an IP fragment header, be it an atomic one */
	bool datagram;   /* is in a datagram made of fragments */
	bool to_itself;  /* both ends of the innermost IP header are one address */
	uint8_t tunnels; /* entered so far */
	uint8_t next;    /* enum bh_net_layer */
	struct bh_parsed *out;
};

static inline uint32_t
bh_net_at(const struct bh_net_ctx *c)
{
	return (uint32_t)(c->cur.p - c->frame);
}

/* Bytes of this layer that are left on the wire. */
static inline uint32_t
bh_net_left(const struct bh_net_ctx *c)
{
	return c->end - bh_net_at(c);
}

/* The layer ends at `end`, which is not behind the present one. */
static inline void
bh_net_narrow(struct bh_net_ctx *c, uint32_t end)
{
	c->end = end;
	if ((uint32_t)(c->cur.end - c->frame) > end)
		c->cur.end = c->frame + end;
}

/* Is a tunnel that begins here to be taken for payload? */
static inline bool
bh_net_stops(const struct bh_net_ctx *c)
{
	return c->params->stop_at_tunnel == c->tunnels + 1;
}

static inline bool
bh_net_is_cut(const struct bh_net_ctx *c)
{
	return (uint32_t)(c->cur.end - c->frame) < c->end;
}

/* memcmp of two addresses, in registers. */
static inline int
bh_net_order4(const uint8_t *a, const uint8_t *b)
{
	uint32_t x = bh_load_be32(a), y = bh_load_be32(b);

	return (x > y) - (x < y);
}

/* Non-zero when one of four ports is this one: a 16-bit lane of the difference is zero, and borrows
 * from its top bit (exact for "any"). */
static inline uint64_t
bh_net_any_port(const uint16_t ports[BH_NET_MAX_TUNNEL_PORTS], uint16_t port)
{
	const uint64_t ones = UINT64_C(0x0001000100010001);
	uint64_t lanes;

	_Static_assert(BH_NET_MAX_TUNNEL_PORTS * sizeof(uint16_t) == sizeof(lanes), "four lanes");
	memcpy(&lanes, ports, sizeof(lanes));
	lanes ^= ones * port;
	return (lanes - ones) & ~lanes & (ones << 15);
}

/* The enum bh_tunnel that a UDP destination port stands for. 0 in the lists is an unused place. */
static inline enum bh_tunnel
bh_net_udp_tunnel(const struct bh_parse_params *params, uint16_t port)
{
	uint64_t vxlan = bh_net_any_port(params->vxlan_port, port);

	if (BH_LIKELY((vxlan | bh_net_any_port(params->geneve_port, port)) == 0) || port == 0)
		return BH_TUNNEL_NONE;
	return vxlan != 0 ? BH_TUNNEL_VXLAN : BH_TUNNEL_GENEVE;
}

/* ICMP errors quote a packet; queries carry an identifier behind the checksum. */
bool bh_net_icmp_is_error(uint8_t family, uint8_t type);
bool bh_net_icmp_is_query(uint8_t family, uint8_t type);
bool bh_net_icmp_is_request(uint8_t family, uint8_t type);
/* What stands for both ports in a key; h is 8 bytes of ICMP header. */
uint16_t bh_net_icmp_port(uint8_t family, const uint8_t *h);

/* The extension headers that a chain is followed through. */
static inline bool
bh_net_is_ext(uint8_t proto)
{
	return proto == BH_EXT_HOP_BY_HOP || proto == BH_EXT_DESTINATION ||
	       proto == BH_EXT_ROUTING || proto == BH_EXT_FRAGMENT || proto == BH_EXT_AUTH;
}

/* parse_layers.c: the general parse of a frame, from zeroed out to the end. */
enum bh_reason bh_net_parse_layers(struct bh_net_ctx *c, enum bh_link_type link, uint8_t pair);

/* parse_link.c */
enum bh_reason bh_net_link(struct bh_net_ctx *c, enum bh_link_type link);
enum bh_reason bh_net_ethernet(struct bh_net_ctx *c);

/* parse_ip4.c, parse_ip6.c */
enum bh_reason bh_net_ip4(struct bh_net_ctx *c);
enum bh_reason bh_net_ip6(struct bh_net_ctx *c);
/* Set the addresses and where the innermost IP header is. */
void bh_net_set_addresses(struct bh_net_ctx *c, uint32_t l3_off, const void *src, const void *dst);

/* parse_fragment.c. The cursor stands on the fragment's data. */
struct bh_net_fragment {
	uint32_t id;
	uint32_t off;  /* bytes */
	uint32_t base; /* bytes of IP header that count towards 65,535 */
	uint8_t proto; /* first header of the data */
	bool more;
};
/* NONE: c->datagram says whether to go on as a datagram, else out->kind is FRAGMENT. */
enum bh_reason bh_net_fragment(struct bh_net_ctx *c, const struct bh_net_fragment *f);
/* Is the upper-layer header that starts here whole within the (first) fragment (RFC 7112)? */
bool bh_net_header_whole(const struct bh_net_ctx *c, uint8_t proto);

/* parse_l4.c */
enum bh_reason bh_net_l4(struct bh_net_ctx *c, uint8_t proto);
/* Not looked into: all from l4_off on is payload. Returns NONE. */
enum bh_reason bh_net_other(struct bh_net_ctx *c);
/* Behind the L4 header is payload: set its place and length, and that the frame is done. */
void bh_net_payload(struct bh_net_ctx *c, uint32_t off);

/* parse_tunnel.c: the cursor stands on the tunnel's header (ipip: on the inner IP header). */
enum bh_reason bh_net_vxlan(struct bh_net_ctx *c);
enum bh_reason bh_net_geneve(struct bh_net_ctx *c);
enum bh_reason bh_net_gre(struct bh_net_ctx *c);
enum bh_reason bh_net_ipip(struct bh_net_ctx *c, enum bh_net_layer inner);

#endif
