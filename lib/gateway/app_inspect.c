/* Sensors over the connections that are allowed: their bytes, in order, to lib/inspect; what it finds becomes an event. */
#include <errno.h>
#include <stdlib.h>

#include "../inspect/wire.h"
#include "app_threat.h"

/* One connection that is looked into. */
struct connection {
	union {
		struct bh_inspect_http http;
		struct bh_inspect_http2 http2;
		struct bh_inspect_text text;
		struct bh_inspect_wire wire;
	} u;
	struct bh_inspect_tally tally[2];
	struct bh_sensor_conn sensor;
	struct bh_app_plan plan;
	uint64_t looked; /* bytes, where inspect.flow_bytes bounds them */
	bool spent;      /* that is used up */
	uint32_t next_free;
	enum { TEXT, HTTP, HTTP2, WIRE } kind;
	bool senses; /* sensor is open */
};

struct bh_app_inspect {
	struct connection *pool; /* [n + 1]; 0 heads the list of free ones */
	uint32_t n;
	struct bh_inspect_scratch *scratch;
	struct bh_inspect_ctx ctx;
	struct bh_memory memory;
	struct bh_worker *worker;
	struct bh_app_context *context; /* whose bytes are being looked at */
	struct bh_app_base base;
	bool counts; /* one of inspect.thresholds is more than 1 */
	bool unread; /* of what is being looked at, something could not be */
};

static void
report(void *arg, const struct bh_inspect_finding *found)
{
	struct bh_app_inspect *s = arg;
	struct bh_app_context *c = s->context;
	unsigned action = s->pool[c->inspect].plan.action.action[found->class];
	enum bh_verdict verdict = bh_app_action_verdict(c, action);

	bh_count(&s->worker->c.findings, 1);
	if (verdict == BH_VERDICT_DENY || verdict == BH_VERDICT_REJECT)
		c->blocked = (uint8_t)verdict;
	bh_record_sensor(s->worker, c->flow, found,
			 &(struct bh_deed){action, found->side, verdict});
}

static bool
excepts(void *arg, const struct bh_inspect_finding *found)
{
	const struct bh_app_inspect *s = arg;
	const struct bh_app_context *c = s->context;

	return bh_app_plan_excepts(s->worker, &s->pool[c->inspect].plan, c->flow, found);
}

static void
tap_part(void *arg, unsigned side, enum bh_http1_what what, const struct bh_http1_part *part)
{
	struct bh_app_inspect *s = arg;
	struct connection *one = &s->pool[s->context->inspect];

	if (what == BH_HTTP1_STATUS && one->kind == HTTP)
		bh_app_plan_response(&one->plan, part->status);
	if (one->senses)
		bh_app_sensor_part(s->worker->sensor, &one->sensor, side,
				   &(struct bh_app_part){what, part});
}

static void
tap_body(void *arg, unsigned side, const uint8_t *at, size_t len)
{
	struct bh_app_inspect *s = arg;
	struct connection *one = &s->pool[s->context->inspect];

	if (one->senses)
		bh_app_sensor_body(s->worker->sensor, &one->sensor, side,
				   (struct bh_http_text){at, (uint32_t)len});
}

static void
tap_text(void *arg, unsigned side, unsigned kind, const struct bh_inspect_said *said)
{
	struct bh_app_inspect *s = arg;
	struct connection *one = &s->pool[s->context->inspect];

	if (one->senses)
		bh_app_sensor_text(s->worker->sensor, &one->sensor, side, kind, said);
}

static void
tap_request(void *arg, uint64_t message, struct bh_http_text path)
{
	struct bh_app_inspect *s = arg;

	bh_app_plan_request(s->worker, &s->pool[s->context->inspect].plan, message, path);
}

static bool
has_thresholds(const struct bh_config *config)
{
	unsigned i, most = 0;

	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++)
		most = RTE_MAX(most, config->inspect_least[i]);
	return most > 0;
}

static void
begin_tally(const struct bh_app_inspect *s, struct connection *one)
{
	unsigned side;

	if (!s->counts)
		return;
	memset(one->tally, 0, sizeof(one->tally));
	for (side = 0; side < 2; side++) {
		one->tally[side].least = s->worker->config->inspect_least;
		one->tally[side].by_message = s->worker->config->inspect_count == 0;
	}
}

static const struct bh_inspect_tap tap = {tap_part, tap_body, tap_text, tap_request};

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
	s->memory =
		(struct bh_memory){.alloc = bh_slab_alloc, .free = bh_slab_free, .arg = w->slab};
	s->ctx = (struct bh_inspect_ctx){
		.engine = w->g->inspect,
		.scratch = s->scratch,
		.memory = &s->memory,
		.report = report,
		.arg = s,
		.unread = &s->unread,
	};
	bh_app_base_fill(&s->base, w->config);
	s->counts = has_thresholds(w->config);
	if (w->g->senses) {
		s->ctx.tap = &tap;
		s->ctx.excepts = excepts;
	}
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

