/* wireguard (protocol paper 5.4): message type, three zero bytes, its exact length. */
#include "proto_priv.h"

enum { INITIATION = 148, RESPONSE = 92, COOKIE = 64, DATA_MIN = 32 };

static bool
is_message(const uint8_t *p, uint32_t n, uint8_t type, uint32_t length)
{
	return n == length && p[0] == type && p[1] == 0 && p[2] == 0 && p[3] == 0;
}

enum bh_proto_answer
bh_proto_WIREGUARD(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from], *q = in->data[1 - in->from];
	uint32_t n = in->len[in->from], m = in->len[1 - in->from];

	if (n < DATA_MIN)
		return BH_PROTO_NO;
	if (is_message(p, n, 1, INITIATION) || is_message(p, n, 3, COOKIE))
		return BH_PROTO_YES;
	/* A response names the initiator's index; data go with other data both ways. */
	if (is_message(p, n, 2, RESPONSE))
		return BH_PROTO_YES;
	if (!is_message(p, n, 4, n) || n % 16 != 0)
		return BH_PROTO_NO;
	if (m < DATA_MIN)
		return BH_PROTO_MAYBE;
	/* A padded handshake (some providers' clients): the data name the index that the response gave. */
	if (is_message(q, m, 2, m) && m > RESPONSE && memcmp(p + 4, q + 4, 4) == 0 &&
	    bh_load_le32(p + 12) == 0)
		return BH_PROTO_YES;
	return is_message(q, m, 4, m) && m % 16 == 0 ? BH_PROTO_YES : BH_PROTO_MAYBE;
}
