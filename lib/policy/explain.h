/* explain: what explain*.c share. */
#ifndef BH_POLICY_EXPLAIN_H
#define BH_POLICY_EXPLAIN_H

#include "lint.h"

struct bh_explain_run {
	struct bh_policy *p; /* locked */
	const struct bh_question *q;
	struct bh_explanation *out;
	uint32_t *in[2], n_in[2]; /* segments of each end, ascending */
	bool unknown[2];
	struct bh_proto_state state;
	struct bh_said said;
	bool heard; /* the application is given */
	struct bh_appset proven, possible;
	int rc;
};

/* Go through the rules: steps, path, nearest. */
void bh_explain_path(struct bh_explain_run *run);

#endif
