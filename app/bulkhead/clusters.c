/* clusters: what clusters wish (lib/kube), as the part `clusters:` of the policy in force. From a thread of lib/kube's. */
#include <errno.h>
#include <stdio.h>

#include "../../lib/learn/draft.h"
#include "daemon.h"

#define KEY "clusters:"
#define AUTHOR "clusters"

/* The document in force, and what it would be with the part. 1: it has it already. */
static int
compose(struct bh_daemon *d, const struct bh_kube_part *part, struct bh_buf *out,
	struct bh_err *err)
{
	struct bh_buf force = {0}, own = {0};
	bool same;
	int rc = 0;

	bh_policy_text(d->policy, &force);
	bh_document_part(force.data != NULL ? force.data : "", force.len, KEY, &own);
	same = own.len == part->len && (own.len == 0 || memcmp(own.data, part->text, own.len) == 0);
	if (force.failed || own.failed)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	else if (same)
		rc = 1;
	else
		rc = bh_document_with_part(force.data != NULL ? force.data : "", force.len, KEY,
					   part->text, out, err);
	bh_buf_free(&force);
	bh_buf_free(&own);
	return rc;
}

/* Lines are of a document that nobody wrote: the words of the one that is wrong say more. */
static void
add_words(const struct bh_buf *text, struct bh_err *err)
{
	const char *at = text->data;
	char what[sizeof(err->what)];
	unsigned line;

	for (line = 1; at != NULL && line < err->line; line++) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL || err->line == 0)
		return;
	at += strspn(at, " -");
	snprintf(what, sizeof(what), "%.250s; in: %.*s", err->what,
		 (int)(strcspn(at, "\n") < 120 ? strcspn(at, "\n") : 120), at);
	snprintf(err->what, sizeof(err->what), "%s", what);
}

int
bh_daemon_clusters_wish(void *arg, const struct bh_kube_part *part, uint32_t *revision,
			struct bh_err *err)
{
	struct bh_daemon *d = arg;
	struct bh_policy_change change;
	struct bh_buf text = {0};
	/* Before its text is read: what comes in between is seen. */
	uint32_t from = bh_policy_revision(d->policy);
	struct bh_api_commit in = {.author = AUTHOR,
				   .why = part->why,
				   .only_after = from,
				   .whole = true};
	int rc = compose(d, part, &text, err);

	in.text = text.data;
	in.len = text.len;
	if (rc == 0 && !part->dry && d->store != NULL)
		rc = bh_daemon_commit(d, &in, &change, err);
	else if (rc == 0)
		rc = bh_policy_load_text(d->policy, "policy of clusters", text.data, text.len,
					 part->dry, &change, err);
	if (rc == 0 && part->dry)
		rc = bh_daemon_sensors_try(d, text.data, text.len, err);
	if (rc < 0)
		add_words(&text, err);
	else if (!part->dry)
		rc = bh_daemon_sensors_settle(d, err);
	bh_buf_free(&text);
	*revision = bh_policy_revision(d->policy);
	return rc < 0 ? rc : 0;
}
