/* rsync daemon: "@RSYNCD: " and a version, from either side. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_RSYNC(const struct bh_proto_input *in)
{
	return bh_proto_either(bh_proto_spells(in, BH_SERVER, "@RSYNCD: "),
			       bh_proto_spells(in, BH_CLIENT, "@RSYNCD: "));
}
