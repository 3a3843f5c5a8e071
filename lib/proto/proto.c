/* The table of applications and the questions asked of their detectors. */
#include "first.h"

typedef enum bh_proto_answer (*detect_fn)(const struct bh_proto_input *in);

static const struct {
	const char *name;
	detect_fn detect;
	uint8_t transports;
	uint8_t parent;
} apps[BH_APP_COUNT] = {
	[BH_APP_UNKNOWN] = {.name = "unknown"},
#define BH_PROTO(sym, n, t, p, text)                                                               \
	[BH_APP_##sym] = {.name = n,                                                               \
			  .detect = bh_proto_##sym,                                                \
			  .transports = (t),                                                       \
			  .parent = BH_APP_##p},
#include "proto.def"
#undef BH_PROTO
};

const char *
bh_app_name(unsigned app)
{
	return app < BH_APP_COUNT ? apps[app].name : "invalid";
}

enum bh_app
bh_app_find(const char *name)
{
	unsigned i;

	for (i = 1; i < BH_APP_COUNT; i++) {
		if (strcmp(apps[i].name, name) == 0)
			return (enum bh_app)i;
	}
	return BH_APP_UNKNOWN;
}

enum bh_app
bh_app_parent(unsigned app)
{
	return app < BH_APP_COUNT ? (enum bh_app)apps[app].parent : BH_APP_UNKNOWN;
}

static bool
is_ruled_out(const struct bh_proto_state *s, unsigned app)
{
	return (s->ruled_out[app / 64] >> app % 64 & 1) != 0;
}

static void
rule_out(struct bh_proto_state *s, bh_app_set apps_out)
{
	s->ruled_out[0] |= (uint64_t)apps_out;
	s->ruled_out[1] |= (uint64_t)(apps_out >> 64);
}

static bh_app_set
not_ruled_out(const struct bh_proto_state *s)
{
	return ~((bh_app_set)s->ruled_out[1] << 64 | s->ruled_out[0]);
}

/* The application of lowest number in a set that is not empty: the one that goes first. */
static unsigned
lowest(bh_app_set set)
{
	uint64_t low = (uint64_t)set;

	return low != 0 ? (unsigned)__builtin_ctzll(low)
			: 64 + (unsigned)__builtin_ctzll((uint64_t)(set >> 64));
}

/* Is a NO of this detector the last word? A stream only grows; a datagram is replaced by the next one, and the
 * first ones of a flow may be keep-alives, another layer's or damaged. */
static bool
is_final(const struct bh_proto_input *in)
{
	return in->transport != BH_OVER_UDP || in->packets >= BH_PROTO_DATAGRAMS;
}

/* One round over those built on s->app (0: on nothing). Returns true when any of them may still be. */
static bool
ask_round(struct bh_proto_state *s, const struct bh_proto_input *in, bool all)
{
	bh_app_set candidates = bh_proto_on_top(s->app) & not_ruled_out(s);
	struct bh_proto_first f = {.ask = candidates};

	rule_out(s, candidates & ~bh_proto_over(in->transport));
	candidates &= bh_proto_over(in->transport);
	if (s->app == BH_APP_UNKNOWN && !all)
		f = bh_proto_first(in);
	for (f.ask &= candidates; f.ask != 0; f.ask &= f.ask - 1) {
		unsigned i = lowest(f.ask);
		enum bh_proto_answer a = apps[i].detect(in);

		if (a == BH_PROTO_YES) {
			s->app = (uint8_t)i;
			return true;
		}
		if (a == BH_PROTO_NO)
			f.no |= (bh_app_set)1 << i;
	}
	if (in->ended[0] && in->ended[1])
		f.no = candidates;
	else if (!is_final(in))
		f.no = 0;
	rule_out(s, candidates & f.no);
	return (candidates & ~f.no) != 0;
}

static bool
identify(struct bh_proto_state *s, const struct bh_proto_input *in, bool all)
{
	unsigned before;
	bool open;

	if (s->decided)
		return false;
	/* A proven application opens a round for those on top of it: at most as many as layers. */
	do {
		before = s->app;
		open = ask_round(s, in, all);
	} while (s->app != before);
	s->decided = !open;
	return s->decided;
}

bool
bh_proto_identify(struct bh_proto_state *s, const struct bh_proto_input *in)
{
	return identify(s, in, false);
}

bool
bh_proto_identify_all(struct bh_proto_state *s, const struct bh_proto_input *in)
{
	return identify(s, in, true);
}

static bool
same_name(unsigned a, unsigned b)
{
	return a == b || strcmp(apps[a].name, apps[b].name) == 0;
}

bool
bh_app_is(unsigned app, enum bh_app wanted)
{
	for (; app != BH_APP_UNKNOWN && app < BH_APP_COUNT; app = apps[app].parent) {
		if (same_name(app, wanted))
			return true;
	}
	return false;
}

/* This line of the table, whatever else has its name: nothing between it and what is proven is ruled out. */
static bool
is_open(const struct bh_proto_state *s, unsigned app)
{
	for (; app != s->app; app = apps[app].parent) {
		if (app == BH_APP_UNKNOWN || is_ruled_out(s, app))
			return false;
	}
	return true;
}

bool
bh_proto_possible(const struct bh_proto_state *s, enum bh_app app)
{
	unsigned i;

	if (app == BH_APP_UNKNOWN || app >= BH_APP_COUNT)
		return false;
	if (bh_app_is(s->app, app))
		return true;
	if (s->decided)
		return false;
	for (i = 1; i < BH_APP_COUNT; i++) {
		if (same_name(i, app) && is_open(s, i))
			return true;
	}
	return false;
}
