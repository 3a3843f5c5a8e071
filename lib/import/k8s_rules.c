/* NetworkPolicies as an ordered list of which the first rule that fits decides.
 *
 * Kubernetes lets a connection pass when the source's side and the destination's side both do: a pod that
 * no policy isolates in that direction lets all pass, another what one of its policies' rules names. With
 * S the pods isolated for egress, D those isolated for ingress, E an egress rule (pods of its policy, peers,
 * ports) and I an ingress rule:
 *
 *   1. allow  E.pods & I.peers -> E.peers & I.pods, E.ports & I.ports     for each pair E, I
 *   2. deny   S -> D                              what is left has at most one isolated end
 *   3. allow  E.pods -> E.peers, E.ports          for each E: the destination is not isolated
 *   4. deny   S -> any
 *   5. allow  I.peers -> I.pods, I.ports          for each I: the source is not isolated
 *   6. deny   any -> D
 *   7. allow  pods -> any, any -> pods            nobody isolates them
 *
 * Intersections are conjunctions of selectors; a pair that can hold no pod is not written. What neither
 * end's policies speak of (no pod at either end) is left to the default: denied. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

/* One side of a rule that is being made. */
struct names {
	const char **list;
	size_t n;
	bool any;
};

static int
add_term(struct bh_import *im, struct names *to, const struct bh_term *t, const char *hint)
{
	if (t->kind == BH_TERM_ANY)
		to->any = true;
	return to->any ? 0 : bh_out_segment(im, t, hint, &to->list, &to->n);
}

static int
put(struct bh_import *im, const char *id, const struct names *from, const struct names *to,
    const struct bh_out_rule *like)
{
	struct bh_out_rule r = *like;

	r.id = id;
	r.from = from->list;
	r.n_from = from->any ? 0 : from->n;
	r.to = to->list;
	r.n_to = to->any ? 0 : to->n;
	return id == NULL ? -ENOMEM : bh_out_rule(im, &r);
}

/* ---- 1: both ends are isolated -------------------------------------------------------------------- */

/* The peers of one rule that are among the other's pods. */
static int
meet(struct bh_import *im, const struct bh_k8s_rule *peers, const struct bh_k8s_rule *pods,
     struct names *to)
{
	const struct bh_term *subject = &pods->policy->subject;
	struct bh_term both;
	const char *hint;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < peers->n_peers; i++) {
		struct bh_k8s_peer *p = &peers->peer[i];

		if (p->term.kind == BH_TERM_LABELS && !bh_term_meet(&p->term, subject))
			continue;
		rc = bh_term_and(im, &p->term, subject, &both);
		if (rc == BH_TERM_UNSAYABLE && !p->told)
			bh_import_note_at(im, &peers->place,
					  "whether the ipBlock of %.120s takes in pods depends on "
					  "their addresses, "
					  "which no selector says: not allowed between pods that "
					  "are isolated in "
					  "both directions (say where pods are with --pods)",
					  p->hint);
		p->told |= rc == BH_TERM_UNSAYABLE;
		if (rc > 0) {
			rc = 0;
			continue;
		}
		hint = rc != 0 ? NULL : bh_import_text(im, "%s.of.%s", pods->policy->name, p->hint);
		rc = rc != 0 ? rc : hint == NULL ? -ENOMEM : add_term(im, to, &both, hint);
	}
	return rc;
}

/* May the two rules have a pair of pods in common? Cheap, so that a million pairs take no time. */
static bool
may_meet(const struct bh_k8s_rule *peers, const struct bh_k8s_rule *pods)
{
	size_t i;

	for (i = 0; i < peers->n_peers; i++) {
		const struct bh_term *t = &peers->peer[i].term;

		if (t->kind != BH_TERM_LABELS || bh_term_meet(t, &pods->policy->subject))
			return true;
	}
	return false;
}

static int
pair_rule(struct bh_import *im, const struct bh_k8s_rule *in, const struct bh_k8s_rule *eg)
{
	struct bh_out_rule r = {.action = "allow"};
	struct names from = {0}, to = {0};
	struct bh_span *ports = NULL;
	int rc;

	if (!may_meet(in, eg) || !may_meet(eg, in))
		return 0;
	rc = bh_spans_and(im, in->port, in->n_ports, eg->port, eg->n_ports, &ports, &r.n_ports);
	if (rc != 0 || r.n_ports == 0)
		return rc;
	r.port = ports;
	rc = meet(im, in, eg, &from);
	if (rc == 0)
		rc = meet(im, eg, in, &to);
	if (rc != 0 || from.n == 0 || to.n == 0)
		return rc;
	r.comment = bh_import_text(im, "%s and %s", eg->hint, in->hint);
	return put(im, bh_import_text(im, "%s.to.%s", eg->hint, in->hint), &from, &to, &r);
}

