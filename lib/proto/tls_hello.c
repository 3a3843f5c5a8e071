/* The ClientHello, piece by piece. A piece is a field, one entry of a list, or an extension; each is gathered (or
 * counted past) and then looked at, so that any split of the bytes reads the same. */
#include <ctype.h>
#include <nettle/sha2.h>
#include <string.h>

#include "tls_hello.h"

enum {
	AT_VERSION,
	AT_RANDOM,
	AT_SESSION_LEN,
	AT_SESSION,
	AT_CIPHERS_LEN,
	AT_CIPHER,
	AT_COMPRESSION_LEN,
	AT_COMPRESSION,
	AT_EXTENSIONS_LEN,
	AT_EXTENSION,
	AT_BODY,
	AT_END,
};

/* IANA TLS ExtensionType values */
enum {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_POINT_FORMATS = 11,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_VERSIONS = 43,
	EXT_ECH = 0xfe0d, /* RFC 9849 */
	EXT_ESNI = 0xffce,
};

static bool
bad(struct bh_hello *h, const char *why)
{
	h->why = why;
	return false;
}

static bool
want(struct bh_hello *h, uint8_t state, uint32_t need, bool keep)
{
	if (need > h->left || (keep && need > sizeof(h->body)))
		return bad(h, need > h->left ? "lengths of the hello do not add up"
					     : "an extension is longer than is kept");
	h->state = state;
	h->need = (uint16_t)need;
	h->have = 0;
	h->keep = keep;
	return true;
}

bool
bh_hello_begin(struct bh_hello *h, uint32_t length)
{
	memset(h, 0, sizeof(*h));
	/* version, random, empty session, one cipher, one compression method */
	if (length < 2 + 32 + 1 + 2 + 2 + 2 || length > BH_HELLO_MAX)
		return bad(h,
			   length > BH_HELLO_MAX ? "hello longer than 16 KiB" : "hello is short");
	h->left = length;
	return want(h, AT_VERSION, 2, true);
}

const char *
bh_tls_version_text(uint16_t version)
{
	switch (version) {
	case 0x0304:
		return "1.3";
	case 0x0303:
		return "1.2";
	case 0x0302:
		return "1.1";
	case 0x0301:
		return "1.0";
	case 0x0300:
		return "0.3";
	case 0x0002:
		return "0.2";
	default:
		return "0.0";
	}
}

/* A list of 16-bit numbers with its length before it. */
static bool
numbers(struct bh_cur *c, uint16_t *to, struct bh_hello_list *list, unsigned max)
{
	uint16_t len, v;

	if (!bh_cur_be16(c, &len) || len != bh_cur_left(c) || len % 2 != 0 || len == 0)
		return false;
	while (bh_cur_be16(c, &v)) {
		if (list->n < max)
			to[list->n++] = v;
		else
			list->more = true;
	}
	return true;
}

/* RFC 6066 3: one name, of the kind host_name. Bytes that no host name has could be read differently. */
static bool
server_name(struct bh_hello *h, struct bh_cur *c)
{
	uint16_t all, len;
	uint8_t kind;
	unsigned i;

	if (!bh_cur_be16(c, &all) || all != bh_cur_left(c) || !bh_cur_u8(c, &kind) || kind != 0 ||
	    !bh_cur_be16(c, &len) || len != bh_cur_left(c) || len == 0 || len > sizeof(h->sni))
		return bad(h, "server name is malformed");
	for (i = 0; i < len; i++) {
		if (c->p[i] <= ' ' || c->p[i] > '~')
			return bad(h, "server name has bytes that no host name has");
		h->sni[i] = (uint8_t)tolower(c->p[i]);
	}
	h->sni_len = (uint8_t)len;
	h->has_sni = true;
	return true;
}

/* One protocol as text: what is not printable is \xNN. false: no room. */
static bool
keep_alpn(struct bh_hello *h, const uint8_t *p, uint8_t len)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t *to = h->alpn_text + h->alpn_len;
	unsigned i, n = 1;

	for (i = 0; i < len; i++) {
		bool plain = p[i] > ' ' && p[i] <= '~' && p[i] != '\\';

		if (n > 255 - 4u || h->alpn_len + n + 4 > sizeof(h->alpn_text))
			return false;
		if (plain) {
			to[n++] = p[i];
			continue;
		}
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = (uint8_t)hex[p[i] >> 4];
		to[n++] = (uint8_t)hex[p[i] & 15];
	}
	to[0] = (uint8_t)(n - 1);
	h->alpn_len = (uint16_t)(h->alpn_len + n);
	h->alpn.n++;
	return true;
}

