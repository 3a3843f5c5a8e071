/* gateway: creation, policy publication, reclamation. Control threads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "carry_priv.h"

/* The ageing sweep turns over the table in four seconds, or slower for very large ones. */
#define AGE_TURN_SLICES (4096 * BH_SLICES)
#define AGE_BUDGET_MAX 64

static void
worker_destroy(struct bh_worker *w)
{
	unsigned i, n;

	if (w == NULL)
		return;
	n = w->g->n_workers;
	for (i = 0; i < n; i++) {
		if (w->inbox != NULL)
			free(w->inbox[i]);
		if (w->tx_inbox != NULL)
			free(w->tx_inbox[i]);
	}
	free(w->inbox);
	free(w->outbox);
	free(w->tx_inbox);
	free(w->tx_outbox);
	bh_app_destroy(w);
	bh_threat_destroy(w);
	bh_rule_use_destroy(w);
	bh_event_ring_destroy(w->events);
	bh_evidence_ring_destroy(w->evidence);
	bh_frag_store_destroy(w->frags);
	bh_flow_table_destroy(w->flows);
	free(w);
}

/* Only sinks of flows want to hear of them before their end. */
static uint32_t
active_ms(const struct bh_config *c)
{
	unsigned i;

	for (i = 0; i < c->n_sinks; i++) {
		if (c->sink[i].type == BH_SINK_IPFIX)
			return (uint32_t)c->event_active_ms;
	}
	return 0;
}

static int
create_flow_table(struct bh_worker *w, const struct bh_gateway *g)
{
	struct bh_flow_table_params fp;
	unsigned i;

	bh_flow_table_params_default(&fp);
	fp.capacity = (uint32_t)(g->p.config->max_flows / g->n_workers);
	if (fp.capacity < 64)
		fp.capacity = 64;
	for (i = 0; i < BH_STATE_COUNT; i++) {
		if (g->p.config->flow_timeout_ms[i] != 0)
			fp.timeout_ms[i] = g->p.config->flow_timeout_ms[i];
		w->timeout_ms[i] = fp.timeout_ms[i];
	}
	w->active_ms = active_ms(g->p.config);
	fp.worker = (uint8_t)w->index;
	fp.on_end = bh_record_flow_end;
	fp.on_end_arg = w;
	w->age_budget = RTE_MIN(fp.capacity / AGE_TURN_SLICES + 1, (uint32_t)AGE_BUDGET_MAX);
	if (bh_hash_key_random(&fp.hash_key) != 0)
		return -EIO;
	return bh_flow_table_create(&w->flows, &fp);
}

static int
create_frag_store(struct bh_worker *w, const struct bh_gateway *g)
{
	struct bh_frag_params fp = {
		.datagrams = (uint32_t)g->p.config->frag_datagrams,
		.max_fragments = (uint32_t)g->p.config->frag_max,
		.timeout_ms = (uint32_t)g->p.config->frag_timeout_ms,
		/* Held fragments are packet buffers: at most a quarter of them, over all workers. */
		.max_held =
			(uint32_t)RTE_MAX(g->p.config->mbufs / (4 * g->n_workers), UINT64_C(64)),
	};

	if (bh_hash_key_random(&fp.hash_key) != 0)
		return -EIO;
	return bh_frag_store_create(&w->frags, &fp);
}

void
bh_gateway_parse_params(const struct bh_config *c, struct bh_parse_params *params)
{
	bh_parse_params_default(params);
	memcpy(params->vxlan_port, c->vxlan_port, sizeof(params->vxlan_port));
	memcpy(params->geneve_port, c->geneve_port, sizeof(params->geneve_port));
	params->gre = c->gre;
	params->ipip = c->ipip;
	params->check_ip4_checksum = c->ip4_checksum;
}

