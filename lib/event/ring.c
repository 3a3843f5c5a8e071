/* Ring from one worker to the control core: single producer, single consumer, fixed-size slots. An event with words
 * takes several, which are written and read as one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

#define MAX_SLOTS (1u << 24)

/* head and tail only grow (modulo 2^32); their difference is what the ring holds. Each side owns one
 * line and keeps there what it last saw of the other, so that a push into a ring that is not nearly
 * full touches no line the consumer writes. */
struct bh_event_ring {
	struct bh_event *slot;
	uint32_t mask;
	size_t size;
	/* producer */
	uint32_t head __attribute__((aligned(BH_CACHE_LINE)));
	uint32_t tail_seen;
	uint64_t lost;
	/* consumer */
	uint32_t tail __attribute__((aligned(BH_CACHE_LINE)));
	uint32_t head_seen;
};

int
bh_event_ring_create(struct bh_event_ring **out, uint32_t slots)
{
	struct bh_event_ring *r;

	if (slots < 2 || slots > MAX_SLOTS || (slots & (slots - 1)) != 0)
		return -EINVAL;
	r = aligned_alloc(BH_CACHE_LINE, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	*r = (struct bh_event_ring){.mask = slots - 1, .size = slots * sizeof(struct bh_event)};
	r->slot = bh_mem_map(r->size, true, NULL);
	if (r->slot == NULL) {
		free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void
bh_event_ring_destroy(struct bh_event_ring *r)
{
	if (r == NULL)
		return;
	bh_mem_unmap(r->slot, r->size);
	free(r);
}

/* Room for n more slots? */
static bool
has_room(struct bh_event_ring *r, uint32_t n)
{
	if (r->head - r->tail_seen + n - 1 > r->mask) {
		/* Acquire pairs with the release in pop: the slot has been read before we write it. */
		r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		if (r->head - r->tail_seen + n - 1 > r->mask) {
			/* One writer: a plain increment, stored whole for any reader. */
			__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
			return false;
		}
	}
	return true;
}

bool
bh_event_push(struct bh_event_ring *r, const struct bh_event *e)
{
	if (!has_room(r, 1))
		return false;
	r->slot[r->head & r->mask] = *e;
	__atomic_store_n(&r->head, r->head + 1, __ATOMIC_RELEASE);
	return true;
}

bool
bh_event_push_text(struct bh_event_ring *r, struct bh_event *e, const struct bh_event_text *t)
{
	const uint32_t size = sizeof(struct bh_event);
	uint32_t slots = (t->len + size - 1) / size, i;

	if (!has_room(r, 1 + slots))
		return false;
	e->n_text = (uint8_t)slots;
	r->slot[r->head & r->mask] = *e;
	for (i = 0; i < slots; i++) {
		struct bh_event *to = &r->slot[(r->head + 1 + i) & r->mask];
		uint32_t left = t->len - i * size, n = left < size ? left : size;

		memcpy(to, t->data + i * size, n);
		memset((uint8_t *)to + n, 0, size - n);
	}
	/* One store for all: a reader sees the event with its words or not at all. */
	__atomic_store_n(&r->head, r->head + 1 + slots, __ATOMIC_RELEASE);
	return true;
}

unsigned
bh_event_pop(struct bh_event_ring *r, struct bh_event *out, unsigned n)
{
	uint32_t tail = r->tail, have = r->head_seen - tail;
	unsigned i, k, done = 0;

	if (have < n) {
		r->head_seen = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		have = r->head_seen - tail;
	}
	if (n > have)
		n = have;
	while (done < n) {
		k = 1u + r->slot[(tail + done) & r->mask].n_text;
		if (done + k > n)
			break;
		for (i = 0; i < k; i++)
			out[done + i] = r->slot[(tail + done + i) & r->mask];
		done += k;
	}
	__atomic_store_n(&r->tail, tail + done, __ATOMIC_RELEASE);
	return done;
}

uint64_t
bh_event_lost(const struct bh_event_ring *r)
{
	return __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
}
