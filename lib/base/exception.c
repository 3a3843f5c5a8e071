#include "base.h"

/* What exception.def calls the actions, without their prefix. */
enum {
	DROP_PACKET = BH_ACTION_DROP_PACKET,
	DROP_FLOW = BH_ACTION_DROP_FLOW,
	REJECT = BH_ACTION_REJECT,
	PASS = BH_ACTION_PASS,
	NORMALISE = BH_ACTION_NORMALISE,
};

static const struct bh_exception_info exceptions[BH_EXCEPTION_COUNT] = {
#define BH_EXCEPTION(sym, n, def, may, r, t)                                                       \
	[BH_EXCEPTION_##sym] = {                                                                   \
		.name = n, .text = t, .normal = def, .allowed = may, .reason = BH_REASON_##r},
#include "exception.def"
#undef BH_EXCEPTION
};

#define BH_EXCEPTION(sym, n, def, may, r, t)                                                       \
	_Static_assert(((def) & ((def)-1)) == 0 && ((def) & (may)) != 0, n ": one allowed "        \
									   "default");
#include "exception.def"
#undef BH_EXCEPTION

const struct bh_exception_info *
bh_exception_info(unsigned exception)
{
	static const struct bh_exception_info invalid = {
		.name = "invalid",
		.text = "invalid",
		.normal = DROP_FLOW,
		.allowed = DROP_FLOW,
		.reason = BH_REASON_NO_POLICY,
	};

	return exception < BH_EXCEPTION_COUNT ? &exceptions[exception] : &invalid;
}

const char *
bh_exception_name(unsigned exception)
{
	return bh_exception_info(exception)->name;
}

const char *
bh_action_name(unsigned action)
{
	switch (action) {
	case DROP_PACKET:
		return "drop-packet";
	case DROP_FLOW:
		return "drop-flow";
	case REJECT:
		return "reject";
	case PASS:
		return "pass";
	case NORMALISE:
		return "normalise";
	default:
		return "invalid";
	}
}
