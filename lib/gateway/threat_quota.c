/* Quotas: what flows take of them when they open, while they last and with each packet. */
#include <stdio.h>

#include "threat_state.h"

static const uint8_t reasons[BH_QUOTA_RESOURCES] = {
	[BH_QUOTA_CONNECTIONS] = BH_REASON_QUOTA_CONNECTIONS,
	[BH_QUOTA_PACKETS] = BH_REASON_QUOTA_PACKETS,
	[BH_QUOTA_BYTES] = BH_REASON_QUOTA_BYTES,
	[BH_QUOTA_SESSIONS] = BH_REASON_QUOTA_SESSIONS,
};

/* Who opens and who is asked, of a flow or of one that is about to be. */
struct taker {
	const struct bh_flow_key *key;
	uint32_t segment[2]; /* by end */
	unsigned initiator;
	enum bh_mode mode; /* of the two */
};

static struct taker
taker_of(const struct bh_flow *f)
{
	return (struct taker){.key = &f->key,
			      .segment = {f->segment[0], f->segment[1]},
			      .initiator = f->flags & BH_FLAG_INITIATOR,
			      .mode = (enum bh_mode)f->mode};
}

static bool
is_segment(const struct bh_worker *w, uint8_t index, uint32_t segment)
{
	return index == BH_THREAT_ANY || w->g->threat_segment[index] == segment;
}

static bool
fits(const struct bh_worker *w, const struct bh_threat_quota *q, const struct taker *t)
{
	return is_segment(w, q->from, t->segment[t->initiator]) &&
	       is_segment(w, q->to, t->segment[1 - t->initiator]);
}

static uint64_t
account_id(const struct bh_worker *w, unsigned index, const struct taker *t)
{
	const struct bh_hash_key *secret = &w->threat->secret;
	uint64_t salt = BH_SALT_QUOTA + index, id;

	switch (w->config->quota[index].per) {
	case BH_QUOTA_SOURCE:
		return bh_threat_id(secret, t->key, t->initiator, salt);
	case BH_QUOTA_DESTINATION:
		return bh_threat_id(secret, t->key, 1 - t->initiator, salt);
	default:
		id = bh_mum(((uint64_t)t->segment[t->initiator] << 32 |
			     t->segment[1 - t->initiator]) ^
				    secret->k[0],
			    salt ^ secret->k[1]);
		return id != 0 ? id : 1;
	}
}

static struct bh_threat_account *
account_of(struct bh_worker *w, unsigned index, const struct taker *t)
{
	return bh_threat_account_get(w->threat->accounts, &w->config->quota[index],
				     account_id(w, index, t), w->now_ms);
}

/* It crossed its quota, in one direction or the other. */
static void
tell(struct bh_worker *w, const struct bh_packet *p, const struct bh_threat_quota *q,
     const struct taker *t, unsigned resource, bool rises)
{
	char sensor[sizeof(q->name) + 8], detail[96];
	const struct bh_threat_info info = {
		.sensor = sensor,
		.attack = "T1499",
		.text = rises ? "a quota is exceeded" : "a quota is not exceeded any more",
		.severity = rises ? 2 : 3,
	};
	const struct bh_threat_case k = {
		.p = p,
		.f = p->flow,
		.info = &info,
		.source = q->per == BH_QUOTA_DESTINATION ? 1 - t->initiator : t->initiator,
		.count = rises ? q->limit[resource] + 1 : 0,
		.threshold = q->limit[resource],
		.detail = detail,
	};

	snprintf(sensor, sizeof(sensor), "quota.%s", q->name);
	snprintf(detail, sizeof(detail), rises ? "more than %llu %s%s" : "%llu %s%s are enough",
		 (unsigned long long)q->limit[resource], bh_threat_resource_name(resource),
		 resource == BH_QUOTA_SESSIONS ? " at once" : " a second");
	bh_record_threat(w, &k, rises && !q->alert && t->mode == BH_MODE_PROTECT, 0);
}

