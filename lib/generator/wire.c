/* Hosts, and the headers in front of what they send. */
#include <errno.h>

#include "generator_priv.h"

static unsigned
address_len(const struct bh_gen_wire *w)
{
	return w->net[0].family == BH_IP4 ? 4 : 16;
}

/* A whole address is one host; of a network, the address of all zeroes is none. */
static bool
is_host(const struct bh_prefix *p)
{
	return p->len == (p->family == BH_IP4 ? 32 : 128);
}

uint32_t
bh_gen_wire_flows(const struct bh_gen_wire *w)
{
	uint64_t pairs = (uint64_t)w->hosts[BH_GEN_CLIENT] * w->hosts[BH_GEN_SERVER];

	return pairs >= UINT32_MAX / BH_GEN_PORTS ? UINT32_MAX : (uint32_t)(pairs * BH_GEN_PORTS);
}

int
bh_gen_wire_check(const struct bh_gen_wire *w, struct bh_err *err)
{
	static const char *const side[2] = {"client", "server"};
	unsigned i;

	if (w->net[0].family != w->net[1].family)
		return bh_err_set(err, EINVAL,
				  "client-net and server-net are not of the same family: both "
				  "IPv4, or both IPv6");
	for (i = 0; i < 2; i++) {
		unsigned bits = address_len(w) * 8 - w->net[i].len;
		uint64_t room = bits >= 32 ? UINT32_MAX : (UINT64_C(1) << bits) - 2;

		if (is_host(&w->net[i]))
			room = 1;
		else if (bits == 1)
			room = 0;
		if (w->hosts[i] == 0 || w->hosts[i] > room)
			return bh_err_set(err, EINVAL,
					  "%ss: %u of them do not fit %s-net, which has room for "
					  "%llu: give a larger network, or fewer",
					  side[i], w->hosts[i], side[i], (unsigned long long)room);
	}
	if (bh_prefix_covers(&w->net[0], &w->net[1]) || bh_prefix_covers(&w->net[1], &w->net[0])) {
		uint8_t a[16];

		for (i = 0; i < 2; i++) {
			bh_gen_wire_host(w, i, 0, a);
			if (bh_gen_wire_find(w, 1 - i, a) != UINT32_MAX)
				return bh_err_set(err, EINVAL,
						  "client-net and server-net have hosts in common: "
						  "give two networks, or single addresses");
		}
	}
	return 0;
}

void
bh_gen_wire_host(const struct bh_gen_wire *w, unsigned side, uint32_t host, uint8_t out[16])
{
	const struct bh_prefix *p = &w->net[side];
	uint8_t *low = out + address_len(w) - 4;

	memcpy(out, p->addr, address_len(w));
	/* No carry: bits behind the prefix are zero, and the check has left room. */
	if (!is_host(p))
		bh_gen_put32(low, bh_load_be32(low) + 1 + host);
}

uint32_t
bh_gen_wire_find(const struct bh_gen_wire *w, unsigned side, const uint8_t *addr)
{
	const struct bh_prefix *p = &w->net[side];
	unsigned high = address_len(w) - 4;
	uint32_t at = bh_load_be32(addr + high) - bh_load_be32(p->addr + high);

	if (memcmp(addr, p->addr, high) != 0)
		return UINT32_MAX;
	if (!is_host(p))
		at--;
	return at < w->hosts[side] ? at : UINT32_MAX;
}

static unsigned
write_ip4(const struct bh_gen_head *h, uint8_t *ip)
{
	/* No fragments (DF), TTL 64. */
	static const uint8_t fixed[12] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 0, 0, 0};

	memcpy(ip, fixed, sizeof(fixed));
	bh_gen_put16(ip + 2, (uint16_t)(20 + h->l4_len));
	ip[9] = h->proto;
	memcpy(ip + 12, h->src, 4);
	memcpy(ip + 16, h->dst, 4);
	bh_gen_put_sum(ip + 10, bh_csum_add(0, ip, 20));
	return 20;
}

static unsigned
write_ip6(const struct bh_gen_head *h, uint8_t *ip)
{
	memset(ip, 0, 8);
	ip[0] = 0x60;
	bh_gen_put16(ip + 4, h->l4_len);
	ip[6] = h->proto;
	/* RFC 4861: neighbour discovery has not passed a router. */
	ip[7] = h->proto == BH_GEN_ICMP6 ? 255 : 64;
	memcpy(ip + 8, h->src, 16);
	memcpy(ip + 24, h->dst, 16);
	return 40;
}

unsigned
bh_gen_head_write(const struct bh_gen_wire *w, const struct bh_gen_head *h, uint8_t *out,
		  uint64_t *pseudo)
{
	const bool ip4 = w->net[0].family == BH_IP4;
	const uint8_t last[4] = {0, h->proto, (uint8_t)(h->l4_len >> 8), (uint8_t)h->l4_len};
	unsigned n = bh_gen_wire_l2(w), addresses = address_len(w);

	memcpy(out, w->to[h->from], 6);
	memcpy(out + 6, w->mac[h->from], 6);
	if (w->vlan != 0) {
		bh_gen_put16(out + 12, 0x8100);
		bh_gen_put16(out + 14, w->vlan);
	}
	bh_gen_put16(out + n - 2, ip4 ? 0x0800 : 0x86dd);
	*pseudo = bh_csum_add(0, last, sizeof(last));
	*pseudo = bh_csum_add(*pseudo, h->src, addresses);
	*pseudo = bh_csum_add(*pseudo, h->dst, addresses);
	return n + (ip4 ? write_ip4(h, out + n) : write_ip6(h, out + n));
}

bool
bh_gen_l4_good(const uint8_t *frame, uint32_t len, const struct bh_parsed *h)
{
	uint32_t l4_len = (uint32_t)(h->payload_off - h->l4_off) + h->payload_len;
	const uint8_t last[4] = {0, h->key.proto, (uint8_t)(l4_len >> 8), (uint8_t)l4_len};
	const unsigned addresses = h->key.family == BH_IP4 ? 4 : 16;
	uint64_t sum;

	if (h->l4_off + l4_len > len)
		return false;
	sum = bh_csum_add(0, last, sizeof(last));
	sum = bh_csum_add(sum, h->key.addr[0].b, addresses);
	sum = bh_csum_add(sum, h->key.addr[1].b, addresses);
	return bh_csum_fold(bh_csum_add(sum, frame + h->l4_off, l4_len)) == 0xffff;
}
