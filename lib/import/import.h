/* import: policy documents of other systems to ours, and ours to theirs.
 *
 * Usage     bh_import() turns texts of one form into the text of a policy document (docs/policy.md);
 *           bh_export() turns such a text into a form. What one side cannot say is told to params.note,
 *           with its place; a note never means that more is allowed than was written, unless it says so.
 *           docs/import.md has the forms, the conventions of labels and what is not said.
 * Threads   control only; no state is kept.
 * Lifetime  the texts belong to the caller; what is written belongs to the caller's buffer.
 */
#ifndef BH_IMPORT_H
#define BH_IMPORT_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../policy/policy.h"

enum bh_form { BH_FORM_AUTO, BH_FORM_NETWORKPOLICY, BH_FORM_NV, BH_FORM_GROUPS, BH_FORM_COUNT };
/* "auto", "networkpolicy", "nv", "groups"; NULL behind the last. */
const char *bh_form_name(unsigned form);

/* Labels that an endpoint carries besides those of its pod. */
#define BH_LABEL_CLUSTER "k8s.cluster"              /* the source that told of it */
#define BH_LABEL_NAMESPACE "k8s.namespace"          /* name of its namespace */
#define BH_LABEL_NAMESPACE_LABEL "k8s.namespace/"   /* in front of each label of its namespace */
#define BH_LABEL_NAME "kubernetes.io/metadata.name" /* of a namespace: always its name */

/* Called while the conversion runs. line and column from 1; 0 where it is about no place. */
typedef void (*bh_import_note_fn)(void *arg, const char *file, unsigned line, unsigned column,
				  const char *text);

struct bh_import_input {
	const char *name; /* in notes and errors */
	const char *text; /* one or more YAML documents */
	size_t len;
};

struct bh_import_params {
	enum bh_form form;
	const struct bh_import_input *input; /* n_inputs */
	size_t n_inputs;
	/* Where pods have their addresses; decides whether an ipBlock takes all pods in or none. */
	const struct bh_prefix *pods; /* n_pods */
	size_t n_pods;
	const char
		*cluster;   /* NetworkPolicies: of pods with this k8s.cluster alone; NULL: of all */
	const char *prefix; /* before each name that is made, with a '/' behind it; NULL: none */
	bool closed;        /* pods that no NetworkPolicy isolates are left to other rules */
	bh_import_note_fn note; /* NULL: nobody wants to know */
	void *arg;
};

/* 0 and a document that loads; -EINVAL (err says where), -ENOMEM, -E2BIG (too many rules). */
int bh_import(const struct bh_import_params *params, struct bh_buf *out, struct bh_err *err);

struct bh_export_params {
	enum bh_form form;            /* NETWORKPOLICY, NV, GROUPS */
	struct bh_import_input input; /* a policy document of ours */
	bh_import_note_fn note;
	void *arg;
};

/* 0; -EINVAL: the policy does not load, or there is no such form to export; -ENOMEM. */
int bh_export(const struct bh_export_params *params, struct bh_buf *out, struct bh_err *err);

#endif
