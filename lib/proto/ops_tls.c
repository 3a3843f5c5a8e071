/* tls: the operation is the client's hello (RFC 8446 4.1.2, 5246 7.4.1.2; SSL 2's form, RFC 5246 E.2). It is held until
 * it is complete; then the connection is opaque by nature and only records are made of the server's hello and, up to
 * TLS 1.2, of its certificate.
 *
 * The client's records are followed until the server has chosen: after a HelloRetryRequest a second hello comes, also
 * behind early data or pipelined, and must ask for the same (RFC 8446 4.1.2). */
#include <nettle/sha1.h>

#include "der.h"
#include "tls_op.h"

enum { REC_CHANGE_CIPHER = 20, REC_ALERT = 21, REC_HANDSHAKE = 22, REC_DATA = 23 };
enum { MSG_CLIENT_HELLO = 1, MSG_SERVER_HELLO = 2, MSG_CERTIFICATE = 11 };
/* RFC 8446 5.2; older versions allow 2^14 + 2048 (RFC 5246 6.2.3). In the clear: 2^14. */
#define CLEAR_MAX 16384
#define RECORD_MAX (CLEAR_MAX + 2048)
/* What is kept of a server's message: enough for the names in a certificate. */
#define KEPT 3072

enum client_state {
	CLIENT_START,  /* nothing read */
	CLIENT_SSL2,   /* in a hello of SSL 2's form */
	CLIENT_HELLO,  /* in the first hello */
	CLIENT_AFTER,  /* judged; the server has not chosen */
	CLIENT_SECOND, /* in the second hello */
	CLIENT_DONE,
};

enum server_state { SERVER_HELLO, SERVER_CERTIFICATE, SERVER_DONE };

/* A record's header and what is left of it; in it the header of a handshake message. */
struct records {
	uint8_t head[5], n_head;
	uint8_t msg[4], n_msg;
	uint16_t left;
	uint32_t msg_left;
	bool in_msg;
};

struct tls {
	uint8_t client, server; /* enum client_state, server_state */
	bool retry;             /* the server asked for another hello */
	uint32_t held;          /* bytes of the hello so far, with their records' headers */
	struct records side[2];
	struct bh_hello_gist gist;
	struct bh_hello hello;
	struct bh_hello_words words;
	uint16_t extension[64];
	char ja3s[BH_JA3_LEN];
	uint16_t ssl2_left;
	uint16_t kept;
	struct bh_der_name subject, issuer;
	char not_after[20], serial[BH_DER_SERIAL], fingerprint[3 * SHA1_DIGEST_SIZE];
	uint8_t message[KEPT];
};

static enum bh_ops_status
refuse(struct bh_ops_out *out, const char *why)
{
	return bh_ops_say(out, BH_OPS_ERROR, why);
}

/* Gather n bytes over calls. */
static bool
gather(uint8_t *to, uint8_t *have, unsigned n, struct bh_cur *in)
{
	uint8_t b;

	while (*have < n && bh_cur_u8(in, &b))
		to[(*have)++] = b;
	return *have == n;
}

/* The next record's header. false: more bytes are needed; *why: it is none. */
static bool
next_record(struct records *r, struct bh_cur *in, const char **why)
{
	if (!gather(r->head, &r->n_head, 5, in))
		return false;
	r->n_head = 0;
	r->left = bh_load_be16(r->head + 3);
	if (r->head[0] < REC_CHANGE_CIPHER || r->head[0] > REC_DATA || r->head[1] != 3 ||
	    r->left > RECORD_MAX)
		*why = "not a TLS record";
	else if (r->left == 0 && r->head[0] != REC_DATA)
		*why = "empty record"; /* RFC 8446 5.1 */
	return *why == NULL;
}

/* The part of the record that is here. */
static struct bh_cur
fragment(struct records *r, struct bh_cur *in)
{
	size_t n = r->left < bh_cur_left(in) ? r->left : bh_cur_left(in);
	const uint8_t *p = bh_cur_take(in, n);

	return bh_cur(p, n);
}

static bool
message_head(struct records *r, struct bh_cur *in)
{
	if (r->in_msg)
		return true;
	if (!gather(r->msg, &r->n_msg, 4, in))
		return false;
	r->n_msg = 0;
	r->msg_left = bh_load_be32(r->msg) & 0xffffff;
	r->in_msg = true;
	return true;
}

/* ---- the client ------------------------------------------------------------------------------------- */

static enum bh_ops_status
first_hello(struct tls *t, struct bh_ops_out *out)
{
	t->client = CLIENT_AFTER;
	t->held = 0;
	bh_hello_gist(&t->hello, &t->gist);
	bh_hello_op(&t->hello, &t->words, &out->op);
	return BH_OPS_OP;
}

