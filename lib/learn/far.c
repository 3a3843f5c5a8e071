/* Conversations that other gateways have seen: known here as if they had been seen here, each gateway's figures beside those of
 * this one. A gateway's newest word replaces its word before, whatever came between: the outcome is the same in any order, and
 * however often something is said. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "learn_priv.h"

static int
gateway_index(struct bh_learn *l, const char *name)
{
	unsigned i;

	for (i = 0; i < l->n_gateways; i++) {
		if (strcmp(l->gateway[i], name) == 0)
			return (int)i;
	}
	if (l->n_gateways == BH_LEARN_GATEWAYS || strlen(name) >= sizeof(l->gateway[0]))
		return -1;
	snprintf(l->gateway[i], sizeof(l->gateway[0]), "%s", name);
	return (int)l->n_gateways++;
}

/* This gateway's figures in the row. NULL: no memory. */
static struct bh_learn_far *
figures_of(struct bh_learn_row *r, uint8_t gateway)
{
	struct bh_learn_far *grown;
	unsigned i;

	for (i = 0; i < r->n_far; i++) {
		if (r->far[i].gateway == gateway)
			return &r->far[i];
	}
	grown = realloc(r->far, (r->n_far + 1u) * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	r->far = grown;
	r->far[r->n_far] = (struct bh_learn_far){.gateway = gateway};
	return &r->far[r->n_far++];
}

static void
merge_values(struct bh_learn_row *r, const struct bh_conversation *c)
{
	bool said[BH_OP_FIELD_COUNT] = {false};
	unsigned i;

	for (i = 0; i < c->n_values; i++)
		said[c->value[i].field] = true;
	if (c->n_values != 0)
		bh_learn_values_lacking(r, said);
	/* What stands for more than can be named is a NUL. */
	for (i = 0; i < c->n_values; i++)
		bh_learn_value_add(r, c->value[i].field, c->value[i].more ? "" : c->value[i].text,
				   c->value[i].more ? 1 : strlen(c->value[i].text));
}

static void
merge_example(struct bh_learn_row *r, const struct bh_conversation *c)
{
	if (r->here || c->family == 0)
		return;
	r->family = c->family;
	r->tenant = c->tenant;
	memcpy(r->address, c->address, sizeof(r->address));
}

/* Only what is other than before has to go to the disk. */
static void
merge(struct bh_learn_row *r, const struct bh_conversation *c)
{
	bool other = (c->learn && !r->learn) || (!c->undecided && r->undecided) ||
		     c->first_ns < r->first_ns || c->last_ns > r->last_ns;

	r->learn |= c->learn;
	r->undecided &= c->undecided;
	r->first_ns = c->first_ns < r->first_ns ? c->first_ns : r->first_ns;
	r->last_ns = c->last_ns > r->last_ns ? c->last_ns : r->last_ns;
	r->dirty |= other;
	merge_values(r, c);
	merge_example(r, c);
}

static uint32_t
party_of(struct bh_learn *l, const struct bh_party *p)
{
	uint32_t i = bh_learn_party_add(l, p->name);

	if (i != BH_LEARN_NONE && l->party[i].address.family != 0 && l->party[i].reserved == 0)
		l->party[i].reserved = p->reserved;
	return i;
}

static int
see_far(struct bh_learn *l, const char *gateway, const struct bh_conversation *c)
{
	struct bh_learn_key k = {.service = c->service};
	int index = gateway_index(l, gateway);
	struct bh_learn_row *r;
	struct bh_learn_far *f;

	if (index < 0)
		return -ENOSPC;
	k.app = c->app[0] != '\0' ? (uint16_t)bh_app_find(c->app) : 0;
	if (c->app[0] != '\0' && k.app == 0)
		return -EINVAL; /* a newer version's */
	k.from = party_of(l, &c->from);
	k.to = party_of(l, &c->to);
	if (k.from == BH_LEARN_NONE || k.to == BH_LEARN_NONE) {
		bh_learn_no_room(l, k.from, k.to);
		return -ENOSPC;
	}
	r = bh_learn_row_find(l, &k);
	if (r == NULL) {
		r = bh_learn_row_add(l, &k, c->first_ns);
		if (r == NULL)
			return -ENOSPC;
		r->undecided = c->undecided;
	}
	f = figures_of(r, (uint8_t)index);
	if (f == NULL)
		return -ENOMEM;
	memcpy(f->sessions, c->sessions, sizeof(f->sessions));
	memcpy(f->bytes, c->bytes, sizeof(f->bytes));
	merge(r, c);
	return 0;
}

int
bh_learn_far(struct bh_learn *l, const char *gateway, const struct bh_conversation *c)
{
	int rc;

	pthread_mutex_lock(&l->lock);
	rc = see_far(l, gateway, c);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

uint64_t
bh_learn_row_sessions(const struct bh_learn_row *r, unsigned seen)
{
	uint64_t n = r->sessions[seen];
	unsigned i;

	for (i = 0; i < r->n_far; i++)
		n += r->far[i].sessions[seen];
	return n;
}

void
bh_learn_far_view(const struct bh_learn_row *r, struct bh_conversation *out)
{
	unsigned i, k;

	for (k = 0; k < BH_SEEN_KINDS; k++) {
		out->own_sessions[k] = r->sessions[k];
		out->sessions[k] = bh_learn_row_sessions(r, k);
	}
	memcpy(out->own_bytes, r->bytes, sizeof(out->own_bytes));
	for (i = 0; i < r->n_far; i++) {
		for (k = 0; k < 2; k++)
			out->bytes[k] += r->far[i].bytes[k];
	}
	out->here = r->here;
}
