/* Sensors over the connections that are allowed: their bytes, in order, to lib/inspect; what it finds becomes an event. */
#include <errno.h>
#include <stdlib.h>

#include "gateway_priv.h"

/* One connection that is looked into. */
struct connection {
	union {
		struct bh_inspect_http http;
		struct bh_inspect_http2 http2;
		struct bh_inspect_text text;
	} u;
	uint32_t next_free;
	enum { TEXT, HTTP, HTTP2 } kind;
};

struct bh_app_inspect {
	struct connection *pool; /* [n + 1]; 0 heads the list of free ones */
	uint32_t n;
	struct bh_inspect_scratch *scratch;
	struct bh_inspect_ctx ctx;
	struct bh_inspect_memory memory;
	struct bh_worker *worker;
	const struct bh_flow *flow; /* whose bytes are being looked at */
};

static void
report(void *arg, const struct bh_inspect_finding *found)
{
	struct bh_app_inspect *s = arg;

	bh_count(&s->worker->c.findings, 1);
	bh_record_sensor(s->worker, s->flow, found);
}

int
bh_app_inspect_create(struct bh_worker *w)
{
	struct bh_app_inspect *s;
	uint32_t i;

	if (w->g->inspect == NULL)
		return 0;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	w->inspect = s;
	s->n = (uint32_t)w->config->inspect_connections;
	s->worker = w;
	s->pool = bh_mem_map((s->n + 1) * sizeof(*s->pool), false, NULL);
	if (s->pool == NULL || bh_inspect_scratch_create(&s->scratch, w->g->inspect) != 0)
		return -ENOMEM;
	for (i = 0; i <= s->n; i++)
		s->pool[i].next_free = i < s->n ? i + 1 : 0;
	s->memory = (struct bh_inspect_memory){.alloc = bh_slab_alloc,
					       .free = bh_slab_free,
					       .arg = w->slab};
	s->ctx = (struct bh_inspect_ctx){
		.engine = w->g->inspect,
		.scratch = s->scratch,
		.memory = &s->memory,
		.report = report,
		.arg = s,
		.classes = BH_INSPECT_ALL,
	};
	return 0;
}

void
bh_app_inspect_destroy(struct bh_worker *w)
{
	struct bh_app_inspect *s = w->inspect;

	if (s == NULL)
		return;
	bh_inspect_scratch_destroy(s->scratch);
	bh_mem_unmap(s->pool, (s->n + 1) * sizeof(*s->pool));
	free(s);
	w->inspect = NULL;
}

void
bh_app_inspect_feed(struct bh_worker *w, struct bh_app_context *c, unsigned side, const uint8_t *at,
		    uint32_t n, bool ended)
{
	struct bh_app_inspect *s = w->inspect;
	struct connection *one;

	if (c->inspect == 0)
		return;
	one = &s->pool[c->inspect];
	s->flow = c->flow;
	if (one->kind == HTTP)
		bh_inspect_http_feed(&one->u.http, &s->ctx, side, at, n, ended);
	else if (one->kind == HTTP2)
		bh_inspect_http2_feed(&one->u.http2, &s->ctx, side, at, n, ended);
	else
		bh_inspect_text_feed(&one->u.text, &s->ctx, side, at, n, ended);
}

void
bh_app_inspect_end(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_app_inspect *s = w->inspect;
	struct connection *one;

	if (c->inspect == 0)
		return;
	one = &s->pool[c->inspect];
	s->flow = c->flow;
	if (one->kind == HTTP)
		bh_inspect_http_close(&one->u.http, &s->ctx);
	else if (one->kind == HTTP2)
		bh_inspect_http2_close(&one->u.http2, &s->ctx);
	one->next_free = s->pool[0].next_free;
	s->pool[0].next_free = c->inspect;
	c->inspect = 0;
}

bool
bh_app_inspect_begin(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_app_inspect *s = w->inspect;
	struct connection *one;
	unsigned i, side;

	/* What is encrypted tells nothing. */
	if (s == NULL || c->stream == NULL || c->phase != BH_APP_NAMING ||
	    bh_app_is(c->state.app, BH_APP_TLS) || c->state.app == BH_APP_SSH)
		return false;
	if (s->pool[0].next_free == 0) {
		bh_count(&w->c.apps_unasked, 1);
		return false;
	}
	c->inspect = s->pool[0].next_free;
	one = &s->pool[c->inspect];
	s->pool[0].next_free = one->next_free;
	one->kind = bh_app_is(c->state.app, BH_APP_HTTP2)  ? HTTP2
		    : bh_app_is(c->state.app, BH_APP_HTTP) ? HTTP
							   : TEXT;
	if (one->kind == HTTP2) {
		bh_inspect_http2_open(&one->u.http2);
	} else if (one->kind == HTTP) {
		memset(&one->u.http, 0, sizeof(one->u.http));
		bh_inspect_http_open(&one->u.http);
	} else {
		memset(&one->u.text, 0, sizeof(one->u.text));
	}
	for (i = 0; i < 2; i++) {
		side = i == 0 ? c->first : 1u - c->first;
		if (c->side[side].len != 0)
			bh_app_inspect_feed(w, c, side, c->u.data[side], c->side[side].len, false);
		/* A window that was full had ended for the detectors, not for the stream. */
		c->side[side].ended = false;
	}
	return true;
}

static void
read_side(struct bh_worker *w, struct bh_app_context *c, unsigned side)
{
	const uint8_t *at;
	bool ended = false;
	uint32_t n;

	while ((n = bh_stream_next(c->stream, side, &at, &ended)) != 0) {
		bh_app_inspect_feed(w, c, side, at, n, false);
		bh_stream_read(c->stream, side, n);
	}
	if (ended && !c->side[side].ended) {
		c->side[side].ended = true;
		bh_app_inspect_feed(w, c, side, (const uint8_t *)"", 0, true);
	}
	bh_stream_release(c->stream, side, bh_stream_read_so_far(c->stream, side));
}

void
bh_app_inspect_go_on(struct bh_worker *w, struct bh_app_context *c)
{
	read_side(w, c, c->first);
	read_side(w, c, 1u - c->first);
}
