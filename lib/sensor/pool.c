/* Memory of a worker: blocks of powers of two, each size with its list of free ones, cut off one region. */
#include <errno.h>

#include "sensor_priv.h"

#define SMALLEST_LOG2 7u
#define CLASSES BH_ARRAY_SIZE(((struct bh_sensor_pool *)0)->free)

union bh_sensor_block {
	union bh_sensor_block *next; /* while it is free */
	uint64_t class_;             /* in front of what was lent */
	uint8_t line[BH_CACHE_LINE]; /* what is lent begins a cache line, as Hyperscan likes it */
};

int
bh_sensor_pool_create(struct bh_sensor_pool *p, size_t size)
{
	*p = (struct bh_sensor_pool){.size = size};
	/* touched now: the packet path takes no page fault */
	p->memory = bh_mem_map(size, true, NULL);
	return p->memory != NULL ? 0 : -ENOMEM;
}

void
bh_sensor_pool_destroy(struct bh_sensor_pool *p)
{
	if (p->memory != NULL)
		bh_mem_unmap(p->memory, p->size);
	p->memory = NULL;
}

static unsigned
class_of(size_t size)
{
	size_t need = size + sizeof(union bh_sensor_block);
	unsigned c = 0;

	while (c < CLASSES && need > (size_t)1 << (SMALLEST_LOG2 + c))
		c++;
	return c;
}

void *
bh_sensor_pool_take(struct bh_sensor_pool *p, size_t size)
{
	unsigned c = class_of(size);
	size_t len = (size_t)1 << (SMALLEST_LOG2 + c);
	union bh_sensor_block *b;

	if (c == CLASSES)
		return NULL;
	/* A bigger one serves when nothing is left to be cut off: what many wanted at once must not be lost to others. */
	if (p->free[c] == NULL && p->size - p->used < len) {
		while (c < CLASSES && p->free[c] == NULL)
			c++;
		if (c == CLASSES)
			return NULL;
	}
	b = p->free[c];
	if (b != NULL) {
		p->free[c] = b->next;
	} else {
		b = (union bh_sensor_block *)(void *)(p->memory + p->used);
		p->used += len;
	}
	b->class_ = c;
	p->lent += (size_t)1 << (SMALLEST_LOG2 + c);
	if (p->peak < p->lent)
		p->peak = p->lent;
	return b + 1;
}

void
bh_sensor_pool_give(struct bh_sensor_pool *p, void *at)
{
	union bh_sensor_block *b = at;
	unsigned c;

	if (at == NULL)
		return;
	b--;
	c = (unsigned)b->class_;
	p->lent -= (size_t)1 << (SMALLEST_LOG2 + c);
	b->next = p->free[c];
	p->free[c] = b;
}
