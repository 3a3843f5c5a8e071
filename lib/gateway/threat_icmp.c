/* ICMP: floods, outsized packets, and echo messages that carry something else than an echo. */
#include <stdio.h>

#include "threat_state.h"

#define PREFIX 16u /* of a payload: what even a receiver that cuts it sends back */
#define STAMP 24u /* at the start of a request: the sender's time, which changes with each (ping) */
#define TALKS 64u /* a request this long says more than its time */
#define SAMPLE 512u /* bytes of a payload that are compared */

/* Echo of either family, request or reply. */
static bool
is_echo(const struct bh_parsed *h, bool *reply)
{
	bool v4 = h->key.proto == 1;

	*reply = h->icmp_type == (v4 ? 0 : 129);
	return *reply || h->icmp_type == (v4 ? 8 : 128);
}

static uint32_t
sum_of(const struct bh_hash_key *secret, const uint8_t *p, uint32_t n)
{
	uint64_t h = secret->k[0] ^ n, v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = bh_mum(h ^ v, secret->k[1]);
	}
	for (v = 0; n > 0; n--)
		v = v << 8 | p[n - 1];
	return (uint32_t)bh_mum(h ^ v, secret->k[2]);
}

struct echo {
	const uint8_t *payload;
	uint32_t n; /* bytes of it that are looked at */
	uint16_t seq;
	bool reply;
};

static void
report_tunnel(struct bh_worker *w, struct bh_packet *p, uint64_t count, const char *detail)
{
	/* Who asked is who uses it; both ends know. */
	const struct bh_threat_case k = {.p = p,
					 .f = p->flow,
					 .threat = BH_THREAT_ICMP_TUNNEL,
					 .source = p->flow != NULL
							   ? p->flow->flags & BH_FLAG_INITIATOR
							   : p->h.from,
					 .count = count,
					 .detail = detail};

	bh_threat_enforce(p, bh_threat_report(w, &k));
}

/* Requests of one asker whose content, behind its time, is another each time. */
static void
compare_requests(struct bh_worker *w, struct bh_packet *p, const struct echo *e)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_ICMP_TUNNEL];
	struct bh_threat_cell *c;
	uint32_t sum;

	if (e->n < TALKS)
		return;
	sum = sum_of(&w->threat->secret, e->payload + STAMP, e->n - STAMP) | 1;
	c = bh_threat_cell(w, &p->h.key, p->h.from, BH_SALT_ECHO + 65536 + p->h.key.port[0]);
	if (c->extra != 0 && c->extra != sum) {
		bh_threat_window(c, 1, w->now_ms, rule->window_ms);
		if (c->count >= 4 * (uint64_t)rule->threshold)
			report_tunnel(w, p, c->count, "echo requests that each say something else");
	}
	c->extra = sum;
}

/* The request is remembered as two sums, its number and its length. */
static void
remember_request(struct bh_worker *w, struct bh_threat_cell *c, const struct echo *e)
{
	uint32_t prefix = sum_of(&w->threat->secret, e->payload, RTE_MIN(e->n, PREFIX));

	c->before = sum_of(&w->threat->secret, e->payload, e->n);
	c->extra = (uint32_t)e->seq << 16 | (e->n & 0xffff);
	c->spare[0] = (uint8_t)prefix;
	c->spare[1] = (uint8_t)(prefix >> 8);
	c->over = true; /* one is remembered */
}

static bool
says_the_same(struct bh_worker *w, const struct bh_threat_cell *c, const struct echo *e)
{
	uint32_t asked = c->extra & 0xffff, prefix;

	if (e->n == asked)
		return sum_of(&w->threat->secret, e->payload, e->n) == c->before;
	/* Some receivers send back the first bytes alone. */
	if (e->n > asked || e->n < PREFIX)
		return false;
	prefix = sum_of(&w->threat->secret, e->payload, PREFIX);
	return c->spare[0] == (uint8_t)prefix && c->spare[1] == (uint8_t)(prefix >> 8);
}

static void
compare_echo(struct bh_worker *w, struct bh_packet *p, const struct echo *e)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_ICMP_TUNNEL];
	unsigned asker = e->reply ? 1u - p->h.from : p->h.from;
	uint32_t replies;
	struct bh_threat_cell *c =
		bh_threat_cell(w, &p->h.key, asker, BH_SALT_ECHO + p->h.key.port[0]);

	if (!e->reply) {
		replies = c->count;
		remember_request(w, c, e);
		c->count = replies;
		return;
	}
	if (!c->over || c->extra >> 16 != e->seq || says_the_same(w, c, e))
		return;
	/* Not bh_threat_window(): the place of the count before holds a sum. */
	if (w->now_ms - c->start_ms >= rule->window_ms) {
		c->start_ms = w->now_ms;
		c->count = 0;
	}
	c->count++;
	if (c->count >= rule->threshold)
		report_tunnel(w, p, c->count, "echo replies that differ from their requests");
}

static void
check_tunnel(struct bh_worker *w, struct bh_packet *p)
{
	struct echo e;
	uint32_t have;
	const uint8_t *head;

	if (!is_echo(&p->h, &e.reply))
		return;
	head = bh_frame_head(w, p->m, &have);
	if (have < p->h.l4_off + 8u || have < p->h.payload_off)
		return;
	e.seq = bh_load_be16(head + p->h.l4_off + 6);
	e.payload = head + p->h.payload_off;
	e.n = RTE_MIN(RTE_MIN(have - p->h.payload_off, (uint32_t)p->h.payload_len), SAMPLE);
	compare_echo(w, p, &e);
	if (!e.reply)
		compare_requests(w, p, &e);
}

/* The answer to a request that has none yet: who asks many hosts at once is not flooded by what they say. */
static bool
is_asked_for(const struct bh_packet *p)
{
	const struct bh_flow *f = p->flow;

	return f != NULL && p->h.from != (f->flags & BH_FLAG_INITIATOR) &&
	       f->packets[p->h.from] < f->packets[1u - p->h.from];
}

static void
check_flood(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_ICMP_FLOOD];
	struct bh_threat_cell *c = bh_threat_cell(w, &p->h.key, 1u - p->h.from, BH_SALT_ICMP);
	enum bh_threat_level level =
		bh_threat_meter(c, 1, w->now_ms, rule->window_ms, rule->threshold);
	struct bh_threat_case k = {.p = p,
				   .threat = BH_THREAT_ICMP_FLOOD,
				   .source = 1u - p->h.from,
				   .count = c->count,
				   .detail = "ICMP packets to src_ip"};

	/* Over: what is within the threshold still passes in each window. */
	if (level != BH_THREAT_RISES && (level != BH_THREAT_OVER || c->count < rule->threshold))
		return;
	bh_threat_enforce(p, bh_threat_report(w, &k));
}

void
bh_threat_icmp(struct bh_worker *w, struct bh_packet *p)
{
	const uint32_t outsized = w->config->threat[BH_THREAT_PING_DEATH].threshold;

	if (bh_threat_on(w, BH_THREAT_PING_DEATH) && p->h.payload_len > outsized) {
		const struct bh_threat_case k = {.p = p,
						 .threat = BH_THREAT_PING_DEATH,
						 .source = p->h.from,
						 .count = p->h.payload_len};

		bh_threat_enforce(p, bh_threat_report(w, &k));
	}
	if (bh_threat_on(w, BH_THREAT_ICMP_FLOOD) && !is_asked_for(p))
		check_flood(w, p);
	if (p->fate == BH_FATE_OPEN && bh_threat_on(w, BH_THREAT_ICMP_TUNNEL))
		check_tunnel(w, p);
}