static void
fill_entries(struct bh_worker *w, const struct bh_gateway_params *p)
{
	unsigned check = p->config->l4_checksum, i;

	for (i = 0; i < p->n_wires; i++) {
		const struct bh_wire *wire = &p->wire[i];
		struct bh_entry *e = &w->entry[i];

		e->pair = p->pair[i];
		e->plain = wire->link == BH_LINK_ETHERNET && !wire->wire_lengths &&
			   !wire->partial_checksums && check != BH_CHECK_VERIFY;
		if (wire->checksum_flags && check != BH_CHECK_IGNORE)
			e->checksum_mask = RTE_MBUF_F_RX_L4_CKSUM_MASK;
	}
}

static int
worker_create(struct bh_worker **out, struct bh_gateway *g, unsigned index)
{
	struct bh_worker *w =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof(*w)));
	int rc;

	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->g = g;
	w->config = g->p.config;
	w->index = index;
	atomic_store_explicit(&w->beat_ns, g->p.clock->mono_ns(g->p.clock->arg),
			      memory_order_relaxed);
	w->reject_bucket.rate = g->p.config->reject_rate;
	w->event_bucket.rate = g->p.config->event_drop_rate;
	bh_gateway_parse_params(g->p.config, &w->parse);
	fill_entries(w, &g->p);
	*out = w;
	rc = create_flow_table(w, g);
	if (rc == 0)
		rc = create_frag_store(w, g);
	if (rc == 0)
		rc = bh_event_ring_create(&w->events, (uint32_t)g->p.config->event_ring);
	if (rc == 0 && g->p.config->evidence_path[0] != '\0')
		rc = bh_evidence_ring_create(&w->evidence, g->p.config->evidence_ring,
					     (uint32_t)g->p.config->evidence_snap);
	if (rc == 0)
		rc = bh_app_create(w);
	if (rc == 0)
		rc = bh_threat_create(w);
	if (rc == 0)
		rc = bh_rule_use_create(w);
	w->examines = w->evidence != NULL || w->watch.packet;
	return rc;
}

/* A single-producer single-consumer ring outside of EAL's memory: no name, no shared zone. */
static struct rte_ring *
ring_create(unsigned slots)
{
	ssize_t size = rte_ring_get_memsize(slots);
	struct rte_ring *r =
		size > 0 ? aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP((size_t)size))
			 : NULL;

	if (r != NULL && rte_ring_init(r, "bh", slots, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
		free(r);
		r = NULL;
	}
	return r;
}

/* Rings from every worker to every other; [to]->in[from] is [from]->out[to]. */
static int
connect_workers(struct bh_gateway *g, bool tx)
{
	unsigned from, to;

	for (to = 0; to < g->n_workers; to++) {
		struct rte_ring **in = calloc(g->n_workers, sizeof(struct rte_ring *));
		struct rte_ring **outward = calloc(g->n_workers, sizeof(struct rte_ring *));

		*(tx ? &g->worker[to]->tx_inbox : &g->worker[to]->inbox) = in;
		*(tx ? &g->worker[to]->tx_outbox : &g->worker[to]->outbox) = outward;
		if (in == NULL || outward == NULL)
			return -ENOMEM;
	}
	for (to = 0; to < g->n_workers; to++) {
		for (from = 0; from < g->n_workers; from++) {
			struct rte_ring *r;

			if (from == to)
				continue;
			r = ring_create(BH_STEER_RING);
			if (r == NULL)
				return -ENOMEM;
			if (tx) {
				g->worker[to]->tx_inbox[from] = r;
				g->worker[from]->tx_outbox[to] = r;
			} else {
				g->worker[to]->inbox[from] = r;
				g->worker[from]->outbox[to] = r;
			}
		}
	}
	return 0;
}

static bool
needs_tx_rings(const struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; i < g->p.n_wires; i++) {
		if (g->p.wire[i].tx_queues < g->n_workers)
			return g->n_workers > 1;
	}
	return false;
}

