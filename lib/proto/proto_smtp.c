/* smtp, lmtp, submission (RFC 5321): a greeting that says so, or a greeting and EHLO, HELO, LHLO. */
#include "mail.h"

enum bh_proto_answer
bh_proto_SMTP(const struct bh_proto_input *in)
{
	static const char *const verbs[] = {"EHLO",     "HELO", "LHLO", "MAIL",
					    "STARTTLS", "VRFY", "EXPN", NULL};
	static const char *const hello[] = {"EHLO", "HELO", "LHLO", NULL};
	enum bh_proto_answer v = bh_mail_verb(in, verbs);
	int code = bh_mail_code(in, BH_SERVER);
	uint32_t end = 0;

	if (code == -1)
		return BH_PROTO_NO;
	if (in->len[BH_SERVER] == 0 || code == 0)
		/* A client that did not wait (or whose server was not captured): EHLO is nobody else's. */
		return v == BH_PROTO_YES && in->len[BH_CLIENT] > 6 &&
				       bh_mail_verb(in, hello) == BH_PROTO_YES
			       ? BH_PROTO_YES
			       : bh_proto_wants_more(in, BH_SERVER);
	if (code != 220 && code != 421 && code != 554 && code != 250 && code != 450 && code != 550)
		return BH_PROTO_NO;
	if (v == BH_PROTO_YES)
		return BH_PROTO_YES;
	if (bh_proto_line(in, BH_SERVER, &end) < 0)
		return bh_proto_wants_more(in, BH_SERVER);
	if (bh_proto_find_nocase(in, BH_SERVER, "smtp", 512) >= 0 ||
	    bh_proto_find_nocase(in, BH_SERVER, "lmtp", 512) >= 0)
		return BH_PROTO_YES;
	return in->len[BH_CLIENT] == 0 ? bh_proto_wants_more(in, BH_CLIENT) : v;
}
