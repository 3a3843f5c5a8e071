/* Options of the generator: option.def as C.
 *
 * Usage     bh_gen_options_default, bh_gen_options_set for each that is given, bh_gen_options_finish.
 * Threads   control.
 */
#ifndef BH_GENERATOR_OPTIONS_H
#define BH_GENERATOR_OPTIONS_H

#include "generator.h"
#include "talk.h"

#define BH_GEN_AT 16
#define BH_GEN_SIZES 16
#define BH_GEN_TEXT_SIZE 256

enum bh_gen_test {
	BH_GEN_TEST_LOAD,
	BH_GEN_TEST_THROUGHPUT,
	BH_GEN_TEST_LATENCY,
	BH_GEN_TEST_LOSS,
	BH_GEN_TEST_BACK_TO_BACK,
	BH_GEN_TEST_CPS, /* from here on with connections */
	BH_GEN_TEST_TPS,
	BH_GEN_TEST_CONCURRENT,
};

struct bh_gen_options {
	/* As written. */
#define BH_GEN_TEXT(field, name, arg, def, text) char field[BH_GEN_TEXT_SIZE];
#define BH_GEN_NUMBER(field, name, def, min, max, text) uint64_t field;
#define BH_GEN_REAL(field, name, arg, def, min, max, text) double field;
#define BH_GEN_WORD(field, name, words, def, text) unsigned field;
#define BH_GEN_FLAG(field, name, text) bool field;
#define BH_GEN_GROUP(title)
#include "option.def"
#undef BH_GEN_TEXT
#undef BH_GEN_NUMBER
#undef BH_GEN_REAL
#undef BH_GEN_WORD
#undef BH_GEN_FLAG
#undef BH_GEN_GROUP
	/* What was made of it. */
	bool has[2]; /* a port of this side */
	struct bh_gen_frames trials;
	enum bh_gen_pattern order;
	double exponent;
	double pps;              /* 0: as fast as it goes */
	struct bh_gen_wire wire; /* without MAC addresses that were not given */
	bool to_known[2];
	bool routed[2]; /* by next[] */
	uint8_t next[2][16];
	unsigned n_at;
	double share[BH_GEN_AT];
	unsigned n_sizes;
	double kib[BH_GEN_SIZES];
	unsigned n_workers;
	uint16_t worker[BH_MAX_WORKERS]; /* CPUs; none: the last one */
};

static inline bool
bh_gen_options_connect(const struct bh_gen_options *o)
{
	return o->test >= BH_GEN_TEST_CPS;
}

void bh_gen_options_default(struct bh_gen_options *o);
/* One option; value is NULL for a flag. 0, -ENOENT (no such option) or -EINVAL. */
int bh_gen_options_set(struct bh_gen_options *o, const char *name, const char *value,
		       struct bh_err *err);
/* All are given: read and compare them. 0 or -EINVAL. */
int bh_gen_options_finish(struct bh_gen_options *o, struct bh_err *err);
/* The index-th option: its name, whether it takes a value, and the lines of --help. NULL name behind the last. */
struct bh_gen_option_info {
	const char *name, *group; /* group: opens one, else NULL */
	bool value;
};
struct bh_gen_option_info bh_gen_option_info(unsigned index);
/* All of them, for --help. */
void bh_gen_options_help(struct bh_buf *out);

#endif
