/* dns (RFC 1035 4.1; over TCP with a length before it, RFC 7766): a header whose counts make sense and
 * whose sections can be walked. */
#include <ctype.h>

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

/* Number of labels of letters, digits, '-' and '_' at the cursor; *whole: the name ends with its root. */
static unsigned
host_labels(struct bh_cur *c, bool *whole)
{
	unsigned labels, i;
	uint8_t n;

	*whole = false;
	for (labels = 0; labels < MAX_LABELS && bh_cur_u8(c, &n); labels++) {
		const uint8_t *p = n <= 63 ? bh_cur_take(c, n) : NULL;

		if (n == 0) {
			*whole = true;
			break;
		}
		for (i = 0; p != NULL && i < n; i++) {
			if (!isalnum(p[i]) && p[i] != '-' && p[i] != '_')
				return labels;
		}
		if (p == NULL)
			break;
	}
	return labels;
}

/* NetBIOS' name service (RFC 1002 4.2) has this header too; its names are 32 letters from A to P. A damaged one
 * still has most of them. */
static bool
is_netbios(struct bh_cur c)
{
	const uint8_t *p = bh_cur_take(&c, 33);
	unsigned i, letters = 0;

	for (i = 1; p != NULL && i < 33; i++)
		letters += p[i] >= 'A' && p[i] <= 'P';
	return letters >= 24 && p[0] == 32;
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

/* A question that was damaged: a name of host labels and a type behind it, or the plain query's header (one
 * question, nothing else, at most recursion desired) and a name that begins as one. */
static bool
damaged_question(const uint8_t *h, struct bh_cur c)
{
	bool whole, plain = (h[2] & 0xfe) == 0 && bh_load_be16(h + 4) == 1 &&
			    bh_load_be16(h + 6) == 0 && bh_load_be32(h + 8) == 0;
	unsigned labels = host_labels(&c, &whole);
	uint16_t type;

	if (labels >= 2 && whole && bh_cur_left(&c) >= 2)
		return bh_cur_be16(&c, &type) && type != 0 && type < 0x100;
	/* Recursion desired and nothing but questions, too many of them: the name is whole. */
	if (h[2] == 1 && (h[3] & 0xdf) == 0 && bh_load_be16(h + 6) == 0 &&
	    bh_load_be32(h + 8) == 0 && labels >= 1 && whole)
		return true;
	/* With recursion desired, ten bytes of the header are those of every resolver's query. */
	if (plain && h[2] == 1 && (h[3] & 0xdf) == 0)
		return bh_cur_left(&c) != 0 || labels != 0;
	return plain && (h[3] & 0xcf) == 0 && labels >= 2;
}

/* Without a question (inverse queries, RFC 1035 6.4; mDNS answers): records, each of them whole. */
static enum bh_proto_answer
only_records(struct bh_cur c, const uint8_t *h, unsigned records, bool cut)
{
	unsigned i;

	if (records == 0 || records > 4096 || ((h[2] & 0x80) == 0 && (h[3] & 15) != 0))
		return BH_PROTO_NO;
	for (i = 0; i < records && i < MAX_RECORDS; i++) {
		if (!record(&c, h))
			return cut && i != 0 ? BH_PROTO_YES : BH_PROTO_NO;
	}
	return BH_PROTO_YES;
}

static bool
is_opcode(uint8_t flags)
{
	unsigned opcode = flags >> 3 & 15;

	return opcode <= 6 && opcode != 3;
}

/* cut: more of the message exists than is shown. A question is proof: what comes behind it may be cut, or
 * garbled by who attacks a resolver. */
static enum bh_proto_answer
message(const uint8_t *p, size_t n, bool cut)
{
	struct bh_cur c = bh_cur(p, n), q;
	const uint8_t *h = bh_cur_take(&c, HEADER);
	unsigned questions, records;

	if (h == NULL || is_netbios(c))
		return BH_PROTO_NO;
	questions = bh_load_be16(h + 4);
	records = bh_load_be16(h + 6) + bh_load_be16(h + 8) + bh_load_be16(h + 10);
	if (!is_opcode(h[2]) || (h[3] & 0x40) != 0 || (h[3] & 15) > 11)
		return BH_PROTO_NO;
	if (questions == 0)
		return only_records(c, h, records, cut);
	q = c;
	/* Or one that fills the message, whatever was done to the counts. */
	if (question(&q, p) &&
	    ((questions <= 16 && records <= 4096) || (bh_cur_left(&q) == 0 && !cut)))
		return BH_PROTO_YES;
	return damaged_question(h, c) ? BH_PROTO_YES : BH_PROTO_NO;
}

static enum bh_proto_answer
over_tcp(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	uint16_t length;

	if (!bh_cur_be16(&c, &length))
		return bh_proto_wants_more(in, side);
	/* Its identifier, then an operation (RFC 1035 4.1.1). */
	if (length < HEADER + 5 || (bh_cur_left(&c) > 2 && !is_opcode(c.p[2])))
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
