/* bulkheadctl: the gateway's REST API on the command line, with kubectl's verbs.
 *
 * Usage     bh_ctl_main() is all of it but main(): tests call it with memory streams.
 * Lifetime  one struct bh_ctl a run; option values point into argv or the environment.
 * Tables    verb.def, option.def, kind.def and column.def are the lists; help, parsing and completion
 *           come from them.
 */
#ifndef BH_CTL_H
#define BH_CTL_H

#include <jansson.h>
#include <stdio.h>

#include "../../lib/base/base.h"

#define BH_CTL_MAX_REPEAT 12 /* --filter, --label */
#define BH_CTL_DEFAULT_SERVER "http://127.0.0.1:8471"

enum bh_ctl_exit {
	BH_CTL_OK = 0,
	BH_CTL_NO = 1,          /* differs, not found, not healthy */
	BH_CTL_USAGE = 2,       /* the command line, or a file that cannot be read */
	BH_CTL_REFUSED = 3,     /* by the gateway */
	BH_CTL_UNREACHABLE = 4, /* no gateway there */
};

enum bh_ctl_output {
	BH_OUTPUT_TABLE,
	BH_OUTPUT_WIDE,
	BH_OUTPUT_JSON,
	BH_OUTPUT_YAML,
	BH_OUTPUT_HTML
};

/* One option's values, in order. A flag has n = 1 and an empty value. */
struct bh_ctl_option {
	const char *value[BH_CTL_MAX_REPEAT];
	unsigned n;
};

struct bh_ctl;

struct bh_ctl_verb {
	const char *name;
	int (*fn)(struct bh_ctl *ctl);
	int min_args, max_args;
	const char *usage, *options, *text;
};
extern const struct bh_ctl_verb bh_ctl_verbs[];
extern const size_t bh_ctl_n_verbs;

/* What the command line says. */
struct bh_ctl_args {
#define BH_OPTION(field, name, letter, value, text) struct bh_ctl_option field;
#include "option.def"
#undef BH_OPTION
	const struct bh_ctl_verb *verb;
	char **word; /* arguments of the verb; malloc'd list, strings are argv's */
	int n_words;
	enum bh_ctl_output format;
};

struct bh_ctl {
	FILE *out, *err;
	bool colour;
	unsigned width; /* columns of the terminal; 0 = no terminal, no limit */
	struct bh_ctl_args a;
	json_t *context;                  /* of contexts.json, borrowed; NULL: none */
	const char *server, *server_from; /* from: "--server", "BULKHEAD_SERVER", "the default" */
	void *curl;
	uint64_t asked_ns, shown_ns; /* progress.c; shown 0: nothing is */
};

int bh_ctl_main(int argc, char **argv, FILE *out, FILE *err);

/* ---- args.c -------------------------------------------------------------------------------------- */

/* 0, or BH_CTL_USAGE with the reason on err. Options stand before or after the verb, as --name VALUE,
 * --name=VALUE, -n VALUE or -nVALUE; -- ends them. */
int bh_ctl_parse(struct bh_ctl_args *a, int argc, char **argv, FILE *err);
void bh_ctl_args_free(struct bh_ctl_args *a);
/* "unknown X `word`", and the nearest of `known` when one is near. Returns BH_CTL_USAGE. */
int bh_ctl_unknown(FILE *err, const char *what, const char *word, const char *const known[],
		   size_t n);
/* Is `word` one of the words of `list`, which are separated by blanks? */
bool bh_ctl_word_in(const char *word, const char *list);
/* A whole number. */
bool bh_ctl_number(const char *text, uint64_t max, uint64_t *out);

/* ---- help.c -------------------------------------------------------------------------------------- */

void bh_ctl_help(FILE *out, const struct bh_ctl_verb *verb); /* NULL: of the program */

/* ---- client.c ------------------------------------------------------------------------------------ */

struct bh_ctl_reply {
	long status;
	struct bh_buf text;
	json_t *json; /* NULL when it is not JSON */
	bool problem;
};

