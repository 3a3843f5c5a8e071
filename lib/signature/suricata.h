/* The reader of Suricata's rules: what its files share.
 *   text        rules of a file, their words and options          suricata_text.c
 *   values      content and pcre, sets of addresses and ports     suricata_content.c, suricata_net.c, spans.c
 *   options     option.def lists them; suricata_pattern.c (what is looked for and where), suricata_meta.c
 *               (what it is called, what it depends on)
 *   rules       from options to the model                         suricata.c
 */
#ifndef BH_SURICATA_H
#define BH_SURICATA_H

#include "signature_priv.h"

/* ---- text ----------------------------------------------------------------------------------------- */

struct bh_suricata_file {
	const char *at, *end;
	unsigned line;     /* of `at` */
	uint32_t disabled; /* rules in comments so far */
};

struct bh_suricata_option {
	struct bh_suricata_option *next;
	char *key, *value;   /* value NULL: none */
	size_t at, value_at; /* in the rule's text */
};

enum {
	BH_SUR_ACTION,
	BH_SUR_PROTO,
	BH_SUR_SRC,
	BH_SUR_SPORT,
	BH_SUR_ARROW,
	BH_SUR_DST,
	BH_SUR_DPORT,
	BH_SURICATA_WORDS
};

struct bh_suricata_rule {
	const char *text; /* as it stands in the file */
	size_t len;
	unsigned line;
	struct {
		char *text;
		size_t at;
	} word[BH_SURICATA_WORDS];
	struct bh_suricata_option *option, **tail;
	const char *mistake; /* NULL: none */
	size_t mistake_at;
};

/* The next rule's text; false: there is none. */
bool bh_suricata_next(struct bh_suricata_file *f, struct bh_suricata_rule *r);
bool bh_suricata_is_rule(const char *p, const char *end);
/* Words and options, in memory of the arena. 0, -ENOMEM, or -EINVAL with r->mistake. */
int bh_suricata_split(struct bh_arena *a, struct bh_suricata_rule *r);
/* Where a byte of the rule's text stands. */
void bh_suricata_place(const struct bh_suricata_rule *r, size_t at, unsigned *line,
		       unsigned *column);

/* ---- values ----------------------------------------------------------------------------------------- */

/* What is wrong with a value, and where in it. */
struct bh_suricata_bad {
	const char *what;
	size_t at;
};

enum {
	BH_PCRE_NOCASE = 1 << 0,
	BH_PCRE_MULTILINE = 1 << 1,
	BH_PCRE_DOTALL = 1 << 2,
	BH_PCRE_EXTENDED = 1 << 3,
	BH_PCRE_ANCHORED = 1 << 4,
	BH_PCRE_DOLLAR_END = 1 << 5,
	BH_PCRE_UNGREEDY = 1 << 6,
	BH_PCRE_RELATIVE = 1 << 7,
};

/* A content or pcre, and what is written about it behind. */
struct bh_suricata_pattern {
	const struct bh_suricata_option *option;
	const uint8_t *text;
	size_t len, value_at; /* value_at: of the expression in the option's value */
	bool negated, regex;  /* regex: of a pcre, or made of a content */
	bool given;           /* by a sticky buffer: no legacy modifier may follow */
	bool dotprefix, to_lower;
	uint8_t kind;       /* enum bh_sensor_kind; of contents LITERAL */
	uint8_t context;    /* enum bh_sensor_context */
	uint16_t flags;     /* BH_PCRE_* of a pcre */
	uint16_t mod;       /* BH_SENSOR_* */
	const char *buffer; /* of a pcre: that its modifiers name, or NULL */
	uint32_t offset, depth, within;
	int32_t distance;
	uint32_t size_min, size_max;
};

/* 0, -ENOMEM, -EINVAL with *why. */
int bh_suricata_content(struct bh_arena *a, const char *value, struct bh_suricata_pattern *out,
			struct bh_suricata_bad *why);
int bh_suricata_pcre(struct bh_arena *a, const char *value, struct bh_suricata_pattern *out,
		     struct bh_suricata_bad *why);

