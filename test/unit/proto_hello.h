/* Handshakes built byte by byte for the tests of tls and quic, and a feeder that cuts them. */
#ifndef BH_PROTO_HELLO_H
#define BH_PROTO_HELLO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/proto/proto.h"

struct bytes {
	size_t n;
	uint8_t b[24000];
};

static inline void
put(struct bytes *o, const void *p, size_t n)
{
	memcpy(o->b + o->n, p, n);
	o->n += n;
}

static inline void
put_n(struct bytes *o, uint32_t v, unsigned width)
{
	while (width-- > 0)
		o->b[o->n++] = (uint8_t)(v >> 8 * width);
}

/* A length of `width` bytes that is filled in by end_length. */
static inline size_t
begin_length(struct bytes *o, unsigned width)
{
	put_n(o, 0, width);
	return o->n;
}

static inline void
end_length(struct bytes *o, size_t at, unsigned width)
{
	size_t n = o->n, end = o->n - at;

	o->n = at - width;
	put_n(o, (uint32_t)end, width);
	o->n = n;
}

static inline size_t
put_hex(uint8_t *to, const char *hex)
{
	size_t n = 0;
	unsigned v;

	for (; hex[0] != '\0' && sscanf(hex, "%2x", &v) == 1; hex += 2)
		to[n++] = (uint8_t)v;
	return n;
}

struct hello {
	uint16_t version;
	const char *sni;                                                       /* NULL: none */
	uint16_t sni_len;                                                      /* 0: strlen */
	const uint16_t *ciphers, *extensions, *groups, *signatures, *versions; /* end with 0xffff */
	const char *alpn[4];
	uint8_t session;
	uint16_t pad; /* bytes of the padding extension */
};

static inline void
put_list(struct bytes *o, const uint16_t *v, unsigned width)
{
	size_t at = begin_length(o, width);

	for (; v != NULL && *v != 0xffff; v++)
		put_n(o, *v, 2);
	end_length(o, at, width);
}

static inline void
put_alpn(struct bytes *o, const struct hello *h)
{
	size_t at = begin_length(o, 2);
	unsigned i;

	for (i = 0; i < 4 && h->alpn[i] != NULL; i++) {
		put_n(o, (uint32_t)strlen(h->alpn[i]), 1);
		put(o, h->alpn[i], strlen(h->alpn[i]));
	}
	end_length(o, at, 2);
}

static inline void
put_extension(struct bytes *o, const struct hello *h, uint16_t type)
{
	size_t at, list;

	put_n(o, type, 2);
	at = begin_length(o, 2);
	switch (type) {
	case 0:
		list = begin_length(o, 2);
		put_n(o, 0, 1);
		put_n(o, h->sni_len != 0 ? h->sni_len : (uint32_t)strlen(h->sni), 2);
		put(o, h->sni, h->sni_len != 0 ? h->sni_len : strlen(h->sni));
		end_length(o, list, 2);
		break;
	case 10:
		put_list(o, h->groups, 2);
		break;
	case 11:
		put(o, "\x01\x00", 2);
		break;
	case 13:
		put_list(o, h->signatures, 2);
		break;
	case 16:
		put_alpn(o, h);
		break;
	case 21:
		memset(o->b + o->n, 0, h->pad);
		o->n += h->pad;
		break;
	case 43:
		put_list(o, h->versions, 1);
		break;
	default:
		break;
	}
	end_length(o, at, 2);
}

/* The handshake message. */
static inline void
put_hello(struct bytes *o, const struct hello *h)
{
	const uint16_t *e;
	size_t message, all;
	unsigned i;

	put_n(o, 1, 1);
	message = begin_length(o, 3);
	put_n(o, h->version != 0 ? h->version : 0x0303, 2);
	for (i = 0; i < 32; i++)
		put_n(o, i * 7, 1);
	put_n(o, h->session, 1);
	for (i = 0; i < h->session; i++)
		put_n(o, i, 1);
	put_list(o, h->ciphers, 2);
	put(o, "\x01\x00", 2);
	if (h->extensions != NULL) {
		all = begin_length(o, 2);
		for (e = h->extensions; *e != 0xffff; e++)
			put_extension(o, h, *e);
		end_length(o, all, 2);
	}
	end_length(o, message, 3);
}

