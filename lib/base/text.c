/* Errors, log lines, text buffer: control threads. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"

int
bh_err_set(struct bh_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL && err->what[0] == '\0') {
		va_start(ap, fmt);
		vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
	}
	return -code;
}

void
bh_err_format(const struct bh_err *err, char *out, size_t size)
{
	if (err->file[0] == '\0')
		snprintf(out, size, "%s", err->what);
	else if (err->line == 0)
		snprintf(out, size, "%s: %s", err->file, err->what);
	else if (err->column == 0)
		snprintf(out, size, "%s:%u: %s", err->file, err->line, err->what);
	else
		snprintf(out, size, "%s:%u:%u: %s", err->file, err->line, err->column, err->what);
}

__attribute__((weak)) void
bh_log_keep(enum bh_log_level level, uint64_t wall_ns, const char *text, size_t len)
{
	(void)level;
	(void)wall_ns;
	(void)text;
	(void)len;
}

void
bh_log(enum bh_log_level level, const char *fmt, ...)
{
	static const char *const words[] = {"error", "warning", "info"};
	uint64_t now = bh_clock_system.wall_ns(NULL);
	char line[1200], when[32];
	int n, i, head;
	va_list ap;

	bh_time_format(now, when, sizeof(when));
	head = n = snprintf(line, sizeof(line), "%s %s: ", when, words[level]);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 2;
	/* What a message quotes may be foreign: it must not forge a line, nor drive a terminal. */
	for (i = 0; i < n; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	bh_log_keep(level, now, line + head, (size_t)(n - head));
	line[n] = '\n';
	/* One write a line, so that lines of several threads do not mix. Nobody to tell if it fails. */
	if (write(STDERR_FILENO, line, (size_t)n + 1) < 0)
		return;
}

void
bh_buf_free(struct bh_buf *b)
{
	free(b->data);
	*b = (struct bh_buf){0};
}

void
bh_buf_reset(struct bh_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Room for len more bytes and a NUL. */
static bool
buf_reserve(struct bh_buf *b, size_t len)
{
	size_t need = b->len + len + 1, cap = b->cap != 0 ? b->cap : 256;
	char *data;

	/* Doubling stays below SIZE_MAX, so that it ends. */
	if (b->failed || len > SIZE_MAX / 4 || need > SIZE_MAX / 2) {
		b->failed = true;
		return false;
	}
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void
bh_buf_add(struct bh_buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len != 0) /* nothing may come as NULL */
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
bh_buf_str(struct bh_buf *b, const char *s)
{
	bh_buf_add(b, s, strlen(s));
}

void
bh_buf_vprintf(struct bh_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		b->failed = true;
	if (n < 0 || !buf_reserve(b, (size_t)n))
		return;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void
bh_buf_printf(struct bh_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(b, fmt, ap);
	va_end(ap);
}
