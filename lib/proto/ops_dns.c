/* dns: each query is an operation (RFC 1035 4.1; over TCP with a length before it, RFC 7766 8), an answer a record.
 * Over UDP one call is one datagram.
 *
 * All questions of a message count, each name and each type: receivers differ in which they answer (RFC 9619), and
 * multicast DNS asks several at once (RFC 6762 6.3). An opcode other than QUERY stands for the type: NOTIFY, UPDATE,
 * STATUS, IQUERY, DSO. An answer that nobody asked for is an operation, too: RESPONSE. */
#include <ctype.h>
#include <stdio.h>

#include "proto_priv.h"

#define HEADER 12
/* Of a message so much is kept; its questions must be in it. */
#define KEPT 4096
#define NAME_MAX_WIRE 255 /* RFC 1035 2.3.4 */
/* Texts of one operation: names with what is odd as \DDD, types. */
#define TEXT 3072

struct message {
	uint8_t prefix[2], n_prefix;
	uint16_t left; /* of the message */
	uint16_t kept;
	bool judged;
	uint8_t data[KEPT];
};

struct dns {
	bool asked[2]; /* this side has sent a query */
	uint16_t n_text;
	uint8_t text[TEXT];
	struct message side[2]; /* TCP */
};

/* A message with its header read. */
struct view {
	struct bh_cur c;
	const uint8_t *start;
	unsigned opcode, rcode, questions;
	bool response;
};

static const char *
type_name(uint16_t type)
{
	switch (type) {
#define BH_DNS_TYPE(number, name)                                                                  \
	case number:                                                                               \
		return name;
#include "dns_names.def"
#undef BH_DNS_TYPE
	default:
		return NULL;
	}
}

static void
add_number(struct dns *d, struct bh_op *op, enum bh_op_field field, const char *form, unsigned v)
{
	int n;

	if (d->n_text + 16u > TEXT) {
		op->flags |= BH_OP_PARTIAL;
		return;
	}
	n = snprintf((char *)d->text + d->n_text, 16, form, v);
	bh_op_add(op, field, d->text + d->n_text, (size_t)n);
	d->n_text = (uint16_t)(d->n_text + n);
}

static void
add_type(struct dns *d, struct bh_op *op, uint16_t type)
{
	const char *name = type_name(type);

	if (name != NULL)
		bh_op_add(op, BH_OP_DNS_TYPE, name, strlen(name));
	else
		add_number(d, op, BH_OP_DNS_TYPE, "TYPE%u", type);
}

static void
add_opcode(struct dns *d, struct bh_op *op, unsigned opcode)
{
	static const char *const names[] = {[1] = "IQUERY", "STATUS", NULL,
					    "NOTIFY",       "UPDATE", "DSO"};

	if (opcode < BH_ARRAY_SIZE(names) && names[opcode] != NULL)
		bh_op_add(op, BH_OP_DNS_TYPE, names[opcode], strlen(names[opcode]));
	else
		add_number(d, op, BH_OP_DNS_TYPE, "OPCODE%u", opcode);
}

static void
add_rcode(struct dns *d, struct bh_op *op, unsigned rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					    "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
					    "NXRRSET", "NOTAUTH", "NOTZONE"};

	if (rcode < BH_ARRAY_SIZE(names))
		bh_op_add(op, BH_OP_DNS_RCODE, names[rcode], strlen(names[rcode]));
	else
		add_number(d, op, BH_OP_DNS_RCODE, "RCODE%u", rcode);
}

struct text {
	uint8_t *at;
	size_t n, room;
	bool cut;
};

static void
put(struct text *t, uint8_t b)
{
	if (t->n < t->room)
		t->at[t->n++] = b;
	else
		t->cut = true;
}

/* One label as RFC 1035 5.1 writes it: a dot inside is \. , what is not printable \DDD. */
static void
put_label(struct text *t, const uint8_t *p, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (p[i] == '.' || p[i] == '\\') {
			put(t, '\\');
			put(t, p[i]);
		} else if (p[i] > ' ' && p[i] <= '~') {
			put(t, (uint8_t)tolower(p[i]));
		} else {
			put(t, '\\');
			put(t, (uint8_t)('0' + p[i] / 100));
			put(t, (uint8_t)('0' + p[i] / 10 % 10));
			put(t, (uint8_t)('0' + p[i] % 10));
		}
	}
}

/* A name (RFC 1035 3.1, 4.1.4). A pointer leads before the name that it is in, so no walk comes back. */
static const char *
name(struct bh_cur *c, const uint8_t *start, struct text *t)
{
	struct bh_cur at = *c;
	size_t limit = (size_t)(c->p - start), offset;
	unsigned total = 1;
	bool jumped = false;
	uint8_t n, low;

	for (;;) {
		if (!bh_cur_u8(&at, &n))
			return "a name is cut";
		if (!jumped)
			*c = at;
		if (n >= 0xc0) {
			if (!bh_cur_u8(&at, &low))
				return "a name is cut";
			if (!jumped)
				*c = at;
			offset = (n & 0x3fu) << 8 | low;
			if (offset < HEADER || offset >= limit)
				return "a name's pointer leads nowhere";
			at.p = start + offset;
			limit = offset;
			jumped = true;
			continue;
		}
		if (n == 0)
			break;
		total += n + 1u;
		if (n > 63 || total > NAME_MAX_WIRE || bh_cur_left(&at) < n)
			return n > 63 ? "a label of an unknown kind" : "a name is too long";
		if (t->n != 0)
			put(t, '.');
		put_label(t, bh_cur_take(&at, n), n);
		if (!jumped)
			*c = at;
	}
	if (t->n == 0)
		put(t, '.'); /* the root */
	return NULL;
}

