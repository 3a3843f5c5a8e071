/* "Did you mean": the nearest of the words that would have been right. */
#include "conf.h"

#define WORD_MAX 64

/* Optimal string alignment: edits, with a swap of neighbours as one. Three rows of the matrix. */
unsigned
bh_word_distance(const char *a, const char *b, unsigned max)
{
	size_t na = strnlen(a, WORD_MAX + 1), nb = strnlen(b, WORD_MAX + 1), i, j;
	unsigned rows[3][WORD_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2], *t;

	if (na > WORD_MAX || nb > WORD_MAX || (na > nb ? na - nb : nb - na) > max)
		return max + 1;
	memset(rows, 0, sizeof(rows));
	for (j = 0; j <= nb; j++)
		above[j] = (unsigned)j;
	for (i = 1; i <= na; i++) {
		row[0] = (unsigned)i;
		for (j = 1; j <= nb; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		t = before;
		before = above;
		above = row;
		row = t;
	}
	return above[nb] <= max ? above[nb] : max + 1;
}

void
bh_word_nearest(const char *given, const char *word, const char **best, unsigned *distance)
{
	/* A third of the letters, at least one: "polcy" is a slip of "policy", "x" of nothing. */
	size_t len = strlen(given);
	unsigned limit = len < 3 ? 1 : (unsigned)(len / 3), d;

	if (len < 2)
		return;
	if (*best != NULL && *distance <= limit)
		limit = *distance - 1;
	d = bh_word_distance(given, word, limit);
	if (d <= limit) {
		*best = word;
		*distance = d;
	}
}
