/* Reading conversations, and forgetting them. */
#include <errno.h>
#include <stdlib.h>

#include "learn_priv.h"

void
bh_learn_view(struct bh_learn *l, const struct bh_learn_row *r, struct bh_conversation *out)
{
	const struct bh_event_names *names = l->p.names;
	const struct bh_learn_party *end[2] = {&l->party[r->from], &l->party[r->to]};
	const char *app = r->app != 0 ? names->app(names->arg, r->app) : "";
	struct bh_party party[2];
	unsigned i;

	for (i = 0; i < 2; i++)
		party[i] = (struct bh_party){.name = end[i]->name,
					     .address = end[i]->address,
					     .whole = end[i]->whole,
					     .reserved = end[i]->reserved};
	*out = (struct bh_conversation){
		.id = r->id,
		.from = party[0],
		.to = party[1],
		.service = r->service,
		.app = app != NULL ? app : "",
		.undecided = r->undecided,
		.learn = r->learn,
		.first_ns = r->first_ns,
		.last_ns = r->last_ns,
		.bytes = {r->bytes[0], r->bytes[1]},
		.open = r->open,
		.rule = r->rule_text != NULL ? r->rule_text : "",
		.family = r->family,
		.tenant = r->tenant,
		.member = r->member,
		.n_members = r->n_members,
		.members_lost = r->members_lost,
		.value = r->value,
		.n_values = r->n_values,
	};
	bh_learn_far_view(r, out);
	memcpy(out->address, r->address, sizeof(out->address));
}

bool
bh_learn_fits(const struct bh_learn *l, const struct bh_learn_row *r,
	      const struct bh_learn_filter *f)
{
	const struct bh_event_names *names = l->p.names;
	const char *from = l->party[r->from].name, *to = l->party[r->to].name, *app;

	if (f->id != 0 && r->id != f->id)
		return false;
	if (r->id <= f->after || r->last_ns < f->since_ns)
		return false;
	if (f->party != NULL && strcmp(f->party, from) != 0 && strcmp(f->party, to) != 0)
		return false;
	if ((f->from != NULL && strcmp(f->from, from) != 0) ||
	    (f->to != NULL && strcmp(f->to, to) != 0))
		return false;
	if (f->seen >= 0 && bh_learn_row_sessions(r, (unsigned)f->seen) == 0 &&
	    !(f->seen == BH_SEEN_LEARNED && r->learn) &&
	    !(f->seen == BH_SEEN_BLOCKED && r->violation_ns != 0))
		return false;
	if (f->application == NULL)
		return true;
	app = r->app != 0 ? names->app(names->arg, r->app) : "";
	return strcmp(f->application, app != NULL ? app : "") == 0;
}

static int
by_id(const void *a, const void *b)
{
	const struct bh_learn_row *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

void
bh_learn_each(struct bh_learn *l, const struct bh_learn_filter *f, bh_conversation_fn fn, void *arg)
{
	struct bh_learn_row **list = NULL;
	struct bh_conversation c;
	uint32_t i, n = 0;

	pthread_mutex_lock(&l->lock);
	if (l->n_used != 0)
		list = malloc(l->n_used * sizeof(struct bh_learn_row *));
	for (i = 0; list != NULL && i < l->n_rows; i++) {
		if (l->row[i].used && bh_learn_fits(l, &l->row[i], f))
			list[n++] = &l->row[i];
	}
	if (n > 1)
		qsort(list, n, sizeof(struct bh_learn_row *), by_id);
	for (i = 0; i < n; i++) {
		bh_learn_view(l, list[i], &c);
		if (!fn(arg, &c))
			break;
	}
	pthread_mutex_unlock(&l->lock);
	free(list);
}

int
bh_learn_delete(struct bh_learn *l, const struct bh_learn_filter *f, uint32_t *n,
		struct bh_err *err)
{
	sqlite3_stmt *st = NULL;
	uint32_t i;
	int rc = 0;

	*n = 0;
	pthread_mutex_lock(&l->disk);
	pthread_mutex_lock(&l->lock);
	if (l->db != NULL) {
		rc = bh_learn_sql_run(l, "BEGIN IMMEDIATE", err);
		if (rc == 0)
			rc = bh_learn_sql_prepare(l, &st, "DELETE FROM conversation WHERE id = ?",
						  err);
	}
	for (i = 0; rc == 0 && l->db != NULL && i < l->n_rows; i++) {
		if (!l->row[i].used || !bh_learn_fits(l, &l->row[i], f))
			continue;
		sqlite3_bind_int64(st, 1, (sqlite3_int64)l->row[i].id);
		rc = bh_learn_sql_done(l, st, err);
	}
	sqlite3_finalize(st);
	if (l->db != NULL)
		rc = bh_learn_sql_end(l, rc, err);
	for (i = 0; rc == 0 && i < l->n_rows; i++) {
		if (!l->row[i].used || !bh_learn_fits(l, &l->row[i], f))
			continue;
		bh_learn_row_remove(l, &l->row[i]);
		(*n)++;
	}
	pthread_mutex_unlock(&l->lock);
	pthread_mutex_unlock(&l->disk);
	return rc;
}
