/* Pairs and conversations. */
#include <stdlib.h>

#include "learn_priv.h"

static uint32_t *
pair_head(const struct bh_learn *l, uint32_t from, uint32_t to)
{
	const uint32_t k[2] = {from, to};

	return &l->pair_head[bh_hash_bytes(&l->key, k, sizeof(k)) & l->mask];
}

uint32_t
bh_learn_pair_find(const struct bh_learn *l, uint32_t from, uint32_t to)
{
	uint32_t i = *pair_head(l, from, to);

	while (i != BH_LEARN_NONE && (l->pair[i].from != from || l->pair[i].to != to))
		i = l->pair[i].next;
	return i;
}

static uint32_t
pair_add(struct bh_learn *l, uint32_t from, uint32_t to)
{
	uint32_t *head = pair_head(l, from, to), i = bh_learn_pair_find(l, from, to);
	uint32_t cap = l->cap_pairs != 0 ? 2 * l->cap_pairs : 64;
	struct bh_learn_pair *p;

	if (i != BH_LEARN_NONE)
		return i;
	if (l->n_pairs == l->cap_pairs) {
		p = realloc(l->pair, cap * sizeof(*p));
		if (p == NULL)
			return BH_LEARN_NONE;
		l->pair = p;
		l->cap_pairs = cap;
	}
	l->pair[l->n_pairs] = (struct bh_learn_pair){.from = from, .to = to, .next = *head};
	*head = l->n_pairs;
	l->party[from].met[0] += l->party[to].address.family != 0;
	l->party[to].met[1] += l->party[from].address.family != 0;
	return l->n_pairs++;
}

static uint32_t *
row_head(const struct bh_learn *l, const struct bh_learn_key *k)
{
	const uint32_t w[4] = {k->from, k->to, k->service, k->app};

	return &l->row_head[bh_hash_bytes(&l->key, w, sizeof(w)) & l->mask];
}

static bool
is_row(const struct bh_learn_row *r, const struct bh_learn_key *k)
{
	return r->from == k->from && r->to == k->to && r->service == k->service && r->app == k->app;
}

struct bh_learn_row *
bh_learn_row_find(struct bh_learn *l, const struct bh_learn_key *k)
{
	uint32_t i = *row_head(l, k);

	while (i != BH_LEARN_NONE && !is_row(&l->row[i], k))
		i = l->row[i].next;
	return i != BH_LEARN_NONE ? &l->row[i] : NULL;
}

void
bh_learn_no_room(struct bh_learn *l, uint32_t from, uint32_t to)
{
	l->c.no_room++;
	l->c.lost_ns = l->clock->wall_ns(l->clock->arg);
	if (from != BH_LEARN_NONE)
		l->party[from].full = true;
	if (to != BH_LEARN_NONE)
		l->party[to].full = true;
}

/* A row that is nobody's. */
static uint32_t
take_row(struct bh_learn *l)
{
	uint32_t cap = l->cap_rows != 0 ? 2 * l->cap_rows : 64, i = l->free_row;
	struct bh_learn_row *p;

	if (i != BH_LEARN_NONE) {
		l->free_row = l->row[i].next;
		return i;
	}
	if (l->n_rows == l->p.max)
		return BH_LEARN_NONE;
	if (l->n_rows == l->cap_rows) {
		p = realloc(l->row, cap * sizeof(*p));
		if (p == NULL)
			return BH_LEARN_NONE;
		l->row = p;
		l->cap_rows = cap;
	}
	return l->n_rows++;
}

struct bh_learn_row *
bh_learn_row_add(struct bh_learn *l, const struct bh_learn_key *k, uint64_t now_ns)
{
	uint32_t pair = pair_add(l, k->from, k->to), i = BH_LEARN_NONE, *head = row_head(l, k);
	struct bh_learn_row *r;

	if (pair != BH_LEARN_NONE && l->pair[pair].n < BH_LEARN_SERVICES)
		i = take_row(l);
	if (i == BH_LEARN_NONE) {
		bh_learn_no_room(l, k->from, k->to);
		return NULL;
	}
	l->pair[pair].n++;
	l->n_used++;
	r = &l->row[i];
	*r = (struct bh_learn_row){.from = k->from,
				   .to = k->to,
				   .service = k->service,
				   .app = k->app,
				   .used = true,
				   .dirty = true,
				   .undecided = k->app == 0,
				   .next = *head,
				   .id = l->next_id++,
				   .first_ns = now_ns,
				   .last_ns = now_ns,
				   .rule = UINT32_MAX};
	*head = i;
	return r;
}

void
bh_learn_row_remove(struct bh_learn *l, struct bh_learn_row *r)
{
	const struct bh_learn_key k = {r->from, r->to, r->service, r->app};
	uint32_t i = (uint32_t)(r - l->row), *at = row_head(l, &k);

	while (*at != i)
		at = &l->row[*at].next;
	*at = r->next;
	l->pair[bh_learn_pair_find(l, r->from, r->to)].n--;
	l->n_used--;
	bh_learn_values_free(r);
	bh_learn_members_free(l, r);
	free(r->rule_text);
	free(r->far);
	*r = (struct bh_learn_row){.next = l->free_row};
	l->free_row = i;
}
