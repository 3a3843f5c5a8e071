/* Requirements over the text of a value: beginnings, parts, regular expressions (PCRE2). Control threads only. */
#include <errno.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "policy_priv.h"

/* A person writes less. */
#define REGEX_MAX 256
/* Bytes of code: repetitions of repetitions grow a short text a thousandfold, and there may be a regular expression
 * a segment. */
#define CODE_MAX 8192
/* Steps and heap (KiB) of one match over at most 127 bytes: what needs more explodes. A label set is matched once, not
 * once an endpoint; a hundred thousand steps are a millisecond. */
#define MATCH_LIMIT 100000
#define HEAP_LIMIT 1024
/* Label values are ASCII. */
#define OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY)

void
bh_selector_shortest(struct bh_requirement *r)
{
	unsigned i, k, n = 0;

	for (i = 0; i < r->n_values; i++) {
		const char *v = r->value[i];

		for (k = 0; k < r->n_values; k++) {
			if (k != i && strncmp(v, r->value[k], strlen(r->value[k])) == 0)
				break;
		}
		r->value[n] = v;
		n += k == r->n_values;
	}
	r->n_values = n;
}

/* ---- regular expressions ----------------------------------------------------------------------------- */

/* The code lives and dies with the arena: selectors are never freed one by one. */
static void *
take(size_t size, void *arena)
{
	return bh_arena_alloc(arena, size);
}

static void
keep(void *p, void *arena)
{
	(void)p;
	(void)arena;
}

static int
compile(struct bh_arena *a, struct bh_requirement *r, size_t *offset, struct bh_err *err)
{
	pcre2_general_context *general = pcre2_general_context_create(take, keep, a);
	pcre2_compile_context *context =
		general != NULL ? pcre2_compile_context_create(general) : NULL;
	PCRE2_UCHAR message[160] = "";
	PCRE2_SIZE at = 0;
	size_t size = 0;
	int error;

	*offset = 0;
	if (context == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	r->code = pcre2_compile((PCRE2_SPTR)r->value[0], PCRE2_ZERO_TERMINATED, OPTIONS, &error,
				&at, context);
	if (r->code == NULL) {
		*offset = at;
		pcre2_get_error_message(error, message, sizeof(message));
		return bh_err_set(err, EINVAL, "the regular expression ends here: %s",
				  (const char *)message);
	}
	pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &size);
	if (size > CODE_MAX)
		return bh_err_set(err, EINVAL,
				  "the regular expression is too big: its repetitions multiply");
	return 0;
}

int
bh_selector_regex(struct bh_arena *a, const char **p, struct bh_requirement *r, const char **at,
		  struct bh_err *err)
{
	const char *start = *p + 1, *end;
	size_t offset;
	int rc;

	*at = *p;
	if (**p != '"' && **p != '\'')
		return bh_err_set(err, EINVAL,
				  "expected a regular expression in quotes here, such as "
				  "~ \"^web-[0-9]+$\"");
	end = strchr(start, **p);
	if (end == NULL)
		return bh_err_set(err, EINVAL, "the regular expression lacks its closing quote");
	if (end == start)
		return bh_err_set(err, EINVAL, "the regular expression is empty");
	if (end - start > REGEX_MAX)
		return bh_err_set(err, EINVAL,
				  "the regular expression is longer than %d characters", REGEX_MAX);
	r->value = bh_arena_alloc(a, sizeof(*r->value));
	if (r->value != NULL)
		r->value[0] = bh_arena_text(a, start, (size_t)(end - start));
	if (r->value == NULL || r->value[0] == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	r->n_values = 1;
	rc = compile(a, r, &offset, err);
	*at = start + offset;
	*p = end + 1;
	return rc;
}

/* What takes too many steps neither fits nor fails: its endpoint is not in the segment, whichever was asked. */
static bool
regex_met(const struct bh_requirement *r, const char *value)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int rc = PCRE2_ERROR_NOMEMORY;

	if (data != NULL && context != NULL) {
		pcre2_set_match_limit(context, MATCH_LIMIT);
		pcre2_set_heap_limit(context, HEAP_LIMIT);
		rc = pcre2_match(r->code, (PCRE2_SPTR)value, strlen(value), 0, 0, data, context);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return r->op == BH_REQUIRE_REGEX ? rc >= 0 : rc == PCRE2_ERROR_NOMATCH;
}

bool
bh_selector_text_met(const struct bh_requirement *r, const char *value)
{
	unsigned i;

	if (value == NULL)
		return r->op == BH_REQUIRE_NOT_REGEX;
	if (r->op == BH_REQUIRE_REGEX || r->op == BH_REQUIRE_NOT_REGEX)
		return regex_met(r, value);
	for (i = 0; i < r->n_values; i++) {
		const char *v = r->value[i];

		if (r->op == BH_REQUIRE_PREFIX ? strncmp(value, v, strlen(v)) == 0
					       : strstr(value, v) != NULL)
			return true;
	}
	return false;
}
