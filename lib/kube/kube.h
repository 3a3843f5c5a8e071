/* kube: who an address is, from Kubernetes API servers and from files that are watched; and what policy clusters wish.
 *
 * Usage     bh_kube_open() with the configuration's sources, bh_kube_begin() once rights are given away, bh_kube_close().
 * Threads   one a source, which asks, reads and applies to the policy; bh_kube_status() from any control thread.
 * Lifetime  params are copied, but for the configuration, the policy and note's arg, which outlive it.
 *
 * Who has an address. Of all objects that claim it, the first by: kind (node, pod, service, external address of a
 * service; what a file says goes before them), order of the sources in the configuration, the newest start (a pod that is being
 * deleted after those that are not), and the greater uid. A pod claims its addresses from when its namespace's labels are
 * known until it has completed (Succeeded, Failed) or is gone; one on its host's network claims none, they are the node's.
 * A change of who has it, or of labels, is one change of the endpoint: nothing is judged in between.
 *
 * Wishes are NetworkPolicies, and the BulkheadSegments, BulkheadPolicies of sources that are configured to be asked for theirs. All
 * that are accepted are the part `clusters:` of a policy document, which params.wish checks and puts in force. One that does not
 * load is refused, with its reason in its status, and what it said before stays.
 */
#ifndef BH_KUBE_H
#define BH_KUBE_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../policy/policy.h"
#include "../secret/secret.h"

struct bh_kube;

struct bh_kube_part {
	const char *text;
	size_t len;
	bool dry;
	const char *why; /* what has changed, in words */
};

struct bh_kube_params {
	const struct bh_config *config;
	struct bh_policy *policy;
	struct bh_secrets *secrets; /* where kubeconfigs lie; NULL: in files alone. Outlives it */
	/* A source is lost (its age is beyond stale.after) or is back. From a source's thread. */
	void (*note)(void *arg, bool back, const char *text);
	/* What clusters wish. part: the part `clusters:` of a document, "" for none. dry: only whether it would load. 0 with *revision
	 * that has it; -EINVAL and others that a part earns: it doesn't load; -EAGAIN: later perhaps. From a thread of its
	 * own. NULL: no source has wishes. */
	int (*wish)(void *arg, const struct bh_kube_part *part, uint32_t *revision,
		    struct bh_err *err);
	const char *gateway; /* its name, in status; NULL: the host's */
	void *arg;
};

struct bh_kube_status {
	const char *name, *type; /* "kubernetes", "file" */
	bool connected;          /* all that it watches is being watched */
	bool synced;             /* all of it was read once */
	bool stale;
	uint64_t age_ns;    /* since it last said anything, or that nothing is new */
	uint32_t objects;   /* it says */
	uint32_t endpoints; /* whose labels are in force from it */
	uint32_t
		left_out; /* objects whose labels don't fit an endpoint: their addresses are unknown */
	uint64_t changes; /* applied */
	uint64_t refused; /* changes that the policy had no room for */
	uint64_t lists, failures;
	uint32_t wishes,
		wishes_refused; /* policies of its cluster, and of them those that were refused */
	char trouble[256];      /* the last; "" = none */
};

/* 0; -EINVAL, -ENOENT ...: a kubeconfig that can't be read or used, err says where and what to do. */
int bh_kube_open(struct bh_kube **out, const struct bh_kube_params *params, struct bh_err *err);
int bh_kube_begin(struct bh_kube *k, struct bh_err *err); /* threads start */
void bh_kube_close(struct bh_kube *k);                    /* NULL is fine; endpoints stay */
/* false: index is out of range. */
bool bh_kube_status(struct bh_kube *k, unsigned index, struct bh_kube_status *out);

/* Files that a source reads again while it runs: tokens and certificates rotate. fn gets each. 0 or -errno with err set. */
struct bh_kube_files {
	const struct bh_config_source *source;
	struct bh_secrets *secrets; /* or NULL */
	void (*fn)(void *arg, const char *path);
	void *arg;
};
int bh_kube_files(const struct bh_kube_files *f, struct bh_err *err);

#endif
