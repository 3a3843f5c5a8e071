/* websocket over http (RFC 6455 4): the upgrade asked for, and 101. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_WEBSOCKET(const struct bh_proto_input *in)
{
	enum bh_proto_answer a;

	if (bh_proto_find_nocase(in, BH_CLIENT, "\nsec-websocket-key:", BH_PROTO_WINDOW) < 0) {
		if (bh_proto_find_nocase(in, BH_CLIENT, "\r\n\r\n", BH_PROTO_WINDOW) >= 0)
			return BH_PROTO_NO;
		return bh_proto_wants_more(in, BH_CLIENT);
	}
	a = bh_proto_spells(in, BH_SERVER, "HTTP/1.1 101");
	if (a != BH_PROTO_YES)
		return a;
	if (bh_proto_find_nocase(in, BH_SERVER, "\nsec-websocket-accept:", BH_PROTO_WINDOW) >= 0)
		return BH_PROTO_YES;
	return bh_proto_find_nocase(in, BH_SERVER, "\r\n\r\n", BH_PROTO_WINDOW) >= 0
		       ? BH_PROTO_NO
		       : bh_proto_wants_more(in, BH_SERVER);
}
