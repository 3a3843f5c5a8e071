/* rtsp 1.0 and 2.0 (RFC 2326, 7826): request line with its version, or a status line. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_RTSP(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = bh_proto_either(bh_proto_spells(in, BH_SERVER, "RTSP/1.0 "),
						 bh_proto_spells(in, BH_SERVER, "RTSP/2.0 "));
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], end, i;
	int line;

	if (a == BH_PROTO_YES)
		return a;
	for (i = 0; i < n && i < 16 && ((p[i] >= 'A' && p[i] <= 'Z') || p[i] == '_'); i++)
		;
	if (i == n)
		return n < 16 ? bh_proto_wants_more(in, BH_CLIENT) : a;
	if (p[i] != ' ' || i < 3)
		return a;
	line = bh_proto_line(in, BH_CLIENT, &end);
	if (line < 0)
		return n > 1024 ? a : bh_proto_wants_more(in, BH_CLIENT);
	return line > 9 && (memcmp(p + line - 9, " RTSP/1.0", 9) == 0 ||
			    memcmp(p + line - 9, " RTSP/2.0", 9) == 0)
		       ? BH_PROTO_YES
		       : a;
}
