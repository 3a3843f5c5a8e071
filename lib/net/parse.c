/* parse: the door to the straight path (net_hot.h) for what most frames are, and to the layers for all
 * others (parse_layers.c). */
#include "net_priv.h"

static __attribute__((noinline)) enum bh_reason
parse_layers(const struct bh_parse_params *params, enum bh_link_type link, struct bh_cur cur,
	     uint32_t wirelen, uint8_t pair, struct bh_parsed *out)
{
	struct bh_net_ctx c = {
		.params = params, .frame = cur.p, .cur = cur, .end = wirelen, .out = out};

	return bh_net_parse_layers(&c, link, pair);
}

enum bh_reason
bh_net_parse(const struct bh_parse_params *params, enum bh_link_type link, const uint8_t *p,
	     uint32_t caplen, uint32_t wirelen, uint8_t pair, struct bh_parsed *out)
{
	if (BH_LIKELY(link == BH_LINK_ETHERNET) &&
	    BH_LIKELY(bh_net_parse_straight(params, p, caplen, wirelen, pair, out)))
		return BH_REASON_NONE;
	return parse_layers(params, link, bh_cur(p, caplen), wirelen, pair, out);
}

enum bh_reason
bh_net_parse_datagram(const struct bh_parse_params *params, enum bh_link_type link,
		      const uint8_t *p, uint32_t caplen, uint32_t wirelen, uint8_t pair,
		      uint32_t total_l4_len, struct bh_parsed *out)
{
	struct bh_net_ctx c = {
		.params = params,
		.frame = p,
		.cur = bh_cur(p, caplen),
		.end = wirelen,
		.total = total_l4_len,
		.out = out,
	};

	return bh_net_parse_layers(&c, link, pair);
}

void
bh_parse_params_default(struct bh_parse_params *params)
{
	/* 8472: Linux' own VXLAN port, from before RFC 7348 had one. */
	*params = (struct bh_parse_params){
		.vxlan_port = {4789, 8472},
		.geneve_port = {6081},
		.gre = true,
		.ipip = true,
		.check_ip4_checksum = true,
	};
}