static const char *
question(struct dns *d, struct view *v, struct bh_op *op)
{
	struct text t = {.at = d->text + d->n_text, .room = TEXT - d->n_text};
	const char *why = name(&v->c, v->start, &t);
	uint16_t type, class_;

	if (why == NULL && (!bh_cur_be16(&v->c, &type) || !bh_cur_be16(&v->c, &class_)))
		why = "a question is cut";
	if (why != NULL)
		return why;
	d->n_text = (uint16_t)(d->n_text + t.n);
	bh_op_add(op, BH_OP_DNS_NAME, t.at, t.n);
	if (t.cut)
		op->flags |= BH_OP_PARTIAL;
	if (v->opcode == 0)
		add_type(d, op, type);
	return NULL;
}

static bool
open_message(struct view *v, const uint8_t *p, size_t len)
{
	const uint8_t *h;

	v->c = bh_cur(p, len);
	v->start = p;
	h = bh_cur_take(&v->c, HEADER);
	if (h == NULL)
		return false;
	v->response = (h[2] & 0x80) != 0;
	v->opcode = h[2] >> 3 & 15;
	v->rcode = h[3] & 15;
	v->questions = bh_load_be16(h + 4);
	return true;
}

/* A query, or an answer that nobody asked for. */
static enum bh_ops_status
query(struct dns *d, struct view *v, struct bh_ops_out *out)
{
	const char *why = NULL;
	unsigned i;

	d->asked[out->op.side] |= !v->response;
	if (v->response)
		bh_op_add(&out->op, BH_OP_DNS_TYPE, "RESPONSE", 8);
	else if (v->opcode != 0)
		add_opcode(d, &out->op, v->opcode);
	/* More than an operation holds (BH_OP_VALUES) is PARTIAL, but each must be whole: 5 bytes at least. */
	for (i = 0; i < v->questions && why == NULL; i++)
		why = question(d, v, &out->op);
	if (why != NULL)
		return bh_ops_say(out, BH_OPS_ERROR, why);
	return BH_OPS_OP;
}

/* An answer: for records, so what is odd in it is not judged. */
static enum bh_ops_status
answer(struct dns *d, struct view *v, struct bh_ops_out *out)
{
	if (v->questions != 0 && question(d, v, &out->op) != NULL)
		out->op.n = 0;
	if (v->opcode != 0)
		add_opcode(d, &out->op, v->opcode);
	add_rcode(d, &out->op, v->rcode);
	out->op.flags = BH_OP_RECORD;
	return BH_OPS_OP;
}

/* Over UDP the other side is asked by whoever opens the flow, in a datagram that was judged; each may be shown to a parser
 * that has seen none before. */
static enum bh_ops_status
judge(struct dns *d, const uint8_t *p, size_t len, bool udp, struct bh_ops_out *out)
{
	struct view v;

	d->n_text = 0;
	if (!open_message(&v, p, len))
		return bh_ops_say(out, BH_OPS_ERROR, "a message shorter than its header");
	if (v.response && (d->asked[!out->op.side] || (udp && out->op.side == 1)))
		return answer(d, &v, out);
	return query(d, &v, out);
}

/* ---- TCP ---------------------------------------------------------------------------------------------- */

static enum bh_ops_status
begin_message(struct message *m, struct bh_cur *in, struct bh_ops_out *out)
{
	m->kept = 0;
	m->judged = false;
	while (m->n_prefix < 2 && bh_cur_u8(in, &m->prefix[m->n_prefix]))
		m->n_prefix++;
	if (m->n_prefix < 2)
		return BH_OPS_MORE;
	m->left = bh_load_be16(m->prefix);
	return m->left < HEADER ? bh_ops_say(out, BH_OPS_ERROR, "a message shorter than its header")
				: BH_OPS_MORE;
}

static enum bh_ops_status
message_bytes(struct dns *d, struct message *m, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t n = m->left < bh_cur_left(in) ? m->left : bh_cur_left(in);
	size_t room = sizeof(m->data) - m->kept;
	const uint8_t *p;

	if (!m->judged && n > room)
		n = room;
	p = bh_cur_take(in, n);
	if (!m->judged) {
		memcpy(m->data + m->kept, p, n);
		m->kept = (uint16_t)(m->kept + n);
	}
	m->left = (uint16_t)(m->left - n);
	if (m->left == 0)
		m->n_prefix = 0;
	if (m->judged || (m->left != 0 && m->kept < sizeof(m->data)))
		return BH_OPS_MORE;
	m->judged = true;
	return judge(d, m->data, m->kept, false, out);
}

static enum bh_ops_status
stream(struct dns *d, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct message *m = &d->side[out->op.side];
	enum bh_ops_status status = BH_OPS_MORE;

	while (bh_cur_left(in) != 0 && status == BH_OPS_MORE) {
		if (m->n_prefix < 2)
			status = begin_message(m, in, out);
		else
			status = message_bytes(d, m, in, out);
	}
	if (status != BH_OPS_MORE || m->n_prefix == 0 || (m->n_prefix == 2 && m->judged))
		return status;
	if (ended)
		return bh_ops_say(out, BH_OPS_ERROR, "ended inside a message");
	/* An answer is not judged. */
	if (m->kept < 3 || (m->data[2] & 0x80) == 0 || !d->asked[!out->op.side])
		out->pending = m->n_prefix < 2 ? m->n_prefix : 2u + m->kept;
	return BH_OPS_MORE;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct dns *d = BH_OPS_OF(s, struct dns);
	size_t len = bh_cur_left(in);

	(void)side;
	if (s->transport != BH_OVER_UDP)
		return stream(d, in, ended, out);
	return len == 0 ? BH_OPS_MORE : judge(d, bh_cur_take(in, len), len, true, out);
}

const struct bh_ops_parser bh_ops_dns = {.feed = feed};
