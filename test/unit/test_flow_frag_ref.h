/* The fragment store as plainly as it can be written: a byte map a datagram, nothing sorted,
 * nothing hashed. Unit tests and the fuzzer run it beside the real one and compare every answer. */
#ifndef BH_TEST_FLOW_FRAG_REF_H
#define BH_TEST_FLOW_FRAG_REF_H

#include <stdlib.h>

#include "../../lib/flow/flow.h"

#define REF_DATAGRAMS 64

struct ref_datagram {
	bool used;
	struct bh_flow_key key;
	uint8_t from;
	uint32_t born_ms;
	uint64_t order; /* of birth */
	uint32_t total; /* 0: not known */
	unsigned n;
	void *packet[BH_FRAG_MAX + 1];
	unsigned first;
	enum bh_reason reason;
	uint8_t byte[1 << 16];
};

struct ref {
	struct bh_frag_params p;
	uint64_t births;
	uint32_t held;
	struct ref_datagram d[REF_DATAGRAMS];
};

static inline struct ref_datagram *
ref_find(struct ref *r, const struct bh_parsed *pkt, uint32_t now_ms)
{
	struct ref_datagram *free_one = NULL;
	unsigned i;

	for (i = 0; i < r->p.datagrams; i++) {
		struct ref_datagram *d = &r->d[i];

		if (d->used && d->from == pkt->from &&
		    memcmp(&d->key, &pkt->key, sizeof(d->key)) == 0)
			return d;
		if (!d->used && free_one == NULL)
			free_one = d;
	}
	if (free_one != NULL) {
		memset(free_one, 0, sizeof(*free_one));
		free_one->used = true;
		free_one->key = pkt->key;
		free_one->from = pkt->from;
		free_one->born_ms = now_ms;
		free_one->order = r->births++;
	}
	return free_one;
}

static inline void
ref_release(struct ref *r, struct ref_datagram *d, enum bh_reason reason, struct bh_frag_out *out)
{
	out->n = d->n;
	memcpy(out->packet, d->packet, d->n * sizeof(d->packet[0]));
	out->first = d->first;
	out->total_len = d->total;
	out->reason = reason;
	r->held -= d->n;
	d->n = 0;
}

static inline enum bh_reason
ref_shape(const struct bh_parsed *pkt)
{
	bool last = (pkt->flags & BH_PKT_LAST_FRAGMENT) != 0;
	int counted = pkt->l4_off - pkt->l3_off - (pkt->key.family == BH_IP6 ? 48 : 0);

	if (pkt->frag_len == 0 || (!last && pkt->frag_len % 8 != 0))
		return BH_REASON_FRAG_LENGTH;
	if (pkt->frag_off + pkt->frag_len + (counted > 0 ? counted : 0) > 65535)
		return BH_REASON_FRAG_TOO_BIG;
	return BH_REASON_NONE;
}

/* Mark the bytes; OVERLAP if one is marked already or the ends contradict each other. */
static inline enum bh_reason
ref_mark(struct ref_datagram *d, const struct bh_parsed *pkt)
{
	bool last = (pkt->flags & BH_PKT_LAST_FRAGMENT) != 0;
	uint32_t off = pkt->frag_off, end = off + pkt->frag_len;

	if (last && d->total != 0)
		return BH_REASON_FRAG_OVERLAP;
	if (d->total != 0 && end > d->total)
		return BH_REASON_FRAG_OVERLAP;
	/* Behind a last fragment there must be nothing. */
	if (memchr(&d->byte[off], 1, (last ? sizeof(d->byte) : end) - off) != NULL)
		return BH_REASON_FRAG_OVERLAP;
	memset(&d->byte[pkt->frag_off], 1, pkt->frag_len);
	if (last)
		d->total = end;
	return BH_REASON_NONE;
}

static inline bool
ref_is_whole(const struct ref_datagram *d)
{
	return d->total != 0 && memchr(d->byte, 0, d->total) == NULL;
}

static inline bool
ref_add(struct ref *r, const struct bh_parsed *pkt, void *packet, uint32_t now_ms,
	struct bh_frag_out *out)
{
	enum bh_reason reason = ref_shape(pkt);
	struct ref_datagram *d = NULL;

	*out = (struct bh_frag_out){.n = 1, .packet = {packet}, .reason = reason};
	if (pkt->frag_off == 0 && (pkt->flags & BH_PKT_LAST_FRAGMENT) != 0) {
		out->total_len = pkt->frag_len;
		return true;
	}
	d = ref_find(r, pkt, now_ms);
	if (d == NULL || d->reason != BH_REASON_NONE) {
		out->reason = d == NULL ? BH_REASON_FRAG_TABLE_FULL : d->reason;
		return true;
	}
	if (pkt->frag_off == 0)
		d->first = d->n;
	if (reason == BH_REASON_NONE)
		reason = ref_mark(d, pkt);
	d->packet[d->n++] = packet;
	r->held++;
	if (reason == BH_REASON_NONE && ref_is_whole(d)) {
		ref_release(r, d, BH_REASON_NONE, out);
		d->used = false;
		return true;
	}
	if (reason == BH_REASON_NONE && d->n >= r->p.max_fragments)
		reason = BH_REASON_FRAG_TOO_MANY;
	if (reason == BH_REASON_NONE && r->p.max_held != 0 && r->held > r->p.max_held)
		reason = BH_REASON_FRAG_TABLE_FULL;
	if (reason == BH_REASON_NONE)
		return false;
	d->reason = reason;
	ref_release(r, d, reason, out);
	return true;
}

/* The oldest datagram past its time that holds packets; refused ones are forgotten on the way. */
static inline bool
ref_age(struct ref *r, uint32_t now_ms, struct bh_frag_out *out)
{
	for (;;) {
		struct ref_datagram *oldest = NULL;
		unsigned i;

		for (i = 0; i < r->p.datagrams; i++) {
			if (r->d[i].used && (oldest == NULL || r->d[i].order < oldest->order))
				oldest = &r->d[i];
		}
		if (oldest == NULL || now_ms - oldest->born_ms < r->p.timeout_ms)
			return false;
		oldest->used = false;
		if (oldest->n == 0)
			continue;
		ref_release(r, oldest, BH_REASON_FRAG_TIMEOUT, out);
		return true;
	}
}

/* Are two answers the same where they are valid? */
static inline bool
ref_same(const struct bh_frag_out *a, const struct bh_frag_out *b)
{
	if (a->n != b->n || a->reason != b->reason ||
	    memcmp(a->packet, b->packet, a->n * sizeof(a->packet[0])) != 0)
		return false;
	return a->reason != BH_REASON_NONE ||
	       (a->first == b->first && a->total_len == b->total_len);
}

#endif
