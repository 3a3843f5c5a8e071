/* SHA-256 over fields, each with its length before it: no two lists of fields have the same bytes. */
#include <stdio.h>

#include "store_priv.h"

void
bh_digest_u64(struct bh_digest *d, uint64_t v)
{
	uint64_t be = __builtin_bswap64(v);

	sha256_update(&d->sha, sizeof(be), (const uint8_t *)&be);
}

void
bh_digest_field(struct bh_digest *d, const void *data, size_t len)
{
	bh_digest_u64(d, len);
	if (len != 0)
		sha256_update(&d->sha, len, data);
}

void
bh_digest_str(struct bh_digest *d, const char *s)
{
	bh_digest_field(d, s, strlen(s));
}

void
bh_digest_begin(struct bh_digest *d, const char *domain)
{
	sha256_init(&d->sha);
	bh_digest_str(d, domain);
}

void
bh_digest_end(struct bh_digest *d, uint8_t out[BH_SHA256_SIZE])
{
	sha256_digest(&d->sha, BH_SHA256_SIZE, out);
}

void
bh_sha256(const void *data, size_t len, uint8_t out[BH_SHA256_SIZE])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	if (len != 0)
		sha256_update(&sha, len, data);
	sha256_digest(&sha, BH_SHA256_SIZE, out);
}

void
bh_sha256_hex(const uint8_t hash[BH_SHA256_SIZE], char out[2 * BH_SHA256_SIZE + 1])
{
	unsigned i;

	for (i = 0; i < BH_SHA256_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}