static enum bh_ops_status
second_hello(struct tls *t, struct bh_ops_out *out)
{
	struct bh_hello_gist gist;

	bh_hello_gist(&t->hello, &gist);
	if (memcmp(&gist, &t->gist, sizeof(gist)) != 0)
		return refuse(out, "second hello asks for something else");
	t->client = t->retry ? CLIENT_DONE : CLIENT_AFTER;
	t->held = 0;
	return BH_OPS_MORE;
}

/* Bytes of a handshake record that is, or should be, a hello. */
static enum bh_ops_status
hello_bytes(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	struct records *r = &t->side[BH_CLIENT];
	struct bh_cur part = fragment(r, in);
	bool begun = r->in_msg;

	t->held += (uint32_t)bh_cur_left(&part);
	r->left = (uint16_t)(r->left - bh_cur_left(&part));
	if (!message_head(r, &part))
		return BH_OPS_MORE;
	if (!begun && r->msg[0] != MSG_CLIENT_HELLO) {
		/* Where the server is not seen this is how the handshake goes on; else the server ends it. */
		if (t->client == CLIENT_HELLO || t->retry)
			return refuse(out, "handshake without a hello");
		t->client = CLIENT_DONE;
		t->held = 0;
		return BH_OPS_MORE;
	}
	if (!begun && !bh_hello_begin(&t->hello, r->msg_left))
		return refuse(out, t->hello.why);
	switch (bh_hello_read(&t->hello, &part)) {
	case BH_HELLO_MORE:
		return BH_OPS_MORE;
	case BH_HELLO_BAD:
		return refuse(out, t->hello.why);
	default:
		break;
	}
	if (bh_cur_left(&part) != 0 || r->left != 0)
		return refuse(out, "more than a hello in its record");
	r->in_msg = false;
	return t->client == CLIENT_HELLO ? first_hello(t, out) : second_hello(t, out);
}

/* What a record of this type may mean now. */
static const char *
client_record(struct tls *t)
{
	const struct records *r = &t->side[BH_CLIENT];
	bool handshake = r->head[0] == REC_HANDSHAKE;

	if (handshake && r->left > CLEAR_MAX)
		return "hello in a record that is too long";
	switch (t->client) {
	case CLIENT_START:
		t->client = CLIENT_HELLO;
		return handshake ? NULL : "no hello";
	case CLIENT_AFTER:
		if (handshake)
			t->client = CLIENT_SECOND;
		return NULL;
	default:
		return handshake ? NULL : "another record inside a hello";
	}
}

static const char *
ssl2_start(struct tls *t)
{
	const uint8_t *h = t->side[BH_CLIENT].head;
	uint16_t length = bh_load_be16(h) & 0x7fff;

	/* MSG-CLIENT-HELLO, version; 9 bytes of header and at least one cipher and challenge */
	if (h[2] != 1 || length < 9 + 3 + 16 || !(h[3] == 3 || (h[3] == 0 && h[4] == 2)))
		return "neither a TLS record nor a hello of SSL 2";
	t->ssl2_left = (uint16_t)(length - 3);
	t->hello.version = bh_load_be16(h + 3);
	t->client = CLIENT_SSL2;
	return NULL;
}

static enum bh_ops_status
ssl2_hello(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t n = t->ssl2_left < bh_cur_left(in) ? t->ssl2_left : bh_cur_left(in);
	const char *version = bh_tls_version_text(t->hello.version);

	bh_cur_take(in, n);
	t->held += (uint32_t)n;
	t->ssl2_left = (uint16_t)(t->ssl2_left - n);
	if (t->ssl2_left != 0)
		return BH_OPS_MORE;
	/* It has no extensions: a second hello has no place in its versions. */
	t->client = CLIENT_DONE;
	t->server = SERVER_DONE;
	bh_op_add(&out->op, BH_OP_TLS_VERSION, version, strlen(version));
	return BH_OPS_OP;
}

static enum bh_ops_status
client_header(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	struct records *r = &t->side[BH_CLIENT];
	size_t before = bh_cur_left(in);
	const char *why = NULL;

	if (t->client == CLIENT_START && (r->n_head != 0 ? r->head[0] : in->p[0]) >= 0x80) {
		if (gather(r->head, &r->n_head, 5, in))
			why = ssl2_start(t);
	} else if (next_record(r, in, &why)) {
		why = client_record(t);
	}
	if (t->client != CLIENT_AFTER)
		t->held += (uint32_t)(before - bh_cur_left(in));
	return why != NULL ? refuse(out, why) : BH_OPS_MORE;
}

