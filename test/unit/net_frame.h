/* Frames by hand, for the tests of net: put layer after layer, then net_end() sets every length and
 * checksum from the inside out. Tampering comes after that; net_sum4() mends an IPv4 header again. */
#ifndef BH_TEST_NET_FRAME_H
#define BH_TEST_NET_FRAME_H

#include <stdlib.h>

#include "../../lib/net/net_priv.h"
#include "unit.h"

enum net_layer_kind { NET_IP4, NET_IP6, NET_TCP, NET_UDP, NET_ICMP, NET_ICMP6 };

struct net_frame {
	uint8_t b[8192];
	uint32_t len;
	uint8_t src[16], dst[16]; /* of the next IP header; IPv4: the first 4 */
	unsigned n;
	struct {
		enum net_layer_kind kind;
		uint32_t at;
	} layer[16];
};

static inline void
net_start(struct net_frame *f)
{
	static const uint8_t src[16] = {10, 0, 0, 1}, dst[16] = {10, 0, 0, 2};

	memset(f, 0, sizeof(*f));
	memcpy(f->src, src, 16);
	memcpy(f->dst, dst, 16);
}

static inline void
net_8(struct net_frame *f, unsigned v)
{
	f->b[f->len++] = (uint8_t)v;
}

static inline void
net_16(struct net_frame *f, unsigned v)
{
	net_8(f, v >> 8);
	net_8(f, v);
}

static inline void
net_32(struct net_frame *f, uint32_t v)
{
	net_16(f, v >> 16);
	net_16(f, v & 0xffff);
}

static inline void
net_bytes(struct net_frame *f, const void *p, uint32_t n)
{
	memcpy(f->b + f->len, p, n);
	f->len += n;
}

/* Payload: n bytes that are no header. */
static inline void
net_fill(struct net_frame *f, uint32_t n)
{
	while (n-- != 0)
		net_8(f, 0xa5);
}

static inline void
net_set16(struct net_frame *f, uint32_t at, unsigned v)
{
	f->b[at] = (uint8_t)(v >> 8);
	f->b[at + 1] = (uint8_t)v;
}

static inline void
net_layer(struct net_frame *f, enum net_layer_kind kind)
{
	f->layer[f->n].kind = kind;
	f->layer[f->n++].at = f->len;
}

static inline void
net_macs(struct net_frame *f)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	net_bytes(f, macs, 12);
}

/* Between macs and type. */
static inline void
net_tag(struct net_frame *f, unsigned tpid, unsigned vid)
{
	net_16(f, tpid);
	net_16(f, vid);
}

static inline void
net_eth(struct net_frame *f, unsigned type)
{
	net_macs(f);
	net_16(f, type);
}

static inline void
net_ip4_with(struct net_frame *f, unsigned proto, const void *options, uint32_t n)
{
	net_layer(f, NET_IP4);
	net_8(f, 0x40 | (5 + n / 4));
	net_8(f, 0);
	net_16(f, 0);
	net_16(f, 0x1234);
	net_16(f, 0x4000);
	net_8(f, 64);
	net_8(f, proto);
	net_16(f, 0);
	net_bytes(f, f->src, 4);
	net_bytes(f, f->dst, 4);
	net_bytes(f, options, n);
}

static inline void
net_ip4(struct net_frame *f, unsigned proto)
{
	net_ip4_with(f, proto, "", 0);
}

static inline void
net_ip6(struct net_frame *f, unsigned next)
{
	net_layer(f, NET_IP6);
	net_32(f, 0x60000000);
	net_16(f, 0);
	net_8(f, next);
	net_8(f, 64);
	net_bytes(f, f->src, 16);
	net_bytes(f, f->dst, 16);
}

/* Hop-by-hop or destination options of 8 + 8 * more bytes, filled by one PadN. */
static inline void
net_options6(struct net_frame *f, unsigned next, unsigned more)
{
	net_8(f, next);
	net_8(f, more);
	net_8(f, 1);
	net_8(f, 4 + 8 * more);
	memset(f->b + f->len, 0, 4 + 8 * more);
	f->len += 4 + 8 * more;
}

