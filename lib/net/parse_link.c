/* parse_link: what is below IP. Ethernet with tags, LLC, and the link headers of captures. */
#include "net_priv.h"

#define MAX_TAGS 2u
#define TAG_SIZE 4u /* tag control, type of what follows */

static bool
is_tag(uint16_t type)
{
	return type == BH_ETH_VLAN || type == BH_ETH_QINQ || type == BH_ETH_QINQ_OLD;
}

static void
add_vlan(struct bh_parsed *out, uint16_t id)
{
	bh_tenant *tenant = &out->key.tenant;

	if (id == 0)
		return;
	if (BH_TENANT_VLAN1(*tenant) == 0)
		*tenant |= (bh_tenant)id << 52;
	else
		*tenant = (*tenant & ~((bh_tenant)0xfff << 40)) | (bh_tenant)id << 40;
}

static enum bh_reason
read_tags(struct bh_net_ctx *c, uint16_t *type)
{
	unsigned n;

	for (n = 0; is_tag(*type); n++) {
		const uint8_t *tag;

		if (n == MAX_TAGS)
			return BH_REASON_VLAN_DEPTH;
		tag = bh_cur_take(&c->cur, TAG_SIZE);
		if (tag == NULL)
			return BH_REASON_VLAN_TRUNCATED;
		add_vlan(c->out, bh_load_be16(tag) & 0xfff);
		*type = bh_load_be16(tag + 2);
	}
	return BH_REASON_NONE;
}

/* Done with a frame that is not IP, maybe inside a tunnel: nothing of outer IP headers stays. */
static void
finish_other(struct bh_net_ctx *c, enum bh_frame_kind kind)
{
	struct bh_parsed *out = c->out;

	memset(out->key.addr, 0, sizeof(out->key.addr));
	out->key.family = 0;
	out->key.proto = 0;
	out->from = 0;
	out->ttl = 0;
	out->ip_id = 0;
	out->l3_len = 0;
	out->kind = (uint8_t)kind;
	out->l3_off = out->l4_off = (uint16_t)bh_net_at(c);
	if (c->tunnels == 0)
		out->outer_l3_off = out->l3_off;
	bh_net_payload(c, bh_net_at(c));
}

/* IEEE 802.2 behind a length: bridges' spanning tree, by its own LLC address or in Cisco's SNAP
 * (per VLAN). IP is not looked for here: no host of today takes it from SNAP on Ethernet. */
static enum bh_frame_kind
classify_llc(const struct bh_net_ctx *c)
{
	static const uint8_t stp[] = {0x42, 0x42, 0x03};
	static const uint8_t pvst[] = {0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x01, 0x0b};
	const uint8_t *p = c->cur.p;
	size_t left = bh_cur_left(&c->cur);

	if (left >= sizeof(stp) && memcmp(p, stp, sizeof(stp)) == 0)
		return BH_FRAME_STP;
	if (left >= sizeof(pvst) && memcmp(p, pvst, sizeof(pvst)) == 0)
		return BH_FRAME_STP;
	return BH_FRAME_OTHER;
}

static void
read_llc(struct bh_net_ctx *c, uint16_t length)
{
	if (length < bh_net_left(c))
		bh_net_narrow(c, bh_net_at(c) + length);
	finish_other(c, classify_llc(c));
}

static enum bh_reason
read_ethertype(struct bh_net_ctx *c, uint16_t type)
{
	enum bh_reason reason = read_tags(c, &type);

	if (reason != BH_REASON_NONE)
		return reason;
	c->out->ethertype = type >= BH_ETH_MIN ? type : 0;
	switch (type) {
	case BH_ETH_IP4:
		c->next = BH_LAYER_IP4;
		break;
	case BH_ETH_IP6:
		c->next = BH_LAYER_IP6;
		break;
	case BH_ETH_ARP:
		finish_other(c, BH_FRAME_ARP);
		break;
	case BH_ETH_LLDP:
		finish_other(c, BH_FRAME_LLDP);
		break;
	default:
		if (type < BH_ETH_MIN)
			read_llc(c, type);
		else
			finish_other(c, BH_FRAME_OTHER);
		break;
	}
	return BH_REASON_NONE;
}

enum bh_reason
bh_net_ethernet(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, BH_ETH_HEADER);

	if (h == NULL)
		return BH_REASON_ETH_RUNT;
	return read_ethertype(c, bh_load_be16(h + 12));
}

static enum bh_reason
read_raw_ip(struct bh_net_ctx *c)
{
	if (bh_cur_left(&c->cur) == 0)
		return BH_REASON_LINK_TRUNCATED;
	switch (*c->cur.p >> 4) {
	case 4:
		return read_ethertype(c, BH_ETH_IP4);
	case 6:
		return read_ethertype(c, BH_ETH_IP6);
	default:
		return BH_REASON_LINK_TRUNCATED;
	}
}

/* LINKTYPE_LINUX_SLL (113): type of packet, ARPHRD, address length, address (8), protocol.
 * LINKTYPE_LINUX_SLL2 (276): protocol, 0, interface (4), ARPHRD, ... */
#define SLL_SIZE 16u
#define SLL2_SIZE 20u
#define SLL_LLC 0x0004      /* protocol: an 802.2 frame */
#define ARPHRD_NETLINK 824u /* protocol is a netlink family */

static enum bh_reason
read_cooked(struct bh_net_ctx *c, uint32_t size, uint32_t at_proto, uint32_t at_arphrd)
{
	const uint8_t *h = bh_cur_take(&c->cur, size);
	uint16_t proto;

	if (h == NULL)
		return BH_REASON_LINK_TRUNCATED;
	proto = bh_load_be16(h + at_proto);
	if (bh_load_be16(h + at_arphrd) != ARPHRD_NETLINK) {
		if (proto >= BH_ETH_MIN)
			return read_ethertype(c, proto);
		if (proto == SLL_LLC) {
			read_llc(c, UINT16_MAX);
			return BH_REASON_NONE;
		}
	}
	finish_other(c, BH_FRAME_OTHER);
	return BH_REASON_NONE;
}

/* LINKTYPE_NULL (0), LINKTYPE_LOOP (108): the address family of the capturing system, in its byte
 * order (0) or network order (108). AF_INET6 is 10 on Linux, 24, 28 and 30 on the BSDs. */
static enum bh_reason
read_null(struct bh_net_ctx *c)
{
	const uint8_t *h = bh_cur_take(&c->cur, 4);
	uint32_t af;

	if (h == NULL)
		return BH_REASON_LINK_TRUNCATED;
	af = bh_load_be32(h);
	if (af > UINT16_MAX)
		af = __builtin_bswap32(af);
	switch (af) {
	case 2:
		return read_ethertype(c, BH_ETH_IP4);
	case 10:
	case 24:
	case 28:
	case 30:
		return read_ethertype(c, BH_ETH_IP6);
	default:
		return BH_REASON_LINK_TRUNCATED;
	}
}

enum bh_reason
bh_net_link(struct bh_net_ctx *c, enum bh_link_type link)
{
	switch (link) {
	case BH_LINK_ETHERNET:
		return bh_net_ethernet(c);
	case BH_LINK_RAW_IP:
		return read_raw_ip(c);
	case BH_LINK_SLL:
		return read_cooked(c, SLL_SIZE, 14, 2);
	case BH_LINK_SLL2:
		return read_cooked(c, SLL2_SIZE, 0, 8);
	case BH_LINK_NULL:
		return read_null(c);
	}
	return BH_REASON_LINK_TRUNCATED;
}
