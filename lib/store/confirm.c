/* Commits that wait for their confirmation, and rollback. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_priv.h"

#define RETRY_NS BH_NS_PER_SEC
#define GATEWAY "gateway" /* who rolls back when nobody confirms */

int
bh_confirm_write(struct bh_store *s, uint32_t number, uint32_t previous, uint64_t ms,
		 struct bh_err *err)
{
	uint64_t deadline = s->clock->wall_ns(s->clock->arg) + ms * BH_NS_PER_MS;
	int rc;

	if (ms == 0)
		return bh_store_sql_do(s, err, "DELETE FROM setting WHERE key LIKE 'confirm_%'",
				       "");
	rc = bh_store_sql_set(s, "confirm_number", number, err);
	if (rc == 0)
		rc = bh_store_sql_set(s, "confirm_previous", previous, err);
	if (rc == 0)
		rc = bh_store_sql_set(s, "confirm_deadline_ns", (int64_t)deadline, err);
	/* A clock that was set back while the gateway was down must not make it longer. */
	if (rc == 0)
		rc = bh_store_sql_set(s, "confirm_ms", (int64_t)ms, err);
	return rc;
}

static void
set_due(struct bh_store *s, uint64_t due_ns)
{
	__atomic_store_n(&s->due_ns, due_ns, __ATOMIC_RELEASE);
}

void
bh_confirm_arm(struct bh_store *s, uint64_t ms)
{
	set_due(s, ms != 0 ? s->clock->mono_ns(s->clock->arg) + ms * BH_NS_PER_MS : 0);
}

void
bh_store_waiting(struct bh_store *s, struct bh_confirm *out)
{
	uint64_t due = __atomic_load_n(&s->due_ns, __ATOMIC_ACQUIRE);
	uint64_t now = s->clock->mono_ns(s->clock->arg);
	int64_t number = 0, previous = 0;

	memset(out, 0, sizeof(*out));
	if (due == 0)
		return;
	pthread_mutex_lock(&s->lock);
	if (bh_store_sql_setting(s, "confirm_number", 0, &number, NULL) == 0 &&
	    bh_store_sql_setting(s, "confirm_previous", 0, &previous, NULL) == 0) {
		out->number = (uint32_t)number;
		out->previous = (uint32_t)previous;
		out->left_ms = due > now ? (due - now) / BH_NS_PER_MS : 0;
	}
	pthread_mutex_unlock(&s->lock);
}

static int
confirm_locked(struct bh_store *s, const char *author, uint32_t *number, struct bh_err *err)
{
	struct bh_audit entry = {.actor = author, .action = "policy.confirm", .result = "ok"};
	char object[32];
	int64_t waits;
	int rc = bh_store_sql_setting(s, "confirm_number", 0, &waits, err);

	if (rc == 0 && waits == 0)
		return bh_err_set(err, ENOENT, "no revision waits for its confirmation");
	if (rc == 0)
		rc = bh_store_sql_begin(s, err);
	if (rc != 0)
		return rc;
	*number = (uint32_t)waits;
	snprintf(object, sizeof(object), "revision %u", *number);
	entry.object = object;
	rc = bh_revision_set_state(s, *number, BH_REVISION_CONFIRMED, err);
	if (rc == 0)
		rc = bh_confirm_write(s, 0, 0, 0, err);
	if (rc == 0)
		rc = bh_audit_append(s, &entry, err);
	return bh_store_sql_end(s, rc, err);
}

int
bh_store_confirm(struct bh_store *s, const char *author, uint32_t *number, struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->change);
	pthread_mutex_lock(&s->lock);
	rc = confirm_locked(s, author, number, err);
	pthread_mutex_unlock(&s->lock);
	if (rc == 0)
		bh_confirm_arm(s, 0);
	pthread_mutex_unlock(&s->change);
	return rc;
}

