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

int
bh_proto_find_nocase(const struct bh_proto_input *in, unsigned side, const char *needle,
		     uint32_t limit)
{
	uint32_t n = (uint32_t)strlen(needle), len = in->len[side], i, j;

	if (len > limit)
		len = limit;
	for (i = 0; i + n <= len; i++) {
		for (j = 0; j < n && lower(in->data[side][i + j]) == lower((uint8_t)needle[j]); j++)
			;
		if (j == n)
			return (int)i;
	}
	return -1;
}
