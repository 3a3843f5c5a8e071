/* pattern: which kinds of bytes a text needs for a regular expression to match in it. Private to inspect. */
#ifndef BH_INSPECT_PATTERN_H
#define BH_INSPECT_PATTERN_H

#include <stdbool.h>

#include "byte.h"

/* Can the expression [at, at + len), case ignored, match in a text that has no other bytes than of these kinds? Never says no
 * when it can; what is not understood can. */
bool bh_pattern_fits(const char *at, size_t len, uint32_t kinds);
/* The length of the first alternative: a|b|(c|d) has three. */
size_t bh_pattern_branch(const char *at, size_t len);

#endif
