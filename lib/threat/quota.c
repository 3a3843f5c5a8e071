/* Quotas: what one source, destination or pair of segments may take. Token buckets of a second's depth, with hysteresis. */
#include <errno.h>
#include <stdlib.h>

#include "threat.h"

#define WAYS 4u
/* A datagram must fit, whatever the quota of bytes. */
#define BYTES_DEPTH 65536u
/* Over until a tenth of the bucket is full again: not one passes here and there. */
#define REFILL 10u
/* A quota that nothing was refused for in so long holds again. */
#define CALM_MS 1000u

struct bh_threat_accounts {
	struct bh_threat_account *account; /* (mask + 1) * WAYS */
	size_t size;
	uint32_t mask;
};

const char *
bh_threat_resource_name(unsigned resource)
{
	static const char *const names[BH_QUOTA_RESOURCES] = {"connections", "packets", "bytes",
							      "sessions"};

	return resource < BH_QUOTA_RESOURCES ? names[resource] : "invalid";
}

int
bh_threat_accounts_create(struct bh_threat_accounts **out, uint32_t accounts)
{
	struct bh_threat_accounts *t = calloc(1, sizeof(*t));
	uint32_t sets = 1;

	if (t == NULL)
		return -ENOMEM;
	while (sets * WAYS < accounts)
		sets *= 2;
	t->mask = sets - 1;
	t->size = (size_t)sets * WAYS * sizeof(*t->account);
	t->account = bh_mem_map(t->size, true, NULL);
	if (t->account == NULL) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void
bh_threat_accounts_destroy(struct bh_threat_accounts *t)
{
	if (t == NULL)
		return;
	bh_mem_unmap(t->account, t->size);
	free(t);
}

/* Who has sessions, or is over, keeps its account before others; of equals the one seen last. */
static bool
gives_way(const struct bh_threat_account *a, const struct bh_threat_account *b, uint32_t now_ms)
{
	uint32_t x = a->sessions + (a->over != 0), y = b->sessions + (b->over != 0);

	if (a->id == 0 || b->id == 0)
		return b->id != 0;
	return x != y ? x < y : now_ms - a->last_ms > now_ms - b->last_ms;
}

static uint64_t
depth(const struct bh_threat_quota *q, unsigned resource)
{
	uint64_t limit = q->limit[resource];

	return (resource == BH_QUOTA_BYTES && limit < BYTES_DEPTH ? BYTES_DEPTH : limit) * 1000;
}

struct bh_threat_account *
bh_threat_account_find(struct bh_threat_accounts *t, uint64_t id)
{
	struct bh_threat_account *set = &t->account[(id & t->mask) * WAYS];
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
	}
	return NULL;
}

struct bh_threat_account *
bh_threat_account_get(struct bh_threat_accounts *t, const struct bh_threat_quota *q, uint64_t id,
		      uint32_t now_ms)
{
	struct bh_threat_account *set = &t->account[(id & t->mask) * WAYS], *a = set;
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
		if (gives_way(&set[i], a, now_ms))
			a = &set[i];
	}
	*a = (struct bh_threat_account){.id = id, .last_ms = now_ms};
	for (i = 0; i < BH_QUOTA_RATES; i++)
		a->tokens[i] = depth(q, i);
	return a;
}

static void
refill(struct bh_threat_account *a, const struct bh_threat_quota *q, uint32_t now_ms)
{
	/* Tokens are thousandths: the limit a second is so many a millisecond. */
	uint64_t ms = now_ms - a->last_ms;
	unsigned i;

	if (ms == 0)
		return;
	/* After a day every bucket is full; more would overflow. */
	if (ms > 86400000)
		ms = 86400000;
	a->last_ms = now_ms;
	for (i = 0; i < BH_QUOTA_RATES; i++) {
		a->tokens[i] += ms * q->limit[i];
		if (a->tokens[i] > depth(q, i))
			a->tokens[i] = depth(q, i);
	}
}

static bool
refuse(struct bh_threat_account *a, unsigned resource, uint32_t now_ms)
{
	a->over |= (uint8_t)(1u << resource);
	a->refused_ms = now_ms;
	return false;
}

bool
bh_threat_quota_take(struct bh_threat_account *a, const struct bh_threat_quota *q,
		     unsigned resource, uint32_t n, uint32_t now_ms)
{
	const uint8_t bit = (uint8_t)(1u << resource);
	uint64_t want = (uint64_t)n * 1000;

	refill(a, q, now_ms);
	if (q->limit[resource] == 0)
		return true;
	if ((a->over & bit) != 0 && a->tokens[resource] < depth(q, resource) / REFILL)
		return refuse(a, resource, now_ms);
	if (a->tokens[resource] < want)
		return refuse(a, resource, now_ms);
	a->over &= (uint8_t)~bit;
	a->tokens[resource] -= want;
	return true;
}

bool
bh_threat_quota_session(struct bh_threat_account *a, const struct bh_threat_quota *q,
			uint32_t now_ms)
{
	const uint8_t bit = 1u << BH_QUOTA_SESSIONS;
	uint64_t limit = q->limit[BH_QUOTA_SESSIONS];

	if (limit == 0)
		return true;
	if ((a->over & bit) != 0)
		limit -= limit / REFILL;
	if (a->sessions >= limit)
		return refuse(a, BH_QUOTA_SESSIONS, now_ms);
	a->over &= (uint8_t)~bit;
	return true;
}

enum bh_threat_level
bh_threat_quota_level(struct bh_threat_account *a, uint32_t now_ms)
{
	bool recent = a->refused_ms != 0 && now_ms - a->refused_ms < CALM_MS;

	if (recent == a->told)
		return recent ? BH_THREAT_OVER : BH_THREAT_UNDER;
	/* Nothing refused since, but still over by its bucket: not yet. */
	if (!recent && a->over != 0)
		return BH_THREAT_OVER;
	a->told = recent;
	return recent ? BH_THREAT_RISES : BH_THREAT_FALLS;
}
