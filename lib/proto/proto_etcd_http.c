/* etcd: v2 keys, the v3 gateway and the peers' raft, over http. Reported as etcd. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_ETCD_HTTP(const struct bh_proto_input *in)
{
	static const char *const paths[] = {" /v2/keys",     " /v3/kv/",   " /v3beta/kv/",
					    " /v3/lease/",   " /v3/watch", " /v3/auth/",
					    " /v3/cluster/", " /raft",     " /v3/maintenance/",
					    " /v2/members"};
	size_t i;

	if (bh_proto_find_nocase(in, BH_SERVER, "\nx-etcd-", BH_PROTO_WINDOW) >= 0 ||
	    bh_proto_find_nocase(in, BH_CLIENT, "\nx-etcd-", BH_PROTO_WINDOW) >= 0 ||
	    bh_proto_find_nocase(in, BH_SERVER, "\"etcdserver\":", BH_PROTO_WINDOW) >= 0 ||
	    bh_proto_find_nocase(in, BH_SERVER, "\n{\"health\":\"", BH_PROTO_WINDOW) >= 0 ||
	    bh_proto_find_nocase(in, BH_SERVER, "\netcd_", BH_PROTO_WINDOW) >= 0)
		return BH_PROTO_YES;
	for (i = 0; i < BH_ARRAY_SIZE(paths); i++) {
		if (bh_proto_find_nocase(in, BH_CLIENT, paths[i], 40) > 0)
			return BH_PROTO_YES;
	}
	return in->len[BH_SERVER] < 2048 ? bh_proto_wants_more(in, BH_SERVER) : BH_PROTO_NO;
}
