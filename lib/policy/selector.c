/* Label selectors in Kubernetes' syntax: parse and match. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

/* Bounds of what one selector costs: far above what a person writes. */
#define VALUES_MAX 256
#define REQUIREMENTS_MAX 64

/* Where the parser stands. */
struct scan {
	struct bh_arena *arena;
	const char *text;
	const char *p;
	struct bh_err *err;
	size_t *at; /* of an error */
};

static int
scan_err(struct scan *s, const char *at, const char *what)
{
	*s->at = (size_t)(at - s->text);
	return bh_err_set(s->err, EINVAL, "%s", what);
}

static void
skip_space(struct scan *s)
{
	while (*s->p == ' ' || *s->p == '\t' || *s->p == '\n')
		s->p++;
}

/* The longest run of characters that a key or value may hold. */
static size_t
word_len(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");
}

static int
scan_word(struct scan *s, bool key, const char **out)
{
	const char *start = s->p;
	size_t n = word_len(start);
	char *word = bh_arena_text(s->arena, start, n);

	if (word == NULL)
		return bh_err_set(s->err, ENOMEM, "out of memory");
	if (key && n == 0)
		return scan_err(s, start,
				*start == '\0' || *start == ','
					? "expected a requirement such as app=web here"
					: "expected a label key here");
	if (!(key ? bh_label_key_valid(word) : bh_label_value_valid(word)))
		return scan_err(
			s, start,
			key ? "this is no label key: a letter or digit at both ends, at most "
			      "127 characters"
			    : "this is no label value: a letter or digit at both ends, at most "
			      "127 characters");
	s->p += n;
	*out = word;
	return 0;
}

static bool
has_value(const struct bh_requirement *r, const char *value)
{
	unsigned i;

	for (i = 0; i < r->n_values; i++) {
		if (strcmp(r->value[i], value) == 0)
			return true;
	}
	return false;
}

static int
add_value(struct scan *s, struct bh_requirement *r, const char *at, const char *value)
{
	const char **grown;

	if (has_value(r, value))
		return 0;
	if (r->n_values == VALUES_MAX)
		return scan_err(s, at, "more than 256 values: give these endpoints a common label");
	/* Room doubles: full at each power of two. */
	if ((r->n_values & (r->n_values - 1)) == 0) {
		grown = bh_arena_alloc(s->arena,
				       (r->n_values != 0 ? 2 * r->n_values : 1) * sizeof(*grown));
		if (grown == NULL)
			return bh_err_set(s->err, ENOMEM, "out of memory");
		if (r->n_values != 0)
			memcpy(grown, r->value, r->n_values * sizeof(*grown));
		r->value = grown;
	}
	r->value[r->n_values++] = value;
	return 0;
}

/* A part of a value: it may begin and end with anything that stands in one. */
static int
scan_part(struct scan *s, const char **out)
{
	size_t n = word_len(s->p);

	if (n >= BH_NAME_MAX)
		return scan_err(s, s->p, "no label value is that long: at most 127 characters");
	*out = bh_arena_text(s->arena, s->p, n);
	s->p += n;
	return *out != NULL ? 0 : bh_err_set(s->err, ENOMEM, "out of memory");
}

static int
scan_value(struct scan *s, struct bh_requirement *r)
{
	bool part = r->op == BH_REQUIRE_PREFIX || r->op == BH_REQUIRE_CONTAINS;
	const char *value, *start = s->p;
	int rc = part ? scan_part(s, &value) : scan_word(s, false, &value);

	if (rc != 0)
		return rc;
	if (value[0] == '\0')
		return scan_err(s, start, "expected a value here");
	return add_value(s, r, start, value);
}

/* "(a, b)" behind in, notin, prefix or contains. */
static int
scan_values(struct scan *s, struct bh_requirement *r)
{
	int rc;

	skip_space(s);
	if (*s->p != '(' && (r->op == BH_REQUIRE_PREFIX || r->op == BH_REQUIRE_CONTAINS))
		return scan_value(s, r);
	if (*s->p != '(')
		return scan_err(s, s->p, "expected '(' and the values here, such as in (a, b)");
	do {
		s->p++;
		skip_space(s);
		rc = scan_value(s, r);
		if (rc != 0)
			return rc;
		skip_space(s);
	} while (*s->p == ',');
	if (*s->p != ')')
		return scan_err(s, s->p, "expected ',' or ')' here");
	s->p++;
	return 0;
}

/* An operator that is a word. false: there is none. */
static bool
scan_op_word(struct scan *s, struct bh_requirement *r)
{
	static const struct {
		const char *word;
		enum bh_requirement_op op;
	} ops[] = {{"in", BH_REQUIRE_IN},
		   {"notin", BH_REQUIRE_NOT_IN},
		   {"prefix", BH_REQUIRE_PREFIX},
		   {"contains", BH_REQUIRE_CONTAINS}};
	size_t n = word_len(s->p), i;

	for (i = 0; i < BH_ARRAY_SIZE(ops); i++) {
		if (n == strlen(ops[i].word) && strncmp(s->p, ops[i].word, n) == 0) {
			r->op = ops[i].op;
			s->p += n;
			return true;
		}
	}
	return false;
}

static int
scan_regex(struct scan *s, struct bh_requirement *r)
{
	const char *at = s->p;
	int rc;

	r->op = *s->p == '~' ? BH_REQUIRE_REGEX : BH_REQUIRE_NOT_REGEX;
	s->p += *s->p == '~' ? 1 : 2;
	skip_space(s);
	rc = bh_selector_regex(s->arena, &s->p, r, &at, s->err);
	*s->at = (size_t)(at - s->text);
	return rc;
}

