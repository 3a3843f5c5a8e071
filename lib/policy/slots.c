/* Endpoint slots: taken by new endpoints, given back a grace period after their endpoint is gone. Until
 * then a worker may still be reading what the slot stands for. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

int
bh_slots_init(struct bh_policy *p)
{
	/* Twice: all endpoints can be replaced while the old ones' slots wait. Address space only. */
	p->n_slots = 2 * p->params.max_endpoints + 1024;
	p->fresh = 1;
	p->place = bh_reserve(p->n_slots * sizeof(*p->place));
	p->slot = bh_reserve(p->n_slots * sizeof(*p->slot));
	p->generation = bh_reserve(p->n_slots * sizeof(*p->generation));
	p->returns = calloc(1, sizeof(*p->returns));
	if (p->place == NULL || p->slot == NULL || p->generation == NULL || p->returns == NULL)
		return -ENOMEM;
	pthread_mutex_init(&p->returns->lock, NULL);
	p->returns->refs = 1;
	p->order = (struct bh_order){.place = p->place, .slot = p->slot};
	return 0;
}

static void
returns_unref(struct bh_returns *r) /* locked */
{
	bool last = --r->refs == 0;

	pthread_mutex_unlock(&r->lock);
	if (last) {
		pthread_mutex_destroy(&r->lock);
		free(r);
	}
}

void
bh_slots_fini(struct bh_policy *p)
{
	struct bh_returns *r = p->returns;
	struct bh_slot_batch *b;

	bh_unreserve(p->place, p->n_slots * sizeof(*p->place));
	bh_unreserve(p->slot, p->n_slots * sizeof(*p->slot));
	bh_unreserve(p->generation, p->n_slots * sizeof(*p->generation));
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	while ((b = r->head) != NULL) {
		r->head = b->next;
		free(b);
	}
	returns_unref(r);
}

static void
put_free(struct bh_policy *p, uint32_t slot)
{
	p->slot[slot].left = p->free_head;
	p->free_head = slot;
	p->n_free++;
}

uint32_t
bh_slots_available(struct bh_policy *p)
{
	struct bh_slot_batch *b, *next;
	uint32_t i;

	pthread_mutex_lock(&p->returns->lock);
	b = p->returns->head;
	p->returns->head = NULL;
	pthread_mutex_unlock(&p->returns->lock);
	for (; b != NULL; b = next) {
		next = b->next;
		for (i = 0; i < b->n; i++)
			put_free(p, b->slot[i]);
		free(b);
	}
	return p->n_free + (p->n_slots - p->fresh);
}

uint32_t
bh_slot_take(struct bh_policy *p)
{
	uint32_t slot = p->free_head;

	if (slot == 0)
		return p->fresh++;
	p->free_head = p->slot[slot].left;
	p->n_free--;
	return slot;
}

void
bh_slot_untake(struct bh_policy *p, uint32_t slot)
{
	put_free(p, slot);
}

struct bh_slot_batch *
bh_slot_batch_new(struct bh_policy *p, uint32_t room)
{
	struct bh_slot_batch *b = malloc(sizeof(*b) + room * sizeof(b->slot[0]));

	if (b != NULL)
		*b = (struct bh_slot_batch){.to = p->returns};
	return b;
}

void
bh_slot_batch_drop(struct bh_slot_batch *b)
{
	free(b);
}

/* The grace period is over. Any thread; not under the model's lock. */
static void
batch_return(void *obj)
{
	struct bh_slot_batch *b = obj;
	struct bh_returns *r = b->to;

	pthread_mutex_lock(&r->lock);
	if (r->closed) {
		free(b);
	} else {
		b->next = r->head;
		r->head = b;
	}
	returns_unref(r);
}

void
bh_slot_batch_retire(struct bh_policy *p, struct bh_slot_batch *b)
{
	if (b->n == 0) {
		free(b);
		return;
	}
	pthread_mutex_lock(&p->returns->lock);
	p->returns->refs++;
	pthread_mutex_unlock(&p->returns->lock);
	bh_retire(p, b, batch_return);
}

void
bh_retire(struct bh_policy *p, void *obj, void (*free_fn)(void *obj))
{
	if (p->published && p->params.retire != NULL)
		p->params.retire(p->params.arg, obj, free_fn);
	else
		free_fn(obj);
}
