/* Start, and the policy file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_priv.h"

/* Is this the file that was taken last? */
static int
file_is_known(struct bh_store *s, const char *text, size_t len, bool *known, struct bh_err *err)
{
	uint8_t sha[BH_SHA256_SIZE];
	sqlite3_stmt *st;
	int rc;

	*known = false;
	bh_sha256(text, len, sha);
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_open(s, &st, err, "SELECT value FROM setting WHERE key = 'file_sha256'",
			       "");
	if (rc == 0)
		rc = bh_store_sql_step(s, st, err);
	if (rc == 1)
		*known = sqlite3_column_bytes(st, 0) == BH_SHA256_SIZE &&
			 memcmp(sqlite3_column_blob(st, 0), sha, BH_SHA256_SIZE) == 0;
	sqlite3_finalize(st);
	pthread_mutex_unlock(&s->lock);
	return rc < 0 ? rc : 0;
}

static int
take_file(struct bh_store *s, const char *text, size_t len, const struct bh_commit_ops *ops,
	  uint32_t *number, struct bh_err *err)
{
	const struct bh_commit c = {.text = text,
				    .len = len,
				    .author = "file",
				    .origin = BH_ORIGIN_FILE};
	const struct bh_change change = {.commit = &c, .action = "policy.commit", .file = true};

	return bh_change_run(s, &change, ops, number, err);
}

int
bh_store_file(struct bh_store *s, const char *text, size_t len, const struct bh_commit_ops *ops,
	      uint32_t *number, struct bh_err *err)
{
	bool known;
	int rc;

	pthread_mutex_lock(&s->change);
	rc = file_is_known(s, text, len, &known, err);
	if (rc == 0 && known)
		rc = 1;
	else if (rc == 0 && s->due_ns != 0)
		rc = bh_err_set(
			err, EALREADY,
			"a revision waits for its confirmation: confirm it, or roll it back, "
			"then load the file");
	else if (rc == 0)
		rc = take_file(s, text, len, ops, number, err);
	pthread_mutex_unlock(&s->change);
	return rc;
}

/* Whoever wrote these died before it was in force, or before it could say so. */
static int
drop_pending(struct bh_store *s, struct bh_err *err)
{
	struct bh_audit e = {.actor = "gateway",
			     .action = "policy.commit",
			     .object = "revision on its way",
			     .result = "failed",
			     .detail = "{\"reason\":\"the gateway ended before it was in force\"}"};
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, err);
	if (rc == 0) {
		rc = bh_store_sql_do(s, err, "UPDATE revision SET state = ? WHERE state = ?", "ii",
				     (int64_t)BH_REVISION_REFUSED, (int64_t)BH_REVISION_PENDING);
		if (rc == 0 && sqlite3_changes(s->db) != 0)
			rc = bh_audit_append(s, &e, err);
		rc = bh_store_sql_end(s, rc, err);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* What is left of the time of a revision that waits. *ms: 0, it is over. false: `number` does not wait. */
static bool
time_left(struct bh_store *s, uint32_t number, uint64_t *ms)
{
	uint64_t now = s->clock->wall_ns(s->clock->arg);
	int64_t waits = 0, deadline = 0, whole = 0;

	pthread_mutex_lock(&s->lock);
	if (bh_store_sql_setting(s, "confirm_number", 0, &waits, NULL) != 0 ||
	    bh_store_sql_setting(s, "confirm_deadline_ns", 0, &deadline, NULL) != 0 ||
	    bh_store_sql_setting(s, "confirm_ms", 0, &whole, NULL) != 0)
		waits = 0;
	pthread_mutex_unlock(&s->lock);
	*ms = (uint64_t)deadline > now ? ((uint64_t)deadline - now) / BH_NS_PER_MS : 0;
	if (*ms > (uint64_t)whole)
		*ms = (uint64_t)whole;
	return waits != 0 && (uint32_t)waits == number;
}

static int
put_back(struct bh_store *s, const struct bh_document *d, const struct bh_commit_ops *ops,
	 struct bh_store_started *out, struct bh_err *err)
{
	uint64_t left;
	bool waits = time_left(s, d->number, &left);

	if (waits && left == 0) {
		out->expired = true;
		return bh_confirm_expire(s, ops, &out->number, err);
	}
	out->number = d->number;
	bh_confirm_arm(s, waits ? left : 0);
	return ops->publish(ops->arg, d->number, d->text, d->len, err);
}

/* For whoever reads the log later; the caller raises the alarm. */
static void
record_damage(struct bh_store *s, uint32_t number, uint32_t instead)
{
	struct bh_err err = {0};
	char object[32], detail[64];

	snprintf(object, sizeof(object), "revision %u", number);
	snprintf(detail, sizeof(detail), "{\"instead\":%u}", instead);
	if (bh_store_audit(s,
			   &(struct bh_audit){.actor = "gateway",
					      .action = "policy.damaged",
					      .object = object,
					      .result = "failed",
					      .detail = detail},
			   &err) != 0)
		bh_log(BH_LOG_ERROR, "no audit entry about a damaged revision: %s", err.what);
}

static int
resume_locked(struct bh_store *s, const struct bh_store_start *in, const struct bh_commit_ops *ops,
	      struct bh_store_started *out, struct bh_err *err)
{
	struct bh_document d = {0};
	bool known = false;
	int rc = 0;

	if (in->file_text != NULL)
		rc = file_is_known(s, in->file_text, in->file_len, &known, err);
	if (rc == 0)
		rc = bh_document_newest(s, 0, NULL, &d, &out->damaged, err);
	if (rc != 0 && rc != -ENOENT)
		return rc;
	/* Known, and nothing whole is left of what came after it: it is the last thing to stand on. */
	out->from_file = in->file_text != NULL && (!known || rc == -ENOENT);
	if (out->from_file)
		rc = take_file(s, in->file_text, in->file_len, ops, &out->number, err);
	else if (rc == 0)
		rc = put_back(s, &d, ops, out, err);
	else
		rc = 0;
	free(d.text);
	if (rc == 0 && out->damaged != 0)
		record_damage(s, out->damaged, out->number);
	return rc;
}

int
bh_store_resume(struct bh_store *s, const struct bh_store_start *in,
		const struct bh_commit_ops *ops, struct bh_store_started *out, struct bh_err *err)
{
	struct bh_err pending = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&s->change);
	/* On a full disk they stay pending, which is not in force either. */
	if (drop_pending(s, &pending) != 0)
		bh_log(BH_LOG_ERROR, "%s", pending.what);
	rc = resume_locked(s, in, ops, out, err);
	pthread_mutex_unlock(&s->change);
	return rc;
}