typedef unsigned __int128 bh_number;
struct bh_spans {
	struct bh_span128 {
		bh_number first, last;
	} * at; /* malloc'd */
	size_t n, cap;
};
int bh_sig_spans_add(struct bh_spans *s, bh_number first, bh_number last); /* 0, -ENOMEM, -E2BIG */
void bh_sig_spans_normalise(struct bh_spans *s);                           /* sort and join */
int bh_sig_spans_complement(const struct bh_spans *s, bh_number max, struct bh_spans *out);
int bh_sig_spans_and(const struct bh_spans *a, const struct bh_spans *b, struct bh_spans *out);
void bh_sig_spans_free(struct bh_spans *s);

/* A set as written in a header, normalised. 0, -ENOMEM, -E2BIG, -EINVAL with *why. Free out in any case. */
int bh_suricata_set(const struct bh_suricata_vars *vars, bool ports, const char *text,
		    struct bh_spans *out, struct bh_suricata_bad *why);
const char *bh_suricata_var(const struct bh_suricata_vars *vars, bool ports, const char *name);
unsigned bh_suricata_priority(const struct bh_sig *s, const char *classtype); /* 0: no such */

struct bh_sig_set *bh_sig_set_keep(struct bh_sig *s,
				   const struct bh_spans *spans); /* NULL: no memory */

/* ---- a rule as it is read -------------------------------------------------------------------------- */

#define BH_SURICATA_PATTERNS 64 /* of one rule; the model takes fewer */

struct bh_suricata_bit {
	uint8_t op; /* enum bh_sensor_bit_op */
	const char *name;
};

struct bh_suricata_draft {
	struct bh_sig *sig;
	struct bh_arena *arena; /* of this rule */
	struct bh_suricata_rule *rule;
	int fate; /* -1: fine so far; else the worst enum bh_signature_fate: the lowest */
	struct bh_suricata_pattern pattern[BH_SURICATA_PATTERNS];
	size_t n_patterns;
	/* The sticky buffer and its transformations. */
	bool sticky, dotprefix, to_lower;
	uint8_t context;
	/* What is said of the rule. */
	const char *message, *classtype, *metadata, *attack;
	uint32_t sid, gid, rev, priority, class_priority;
	uint8_t direction, app, action, transports;
	struct bh_sig_header header;
	bool app_given; /* by an option, not by the header */
	struct bh_suricata_bit *bit;
	size_t n_bits;
	struct bh_sensor_reference *reference;
	size_t n_references;
	struct {
		uint8_t type, track;
		uint32_t count, seconds;
	} threshold;
};

/* An option's reader. `arg` is its line's in option.def. 0 or -ENOMEM: what is wrong with the rule is told to the
 * draft. */
typedef int (*bh_suricata_reader)(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
				  const char *arg);
#define BH_SURICATA_OPTION(name, reader, with)                                                     \
	int bh_sur_##reader(struct bh_suricata_draft *d, const struct bh_suricata_option *o,       \
			    const char *arg);
#include "option.def"
#undef BH_SURICATA_OPTION

/* The rule is refused: `at` in its text. */
int bh_suricata_refuse(struct bh_suricata_draft *d, size_t at, const char *option,
		       const char *what);
/* ... at a byte of the option's value. */
int bh_suricata_refuse_value(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
			     size_t at, const char *what);
int bh_suricata_skip(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
		     const char *what);
int bh_suricata_changed(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
			const char *what);
/* A protocol of headers; NULL: not known. */
struct bh_suricata_proto {
	const char *name;
	uint8_t transports; /* BH_OVER_*; 0: any */
	const char *app;    /* NULL: none */
	const char *why;    /* it is not supported; NULL: it is */
};
const struct bh_suricata_proto *bh_suricata_proto(const char *name);
/* The header's words. 0 or -ENOMEM. */
int bh_suricata_header(struct bh_suricata_draft *d);
/* The draft as a rule of the model. 0 or -ENOMEM; a rule that bh_sensor_check() refuses is told. */
int bh_suricata_write(struct bh_suricata_draft *d, struct bh_sensor *sensor);
/* Checks over all patterns, and what relative ones without one in front of them mean. */
int bh_suricata_finish_patterns(struct bh_suricata_draft *d);
/* A number from min to max that is all of the text. */
bool bh_suricata_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

#endif