/* Take from one quota; false: the packet's fate is decided. */
static bool
settle(struct bh_worker *w, struct bh_packet *p, unsigned index, const struct taker *t,
       unsigned refused, struct bh_threat_account *a)
{
	const struct bh_threat_quota *q = &w->config->quota[index];
	enum bh_threat_level level = bh_threat_quota_level(a, w->now_ms);
	bool none = refused == BH_QUOTA_RESOURCES;

	if (level == BH_THREAT_RISES)
		a->resource = (uint8_t)refused;
	if (level == BH_THREAT_RISES || level == BH_THREAT_FALLS)
		tell(w, p, q, t, a->resource, level == BH_THREAT_RISES);
	if (none || q->alert || t->mode != BH_MODE_PROTECT)
		return true;
	bh_packet_decide(p, BH_FATE_DROP, (enum bh_reason)reasons[refused]);
	return false;
}

static unsigned
take_packet(const struct bh_worker *w, const struct bh_packet *p, const struct bh_threat_quota *q,
	    struct bh_threat_account *a)
{
	if (!bh_threat_quota_take(a, q, BH_QUOTA_PACKETS, 1, w->now_ms))
		return BH_QUOTA_PACKETS;
	if (!bh_threat_quota_take(a, q, BH_QUOTA_BYTES, p->h.l3_len, w->now_ms))
		return BH_QUOTA_BYTES;
	return BH_QUOTA_RESOURCES;
}

bool
bh_threat_quota_opens(struct bh_worker *w, struct bh_packet *p, unsigned initiator,
		      const struct bh_judgement *j)
{
	const struct taker t = {.key = &p->h.key,
				.segment = {j->segment[0], j->segment[1]},
				.initiator = initiator,
				.mode = (enum bh_mode)j->mode};
	unsigned i, refused;

	for (i = 0; i < w->config->n_quotas; i++) {
		const struct bh_threat_quota *q = &w->config->quota[i];
		struct bh_threat_account *a;

		if (!fits(w, q, &t))
			continue;
		a = account_of(w, i, &t);
		if (!bh_threat_quota_session(a, q, w->now_ms))
			refused = BH_QUOTA_SESSIONS;
		else if (!bh_threat_quota_take(a, q, BH_QUOTA_CONNECTIONS, 1, w->now_ms))
			refused = BH_QUOTA_CONNECTIONS;
		else
			refused = take_packet(w, p, q, a);
		if (!settle(w, p, i, &t, refused, a))
			return false;
	}
	return true;
}

void
bh_threat_quota_packet(struct bh_worker *w, struct bh_packet *p)
{
	const struct taker t = taker_of(p->flow);
	unsigned i;

	for (i = 0; i < w->config->n_quotas; i++) {
		const struct bh_threat_quota *q = &w->config->quota[i];
		struct bh_threat_account *a;

		if ((q->limit[BH_QUOTA_PACKETS] | q->limit[BH_QUOTA_BYTES]) == 0 || !fits(w, q, &t))
			continue;
		a = account_of(w, i, &t);
		if (!settle(w, p, i, &t, take_packet(w, p, q, a), a))
			return;
	}
}

void
bh_threat_sessions(struct bh_worker *w, const struct bh_flow *f, bool opens)
{
	const struct taker t = taker_of(f);
	struct bh_threat_account *a;
	unsigned i;

	for (i = 0; i < w->config->n_quotas; i++) {
		if (w->config->quota[i].limit[BH_QUOTA_SESSIONS] == 0 ||
		    !fits(w, &w->config->quota[i], &t))
			continue;
		if (opens) {
			account_of(w, i, &t)->sessions++;
			continue;
		}
		/* Its account may have given way: then it counts for nobody. */
		a = bh_threat_account_find(w->threat->accounts, account_id(w, i, &t));
		if (a != NULL && a->sessions != 0)
			a->sessions--;
	}
}
