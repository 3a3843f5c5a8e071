/* Policy through the store: start, commits, rollbacks, the policy file, and what was not confirmed in time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"

#define POLICY_MAX (UINT64_C(64) << 20) /* as a policy file's */

/* One change of the model on its way. */
struct commit {
	struct bh_daemon *d;
	const char *name;                /* of the document, in errors */
	struct bh_policy_change planned; /* what check() counted */
	struct bh_policy_change change;
	struct bh_buf before; /* what was in force */
	uint32_t number_before;
	struct bh_api_sweep *sweep; /* NULL: nobody asks */
	struct bh_sweep sessions;
	uint32_t only_after; /* 0, or the revision that it was made from */
	bool alone;          /* where nobody can be asked, it is done here */
};

static int
check(void *arg, const char *text, size_t len, struct bh_buf *summary, struct bh_err *err)
{
	struct commit *c = arg;
	struct bh_policy_change *p = &c->planned;
	uint32_t now = bh_policy_revision(c->d->policy);
	int rc;

	if (c->only_after != 0 && c->only_after != now)
		return bh_err_set(err, ESTALE, "revision %u came into force meanwhile", now);
	rc = bh_policy_load_text(c->d->policy, c->name, text, len, true, p, err);
	if (rc == 0)
		rc = bh_daemon_sensors_try(c->d, text, len, err);
	if (rc == 0)
		bh_buf_printf(summary,
			      "{\"segments\":{\"total\":%u,\"added\":%u,\"removed\":%u,"
			      "\"changed\":%u},\"rules\":{\"total\":%u,\"added\":%u,\"removed\":%u,"
			      "\"changed\":%u},\"endpoints\":{\"total\":%u,\"added\":%u,"
			      "\"removed\":%u,\"changed\":%u}}",
			      p->segments, p->segments_added, p->segments_removed,
			      p->segments_changed, p->rules, p->rules_added, p->rules_removed,
			      p->rules_changed, p->endpoints, p->endpoints_added,
			      p->endpoints_removed, p->endpoints_changed);
	return rc;
}

static int
publish(void *arg, uint32_t number, const char *text, size_t len, struct bh_err *err)
{
	struct commit *c = arg;
	int rc;

	bh_buf_reset(&c->before);
	bh_policy_text(c->d->policy, &c->before);
	c->number_before = bh_policy_revision(c->d->policy);
	if (c->before.failed)
		return bh_err_set(err, ENOMEM, "out of memory");
	bh_daemon_usage_take(c->d);
	if (c->sweep != NULL)
		bh_daemon_sweep_before(c->d, &c->sessions);
	bh_policy_number_next(c->d->policy, number);
	rc = bh_policy_load_text(c->d->policy, c->name, text, len, false, &c->change, err);
	if (rc == 0)
		bh_daemon_usage_bind(c->d);
	return rc;
}

static void
restore(void *arg)
{
	struct commit *c = arg;
	struct bh_err err = {0};
	int rc;

	bh_policy_number_next(c->d->policy, c->number_before);
	rc = c->number_before == 0 || c->before.len == 0
		     ? bh_policy_load_empty(c->d->policy, &err)
		     : bh_policy_load_text(c->d->policy, "revision in force", c->before.data,
					   c->before.len, false, NULL, &err);
	if (rc != 0)
		bh_log(BH_LOG_ERROR, "revision %u could not be taken back: %s",
		       bh_policy_revision(c->d->policy), err.what);
}

/* The number that the fleet gives. */
static int
claim(void *arg, const struct bh_revision *r, uint64_t confirm_ms, uint32_t *number,
      struct bh_err *err)
{
	struct commit *c = arg;
	struct bh_err why = {0};
	int rc = bh_fleet_claim(c->d->fleet, r, confirm_ms, number, &why);

	if (rc == -ENOTCONN && c->alone) {
		bh_log(BH_LOG_WARN, "what was not confirmed is taken back here alone: %s",
		       why.what);
		*number = 0;
		return 0;
	}
	return rc == 0 ? 0 : bh_err_set(err, -rc, "%s", why.what);
}

static void
begin(struct commit *c, struct bh_daemon *d, const char *name, struct bh_commit_ops *ops)
{
	*c = (struct commit){.d = d, .name = name};
	*ops = (struct bh_commit_ops){.arg = c,
				      .check = check,
				      .publish = publish,
				      .restore = restore,
				      .claim = d->fleet != NULL ? claim : NULL};
}

/* The head of the audit chain goes into the log: whoever collects it can tell a chain that was made anew. */
static void
log_head(struct bh_daemon *d)
{
	char head[2 * BH_SHA256_SIZE + 1];
	uint64_t seq;

	if (bh_store_audit_head(d->store, &seq, head, NULL) == 0)
		bh_log(BH_LOG_INFO, "audit: entry %llu, %s", (unsigned long long)seq, head);
}

