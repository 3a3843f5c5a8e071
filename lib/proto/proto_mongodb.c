/* mongodb wire protocol: message header and the shape of what follows, from either side. OP_MSG,
 * OP_COMPRESSED and the legacy opcodes. */
#include "proto_priv.h"

enum {
	OP_REPLY = 1,
	OP_UPDATE = 2001,
	OP_INSERT = 2002,
	OP_QUERY = 2004,
	OP_GET_MORE = 2005,
	OP_DELETE = 2006,
	OP_KILL_CURSORS = 2007,
	OP_COMPRESSED = 2012,
	OP_MSG = 2013,
};

#define MAX_MESSAGE 48000000u

/* A BSON document of `room` bytes at most: length, then an element type. */
static bool
is_document(const uint8_t *p, uint32_t room)
{
	uint32_t n = bh_load_le32(p);

	return n >= 5 && n <= room && (p[4] <= 0x13 || p[4] == 0x7f || p[4] == 0xff);
}

static bool
is_namespace(const uint8_t *p, size_t n)
{
	const uint8_t *nul = memchr(p, 0, n);

	return nul != NULL && nul > p + 2 && memchr(p, '.', (size_t)(nul - p)) != NULL &&
	       bh_proto_printable(p, (size_t)(nul - p));
}

static enum bh_proto_answer
body(const struct bh_proto_input *in, unsigned side, struct bh_cur c, uint32_t op, uint32_t length)
{
	size_t n = bh_cur_left(&c);
	const uint8_t *p = c.p;

	if (op == OP_KILL_CURSORS)
		return n >= 8 && bh_load_le32(p) == 0 && length == 24 + 8 * bh_load_le32(p + 4)
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (n < 20)
		return bh_proto_wants_more(in, side);
	switch (op) {
	case OP_MSG: /* flags, section kind 0, document (or kind 1, size) */
		if ((bh_load_le32(p) & 0xfffc) != 0 || p[4] > 1)
			return BH_PROTO_NO;
		return is_document(p + 5, length - 21) ||
				       (p[4] == 1 && bh_load_le32(p + 5) < length)
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	case OP_COMPRESSED: /* original opcode, size, compressor */
		return (bh_load_le32(p) == OP_MSG ||
			(bh_load_le32(p) >= 2001 && bh_load_le32(p) <= 2007) ||
			bh_load_le32(p) == OP_REPLY) &&
				       bh_load_le32(p + 4) <= MAX_MESSAGE && p[8] <= 3
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	case OP_REPLY: /* flags, cursor (8), from, number, document */
		return bh_load_le32(p) < 16 && bh_load_le32(p + 16) < 1000000 &&
				       (n < 25 || is_document(p + 20, length - 36))
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	default: /* flags or 0, then the collection's full name */
		return bh_load_le32(p) < 256 && is_namespace(p + 4, n - 4) ? BH_PROTO_YES
									   : BH_PROTO_NO;
	}
}

static enum bh_proto_answer
message(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	const uint8_t *h = bh_cur_take(&c, 16);
	uint32_t length, op;

	if (in->len[side] >= 4 && bh_load_le32(in->data[side]) > MAX_MESSAGE)
		return BH_PROTO_NO;
	if (h == NULL)
		return bh_proto_wants_more(in, side);
	length = bh_load_le32(h);
	op = bh_load_le32(h + 12);
	if (length < 16 + 5 || length > MAX_MESSAGE)
		return BH_PROTO_NO;
	switch (op) {
	case OP_REPLY:
	case OP_UPDATE:
	case OP_INSERT:
	case OP_QUERY:
	case OP_GET_MORE:
	case OP_DELETE:
	case OP_KILL_CURSORS:
	case OP_COMPRESSED:
	case OP_MSG:
		return body(in, side, c, op, length);
	default:
		return BH_PROTO_NO;
	}
}

enum bh_proto_answer
bh_proto_MONGODB(const struct bh_proto_input *in)
{
	return bh_proto_either(message(in, BH_CLIENT), message(in, BH_SERVER));
}
