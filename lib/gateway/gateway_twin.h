/* gateway_twin: what workers do where there is a twin (twin.h). Part of gateway_priv.h. */
#ifndef BH_GATEWAY_TWIN_PRIV_H
#define BH_GATEWAY_TWIN_PRIV_H

#include <rte_cycles.h>

int bh_twin_create(struct bh_gateway *g); /* workers are there. 0, -ENOMEM */
void bh_twin_destroy(struct bh_gateway *g);
void bh_twin_hear(struct bh_worker *w,
		  const struct bh_burst *b); /* sources of what is left in the burst */
void bh_twin_inject(struct bh_worker *w);    /* worker 0 */
/* Has it the right to forward, now? Only with a twin. */
static inline bool
bh_twin_fenced(const struct bh_worker *w)
{
	return rte_rdtsc() >= atomic_load_explicit(&w->g->forward_until, memory_order_relaxed);
}

#endif
