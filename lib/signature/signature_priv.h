/* What the files of this room share.
 *   load        files to forms, resolving names, the end          load.c, report.c, memory.c
 *   scope       what is done about a hit between two segments      scope.c
 *   sensors     ours and the container firewall's, YAML           yaml_sensor.c, yaml_rule.c, yaml_where.c, nv.c
 *   suricata    see suricata.h
 */
#ifndef BH_SIGNATURE_PRIV_H
#define BH_SIGNATURE_PRIV_H

#include "../conf/conf.h"
#include "../inspect/inspect.h"
#include "signature.h"

/* Text -> pointer. Texts are kept, not copied. */
struct bh_sig_names {
	struct bh_sig_cell {
		const char *text; /* NULL: free */
		void *value;
	} * cell;
	uint32_t mask, n;
};
/* The cell's value; NULL when it is new (then *fresh). NULL returned: no memory. */
void **bh_sig_name(struct bh_sig_names *m, const char *text, bool *fresh);
void *bh_sig_name_get(const struct bh_sig_names *m, const char *text); /* NULL: not there */
bool bh_sig_name_has(const struct bh_sig_names *m, const char *text);
void bh_sig_names_free(struct bh_sig_names *m);

/* A variable of addresses or ports. */
struct bh_suricata_var {
	const char *name, *text;
};
struct bh_suricata_vars {
	struct bh_suricata_var *var[2]; /* addresses, ports */
	size_t n[2];
};

struct bh_sig_class {
	const char *name;
	uint8_t priority;
};

/* Sorted, disjoint. */
struct bh_sig_set {
	size_t n;
	struct bh_sig_span {
		uint8_t first[16], last[16]; /* big endian */
	} span[];
};

enum bh_sig_way {
	BH_SIG_FORWARD,
	BH_SIG_BACKWARD,
	BH_SIG_ANY_WAY
}; /* the source is client, server */

/* What the model has no place for. NULL sets: any. */
struct bh_sig_header {
	const struct bh_sensor_rule *rule;
	const struct bh_sig_set *address[2], *port[2]; /* of source, destination */
	uint8_t transports;                            /* BH_OVER_*; 0: any */
	uint8_t way;                                   /* enum bh_sig_way */
};

/* One load. */
struct bh_sig {
	struct bh_arena arena; /* of what stays */
	struct bh_err *err;
	struct bh_sensor_model *model;
	const struct bh_signature_params *params;
	struct bh_signature_file *file;
	size_t n_files;
	uint32_t off; /* rules of this file that bh_sensor_check() refused */
	struct bh_signature_note *note;
	size_t n_notes;
	struct bh_signature_where *attachment, *exception;
	size_t n_attachments, n_exceptions;
	struct bh_sig_header *header; /* sorted by rule once all is loaded */
	size_t n_headers;
	struct bh_suricata_vars vars;
	struct bh_sig_class *class;
	size_t n_classes;
	bool in_part;           /* what is read is params->part */
	unsigned base;          /* lines of the file in front of the YAML document */
	struct bh_sig_set *any; /* its address stands for all in `sets` */
	struct bh_sig_names
		options; /* of Suricata's rules -> number of the line in option.def, from 1 */
	struct bh_sig_names sensors; /* name -> struct bh_sensor */
	struct bh_sig_names sids;    /* "gid:sid" -> not NULL when the rule has a note */
	struct bh_sig_names sets[2]; /* text of addresses, ports -> struct bh_sig_set */
};

/* memory.c */
char *bh_sig_printf(struct bh_arena *a, const char *fmt, ...) BH_PRINTF(2, 3); /* NULL: no memory */
int bh_sig_nomem(struct bh_sig *s);

/* report.c: fmt's text is printed into the arena. 0 or -ENOMEM. */
int bh_sig_note(struct bh_sig *s, const struct bh_signature_note *note, const char *fmt, ...)
	BH_PRINTF(3, 4);
struct bh_signature_file *bh_sig_file(struct bh_sig *s); /* the one that is being read */
uint32_t bh_sig_file_index(const struct bh_sig *s);

void bh_sig_sort_headers(struct bh_sig *s);

/* load.c: a sensor of the file that is read; the one that stands for the file. NULL: no memory. */
struct bh_sensor *bh_sig_sensor(struct bh_sig *s, const char *name);
struct bh_sensor *bh_sig_file_sensor(struct bh_sig *s);

/* One reading of a sensor. */
struct bh_sig_reading {
	struct bh_sig *s;
	const struct bh_yaml_doc *doc;
	struct bh_sensor *sensor;
	struct bh_sensor_rule *rule;
	bool nv;
};
int bh_sig_mistake(const struct bh_sig_reading *r, const struct bh_yaml *node, const char *what);
/* Members of a map, kept; *out stays when it is not there. */
int bh_sig_text_of(struct bh_sig_reading *r, const struct bh_yaml *map, const char *key,
		   const char **out);
int bh_sig_word_of(struct bh_sig_reading *r, const struct bh_yaml *map, const char *key,
		   const char *const words[], uint8_t *out);
int bh_sig_name_of(struct bh_sig_reading *r, const struct bh_yaml *map, const char *what,
		   const char **out);
int bh_sig_severity(const struct bh_yaml_doc *doc, const struct bh_yaml *map, uint8_t *out,
		    struct bh_err *err);
/* yaml_rule.c: names has those of the sensor's rules so far. */
int bh_sig_read_rule(struct bh_sig_reading *r, const struct bh_yaml *map,
		     struct bh_sig_names *names);

/* Class that a name of a sensor stands for, or BH_SIG_NO_CLASS. */
#define BH_SIG_NO_CLASS BH_INSPECT_CLASS_COUNT
unsigned bh_sig_builtin(const char *name);

/* yaml_sensor.c: a list of sensors, of ours or theirs. */
int bh_sig_read_sensors(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *list,
			bool nv);
int bh_sig_read_sensor(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map,
		       bool nv);
/* yaml_where.c: attachments and exceptions; names are resolved by bh_sig_resolve() when all is read. */
int bh_sig_read_attachments(struct bh_sig *s, const struct bh_yaml_doc *doc,
			    const struct bh_yaml *list);
int bh_sig_read_exceptions(struct bh_sig *s, const struct bh_yaml_doc *doc,
			   const struct bh_yaml *list, const char *sensor);
int bh_sig_action(const struct bh_yaml_doc *doc, const struct bh_yaml *node, uint8_t *out,
		  struct bh_err *err);
int bh_sig_attach(struct bh_sig *s, const struct bh_signature_where *w);
int bh_sig_add_name(struct bh_sig *s, const char *text, const char ***name, size_t *n);
int bh_sig_resolve(struct bh_sig *s);
/* nv.c: one document */
int bh_sig_read_nv(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *root);

/* suricata.c, suricata_env.c */
int bh_sig_read_suricata(struct bh_sig *s, const char *text, size_t len);
int bh_suricata_read_vars(struct bh_sig *s, const char *path);
int bh_suricata_read_classes(struct bh_sig *s, const char *path);
/* Tell of rules that wait for a bit that no rule sets. All files have been read. */
int bh_suricata_tell_bits(struct bh_sig *s);
/* Is one of the first lines a rule, or the file called so? */
bool bh_suricata_sniff(const char *name, const char *text, size_t len);

#endif
