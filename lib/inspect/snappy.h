/* snappy: raw blocks of Snappy, in pieces (its format_description.txt). Private to inspect. */
#ifndef BH_INSPECT_SNAPPY_H
#define BH_INSPECT_SNAPPY_H

#include "inspect_priv.h"

/* How far copies reach back here: compressors begin anew after so many bytes. */
#define BH_SNAPPY_WINDOW 65536u

/* One block. Zero all before the window. */
struct bh_snappy {
	uint64_t left;   /* bytes that still come out */
	uint64_t done;   /* and have */
	uint32_t run;    /* of a literal or a copy */
	uint32_t offset; /* of a copy */
	uint8_t stage, need, have, some[4];
	uint8_t tag;
	uint8_t shift; /* of the length in front */
	uint8_t window[BH_SNAPPY_WINDOW];
};

/* Bytes that came out; in moves on. bad: it is no block, or reaches farther back. */
size_t bh_snappy_step(struct bh_snappy *s, struct bh_view *in, uint8_t *out, size_t cap, bool *bad);

#endif
