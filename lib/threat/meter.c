/* Counts by id in bounded memory: a set-associative table, and windows with hysteresis. */
#include <errno.h>
#include <stdlib.h>

#include "threat.h"

#define WAYS 4u
#define GONE_MS 600000 /* ten minutes */

struct bh_threat_table {
	struct bh_threat_cell *cell; /* (mask + 1) * WAYS */
	size_t size;
	uint32_t mask;
};

int
bh_threat_table_create(struct bh_threat_table **out, uint32_t cells)
{
	struct bh_threat_table *t = calloc(1, sizeof(*t));
	uint32_t sets = 1;

	if (t == NULL)
		return -ENOMEM;
	while (sets * WAYS < cells)
		sets *= 2;
	t->mask = sets - 1;
	t->size = (size_t)sets * WAYS * sizeof(*t->cell);
	t->cell = bh_mem_map(t->size, true, NULL);
	if (t->cell == NULL) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void
bh_threat_table_destroy(struct bh_threat_table *t)
{
	if (t == NULL)
		return;
	bh_mem_unmap(t->cell, t->size);
	free(t);
}

struct bh_threat_cell *
bh_threat_table_find(struct bh_threat_table *t, uint64_t id)
{
	struct bh_threat_cell *set = &t->cell[(id & t->mask) * WAYS];
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
	}
	return NULL;
}

/* Does a rather give way than b? */
static bool
is_lesser(const struct bh_threat_cell *a, const struct bh_threat_cell *b, uint32_t now_ms)
{
	uint64_t x = (uint64_t)a->count + a->before, y = (uint64_t)b->count + b->before;

	/* Whoever is gone for long keeps no place by what it counted. */
	if (a->id == 0 || b->id == 0)
		return b->id != 0;
	if (now_ms - a->seen_ms > GONE_MS || now_ms - b->seen_ms > GONE_MS)
		return now_ms - a->seen_ms > now_ms - b->seen_ms;
	if (a->over != b->over)
		return b->over;
	return x != y ? x < y : now_ms - a->seen_ms > now_ms - b->seen_ms;
}

struct bh_threat_cell *
bh_threat_table_get(struct bh_threat_table *t, uint64_t id, uint32_t now_ms)
{
	struct bh_threat_cell *set = &t->cell[(id & t->mask) * WAYS], *least = set;
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].id == id) {
			set[i].seen_ms = now_ms;
			return &set[i];
		}
		if (is_lesser(&set[i], least, now_ms))
			least = &set[i];
	}
	*least = (struct bh_threat_cell){.id = id, .seen_ms = now_ms, .start_ms = now_ms};
	return least;
}

bool
bh_threat_window(struct bh_threat_cell *c, uint32_t n, uint32_t now_ms, uint32_t window_ms)
{
	uint32_t since = now_ms - c->start_ms;
	bool recent = since < 2 * (uint64_t)window_ms, ended = since >= window_ms;

	if (ended) {
		/* The window that ended, or, when it is long over, one with nothing in it. */
		c->before = recent ? c->count : 0;
		c->start_ms = recent ? c->start_ms + window_ms : now_ms;
		c->count = 0;
	}
	c->count = UINT32_MAX - c->count < n ? UINT32_MAX : c->count + n;
	return ended;
}

enum bh_threat_level
bh_threat_meter(struct bh_threat_cell *c, uint32_t n, uint32_t now_ms, uint32_t window_ms,
		uint32_t threshold)
{
	bool ended = bh_threat_window(c, n, now_ms, window_ms), fell;

	fell = ended && c->over && c->before < bh_threat_calm(threshold);
	if (fell)
		c->over = false;
	if (c->count >= threshold && !c->over) {
		c->over = true;
		return BH_THREAT_RISES;
	}
	if (fell)
		return BH_THREAT_FALLS;
	return c->over ? BH_THREAT_OVER : BH_THREAT_UNDER;
}
