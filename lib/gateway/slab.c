/* Memory of a worker for what libraries of operation parsers want to allocate: never the heap. Blocks of a few sizes,
 * each size with its list of free ones; memory is cut off one region and never given back to it. */
#include <errno.h>
#include <stdlib.h>

#include "gateway_priv.h"

/* 64 bytes to 16 MiB, doubling; HPACK asks for small entries and for tables, zstd for windows of 8 MiB and a little. */
#define SMALLEST_LOG2 6u
#define CLASSES 19u

union block {
	union block *next; /* while it is free */
	uint64_t class_;   /* in front of what was handed out */
	max_align_t align;
};

struct bh_slab {
	uint8_t *memory;
	size_t size, used;
	union block *free[CLASSES];
};

int
bh_slab_create(struct bh_slab **out, size_t size)
{
	struct bh_slab *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->memory = bh_mem_map(size, false, NULL);
	s->size = size;
	if (s->memory == NULL) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void
bh_slab_destroy(struct bh_slab *s)
{
	if (s == NULL)
		return;
	bh_mem_unmap(s->memory, s->size);
	free(s);
}

static unsigned
class_of(size_t size)
{
	size_t need = size + sizeof(union block);
	unsigned c = 0;

	while (c < CLASSES && need > (size_t)1 << (SMALLEST_LOG2 + c))
		c++;
	return c;
}

void *
bh_slab_alloc(void *slab, size_t size)
{
	struct bh_slab *s = slab;
	unsigned c = class_of(size);
	size_t len = (size_t)1 << (SMALLEST_LOG2 + c);
	union block *b;

	if (c == CLASSES)
		return NULL;
	/* A block of another size serves when nothing is left to be cut off: what many connections wanted at once must
	 * not be lost to others for good. */
	if (s->free[c] == NULL && s->size - s->used < len) {
		while (c < CLASSES && s->free[c] == NULL)
			c++;
		if (c == CLASSES)
			return NULL;
	}
	b = s->free[c];
	if (b != NULL) {
		s->free[c] = b->next;
	} else {
		b = (union block *)(void *)(s->memory + s->used);
		s->used += len;
	}
	b->class_ = c;
	return b + 1;
}

void
bh_slab_free(void *slab, void *p)
{
	struct bh_slab *s = slab;
	union block *b = p;
	unsigned c;

	if (p == NULL)
		return;
	b--;
	c = (unsigned)b->class_;
	b->next = s->free[c];
	s->free[c] = b;
}
