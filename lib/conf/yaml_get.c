/* Typed values of YAML nodes, and errors that say what to write instead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf.h"

static int
yaml_verr(const struct bh_yaml_doc *doc, const struct bh_yaml *node, struct bh_err *err,
	  size_t offset, const char *fmt, va_list ap)
{
	if (err == NULL || err->what[0] != '\0')
		return -EINVAL;
	snprintf(err->file, sizeof(err->file), "%s", bh_yaml_name(doc));
	err->line = node->line;
	err->column = node->column;
	if (node->flat)
		err->column += node->quoted + (unsigned)offset;
	vsnprintf(err->what, sizeof(err->what), fmt, ap);
	return -EINVAL;
}

int
bh_yaml_err(const struct bh_yaml_doc *doc, const struct bh_yaml *node, struct bh_err *err,
	    const char *fmt, ...)
{
	struct bh_yaml start = {.line = node->line, .column = node->column};
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = yaml_verr(doc, &start, err, 0, fmt, ap);
	va_end(ap);
	return rc;
}

int
bh_yaml_err_in(const struct bh_yaml_doc *doc, const struct bh_yaml *node, size_t offset,
	       struct bh_err *err, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = yaml_verr(doc, node, err, offset, fmt, ap);
	va_end(ap);
	return rc;
}

bool
bh_yaml_is_null(const struct bh_yaml *node)
{
	return node->type == BH_YAML_SCALAR && !node->quoted &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		strcmp(node->text, "null") == 0);
}

const char *
bh_yaml_found(const struct bh_yaml *node, char *out, size_t size)
{
	size_t i;

	if (node->type == BH_YAML_LIST)
		snprintf(out, size, "a list");
	else if (node->type == BH_YAML_MAP)
		snprintf(out, size, "a map");
	else if (!node->quoted && node->text[0] == '\0')
		snprintf(out, size, "nothing");
	else
		snprintf(out, size, "'%.40s%s'", node->text, strlen(node->text) > 40 ? "..." : "");
	for (i = 0; out[i] != '\0'; i++) {
		if ((unsigned char)out[i] < ' ')
			out[i] = '?';
	}
	return out;
}

const struct bh_yaml *
bh_yaml_get(const struct bh_yaml *node, const char *key)
{
	size_t i;

	for (i = 0; i < node->n; i++) {
		if (strcmp(node->key[i]->text, key) == 0)
			return node->item[i];
	}
	return NULL;
}

int
bh_yaml_check_map(const struct bh_yaml_doc *doc, const struct bh_yaml *node, const char *what,
		  const char *const known[], struct bh_err *err)
{
	char found[BH_FOUND_LEN], list[256];
	const char *best = NULL;
	unsigned distance = 0;
	size_t i, k, len;

	if (node->type != BH_YAML_MAP)
		return bh_yaml_err(doc, node, err, "%s must be a map of keys, found %s", what,
				   bh_yaml_found(node, found, sizeof(found)));
	for (i = 0; i < node->n; i++) {
		for (k = 0; known[k] != NULL; k++) {
			if (strcmp(node->key[i]->text, known[k]) == 0)
				break;
		}
		if (known[k] != NULL)
			continue;
		for (k = len = 0, list[0] = '\0'; known[k] != NULL; k++) {
			bh_word_nearest(node->key[i]->text, known[k], &best, &distance);
			if (len < sizeof(list))
				len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
							k == 0 ? "" : ", ", known[k]);
		}
		bh_yaml_found(node->key[i], found, sizeof(found));
		if (best != NULL)
			return bh_yaml_err(doc, node->key[i], err,
					   "unknown key %s in %s: did you mean '%s'?", found, what,
					   best);
		return bh_yaml_err(doc, node->key[i], err, "unknown key %s in %s: it may hold %s",
				   found, what, list);
	}
	return 0;
}

/* Digits of text as a number; *rest is what follows. false: no digit, or more than 64 bits. */
static bool
digits(const char *text, uint64_t *out, const char **rest)
{
	uint64_t v = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	*rest = p;
	*out = v;
	return p != text;
}

