/* elasticsearch, opensearch over http: its product header, its banner, or one of its own paths answered in
 * JSON. */
#include "proto_priv.h"

static const char *const paths[] = {"cluster/",
				    "cat/",
				    "nodes",
				    "bulk",
				    "search",
				    "msearch",
				    "aliases",
				    "template",
				    "mapping",
				    "stats",
				    "count",
				    "doc/",
				    "doc ",
				    "settings",
				    "refresh",
				    "update/",
				    "create/",
				    "index_template",
				    "ingest/",
				    "xpack",
				    "component_template",
				    "mget",
				    "analyze",
				    "snapshot",
				    "tasks",
				    "license",
				    "delete_by_query",
				    "update_by_query",
				    "reindex",
				    "alias",
				    "field_caps",
				    "security/",
				    "data_stream",
				    "ilm/",
				    "plugins/"};

/* Its names begin with an underscore, in any part of the path. */
static bool
has_own_path(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	const uint8_t *eol = in->len[BH_CLIENT] != 0 ? memchr(p, '\n', in->len[BH_CLIENT]) : NULL;
	const uint8_t *end = eol != NULL ? eol : p + in->len[BH_CLIENT];
	size_t i;

	while (p < end && (p = memchr(p, '/', (size_t)(end - p))) != NULL) {
		if (++p == end || *p != '_')
			continue;
		p++;
		for (i = 0; i < BH_ARRAY_SIZE(paths); i++) {
			size_t k = strlen(paths[i]);

			if ((size_t)(end - p) >= k && memcmp(p, paths[i], k) == 0)
				return true;
		}
	}
	return false;
}

static bool
server_says(const struct bh_proto_input *in, const char *text)
{
	return bh_proto_find_nocase(in, BH_SERVER, text, BH_PROTO_WINDOW) >= 0;
}

enum bh_proto_answer
bh_proto_ELASTICSEARCH(const struct bh_proto_input *in)
{
	static const char *const root[] = {"/ ", "/?", NULL};
	bool head;

	if (server_says(in, "Know, for Search"))
		return BH_PROTO_YES;
	/* Hardly ever: one look instead of two. */
	if (server_says(in, "elastic") &&
	    (server_says(in, "\nx-elastic-product:") || server_says(in, "/vnd.elasticsearch+json")))
		return BH_PROTO_YES;
	head = server_says(in, "\r\n\r\n");
	if (!has_own_path(in)) {
		/* The banner of older versions is the body of the root. */
		if (head && (bh_proto_path(in, root) == BH_PROTO_NO ||
			     !server_says(in, "application/json") || in->len[BH_SERVER] >= 1024))
			return BH_PROTO_NO;
		return bh_proto_wants_more(in, BH_SERVER);
	}
	if (server_says(in, "application/json") || server_says(in, "\"took\":") ||
	    server_says(in, "\"_shards\"") || server_says(in, "\"cluster_name\""))
		return BH_PROTO_YES;
	return head ? BH_PROTO_NO : bh_proto_wants_more(in, BH_SERVER);
}
