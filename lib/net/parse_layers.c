/* parse_layers: from layer to layer until a frame's innermost headers are read. */
#include "net_priv.h"

static inline bool
is_loopback(const struct bh_flow_key *key)
{
	const uint8_t *a = key->addr[0].b;
	static const uint8_t loopback6[16] = {[15] = 1};

	return key->family == BH_IP4 ? a[0] == 127 : memcmp(a, loopback6, 16) == 0;
}

/* Both ends are one: with ports, when they are the same, too. A host does ping itself, but over its
 * loopback, where a capture may have seen it. */
static bool
is_land(const struct bh_net_ctx *c)
{
	const struct bh_flow_key *key = &c->out->key;

	if (BH_LIKELY(!c->to_itself))
		return false;
	switch (key->proto) {
	case BH_PROTO_TCP:
	case BH_PROTO_UDP:
	case BH_PROTO_SCTP:
		return key->port[0] == key->port[1];
	default:
		return !is_loopback(key);
	}
}

static enum bh_reason
next_layer(struct bh_net_ctx *c)
{
	switch (c->next) {
	case BH_LAYER_ETHERNET:
		return bh_net_ethernet(c);
	case BH_LAYER_IP4:
		return bh_net_ip4(c);
	default:
		return bh_net_ip6(c);
	}
}

enum bh_reason
bh_net_parse_layers(struct bh_net_ctx *c, enum bh_link_type link, uint8_t pair)
{
	struct bh_parsed *out = c->out;
	enum bh_reason reason;

	/* In two: above 64 bytes the compiler takes `rep stos`, which costs as much as all the rest. */
	memset(&out->key, 0, sizeof(out->key));
	memset((uint8_t *)out + sizeof(out->key), 0, sizeof(*out) - sizeof(out->key));
	out->key.pair = pair;
	out->kind = BH_FRAME_OTHER;
	reason = bh_net_link(c, link);
	while (reason == BH_REASON_NONE && c->next != BH_LAYER_DONE)
		reason = next_layer(c);
	if (reason != BH_REASON_NONE)
		return reason;
	if (out->kind == BH_FRAME_IP && is_land(c))
		return BH_REASON_LAND;
	return BH_REASON_NONE;
}

const char *
bh_frame_kind_name(enum bh_frame_kind kind)
{
	static const char *const names[BH_FRAME_KINDS] = {
		[BH_FRAME_IP] = "ip",   [BH_FRAME_FRAGMENT] = "fragment", [BH_FRAME_ARP] = "arp",
		[BH_FRAME_ND] = "nd",   [BH_FRAME_MCAST] = "mcast",       [BH_FRAME_LLDP] = "lldp",
		[BH_FRAME_STP] = "stp", [BH_FRAME_OTHER] = "other",
	};

	return (unsigned)kind < BH_FRAME_KINDS ? names[kind] : "invalid";
}
