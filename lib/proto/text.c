/* Text questions that many detectors ask of the first bytes of a side. */
#include "proto_priv.h"

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static enum bh_proto_answer
spells(const struct bh_proto_input *in, unsigned side, const char *text, bool fold)
{
	const uint8_t *p = in->data[side];
	uint32_t i;

	for (i = 0; text[i] != '\0'; i++) {
		uint8_t want = (uint8_t)text[i];

		if (i == in->len[side])
			return bh_proto_wants_more(in, side);
		if (fold ? lower(p[i]) != lower(want) : p[i] != want)
			return BH_PROTO_NO;
	}
	return BH_PROTO_YES;
}

enum bh_proto_answer
bh_proto_spells(const struct bh_proto_input *in, unsigned side, const char *text)
{
	return spells(in, side, text, false);
}

enum bh_proto_answer
bh_proto_spells_nocase(const struct bh_proto_input *in, unsigned side, const char *text)
{
	return spells(in, side, text, true);
}

int
bh_proto_line(const struct bh_proto_input *in, unsigned side, uint32_t *end)
{
	const uint8_t *p = in->data[side], *lf;

	lf = in->len[side] != 0 ? memchr(p, '\n', in->len[side]) : NULL;
	if (lf == NULL)
		return -1;
	*end = (uint32_t)(lf - p) + 1;
	return (int)(lf - p) - (lf > p && lf[-1] == '\r');
}

bool
bh_proto_printable(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] > 0x7e)
			return false;
	}
	return true;
}

static bool
same_nocase(const uint8_t *p, const char *text, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && lower(p[i]) == lower((uint8_t)text[i]); i++)
		;
	return i == n;
}

/* A byte of the needle that has one case only is looked for by memchr; a word of letters, letter by letter. */
int
bh_proto_find_nocase(const struct bh_proto_input *in, unsigned side, const char *needle,
		     uint32_t limit)
{
	uint32_t n = (uint32_t)strlen(needle), len = in->len[side], at, i;
	const uint8_t *p = in->data[side], *hit;

	if (len > limit)
		len = limit;
	if (len < n)
		return -1;
	for (at = 0;
	     at < n && lower((uint8_t)needle[at]) >= 'a' && lower((uint8_t)needle[at]) <= 'z';)
		at++;
	for (i = 0; i + n <= len; i++) {
		if (at < n) {
			hit = memchr(p + i + at, needle[at], len - n + 1 - i);
			if (hit == NULL)
				return -1;
			i = (uint32_t)(hit - p) - at;
		}
		if (same_nocase(p + i, needle, n))
			return (int)i;
	}
	return -1;
}

enum bh_proto_answer
bh_proto_path(const struct bh_proto_input *in, const char *const paths[])
{
	const uint8_t *p = in->data[BH_CLIENT], *space;
	uint32_t n = in->len[BH_CLIENT], at;
	enum bh_proto_answer best = BH_PROTO_NO;
	size_t i;

	/* The method is a word. */
	space = n != 0 ? memchr(p, ' ', n < 24 ? n : 24) : NULL;
	if (space == NULL)
		return n < 24 ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
	at = (uint32_t)(space - p) + 1;
	for (i = 0; paths[i] != NULL; i++) {
		uint32_t k = (uint32_t)strlen(paths[i]);

		if (n - at >= k && memcmp(p + at, paths[i], k) == 0)
			return BH_PROTO_YES;
		if (n - at < k && memcmp(p + at, paths[i], n - at) == 0)
			best = bh_proto_wants_more(in, BH_CLIENT);
	}
	return best;
}
