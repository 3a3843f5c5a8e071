/* What libyaml could not read, in words that say what to do. */
#include <errno.h>
#include <yaml.h>

#include "conf_priv.h"

/* libyaml's words for what people get wrong most, and what to do about it. */
static const char *
advice(const char *problem)
{
	static const struct {
		const char *problem, *advice;
	} known[] = {
		{"mapping values are not allowed in this context",
		 "a ':' where none can be: check the indentation, or put the text in quotes"},
		{"did not find expected key",
		 "expected a key here: check the indentation of this line and the one before"},
		{"did not find expected '-' indicator",
		 "expected '-' (the next item of a list) here: check the indentation"},
		{"did not find expected <document start>",
		 "something behind the end of the document: check the indentation"},
		{"could not find expected ':'", "a key without ':' behind it"},
		{"did not find expected ',' or ']'", "a list in [ ] lacks ',' or its closing ']'"},
		{"did not find expected ',' or '}'", "a map in { } lacks ',' or its closing '}'"},
		{"found unexpected end of stream", "the file ends inside a quoted text"},
		{"found unknown escape character",
		 "unknown escape after '\\' in a text in double quotes: use single quotes"},
		{"found character that cannot start any token",
		 "a character that can't begin a value: put the text in quotes"},
		{"block sequence entries are not allowed in this context",
		 "a '-' where no list can begin: put it on a line of its own"},
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		if (strcmp(problem, known[i].problem) == 0)
			return known[i].advice;
	}
	return problem;
}

/* Start of a line of the text, counted from 0. */
static const char *
line_start(const char *text, size_t len, size_t line)
{
	const char *p = text, *end = text + len, *nl;

	while (line-- > 0) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			return end;
		p = nl + 1;
	}
	return p;
}

int
bh_yaml_problem(const struct bh_yaml_doc *doc, const struct yaml_parser_s *p, const char *text,
		size_t len, struct bh_err *err)
{
	const char *what = p->problem != NULL ? p->problem : "cannot be read", *s;
	yaml_mark_t mark = p->problem_mark;
	struct bh_yaml at;
	size_t i;

	if (p->error == YAML_MEMORY_ERROR)
		return bh_err_set(err, ENOMEM, "out of memory");
	if (p->error == YAML_READER_ERROR) { /* knows the byte only */
		mark = (yaml_mark_t){0};
		for (i = 0; i < p->problem_offset && i < len; i++) {
			mark.column++;
			if (text[i] == '\n') {
				mark.line++;
				mark.column = 0;
			}
		}
		what = "not UTF-8 text, or a control character: remove or escape it";
	} else {
		s = line_start(text, len, mark.line) + mark.column;
		if (s < text + len && *s == '\t')
			what = "a tab where YAML wants spaces: indent with spaces";
		else
			what = advice(what);
	}
	at = (struct bh_yaml){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
	return bh_yaml_err(doc, &at, err, "%s", what);
}
