/* Requests and replies: HTTP, Redis, and records that look like TLS 1.3 without a cipher in them. */
#include <stdio.h>
#include <stdlib.h>

#include "generator_priv.h"
#include "talk.h"

/* RFC 8446 5.1, 5.2: a record holds 2^14 bytes; sealed, it is 17 longer (type, tag). */
#define RECORD 16384
#define RECORD_HEAD 5
#define RECORD_SEAL 17
#define FLIGHT 2800 /* encrypted extensions, a certificate or two, Finished */
#define FINISHED 53
#define ASK 96

enum { CHANGE_CIPHER = 20, HANDSHAKE = 22, APPLICATION = 23 };

static uint8_t *
record(uint8_t *p, uint8_t type, unsigned len)
{
	p[0] = type;
	p[1] = 3;
	p[2] = 3;
	bh_gen_put16(p + 3, (uint16_t)len);
	return p + RECORD_HEAD;
}

static uint8_t *
change_cipher(uint8_t *p)
{
	p = record(p, CHANGE_CIPHER, 1);
	*p = 1;
	return p + 1;
}

/* A hello's first part: version, random, session, ciphers, compression. Behind it are extensions (RFC 8446 4.1.2, 4.1.3). */
static uint8_t *
hello_begin(uint8_t *p, bool client, const uint8_t *random)
{
	static const uint8_t ask[] = {0, 6, 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 1, 0};
	static const uint8_t pick[] = {0x13, 0x01, 0};

	*p++ = 3;
	*p++ = 3;
	memcpy(p, random, 32);
	p += 32;
	*p++ = 32;
	memcpy(p, random + 32, 32);
	p += 32;
	memcpy(p, client ? ask : pick, client ? sizeof(ask) : sizeof(pick));
	return p + (client ? sizeof(ask) : sizeof(pick));
}

static const uint8_t client_extensions[] = {
	0,   0,   0,   19,  0,   17,  0,   0,   14,  's', 'e', 'r', 'v', 'e', 'r',
	'.', 'e', 'x', 'a', 'm', 'p', 'l', 'e',         /* name */
	0,   43,  0,   3,   2,   3,   4,                /* versions: 1.3 */
	0,   10,  0,   4,   0,   2,   0,   29,          /* groups: x25519 */
	0,   13,  0,   6,   0,   4,   4,   3,   8,   4, /* signatures */
	0,   16,  0,   11,  0,   9,   8,   'h', 't', 't', 'p', '/', '1', '.', '1', /* protocols */
	0,   51,  0,   38,  0,   36,  0,   29,  0,   32, /* key share, 32 bytes behind */
};
static const uint8_t server_extensions[] = {
	0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32,
};

struct hello {
	bool client;
	const uint8_t *random; /* 96 bytes */
	const uint8_t *extensions;
	unsigned n;
};

static unsigned
make_hello(uint8_t *out, const struct hello *h)
{
	uint8_t *body = out + RECORD_HEAD + 4, *p = hello_begin(body, h->client, h->random);
	unsigned len;

	bh_gen_put16(p, (uint16_t)(h->n + 32));
	memcpy(p + 2, h->extensions, h->n);
	p += 2 + h->n;
	memcpy(p, h->random + 64, 32);
	p += 32;
	len = (unsigned)(p - body);
	record(out, HANDSHAKE, len + 4);
	/* The first record of a client says 1.0 (RFC 8446 5.1). */
	if (h->client)
		out[2] = 1;
	out[RECORD_HEAD] = h->client ? 1 : 2;
	out[RECORD_HEAD + 1] = 0;
	bh_gen_put16(out + RECORD_HEAD + 2, (uint16_t)len);
	return (unsigned)(p - out);
}

