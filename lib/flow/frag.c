/* Virtual reassembly: which bytes of a datagram are here, and whose packets they are. */
#include <errno.h>
#include <stdlib.h>

#include "flow_priv.h"

#define NONE UINT32_MAX /* no datagram */
#define NO_FIRST UINT8_MAX
#define DATAGRAMS_MIN 16
#define DATAGRAMS_MAX (UINT32_C(1) << 20)
/* What may stand before the fragmented bytes and still not count as payload (RFC 8200 4.5): the
 * IPv6 header and the fragment header. */
#define IP6_UNCOUNTED (40 + 8)
#define DATAGRAM_MAX 65535

/* Bytes [off, end) of a datagram. */
struct range {
	uint16_t off;
	uint16_t end;
};

struct datagram {
	struct bh_flow_key key;
	uint32_t born_ms;
	uint32_t chain; /* next with the same head; of a free one: next free */
	uint32_t older; /* by birth, since all have the same time to live */
	uint32_t newer;
	uint32_t total; /* bytes of the whole, known from the last fragment; 0 before */
	uint32_t have;  /* bytes here */
	uint8_t from;
	uint8_t n;      /* fragments here */
	uint8_t first;  /* which of them has offset 0 */
	uint8_t reason; /* BH_REASON_NONE, or why the datagram was refused */
};

struct bh_frag_store {
	struct bh_frag_params p;
	struct datagram *datagram;
	struct range *range; /* max_fragments of each datagram: sorted */
	void **packet;       /* max_fragments of each datagram: as they came */
	uint32_t *head;      /* hash chains */
	uint32_t head_mask;
	uint32_t free;
	uint32_t oldest;
	uint32_t newest;
	uint32_t held;
	size_t map_size;
	void *map;
};

/* ---- life ------------------------------------------------------------------------------------ */

static bool
params_are_valid(const struct bh_frag_params *p)
{
	return p->datagrams >= DATAGRAMS_MIN && p->datagrams <= DATAGRAMS_MAX &&
	       p->max_fragments >= 2 && p->max_fragments <= BH_FRAG_MAX &&
	       p->timeout_ms <= INT32_MAX;
}

/* One mapping for all arrays, those with the largest members first so that each is aligned. */
static int
map_arrays(struct bh_frag_store *s)
{
	size_t n = s->p.datagrams, slots = n * s->p.max_fragments;
	size_t heads = (size_t)s->head_mask + 1;

	s->map_size = n * sizeof(*s->datagram) + slots * (sizeof(*s->packet) + sizeof(*s->range)) +
		      heads * sizeof(*s->head);
	s->map = bh_mem_map(s->map_size, true, NULL);
	if (s->map == NULL)
		return -ENOMEM;
	s->datagram = s->map;
	s->packet = (void **)(s->datagram + n);
	s->range = (struct range *)(s->packet + slots);
	s->head = (uint32_t *)(s->range + slots);
	return 0;
}

int
bh_frag_store_create(struct bh_frag_store **out, const struct bh_frag_params *params)
{
	struct bh_frag_store *s;
	uint32_t i;

	if (!params_are_valid(params))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->p = *params;
	if (s->p.max_held == 0)
		s->p.max_held = s->p.datagrams * (s->p.max_fragments - 1);
	for (s->head_mask = 1; s->head_mask < s->p.datagrams; s->head_mask *= 2)
		;
	s->head_mask--;
	if (map_arrays(s) != 0) {
		free(s);
		return -ENOMEM;
	}
	memset(s->head, 0xff, ((size_t)s->head_mask + 1) * sizeof(*s->head));
	for (i = 0; i < s->p.datagrams; i++)
		s->datagram[i].chain = i + 1 < s->p.datagrams ? i + 1 : NONE;
	s->oldest = s->newest = NONE;
	*out = s;
	return 0;
}

void
bh_frag_store_destroy(struct bh_frag_store *s)
{
	if (s == NULL)
		return;
	bh_mem_unmap(s->map, s->map_size);
	free(s);
}

