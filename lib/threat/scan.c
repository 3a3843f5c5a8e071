/* How many different things has a source tried? A bitmap of 512 for each, by linear counting (Whang et al. 1990). */
#include <errno.h>
#include <stdlib.h>

#include "threat.h"

#define WAYS 4u
#define BITS 512u

struct record {
	uint64_t id; /* 0: free */
	uint32_t start_ms, seen_ms;
	uint32_t n; /* bits that are set */
	uint32_t spare[11];
	uint64_t bit[BITS / 64];
};
_Static_assert(sizeof(struct record) == 128, "8 + 12 + 44 + 64, two lines");

struct bh_threat_scans {
	struct record *record; /* (mask + 1) * WAYS */
	size_t size;
	uint32_t mask;
};

int
bh_threat_scans_create(struct bh_threat_scans **out, uint32_t records)
{
	struct bh_threat_scans *s = calloc(1, sizeof(*s));
	uint32_t sets = 1;

	if (s == NULL)
		return -ENOMEM;
	while (sets * WAYS < records)
		sets *= 2;
	s->mask = sets - 1;
	s->size = (size_t)sets * WAYS * sizeof(*s->record);
	s->record = bh_mem_map(s->size, true, NULL);
	if (s->record == NULL) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void
bh_threat_scans_destroy(struct bh_threat_scans *s)
{
	if (s == NULL)
		return;
	bh_mem_unmap(s->record, s->size);
	free(s);
}

/* In a full set, who tried least gives way, of equals the one seen longest ago. */
static struct record *
get(struct bh_threat_scans *s, uint64_t id, uint32_t now_ms, uint32_t window_ms)
{
	struct record *set = &s->record[(id & s->mask) * WAYS], *least = set;
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		struct record *r = &set[i];

		if (r->id == id && now_ms - r->start_ms < window_ms)
			return r;
		if (r->id == id || r->id == 0 || now_ms - r->seen_ms >= window_ms) {
			least = r;
			if (r->id == id)
				break;
		} else if (least->id != 0 && now_ms - least->seen_ms < window_ms &&
			   (r->n < least->n ||
			    (r->n == least->n && now_ms - r->seen_ms > now_ms - least->seen_ms))) {
			least = r;
		}
	}
	memset(least, 0, sizeof(*least));
	least->id = id;
	least->start_ms = now_ms;
	return least;
}

/* -BITS * ln(1 - n / BITS), as a sum of BITS / (BITS - i): what it takes to set n bits. */
static uint32_t
estimate(uint32_t n)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += (uint64_t)BITS * 1024 / (BITS - i);
	return (uint32_t)((sum + 512) / 1024);
}

uint32_t
bh_threat_scan_try(struct bh_threat_scans *s, uint64_t id, uint64_t what, uint32_t now_ms,
		   uint32_t window_ms)
{
	struct record *r = get(s, id, now_ms, window_ms);
	uint32_t at = (uint32_t)(bh_mum(what ^ id, UINT64_C(0x9e3779b97f4a7c15)) % BITS);
	uint64_t bit = UINT64_C(1) << (at % 64);

	r->seen_ms = now_ms;
	if ((r->bit[at / 64] & bit) != 0)
		return 0;
	r->bit[at / 64] |= bit;
	r->n++;
	return estimate(r->n);
}