void
bh_gen_book_init(struct bh_gen_book *b, enum bh_gen_talk talk)
{
	struct bh_gen_rng r = {20};
	uint8_t random[96];
	unsigned i;

	memset(b, 0, sizeof(*b));
	b->talk = talk;
	/* Words of letters: text to whoever looks into it, and nothing that any rule is after. */
	for (i = 0; i < BH_GEN_PATTERN; i++)
		b->pattern[i] =
			(uint8_t)(bh_gen_below(&r, 6) == 0 ? ' ' : 'a' + bh_gen_below(&r, 26));
	for (; i < sizeof(b->pattern); i++)
		b->pattern[i] = b->pattern[i - BH_GEN_PATTERN];
	for (i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)bh_gen_random(&r);
	b->hello_len = make_hello(b->hello, &(struct hello){true, random, client_extensions,
							    sizeof(client_extensions)});
	b->answer_len = make_hello(b->answer, &(struct hello){false, random, server_extensions,
							      sizeof(server_extensions)});
	b->answer_len = (unsigned)(change_cipher(b->answer + b->answer_len) - b->answer);
}

unsigned
bh_gen_book_opening(const struct bh_gen_book *b)
{
	return b->talk == BH_GEN_TLS ? 1 : 0;
}

static unsigned
tls_request(const struct bh_gen_book *b, unsigned exchange, uint32_t kib, uint8_t *out)
{
	uint8_t *p = out;

	if (exchange == 0) {
		memcpy(out, b->hello, b->hello_len);
		return b->hello_len;
	}
	if (exchange == 1) {
		p = change_cipher(p);
		p = record(p, APPLICATION, FINISHED);
		memcpy(p, b->pattern, FINISHED);
		p += FINISHED;
	}
	p = record(p, APPLICATION, ASK);
	memcpy(p, b->pattern, ASK);
	bh_gen_put32(p, kib);
	return (unsigned)(p + ASK - out);
}

unsigned
bh_gen_request_write(const struct bh_gen_book *b, unsigned exchange, uint32_t kib,
		     uint8_t out[BH_GEN_REQUEST_MAX])
{
	char number[16];
	int n, digits;

	switch (b->talk) {
	case BH_GEN_TLS:
		return tls_request(b, exchange, kib, out);
	case BH_GEN_REDIS:
		digits = snprintf(number, sizeof(number), "%u", kib);
		n = snprintf((char *)out, BH_GEN_REQUEST_MAX,
			     "*2\r\n$3\r\nGET\r\n$%d\r\nkey:%s\r\n", digits + 4, number);
		return (unsigned)n;
	default:
		n = snprintf((char *)out, BH_GEN_REQUEST_MAX,
			     "GET /%u HTTP/1.1\r\nHost: server.example\r\n"
			     "User-Agent: bulkhead-generator\r\nAccept: */*\r\n\r\n",
			     kib);
		return (unsigned)n;
	}
}

/* Requests are what bh_gen_request_write makes, so reading one is writing it for the number that it names. */
bool
bh_gen_request_read(const struct bh_gen_book *b, unsigned exchange, const uint8_t *p, unsigned len,
		    uint32_t *kib)
{
	static const char *const before[] = {[BH_GEN_HTTP] = "GET /", [BH_GEN_REDIS] = "key:"};
	uint8_t want[BH_GEN_REQUEST_MAX];
	const uint8_t *at;
	uint32_t v = 0;
	size_t n;

	if (len == 0 || len > BH_GEN_REQUEST_MAX)
		return false;
	if (b->talk == BH_GEN_TLS) {
		/* The number is at the start of the last record. */
		if (exchange != 0 && len >= ASK)
			v = bh_load_be32(p + len - ASK);
	} else {
		n = strlen(before[b->talk]);
		at = memmem(p, len, before[b->talk], n);
		if (at == NULL)
			return false;
		for (at += n; at < p + len && *at >= '0' && *at <= '9' && v <= BH_GEN_KIB_MAX; at++)
			v = v * 10 + (uint32_t)(*at - '0');
	}
	if (v > BH_GEN_KIB_MAX || bh_gen_request_write(b, exchange, v, want) != len ||
	    memcmp(want, p, len) != 0)
		return false;
	*kib = v;
	return true;
}

