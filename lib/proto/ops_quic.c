/* quic v1, v2, drafts 29 to 34: the operation is the client's hello, out of its Initial packets (RFC 9001). All datagrams
 * are held until it is complete.
 *
 * A pair of addresses may carry several connections, one after another: an Initial packet that opens with the keys of its
 * own connection id begins one, and its hello is judged like the first. What is remembered of earlier ones is enough to
 * tell that a packet belongs to them; handshake data in it comes too late to be compared and is an error. A packet that
 * nobody's keys open says nothing to any receiver and passes.
 *
 * Sent again, handshake data must be the same: which copy the server gets is not ours to know. */
#include "quic_packet.h"
#include "tls_op.h"

/* Handshake bytes kept of one connection: two hellos with post-quantum key shares are about 4 KiB. */
#define CRYPTO_MAX 6144
#define EARLIER 4
/* Attempts to open a packet, of all connections: each costs some microseconds. */
#define TRIES_MAX 2000

enum { FRAME_PADDING, FRAME_PING, FRAME_ACK, FRAME_ACK_ECN, FRAME_CRYPTO = 6, FRAME_CLOSE = 0x1c };
enum { MSG_CLIENT_HELLO = 1 };

struct connection {
	uint64_t next; /* highest packet number so far, plus one */
	uint8_t n_dcid;
	uint8_t dcid[BH_QUIC_CID]; /* of the client's first packet */
};

struct quic {
	struct connection now, earlier[EARLIER];
	uint8_t n_earlier;
	bool begun, judged; /* a connection; its first hello */
	bool forgotten;     /* there were more than are remembered */
	uint8_t hellos;
	uint16_t tries;
	uint16_t parsed; /* handshake bytes that hellos were made of */
	uint32_t held;   /* bytes of datagrams that wait */
	uint32_t version;
	struct bh_hello_gist gist;
	struct bh_hello_words words;
	uint8_t have[CRYPTO_MAX / 8]; /* a bit a byte of crypto */
	uint8_t crypto[CRYPTO_MAX];
	struct bh_hello hello;
};

static bool
has(const struct quic *q, unsigned at)
{
	return (q->have[at / 8] >> at % 8 & 1) != 0;
}

/* RFC 9000 19.6. A byte that comes again must be the same. */
static const char *
keep(struct quic *q, uint64_t offset, const uint8_t *p, uint64_t len)
{
	uint64_t i;

	if (offset > CRYPTO_MAX || len > CRYPTO_MAX - offset)
		return "more handshake data than is kept";
	for (i = 0; i < len; i++) {
		unsigned at = (unsigned)(offset + i);

		if (has(q, at) && q->crypto[at] != p[i])
			return "handshake data that was sent twice differs";
		q->crypto[at] = p[i];
		q->have[at / 8] = (uint8_t)(q->have[at / 8] | 1u << at % 8);
	}
	return NULL;
}

static const char *
crypto_frame(struct quic *q, struct bh_cur *c, bool now)
{
	uint64_t offset, len;
	const uint8_t *p;

	if (!bh_quic_varint(c, &offset) || !bh_quic_varint(c, &len) || len > bh_cur_left(c))
		return "a frame is malformed";
	p = bh_cur_take(c, len);
	if (len != 0 && !now)
		return "handshake data of an earlier connection";
	return keep(q, offset, p, len);
}

/* RFC 9000 19.3: largest, delay, ranges; a gap and a length for each further one, three counts with ECN. */
static bool
ack_frame(struct bh_cur *c, bool ecn)
{
	uint64_t v, ranges, i;

	if (!bh_quic_varint(c, &v) || !bh_quic_varint(c, &v) || !bh_quic_varint(c, &ranges) ||
	    ranges > bh_cur_left(c))
		return false;
	for (i = 0; i < 1 + 2 * ranges + (ecn ? 3 : 0); i++) {
		if (!bh_quic_varint(c, &v))
			return false;
	}
	return true;
}

static bool
close_frame(struct bh_cur *c)
{
	uint64_t v, len;

	return bh_quic_varint(c, &v) && bh_quic_varint(c, &v) && bh_quic_varint(c, &len) &&
	       len <= bh_cur_left(c) && bh_cur_take(c, len) != NULL;
}

