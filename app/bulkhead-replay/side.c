/* side: on which side of the wire did a captured packet come in? --inside says it by address. Else the
 * first packet between two addresses does: who opens is the client, and clients are outside. The answer
 * is kept for that pair of addresses, so that replies, fragments and later flows agree. */
#include <errno.h>
#include <stdlib.h>

#include "replay.h"

#define FIRST_SLOTS 4096
#define MAX_SLOTS (1u << 21) /* 56 bytes each: pairs beyond half of them are not remembered */
#define OUTSIDE 0u
#define INSIDE 1u

/* A pair of addresses of one tenant, in a flow key without ports and protocol. */
struct pair {
	struct bh_flow_key key;
	uint8_t used;
	uint8_t inside_end; /* which end of the key is inside */
};

struct replay_sides {
	struct bh_parse_params parse;
	const struct bh_prefix *inside;
	unsigned n_inside;
	struct bh_hash_key hash_key;
	struct pair *slot; /* open addressing, at most half full */
	uint32_t n_slots, n_pairs;
};

int
replay_sides_create(struct replay_sides **out, const struct replay *r)
{
	struct replay_sides *s = calloc(1, sizeof(*s));
	const struct bh_config *c = &r->config;

	if (s == NULL)
		return -ENOMEM;
	s->n_slots = FIRST_SLOTS;
	s->slot = calloc(s->n_slots, sizeof(*s->slot));
	if (s->slot == NULL || bh_hash_key_random(&s->hash_key) != 0) {
		replay_sides_destroy(s);
		return -ENOMEM;
	}
	s->inside = r->o.inside;
	s->n_inside = r->o.n_inside;
	bh_parse_params_default(&s->parse);
	memcpy(s->parse.vxlan_port, c->vxlan_port, sizeof(s->parse.vxlan_port));
	memcpy(s->parse.geneve_port, c->geneve_port, sizeof(s->parse.geneve_port));
	s->parse.gre = c->gre;
	s->parse.ipip = c->ipip;
	s->parse.check_ip4_checksum = false; /* the gateway's business */
	*out = s;
	return 0;
}

void
replay_sides_destroy(struct replay_sides *s)
{
	if (s == NULL)
		return;
	free(s->slot);
	free(s);
}

/* The slot that holds the pair, or the free one where it belongs. */
static struct pair *
find(const struct replay_sides *s, const struct bh_flow_key *key)
{
	uint64_t w[6];
	uint32_t i;

	memcpy(w, key, sizeof(w));
	i = (uint32_t)bh_hash48(&s->hash_key, w) & (s->n_slots - 1);
	while (s->slot[i].used && memcmp(&s->slot[i].key, key, sizeof(*key)) != 0)
		i = (i + 1) & (s->n_slots - 1);
	return &s->slot[i];
}

static void
grow(struct replay_sides *s)
{
	struct pair *old = s->slot;
	uint32_t n = s->n_slots, i;

	s->slot = n < MAX_SLOTS ? calloc(2 * (size_t)n, sizeof(*old)) : NULL;
	if (s->slot == NULL) {
		s->slot = old;
		return;
	}
	s->n_slots = 2 * n;
	for (i = 0; i < n; i++) {
		if (old[i].used)
			*find(s, &old[i].key) = old[i];
	}
	free(old);
}

static bool
is_inside(const struct replay_sides *s, const struct bh_flow_key *key, unsigned end)
{
	unsigned i;

	for (i = 0; i < s->n_inside; i++) {
		const struct bh_prefix *p = &s->inside[i];
		const uint8_t *a = key->addr[end].b;
		unsigned whole = p->len / 8, rest = p->len % 8;

		if (p->family != key->family || memcmp(a, p->addr, whole) != 0)
			continue;
		if (rest == 0 || ((a[whole] ^ p->addr[whole]) >> (8 - rest)) == 0)
			return true;
	}
	return false;
}

/* Is the sender the one who opens? Not with SYN/ACK, and not from a well-known port in the middle of a
 * connection, which is how the gateway sees it, too. */
static bool
sender_opens(const struct bh_parsed *h)
{
	const uint8_t synack = BH_TCP_SYN | BH_TCP_ACK;

	if (h->key.proto != 6 || h->kind != BH_FRAME_IP || bh_tcp_opens(h->tcp_flags))
		return true;
	if ((h->tcp_flags & synack) == synack)
		return false;
	return !(h->key.port[h->from] < 1024 && h->key.port[1 - h->from] >= 1024);
}

static struct bh_flow_key
pair_key(struct bh_flow_key key)
{
	key.port[0] = key.port[1] = 0;
	key.proto = 0;
	return key;
}

/* An ICMP error goes to the side that sent what it quotes, whatever router sends it. */
static bool
side_of_error(const struct replay_sides *s, const struct bh_capture_packet *p,
	      const struct bh_parsed *h, unsigned *side)
{
	struct bh_flow_key quoted;
	const struct pair *pair;
	uint8_t sender;

	if ((h->flags & BH_PKT_ICMP_ERROR) == 0 ||
	    bh_net_quoted(p->data, p->caplen, h, &quoted, &sender) != BH_REASON_NONE)
		return false;
	quoted = pair_key(quoted);
	pair = find(s, &quoted);
	*side = pair->inside_end == sender ? OUTSIDE : INSIDE;
	return pair->used;
}

static unsigned
side_of_pair(struct replay_sides *s, const struct bh_parsed *h)
{
	struct bh_flow_key key = pair_key(h->key);
	struct pair *p = find(s, &key);

	if (!p->used) {
		if (2 * (s->n_pairs + 1) > s->n_slots) {
			grow(s);
			p = find(s, &key);
		}
		if (2 * (s->n_pairs + 1) > s->n_slots)
			return sender_opens(h) ? OUTSIDE : INSIDE;
		*p = (struct pair){.key = key, .used = 1};
		p->inside_end = sender_opens(h) ? 1 - h->from : h->from;
		s->n_pairs++;
	}
	return p->inside_end == h->from ? INSIDE : OUTSIDE;
}

unsigned
replay_side(struct replay_sides *s, enum bh_link_type link, const struct bh_capture_packet *p)
{
	struct bh_parsed h;
	unsigned side;

	bh_net_parse(&s->parse, link, p->data, p->caplen, p->wirelen, 0, &h);
	/* ARP, LLDP and whatever has no addresses: it does not matter, as long as it is one side. */
	if (h.key.family != BH_IP4 && h.key.family != BH_IP6)
		return OUTSIDE;
	h.from &= 1;
	if (s->n_inside != 0) {
		if (is_inside(s, &h.key, h.from))
			return INSIDE;
		if (is_inside(s, &h.key, 1 - h.from))
			return OUTSIDE;
	}
	return side_of_error(s, p, &h, &side) ? side : side_of_pair(s, &h);
}
