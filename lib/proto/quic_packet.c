#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "quic_packet.h"

#define VERSION_1 0x00000001u
#define VERSION_2 0x6b3343cfu
#define TAG 16
#define SAMPLE 16

/* RFC 9001 5.2 (also drafts 33, 34), RFC 9369 3.3.1, draft-ietf-quic-tls-29 5.2 (to 32) */
static const uint8_t salt_1[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
				   0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
static const uint8_t salt_2[20] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
				   0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
static const uint8_t salt_29[20] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
				    0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};

static const struct {
	uint32_t version;
	const char *text;
	const uint8_t *salt;
} versions[] = {
	{VERSION_1, "1", salt_1},          {VERSION_2, "2", salt_2},
	{0xff00001d, "draft-29", salt_29}, {0xff00001e, "draft-30", salt_29},
	{0xff00001f, "draft-31", salt_29}, {0xff000020, "draft-32", salt_29},
	{0xff000021, "draft-33", salt_1},  {0xff000022, "draft-34", salt_1},
};

static int
find(uint32_t version)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(versions); i++) {
		if (versions[i].version == version)
			return (int)i;
	}
	return -1;
}

const char *
bh_quic_version_text(uint32_t version)
{
	int i = find(version);

	return i < 0 ? NULL : versions[i].text;
}

bool
bh_quic_varint(struct bh_cur *c, uint64_t *v)
{
	uint8_t b;
	unsigned n;

	if (!bh_cur_u8(c, &b))
		return false;
	*v = b & 0x3f;
	for (n = (1u << (b >> 6)) - 1; n > 0; n--) {
		if (!bh_cur_u8(c, &b))
			return false;
		*v = *v << 8 | b;
	}
	return true;
}

/* RFC 9000 17.2: 2 bits; version 2 counts from another one (RFC 9369 3.2). */
static uint8_t
kind_of(uint8_t first, uint32_t version)
{
	return ((first >> 4) - (version == VERSION_2 ? 1 : 0)) & 3;
}

static bool
long_header(struct bh_cur *c, struct bh_quic_packet *p)
{
	uint64_t len;
	uint8_t n;

	if (!bh_cur_u8(c, &p->n_dcid) || p->n_dcid > BH_QUIC_CID)
		return false;
	p->dcid = bh_cur_take(c, p->n_dcid);
	if (p->dcid == NULL || !bh_cur_u8(c, &n) || n > BH_QUIC_CID || bh_cur_take(c, n) == NULL)
		return false;
	p->kind = kind_of(p->at[0], p->version);
	if (p->kind == BH_QUIC_RETRY) {
		c->p = c->end;
		return true;
	}
	if (p->kind == BH_QUIC_INITIAL && /* a token */
	    (!bh_quic_varint(c, &len) || len > bh_cur_left(c) || bh_cur_take(c, len) == NULL))
		return false;
	if (!bh_quic_varint(c, &len) || len > bh_cur_left(c))
		return false;
	p->number = (uint32_t)(c->p - p->at);
	return bh_cur_take(c, len) != NULL;
}

bool
bh_quic_next(struct bh_cur *c, struct bh_quic_packet *p)
{
	uint8_t first;
	bool fits = true;

	memset(p, 0, sizeof(*p));
	p->at = c->p;
	if (!bh_cur_u8(c, &first))
		return false;
	if ((first & 0x80) == 0) {
		p->kind = BH_QUIC_SHORT;
		c->p = c->end;
	} else if (!bh_cur_be32(c, &p->version)) {
		return false;
	} else if (p->version == 0 || find(p->version) < 0) {
		p->kind = p->version == 0 ? BH_QUIC_NEGOTIATION : BH_QUIC_UNKNOWN;
		c->p = c->end;
	} else {
		fits = long_header(c, p);
	}
	p->len = (uint32_t)(c->p - p->at);
	return fits;
}

/* ---- protection --------------------------------------------------------------------------------------- */

static void
hmac(const uint8_t *key, size_t n_key, const uint8_t *data, size_t n, uint8_t out[32])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, n_key, key);
	hmac_sha256_update(&ctx, n, data);
	hmac_sha256_digest(&ctx, 32, out);
}

/* HKDF-Expand-Label (RFC 8446 7.1) with an empty context; one round gives up to 32 bytes. */
static void
expand_label(const uint8_t secret[32], const char *label, uint8_t *out, uint8_t len)
{
	uint8_t info[40], block[32];
	size_t n_label = strlen(label), n = 0;

	info[n++] = 0;
	info[n++] = len;
	info[n++] = (uint8_t)(6 + n_label);
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, n_label);
	n += 6 + n_label;
	info[n++] = 0;
	info[n++] = 1;
	hmac(secret, 32, info, n, block);
	memcpy(out, block, len);
}

void
bh_quic_client_keys(uint32_t version, const uint8_t *dcid, uint8_t n_dcid,
		    struct bh_quic_keys *keys)
{
	int i = find(version);
	uint8_t initial[32], client[32];
	bool v2 = version == VERSION_2;

	hmac(i < 0 ? salt_1 : versions[i].salt, 20, dcid, n_dcid, initial);
	expand_label(initial, "client in", client, 32);
	expand_label(client, v2 ? "quicv2 key" : "quic key", keys->key, sizeof(keys->key));
	expand_label(client, v2 ? "quicv2 iv" : "quic iv", keys->iv, sizeof(keys->iv));
	expand_label(client, v2 ? "quicv2 hp" : "quic hp", keys->hp, sizeof(keys->hp));
}

/* Take off the header's protection (RFC 9001 5.4.1). Returns the header's length. */
static unsigned
unmask(const struct bh_quic_packet *p, const uint8_t hp[16], uint8_t *header,
       struct bh_quic_opened *out)
{
	struct aes128_ctx aes;
	uint8_t mask[16];
	unsigned i;

	/* The sample is taken as if the number had 4 bytes. */
	aes128_set_encrypt_key(&aes, hp);
	aes128_encrypt(&aes, sizeof(mask), mask, p->at + p->number + 4);
	memcpy(header, p->at, p->number + 4);
	header[0] ^= mask[0] & 0x0f;
	out->number_len = (header[0] & 3) + 1;
	out->number = 0;
	for (i = 0; i < out->number_len; i++) {
		header[p->number + i] ^= mask[1 + i];
		out->number = out->number << 8 | header[p->number + i];
	}
	return p->number + out->number_len;
}

bool
bh_quic_open(const struct bh_quic_packet *p, const uint8_t *dcid, uint8_t n_dcid,
	     struct bh_quic_opened *out)
{
	uint8_t header[BH_QUIC_OPENED], tag[TAG];
	struct bh_quic_keys keys;
	struct gcm_aes128_ctx gcm;
	unsigned n_header, i;

	if (p->len > BH_QUIC_OPENED || p->len < p->number + 4 + SAMPLE)
		return false;
	bh_quic_client_keys(p->version, dcid, n_dcid, &keys);
	n_header = unmask(p, keys.hp, header, out);
	if (p->len < n_header + TAG)
		return false;
	for (i = 0; i < 4; i++)
		keys.iv[8 + i] ^= (uint8_t)(out->number >> (24 - 8 * i));
	out->len = p->len - n_header - TAG;
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, sizeof(keys.iv), keys.iv);
	gcm_aes128_update(&gcm, n_header, header);
	gcm_aes128_decrypt(&gcm, out->len, out->frames, p->at + n_header);
	gcm_aes128_digest(&gcm, TAG, tag);
	return memeql_sec(tag, p->at + p->len - TAG, TAG) != 0;
}
