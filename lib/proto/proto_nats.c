/* nats: the server's INFO, or a client's CONNECT, each with a JSON object. */
#include "proto_priv.h"

static enum bh_proto_answer
verb(const struct bh_proto_input *in, unsigned side, const char *word)
{
	enum bh_proto_answer a = bh_proto_spells_nocase(in, side, word);
	uint32_t i = (uint32_t)strlen(word);

	if (a != BH_PROTO_YES)
		return a;
	while (i < in->len[side] && (in->data[side][i] == ' ' || in->data[side][i] == '\t'))
		i++;
	if (i + 1 >= in->len[side])
		return bh_proto_wants_more(in, side);
	return in->data[side][i] == '{' &&
			       (in->data[side][i + 1] == '"' || in->data[side][i + 1] == ' ')
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_NATS(const struct bh_proto_input *in)
{
	return bh_proto_either(verb(in, BH_SERVER, "INFO "), verb(in, BH_CLIENT, "CONNECT "));
}
