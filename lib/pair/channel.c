/* channel: see channel.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "channel.h"

#define VERSION 2

struct head {
	uint32_t len_be;
	uint8_t kind, zero[3];
	uint64_t number_be;
};
_Static_assert(sizeof(struct head) == BH_PAIR_FRAME_HEAD, "no holes");
_Static_assert(BH_PAIR_FRAME_TAIL == crypto_auth_hmacsha256_BYTES, "");

void
bh_pair_channel_begin(struct bh_pair_channel *c, bool asks, const uint8_t base[BH_PAIR_KEY],
		      const uint8_t nonce[BH_PAIR_NONCE])
{
	*c = (struct bh_pair_channel){.asks = asks};
	memcpy(c->base, base, sizeof(c->base));
	memcpy(c->own, nonce, sizeof(c->own));
}

void
bh_pair_channel_greet(const struct bh_pair_channel *c, uint8_t out[BH_PAIR_GREETING])
{
	static const uint8_t head[8] = {'B', 'H', 'P', 'S', VERSION};

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), c->own, sizeof(c->own));
}

static void
make_key(uint8_t out[BH_PAIR_KEY], const struct bh_pair_channel *c, const uint8_t *other,
	 bool of_asker)
{
	const uint8_t direction = of_asker;
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, c->base, sizeof(c->base));
	crypto_auth_hmacsha256_update(&s, c->asks ? c->own : other, BH_PAIR_NONCE);
	crypto_auth_hmacsha256_update(&s, c->asks ? other : c->own, BH_PAIR_NONCE);
	crypto_auth_hmacsha256_update(&s, &direction, 1);
	crypto_auth_hmacsha256_final(&s, out);
}

static int
read_greeting(struct bh_pair_channel *c, const uint8_t *data, size_t len, struct bh_pair_got *got)
{
	uint8_t own[BH_PAIR_GREETING];

	if (len < BH_PAIR_GREETING)
		return 0;
	bh_pair_channel_greet(c, own);
	/* One's own, come back, would make one key of two. */
	if (memcmp(data, own, 8) != 0 || memcmp(data, own, sizeof(own)) == 0)
		return -EBADMSG;
	make_key(c->key_in, c, data + 8, !c->asks);
	make_key(c->key_out, c, data + 8, c->asks);
	c->greeted = true;
	*got = (struct bh_pair_got){.kind = BH_PAIR_FRAMES};
	return BH_PAIR_GREETING;
}

static void
sign(uint8_t out[BH_PAIR_FRAME_TAIL], const uint8_t *key, const void *data, size_t len)
{
	crypto_auth_hmacsha256(out, data, len, key);
}

void
bh_pair_channel_write(struct bh_pair_channel *c, struct bh_buf *b, enum bh_pair_frame kind,
		      const void *payload, size_t len)
{
	const struct head h = {.len_be = htobe32((uint32_t)len),
			       .kind = (uint8_t)kind,
			       .number_be = htobe64(++c->out)};
	uint8_t mac[BH_PAIR_FRAME_TAIL];
	size_t at = b->len;

	bh_buf_add(b, &h, sizeof(h));
	if (len != 0)
		bh_buf_add(b, payload, len);
	if (b->failed)
		return;
	sign(mac, c->key_out, b->data + at, sizeof(h) + len);
	bh_buf_add(b, mac, sizeof(mac));
}

int
bh_pair_channel_read(struct bh_pair_channel *c, const uint8_t *data, size_t len,
		     struct bh_pair_got *got)
{
	uint8_t mac[BH_PAIR_FRAME_TAIL];
	struct head h;
	size_t n;

	if (!c->greeted)
		return read_greeting(c, data, len, got);
	if (len < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	n = be32toh(h.len_be);
	if (n > BH_PAIR_PAYLOAD)
		return -EBADMSG;
	if (len < sizeof(h) + n + sizeof(mac))
		return 0;
	sign(mac, c->key_in, data, sizeof(h) + n);
	if (sodium_memcmp(mac, data + sizeof(h) + n, sizeof(mac)) != 0 ||
	    be64toh(h.number_be) != c->in + 1 || h.kind >= BH_PAIR_FRAMES)
		return -EBADMSG;
	c->in++;
	c->proven = true;
	*got = (struct bh_pair_got){.kind = (enum bh_pair_frame)h.kind,
				    .payload = data + sizeof(h),
				    .len = n};
	return (int)(sizeof(h) + n + sizeof(mac));
}
