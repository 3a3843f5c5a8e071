/* postgresql: StartupMessage, SSLRequest, GSSENCRequest or CancelRequest (PostgreSQL documentation, "Message
 * Formats"): the client speaks first. */
#include <ctype.h>

#include "proto_priv.h"

#define CODE_CANCEL 80877102u
#define CODE_SSL 80877103u
#define CODE_GSS 80877104u

/* "user\0alice\0database\0...\0\0": names are words. */
static enum bh_proto_answer
parameters(const struct bh_proto_input *in, struct bh_cur c)
{
	const uint8_t *nul;
	size_t n = bh_cur_left(&c), i;

	if (n == 0)
		return bh_proto_wants_more(in, BH_CLIENT);
	nul = memchr(c.p, 0, n);
	if (nul == NULL)
		return n > 64 ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
	n = (size_t)(nul - c.p);
	for (i = 0; i < n; i++) {
		if (!isalnum(c.p[i]) && c.p[i] != '_' && c.p[i] != '.')
			return BH_PROTO_NO;
	}
	return n >= 3 ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_POSTGRESQL(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT);
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], length, code;

	/* A length of at most 10000, then a version 3 or one of the codes. */
	if ((n > 0 && p[0] != 0) || (n > 4 && p[4] != 0 && p[4] != CODE_SSL >> 24))
		return BH_PROTO_NO;
	if (!bh_cur_be32(&c, &length) || !bh_cur_be32(&c, &code))
		return bh_proto_wants_more(in, BH_CLIENT);
	if (code == CODE_SSL || code == CODE_GSS)
		return length == 8 ? BH_PROTO_YES : BH_PROTO_NO;
	if (code == CODE_CANCEL)
		return length >= 16 && length <= 272 ? BH_PROTO_YES : BH_PROTO_NO;
	/* 2.0, gone since PostgreSQL 14: a packet of fixed size. */
	if (code == 0x00020000)
		return length == 296 ? BH_PROTO_YES : BH_PROTO_NO;
	/* 3.0, 3.2 and minor versions that ask for negotiation. */
	if (code >> 16 != 3 || (code & 0xffff) > 9999 || length < 9 || length > 10000)
		return BH_PROTO_NO;
	return parameters(in, c);
}
