/* socks 4, 4a, 5 (RFC 1928 3): the client's greeting and the server's choice. */
#include "proto_priv.h"

#define MAX_USER 255

static enum bh_proto_answer
version5(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT], *s = in->data[BH_SERVER];
	uint32_t n = in->len[BH_CLIENT], i;

	if (n < 3 || n < 2u + p[1])
		return n >= 2 && p[1] == 0 ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
	if (p[1] == 0 || p[1] > 16)
		return BH_PROTO_NO;
	if (in->len[BH_SERVER] < 2)
		return n == 2u + p[1] ? bh_proto_wants_more(in, BH_SERVER) : BH_PROTO_NO;
	if (s[0] != 5)
		return BH_PROTO_NO;
	for (i = 0; i < p[1]; i++) {
		if (p[2 + i] == s[1])
			return BH_PROTO_YES;
	}
	return s[1] == 0xff ? BH_PROTO_YES : BH_PROTO_NO;
}

static enum bh_proto_answer
version4(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT], *s = in->data[BH_SERVER];
	uint32_t n = in->len[BH_CLIENT];

	if (n < 9)
		return bh_proto_wants_more(in, BH_CLIENT);
	if (p[1] != 1 && p[1] != 2)
		return BH_PROTO_NO;
	if (memchr(p + 8, 0, n - 8) == NULL)
		return n > 8 + MAX_USER ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
	if (in->len[BH_SERVER] < 8)
		return bh_proto_wants_more(in, BH_SERVER);
	return s[0] == 0 && s[1] >= 0x5a && s[1] <= 0x5d ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SOCKS(const struct bh_proto_input *in)
{
	if (in->len[BH_CLIENT] == 0)
		return bh_proto_wants_more(in, BH_CLIENT);
	switch (in->data[BH_CLIENT][0]) {
	case 5:
		return version5(in);
	case 4:
		return version4(in);
	default:
		return BH_PROTO_NO;
	}
}
