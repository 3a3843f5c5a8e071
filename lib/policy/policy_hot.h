/* policy_hot: the one question that every packet asks. See policy.h. */
#ifndef BH_POLICY_HOT_H
#define BH_POLICY_HOT_H

#include "policy.h"

/* The stamp that a judgement of these slots would carry now. Unequal to a flow's: judge it anew.
 * Acquire pairs with the release in the model's label change. */
static inline uint32_t
bh_view_stamp(const struct bh_view *view, uint32_t slot0, uint32_t slot1)
{
	return view->epoch + __atomic_load_n(&view->generation[slot0], __ATOMIC_ACQUIRE) +
	       __atomic_load_n(&view->generation[slot1], __ATOMIC_ACQUIRE);
}

#endif
