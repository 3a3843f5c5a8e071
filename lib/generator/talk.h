/* What connections say: requests and replies whose every byte both sides know, so that nothing is kept to be sent again
 * and everything that arrives is compared.
 *
 * Usage     bh_gen_book_init once; a connection's exchanges are numbered from 0.
 * Threads   a book is read only once made.
 * Lifetime  the caller's.
 */
#ifndef BH_GENERATOR_TALK_H
#define BH_GENERATOR_TALK_H

#include "../base/base.h"

enum bh_gen_talk { BH_GEN_HTTP, BH_GEN_REDIS, BH_GEN_TLS };

#define BH_GEN_REQUEST_MAX 400 /* fits any segment */
#define BH_GEN_HEAD_MAX 160
#define BH_GEN_KIB_MAX 65536
#define BH_GEN_PATTERN 8192
#define BH_GEN_PIECE 9216 /* asked for at once, at most */

struct bh_gen_book {
	enum bh_gen_talk talk;
	uint8_t pattern[BH_GEN_PATTERN + BH_GEN_PIECE]; /* repeats from BH_GEN_PATTERN on */
	uint8_t hello[BH_GEN_REQUEST_MAX];              /* TLS: the ClientHello */
	unsigned hello_len;
	uint8_t answer[BH_GEN_HEAD_MAX]; /* TLS: ServerHello and ChangeCipherSpec */
	unsigned answer_len;
};

void bh_gen_book_init(struct bh_gen_book *b, enum bh_gen_talk talk);
/* Exchanges before the first that fetches an object: TLS has one. */
unsigned bh_gen_book_opening(const struct bh_gen_book *b);

/* The request of an exchange, for kib KiB; its length. */
unsigned bh_gen_request_write(const struct bh_gen_book *b, unsigned exchange, uint32_t kib,
			      uint8_t out[BH_GEN_REQUEST_MAX]);
/* What was asked for: true, and *kib. false: not such a request, or only a part of one. */
bool bh_gen_request_read(const struct bh_gen_book *b, unsigned exchange, const uint8_t *p,
			 unsigned len, uint32_t *kib);

struct bh_gen_reply {
	unsigned head_len;
	uint32_t body, tail; /* bytes; the head in front */
	bool records;        /* the body is cut into TLS records */
	uint8_t head[BH_GEN_HEAD_MAX];
};
void bh_gen_reply_make(const struct bh_gen_book *b, unsigned exchange, uint32_t kib,
		       struct bh_gen_reply *r);
static inline uint32_t
bh_gen_reply_len(const struct bh_gen_reply *r)
{
	return r->head_len + r->body + r->tail;
}
/* Bytes off to off + n of it; n at most BH_GEN_PIECE, and within its length. */
void bh_gen_reply_copy(const struct bh_gen_book *b, const struct bh_gen_reply *r, uint32_t off,
		       uint8_t *out, unsigned n);
bool bh_gen_reply_match(const struct bh_gen_book *b, const struct bh_gen_reply *r, uint32_t off,
			const uint8_t *p, unsigned n);

#endif
