/* What the one of a pair that forwards tells the other one of flows: records of lib/gateway/carry.h, as blocks of
 * lib/handover/handover.h, a block a frame of lib/pair's channel. All but open, close and counts are the channel's thread's.
 *
 * All that is told to one who listens is one stream: its head, a walk over the tables with what changes meanwhile, a block WHOLE
 * when each flow has been told of, then changes. Who listens forgets what it knew before the first of them: it may have
 * forwarded until a moment ago, and the other one since. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pair_flows.h"
#include "pass.h"

/* A worker copies them in a millisecond or two; two milliseconds are the channel's turn. 2.2 MB each. */
#define RING 16384u
#define TELL_A_TURN 64u
/* Whoever adopts does nothing else. */
#define ADOPT_A_TURN 1024u
#define WALK_MIN_MS 250u
#define WALK_MAX_MS 5000u

struct bh_pair_flows {
	struct bh_daemon *d;
	struct bh_pass_names names;
	struct bh_carry_params params;
	bool takes; /* flows are adopted here */
	/* telling */
	bool telling, head, whole;
	uint64_t number; /* of the next block */
	/* listening */
	struct bh_handover_reader reader;
	bool joins;     /* what is known here is the past's */
	uint8_t *block; /* [BH_PAIR_ROOM]: what was put last, and what is left of it */
	struct bh_flow_record *left;
	uint32_t n_left;
	bool ends;                /* it was WHOLE: all before it is to be in the tables */
	_Atomic uint64_t misfits; /* any thread reads */
};

/* Of a flow's idle time a quarter may be missing: carry.h lets it age by as much later. */
static uint32_t
walk_ms(const struct bh_config *c)
{
	struct bh_flow_table_params p;
	uint32_t least = UINT32_MAX;
	unsigned i;

	bh_flow_table_params_default(&p);
	for (i = 0; i < BH_STATE_COUNT; i++) {
		uint32_t ms = c->flow_timeout_ms[i] != 0 ? (uint32_t)c->flow_timeout_ms[i]
							 : p.timeout_ms[i];

		least = ms < least ? ms : least;
	}
	least /= 4;
	return least < WALK_MIN_MS ? WALK_MIN_MS : least > WALK_MAX_MS ? WALK_MAX_MS : least;
}

int
bh_pair_flows_open(struct bh_pair_flows **out, struct bh_daemon *d, const char **partial,
		   struct bh_err *err)
{
	struct bh_pair_flows *t = calloc(1, sizeof(*t));
	struct bh_carry_params adopt;
	int rc;

	if (t == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	t->d = d;
	bh_pass_names(&d->config, &t->names);
	t->params = (struct bh_carry_params){.ring = RING,
					     .per_turn = TELL_A_TURN,
					     .walk_ms = walk_ms(&d->config)};
	adopt = t->params;
	adopt.per_turn = ADOPT_A_TURN;
	*out = t;
	t->block = aligned_alloc(64, BH_PAIR_ROOM);
	rc = t->block != NULL ? bh_gateway_carry_keep(d->gateway, &t->params) : -ENOMEM;
	if (rc == 0)
		rc = bh_gateway_adopt_start(d->gateway, &adopt);
	t->takes = rc == 0;
	if (rc == -ENOTSUP) {
		*partial = "flows of the twin are not taken over: the ports' own hash says which "
			   "worker has a flow; set cores.steering to software at both, or "
			   "cores.workers to 1";
		bh_log(BH_LOG_WARN, "pair: %s", *partial);
		return 0;
	}
	return rc == 0 ? 0 : bh_err_set(err, -rc, "pair: no memory for flows: %s", strerror(-rc));
}

void
bh_pair_flows_close(struct bh_pair_flows *t)
{
	if (t == NULL)
		return;
	free(t->block);
	free(t);
}

void
bh_pair_flows_counts(const struct bh_pair_flows *t, struct bh_api_pair_flows *out)
{
	struct bh_carry_counts c;

	bh_gateway_carry_counts(t->d->gateway, &c);
	*out = (struct bh_api_pair_flows){
		.told = c.told,
		.walks = c.again,
		.adopted = c.adopted,
		.renewed = c.renewed,
		.ended = c.ended,
		.left_out = c.full + atomic_load_explicit(&t->misfits, memory_order_relaxed),
		.cut = c.cut,
	};
}

/* ---- the one that forwards ------------------------------------------------------------------------------- */

void
bh_pair_flows_begin(struct bh_pair_flows *t)
{
	/* With the first pull: workers may still look at what the last one left. */
	t->telling = t->head = t->whole = false;
	t->number = 0;
}

void
bh_pair_flows_end(struct bh_pair_flows *t)
{
	if (t->telling)
		bh_gateway_carry_stop(t->d->gateway);
	t->telling = false;
}

static size_t
seal(struct bh_pair_flows *t, struct bh_handover_block *b, enum bh_handover_kind kind, uint32_t n)
{
	return bh_handover_seal(b, kind, n, t->number++);
}

static size_t
put_flows(struct bh_pair_flows *t, struct bh_handover_block *b, size_t room)
{
	struct bh_flow_record *r = bh_handover_records(b);
	uint32_t n = bh_gateway_carry_take(t->d->gateway, r,
					   (uint32_t)((room - sizeof(*b)) / sizeof(*r))),
		 revision, i;

	if (n == 0)
		return 0;
	revision = bh_policy_revision(t->d->policy);
	for (i = 0; i < n; i++)
		r[i].revision = revision;
	return seal(t, b, BH_HANDOVER_FLOWS, n);
}
_Static_assert((BH_PAIR_ROOM - sizeof(struct bh_handover_block)) / sizeof(struct bh_flow_record) <
		       BH_HANDOVER_FLOWS_MAX,
	       "481: a frame is a block");

int
bh_pair_flows_pull(struct bh_pair_flows *t, uint8_t *out, size_t room, bool *walked,
		   struct bh_err *err)
{
	struct bh_handover_block *b = (struct bh_handover_block *)(void *)out;
	size_t len;
	int rc;

