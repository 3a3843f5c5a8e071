/* counters: sums over workers, read while they count. */
#include "gateway_priv.h"

/* struct bh_counters and bh_wire_counters are plain arrays of uint64_t: one loop adds them up. */
_Static_assert(sizeof(struct bh_counters) % sizeof(uint64_t) == 0, "only uint64_t inside");
_Static_assert(sizeof(struct bh_wire_counters) % sizeof(uint64_t) == 0, "only uint64_t inside");

static void
add_up(void *sum, const void *part, size_t size)
{
	const uint64_t *from = part;
	uint64_t *to = sum;
	size_t i;

	for (i = 0; i < size / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void
bh_gateway_counters(struct bh_gateway *g, uint32_t worker, struct bh_counters *out)
{
	unsigned i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < g->n_workers; i++) {
		if (worker == UINT32_MAX || worker == i)
			add_up(out, &g->worker[i]->c, sizeof(*out));
	}
}

void
bh_gateway_wire_counters(struct bh_gateway *g, unsigned wire, struct bh_wire_counters *out)
{
	unsigned i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < g->n_workers && wire < g->p.n_wires; i++)
		add_up(out, &g->worker[i]->wc[wire], sizeof(*out));
}

uint64_t
bh_counters_dropped(const struct bh_counters *c)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < BH_REASON_COUNT; i++)
		sum += c->dropped[i];
	return sum;
}

/* 2^8 ns is the first that has an octave; the two bits behind the highest one are the class in it. */
#define FIRST_BIT 8u

unsigned
bh_turn_class(uint64_t ns)
{
	unsigned bit, c;

	if (ns < 1u << FIRST_BIT)
		return 0;
	bit = 63 - (unsigned)__builtin_clzll(ns);
	c = 1 + 4 * (bit - FIRST_BIT) + (unsigned)(ns >> (bit - 2) & 3);
	return c < BH_TURN_CLASSES ? c : BH_TURN_CLASSES - 1;
}

uint64_t
bh_turn_bound(unsigned turn_class)
{
	if (turn_class == 0)
		return 1u << FIRST_BIT;
	if (turn_class >= BH_TURN_CLASSES - 1)
		return UINT64_MAX;
	return (uint64_t)(4 + (turn_class - 1) % 4 + 1) << (FIRST_BIT - 2 + (turn_class - 1) / 4);
}

unsigned
bh_gateway_n_workers(const struct bh_gateway *g)
{
	return g->n_workers;
}

uint64_t
bh_gateway_heartbeat_age_ms(struct bh_gateway *g, unsigned worker)
{
	const struct bh_clock *clock = g->p.clock;
	uint64_t beat = atomic_load_explicit(&g->worker[worker]->beat_ns, memory_order_relaxed);
	uint64_t now = clock->mono_ns(clock->arg);

	return now > beat ? (now - beat) / BH_NS_PER_MS : 0;
}
