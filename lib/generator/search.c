/* The fastest rate without loss, by halves. */
#include "generator.h"

void
bh_gen_search_init(struct bh_gen_search *s, double most, double precision)
{
	memset(s, 0, sizeof(*s));
	s->high = most;
	s->precision = precision;
	s->first = true;
}

double
bh_gen_search_next(const struct bh_gen_search *s)
{
	if (s->trials >= BH_GEN_SEARCH_TRIALS || s->high <= 0)
		return 0;
	if (s->first)
		return s->high;
	if (s->high - s->low <= s->precision * s->high)
		return 0;
	return (s->low + s->high) / 2;
}

void
bh_gen_search_result(struct bh_gen_search *s, double rate, double offered, bool passed)
{
	s->trials++;
	s->first = false;
	if (passed && offered > s->best)
		s->best = offered;
	if (!passed) {
		/* What the generator could not offer says nothing about rates above what it did. */
		s->high = offered < rate ? offered : rate;
		return;
	}
	s->low = rate;
	if (offered < rate)
		s->high = s->low;
	else if (rate >= s->high)
		s->high = rate;
}
