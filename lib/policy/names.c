/* Names that keep their number for ever, so that an old record still finds its words. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

#define CHUNK 4096
#define CHUNKS 4096 /* 16 Mi names */

struct bh_names {
	/* Entries never move and are written once, before n counts them (release / acquire). */
	const char **chunk[CHUNKS];
	uint32_t n;
	/* the model's alone */
	uint32_t *cell; /* BH_NONE = free */
	uint32_t mask;
	struct bh_hash_key hash_key;
};

int
bh_names_create(struct bh_names **out, const struct bh_hash_key *key)
{
	struct bh_names *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	n->hash_key = *key;
	n->mask = 1023;
	n->cell = malloc((n->mask + 1) * sizeof(*n->cell));
	if (n->cell == NULL) {
		free(n);
		return -ENOMEM;
	}
	memset(n->cell, 0xff, (n->mask + 1) * sizeof(*n->cell));
	*out = n;
	return 0;
}

void
bh_names_destroy(struct bh_names *n)
{
	uint32_t i;

	if (n == NULL)
		return;
	for (i = 0; i < n->n; i++)
		free((char *)n->chunk[i / CHUNK][i % CHUNK]);
	for (i = 0; i < CHUNKS; i++)
		free(n->chunk[i]);
	free(n->cell);
	free(n);
}

static const char *
name_at(const struct bh_names *n, uint32_t id)
{
	return n->chunk[id / CHUNK][id % CHUNK];
}

const char *
bh_names_text(const struct bh_names *n, uint32_t id)
{
	return id < __atomic_load_n(&n->n, __ATOMIC_ACQUIRE) ? name_at(n, id) : "";
}

/* The cell that holds the text, or the free one where it belongs. */
static uint32_t *
find_cell(const struct bh_names *n, const char *text)
{
	uint32_t i = (uint32_t)bh_hash_bytes(&n->hash_key, text, strlen(text)) & n->mask;

	while (n->cell[i] != BH_NONE && strcmp(name_at(n, n->cell[i]), text) != 0)
		i = (i + 1) & n->mask;
	return &n->cell[i];
}

uint32_t
bh_names_find(const struct bh_names *n, const char *text)
{
	return *find_cell(n, text);
}

static int
names_grow(struct bh_names *n)
{
	uint32_t *old = n->cell, i, size = 2 * (n->mask + 1);
	uint32_t *cell = malloc(size * sizeof(*cell));

	if (cell == NULL)
		return -ENOMEM;
	memset(cell, 0xff, size * sizeof(*cell));
	n->cell = cell;
	n->mask = size - 1;
	for (i = 0; i < n->n; i++)
		*find_cell(n, name_at(n, i)) = i;
	free(old);
	return 0;
}

int
bh_names_intern(struct bh_names *n, const char *text, uint32_t *id)
{
	uint32_t *cell = find_cell(n, text);
	char *copy;

	if (*cell != BH_NONE) {
		*id = *cell;
		return 0;
	}
	if (n->n == CHUNK * CHUNKS || (n->n * 2 > n->mask && names_grow(n) != 0))
		return -ENOMEM;
	if (n->chunk[n->n / CHUNK] == NULL) {
		n->chunk[n->n / CHUNK] = calloc(CHUNK, sizeof(char *));
		if (n->chunk[n->n / CHUNK] == NULL)
			return -ENOMEM;
	}
	copy = strdup(text);
	if (copy == NULL)
		return -ENOMEM;
	*find_cell(n, text) = n->n;
	n->chunk[n->n / CHUNK][n->n % CHUNK] = copy;
	*id = n->n;
	__atomic_store_n(&n->n, n->n + 1, __ATOMIC_RELEASE);
	return 0;
}