/* In handshake records of at most `size` bytes. */
static inline void
put_records(struct bytes *o, const struct bytes *message, size_t size)
{
	size_t at, n;

	for (at = 0; at < message->n; at += n) {
		n = message->n - at < size ? message->n - at : size;
		put(o, "\x16\x03\x01", 3);
		put_n(o, (uint32_t)n, 2);
		put(o, message->b + at, n);
	}
}

/* All operations of a conversation as text: "[side flags] field=value ..." a line. */
struct heard {
	char text[8192];
	size_t n;
	enum bh_ops_status end;
	const char *why;
	uint32_t pending; /* after the last call */
	unsigned ops, became;
};

static inline void
hear(struct heard *t, const struct bh_op *op)
{
	unsigned i;

	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n, "[%u%s%s%s]", op->side,
				 (op->flags & BH_OP_PARTIAL) != 0 ? " partial" : "",
				 (op->flags & BH_OP_SESSION) != 0 ? " session" : "",
				 (op->flags & BH_OP_RECORD) != 0 ? " record" : "");
	for (i = 0; i < op->n; i++) {
		const struct bh_op_field_info *f = bh_op_field_info(op->value[i].field);

		t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n, " %s=%.*s",
					 f->eve_key, (int)op->value[i].len,
					 (const char *)op->value[i].at);
	}
	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n, "\n");
	t->ops++;
}

/* Feed in pieces of `piece` bytes (0: whole), each in a block of its own size. Stops at the end. */
static inline void
tell(struct bh_ops *s, struct heard *t, unsigned side, const void *data, size_t len, size_t piece)
{
	const uint8_t *p = data;
	struct bh_ops_out out;

	while (len != 0 && t->end == BH_OPS_MORE) {
		size_t n = piece == 0 || piece > len ? len : piece, left = n;
		uint8_t *copy = malloc(n), *at = copy;

		memcpy(copy, p, n);
		do {
			t->end = bh_ops_feed(s, side, at, (uint32_t)left, false, &out);
			if (t->end == BH_OPS_OP)
				hear(t, &out.op);
			at += out.eaten;
			left -= out.eaten;
		} while (t->end == BH_OPS_OP);
		t->why = out.why;
		t->pending = out.pending;
		t->became = out.became;
		free(copy);
		p += n - left;
		len -= n - left;
	}
}

/* A TLS 1.3 hello with a name and a protocol. */
static inline struct hello
plain(const char *sni)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0xffff};
	static const uint16_t extensions[] = {0, 16, 43, 0xffff};
	static const uint16_t versions[] = {0x0304, 0x0303, 0xffff};

	return (struct hello){.sni = sni,
			      .ciphers = ciphers,
			      .extensions = extensions,
			      .versions = versions,
			      .alpn = {"h2"}};
}

static inline void
open_tls(struct bh_ops *s, struct heard *t)
{
	memset(t, 0, sizeof(*t));
	bh_ops_open(s, BH_APP_TLS, BH_OVER_TCP, NULL);
}

/* One conversation of a TLS client alone. */
static inline void
client_says(struct heard *t, const void *data, size_t len, size_t piece)
{
	struct bh_ops s;

	open_tls(&s, t);
	tell(&s, t, 0, data, len, piece);
}

static inline void
hello_says(struct heard *t, const struct hello *h, size_t record)
{
	static struct bytes message, stream;

	message.n = stream.n = 0;
	put_hello(&message, h);
	put_records(&stream, &message, record);
	client_says(t, stream.b, stream.n, 0);
}

#endif
