/* Detectors over a flow that grows. The first bytes of the input choose the transport and how the two sides grow;
 * the rest is cut into the sides (TCP) or into datagrams (UDP). Asserts beyond "no crash":
 *  - detectors read only what they are shown: every window is a heap block of exactly its size (ASan);
 *  - what was decided stays: app and decided do not change any more;
 *  - a name only ever gives way to one that is built on it;
 *  - what is proven counts as possible, and what is ruled out never comes back;
 *  - the prefilter changes nothing: asking every detector gives the same answers. */
#include <stdlib.h>

#include "../../lib/proto/first.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_STEPS 24

struct flow {
	struct bh_proto_state state;
	struct bh_proto_state unfiltered; /* asked without the prefilter */
	const uint8_t *side[2];
	uint32_t all[2]; /* bytes of a side that will come */
	struct bh_proto_input in;
};

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
check(const struct flow *f, const struct bh_proto_state *before)
{
	unsigned app = f->state.app, i;

	if (before->decided)
		require(f->state.decided && app == before->app);
	while (app != before->app && app != BH_APP_UNKNOWN)
		app = bh_app_parent(app);
	require(app == before->app);
	for (i = 0; i < 2; i++)
		require((before->ruled_out[i] & ~f->state.ruled_out[i]) == 0);
	require(f->state.app < BH_APP_COUNT);
	if (f->state.app != BH_APP_UNKNOWN)
		require(bh_proto_possible(&f->state, (enum bh_app)f->state.app));
	for (i = 1; before->decided && i < BH_APP_COUNT; i++)
		require(bh_proto_possible(&f->state, (enum bh_app)i) ==
			bh_app_is(f->state.app, (enum bh_app)i));
}

/* What lies below the proven application is of no interest any more. */
static bh_app_set
ruled_out(const struct bh_proto_state *s)
{
	return ((bh_app_set)s->ruled_out[1] << 64 | s->ruled_out[0]) & bh_proto_on_top(s->app);
}

static void
check_same(const struct flow *f)
{
	require(f->state.app == f->unfiltered.app && f->state.decided == f->unfiltered.decided);
	require(ruled_out(&f->state) == ruled_out(&f->unfiltered));
}

/* Blocks of exactly the size shown, so that a byte beyond is a finding. */
static void
ask(struct flow *f)
{
	struct bh_proto_state before = f->state;
	uint8_t *copy[2];
	unsigned i;

	for (i = 0; i < 2; i++) {
		copy[i] = malloc(f->in.len[i]);
		if (f->in.len[i] != 0)
			memcpy(copy[i], f->side[i], f->in.len[i]);
		f->in.data[i] = copy[i];
	}
	bh_proto_identify(&f->state, &f->in);
	bh_proto_identify_all(&f->unfiltered, &f->in);
	check(f, &before);
	check_same(f);
	for (i = 0; i < 2; i++)
		free(copy[i]);
}

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* One step: `how` says which side and by how many bytes. */
static void
step(struct flow *f, uint8_t how)
{
	unsigned side = how & 1;
	uint32_t n = how >> 1 < 100 ? how >> 1 : 1u << (how >> 1) % 13;

	f->in.from = (uint8_t)side;
	f->in.packets++;
	if (f->in.transport == BH_OVER_UDP) {
		f->side[side] += f->in.len[side];
		f->all[side] -= f->in.len[side];
		f->in.len[side] = smaller(smaller(n, f->all[side]), BH_PROTO_WINDOW);
	} else {
		f->in.len[side] =
			smaller(smaller(f->in.len[side] + n, f->all[side]), BH_PROTO_WINDOW);
		f->in.ended[side] = f->in.len[side] == BH_PROTO_WINDOW ||
				    (f->in.len[side] == f->all[side] && (f->in.packets & 3) == 3);
	}
	ask(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow f = {.in.transport = BH_OVER_TCP};
	const uint8_t *steps;
	unsigned n, i;

	/* transport and steps, split of the rest, then a byte a step */
	if (size < 3)
		return 0;
	n = 1 + (data[0] >> 1) % MAX_STEPS;
	if (size < 3 + n)
		return 0;
	f.in.transport = (data[0] & 1) != 0 ? BH_OVER_UDP : BH_OVER_TCP;
	steps = data + 3;
	f.side[0] = steps + n;
	size -= 3 + n;
	f.all[0] = smaller((uint32_t)(data[1] << 8 | data[2]), (uint32_t)size);
	f.side[1] = f.side[0] + f.all[0];
	f.all[1] = (uint32_t)size - f.all[0];
	for (i = 0; i < n; i++)
		step(&f, steps[i]);
	/* Everything at once, and nothing more to come. */
	for (i = 0; i < 2; i++) {
		f.in.len[i] = smaller(f.all[i], BH_PROTO_WINDOW);
		f.in.ended[i] = true;
	}
	if (f.in.transport == BH_OVER_TCP)
		ask(&f);
	return 0;
}