/* QSBR: a worker is online from here on, so that nothing is freed before its first turn either. */
static int
create_qsbr(struct bh_gateway *g)
{
	size_t size = rte_rcu_qsbr_get_memsize(g->n_workers);
	unsigned i;

	g->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));
	if (g->qsbr == NULL || rte_rcu_qsbr_init(g->qsbr, g->n_workers) != 0)
		return -ENOMEM;
	for (i = 0; i < g->n_workers; i++) {
		rte_rcu_qsbr_thread_register(g->qsbr, i);
		rte_rcu_qsbr_thread_online(g->qsbr, i);
	}
	return 0;
}

static int
create_parts(struct bh_gateway *g)
{
	unsigned i;
	int rc = create_qsbr(g);

	g->worker = calloc(g->n_workers, sizeof(struct bh_worker *));
	if (g->worker == NULL)
		return -ENOMEM;
	for (i = 0; i < g->n_workers && rc == 0; i++)
		rc = worker_create(&g->worker[i], g, i);
	if (rc == 0 && g->n_workers > 1)
		rc = connect_workers(g, false);
	if (rc == 0 && needs_tx_rings(g))
		rc = connect_workers(g, true);
	if (rc == 0)
		rc = bh_twin_create(g);
	return rc;
}

int
bh_gateway_create(struct bh_gateway **out, const struct bh_gateway_params *params,
		  struct bh_err *err)
{
	struct bh_gateway *g;
	int rc;

	if (params->n_workers == 0 || params->n_workers > BH_MAX_WORKERS)
		return bh_err_set(err, EINVAL, "%u workers: 1 to %u are possible",
				  params->n_workers, BH_MAX_WORKERS);
	g = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof(*g)));
	if (g == NULL)
		return bh_err_set(err, ENOMEM, "no memory for the gateway");
	memset(g, 0, sizeof(*g));
	g->p = *params;
	g->n_workers = params->n_workers;
	if (g->p.clock == NULL)
		g->p.clock = &bh_clock_system;
	pthread_mutex_init(&g->retire_lock, NULL);
	pthread_mutex_init(&g->query_lock, NULL);
	pthread_mutex_init(&g->sense_lock, NULL);
	rc = bh_hash_key_random(&g->steer_key);
	g->senses = bh_gateway_senses(params->config);
	if (rc == 0 && (params->config->inspect != BH_INSPECT_OFF || g->senses)) {
		g->inspect = params->inspect;
		if (g->inspect == NULL)
			rc = bh_inspect_engine_create(&g->own_inspect, err);
		if (rc != 0) {
			bh_gateway_destroy(g);
			return rc;
		}
		if (g->inspect == NULL)
			g->inspect = g->own_inspect;
	}
	if (rc == 0)
		rc = create_parts(g);
	if (rc != 0) {
		bh_gateway_destroy(g);
		return bh_err_set(
			err, -rc,
			"cannot set up %u workers for %llu flows: %s (lower flows.max, or free "
			"memory)",
			params->n_workers, (unsigned long long)params->config->max_flows,
			strerror(-rc));
	}
	*out = g;
	return 0;
}

void
bh_gateway_destroy(struct bh_gateway *g)
{
	struct bh_retired *r;
	unsigned i;

	if (g == NULL)
		return;
	bh_gateway_carry_stop(g);
	bh_gateway_adopt_stop(g);
	while ((r = g->retired) != NULL) {
		g->retired = r->next;
		r->free_fn(r->obj);
		free(r);
	}
	bh_carry_destroy(g);
	bh_twin_destroy(g);
	for (i = 0; g->worker != NULL && i < g->n_workers; i++)
		worker_destroy(g->worker[i]);
	bh_gateway_forget_sensors(g);
	bh_inspect_engine_destroy(g->own_inspect);
	free(g->worker);
	free(g->qsbr);
	pthread_mutex_destroy(&g->retire_lock);
	pthread_mutex_destroy(&g->query_lock);
	pthread_mutex_destroy(&g->sense_lock);
	free(g);
}

struct bh_worker *
bh_gateway_worker(struct bh_gateway *g, unsigned index)
{
	return g->worker[index];
}

