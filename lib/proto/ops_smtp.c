/* smtp, lmtp, submission: nothing is judged but the upgrade to TLS (RFC 3207): the connection goes on as tls. */
#include "line.h"

static void
begin(struct bh_ops *s)
{
	BH_OPS_OF(s, struct bh_coded)->unanswered = 1; /* the greeting */
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	static const struct bh_coded_how how = {{"STARTTLS"}, 220, true};

	(void)ended;
	return bh_coded_feed(BH_OPS_OF(s, struct bh_coded), &how, side, in, out);
}

const struct bh_ops_parser bh_ops_smtp = {.open = begin, .feed = feed};
