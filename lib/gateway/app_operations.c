/* Operations of an examined flow: its bytes to the parser, each operation to policy, and what is judged may go. */
#include "app_threat.h"

enum step { STEP_ON, STEP_ENOUGH, STEP_REFUSED };

static void
count_exchange(struct bh_app_context *c, const struct bh_op *op)
{
	unsigned i;

	if (op->side == 0) {
		c->asked += (op->flags & (BH_OP_RECORD | BH_OP_SESSION)) == 0;
		return;
	}
	for (i = 0; i < op->n; i++) {
		/* 1xx are not the response yet (RFC 9110 15.2). */
		if (op->value[i].field == BH_OP_HTTP_STATUS && op->value[i].at[0] != '1')
			c->answered++;
	}
}

/* Has it said all that is ever asked of it? A TLS connection has one hello, and one answer for the record. */
static bool
is_told(const struct bh_worker *w, const struct bh_app_context *c)
{
	/* A server may ask for a second hello (RFC 8446 4.1.4): it is judged as well, recorded or not. */
	bool answered =
		c->said[1] || (!w->config->event_operations && !c->by_operation) ||
		(c->stream != NULL && bh_stream_read_so_far(c->stream, 1) > BH_PROTO_WINDOW);

	switch (c->state.app) {
	case BH_APP_TLS:
		return c->said[0] && answered;
	case BH_APP_SSH:
		return c->said[0] && c->said[1];
	case BH_APP_QUIC:
		return c->said[0];
	default:
		return false;
	}
}

static void
let_go_when_told(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_flow *f = c->flow;

	if (!is_told(w, c))
		return;
	if (f->verdict == BH_VERDICT_PENDING)
		f->verdict = BH_VERDICT_ALLOW;
	bh_app_let_go(w, c);
}

/* Its operations were only recorded. Sensors go on. */
static void
parse_no_more(struct bh_worker *w, struct bh_app_context *c)
{
	if (c->inspect == 0) {
		bh_app_let_go(w, c);
		return;
	}
	bh_ops_close(&c->u.ops);
	c->unparsed[0] = c->unparsed[1] = 0;
	c->phase = BH_APP_INSPECTION;
}

static bool
is_over(const struct bh_app_context *c)
{
	return c->phase != BH_APP_OPERATIONS;
}

/* The rest is encrypted, or another protocol. Is that application allowed as it is? */
static enum step
opaque(struct bh_worker *w, const struct bh_app_case *k, const struct bh_ops_out *out)
{
	struct bh_app_context *c = k->c;
	struct bh_flow *f = c->flow;
	struct bh_app_case why = {.p = k->p, .c = c, .why = out->why};

	if (!c->by_operation) {
		parse_no_more(w, c);
		return STEP_ENOUGH;
	}
	if (out->became != BH_APP_UNKNOWN && out->became != c->state.app) {
		struct bh_proto_state before = c->state;

		c->state = (struct bh_proto_state){.app = out->became, .decided = true};
		f->app = out->became;
		if (bh_ops_known(out->became)) {
			bh_ops_close(&c->u.ops);
			bh_ops_open(&c->u.ops, out->became, BH_OVER_TCP, &w->ops_memory);
			if (!bh_app_judge(w, k))
				return STEP_REFUSED;
			return c->phase == BH_APP_OPERATIONS ? STEP_ON : STEP_ENOUGH;
		}
		if (!bh_app_judge(w, k))
			return STEP_REFUSED;
		if (is_over(c))
			return STEP_ENOUGH;
		c->state = before;
	}
	return bh_app_except(w, &why, BH_EXCEPTION_APP_OPAQUE, BH_REASON_APP_OPAQUE) ? STEP_ENOUGH
										     : STEP_REFUSED;
}