/* RFC 7301 3.1 */
static bool
protocols(struct bh_hello *h, struct bh_cur *c)
{
	const uint8_t *p;
	bool first = true;
	uint16_t all;
	uint8_t len;

	if (!bh_cur_be16(c, &all) || all != bh_cur_left(c) || all == 0)
		return bad(h, "protocol list is malformed");
	while (bh_cur_u8(c, &len)) {
		p = bh_cur_take(c, len);
		if (p == NULL || len == 0)
			return bad(h, "protocol list is malformed");
		if (first) {
			h->alpn_ends[0] = p[0];
			h->alpn_ends[1] = p[len - 1];
		}
		first = false;
		if (len == 2 && bh_tls_grease(bh_load_be16(p)))
			continue;
		h->alpn.more |= !keep_alpn(h, p, len);
	}
	return true;
}

bool
bh_hello_alpn(const struct bh_hello *h, uint16_t *at, const uint8_t **name, uint8_t *len)
{
	if (*at >= h->alpn_len)
		return false;
	*len = h->alpn_text[*at];
	*name = h->alpn_text + *at + 1;
	*at = (uint16_t)(*at + 1 + *len);
	return true;
}

/* RFC 8446 4.2.1: with this extension the version field says nothing. */
static bool
versions(struct bh_hello *h, struct bh_cur *c)
{
	uint16_t v;
	uint8_t len;

	if (!bh_cur_u8(c, &len) || len != bh_cur_left(c) || len % 2 != 0 || len == 0)
		return bad(h, "supported versions are malformed");
	h->version = 0;
	while (bh_cur_be16(c, &v)) {
		if (v >= 0x0300 && v <= 0x0304 && v > h->version)
			h->version = v;
	}
	return true;
}

static bool
formats(struct bh_hello *h, struct bh_cur *c)
{
	uint8_t len, v;

	if (!bh_cur_u8(c, &len) || len != bh_cur_left(c))
		return bad(h, "point formats are malformed");
	while (bh_cur_u8(c, &v)) {
		if (h->formats.n < BH_HELLO_FORMATS)
			h->format[h->formats.n++] = v;
		else
			h->formats.more = true;
	}
	return true;
}

static bool
look_into(uint16_t type)
{
	return type == EXT_SERVER_NAME || type == EXT_GROUPS || type == EXT_POINT_FORMATS ||
	       type == EXT_SIGNATURES || type == EXT_ALPN || type == EXT_VERSIONS;
}

static bool
extension_body(struct bh_hello *h)
{
	struct bh_cur c = bh_cur(h->body, h->need);

	switch (h->type) {
	case EXT_SERVER_NAME:
		return server_name(h, &c);
	case EXT_ALPN:
		return protocols(h, &c);
	case EXT_VERSIONS:
		return versions(h, &c);
	case EXT_POINT_FORMATS:
		return formats(h, &c);
	case EXT_GROUPS:
		return numbers(&c, h->group, &h->groups, BH_HELLO_GROUPS) ||
		       bad(h, "groups are malformed");
	case EXT_SIGNATURES:
		return numbers(&c, h->signature, &h->signatures, BH_HELLO_SIGNATURES) ||
		       bad(h, "signature algorithms are malformed");
	default:
		return true;
	}
}

/* Type and length of the next extension. One of a kind (RFC 8446 4.2): receivers differ in which they take. */
static bool
extension_head(struct bh_hello *h)
{
	uint16_t len = bh_load_be16(h->body + 2);
	unsigned i;

	h->type = bh_load_be16(h->body);
	for (i = 0; i < h->extensions.n; i++) {
		if (h->extension[i] == h->type)
			return bad(h, "an extension comes twice");
	}
	if (h->extensions.n == BH_HELLO_EXTENSIONS)
		return bad(h, "more extensions than are kept");
	h->extension[h->extensions.n++] = h->type;
	h->ech |= h->type == EXT_ECH || h->type == EXT_ESNI;
	return want(h, AT_BODY, len, look_into(h->type));
}

