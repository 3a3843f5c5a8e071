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

/* Root delay and dispersion are below 256 s in every real header; extension fields and MAC come in multiples of
 * 4 bytes; stratum, poll and precision have their ranges. */
static bool
is_header(const uint8_t *p, uint32_t n)
{
	return n >= PACKET && n % 4 == 0 && p[1] <= 16 && (p[2] <= 17 || p[2] >= 0xfa) &&
	       (p[3] <= 0x20 || p[3] >= 0xd8) && p[4] == 0 && p[8] == 0;
}

static enum bh_proto_answer
client(const struct bh_proto_input *in, const uint8_t *p, uint32_t n)
{
	const uint8_t *answer = in->data[BH_SERVER];

	if (is_header(p, n) && is_time(p + 40))
		return BH_PROTO_YES;
	/* SNTP clients may send nothing but their poll interval and precision. */
	if (n == PACKET && p[1] == 0 && p[2] <= 17 && (p[3] == 0 || p[3] >= 0xd8) &&
	    is_zero(p + 4, 44))
		return BH_PROTO_YES;
	/* A client that hides its clock (random transmit time) has nothing else in its request, or the
	 * server's origin time repeats it. */
	if (is_header(p, n) && is_zero(p + 16, 24))
		return BH_PROTO_YES;
	if (in->len[BH_SERVER] < PACKET)
		return BH_PROTO_MAYBE;
	return memcmp(answer + 24, p + 40, 8) == 0 ? BH_PROTO_YES : BH_PROTO_NO;
}

/* Servers, peers, broadcast: the times they received and sent are those of one clock. */
static enum bh_proto_answer
server(const struct bh_proto_input *in, const uint8_t *p, uint32_t n)
{
	const uint8_t *request = in->data[1 - in->from];

	if (n < PACKET || n % 4 != 0 || p[1] > 16)
		return BH_PROTO_NO;
	if (is_header(p, n) && (is_time(p + 40) || is_time(p + 32)))
		return BH_PROTO_YES;
	return in->len[1 - in->from] >= PACKET && !is_zero(p + 24, 8) &&
			       memcmp(request + 40, p + 24, 8) == 0
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

/* Mode 6 (RFC 9327 2): the count of data, padded, and perhaps a MAC fill the datagram. */
static enum bh_proto_answer
control(const uint8_t *p, uint32_t n)
{
	uint32_t filled, opcode = p[1] & 31;

	if (n < 12 || (opcode > 12 && opcode != 31) || ((p[1] & 0x80) == 0 && (p[1] & 0x60) != 0))
		return BH_PROTO_NO;
	filled = (bh_load_be16(p + 10) + 15u) & ~3u;
	return n == filled || n == bh_load_be16(p + 10) + 12u || n == filled + 20 ||
			       n == filled + 24
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

/* Mode 7 (ntpd's ntp_request.h): implementation, request, error and number of items, their size. */
static enum bh_proto_answer
private_mode(const uint8_t *p, uint32_t n)
{
	uint32_t items = bh_load_be16(p + 4) & 0xfff, size = bh_load_be16(p + 6) & 0xfff;

	if ((p[2] != 0 && p[2] != 2 && p[2] != 3) || p[3] > 70 || p[6] >> 4 != 0 ||
	    (p[4] >> 4 != 0 && (p[0] & 0x80) == 0))
		return BH_PROTO_NO;
	if ((p[4] & 0xf) != 0 || items * size > 500 || n % 4 != 0)
		return BH_PROTO_NO;
	return n >= 8 + items * size && (items == 0) == (size == 0) ? BH_PROTO_YES : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_NTP(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from];
	uint32_t n = in->len[in->from];
	unsigned version;

	if (n < 8)
		return BH_PROTO_NO;
	version = p[0] >> 3 & 7;
	if (version < 1 || version > 4 || n > 1024)
		return BH_PROTO_NO;
	switch (p[0] & 7) {
	case 0:
		return BH_PROTO_NO;
	case 6:
		return version >= 2 ? control(p, n) : BH_PROTO_NO;
	case 7:
		return version >= 2 ? private_mode(p, n) : BH_PROTO_NO;
	case 1:
	case 3:
		return n >= PACKET ? client(in, p, n) : BH_PROTO_NO;
	default:
		return server(in, p, n);
	}
}