static void
log_in_force(struct bh_daemon *d, const struct bh_policy_change *c)
{
	char text[160];

	bh_log(BH_LOG_INFO, "policy in force, revision %u: %u rules, %u segments, %u endpoints",
	       c->revision, c->rules, c->segments, c->endpoints);
	snprintf(text, sizeof(text), "revision %u: %u rules, %u segments, %u endpoints",
		 c->revision, c->rules, c->segments, c->endpoints);
	bh_daemon_note(d, BH_EVENT_POLICY_LOADED, text);
	log_head(d);
}

static void
end(struct commit *c, int rc)
{
	if (rc == 0) {
		if (c->sweep != NULL)
			bh_daemon_sweep_after(c->d, &c->sessions, c->sweep);
		log_in_force(c->d, &c->change);
		bh_daemon_sensors_follow(c->d);
	}
	bh_daemon_sweep_free(&c->sessions);
	bh_buf_free(&c->before);
}

/* ---- over REST ---------------------------------------------------------------------------------------- */

int
bh_daemon_commit(void *arg, const struct bh_api_commit *in, struct bh_policy_change *change,
		 struct bh_err *err)
{
	struct bh_commit what = {
		.text = in->text,
		.len = in->len,
		.author = in->author,
		.why = in->why,
		.confirm_ms = in->confirm_ms,
		.origin = BH_ORIGIN_API,
	};
	struct bh_daemon *d = arg;
	struct bh_commit_ops ops;
	struct bh_buf carried = {0};
	struct commit c;
	uint32_t number;
	int rc = in->whole ? 0 : bh_daemon_carry_learned(d, in->text, in->len, &carried, err);

	if (rc != 0)
		return rc;
	if (carried.len != 0) {
		what.text = carried.data;
		what.len = carried.len;
	}
	begin(&c, d, "request body", &ops);
	c.sweep = in->sweep;
	c.only_after = in->only_after;
	rc = bh_store_commit(d->store, &what, &ops, &number, err);
	*change = c.change;
	end(&c, rc);
	bh_buf_free(&carried);
	return rc;
}

int
bh_daemon_rollback(void *arg, const struct bh_api_commit *in, struct bh_policy_change *change,
		   struct bh_err *err)
{
	struct bh_daemon *d = arg;
	struct bh_commit_ops ops;
	struct commit c;
	uint32_t number;
	int rc;

	begin(&c, d, "stored revision", &ops);
	c.sweep = in->sweep;
	rc = bh_store_rollback(d->store, in->to, in->author, in->why, &ops, &number, err);
	*change = c.change;
	end(&c, rc);
	return rc;
}

int
bh_daemon_take(void *arg, const struct bh_revision *r, const char *by, uint64_t left_ms,
	       struct bh_err *err)
{
	struct bh_daemon *d = arg;
	struct bh_commit_ops ops;
	struct commit c;
	int rc;

	begin(&c, d, "revision of the fleet", &ops);
	rc = bh_store_take(d->store, r, by, left_ms, &ops, err);
	end(&c, rc);
	return rc;
}

/* ---- control core, of a fleet its thread -------------------------------------------------------------------------------------- */

void
bh_daemon_store_tick(struct bh_daemon *d)
{
	struct bh_commit_ops ops;
	struct bh_err err = {0};
	char text[700];
	struct commit c;
	uint32_t number;
	int rc;

	begin(&c, d, "stored revision", &ops);
	c.alone = true;
	rc = bh_store_tick(d->store, &ops, &number, &err);
	bh_buf_free(&c.before);
	if (rc == 1) {
		snprintf(text, sizeof(text),
			 "revision %u was not confirmed in time; the one before it is in force as "
			 "revision %u",
			 c.number_before, number);
		bh_log(BH_LOG_WARN, "%s", text);
		log_in_force(d, &c.change);
		bh_daemon_sensors_follow(d);
		bh_daemon_note(d, BH_EVENT_POLICY_UNCONFIRMED, text);
	} else if (rc < 0 && rc != -ESTALE) { /* another gateway was first: its revision comes */
		bh_log(BH_LOG_ERROR, "cannot roll back what was not confirmed, trying again: %s",
		       err.what);
	}
}

/* SIGHUP. 1: the file is the one that was loaded last. */
int
bh_daemon_store_reload(struct bh_daemon *d, struct bh_policy_change *change, struct bh_err *err)
{
	struct bh_buf force = {0};
	struct bh_commit_ops ops;
	uint32_t number;
	struct commit c;
	char *text;
	size_t len;
	int rc = bh_file_read(d->config.policy_file, POLICY_MAX, &text, &len, err);

	if (rc != 0)
		return rc;
	bh_policy_text(d->policy, &force);
	begin(&c, d, d->config.policy_file, &ops);
	rc = bh_store_file(d->store, text, len, &ops, &number, err);
	*change = c.change;
	bh_buf_free(&c.before);
	free(text);
	if (rc == 0) {
		log_head(d);
		bh_daemon_keep_learned(d, &force);
		bh_daemon_sensors_follow(d);
	}
	bh_buf_free(&force);
	return rc;
}

