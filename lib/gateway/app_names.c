/* Names of segments: addresses from DNS answers that pass.
 *
 * An answer is believed when its flow is allowed, it comes from the end that was asked, over UDP, from one of
 * names.resolvers (where these are set), and belongs to a query that was seen in this flow and not answered yet: same id,
 * same name, same type. Each query is good for one answer. Who guesses an id and a port before the resolver
 * answers (RFC 5452 4.3) is believed, as the client believes it. */
#include "../policy/host.h"
#include "app_threat.h"

/* Queries for names of segments that wait for their answer, in buckets: a new one takes the place of the oldest of its
 * bucket, whose answer is then not learned from. 4,096 of 24 bytes: a resolver that answers within 10 ms serves 100,000 a
 * second (a bucket holds two then; nine at once: one time in 5,000). */
#define WAYS 8
#define QUERIES 4096

struct query {
	uint64_t flow_id;
	uint64_t name; /* hash of name and type */
	uint32_t at_ms;
	uint16_t id;
	uint16_t used;
};
_Static_assert(sizeof(struct query) == 24, "96 KiB in all");

struct bh_app_names {
	struct query query[QUERIES];
};

#define ANSWER_MS 10000 /* a stub resolver has given up by then (resolv.conf: 5 s, twice) */

int
bh_app_names_create(struct bh_worker *w)
{
	w->names = calloc(1, sizeof(*w->names));
	return w->names != NULL ? 0 : -ENOMEM;
}

void
bh_app_names_destroy(struct bh_worker *w)
{
	free(w->names);
	w->names = NULL;
}

bool
bh_app_names_keeps(const struct bh_worker *w, const struct bh_flow *f)
{
	return w->names != NULL && w->view->by_name && f->app == BH_APP_DNS;
}

static uint64_t
hash_of(const struct bh_dns_message *m)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ m->type;
	unsigned i;

	for (i = 0; i < m->name_len; i++)
		h = bh_mum(h ^ (uint8_t)m->name[i], UINT64_C(0x9e3779b97f4a7c15));
	return h;
}

static struct query *
bucket_of(struct bh_worker *w, uint64_t flow_id, uint16_t id)
{
	/* Flows of a burst have ids in a row, and so may have their queries. */
	uint64_t h = bh_mum(flow_id ^ UINT64_C(0xe7037ed1a0b428db),
			    (uint64_t)id << 32 ^ UINT64_C(0x9e3779b97f4a7c15));

	return &w->names->query[h % (QUERIES / WAYS) * WAYS];
}

static bool
is_open(const struct bh_worker *w, const struct query *q)
{
	return q->used != 0 && (uint32_t)w->now_ms - q->at_ms <= ANSWER_MS;
}

/* Of the same flow and id there is one. */
static void
remember(struct bh_worker *w, uint64_t flow_id, uint64_t name, uint16_t id)
{
	struct query *q = bucket_of(w, flow_id, id), *place = q;
	unsigned i;

	for (i = 0; i < WAYS; i++, q++) {
		if (q->used != 0 && q->flow_id == flow_id && q->id == id) {
			place = q;
			break;
		}
		if (is_open(w, place) && (!is_open(w, q) || (int32_t)(q->at_ms - place->at_ms) < 0))
			place = q;
	}
	*place = (struct query){flow_id, name, (uint32_t)w->now_ms, id, 1};
}

/* Each is good for one answer. */
static bool
was_asked(struct bh_worker *w, uint64_t flow_id, uint64_t name, uint16_t id)
{
	struct query *q = bucket_of(w, flow_id, id);
	unsigned i;

	for (i = 0; i < WAYS; i++, q++) {
		if (is_open(w, q) && q->flow_id == flow_id && q->id == id && q->name == name) {
			q->used = 0;
			return true;
		}
	}
	return false;
}

static bool
resolver_trusted(const struct bh_worker *w, const struct bh_flow *f, unsigned end)
{
	const struct bh_config *c = w->config;
	unsigned i, size = f->key.family == BH_IP6 ? 16 : 4;

	for (i = 0; i < c->n_resolvers; i++) {
		if (c->resolver[i].family == f->key.family &&
		    memcmp(c->resolver[i].addr, f->key.addr[end].b, size) == 0)
			return true;
	}
	return c->n_resolvers == 0;
}

/* False: nobody will know of it, the ring is full. */
static bool
report(struct bh_worker *w, const struct bh_flow *f, const struct bh_dns_message *m)
{
	uint8_t value[1 + 4 + 16];
	struct bh_event_text t;
	unsigned i;

	t.len = 0;
	t.cut = false;
	bh_event_text_add(&t, BH_OP_DNS_NAME, m->name, m->name_len);
	for (i = 0; i < m->n; i++) {
		value[0] = m->type == 1 ? BH_IP4 : BH_IP6;
		memcpy(value + 1, &m->address[i].ttl, 4);
		memcpy(value + 5, m->address[i].addr, 16);
		bh_event_text_add(&t, BH_EVENT_ADDRESS, value, sizeof(value));
	}
	return bh_record_names(w, f, &t);
}

/* A query is remembered; its answer is told if a segment may be named by it. */
void
bh_app_names_datagram(struct bh_worker *w, struct bh_packet *p)
{
	const struct bh_flow *f = p->flow;
	unsigned initiator = (f->flags & BH_FLAG_INITIATOR) != 0;
	uint32_t n = RTE_MIN((uint32_t)p->h.payload_len, (uint32_t)sizeof(w->window));
	uint64_t flow_id = bh_flow_id(w->flows, f);
	struct bh_dns_message m;
	const uint8_t *at;

	n = RTE_MIN(n, p->m->pkt_len > p->h.payload_off ? p->m->pkt_len - p->h.payload_off : 0u);
	at = n != 0 ? rte_pktmbuf_read(p->m, p->h.payload_off, n, &w->window[0][0]) : NULL;
	if (at == NULL || n < p->h.payload_len || f->verdict != BH_VERDICT_ALLOW ||
	    bh_dns_read(at, n, &m) != 0 || m.response != (p->h.from != initiator))
		return;
	if (!bh_policy_name_wanted(w->view, m.name, m.name_len))
		return;
	if (!m.response)
		remember(w, flow_id, hash_of(&m), m.id);
	else if (was_asked(w, flow_id, hash_of(&m), m.id) && m.n != 0 &&
		 resolver_trusted(w, f, !initiator) && report(w, f, &m))
		bh_app_answers_hold(w, p, &m);
}
