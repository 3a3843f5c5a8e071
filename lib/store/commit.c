/* A change of the policy, in the order that store.h promises. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_priv.h"

/* A JSON string. What is not UTF-8 is the caller's to refuse. */
void
bh_store_json_text(struct bh_buf *b, const char *key, const char *s)
{
	bh_buf_printf(b, "%s\"%s\":\"", b->len > 1 ? "," : "", key);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			bh_buf_printf(b, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			bh_buf_printf(b, "\\u%04x", (unsigned char)*s);
		else
			bh_buf_add(b, s, 1);
	}
	bh_buf_str(b, "\"");
}

/* What an audit entry says beyond its columns. */
static void
detail(struct bh_buf *b, const struct bh_change *c, const struct bh_revision *r, const char *reason)
{
	char hex[2 * BH_SHA256_SIZE + 1];

	bh_buf_str(b, "{");
	if (r != NULL) {
		bh_sha256_hex(r->sha256, hex);
		bh_store_json_text(b, "sha256", hex);
		bh_buf_printf(b, ",\"changes\":%s", r->summary);
	}
	if (c->by != NULL)
		bh_store_json_text(b, "gateway", c->by);
	if (c->base != 0)
		bh_buf_printf(b, "%s\"repeats\":%u", b->len > 1 ? "," : "", c->base);
	if (c->commit->confirm_ms != 0)
		bh_buf_printf(b, "%s\"confirm_ms\":%llu", b->len > 1 ? "," : "",
			      (unsigned long long)c->commit->confirm_ms);
	if (c->commit->why != NULL && c->commit->why[0] != '\0')
		bh_store_json_text(b, "why", c->commit->why);
	if (reason != NULL)
		bh_store_json_text(b, "reason", reason);
	bh_buf_str(b, "}");
}

/* An entry about a change, inside a transaction. r: its revision, NULL: it has none. */
static int
append(struct bh_store *s, const struct bh_change *c, const struct bh_revision *r,
       const char *result, const char *reason, struct bh_err *err)
{
	struct bh_buf text = {0};
	char object[32] = "policy";
	int rc;

	if (r != NULL)
		snprintf(object, sizeof(object), "revision %u", r->number);
	detail(&text, c, r, reason);
	rc = text.failed ? bh_err_set(err, ENOMEM, "out of memory")
			 : bh_audit_append(s,
					   &(struct bh_audit){.actor = c->commit->author,
							      .action = c->action,
							      .object = object,
							      .result = result,
							      .detail = text.data},
					   err);
	bh_buf_free(&text);
	return rc;
}

/* It does not come into force: say so if the disk still takes it. The caller's error is the one that counts. */
static void
refused(struct bh_store *s, const struct bh_change *c, const struct bh_revision *r,
	const char *result, const struct bh_err *why)
{
	struct bh_err err = {0};
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, &err);
	if (rc == 0) {
		if (r != NULL)
			rc = bh_revision_set_state(s, r->number, BH_REVISION_REFUSED, &err);
		if (rc == 0)
			rc = append(s, c, r, result, why != NULL ? why->what : NULL, &err);
		rc = bh_store_sql_end(s, rc, &err);
	}
	pthread_mutex_unlock(&s->lock);
	if (rc != 0) {
		bh_store_audit_missed(s);
		bh_log(BH_LOG_ERROR, "no audit entry about a refused change: %s", err.what);
	}
}

