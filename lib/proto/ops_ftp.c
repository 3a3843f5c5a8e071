/* ftp, the control connection: nothing is judged but the upgrade to TLS (RFC 4217 4): the connection goes on as tls. */
#include "line.h"

static void
begin(struct bh_ops *s)
{
	BH_OPS_OF(s, struct bh_coded)->unanswered = 1; /* the greeting */
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	/* TLS-C, TLS-P and SSL are what drafts before it said */
	static const struct bh_coded_how how = {
		{"AUTH TLS", "AUTH TLS-C", "AUTH TLS-P", "AUTH SSL"}, 234, false};

	(void)ended;
	return bh_coded_feed(BH_OPS_OF(s, struct bh_coded), &how, side, in, out);
}

const struct bh_ops_parser bh_ops_ftp = {.open = begin, .feed = feed};
