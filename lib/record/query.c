/* query: readers. A page is looked for in windows of numbers, so that a filter that hardly anything meets ends in time, and
 * says how far it came. */
#include <errno.h>

#include "record_priv.h"

#define WINDOW 20000
/* Events of several workers, and of connections that ended a while ago, are not in the order of their times. */
#define DISORDER_NS (60 * BH_NS_PER_SEC)
#define BINDS 24

/* One value of a statement. */
struct value {
	const char *text; /* or */
	struct bh_record_address blob;
	int64_t number;
	enum { NUMBER, TEXT, BLOB } kind;
};

struct select {
	struct bh_buf sql;
	struct value value[BINDS];
	unsigned n;
};

static void
add_number(struct select *s, const char *sql, int64_t v)
{
	bh_buf_str(&s->sql, sql);
	s->value[s->n++] = (struct value){.kind = NUMBER, .number = v};
}

static void
add_text(struct select *s, const char *sql, const char *v)
{
	bh_buf_str(&s->sql, sql);
	s->value[s->n++] = (struct value){.kind = TEXT, .text = v};
}

/* First and last address of a prefix. */
static void
bounds(const struct bh_prefix *p, struct bh_record_address out[2])
{
	unsigned size = p->family == 4 ? 4 : 16, i, bit;

	for (i = 0; i < 2; i++) {
		out[i].b[0] = p->family;
		out[i].len = (uint8_t)(1 + size);
		memcpy(out[i].b + 1, p->addr, size);
	}
	for (bit = p->len; bit < 8 * size; bit++) {
		out[0].b[1 + bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
		out[1].b[1 + bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	}
}

static void
add_range(struct select *s, const char *column, const struct bh_prefix *p)
{
	struct bh_record_address b[2];

	bounds(p, b);
	bh_buf_printf(&s->sql, "(e.%s BETWEEN ? AND ?)", column);
	s->value[s->n++] = (struct value){.kind = BLOB, .blob = b[0]};
	s->value[s->n++] = (struct value){.kind = BLOB, .blob = b[1]};
}

/* Either column of a pair. */
static void
add_either(struct select *s, const char *segment, const struct bh_prefix *address)
{
	if (segment != NULL) {
		add_text(s, " AND (e.src_segment = ?", segment);
		add_text(s, " OR e.dst_segment = ?)", segment);
	}
	if (address->family != 0) {
		bh_buf_str(&s->sql, " AND (");
		add_range(s, "src", address);
		bh_buf_str(&s->sql, " OR ");
		add_range(s, "dst", address);
		bh_buf_str(&s->sql, ")");
	}
}

static void
add_end(struct select *s, const char *column, const struct bh_record_end *e)
{
	if (e->segment != NULL) {
		bh_buf_printf(&s->sql, " AND e.%s_segment", column);
		add_text(s, " = ?", e->segment);
	}
	if (e->address.family != 0) {
		bh_buf_str(&s->sql, " AND ");
		add_range(s, column, &e->address);
	}
}

static void
add_filter(struct select *s, const struct bh_record_filter *f)
{
	if (f->since_ns != 0)
		add_number(s, " AND e.time_ns >= ?", (int64_t)f->since_ns);
	if (f->until_ns != 0)
		add_number(s, " AND e.time_ns <= ?", (int64_t)f->until_ns);
	if (f->kind != NULL) {
		add_text(s, " AND (e.kind = ?", f->kind);
		add_text(s, " OR e.type = ?)", f->kind);
	}
	add_end(s, "src", &f->from);
	add_end(s, "dst", &f->to);
	add_either(s, f->either.segment, &f->either.address);
	add_either(s, f->segment, &f->address);
	if (f->rule != NULL)
		add_text(s, " AND e.rule = ?", f->rule);
	if (f->verdict != NULL && strcmp(f->verdict, "drop") == 0)
		bh_buf_str(&s->sql, " AND e.dropped");
	else if (f->verdict != NULL)
		add_text(s, " AND e.verdict = ?", f->verdict);
	if (f->application != NULL)
		add_text(s, " AND e.app = ?", f->application);
	if (f->severity != 0)
		add_number(s, " AND e.severity BETWEEN 1 AND ?", f->severity);
}

static void
bind(sqlite3_stmt *st, const struct select *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++) {
		const struct value *v = &s->value[i];

		if (v->kind == TEXT)
			sqlite3_bind_text(st, (int)i + 1, v->text, -1, SQLITE_STATIC);
		else if (v->kind == BLOB)
			sqlite3_bind_blob(st, (int)i + 1, v->blob.b, v->blob.len, SQLITE_STATIC);
		else
			sqlite3_bind_int64(st, (int)i + 1, v->number);
	}
}

/* A number out of the index of times, or def. */
static uint64_t
by_time(struct bh_record *r, const char *sql, uint64_t time_ns, uint64_t def)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(r->reader, sql, -1, &st, NULL) == SQLITE_OK) {
		sqlite3_bind_int64(st, 1, (sqlite3_int64)time_ns);
		if (sqlite3_step(st) == SQLITE_ROW)
			def = (uint64_t)sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	return def;
}

