/* pop3 (RFC 1939, 2449): "+OK" from the server and a verb, or a greeting that says so. */
#include "mail.h"

enum bh_proto_answer
bh_proto_POP3(const struct bh_proto_input *in)
{
	static const char *const verbs[] = {"USER", "APOP", "CAPA", "AUTH", "STLS", "UTF8",
					    "STAT", "QUIT", "LIST", "PASS", "NOOP", NULL};
	enum bh_proto_answer a = bh_proto_spells(in, BH_SERVER, "+OK"), v;

	if (a == BH_PROTO_NO)
		a = bh_proto_spells(in, BH_SERVER, "-ERR");
	if (a != BH_PROTO_YES)
		return a;
	v = bh_mail_verb(in, verbs);
	if (v == BH_PROTO_YES || bh_proto_find_nocase(in, BH_SERVER, "pop3", 256) >= 0 ||
	    bh_proto_find_nocase(in, BH_SERVER, "pop server", 256) >= 0)
		return BH_PROTO_YES;
	return in->len[BH_CLIENT] == 0 ? bh_proto_wants_more(in, BH_CLIENT) : v;
}
