/* Patterns of operations: a text, a text with * for any run of bytes, or ~REGEX (PCRE2). */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "policy_priv.h"

/* Bytes: a value is cut there, so that nothing longer could fit. */
#define PATTERN_MAX BH_OP_VALUE_MAX
/* Steps of one match, as PCRE2 counts them: what a value of 512 bytes needs for a regular expression that does
 * not explode, ten times over. One that does ends within a hundred microseconds. */
#define MATCH_LIMIT 10000
/* The machine code's own stack: fixed, so that it never grows while matching. */
#define JIT_STACK (UINT64_C(64) << 10)
/* Bytes in UTF-8 are bytes here: what a parser hands over need not be text. $ is the very end. */
#define OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_DOLLAR_ENDONLY)

struct bh_policy_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

int
bh_policy_scratch_create(struct bh_policy_scratch **out)
{
	struct bh_policy_scratch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(JIT_STACK, JIT_STACK, NULL);
	if (s->data == NULL || s->context == NULL || s->stack == NULL) {
		bh_policy_scratch_destroy(s);
		return -ENOMEM;
	}
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_jit_stack_assign(s->context, NULL, s->stack);
	*out = s;
	return 0;
}

void
bh_policy_scratch_destroy(struct bh_policy_scratch *s)
{
	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
}

/* Fields whose letters' case says nothing: keywords, names of hosts and headers, hashes in hex. Others name what
 * a server keeps (paths, keys, tables ...), and "Orders" is not "orders" to all of them. */
static bool
folds(unsigned field)
{
	switch (field) {
	case BH_OP_HTTP_METHOD:
	case BH_OP_HTTP_HOST:
	case BH_OP_HTTP_HEADER:
	case BH_OP_MYSQL_VERB:
	case BH_OP_PG_VERB:
	case BH_OP_MSSQL_VERB:
	case BH_OP_CQL_VERB:
	case BH_OP_REDIS_COMMAND:
	case BH_OP_MONGO_COMMAND:
	case BH_OP_KAFKA_API:
	case BH_OP_DNS_TYPE:
	case BH_OP_DNS_NAME:
	case BH_OP_TLS_SNI:
	case BH_OP_TLS_SERVICE:
	case BH_OP_TLS_JA3:
	case BH_OP_TLS_JA4:
	case BH_OP_QUIC_SNI:
		return true;
	default:
		return false;
	}
}

/* Of "1.0" to "1.3", else -1. */
static int
rank_of(const uint8_t *value, size_t len)
{
	if (len != 3 || value[0] != '1' || value[1] != '.' || value[2] < '0' || value[2] > '3')
		return -1;
	return value[2] - '0';
}

static int
compile_regex(const char *text, bool fold, bool fast, pcre2_code **out, size_t *at,
	      struct bh_err *err)
{
	uint32_t options = OPTIONS | (fold ? PCRE2_CASELESS : 0);
	PCRE2_UCHAR message[160] = "";
	PCRE2_SIZE offset = 0;
	size_t machine = 0;
	int error;

	*out = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &offset,
			     NULL);
	if (*out == NULL) {
		*at = offset;
		pcre2_get_error_message(error, message, sizeof(message));
		return bh_err_set(err, EINVAL, "the regular expression ends here: %s",
				  (const char *)message);
	}
	if (!fast)
		return 0;
	/* Without machine code a match would take memory from the heap. */
	if (pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE) != 0 ||
	    pcre2_pattern_info(*out, PCRE2_INFO_JITSIZE, &machine) != 0 || machine == 0) {
		pcre2_code_free(*out);
		*out = NULL;
		return bh_err_set(err, EINVAL,
				  "the regular expression '%.100s' can't be made machine code: too "
				  "big, or this host forbids memory that is written and executed",
				  text);
	}
	return 0;
}

int
bh_pattern_check(const char *text, unsigned field, size_t *at, struct bh_err *err)
{
	pcre2_code *code = NULL;
	int rc;

	*at = 0;
	if (strlen(text) > PATTERN_MAX)
		return bh_err_set(err, EINVAL, "longer than %u bytes: nothing that long can fit",
				  PATTERN_MAX);
	if (bh_op_field_info(field)->match == BH_OP_MATCH_AT_LEAST)
		return rank_of((const uint8_t *)text, strlen(text)) >= 0
			       ? 0
			       : bh_err_set(err, EINVAL,
					    "expected 1.0, 1.1, 1.2 or 1.3, found '%.40s'", text);
	if (text[0] != '~')
		return 0;
	if (text[1] == '\0')
		return bh_err_set(err, EINVAL, "expected a regular expression behind ~");
	rc = compile_regex(text + 1, folds(field), false, &code, at, err);
	*at += 1;
	pcre2_code_free(code);
	return rc;
}

