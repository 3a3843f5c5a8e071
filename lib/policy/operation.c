/* Allow lists of operations: compiled from a document's rules, and asked by workers. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

/* ---- compile ---------------------------------------------------------------------------------------- */

static int
build_list(struct bh_snapshot *s, const struct bh_rule_list *from, struct bh_allow *to,
	   struct bh_err *err)
{
	uint32_t i;
	int rc = 0;

	to->field = from->field;
	to->match = bh_op_field_info(from->field)->match;
	to->pattern = &s->pattern[s->n_patterns];
	to->n_patterns = from->n_patterns;
	for (i = 0; rc == 0 && i < from->n_patterns; i++)
		rc = bh_pattern_compile(&s->arena, from->pattern[i], from->field,
					&s->pattern[s->n_patterns++], err);
	return rc;
}

static int
build_app(struct bh_snapshot *s, const struct bh_rule_app *from, struct bh_asked_app *to,
	  struct bh_err *err)
{
	struct bh_allow *allow = NULL;
	uint32_t i;
	int rc = 0;

	to->lines = bh_appset_of(from->app);
	if (from->n_lists != 0) {
		allow = bh_arena_alloc(&s->arena, from->n_lists * sizeof(*allow));
		if (allow == NULL)
			return -ENOMEM;
	}
	for (i = 0; rc == 0 && i < from->n_lists; i++)
		rc = build_list(s, &from->list[i], &allow[i], err);
	to->allow = allow;
	to->n_allow = from->n_lists;
	return rc;
}

static int
fail_at(const struct bh_doc *doc, const struct bh_doc_rule *r, struct bh_err *err)
{
	if (err != NULL) {
		memcpy(err->file, doc->name, sizeof(err->file));
		err->line = r->line;
		err->column = r->column;
	}
	return -EINVAL;
}

int
bh_operations_build(struct bh_snapshot *s, const struct bh_doc *doc, struct bh_err *err)
{
	uint64_t apps = 0, patterns = 0;
	uint32_t i, k, n;
	int rc = 0;

	for (i = 0; i < doc->n_rules; i++) {
		apps += doc->rule[i].n_apps;
		for (k = 0; k < doc->rule[i].n_apps; k++) {
			for (n = 0; n < doc->rule[i].app[k].n_lists; n++)
				patterns += doc->rule[i].app[k].list[n].n_patterns;
		}
	}
	/* Each is a node of the document, of which there are at most 16 Mi. */
	s->app = calloc(apps + 1, sizeof(*s->app));
	s->pattern = calloc(patterns + 1, sizeof(*s->pattern));
	if (s->app == NULL || s->pattern == NULL)
		return -ENOMEM;
	s->by_application = apps != 0;
	bh_apptab_init(&s->apptab);
	for (i = 0; rc == 0 && i < doc->n_rules; i++) {
		s->rule[i].first_app = s->n_apps;
		s->rule[i].n_apps = (uint16_t)doc->rule[i].n_apps;
		s->rule[i].denied = doc->rule[i].denied;
		for (k = 0; rc == 0 && k < doc->rule[i].n_apps; k++)
			rc = build_app(s, &doc->rule[i].app[k], &s->app[s->n_apps++], err);
		if (rc == -EINVAL)
			return fail_at(doc, &doc->rule[i], err);
	}
	return rc;
}

void
bh_operations_free(struct bh_snapshot *s)
{
	uint32_t i;

	for (i = 0; i < s->n_patterns; i++)
		bh_pattern_free(&s->pattern[i]);
	free(s->pattern);
	free(s->app);
	bh_arena_free(&s->arena);
}

/* ---- ask -------------------------------------------------------------------------------------------- */

/* Is a value in the list? */
static enum bh_match
in_list(const struct bh_allow *a, const struct bh_op_value *v, struct bh_policy_scratch *scratch)
{
	enum bh_match best = BH_MATCH_NO, m;
	uint32_t i;

	for (i = 0; i < a->n_patterns; i++) {
		m = bh_pattern_match(&a->pattern[i], scratch, v->at, v->len);
		if (m == BH_MATCH_YES)
			return m;
		best = m == BH_MATCH_UNSURE ? m : best;
	}
	return best;
}

