/* rules_priv: the learned list while it is made. rules.c groups and merges, rules_text.c names and writes. */
#ifndef BH_LEARN_RULES_PRIV_H
#define BH_LEARN_RULES_PRIV_H

#include "learn.h"

/* One conversation that belongs into the list. */
struct fact {
	struct bh_party end[2];
	uint32_t service;
	const char *app; /* "" none proven */
	bool undecided;
	struct bh_learned_seen seen;
	struct bh_learn_value *value;
	unsigned n_values;
};

/* One service of a pair. */
struct port {
	uint32_t service;
	const char *apps; /* as YAML, "" any */
	struct bh_learned_seen seen;
};

struct maker {
	const struct bh_learned_params *p;
	struct bh_learned *out;
	struct fact *fact;
	uint32_t n, cap;
	const struct fact *pair; /* at work: all facts of one pair */
	uint32_t n_pair;
	struct bh_learned_rule *rule;
	uint32_t n_rules;
};

/* Copies into the list's memory; "" and out->failed when there is none. */
const char *bh_learned_text(struct bh_learned *o, const char *text);
void bh_seen_add(struct bh_learned_seen *to, const struct bh_learned_seen *s);
/* An application of the pair at work, with its operations, as YAML. */
void bh_learned_application(struct maker *m, const char *app, struct bh_buf *b);
/* Give each rule its id. */
void bh_learned_names(struct maker *m);

#endif
