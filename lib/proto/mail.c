#include "mail.h"

int
bh_mail_code(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	int code = 0;
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (i == in->len[side])
			return 0;
		if (p[i] < '0' || p[i] > '9')
			return -1;
		code = code * 10 + (p[i] - '0');
	}
	if (in->len[side] == 3)
		return 0;
	return p[3] == ' ' || p[3] == '-' || p[3] == '\r' ? code : -1;
}

enum bh_proto_answer
bh_mail_verb(const struct bh_proto_input *in, const char *const verbs[])
{
	enum bh_proto_answer best = BH_PROTO_NO, a;
	uint32_t n;
	size_t i;

	for (i = 0; verbs[i] != NULL && best != BH_PROTO_YES; i++) {
		a = bh_proto_spells_nocase(in, BH_CLIENT, verbs[i]);
		n = (uint32_t)strlen(verbs[i]);
		if (a == BH_PROTO_YES && in->len[BH_CLIENT] == n)
			a = bh_proto_wants_more(in, BH_CLIENT);
		else if (a == BH_PROTO_YES && strchr(" \r\n", in->data[BH_CLIENT][n]) == NULL)
			a = BH_PROTO_NO;
		best = bh_proto_either(best, a);
	}
	return best;
}
