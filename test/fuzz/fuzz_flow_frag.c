/* Fragments in any order, shape and time. Input: one byte of store parameters, then 8 bytes a
 * fragment: flags and id, length, offset (2), header length, time step, tenant and direction.
 * Asserts beyond "no crash": every answer (held, whole, refused and why, which packets in which
 * order, total length) is that of the plain byte-map model; every packet comes back exactly once;
 * what the store says it holds is what it owes; a whole datagram's fragments cover it without a
 * hole. */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/test_flow_frag_ref.h"

#define RECORD 8
#define MAX_PACKETS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct bh_frag_store *s;
	struct ref *ref;
	uint8_t back[MAX_PACKETS]; /* how often packet i came back */
	struct bh_parsed pkt[MAX_PACKETS];
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
read_fragment(const uint8_t *p, struct bh_parsed *pkt)
{
	bool last = (p[0] & 0x80) != 0;

	memset(pkt, 0, sizeof(*pkt));
	pkt->kind = BH_FRAME_FRAGMENT;
	pkt->key.family = p[0] & 0x40 ? BH_IP6 : BH_IP4;
	pkt->key.port[1] = p[0] & 0x1f;
	pkt->key.proto = 17;
	pkt->key.tenant = p[7] >> 6;
	pkt->from = p[7] & 1;
	pkt->frag_off = (uint16_t)((p[2] << 8 | p[3]) & 0x1fff) * 8;
	/* Bit 5: short offsets, where fragments meet. */
	if (p[0] & 0x20)
		pkt->frag_off &= 0x7f;
	pkt->frag_len = last ? p[1] : (uint16_t)(p[1] * 8);
	if (p[2] & 0x80)
		pkt->frag_len = (uint16_t)(pkt->frag_len * 32 + (p[2] & 0x40 ? p[7] : 0));
	pkt->l3_off = 14;
	pkt->l4_off = (uint16_t)(14 + p[4]);
	pkt->flags = (uint8_t)((last ? BH_PKT_LAST_FRAGMENT : 0) |
			       (pkt->frag_off == 0 ? BH_PKT_FIRST_FRAGMENT : 0));
}

/* Handles are addresses of run.back. */
static void
count_back(struct run *r, const struct bh_frag_out *out)
{
	uint32_t covered = 0, end = 0;
	unsigned i;

	for (i = 0; i < out->n; i++) {
		uint8_t *mark = out->packet[i];
		const struct bh_parsed *pkt = &r->pkt[mark - r->back];

		check(++*mark == 1);
		covered += pkt->frag_len;
		if (end < (uint32_t)pkt->frag_off + pkt->frag_len)
			end = (uint32_t)pkt->frag_off + pkt->frag_len;
	}
	if (out->reason != BH_REASON_NONE)
		return;
	check(covered == out->total_len && end == out->total_len);
	check(r->pkt[(uint8_t *)out->packet[out->first] - r->back].frag_off == 0);
}

static void
age(struct run *r, uint32_t now_ms)
{
	struct bh_frag_out a, b;
	bool got;

	do {
		got = bh_frag_age(r->s, now_ms, &a);
		check(got == ref_age(r->ref, now_ms, &b));
		if (got) {
			check(ref_same(&a, &b));
			count_back(r, &a);
		}
	} while (got);
}

static void
play(struct run *r, const uint8_t *data, size_t n)
{
	uint32_t now_ms = UINT32_MAX - 20000;
	struct bh_frag_out a, b;
	size_t i;

	for (i = 0; i < n; i++) {
		const uint8_t *p = data + i * RECORD;
		bool got;

		read_fragment(p, &r->pkt[i]);
		now_ms += (uint32_t)p[5] * p[6] / 16;
		age(r, now_ms);
		got = bh_frag_add(r->s, &r->pkt[i], &r->back[i], now_ms, &a);
		check(got == ref_add(r->ref, &r->pkt[i], &r->back[i], now_ms, &b));
		if (got) {
			check(ref_same(&a, &b));
			count_back(r, &a);
		}
		check(bh_frag_held(r->s) == r->ref->held);
	}
	while (bh_frag_flush(r->s, &a))
		count_back(r, &a);
	check(bh_frag_held(r->s) == 0);
	for (i = 0; i < n; i++)
		check(r->back[i] == 1);
}

/* A store is empty again after a run; making one anew takes longer than a run. */
static struct bh_frag_store *
store_for(uint8_t choice, struct bh_frag_params *p)
{
	static const uint8_t max_fragments[] = {2, 3, 8, 64};
	static struct bh_frag_store *store[16];

	*p = (struct bh_frag_params){
		.datagrams = choice & 4 ? 16 : 40,
		.max_fragments = max_fragments[choice & 3],
		.max_held = choice & 8 ? 20 : 0,
		.timeout_ms = 5000,
		.hash_key = {{1, 2, 3, 4, 5, 6, 7, 9}},
	};
	if (store[choice & 15] == NULL)
		check(bh_frag_store_create(&store[choice & 15], p) == 0);
	return store[choice & 15];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ref ref;
	static struct run r;
	size_t n, i;

	if (size < 1 + RECORD)
		return 0;
	n = (size - 1) / RECORD;
	if (n > MAX_PACKETS)
		n = MAX_PACKETS;
	for (i = 0; i < REF_DATAGRAMS; i++)
		ref.d[i].used = false;
	ref.held = 0;
	r.ref = &ref;
	r.s = store_for(data[0], &ref.p);
	memset(r.back, 0, n);
	play(&r, data + 1, n);
	return 0;
}
