/* Data in names: who asks for many names of one domain, none twice, sends it what is in them. Counted by source and
 * registered domain in a table of fixed size; no name is kept, a filter of 512 bits tells old from new.
 *
 * What ordinary traffic does is left out or stays below: reverse look-ups and lists by address (labels of digits or single
 * hexadecimal digits), names below .local and .arpa, names of clusters and directories (few), of content networks (short). */
#include <errno.h>
#include <stdlib.h>

#include "app_priv.h"

#define WAYS 4u
#define FILTER_WORDS 8u
/* Mean length of what comes before the domain. Where answers carry text, or names again, it may be short if it looks like
 * digits or is one long label; where they are addresses, it must be longer than names of services get. */
#define MEAN_RICH 12u
#define MEAN_PLAIN 60u
#define LONG_LABEL 25u

enum {
	TYPE_CNAME = 5,
	TYPE_NULL = 10,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_KEY = 25,
	TYPE_PRIVATE = 65399
};

struct entry {
	uint64_t key;
	uint32_t since_ms;
	uint32_t names, rich, asked;
	uint32_t bytes, longest, digits;
	bool used;
	uint64_t filter[FILTER_WORDS];
};

struct bh_threat_tunnels {
	uint32_t sets; /* power of two */
	struct entry *entry;
};

/* What is counted of a name. */
struct parts {
	const char *domain; /* with its registrar's suffix */
	uint32_t sub;       /* bytes before it, without the dot */
	uint32_t longest, digits;
};

int
bh_threat_tunnels_create(struct bh_threat_tunnels **out, uint32_t entries)
{
	struct bh_threat_tunnels *t;

	if (entries < 2 * WAYS || (entries & (entries - 1)) != 0)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->sets = entries / WAYS;
	t->entry = bh_mem_map(entries * sizeof(*t->entry), false, NULL);
	if (t->entry == NULL) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void
bh_threat_tunnels_destroy(struct bh_threat_tunnels *t)
{
	if (t == NULL)
		return;
	bh_mem_unmap(t->entry, (size_t)t->sets * WAYS * sizeof(*t->entry));
	free(t);
}

/* FNV-1a; the key of the table is mixed in by whoever made the source's hash. */
static uint64_t
hash(const char *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (n-- != 0)
		h = (h ^ (uint8_t)*p++) * UINT64_C(0x100000001b3);
	return bh_mum(h, UINT64_C(0x9e3779b97f4a7c15));
}

static bool
ends_in(const struct bh_threat_question *q, const char *suffix)
{
	size_t n = strlen(suffix);

	return q->n > n && q->name[q->n - n - 1] == '.' &&
	       memcmp(q->name + q->n - n, suffix, n) == 0;
}

/* Two labels, or three where the second is what countries register below (co.uk, com.au, ac.jp). */
static const char *
registered(const struct bh_threat_question *q)
{
	const char *dot[3] = {NULL}, *p = q->name + q->n;
	unsigned n = 0;

	while (p > q->name && n < 3) {
		if (*--p == '.')
			dot[n++] = p;
	}
	if (n < 2)
		return NULL;
	if (q->name + q->n - dot[0] == 3 && dot[0] - dot[1] <= 4)
		return n == 3 ? dot[2] + 1 : NULL;
	return dot[1] + 1;
}

/* It begins with an address turned round: four labels of digits, or of one hexadecimal digit (more of them). */
static bool
is_address(const char *p, uint32_t n)
{
	uint32_t i, len = 0, labels = 0;
	bool digits = true;

	for (i = 0; i <= n && labels < 4; i++) {
		if (i == n || p[i] == '.') {
			if (len > 1 && !(digits && len <= 3))
				return false;
			labels++;
			len = 0;
			digits = true;
			continue;
		}
		digits &= p[i] >= '0' && p[i] <= '9';
		len++;
	}
	return labels == 4;
}

static bool
take_apart(const struct bh_threat_question *q, struct parts *out)
{
	uint32_t i, len = 0;

	memset(out, 0, sizeof(*out));
	if (ends_in(q, "local") || ends_in(q, "arpa"))
		return false;
	out->domain = registered(q);
	if (out->domain == NULL || out->domain == q->name)
		return false;
	out->sub = (uint32_t)(out->domain - q->name) - 1;
	for (i = 0; i < out->sub; i++) {
		len = q->name[i] == '.' ? 0 : len + 1;
		out->longest = len > out->longest ? len : out->longest;
		out->digits += q->name[i] >= '0' && q->name[i] <= '9';
	}
	return !is_address(q->name, out->sub);
}

static struct entry *
find(struct bh_threat_tunnels *t, uint64_t key, uint32_t now_ms, uint32_t window_ms)
{
	struct entry *set = &t->entry[(key & (t->sets - 1)) * WAYS], *oldest = set;
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		struct entry *e = &set[i];

		if (e->used && e->key == key) {
			if (now_ms - e->since_ms < window_ms)
				return e;
			oldest = e;
			break;
		}
		if (!e->used || (oldest->used && now_ms - e->since_ms > now_ms - oldest->since_ms))
			oldest = e;
	}
	*oldest = (struct entry){.key = key, .since_ms = now_ms, .used = true};
	return oldest;
}

static bool
is_tunnel(const struct entry *e)
{
	uint32_t mean = e->bytes / e->names;

	if (mean >= MEAN_PLAIN)
		return true;
	return e->rich * 2 >= e->asked && mean >= MEAN_RICH &&
	       (e->digits * 7 >= e->bytes || e->longest >= LONG_LABEL * e->names);
}

void
bh_threat_tunnels_ask(struct bh_threat_tunnels *t, const struct bh_threat_ctx *ctx, uint64_t source,
		      const struct bh_threat_question *q)
{
	const struct bh_threat_rule *rule = &ctx->rule[BH_THREAT_DNS_TUNNEL];
	struct parts parts;
	struct entry *e;
	uint64_t h;

	if (!take_apart(q, &parts))
		return;
	e = find(t, bh_mum(source, hash(parts.domain, strlen(parts.domain)) | 1), ctx->now_ms,
		 rule->window_ms);
	e->asked++;
	e->rich += q->type == TYPE_CNAME || q->type == TYPE_NULL || q->type == TYPE_MX ||
		   q->type == TYPE_TXT || q->type == TYPE_KEY || q->type == TYPE_PRIVATE;
	h = hash(q->name, parts.sub) % (64 * FILTER_WORDS);
	if ((e->filter[h / 64] >> h % 64 & 1) == 0) {
		e->filter[h / 64] |= UINT64_C(1) << h % 64;
		e->names++;
		e->bytes += parts.sub;
		e->longest += parts.longest;
		e->digits += parts.digits;
	}
	if (e->names >= rule->threshold && is_tunnel(e))
		bh_threat_hit(ctx, BH_THREAT_DNS_TUNNEL, "%u names of %.64s, %u bytes each",
			      e->names, parts.domain, e->bytes / e->names);
}
