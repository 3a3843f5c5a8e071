/* What the files of this room share.
 *   input    documents of a text, notes, which form            input.c
 *   term     sets of endpoints as conjunctions over labels      term.c, block.c (addresses)
 *   out      segments and rules of the document that is made    out.c
 *   forms    k8s_read.c k8s_selector.c k8s_rules.c; nv.c, groups.c over group.c
 *   export   our document as data, export.c; export_k8s.c, export_nv.c, export_groups.c
 */
#ifndef BH_IMPORT_PRIV_H
#define BH_IMPORT_PRIV_H

#include "import.h"

#define BH_RULES_LIMIT 200000 /* of one import: far more than a cluster has, 100 MB of text */

/* ---- text -> number ------------------------------------------------------------------------------ */

struct bh_words {
	struct bh_word_cell {
		const char *text; /* NULL = free */
		uint32_t value;
	} * cell;
	uint32_t mask, n;
};
/* The cell's value, made with `value` when it is new (then *fresh). NULL: no memory. text is kept. */
uint32_t *bh_words_at(struct bh_words *w, const char *text, uint32_t value, bool *fresh);
void bh_words_free(struct bh_words *w);
uint64_t bh_import_hash(const char *text,
			uint64_t seed); /* FNV-1a: the same everywhere, for ever */

/* ---- sets of endpoints --------------------------------------------------------------------------- */

/* What is required of one label. */
struct bh_want {
	const char *key;
	const char **value; /* sorted; in: it has one of these, else: none of these */
	size_t n;
	bool in, exists, absent; /* exists, absent: only where not in */
};

enum bh_term_kind {
	BH_TERM_ANY,
	BH_TERM_LABELS,  /* all wants hold */
	BH_TERM_ADDRESS, /* in one of the prefixes, or an address of one of the hosts */
	BH_TERM_NAMED,   /* a reserved segment */
};

/* What is required of the text of a label: not part of the normal form, taken as independent of all else. That can
 * hide that one set is inside of another, and can't invent it. */
struct bh_more {
	const char *key;
	const char *op;     /* "prefix", "contains", "~", "!~" */
	const char **value; /* one of these; ~ and !~: one */
	size_t n;
};

struct bh_term {
	enum bh_term_kind kind;
	struct bh_want *want; /* sorted by key */
	size_t n;
	struct bh_more *more; /* n_more, in the order of their text */
	size_t n_more;
	struct bh_prefix *prefix;
	size_t n_prefixes;
	const char **host; /* n_hosts, DNS names; sorted */
	size_t n_hosts;
	const char *name;
};

/* Services as numbers: protocol << 16 | port. */
struct bh_span {
	uint32_t first, last;
};
#define BH_SPAN_ALL ((struct bh_span){0, UINT32_C(0xffffff)})

/* ---- one conversion ------------------------------------------------------------------------------- */

struct bh_import {
	const struct bh_import_params *p;
	struct bh_err *err;
	struct bh_arena arena;
	const struct bh_yaml_doc *yaml; /* the document that is being read */
	unsigned base;                  /* lines of its file in front of it */
	struct bh_yaml_doc **docs;      /* all that were read: texts of terms are theirs */
	size_t n_docs;
	struct bh_buf segments, rules; /* text of the two maps */
	struct bh_words names, contents;
	const char **content_name;
	size_t n_contents;
	uint32_t n_rules;
};

/* Where something was written, for a note that comes later. */
struct bh_place {
	const struct bh_yaml_doc *yaml;
	const struct bh_yaml *node;
	unsigned base;
};

enum { BH_TERM_OK, BH_TERM_EMPTY, BH_TERM_UNSAYABLE }; /* besides -errno */

/* input.c */
int bh_import_nomem(struct bh_import *im);
void *bh_import_alloc(struct bh_import *im, size_t size); /* NULL: told */
char *bh_import_text(struct bh_import *im, const char *fmt, ...) BH_PRINTF(2, 3);
/* Append to a list that doubles. 0 or -ENOMEM. */
int bh_import_push(struct bh_import *im, void *list, size_t *n, const void *item, size_t size);
void bh_import_note(struct bh_import *im, const struct bh_yaml *at, const char *fmt, ...)
	BH_PRINTF(3, 4);
