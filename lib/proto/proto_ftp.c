/* ftp control connection (RFC 959, 2228, 4217): a greeting that says so, or a greeting and one of its verbs. */
#include "mail.h"

enum bh_proto_answer
bh_proto_FTP(const struct bh_proto_input *in)
{
	static const char *const verbs[] = {"USER", "AUTH TLS", "AUTH SSL",  "FEAT", "SYST",
					    "PASV", "HOST",     "OPTS UTF8", "CLNT", "ACCT",
					    "PBSZ", "PASS",     "PWD",       "CWD",  "TYPE",
					    "EPSV", "PORT",     "LIST",      NULL};
	int code = bh_mail_code(in, BH_SERVER);
	enum bh_proto_answer v;

	if (code == -1)
		return BH_PROTO_NO;
	if (code == 0)
		return bh_proto_wants_more(in, BH_SERVER);
	if (code != 220 && code != 120 && code != 421 && code != 530 && code != 331)
		return BH_PROTO_NO;
	v = bh_mail_verb(in, verbs);
	if (v == BH_PROTO_YES)
		return v;
	if (bh_proto_find_nocase(in, BH_SERVER, "ftp", 512) >= 0 &&
	    bh_proto_find_nocase(in, BH_SERVER, "smtp", 512) < 0)
		return BH_PROTO_YES;
	return in->len[BH_CLIENT] == 0 ? bh_proto_wants_more(in, BH_CLIENT) : v;
}
