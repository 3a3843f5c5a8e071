/* The table of threats. */
#include "threat.h"

static const struct bh_threat_info threats[BH_THREAT_COUNT] = {
#define BH_THREAT(sym, n, k, sev, def, act, limit, win, id, t)                                     \
	[BH_THREAT_##sym] = {.name = n,                                                            \
			     .key = k,                                                             \
			     .sensor = "threat." k,                                                \
			     .attack = id,                                                         \
			     .text = t,                                                            \
			     .threshold = limit,                                                   \
			     .window_ms = win,                                                     \
			     .severity = sev,                                                      \
			     .action = BH_THREAT_##act,                                            \
			     .on = def},
#include "threat.def"
#undef BH_THREAT
};

const struct bh_threat_info *
bh_threat_info(unsigned threat)
{
	static const struct bh_threat_info invalid = {
		.name = "invalid",
		.key = "invalid",
		.sensor = "threat.invalid",
		.attack = "",
		.text = "invalid",
		.severity = 3,
	};

	return threat < BH_THREAT_COUNT ? &threats[threat] : &invalid;
}

const char *
bh_threat_action_name(unsigned action)
{
	static const char *const names[BH_THREAT_ACTIONS] = {"alert", "drop", "reset", "block"};

	return action < BH_THREAT_ACTIONS ? names[action] : "invalid";
}

void
bh_threat_rule_default(struct bh_threat_rule *rule, unsigned threat)
{
	const struct bh_threat_info *info = bh_threat_info(threat);

	*rule = (struct bh_threat_rule){
		.threshold = info->threshold,
		.window_ms = info->window_ms,
		.action = info->action,
		.on = info->on,
	};
}
