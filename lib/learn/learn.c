/* Open, close, counts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "learn_priv.h"

const char *
bh_learn_seen_name(unsigned seen)
{
	static const char *const names[] = {"rule", "learned", "violated", "blocked"};

	return seen < BH_SEEN_KINDS ? names[seen] : "invalid";
}

/* Heads of the three hash tables: as many as there may be conversations, 2^n. */
static int
make_heads(struct bh_learn *l)
{
	uint32_t n = 16, i;

	while (n < l->p.max)
		n *= 2;
	l->mask = n - 1;
	l->party_head = malloc(n * sizeof(uint32_t));
	l->pair_head = malloc(n * sizeof(uint32_t));
	l->row_head = malloc(n * sizeof(uint32_t));
	if (l->party_head == NULL || l->pair_head == NULL || l->row_head == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		l->party_head[i] = l->pair_head[i] = l->row_head[i] = BH_LEARN_NONE;
	return 0;
}

int
bh_learn_open(struct bh_learn **out, const struct bh_learn_params *params, struct bh_err *err)
{
	struct bh_learn *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	l->p = *params;
	l->clock = params->clock != NULL ? params->clock : &bh_clock_system;
	snprintf(l->path, sizeof(l->path), "%s", params->path != NULL ? params->path : "");
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->disk, NULL);
	l->free_row = BH_LEARN_NONE;
	l->next_id = 1;
	l->c.max = params->max;
	l->c.started_ns = l->clock->wall_ns(l->clock->arg);
	rc = bh_hash_key_random(&l->key);
	if (rc == 0)
		rc = make_heads(l);
	if (rc != 0)
		rc = bh_err_set(err, -rc, "cannot set up learning: %s", strerror(-rc));
	if (rc == 0 && l->path[0] != '\0') {
		rc = bh_learn_db_open(l, err);
		if (rc == 0)
			rc = bh_learn_load(l, err);
	}
	if (rc != 0) {
		bh_learn_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

const struct bh_learn_labels *
bh_learn_labels(const struct bh_learn *l)
{
	return &l->p.labels;
}

void
bh_learn_close(struct bh_learn *l)
{
	uint32_t i;

	if (l == NULL)
		return;
	sqlite3_close(l->db);
	for (i = 0; i < l->n_rows; i++) {
		bh_learn_values_free(&l->row[i]);
		bh_learn_members_free(l, &l->row[i]);
		free(l->row[i].rule_text);
		free(l->row[i].far);
	}
	free(l->row);
	free(l->pair);
	free(l->party);
	free(l->party_head);
	free(l->pair_head);
	free(l->row_head);
	free(l->of_segment);
	pthread_mutex_destroy(&l->lock);
	pthread_mutex_destroy(&l->disk);
	free(l);
}

uint64_t
bh_learn_lost(struct bh_learn *l, uint64_t total)
{
	uint64_t fresh;

	pthread_mutex_lock(&l->lock);
	fresh = total > l->c.lost ? total - l->c.lost : 0;
	l->c.lost += fresh;
	if (fresh != 0)
		l->c.lost_ns = l->clock->wall_ns(l->clock->arg);
	pthread_mutex_unlock(&l->lock);
	return fresh;
}

void
bh_learn_counts(struct bh_learn *l, struct bh_learn_counts *out)
{
	pthread_mutex_lock(&l->lock);
	*out = l->c;
	out->conversations = l->n_used;
	out->parties = l->n_parties;
	pthread_mutex_unlock(&l->lock);
}

bool
bh_learn_segment(struct bh_learn *l, const char *name, struct bh_learn_times *out)
{
	uint32_t party, i;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&l->lock);
	party = bh_learn_party_find(l, name);
	for (i = 0; party != BH_LEARN_NONE && i < l->n_rows; i++) {
		const struct bh_learn_row *r = &l->row[i];

		if (!r->used || (r->from != party && r->to != party))
			continue;
		if (r->learn && r->first_ns > out->new_ns)
			out->new_ns = r->first_ns;
		if (r->violation_ns > out->violation_ns)
			out->violation_ns = r->violation_ns;
		out->learned += r->learn;
	}
	if (party != BH_LEARN_NONE)
		out->full = l->party[party].full;
	pthread_mutex_unlock(&l->lock);
	return party != BH_LEARN_NONE;
}
