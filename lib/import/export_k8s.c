/* NetworkPolicies that allow what our rules allow. They only allow, so that a rule that denies is said by
 * leaving out what it takes away; each rule becomes one for each of its segments and direction, which add up. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "export.h"

/* Wants of a term that speak of the namespace, or those that do not. */
static bool
of_namespace(const char *key)
{
	return strcmp(key, BH_LABEL_NAMESPACE) == 0 ||
	       strncmp(key, BH_LABEL_NAMESPACE_LABEL, strlen(BH_LABEL_NAMESPACE_LABEL)) == 0;
}

static void
expression(struct bh_buf *b, const struct bh_want *w, const char *op, bool values, bool *first)
{
	const char *key = w->key;
	size_t i;

	if (strcmp(key, BH_LABEL_NAMESPACE) == 0)
		key = BH_LABEL_NAME;
	else if (of_namespace(key))
		key += strlen(BH_LABEL_NAMESPACE_LABEL);
	bh_buf_printf(b, "%s{key: \"%s\", operator: %s", *first ? "" : ", ", key, op);
	for (i = 0; values && i < w->n; i++)
		bh_buf_printf(b, "%s\"%s\"", i == 0 ? ", values: [" : ", ", w->value[i]);
	bh_buf_str(b, values && w->n != 0 ? "]}" : "}");
	*first = false;
}

static void
selector(struct bh_buf *b, const struct bh_term *t, bool ns, bool skip_name)
{
	bool first = true;
	size_t i;

	bh_buf_str(b, "{matchExpressions: [");
	for (i = 0; i < t->n; i++) {
		const struct bh_want *w = &t->want[i];

		if (of_namespace(w->key) != ns ||
		    (skip_name && strcmp(w->key, BH_LABEL_NAMESPACE) == 0))
			continue;
		if (w->exists)
			expression(b, w, "Exists", false, &first);
		if (w->absent)
			expression(b, w, "DoesNotExist", false, &first);
		if (w->n != 0)
			expression(b, w, w->in ? "In" : "NotIn", true, &first);
	}
	bh_buf_str(b, "]}");
}

static void
block(struct bh_buf *b, const struct bh_prefix *p)
{
	char text[64];

	bh_prefix_format(p, text, sizeof(text));
	bh_buf_printf(b, "      - {ipBlock: {cidr: \"%s%s\"}}\n", text,
		      strchr(text, '/') != NULL ? ""
		      : p->family == 6          ? "/128"
						: "/32");
}

/* `external`: all addresses less networks.internal, as docs/policy.md has it by default. */
static int
external(struct bh_export *x)
{
	static const char *const normal[] = {"10.0.0.0/8",    "172.16.0.0/12",  "192.168.0.0/16",
					     "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
					     "fe80::/10"};
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	const struct bh_yaml *list =
		bh_import_get(bh_import_get(bh_yaml_root(x->im->yaml), "networks"), "internal");
	size_t n = list != NULL ? list->n : BH_ARRAY_SIZE(normal), i, k;
	const char *text;
	bool first;

	for (k = 0; k < 2; k++) {
		bh_buf_printf(x->out, "      - {ipBlock: {cidr: \"%s\"", all[k]);
		for (i = 0, first = true; i < n; i++) {
			text = list != NULL ? list->item[i]->text : normal[i];
			if ((strchr(text, ':') != NULL) != (k == 1))
				continue;
			bh_buf_printf(x->out, "%s\"%s%s\"", first ? ", except: [" : ", ", text,
				      strchr(text, '/') != NULL ? ""
				      : k == 1                  ? "/128"
								: "/32");
			first = false;
		}
		bh_buf_str(x->out, first ? "}}\n" : "]}}\n");
	}
	return 0;
}

