/* Rows out, rows in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../store/store.h"
#include "learn_priv.h"

/* FAR: others have seen it, this gateway has not. */
enum { FLAG_LEARN = 1, FLAG_UNDECIDED = 2, FLAG_FAR = 4 };

static unsigned
flags_of(const struct bh_learn_row *r)
{
	return (r->learn ? FLAG_LEARN : 0u) | (r->undecided ? FLAG_UNDECIDED : 0u) |
	       (r->here ? 0u : FLAG_FAR);
}

/* A row as it goes to the disk, while the table goes on changing. */
struct copy {
	uint32_t index;
	struct bh_learn_row row; /* values and rule_text: copies */
	char from[BH_LEARN_NAME], to[BH_LEARN_NAME];
	uint8_t reserved[2];
	uint16_t n_stored;
};

struct writer {
	struct bh_learn *l;
	sqlite3_stmt *row, *day, *value, *member[2];
	struct copy *copy;
	uint32_t n;
};

static const char *
app_name(const struct bh_learn *l, uint16_t app)
{
	const char *name = app != 0 ? l->p.names->app(l->p.names->arg, app) : "";

	return name != NULL ? name : "";
}

/* Over all that identifies a conversation and makes it learned: a row that something else wrote is not believed. */
static void
seal(const struct bh_learn_row *r, const char *from, const char *to, const char *app,
     uint8_t out[BH_SHA256_SIZE])
{
	char text[2 * BH_LEARN_NAME + 256];
	int n = snprintf(text, sizeof(text), "bulkhead conversation 1|%llu|%s|%s|%u|%s|%u|%llu",
			 (unsigned long long)r->id, from, to, r->service, app, flags_of(r),
			 (unsigned long long)r->first_ns);

	bh_sha256(text, (size_t)n, out);
}

static void
copy_free(struct copy *c, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		bh_learn_values_free(&c[i].row);
		free(c[i].row.rule_text);
		free(c[i].row.member);
	}
	free(c);
}

/* Values are only ever appended. */
static bool
copy_values(struct copy *c, const struct bh_learn_row *r)
{
	uint16_t i;

	c->row.value = NULL;
	c->row.n_values = 0;
	if (r->n_values == 0)
		return true;
	c->row.value = calloc(r->n_values, sizeof(*c->row.value));
	for (i = 0; c->row.value != NULL && i < r->n_values; i++) {
		c->row.value[i] = r->value[i];
		c->row.value[i].text = strdup(r->value[i].text);
		if (c->row.value[i].text == NULL)
			return false;
		c->row.n_values++;
	}
	return c->row.value != NULL;
}

/* Take what is dirty; it counts as clean from here on. */
static int
take_copies(struct writer *w)
{
	struct bh_learn *l = w->l;
	uint32_t i, n = 0;

	for (i = 0; i < l->n_rows; i++)
		n += l->row[i].used && l->row[i].dirty;
	w->copy = calloc(n != 0 ? n : 1, sizeof(*w->copy));
	if (w->copy == NULL)
		return -ENOMEM;
	for (i = 0; i < l->n_rows; i++) {
		struct bh_learn_row *r = &l->row[i];
		struct copy *c = &w->copy[w->n];

		if (!r->used || !r->dirty)
			continue;
		c->index = i;
		c->row = *r;
		c->row.rule_text = NULL;
		c->n_stored = r->n_stored;
		snprintf(c->from, sizeof(c->from), "%s", l->party[r->from].name);
		snprintf(c->to, sizeof(c->to), "%s", l->party[r->to].name);
		c->reserved[0] = l->party[r->from].reserved;
		c->reserved[1] = l->party[r->to].reserved;
		c->row.member = NULL;
		if (!copy_values(c, r) || !bh_learn_members_take(r, &c->row)) {
			bh_learn_values_free(&c->row);
			return -ENOMEM;
		}
		c->row.rule_text = strdup(r->rule_text != NULL ? r->rule_text : "");
		w->n++;
		r->dirty = false;
		r->n_stored = r->n_values;
		memset(r->add_sessions, 0, sizeof(r->add_sessions));
		memset(r->add_bytes, 0, sizeof(r->add_bytes));
	}
	return 0;
}

