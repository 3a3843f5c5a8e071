/* Fragments in every order, every overlap of up to three chunks, and at random beside a byte map.
 */
#include "test_flow_frag_ref.h"
#include "test_flow_rig.h"

struct piece {
	uint16_t off;
	uint16_t len;
	bool last;
};

static struct bh_frag_store *
store(uint32_t datagrams, uint32_t max_fragments)
{
	struct bh_frag_params p = {
		.datagrams = datagrams,
		.max_fragments = max_fragments,
		.timeout_ms = 5000,
		.hash_key = rig_hash_key(51),
	};
	struct bh_frag_store *s = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_frag_store_create(&s, &p), 0);
	return s;
}

static bool
add(struct bh_frag_store *s, uint32_t id, const struct piece *piece, uintptr_t handle,
    struct bh_frag_out *out)
{
	struct bh_parsed pkt;

	memset(&pkt, 0, sizeof(pkt));
	pkt.kind = BH_FRAME_FRAGMENT;
	pkt.key = rig_key(id);
	pkt.l4_off = 20;
	pkt.frag_off = piece->off;
	pkt.frag_len = piece->len;
	pkt.flags = piece->last ? BH_PKT_LAST_FRAGMENT : 0;
	return bh_frag_add(s, &pkt, (void *)handle, 0, out);
}

/* Next permutation in lexical order; false after the last. */
static bool
permute(unsigned *p, unsigned n)
{
	unsigned i = n - 1, j = n - 1, t;

	while (i > 0 && p[i - 1] >= p[i])
		i--;
	if (i == 0)
		return false;
	while (p[j] <= p[i - 1])
		j--;
	t = p[i - 1], p[i - 1] = p[j], p[j] = t;
	for (j = n - 1; i < j; i++, j--)
		t = p[i], p[i] = p[j], p[j] = t;
	return true;
}

static void
every_order_of_up_to_five_fragments_completes(void)
{
	struct bh_frag_store *s = store(16, 8);
	unsigned n, i, wrong = 0, orders = 0;

	for (n = 2; n <= 5; n++) {
		unsigned p[5] = {0, 1, 2, 3, 4};

		do {
			struct bh_frag_out out;

			for (i = 0; i < n; i++) {
				/* Lengths 8, 16, ...; the last one of 3 bytes. */
				const struct piece piece = {
					.off = (uint16_t)(4 * p[i] * (p[i] + 1)),
					.len = (uint16_t)(p[i] == n - 1 ? 3 : 8 * (p[i] + 1)),
					.last = p[i] == n - 1,
				};

				wrong += add(s, orders, &piece, p[i] + 1, &out) != (i == n - 1);
			}
			wrong += out.n != n || out.reason != BH_REASON_NONE;
			wrong += out.total_len != 4 * (n - 1) * n + 3 || p[out.first] != 0;
			for (i = 0; i < n; i++)
				wrong += (uintptr_t)out.packet[i] != p[i] + 1;
			orders++;
		} while (permute(p, n));
	}
	CU_ASSERT_EQUAL(orders, 2 + 6 + 24 + 120);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(bh_frag_held(s), 0);
	bh_frag_store_destroy(s);
}

static bool
overlap(const struct piece *a, const struct piece *b)
{
	return a->off < b->off + b->len && b->off < a->off + a->len;
}

/* Contradictory without sharing a byte: two ends, or something behind the end. */
static bool
contradict(const struct piece *a, const struct piece *b)
{
	return (a->last && (b->last || b->off >= a->off + a->len)) ||
	       (b->last && a->off >= b->off + b->len);
}

/* All chunks of 1 to 4 units in a space of 6, last or not, that leave a gap at the front: nothing
 * completes, so that all that can happen is to be held or refused. */
static unsigned
all_chunks(struct piece *out)
{
	unsigned off, len, last, n = 0;

	for (off = 1; off < 7; off++) {
		for (len = 1; len <= 4 && off + len <= 7; len++) {
			for (last = 0; last < 2; last++)
				out[n++] = (struct piece){(uint16_t)(off * 8), (uint16_t)(len * 8),
							  last != 0};
		}
	}
	return n;
}

static void
every_overlapping_pair_and_triplet_is_refused(void)
{
	struct bh_frag_store *s = store(1 << 17, 8);
	struct piece chunk[64];
	unsigned n = all_chunks(chunk), i, j, k, id = 0, wrong = 0, refused = 0;

	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			bool bad2 =
				overlap(&chunk[i], &chunk[j]) || contradict(&chunk[i], &chunk[j]);

			for (k = 0; k < n; k++, id++) {
				bool bad3 = bad2 || overlap(&chunk[i], &chunk[k]) ||
					    overlap(&chunk[j], &chunk[k]) ||
					    contradict(&chunk[i], &chunk[k]) ||
					    contradict(&chunk[j], &chunk[k]);
				struct bh_frag_out out = {.n = 0};

				wrong += add(s, id, &chunk[i], 1, &out);
				wrong += add(s, id, &chunk[j], 2, &out) != bad2;
				wrong += bad2 &&
					 (out.n != 2 || out.reason != BH_REASON_FRAG_OVERLAP);
				wrong += add(s, id, &chunk[k], 3, &out) != bad3;
				wrong += bad3 && (out.n != (bad2 ? 1 : 3) ||
						  out.reason != BH_REASON_FRAG_OVERLAP);
				refused += bad3;
			}
		}
	}
	CU_ASSERT(refused > id / 2 && refused < id);
	CU_ASSERT_EQUAL(wrong, 0);
	bh_frag_store_destroy(s);
}