static void
peers(struct bh_export *x, const char *key, const struct bh_ex_side *side)
{
	struct bh_buf *b = x->out;
	size_t i, k;

	if (side->any) {
		bh_buf_str(b, "  - ports:\n");
		return;
	}
	bh_buf_printf(b, "  - %s:\n", key);
	for (i = 0; i < side->n; i++) {
		const struct bh_ex_segment *s = &x->segment[side->segment[i]];

		if (side->segment[i] == BH_EX_EXTERNAL)
			external(x);
		if (s->has_labels) {
			bh_buf_str(b, "      - namespaceSelector: ");
			selector(b, &s->labels, true, false);
			bh_buf_str(b, "\n        podSelector: ");
			selector(b, &s->labels, false, false);
			bh_buf_str(b, "\n");
		}
		for (k = 0; k < s->addresses.n_prefixes; k++)
			block(b, &s->addresses.prefix[k]);
	}
	bh_buf_str(b, "    ports:\n");
}

static bool
sayable_port(const struct bh_span *s)
{
	unsigned proto = s->first >> 16;

	return s->last >= 0xffffff || proto == 6 || proto == 17 || proto == 132;
}

static void
ports(struct bh_export *x, const struct bh_ex_rule *r)
{
	struct bh_buf *b = x->out;
	unsigned first, last;
	size_t i;

	for (i = 0; i < r->n_ports; i++) {
		const struct bh_span *s = &r->port[i];

		if (s->last >= 0xffffff || !sayable_port(s))
			continue;
		first = s->first & 0xffff;
		last = s->last & 0xffff;
		bh_buf_printf(b, "      - {protocol: %s",
			      s->first >> 16 == 6    ? "TCP"
			      : s->first >> 16 == 17 ? "UDP"
						     : "SCTP");
		if (first != 0)
			bh_buf_printf(b, ", port: %u", first);
		if (first != 0 && last != first)
			bh_buf_printf(b, ", endPort: %u", last);
		bh_buf_str(b, "}\n");
	}
}

/* A name as Kubernetes wants it: lower case, no slash. */
static const char *
policy_name(struct bh_export *x, const char *a, const char *b, const char *c)
{
	char *name = bh_import_text(x->im, "%s.%s.%s", a, b, c), *p;

	for (p = name; p != NULL && *p != '\0'; p++)
		*p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
	return name == NULL ? NULL : bh_out_name(x->im, name);
}

/* One policy: these pods of this namespace ("" = of the one it is applied to), one direction. */
static int
policy(struct bh_export *x, const struct bh_ex_rule *r, const struct bh_ex_segment *s,
       const char *ns, bool ingress)
{
	const char *name =
		policy_name(x, r->id, s != NULL ? s->name : "any", ingress ? "in" : "out");
	static const struct bh_term all = {.kind = BH_TERM_LABELS};

	if (name == NULL)
		return -ENOMEM;
	bh_buf_printf(x->out,
		      "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n"
		      "  name: \"%s\"\n",
		      name);
	if (ns[0] != '\0')
		bh_buf_printf(x->out, "  namespace: \"%s\"\n", ns);
	bh_buf_str(x->out, "spec:\n  podSelector: ");
	selector(x->out, s != NULL ? &s->labels : &all, false, true);
	bh_buf_printf(x->out, "\n  policyTypes: [%s]\n  %s:\n", ingress ? "Ingress" : "Egress",
		      ingress ? "ingress" : "egress");
	peers(x, ingress ? "from" : "to", ingress ? &r->from : &r->to);
	ports(x, r);
	return 0;
}

/* Why a segment's pods cannot be those of a policy; NULL: they can. */
static const char *
no_subject(const struct bh_ex_segment *s)
{
	const struct bh_want *ns = bh_term_want(&s->labels, BH_LABEL_NAMESPACE);
	size_t i;

	if (ns != NULL && !ns->in && !(ns->exists && ns->n == 0))
		return "a policy stands in one namespace: it cannot exclude some";
	if (s->labels.n_more != 0)
		return "a label selector cannot ask for beginnings, parts or regular expressions";
	for (i = 0; i < s->labels.n; i++) {
		if (of_namespace(s->labels.want[i].key) &&
		    strcmp(s->labels.want[i].key, BH_LABEL_NAMESPACE) != 0)
			return "a policy stands in one namespace: it cannot choose by a "
			       "namespace's "
			       "labels";
	}
	return NULL;
}

