/* quic v1, v2, drafts (RFC 9000 17.2, 9369) and gquic: a long header of a known version, or version
 * negotiation. */
#include "proto_priv.h"

/* Variable-length integer (RFC 9000 16). */
static bool
varint(struct bh_cur *c, uint64_t *v)
{
	uint8_t b;
	unsigned n;

	if (!bh_cur_u8(c, &b))
		return false;
	n = (1u << (b >> 6)) - 1;
	for (*v = b & 0x3f; n > 0; n--) {
		if (!bh_cur_u8(c, &b))
			return false;
		*v = *v << 8 | b;
	}
	return true;
}

static bool
is_version(uint32_t v)
{
	return v == 1 || v == 0x6b3343cf || v >> 8 == 0xff0000 || v >> 8 == 0xfaceb0 ||
	       (v & 0x0f0f0f0f) == 0x0a0a0a0a;
}

static bool
is_gquic(uint32_t v)
{
	return (v >> 24 == 'Q' || v >> 24 == 'T') && v >> 16 == (v >> 24 << 8 | '0') &&
	       (v >> 8 & 0xff) >= '0' && (v >> 8 & 0xff) <= '9' && (v & 0xff) >= '0' &&
	       (v & 0xff) <= '9';
}

static bool
connection_ids(struct bh_cur *c)
{
	uint8_t n;
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (!bh_cur_u8(c, &n) || n > 20 || bh_cur_take(c, n) == NULL)
			return false;
	}
	return true;
}

static enum bh_proto_answer
long_header(struct bh_cur c, uint8_t first, uint32_t version)
{
	unsigned type = first >> 4 & 3, initial = version == 0x6b3343cf ? 1 : 0;
	uint64_t length;

	if (version == 0) /* negotiation: ids and a list of versions */
		return connection_ids(&c) && bh_cur_left(&c) >= 4 && bh_cur_left(&c) % 4 == 0
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (is_gquic(version))
		return BH_PROTO_YES;
	if (!is_version(version) || (first & 0x40) == 0 || !connection_ids(&c))
		return BH_PROTO_NO;
	if (type != initial)
		return type == (initial + 3) % 4 ||
				       (varint(&c, &length) && length <= bh_cur_left(&c))
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (!varint(&c, &length) || bh_cur_take(&c, length) == NULL || !varint(&c, &length))
		return BH_PROTO_NO;
	return length >= 17 && length <= bh_cur_left(&c) ? BH_PROTO_YES : BH_PROTO_NO;
}

/* gquic up to Q043: public flags with a version, connection id, version in letters. */
static enum bh_proto_answer
public_header(const uint8_t *p, uint32_t n)
{
	return n > 13 && (p[0] & 0xc1) == 0x01 && (p[0] & 0x08) != 0 &&
			       is_gquic(bh_load_be32(p + 9))
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_QUIC(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, in->from);
	uint32_t version;
	uint8_t first;

	if (in->len[in->from] < 20 || !bh_cur_u8(&c, &first) || !bh_cur_be32(&c, &version))
		return BH_PROTO_NO;
	if ((first & 0x80) != 0)
		return long_header(c, first, version);
	return public_header(in->data[in->from], in->len[in->from]);
}
