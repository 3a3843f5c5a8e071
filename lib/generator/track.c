/* In order, late, or again? */
#include "generator.h"

#define WINDOW 64

enum bh_gen_order
bh_gen_track(struct bh_gen_track *t, uint32_t sequence)
{
	uint32_t ahead, behind;

	if (sequence >= t->next) {
		ahead = sequence - t->next + 1;
		t->seen = ahead < WINDOW ? t->seen << ahead | 1 : 1;
		t->next = sequence + 1;
		return BH_GEN_NEXT;
	}
	behind = t->next - 1 - sequence;
	if (behind >= WINDOW || (t->seen >> behind & 1) != 0)
		return BH_GEN_REPEATED;
	t->seen |= UINT64_C(1) << behind;
	return BH_GEN_LATE;
}
