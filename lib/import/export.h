/* Our document as an export sees it: what was written, with places. */
#ifndef BH_IMPORT_EXPORT_H
#define BH_IMPORT_EXPORT_H

#include "import_priv.h"

struct bh_ex_segment {
	const char *name;
	const char *alias;          /* its name in the form, where ours does not do */
	const struct bh_yaml *node; /* NULL: reserved */
	struct bh_term labels, addresses;
	bool has_labels, has_addresses; /* addresses: DNS names, too */
	const char *why;                /* it cannot be said in any form; NULL: it can */
};

struct bh_ex_side {
	bool any;
	size_t *segment; /* n */
	size_t n;
};

struct bh_ex_rule {
	const char *id;
	const struct bh_yaml *node;
	struct bh_ex_side from, to;
	struct bh_span *port; /* at least one */
	size_t n_ports;
	const char **app; /* n_apps = 0: any */
	size_t n_apps;
	bool operations;
	bool deny;
	bool dropped; /* left out by this form */
};

struct bh_export {
	struct bh_import *im;
	struct bh_ex_segment *segment;
	size_t n_segments;
	struct bh_ex_rule *rule;
	size_t n_rules;
	struct bh_buf *out;
};

#define BH_EX_EXTERNAL 0 /* indices of the reserved segments */
#define BH_EX_UNKNOWN 1

/* An earlier rule that denies, was dropped, and may meet what this one allows; or NULL. */
const struct bh_ex_rule *bh_ex_in_the_way(const struct bh_export *x, const struct bh_ex_rule *r);
/* Say that it is left out, and mark it. */
void bh_ex_drop(struct bh_export *x, struct bh_ex_rule *r, const char *why);

/* export_nv.c, for both forms of groups: a rule's ports as they write them; why applications and ports cannot be said, or
 * NULL. Of an allowing rule some of its ports may be left out. */
void bh_ex_ports(struct bh_export *x, const struct bh_ex_rule *r);
const char *bh_ex_no_service(const struct bh_ex_rule *r);

int bh_export_groups(struct bh_export *x);
int bh_export_k8s(struct bh_export *x);
int bh_export_nv(struct bh_export *x);

#endif
