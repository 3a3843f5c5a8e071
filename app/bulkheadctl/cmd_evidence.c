/* evidence: the packets around alerts, listed, fetched, deleted. */
#include <stdlib.h>
#include <unistd.h>

#include "ctl.h"

static int
evidence_usage(struct bh_ctl *ctl)
{
	fprintf(ctl->err,
		"usage: bulkheadctl evidence list|get NAME|delete NAME; `get` writes pcapng "
		"to standard output: > FILE\n");
	return BH_CTL_USAGE;
}

static int
evidence_ask(struct bh_ctl *ctl, const char *method, const char *name, struct bh_ctl_reply *r)
{
	struct bh_buf path = {0};
	int rc;

	bh_buf_str(&path, "/evidence/");
	bh_ctl_encode(&path, name);
	rc = bh_ctl_call(ctl,
			 &(struct bh_ctl_request){.method = method,
						  .path = path.failed ? "/" : path.data},
			 r);
	bh_buf_free(&path);
	return rc;
}

static int
evidence_get(struct bh_ctl *ctl, const char *name)
{
	struct bh_ctl_reply r = {0};
	int rc;

	if (ctl->width != 0) {
		fprintf(ctl->err, "bulkheadctl: this is a capture, not for a terminal: > FILE\n");
		return BH_CTL_USAGE;
	}
	rc = evidence_ask(ctl, "GET", name, &r);
	if (rc == 0 &&
	    (fwrite(r.text.data, 1, r.text.len, ctl->out) != r.text.len || fflush(ctl->out) != 0)) {
		fprintf(ctl->err, "bulkheadctl: cannot write all of it\n");
		rc = BH_CTL_NO;
	}
	bh_ctl_reply_free(&r);
	return rc;
}

static int
evidence_delete(struct bh_ctl *ctl, const char *name)
{
	struct bh_ctl_reply r = {0};
	int rc = evidence_ask(ctl, "DELETE", name, &r);

	if (rc == 0)
		fprintf(ctl->out, "deleted\n");
	bh_ctl_reply_free(&r);
	return rc;
}

static int
evidence_list(struct bh_ctl *ctl)
{
	static char kind[] = "evidence";
	char **word = ctl->a.word;
	int n_words = ctl->a.n_words, rc;

	/* The same as `get evidence`. */
	char *words[] = {kind};

	ctl->a.word = words;
	ctl->a.n_words = 1;
	rc = bh_ctl_get(ctl);
	ctl->a.word = word;
	ctl->a.n_words = n_words;
	return rc;
}

int
bh_ctl_evidence(struct bh_ctl *ctl)
{
	const char *what = ctl->a.word[0];

	if (strcmp(what, "list") == 0 && ctl->a.n_words == 1)
		return evidence_list(ctl);
	if (ctl->a.n_words != 2)
		return evidence_usage(ctl);
	if (strcmp(what, "get") == 0)
		return evidence_get(ctl, ctl->a.word[1]);
	if (strcmp(what, "delete") == 0)
		return evidence_delete(ctl, ctl->a.word[1]);
	return evidence_usage(ctl);
}
