/* memcached (its protocol.txt): binary headers, or a text command with its answer. */
#include "memcache_binary.h"

static const char *const commands[] = {"get ",     "gets ",      "set ",      "add ",
				       "replace ", "append ",    "prepend ",  "cas ",
				       "delete ",  "incr ",      "decr ",     "touch ",
				       "stats",    "version",    "flush_all", "mg ",
				       "ms ",      "md ",        "mn\r",      "me ",
				       "gat ",     "verbosity ", "quit",      "gats ",
				       "ma ",      "slabs ",     "lru ",      "cache_memlimit ",
				       "watch "};
static const char *const answers[] = {
	"VALUE ",        "END\r\n",     "STORED\r\n",    "NOT_STORED\r\n", "EXISTS\r\n",
	"NOT_FOUND\r\n", "DELETED\r\n", "TOUCHED\r\n",   "STAT ",          "VERSION ",
	"OK\r\n",        "ERROR\r\n",   "CLIENT_ERROR ", "SERVER_ERROR ",  "HD",
	"VA ",           "EN\r\n",      "MN\r\n",        "NS\r\n",         "NF\r\n",
	"EX\r\n",        "ME ",         "RESET\r\n"};

static enum bh_proto_answer
any_of(const struct bh_proto_input *in, unsigned side, const char *const words[], size_t n)
{
	enum bh_proto_answer best = BH_PROTO_NO;
	size_t i;

	for (i = 0; i < n && best != BH_PROTO_YES; i++)
		best = bh_proto_either(best, bh_proto_spells(in, side, words[i]));
	return best;
}

/* "set key flags exptime bytes[ noreply]\r\n": four fields, three of them numbers, are proof enough. */
static bool
is_storage_line(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	unsigned fields = 0, digits = 0;
	uint32_t end, i;
	int line = bh_proto_line(in, BH_CLIENT, &end);

	if (line < 10 || (memcmp(p, "set ", 4) != 0 && memcmp(p, "add ", 4) != 0))
		return false;
	for (i = 4; i < (uint32_t)line; i++) {
		if (p[i] == ' ') {
			fields++;
			continue;
		}
		if (fields >= 1 && fields <= 3) {
			if ((p[i] < '0' || p[i] > '9') && p[i] != '-')
				return false;
			digits++;
		}
	}
	return fields >= 3 && fields <= 5 && digits >= 3;
}

static enum bh_proto_answer
text(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = any_of(in, BH_CLIENT, commands, BH_ARRAY_SIZE(commands));

	if (a == BH_PROTO_YES && is_storage_line(in))
		return a;
	if (a == BH_PROTO_YES)
		return any_of(in, BH_SERVER, answers, BH_ARRAY_SIZE(answers));
	return a;
}

/* UDP: request id, sequence, count, reserved 0; then the same text. */
static enum bh_proto_answer
datagram(const struct bh_proto_input *in)
{
	struct bh_proto_input inner = *in;
	unsigned side = in->from;
	const uint8_t *p = in->data[side];

	if (in->len[side] < 8 + 4 || bh_load_be16(p + 4) == 0 || bh_load_be16(p + 6) != 0 ||
	    bh_load_be16(p + 2) >= bh_load_be16(p + 4))
		return BH_PROTO_NO;
	inner.data[side] += 8;
	inner.len[side] -= 8;
	return bh_proto_either(any_of(&inner, side, commands, BH_ARRAY_SIZE(commands)),
			       any_of(&inner, side, answers, BH_ARRAY_SIZE(answers)));
}

enum bh_proto_answer
bh_proto_MEMCACHED(const struct bh_proto_input *in)
{
	uint8_t opcode;
	enum bh_proto_answer a;

	if (in->transport == BH_OVER_UDP)
		return datagram(in);
	a = bh_memcache_binary(in, BH_CLIENT, &opcode);
	if (a == BH_PROTO_YES)
		return opcode <= 0x48 ? BH_PROTO_YES : BH_PROTO_NO;
	return bh_proto_either(a, text(in));
}
