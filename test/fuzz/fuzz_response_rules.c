/* Any bytes as the rules of responses. Beyond no crash: a refusal has a sentence, and within a document a line and a column; what
 * is accepted has a count that fits its window, actions of its own, and paths that are written and read alike; and it is
 * accepted again. */
#include <stdlib.h>

#include "../../lib/response/response_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void
check_paths(const struct bh_rule_action *a)
{
	char text[192], again[192];
	struct bh_restriction_path path;
	uint32_t i;

	MUST(a->n_paths <= BH_RESTRICTION_PATHS);
	for (i = 0; i < a->n_paths; i++) {
		bh_restriction_path_format(&a->path[i], text, sizeof(text));
		MUST(bh_restriction_path(text, &path, NULL) == 0);
		bh_restriction_path_format(&path, again, sizeof(again));
		MUST(strcmp(text, again) == 0);
		MUST(path.first == a->path[i].first && path.last == a->path[i].last);
	}
}

static void
check_rule(const struct bh_response_rule *r)
{
	unsigned i;

	MUST(r->id[0] != '\0' && r->line != 0);
	MUST(r->on != 0 && r->modes != 0 && r->severity >= 1 && r->severity <= 3);
	MUST((r->window != NULL) == (r->count > 1) && r->count <= BH_RESPONSE_COUNT_MAX);
	MUST(r->n_actions >= 1 && r->n_actions <= BH_RESPONSE_RULE_ACTIONS);
	for (i = 0; i < r->n_actions; i++)
		check_paths(&r->action[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size != 0 ? (const char *)data : "";
	struct bh_response_rules *rules;
	struct bh_err err = {0};
	unsigned i;

	if (bh_response_rules_read(&rules, "r.yaml", text, size, &err) != 0) {
		MUST(err.what[0] != '\0');
		return 0;
	}
	MUST(rules->limit >= 1);
	for (i = 0; i < rules->n; i++)
		check_rule(&rules->rule[i]);
	check_paths(&rules->asked);
	bh_response_rules_free(rules);
	MUST(bh_response_check("r.yaml", text, size, &err) == 0);
	return 0;
}