void
bh_gen_reply_make(const struct bh_gen_book *b, unsigned exchange, uint32_t kib,
		  struct bh_gen_reply *r)
{
	const uint32_t bytes = kib * 1024;
	uint32_t records;
	int n = 0;

	r->tail = 0;
	r->body = bytes;
	r->records = b->talk == BH_GEN_TLS;
	switch (b->talk) {
	case BH_GEN_TLS:
		if (exchange == 0) {
			memcpy(r->head, b->answer, b->answer_len);
			n = (int)b->answer_len;
			r->body = FLIGHT;
		}
		records = (r->body + RECORD - 1) / RECORD;
		r->body += (records != 0 ? records : 1) * (RECORD_HEAD + RECORD_SEAL);
		break;
	case BH_GEN_REDIS:
		n = snprintf((char *)r->head, sizeof(r->head), "$%u\r\n", bytes);
		r->tail = 2;
		break;
	default:
		n = snprintf((char *)r->head, sizeof(r->head),
			     "HTTP/1.1 200 OK\r\nServer: bulkhead-generator\r\n"
			     "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n",
			     bytes);
		break;
	}
	r->head_len = (unsigned)n;
}

/* The record header that stands in front of the body's byte `at`. */
static void
record_head(const struct bh_gen_reply *r, uint32_t at, uint8_t out[RECORD_HEAD])
{
	const uint32_t whole = RECORD_HEAD + RECORD + RECORD_SEAL;
	uint32_t left = r->body - at / whole * whole;

	record(out, APPLICATION, (left < whole ? left : whole) - RECORD_HEAD);
}

/* The next piece of the reply that lies in one place: its bytes, at most n. */
static const uint8_t *
piece(const struct bh_gen_book *b, const struct bh_gen_reply *r, uint32_t off, unsigned *n,
      uint8_t room[RECORD_HEAD])
{
	const uint32_t whole = RECORD_HEAD + RECORD + RECORD_SEAL;
	uint32_t at, in, left;

	if (off < r->head_len) {
		*n = *n < r->head_len - off ? *n : r->head_len - off;
		return r->head + off;
	}
	at = off - r->head_len;
	if (at >= r->body)
		return (const uint8_t *)"\r\n" + (at - r->body);
	left = r->body - at;
	if (r->records) {
		in = at % whole;
		if (in < RECORD_HEAD) {
			record_head(r, at, room);
			*n = *n < RECORD_HEAD - in ? *n : RECORD_HEAD - in;
			return room + in;
		}
		left = left < whole - in ? left : whole - in;
	}
	*n = *n < left ? *n : left;
	return b->pattern + at % BH_GEN_PATTERN;
}

void
bh_gen_reply_copy(const struct bh_gen_book *b, const struct bh_gen_reply *r, uint32_t off,
		  uint8_t *out, unsigned n)
{
	uint8_t room[RECORD_HEAD];

	while (n > 0) {
		unsigned k = n;
		const uint8_t *p = piece(b, r, off, &k, room);

		memcpy(out, p, k);
		out += k;
		off += k;
		n -= k;
	}
}

bool
bh_gen_reply_match(const struct bh_gen_book *b, const struct bh_gen_reply *r, uint32_t off,
		   const uint8_t *p, unsigned n)
{
	uint8_t room[RECORD_HEAD];

	if (off > bh_gen_reply_len(r) || n > bh_gen_reply_len(r) - off)
		return false;
	while (n > 0) {
		unsigned k = n < BH_GEN_PIECE ? n : BH_GEN_PIECE;
		const uint8_t *want = piece(b, r, off, &k, room);

		if (memcmp(want, p, k) != 0)
			return false;
		p += k;
		off += k;
		n -= k;
	}
	return true;
}
