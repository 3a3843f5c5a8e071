/* cassandra native protocol v1 to v5: STARTUP or OPTIONS first (CQL binary protocol specifications). */
#include "proto_priv.h"

enum { OP_ERROR = 0x00, OP_STARTUP = 0x01, OP_OPTIONS = 0x05, OP_SUPPORTED = 0x06 };

#define MAX_FRAME (256u << 20)
#define STARTUP_MIN (2 + 2 + 11 + 2) /* number of pairs, "CQL_VERSION", an empty value */
#define STARTUP_MAX 2048

struct header {
	uint8_t version, opcode;
	uint16_t stream;
	uint32_t length;
};

/* 1 to 5, and DataStax Enterprise's 1 and 2 */
static bool
is_version(uint8_t v)
{
	return (v >= 1 && v <= 5) || v == 0x41 || v == 0x42;
}

/* v1 and v2 have a stream id of one byte. */
static enum bh_proto_answer
read_header(const struct bh_proto_input *in, unsigned side, struct bh_cur *c, struct header *h)
{
	uint8_t flags, stream8 = 0;
	bool ok;

	if (!bh_cur_u8(c, &h->version))
		return bh_proto_wants_more(in, side);
	if (!is_version(h->version & 0x7f) || h->version >> 7 != side)
		return BH_PROTO_NO;
	if (!bh_cur_u8(c, &flags))
		return bh_proto_wants_more(in, side);
	if (flags > 0x1f)
		return BH_PROTO_NO;
	if ((h->version & 0x7f) < 3) {
		ok = bh_cur_u8(c, &stream8);
		h->stream = stream8;
	} else {
		ok = bh_cur_be16(c, &h->stream);
	}
	if (!ok || !bh_cur_u8(c, &h->opcode) || !bh_cur_be32(c, &h->length))
		return bh_proto_wants_more(in, side);
	return h->opcode <= 0x10 && h->length <= MAX_FRAME ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_CASSANDRA(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT), s = bh_side(in, BH_SERVER);
	struct header request, answer;
	enum bh_proto_answer a = read_header(in, BH_CLIENT, &c, &request);

	if (a != BH_PROTO_YES)
		return a;
	if (request.opcode == OP_STARTUP) {
		/* A string map whose one mandatory key may stand anywhere in it. */
		if (request.length < STARTUP_MIN || request.length > STARTUP_MAX)
			return BH_PROTO_NO;
		if (bh_proto_find_nocase(in, BH_CLIENT, "CQL_VERSION", STARTUP_MAX) > 0)
			return BH_PROTO_YES;
		return bh_cur_left(&c) >= request.length ? BH_PROTO_NO
							 : bh_proto_wants_more(in, BH_CLIENT);
	}
	if (request.opcode != OP_OPTIONS || request.length != 0)
		return BH_PROTO_NO;
	a = read_header(in, BH_SERVER, &s, &answer);
	if (a != BH_PROTO_YES)
		return a;
	return answer.stream == request.stream &&
			       (answer.opcode == OP_SUPPORTED || answer.opcode == OP_ERROR)
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