static int
pair_rules(struct bh_import *im, const struct bh_k8s *k)
{
	size_t i, e;
	int rc = 0;

	for (e = 0; rc == 0 && e < k->n_rules[1]; e++) {
		for (i = 0; rc == 0 && i < k->n_rules[0]; i++)
			rc = pair_rule(im, &k->rule[0][i], &k->rule[1][e]);
	}
	return rc;
}

/* ---- 3, 5: one end is ------------------------------------------------------------------------------ */

static int
plain_rules(struct bh_import *im, const struct bh_k8s *k, unsigned way)
{
	size_t i, p;
	int rc = 0;

	for (i = 0; rc == 0 && i < k->n_rules[way]; i++) {
		const struct bh_k8s_rule *in = &k->rule[way][i];
		const struct bh_out_rule r = {.action = "allow",
					      .port = in->port,
					      .n_ports = in->n_ports};
		struct names pods = {0}, peers = {0};

		rc = add_term(im, &pods, &in->policy->subject, in->policy->name);
		for (p = 0; rc == 0 && p < in->n_peers; p++)
			rc = add_term(im, &peers, &in->peer[p].term, in->peer[p].hint);
		if (rc == 0)
			rc = put(im, in->hint, way == 0 ? &peers : &pods, way == 0 ? &pods : &peers,
				 &r);
	}
	return rc;
}

/* ---- 2, 4, 6: who is isolated ------------------------------------------------------------------------ */

/* Is what policy i isolates isolated by another, too? Of two that isolate the same, the first stays. */
static bool
is_covered(const struct bh_k8s *k, unsigned way, size_t i)
{
	const struct bh_term *mine = &k->policy[i]->subject, *other;
	size_t o;

	for (o = 0; o < k->n_policies; o++) {
		other = &k->policy[o]->subject;
		if (o == i || !k->policy[o]->isolates[way] || !bh_term_within(mine, other))
			continue;
		if (o < i || !bh_term_within(other, mine))
			return true;
	}
	return false;
}

static int
isolated(struct bh_import *im, const struct bh_k8s *k, unsigned way, struct names *out)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < k->n_policies; i++) {
		if (k->policy[i]->isolates[way] && !is_covered(k, way, i))
			rc = add_term(im, out, &k->policy[i]->subject, k->policy[i]->name);
	}
	return rc;
}

static int
deny(struct bh_import *im, const char *id, const struct names *from, const struct names *to,
     const char *comment)
{
	const struct bh_out_rule r = {.action = "deny", .comment = comment};

	if ((from->n == 0 && !from->any) || (to->n == 0 && !to->any))
		return 0;
	return put(im, id, from, to, &r);
}

/* Before all others, so that what is the same is called by the plainest name. */
static int
plain_names(struct bh_import *im, const struct bh_k8s *k, struct names *pods)
{
	struct bh_term all = {0};
	struct names subjects = {0};
	size_t i;
	int rc = bh_term_add(im, &all, BH_LABEL_NAMESPACE, BH_WANT_EXISTS, NULL, 0);

	if (rc == 0)
		rc = bh_k8s_cluster(im, &all);
	if (rc == 0)
		rc = add_term(im, pods, &all, "k8s/pods");
	for (i = 0; rc == 0 && i < k->n_policies; i++)
		rc = add_term(im, &subjects, &k->policy[i]->subject, k->policy[i]->name);
	return rc;
}

static int
open_rules(struct bh_import *im, const struct names *pods)
{
	const struct bh_out_rule r = {.action = "allow",
				      .comment = "no NetworkPolicy isolates them"};
	struct names any = {.any = true};
	int rc = put(im, "k8s/open-egress", pods, &any, &r);

	if (rc == 0)
		rc = put(im, "k8s/open-ingress", &any, pods, &r);
	return rc;
}

int
bh_k8s_finish(struct bh_import *im, struct bh_forms *f)
{
	const struct bh_k8s *k = &f->k8s;
	struct names in = {0}, eg = {0}, pods = {0}, any = {.any = true};
	int rc;

	if (k->names.n == 0)
		return 0;
	rc = plain_names(im, k, &pods);
	if (rc == 0)
		rc = isolated(im, k, 0, &in);
	if (rc == 0)
		rc = isolated(im, k, 1, &eg);
	if (rc == 0)
		rc = pair_rules(im, k);
	if (rc == 0)
		rc = deny(im, "k8s/isolated-pair", &eg, &in,
			  "both ends are isolated, and their policies do not both allow it");
	if (rc == 0)
		rc = plain_rules(im, k, 1);
	if (rc == 0)
		rc = deny(im, "k8s/isolated-egress", &eg, &any, "isolated for egress");
	if (rc == 0)
		rc = plain_rules(im, k, 0);
	if (rc == 0)
		rc = deny(im, "k8s/isolated-ingress", &any, &in, "isolated for ingress");
	return rc != 0 || im->p->closed ? rc : open_rules(im, &pods);
}
