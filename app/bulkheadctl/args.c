/* args: the command line, from verb.def and option.def. */
#include <errno.h>
#include <stdlib.h>

#include "ctl.h"

static const struct {
	const char *name;
	char letter;
	const char *value;
	size_t offset; /* in struct bh_ctl_args */
} option_list[] = {
#define BH_OPTION(field, name, letter, value, text)                                                \
	{name, letter, value, offsetof(struct bh_ctl_args, field)},
#include "option.def"
#undef BH_OPTION
};

/* For every verb; version only without one. */
static const char option_global[] = "server token-file ca cert key context output help version";

const struct bh_ctl_verb bh_ctl_verbs[] = {
#define BH_VERB(name, min, max, usage, options, text)                                              \
	{#name, bh_ctl_##name, min, max, usage, options, text},
#include "verb.def"
#undef BH_VERB
};
const size_t bh_ctl_n_verbs = BH_ARRAY_SIZE(bh_ctl_verbs);

bool
bh_ctl_word_in(const char *word, const char *list)
{
	size_t n = strlen(word);
	const char *p;

	for (p = list; n != 0 && (p = strstr(p, word)) != NULL; p += n) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	}
	return false;
}

bool
bh_ctl_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= max;
}

/* Levenshtein's distance, words of at most 31 bytes. */
static unsigned
word_distance(const char *a, const char *b)
{
	unsigned row[32], i, j, na = (unsigned)strlen(a), nb = (unsigned)strlen(b);

	if (na >= 32 || nb >= 32)
		return UINT32_MAX;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= nb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

int
bh_ctl_unknown(FILE *err, const char *what, const char *word, const char *const known[], size_t n)
{
	unsigned best = 3, d; /* two slips are still the same word */
	const char *near = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		d = word_distance(word, known[i]);
		if (d < best) {
			best = d;
			near = known[i];
		}
	}
	fprintf(err, "bulkheadctl: unknown %s `", what);
	bh_ctl_put_clean(err, word);
	if (near != NULL)
		fprintf(err, "`; did you mean %s?\n", near);
	else
		fprintf(err, "`; see bulkheadctl --help\n");
	return BH_CTL_USAGE;
}

static int
unknown_option(FILE *err, const char *word)
{
	const char *known[BH_ARRAY_SIZE(option_list)];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(option_list); i++)
		known[i] = option_list[i].name;
	return bh_ctl_unknown(err, "option", word, known, i);
}

static int
unknown_verb(FILE *err, const char *word)
{
	const char *known[BH_ARRAY_SIZE(bh_ctl_verbs)];
	size_t i;

	for (i = 0; i < bh_ctl_n_verbs; i++)
		known[i] = bh_ctl_verbs[i].name;
	return bh_ctl_unknown(err, "verb", word, known, i);
}

static struct bh_ctl_option *
option_slot(struct bh_ctl_args *a, size_t i)
{
	return (struct bh_ctl_option *)((uint8_t *)a + option_list[i].offset);
}

static int
option_set(struct bh_ctl_args *a, size_t i, const char *value, FILE *err)
{
	struct bh_ctl_option *o = option_slot(a, i);

	if (o->n == BH_CTL_MAX_REPEAT) {
		fprintf(err, "bulkheadctl: --%s is given too often\n", option_list[i].name);
		return BH_CTL_USAGE;
	}
	o->value[o->n++] = value;
	return 0;
}

/* One option at argv[*at]; moves *at over its value. */
static int
option_read(struct bh_ctl_args *a, int argc, char **argv, int *at, FILE *err)
{
	const char *word = argv[*at], *inside = NULL;
	bool is_long = word[1] == '-';
	size_t n = is_long ? strcspn(word + 2, "=") : 1, i;

	for (i = 0; i < BH_ARRAY_SIZE(option_list); i++) {
		if (is_long ? strlen(option_list[i].name) == n &&
				      memcmp(word + 2, option_list[i].name, n) == 0
			    : option_list[i].letter == word[1])
			break;
	}
	if (i == BH_ARRAY_SIZE(option_list))
		return unknown_option(err, is_long ? word + 2 : word + 1);
	if (is_long && word[2 + n] == '=')
		inside = word + 2 + n + 1;
	else if (!is_long && word[2] != '\0')
		inside = word + 2;
	if (option_list[i].value == NULL) {
		if (inside != NULL) {
			fprintf(err, "bulkheadctl: --%s takes no value\n", option_list[i].name);
			return BH_CTL_USAGE;
		}
		return option_set(a, i, "", err);
	}
	if (inside == NULL) {
		if (*at + 1 >= argc) {
			fprintf(err, "bulkheadctl: --%s needs a value: %s\n", option_list[i].name,
				option_list[i].value);
			return BH_CTL_USAGE;
		}
		inside = argv[++*at];
	}
	return option_set(a, i, inside, err);
}

static int
check_format(struct bh_ctl_args *a, FILE *err)
{
	static const char *const words[] = {"table", "wide", "json", "yaml", "html"};
	const char *word;
	unsigned i;

	if (a->output.n == 0)
		return 0;
	word = a->output.value[a->output.n - 1];
	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			a->format = (enum bh_ctl_output)i;
			return 0;
		}
	}
	return bh_ctl_unknown(err, "output format", word, words, BH_ARRAY_SIZE(words));
}

/* Do the options fit the verb, and is the number of its arguments right? */
static int
check_verb(struct bh_ctl_args *a, FILE *err)
{
	const struct bh_ctl_verb *v = a->verb;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(option_list); i++) {
		const char *name = option_list[i].name;

		if (option_slot(a, i)->n == 0 || bh_ctl_word_in(name, option_global) ||
		    bh_ctl_word_in(name, v->options))
			continue;
		fprintf(err, "bulkheadctl: %s has no option --%s; see bulkheadctl %s --help\n",
			v->name, name, v->name);
		return BH_CTL_USAGE;
	}
	if (a->n_words >= v->min_args && (v->max_args < 0 || a->n_words <= v->max_args))
		return 0;
	fprintf(err, "usage: bulkheadctl %s %s\n", v->name, v->usage);
	return BH_CTL_USAGE;
}

static int
find_verb(struct bh_ctl_args *a, const char *word, FILE *err)
{
	size_t i;

	for (i = 0; i < bh_ctl_n_verbs; i++) {
		if (strcmp(word, bh_ctl_verbs[i].name) == 0) {
			a->verb = &bh_ctl_verbs[i];
			return 0;
		}
	}
	return unknown_verb(err, word);
}

int
bh_ctl_parse(struct bh_ctl_args *a, int argc, char **argv, FILE *err)
{
	bool options = true;
	int i, rc = 0;

	memset(a, 0, sizeof(*a));
	a->word = calloc((size_t)argc + 1, sizeof(*a->word));
	if (a->word == NULL)
		return BH_CTL_USAGE;
	for (i = 1; i < argc && rc == 0; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
			rc = option_read(a, argc, argv, &i, err);
		else if (a->verb == NULL)
			rc = find_verb(a, argv[i], err);
		else
			a->word[a->n_words++] = argv[i];
	}
	if (rc == 0)
		rc = check_format(a, err);
	if (rc != 0 || a->help.n != 0 || a->verb == NULL)
		return rc;
	return check_verb(a, err);
}

void
bh_ctl_args_free(struct bh_ctl_args *a)
{
	free(a->word);
	a->word = NULL;
}
