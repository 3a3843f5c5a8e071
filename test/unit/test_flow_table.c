/* The flow table against a plain model: an array of what should be there. */
#include <errno.h>

#include "test_flow_rig.h"

#define MODEL_KEYS 1024

struct model {
	struct bh_flow_table *t;
	struct {
		bool here;
		uint8_t state;
		uint32_t last_ms;
		uint64_t bytes;
		uint64_t id;
	} key[MODEL_KEYS];
	uint32_t n_keys;
	uint32_t count;
	uint32_t now_ms;
	uint64_t *ids; /* every id ever given */
	uint32_t n_ids;
	uint32_t ended[BH_FLOW_END_COUNT];
	bool ok;
};

static uint32_t
number_of(const struct bh_flow_key *key)
{
	return ((key->addr[0].w[0] - 0x0100000a) << 8) + key->port[0] - 1024;
}

static bool
is_spared(uint8_t state)
{
	return state == BH_STATE_ESTABLISHED || state == BH_STATE_REPLIED ||
	       state == BH_STATE_FIN_WAIT;
}

/* A flow may leave only if the model has it, as the model has it, and for a reason that holds. */
static void
on_end(void *arg, const struct bh_flow *f, enum bh_flow_end why)
{
	struct model *m = arg;
	uint32_t i = number_of(&f->key);
	uint32_t idle = m->now_ms - m->key[i].last_ms;

	m->ok = m->ok && i < m->n_keys && m->key[i].here;
	m->ok = m->ok && f->state == m->key[i].state && f->bytes[0] == m->key[i].bytes;
	m->ok = m->ok && bh_flow_id(m->t, f) == m->key[i].id;
	if (why == BH_FLOW_END_EVICTED)
		m->ok = m->ok && !is_spared(f->state) && m->count == bh_flow_capacity(m->t);
	if (why == BH_FLOW_END_TIMEOUT || why == BH_FLOW_END_CLOSED) {
		m->ok = m->ok && idle >= m->t->timeout_ms[f->state];
		m->ok = m->ok && (why == BH_FLOW_END_CLOSED) == (f->state == BH_STATE_CLOSED);
	}
	m->key[i].here = false;
	m->count--;
	m->ended[why]++;
}

static void
step_insert(struct model *m, uint32_t i)
{
	struct bh_flow *f = rig_insert(m->t, i, m->now_ms);
	bool evictable = false;
	uint32_t k;

	if (f == NULL) {
		/* 64 entries are looked at: in a table of 64 that is all. */
		for (k = 0; k < m->n_keys; k++)
			evictable = evictable || (m->key[k].here && !is_spared(m->key[k].state));
		m->ok = m->ok && m->count == bh_flow_capacity(m->t);
		m->ok = m->ok && (!evictable || bh_flow_capacity(m->t) > 64);
		return;
	}
	m->ok = m->ok && f->state == BH_STATE_NEW && f->flags == BH_FLAG_USED;
	m->ok = m->ok && f->bytes[0] == 0 && f->stamp == 0 && f->ext == 0 &&
		f->last_ms == m->now_ms;
	m->key[i].here = true;
	m->key[i].state = f->state;
	m->key[i].last_ms = m->now_ms;
	m->key[i].bytes = 0;
	m->key[i].id = m->ids[m->n_ids++] = bh_flow_id(m->t, f);
	m->count++;
}

static void
step_change(struct model *m, uint32_t i, uint64_t *seed)
{
	struct bh_flow *f = rig_find(m->t, i);

	if (f == NULL)
		return;
	f->state = m->key[i].state = (uint8_t)rig_below(seed, BH_STATE_COUNT);
	f->last_ms = m->key[i].last_ms = m->now_ms;
	f->bytes[0] = m->key[i].bytes = rig_random(seed);
}

/* Every key, in bulk and singly, and the counts. */
static void
compare(struct model *m)
{
	const struct bh_flow_key *keys[64];
	struct bh_flow_key key[64];
	struct bh_flow *out[64];
	uint64_t hash[64];
	uint32_t base, i;

	for (base = 0; base < m->n_keys; base += 64) {
		for (i = 0; i < 64; i++) {
			key[i] = rig_key(base + i);
			keys[i] = &key[i];
			hash[i] = bh_flow_hash(m->t, &key[i]);
		}
		bh_flow_lookup_bulk(m->t, keys, hash, 64, out);
		for (i = 0; i < 64; i++) {
			m->ok = m->ok && (out[i] != NULL) == m->key[base + i].here;
			m->ok = m->ok && out[i] == bh_flow_lookup(m->t, keys[i], hash[i]);
			if (out[i] != NULL)
				m->ok = m->ok && memcmp(&out[i]->key, &key[i], sizeof(key[i])) == 0;
		}
	}
	m->ok = m->ok && bh_flow_count(m->t) == m->count;
}