static bool
next_extension(struct bh_hello *h)
{
	return h->left == 0 ? want(h, AT_END, 0, false) : want(h, AT_EXTENSION, 4, true);
}

static bool
next_cipher(struct bh_hello *h)
{
	return h->list == 0 ? want(h, AT_COMPRESSION_LEN, 1, true) : want(h, AT_CIPHER, 2, true);
}

static bool
ciphers(struct bh_hello *h)
{
	h->list = bh_load_be16(h->body);
	if (h->list == 0 || h->list % 2 != 0)
		return bad(h, "cipher list is malformed");
	return next_cipher(h);
}

static bool
cipher(struct bh_hello *h)
{
	h->list = (uint16_t)(h->list - 2);
	if (h->ciphers.n < BH_HELLO_CIPHERS)
		h->cipher[h->ciphers.n++] = bh_load_be16(h->body);
	else
		h->ciphers.more = true;
	return next_cipher(h);
}

/* A piece is whole: look at it and say what comes next. */
static bool
step(struct bh_hello *h)
{
	switch (h->state) {
	case AT_VERSION:
		h->legacy = h->version = bh_load_be16(h->body);
		if (h->legacy >> 8 != 3)
			return bad(h, "hello of an unknown version");
		/* Beyond TLS 1.2 this field stays at 1.2; what is higher is read as 1.2 (RFC 5246 E.1). */
		h->version = h->version > 0x0303 ? 0x0303 : h->version;
		return want(h, AT_RANDOM, 32, false);
	case AT_RANDOM:
		return want(h, AT_SESSION_LEN, 1, true);
	case AT_SESSION_LEN:
		if (h->body[0] > 32)
			return bad(h, "session id is too long");
		return want(h, AT_SESSION, h->body[0], false);
	case AT_SESSION:
		return want(h, AT_CIPHERS_LEN, 2, true);
	case AT_CIPHERS_LEN:
		return ciphers(h);
	case AT_CIPHER:
		return cipher(h);
	case AT_COMPRESSION_LEN:
		if (h->body[0] == 0)
			return bad(h, "no compression method");
		return want(h, AT_COMPRESSION, h->body[0], false);
	case AT_COMPRESSION: /* SSL 3 and TLS 1.0 may end here */
		return h->left == 0 ? want(h, AT_END, 0, false)
				    : want(h, AT_EXTENSIONS_LEN, 2, true);
	case AT_EXTENSIONS_LEN:
		if (bh_load_be16(h->body) != h->left)
			return bad(h, "lengths of the hello do not add up");
		return next_extension(h);
	case AT_EXTENSION:
		return extension_head(h);
	default:
		return extension_body(h) && next_extension(h);
	}
}

enum bh_hello_status
bh_hello_read(struct bh_hello *h, struct bh_cur *in)
{
	while (h->state != AT_END) {
		size_t n = h->need - h->have;
		const uint8_t *p;

		if (n > bh_cur_left(in))
			n = bh_cur_left(in);
		p = bh_cur_take(in, n);
		if (h->keep && n != 0)
			memcpy(h->body + h->have, p, n);
		h->have = (uint16_t)(h->have + n);
		h->left -= (uint32_t)n;
		if (h->have < h->need)
			return BH_HELLO_MORE;
		if (!step(h))
			return BH_HELLO_BAD;
	}
	return BH_HELLO_DONE;
}

void
bh_hello_gist(const struct bh_hello *h, struct bh_hello_gist *gist)
{
	struct sha256_ctx sha;
	uint8_t flags[4] = {h->has_sni, h->ech, (uint8_t)(h->version >> 8), (uint8_t)h->version};

	sha256_init(&sha);
	sha256_update(&sha, sizeof(flags), flags);
	sha256_update(&sha, 1, &h->sni_len);
	sha256_update(&sha, h->sni_len, h->sni);
	sha256_update(&sha, h->alpn_len, h->alpn_text);
	sha256_digest(&sha, sizeof(gist->digest), gist->digest);
}
