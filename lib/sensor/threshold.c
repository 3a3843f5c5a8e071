/* Thresholds: a hit is told, or only counted. Counters live in sets of four; the oldest makes room. */
#include "sensor_priv.h"

#define WAYS 4

static struct bh_sensor_count *
find(struct bh_sensor_worker *w, uint64_t key)
{
	struct bh_sensor_count *set = &w->count[key & w->count_mask & ~(uint64_t)(WAYS - 1)];
	struct bh_sensor_count *oldest = set;
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0 || (oldest->key != 0 && set[i].since < oldest->since))
			oldest = &set[i];
	}
	*oldest = (struct bh_sensor_count){.key = key, .since = w->now_ns};
	return oldest;
}

bool
bh_sensor_threshold(struct bh_sensor_worker *w, const struct bh_sensor_conn *c,
		    const struct bh_sensor_rule *r, unsigned side)
{
	uint64_t src = side == 0 ? c->client : c->server;
	uint64_t dst = side == 0 ? c->server : c->client;
	struct bh_sensor_count *n;
	uint64_t track = 0;

	if (r->threshold.type == BH_SENSOR_EVERY)
		return true;
	if (r->threshold.track == BH_SENSOR_BY_SRC || r->threshold.track == BH_SENSOR_BY_PAIR)
		track = bh_mum(src ^ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93));
	if (r->threshold.track == BH_SENSOR_BY_DST || r->threshold.track == BH_SENSOR_BY_PAIR)
		track ^= bh_mum(dst ^ UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db));
	/* The set's number is in it: counts do not outlive the rules they are of. */
	n = find(w,
		 bh_mum(track ^ (r->index + (c->held->seq << 32)), UINT64_C(0x8ebc6af09c88c6e3)) |
			 1);
	if (w->now_ns - n->since >= r->threshold.seconds * BH_NS_PER_SEC) {
		n->since = w->now_ns;
		n->n = 0;
		n->told = false;
	}
	n->n++;
	switch (r->threshold.type) {
	case BH_SENSOR_LIMIT:
		return n->n <= r->threshold.count;
	case BH_SENSOR_THRESHOLD:
		if (n->n < r->threshold.count)
			return false;
		n->n = 0;
		return true;
	default:
		if (n->n < r->threshold.count || n->told)
			return false;
		n->told = true;
		return true;
	}
}
