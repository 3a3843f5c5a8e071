/* key: canonical order, and the words for addresses and protocols. */
#include <arpa/inet.h>
#include <stdio.h>

#include "net_priv.h"

uint8_t
bh_flow_key_set(struct bh_flow_key *key, const void *src, const void *dst, uint16_t sport,
		uint16_t dport)
{
	int order = key->family == BH_IP4 ? bh_net_order4(src, dst) : bh_net_order6(src, dst);
	uint8_t from = order > 0 || (order == 0 && sport > dport);

	/* In whole words, which the next reader's loads can be served from. */
	if (key->family == BH_IP4) {
		key->addr[from].q[0] = bh_net_load32(src);
		key->addr[from].q[1] = 0;
		key->addr[1 - from].q[0] = bh_net_load32(dst);
		key->addr[1 - from].q[1] = 0;
	} else {
		memcpy(&key->addr[from], src, 16);
		memcpy(&key->addr[1 - from], dst, 16);
	}
	key->port[from] = sport;
	key->port[1 - from] = dport;
	return from;
}

const char *
bh_addr_format(uint8_t family, const void *addr, char *out, size_t size)
{
	int af = family == BH_IP4 ? AF_INET : AF_INET6;

	if ((family != BH_IP4 && family != BH_IP6) ||
	    inet_ntop(af, addr, out, (socklen_t)size) == NULL)
		snprintf(out, size, "none");
	return out;
}

/* IANA's keywords in lower case, for what people name rather than number. */
static const struct {
	uint8_t proto;
	const char *name;
} protocols[] = {
	{BH_PROTO_ICMP, "icmp"},
	{BH_PROTO_IGMP, "igmp"},
	{BH_PROTO_IPIP, "ipip"},
	{BH_PROTO_TCP, "tcp"},
	{BH_PROTO_UDP, "udp"},
	{33, "dccp"},
	{BH_PROTO_IPV6, "ipv6"},
	{46, "rsvp"},
	{BH_PROTO_GRE, "gre"},
	{50, "esp"},
	{51, "ah"},
	{BH_PROTO_ICMPV6, "ipv6-icmp"},
	{89, "ospf"},
	{103, "pim"},
	{112, "vrrp"},
	{115, "l2tp"},
	{BH_PROTO_SCTP, "sctp"},
	{136, "udplite"},
};

const char *
bh_proto_format(uint8_t proto, char *out, size_t size)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(protocols); i++) {
		if (protocols[i].proto == proto) {
			snprintf(out, size, "%s", protocols[i].name);
			return out;
		}
	}
	snprintf(out, size, "%u", proto);
	return out;
}