/* What an Initial packet may hold (RFC 9000 12.4). */
static const char *
frames(struct quic *q, const struct bh_quic_opened *o, bool now)
{
	struct bh_cur c = bh_cur(o->frames, o->len);
	const char *why = NULL;
	uint64_t kind;

	while (why == NULL && bh_cur_left(&c) != 0) {
		if (!bh_quic_varint(&c, &kind))
			return "a frame is malformed";
		switch (kind) {
		case FRAME_PADDING:
		case FRAME_PING:
			break;
		case FRAME_ACK:
		case FRAME_ACK_ECN:
			if (!ack_frame(&c, kind == FRAME_ACK_ECN))
				why = "a frame is malformed";
			break;
		case FRAME_CRYPTO:
			why = crypto_frame(q, &c, now);
			break;
		case FRAME_CLOSE:
			if (!close_frame(&c))
				why = "a frame is malformed";
			break;
		default:
			why = "a frame that no Initial packet has";
		}
	}
	return why;
}

/* Was the number the low bytes of another one? RFC 9000 A.3 decodes by what was received before; the receiver may have
 * missed any of it, so it must mean the same to one that has seen nothing. */
static bool
number_is_plain(const struct connection *n, const struct bh_quic_opened *o)
{
	uint64_t window = UINT64_C(1) << 8 * o->number_len, half = window / 2;
	uint64_t guess = (n->next & ~(window - 1)) | o->number;

	if (guess + half <= n->next)
		guess += window;
	else if (guess > n->next + half && guess >= window)
		guess -= window;
	return guess == o->number;
}

static bool
opens(struct quic *q, const struct connection *n, const struct bh_quic_packet *p,
      struct bh_quic_opened *o)
{
	q->tries++;
	return bh_quic_open(p, n->dcid, n->n_dcid, o);
}

/* Another connection begins. */
static void
begin(struct quic *q, const struct bh_quic_packet *p)
{
	if (q->begun && q->n_earlier == EARLIER) {
		q->forgotten = true;
		q->n_earlier--;
		memmove(q->earlier, q->earlier + 1, sizeof(q->earlier) - sizeof(q->earlier[0]));
	}
	if (q->begun)
		q->earlier[q->n_earlier++] = q->now;
	q->now = (struct connection){.n_dcid = p->n_dcid};
	memcpy(q->now.dcid, p->dcid, p->n_dcid);
	memset(q->have, 0, sizeof(q->have));
	q->begun = true;
	q->judged = false;
	q->hellos = 0;
	q->parsed = 0;
	q->version = p->version;
}

/* Whose packet is it? NULL: nobody's. */
static struct connection *
owner(struct quic *q, const struct bh_quic_packet *p, struct bh_quic_opened *o)
{
	struct connection self = {.n_dcid = p->n_dcid};
	unsigned i;

	if (q->begun && opens(q, &q->now, p, o))
		return &q->now;
	for (i = 0; i < q->n_earlier; i++) {
		if (opens(q, &q->earlier[i], p, o))
			return &q->earlier[i];
	}
	memcpy(self.dcid, p->dcid, p->n_dcid);
	if (!opens(q, &self, p, o))
		return NULL;
	begin(q, p);
	return &q->now;
}

static const char *
initial(struct quic *q, const struct bh_quic_packet *p)
{
	struct bh_quic_opened o;
	struct connection *n;

	if (p->len > BH_QUIC_OPENED)
		return "an Initial packet longer than is opened";
	if (q->tries >= TRIES_MAX)
		return "more Initial packets than are opened";
	n = owner(q, p, &o);
	if (n == NULL)
		return q->begun && !q->forgotten ? NULL : "an Initial packet that does not open";
	if (!number_is_plain(n, &o))
		return "a packet number that can be read differently";
	if (o.number >= n->next)
		n->next = o.number + UINT64_C(1);
	return frames(q, &o, n == &q->now);
}

