/* redis_keys: the table of commands, and the forms in which they name keys. Options are walked in the order in
 * which Redis itself walks them: an option's value that happens to spell another option is not one. */
#include <stdlib.h>
#include <string.h>

#include "redis_keys.h"

enum how { NONE, RANGE, NUMKEYS, STREAMS, STORE, SORT, MIGRATE, CONTAINER };

struct redis_command {
	const char *name;
	uint8_t how; /* enum how */
	int8_t first, last, step;
	uint8_t flags;
};

enum { SESSION = REDIS_SESSION, WIDE = REDIS_WIDE };

static const struct redis_command commands[] = {
#define BH_REDIS(name, how, first, last, step, flags) {name, how, first, last, step, flags},
#include "redis_command.def"
#undef BH_REDIS
};

static int
by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct redis_command *)row)->name);
}

static const struct redis_command *
find(const char *name)
{
	return bsearch(name, commands, BH_ARRAY_SIZE(commands), sizeof(commands[0]), by_name);
}

static bool
spells(const char *word, uint32_t len, const char *lower)
{
	return len == strlen(lower) && strncasecmp(word, lower, len) == 0;
}

void
redis_keys_begin(struct redis_keys *k, uint32_t n_args)
{
	memset(k, 0, sizeof(*k));
	k->n_args = n_args;
	k->first = 1;
}

/* Keys at first .. last, no further than the arguments. */
static void
set_range(struct redis_keys *k, uint32_t first, uint64_t last)
{
	k->first = first;
	k->last = last < k->n_args ? (uint32_t)last : k->n_args - 1;
	k->known = k->last < first;
}

/* The name is complete: what is known of its keys? */
static void
look_up(struct redis_keys *k)
{
	const struct redis_command *c = find(k->name);
	int64_t last;

	k->command = c;
	k->container = false;
	if (c == NULL) {
		k->flags |= BH_OP_PARTIAL;
		k->known = true;
		return;
	}
	if ((c->flags & SESSION) != 0)
		k->flags |= BH_OP_SESSION;
	if ((c->flags & WIDE) != 0)
		k->flags |= BH_OP_PARTIAL;
	if (c->how == CONTAINER && k->n_args > 1) {
		k->container = true;
	} else if (c->how == NONE || c->how == CONTAINER) {
		k->known = true;
	} else if (c->how == RANGE) {
		last = c->last < 0 ? (int64_t)k->n_args + c->last : c->last;
		set_range(k, (uint32_t)c->first, last < 0 ? 0 : (uint64_t)last);
	}
}

