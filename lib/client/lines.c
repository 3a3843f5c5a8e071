/* A stream of lines, in whatever pieces it comes. */
#include <errno.h>

#include "client.h"

int
bh_lines_feed(struct bh_lines *l, const char *data, size_t len,
	      int (*fn)(void *arg, const char *line, size_t len), void *arg)
{
	const char *end;
	int rc = 0;

	while (rc == 0 && len != 0) {
		end = memchr(data, '\n', len);
		size_t n = end != NULL ? (size_t)(end - data) : len;

		if (l->buf.len + n > BH_LINE_MAX)
			return -EMSGSIZE;
		bh_buf_add(&l->buf, data, n);
		if (l->buf.failed)
			return -ENOMEM;
		if (end == NULL)
			return 0;
		if (l->buf.len != 0)
			rc = fn(arg, l->buf.data, l->buf.len);
		bh_buf_reset(&l->buf);
		data += n + 1;
		len -= n + 1;
	}
	return rc;
}

void
bh_lines_free(struct bh_lines *l)
{
	bh_buf_free(&l->buf);
}