/* ---- start and end -------------------------------------------------------------------------------------- */

static void
audit(struct bh_daemon *d, const char *action, const char *detail)
{
	struct bh_err err = {0};
	const struct bh_audit e = {.actor = "gateway",
				   .action = action,
				   .object = "gateway",
				   .result = "ok",
				   .detail = detail};

	if (bh_store_audit(d->store, &e, &err) != 0)
		bh_log(BH_LOG_ERROR, "no audit entry about %s: %s", action, err.what);
}

/* With the time since when there was no gateway: a report's failures of the control. */
static void
audit_start(struct bh_daemon *d, const struct bh_down *down)
{
	char detail[256], since[80] = "", when[32];

	if (down->since_ns != 0) {
		bh_time_format(down->since_ns, when, sizeof(when));
		snprintf(since, sizeof(since), ",\"down_since\":\"%s\",\"clean\":%s", when,
			 down->clean ? "true" : "false");
	}
	snprintf(detail, sizeof(detail),
		 "{\"version\":\"" BH_VERSION "\",\"mode\":\"%s\",\"revision\":%u%s}",
		 bh_mode_name(d->config.mode), bh_policy_revision(d->policy), since);
	audit(d, "gateway.start", detail);
	log_head(d);
}

static int
resume(struct bh_daemon *d, const struct bh_store_start *in, struct bh_store_started *out,
       struct bh_err *err)
{
	struct bh_commit_ops ops;
	struct commit c;
	int rc;

	begin(&c, d, in->file_text != NULL ? d->config.policy_file : "stored revision", &ops);
	rc = bh_store_resume(d->store, in, &ops, out, err);
	if (rc == 0 && out->number == 0)
		rc = bh_policy_load_empty(d->policy, err);
	if (rc == 0)
		bh_log(BH_LOG_INFO,
		       "policy revision %u, from %s: %u rules, %u segments, %u endpoints",
		       out->number,
		       out->number == 0 ? "nowhere"
		       : out->from_file ? d->config.policy_file
					: "the store",
		       c.change.rules, c.change.segments, c.change.endpoints);
	bh_buf_free(&c.before);
	return rc;
}

int
bh_daemon_store_load(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_store_params params = {.path = d->config.store_path,
					       .keep = (uint32_t)d->config.store_keep};
	struct bh_store_started started;
	struct bh_down down = {0};
	struct bh_buf before = {0};
	struct bh_store_start in = {0};
	char *text = NULL;
	int rc = 0;

	if (d->config.policy_file[0] != '\0')
		rc = bh_file_read(d->config.policy_file, POLICY_MAX, &text, &in.file_len, err);
	if (rc == 0)
		rc = bh_store_open(&d->store, &params, err);
	if (rc != 0)
		goto free_text;
	bh_store_down(d->store, &down, NULL);
	in.file_text = text;
	bh_daemon_stored(d, &before);
	rc = bh_daemon_modes_load(d, err);
	if (rc == 0)
		rc = resume(d, &in, &started, err);
	if (rc != 0)
		goto free_text;
	/* There is no event file yet. */
	if (started.damaged != 0) {
		snprintf(d->store_alarm, sizeof(d->store_alarm),
			 "revision %u of %s is damaged; revision %u is in force instead",
			 started.damaged, d->config.store_path, started.number);
		bh_log(BH_LOG_ERROR, "%s", d->store_alarm);
	}
	if (started.expired)
		bh_log(BH_LOG_WARN, "a revision was not confirmed while the gateway was down: "
				    "rolled back");
	audit_start(d, &down);
	if (started.from_file)
		bh_daemon_keep_learned(d, &before);
free_text:
	bh_buf_free(&before);
	free(text);
	return rc;
}

int
bh_daemon_store_reopen(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_store_params params = {.path = d->config.store_path,
					       .keep = (uint32_t)d->config.store_keep};
	const struct bh_down none = {0};
	int rc;

	if (params.path[0] == '\0')
		return 0;
	rc = bh_store_open(&d->store, &params, err);
	if (rc == 0)
		audit_start(d, &none);
	return rc;
}

void
bh_daemon_store_close(struct bh_daemon *d)
{
	if (d->store == NULL)
		return;
	audit(d, "gateway.stop", NULL);
	bh_store_close(d->store);
	d->store = NULL;
}
