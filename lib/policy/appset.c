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
bh_apptab_init(struct bh_apptab *t)
{
	unsigned i;

	*t = (struct bh_apptab){.n_upper = 0};
	for (i = 1; i < BH_APP_COUNT; i++) {
		if (line[i].below != BH_APP_UNKNOWN) {
			t->upper[t->n_upper++] = (uint8_t)i;
			continue;
		}
		if ((line[i].over & BH_OVER_TCP) != 0)
			add(&t->tcp, i);
		if ((line[i].over & BH_OVER_UDP) != 0)
			add(&t->udp, i);
	}
}

void
bh_appset_said(const struct bh_apptab *t, const struct bh_proto_state *state, uint8_t proto,
	       struct bh_appset *proven, struct bh_appset *possible)
{
	static const struct bh_proto_state nothing;
	const struct bh_proto_state *s = state != NULL ? state : &nothing;
	const struct bh_appset *roots = proto == 6 ? &t->tcp : &t->udp;
	uint8_t over = proto == 6 ? BH_OVER_TCP : BH_OVER_UDP;
	unsigned i, k;

	*proven = *possible = (struct bh_appset){{0, 0}};
	add(possible, s->app);
	if (s->app != BH_APP_UNKNOWN || s->decided)
		add(proven, s->app);
	if (s->decided)
		return;
	for (i = 0; i < 2 && s->app == BH_APP_UNKNOWN; i++)
		possible->w[i] |= roots->w[i] & ~s->ruled_out[i];
	/* What others stand on comes before them. */
	for (k = 0; k < t->n_upper; k++) {
		i = t->upper[k];
		if (has(possible->w, line[i].below) && (line[i].over & over) != 0 &&
		    !has(s->ruled_out, i))
			add(possible, i);
	}
}
