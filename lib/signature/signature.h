/* signature: documents that say what sensors look for, as a model of lib/sensor.
 *
 * Usage     bh_signature_load() reads files of any of the forms below into one struct bh_signatures: a model that
 *           bh_sensor_compile() takes, where its sensors apply (attachments, exceptions), and a report of what each file
 *           holds and of what could not be said. docs/sensors.md describes the forms.
 * Forms     sensors: ours, YAML; nv: the container firewall's DLP and WAF documents and its security rules' dlp and waf
 *           settings; suricata: rules of that engine.
 * Threads   loading: control. What was loaded is immutable: bh_signature_allows() from any thread.
 * Lifetime  all that is reachable lives until bh_signatures_free(); the model until it is given away.
 * Mistakes  of YAML end the load, with their place. One rule of a Suricata file that can't be read, or uses what is not
 *           supported, is left out and told in the report: sets of thousands of rules have such.
 */
#ifndef BH_SIGNATURE_H
#define BH_SIGNATURE_H

#include "../base/base.h"
#include "../sensor/sensor.h"

#define BH_SIGNATURE_CLASSES 64 /* room for one of each enum bh_inspect_class */

enum bh_signature_form {
	BH_SIGNATURE_SENSORS,
	BH_SIGNATURE_NV,
	BH_SIGNATURE_SURICATA,
	BH_SIGNATURE_FORMS
};
const char *bh_signature_form_name(unsigned form); /* any value is safe */

/* ---- the report ---------------------------------------------------------------------------------- */

enum bh_signature_fate {
	BH_SIGNATURE_REFUSED, /* can't be read: the rule is left out */
	BH_SIGNATURE_SKIPPED, /* uses what is not supported: the rule is left out */
	BH_SIGNATURE_CHANGED, /* loaded, and it says less, or something a little different: `text` says what */
	BH_SIGNATURE_FATES
};
const char *bh_signature_fate_name(unsigned fate); /* any value is safe */

struct bh_signature_note {
	uint32_t file; /* index of report.file */
	unsigned line, column;
	uint8_t fate;       /* enum bh_signature_fate */
	uint32_t sid;       /* 0: none, or not known */
	const char *option; /* which one; NULL: the rule as a whole */
	const char *text;
};

struct bh_signature_file {
	const char *name;
	uint8_t form;                      /* enum bh_signature_form */
	uint32_t sensors, rules, patterns; /* loaded */
	uint32_t attachments, exceptions;
	uint32_t disabled; /* rules that stand in comments */
	uint32_t left_out; /* rules that are not loaded */
	uint32_t changed;  /* rules that are, with a note */
};

struct bh_signature_report {
	const struct bh_signature_file *file;
	size_t n_files;
	const struct bh_signature_note *note; /* in order of files and lines */
	size_t n_notes;
};

/* ---- where sensors apply --------------------------------------------------------------------------- */

/* Which end of a connection a segment is. */
enum bh_signature_side { BH_SIGNATURE_EITHER, BH_SIGNATURE_SERVER, BH_SIGNATURE_CLIENT };

/* Names; n = 0: all of them. */
struct bh_signature_names {
	const char *const *name;
	size_t n;
};

/* One attachment or exception. It holds for a connection when one of `segments` is the end that `side` says, one of
 * `peers` the other end, and one of `allowed_by` the policy's rule that lets it pass. Of several attachments that hold for
 * a rule or class the first one says the action. */
struct bh_signature_where {
	const char *sensor;            /* NULL: every one */
	const struct bh_sensor *found; /* NULL: every one, or a built-in class */
	unsigned class; /* enum bh_inspect_class of a built-in one, else BH_INSPECT_CLASS_COUNT */
	struct bh_signature_names rules, segments, peers, allowed_by;
	/* Of an exception: paths of HTTP requests ('*' is any text), and places as bh_signature_hit.where. */
	struct bh_signature_names paths, where;
	uint8_t side;   /* enum bh_signature_side */
	uint8_t action; /* enum bh_sensor_action; of an exception 0 */
	uint32_t file;  /* index of report.file */
	unsigned line, column;
};

struct bh_signatures {
	struct bh_sensor_model
		*model; /* set it to NULL when bh_sensor_compile() has taken it over */
	const struct bh_signature_where *attachment, *exception;
	size_t n_attachments, n_exceptions;
	struct bh_signature_report report;
	struct bh_sig *own; /* of this room */
};

struct bh_signature_params {
	const char *const *file; /* each of any form */
	size_t n_files;
	const char *vars;    /* file of Suricata's variables, YAML; NULL: none */
	const char *classes; /* file of classifications; NULL: none */
	/* Read after the files: text with a key `clusters:`, as policy documents have it (docs/kubernetes.md). The files know nothing
	 * of its sensors, so that they load whatever clusters say. NULL: none. */
	const char *part;
	size_t part_len;
};
#define BH_SIGNATURE_PART                                                                          \
	"policy of clusters" /* its name in errors, and sensor->file of its sensors */

