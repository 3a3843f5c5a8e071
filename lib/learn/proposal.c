/* The learned list beside what people wrote. */
#include <errno.h>
#include <stdlib.h>

#include "draft.h"

#define RANGES 20 /* of ports, in one rule */

/* What a written or imported rule allows needs no other; nor what it judges by operation, which a learned rule behind it
 * would open again. */
static bool
is_wanted(void *arg, const struct bh_conversation *c)
{
	struct bh_draft_verdict v;

	bh_draft_judge(arg, c, &v);
	return !v.by_operation && v.protect != BH_VERDICT_ALLOW;
}

int
bh_learn_proposal(struct bh_learn *l, struct bh_policy *p, uint32_t max_endpoints,
		  struct bh_learned **out, struct bh_err *err)
{
	struct bh_buf text = {0}, written = {0};
	struct bh_draft *d = NULL;
	struct bh_draft_params draft = {.name = "policy in force",
					.from = p,
					.max_endpoints = max_endpoints,
					.mode = BH_MODE_PROTECT};
	struct bh_learned_params params = {.ports = RANGES,
					   .wanted = is_wanted,
					   .labels = bh_learn_labels(l)};
	int rc = 0;

	bh_policy_text(p, &text);
	if (text.len != 0)
		bh_document_written(text.data, text.len, &written);
	if (text.failed || written.failed)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	draft.text = written.data;
	draft.len = written.len;
	if (rc == 0)
		rc = bh_draft_open(&d, &draft, err);
	params.arg = d;
	if (rc == 0)
		rc = bh_learn_rules(l, &params, out, err);
	bh_draft_close(d);
	bh_buf_free(&text);
	bh_buf_free(&written);
	return rc;
}
