/* The table of applications and the questions asked of their detectors. */
#include "proto_priv.h"

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
rule_out(struct bh_proto_state *s, unsigned app)
{
	s->ruled_out[app / 64] |= UINT64_C(1) << app % 64;
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
ask_round(struct bh_proto_state *s, const struct bh_proto_input *in)
{
	bool open = false, last = in->ended[0] && in->ended[1];
	unsigned parent = s->app, i;

	for (i = 1; i < BH_APP_COUNT; i++) {
		enum bh_proto_answer a = BH_PROTO_NO;

		if (apps[i].parent != parent || is_ruled_out(s, i))
			continue;
		if ((apps[i].transports & in->transport) == 0) {
			rule_out(s, i);
			continue;
		}
		a = apps[i].detect(in);
		if (a == BH_PROTO_YES) {
			s->app = (uint8_t)i;
			return true;
		}
		if (!last && (a == BH_PROTO_MAYBE || !is_final(in)))
			open = true;
		else
			rule_out(s, i);
	}
	return open;
}

bool
bh_proto_identify(struct bh_proto_state *s, const struct bh_proto_input *in)
{
	unsigned before;
	bool open;

	if (s->decided)
		return false;
	/* A proven application opens a round for those on top of it: at most as many as layers. */
	do {
		before = s->app;
		open = ask_round(s, in);
	} while (s->app != before);
	s->decided = !open;
	return s->decided;
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
