/* Counting in a window. A key keeps its latest `count` times in a ring: the oldest of them says whether `count` happened
 * within the window. Keys are found by hash and queued by last use. */
#include <errno.h>
#include <stdlib.h>

#include "response_priv.h"

#define NONE UINT32_MAX

struct cell {
	uint8_t key[BH_WINDOW_KEY];
	uint32_t next;         /* of the same hash, or free */
	uint32_t older, newer; /* by last use */
	uint32_t n, at;        /* times kept; where the next one goes */
};

struct bh_window {
	struct bh_hash_key hash;
	uint64_t within_ns, evicted;
	uint32_t count, n_keys, used, mask;
	uint32_t oldest, newest;
	uint32_t *bucket;
	struct cell *cell;
	uint64_t *time; /* count of each cell */
};

int
bh_window_create(struct bh_window **out, uint32_t count, uint64_t within_ns, uint32_t keys)
{
	struct bh_window *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (w == NULL)
		return -ENOMEM;
	w->count = count;
	w->within_ns = within_ns;
	w->n_keys = keys;
	w->oldest = w->newest = NONE;
	for (w->mask = 15; w->mask < keys;)
		w->mask = 2 * w->mask + 1;
	w->bucket = malloc((w->mask + 1) * sizeof(*w->bucket));
	w->cell = calloc(keys, sizeof(*w->cell));
	w->time = calloc((size_t)keys * count, sizeof(*w->time));
	if (w->bucket != NULL && w->cell != NULL && w->time != NULL)
		rc = bh_hash_key_random(&w->hash);
	if (rc != 0) {
		bh_window_destroy(w);
		return rc;
	}
	memset(w->bucket, 0xff, (w->mask + 1) * sizeof(*w->bucket));
	*out = w;
	return 0;
}

void
bh_window_destroy(struct bh_window *w)
{
	if (w == NULL)
		return;
	free(w->bucket);
	free(w->cell);
	free(w->time);
	free(w);
}

uint64_t
bh_window_evicted(const struct bh_window *w)
{
	return w->evicted;
}

static uint32_t *
bucket_of(struct bh_window *w, const uint8_t *key)
{
	return &w->bucket[bh_hash_bytes(&w->hash, key, BH_WINDOW_KEY) & w->mask];
}

static void
unqueue(struct bh_window *w, uint32_t i)
{
	struct cell *c = &w->cell[i];

	if (c->older != NONE)
		w->cell[c->older].newer = c->newer;
	else
		w->oldest = c->newer;
	if (c->newer != NONE)
		w->cell[c->newer].older = c->older;
	else
		w->newest = c->older;
}

static void
enqueue(struct bh_window *w, uint32_t i)
{
	struct cell *c = &w->cell[i];

	c->older = w->newest;
	c->newer = NONE;
	if (w->newest != NONE)
		w->cell[w->newest].newer = i;
	else
		w->oldest = i;
	w->newest = i;
}

/* The key that was idle longest makes room. */
static uint32_t
take_oldest(struct bh_window *w)
{
	uint32_t i = w->oldest, *link = bucket_of(w, w->cell[i].key);

	while (*link != i)
		link = &w->cell[*link].next;
	*link = w->cell[i].next;
	unqueue(w, i);
	w->evicted++;
	return i;
}

static uint32_t
cell_of(struct bh_window *w, const uint8_t *key)
{
	uint32_t *bucket = bucket_of(w, key), i;

	for (i = *bucket; i != NONE; i = w->cell[i].next) {
		if (memcmp(w->cell[i].key, key, BH_WINDOW_KEY) == 0) {
			unqueue(w, i);
			enqueue(w, i);
			return i;
		}
	}
	i = w->used < w->n_keys ? w->used++ : take_oldest(w);
	memcpy(w->cell[i].key, key, BH_WINDOW_KEY);
	w->cell[i].n = w->cell[i].at = 0;
	w->cell[i].next = *bucket;
	*bucket = i;
	enqueue(w, i);
	return i;
}

bool
bh_window_hit(struct bh_window *w, const uint8_t key[BH_WINDOW_KEY], uint64_t time_ns)
{
	uint32_t i = cell_of(w, key);
	uint64_t *time = &w->time[(size_t)i * w->count], oldest;
	struct cell *c = &w->cell[i];

	time[c->at] = time_ns;
	c->at = (c->at + 1) % w->count;
	c->n += c->n < w->count;
	if (c->n < w->count)
		return false;
	oldest = time[c->at];
	/* Workers' clocks are read apart: an older time than the one before is as good as the same. */
	if (oldest < time_ns && time_ns - oldest > w->within_ns)
		return false;
	c->n = c->at = 0;
	return true;
}