/* Fields that an operation has once, in a place of their own: a request that names more topics than are kept is still
 * the API that its header says. A statement of SQL may hold several verbs, a query of DNS several questions. */
static bool
is_single(unsigned field)
{
	switch (field) {
	case BH_OP_HTTP_METHOD:
	case BH_OP_HTTP_HOST:
	case BH_OP_HTTP_PATH:
	case BH_OP_GRPC_SERVICE:
	case BH_OP_GRPC_METHOD:
	case BH_OP_REDIS_COMMAND:
	case BH_OP_MONGO_COMMAND:
	case BH_OP_MONGO_DATABASE:
	case BH_OP_KAFKA_API:
	case BH_OP_TLS_SNI:
	case BH_OP_TLS_SERVICE:
	case BH_OP_TLS_VERSION:
	case BH_OP_TLS_JA3:
	case BH_OP_TLS_JA4:
	case BH_OP_QUIC_SNI:
		return true;
	default:
		return false;
	}
}

/* Of an operation that is PARTIAL: may a field have more values, or longer ones, than are here? */
static bool
may_miss(const struct bh_op *op, unsigned field)
{
	unsigned i, n = 0;

	if ((op->flags & BH_OP_PARTIAL) == 0)
		return false;
	for (i = 0; i < op->n; i++) {
		if (op->value[i].field != field)
			continue;
		if (op->value[i].len >= BH_OP_VALUE_MAX)
			return true; /* cut */
		n++;
	}
	return n != 1 || !is_single(field);
}

/* Each value is in the list, and if so asked there is one. */
static bool
each_is_in(const struct bh_allow *a, const struct bh_op *op, struct bh_policy_scratch *scratch)
{
	unsigned i, n = 0;

	for (i = 0; i < op->n; i++) {
		if (op->value[i].field != a->field)
			continue;
		if (in_list(a, &op->value[i], scratch) != BH_MATCH_YES)
			return false;
		n++;
	}
	if (a->match == BH_OP_MATCH_AT_LEAST)
		return n == 1;
	return n != 0 || a->match == BH_OP_MATCH_EVERY;
}

/* For each pattern there is a value. */
static bool
all_are_there(const struct bh_allow *a, const struct bh_op *op, struct bh_policy_scratch *scratch)
{
	struct bh_allow one = *a;
	unsigned i;

	one.n_patterns = 1;
	for (; one.pattern < a->pattern + a->n_patterns; one.pattern++) {
		for (i = 0; i < op->n; i++) {
			if (op->value[i].field == a->field &&
			    in_list(&one, &op->value[i], scratch) == BH_MATCH_YES)
				break;
		}
		if (i == op->n)
			return false;
	}
	return true;
}

/* A value is in the list, or may be. */
static bool
one_may_be_in(const struct bh_allow *a, const struct bh_op *op, struct bh_policy_scratch *scratch)
{
	unsigned i;

	for (i = 0; i < op->n; i++) {
		if (op->value[i].field == a->field &&
		    in_list(a, &op->value[i], scratch) != BH_MATCH_NO)
			return true;
	}
	return may_miss(op, a->field);
}

bool
bh_operation_fits(const struct bh_asked_app *a, const struct bh_op *op,
		  struct bh_policy_scratch *scratch, bool denies)
{
	bool fits = true;
	uint32_t i;

	for (i = 0; fits && i < a->n_allow; i++) {
		if (denies)
			fits = one_may_be_in(&a->allow[i], op, scratch);
		else if (a->allow[i].match == BH_OP_MATCH_PRESENT)
			fits = all_are_there(&a->allow[i], op, scratch);
		else
			fits = !may_miss(op, a->allow[i].field) &&
			       each_is_in(&a->allow[i], op, scratch);
	}
	return fits;
}
