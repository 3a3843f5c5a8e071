/* pair_flows: established flows of a gateway that forwards, at the one that stands by. Operations of struct bh_pair_ops
 * (lib/pair/pair.h), whose text is theirs; pair.c is their only caller. */
#ifndef BH_PAIR_FLOWS_H
#define BH_PAIR_FLOWS_H

#include "daemon.h"

struct bh_pair_flows;

/* The gateway is there, rights are not given away yet: all memory is taken here. *partial: set where flows can be told, and not
 * taken; as struct bh_pair_ops says. After an error, too, close. */
int bh_pair_flows_open(struct bh_pair_flows **out, struct bh_daemon *d, const char **partial,
		       struct bh_err *err);
void bh_pair_flows_close(struct bh_pair_flows *t); /* NULL is fine */
void bh_pair_flows_counts(const struct bh_pair_flows *t,
			  struct bh_api_pair_flows *out); /* any thread */

void bh_pair_flows_begin(struct bh_pair_flows *t);
void bh_pair_flows_end(struct bh_pair_flows *t);
int bh_pair_flows_pull(struct bh_pair_flows *t, uint8_t *out, size_t room, bool *walked,
		       struct bh_err *err);
void bh_pair_flows_join(struct bh_pair_flows *t);
int bh_pair_flows_put(struct bh_pair_flows *t, const uint8_t *data, size_t len, struct bh_err *err);

#endif