struct bh_place bh_import_place(const struct bh_import *im, const struct bh_yaml *node);
void bh_import_note_at(struct bh_import *im, const struct bh_place *at, const char *fmt, ...)
	BH_PRINTF(3, 4);
/* Member of a map; NULL when it is not there, null, or node is no map. */
const struct bh_yaml *bh_import_get(const struct bh_yaml *node, const char *key);
/* Text of a scalar member, or `normal`. */
const char *bh_import_word(const struct bh_yaml *node, const char *key, const char *normal);
/* node must be of the type. 0 or -EINVAL. */
int bh_import_must(struct bh_import *im, const struct bh_yaml *node, enum bh_yaml_type type,
		   const char *what);

/* term.c */
enum bh_want_op { BH_WANT_IN, BH_WANT_NOT_IN, BH_WANT_EXISTS, BH_WANT_ABSENT };
/* One more requirement. BH_TERM_OK, BH_TERM_EMPTY (nothing can meet all), -ENOMEM. Texts are kept. */
int bh_term_add(struct bh_import *im, struct bh_term *t, const char *key, enum bh_want_op op,
		const char *const value[], size_t n);
int bh_term_and(struct bh_import *im, const struct bh_term *a, const struct bh_term *b,
		struct bh_term *out);
bool bh_term_within(const struct bh_term *a, const struct bh_term *b); /* a's wants imply b's */
bool bh_term_meet(const struct bh_term *a, const struct bh_term *b);   /* may both hold? */
void bh_term_selector(const struct bh_term *t, struct bh_buf *out);
const struct bh_want *bh_term_want(const struct bh_term *t, const char *key);

/* One more requirement over a text. 0, -ENOMEM, or BH_TERM_UNSAYABLE: our selectors do not take it. */
int bh_term_more(struct bh_import *im, struct bh_term *t, const struct bh_more *m);
/* The same, or one alternative more for a key and operator that are asked for; an alternative of another operator:
 * BH_TERM_UNSAYABLE. */
int bh_term_or_more(struct bh_import *im, struct bh_term *t, const char *key, const char *op,
		    const char *value);
bool bh_term_same_more(const struct bh_term *a, const struct bh_term *b);
/* All that b requires of texts, a requires, too. */
bool bh_term_more_within(const struct bh_term *a, const struct bh_term *b);
int bh_term_more_and(struct bh_import *im, const struct bh_term *a, const struct bh_term *b,
		     struct bh_term *out);
void bh_term_more_text(const struct bh_term *t, struct bh_buf *out);

/* Our selector's text, one or more requirements, onto a term (term_parse.c). BH_TERM_OK, BH_TERM_EMPTY,
 * BH_TERM_UNSAYABLE (no such operator), -ENOMEM. single: the one requirement was key = value. */
int bh_term_parse(struct bh_import *im, const char *text, struct bh_term *t, bool *single);
/* One of the values of both: for the same key named twice. */
int bh_term_or_value(struct bh_import *im, struct bh_term *t, const char *key, const char *value);

/* block.c */
/* All of p but e, appended to the term's prefixes. */
int bh_block_subtract(struct bh_import *im, struct bh_term *t, const struct bh_prefix *p,
		      const struct bh_prefix *except, size_t n);
enum bh_cover { BH_COVER_NONE, BH_COVER_PART, BH_COVER_ALL };
/* How much of the pods' networks is in the term's prefixes? */
int bh_block_cover(struct bh_import *im, const struct bh_term *t, enum bh_cover *out);
/* "10.0.0.1-10.0.0.9", a prefix (host bits are cleared) or an address. -EINVAL: none of these. */
int bh_block_parse(struct bh_import *im, const char *text, struct bh_term *t);
/* A DNS name, or all below one ("*.example.com"); once each. -EINVAL: it is none. */
int bh_block_host(struct bh_import *im, const char *text, struct bh_term *t);

/* out.c */
struct bh_out_rule {
	const char *id, *comment;
	const char *const *from, *const *to; /* names; n_from = 0: any */
	size_t n_from, n_to;
	const struct bh_span *port; /* n_ports = 0: any */
	size_t n_ports;
	const char *const *app; /* n_apps = 0: any */
	size_t n_apps;
	const char *action;
};
/* Segments for a term, appended to the list unless it has them already. hint: what a new one is called. */
int bh_out_segment(struct bh_import *im, const struct bh_term *t, const char *hint,
		   const char ***names, size_t *n);
