/* Lists and names in the memory of a load. */
#include <errno.h>
#include <stdlib.h>

#include "signature_priv.h"

char *
bh_sig_printf(struct bh_arena *a, const char *fmt, ...)
{
	struct bh_buf b = {0};
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (!b.failed)
		text = bh_arena_text(a, b.data != NULL ? b.data : "", b.len);
	bh_buf_free(&b);
	return text;
}

static uint32_t
hash_text(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

static struct bh_sig_cell *
cell_of(const struct bh_sig_names *m, const char *text)
{
	uint32_t i = hash_text(text) & m->mask;

	while (m->cell[i].text != NULL && strcmp(m->cell[i].text, text) != 0)
		i = (i + 1) & m->mask;
	return &m->cell[i];
}

static int
grow(struct bh_sig_names *m)
{
	uint32_t cells = m->cell != NULL ? 2 * (m->mask + 1) : 64, i;
	struct bh_sig_names g = {.mask = cells - 1, .n = m->n};

	g.cell = calloc(cells, sizeof(*g.cell));
	if (g.cell == NULL)
		return -ENOMEM;
	for (i = 0; m->cell != NULL && i <= m->mask; i++) {
		if (m->cell[i].text != NULL)
			*cell_of(&g, m->cell[i].text) = m->cell[i];
	}
	free(m->cell);
	*m = g;
	return 0;
}

void **
bh_sig_name(struct bh_sig_names *m, const char *text, bool *fresh)
{
	struct bh_sig_cell *c;

	/* At most half full. */
	if ((m->cell == NULL || 2 * (m->n + 1) > m->mask) && grow(m) != 0)
		return NULL;
	c = cell_of(m, text);
	*fresh = c->text == NULL;
	if (*fresh) {
		c->text = text;
		m->n++;
	}
	return &c->value;
}

void *
bh_sig_name_get(const struct bh_sig_names *m, const char *text)
{
	return m->cell != NULL ? cell_of(m, text)->value : NULL;
}

bool
bh_sig_name_has(const struct bh_sig_names *m, const char *text)
{
	return m->cell != NULL && cell_of(m, text)->text != NULL;
}

void
bh_sig_names_free(struct bh_sig_names *m)
{
	free(m->cell);
	*m = (struct bh_sig_names){0};
}
