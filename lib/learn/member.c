/* Who exactly was on both ends of a conversation: a bounded number of pairs of addresses, the latest ones, for a draft may
 * tell apart what the policy in force does not. */
#include <errno.h>
#include <stdlib.h>

#include "learn_priv.h"

static bool
is_pair(const struct bh_learn_member *a, const struct bh_learn_member *b)
{
	return a->family == b->family && a->tenant == b->tenant &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static struct bh_learn_member *
find(const struct bh_learn_row *r, const struct bh_learn_member *m)
{
	unsigned i;

	for (i = 0; i < r->n_members; i++) {
		if (is_pair(&r->member[i], m))
			return &r->member[i];
	}
	return NULL;
}

/* A place for one more. Where there is none, that of the pair that was longest not seen; the file's rows are then written
 * anew. NULL: no memory. */
static struct bh_learn_member *
place(struct bh_learn *l, struct bh_learn_row *r)
{
	unsigned i, old = 0, cap = r->n_members;
	struct bh_learn_member *grown;

	if (r->n_members == BH_LEARN_MEMBERS ||
	    (l->n_members >= (uint64_t)l->p.max * BH_LEARN_MEMBERS_EACH && r->n_members != 0)) {
		for (i = 1; i < r->n_members; i++) {
			if (r->member[i].last_ns < r->member[old].last_ns)
				old = i;
		}
		r->members_lost = r->members_anew = true;
		return &r->member[old];
	}
	if ((cap & (cap - 1)) == 0) {
		grown = realloc(r->member, (cap != 0 ? 2 * cap : 1) * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		r->member = grown;
	}
	l->n_members++;
	return &r->member[r->n_members++];
}

struct bh_learn_member *
bh_learn_member_see(struct bh_learn *l, struct bh_learn_row *r, const struct bh_learn_member *seen)
{
	struct bh_learn_member *m = find(r, seen);

	if (m == NULL) {
		m = place(l, r);
		if (m == NULL)
			return NULL;
		*m = *seen;
	}
	m->undecided &= seen->undecided;
	if (seen->last_ns > m->last_ns)
		m->last_ns = seen->last_ns;
	m->dirty = true;
	return m;
}

void
bh_learn_members_free(struct bh_learn *l, struct bh_learn_row *r)
{
	l->n_members -= r->n_members;
	free(r->member);
	r->member = NULL;
	r->n_members = 0;
}

/* ---- the file ------------------------------------------------------------------------------------------- */

int
bh_learn_members_prepare(struct bh_learn *l, struct bh_err *err)
{
	return bh_learn_sql_run(l,
				"CREATE TABLE IF NOT EXISTS member(conversation INTEGER NOT NULL"
				" REFERENCES conversation(id) ON DELETE CASCADE, family INTEGER"
				" NOT NULL, client BLOB NOT NULL, server BLOB NOT NULL,"
				" tenant INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
				" sessions INTEGER NOT NULL, undecided INTEGER NOT NULL,"
				" lost INTEGER NOT NULL,"
				" PRIMARY KEY(conversation, client, server, tenant, family))"
				" WITHOUT ROWID",
				err);
}

/* What has changed goes into `copy`, and counts as clean. */
bool
bh_learn_members_take(struct bh_learn_row *r, struct bh_learn_row *copy)
{
	unsigned i;

	copy->member = NULL;
	copy->n_members = 0;
	if (r->n_members == 0)
		return true;
	copy->member = calloc(r->n_members, sizeof(*copy->member));
	if (copy->member == NULL)
		return false;
	for (i = 0; i < r->n_members; i++) {
		if (!r->member[i].dirty && !r->members_anew)
			continue;
		copy->member[copy->n_members++] = r->member[i];
		r->member[i].dirty = false;
	}
	r->members_anew = false;
	return true;
}

void
bh_learn_members_give_back(struct bh_learn_row *r)
{
	unsigned i;

	r->members_anew = true;
	for (i = 0; i < r->n_members; i++)
		r->member[i].dirty = true;
}

int
bh_learn_members_write(struct bh_learn *l, struct sqlite3_stmt *st[2],
		       const struct bh_learn_row *copy, struct bh_err *err)
{
	unsigned i;
	int rc = 0;

	if (copy->members_anew) {
		sqlite3_bind_int64(st[0], 1, (sqlite3_int64)copy->id);
		rc = bh_learn_sql_done(l, st[0], err);
	}
	for (i = 0; rc == 0 && i < copy->n_members; i++) {
		const struct bh_learn_member *m = &copy->member[i];

		sqlite3_bind_int64(st[1], 1, (sqlite3_int64)copy->id);
		sqlite3_bind_int(st[1], 2, m->family);
		sqlite3_bind_blob(st[1], 3, m->address[0], 16, SQLITE_STATIC);
		sqlite3_bind_blob(st[1], 4, m->address[1], 16, SQLITE_STATIC);
		sqlite3_bind_int64(st[1], 5, (sqlite3_int64)m->tenant);
		sqlite3_bind_int64(st[1], 6, (sqlite3_int64)m->last_ns);
		sqlite3_bind_int64(st[1], 7, (sqlite3_int64)m->sessions);
		sqlite3_bind_int(st[1], 8, m->undecided);
		sqlite3_bind_int(st[1], 9, copy->members_lost);
		rc = bh_learn_sql_done(l, st[1], err);
	}
	return rc;
}

int
bh_learn_members_statements(struct bh_learn *l, struct sqlite3_stmt *st[2], struct bh_err *err)
{
	int rc = bh_learn_sql_prepare(l, &st[0], "DELETE FROM member WHERE conversation = ?", err);

	return rc != 0 ? rc
		       : bh_learn_sql_prepare(
				 l, &st[1],
				 "INSERT OR REPLACE INTO member VALUES(?,?,?,?,?,?,?,?,?)", err);
}

static bool
address_of(struct sqlite3_stmt *st, int column, uint8_t out[16])
{
	const void *p = sqlite3_column_blob(st, column);

	if (p == NULL || sqlite3_column_bytes(st, column) != 16)
		return false;
	memcpy(out, p, 16);
	return true;
}

void
bh_learn_member_load(struct bh_learn *l, struct bh_learn_row *r, struct sqlite3_stmt *st)
{
	struct bh_learn_member m = {
		.family = (uint8_t)sqlite3_column_int(st, 1),
		.tenant = (bh_tenant)sqlite3_column_int64(st, 4),
		.last_ns = (uint64_t)sqlite3_column_int64(st, 5),
		.sessions = (uint64_t)sqlite3_column_int64(st, 6),
		.undecided = sqlite3_column_int(st, 7) != 0,
	};
	struct bh_learn_member *kept;

	if (!address_of(st, 2, m.address[0]) || !address_of(st, 3, m.address[1]))
		return;
	kept = bh_learn_member_see(l, r, &m);
	if (kept != NULL)
		kept->dirty = false;
	r->members_lost |= sqlite3_column_int(st, 8) != 0;
}