int
bh_yaml_u64(const struct bh_yaml_doc *doc, const struct bh_yaml *node, uint64_t min, uint64_t max,
	    uint64_t *out, struct bh_err *err)
{
	static const struct {
		const char *text;
		unsigned shift;
	} suffix[] = {{"", 0}, {"k", 10}, {"K", 10}, {"M", 20}, {"G", 30}};
	char found[BH_FOUND_LEN];
	const char *rest;
	uint64_t v;
	size_t i;

	if (node->type == BH_YAML_SCALAR && !node->quoted && digits(node->text, &v, &rest)) {
		for (i = 0; i < BH_ARRAY_SIZE(suffix); i++) {
			if (strcmp(rest, suffix[i].text) != 0 || v > UINT64_MAX >> suffix[i].shift)
				continue;
			v <<= suffix[i].shift;
			if (v < min || v > max)
				break;
			*out = v;
			return 0;
		}
	}
	return bh_yaml_err(doc, node, err, "expected a number from %llu to %llu, found %s",
			   (unsigned long long)min, (unsigned long long)max,
			   bh_yaml_found(node, found, sizeof(found)));
}

int
bh_yaml_bool(const struct bh_yaml_doc *doc, const struct bh_yaml *node, bool *out,
	     struct bh_err *err)
{
	static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};
	char found[BH_FOUND_LEN];
	size_t i;

	for (i = 0; node->type == BH_YAML_SCALAR && !node->quoted && i < 6; i++) {
		if (strcmp(node->text, words[i / 3][i % 3]) == 0) {
			*out = i / 3 == 1;
			return 0;
		}
	}
	return bh_yaml_err(doc, node, err, "expected true or false, found %s",
			   bh_yaml_found(node, found, sizeof(found)));
}

static const struct {
	const char *text;
	uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

const char *
bh_duration_format(uint64_t ms, char *out, size_t size)
{
	size_t i = 0;

	while (ms % units[i].ms != 0)
		i++;
	if (ms == 0)
		i = 3; /* "0s" */
	snprintf(out, size, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].text);
	return out;
}

int
bh_yaml_duration_ms(const struct bh_yaml_doc *doc, const struct bh_yaml *node, uint64_t min,
		    uint64_t max, uint64_t *out, struct bh_err *err)
{
	char found[BH_FOUND_LEN], low[32], high[32];
	const char *rest;
	bool bare = false;
	uint64_t v;
	size_t i;

	if (node->type == BH_YAML_SCALAR && !node->quoted && digits(node->text, &v, &rest)) {
		bare = *rest == '\0' && v != 0;
		for (i = 0; i < BH_ARRAY_SIZE(units); i++) {
			if (strcmp(rest, units[i].text) == 0 || (*rest == '\0' && v == 0))
				break;
		}
		if (i < BH_ARRAY_SIZE(units) && v <= max / units[i].ms && v * units[i].ms >= min) {
			*out = v * units[i].ms;
			return 0;
		}
	}
	return bh_yaml_err(doc, node, err,
			   "expected a duration from %s to %s, such as 500ms, 30s, 5m, 2h or 1d, "
			   "found %s%s",
			   bh_duration_format(min, low, sizeof(low)),
			   bh_duration_format(max, high, sizeof(high)),
			   bh_yaml_found(node, found, sizeof(found)), bare ? ": add a unit" : "");
}

int
bh_yaml_enum(const struct bh_yaml_doc *doc, const struct bh_yaml *node, const char *const words[],
	     unsigned *out, struct bh_err *err)
{
	char found[BH_FOUND_LEN], list[256];
	const char *best = NULL;
	unsigned i, distance = 0;
	size_t len = 0;

	list[0] = '\0';
	for (i = 0; words[i] != NULL; i++) {
		if (node->type == BH_YAML_SCALAR && strcmp(node->text, words[i]) == 0) {
			*out = i;
			return 0;
		}
		if (node->type == BH_YAML_SCALAR)
			bh_word_nearest(node->text, words[i], &best, &distance);
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						i == 0                 ? ""
						: words[i + 1] == NULL ? " or "
								       : ", ",
						words[i]);
	}
	bh_yaml_found(node, found, sizeof(found));
	if (best != NULL)
		return bh_yaml_err(doc, node, err, "expected %s, found %s: did you mean '%s'?",
				   list, found, best);
	return bh_yaml_err(doc, node, err, "expected %s, found %s", list, found);
}

int
bh_yaml_str(const struct bh_yaml_doc *doc, const struct bh_yaml *node, const char **out,
	    struct bh_err *err)
{
	char found[BH_FOUND_LEN];

	if (node->type != BH_YAML_SCALAR || bh_yaml_is_null(node) || node->text[0] == '\0')
		return bh_yaml_err(doc, node, err, "expected a text, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	*out = node->text;
	return 0;
}