/* Numbers that may be meant, both included. false: none. */
static bool
span(struct bh_record *r, const struct bh_record_query *q, uint64_t *lo, uint64_t *hi)
{
	const struct bh_record_filter *f = &q->filter;
	uint64_t newest = atomic_load(&r->newest), at;

	*lo = atomic_load(&r->oldest);
	*hi = newest;
	if (q->after >= *lo)
		*lo = q->after + 1;
	if (q->before != 0 && q->before <= *hi)
		*hi = q->before - 1;
	if (f->since_ns > DISORDER_NS) {
		at = by_time(r,
			     "SELECT id FROM event WHERE time_ns >= ? ORDER BY time_ns, id LIMIT 1",
			     f->since_ns - DISORDER_NS, newest + 1);
		*lo = at > *lo ? at : *lo;
	}
	if (f->until_ns != 0 && f->until_ns < INT64_MAX - DISORDER_NS) {
		at = by_time(r,
			     "SELECT id FROM event WHERE time_ns <= ? "
			     "ORDER BY time_ns DESC, id DESC LIMIT 1",
			     f->until_ns + DISORDER_NS, 0);
		*hi = at < *hi ? at : *hi;
	}
	return newest != 0 && *lo <= *hi && *lo != 0;
}

struct page {
	const struct bh_record_query *q;
	bh_record_fn fn;
	void *arg;
	size_t n;
	uint64_t last; /* given */
	bool enough;
};

/* One window. 0 or -1: the database failed. */
static int
look(sqlite3_stmt *st, struct page *p, uint64_t lo, uint64_t hi)
{
	int n = sqlite3_bind_parameter_count(st), rc;

	sqlite3_bind_int64(st, n - 2, (sqlite3_int64)lo);
	sqlite3_bind_int64(st, n - 1, (sqlite3_int64)hi);
	sqlite3_bind_int64(st, n, (sqlite3_int64)(p->q->max - p->n));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 1);

		p->last = (uint64_t)sqlite3_column_int64(st, 0);
		p->n++;
		if (!p->fn(p->arg, p->last, text != NULL ? text : "",
			   (size_t)sqlite3_column_bytes(st, 1)) ||
		    p->n == p->q->max) {
			p->enough = true;
			break;
		}
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* Window by window. *reached: the last number that was looked at. */
static int
walk(struct bh_record *r, sqlite3_stmt *st, struct page *p, uint64_t lo, uint64_t hi,
     uint64_t *reached)
{
	const struct bh_record_query *q = p->q;
	uint64_t until = r->clock->mono_ns(r->clock->arg) + q->budget_ns, a = lo, b = hi;
	int rc = 0;

	for (;;) {
		if (q->oldest_first)
			b = hi - a < WINDOW ? hi : a + WINDOW - 1;
		else
			a = b - lo < WINDOW ? lo : b - WINDOW + 1;
		rc = look(st, p, a, b);
		if (rc != 0)
			return rc;
		*reached = p->enough ? p->last : q->oldest_first ? b : a;
		if (p->enough || (q->oldest_first ? b == hi : a == lo) ||
		    (q->budget_ns != 0 && r->clock->mono_ns(r->clock->arg) >= until))
			break;
		if (q->oldest_first)
			a = b + 1;
		else
			b = a - 1;
	}
	/* Was that all? */
	if (*reached == (q->oldest_first ? hi : lo))
		*reached = 0;
	return 0;
}

int
bh_record_query(struct bh_record *r, const struct bh_record_query *q, bh_record_fn fn, void *arg,
		uint64_t *reached, struct bh_err *err)
{
	struct page p = {.q = q, .fn = fn, .arg = arg};
	struct select s = {0};
	sqlite3_stmt *st = NULL;
	uint64_t lo, hi;
	int rc = 0;

	*reached = 0;
	pthread_mutex_lock(&r->read_lock);
	if (q->max == 0 || !span(r, q, &lo, &hi))
		goto out;
	bh_buf_str(&s.sql, "SELECT e.id, l.text FROM event e JOIN line l ON l.id = e.id WHERE 1");
	add_filter(&s, &q->filter);
	bh_buf_printf(&s.sql, " AND e.id BETWEEN ? AND ? ORDER BY e.id%s LIMIT ?",
		      q->oldest_first ? "" : " DESC");
	if (s.sql.failed) {
		rc = bh_err_set(err, ENOMEM, "out of memory");
		goto out;
	}
	if (sqlite3_prepare_v2(r->reader, s.sql.data, -1, &st, NULL) == SQLITE_OK) {
		bind(st, &s);
		rc = walk(r, st, &p, lo, hi, reached);
	} else {
		rc = -1;
	}
	if (rc != 0)
		rc = bh_record_db_err(r, r->reader, "read it", err);
out:
	sqlite3_finalize(st);
	bh_buf_free(&s.sql);
	pthread_mutex_unlock(&r->read_lock);
	return rc;
}

int
bh_record_get(struct bh_record *r, uint64_t id, bh_record_fn fn, void *arg, struct bh_err *err)
{
	const struct bh_record_query q = {.after = id - 1,
					  .before = id + 1,
					  .max = 1,
					  .oldest_first = true};
	struct page p = {.q = &q, .fn = fn, .arg = arg};
	sqlite3_stmt *st = NULL;
	int rc = -1;

	if (id == 0 || id > INT64_MAX - 1)
		return -ENOENT;
	pthread_mutex_lock(&r->read_lock);
	if (sqlite3_prepare_v2(r->reader,
			       "SELECT id, text FROM line WHERE id BETWEEN ? AND ? LIMIT ?", -1,
			       &st, NULL) == SQLITE_OK)
		rc = look(st, &p, id, id);
	if (rc != 0)
		rc = bh_record_db_err(r, r->reader, "read it", err);
	else if (p.n == 0)
		rc = -ENOENT;
	sqlite3_finalize(st);
	pthread_mutex_unlock(&r->read_lock);
	return rc;
}
