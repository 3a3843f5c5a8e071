/* consul over http: its index header, or one of its API's paths with the server's words. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_CONSUL(const struct bh_proto_input *in)
{
	static const char *const paths[] = {" /v1/agent/",       " /v1/kv/",
					    " /v1/catalog/",     " /v1/health/",
					    " /v1/session/",     " /v1/status/leader",
					    " /v1/status/peers", " /v1/acl/",
					    " /v1/connect/"};
	bool own = false;
	size_t i;

	if (bh_proto_find_nocase(in, BH_SERVER, "\nx-consul-", BH_PROTO_WINDOW) >= 0 ||
	    bh_proto_find_nocase(in, BH_CLIENT, "\nx-consul-token:", BH_PROTO_WINDOW) >= 0)
		return BH_PROTO_YES;
	for (i = 0; i < BH_ARRAY_SIZE(paths) && !own; i++)
		own = bh_proto_find_nocase(in, BH_CLIENT, paths[i], 64) > 0;
	if (!own)
		return in->len[BH_CLIENT] < 64 ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
	return bh_proto_find_nocase(in, BH_SERVER, "\r\n\r\n", BH_PROTO_WINDOW) >= 0
		       ? (bh_proto_find_nocase(in, BH_CLIENT, " /v1/agent/", 64) > 0 ? BH_PROTO_YES
										     : BH_PROTO_NO)
		       : bh_proto_wants_more(in, BH_SERVER);
}
