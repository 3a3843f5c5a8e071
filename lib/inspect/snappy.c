/* snappy.h: a length, then literals and copies of what came out before. */
#include "snappy.h"

enum stage { LENGTH, TAG, MORE, LITERAL, COPY };
enum { IS_LITERAL, COPY_1, COPY_2, COPY_4 };

static uint8_t
take(struct bh_view *in)
{
	in->len--;
	return *in->at++;
}

static uint32_t
some(const struct bh_snappy *s)
{
	uint32_t v = 0;
	unsigned i;

	for (i = s->have; i-- > 0;)
		v = v << 8 | s->some[i];
	return v;
}

/* Tag and the bytes that belong to it are there. False: what it asks for is not. */
static bool
element(struct bh_snappy *s)
{
	unsigned high = s->tag >> 2;

	s->stage = (s->tag & 3) == IS_LITERAL ? LITERAL : COPY;
	switch (s->tag & 3) {
	case IS_LITERAL:
		s->run = s->need > 0 ? some(s) : high;
		if (s->run == UINT32_MAX)
			return false;
		s->run++;
		break;
	case COPY_1:
		s->run = 4 + (high & 7);
		s->offset = (high >> 3) << 8 | some(s);
		break;
	default:
		s->run = 1 + high;
		s->offset = some(s);
	}
	if (s->run > s->left)
		return false;
	return s->stage == LITERAL ||
	       (s->offset > 0 && s->offset <= s->done && s->offset <= BH_SNAPPY_WINDOW);
}

static void
begin(struct bh_snappy *s, uint8_t tag)
{
	static const uint8_t need[] = {0, 1, 2, 4};

	s->tag = tag;
	s->have = 0;
	s->need = (tag & 3) != IS_LITERAL ? need[tag & 3] : tag >> 2 < 60 ? 0 : (tag >> 2) - 59;
	s->stage = MORE;
}

static bool
length(struct bh_snappy *s, uint8_t c)
{
	if (s->shift > 28)
		return false;
	s->left |= (uint64_t)(c & 0x7f) << s->shift;
	s->shift += 7;
	if (c < 0x80)
		s->stage = TAG;
	return true;
}

static void
put(struct bh_snappy *s, uint8_t c, uint8_t *out)
{
	*out = s->window[s->done++ % BH_SNAPPY_WINDOW] = c;
	s->left--;
	if (--s->run == 0)
		s->stage = TAG;
}

size_t
bh_snappy_step(struct bh_snappy *s, struct bh_view *in, uint8_t *out, size_t cap, bool *bad)
{
	size_t n = 0;

	*bad = false;
	while (n < cap && !*bad) {
		if (s->stage == COPY) {
			put(s, s->window[(s->done - s->offset) % BH_SNAPPY_WINDOW], out + n++);
			continue;
		}
		if (s->stage == MORE && s->have == s->need) {
			*bad = !element(s);
			continue;
		}
		if (in->len == 0)
			break;
		switch (s->stage) {
		case LENGTH:
			*bad = !length(s, take(in));
			break;
		case TAG:
			*bad = s->left == 0;
			begin(s, take(in));
			break;
		case MORE:
			s->some[s->have++] = take(in);
			break;
		case LITERAL:
			put(s, take(in), out + n++);
			break;
		}
	}
	return n;
}