static int
write_pending(struct bh_store *s, struct bh_revision *r, struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0)
		rc = bh_store_sql_end(s, bh_revision_insert(s, r, err), err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* Between the revision that is repeated and this one: taken back. */
static int
mark_left(struct bh_store *s, uint32_t base, uint32_t number, struct bh_err *err)
{
	return bh_store_sql_do(
		s, err,
		"UPDATE revision SET state = ? WHERE number > ? AND number < ? AND state IN "
		"(1, 2)",
		"iii", (int64_t)BH_REVISION_ROLLED_BACK, (int64_t)base, (int64_t)number);
}

static int
mark_applied(struct bh_store *s, const struct bh_change *c, const struct bh_revision *r,
	     uint32_t previous, struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		rc = bh_revision_set_state(s, r->number, BH_REVISION_APPLIED, err);
		if (rc == 0 && c->base != 0)
			rc = mark_left(s, c->base, r->number, err);
		if (rc == 0)
			rc = bh_confirm_write(s, r->number, previous, c->commit->confirm_ms, err);
		if (rc == 0 && c->file)
			rc = bh_store_sql_do(s, err,
					     "INSERT OR REPLACE INTO setting(key, value) "
					     "VALUES('file_sha256', ?)",
					     "b", r->sha256, (size_t)BH_SHA256_SIZE);
		if (rc == 0)
			rc = bh_revision_prune(s, r->number, err);
		if (rc == 0)
			rc = append(s, c, r, "ok", NULL, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* What a commit that waits would go back to. */
static int
find_previous(struct bh_store *s, const struct bh_commit *c, uint32_t *number, struct bh_err *err)
{
	struct bh_document d;
	uint32_t bad;
	int rc;

	*number = 0;
	if (c->confirm_ms == 0)
		return 0;
	rc = bh_document_newest(s, 0, NULL, &d, &bad, err);
	*number = d.number;
	free(d.text);
	return rc != -ENOENT
		       ? rc
		       : bh_err_set(err, ENOENT,
				    "there is no revision to go back to when the confirmation "
				    "does not come: commit the first one without");
}

static int
put_in_force(struct bh_store *s, const struct bh_change *c, const struct bh_commit_ops *ops,
	     struct bh_revision *r, struct bh_err *err)
{
	uint32_t previous;
	int rc = find_previous(s, c->commit, &previous, err);

	if (rc == 0 && ops->claim != NULL) {
		rc = ops->claim(ops->arg, r, c->commit->confirm_ms, &r->number, err);
		if (rc != 0)
			refused(s, c, NULL, "refused", err);
	}
	if (rc == 0)
		rc = write_pending(s, r, err);
	if (rc != 0)
		return rc;
	rc = ops->publish(ops->arg, r->number, c->commit->text, c->commit->len, err);
	if (rc != 0) {
		refused(s, c, r, "failed", err);
		return rc;
	}
	rc = mark_applied(s, c, r, previous, err);
	if (rc != 0) {
		ops->restore(ops->arg);
		refused(s, c, r, "failed", err);
		return rc;
	}
	bh_confirm_arm(s, c->commit->confirm_ms);
	return 0;
}

int
bh_change_run(struct bh_store *s, const struct bh_change *c, const struct bh_commit_ops *ops,
	      uint32_t *number, struct bh_err *err)
{
	const struct bh_commit *m = c->commit;
	struct bh_err own = {0}, *e = err != NULL ? err : &own;
	struct bh_buf summary = {0};
	struct bh_revision r = {
		.origin = (uint8_t)m->origin,
		.base = c->base,
		.number = c->number,
		.time_ns = c->time_ns,
		.state = BH_REVISION_PENDING,
		.author = m->author != NULL ? m->author : "",
		.why = m->why != NULL ? m->why : "",
		.text = m->text,
		.size = m->len,
	};
	int rc = ops->check(ops->arg, m->text, m->len, &summary, e);

	if (rc == 0 && summary.failed)
		rc = bh_err_set(e, ENOMEM, "out of memory");
	if (rc != 0) {
		refused(s, c, NULL, "refused", e);
	} else {
		r.summary = summary.len != 0 ? summary.data : "{}";
		bh_sha256(m->text, m->len, r.sha256);
		rc = put_in_force(s, c, ops, &r, e);
	}
	if (rc == 0)
		*number = r.number;
	bh_buf_free(&summary);
	return rc;
}

int
bh_store_commit(struct bh_store *s, const struct bh_commit *c, const struct bh_commit_ops *ops,
		uint32_t *number, struct bh_err *err)
{
	const struct bh_change change = {.commit = c, .action = "policy.commit"};
	int rc;

	pthread_mutex_lock(&s->change);
	if (s->due_ns != 0)
		rc = bh_err_set(
			err, EALREADY,
			"a revision waits for its confirmation: confirm it, or roll it back, "
			"before the next");
	else
		rc = bh_change_run(s, &change, ops, number, err);
	pthread_mutex_unlock(&s->change);
	return rc;
}
