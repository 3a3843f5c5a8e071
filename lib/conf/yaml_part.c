/* Where the documents of a text begin and end. */
#include "conf.h"

/* "---" alone or before a blank, at the start of a line: YAML allows it nowhere but between documents
 * (YAML 1.2.2, c-forbidden), so that cutting there needs no parser. */
static bool
is_marker(const char *line, const char *end)
{
	return end - line >= 3 && memcmp(line, "---", 3) == 0 &&
	       (end - line == 3 || strchr(" \t\r\n", line[3]) != NULL);
}

/* Has the part only directives, comments and blank lines? They belong to what follows. */
static bool
only_prologue(const char *p, const char *end)
{
	const char *next;

	for (; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next != NULL ? next + 1 : end;
		while (p < next && strchr(" \t\r\n", *p) != NULL && *p != '\0')
			p++;
		if (p < next && *p != '#' && *p != '%')
			return false;
	}
	return true;
}

const char *
bh_yaml_part(const char *p, const char *end, unsigned *lines)
{
	const char *line = p, *next;

	*lines = 0;
	while (line < end) {
		if (*lines > 0 && is_marker(line, end) && !only_prologue(p, line))
			return line;
		next = memchr(line, '\n', (size_t)(end - line));
		line = next != NULL ? next + 1 : end;
		++*lines;
	}
	return end;
}
