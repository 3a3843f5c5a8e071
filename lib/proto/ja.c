/* JA3 and JA4: fingerprints of what a ClientHello lists. Noise values (RFC 8701) never count.
 * JA3: MD5 of "version,ciphers,extensions,groups,formats", decimal, joined by '-', in order.
 * JA4: "t13d1516h2" _ SHA-256 of the sorted ciphers _ SHA-256 of the sorted extensions and the signatures in order,
 * hexadecimal, joined by ','; twelve digits of each. */
#include <ctype.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <string.h>

#include "tls_hello.h"

static const char digits[] = "0123456789abcdef";

static void
hex(char *out, const uint8_t *p, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
}

static void
add_decimal(struct md5_ctx *md5, unsigned v)
{
	uint8_t text[5];
	unsigned at = sizeof(text);

	do {
		text[--at] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	md5_update(md5, sizeof(text) - at, text + at);
}

/* ",1-2-3" */
static void
add_list(struct md5_ctx *md5, const uint16_t *v, unsigned n)
{
	bool first = true;
	unsigned i;

	md5_update(md5, 1, (const uint8_t *)",");
	for (i = 0; i < n; i++) {
		if (bh_tls_grease(v[i]))
			continue;
		if (!first)
			md5_update(md5, 1, (const uint8_t *)"-");
		add_decimal(md5, v[i]);
		first = false;
	}
}

static void
finish_md5(struct md5_ctx *md5, char out[BH_JA3_LEN])
{
	uint8_t digest[MD5_DIGEST_SIZE];

	md5_digest(md5, sizeof(digest), digest);
	hex(out, digest, sizeof(digest));
}

void
bh_ja3(const struct bh_hello *h, char out[BH_JA3_LEN])
{
	uint16_t format[BH_HELLO_FORMATS];
	struct md5_ctx md5;
	unsigned i;

	for (i = 0; i < h->formats.n; i++)
		format[i] = h->format[i];
	md5_init(&md5);
	add_decimal(&md5, h->legacy);
	add_list(&md5, h->cipher, h->ciphers.n);
	add_list(&md5, h->extension, h->extensions.n);
	add_list(&md5, h->group, h->groups.n);
	add_list(&md5, format, h->formats.n);
	finish_md5(&md5, out);
}

void
bh_ja3s(uint16_t version, uint16_t cipher, const uint16_t *extension, unsigned n,
	char out[BH_JA3_LEN])
{
	struct md5_ctx md5;

	md5_init(&md5);
	add_decimal(&md5, version);
	add_list(&md5, &cipher, 1);
	add_list(&md5, extension, n);
	finish_md5(&md5, out);
}

/* Copy without noise and without two that are not wanted (-1: none). Returns how many. */
static unsigned
pick(uint16_t *to, const uint16_t *v, unsigned n, bool without_names)
{
	unsigned i, k = 0;

	for (i = 0; i < n; i++) {
		if (!bh_tls_grease(v[i]) && !(without_names && (v[i] == 0 || v[i] == 16)))
			to[k++] = v[i];
	}
	return k;
}

/* Shell sort: at most 512 numbers that the peer chose, so nothing quadratic. Gaps of Ciura 2001. */
static void
sort(uint16_t *v, unsigned n)
{
	static const unsigned gaps[] = {301, 132, 57, 23, 10, 4, 1};
	unsigned g, i, k;

	for (g = 0; g < BH_ARRAY_SIZE(gaps); g++) {
		for (i = gaps[g]; i < n; i++) {
			uint16_t x = v[i];

			for (k = i; k >= gaps[g] && v[k - gaps[g]] > x; k -= gaps[g])
				v[k] = v[k - gaps[g]];
			v[k] = x;
		}
	}
}

static void
add_hex(struct sha256_ctx *sha, const uint16_t *v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		uint8_t b[2] = {(uint8_t)(v[i] >> 8), (uint8_t)v[i]};
		char text[5] = {',', 0, 0, 0, 0};

		hex(text + 1, b, 2);
		sha256_update(sha, i == 0 ? 4 : 5, (uint8_t *)text + (i == 0));
	}
}

/* Twelve digits; zeros when the list is empty. */
static void
hash12(char out[12], const uint16_t *v, unsigned n, const uint16_t *tail, unsigned n_tail)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	memset(out, '0', 12);
	if (n == 0)
		return;
	sha256_init(&sha);
	add_hex(&sha, v, n);
	if (n_tail != 0) {
		sha256_update(&sha, 1, (const uint8_t *)"_");
		add_hex(&sha, tail, n_tail);
	}
	sha256_digest(&sha, sizeof(digest), digest);
	hex(out, digest, 6);
}

static void
two_digits(char *out, unsigned n)
{
	n = n > 99 ? 99 : n;
	out[0] = (char)('0' + n / 10);
	out[1] = (char)('0' + n % 10);
}

static void
ja4_version(char *out, uint16_t version)
{
	memcpy(out, "00", 2);
	if (version >= 0x0301 && version <= 0x0304) {
		out[0] = '1';
		out[1] = (char)('0' + version - 0x0301);
	} else if (version == 0x0300) {
		memcpy(out, "s3", 2);
	}
}

static void
ja4_alpn(char *out, const struct bh_hello *h)
{
	const uint8_t *e = h->alpn_ends;

	memcpy(out, "00", 2);
	if (e[0] == 0 && e[1] == 0 && h->alpn.n == 0)
		return;
	if (isalnum(e[0]) && isalnum(e[1])) {
		out[0] = (char)e[0];
		out[1] = (char)e[1];
	} else {
		out[0] = digits[e[0] >> 4];
		out[1] = digits[e[1] & 15];
	}
}

void
bh_ja4(const struct bh_hello *h, char transport, char out[BH_JA4_LEN])
{
	uint16_t v[BH_HELLO_CIPHERS], tail[BH_HELLO_SIGNATURES];
	unsigned n, n_tail;

	_Static_assert(BH_HELLO_CIPHERS >= BH_HELLO_EXTENSIONS, "v holds either");
	out[0] = transport;
	ja4_version(out + 1, h->version);
	out[3] = h->has_sni ? 'd' : 'i';
	two_digits(out + 6, pick(v, h->extension, h->extensions.n, false));
	ja4_alpn(out + 8, h);
	n = pick(v, h->cipher, h->ciphers.n, false);
	two_digits(out + 4, n);
	sort(v, n);
	out[10] = '_';
	hash12(out + 11, v, n, NULL, 0);
	out[23] = '_';
	n = pick(v, h->extension, h->extensions.n, true);
	sort(v, n);
	n_tail = pick(tail, h->signature, h->signatures.n, false);
	hash12(out + 24, v, n, tail, n_tail);
}