static enum step
broken(struct bh_worker *w, const struct bh_app_case *k, const struct bh_ops_out *out)
{
	struct bh_app_case why = {.p = k->p, .c = k->c, .why = out->why};

	if (!k->c->by_operation) {
		parse_no_more(w, k->c);
		return STEP_ENOUGH;
	}
	return bh_app_except(w, &why, BH_EXCEPTION_APP_ERROR, BH_REASON_APP_ERROR) ? STEP_ENOUGH
										   : STEP_REFUSED;
}

static enum step
handle(struct bh_worker *w, const struct bh_app_case *k, enum bh_ops_status status,
       const struct bh_ops_out *out)
{
	struct bh_app_case one = {.p = k->p, .c = k->c, .op = &out->op};

	switch (status) {
	case BH_OPS_MORE:
		return STEP_ON;
	case BH_OPS_OP:
		if ((out->op.flags & BH_OP_RECORD) == 0 && !bh_app_judge_operation(w, &one))
			return STEP_REFUSED;
		if (w->config->event_operations)
			bh_record_operation(w, k->c->flow, &out->op);
		bh_app_sensor_operation(w, &one);
		if (bh_app_inspect_is_refused(w, &one))
			return STEP_REFUSED;
		count_exchange(k->c, &out->op);
		k->c->said[out->op.side & 1] = true;
		let_go_when_told(w, k->c);
		return STEP_ON;
	case BH_OPS_OPAQUE:
		return opaque(w, k, out);
	default:
		return broken(w, k, out);
	}
}

/* Bytes of a side in memory; read so far in the stream: `behind` more than these. Returns how it goes on; *pending as the
 * parser says after the last of them. */
static enum step
feed(struct bh_worker *w, const struct bh_app_case *k, unsigned side, struct bh_cur in, bool ended,
     uint32_t *pending)
{
	struct bh_app_context *c = k->c;
	struct bh_ops_out out;
	enum bh_ops_status status;
	enum step step;

	do {
		uint32_t n = (uint32_t)bh_cur_left(&in);

		status = bh_ops_feed(&c->u.ops, side, in.p, n, ended, &out);
		bh_cur_take(&in, out.eaten);
		*pending = out.pending;
		step = handle(w, k, status, &out);
		if (step != STEP_ON || is_over(c))
			return step == STEP_ON ? STEP_ENOUGH : step;
		/* MORE with bytes left would be a parser that stands still. */
		if (status == BH_OPS_MORE && bh_cur_left(&in) != 0)
			return broken(w, k, &out);
	} while (status != BH_OPS_MORE);
	return STEP_ON;
}

/* A side's body that is only counted need not come in order, nor be kept. Small ones are not worth it. */
#define SKIP_MIN 4096u

static void
skip_free(struct bh_worker *w, struct bh_app_context *c, unsigned side)
{
	uint64_t n = w->config->event_judged || c->inspect != 0 || c->threat
			     ? 0
			     : bh_ops_free(&c->u.ops, side);

	if (n < SKIP_MIN)
		return;
	n = bh_stream_skip(c->stream, side, (uint32_t)RTE_MIN(n, (uint64_t)BH_STREAM_SKIP));
	if (n != 0)
		bh_ops_pass(&c->u.ops, side, n);
}

/* What is judged may go. */
static void
release(const struct bh_worker *w, struct bh_app_context *c, unsigned side, uint32_t pending)
{
	c->unparsed[side] = pending;
	pending = RTE_MAX(pending, bh_app_inspect_waits(w, c, side));
	bh_stream_release(c->stream, side, bh_stream_read_so_far(c->stream, side) - pending);
}

