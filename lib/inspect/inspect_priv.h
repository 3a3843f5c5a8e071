/* inspect_priv: what the classifiers share. */
#ifndef BH_INSPECT_PRIV_H
#define BH_INSPECT_PRIV_H

#include <strings.h>

#include "byte.h"
#include "inspect.h"

/* Bytes of a value that are judged in one piece; a longer one is cut into pieces that overlap. */
#define BH_INSPECT_PIECE 8192
#define BH_INSPECT_OVERLAP 512
/* Readings of one piece: as it stands, percent-decoded, entities and escapes undone, base64 undone. */
#define BH_INSPECT_VIEWS 4

/* Where a rule applies: a set, so that a line of rule.def may name several. */
enum {
	BH_ON_VALUE = 1 << 0,
	BH_ON_NAME = 1 << 1,
	BH_ON_PATH = 1 << 2,
	BH_ON_QUERY = 1 << 3,
	BH_ON_AGENT = 1 << 4,
	BH_ON_RESPONSE = 1 << 5,
	BH_ON_BODY = 1 << 6,
	BH_ON_HEADER = 1 << 7,
	BH_ON_FILE = 1 << 8,
	BH_ON_DATA = 1 << 9, /* sensitive data, anywhere */
};

#define BH_ON_REQUEST ((uint16_t) ~(BH_ON_RESPONSE | BH_ON_DATA))

/* One decoded reading of a value. */
struct bh_view {
	const uint8_t *at;
	size_t len;
};

#define BH_SQL_TOKENS 512

struct bh_isql_token {
	uint16_t at, len; /* in the view */
	uint8_t kind;     /* enum bh_isql_type */
	uint8_t word;     /* enum bh_isql_word, for words */
};

struct hs_scratch;
struct hs_database;

struct bh_inspect_scratch {
	struct hs_scratch *hs;
	uint8_t view[BH_INSPECT_VIEWS + 1]
		    [BH_INSPECT_PIECE];  /* the last one is for work within a reading */
	uint8_t head[BH_INSPECT_WINDOW]; /* a request that is read leniently */
	struct bh_isql_token sql[BH_SQL_TOKENS];
};

/* engine.c: the lines of rule.def and rule_dlp.def. */
struct bh_inspect_rule {
	const char *pattern;
	uint16_t on; /* BH_ON_* */
	uint8_t class;
};
extern const struct bh_inspect_rule bh_inspect_rules[];
extern const unsigned bh_inspect_n_rules;

#define BH_INSPECT_DATABASES 16

/* Patterns that are matched together. */
struct bh_inspect_database {
	struct hs_database *db; /* NULL: there are none */
	uint64_t classes;
	uint32_t needs; /* BH_KIND_*: a text that has none of them can't match; 0: any can */
	uint32_t least; /* bytes of the shortest text that can */
	uint16_t on;    /* BH_ON_* of values */
	uint16_t
		ordinary; /* of values, also of those that the place's own database is enough for */
};

struct bh_inspect_engine {
	struct bh_inspect_database db[BH_INSPECT_DATABASES];
	struct hs_scratch *proto; /* what workers' scratches are cloned from */
};

/* dlp_tally.c: one more of a class. True: it is to be told. own: where it was is its sender's own place; else NULL. */
bool bh_tally_add(struct bh_inspect_tally *t, struct bh_inspect_own *own, unsigned class,
		  const struct bh_view *text);
/* A side's message has ended. */
void bh_tally_next(struct bh_inspect_tally *t);
static inline struct bh_inspect_tally *
bh_tally_of(const struct bh_inspect_ctx *ctx, unsigned side)
{
	return ctx->tally != NULL ? &ctx->tally[side] : NULL;
}

/* What a classifier of one reading adds to. */
struct bh_judge {
	struct bh_inspect_scratch *scratch;
	const struct bh_inspect_engine *engine;
	uint64_t found; /* BH_INSPECT_BIT */
	uint32_t offset[BH_INSPECT_CLASS_COUNT];
	uint32_t kinds; /* BH_KIND_* of this reading */
	uint16_t on;    /* BH_ON_* of this value */
	uint8_t where;
	bool encoded; /* this reading is not the value as it stood */
	bool plain;   /* the value is one in which only what is seldom and exact counts
               */
};