int
bh_pattern_compile(struct bh_arena *a, const char *text, unsigned field, struct bh_pattern *out,
		   struct bh_err *err)
{
	size_t len = strlen(text), at, i;
	pcre2_code *code = NULL;
	char *copy;
	int rc;

	*out = (struct bh_pattern){.len = (uint16_t)len, .fold = folds(field)};
	if (bh_op_field_info(field)->match == BH_OP_MATCH_AT_LEAST) {
		out->kind = BH_PATTERN_LEAST;
		out->rank = (uint8_t)rank_of((const uint8_t *)text, len);
		return 0;
	}
	if (text[0] == '~') {
		rc = compile_regex(text + 1, out->fold, true, &code, &at, err);
		out->kind = BH_PATTERN_REGEX;
		out->code = code;
		return rc;
	}
	out->kind = strchr(text, '*') != NULL ? BH_PATTERN_STARS : BH_PATTERN_EXACT;
	copy = bh_arena_text(a, text, len);
	if (copy == NULL)
		return -ENOMEM;
	for (i = 0; out->fold && i < len; i++)
		copy[i] = (char)tolower((unsigned char)copy[i]);
	out->text = copy;
	return 0;
}

void
bh_pattern_free(struct bh_pattern *p)
{
	pcre2_code_free(p->code);
}

size_t
bh_pattern_bytes(const struct bh_pattern *p)
{
	size_t code = 0, machine = 0;

	if (p->code != NULL) {
		pcre2_pattern_info(p->code, PCRE2_INFO_SIZE, &code);
		pcre2_pattern_info(p->code, PCRE2_INFO_JITSIZE, &machine);
	}
	return code + machine;
}

/* ASCII alone, whatever the locale is. */
static inline uint8_t
lower(uint8_t c, bool fold)
{
	return fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool
same(const struct bh_pattern *p, const uint8_t *value, size_t len)
{
	size_t i;

	if (len != p->len)
		return false;
	if (!p->fold)
		return memcmp(value, p->text, len) == 0;
	for (i = 0; i < len; i++) {
		if (lower(value[i], true) != (uint8_t)p->text[i])
			return false;
	}
	return true;
}

/* After a mismatch only the last * met takes one byte more: what an earlier one could take, it can, too. At most
 * length of the value times length of the pattern. */
static bool
same_with_stars(const struct bh_pattern *p, const uint8_t *value, size_t len)
{
	size_t i = 0, k = 0, star = SIZE_MAX, from = 0;

	while (i < len) {
		if (k < p->len && p->text[k] == '*') {
			star = k++;
			from = i;
		} else if (k < p->len && lower(value[i], p->fold) == (uint8_t)p->text[k]) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			k = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (k < p->len && p->text[k] == '*')
		k++;
	return k == p->len;
}

static enum bh_match
match_regex(const struct bh_pattern *p, struct bh_policy_scratch *scratch, const uint8_t *value,
	    size_t len)
{
	int rc;

	if (scratch == NULL)
		return BH_MATCH_UNSURE;
	rc = pcre2_jit_match(p->code, value, len, 0, 0, scratch->data, scratch->context);
	if (rc >= 0)
		return BH_MATCH_YES;
	return rc == PCRE2_ERROR_NOMATCH ? BH_MATCH_NO : BH_MATCH_UNSURE;
}

enum bh_match
bh_pattern_match(const struct bh_pattern *p, struct bh_policy_scratch *scratch,
		 const uint8_t *value, size_t len)
{
	switch (p->kind) {
	case BH_PATTERN_EXACT:
		return same(p, value, len) ? BH_MATCH_YES : BH_MATCH_NO;
	case BH_PATTERN_STARS:
		return same_with_stars(p, value, len) ? BH_MATCH_YES : BH_MATCH_NO;
	case BH_PATTERN_LEAST:
		return rank_of(value, len) >= p->rank ? BH_MATCH_YES : BH_MATCH_NO;
	default:
		return match_regex(p, scratch, value, len);
	}
}
