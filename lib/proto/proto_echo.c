/* echo (RFC 862): what came goes back. Last in the table: it is only proven where nothing else is. */
#include "proto_priv.h"

#define ENOUGH 4
#define ROUNDS 4 /* datagrams: later ones that are alike may be chance */

/* Greetings that are the same on both sides: ZMTP's signature, ICA's. */
static bool
is_greeting(const uint8_t *p, uint32_t n)
{
	return n >= 4 &&
	       ((p[0] == 0xff && (n < 10 || p[9] == 0x7f)) || memcmp(p, "\x7f\x7fIC", 4) == 0);
}

enum bh_proto_answer
bh_proto_ECHO(const struct bh_proto_input *in)
{
	uint32_t n = in->len[0] < in->len[1] ? in->len[0] : in->len[1];

	if (in->transport == BH_OVER_UDP && in->len[1] != 0)
		return in->from == 1 && in->packets <= ROUNDS && in->len[0] == in->len[1] &&
				       n >= ENOUGH && memcmp(in->data[0], in->data[1], n) == 0
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (n != 0 && memcmp(in->data[0], in->data[1], n) != 0)
		return BH_PROTO_NO;
	if (is_greeting(in->data[0], n))
		return BH_PROTO_NO;
	if (n >= ENOUGH && n == in->len[0])
		return BH_PROTO_YES;
	return BH_PROTO_MAYBE;
}
