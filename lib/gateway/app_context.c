/* What an examined flow needs beyond its entry, from pools of the worker, taken at start. */
#include <errno.h>
#include <stdlib.h>

#include "app_threat.h"

static int
create_streams(struct bh_worker *w)
{
	const struct bh_config *c = w->config;
	uint64_t share = c->mbufs / (4 * w->g->n_workers);
	struct bh_stream_params p = {
		.streams = (uint32_t)RTE_MIN(c->max_streams, c->app_contexts),
		.segments = (uint32_t)(c->stream_packets != 0 ? c->stream_packets : share),
		.side_bytes = (uint32_t)c->stream_bytes,
		.side_segments = (uint32_t)c->stream_segments,
		.payload = bh_hold_payload,
		.keep = bh_hold_keep,
		.drop = bh_hold_drop,
	};

	p.segments = RTE_MAX(p.segments, 64u);
	p.streams = RTE_MAX(p.streams, 16u);
	memcpy(p.action, c->exception, sizeof(p.action));
	return bh_stream_store_create(&w->streams, &p);
}

static int
create_trains(struct bh_worker *w)
{
	unsigned i;

	w->train = bh_mem_map(BH_TRAINS * sizeof(*w->train), false, NULL);
	for (i = 0; w->train != NULL && i < BH_TRAINS; i++) {
		w->train[i].owner = w;
		w->train[i].next_free = w->free_train;
		w->free_train = &w->train[i];
	}
	return w->train != NULL ? 0 : -ENOMEM;
}

int
bh_app_create(struct bh_worker *w)
{
	uint32_t n = (uint32_t)w->config->app_contexts, i;
	int rc;

	w->app = bh_mem_map((size_t)(n + 1) * sizeof(*w->app), true, NULL);
	w->app_used = calloc(n / 64 + 1, sizeof(*w->app_used));
	if (w->app == NULL || w->app_used == NULL)
		return -ENOMEM;
	/* Entry 0 heads the list of free ones: a flow's ext of 0 means none. */
	for (i = 0; i <= n; i++)
		w->app[i].next_free = i < n ? i + 1 : 0;
	rc = create_trains(w);
	if (rc == 0)
		rc = create_streams(w);
	if (rc == 0)
		rc = bh_slab_create(&w->slab,
				    (size_t)n * BH_SLAB_PER_CONTEXT +
					    (w->g->inspect != NULL ? w->config->inspect_memory
								   : 0));
	if (rc == 0)
		rc = bh_app_inspect_create(w);
	if (rc == 0)
		rc = bh_app_sensor_create(w);
	if (rc == 0)
		rc = bh_policy_scratch_create(&w->policy_scratch);
	w->ops_memory =
		(struct bh_memory){.alloc = bh_slab_alloc, .free = bh_slab_free, .arg = w->slab};
	if (rc == 0)
		rc = bh_app_threat_create(w);
	if (rc == 0 && w->config->names_watch)
		rc = bh_app_names_create(w);
	if (rc == 0 && w->config->names_watch && w->config->names_hold_ms != 0)
		rc = bh_app_answers_create(w);
	return rc;
}

void
bh_app_destroy(struct bh_worker *w)
{
	bh_app_inspect_destroy(w);
	bh_app_threat_destroy(w);
	bh_app_names_destroy(w);
	bh_app_answers_destroy(w);
	bh_app_sensor_destroy(w);
	bh_policy_scratch_destroy(w->policy_scratch);
	bh_slab_destroy(w->slab);
	bh_stream_store_destroy(w->streams);
	free(w->app_used);
	bh_mem_unmap(w->train, BH_TRAINS * sizeof(*w->train));
	bh_mem_unmap(w->app, (size_t)(w->config->app_contexts + 1) * sizeof(*w->app));
}

/* Only what a fresh context relies on is cleared: not the windows. */
uint32_t
bh_app_take(struct bh_worker *w, struct bh_flow *f)
{
	uint32_t i = w->app[0].next_free;
	struct bh_app_context *c = &w->app[i];

	if (i == 0) {
		bh_count(&w->c.apps_unasked, 1);
		return 0;
	}
	w->app[0].next_free = c->next_free;
	memset(c, 0, offsetof(struct bh_app_context, u));
	w->app_used[i / 64] |= UINT64_C(1) << i % 64;
	c->flow = f;
	c->opened_ms = w->now_ms;
	return i;
}

struct refusal {
	struct bh_worker *w;
	enum bh_reason reason;
};

static void
refuse(void *arg, void *packet, const struct bh_stream_tag *tag)
{
	const struct refusal *r = arg;

	(void)tag;
	bh_hold_refuse(r->w, packet, r->reason);
}

void
bh_app_release(struct bh_worker *w, uint32_t context, enum bh_reason reason)
{
	struct refusal r = {.w = w, .reason = reason};
	struct bh_app_context *c = &w->app[context];
	unsigned i;

	if (context == 0)
		return;
	if (c->stream != NULL)
		bh_stream_close(w->streams, c->stream, refuse, &r);
	for (i = 0; i < c->n_held; i++)
		bh_hold_refuse(w, c->held[i], reason);
	if (c->phase == BH_APP_OPERATIONS)
		bh_ops_close(&c->u.ops);
	bh_app_inspect_end(w, c);
	bh_app_threat_end(w, c);
	c->stream = NULL;
	c->flow = NULL;
	w->app_used[context / 64] &= ~(UINT64_C(1) << context % 64);
	c->n_held = 0;
	c->next_free = w->app[0].next_free;
	w->app[0].next_free = context;
}
