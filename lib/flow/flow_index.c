/* The index of the flow table: where in its two buckets a key's entry number stands. */
#include "flow_priv.h"

/* Breadth-first search for a free slot: at most so many full buckets are opened, 8 slots each. Two
 * buckets lead to 16 and those to 128; a third level is reached in part. */
#define SEARCH_BUCKETS 256

struct step {
	uint32_t bucket;
	uint16_t parent; /* step whose slot leads here */
	uint16_t slot;   /* in the parent's bucket */
};

#define NO_PARENT UINT16_MAX

uint32_t
bh_flow_index_buckets(uint32_t capacity)
{
	uint32_t n = 2;

	while ((uint64_t)n * BH_FLOW_SLOTS * 3 < (uint64_t)capacity * 4)
		n *= 2;
	return n;
}

static bool
counter_is_full(const struct bh_flow_bucket *b, uint16_t tag)
{
	return (b->overflow >> (tag & 15) * 4 & 15) == 15;
}

static bool
put(struct bh_flow_bucket *b, uint16_t tag, uint32_t entry, bool guest)
{
	unsigned room = bh_flow_match(b, 0), slot;

	if (room == 0)
		return false;
	slot = (unsigned)__builtin_ctz(room);
	b->tag[slot] = tag;
	b->entry[slot] = entry;
	b->guests |= (uint8_t)(guest << slot);
	return true;
}

/* Move a slot to its other bucket, which has room. */
static void
move(struct bh_flow_table *t, uint32_t bucket, unsigned slot)
{
	struct bh_flow_bucket *from = &t->bucket[bucket];
	uint16_t tag = from->tag[slot];
	struct bh_flow_bucket *to = &t->bucket[bh_flow_other(t, bucket, tag)];
	bool was_guest = (from->guests >> slot & 1) != 0;

	put(to, tag, from->entry[slot], !was_guest);
	if (was_guest)
		to->overflow -= bh_flow_overflow_one(tag);
	else
		from->overflow += bh_flow_overflow_one(tag);
	from->tag[slot] = 0;
	from->guests &= (uint8_t) ~(1u << slot);
}

/* May this slot go to its other bucket? Only what leaves home is counted there. */
static bool
can_leave(const struct bh_flow_bucket *b, unsigned slot)
{
	return (b->guests >> slot & 1) != 0 || !counter_is_full(b, b->tag[slot]);
}

/* Free a slot in one of two full buckets. The path found is a shortest one, so that no bucket is
 * on it twice and each move, from its end backwards, finds the slot that the one before has
 * freed. */
static bool
make_room(struct bh_flow_table *t, uint32_t first, uint32_t second)
{
	struct step q[SEARCH_BUCKETS];
	unsigned head, tail = 2, slot, at;

	q[0] = (struct step){first, NO_PARENT, 0};
	q[1] = (struct step){second, NO_PARENT, 0};
	for (head = 0; head < tail; head++) {
		const struct bh_flow_bucket *b = &t->bucket[q[head].bucket];

		for (slot = 0; slot < BH_FLOW_SLOTS; slot++) {
			uint32_t next = bh_flow_other(t, q[head].bucket, b->tag[slot]);

			if (!can_leave(b, slot))
				continue;
			if (bh_flow_match(&t->bucket[next], 0) != 0)
				goto found;
			if (tail < SEARCH_BUCKETS)
				q[tail++] = (struct step){next, (uint16_t)head, (uint16_t)slot};
		}
	}
	return false;
found:
	for (at = head; at != NO_PARENT; slot = q[at].slot, at = q[at].parent)
		move(t, q[at].bucket, slot);
	return true;
}

bool
bh_flow_index_add(struct bh_flow_table *t, uint64_t hash, uint32_t entry)
{
	uint16_t tag = bh_flow_tag(hash);
	uint32_t home = bh_flow_home(t, hash), other = bh_flow_other(t, home, tag);
	struct bh_flow_bucket *b = &t->bucket[home];

	if (BH_LIKELY(put(b, tag, entry, false)))
		return true;
	if (bh_flow_match(&t->bucket[other], 0) == 0) {
		if (!make_room(t, home, other))
			return false;
		if (put(b, tag, entry, false))
			return true;
	}
	if (counter_is_full(b, tag))
		return false;
	put(&t->bucket[other], tag, entry, true);
	b->overflow += bh_flow_overflow_one(tag);
	return true;
}

static bool
take(struct bh_flow_bucket *b, uint16_t tag, uint32_t entry)
{
	unsigned m = bh_flow_match(b, tag), slot;

	for (; m != 0; m &= m - 1) {
		slot = (unsigned)__builtin_ctz(m);
		if (b->entry[slot] != entry)
			continue;
		b->tag[slot] = 0;
		b->guests &= (uint8_t) ~(1u << slot);
		return true;
	}
	return false;
}

void
bh_flow_index_del(struct bh_flow_table *t, uint64_t hash, uint32_t entry)
{
	uint16_t tag = bh_flow_tag(hash);
	uint32_t home = bh_flow_home(t, hash);

	if (BH_LIKELY(take(&t->bucket[home], tag, entry)))
		return;
	if (take(&t->bucket[bh_flow_other(t, home, tag)], tag, entry))
		t->bucket[home].overflow -= bh_flow_overflow_one(tag);
}