	if (!t->telling) {
		rc = bh_gateway_carry_start(t->d->gateway, &t->params);
		if (rc == -EAGAIN)
			return 0;
		if (rc != 0)
			return bh_err_set(err, -rc, "flows can't be told: %s", strerror(-rc));
		t->telling = true;
	}
	if (!t->head) {
		len = bh_handover_put_head(&t->names.self, out, room);
		if (len == 0)
			return bh_err_set(err, E2BIG, "names of pairs are longer than a frame");
		t->head = true;
		t->number++;
		return (int)len;
	}
	if (!t->whole && bh_gateway_carry_walked(t->d->gateway)) {
		t->whole = true;
		return (int)seal(t, b, BH_HANDOVER_WHOLE, 0);
	}
	*walked = t->whole;
	return (int)put_flows(t, b, room);
}

/* ---- the one that stands by -------------------------------------------------------------------------------- */

void
bh_pair_flows_join(struct bh_pair_flows *t)
{
	bh_handover_reader_init(&t->reader, &t->names.self);
	t->n_left = 0;
	t->ends = false;
	t->joins = true;
}

/* Flows of a pair of ports that is not the same at both go nowhere. */
static int
check_pairs(const struct bh_pair_flows *t, struct bh_err *err)
{
	unsigned i, n = t->names.self.n_pairs;

	if (t->reader.n_pairs != n)
		return bh_err_set(err, EINVAL,
				  "it has %u pairs of ports, this gateway %u: configure the same "
				  "pairs at both",
				  t->reader.n_pairs, n);
	for (i = 0; i < n; i++) {
		if (memchr(t->reader.pair, (int)i, n) == NULL)
			return bh_err_set(err, EINVAL,
					  "it has no pair '%s': configure the same pairs at both",
					  t->names.pair[i]);
	}
	return 0;
}

/* 0, or why nothing more is read. */
static int
look_at(struct bh_pair_flows *t, const uint8_t *data, size_t len, struct bh_err *err)
{
	int rc;

	if (len > BH_PAIR_ROOM)
		return bh_err_set(err, EINVAL, "a block of %zu bytes", len);
	memcpy(t->block, data, len);
	rc = bh_handover_read(&t->reader, t->block, len, &t->left, &t->n_left, err);
	atomic_store_explicit(&t->misfits, t->reader.misfits, memory_order_relaxed);
	t->ends = rc == BH_HANDOVER_WHOLE;
	return rc == BH_HANDOVER_HEAD ? check_pairs(t, err) : rc < 0 ? rc : 0;
}

int
bh_pair_flows_put(struct bh_pair_flows *t, const uint8_t *data, size_t len, struct bh_err *err)
{
	struct bh_gateway *g = t->d->gateway;
	uint32_t n;
	int rc;

	if (t->joins) {
		/* What another one told waits in the rings: it is the past, too. */
		if (!bh_gateway_adopted(g))
			return -EAGAIN;
		bh_gateway_forget(g);
		t->joins = false;
	}
	if (t->n_left == 0 && !t->ends) {
		rc = look_at(t, data, len, err);
		if (rc != 0)
			return rc;
	}
	n = bh_gateway_adopt(g, t->left, t->n_left);
	t->left += n;
	t->n_left -= n;
	if (t->n_left != 0 || (t->ends && !bh_gateway_adopted(g)))
		return -EAGAIN;
	t->ends = false;
	return 0;
}