struct bh_ctl_request {
	const char *method;
	const char *path; /* behind /api/v1, encoded */
	const char *body; /* NULL = none */
	size_t len;
	const char *content_type;
	const char *file; /* name for line and column of a problem, or NULL */
	long seconds;     /* until it is given up; 0: 60 */
};

int bh_ctl_client_open(struct bh_ctl *ctl);
void bh_ctl_client_close(struct bh_ctl *ctl);
/* Percent-encode onto b. */
void bh_ctl_encode(struct bh_buf *b, const char *s);
/* Ask. BH_CTL_OK: 2xx. Otherwise the exit code, and err has been told why; BH_CTL_NO is 404.
 * The reply must be freed in any case. */
int bh_ctl_call(struct bh_ctl *ctl, const struct bh_ctl_request *q, struct bh_ctl_reply *r);
/* The same without a word on err and without a code of its own for a status: BH_CTL_OK or
 * BH_CTL_UNREACHABLE (told). */
int bh_ctl_send(struct bh_ctl *ctl, const struct bh_ctl_request *q, struct bh_ctl_reply *r);
int bh_ctl_get_json(struct bh_ctl *ctl, const char *path, struct bh_ctl_reply *r);
/* A stream of server-sent events: fn gets its bytes until it says false, or the gateway ends it. last_id: "" at first. quiet:
 * that nobody answers is not told. 0: it was there; else the exit code. */
typedef bool (*bh_ctl_piece_fn)(void *arg, const char *data, size_t len);
int bh_ctl_listen(struct bh_ctl *ctl, const char *path, const char *last_id, bh_ctl_piece_fn fn,
		  void *arg, bool quiet);
void bh_ctl_reply_free(struct bh_ctl_reply *r);

/* ---- progress.c: on standard error, when that is a terminal, once it takes a second -------------- */

struct bh_ctl_amounts {
	double to_send, sent, to_receive, received; /* bytes; of all 0: not known */
};
void bh_ctl_progress_text(char *out, size_t size, uint64_t elapsed_ns,
			  const struct bh_ctl_amounts *a);
void bh_ctl_progress_begin(struct bh_ctl *ctl); /* of the request that is prepared */
void bh_ctl_progress_end(struct bh_ctl *ctl);   /* before anything else is printed */
/* Work of this program itself. Returns when `run` does; it runs in a thread of its own. done of all: its parts, 0 of 0 until they
 * are known. */
struct bh_ctl_work {
	const char *what;  /* "compiling" */
	const char *parts; /* "databases" */
	const _Atomic uint32_t *done, *all;
	void *(*run)(void *arg);
	void *arg;
};
void bh_ctl_progress_work_text(char *out, size_t size, uint64_t elapsed_ns,
			       const struct bh_ctl_work *w);
void bh_ctl_progress_work(struct bh_ctl *ctl, const struct bh_ctl_work *w);

/* ---- table.c ------------------------------------------------------------------------------------- */

enum {
	BH_COL_WIDE = 1 << 0,
	BH_COL_RIGHT = 1 << 1,
	BH_COL_COLOUR = 1 << 2,
	BH_COL_MAP = 1 << 3,
	BH_COL_END = 1 << 4,
	BH_COL_SHRINK = 1 << 5,
	BH_COL_APPS = 1 << 6,
};
#define BH_TABLE_MAX_COLS 16

struct bh_ctl_table {
	unsigned n_cols;
	const char *head[BH_TABLE_MAX_COLS];
	unsigned flags[BH_TABLE_MAX_COLS];
	char **cell; /* row by row, owned */
	size_t n_cells, cap;
	bool failed;
};

void bh_ctl_table_column(struct bh_ctl_table *t, const char *head, unsigned flags);
/* The next cell, row by row; the text is copied, control characters made harmless. */
void bh_ctl_table_cell(struct bh_ctl_table *t, const char *text);
void bh_ctl_table_printf(struct bh_ctl_table *t, const char *fmt, ...) BH_PRINTF(2, 3);
/* Columns are as wide as their widest cell. Where that is more than ctl->width, SHRINK columns give way,
 * widest first, down to 8. */
void bh_ctl_table_print(const struct bh_ctl_table *t, const struct bh_ctl *ctl);
void bh_ctl_table_free(struct bh_ctl_table *t);