int
bh_gateway_name_segments(struct bh_gateway *g, struct bh_policy *p)
{
	const struct bh_config *c = g->p.config;
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < c->n_threat_segments; i++)
		rc = bh_policy_segment_id(p, c->threat_segment[i], &g->threat_segment[i]);
	return rc;
}

void
bh_gateway_publish(void *gateway, const struct bh_view *view)
{
	struct bh_gateway *g = gateway;

	/* Release: whoever loads the pointer (acquire) sees all of what it points to. */
	atomic_store_explicit(&g->view, view, memory_order_release);
}

void
bh_gateway_retire(void *gateway, void *obj, void (*free_fn)(void *obj))
{
	struct bh_gateway *g = gateway;
	struct bh_retired *r = malloc(sizeof(*r));

	/* Without room to remember it, wait here: rare, and better than a leak or a use after free. */
	if (r == NULL) {
		rte_rcu_qsbr_synchronize(g->qsbr, RTE_QSBR_THRID_INVALID);
		free_fn(obj);
		return;
	}
	r->obj = obj;
	r->free_fn = free_fn;
	pthread_mutex_lock(&g->retire_lock);
	r->token = rte_rcu_qsbr_start(g->qsbr);
	r->next = g->retired;
	g->retired = r;
	pthread_mutex_unlock(&g->retire_lock);
}

void
bh_gateway_control(struct bh_gateway *g)
{
	struct bh_retired **at, *r, *done = NULL;

	pthread_mutex_lock(&g->retire_lock);
	for (at = &g->retired; (r = *at) != NULL;) {
		if (rte_rcu_qsbr_check(g->qsbr, r->token, false) == 1) {
			*at = r->next;
			r->next = done;
			done = r;
		} else {
			at = &r->next;
		}
	}
	pthread_mutex_unlock(&g->retire_lock);
	if (g->senses)
		bh_gateway_reap_sensors(g);
	while ((r = done) != NULL) {
		done = r->next;
		r->free_fn(r->obj);
		free(r);
	}
}

int
bh_gateway_settle(struct bh_gateway *g)
{
	const struct timespec nap = {.tv_nsec = 20000};
	const struct bh_clock *clock = g->p.clock;
	uint64_t until = clock->mono_ns(clock->arg) + BH_NS_PER_SEC;
	uint64_t token = rte_rcu_qsbr_start(g->qsbr);

	while (rte_rcu_qsbr_check(g->qsbr, token, false) != 1) {
		if (clock->mono_ns(clock->arg) > until)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return 0;
}

void
bh_gateway_stop(struct bh_gateway *g)
{
	atomic_store_explicit(&g->stop, true, memory_order_relaxed);
}

bool
bh_gateway_stopping(const struct bh_gateway *g)
{
	return atomic_load_explicit(&g->stop, memory_order_relaxed);
}

void
bh_gateway_wire_down(struct bh_gateway *g, unsigned wire, bool down)
{
	atomic_store_explicit(&g->wire_down[wire], down, memory_order_relaxed);
}

static uint32_t
count_names(const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;
	uint32_t names = 0;

	for (; e < end; e = bh_event_after(e))
		names += e->type == BH_EVENT_NAMES;
	return names;
}

unsigned
bh_gateway_events(struct bh_gateway *g, struct bh_event *out, unsigned n)
{
	unsigned i, done = 0;

	for (i = 0; i < g->n_workers && done < n; i++) {
		unsigned k = bh_event_pop(g->worker[i]->events, out + done, n - done);

		if (g->worker[i]->answers != NULL)
			g->worker[i]->names_taken += count_names(out + done, k);
		done += k;
	}
	return done;
}

void
bh_gateway_names_in_force(struct bh_gateway *g)
{
	unsigned i;

	for (i = 0; i < g->n_workers; i++)
		atomic_store_explicit(&g->worker[i]->names_in_force, g->worker[i]->names_taken,
				      memory_order_release);
}

struct bh_evidence_ring *
bh_gateway_evidence(struct bh_gateway *g, unsigned worker)
{
	return g->worker[worker]->evidence;
}
