/* One row of a table of first.c: the sum of what LINE and BIT say of each line of proto.def. */
/* clang-format off */
[B] = 0
#define BH_PROTO(sym, name, transports, parent, text) | LINE(sym, transports, parent)
#define BH_FIRST(sym, side, first, fifth) | BIT(sym, side, first, fifth)
#include "proto.def"
#undef BH_PROTO
,
