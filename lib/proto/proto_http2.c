/* http/2 (RFC 9113 3.4): the client's connection preface and the SETTINGS frame behind it. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_HTTP2(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = bh_proto_spells(in, BH_CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

	return a;
}