static enum step
feed_stream(struct bh_worker *w, const struct bh_app_case *k, unsigned side)
{
	struct bh_app_context *c = k->c;
	const uint8_t *at;
	enum step step = STEP_ON;
	uint32_t n, pending;
	bool ended = false;

	for (;;) {
		n = bh_stream_next(c->stream, side, &at, &ended);
		if (n == 0 && (!ended || c->side[side].ended)) {
			skip_free(w, c, side);
			return STEP_ON;
		}
		c->side[side].ended |= n == 0;
		bh_stream_read(c->stream, side, n);
		bh_app_note_judged(w, c, side, at, n);
		if (!bh_app_inspect_feed(w, k, side, at, n, n == 0))
			return STEP_REFUSED;
		if (is_over(c))
			return STEP_ENOUGH;
		bh_app_threat_feed(w, c, side, at, n, n == 0);
		if (!bh_app_threat_obey(w, k))
			return STEP_REFUSED;
		step = feed(w, k, side, bh_cur(at, n), n == 0, &pending);
		if (step != STEP_ON)
			return step;
		release(w, c, side, pending);
	}
}

bool
bh_app_operate(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	enum step step = feed_stream(w, k, c->first);

	if (step == STEP_ON)
		step = feed_stream(w, k, 1u - c->first);
	/* What one side said may be what the other's bytes waited for. */
	if (step == STEP_ON)
		step = feed_stream(w, k, c->first);
	return step != STEP_REFUSED;
}

/* The parser sees all from the first byte on: what naming has read is in the window. */
void
bh_app_start_operations(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	const uint32_t len[2] = {c->side[0].len, c->side[1].len};
	uint8_t transport = c->flow->key.proto == 6 ? BH_OVER_TCP : BH_OVER_UDP;
	unsigned i, side;

	bh_app_inspect_begin(w, c);
	bh_app_threat_begin(w, c);
	if (!bh_app_inspect_go_on(w, k) || !bh_app_threat_obey(w, k) || c->phase == BH_APP_LET_GO)
		return;
	for (i = 0; i < 2; i++)
		memcpy(w->window[i], c->u.data[i], len[i]);
	c->phase = BH_APP_OPERATIONS;
	c->state.decided = true;
	bh_ops_open(&c->u.ops, c->state.app, transport, &w->ops_memory);
	if (c->stream == NULL)
		return;
	for (i = 0; i < 2; i++) {
		uint32_t pending = 0;

		side = i == 0 ? c->first : 1u - c->first;
		/* A window that was full had ended for the detectors, not for the stream. */
		c->side[side].ended = false;
		if (len[side] == 0)
			continue;
		bh_app_note_judged(w, c, side, w->window[side], len[side]);
		if (feed(w, k, side, bh_cur(w->window[side], len[side]), false, &pending) !=
		    STEP_ON)
			return;
		release(w, c, side, RTE_MIN(pending, len[side]));
	}
	bh_app_operate(w, k);
}

bool
bh_app_operate_datagram(struct bh_worker *w, const struct bh_app_case *k, bool *pending)
{
	struct bh_app_context *c = k->c;
	struct bh_packet *p = k->p;
	unsigned side = p->h.from ^ (c->flow->flags & BH_FLAG_INITIATOR);
	uint32_t n = p->h.payload_len, waits = 0;
	void *train = p->train != NULL ? bh_hold_packet(w, p) : NULL;
	const uint8_t *at = NULL;
	enum step step;

	*pending = false;
	/* Longer ones than both windows: of their first bytes only. A parser that needs more says so. */
	n = RTE_MIN(n, (uint32_t)sizeof(w->window));
	if (p->train == NULL)
		at = rte_pktmbuf_read(p->m, p->h.payload_off, n, &w->window[0][0]);
	else if (train != NULL && !bh_hold_checksum_wrong(p, train))
		at = bh_hold_payload(train, 0, &waits);
	if (at == NULL) {
		bh_packet_decide(p, BH_FATE_DROP, BH_REASON_L4_CHECKSUM);
		if (train != NULL)
			bh_hold_forget(train);
		return false;
	}
	step = feed(w, k, side, bh_cur(at, n), false, &waits);
	if (train != NULL)
		bh_hold_forget(train);
	*pending = step == STEP_ON && waits != 0;
	return step != STEP_REFUSED;
}
