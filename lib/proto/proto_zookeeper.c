/* zookeeper: ConnectRequest (jute: protocol 0, zxid, time-out, session, 16 bytes of password), or a
 * four-letter word with its answer. */
#include "proto_priv.h"

static const struct {
	const char *word, *answer;
} admin[] = {
	{"ruok", "imok"},
	{"stat", "Zookeeper version"},
	{"srvr", "Zookeeper version"},
	{"mntr", "zk_version"},
	{"conf", "clientPort="},
	{"envi", "Environment:"},
	{"cons", " /"},
	{"isro", "r"},
	{"crst", "Connection stats reset"},
	{"srst", "Server stats reset"},
	{"dirs", "datadir_size"},
	{"hash", "["},
	{"dump", "SessionTracker"},
};

static enum bh_proto_answer
four_letters(const struct bh_proto_input *in)
{
	enum bh_proto_answer best = BH_PROTO_NO, a;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(admin); i++) {
		a = bh_proto_spells(in, BH_CLIENT, admin[i].word);
		if (a == BH_PROTO_YES) {
			a = bh_proto_spells(in, BH_SERVER, admin[i].answer);
			/* Refused by the white list since 3.5.3: the answer names the word. */
			if (a == BH_PROTO_NO)
				a = bh_proto_spells(in, BH_SERVER, admin[i].word);
		}
		best = bh_proto_either(best, a);
	}
	return best;
}

enum bh_proto_answer
bh_proto_ZOOKEEPER(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT);
	const uint8_t *p = bh_cur_take(&c, 32);
	uint32_t length;

	if (in->len[BH_CLIENT] > 0 && in->data[BH_CLIENT][0] != 0)
		return four_letters(in);
	if (in->len[BH_CLIENT] >= 4) {
		length = bh_load_be32(in->data[BH_CLIENT]);
		if (length != 44 && length != 45)
			return BH_PROTO_NO;
	}
	if (p == NULL)
		return bh_proto_wants_more(in, BH_CLIENT);
	/* length 4, protocol 4, zxid 8, time-out 4, session 8, password length 4 */
	return bh_load_be32(p + 4) == 0 && bh_load_be32(p + 16) <= 3600000 &&
			       bh_load_be32(p + 28) == 16
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
