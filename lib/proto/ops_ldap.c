/* ldap: nothing is judged but the upgrade to TLS (RFC 4511 4.14): the connection goes on as tls. Of each message only the
 * start is looked at. Behind a bind that wraps what follows (RFC 4513 3.1.3, RFC 4422 3.7) nothing more is read. */
#include "ber.h"
#include "line.h"

#define TAG_SEQUENCE 0x30
#define EXTENDED_REQUEST 0x77
#define EXTENDED_RESPONSE 0x78
#define TAG_NAME 0x80
#define TAG_ENUMERATED 0x0a
/* Heads of a message with its id and operation: at most 6 + 6 + 6, and the name of StartTLS with its head. */
#define KEPT 64

static const char start_tls[] = "1.3.6.1.4.1.1466.20037";

struct ldap_side {
	uint8_t head[KEPT], kept;
	uint32_t left; /* of the message, behind what is kept */
	bool inside;
};

struct ldap {
	struct ldap_side side[2];
	bool over; /* not LDAP messages any more */
	bool asked;
	uint32_t id; /* of the request for TLS */
};

static void
request(struct ldap *d, struct bh_cur c, uint32_t id)
{
	const uint8_t *name;
	uint32_t len;
	uint8_t tag;

	if (!bh_ber_expect(&c, EXTENDED_REQUEST, &len) || !bh_ber_head(&c, &tag, &len) ||
	    tag != TAG_NAME)
		return;
	name = bh_cur_take(&c, len);
	if (name == NULL || len != sizeof(start_tls) - 1 || memcmp(name, start_tls, len) != 0)
		return;
	d->asked = true;
	d->id = id;
}

static enum bh_ops_status
response(struct ldap *d, struct bh_cur c, uint32_t id, struct bh_ops_out *out)
{
	const uint8_t *code;
	uint32_t len;

	if (!d->asked || id != d->id || !bh_ber_expect(&c, EXTENDED_RESPONSE, &len) ||
	    !bh_ber_expect(&c, TAG_ENUMERATED, &len))
		return BH_OPS_MORE;
	d->asked = false;
	code = bh_cur_take(&c, len);
	return code != NULL && len == 1 && code[0] == 0 ? bh_ops_upgraded(out) : BH_OPS_MORE;
}

/* A message is whole. */
static enum bh_ops_status
message(struct ldap *d, unsigned side, struct bh_ops_out *out)
{
	struct bh_cur c = bh_cur(d->side[side].head, d->side[side].kept);
	uint32_t len, id;
	uint8_t tag;

	d->side[side].inside = false;
	d->side[side].kept = 0;
	if (!bh_ber_head(&c, &tag, &len) || !bh_ber_integer(&c, &id))
		return BH_OPS_MORE;
	if (side == BH_SERVER)
		return response(d, c, id, out);
	request(d, c, id);
	return BH_OPS_MORE;
}

/* Tag and length, a byte at a time. */
static void
message_head(struct ldap *d, struct ldap_side *s, struct bh_cur *in)
{
	struct bh_cur c;
	uint8_t b, tag;

	if (!bh_cur_u8(in, &b))
		return;
	s->head[s->kept++] = b;
	c = bh_cur(s->head, s->kept);
	if (bh_ber_head(&c, &tag, &s->left))
		s->inside = true;
	/* tag, length of lengths, at most four */
	d->over = s->head[0] != TAG_SEQUENCE || (!s->inside && s->kept >= 6) ||
		  (s->inside && s->left == 0);
}

static enum bh_ops_status
message_bytes(struct ldap *d, unsigned side, struct bh_cur *in, struct bh_ops_out *out)
{
	struct ldap_side *s = &d->side[side];
	size_t n = s->left < bh_cur_left(in) ? s->left : bh_cur_left(in);
	size_t room = sizeof(s->head) - s->kept;
	const uint8_t *p = bh_cur_take(in, n);

	room = n < room ? n : room;
	memcpy(s->head + s->kept, p, room);
	s->kept = (uint8_t)(s->kept + room);
	s->left -= (uint32_t)n;
	return s->left == 0 ? message(d, side, out) : BH_OPS_MORE;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct ldap *d = BH_OPS_OF(s, struct ldap);
	enum bh_ops_status status = BH_OPS_MORE;

	(void)ended;
	if (s->transport == BH_OVER_UDP) /* CLDAP knows no TLS */
		in->p = in->end;
	while (bh_cur_left(in) != 0 && status == BH_OPS_MORE) {
		if (side == BH_CLIENT && d->asked)
			return bh_ops_say(out, BH_OPS_ERROR, "clear text behind a request for TLS");
		if (d->over)
			in->p = in->end;
		else if (!d->side[side].inside)
			message_head(d, &d->side[side], in);
		else
			status = message_bytes(d, side, in, out);
	}
	return status;
}

const struct bh_ops_parser bh_ops_ldap = {.feed = feed};
