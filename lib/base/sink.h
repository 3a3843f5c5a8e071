/* Sinks, as the configuration and lib/sink both know them: sink.def and sink_option.def as C. */
#ifndef BH_BASE_SINK_H
#define BH_BASE_SINK_H

#include <stdint.h>

enum bh_sink_type {
#define BH_SINK(sym, name, key, forms, schemes, kinds, options, text) BH_SINK_##sym,
#include "sink.def"
#undef BH_SINK
	BH_SINK_TYPES
};

struct bh_sink_options {
#define BH_SINK_NUMBER(field, key, def, min, max) uint32_t field;
#define BH_SINK_TIME(field, key, def, min, max) uint32_t field;
#define BH_SINK_FILE(field, key) char field[256];
#define BH_SINK_SECRET(field, key) char field[256];
#define BH_SINK_TEXT(field, key, def) char field[256];
#include "sink_option.def"
#undef BH_SINK_NUMBER
#undef BH_SINK_TIME
#undef BH_SINK_FILE
#undef BH_SINK_SECRET
#undef BH_SINK_TEXT
};

#endif
