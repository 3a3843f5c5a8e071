/* ntp v1 to v4, sntp (RFC 5905 7.3), control (mode 6) and private (mode 7) messages. */
#include "proto_priv.h"

#define PACKET 48
/* Seconds since 1900: 1990-01-01. Real clocks, and those that were never set, are told apart. */
#define YEAR_1990 2840140800u

static bool
is_time(const uint8_t *p)
{
	return bh_load_be32(p) >= YEAR_1990;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

static enum bh_proto_answer
client(const struct bh_proto_input *in, const uint8_t *p, uint32_t n)
{
	const uint8_t *answer = in->data[BH_SERVER];

	/* Extension fields and MAC come in multiples of 4 bytes. */
	if (n % 4 != 0 || p[1] > 16 || p[2] > 17 || (p[3] > 0x20 && p[3] < 0xdc))
		return BH_PROTO_NO;
	if (is_time(p + 40) || is_zero(p + 1, 47))
		return BH_PROTO_YES;
	/* A client that hides its clock (random transmit time): the server's origin time repeats it. */
	if (in->len[BH_SERVER] < PACKET)
		return BH_PROTO_MAYBE;
	return memcmp(answer + 24, p + 40, 8) == 0 ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_NTP(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from];
	uint32_t n = in->len[in->from];
	unsigned mode, version;

	if (n < 8)
		return BH_PROTO_NO;
	mode = p[0] & 7;
	version = p[0] >> 3 & 7;
	if (version < 1 || version > 4 || n > 1024)
		return BH_PROTO_NO;
	if (mode == 6) /* control: count of data that fills the datagram, opcode known */
		return n >= 12 && version >= 2 && (p[1] & 31) <= 12 &&
				       bh_load_be16(p + 10) + 12u <= n &&
				       n <= ((bh_load_be16(p + 10) + 15u) & ~3u) + 96
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (mode == 7) /* private: implementation 0, 2 or 3; items x size fits */
		return (p[2] == 0 || p[2] == 2 || p[2] == 3) && p[3] <= 70 &&
				       (bh_load_be16(p + 4) & 0xfff) *
						       (bh_load_be16(p + 6) & 0xfffu) <=
					       500
			       ? BH_PROTO_YES
			       : BH_PROTO_NO;
	if (n < PACKET || mode == 0)
		return BH_PROTO_NO;
	if (mode == 3 || mode == 1)
		return client(in, p, n);
	return n % 4 == 0 && p[1] <= 16 && (is_time(p + 40) || is_time(p + 32)) ? BH_PROTO_YES
										: BH_PROTO_NO;
}
