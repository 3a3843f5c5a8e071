/* Files of a machine, below its root. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

#define TEXT_MAX (4u << 20) /* /proc/net/unix of a busy machine */

void
bh_doctor_path(const struct bh_doctor *d, char *out, size_t size, const char *path)
{
	snprintf(out, size, "%s%s", d->p->root, path);
}

static void
path_of(const struct bh_doctor *d, char out[PATH_MAX], const char *fmt, va_list ap)
{
	int n = snprintf(out, PATH_MAX, "%s", d->p->root);

	if (n >= 0 && n < PATH_MAX)
		vsnprintf(out + n, PATH_MAX - (size_t)n, fmt, ap);
}

static bool
read_path(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	out[0] = '\0';
	if (f == NULL)
		return false;
	n = fread(out, 1, size - 1, f);
	fclose(f);
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
	return true;
}

bool
bh_doctor_read(const struct bh_doctor *d, char *out, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_of(d, path, fmt, ap);
	va_end(ap);
	return read_path(path, out, size);
}

bool
bh_doctor_number(const struct bh_doctor *d, uint64_t *out, const char *fmt, ...)
{
	char path[PATH_MAX], text[64], *end;
	va_list ap;

	va_start(ap, fmt);
	path_of(d, path, fmt, ap);
	va_end(ap);
	*out = 0;
	if (!read_path(path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return *end == '\0';
}

bool
bh_doctor_stat(const struct bh_doctor *d, struct stat *out, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_of(d, path, fmt, ap);
	va_end(ap);
	return stat(path, out) == 0;
}

char *
bh_doctor_text(const struct bh_doctor *d, const char *path)
{
	char full[PATH_MAX], piece[16384];
	struct bh_buf b = {0};
	size_t n;
	FILE *f;

	bh_doctor_path(d, full, sizeof(full), path);
	f = fopen(full, "re");
	if (f == NULL)
		return NULL;
	bh_buf_str(&b, "");
	while (b.len < TEXT_MAX && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		bh_buf_add(&b, piece, n);
	fclose(f);
	if (!b.failed && b.data != NULL)
		return b.data;
	bh_buf_free(&b);
	return NULL;
}

char *
bh_doctor_line(char **at)
{
	char *line = *at, *end;

	if (line == NULL || *line == '\0')
		return NULL;
	end = strchr(line, '\n');
	*at = end != NULL ? end + 1 : line + strlen(line);
	if (end != NULL)
		*end = '\0';
	return line;
}

bool
bh_doctor_field(const char *text, const char *key, char *out, size_t size)
{
	size_t len = strlen(key);
	const char *p;

	out[0] = '\0';
	for (p = text; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, key, len) != 0 || strchr(": \t", p[len]) == NULL)
			continue;
		p += len + strspn(p + len, ": \t");
		snprintf(out, size, "%.*s", (int)strcspn(p, "\n"), p);
		return true;
	}
	return false;
}

bool
bh_doctor_has_word(const char *text, const char *word)
{
	static const char apart[] = " ,\t\n";
	size_t len = strlen(word);
	const char *p;

	for (p = strstr(text, word); p != NULL; p = strstr(p + 1, word)) {
		if ((p == text || strchr(apart, p[-1]) != NULL) && strchr(apart, p[len]) != NULL)
			return true;
	}
	return false;
}

bool
bh_doctor_cpus(struct bh_doctor_cpus *out, const char *list)
{
	unsigned long first, last;
	char *end;

	memset(out, 0, sizeof(*out));
	while (*list >= '0' && *list <= '9') {
		first = last = strtoul(list, &end, 10);
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < BH_DOCTOR_CPUS; first++)
			out->in[first] = true;
		list = *end == ',' ? end + 1 : end;
	}
	return *list == '\0';
}
