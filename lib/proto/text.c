/* Text questions that many detectors ask of the first bytes of a side. */
#include <emmintrin.h>

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

/* Where a needle of n bytes may begin in the 16 places from p on, as bits: its first and its last byte are there, but for
 * bit 5, by which the cases of a letter differ. */
static inline unsigned
may_begin(const uint8_t *p, uint32_t n, __m128i first, __m128i last)
{
	const __m128i bit5 = _mm_set1_epi8(0x20);
	__m128i a = _mm_loadu_si128((const __m128i *)p);
	__m128i b = _mm_loadu_si128((const __m128i *)(p + n - 1));

	a = _mm_cmpeq_epi8(_mm_or_si128(a, bit5), first);
	b = _mm_cmpeq_epi8(_mm_or_si128(b, bit5), last);
	return (unsigned)_mm_movemask_epi8(_mm_and_si128(a, b));
}

int
bh_proto_find(const struct bh_proto_input *in, unsigned side, const char *needle, uint32_t n,
	      uint32_t limit)
{
	uint32_t len = in->len[side], places, i = 0;
	const uint8_t *p = in->data[side];
	__m128i first, last;
	unsigned hits;

	if (len > limit)
		len = limit;
	if (len < n)
		return -1;
	places = len - n + 1;
	first = _mm_set1_epi8((char)(needle[0] | 0x20));
	last = _mm_set1_epi8((char)(needle[n - 1] | 0x20));
	/* The last 16 places overlap with those before them, which hold none. */
	for (; places >= 16 && i < places; i += 16) {
		uint32_t from = i + 16 <= places ? i : places - 16;

		for (hits = may_begin(p + from, n, first, last); hits != 0; hits &= hits - 1) {
			uint32_t at = from + (uint32_t)__builtin_ctz(hits);

			if (same_nocase(p + at, needle, n))
				return (int)at;
		}
	}
	for (; i < places; i++) {
		if (((p[i] ^ (uint8_t)needle[0]) & 0xdf) == 0 && same_nocase(p + i, needle, n))
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
		const char *want = paths[i];
		uint32_t k = at;

		/* All of them begin with a slash: most are told apart by what comes next. */
		if (n - at > 1 && want[1] != '\0' && p[at + 1] != (uint8_t)want[1])
			continue;
		for (; *want != '\0' && k < n && p[k] == (uint8_t)*want; k++)
			want++;
		if (*want == '\0')
			return BH_PROTO_YES;
		if (k == n)
			best = bh_proto_wants_more(in, BH_CLIENT);
	}
	return best;
}
