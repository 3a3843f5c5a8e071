/* Any bytes as a frame. The first two bytes pick link type, parameters, how much the capture cut off and
 * whether the frame is the first fragment of a whole datagram; the rest is the frame.
 * Asserts beyond "no crash": a refusal has a malformed reason; every byte of the result is defined; offsets
 * are in order and within memory, lengths within the wire; the key is canonical, its unused bytes zero; the
 * straight path and the layers agree; a quoted key is canonical and of the same tenant; a checksum that is
 * said to be wrong is right once corrected as told. */
#include <stdlib.h>

#include "../../lib/net/net_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

struct input {
	struct bh_parse_params params;
	enum bh_link_type link;
	uint8_t *frame; /* of exactly caplen bytes */
	uint32_t caplen, wirelen, total;
};

static void
read_input(struct input *in, const uint8_t *data, size_t size)
{
	bh_parse_params_default(&in->params);
	in->link = (enum bh_link_type)(data[0] % 6); /* 5: none */
	in->params.check_ip4_checksum = (data[0] & 0x40) != 0;
	in->params.gre = in->params.ipip = (data[0] & 0x80) == 0;
	in->caplen = (uint32_t)size - 2;
	in->wirelen = in->caplen + (data[1] & 0x80 ? (data[1] & 0x3fu) * 8 : 0);
	in->total = data[1] & 0x40 ? (uint32_t)(data[1] & 0x3f) * 64 + 8 : 0;
	in->frame = malloc(in->caplen != 0 ? in->caplen : 1);
	if (in->frame == NULL)
		exit(1);
	memcpy(in->frame, data + 2, in->caplen);
}

static void
check_key(const struct bh_flow_key *key)
{
	int order = memcmp(&key->addr[0], &key->addr[1], sizeof(key->addr[0]));
	unsigned i;

	MUST(key->family == BH_IP4 || key->family == BH_IP6);
	MUST(order <= 0);
	MUST(key->tunnel <= BH_TUNNEL_IPIP);
	for (i = 0; i < 2 && key->family == BH_IP4; i++)
		MUST(key->addr[i].w[1] == 0 && key->addr[i].q[1] == 0);
}

static void
check_offsets(const struct input *in, const struct bh_parsed *h)
{
	uint32_t end = (uint32_t)h->payload_off + h->payload_len;

	MUST(h->outer_l3_off <= h->l3_off && h->l3_off <= h->l4_off);
	MUST(h->l4_off <= h->payload_off && h->payload_off <= in->caplen);
	MUST(end <= in->wirelen || (h->flags & BH_PKT_FIRST_FRAGMENT) != 0);
	MUST(((h->flags & BH_PKT_CUT) != 0) == (end > in->caplen) ||
	     (h->flags & (BH_PKT_FIRST_FRAGMENT | BH_PKT_LAST_FRAGMENT)) != 0 ||
	     h->payload_len == UINT16_MAX);
}

static void
check_fields(const struct input *in, const struct bh_parsed *h)
{
	static const struct bh_flow_key zero;

	check_offsets(in, h);
	MUST(h->kind < BH_FRAME_KINDS && h->from <= 1 && h->spare == 0 && h->key.pair == 9);
	MUST((h->key.tunnel != BH_TUNNEL_NONE) == ((h->flags & BH_PKT_TUNNELLED) != 0));
	MUST((h->outer_l3_off != h->l3_off) == ((h->flags & BH_PKT_TUNNELLED) != 0));
	if (h->kind == BH_FRAME_FRAGMENT) {
		check_key(&h->key);
		MUST(in->total == 0 && h->frag_len != 0 && h->frag_off % 8 == 0);
		MUST(h->frag_off + h->frag_len <= UINT16_MAX);
		MUST(h->frag_len % 8 == 0 || (h->flags & BH_PKT_LAST_FRAGMENT) != 0);
		MUST((h->frag_off == 0) == ((h->flags & BH_PKT_FIRST_FRAGMENT) != 0));
		return;
	}
	MUST(h->frag_off == 0 && h->frag_len == 0);
	if (h->kind == BH_FRAME_IP || h->kind == BH_FRAME_ND || h->kind == BH_FRAME_MCAST) {
		check_key(&h->key);
		MUST(h->l3_len >= h->l4_off - h->l3_off || h->l3_len == UINT16_MAX);
	} else {
		MUST(memcmp(h->key.addr, zero.addr, sizeof(zero.addr)) == 0);
		MUST(h->key.family == 0 && h->key.proto == 0 && h->ttl == 0 && h->service == 0);
		MUST(h->key.port[0] == 0 && h->key.port[1] == 0);
	}
}

