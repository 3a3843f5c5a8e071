/* dtls 1.0 to 1.3 (RFC 6347 4.1, RFC 9147): records that fill their datagram. */
#include "proto_priv.h"

#define RECORD 13

static bool
is_version(const uint8_t *p)
{
	return (p[0] == 0xfe && (p[1] == 0xff || p[1] == 0xfd || p[1] == 0xfc)) ||
	       (p[0] == 0x01 && p[1] == 0x00); /* OpenSSL's before the standard */
}

enum bh_proto_answer
bh_proto_DTLS(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from];
	uint32_t n = in->len[in->from], at = 0, length;

	while (n - at >= RECORD) {
		if (p[at] < 20 || p[at] > 26 || !is_version(p + at + 1))
			return BH_PROTO_NO;
		length = bh_load_be16(p + at + 11);
		if (length == 0 || length > n - at - RECORD)
			return BH_PROTO_NO;
		/* A handshake in the clear: type, and a fragment that fits. */
		if (p[at] == 22 && bh_load_be16(p + at + 3) == 0 &&
		    (length < 12 || p[at + RECORD] > 24))
			return BH_PROTO_NO;
		at += RECORD + length;
	}
	return at == n && n != 0 ? BH_PROTO_YES : BH_PROTO_NO;
}
