/* Any bytes as bulkhead.yaml. Beyond no crash: a refusal always has a sentence and, once the file could
 * be opened, a line and column that exist in it; a configuration that is accepted keeps the ranges of
 * its table and joins ports that exist; the loader leaves the caller's struct alone on failure. */
#include <stdlib.h>

#include "../../lib/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void
check_accepted(const struct bh_config *c)
{
	unsigned i;

#define BH_CONFIG_U64(f, p, def, lo, hi, t) MUST(c->f <= hi && c->f + 1 > lo);
#define BH_CONFIG_MS(f, p, def, lo, hi, t) MUST(c->f <= hi && c->f + 1 > lo);
#define BH_CONFIG_BOOL(f, p, def, t)
#define BH_CONFIG_ENUM(f, p, words, def, t) MUST(c->f < 8);
#define BH_CONFIG_STR(f, p, def, t) MUST(memchr(c->f, 0, sizeof(c->f)) != NULL);
#include "../../lib/conf/config.def"
	MUST(c->n_ports <= BH_MAX_PORTS && c->n_pairs <= BH_MAX_PAIRS);
	MUST(c->n_workers <= BH_MAX_WORKERS);
	for (i = 0; i < c->n_pairs; i++)
		MUST(c->pair[i].inside < c->n_ports && c->pair[i].outside < c->n_ports &&
		     c->pair[i].inside != c->pair[i].outside);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bh_config untouched;
	struct bh_config c = untouched;
	struct bh_err err = {0};
	unsigned lines = 1;
	size_t i;

	if (bh_config_load_text(&c, "/f/bulkhead.yaml", (const char *)data, size, size % 2 == 0,
				&err) == 0) {
		MUST(err.what[0] == '\0');
		check_accepted(&c);
		return 0;
	}
	MUST(memcmp(&c, &untouched, sizeof(c)) == 0);
	MUST(err.what[0] != '\0' && err.line != 0 && err.column != 0);
	/* YAML also breaks lines at CR, NEL (2 bytes), LS and PS (3 bytes): count generously. */
	for (i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 || data[i] == 0xa8 ||
			 data[i] == 0xa9;
	MUST(err.line <= lines + 1);
	return 0;
}
