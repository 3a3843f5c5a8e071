/* etcd: v2 keys, the v3 gateway and the peers' raft, over http. Reported as etcd. */
#include "proto_priv.h"

static bool
server_says(const struct bh_proto_input *in, const char *text)
{
	return bh_proto_find_nocase(in, BH_SERVER, text, BH_PROTO_WINDOW) >= 0;
}

enum bh_proto_answer
bh_proto_ETCD_HTTP(const struct bh_proto_input *in)
{
	static const char *const own[] = {"/v2/keys",    "/v2/members",  "/v3/kv/",
					  "/v3beta/kv/", "/v3alpha/kv/", "/v3/lease/",
					  "/v3/watch",   "/v3/auth/",    "/v3/cluster/",
					  "/raft/",      "/raft ",       "/v3/maintenance/",
					  NULL};
	/* Others have these, too: the answer's body tells. */
	static const char *const shared[] = {"/health", "/version", "/metrics", NULL};
	enum bh_proto_answer a = bh_proto_path(in, own);

	if (a == BH_PROTO_YES || server_says(in, "\nx-etcd-") ||
	    bh_proto_find_nocase(in, BH_CLIENT, "\nx-etcd-", BH_PROTO_WINDOW) >= 0)
		return BH_PROTO_YES;
	if (bh_proto_path(in, shared) == BH_PROTO_YES) {
		if (server_says(in, "\"etcdserver\":") || server_says(in, "\n{\"health\":\"") ||
		    server_says(in, "\netcd_"))
			return BH_PROTO_YES;
		return in->len[BH_SERVER] < 2048 ? bh_proto_wants_more(in, BH_SERVER) : BH_PROTO_NO;
	}
	return server_says(in, "\r\n\r\n") ? BH_PROTO_NO : bh_proto_wants_more(in, BH_SERVER);
}