uint32_t
bh_frag_held(const struct bh_frag_store *s)
{
	return s->held;
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static uint32_t *
head_of(struct bh_frag_store *s, const struct bh_flow_key *key)
{
	uint64_t hash = bh_hash48(&s->p.hash_key, (const uint64_t *)(const void *)key);

	return &s->head[hash & s->head_mask];
}

/* The key has its ends in canonical order: both directions may use the same IP id. */

static struct datagram *
find(struct bh_frag_store *s, const struct bh_parsed *pkt)
{
	uint32_t i = *head_of(s, &pkt->key);

	for (; i != NONE; i = s->datagram[i].chain) {
		struct datagram *d = &s->datagram[i];

		if (d->from == pkt->from && memcmp(&d->key, &pkt->key, sizeof(d->key)) == 0)
			return d;
	}
	return NULL;
}

static struct datagram *
open_datagram(struct bh_frag_store *s, const struct bh_parsed *pkt, uint32_t now_ms)
{
	uint32_t *head, i = s->free;
	struct datagram *d;

	if (i == NONE)
		return NULL;
	d = &s->datagram[i];
	s->free = d->chain;
	head = head_of(s, &pkt->key);
	*d = (struct datagram){
		.key = pkt->key,
		.born_ms = now_ms,
		.chain = *head,
		.older = s->newest,
		.newer = NONE,
		.from = pkt->from,
		.first = NO_FIRST,
		.reason = BH_REASON_NONE,
	};
	*head = i;
	if (s->newest != NONE)
		s->datagram[s->newest].newer = i;
	else
		s->oldest = i;
	s->newest = i;
	return d;
}

static void
close_datagram(struct bh_frag_store *s, struct datagram *d)
{
	uint32_t i = (uint32_t)(d - s->datagram);
	uint32_t *link = head_of(s, &d->key);

	while (*link != i)
		link = &s->datagram[*link].chain;
	*link = d->chain;
	if (d->older != NONE)
		s->datagram[d->older].newer = d->newer;
	else
		s->oldest = d->newer;
	if (d->newer != NONE)
		s->datagram[d->newer].older = d->older;
	else
		s->newest = d->older;
	d->chain = s->free;
	s->free = i;
}

/* Hand out what is held of a datagram. */
static void
release(struct bh_frag_store *s, struct datagram *d, enum bh_reason reason, struct bh_frag_out *out)
{
	void **packet = &s->packet[(size_t)(d - s->datagram) * s->p.max_fragments];

	out->n = d->n;
	out->first = d->first;
	out->total_len = d->total;
	out->reason = reason;
	memcpy(out->packet, packet, d->n * sizeof(*packet));
	s->held -= d->n;
	d->n = 0;
}

/* ---- fragments ------------------------------------------------------------------------------- */

/* Is the fragment, by itself, one that a sender may have made? */
static enum bh_reason
check_shape(const struct bh_parsed *pkt)
{
	bool last = (pkt->flags & BH_PKT_LAST_FRAGMENT) != 0;
	uint32_t header = pkt->l4_off > pkt->l3_off ? (uint32_t)pkt->l4_off - pkt->l3_off : 0;

	if (pkt->key.family == BH_IP6)
		header -= header < IP6_UNCOUNTED ? header : IP6_UNCOUNTED;
	if (pkt->frag_len == 0 || (!last && pkt->frag_len % 8 != 0))
		return BH_REASON_FRAG_LENGTH;
	if ((uint32_t)pkt->frag_off + pkt->frag_len + header > DATAGRAM_MAX)
		return BH_REASON_FRAG_TOO_BIG;
	return BH_REASON_NONE;
}

/* Enter the fragment's bytes among the n ranges, unless one of them is there already or it
 * contradicts the datagram's length. Most fragments come in order: searched from the end. */
static enum bh_reason
add_range(struct bh_frag_store *s, struct datagram *d, const struct bh_parsed *pkt)
{
	struct range *r = &s->range[(size_t)(d - s->datagram) * s->p.max_fragments];
	uint32_t off = pkt->frag_off, end = off + pkt->frag_len;
	bool last = (pkt->flags & BH_PKT_LAST_FRAGMENT) != 0;
	unsigned at = d->n;

	if (d->total != 0 && (last || end > d->total))
		return BH_REASON_FRAG_OVERLAP;
	if (last && d->n > 0 && r[d->n - 1].end > off)
		return BH_REASON_FRAG_OVERLAP;
	while (at > 0 && r[at - 1].off > off)
		at--;
	if ((at > 0 && r[at - 1].end > off) || (at < d->n && r[at].off < end))
		return BH_REASON_FRAG_OVERLAP;
	memmove(&r[at + 1], &r[at], (d->n - at) * sizeof(*r));
	r[at] = (struct range){(uint16_t)off, (uint16_t)end};
	d->have += pkt->frag_len;
	if (last)
		d->total = end;
	if (off == 0)
		d->first = d->n;
	return BH_REASON_NONE;
}

static bool
give_back(struct bh_frag_out *out, void *packet, enum bh_reason reason, uint32_t total_len)
{
	out->n = 1;
	out->packet[0] = packet;
	out->first = 0;
	out->total_len = total_len;
	out->reason = reason;
	return true;
}

bool
bh_frag_add(struct bh_frag_store *s, const struct bh_parsed *pkt, void *packet, uint32_t now_ms,
	    struct bh_frag_out *out)
{
	enum bh_reason reason = check_shape(pkt);
	struct datagram *d;

	/* All of a datagram in one fragment: not to do with others of the same id (RFC 6946). */
	if (pkt->frag_off == 0 && (pkt->flags & BH_PKT_LAST_FRAGMENT) != 0)
		return give_back(out, packet, reason, pkt->frag_len);
	d = find(s, pkt);
	if (d == NULL)
		d = open_datagram(s, pkt, now_ms);
	if (d == NULL)
		return give_back(out, packet, BH_REASON_FRAG_TABLE_FULL, 0);
	if (d->reason != BH_REASON_NONE)
		return give_back(out, packet, d->reason, 0);

	if (reason == BH_REASON_NONE)
		reason = add_range(s, d, pkt);
	s->packet[(size_t)(d - s->datagram) * s->p.max_fragments + d->n++] = packet;
	s->held++;
	if (reason == BH_REASON_NONE) {
		if (d->have == d->total) {
			release(s, d, BH_REASON_NONE, out);
			close_datagram(s, d);
			return true;
		}
		if (d->n == s->p.max_fragments)
			reason = BH_REASON_FRAG_TOO_MANY;
		else if (s->held > s->p.max_held)
			reason = BH_REASON_FRAG_TABLE_FULL;
		else
			return false;
	}
	d->reason = (uint8_t)reason;
	release(s, d, reason, out);
	return true;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Close the oldest datagram. False when nothing was held of it: it had been refused. */
static bool
end_oldest(struct bh_frag_store *s, enum bh_reason reason, struct bh_frag_out *out)
{
	struct datagram *d = &s->datagram[s->oldest];
	bool held = d->n != 0;

	if (held)
		release(s, d, reason, out);
	close_datagram(s, d);
	return held;
}

bool
bh_frag_age(struct bh_frag_store *s, uint32_t now_ms, struct bh_frag_out *out)
{
	while (s->oldest != NONE &&
	       (int32_t)(now_ms - s->datagram[s->oldest].born_ms) >= (int32_t)s->p.timeout_ms) {
		if (end_oldest(s, BH_REASON_FRAG_TIMEOUT, out))
			return true;
	}
	return false;
}

bool
bh_frag_flush(struct bh_frag_store *s, struct bh_frag_out *out)
{
	while (s->oldest != NONE) {
		if (end_oldest(s, BH_REASON_SHUTDOWN, out))
			return true;
	}
	return false;
}
