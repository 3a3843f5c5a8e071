/* restrict: what judge.c asks of restrict.c. */
#ifndef BH_POLICY_RESTRICT_H
#define BH_POLICY_RESTRICT_H

#include "restriction.h"

struct bh_class;

/* Two ends as the judge found them, by end of the key. */
struct bh_restrict_question {
	const struct bh_view *view;
	const struct bh_flow_key *key;
	unsigned initiator;
	uint16_t service;
	const struct bh_said *said;
	const struct bh_class *class_[2][2];
	bool unknown[2];
};

/* Make the judgement stricter where one of the view's restrictions says so. */
void bh_restrict_judge(const struct bh_restrict_question *q, struct bh_judgement *out);
void bh_restrictions_free(void *restrictions); /* NULL is fine */

#endif
