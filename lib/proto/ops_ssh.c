/* ssh: both sides' versions and software, for records (RFC 4253 4.2). A server may say other lines before its identification, a
 * client may not. What follows is encrypted and not judged. */
#include "line.h"

/* With CR and LF; the same for servers' lines before it would be too few. */
#define IDENTIFICATION_MAX 255
#define LINES_MAX 1024

struct ssh {
	struct bh_line side[2];
	bool known[2];
	uint16_t lines; /* of the server, before its identification */
};

/* "SSH-2.0-software comment": the software is behind the second dash. */
static enum bh_ops_status
identification(struct ssh *h, unsigned side, struct bh_ops_out *out)
{
	const struct bh_line *l = &h->side[side];
	const char *dash = memchr(l->text + 4, '-', l->kept - 4u);
	unsigned at, n;

	h->known[side] = true;
	if (l->len + 1 > IDENTIFICATION_MAX || dash == NULL)
		return bh_ops_say(out, BH_OPS_ERROR, "identification is malformed");
	bh_op_add(&out->op, side == BH_CLIENT ? BH_OP_SSH_CLIENT_PROTO : BH_OP_SSH_SERVER_PROTO,
		  l->text + 4, (size_t)(dash - l->text) - 4);
	at = (unsigned)(dash + 1 - l->text);
	n = bh_line_word(l, &at);
	bh_op_add(&out->op, side == BH_CLIENT ? BH_OP_SSH_CLIENT : BH_OP_SSH_SERVER, l->text + at,
		  n);
	out->op.flags |= BH_OP_RECORD;
	return BH_OPS_OP;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct ssh *h = BH_OPS_OF(s, struct ssh);
	const struct bh_line *l = &h->side[side];

	(void)ended;
	while (!h->known[side] && bh_line_next(&h->side[side], in)) {
		if (l->kept > 4 && memcmp(l->text, "SSH-", 4) == 0)
			return identification(h, side, out);
		if (side == BH_CLIENT || ++h->lines > LINES_MAX)
			return bh_ops_say(out, BH_OPS_ERROR, "no identification");
	}
	in->p = in->end;
	return BH_OPS_MORE;
}

const struct bh_ops_parser bh_ops_ssh = {.feed = feed};