/* It did not get there: it is dirty again. */
static void
give_back(struct writer *w)
{
	uint32_t i, k;

	for (i = 0; i < w->n; i++) {
		const struct copy *c = &w->copy[i];
		struct bh_learn_row *r = &w->l->row[c->index];

		r->dirty = true;
		r->n_stored = c->n_stored;
		bh_learn_members_give_back(r);
		for (k = 0; k < BH_SEEN_KINDS; k++)
			r->add_sessions[k] += c->row.add_sessions[k];
		for (k = 0; k < 2; k++)
			r->add_bytes[k] += c->row.add_bytes[k];
	}
}

static int
write_row(struct writer *w, const struct copy *c, struct bh_err *err)
{
	const struct bh_learn_row *r = &c->row;
	const char *app = app_name(w->l, r->app);
	uint8_t hash[BH_SHA256_SIZE];
	sqlite3_stmt *st = w->row;

	seal(r, c->from, c->to, app, hash);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)r->id);
	sqlite3_bind_text(st, 2, c->from, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, c->to, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, r->service);
	sqlite3_bind_text(st, 5, app, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 6, (int)flags_of(r));
	sqlite3_bind_int64(st, 7, (sqlite3_int64)r->first_ns);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)r->last_ns);
	sqlite3_bind_int64(st, 9, (sqlite3_int64)r->violation_ns);
	sqlite3_bind_int(st, 10, r->family);
	sqlite3_bind_blob(st, 11, r->address[0], 16, SQLITE_STATIC);
	sqlite3_bind_blob(st, 12, r->address[1], 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 13, (sqlite3_int64)r->tenant);
	sqlite3_bind_text(st, 14, r->rule_text, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 15, c->reserved[0] << 8 | c->reserved[1]);
	sqlite3_bind_blob(st, 16, hash, sizeof(hash), SQLITE_STATIC);
	return bh_learn_sql_done(w->l, st, err);
}

static int
write_day(struct writer *w, const struct copy *c, struct bh_err *err)
{
	const struct bh_learn_row *r = &c->row;
	sqlite3_stmt *st = w->day;
	int k;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)r->id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)(r->last_ns / BH_LEARN_DAY_NS));
	for (k = 0; k < BH_SEEN_KINDS; k++)
		sqlite3_bind_int64(st, 3 + k, (sqlite3_int64)r->add_sessions[k]);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)r->add_bytes[0]);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)r->add_bytes[1]);
	return bh_learn_sql_done(w->l, st, err);
}

static int
write_values(struct writer *w, const struct copy *c, struct bh_err *err)
{
	sqlite3_stmt *st = w->value;
	int rc = 0, i;

	for (i = c->n_stored; rc == 0 && i < c->row.n_values; i++) {
		const struct bh_learn_value *v = &c->row.value[i];
		const struct bh_op_field_info *f = bh_op_field_info(v->field);
		char field[64];

		snprintf(field, sizeof(field), "%s.%s", bh_app_name(f->app), f->rule_key);
		sqlite3_bind_int64(st, 1, (sqlite3_int64)c->row.id);
		sqlite3_bind_int(st, 2, i);
		sqlite3_bind_text(st, 3, field, -1, SQLITE_STATIC);
		sqlite3_bind_int(st, 4, v->more);
		sqlite3_bind_blob(st, 5, v->text, (int)strlen(v->text), SQLITE_STATIC);
		rc = bh_learn_sql_done(w->l, st, err);
	}
	return rc;
}

static int
drop_old_days(struct bh_learn *l, struct bh_err *err)
{
	uint64_t today = l->clock->wall_ns(l->clock->arg) / BH_LEARN_DAY_NS;
	char sql[96];

	if (l->p.days == 0 || today < l->p.days)
		return 0;
	snprintf(sql, sizeof(sql), "DELETE FROM day WHERE day <= %llu",
		 (unsigned long long)(today - l->p.days));
	return bh_learn_sql_run(l, sql, err);
}

