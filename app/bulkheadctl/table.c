/* table: columns that fit the terminal. Widths are counted in characters of UTF-8, one column each. */
#include <stdlib.h>

#include "ctl.h"

#define TABLE_GAP 2
#define TABLE_LEAST 8 /* a SHRINK column is not cut below this */

void
bh_ctl_table_column(struct bh_ctl_table *t, const char *head, unsigned flags)
{
	if (t->n_cols == BH_TABLE_MAX_COLS) {
		t->failed = true;
		return;
	}
	t->head[t->n_cols] = head;
	t->flags[t->n_cols++] = flags;
}

void
bh_ctl_table_cell(struct bh_ctl_table *t, const char *text)
{
	char *copy = strdup(text);

	if (t->n_cells == t->cap) {
		size_t cap = t->cap != 0 ? t->cap * 2 : 64;
		char **cell = realloc(t->cell, cap * sizeof(*cell));

		if (cell == NULL) {
			free(copy);
			copy = NULL;
		} else {
			t->cell = cell;
			t->cap = cap;
		}
	}
	if (copy == NULL) {
		t->failed = true;
		return;
	}
	bh_ctl_clean(copy);
	t->cell[t->n_cells++] = copy;
}

void
bh_ctl_table_printf(struct bh_ctl_table *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bh_ctl_table_cell(t, text);
}

/* Characters: bytes that do not continue one. */
static unsigned
text_width(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first `width` characters. */
static size_t
text_bytes(const char *s, unsigned width)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		if (((unsigned char)s[i] & 0xc0) == 0x80)
			continue;
		if (width-- == 0)
			break;
	}
	return i;
}

static void
table_measure(const struct bh_ctl_table *t, unsigned width[])
{
	unsigned w;
	size_t i;

	for (i = 0; i < t->n_cols; i++)
		width[i] = text_width(t->head[i]);
	for (i = 0; i < t->n_cells; i++) {
		w = text_width(t->cell[i]);
		if (w > width[i % t->n_cols])
			width[i % t->n_cols] = w;
	}
}

/* Take one character after the other from whichever SHRINK column is the widest. */
static void
table_fit(const struct bh_ctl_table *t, unsigned width[], unsigned limit)
{
	unsigned total = 0, i, widest;

	for (i = 0; i < t->n_cols; i++)
		total += width[i] + (i != 0 ? TABLE_GAP : 0);
	for (; limit != 0 && total > limit; total--) {
		widest = UINT32_MAX;
		for (i = 0; i < t->n_cols; i++) {
			if ((t->flags[i] & BH_COL_SHRINK) != 0 && width[i] > TABLE_LEAST &&
			    (widest == UINT32_MAX || width[i] > width[widest]))
				widest = i;
		}
		if (widest == UINT32_MAX)
			return;
		width[widest]--;
	}
}

/* SGR colour of a word that is good or bad news, or NULL. */
static const char *
word_colour(const char *word)
{
	static const char good[] = "allow up ok", bad[] = "deny reject down degraded",
			  odd[] = "violate held-down";

	if (bh_ctl_word_in(word, good))
		return "32";
	if (bh_ctl_word_in(word, bad))
		return "31";
	return bh_ctl_word_in(word, odd) ? "33" : NULL;
}

struct table_place {
	unsigned width, flags;
	bool last, colour;
};

static void
table_put(FILE *out, const char *text, const struct table_place *p)
{
	const char *colour = p->colour ? word_colour(text) : NULL;
	unsigned w = text_width(text), pad;
	bool cut = w > p->width;

	if (cut)
		w = p->width;
	pad = p->width - w;
	if ((p->flags & BH_COL_RIGHT) != 0)
		fprintf(out, "%*s", (int)pad, "");
	if (colour != NULL)
		fprintf(out, "\033[%sm", colour);
	if (cut)
		fprintf(out, "%.*s~", (int)text_bytes(text, w - 1), text);
	else
		fputs(text, out);
	if (colour != NULL)
		fputs("\033[0m", out);
	if ((p->flags & BH_COL_RIGHT) == 0 && !p->last)
		fprintf(out, "%*s", (int)pad, "");
	fprintf(out, "%*s", p->last ? 0 : TABLE_GAP, "");
}

void
bh_ctl_table_print(const struct bh_ctl_table *t, const struct bh_ctl *ctl)
{
	unsigned width[BH_TABLE_MAX_COLS], c;
	size_t i;

	if (t->failed || t->n_cols == 0) {
		fprintf(ctl->err, "bulkheadctl: out of memory\n");
		return;
	}
	table_measure(t, width);
	table_fit(t, width, ctl->width);
	for (i = 0; i < t->n_cols + t->n_cells; i++) {
		c = (unsigned)(i % t->n_cols);
		table_put(ctl->out, i < t->n_cols ? t->head[c] : t->cell[i - t->n_cols],
			  &(struct table_place){
				  .width = width[c],
				  .flags = t->flags[c],
				  .last = c == t->n_cols - 1,
				  .colour = ctl->colour && i >= t->n_cols &&
					    (t->flags[c] & BH_COL_COLOUR) != 0,
			  });
		if (c == t->n_cols - 1)
			fputc('\n', ctl->out);
	}
}

void
bh_ctl_table_free(struct bh_ctl_table *t)
{
	size_t i;

	for (i = 0; i < t->n_cells; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct bh_ctl_table){0};
}
