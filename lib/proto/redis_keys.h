/* redis_keys: where the keys of a Redis command are. Internal to the room.
 *
 * Usage     redis_keys_begin() with the number of arguments; then for each argument in order, redis_keys_want()
 *           says what it is, and redis_keys_took() hears what it was, until `known`.
 * Threads   pure functions over the caller's memory. */
#ifndef BH_REDIS_KEYS_H
#define BH_REDIS_KEYS_H

#include "proto_priv.h"

/* The longest name, option or number that means something: "georadiusbymember_ro", "cluster|count-failure-reports". */
#define REDIS_WORD_MAX 64

enum redis_want {
	REDIS_SKIP, /* a value, a secret: not to be kept */
	REDIS_WORD, /* name, subcommand, option or number */
	REDIS_KEY,
};

enum { REDIS_SESSION = 1, REDIS_WIDE = 2 };

struct redis_command;

/* One command on its way. */
struct redis_keys {
	const struct redis_command *command; /* NULL: not in the table */
	uint32_t n_args;
	uint32_t at;          /* arguments seen */
	uint32_t first, last; /* keys, once known; last < first: none */
	uint32_t skip;        /* arguments of an option that are values */
	uint8_t next_is_key;
	uint8_t empty;     /* argument 3 is \"\" */
	uint8_t rest;      /* STREAMS or KEYS was seen */
	uint8_t flags;     /* BH_OP_* of the operation */
	uint8_t known;     /* no later argument can be a key */
	uint8_t container; /* the next argument belongs to the name */
	uint8_t name_len;
	char name[2 * REDIS_WORD_MAX + 1]; /* lower case; "config|set" */
};

void redis_keys_begin(struct redis_keys *k, uint32_t n_args);
/* What is the next argument, of len bytes? */
enum redis_want redis_keys_want(const struct redis_keys *k, uint32_t len);
/* The next argument is complete: len bytes of which the first min(len, REDIS_WORD_MAX) are at `word` when it was
 * wanted as a word. False: no command has such a name. */
bool redis_keys_took(struct redis_keys *k, const char *word, uint32_t len);

#endif
