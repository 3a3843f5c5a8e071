/* Text to number: names of a document while it is read or compared. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

int
bh_strmap_init(struct bh_strmap *m, const struct bh_hash_key *key, size_t n)
{
	uint32_t size = 16;

	while (size < 2 * n)
		size *= 2;
	*m = (struct bh_strmap){.hash_key = key, .mask = size - 1};
	m->cell = calloc(size, sizeof(*m->cell));
	return m->cell != NULL ? 0 : -ENOMEM;
}

static struct bh_strmap_cell *
find(const struct bh_strmap *m, const char *text)
{
	uint32_t i = (uint32_t)bh_hash_bytes(m->hash_key, text, strlen(text)) & m->mask;

	while (m->cell[i].text != NULL && strcmp(m->cell[i].text, text) != 0)
		i = (i + 1) & m->mask;
	return &m->cell[i];
}

static int
grow(struct bh_strmap *m)
{
	struct bh_strmap bigger;
	uint32_t i;

	if (bh_strmap_init(&bigger, m->hash_key, m->mask + 1) != 0)
		return -ENOMEM;
	for (i = 0; i <= m->mask; i++) {
		if (m->cell[i].text != NULL)
			*find(&bigger, m->cell[i].text) = m->cell[i];
	}
	bigger.n = m->n;
	free(m->cell);
	*m = bigger;
	return 0;
}

int
bh_strmap_add(struct bh_strmap *m, const char *text, uint32_t value, uint32_t *old)
{
	struct bh_strmap_cell *c;

	if (m->n * 4 > m->mask * 3 && grow(m) != 0)
		return -ENOMEM;
	c = find(m, text);
	*old = c->text != NULL ? c->value : BH_NONE;
	if (c->text == NULL) {
		*c = (struct bh_strmap_cell){.text = text, .value = value};
		m->n++;
	}
	return 0;
}

uint32_t
bh_strmap_get(const struct bh_strmap *m, const char *text)
{
	const struct bh_strmap_cell *c = find(m, text);

	return c->text != NULL ? c->value : BH_NONE;
}

void
bh_strmap_free(struct bh_strmap *m)
{
	free(m->cell);
	m->cell = NULL;
}
