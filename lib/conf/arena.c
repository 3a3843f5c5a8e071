/* Memory of a document: many small pieces, freed at once. */
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
