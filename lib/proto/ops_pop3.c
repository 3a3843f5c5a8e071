/* pop3: nothing is judged but the upgrade to TLS (STLS, RFC 2595 4): the connection goes on as tls. */
#include "line.h"

struct pop3 {
	struct bh_line side[2];
	bool asked;
	bool unanswered; /* the server has said nothing since the last command */
};

static enum bh_ops_status
command(struct pop3 *p, struct bh_ops_out *out)
{
	/* Whose answer comes next would not be known. */
	p->asked = bh_line_says(&p->side[BH_CLIENT], 0, "STLS");
	if (p->asked && p->unanswered)
		return bh_ops_say(out, BH_OPS_ERROR, "a request for TLS behind another command");
	p->unanswered = true;
	return BH_OPS_MORE;
}

static enum bh_ops_status
answer(struct pop3 *p, struct bh_ops_out *out)
{
	const struct bh_line *l = &p->side[BH_SERVER];

	p->unanswered = false;
	if (!p->asked || !(bh_line_says(l, 0, "+OK") || bh_line_says(l, 0, "-ERR")))
		return BH_OPS_MORE;
	p->asked = false;
	return l->text[0] == '+' ? bh_ops_upgraded(out) : BH_OPS_MORE;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct pop3 *p = BH_OPS_OF(s, struct pop3);
	enum bh_ops_status status = BH_OPS_MORE;

	(void)ended;
	while (bh_cur_left(in) != 0 && status == BH_OPS_MORE) {
		if (side == BH_CLIENT && p->asked)
			return bh_ops_say(out, BH_OPS_ERROR, "clear text behind a request for TLS");
		if (bh_line_next(&p->side[side], in))
			status = side == BH_CLIENT ? command(p, out) : answer(p, out);
	}
	return status;
}

const struct bh_ops_parser bh_ops_pop3 = {.feed = feed};