static int
write_all(struct writer *w, struct bh_err *err)
{
	struct bh_learn *l = w->l;
	uint32_t i;
	int rc = bh_learn_sql_prepare(
		l, &w->row,
		"INSERT INTO conversation VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) "
		"DO UPDATE SET flags=excluded.flags, first_ns=excluded.first_ns,"
		" last_ns=excluded.last_ns, violation_ns=excluded.violation_ns,"
		" family=excluded.family, client=excluded.client, server=excluded.server,"
		" tenant=excluded.tenant, rule=excluded.rule, seal=excluded.seal",
		err);

	if (rc == 0)
		rc = bh_learn_sql_prepare(
			l, &w->day,
			"INSERT INTO day VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
			" rule=rule+excluded.rule, learned=learned+excluded.learned,"
			" violated=violated+excluded.violated, blocked=blocked+excluded.blocked,"
			" to_server=to_server+excluded.to_server,"
			" to_client=to_client+excluded.to_client",
			err);
	if (rc == 0)
		rc = bh_learn_sql_prepare(l, &w->value,
					  "INSERT OR REPLACE INTO value VALUES(?,?,?,?,?)", err);
	if (rc == 0)
		rc = bh_learn_members_statements(l, w->member, err);
	for (i = 0; rc == 0 && i < w->n; i++) {
		rc = write_row(w, &w->copy[i], err);
		if (rc == 0)
			rc = write_day(w, &w->copy[i], err);
		if (rc == 0)
			rc = write_values(w, &w->copy[i], err);
		if (rc == 0)
			rc = bh_learn_members_write(l, w->member, &w->copy[i].row, err);
	}
	sqlite3_finalize(w->row);
	sqlite3_finalize(w->day);
	sqlite3_finalize(w->value);
	sqlite3_finalize(w->member[0]);
	sqlite3_finalize(w->member[1]);
	return rc == 0 ? drop_old_days(l, err) : rc;
}