/* The version is reserved to be refused (RFC 9000 15). */
static bool
is_reserved(uint32_t version)
{
	return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* All packets of a datagram. Returns MORE, OPAQUE or ERROR. */
static enum bh_ops_status
packets(struct quic *q, struct bh_cur *in, struct bh_ops_out *out)
{
	struct bh_quic_packet p;
	const char *why = NULL;
	bool first = true;

	while (bh_cur_left(in) != 0 && why == NULL) {
		if (!bh_quic_next(in, &p))
			return bh_ops_say(out, BH_OPS_ERROR, "lengths of a packet do not fit");
		if (p.kind == BH_QUIC_UNKNOWN && !is_reserved(p.version))
			return bh_ops_say(out, BH_OPS_OPAQUE, "a version that is not read");
		/* Behind other packets it is padding: there is nothing yet that it could belong to. */
		if (p.kind == BH_QUIC_SHORT && first && !q->begun)
			return bh_ops_say(out, BH_OPS_OPAQUE, "packets without a hello");
		if (p.kind == BH_QUIC_INITIAL)
			why = initial(q, &p);
		else if (p.kind == BH_QUIC_RETRY || p.kind == BH_QUIC_NEGOTIATION)
			why = "a server's packet from the client";
		first = false;
	}
	return why != NULL ? bh_ops_say(out, BH_OPS_ERROR, why) : BH_OPS_MORE;
}

/* Handshake bytes that are there without a gap, from `parsed` on. */
static unsigned
contiguous(const struct quic *q)
{
	unsigned at = q->parsed;

	while (at < CRYPTO_MAX && has(q, at))
		at++;
	return at - q->parsed;
}

/* The message at `parsed`, when it is complete. */
static enum bh_ops_status
message(struct quic *q, struct bh_ops_out *out)
{
	const uint8_t *p = q->crypto + q->parsed;
	unsigned n = contiguous(q);
	struct bh_cur c;
	uint32_t length;

	if (n < 4)
		return BH_OPS_MORE;
	length = bh_load_be32(p) & 0xffffff;
	if (p[0] != MSG_CLIENT_HELLO || q->hellos == 2)
		return bh_ops_say(out, BH_OPS_ERROR, "handshake without a hello");
	if (length > CRYPTO_MAX - 4u - q->parsed)
		return bh_ops_say(out, BH_OPS_ERROR, "more handshake data than is kept");
	if (n < 4 + length)
		return BH_OPS_MORE;
	/* A second hello answers what the server says to the first one. */
	if (q->hellos == 0 && n > 4 + length)
		return bh_ops_say(out, BH_OPS_ERROR, "more than a hello");
	c = bh_cur(p + 4, length);
	if (!bh_hello_begin(&q->hello, length) || bh_hello_read(&q->hello, &c) != BH_HELLO_DONE ||
	    bh_cur_left(&c) != 0)
		return bh_ops_say(out, BH_OPS_ERROR,
				  q->hello.why != NULL ? q->hello.why : "hello is short");
	q->parsed = (uint16_t)(q->parsed + 4 + length);
	q->hellos++;
	return BH_OPS_OP;
}

static enum bh_ops_status
hello(struct quic *q, struct bh_ops_out *out)
{
	const char *version = bh_quic_version_text(q->version);
	struct bh_hello_gist gist;

	bh_hello_gist(&q->hello, &gist);
	if (q->judged)
		return memcmp(&gist, &q->gist, sizeof(gist)) == 0
			       ? BH_OPS_MORE
			       : bh_ops_say(out, BH_OPS_ERROR,
					    "second hello asks for something else");
	q->judged = true;
	q->gist = gist;
	q->words.quic = true;
	bh_hello_op(&q->hello, &q->words, &out->op);
	if (version != NULL)
		bh_op_add(&out->op, BH_OP_QUIC_VERSION, version, strlen(version));
	return BH_OPS_OP;
}

/* Is a hello, or the rest of a second one, still missing? */
static bool
waits(const struct quic *q)
{
	return !q->judged || contiguous(q) != 0;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct quic *q = BH_OPS_OF(s, struct quic);
	uint32_t len = (uint32_t)bh_cur_left(in);
	enum bh_ops_status status;

	(void)ended;
	if (s->transport != BH_OVER_UDP)
		return bh_ops_say(out, BH_OPS_ERROR, "not over UDP");
	/* What the server says is not judged; short headers are all there is after the handshake. */
	if (side == BH_SERVER || len == 0 || (q->judged && (in->p[0] & 0x80) == 0)) {
		in->p = in->end;
		out->pending = side == BH_CLIENT ? q->held : 0;
		return BH_OPS_MORE;
	}
	status = packets(q, in, out);
	if (status == BH_OPS_MORE)
		status = message(q, out);
	if (status == BH_OPS_OP)
		status = hello(q, out);
	if (status == BH_OPS_MORE && q->begun && waits(q))
		q->held += len;
	else
		q->held = 0;
	out->pending = status == BH_OPS_MORE ? q->held : 0;
	return status;
}

const struct bh_ops_parser bh_ops_quic = {.feed = feed};
