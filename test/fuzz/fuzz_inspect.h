/* What the fuzz targets of the inspection share: the engine, memory that runs out and is counted, the check of what is
 * reported. */
#ifndef BH_FUZZ_INSPECT_H
#define BH_FUZZ_INSPECT_H

#include <stdlib.h>

#include "../../lib/inspect/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct run {
	uint64_t seen;
	unsigned blocks, left; /* of memory */
	bool open[2];          /* a text of the side is shown in pieces */
};

static struct bh_inspect_engine *engine;
static struct bh_inspect_scratch *scratch;

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* Printable ASCII, and never sixteen digits that were next to one another. */
static void
check_text(const char *text, size_t size)
{
	unsigned digits = 0;
	size_t i;

	for (i = 0; i < size && text[i] != '\0'; i++) {
		require(text[i] >= 0x20 && text[i] < 0x7f);
		digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
		require(digits < 16);
	}
	require(i < size);
}

static void
report(void *arg, const struct bh_inspect_finding *f)
{
	struct run *r = arg;

	require(f->class < BH_INSPECT_CLASS_COUNT);
	require(bh_inspect_where_name(f->where)[0] != 'i');
	check_text(f->name, sizeof(f->name));
	check_text(f->excerpt, sizeof(f->excerpt));
	r->seen |= BH_INSPECT_BIT(f->class);
}

static void *
take(void *arg, size_t size)
{
	struct run *r = arg;

	if (r->left == 0)
		return NULL;
	r->left--;
	r->blocks++;
	return malloc(size);
}

static void
give(void *arg, void *p)
{
	((struct run *)arg)->blocks--;
	free(p);
}

static inline struct bh_inspect_ctx
context(struct run *r, const struct bh_memory *memory)
{
	return (struct bh_inspect_ctx){.engine = engine,
				       .scratch = scratch,
				       .memory = memory,
				       .report = report,
				       .arg = r,
				       .classes = BH_INSPECT_ALL};
}

/* Patterns take their time to compile under a sanitizer: not within an input's. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(bh_inspect_engine_create(&engine, NULL) == 0 &&
		bh_inspect_scratch_create(&scratch, engine) == 0);
	return 0;
}

#endif
