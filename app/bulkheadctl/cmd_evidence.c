/* evidence: the packets around alerts, listed, fetched, deleted. */
#include "ctl.h"

#define EVIDENCE "evidence"

static int
evidence_usage(struct bh_ctl *ctl)
{
	fprintf(ctl->err,
		"usage: bulkheadctl evidence list|get NAME|delete NAME; `get` writes pcapng "
		"to standard output: > FILE\n");
	return BH_CTL_USAGE;
}

static int
evidence_delete(struct bh_ctl *ctl, const char *name)
{
	struct bh_ctl_reply r = {0};
	int rc = bh_ctl_packets_ask(ctl, EVIDENCE, "DELETE", name, &r);

	if (rc == 0)
		fprintf(ctl->out, "deleted\n");
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_evidence(struct bh_ctl *ctl)
{
	const char *what = ctl->a.word[0];

	if (strcmp(what, "list") == 0 && ctl->a.n_words == 1)
		return bh_ctl_packets_list(ctl, EVIDENCE);
	if (ctl->a.n_words != 2)
		return evidence_usage(ctl);
	if (strcmp(what, "get") == 0)
		return bh_ctl_packets_get(ctl, EVIDENCE, ctl->a.word[1]);
	if (strcmp(what, "delete") == 0)
		return evidence_delete(ctl, ctl->a.word[1]);
	return evidence_usage(ctl);
}
