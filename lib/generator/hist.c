/* A histogram of fixed size over all of 64 bits. */
#include "generator.h"

void
bh_gen_hist_merge(struct bh_gen_hist *into, const struct bh_gen_hist *from)
{
	unsigned i;

	if (from->n == 0)
		return;
	for (i = 0; i < BH_GEN_HIST_BUCKETS; i++)
		into->count[i] += from->count[i];
	if (into->n == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->n += from->n;
	into->sum += from->sum;
}

/* The largest value of a bucket. */
static uint64_t
upper(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * BH_GEN_HIST_STEPS)
		return bucket;
	shift = bucket / BH_GEN_HIST_STEPS - 1;
	return ((uint64_t)(BH_GEN_HIST_STEPS + bucket % BH_GEN_HIST_STEPS + 1) << shift) - 1;
}

uint64_t
bh_gen_hist_percentile(const struct bh_gen_hist *h, double share)
{
	uint64_t want, sum = 0;
	unsigned i;

	if (h->n == 0)
		return 0;
	want = (uint64_t)(share * (double)h->n);
	if ((double)want < share * (double)h->n)
		want++;
	if (want == 0)
		want = 1;
	for (i = 0; i < BH_GEN_HIST_BUCKETS - 1; i++) {
		sum += h->count[i];
		if (sum >= want)
			break;
	}
	return upper(i) < h->max ? upper(i) : h->max;
}