static inline void
bh_judge_hit(struct bh_judge *j, unsigned class, size_t offset)
{
	if (j->found & BH_INSPECT_BIT(class))
		return;
	j->found |= BH_INSPECT_BIT(class);
	j->offset[class] = (uint32_t)offset;
}

/* engine.c: the patterns of these classes, perhaps of others, over one reading; those of sensitive data. */
void bh_judge_rules(struct bh_judge *j, const struct bh_view *v, uint64_t classes);
void bh_judge_data(struct bh_judge *j, const struct bh_view *v);

/* sql.c, html.c, shell.c, php.c, path.c, url.c, lookup.c, xml.c: one reading as what it would be where it lands. */
void bh_judge_sql(struct bh_judge *j, const struct bh_view *v);
void bh_judge_html(struct bh_judge *j, const struct bh_view *v);
void bh_judge_shell(struct bh_judge *j, const struct bh_view *v);
void bh_judge_php(struct bh_judge *j, const struct bh_view *v);
void bh_judge_path(struct bh_judge *j, const struct bh_view *v);
void bh_judge_url(struct bh_judge *j, const struct bh_view *v);
void bh_judge_lookup(struct bh_judge *j, const struct bh_view *v);
void bh_judge_xml(struct bh_judge *j, const struct bh_view *v);

/* decode.c: each returns the length written (at most cap) and sets *changed when it differs from the input. */
size_t bh_decode_percent(uint8_t *out, size_t cap, const struct bh_view *in, bool plus,
			 bool *changed);
size_t bh_decode_utf8(uint8_t *out, size_t cap, const struct bh_view *in, bool *changed);
size_t bh_decode_escapes(uint8_t *out, size_t cap, const struct bh_view *in, bool *changed);
/* 0 when it is not base64 of anything worth reading. */
size_t bh_decode_base64(uint8_t *out, size_t cap, const struct bh_view *in);

/* ---- bytes ------------------------------------------------------------------------------------- */

static inline uint8_t
bh_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool
bh_is_alpha(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

static inline bool
bh_is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

static inline bool
bh_is_alnum(uint8_t c)
{
	return bh_is_alpha(c) || bh_is_digit(c);
}

static inline bool
bh_is_word(uint8_t c)
{
	return bh_is_alnum(c) || c == '_';
}

static inline bool
bh_is_space(uint8_t c)
{
	return c == ' ' || (c >= 9 && c <= 13);
}

/* -1: no hexadecimal digit */
static inline int
bh_hex(uint8_t c)
{
	if (bh_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Does v at `pos` spell `text` (lower case), case ignored? */
static inline bool
bh_at(const struct bh_view *v, size_t pos, const char *text)
{
	size_t n = strlen(text), i;

	if (pos > v->len || v->len - pos < n)
		return false;
	for (i = 0; i < n; i++)
		if (bh_lower(v->at[pos + i]) != (uint8_t)text[i])
			return false;
	return true;
}

/* Is v[pos, pos + len) the word `text` (lower case)? */
static inline bool
bh_is(const struct bh_view *v, size_t pos, size_t len, const char *text)
{
	return strlen(text) == len && bh_at(v, pos, text);
}

static inline size_t
bh_skip_space(const struct bh_view *v, size_t pos)
{
	while (pos < v->len && bh_is_space(v->at[pos]))
		pos++;
	return pos;
}

/* shell_word.c: the name of a command, and one that prose uses, too. */
bool bh_is_command(const struct bh_view *name);
bool bh_is_english_command(const struct bh_view *name);

/* Is the word v[pos, pos + len) in a sorted list of lower-case words? */
bool bh_in_list(const struct bh_view *v, size_t pos, size_t len, const char *const *list, size_t n);

#endif
