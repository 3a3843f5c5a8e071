/* route: from a method and a path to a handler. */
#include <stdio.h>

#include "api_priv.h"

const struct bh_api_route bh_api_routes[] = {
#define BH_ROUTE(m, p, h, r, b, a, s)                                                              \
	{BH_METHOD_##m, p, bh_api_##h, BH_RIGHT_##r, BH_BODY_##b, a, s},
#include "route.def"
#undef BH_ROUTE
};
const size_t bh_api_n_routes = BH_ARRAY_SIZE(bh_api_routes);

static const char *const method_names[BH_METHOD_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

const char *
bh_api_method_name(enum bh_api_method method)
{
	return method_names[method];
}

bool
bh_api_word_in(const char *word, const char *list)
{
	size_t n = strlen(word);
	const char *p;

	for (p = list; n != 0 && (p = strstr(p, word)) != NULL; p += n) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* Does a raw path have the form of a route's path? *param: the part in braces, still encoded. The
 * path is split before it is decoded, so that %2F never makes a new part; a prefix may also come
 * with its slash bare, since the part in braces is the last and takes the rest. */
static bool
path_matches(const char *pattern, const char *path, const char **param)
{
	const char *brace = strchr(pattern, '{');
	size_t n;

	*param = NULL;
	if (brace == NULL)
		return strcmp(pattern, path) == 0;
	n = (size_t)(brace - pattern);
	if (strncmp(pattern, path, n) != 0 || path[n] == '\0')
		return false;
	*param = path + n;
	return true;
}

/* HEAD is GET without the body: libmicrohttpd leaves it out. */
static bool
method_matches(enum bh_api_method method, const char *word)
{
	return strcmp(method_names[method], word) == 0 ||
	       (method == BH_METHOD_GET && strcmp(word, "HEAD") == 0);
}

static void
method_not_allowed(struct bh_api_req *req, unsigned allowed)
{
	char *allow = req->reply.allow;
	size_t size = sizeof(req->reply.allow), n = 0;
	unsigned m;

	for (m = 0; m < BH_METHOD_COUNT; m++) {
		if ((allowed & 1u << m) != 0)
			n += (size_t)snprintf(allow + n, size - n, "%s%s", n != 0 ? ", " : "",
					      m == BH_METHOD_GET ? "GET, HEAD" : method_names[m]);
	}
	bh_api_fail(req, BH_PROBLEM_METHOD, NULL, "%s takes %s", req->path, allow);
}

void
bh_api_route(struct bh_api_req *req)
{
	const char *param;
	unsigned allowed = 0;
	size_t i;

	for (i = 0; i < bh_api_n_routes; i++) {
		const struct bh_api_route *r = &bh_api_routes[i];

		if (!path_matches(r->path, req->path, &param))
			continue;
		allowed |= 1u << r->method;
		if (!method_matches(r->method, req->head.method))
			continue;
		req->route = r;
		if (param == NULL)
			return;
		/* path points into split, which is ours to write to. */
		req->param = req->path + (param - req->path);
		if (!bh_api_decode(req->param))
			bh_api_fail(req, BH_PROBLEM_BAD_REQUEST, NULL,
				    "the path has a broken %%-escape");
		return;
	}
	if (allowed != 0)
		method_not_allowed(req, allowed);
	else
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL,
			    "no such path; /api/v1/openapi.json lists all there are");
}
