/* Which flow is next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "generator.h"

/* Vose: places with less than their share are filled up from those with more. Doubles are exact enough: a place's error is
 * below n * 2^-53. */
static void
fill(struct bh_gen_zipf *z, double *share, uint32_t *stack)
{
	uint32_t small = 0, large = z->n, i;

	for (i = 0; i < z->n; i++) {
		if (share[i] < 1.0)
			stack[small++] = i;
		else
			stack[--large] = i;
	}
	while (small > 0 && large < z->n) {
		uint32_t s = stack[--small], l = stack[large];

		z->keep[s] = (uint32_t)(share[s] * 4294967295.0);
		z->alias[s] = l;
		share[l] -= 1.0 - share[s];
		if (share[l] < 1.0) {
			large++;
			stack[small++] = l;
		}
	}
	while (small > 0) {
		i = stack[--small];
		z->keep[i] = UINT32_MAX;
		z->alias[i] = i;
	}
	for (; large < z->n; large++) {
		i = stack[large];
		z->keep[i] = UINT32_MAX;
		z->alias[i] = i;
	}
}

int
bh_gen_zipf_init(struct bh_gen_zipf *z, uint32_t n, double s)
{
	double *share = malloc(n * sizeof(*share)), sum = 0;
	uint32_t *stack = malloc(n * sizeof(*stack)), i;
	int rc = -ENOMEM;

	z->n = n;
	z->keep = malloc(n * sizeof(*z->keep));
	z->alias = malloc(n * sizeof(*z->alias));
	if (share == NULL || stack == NULL || z->keep == NULL || z->alias == NULL)
		goto out;
	for (i = 0; i < n; i++) {
		share[i] = pow((double)i + 1, -s);
		sum += share[i];
	}
	for (i = 0; i < n; i++)
		share[i] *= n / sum;
	fill(z, share, stack);
	rc = 0;
out:
	free(share);
	free(stack);
	if (rc < 0)
		bh_gen_zipf_free(z);
	return rc;
}

void
bh_gen_zipf_free(struct bh_gen_zipf *z)
{
	free(z->keep);
	free(z->alias);
	memset(z, 0, sizeof(*z));
}

int
bh_gen_pattern_parse(const char *text, enum bh_gen_pattern *pattern, double *s, struct bh_err *err)
{
	char *end;

	*s = 1;
	if (strcmp(text, "uniform") == 0) {
		*pattern = BH_GEN_UNIFORM;
		return 0;
	}
	if (strcmp(text, "sequential") == 0) {
		*pattern = BH_GEN_SEQUENTIAL;
		return 0;
	}
	*pattern = BH_GEN_ZIPF;
	if (strcmp(text, "zipf") == 0)
		return 0;
	if (strncmp(text, "zipf:", 5) == 0) {
		*s = strtod(text + 5, &end);
		if (end != text + 5 && *end == '\0' && *s >= 0.1 && *s <= 10)
			return 0;
	}
	return bh_err_set(
		err, EINVAL,
		"pattern: '%s' is neither uniform nor sequential nor zipf:S (S from 0.1 to "
		"10)",
		text);
}