static inline void
net_routing6(struct net_frame *f, unsigned next, unsigned type, unsigned left)
{
	net_8(f, next);
	net_8(f, 2);
	net_8(f, type);
	net_8(f, left);
	net_32(f, 0);
	net_bytes(f, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
}

static inline void
net_auth(struct net_frame *f, unsigned next)
{
	net_8(f, next);
	net_8(f, 4); /* 24 bytes */
	net_16(f, 0);
	net_fill(f, 20);
}

static inline void
net_fragment6(struct net_frame *f, unsigned next, unsigned off, bool more, uint32_t id)
{
	net_8(f, next);
	net_8(f, 0);
	net_16(f, off | more);
	net_32(f, id);
}

static inline void
net_tcp(struct net_frame *f, unsigned sport, unsigned dport, unsigned flags)
{
	net_layer(f, NET_TCP);
	net_16(f, sport);
	net_16(f, dport);
	net_32(f, 0x01020304);
	net_32(f, 0x05060708);
	net_8(f, 0x50);
	net_8(f, flags);
	net_16(f, 0xfaf0);
	net_32(f, 0);
}

static inline void
net_udp(struct net_frame *f, unsigned sport, unsigned dport)
{
	net_layer(f, NET_UDP);
	net_16(f, sport);
	net_16(f, dport);
	net_32(f, 0);
}

static inline void
net_icmp(struct net_frame *f, bool v6, unsigned type, unsigned code, unsigned id)
{
	net_layer(f, v6 ? NET_ICMP6 : NET_ICMP);
	net_8(f, type);
	net_8(f, code);
	net_16(f, 0);
	net_16(f, id);
	net_16(f, 1);
}

static inline void
net_sctp(struct net_frame *f, unsigned sport, unsigned dport)
{
	net_16(f, sport);
	net_16(f, dport);
	net_32(f, 0xdeadbeef);
	net_32(f, 0);
}

/* RFC 1071 as its text has it: 16-bit words, end-around carry after each. */
static inline uint16_t
net_naive_sum(uint16_t sum, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i += 2) {
		uint32_t word = (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);

		word += sum;
		sum = (uint16_t)((word & 0xffff) + (word >> 16));
	}
	return sum;
}

/* Sum of the pseudo header of the last IP layer before layer i. */
static inline uint16_t
net_naive_pseudo(const struct net_frame *f, unsigned i, unsigned proto, uint32_t len)
{
	uint8_t tail[6] = {0,
			   (uint8_t)proto,
			   (uint8_t)(len >> 24),
			   (uint8_t)(len >> 16),
			   (uint8_t)(len >> 8),
			   (uint8_t)len};
	const uint8_t *ip;

	while (f->layer[--i].kind > NET_IP6)
		;
	ip = f->b + f->layer[i].at;
	if (f->layer[i].kind == NET_IP4)
		return net_naive_sum(net_naive_sum(0, ip + 12, 8), tail, 6);
	return net_naive_sum(net_naive_sum(0, ip + 8, 32), tail, 6);
}

static inline void
net_sum4(struct net_frame *f, uint32_t at)
{
	net_set16(f, at + 10, 0);
	net_set16(f, at + 10, (uint16_t)~net_naive_sum(0, f->b + at, (f->b[at] & 0xfu) * 4));
}

static inline void
net_end_l4(struct net_frame *f, unsigned i, uint32_t field, unsigned proto)
{
	uint32_t at = f->layer[i].at, len = f->len - at;
	uint16_t sum = proto == BH_PROTO_ICMP ? 0 : net_naive_pseudo(f, i, proto, len);

	sum = (uint16_t)~net_naive_sum(sum, f->b + at, len);
	net_set16(f, at + field, sum == 0 && proto == BH_PROTO_UDP ? 0xffff : sum);
}

/* Every layer reaches to the end of the frame. */
static inline void
net_end(struct net_frame *f)
{
	unsigned i = f->n;

	while (i-- != 0) {
		uint32_t at = f->layer[i].at;

		switch (f->layer[i].kind) {
		case NET_IP4:
			net_set16(f, at + 2, f->len - at);
			net_sum4(f, at);
			break;
		case NET_IP6:
			net_set16(f, at + 4, f->len - at - 40);
			break;
		case NET_UDP:
			net_set16(f, at + 4, f->len - at);
			net_end_l4(f, i, 6, BH_PROTO_UDP);
			break;
		case NET_TCP:
			net_end_l4(f, i, 16, BH_PROTO_TCP);
			break;
		case NET_ICMP:
			net_end_l4(f, i, 2, BH_PROTO_ICMP);
			break;
		case NET_ICMP6:
			net_end_l4(f, i, 2, BH_PROTO_ICMPV6);
			break;
		}
	}
}

/* Parse from memory of exactly caplen bytes, so that a read beyond is seen by the sanitizer. */
static inline enum bh_reason
net_parse_cut(const struct net_frame *f, enum bh_link_type link, uint32_t caplen, uint32_t wirelen,
	      struct bh_parsed *h)
{
	struct bh_parse_params params;
	uint8_t *copy = malloc(caplen != 0 ? caplen : 1);
	enum bh_reason reason;

	if (copy == NULL)
		abort();
	memcpy(copy, f->b, caplen);
	memset(h, 0xee, sizeof(*h));
	bh_parse_params_default(&params);
	reason = bh_net_parse(&params, link, copy, caplen, wirelen, 3, h);
	free(copy);
	return reason;
}

static inline enum bh_reason
net_parse(const struct net_frame *f, struct bh_parsed *h)
{
	return net_parse_cut(f, BH_LINK_ETHERNET, f->len, f->len, h);
}

/* The reason alone. */
static inline enum bh_reason
net_judge(const struct net_frame *f)
{
	struct bh_parsed h;

	return net_parse(f, &h);
}

#define NET_ASSERT_REASON(f, reason)                                                               \
	do                                                                                         \
		CU_ASSERT_EQUAL(net_judge(f), BH_REASON_##reason)                                  \
	while (0)
#define NET_ASSERT_PASSES(f) NET_ASSERT_REASON(f, NONE)

#endif
