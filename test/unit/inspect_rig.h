/* One engine for all of the room's tests (compiling it takes a while), and what was found with it. */
#ifndef BH_INSPECT_RIG_H
#define BH_INSPECT_RIG_H

#include "../../lib/inspect/inspect.h"

struct inspect_rig {
	struct bh_inspect_ctx ctx;
	uint64_t seen; /* classes */
	unsigned n;
	bool unread;                    /* something could not be looked at */
	unsigned taken;                 /* blocks of the memory for decompression */
	struct bh_inspect_finding last; /* of each class, the last one */
	struct bh_inspect_finding of[BH_INSPECT_CLASS_COUNT];
};

/* Ready for the next test: nothing seen, all classes looked for. */
struct inspect_rig *inspect_rig(void);
/* Classes found in an argument's value. */
uint64_t inspect_arg(const char *text);
uint64_t inspect_at(unsigned where, const char *name, const void *at, size_t len);

#define SAW(set, class) (((set)&BH_INSPECT_BIT(BH_INSPECT_##class)) != 0)

#endif