/* What is no tunnel's packet is the same to both. */
static void
check_inner_quote(const struct input *in, const struct bh_parsed *h,
		  const struct bh_flow_key *outer)
{
	struct bh_flow_key key;
	enum bh_reason reason = bh_net_quoted_inner(&in->params, in->frame, in->caplen, h, &key);

	MUST(reason == BH_REASON_NONE || reason == BH_REASON_ICMP_TUNNEL_QUOTE);
	if (reason != BH_REASON_NONE)
		return;
	check_key(&key);
	MUST(key.pair == outer->pair);
	MUST(key.tunnel != BH_TUNNEL_NONE || memcmp(&key, outer, sizeof(key)) == 0);
}

static void
check_quote(const struct input *in, const struct bh_parsed *h)
{
	struct bh_flow_key key;
	uint8_t from = 9;

	if ((h->flags & BH_PKT_ICMP_ERROR) == 0 ||
	    bh_net_quoted(in->frame, in->caplen, h, &key, &from) != BH_REASON_NONE)
		return;
	MUST(from <= 1);
	check_key(&key);
	MUST(key.tenant == h->key.tenant && key.pair == h->key.pair);
	MUST(key.family == h->key.family && key.tunnel == h->key.tunnel);
	check_inner_quote(in, h, &key);
}

static uint64_t
sum_frame(void *arg, uint32_t off, uint32_t len)
{
	const struct input *in = arg;

	MUST(off <= in->caplen && len <= in->caplen - off);
	return bh_csum_add(0, in->frame + off, len);
}

static void
check_checksum(struct input *in, const struct bh_parsed *h)
{
	const struct bh_csum_view view = {.head = in->frame, .sum = sum_frame, .arg = in};
	static const uint8_t field[256] = {[1] = 2, [6] = 16, [17] = 6, [58] = 2};
	enum bh_csum_state state, quick;
	uint16_t good = 0, again;

	state = bh_net_l4_csum(&view, h, false, &good);
	quick = bh_net_l4_csum(&view, h, true, &again);
	MUST(quick == state || (quick == BH_CSUM_GOOD && state == BH_CSUM_BAD));
	if (state != BH_CSUM_PARTIAL && state != BH_CSUM_BAD)
		return;
	memcpy(in->frame + h->l4_off + field[h->key.proto], &good, sizeof(good));
	MUST(bh_net_l4_csum(&view, h, false, &again) == BH_CSUM_GOOD);
}

/* A parse that stops at a tunnel goes as far as that one and sums it as any packet. */
static void
check_outer(struct input *in, const struct bh_parsed *h)
{
	struct bh_parse_params params = in->params;
	struct bh_parsed outer;
	unsigned n;

	for (n = BH_NET_MAX_TUNNELS; n > 0; n--) {
		params.stop_at_tunnel = (uint8_t)n;
		if (bh_net_parse(&params, in->link, in->frame, in->caplen, in->wirelen, 9,
				 &outer) != BH_REASON_NONE)
			continue;
		MUST(outer.l4_off <= h->l4_off && outer.outer_l3_off == h->outer_l3_off);
		if (n == 1)
			MUST((outer.flags & BH_PKT_TUNNELLED) == 0 &&
			     outer.l3_off == h->outer_l3_off);
		if (outer.kind == BH_FRAME_IP && outer.l4_off != h->l4_off)
			check_checksum(in, &outer);
	}
}

/* The result, from a struct that held `junk` before. */
static enum bh_reason
parse(const struct input *in, int junk, struct bh_parsed *h)
{
	memset(h, junk, sizeof(*h));
	if (in->total != 0)
		return bh_net_parse_datagram(&in->params, in->link, in->frame, in->caplen,
					     in->wirelen, 9, in->total, h);
	return bh_net_parse(&in->params, in->link, in->frame, in->caplen, in->wirelen, 9, h);
}

static enum bh_reason
parse_by_layers(const struct input *in, struct bh_parsed *h)
{
	struct bh_net_ctx c = {
		.params = &in->params,
		.frame = in->frame,
		.cur = bh_cur(in->frame, in->caplen),
		.end = in->wirelen,
		.total = in->total,
		.out = h,
	};

	return bh_net_parse_layers(&c, in->link, 9);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_parsed a, b;
	enum bh_reason reason;
	struct input in;

	if (size < 2)
		return 0;
	read_input(&in, data, size);
	reason = parse(&in, 0x00, &a);
	MUST(parse(&in, 0xff, &b) == reason);
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
	MUST(parse_by_layers(&in, &b) == reason);
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
	if (reason != BH_REASON_NONE) {
		MUST(bh_reason_group(reason) == BH_GROUP_MALFORMED);
	} else {
		check_fields(&in, &a);
		check_quote(&in, &a);
		check_checksum(&in, &a);
		if (in.total == 0 && (a.flags & BH_PKT_TUNNELLED) != 0)
			check_outer(&in, &a);
	}
	free(in.frame);
	return 0;
}
