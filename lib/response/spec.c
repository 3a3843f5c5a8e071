/* An action in words, a line each: ends, service, application, transport and ports of a cut, then the paths. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "response_priv.h"

void
bh_response_spec_write(const struct bh_restriction *r, struct bh_buf *out)
{
	char text[192];
	uint32_t i;

	for (i = 0; i < 2; i++)
		bh_buf_printf(out, "%s\n",
			      bh_restriction_end_format(&r->end[i], text, sizeof(text)));
	bh_buf_printf(out, "%s\n",
		      bh_restriction_service_format(r->first, r->last, text, sizeof(text)));
	bh_buf_printf(out, "%s\n", r->app != BH_APP_UNKNOWN ? bh_app_name(r->app) : "");
	bh_buf_printf(out, "%u %u %u\n", r->proto, r->port[0], r->port[1]);
	for (i = 0; i < r->n_paths; i++)
		bh_buf_printf(out, "%s\n",
			      bh_restriction_path_format(&r->path[i], text, sizeof(text)));
}

/* The next line into out; false: there is none, or it is too long. */
static bool
next_line(const char **p, char *out, size_t size)
{
	size_t n = strcspn(*p, "\n");

	if ((*p)[n] != '\n' || n >= size)
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n + 1;
	return true;
}

static int
read_head(const char **p, struct bh_restriction *out)
{
	unsigned proto, port[2];
	char line[256];
	uint32_t i;

	for (i = 0; i < 2; i++) {
		if (!next_line(p, line, sizeof(line)) ||
		    bh_restriction_end(line, &out->end[i], NULL) != 0)
			return -EINVAL;
	}
	if (!next_line(p, line, sizeof(line)) ||
	    bh_restriction_service(line, &out->first, &out->last, NULL) != 0 ||
	    !next_line(p, line, sizeof(line)))
		return -EINVAL;
	out->app = line[0] != '\0' ? (uint8_t)bh_app_find(line) : (uint8_t)BH_APP_UNKNOWN;
	if ((line[0] != '\0') != (out->app != BH_APP_UNKNOWN) ||
	    !next_line(p, line, sizeof(line)) ||
	    sscanf(line, "%u %u %u", &proto, &port[0], &port[1]) != 3)
		return -EINVAL;
	out->proto = (uint8_t)proto;
	out->port[0] = (uint16_t)port[0];
	out->port[1] = (uint16_t)port[1];
	return 0;
}

int
bh_response_spec_read(const char *text, struct bh_restriction *out)
{
	struct bh_restriction_path *path;
	char line[256];
	int rc = read_head(&text, out);

	if (rc != 0)
		return rc;
	path = calloc(BH_RESTRICTION_PATHS, sizeof(*path));
	if (path == NULL)
		return -ENOMEM;
	out->path = path;
	while (*text != '\0') {
		if (out->n_paths == BH_RESTRICTION_PATHS || !next_line(&text, line, sizeof(line)) ||
		    bh_restriction_path(line, &path[out->n_paths], NULL) != 0) {
			free(path);
			out->path = NULL;
			return -EINVAL;
		}
		out->n_paths++;
	}
	return 0;
}
