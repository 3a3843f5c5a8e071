/* hello: a message of elect.h as the datagram that carries it. Pure: bytes and a key. */
#ifndef BH_PAIR_HELLO_H
#define BH_PAIR_HELLO_H

#include "elect.h"

#define BH_PAIR_KEY 32
/* "BHPH", version, role, flags, 0, priority, usable (32 bit), sender, seq, heard, ack, term (64 bit), all in network order,
 * HMAC-SHA256 of what is before it. */
#define BH_PAIR_HELLO_SIZE (8 + 2 * 4 + 5 * 8 + 32)

/* A key for one use, by its name, made of the secret. */
void bh_pair_key(uint8_t out[BH_PAIR_KEY], const char *secret, const char *use);
void bh_pair_hello_write(uint8_t out[BH_PAIR_HELLO_SIZE], const struct bh_pair_message *m,
			 const uint8_t key[BH_PAIR_KEY]);
/* 0; -EBADMSG: not of who has the key; -EINVAL: of who has it, and no hello of this version. */
int bh_pair_hello_read(struct bh_pair_message *out, const void *data, size_t len,
		       const uint8_t key[BH_PAIR_KEY]);

#endif
