/* checksum: the Internet checksum (RFC 1071), SCTP's, and what a checksum field of TCP, UDP or ICMP says. */
#include "net_priv.h"

static inline uint64_t
add_carry(uint64_t acc, uint64_t v)
{
	acc += v;
	return acc + (acc < v);
}

uint64_t
bh_csum_add(uint64_t acc, const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t low = 0, high = 0, w;

	/* Halves of 8-byte words into sums of their own: no carries in the loop, which vectorises. Each
	 * sum takes 2^32 words. */
	for (; len >= 8; len -= 8, b += 8) {
		memcpy(&w, b, 8);
		low += (uint32_t)w;
		high += w >> 32;
	}
	/* The rest, and the byte that makes an odd length even, are zeros (2^16 = 1, so the place of a
	 * 16-bit word in the larger one does not matter). */
	w = 0;
	memcpy(&w, b, len);
	return add_carry(add_carry(add_carry(acc, low), high), w);
}

uint16_t
bh_csum_fold(uint64_t acc)
{
	/* At most 0x1fffffffe, then 0xffffffff, 0x1fffe, 0xffff. */
	acc = (acc & UINT32_MAX) + (acc >> 32);
	acc = (acc & UINT32_MAX) + (acc >> 32);
	acc = (acc & UINT16_MAX) + (acc >> 16);
	acc = (acc & UINT16_MAX) + (acc >> 16);
	return (uint16_t)acc;
}

uint32_t
bh_crc32c_add(uint32_t crc, const void *p, size_t len)
{
	/* Remainders of the 16 values of four bits by the polynomial 0x1edc6f41, reflected. */
	static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
					    0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
					    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
					    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
	const uint8_t *b = p;

	for (; len > 0; len--, b++) {
		crc ^= *b;
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return crc;
}

/* With segments left, the pseudo header has the last address of the route, not the header's (RFC 8200
 * 8.1). The chain was found well-formed when the packet was parsed. */
static bool
is_routed(const uint8_t *head, const struct bh_parsed *pkt)
{
	const uint8_t *h = head + pkt->l3_off + BH_IP6_HEADER, *end = head + pkt->l4_off;
	uint8_t type = head[pkt->l3_off + 6];

	while (h < end) {
		uint32_t size = 8 + (type == BH_EXT_AUTH ? h[1] * 4u : h[1] * 8u);

		if (type == BH_EXT_ROUTING && h[3] != 0)
			return true;
		if (type == BH_EXT_FRAGMENT)
			size = 8;
		type = h[0];
		h += size;
	}
	return false;
}

/* Sum of the pseudo header: addresses, protocol and length (RFC 9293 3.1, 8200 8.1). */
static uint64_t
pseudo_sum(const uint8_t *head, const struct bh_parsed *pkt, uint32_t len)
{
	const uint8_t *ip = head + pkt->l3_off;
	uint64_t acc = __builtin_bswap16(pkt->key.proto);

	acc += __builtin_bswap32(len);
	return pkt->key.family == BH_IP4 ? bh_csum_add(acc, ip + 12, 8)
					 : bh_csum_add(acc, ip + 8, 32);
}

/* Where in its header a protocol keeps its checksum; 0: nothing that this file can check. */
static uint32_t
field_offset(uint8_t proto)
{
	switch (proto) {
	case BH_PROTO_TCP:
		return 16;
	case BH_PROTO_UDP:
		return 6;
	case BH_PROTO_ICMP:
	case BH_PROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

enum bh_csum_state
bh_net_l4_csum(const struct bh_csum_view *view, const struct bh_parsed *pkt, bool quick,
	       uint16_t *good_be)
{
	uint32_t at = field_offset(pkt->key.proto), len = pkt->payload_off - pkt->l4_off;
	uint64_t acc = 0, all;
	uint16_t field, good;
	bool partial = false;

	len += pkt->payload_len;
	if (at == 0 || pkt->kind == BH_FRAME_FRAGMENT || (pkt->flags & BH_PKT_CUT) != 0)
		return BH_CSUM_NONE;
	memcpy(&field, view->head + pkt->l4_off + at, sizeof(field));
	if (pkt->key.proto == BH_PROTO_UDP && field == 0 && pkt->key.family == BH_IP4)
		return BH_CSUM_NONE;
	if (pkt->key.family == BH_IP6 && is_routed(view->head, pkt))
		return BH_CSUM_NONE;
	if (pkt->key.proto != BH_PROTO_ICMP) {
		acc = pseudo_sum(view->head, pkt, len);
		partial = field == bh_csum_fold(acc);
	}
	if (quick && !partial)
		return BH_CSUM_GOOD;
	all = view->sum(view->arg, pkt->l4_off, len);
	/* UDP's 0 says "none", which IPv6 does not know (RFC 8200 8.1). */
	if (bh_csum_fold(add_carry(acc, all)) == 0xffff &&
	    (pkt->key.proto != BH_PROTO_UDP || field != 0))
		return BH_CSUM_GOOD;
	/* Adding the complement takes the field out of the sum again (RFC 1624). */
	good = (uint16_t)~bh_csum_fold(add_carry(add_carry(acc, all), (uint16_t)~field));
	/* Both zeros verify, but for UDP's 0, and that of an ICMP message of nothing but zeros. */
	if (good == 0 && (pkt->key.proto == BH_PROTO_UDP || pkt->key.proto == BH_PROTO_ICMP))
		good = 0xffff;
	*good_be = good;
	return partial ? BH_CSUM_PARTIAL : BH_CSUM_BAD;
}

enum bh_csum_state
bh_net_tunnel_csum(const struct bh_csum_view *view, const struct bh_parsed *pkt, bool quick,
		   uint16_t *good_be)
{
	uint16_t field;

	if (pkt->key.proto != BH_PROTO_UDP || pkt->kind == BH_FRAME_FRAGMENT)
		return BH_CSUM_NONE;
	memcpy(&field, view->head + pkt->l4_off + 6, sizeof(field));
	return field == 0 ? BH_CSUM_NONE : bh_net_l4_csum(view, pkt, quick, good_be);
}
