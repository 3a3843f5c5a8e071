/* mail.h: what smtp, ftp, pop3 and imap have in common: numbered or tagged lines, a server that greets. */
#ifndef BH_PROTO_MAIL_H
#define BH_PROTO_MAIL_H

#include "proto_priv.h"

/* Three digits and a space or dash at the start of a side; the code, or -1, or 0 for not enough. */
int bh_mail_code(const struct bh_proto_input *in, unsigned side);
/* Is the client's first word one of these (upper case, NULL-terminated), followed by space or line end? */
enum bh_proto_answer bh_mail_verb(const struct bh_proto_input *in, const char *const verbs[]);

#endif