/* 0; -EINVAL and others with err set (where, what, what to do). *out is set on success only. */
int bh_signature_load(const struct bh_signature_params *params, struct bh_signatures **out,
		      struct bh_err *err);
/* The same with one text of the given name instead of files. */
int bh_signature_load_text(const struct bh_signature_params *params, const char *name,
			   const char *text, size_t len, struct bh_signatures **out,
			   struct bh_err *err);
void bh_signatures_free(struct bh_signatures *s); /* NULL is fine */

/* ---- what a rule's header says ---------------------------------------------------------------------- */

/* Ends of a connection; addresses of IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
struct bh_signature_ends {
	uint8_t client[16], server[16];
	uint16_t client_port, server_port;
	uint8_t proto; /* IP protocol number */
};
/* Does the header of this rule (transport, addresses and ports) take this connection in? true for rules without one. For
 * bh_sensor_worker_params.wanted: no lock, no memory, two binary searches. */
bool bh_signature_allows(const struct bh_signatures *s, const struct bh_sensor_rule *rule,
			 const struct bh_signature_ends *ends);

/* ---- what is done about a hit ------------------------------------------------------------------------ */

/* Segments and rules of a policy by name: false when there is none of it. */
struct bh_signature_segment {
	bool (*find)(void *arg, const char *name, uint32_t *id);
	bool (*find_rule)(void *arg, const char *id_text, uint32_t *id); /* NULL: there are none */
	void *arg;
};

struct bh_signature_scope; /* attachments and exceptions over one policy's segments; immutable */

/* model: the one that was loaded, wherever it is now. Both it and `s` outlive the scope. 0; -EINVAL: an attachment or
 * exception names a segment that is not there (err has its place); -ENOMEM. Control. */
int bh_signature_scope_create(struct bh_signature_scope **out, const struct bh_signatures *s,
			      const struct bh_sensor_model *model,
			      const struct bh_signature_segment *segment, struct bh_err *err);
void bh_signature_scope_destroy(struct bh_signature_scope *scope); /* NULL is fine */

/* Segments that each end of a connection is in, as ids in ascending order. */
struct bh_signature_segments {
	const uint32_t *id;
	size_t n;
};
struct bh_signature_pair {
	struct bh_signature_segments client, server;
	uint32_t allowed_by; /* id of the policy's rule; UINT32_MAX: none */
};

#define BH_SIGNATURE_PATHS 64 /* different ones that exceptions may name */

/* What was found. */
struct bh_signature_hit {
	const struct bh_sensor_rule *rule; /* or NULL: of the built-in class */
	unsigned class_;
	uint64_t paths; /* bh_signature_paths() of its request; 0: there is none */
	const char
		*where; /* "argument q", "header user-agent", as records say it; NULL: not known */
};
/* What is done about it. BH_SENSOR_DEFAULT: nothing, it is attached nowhere here, or excepted. Any thread; no lock, no
 * memory; its cost grows with the attachments. Built-in classes: bh_signature_plan() says what attachments do. */
enum bh_sensor_action bh_signature_action(const struct bh_signature_scope *scope,
					  const struct bh_signature_hit *hit,
					  const struct bh_signature_pair *pair);
/* Is it excepted? */
bool bh_signature_excepted(const struct bh_signature_scope *scope,
			   const struct bh_signature_hit *hit,
			   const struct bh_signature_pair *pair);
/* Which paths of exceptions this one is, as bits; a path as bh_http_path() makes it. */
uint64_t bh_signature_paths(const struct bh_signature_scope *scope, const uint8_t *path,
			    size_t len);
bool bh_signature_has_paths(const struct bh_signature_scope *scope);

/* What is done about each built-in class between two ends: enum bh_sensor_action. */
struct bh_signature_plan {
	uint8_t action[BH_SIGNATURE_CLASSES];
};
/* Fill *plan. base: what holds for classes that no attachment decides here, as if it were attached last, everywhere;
 * classes that are not in `any` (bits) are attached by their names only, not by '*'. Exceptions of segments make
 * BH_SENSOR_DEFAULT; those of paths and places are bh_signature_excepted()'s. One pass over the attachments. */
void bh_signature_plan(const struct bh_signature_scope *scope, const struct bh_signature_pair *pair,
		       const struct bh_signature_plan *base, uint64_t any,
		       struct bh_signature_plan *plan);
/* Is anything attached between these two: is the connection worth looking into? */
bool bh_signature_attached(const struct bh_signature_scope *scope,
			   const struct bh_signature_pair *pair);

#endif
