/* channel: the frames by which records go from the gateway that forwards to the one that stands by. Pure: bytes in, frames
 * out, and the other way round.
 *
 * Each end says BH_PAIR_GREETING bytes first: "BHPS", version, three zeros, 32 random bytes. The keys of either direction are
 * HMACs of both ends' random bytes. Then frames: payload length (32 bit), kind, three zeros, number (64 bit, from 1), payload,
 * HMAC-SHA256 of all before it. Network order. The first frame of an end proves it: an empty one of kind ALIVE.
 */
#ifndef BH_PAIR_CHANNEL_H
#define BH_PAIR_CHANNEL_H

#include "hello.h"

#define BH_PAIR_NONCE 32
#define BH_PAIR_GREETING (8 + BH_PAIR_NONCE)
#define BH_PAIR_FRAME_HEAD 16
#define BH_PAIR_FRAME_TAIL 32
#define BH_PAIR_PAYLOAD (64u << 10) /* of a frame, at most; BH_PAIR_ROOM */

enum bh_pair_frame {
	BH_PAIR_ALIVE,   /* nothing else was said for a while */
	BH_PAIR_RECORDS, /* as pull gave them */
	BH_PAIR_HEARD,   /* all ends heard on ports: replaces what was said before */
	BH_PAIR_WALKED,  /* all there was has come; back: and is in force there */
	BH_PAIR_FRAMES
};

struct bh_pair_channel {
	bool asks; /* this end connected */
	uint8_t base[BH_PAIR_KEY];
	uint8_t own[BH_PAIR_NONCE];
	uint8_t key_in[BH_PAIR_KEY], key_out[BH_PAIR_KEY];
	bool greeted, proven; /* the other end has */
	uint64_t in, out;     /* numbers of frames */
};

/* base: bh_pair_key() of "channel". nonce: BH_PAIR_NONCE random bytes, never the same again. */
void bh_pair_channel_begin(struct bh_pair_channel *c, bool asks, const uint8_t base[BH_PAIR_KEY],
			   const uint8_t nonce[BH_PAIR_NONCE]);
void bh_pair_channel_greet(const struct bh_pair_channel *c, uint8_t out[BH_PAIR_GREETING]);
/* After it has greeted: a frame, appended. */
void bh_pair_channel_write(struct bh_pair_channel *c, struct bh_buf *b, enum bh_pair_frame kind,
			   const void *payload, size_t len);

struct bh_pair_got {
	enum bh_pair_frame kind;
	const uint8_t *payload; /* in data */
	size_t len;
};
/* What stands at the beginning of data: its bytes, more than 0; got->kind BH_PAIR_FRAMES: the greeting. 0: there is not all of
 * it yet. -EBADMSG: it is nothing that the other one says. */
int bh_pair_channel_read(struct bh_pair_channel *c, const uint8_t *data, size_t len,
			 struct bh_pair_got *got);

#endif
