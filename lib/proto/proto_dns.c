/* dns (RFC 1035 4.1; over TCP with a length before it, RFC 7766): a header whose counts make sense and
 * whose sections can be walked. */
#include "proto_priv.h"

#define HEADER 12
#define MAX_RECORDS 64
#define MAX_LABELS 128

/* Walk a name. A pointer must lead back. false: not a name, or cut. */
static bool
name(struct bh_cur *c, const uint8_t *start)
{
	unsigned labels, total = 0;
	uint8_t n, low;

	for (labels = 0; labels < MAX_LABELS; labels++) {
		if (!bh_cur_u8(c, &n))
			return false;
		if (n == 0)
			return true;
		if ((n & 0xc0) == 0xc0) {
			if (!bh_cur_u8(c, &low))
				return false;
			return ((n & 0x3fu) << 8 | low) < (unsigned)(c->p - start) - 2 &&
			       ((n & 0x3fu) << 8 | low) >= HEADER;
		}
		total += n + 1u;
		if ((n & 0xc0) != 0 || total > 255 || bh_cur_take(c, n) == NULL)
			return false;
	}
	return false;
}

static bool
is_class(uint16_t v)
{
	v &= 0x7fff; /* mDNS: unicast answer wanted, or cache flush */
	return v == 1 || v == 3 || v == 4 || v == 254 || v == 255;
}

static bool
question(struct bh_cur *c, const uint8_t *start)
{
	uint16_t type, class_;

	return name(c, start) && bh_cur_be16(c, &type) && bh_cur_be16(c, &class_) && type != 0 &&
	       is_class(class_);
}

static bool
record(struct bh_cur *c, const uint8_t *start)
{
	uint16_t type, class_, length;
	uint32_t ttl;

	if (!name(c, start) || !bh_cur_be16(c, &type) || !bh_cur_be16(c, &class_) ||
	    !bh_cur_be32(c, &ttl) || !bh_cur_be16(c, &length) || type == 0)
		return false;
	/* OPT (41) keeps a size where others have a class; TSIG and TKEY have ANY. */
	return (type == 41 || is_class(class_)) && bh_cur_take(c, length) != NULL;
}

/* cut: more of the message exists than is shown. */
static enum bh_proto_answer
message(const uint8_t *p, size_t n, bool cut)
{
	struct bh_cur c = bh_cur(p, n);
	const uint8_t *h = bh_cur_take(&c, HEADER);
	unsigned questions, answers, records, opcode, i;

	if (h == NULL)
		return BH_PROTO_NO;
	opcode = h[2] >> 3 & 15;
	questions = bh_load_be16(h + 4);
	answers = bh_load_be16(h + 6);
	records = answers + bh_load_be16(h + 8) + bh_load_be16(h + 10);
	if (opcode > 6 || opcode == 3 || (h[3] & 0x40) != 0 || (h[3] & 15) > 11 || questions > 16 ||
	    records > 4096)
		return BH_PROTO_NO;
	/* Without a question (inverse queries, RFC 1035 6.4; mDNS answers) there must be records. */
	if (questions == 0 && records == 0)
		return BH_PROTO_NO;
	/* A question is proof: what comes behind it may be cut, or garbled by who attacks a resolver. */
	if (questions != 0)
		return question(&c, p) ? BH_PROTO_YES : BH_PROTO_NO;
	if ((h[2] & 0x80) == 0 && (h[3] & 15) != 0)
		return BH_PROTO_NO;
	for (i = 0; i < records && i < MAX_RECORDS; i++) {
		if (!record(&c, p))
			return cut && i != 0 ? BH_PROTO_YES : BH_PROTO_NO;
	}
	return BH_PROTO_YES;
}

static enum bh_proto_answer
over_tcp(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	uint16_t length;

	if (!bh_cur_be16(&c, &length))
		return bh_proto_wants_more(in, side);
	if (length < HEADER + 5)
		return BH_PROTO_NO;
	if (bh_cur_left(&c) < length && !in->ended[side])
		return bh_cur_left(&c) >= HEADER &&
				       message(c.p, bh_cur_left(&c), true) == BH_PROTO_YES
			       ? BH_PROTO_YES
			       : BH_PROTO_MAYBE;
	return message(c.p, bh_cur_left(&c) < length ? bh_cur_left(&c) : length,
		       bh_cur_left(&c) < length);
}

enum bh_proto_answer
bh_proto_DNS(const struct bh_proto_input *in)
{
	if (in->transport == BH_OVER_UDP)
		return message(in->data[in->from], in->len[in->from],
			       in->len[in->from] == BH_PROTO_WINDOW);
	return bh_proto_either(over_tcp(in, BH_CLIENT), over_tcp(in, BH_SERVER));
}
