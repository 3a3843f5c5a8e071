/* What a gateway and the one who watches over it (bulkhead-bypass) share: a page of memory. The gateway makes it, writes it
 * before it starts the other, and afterwards writes phase and beat only; the other reads. */
#ifndef BH_GUARDIAN_H
#define BH_GUARDIAN_H

#include "../../lib/conf/conf.h"

/* Descriptors of bulkhead-bypass: the page, a socket whose other end is the gateway's, the lock of run_dir. */
enum { BH_GUARDIAN_PAGE = 3, BH_GUARDIAN_CHANNEL, BH_GUARDIAN_LOCK };

enum bh_guardian_phase {
	BH_GUARDIAN_STARTING, /* silence means nothing yet */
	BH_GUARDIAN_FORWARDING,
	BH_GUARDIAN_STOPPING, /* by an order */
	BH_GUARDIAN_PASSED,   /* another gateway forwards: nothing is to be done */
};

struct bh_guardian {
	uint32_t phase, beat; /* atomic, relaxed; beat grows with each turn of the control core */
	uint32_t stop, crash, stall; /* enum bh_failure */
	uint32_t after_ms;
	int32_t pid; /* the gateway's */
	uint32_t n_pairs;
	struct {
		char name[32];
		char a[BH_IFNAME_SIZE], b[BH_IFNAME_SIZE]; /* "": no kernel interface */
	} pair[BH_MAX_PAIRS];
	char hook[256];   /* "": none */
	char record[320]; /* file that says what was done */
};

#endif