static enum bh_ops_status
client(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	struct records *r = &t->side[BH_CLIENT];

	while (bh_cur_left(in) != 0 && status == BH_OPS_MORE) {
		if (t->client == CLIENT_DONE) {
			in->p = in->end;
		} else if (t->client == CLIENT_SSL2) {
			status = ssl2_hello(t, in, out);
		} else if (r->left == 0) {
			status = client_header(t, in, out);
		} else if (t->client == CLIENT_AFTER) { /* alerts, early data */
			struct bh_cur part = fragment(r, in);

			r->left = (uint16_t)(r->left - bh_cur_left(&part));
		} else {
			status = hello_bytes(t, in, out);
		}
	}
	return status;
}

/* ---- the server ------------------------------------------------------------------------------------- */

/* SHA-256 of "HelloRetryRequest" stands where the server's random would (RFC 8446 4.1.3). */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
					 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
					 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
					 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

struct server_hello {
	uint16_t legacy, version, cipher;
	unsigned n;
	const uint8_t *alpn;
	uint8_t alpn_len;
};

static void
server_extension(struct server_hello *s, uint16_t type, const uint8_t *p, uint16_t len)
{
	if (type == 43 && len == 2)
		s->version = bh_load_be16(p);
	/* RFC 7301 3.1: a list of one */
	if (type == 16 && len > 3 && p[2] == len - 3) {
		s->alpn = p + 3;
		s->alpn_len = p[2];
	}
}

/* RFC 8446 4.1.3, RFC 5246 7.4.1.3 */
static bool
read_server_hello(struct tls *t, struct server_hello *s)
{
	struct bh_cur c = bh_cur(t->message, t->kept);
	uint16_t all, type, len;
	const uint8_t *p;
	uint8_t n, method;

	memset(s, 0, sizeof(*s));
	if (!bh_cur_be16(&c, &s->legacy) || bh_cur_take(&c, 32) == NULL || !bh_cur_u8(&c, &n) ||
	    bh_cur_take(&c, n) == NULL || !bh_cur_be16(&c, &s->cipher) || !bh_cur_u8(&c, &method))
		return false;
	s->version = s->legacy;
	if (!bh_cur_be16(&c, &all))
		return true;
	while (bh_cur_be16(&c, &type) && bh_cur_be16(&c, &len)) {
		p = bh_cur_take(&c, len);
		if (p == NULL)
			return false;
		if (s->n < BH_ARRAY_SIZE(t->extension))
			t->extension[s->n++] = type;
		server_extension(s, type, p, len);
	}
	return true;
}

static enum bh_ops_status
server_hello(struct tls *t, struct bh_ops_out *out)
{
	struct server_hello s;
	const char *version;
	bool known;

	if (t->client != CLIENT_AFTER && t->client != CLIENT_DONE)
		return refuse(out, "server's hello inside the client's");
	if (t->kept >= 34 && memcmp(t->message + 2, retry_random, sizeof(retry_random)) == 0) {
		if (t->retry)
			return refuse(out, "a second HelloRetryRequest");
		t->retry = true;
		return BH_OPS_MORE;
	}
	t->client = CLIENT_DONE;
	/* A draft's hello is not read; it is not judged. */
	known = read_server_hello(t, &s);
	t->server = !known || s.version >= 0x0304 ? SERVER_DONE : SERVER_CERTIFICATE;
	if (!known)
		return BH_OPS_MORE;
	version = bh_tls_version_text(s.version);
	bh_ja3s(s.legacy, s.cipher, t->extension, s.n, t->ja3s);
	bh_op_add(&out->op, BH_OP_TLS_SERVER_VERSION, version, strlen(version));
	bh_op_add(&out->op, BH_OP_TLS_JA3S, t->ja3s, sizeof(t->ja3s));
	if (s.alpn != NULL)
		bh_op_add(&out->op, BH_OP_TLS_SERVER_ALPN, s.alpn, s.alpn_len);
	out->op.flags |= BH_OP_RECORD;
	return BH_OPS_OP;
}

/* Of the first certificate, where all of it was kept. */
static void
fingerprint(struct tls *t, struct bh_op *op)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = (size_t)t->message[3] << 16 | (size_t)t->message[4] << 8 | t->message[5];
	uint8_t digest[SHA1_DIGEST_SIZE];
	char *text = t->fingerprint;
	struct sha1_ctx sha;
	unsigned i;

	if (len > t->kept - 6u)
		return;
	sha1_init(&sha);
	sha1_update(&sha, len, t->message + 6);
	sha1_digest(&sha, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++) {
		text[3 * i] = hex[digest[i] >> 4];
		text[3 * i + 1] = hex[digest[i] & 15];
		text[3 * i + 2] = ':';
	}
	bh_op_add(op, BH_OP_TLS_FINGERPRINT, text, sizeof(t->fingerprint) - 1);
}