bool
bh_app_inspect_blocks(const struct bh_worker *w)
{
	return w->inspect != NULL &&
	       (w->inspect->base.blocks ||
		atomic_load_explicit(&w->g->sensors_block, memory_order_relaxed));
}

bool
bh_app_inspect_wants(const struct bh_worker *w)
{
	return w->inspect != NULL &&
	       (w->config->inspect != BH_INSPECT_OFF || bh_app_plan_attaches(w));
}

uint32_t
bh_app_inspect_waits(const struct bh_worker *w, const struct bh_app_context *c, unsigned side)
{
	const struct connection *one;

	if (c->inspect == 0 || !bh_app_inspect_blocks(w))
		return 0;
	one = &w->inspect->pool[c->inspect];
	return one->kind == HTTP ? bh_inspect_http_waits(&one->u.http, side) : 0;
}

/* From here on this connection is looked at. */
static struct connection *
look_at(struct bh_app_inspect *s, struct bh_app_context *c)
{
	struct connection *one = &s->pool[c->inspect];

	s->context = c;
	bh_app_plan_make(s->worker, &s->base, c->flow, &one->plan);
	s->ctx.classes = one->plan.classes;
	s->ctx.tally = s->counts ? one->tally : NULL;
	if (one->senses)
		bh_app_sensor_look_at(s->worker->sensor, c, &one->plan);
	return one;
}

/* The connection's own budget. What goes beyond it is not looked at, and what follows isn't either. */
static bool
may_look(struct bh_app_inspect *s, struct bh_app_context *c, struct connection *one, size_t n)
{
	uint64_t most = s->worker->config->inspect_flow_bytes;

	if (likely(most == 0))
		return true;
	if (!one->spent && one->looked + n <= most) {
		one->looked += n;
		return true;
	}
	bh_count(&s->worker->c.apps_unasked, !one->spent);
	one->spent = c->unlooked = true;
	return false;
}

static void
decode(struct bh_app_inspect *s, struct connection *one, unsigned side, struct bh_cur in,
       bool ended)
{
	if (one->kind == HTTP) {
		bh_inspect_http_feed(&one->u.http, &s->ctx, side, in.p, bh_cur_left(&in), ended);
		return;
	}
	if (one->kind == HTTP2) {
		bh_inspect_http2_feed(&one->u.http2, &s->ctx, side, in.p, bh_cur_left(&in), ended);
		return;
	}
	if (one->kind == WIRE) {
		bh_inspect_wire_feed(&one->u.wire, &s->ctx, side, in.p, bh_cur_left(&in), ended);
		return;
	}
	if (s->ctx.classes == 0)
		return;
	bh_inspect_text_feed(&one->u.text, &s->ctx, side, in.p, bh_cur_left(&in), ended);
	/* A dialogue does not wait. */
	if (bh_app_inspect_blocks(s->worker))
		bh_inspect_text_look(&one->u.text, &s->ctx, side);
}

static void
take(struct bh_app_inspect *s, struct bh_app_context *c, unsigned side, struct bh_cur in,
     bool ended)
{
	struct connection *one = look_at(s, c);

	if (!may_look(s, c, one, bh_cur_left(&in)))
		return;
	if (one->senses) {
		bh_app_sensor_bytes(s->worker->sensor, &one->sensor, side,
				    (struct bh_http_text){in.p, (uint32_t)bh_cur_left(&in)}, ended);
	}
	decode(s, one, side, in, ended);
	if (unlikely(s->unread)) {
		s->unread = false;
		bh_count(&s->worker->c.apps_unasked, 1);
		c->unlooked = true;
	}
}

/* Not all of it could be looked at, where a finding would end it. */
static bool
is_unlooked(const struct bh_worker *w, const struct bh_app_context *c)
{
	const struct connection *one;

	if (likely(!c->unlooked) || !c->hold || c->flow->mode != BH_MODE_PROTECT)
		return false;
	if (c->inspect == 0)
		return bh_app_inspect_blocks(w);
	one = &w->inspect->pool[c->inspect];
	return one->plan.ends || (one->senses && bh_app_inspect_blocks(w));
}

bool
bh_app_inspect_is_refused(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_case told = *k;

	if (k->c->blocked == BH_VERDICT_NONE) {
		if (likely(!is_unlooked(w, k->c)))
			return false;
		k->c->unlooked = false;
		return !bh_app_except(w, k, BH_EXCEPTION_INSPECT_FULL, BH_REASON_STREAM_FULL);
	}
	told.told = true;
	if (!bh_app_refuse(w, &told, BH_REASON_SENSOR,
			   k->c->blocked == BH_VERDICT_REJECT ? BH_DENIED_RESET : BH_DENIED_DROP))
		return true;
	k->c->blocked = BH_VERDICT_NONE;
	return false;
}