int bh_out_rule(struct bh_import *im, const struct bh_out_rule *r);
/* A name of ours, from anything: other characters become '-'; one that is taken gets a number. */
const char *bh_out_name(struct bh_import *im, const char *hint);
void bh_out_quoted(struct bh_buf *b, const char *text); /* as a double-quoted YAML scalar */
void bh_out_span(struct bh_buf *b, const struct bh_span *s);
int bh_spans_and(struct bh_import *im, const struct bh_span *a, size_t n_a, const struct bh_span *b,
		 size_t n_b, struct bh_span **out, size_t *n);

/* app.c */
/* Our name for an application of theirs in any case, "" when there is none, "any" for all. */
const char *bh_import_app(const char *name);
const char *bh_export_app(const char *name); /* theirs for ours, or NULL */
/* May one of the applications be spoken over the protocol of the service? */
bool bh_import_app_over(const char *name, uint32_t service);

/* ---- NetworkPolicy (k8s_read.c reads, k8s_rules.c makes rules) ------------------------------------- */

struct bh_k8s_peer {
	struct bh_term term;
	const char *hint;
	bool told; /* that it cannot be joined with labels */
};

/* One item of `ingress` or `egress`. */
struct bh_k8s_rule {
	struct bh_k8s_policy *policy;
	struct bh_place place;
	const char *hint;         /* "shop/web/ingress-1" */
	struct bh_k8s_peer *peer; /* n_peers */
	size_t n_peers;
	struct bh_span *port; /* n_ports */
	size_t n_ports;
};

struct bh_k8s_policy {
	const char *ns, *name; /* name: "shop/web" */
	struct bh_place place;
	struct bh_term subject;
	bool isolates[2]; /* by direction: 0 ingress, 1 egress */
};

/* That it is a pod of the cluster whose policies these are. As bh_term_add. */
int bh_k8s_cluster(struct bh_import *im, struct bh_term *t);
/* A LabelSelector of pods, or of namespaces, onto a term (k8s_selector.c). BH_TERM_OK, BH_TERM_EMPTY or
 * -errno. */
int bh_k8s_selector(struct bh_import *im, const struct bh_yaml *node, bool of_ns,
		    struct bh_term *t);

struct bh_k8s {
	struct bh_k8s_policy **policy;
	size_t n_policies;
	struct bh_k8s_rule *rule[2]; /* by direction */
	size_t n_rules[2];
	struct bh_words names;
};

/* ---- named groups and rules between them: NV and the older form (group.c) -------------------------- */

struct bh_group {
	const char *name;
	struct bh_term *term; /* n: members of any of them */
	size_t n;
	const char *why; /* it cannot be said; NULL: it can */
};

struct bh_group_rule {
	const char *id, *from, *to; /* names of groups */
	struct bh_place place;
	struct bh_span *port;
	size_t n_ports;
	const char **app;
	size_t n_apps; /* 0: any */
	bool deny;
	bool broken; /* nothing is left of its ports or applications; told */
	int priority;
	size_t index;
};

struct bh_groups {
	struct bh_group *group;
	size_t n;
	struct bh_group_rule *rule;
	size_t n_rules;
	struct bh_words names; /* name -> index */
};

/* Add a group, or meet the same again. 0, -ENOMEM, -EINVAL: another of that name. */
int bh_group_add(struct bh_import *im, struct bh_groups *g, const struct bh_group *group,
		 const struct bh_yaml *at);
int bh_group_ports(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *node);
int bh_group_apps(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *node);
int bh_group_action(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *map);
int bh_group_finish(struct bh_import *im, struct bh_groups *g);

/* Forms: read one document; finish when all were read. */
struct bh_forms {
	struct bh_k8s k8s;
	struct bh_groups groups;
};
int bh_k8s_read(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc);
int bh_k8s_finish(struct bh_import *im, struct bh_forms *f);
int bh_nv_read(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc);
int bh_groups_read(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc);

#endif