int
bh_learn_save(struct bh_learn *l, struct bh_err *err)
{
	struct writer w = {.l = l};
	int rc;

	if (l->db == NULL)
		return 0;
	pthread_mutex_lock(&l->disk);
	pthread_mutex_lock(&l->lock);
	rc = take_copies(&w);
	pthread_mutex_unlock(&l->lock);
	if (rc != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (rc == 0 && w.n != 0) {
		rc = bh_learn_sql_run(l, "BEGIN IMMEDIATE", err);
		if (rc == 0)
			rc = bh_learn_sql_end(l, write_all(&w, err), err);
	}
	if (rc != 0) {
		pthread_mutex_lock(&l->lock);
		give_back(&w);
		pthread_mutex_unlock(&l->lock);
	}
	copy_free(w.copy, w.n);
	pthread_mutex_unlock(&l->disk);
	return rc;
}

/* ---- start ------------------------------------------------------------------------------------------- */

static const char *
column_text(sqlite3_stmt *st, int i)
{
	const char *t = (const char *)sqlite3_column_text(st, i);

	return t != NULL ? t : "";
}

static void
column_address(sqlite3_stmt *st, int i, uint8_t out[16])
{
	const void *p = sqlite3_column_blob(st, i);

	memset(out, 0, 16);
	if (p != NULL && sqlite3_column_bytes(st, i) == 16)
		memcpy(out, p, 16);
}

static bool
is_sealed(sqlite3_stmt *st, const struct bh_learn_row *r)
{
	const void *p = sqlite3_column_blob(st, 15);
	uint8_t want[BH_SHA256_SIZE];

	seal(r, column_text(st, 1), column_text(st, 2), column_text(st, 4), want);
	return p != NULL && sqlite3_column_bytes(st, 15) == BH_SHA256_SIZE &&
	       memcmp(p, want, sizeof(want)) == 0;
}

/* A row that is right becomes a conversation; one that is not is counted and left where it is. */
static void
load_row(struct bh_learn *l, sqlite3_stmt *st)
{
	int flags = sqlite3_column_int(st, 5), reserved = sqlite3_column_int(st, 14);
	const char *app = column_text(st, 4);
	struct bh_learn_row in = {
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.service = (uint32_t)sqlite3_column_int64(st, 3),
		.app = app[0] != '\0' ? (uint16_t)bh_app_find(app) : 0,
		.learn = (flags & FLAG_LEARN) != 0,
		.undecided = (flags & FLAG_UNDECIDED) != 0,
		.here = (flags & FLAG_FAR) == 0,
		.first_ns = (uint64_t)sqlite3_column_int64(st, 6),
	};
	struct bh_learn_key k = {.service = in.service, .app = in.app};
	struct bh_learn_row *r = NULL;

	if (in.id >= l->next_id)
		l->next_id = in.id + 1;
	if (!is_sealed(st, &in) || (app[0] != '\0' && in.app == 0)) {
		l->c.damaged++;
		return;
	}
	k.from = bh_learn_party_add(l, column_text(st, 1));
	k.to = bh_learn_party_add(l, column_text(st, 2));
	if (k.from != BH_LEARN_NONE && k.to != BH_LEARN_NONE && bh_learn_row_find(l, &k) == NULL)
		r = bh_learn_row_add(l, &k, in.first_ns);
	if (r == NULL)
		return;
	l->party[k.from].reserved = (uint8_t)(reserved >> 8);
	l->party[k.to].reserved = (uint8_t)reserved;
	r->id = in.id;
	r->learn = in.learn;
	r->undecided = in.undecided;
	r->here = in.here;
	r->last_ns = (uint64_t)sqlite3_column_int64(st, 7);
	r->violation_ns = (uint64_t)sqlite3_column_int64(st, 8);
	r->family = (uint8_t)sqlite3_column_int(st, 9);
	column_address(st, 10, r->address[0]);
	column_address(st, 11, r->address[1]);
	r->tenant = (bh_tenant)sqlite3_column_int64(st, 12);
	r->rule_text = strdup(column_text(st, 13));
	r->dirty = false;
}

static struct bh_learn_row *
row_by_id(struct bh_learn *l, uint64_t id)
{
	uint32_t i;

	/* Rows were loaded in order of their ids, into an empty table. */
	uint32_t low = 0, high = l->n_rows;

	while (low < high) {
		i = low + (high - low) / 2;
		if (l->row[i].id < id)
			low = i + 1;
		else
			high = i;
	}
	return low < l->n_rows && l->row[low].id == id ? &l->row[low] : NULL;
}

static void
load_day(struct bh_learn *l, sqlite3_stmt *st)
{
	struct bh_learn_row *r = row_by_id(l, (uint64_t)sqlite3_column_int64(st, 0));
	int k;

	for (k = 0; r != NULL && k < BH_SEEN_KINDS; k++)
		r->sessions[k] = (uint64_t)sqlite3_column_int64(st, 1 + k);
	for (k = 0; r != NULL && k < 2; k++)
		r->bytes[k] = (uint64_t)sqlite3_column_int64(st, 5 + k);
}

static void
load_value(struct bh_learn *l, sqlite3_stmt *st)
{
	struct bh_learn_row *r = row_by_id(l, (uint64_t)sqlite3_column_int64(st, 0));
	char field[64], *dot;
	unsigned f;
	const char *text = column_text(st, 3);

	snprintf(field, sizeof(field), "%s", column_text(st, 1));
	dot = strchr(field, '.');
	if (r == NULL || dot == NULL)
		return;
	*dot = '\0';
	f = bh_op_field_find(bh_app_find(field), dot + 1);
	if (f == BH_OP_FIELD_COUNT)
		return;
	bh_learn_value_add(r, (uint8_t)f, text, strlen(text));
	if (sqlite3_column_int(st, 2) != 0 && r->n_values != 0)
		r->value[r->n_values - 1].more = true;
	r->n_stored = r->n_values;
	r->dirty = false;
}

static void
load_member(struct bh_learn *l, sqlite3_stmt *st)
{
	struct bh_learn_row *r = row_by_id(l, (uint64_t)sqlite3_column_int64(st, 0));

	if (r != NULL)
		bh_learn_member_load(l, r, st);
}

static int
load_each(struct bh_learn *l, const char *sql, void (*fn)(struct bh_learn *l, sqlite3_stmt *st),
	  struct bh_err *err)
{
	sqlite3_stmt *st;
	int rc = bh_learn_sql_prepare(l, &st, sql, err), step;

	if (rc != 0)
		return rc;
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		fn(l, st);
	if (step != SQLITE_DONE)
		rc = bh_learn_sql_err(l, "read", err);
	sqlite3_finalize(st);
	return rc;
}

int
bh_learn_load(struct bh_learn *l, struct bh_err *err)
{
	int rc = load_each(l, "SELECT * FROM conversation ORDER BY id", load_row, err);

	if (rc == 0)
		rc = load_each(l,
			       "SELECT conversation, sum(rule), sum(learned), sum(violated),"
			       " sum(blocked), sum(to_server), sum(to_client) FROM day GROUP BY 1",
			       load_day, err);
	if (rc == 0)
		rc = load_each(l,
			       "SELECT conversation, field, more, text FROM value ORDER BY "
			       "conversation, number",
			       load_value, err);
	if (rc == 0)
		rc = load_each(l, "SELECT * FROM member ORDER BY last_ns", load_member, err);
	return rc;
}

/* ---- days -------------------------------------------------------------------------------------------- */

static int
sum_since(struct bh_learn *l, uint32_t day, struct bh_conversation *c, struct bh_err *err)
{
	sqlite3_stmt *st;
	int k, rc = bh_learn_sql_prepare(
		       l, &st,
		       "SELECT sum(rule), sum(learned), sum(violated), sum(blocked),"
		       " sum(to_server), sum(to_client) FROM day WHERE conversation = ? AND day >= "
		       "?",
		       err);

	if (rc != 0)
		return rc;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)c->id);
	sqlite3_bind_int64(st, 2, day);
	if (sqlite3_step(st) == SQLITE_ROW) {
		for (k = 0; k < BH_SEEN_KINDS; k++)
			c->sessions[k] = (uint64_t)sqlite3_column_int64(st, k);
		for (k = 0; k < 2; k++)
			c->bytes[k] = (uint64_t)sqlite3_column_int64(st, 4 + k);
	} else {
		rc = bh_learn_sql_err(l, "read", err);
	}
	sqlite3_finalize(st);
	return rc;
}

struct since {
	struct bh_learn *l;
	uint32_t day;
	bh_conversation_fn fn;
	void *arg;
	struct bh_err *err;
	int rc;
};

static bool
each_since(void *arg, const struct bh_conversation *in)
{
	struct since *s = arg;
	struct bh_conversation c = *in;

	s->rc = sum_since(s->l, s->day, &c, s->err);
	return s->rc == 0 && s->fn(s->arg, &c);
}

int
bh_learn_each_since(struct bh_learn *l, uint32_t day, bh_conversation_fn fn, void *arg,
		    struct bh_err *err)
{
	const struct bh_learn_filter f = {.seen = -1, .since_ns = day * BH_LEARN_DAY_NS};
	struct since s = {.l = l, .day = day, .fn = fn, .arg = arg, .err = err};
	int rc = bh_learn_save(l, err);

	if (rc != 0)
		return rc;
	if (l->db == NULL) {
		bh_learn_each(l, &f, fn, arg);
		return 0;
	}
	pthread_mutex_lock(&l->disk);
	bh_learn_each(l, &f, each_since, &s);
	pthread_mutex_unlock(&l->disk);
	return s.rc;
}