static enum bh_ops_status
certificate(struct tls *t, struct bh_ops_out *out)
{
	struct bh_der_certificate names = {&t->subject, &t->issuer, t->not_after, t->serial};

	t->server = SERVER_DONE;
	/* a list's and the first certificate's length, 3 bytes each */
	if (t->kept < 6 || !bh_der_certificate(t->message + 6, t->kept - 6u, &names))
		return BH_OPS_MORE;
	bh_op_add(&out->op, BH_OP_TLS_SUBJECT, t->subject.text, t->subject.len);
	bh_op_add(&out->op, BH_OP_TLS_ISSUER, t->issuer.text, t->issuer.len);
	if (t->not_after[0] != '\0')
		bh_op_add(&out->op, BH_OP_TLS_NOT_AFTER, t->not_after, strlen(t->not_after));
	if (t->serial[0] != '\0')
		bh_op_add(&out->op, BH_OP_TLS_SERIAL, t->serial, strlen(t->serial));
	fingerprint(t, &out->op);
	out->op.flags |= BH_OP_RECORD;
	return BH_OPS_OP;
}

/* The server's message is whole, or as much of it as is kept. */
static enum bh_ops_status
server_message(struct tls *t, struct bh_ops_out *out)
{
	const struct records *r = &t->side[BH_SERVER];

	if (t->server == SERVER_HELLO)
		return r->msg[0] == MSG_SERVER_HELLO
			       ? server_hello(t, out)
			       : refuse(out, "server's handshake without a hello");
	if (r->msg[0] == MSG_CERTIFICATE)
		return certificate(t, out);
	t->server = SERVER_DONE; /* resumed, or without a certificate */
	return BH_OPS_MORE;
}

static enum bh_ops_status
server_bytes(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	struct records *r = &t->side[BH_SERVER];
	size_t n = r->left < bh_cur_left(in) ? r->left : bh_cur_left(in);
	struct bh_cur part = bh_cur(in->p, n);
	const uint8_t *start = in->p;
	const uint8_t *p;
	size_t room;

	if (message_head(r, &part)) {
		n = r->msg_left < bh_cur_left(&part) ? r->msg_left : bh_cur_left(&part);
		p = bh_cur_take(&part, n);
		room = sizeof(t->message) - t->kept;
		room = n < room ? n : room;
		if (room != 0)
			memcpy(t->message + t->kept, p, room);
		t->kept = (uint16_t)(t->kept + room);
		r->msg_left -= (uint32_t)n;
	}
	in->p = part.p;
	r->left = (uint16_t)(r->left - (in->p - start));
	if (!r->in_msg || r->msg_left != 0)
		return BH_OPS_MORE;
	r->in_msg = false;
	return server_message(t, out);
}

static enum bh_ops_status
server_header(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	struct records *r = &t->side[BH_SERVER];
	const char *why = NULL;

	if (!next_record(r, in, &why))
		return why != NULL ? refuse(out, why) : BH_OPS_MORE;
	if (r->head[0] == REC_HANDSHAKE && r->left <= CLEAR_MAX)
		return BH_OPS_MORE;
	if (r->head[0] == REC_DATA && t->server == SERVER_HELLO)
		return refuse(out, "server's data before its hello");
	/* An alert instead of a hello ends it; a change of ciphers does after a HelloRetryRequest only by name. */
	if (t->retry && t->server == SERVER_HELLO && r->head[0] == REC_CHANGE_CIPHER)
		return BH_OPS_MORE;
	t->server = SERVER_DONE;
	return BH_OPS_MORE;
}

static enum bh_ops_status
server(struct tls *t, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	struct records *r = &t->side[BH_SERVER];

	while (bh_cur_left(in) != 0 && status == BH_OPS_MORE) {
		if (t->server == SERVER_DONE) {
			in->p = in->end;
		} else if (r->left == 0) {
			status = server_header(t, in, out);
		} else if (r->head[0] == REC_HANDSHAKE) {
			if (!r->in_msg && r->n_msg == 0)
				t->kept = 0;
			status = server_bytes(t, in, out);
		} else {
			struct bh_cur part = fragment(r, in);

			r->left = (uint16_t)(r->left - bh_cur_left(&part));
		}
	}
	return status;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct tls *t = BH_OPS_OF(s, struct tls);
	enum bh_ops_status status;

	if (side == BH_SERVER)
		return server(t, in, out);
	status = client(t, in, out);
	/* What is longer than is held goes but for its last byte: without it nobody reads a hello. */
	if (status == BH_OPS_MORE && t->held != 0) {
		if (ended)
			return refuse(out, "ended inside a hello");
		out->pending = t->held > BH_OPS_HOLD ? 1 : t->held;
	}
	return status;
}

const struct bh_ops_parser bh_ops_tls = {.feed = feed};
