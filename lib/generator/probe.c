/* Frames that say when they were sent, and which they are. */
#include "generator_priv.h"

#define TICKS_MASK ((UINT64_C(1) << 56) - 1)

/* 16 bits that a frame of another run, or bytes that changed on the way, have by chance once in 65,536. */
static uint16_t
check(const struct bh_gen_probes *p, uint64_t ids, uint64_t stamp)
{
	uint64_t h = bh_mum(ids ^ p->secret, stamp ^ UINT64_C(0x9e3779b97f4a7c15));

	return (uint16_t)(h ^ h >> 16 ^ h >> 32 ^ h >> 48);
}

uint16_t
bh_gen_probe_least(const struct bh_gen_wire *w)
{
	unsigned size = bh_gen_wire_l4(w) + 8 + BH_GEN_PROBE_SIZE + BH_GEN_FCS;

	return (uint16_t)(size < BH_GEN_FRAME_MIN ? BH_GEN_FRAME_MIN : size);
}

/* Clients change fastest, then servers, then ports: few flows are many hosts. */
static uint16_t
flow_ends(const struct bh_gen_wire *w, uint32_t flow, struct bh_gen_head *h)
{
	uint32_t rest = flow / w->hosts[BH_GEN_CLIENT];
	uint8_t *client = h->from == BH_GEN_CLIENT ? h->src : h->dst;
	uint8_t *server = h->from == BH_GEN_CLIENT ? h->dst : h->src;

	bh_gen_wire_host(w, BH_GEN_CLIENT, flow % w->hosts[BH_GEN_CLIENT], client);
	bh_gen_wire_host(w, BH_GEN_SERVER, rest % w->hosts[BH_GEN_SERVER], server);
	return (uint16_t)(1024 + rest / w->hosts[BH_GEN_SERVER] % BH_GEN_PORTS);
}

void
bh_gen_probe_build(const struct bh_gen_probes *p, const struct bh_gen_probe *probe, bool back,
		   uint16_t size, uint8_t *out)
{
	const unsigned frame = size - BH_GEN_FCS, l4 = bh_gen_wire_l4(&p->wire);
	const uint64_t ids = (uint64_t)probe->flow << 32 | probe->sequence;
	const uint64_t stamp = (uint64_t)probe->trial << 56 | (probe->ticks & TICKS_MASK);
	struct bh_gen_head h = {.from = back ? BH_GEN_SERVER : BH_GEN_CLIENT,
				.proto = BH_GEN_UDP,
				.l4_len = (uint16_t)(frame - l4)};
	uint8_t *udp = out + l4;
	uint64_t sum;
	uint16_t port = flow_ends(&p->wire, probe->flow, &h);

	bh_gen_head_write(&p->wire, &h, out, &sum);
	bh_gen_put16(udp, back ? p->wire.port : port);
	bh_gen_put16(udp + 2, back ? port : p->wire.port);
	bh_gen_put16(udp + 4, h.l4_len);
	bh_gen_put16(udp + 6, 0);
	bh_gen_put16(udp + 8, check(p, ids, stamp));
	bh_gen_put64(udp + 10, ids);
	bh_gen_put64(udp + 18, stamp);
	memset(udp + 26, 0, frame - l4 - 26);
	/* Zeroes add nothing. A sum of zero would say "none" (RFC 768): its complement is never 0, since the length is not. */
	bh_gen_put_sum(udp + 6, bh_csum_add(sum, udp, 26));
	if (udp[6] == 0 && udp[7] == 0)
		udp[6] = udp[7] = 0xff;
}

enum bh_gen_read
bh_gen_probe_read(const struct bh_gen_probes *p, const uint8_t *frame, uint32_t len,
		  struct bh_gen_probe *out)
{
	const uint8_t *data;
	struct bh_parsed h;
	uint64_t ids, stamp;

	if (bh_net_parse(&p->parse, BH_LINK_ETHERNET, frame, len, len, 0, &h) != BH_REASON_NONE)
		return BH_GEN_FOREIGN;
	if (h.kind != BH_FRAME_IP || h.key.proto != BH_GEN_UDP ||
	    (h.key.port[0] != p->wire.port && h.key.port[1] != p->wire.port))
		return BH_GEN_FOREIGN;
	if (h.payload_len < BH_GEN_PROBE_SIZE || (h.flags & BH_PKT_CUT) != 0)
		return BH_GEN_CORRUPT;
	data = frame + h.payload_off;
	ids = bh_gen_get64(data + 2);
	stamp = bh_gen_get64(data + 10);
	if (bh_load_be16(data) != check(p, ids, stamp) || !bh_gen_l4_good(frame, len, &h))
		return BH_GEN_CORRUPT;
	out->flow = (uint32_t)(ids >> 32);
	out->sequence = (uint32_t)ids;
	out->trial = (uint8_t)(stamp >> 56);
	out->ticks = stamp & TICKS_MASK;
	return BH_GEN_PROBE;
}

static void
swap(uint8_t *a, uint8_t *b, unsigned n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

bool
bh_gen_probe_reflect(const struct bh_gen_probes *p, uint8_t *frame, uint32_t len)
{
	struct bh_parsed h;
	unsigned n, at;

	if (bh_net_parse(&p->parse, BH_LINK_ETHERNET, frame, len, len, 0, &h) != BH_REASON_NONE)
		return false;
	if (h.kind != BH_FRAME_IP || h.key.proto != BH_GEN_UDP ||
	    bh_load_be16(frame + h.l4_off + 2) != p->wire.port)
		return false;
	n = h.key.family == BH_IP4 ? 4 : 16;
	at = h.l3_off + (n == 4 ? 12 : 8);
	/* Sums do not care who comes first. */
	swap(frame, frame + 6, 6);
	swap(frame + at, frame + at + n, n);
	swap(frame + h.l4_off, frame + h.l4_off + 2, 2);
	return true;
}