/* ---- value.c ------------------------------------------------------------------------------------- */

/* Member at "a.b.c", or NULL. */
json_t *bh_ctl_value_at(json_t *o, const char *path);
/* A value as a cell's text, onto b. Lists: a,b. flags: BH_COL_MAP, BH_COL_END,
 * BH_COL_APPS. */
void bh_ctl_value_text(struct bh_buf *b, json_t *v, unsigned flags);
/* What a stranger wrote may hold escape sequences: controls (C0, DEL, and C1 in UTF-8) become '?'. */
void bh_ctl_clean(char *s);
void bh_ctl_put_clean(FILE *out, const char *s);
/* "1.2M": three digits that matter, SI steps. */
void bh_ctl_human(char *out, size_t size, double v);

/* ---- kind.c -------------------------------------------------------------------------------------- */

enum bh_ctl_lookup { BH_LOOKUP_PATH, BH_LOOKUP_LIST, BH_LOOKUP_NONE };

struct bh_ctl_kind {
	const char *plural, *singular, *alias, *path, *member, *name;
	enum bh_ctl_lookup lookup;
	const char *filters;
};
/* NULL: told on err. */
const struct bh_ctl_kind *bh_ctl_kind(struct bh_ctl *ctl, const char *word);
void bh_ctl_kind_columns(const struct bh_ctl_kind *k, struct bh_ctl_table *t, bool wide);
void bh_ctl_kind_row(const struct bh_ctl_kind *k, struct bh_ctl_table *t, bool wide, json_t *item);
const char *bh_ctl_kind_name(size_t i); /* plural of the i-th kind, NULL behind the last */
/* One of them by name, as a new reference. 0 or an exit code, told. */
int bh_ctl_find(struct bh_ctl *ctl, const struct bh_ctl_kind *k, const char *name, json_t **out);
/* Append "?vlan=..." from the options. */
void bh_ctl_tenant(struct bh_ctl *ctl, struct bh_buf *path);

/* ---- packets.c: files of packets, of the kind `evidence` or `captures` ------------------------------ */

int bh_ctl_packets_ask(struct bh_ctl *ctl, const char *kind, const char *method, const char *name,
		       struct bh_ctl_reply *r);
int bh_ctl_packets_get(struct bh_ctl *ctl, const char *kind, const char *name);
int bh_ctl_packets_list(struct bh_ctl *ctl, const char *kind); /* as `get` does */

/* ---- verbs: cmd_*.c ------------------------------------------------------------------------------ */

#define BH_VERB(name, min, max, usage, options, text) int bh_ctl_##name(struct bh_ctl *ctl);
#include "verb.def"
#undef BH_VERB
void bh_ctl_print_json(struct bh_ctl *ctl, json_t *v);
/* yaml.c */
void bh_ctl_print_yaml(struct bh_ctl *ctl, json_t *v);
/* cmd_config.c: the file of contexts, {"current": NAME, "contexts": {NAME: {"server": ...}}}; empty when there is none. */
json_t *bh_ctl_contexts(void);

/* cmd_lint.c: an answer of the linter, as `lint` prints it; name: of the file. */
void bh_ctl_lint_print(struct bh_ctl *ctl, json_t *o, const char *name);
/* cmd_lint.c: a whole file, "-" for standard input, onto out; 0, or 2 with the reason told. */
int bh_ctl_read_file(struct bh_ctl *ctl, const char *name, struct bh_buf *out);

/* cmd_revision.c: who runs this program, or NULL. */
const char *bh_ctl_author(void);
/* cmd_policy.c: "sessions" of an answer to a change, open ones that are judged otherwise from now on. No object: nothing. */
void bh_ctl_put_sessions(struct bh_ctl *ctl, json_t *o);

/* ---- textdiff.c ---------------------------------------------------------------------------------- */

/* Print the difference of two texts in diff(1)'s unified form. Nothing when that program is missing. */
void bh_ctl_textdiff(struct bh_ctl *ctl, const struct bh_buf *before, const struct bh_buf *after,
		     const char *name);

#endif
