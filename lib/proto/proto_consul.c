/* consul over http: its index and token headers, or one of its API's paths with the server's words. */
#include "proto_priv.h"

static bool
server_says(const struct bh_proto_input *in, const char *text)
{
	return bh_proto_find_nocase(in, BH_SERVER, text, BH_PROTO_WINDOW) >= 0;
}

enum bh_proto_answer
bh_proto_CONSUL(const struct bh_proto_input *in)
{
	static const char *const api[] = {"/v1/", NULL};
	static const char *const agent[] = {"/v1/agent/", NULL};
	/* Writes, which are answered by one word. */
	static const char *const writes[] = {"/v1/kv/", "/v1/catalog/", "/v1/session/", NULL};
	enum bh_proto_answer a;

	if (bh_proto_find_nocase(in, BH_CLIENT, "\nx-consul-token:", BH_PROTO_WINDOW) >= 0 ||
	    server_says(in, "\nx-consul-"))
		return BH_PROTO_YES;
	a = bh_proto_path(in, api);
	if (a != BH_PROTO_YES)
		return a;
	if (!server_says(in, "\r\n\r\n"))
		return bh_proto_wants_more(in, BH_SERVER);
	/* Nomad has an agent, too. */
	if (bh_proto_path(in, agent) == BH_PROTO_YES)
		return server_says(in, "\nx-nomad-") ? BH_PROTO_NO : BH_PROTO_YES;
	return bh_proto_path(in, writes) == BH_PROTO_YES && server_says(in, "\r\n\r\ntrue")
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
