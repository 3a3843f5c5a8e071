/* A policy and the linter's answer, for its tests. */
#ifndef BH_POLICY_LINT_RIG_H
#define BH_POLICY_LINT_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

static const struct bh_view *current;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

static struct bh_policy *
make_policy(void)
{
	struct bh_policy_params params = {.max_endpoints = 4096,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish};
	struct bh_policy *p = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	return p;
}

static inline void
load(struct bh_policy *p, const char *text, size_t len)
{
	struct bh_err err = {0};

	if (bh_policy_load_text(p, "lint.yaml", text, len, false, NULL, &err) != 0) {
		fprintf(stderr, "\n%u:%u: %s\n%s", err.line, err.column, err.what, text);
		CU_FAIL_FATAL("a good policy does not load");
	}
}

/* Not every test lints. */
static inline struct bh_lint *
lint(struct bh_policy *p, const char *text)
{
	struct bh_lint *l = NULL;
	struct bh_err err = {0};

	if (bh_policy_lint(p, "lint.yaml", text, strlen(text), &l, &err) != 0) {
		fprintf(stderr, "\n%u:%u: %s\n%s", err.line, err.column, err.what, text);
		CU_FAIL_FATAL("a good policy is not linted");
	}
	return l;
}

#endif
