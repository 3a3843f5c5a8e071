/* redis (RESP2 and RESP3 specification): a command as an array of bulk strings, or an inline command that is
 * answered in RESP. */
#include "redis_keys.h"

/* Digits and CRLF at the cursor. */
static enum bh_proto_answer
count(struct bh_cur *c, bool ended, uint32_t max, uint32_t *out)
{
	uint32_t v = 0, digits = 0;
	uint8_t b;

	while (bh_cur_u8(c, &b)) {
		if (b >= '0' && b <= '9' && digits < 7) {
			v = v * 10 + (b - '0');
			digits++;
			continue;
		}
		if (b != '\r' || digits == 0 || v > max)
			return BH_PROTO_NO;
		if (!bh_cur_u8(c, &b))
			break;
		*out = v;
		return b == '\n' ? BH_PROTO_YES : BH_PROTO_NO;
	}
	return ended ? BH_PROTO_NO : BH_PROTO_MAYBE;
}

static bool
is_command_byte(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '.' || b == '_' ||
	       b == '-' || (b >= '0' && b <= '9');
}

/* "*2\r\n$3\r\nGET\r\n": 1 to a million arguments, the first one a word. */
static enum bh_proto_answer
array(const struct bh_proto_input *in, unsigned side)
{
	struct bh_cur c = bh_side(in, side);
	bool ended = in->ended[side];
	enum bh_proto_answer a;
	uint32_t n, len, i;
	const uint8_t *p;
	uint8_t b;

	if (!bh_cur_u8(&c, &b))
		return bh_proto_wants_more(in, side);
	if (b != '*')
		return BH_PROTO_NO;
	a = count(&c, ended, 1048576, &n);
	if (a != BH_PROTO_YES || n == 0)
		return a == BH_PROTO_MAYBE ? a : BH_PROTO_NO;
	if (!bh_cur_u8(&c, &b))
		return bh_proto_wants_more(in, side);
	if (b != '$')
		return BH_PROTO_NO;
	a = count(&c, ended, 64, &len);
	if (a != BH_PROTO_YES || len == 0)
		return a == BH_PROTO_MAYBE ? a : BH_PROTO_NO;
	p = bh_cur_take(&c, len);
	if (p == NULL)
		return bh_proto_wants_more(in, side);
	for (i = 0; i < len; i++) {
		if (!is_command_byte(p[i]))
			return BH_PROTO_NO;
	}
	return BH_PROTO_YES;
}

/* A RESP value: type byte and a plausible line. */
static enum bh_proto_answer
reply(const struct bh_proto_input *in)
{
	static const char words[] =
		"+OK\r\n|+PONG\r\n|+QUEUED\r\n|+RESET\r\n|+Background |+FULLRESYNC|+CONTINUE|"
		"-ERR |-NOAUTH|-WRONGPASS|-WRONGTYPE|-DENIED|-MOVED |-ASK |-LOADING|-READONLY|"
		"-NOPERM|-NOPROTO|-NOSCRIPT|-MISCONF|-BUSY|-CROSSSLOT|-CLUSTERDOWN|-MASTERDOWN|"
		"-OOM |-EXECABORT|_\r\n|#t\r\n|#f\r\n";
	const uint8_t *p = in->data[BH_SERVER];
	uint32_t end, i, at;
	int line = bh_proto_line(in, BH_SERVER, &end);

	if (line < 0)
		return in->len[BH_SERVER] > 512 ? BH_PROTO_NO : bh_proto_wants_more(in, BH_SERVER);
	if (p[0] != 0 && strchr("$*:%~>=!(", p[0]) != NULL) {
		for (i = 1; i < (uint32_t)line; i++) {
			if ((p[i] < '0' || p[i] > '9') && p[i] != '-')
				return BH_PROTO_NO;
		}
		return line > 1 && line < 12 ? BH_PROTO_YES : BH_PROTO_NO;
	}
	for (at = 0; at < sizeof(words) - 1; at += i + 1) {
		for (i = 0; words[at + i] != '|' && words[at + i] != '\0'; i++)
			;
		if (end >= i && memcmp(p, words + at, i) == 0)
			return BH_PROTO_YES;
	}
	return BH_PROTO_NO;
}

/* Is the first word a command, its line complete, and the answer RESP? */
static enum bh_proto_answer
inline_command(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], word = 0, end;
	struct redis_keys keys;

	while (word < n && word < REDIS_WORD_MAX && is_command_byte(p[word]))
		word++;
	if (n > 0 && ((p[0] | 0x20) < 'a' || (p[0] | 0x20) > 'z'))
		return BH_PROTO_NO;
	if (word == n)
		return n < REDIS_WORD_MAX ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
	if (word < 3 || (p[word] != ' ' && p[word] != '\r' && p[word] != '\n'))
		return BH_PROTO_NO;
	redis_keys_begin(&keys, 1);
	if (!redis_keys_took(&keys, (const char *)p, word) || keys.command == NULL)
		return BH_PROTO_NO;
	if (bh_proto_line(in, BH_CLIENT, &end) < 0)
		return n > 1024 ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
	/* POP3's QUIT may be refused. */
	if (strcmp(keys.name, "quit") == 0)
		return bh_proto_spells(in, BH_SERVER, "+OK\r\n");
	return reply(in);
}

enum bh_proto_answer
bh_proto_REDIS(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = array(in, BH_CLIENT);

	/* A server's array of words (a subscriber picked up in the middle) proves as much. */
	if (a == BH_PROTO_NO)
		a = inline_command(in);
	if (a != BH_PROTO_YES && in->len[BH_CLIENT] == 0 && in->len[BH_SERVER] != 0)
		a = bh_proto_either(a, array(in, BH_SERVER));
	return a;
}
