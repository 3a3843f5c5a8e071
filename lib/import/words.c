/* Text -> number, by a hash that is the same everywhere. */
#include <stdlib.h>

#include "import_priv.h"

uint64_t
bh_import_hash(const char *text, uint64_t seed)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed; /* FNV-1a, 64 bits */

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* The cell of a text, or the free one where it belongs. Texts come from a person's own files: no
 * secret is needed against collisions made on purpose. */
static struct bh_word_cell *
find(struct bh_word_cell *cell, uint32_t mask, const char *text)
{
	uint64_t h = bh_import_hash(text, 0);
	uint32_t i = (uint32_t)(h ^ h >> 32) & mask;

	while (cell[i].text != NULL && strcmp(cell[i].text, text) != 0)
		i = (i + 1) & mask;
	return &cell[i];
}

static bool
grow(struct bh_words *w)
{
	uint32_t mask = w->cell == NULL ? 255 : 2 * w->mask + 1, i;
	struct bh_word_cell *cell = calloc(mask + 1, sizeof(*cell));

	if (cell == NULL)
		return false;
	for (i = 0; w->cell != NULL && i <= w->mask; i++) {
		if (w->cell[i].text != NULL)
			*find(cell, mask, w->cell[i].text) = w->cell[i];
	}
	free(w->cell);
	w->cell = cell;
	w->mask = mask;
	return true;
}

uint32_t *
bh_words_at(struct bh_words *w, const char *text, uint32_t value, bool *fresh)
{
	struct bh_word_cell *c;

	if ((w->cell == NULL || 2 * w->n > w->mask) && !grow(w))
		return NULL;
	c = find(w->cell, w->mask, text);
	*fresh = c->text == NULL;
	if (*fresh) {
		*c = (struct bh_word_cell){text, value};
		w->n++;
	}
	return &c->value;
}

void
bh_words_free(struct bh_words *w)
{
	free(w->cell);
	*w = (struct bh_words){0};
}