/* ---- at random ------------------------------------------------------------------------------- */

static struct bh_parsed
random_fragment(uint64_t *seed)
{
	struct bh_parsed pkt;
	bool last = rig_below(seed, 5) == 0;
	uint32_t units = 1 + rig_below(seed, 3), id = rig_below(seed, 24);

	memset(&pkt, 0, sizeof(pkt));
	pkt.kind = BH_FRAME_FRAGMENT;
	pkt.key = rig_key(id >> 1);
	pkt.from = id & 1;
	pkt.key.family = id % 3 == 0 ? BH_IP6 : BH_IP4;
	pkt.l3_off = 14;
	pkt.l4_off = pkt.key.family == BH_IP4 ? 34 : 62;
	pkt.frag_off = (uint16_t)(8 * rig_below(seed, 8));
	pkt.frag_len = (uint16_t)(8 * units - (last ? rig_below(seed, 8) : 0));
	pkt.flags = last ? BH_PKT_LAST_FRAGMENT : 0;
	switch (rig_below(seed, 300)) {
	case 0:
		pkt.frag_len = 0;
		break;
	case 1:
		pkt.frag_len = 13;
		break;
	case 2:
		pkt.frag_off = (uint16_t)(65536 - 8 * rig_below(seed, 4));
		break;
	case 3:
		pkt.l4_off = (uint16_t)rig_random(seed);
		break;
	}
	return pkt;
}

static void
run_beside_byte_map(uint32_t datagrams, uint32_t max_fragments, uint32_t max_held, uint64_t seed)
{
	struct ref *r = calloc(1, sizeof(*r));
	uint32_t now = UINT32_MAX - 200000, i, wrong = 0, reasons[BH_REASON_COUNT] = {0};
	struct bh_frag_store *s = NULL;
	struct bh_frag_out a, b;

	r->p = (struct bh_frag_params){
		.datagrams = datagrams,
		.max_fragments = max_fragments,
		.max_held = max_held,
		.timeout_ms = 5000,
		.hash_key = rig_hash_key(seed),
	};
	CU_ASSERT_EQUAL_FATAL(bh_frag_store_create(&s, &r->p), 0);
	for (i = 0; i < 200000 && wrong == 0; i++) {
		struct bh_parsed pkt = random_fragment(&seed);
		void *handle = (void *)(uintptr_t)(i + 1);
		bool got = bh_frag_add(s, &pkt, handle, now, &a);

		wrong += got != ref_add(r, &pkt, handle, now, &b);
		wrong += got && !ref_same(&a, &b);
		reasons[got ? a.reason : BH_REASON_COUNT - 1]++;
		now += rig_below(&seed, 400);
		do {
			got = bh_frag_age(s, now, &a);
			wrong += got != ref_age(r, now, &b);
			wrong += got && !ref_same(&a, &b);
			reasons[BH_REASON_FRAG_TIMEOUT] += got;
		} while (got && wrong == 0);
		wrong += bh_frag_held(s) != r->held;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	/* It went everywhere. */
	CU_ASSERT(reasons[BH_REASON_NONE] > 1000);
	CU_ASSERT(reasons[BH_REASON_FRAG_OVERLAP] > 1000);
	CU_ASSERT(reasons[BH_REASON_FRAG_TIMEOUT] > 1000);
	CU_ASSERT(reasons[BH_REASON_FRAG_LENGTH] > 10);
	CU_ASSERT(reasons[BH_REASON_FRAG_TOO_BIG] > 10);
	CU_ASSERT(datagrams > 16 || reasons[BH_REASON_FRAG_TABLE_FULL] > 100);
	CU_ASSERT(max_fragments > 3 || reasons[BH_REASON_FRAG_TOO_MANY] > 100);
	while (bh_frag_flush(s, &a))
		r->held -= a.n;
	CU_ASSERT_EQUAL(r->held, 0);
	bh_frag_store_destroy(s);
	free(r);
}

static void
random_fragments_fare_as_with_a_byte_map(void)
{
	run_beside_byte_map(64, 8, 0, 52);
	run_beside_byte_map(16, 3, 0, 53);
	run_beside_byte_map(16, 64, 12, 54);
}

const struct bh_unit_test bh_suite_flow_frag_model[] = {
	BH_TEST(every_order_of_up_to_five_fragments_completes),
	BH_TEST(every_overlapping_pair_and_triplet_is_refused),
	BH_TEST(random_fragments_fare_as_with_a_byte_map),
	BH_TEST_END,
};