static void
step(struct model *m, uint64_t *seed)
{
	uint32_t i = rig_below(seed, m->n_keys), what = rig_below(seed, 100);
	struct bh_flow *f;

	if (what < 55 && !m->key[i].here) {
		step_insert(m, i);
	} else if (what < 80) {
		step_change(m, i, seed);
	} else if (what < 92) {
		f = rig_find(m->t, i);
		if (f != NULL)
			bh_flow_remove(m->t, f, BH_FLOW_END_RELABELLED);
	} else if (what < 99) {
		m->now_ms += rig_below(seed, 3000);
		bh_flow_age(m->t, m->now_ms, 1 + rig_below(seed, 16));
	} else if (rig_below(seed, 200) == 0) {
		bh_flow_end_all(m->t, BH_FLOW_END_SHUTDOWN);
		m->ok = m->ok && m->count == 0;
	}
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
run_model(uint32_t capacity, uint32_t n_keys, uint32_t steps, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	uint32_t i;

	m->ok = true;
	m->n_keys = n_keys;
	m->now_ms = UINT32_MAX - 1000000; /* wraps on the way */
	m->ids = calloc(steps, sizeof(*m->ids));
	m->t = rig_table(capacity, seed, on_end, m);
	for (i = 0; i < steps && m->ok; i++) {
		step(m, &seed);
		compare(m);
		if (i % 64 == 0)
			m->ok = m->ok && rig_is_sound(m->t);
	}
	CU_ASSERT_TRUE(m->ok);
	CU_ASSERT_EQUAL(i, steps);
	CU_ASSERT(m->ended[BH_FLOW_END_EVICTED] > steps / 500);
	CU_ASSERT(m->ended[BH_FLOW_END_TIMEOUT] > steps / 500);
	CU_ASSERT(m->ended[BH_FLOW_END_CLOSED] > steps / 500);
	qsort(m->ids, m->n_ids, sizeof(*m->ids), by_value);
	for (i = 1; i < m->n_ids; i++)
		m->ok = m->ok && m->ids[i] != m->ids[i - 1];
	CU_ASSERT_TRUE(m->ok);
	bh_flow_table_destroy(m->t);
	free(m->ids);
	free(m);
}

static void
small_table_behaves_like_a_plain_array(void)
{
	run_model(64, 128, 120000, 1);
}

static void
larger_table_behaves_like_a_plain_array(void)
{
	run_model(400, MODEL_KEYS, 30000, 2);
}

static void
v4_and_v6_flows_of_the_same_bytes_are_two(void)
{
	struct bh_flow_table *t = rig_table(64, 3, NULL, NULL);
	struct bh_flow_key four = rig_key(1), six = four, other_tenant = four, other_tunnel = four;
	struct bh_flow *f;

	six.family = BH_IP6;
	other_tenant.tenant = 1;
	other_tunnel.tunnel = BH_TUNNEL_VXLAN;
	f = bh_flow_insert(t, &four, bh_flow_hash(t, &four), 0, 1);
	CU_ASSERT_PTR_EQUAL(bh_flow_lookup(t, &four, bh_flow_hash(t, &four)), f);
	CU_ASSERT_PTR_NULL(bh_flow_lookup(t, &six, bh_flow_hash(t, &six)));
	CU_ASSERT_PTR_NULL(bh_flow_lookup(t, &other_tenant, bh_flow_hash(t, &other_tenant)));
	CU_ASSERT_PTR_NULL(bh_flow_lookup(t, &other_tunnel, bh_flow_hash(t, &other_tunnel)));
	/* Even a full collision of the hash does not make them one. */
	CU_ASSERT_PTR_NULL(bh_flow_lookup(t, &six, bh_flow_hash(t, &four)));
	bh_flow_table_destroy(t);
}

/* Bytes 4 to 15 of an IPv4 address, which are 0. */
static bool
is_unused(const struct bh_flow_key *key, unsigned byte)
{
	return key->family == BH_IP4 && byte < 32 && byte % 16 >= 4;
}

static void
each_byte_of_the_key_is_compared(void)
{
	struct bh_flow_table *t = rig_table(64, 4, NULL, NULL);
	struct bh_flow_key key = rig_key(7), changed;
	const struct bh_flow_key *keys[1] = {&changed};
	unsigned i, v, found = 0, hashed_alike = 0;
	struct bh_flow *out[1];

	for (v = 0; v < 2; v++) {
		uint64_t hash;

		key.family = v == 0 ? BH_IP4 : BH_IP6;
		hash = bh_flow_hash(t, &key);
		bh_flow_insert(t, &key, hash, 0, 1);
		for (i = 0; i < sizeof(key) * 8; i++) {
			changed = key;
			((uint8_t *)&changed)[i / 8] ^= (uint8_t)(1 << i % 8);
			bh_flow_lookup_bulk(t, keys, &hash, 1, out);
			found += out[0] != NULL;
			found += bh_flow_lookup(t, &changed, hash) != NULL;
			hashed_alike +=
				!is_unused(&key, i / 8) && bh_flow_hash(t, &changed) == hash;
		}
	}
	CU_ASSERT_EQUAL(found, 0);
	CU_ASSERT_EQUAL(hashed_alike, 0);
	bh_flow_table_destroy(t);
}

static void
bulk_look_up_takes_any_number_up_to_64_and_repeats(void)
{
	struct bh_flow_table *t = rig_table(256, 5, NULL, NULL);
	const struct bh_flow_key *keys[64];
	struct bh_flow_key key[64];
	struct bh_flow *out[65];
	uint64_t hash[64], seed = 5;
	unsigned n, i, wrong = 0;

	for (i = 0; i < 100; i++)
		rig_insert(t, i, 0);
	for (n = 0; n <= 64; n++) {
		for (i = 0; i < n; i++) {
			key[i] = rig_key(rig_below(&seed, 120));
			keys[i] = &key[i];
			hash[i] = bh_flow_hash(t, &key[i]);
		}
		out[n] = (struct bh_flow *)t;
		bh_flow_lookup_bulk(t, keys, hash, n, out);
		for (i = 0; i < n; i++)
			wrong += out[i] != bh_flow_lookup(t, &key[i], hash[i]);
		wrong += out[n] != (struct bh_flow *)t;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	bh_flow_table_destroy(t);
}

static void
a_flow_is_two_aligned_lines(void)
{
	struct bh_flow_table *t = rig_table(100, 6, NULL, NULL);
	unsigned i, off = 0;

	for (i = 0; i < 100; i++)
		off += ((uintptr_t)rig_insert(t, i, 0) & 127) != 0;
	CU_ASSERT_EQUAL(off, 0);
	CU_ASSERT_EQUAL((uintptr_t)t->bucket & 63, 0);
	CU_ASSERT(offsetof(struct bh_flow, verdict) < 64 && offsetof(struct bh_flow, stamp) < 64);
	CU_ASSERT(offsetof(struct bh_flow, last_ms) >= 64 && offsetof(struct bh_flow, flags) >= 64);
	bh_flow_table_destroy(t);
}

static void
ten_million_flows_take_less_than_one_and_a_half_gib(void)
{
	uint64_t n = 10000000;
	uint64_t size = n * sizeof(struct bh_flow) + (uint64_t)bh_flow_index_buckets((uint32_t)n) *
							     sizeof(struct bh_flow_bucket);

	CU_ASSERT(size <= UINT64_C(3) << 29);
}

static void
a_reused_entry_starts_clean(void)
{
	struct bh_flow_table *t = rig_table(64, 7, NULL, NULL);
	struct bh_flow *f = rig_insert(t, 1, 5), *g;
	struct bh_flow expect;

	memset(&f->slot, 0xff, sizeof(*f) - offsetof(struct bh_flow, slot));
	bh_flow_remove(t, f, BH_FLOW_END_CLOSED);
	/* From its own old key: insert must not clear what it still reads. */
	g = bh_flow_insert(t, &f->key, bh_flow_hash(t, &f->key), 9, 77);
	CU_ASSERT_PTR_EQUAL(g, f);
	memset(&expect, 0, sizeof(expect));
	expect.key = rig_key(1);
	expect.start_ns = g->start_ns;
	expect.last_ms = 9;
	expect.flags = BH_FLAG_USED;
	CU_ASSERT_EQUAL(memcmp(g, &expect, sizeof(expect)), 0);
	bh_flow_table_destroy(t);
}

static void
ids_differ_within_a_nanosecond_and_between_workers(void)
{
	struct bh_flow_table *t = rig_table(64, 8, NULL, NULL);
	struct bh_flow_key key = rig_key(1);
	uint64_t hash = bh_flow_hash(t, &key), id, last = 0, wall = UINT64_C(1790000000) << 30;
	struct bh_flow *f;
	unsigned i, not_after = 0;

	for (i = 0; i < 1000; i++) {
		/* The same entry, the same time, then a little earlier. */
		f = bh_flow_insert(t, &key, hash, 0, wall - i / 500 * 1000000);
		id = bh_flow_id(t, f);
		not_after += id <= last;
		last = id;
		bh_flow_remove(t, f, BH_FLOW_END_RELABELLED);
	}
	CU_ASSERT_EQUAL(not_after, 0);
	f = bh_flow_insert(t, &key, hash, 0, wall - 2 * BH_NS_PER_SEC);
	CU_ASSERT_EQUAL(f->start_ns, wall - 2 * BH_NS_PER_SEC);
	id = bh_flow_id(t, f);
	t->worker = 255;
	CU_ASSERT_NOT_EQUAL(bh_flow_id(t, f), id);
	CU_ASSERT(bh_flow_id(t, f) < UINT64_C(1) << 63);
	bh_flow_table_destroy(t);
}

static void
iteration_visits_each_flow_once_also_while_removing(void)
{
	struct bh_flow_table *t = rig_table(200, 9, NULL, NULL);
	uint8_t seen[200] = {0};
	struct bh_flow *f;
	uint32_t cursor = 0, i, wrong = 0;

	for (i = 0; i < 200; i++)
		rig_insert(t, i, 0);
	for (i = 0; i < 200; i += 3)
		bh_flow_remove(t, rig_find(t, i), BH_FLOW_END_CLOSED);
	while ((f = bh_flow_next(t, &cursor, UINT32_MAX)) != NULL) {
		seen[number_of(&f->key)]++;
		if (number_of(&f->key) % 2 == 0)
			bh_flow_remove(t, f, BH_FLOW_END_CLOSED);
	}
	for (i = 0; i < 200; i++)
		wrong += seen[i] != (i % 3 != 0);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_PTR_NULL(bh_flow_next(t, &cursor, UINT32_MAX));
	CU_ASSERT_TRUE(rig_is_sound(t));
	bh_flow_table_destroy(t);
}

static void
iteration_stops_at_its_end(void)
{
	struct bh_flow_table *t = rig_table(200, 10, NULL, NULL);
	uint32_t cursor = 0, i, n = 0;

	for (i = 0; i < 100; i++)
		rig_insert(t, i, 0);
	for (i = 10; i < 20; i++)
		bh_flow_remove(t, rig_find(t, i), BH_FLOW_END_CLOSED);
	while (bh_flow_next(t, &cursor, 15) != NULL)
		n++;
	CU_ASSERT_EQUAL(n, 10);
	CU_ASSERT_EQUAL(cursor, 15);
	while (bh_flow_next(t, &cursor, 30) != NULL)
		n++;
	CU_ASSERT_EQUAL(n, 20);
	CU_ASSERT_EQUAL(cursor, 30);
	while (bh_flow_next(t, &cursor, UINT32_MAX) != NULL)
		n++;
	CU_ASSERT_EQUAL(n, 90);
	CU_ASSERT(cursor <= 200);
	bh_flow_table_destroy(t);
}

static void
parameters_out_of_range_are_refused(void)
{
	struct bh_flow_table_params params;
	struct bh_flow_table *t = NULL;

	bh_flow_table_params_default(&params);
	CU_ASSERT_EQUAL(params.timeout_ms[BH_STATE_ESTABLISHED], 7440000);
	params.capacity = 63;
	CU_ASSERT_EQUAL(bh_flow_table_create(&t, &params), -EINVAL);
	params.capacity = (1u << 27) + 1;
	CU_ASSERT_EQUAL(bh_flow_table_create(&t, &params), -EINVAL);
	params.capacity = 64;
	params.timeout_ms[BH_STATE_NEW] = 1u << 31;
	CU_ASSERT_EQUAL(bh_flow_table_create(&t, &params), -EINVAL);
	CU_ASSERT_PTR_NULL(t);
	params.timeout_ms[BH_STATE_NEW] = (1u << 31) - 1;
	CU_ASSERT_EQUAL(bh_flow_table_create(&t, &params), 0);
	CU_ASSERT_EQUAL(bh_flow_capacity(t), 64);
	CU_ASSERT_EQUAL(bh_flow_count(t), 0);
	bh_flow_table_destroy(t);
	bh_flow_table_destroy(NULL);
}

const struct bh_unit_test bh_suite_flow_table[] = {
	BH_TEST(small_table_behaves_like_a_plain_array),
	BH_TEST(larger_table_behaves_like_a_plain_array),
	BH_TEST(v4_and_v6_flows_of_the_same_bytes_are_two),
	BH_TEST(each_byte_of_the_key_is_compared),
	BH_TEST(bulk_look_up_takes_any_number_up_to_64_and_repeats),
	BH_TEST(a_flow_is_two_aligned_lines),
	BH_TEST(ten_million_flows_take_less_than_one_and_a_half_gib),
	BH_TEST(a_reused_entry_starts_clean),
	BH_TEST(ids_differ_within_a_nanosecond_and_between_workers),
	BH_TEST(iteration_visits_each_flow_once_also_while_removing),
	BH_TEST(iteration_stops_at_its_end),
	BH_TEST(parameters_out_of_range_are_refused),
	BH_TEST_END,
};
