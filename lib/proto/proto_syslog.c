/* syslog (RFC 3164, 5424; over TCP with octet counts or line ends, RFC 6587): "<PRI>" and text. */
#include "proto_priv.h"

static enum bh_proto_answer
message(const uint8_t *p, uint32_t n)
{
	uint32_t pri = 0, i = 1, k;

	if (n < 8 || p[0] != '<')
		return BH_PROTO_NO;
	for (; i < 4 && p[i] >= '0' && p[i] <= '9'; i++)
		pri = pri * 10 + (p[i] - '0');
	if (i == 1 || p[i] != '>' || pri > 191)
		return BH_PROTO_NO;
	i++;
	k = n - i < 24 ? n - i : 24;
	return k > 0 && p[i] != ' ' && bh_proto_printable(p + i, k < 3 ? k : 3) ? BH_PROTO_YES
										: BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_SYSLOG(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], i;

	if (in->transport == BH_OVER_UDP)
		return message(in->data[in->from], in->len[in->from]);
	if (n == 0 ||
	    (n < 12 && !in->ended[BH_CLIENT] && (p[0] == '<' || (p[0] >= '1' && p[0] <= '9'))))
		return bh_proto_wants_more(in, BH_CLIENT);
	/* Octet counting: MSG-LEN SP SYSLOG-MSG */
	for (i = 0; i < n && i < 6 && p[i] >= '0' && p[i] <= '9'; i++)
		;
	if (i > 0 && i < n && p[i] == ' ')
		return message(p + i + 1, n - i - 1);
	return i == 0 ? message(p, n) : BH_PROTO_NO;
}
