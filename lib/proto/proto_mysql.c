/* mysql, mariadb: the server's first packet, protocol 10 (or 9) greeting or an error instead of it
 * (MySQL internals, "Connection Phase Packets"). */
#include "proto_priv.h"

static enum bh_proto_answer
greeting(const struct bh_proto_input *in, struct bh_cur c, uint32_t length)
{
	const uint8_t *nul, *tail;
	uint32_t n;

	if (bh_cur_left(&c) == 0)
		return bh_proto_wants_more(in, BH_SERVER);
	nul = memchr(c.p, 0, bh_cur_left(&c));
	n = nul != NULL ? (uint32_t)(nul - c.p) : (uint32_t)bh_cur_left(&c);
	if (n > 128 || !bh_proto_printable(c.p, n) || c.p[0] < '0' || c.p[0] > '9')
		return BH_PROTO_NO;
	if (nul == NULL)
		return bh_proto_wants_more(in, BH_SERVER);
	bh_cur_take(&c, n + 1);
	/* thread id (4), salt (8), filler 0 */
	tail = bh_cur_take(&c, 13);
	if (length < n + 15)
		return BH_PROTO_NO;
	if (tail == NULL)
		return bh_proto_wants_more(in, BH_SERVER);
	return tail[12] == 0 ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_MYSQL(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_SERVER);
	const uint8_t *h = bh_cur_take(&c, 5);
	uint32_t length;

	if (in->len[BH_SERVER] == 0 && in->len[BH_CLIENT] != 0 && in->packets > 8)
		return BH_PROTO_NO;
	if (h == NULL)
		return bh_proto_wants_more(in, BH_SERVER);
	length = bh_load_le24(h);
	/* X protocol: a first NOTICE with the server's hello, length behind 4 bytes. */
	if (length == 5 && h[3] == 0 && h[4] == 0x0b)
		return in->len[BH_SERVER] < 9 ? bh_proto_wants_more(in, BH_SERVER)
		       : memcmp(c.p, "\x08\x05\x1a\x00", 4) == 0 ? BH_PROTO_YES
								 : BH_PROTO_NO;
	if (h[3] != 0 || length < 8 || length > 4096)
		return BH_PROTO_NO;
	if (h[4] == 10 || h[4] == 9)
		return greeting(in, c, length);
	if (h[4] != 0xff)
		return BH_PROTO_NO;
	/* Error before the greeting: code 1000..4999, then text. */
	h = bh_cur_take(&c, 6);
	if (h == NULL)
		return bh_proto_wants_more(in, BH_SERVER);
	if (bh_load_le16(h) < 1000 || bh_load_le16(h) > 4999)
		return BH_PROTO_NO;
	return bh_proto_printable(h + 2, 4) ? BH_PROTO_YES : BH_PROTO_NO;
}
