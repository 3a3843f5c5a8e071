/* Sets of applications: what a rule's name stands for, what a flow is and may still be. */
#include "policy_priv.h"

/* A line of proto.def comes behind the one that it stands on: one pass finds all on top of others. */
#define BH_PROTO(sym, name, transports, parent, text)                                              \
	_Static_assert(BH_APP_##parent < BH_APP_##sym, name " stands before what it is on");
#include "../proto/proto.def"
#undef BH_PROTO

static const struct {
	uint8_t over, below;
} line[BH_APP_COUNT] = {
#define BH_PROTO(sym, name, transports, parent, text)                                              \
	[BH_APP_##sym] = {.over = (transports), .below = BH_APP_##parent},
#include "../proto/proto.def"
#undef BH_PROTO
};

static inline void
add(struct bh_appset *set, unsigned app)
{
	set->w[app / 64] |= UINT64_C(1) << app % 64;
}

static inline bool
has(const uint64_t w[2], unsigned app)
{
	return (w[app / 64] >> app % 64 & 1) != 0;
}

struct bh_appset
bh_appset_of(unsigned app)
{
	struct bh_appset set = {{0, 0}};
	unsigned i;

	if (app == BH_APP_UNKNOWN)
		add(&set, BH_APP_UNKNOWN);
	for (i = 1; app != BH_APP_UNKNOWN && i < BH_APP_COUNT; i++) {
		/* Whoever writes http means what browsers and curl speak, in either version. */
		if (bh_app_is(i, (enum bh_app)app) ||
		    (app == BH_APP_HTTP && bh_app_is(i, BH_APP_HTTP2)))
			add(&set, i);
	}
	return set;
}

uint8_t
bh_appset_over(struct bh_appset set)
{
	uint8_t over = has(set.w, BH_APP_UNKNOWN) ? BH_OVER_TCP | BH_OVER_UDP : 0;
	unsigned i;

	for (i = 1; i < BH_APP_COUNT; i++)
		over |= has(set.w, i) ? line[i].over : 0;
	return over;
}

void
bh_appset_said(const struct bh_proto_state *state, uint8_t proto, struct bh_appset *proven,
	       struct bh_appset *possible)
{
	static const struct bh_proto_state nothing;
	const struct bh_proto_state *s = state != NULL ? state : &nothing;
	uint8_t over = proto == 6 ? BH_OVER_TCP : proto == 17 ? BH_OVER_UDP : 0;
	unsigned i;

	*proven = *possible = (struct bh_appset){{0, 0}};
	add(possible, s->app);
	if (s->app != BH_APP_UNKNOWN || s->decided)
		add(proven, s->app);
	/* `unknown` is below all that stand on nothing. */
	for (i = 1; !s->decided && i < BH_APP_COUNT; i++) {
		if ((line[i].over & over) != 0 && has(possible->w, line[i].below) &&
		    !has(s->ruled_out, i))
			add(possible, i);
	}
}