/* Behind the key: an operator, or nothing for "exists". */
static int
scan_operator(struct scan *s, struct bh_requirement *r)
{
	const char *value;
	int rc;

	skip_space(s);
	if (*s->p == '~' || (s->p[0] == '!' && s->p[1] == '~'))
		return scan_regex(s, r);
	if (*s->p == '=' || (s->p[0] == '!' && s->p[1] == '=')) {
		r->op = *s->p == '=' ? BH_REQUIRE_IN : BH_REQUIRE_NOT_IN;
		s->p += s->p[0] == '=' && s->p[1] != '=' ? 1 : 2;
		skip_space(s);
		rc = scan_word(s, false, &value);
		return rc != 0 ? rc : add_value(s, r, s->p, value);
	}
	if (scan_op_word(s, r)) {
		rc = scan_values(s, r);
		if (rc == 0 && r->op == BH_REQUIRE_PREFIX)
			bh_selector_shortest(r);
		return rc;
	}
	if (*s->p != '\0' && *s->p != ',')
		return scan_err(s, s->p,
				"expected =, !=, in, notin, prefix, contains, ~, !~ or ',' here");
	r->op = BH_REQUIRE_EXISTS;
	return 0;
}

static int
scan_requirement(struct scan *s, struct bh_requirement *r)
{
	bool absent;
	int rc;

	absent = *s->p == '!';
	if (absent) {
		s->p++;
		skip_space(s);
	}
	rc = scan_word(s, true, &r->key);
	if (rc != 0)
		return rc;
	if (absent) {
		r->op = BH_REQUIRE_ABSENT;
		skip_space(s);
		if (*s->p != '\0' && *s->p != ',')
			return scan_err(s, s->p, "expected ',' here: '!key' stands alone");
		return 0;
	}
	return scan_operator(s, r);
}

/* Can no label meet both? */
static bool
contradict(const struct bh_requirement *a, const struct bh_requirement *b)
{
	unsigned i;

	if (strcmp(a->key, b->key) != 0)
		return false;
	if (a->op == BH_REQUIRE_ABSENT || b->op == BH_REQUIRE_ABSENT) {
		const struct bh_requirement *other = a->op == BH_REQUIRE_ABSENT ? b : a;

		return other->op != BH_REQUIRE_ABSENT && other->op != BH_REQUIRE_NOT_IN &&
		       other->op != BH_REQUIRE_NOT_REGEX;
	}
	if (a->op != BH_REQUIRE_IN || b->op != BH_REQUIRE_IN)
		return false;
	for (i = 0; i < a->n_values; i++) {
		if (has_value(b, a->value[i]))
			return false;
	}
	return true;
}

/* A selector that nothing can match is a slip: OR was meant. */
static int
check_possible(struct scan *s, const struct bh_selector *sel, const struct bh_requirement *r,
	       const char *start)
{
	const struct bh_requirement *other;

	for (other = sel->first; other != NULL; other = other->next) {
		if (!contradict(other, r))
			continue;
		*s->at = (size_t)(start - s->text);
		return bh_err_set(s->err, EINVAL,
				  "no label '%s' can meet this and what is required before: write "
				  "'%s in (a, b)' for one or the other",
				  r->key, r->key);
	}
	return 0;
}

int
bh_selector_add(struct bh_arena *a, struct bh_selector *sel, const char *text, size_t *at,
		struct bh_err *err)
{
	struct scan s = {.arena = a, .text = text, .p = text, .err = err, .at = at};
	struct bh_requirement **tail = &sel->first, *r;
	const char *start;
	unsigned n = 0;
	int rc;

	for (; *tail != NULL; n++)
		tail = &(*tail)->next;
	for (;; n++) {
		skip_space(&s);
		start = s.p;
		if (n == REQUIREMENTS_MAX)
			return scan_err(&s, start, "more than 64 requirements in one selector");
		r = bh_arena_alloc(a, sizeof(*r));
		if (r == NULL)
			return bh_err_set(err, ENOMEM, "out of memory");
		rc = scan_requirement(&s, r);
		if (rc == 0)
			rc = check_possible(&s, sel, r, start);
		if (rc != 0)
			return rc;
		*tail = r;
		tail = &r->next;
		skip_space(&s);
		if (*s.p == '\0')
			return 0;
		if (*s.p != ',')
			return scan_err(&s, s.p, "expected ',' between requirements here");
		s.p++;
	}
}

int
bh_selector_parse(struct bh_arena *a, const char *text, struct bh_selector **out, size_t *at,
		  struct bh_err *err)
{
	struct bh_selector *s = bh_arena_alloc(a, sizeof(*s));

	*at = 0;
	if (s == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	*out = s;
	return bh_selector_add(a, s, text, at, err);
}

static bool
requirement_met(const struct bh_requirement *r, const struct bh_label *labels, unsigned n)
{
	const char *value = NULL;
	unsigned i;

	for (i = 0; i < n && value == NULL; i++) {
		if (strcmp(labels[i].key, r->key) == 0)
			value = labels[i].value;
	}
	switch (r->op) {
	case BH_REQUIRE_IN:
		return value != NULL && has_value(r, value);
	case BH_REQUIRE_NOT_IN:
		return value == NULL || !has_value(r, value);
	case BH_REQUIRE_EXISTS:
		return value != NULL;
	case BH_REQUIRE_ABSENT:
		return value == NULL;
	default:
		return bh_selector_text_met(r, value);
	}
}

bool
bh_selector_match(const struct bh_selector *s, const struct bh_label *labels, unsigned n)
{
	const struct bh_requirement *r;

	for (r = s->first; r != NULL; r = r->next) {
		if (!requirement_met(r, labels, n))
			return false;
	}
	return true;
}