static int
policies(struct bh_export *x, const struct bh_ex_rule *r, bool ingress)
{
	const struct bh_ex_side *side = ingress ? &r->to : &r->from;
	const struct bh_want *ns;
	size_t i, k;
	int rc = 0;

	if (side->any)
		return policy(x, r, NULL, "", ingress);
	for (i = 0; rc == 0 && i < side->n; i++) {
		const struct bh_ex_segment *s = &x->segment[side->segment[i]];

		if (!s->has_labels)
			continue;
		ns = bh_term_want(&s->labels, BH_LABEL_NAMESPACE);
		if (ns == NULL || !ns->in)
			rc = policy(x, r, s, "", ingress);
		for (k = 0; rc == 0 && ns != NULL && ns->in && k < ns->n; k++)
			rc = policy(x, r, s, ns->value[k], ingress);
	}
	return rc;
}

/* Why a rule cannot be said; NULL: it can. */
static const char *
refusal(const struct bh_export *x, const struct bh_ex_rule *r)
{
	const struct bh_ex_side *side[2] = {&r->from, &r->to};
	const char *why = NULL;
	bool ports_left = false, pods = r->from.any || r->to.any;
	size_t i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; why == NULL && i < side[k]->n; i++) {
			const struct bh_ex_segment *s = &x->segment[side[k]->segment[i]];

			why = s->why != NULL              ? s->why
			      : s->addresses.n_hosts != 0 ? "it has no DNS names"
			      : s->has_labels             ? no_subject(s)
							  : NULL;
			pods |= s->has_labels;
		}
	}
	for (i = 0; i < r->n_ports; i++)
		ports_left |= sayable_port(&r->port[i]);
	if (why == NULL && !ports_left)
		why = "only ports of TCP, UDP and SCTP can be said";
	if (why == NULL && !pods)
		why = "neither end is chosen by labels";
	if (why == NULL && r->n_apps != 0 && r->port[0].last >= 0xffffff)
		why = "applications cannot be said, and it names no ports in their place";
	return why;
}

static int
rule(struct bh_export *x, struct bh_ex_rule *r)
{
	const struct bh_ex_rule *before;
	const char *why = r->deny ? NULL : refusal(x, r);
	char text[256];
	size_t i;
	int rc;

	if (r->deny) {
		r->dropped = true;
		return 0;
	}
	before = why == NULL ? bh_ex_in_the_way(x, r) : NULL;
	if (before != NULL)
		snprintf(text, sizeof(text),
			 "what rule '%.100s' denies before it cannot be taken from it", before->id);
	if (why != NULL || before != NULL) {
		bh_ex_drop(x, r, why != NULL ? why : text);
		return 0;
	}
	if (r->n_apps != 0)
		bh_import_note(x->im, r->node,
			       "rule '%.100s': more is allowed than was written: its ports with "
			       "whatever application",
			       r->id);
	for (i = 0; i < r->n_ports; i++) {
		if (!sayable_port(&r->port[i]))
			bh_import_note(
				x->im, r->node,
				"rule '%.100s': only ports of TCP, UDP and SCTP can be said, the "
				"others are left out",
				r->id);
	}
	rc = policies(x, r, true);
	return rc != 0 ? rc : policies(x, r, false);
}

int
bh_export_k8s(struct bh_export *x)
{
	size_t i;
	int rc = 0;

	bh_buf_str(x->out, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			   "metadata: {name: default-deny}\n"
			   "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n");
	bh_import_note(x->im, NULL,
		       "default-deny, and policies without a namespace, are for each namespace: "
		       "kubectl apply -n NAMESPACE");
	for (i = 0; rc == 0 && i < x->n_rules; i++)
		rc = rule(x, &x->rule[i]);
	return rc;
}
