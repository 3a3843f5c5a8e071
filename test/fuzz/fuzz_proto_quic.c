/* QUIC's operations behind their encryption: the input says what packets hold; they are sealed as a client would and sent.
 * Asserts beyond "no crash":
 *  - each datagram is eaten whole, unless it ends the conversation; pending is never more than was sent;
 *  - an operation comes only with a packet that carries handshake data, and holds back nothing;
 *  - opening a sealed packet gives its frames back. */
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <stdlib.h>

#include "../../lib/proto/quic_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER 20 /* first byte, version, id of 8, no source, no token, length of 4 bytes */

static const uint8_t ids[4][8] = {"aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd"};

static void
require(bool ok)
{
	if (!ok)
		abort();
}

struct packet {
	uint32_t version, number;
	uint8_t number_len;
	const uint8_t *dcid, *keys, *frames;
	uint32_t len;
};

/* RFC 9001 5.3, 5.4. Returns its length; out holds len + 64. */
static uint32_t
seal(uint8_t *out, const struct packet *p)
{
	uint8_t plain[1024] = {0}, mask[16];
	uint32_t len = p->len < 20 ? 20 : p->len, total = p->number_len + len + 16, n = HEADER, i;
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	struct bh_quic_keys k;

	memcpy(plain, p->frames, p->len);
	out[0] = (uint8_t)(0xc0 | (p->version != 1 ? 0x10 : 0) | (p->number_len - 1));
	for (i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(p->version >> (24 - 8 * i));
	out[5] = 8;
	memcpy(out + 6, p->dcid, 8);
	out[14] = out[15] = 0;
	for (i = 0; i < 4; i++)
		out[16 + i] = (uint8_t)((total | 0x80000000u) >> (24 - 8 * i));
	for (i = p->number_len; i > 0; i--)
		out[n++] = (uint8_t)(p->number >> 8 * (i - 1));
	bh_quic_client_keys(p->version, p->keys, 8, &k);
	for (i = 0; i < p->number_len; i++)
		k.iv[11 - i] ^= (uint8_t)(p->number >> 8 * i);
	gcm_aes128_set_key(&gcm, k.key);
	gcm_aes128_set_iv(&gcm, 12, k.iv);
	gcm_aes128_update(&gcm, n, out);
	gcm_aes128_encrypt(&gcm, len, out + n, plain);
	gcm_aes128_digest(&gcm, 16, out + n + len);
	aes128_set_encrypt_key(&aes, k.hp);
	aes128_encrypt(&aes, 16, mask, out + HEADER + 4);
	out[0] ^= mask[0] & 0x0f;
	for (i = 0; i < p->number_len; i++)
		out[HEADER + i] ^= mask[1 + i];
	return n + len + 16;
}

static void
opens_again(const uint8_t *sealed, uint32_t n, const struct packet *p)
{
	static struct bh_quic_opened o;
	struct bh_cur c = bh_cur(sealed, n);
	struct bh_quic_packet q;

	require(bh_quic_next(&c, &q) && bh_cur_left(&c) == 0 && q.kind == BH_QUIC_INITIAL);
	require(bh_quic_open(&q, p->keys, 8, &o) && o.len >= p->len);
	require(memcmp(o.frames, p->frames, p->len) == 0);
}

/* How, number, length, frames. false: the input is over. */
static bool
next_packet(struct bh_cur *c, struct packet *p)
{
	uint8_t how, number, len;

	if (!bh_cur_u8(c, &how) || !bh_cur_u8(c, &number) || !bh_cur_u8(c, &len))
		return false;
	p->version = (how & 1) != 0 ? 0x6b3343cf : 1;
	p->dcid = ids[how >> 1 & 3];
	p->keys = (how & 0x80) != 0 ? ids[0] : p->dcid;
	p->number = number;
	p->number_len = (uint8_t)(1 + (how >> 3 & 3));
	p->len = len < bh_cur_left(c) ? len : (uint32_t)bh_cur_left(c);
	p->frames = bh_cur_take(c, p->len);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bh_ops s;
	struct bh_cur c = bh_cur(data, size);
	enum bh_ops_status end = BH_OPS_MORE;
	struct bh_ops_out out;
	struct packet p;
	uint64_t sent = 0;

	bh_ops_open(&s, BH_APP_QUIC, BH_OVER_UDP, NULL);
	while ((end == BH_OPS_MORE || end == BH_OPS_OP) && next_packet(&c, &p)) {
		uint8_t sealed[512];
		uint32_t n = seal(sealed, &p);
		uint8_t *copy = malloc(n);

		opens_again(sealed, n, &p);
		memcpy(copy, sealed, n);
		end = bh_ops_feed(&s, 0, copy, n, false, &out);
		sent += n;
		require(out.pending <= sent);
		if (end == BH_OPS_OP)
			require(out.pending == 0 && memchr(p.frames, 6, p.len) != NULL);
		if (end == BH_OPS_MORE || end == BH_OPS_OP)
			require(out.eaten == n);
		else
			require(out.why != NULL);
		free(copy);
	}
	bh_ops_close(&s);
	return 0;
}
