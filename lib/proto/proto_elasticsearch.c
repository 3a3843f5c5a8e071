/* elasticsearch, opensearch over http: its product header, its banner, or one of its own paths answered in
 * JSON. */
#include "proto_priv.h"

static const char *const paths[] = {"/_cluster/", "/_cat/",           "/_nodes",   "/_bulk",
				    "/_search",   "/_msearch",        "/_aliases", "/_template",
				    "/_mapping",  "/_stats",          "/_count",   "/_doc/",
				    "/_doc ",     "/_settings",       "/_refresh", "/_update/",
				    "/_create/",  "/_index_template", "/_ingest/", "/_xpack"};

static bool
has_own_path(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	const uint8_t *eol = in->len[BH_CLIENT] != 0 ? memchr(p, '\n', in->len[BH_CLIENT]) : NULL;
	size_t n = eol != NULL ? (size_t)(eol - p) : in->len[BH_CLIENT], i;

	for (i = 0; i < BH_ARRAY_SIZE(paths); i++) {
		if (memmem(p, n, paths[i], strlen(paths[i])) != NULL)
			return true;
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
	if (server_says(in, "\nx-elastic-product:") || server_says(in, "You Know, for Search") ||
	    server_says(in, "application/vnd.elasticsearch+json"))
		return BH_PROTO_YES;
	if (!has_own_path(in))
		return in->len[BH_SERVER] < 1024 ? bh_proto_wants_more(in, BH_SERVER) : BH_PROTO_NO;
	if (server_says(in, "application/json") || server_says(in, "\"took\":") ||
	    server_says(in, "\"_shards\"") || server_says(in, "\"cluster_name\""))
		return BH_PROTO_YES;
	return server_says(in, "\r\n\r\n") ? BH_PROTO_NO : bh_proto_wants_more(in, BH_SERVER);
}
