/* tls and ssl 2 to 1.3 (RFC 8446 5.1, RFC 6101, SSL 2 hello in RFC 5246 E.2): a hello from either side, an
 * alert instead of one, or a chain of records of a connection that was joined later. */
#include "proto_priv.h"

enum { CHANGE_CIPHER = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };
#define RECORD_MAX (16384 + 2048)

static bool
is_record(const uint8_t *p)
{
	return p[0] >= CHANGE_CIPHER && p[0] <= DATA && p[1] == 3 && p[2] <= 4 &&
	       bh_load_be16(p + 3) <= RECORD_MAX && bh_load_be16(p + 3) != 0;
}

static enum bh_proto_answer
hello(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], record, length;

	if (n < 3)
		return n > 0 && p[0] != HANDSHAKE && p[0] != ALERT ? BH_PROTO_NO
								   : bh_proto_wants_more(in, side);
	if (n < 6)
		return p[0] == HANDSHAKE && p[1] == 3 && p[2] <= 4 ? bh_proto_wants_more(in, side)
								   : BH_PROTO_NO;
	if (!is_record(p))
		return BH_PROTO_NO;
	record = bh_load_be16(p + 3);
	if (p[0] == ALERT)
		return record == 2 && n >= 7 && (p[5] == 1 || p[5] == 2) && p[6] <= 121
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (p[0] != HANDSHAKE)
		return BH_PROTO_NO;
	if (p[5] != 1 && p[5] != 2)
		return BH_PROTO_NO;
	if (n < 11)
		return bh_proto_wants_more(in, side);
	/* The hello's own version repeats the record's kind; its length may span records. */
	length = bh_load_be32(p + 5) & 0xffffff;
	return p[9] == 3 && p[10] <= 4 && length >= 34 && length < 65536 &&
			       (length + 4 <= record || record < RECORD_MAX)
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

/* 2-byte length with the top bit, CLIENT-HELLO, version, lengths that add up. Where they do not, a whole record with such a
 * head is it as well: an attack on whom adds them up (threat cipher_overflow) is SSL 2 all the same. */
static enum bh_proto_answer
ssl2_hello(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t ciphers, session, challenge, length;

	if (in->len[BH_CLIENT] < 11)
		return in->len[BH_CLIENT] == 0 || (p[0] & 0x80) != 0
			       ? bh_proto_wants_more(in, BH_CLIENT)
			       : BH_PROTO_NO;
	if ((p[0] & 0x80) == 0 || p[2] != 1 ||
	    !((p[3] == 0 && p[4] == 2) || (p[3] == 3 && p[4] <= 3)))
		return BH_PROTO_NO;
	length = bh_load_be16(p) & 0x7fffu;
	ciphers = bh_load_be16(p + 5);
	session = bh_load_be16(p + 7);
	challenge = bh_load_be16(p + 9);
	if (ciphers % 3 == 0 && ciphers != 0 && challenge >= 16 && challenge <= 32 &&
	    (session == 0 || session == 16) && length == 9 + ciphers + session + challenge)
		return BH_PROTO_YES;
	if (length < 9 || length + 2 > BH_PROTO_WINDOW)
		return BH_PROTO_NO;
	return in->len[BH_CLIENT] >= length + 2 ? BH_PROTO_YES : bh_proto_wants_more(in, BH_CLIENT);
}

/* Application data of a connection joined later: two records whose lengths chain. */
static enum bh_proto_answer
chain(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side], next;

	if (n > 0 && (p[0] < CHANGE_CIPHER || p[0] > DATA))
		return BH_PROTO_NO;
	if (n < 5 || !is_record(p) || p[2] == 0 || p[2] == 4)
		return n < 5 ? bh_proto_wants_more(in, side) : BH_PROTO_NO;
	next = 5u + bh_load_be16(p + 3);
	if (next + 5 > n)
		return next + 5 <= BH_PROTO_WINDOW ? bh_proto_wants_more(in, side) : BH_PROTO_NO;
	return is_record(p + next) && p[next + 1] == p[1] && p[next + 2] == p[2] ? BH_PROTO_YES
										 : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_TLS(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = bh_proto_either(hello(in, BH_CLIENT), hello(in, BH_SERVER));

	a = bh_proto_either(a, ssl2_hello(in));
	return bh_proto_either(a, bh_proto_either(chain(in, BH_CLIENT), chain(in, BH_SERVER)));
}
