/* byte: what kinds of bytes a text is made of, one bit each, so that a judge that needs some of them is asked only when they
 * are there. Private to inspect. */
#ifndef BH_INSPECT_BYTE_H
#define BH_INSPECT_BYTE_H

#include <stddef.h>
#include <stdint.h>

enum {
	BH_KIND_LETTER = 1 << 0,
	BH_KIND_DIGIT = 1 << 1,
	BH_KIND_UNDERSCORE = 1 << 2,
	BH_KIND_SPACE = 1 << 3, /* the space alone */
	BH_KIND_DOT = 1 << 4,
	BH_KIND_DASH = 1 << 5,
	BH_KIND_SLASH = 1 << 6,
	BH_KIND_COLON = 1 << 7,
	BH_KIND_COMMA = 1 << 8,
	BH_KIND_QUESTION = 1 << 9,
	BH_KIND_PLUS = 1 << 10,
	BH_KIND_STAR = 1 << 11,
	BH_KIND_PERCENT = 1 << 12,
	BH_KIND_EQUALS = 1 << 13,
	BH_KIND_AMPERSAND = 1 << 14,
	BH_KIND_SEMICOLON = 1 << 15,
	BH_KIND_PIPE = 1 << 16,
	BH_KIND_BACKSLASH = 1 << 17,
	BH_KIND_AT = 1 << 18,
	BH_KIND_MARK = 1 << 19,  /* # ! ^ ~ */
	BH_KIND_QUOTE = 1 << 20, /* ' " */
	BH_KIND_BACKTICK = 1 << 21,
	BH_KIND_PAREN = 1 << 22,
	BH_KIND_SQUARE = 1 << 23,
	BH_KIND_BRACE = 1 << 24,
	BH_KIND_ANGLE = 1 << 25,
	BH_KIND_DOLLAR = 1 << 26,
	BH_KIND_CONTROL = 1 << 27, /* 0 to 31, 127 */
	BH_KIND_HIGH = 1 << 28,    /* 128 and beyond */
	BH_KIND_ALL = (1 << 29) - 1,
};

#define BH_KIND_WORD ((uint32_t)(BH_KIND_LETTER | BH_KIND_DIGIT | BH_KIND_UNDERSCORE))

/* The kind of each byte. */
extern const uint32_t bh_kind_of[256];

/* Those of a text. */
static inline uint32_t
bh_kinds(const uint8_t *at, size_t len)
{
	uint32_t kinds = 0;
	size_t i;

	for (i = 0; i < len; i++)
		kinds |= bh_kind_of[at[i]];
	return kinds;
}

#endif