bool
bh_app_inspect_feed(struct bh_worker *w, const struct bh_app_case *k, unsigned side,
		    const uint8_t *at, uint32_t n, bool ended)
{
	if (k->c->inspect == 0)
		return true;
	take(w->inspect, k->c, side, bh_cur(at, n), ended);
	return !bh_app_inspect_is_refused(w, k);
}

bool
bh_app_inspect_look(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_inspect *s = w->inspect;
	struct bh_app_context *c = k->c;
	struct connection *one = look_at(s, c);
	unsigned side;

	for (side = 0; side < 2; side++) {
		if (one->kind == HTTP)
			bh_inspect_http_look(&one->u.http, &s->ctx, side);
		bh_stream_release(c->stream, side,
				  bh_stream_read_so_far(c->stream, side) - c->unparsed[side]);
	}
	return !bh_app_inspect_is_refused(w, k);
}

static void
give_back(struct bh_app_inspect *s, struct bh_app_context *c)
{
	s->pool[c->inspect].next_free = s->pool[0].next_free;
	s->pool[0].next_free = c->inspect;
	c->inspect = 0;
}

void
bh_app_inspect_end(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_app_inspect *s = w->inspect;
	struct connection *one;

	if (c->inspect == 0)
		return;
	one = look_at(s, c);
	if (one->kind == HTTP)
		bh_inspect_http_close(&one->u.http, &s->ctx);
	else if (one->kind == HTTP2)
		bh_inspect_http2_close(&one->u.http2, &s->ctx);
	else if (one->kind == WIRE)
		bh_inspect_wire_close(&one->u.wire, &s->ctx);
	if (one->senses)
		bh_app_sensor_close(w, c, &one->sensor);
	give_back(s, c);
}

static void
open_decoder(struct connection *one, unsigned app)
{
	if (bh_app_is(app, BH_APP_HTTP2)) {
		one->kind = HTTP2;
		bh_inspect_http2_open(&one->u.http2);
	} else if (bh_app_is(app, BH_APP_HTTP)) {
		one->kind = HTTP;
		bh_inspect_http_open(&one->u.http);
	} else if (bh_inspect_wire_knows(app)) {
		one->kind = WIRE;
		bh_inspect_wire_open(&one->u.wire, app);
	} else {
		one->kind = TEXT;
		memset(&one->u.text, 0, sizeof(one->u.text));
	}
	one->plan.streams = one->kind == HTTP2;
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
		c->unlooked = true;
		return false;
	}
	c->inspect = s->pool[0].next_free;
	one = &s->pool[c->inspect];
	s->pool[0].next_free = one->next_free;
	one->plan = (struct bh_app_plan){0};
	one->looked = 0;
	one->spent = false;
	one->senses = w->sensor != NULL && bh_app_sensor_open(w, c, &one->sensor);
	look_at(s, c);
	/* Nothing is attached between these two, and nothing of the files is looked for. */
	if (!one->senses && one->plan.classes == 0) {
		give_back(s, c);
		return false;
	}
	open_decoder(one, c->state.app);
	begin_tally(s, one);
	for (i = 0; i < 2; i++) {
		side = i == 0 ? c->first : 1u - c->first;
		if (c->side[side].len != 0)
			take(s, c, side, bh_cur(c->u.data[side], c->side[side].len), false);
		/* A window that was full had ended for the detectors, not for the stream. */
		c->side[side].ended = false;
	}
	return true;
}

static bool
read_side(struct bh_worker *w, const struct bh_app_case *k, unsigned side)
{
	struct bh_app_context *c = k->c;
	const uint8_t *at;
	bool ended = false;
	uint32_t n;

	while ((n = bh_stream_next(c->stream, side, &at, &ended)) != 0) {
		if (!bh_app_inspect_feed(w, k, side, at, n, false))
			return false;
		bh_app_threat_feed(w, c, side, at, n, false);
		bh_stream_read(c->stream, side, n);
	}
	if (ended && !c->side[side].ended) {
		c->side[side].ended = true;
		if (!bh_app_inspect_feed(w, k, side, (const uint8_t *)"", 0, true))
			return false;
		bh_app_threat_feed(w, c, side, (const uint8_t *)"", 0, true);
	}
	/* What is to be refused stays. */
	if (c->threat_action != BH_THREAT_ALERT && c->hold && !bh_app_threat_obey(w, k))
		return false;
	bh_stream_release(c->stream, side,
			  bh_stream_read_so_far(c->stream, side) -
				  bh_app_inspect_waits(w, c, side));
	return true;
}

bool
bh_app_inspect_go_on(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;

	/* What naming had read may have said it. */
	if (bh_app_inspect_is_refused(w, k))
		return false;
	return c->phase != BH_APP_INSPECTION ||
	       (read_side(w, k, c->first) && read_side(w, k, 1u - c->first));
}