int
bh_rollback_to(struct bh_store *s, const struct bh_document *d, const struct bh_commit *c,
	       const struct bh_commit_ops *ops, uint32_t *number, struct bh_err *err)
{
	struct bh_commit commit = *c;
	struct bh_change change = {.commit = &commit,
				   .action = "policy.rollback",
				   .base = d->number};

	commit.text = d->text;
	commit.len = d->len;
	commit.origin = BH_ORIGIN_ROLLBACK;
	return bh_change_run(s, &change, ops, number, err);
}

/* The document that a rollback means. */
static int
rollback_find(struct bh_store *s, uint32_t to, struct bh_document *d, struct bh_err *err)
{
	struct bh_document now;
	uint32_t bad;
	int rc;

	if (to != 0) {
		rc = bh_document_read(s, to, d, err);
		if (rc == 0 && (d->state == BH_REVISION_PENDING || d->state == BH_REVISION_REFUSED))
			rc = bh_err_set(err, ENOENT, "revision %u never was in force", to);
		return rc;
	}
	*d = (struct bh_document){0};
	rc = bh_document_newest(s, 0, NULL, &now, &bad, err);
	if (rc == 0)
		rc = bh_document_newest(s, now.number, now.sha256, d, &bad, err);
	free(now.text);
	return rc == -ENOENT ? bh_err_set(err, ENOENT, "there is no revision before this one") : rc;
}

int
bh_store_rollback(struct bh_store *s, uint32_t to, const char *author, const char *why,
		  const struct bh_commit_ops *ops, uint32_t *number, struct bh_err *err)
{
	const struct bh_commit c = {.author = author, .why = why};
	struct bh_document d;
	int rc;

	pthread_mutex_lock(&s->change);
	rc = rollback_find(s, to, &d, err);
	if (rc == 0)
		rc = bh_rollback_to(s, &d, &c, ops, number, err);
	free(d.text);
	pthread_mutex_unlock(&s->change);
	return rc;
}

/* The revision that a waiting one goes back to, or the next older whole one. */
static int
expire_find(struct bh_store *s, struct bh_document *d, struct bh_err *err)
{
	int64_t previous;
	uint32_t bad;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_setting(s, "confirm_previous", 0, &previous, err);
	pthread_mutex_unlock(&s->lock);
	*d = (struct bh_document){0};
	if (rc != 0)
		return rc;
	rc = bh_document_read(s, (uint32_t)previous, d, NULL);
	if (rc == 0)
		return 0;
	rc = bh_document_newest(s, (uint32_t)previous, NULL, d, &bad, err);
	return rc == -ENOENT ? bh_err_set(err, ENOENT, "there is no whole revision to go back to")
			     : rc;
}

int
bh_confirm_expire(struct bh_store *s, const struct bh_commit_ops *ops, uint32_t *number,
		  struct bh_err *err)
{
	const struct bh_commit c = {.author = GATEWAY, .why = "it was not confirmed in time"};
	struct bh_document d;
	int rc = expire_find(s, &d, err);

	if (rc == 0)
		rc = bh_rollback_to(s, &d, &c, ops, number, err);
	free(d.text);
	return rc;
}

static bool
is_due(struct bh_store *s)
{
	uint64_t due = __atomic_load_n(&s->due_ns, __ATOMIC_ACQUIRE);

	return due != 0 && s->clock->mono_ns(s->clock->arg) >= due;
}

int
bh_store_tick(struct bh_store *s, const struct bh_commit_ops *ops, uint32_t *number,
	      struct bh_err *err)
{
	int rc = 0;

	/* A change that is on its way may be the confirmation. */
	if (!is_due(s) || pthread_mutex_trylock(&s->change) != 0)
		return 0;
	if (is_due(s)) {
		rc = bh_confirm_expire(s, ops, number, err);
		if (rc != 0)
			set_due(s, s->clock->mono_ns(s->clock->arg) + RETRY_NS);
		rc = rc == 0 ? 1 : rc;
	}
	pthread_mutex_unlock(&s->change);
	return rc;
}
