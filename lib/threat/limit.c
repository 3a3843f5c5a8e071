/* How often is it told? One alert of a threat and source in a time; what was left out is counted. */
#include <errno.h>
#include <stdlib.h>

#include "threat.h"

#define WAYS 4u

struct told {
	uint64_t id;     /* 0: free */
	uint32_t at_ms;  /* of the last one that was told */
	uint32_t missed; /* since */
};

struct bh_threat_limit {
	struct told *told; /* (mask + 1) * WAYS */
	uint32_t mask;
};

int
bh_threat_limit_create(struct bh_threat_limit **out, uint32_t entries)
{
	struct bh_threat_limit *l = calloc(1, sizeof(*l));
	uint32_t sets = 1;

	if (l == NULL)
		return -ENOMEM;
	while (sets * WAYS < entries)
		sets *= 2;
	l->mask = sets - 1;
	l->told = calloc((size_t)sets * WAYS, sizeof(*l->told));
	if (l->told == NULL) {
		free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void
bh_threat_limit_destroy(struct bh_threat_limit *l)
{
	if (l == NULL)
		return;
	free(l->told);
	free(l);
}

bool
bh_threat_limit_tell(struct bh_threat_limit *l, uint64_t id, uint32_t now_ms, uint32_t every_ms,
		     uint32_t *missed)
{
	struct told *set = &l->told[(id & l->mask) * WAYS], *oldest = set;
	unsigned i;

	*missed = 0;
	for (i = 0; i < WAYS; i++) {
		struct told *t = &set[i];

		if (t->id == id) {
			if (now_ms - t->at_ms < every_ms) {
				t->missed += t->missed != UINT32_MAX;
				return false;
			}
			*missed = t->missed;
			t->missed = 0;
			t->at_ms = now_ms;
			return true;
		}
		if (oldest->id != 0 && (t->id == 0 || now_ms - t->at_ms > now_ms - oldest->at_ms))
			oldest = t;
	}
	*oldest = (struct told){.id = id, .at_ms = now_ms};
	return true;
}