/* A part of the name, lower case. Of printable bytes only: what else it may be is not a command. */
static bool
name_part(struct redis_keys *k, const char *word, uint32_t len)
{
	uint32_t i;

	if (len == 0 || len > REDIS_WORD_MAX)
		return false;
	if (k->name_len != 0)
		k->name[k->name_len++] = '|';
	for (i = 0; i < len; i++) {
		unsigned char b = (unsigned char)word[i];

		if (b <= ' ' || b >= 0x7f || b == '|')
			return false;
		k->name[k->name_len++] = (char)(b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
	}
	k->name[k->name_len] = '\0';
	/* A subcommand's flags are its own. */
	k->flags = 0;
	look_up(k);
	return true;
}

enum redis_want
redis_keys_want(const struct redis_keys *k, uint32_t len)
{
	uint32_t i = k->at;
	const struct redis_command *c = k->command;

	if (i == 0 || k->container)
		return REDIS_WORD;
	if (k->known || k->skip != 0)
		return REDIS_SKIP;
	if (k->next_is_key)
		return REDIS_KEY;
	switch (c->how) {
	case RANGE:
		return i >= k->first && (i - k->first) % (uint32_t)c->step == 0 ? REDIS_KEY
										: REDIS_SKIP;
	case NUMKEYS:
		if (i == (uint32_t)c->first)
			return REDIS_WORD;
		return i > (uint32_t)c->first || (i == 1 && c->last == 1) ? REDIS_KEY : REDIS_SKIP;
	case STREAMS:
		return k->rest ? REDIS_KEY : REDIS_WORD;
	case MIGRATE:
		/* "" stands for what follows KEYS */
		if (i < (uint32_t)c->first)
			return i == 3 && len != 0 ? REDIS_KEY : REDIS_SKIP;
		return k->rest ? REDIS_KEY : REDIS_WORD;
	default: /* STORE, SORT */
		if (i < (uint32_t)c->first)
			return i == 1 ? REDIS_KEY : REDIS_SKIP;
		return REDIS_WORD;
	}
}

/* How many keys follow. What is no number is refused by Redis, too; the list is then not known. */
static void
number(struct redis_keys *k, const char *word, uint32_t len)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < len && len <= 10 && word[i] >= '0' && word[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(word[i] - '0');
	if (i != len || len == 0) {
		k->flags |= BH_OP_PARTIAL;
		k->known = true;
		return;
	}
	set_range(k, k->at + 1, k->at + n);
}

static void
streams_option(struct redis_keys *k, const char *word, uint32_t len)
{
	uint32_t rest = k->n_args - k->at - 1;

	if (spells(word, len, "streams")) {
		k->rest = true;
		if (rest % 2 != 0)
			k->flags |= BH_OP_PARTIAL;
		set_range(k, k->at + 1, k->at + (rest + 1) / 2);
	} else if (spells(word, len, "count") || spells(word, len, "block")) {
		k->skip = 1;
	} else if (spells(word, len, "group")) {
		k->skip = 2;
	} else if (!spells(word, len, "noack")) {
		k->flags |= BH_OP_PARTIAL;
	}
}

static void
sort_option(struct redis_keys *k, const char *word, uint32_t len)
{
	if (spells(word, len, "store")) {
		k->next_is_key = true;
	} else if (spells(word, len, "limit")) {
		k->skip = 2;
	} else if (spells(word, len, "by") || spells(word, len, "get")) {
		/* a pattern that elements complete to keys */
		k->flags |= BH_OP_PARTIAL;
		k->skip = 1;
	} else if (!spells(word, len, "asc") && !spells(word, len, "desc") &&
		   !spells(word, len, "alpha")) {
		k->flags |= BH_OP_PARTIAL;
	}
}

static void
migrate_option(struct redis_keys *k, const char *word, uint32_t len)
{
	if (spells(word, len, "keys")) {
		k->rest = true;
		set_range(k, k->at + 1, UINT64_MAX);
	} else if (spells(word, len, "auth")) {
		k->skip = 1;
	} else if (spells(word, len, "auth2")) {
		k->skip = 2;
	} else if (!spells(word, len, "copy") && !spells(word, len, "replace")) {
		k->flags |= BH_OP_PARTIAL;
	}
}

static void
took_word(struct redis_keys *k, const char *word, uint32_t len)
{
	switch (k->command->how) {
	case NUMKEYS:
		number(k, word, len);
		break;
	case STREAMS:
		streams_option(k, word, len);
		break;
	case SORT:
		sort_option(k, word, len);
		break;
	case MIGRATE:
		migrate_option(k, word, len);
		break;
	default:
		k->next_is_key = spells(word, len, "store") || spells(word, len, "storedist");
		break;
	}
}

bool
redis_keys_took(struct redis_keys *k, const char *word, uint32_t len)
{
	enum redis_want want = redis_keys_want(k, len);

	if (k->at == 0 || k->container) {
		if (!name_part(k, word, len))
			return false;
	} else if (k->skip != 0) {
		k->skip--;
	} else if (k->next_is_key) {
		k->next_is_key = false;
	} else if (want == REDIS_WORD) {
		took_word(k, word, len);
	}
	if (k->at == 3 && len == 0)
		k->empty = true;
	if (k->last != 0 && k->at >= k->last && k->at + 1 > k->first)
		k->known = true;
	k->at++;
	if (k->at != k->n_args)
		return true;
	k->known = true;
	/* without KEYS the empty key is a key */
	if (k->empty && !k->rest && k->command != NULL && k->command->how == MIGRATE)
		k->flags |= BH_OP_PARTIAL;
	return true;
}
