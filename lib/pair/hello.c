/* hello: see hello.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "hello.h"

#define VERSION 1
#define MAC crypto_auth_hmacsha256_BYTES
_Static_assert(MAC == 32 && BH_PAIR_HELLO_SIZE == 88, "8 + 8 + 40 + 32");

struct wire {
	char magic[4];
	uint8_t version, role, flags, zero;
	uint32_t priority_be, usable_be;
	uint64_t sender_be, seq_be, heard_be, ack_be, term_be;
	uint8_t mac[MAC];
};
_Static_assert(sizeof(struct wire) == BH_PAIR_HELLO_SIZE, "no holes");
#define SIGNED offsetof(struct wire, mac)

static void
sign(uint8_t out[MAC], const void *data, size_t len, const uint8_t *key, size_t key_len)
{
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, key, key_len);
	crypto_auth_hmacsha256_update(&s, data, len);
	crypto_auth_hmacsha256_final(&s, out);
}

void
bh_pair_key(uint8_t out[BH_PAIR_KEY], const char *secret, const char *use)
{
	sign(out, use, strlen(use), (const uint8_t *)secret, strlen(secret));
}

void
bh_pair_hello_write(uint8_t out[BH_PAIR_HELLO_SIZE], const struct bh_pair_message *m,
		    const uint8_t key[BH_PAIR_KEY])
{
	struct wire w = {.magic = {'B', 'H', 'P', 'H'},
			 .version = VERSION,
			 .role = m->role,
			 .flags = m->flags,
			 .priority_be = htobe32(m->priority),
			 .usable_be = htobe32(m->usable),
			 .sender_be = htobe64(m->sender),
			 .seq_be = htobe64(m->seq),
			 .heard_be = htobe64(m->heard),
			 .ack_be = htobe64(m->ack),
			 .term_be = htobe64(m->term)};

	sign(w.mac, &w, SIGNED, key, BH_PAIR_KEY);
	memcpy(out, &w, sizeof(w));
}

int
bh_pair_hello_read(struct bh_pair_message *out, const void *data, size_t len,
		   const uint8_t key[BH_PAIR_KEY])
{
	uint8_t mac[MAC];
	struct wire w;

	if (len != sizeof(w))
		return -EBADMSG;
	memcpy(&w, data, sizeof(w));
	sign(mac, &w, SIGNED, key, BH_PAIR_KEY);
	if (sodium_memcmp(mac, w.mac, MAC) != 0)
		return -EBADMSG;
	if (memcmp(w.magic, "BHPH", 4) != 0 || w.version != VERSION || w.zero != 0 ||
	    w.role >= BH_PAIR_ROLES || (w.flags & ~BH_PAIR_FLAGS) != 0 || w.sender_be == 0)
		return -EINVAL;
	*out = (struct bh_pair_message){.sender = be64toh(w.sender_be),
					.seq = be64toh(w.seq_be),
					.heard = be64toh(w.heard_be),
					.ack = be64toh(w.ack_be),
					.term = be64toh(w.term_be),
					.priority = be32toh(w.priority_be),
					.usable = be32toh(w.usable_be),
					.role = w.role,
					.flags = w.flags};
	return 0;
}
