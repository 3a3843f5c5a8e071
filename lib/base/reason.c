#include "base.h"

static const struct {
	const char *name;
	const char *text;
	enum bh_reason_group group;
} reasons[BH_REASON_COUNT] = {
#define BH_REASON(sym, n, g, t) [BH_REASON_##sym] = {.name = n, .text = t, .group = BH_GROUP_##g},
#include "reason.def"
#undef BH_REASON
};

const char *
bh_reason_name(unsigned reason)
{
	return reason < BH_REASON_COUNT ? reasons[reason].name : "invalid";
}

const char *
bh_reason_text(unsigned reason)
{
	return reason < BH_REASON_COUNT ? reasons[reason].text : "invalid";
}

enum bh_reason_group
bh_reason_group(unsigned reason)
{
	return reason < BH_REASON_COUNT ? reasons[reason].group : BH_GROUP_MALFORMED;
}

const char *
bh_reason_group_name(enum bh_reason_group group)
{
	static const char *const names[] = {"pass",     "malformed", "policy",
					    "resource", "port",      "threat"};

	return (unsigned)group < BH_ARRAY_SIZE(names) ? names[group] : "invalid";
}

const char *
bh_verdict_name(unsigned verdict)
{
	static const char *const names[BH_VERDICT_COUNT] = {"none", "allow",  "violate",
							    "deny", "reject", "pending"};

	return verdict < BH_VERDICT_COUNT ? names[verdict] : "invalid";
}

const char *
bh_mode_name(unsigned mode)
{
	static const char *const names[] = {"discover", "monitor", "protect"};

	return mode < BH_ARRAY_SIZE(names) ? names[mode] : "invalid";
}
