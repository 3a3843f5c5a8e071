/* Hellos and frames of a channel, from whoever reaches the link. Beyond no crash: what has no key is refused; what has it (the
 * first byte chooses so: the input is then signed here) is read the same after it was written again; a channel's
 * frames are the same in any pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "../../lib/pair/channel.h"

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const uint8_t key[BH_PAIR_KEY] = "a key";

static void
hello(const uint8_t *data, size_t size)
{
	uint8_t signed_[BH_PAIR_HELLO_SIZE] = {0}, again[BH_PAIR_HELLO_SIZE];
	const size_t body = BH_PAIR_HELLO_SIZE - 32;
	struct bh_pair_message m;

	MUST(bh_pair_hello_read(&m, data, size, key) != 0);
	memcpy(signed_, data, size < body ? size : body);
	memcpy(signed_, "BHPH\1", 5);
	crypto_auth_hmacsha256(signed_ + body, signed_, body, key);
	if (bh_pair_hello_read(&m, signed_, sizeof(signed_), key) != 0)
		return;
	MUST(m.role < BH_PAIR_ROLES && m.sender != 0);
	bh_pair_hello_write(again, &m, key);
	MUST(memcmp(signed_, again, sizeof(again)) == 0);
}

static void
greet(struct bh_pair_channel *a, struct bh_pair_channel *b)
{
	uint8_t nonce[BH_PAIR_NONCE] = {1}, greeting[BH_PAIR_GREETING];
	struct bh_pair_got got;

	bh_pair_channel_begin(a, true, key, nonce);
	nonce[0] = 2;
	bh_pair_channel_begin(b, false, key, nonce);
	bh_pair_channel_greet(a, greeting);
	MUST(bh_pair_channel_read(b, greeting, sizeof(greeting), &got) > 0);
	bh_pair_channel_greet(b, greeting);
	MUST(bh_pair_channel_read(a, greeting, sizeof(greeting), &got) > 0);
}

/* The input cut into payloads by its own bytes, and what is written read in pieces of the same. */
static void
frames(const uint8_t *data, size_t size)
{
	struct bh_pair_channel a, b;
	struct bh_pair_got got;
	struct bh_buf out = {0};
	size_t at, n, have = 0, read = 0, seen = 0;
	int rc = 0;

	greet(&a, &b);
	for (at = 0; at < size; at += n) {
		n = data[at] % 61 + 1u;
		n = n < size - at ? n : size - at;
		bh_pair_channel_write(&b, &out, BH_PAIR_RECORDS, data + at, n);
	}
	while (have < out.len) {
		have += 1 + data[have % size] % 50;
		have = have < out.len ? have : out.len;
		while ((rc = bh_pair_channel_read(&a, (const uint8_t *)out.data + read, have - read,
						  &got)) > 0) {
			MUST(got.len <= size - seen &&
			     memcmp(got.payload, data + seen, got.len) == 0);
			seen += got.len;
			read += (size_t)rc;
		}
		MUST(rc == 0);
	}
	MUST(seen == size);
	bh_buf_free(&out);
}

static void
strangers(const uint8_t *data, size_t size)
{
	struct bh_pair_channel a, b;
	struct bh_pair_got got;

	greet(&a, &b);
	MUST(bh_pair_channel_read(&a, data, size, &got) <= 0);
	bh_pair_channel_begin(&a, true, key, key);
	MUST(bh_pair_channel_read(&a, data, size, &got) <= BH_PAIR_GREETING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	switch (data[0] % 3) {
	case 0:
		hello(data + 1, size - 1);
		break;
	case 1:
		frames(data + 1, size - 1);
		break;
	default:
		strangers(data + 1, size - 1);
		break;
	}
	return 0;
}
