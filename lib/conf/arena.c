/* Memory of a document: many small pieces, freed at once. */
#include <errno.h>
#include <stdlib.h>

#include "conf.h"

struct bh_arena_block {
	struct bh_arena_block *next;
};

#define BLOCK_MIN 4096
#define BLOCK_MAX (UINT64_C(1) << 20)

void *
bh_arena_alloc(struct bh_arena *a, size_t size)
{
	/* Blocks double up to 1 MiB: a small document stays small, a big one takes few of them. */
	size_t want = a->bytes < BLOCK_MIN ? BLOCK_MIN : a->bytes;
	struct bh_arena_block *b;
	void *out;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = size != 0 ? (size + 7) & ~(size_t)7 : 8;
	if (size <= (size_t)(a->end - a->p)) {
		out = a->p;
		a->p += size;
		return out;
	}
	if (want > BLOCK_MAX)
		want = BLOCK_MAX;
	if (want < size + sizeof(*b))
		want = size + sizeof(*b);
	b = calloc(1, want);
	if (b == NULL)
		return NULL;
	b->next = a->block;
	a->block = b;
	a->bytes += want;
	out = b + 1;
	a->p = (uint8_t *)out + size;
	a->end = (uint8_t *)b + want;
	return out;
}

char *
bh_arena_text(struct bh_arena *a, const char *text, size_t len)
{
	char *out = bh_arena_alloc(a, len + 1);

	if (out != NULL)
		memcpy(out, text, len);
	return out;
}

int
bh_arena_push(struct bh_arena *a, void *list, size_t *n, const void *item, size_t size)
{
	uint8_t *old, *grown;

	memcpy(&old, list, sizeof(old));
	/* Room doubles: full at 0 and at each power of two. */
	if ((*n & (*n - 1)) == 0) {
		grown = bh_arena_alloc(a, (*n != 0 ? 2 * *n : 1) * size);
		if (grown == NULL)
			return -ENOMEM;
		if (*n != 0)
			memcpy(grown, old, *n * size);
		memcpy(list, &grown, sizeof(grown));
		old = grown;
	}
	memcpy(old + (*n)++ * size, item, size);
	return 0;
}

void
bh_arena_free(struct bh_arena *a)
{
	struct bh_arena_block *b;

	while ((b = a->block) != NULL) {
		a->block = b->next;
		free(b);
	}
	*a = (struct bh_arena){0};
}
