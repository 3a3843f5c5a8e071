/* decide: the rules that fit a flow, one after the other (judge.c decide.c explain_path.c). policy_priv.h includes it. */
#ifndef BH_POLICY_DECIDE_H
#define BH_POLICY_DECIDE_H

#include "policy.h"

/* The rules that fit two ends and a service, one after the other: bh_decider_start, _add in document order until
 * it returns true (that one decides) or there is none left, _end. */
struct bh_decider {
	const struct bh_snapshot *s;
	const struct bh_said *said;
	uint8_t proto;
	/* from the first rule on that names applications */
	struct bh_appset proven, possible;
	const struct bh_op *op;
	struct bh_policy_scratch *scratch;
	uint64_t fence[2],
		hard;  /* that only the from-end is inside of, only the to-end; see bh_modes */
	uint32_t rule; /* that decides */
	uint32_t first_may, first_allow, first_listed;
	uint32_t may;        /* 1 << verdict of those that may decide before it */
	bool app_known;      /* an application is proven */
	bool later;          /* one of them waits for a proof */
	bool by_application; /* one names applications */
	bool passed_over;    /* a rule that allows, for what is said is not its application */
	bool refused;        /* a rule that allows, for the operation is none of its list */
};
void bh_decider_start(struct bh_decider *d, const struct bh_snapshot *s, const struct bh_said *said,
		      uint8_t proto);
bool bh_decider_add(struct bh_decider *d, uint32_t rule);
/* Verdict, reason and flags into out; unknown: an end has no known labels. The rule to be named, or BH_NO_RULE. */
uint32_t bh_decider_end(const struct bh_decider *d, enum bh_mode mode, bool unknown,
			struct bh_judgement *out);

static inline uint64_t
bh_pair_hash(const struct bh_snapshot *s, uint64_t key)
{
	return bh_mum(key ^ s->pair_key[0], s->pair_key[1]);
}

#endif
