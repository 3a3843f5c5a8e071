/* When a segment may be promoted: the decision alone, from facts. */
#include "learn.h"

static uint64_t
latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

const char *
bh_learn_hold_name(unsigned hold)
{
	static const char *const names[] = {"ready",           "done",    "off",
					    "nothing-learned", "no-room", "quiet",
					    "violation",       "written", "overridden"};

	return hold < BH_HOLD_COUNT ? names[hold] : "invalid";
}

/* Not before this. */
static enum bh_learn_hold
wait_until(uint64_t due_ns, uint64_t now_ns, enum bh_learn_hold why, struct bh_promotion *out)
{
	if (now_ns >= due_ns)
		return BH_HOLD_NONE;
	if (due_ns - now_ns > out->left_ns) {
		out->left_ns = due_ns - now_ns;
		out->hold = why;
	}
	return out->hold;
}

void
bh_learn_promotion(const struct bh_promotion_params *p, const struct bh_promotion_facts *f,
		   struct bh_promotion *out)
{
	uint64_t quiet = p->quiet_ms * BH_NS_PER_MS, monitor = p->monitor_ms * BH_NS_PER_MS;
	/* What happened before this process began is not known: time counts from here. */
	uint64_t start = latest(f->started_ns, f->since_ns);

	*out = (struct bh_promotion){.to = f->mode};
	if (f->mode == BH_MODE_PROTECT || f->mode >= p->upto) {
		out->hold = p->upto == BH_MODE_DISCOVER ? BH_HOLD_OFF : BH_HOLD_DONE;
		return;
	}
	if (f->mode == BH_MODE_DISCOVER) {
		if (f->times.learned == 0 || f->times.full) {
			out->hold = f->times.full ? BH_HOLD_NO_ROOM : BH_HOLD_NOTHING;
			return;
		}
		wait_until(latest(latest(f->times.new_ns, f->lost_ns), start) + quiet, f->now_ns,
			   BH_HOLD_QUIET, out);
		if (f->times.violation_ns != 0)
			wait_until(f->times.violation_ns + quiet, f->now_ns, BH_HOLD_VIOLATION,
				   out);
		out->to = monitor == 0 && p->upto == BH_MODE_PROTECT ? BH_MODE_PROTECT
								     : BH_MODE_MONITOR;
	} else {
		wait_until(latest(start, f->lost_ns) + monitor, f->now_ns, BH_HOLD_QUIET, out);
		if (f->times.violation_ns != 0)
			wait_until(f->times.violation_ns + monitor, f->now_ns, BH_HOLD_VIOLATION,
				   out);
		out->to = BH_MODE_PROTECT;
	}
	if (out->hold != BH_HOLD_NONE)
		out->to = f->mode;
}
