/* ARP (RFC 826) and neighbour discovery (RFC 4861), as far as hosts on a wire need them. */
#include "generator_priv.h"

enum { SOLICITATION = 135, ADVERTISEMENT = 136 };

/* A frame of this type from a side's host to dst; returns the length of the link header. */
static unsigned
link_write(const struct bh_gen_wire *w, unsigned side, const uint8_t dst[6], uint16_t type,
	   uint8_t *out)
{
	unsigned n = bh_gen_wire_l2(w);

	memcpy(out, dst, 6);
	memcpy(out + 6, w->mac[side], 6);
	if (w->vlan != 0) {
		bh_gen_put16(out + 12, 0x8100);
		bh_gen_put16(out + 14, w->vlan);
	}
	bh_gen_put16(out + n - 2, type);
	return n;
}

struct arp {
	unsigned side;
	uint16_t op;
	const uint8_t *sender, *target_mac, *target;
};

static unsigned
arp_write(const struct bh_gen_wire *w, const struct arp *a, uint8_t *out)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t fixed[6] = {0, 1, 0x08, 0, 6, 4};
	const bool ask = a->op == 1;
	unsigned n = link_write(w, a->side, ask ? all : a->target_mac, 0x0806, out);
	uint8_t *p = out + n;

	memcpy(p, fixed, sizeof(fixed));
	bh_gen_put16(p + 6, a->op);
	memcpy(p + 8, w->mac[a->side], 6);
	memcpy(p + 14, a->sender, 4);
	memcpy(p + 18, a->target_mac, 6);
	memcpy(p + 24, a->target, 4);
	/* Padding is the sender's where the port does not do it (IEEE 802.3: 60 bytes without FCS). */
	memset(p + 28, 0, 60 - n - 28);
	return 60;
}

struct nd {
	unsigned side;
	uint8_t type;
	const uint8_t *src, *dst, *dst_mac, *target;
};

static unsigned
nd_write(const struct bh_gen_wire *w, const struct nd *d, uint8_t *out)
{
	/* 24 bytes and one option of 8: the link address. */
	struct bh_gen_head h = {.from = d->side, .proto = BH_GEN_ICMP6, .l4_len = 32};
	uint8_t *p;
	uint64_t sum;
	unsigned n;

	memcpy(h.src, d->src, 16);
	memcpy(h.dst, d->dst, 16);
	n = bh_gen_head_write(w, &h, out, &sum);
	memcpy(out, d->dst_mac, 6);
	p = out + n;
	memset(p, 0, 8);
	p[0] = d->type;
	if (d->type == ADVERTISEMENT)
		p[4] = 0x60; /* solicited, override */
	memcpy(p + 8, d->target, 16);
	p[24] = d->type == SOLICITATION ? 1 : 2;
	p[25] = 1;
	memcpy(p + 26, w->mac[d->side], 6);
	bh_gen_put_sum(p + 2, bh_csum_add(sum, p, 32));
	return n + 32;
}

unsigned
bh_gen_neighbour_ask(const struct bh_gen_wire *w, unsigned side, const uint8_t *target,
		     uint8_t *out)
{
	static const uint8_t none[6] = {0};
	uint8_t src[16], dst[16] = {0xff, 0x02, [11] = 1, [12] = 0xff};
	uint8_t mac[6] = {0x33, 0x33, 0xff};

	bh_gen_wire_host(w, side, 0, src);
	if (w->net[0].family == BH_IP4)
		return arp_write(w, &(struct arp){side, 1, src, none, target}, out);
	/* The solicited-node group (RFC 4291 2.7.1) and its link address (RFC 2464 7). */
	memcpy(dst + 13, target + 13, 3);
	memcpy(mac + 3, target + 13, 3);
	return nd_write(w, &(struct nd){side, SOLICITATION, src, dst, mac, target}, out);
}

static unsigned
arp_input(const struct bh_gen_wire *w, unsigned side, struct bh_cur c, struct bh_gen_asked *asked,
	  uint8_t *out)
{
	const uint8_t *p = bh_cur_take(&c, 28);

	if (p == NULL || bh_load_be32(p) != 0x00010800 || bh_load_be16(p + 4) != 0x0604)
		return 0;
	if (bh_load_be16(p + 6) == 1 && bh_gen_wire_find(w, side, p + 24) != UINT32_MAX)
		return arp_write(w, &(struct arp){side, 2, p + 24, p + 8, p + 14}, out);
	if (bh_load_be16(p + 6) == 2 && memcmp(p + 14, asked->target, 4) == 0) {
		memcpy(asked->mac, p + 8, 6);
		asked->known = true;
	}
	return 0;
}

/* Only with a link address as its first option, which is what hosts send (RFC 4861 4.3, 4.4). */
static unsigned
nd_input(const struct bh_gen_wire *w, unsigned side, struct bh_cur c, struct bh_gen_asked *asked,
	 uint8_t *out)
{
	const uint8_t *ip = bh_cur_take(&c, 40), *p = bh_cur_take(&c, 32);

	if (ip == NULL || p == NULL || ip[6] != BH_GEN_ICMP6 || ip[7] != 255 || p[25] != 1)
		return 0;
	if (p[0] == SOLICITATION && p[24] == 1 && bh_gen_wire_find(w, side, p + 8) != UINT32_MAX)
		return nd_write(w, &(struct nd){side, ADVERTISEMENT, p + 8, ip + 8, p + 26, p + 8},
				out);
	if (p[0] == ADVERTISEMENT && p[24] == 2 && memcmp(p + 8, asked->target, 16) == 0) {
		memcpy(asked->mac, p + 26, 6);
		asked->known = true;
	}
	return 0;
}

unsigned
bh_gen_neighbour_input(const struct bh_gen_wire *w, unsigned side, const uint8_t *frame,
		       uint32_t len, struct bh_gen_asked *asked, uint8_t *out)
{
	struct bh_cur c = bh_cur(frame, len);
	uint16_t type, tag;

	if (bh_cur_take(&c, 12) == NULL || !bh_cur_be16(&c, &type))
		return 0;
	if (w->vlan != 0 && (type != 0x8100 || !bh_cur_be16(&c, &tag) || (tag & 0xfff) != w->vlan ||
			     !bh_cur_be16(&c, &type)))
		return 0;
	if (type == 0x0806 && w->net[0].family == BH_IP4)
		return arp_input(w, side, c, asked, out);
	if (type == 0x86dd && w->net[0].family == BH_IP6)
		return nd_input(w, side, c, asked, out);
	return 0;
}
