/* The container firewall's form. Rules of one action in a row have one priority; each change of action takes
 * the next lower one, so that the order of ours is kept where it matters. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "export.h"

static const struct {
	const char *ours, *theirs;
} keys[] = {{BH_LABEL_NAMESPACE, "domain"},
	    {"k8s.service", "service"},
	    {"k8s.node", "node"},
	    {"k8s.container", "container"},
	    {"k8s.image", "image"}};

/* Key of a criterion; *ns when it is about the namespace's labels. */
static const char *
their_key(struct bh_import *im, const char *key, bool *ns)
{
	size_t i, n = strlen(BH_LABEL_NAMESPACE_LABEL);

	*ns = strncmp(key, BH_LABEL_NAMESPACE_LABEL, n) == 0;
	if (*ns)
		return bh_import_text(im, "ns:%s", key + n);
	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		if (strcmp(key, keys[i].ours) == 0)
			return keys[i].theirs;
	}
	return key;
}

/* A name without the slashes that ours may have, and in lower case where the cluster wants it. */
static const char *
plain_name(struct bh_export *x, const char *name, bool lower)
{
	char *copy = bh_import_text(x->im, "%s", name), *p;

	for (p = copy; p != NULL && *p != '\0'; p++) {
		if (*p == '/' || (lower && *p == '_'))
			*p = '.';
		else if (lower)
			*p = (char)tolower((unsigned char)*p);
	}
	return copy == NULL ? NULL : bh_out_name(x->im, copy);
}

static int
name_groups(struct bh_export *x)
{
	size_t i;

	for (i = 0; i < x->n_segments; i++) {
		struct bh_ex_segment *s = &x->segment[i];

		s->alias = strchr(s->name, '/') == NULL ? s->name : plain_name(x, s->name, false);
		if (s->alias == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* Why a segment is no group; NULL: it is one. */
static const char *
no_group(const struct bh_ex_segment *s)
{
	size_t i, n_ns = 0;

	if (s->why != NULL)
		return s->why;
	if (s->has_labels && s->has_addresses)
		return "a group has labels or addresses, not both";
	for (i = 0; i < s->labels.n; i++) {
		const struct bh_want *w = &s->labels.want[i];

		n_ns += strncmp(w->key, BH_LABEL_NAMESPACE_LABEL,
				strlen(BH_LABEL_NAMESPACE_LABEL)) == 0;
		if (w->absent || (w->exists && w->n != 0))
			return "a group cannot ask for the absence of a label, nor for a label "
			       "with "
			       "any value but some";
	}
	for (i = 0; i < s->labels.n_more; i++) {
		const struct bh_more *m = &s->labels.more[i];

		n_ns += strncmp(m->key, BH_LABEL_NAMESPACE_LABEL,
				strlen(BH_LABEL_NAMESPACE_LABEL)) == 0;
		if (bh_term_want(&s->labels, m->key) != NULL ||
		    (i != 0 && strcmp(s->labels.more[i - 1].key, m->key) == 0 &&
		     (m->op[0] != '!' || s->labels.more[i - 1].op[0] != '!')))
			return "a group takes criteria of one key as alternatives";
	}
	return n_ns > 1 ? "of a namespace's labels a group can ask for one only" : NULL;
}

/* Requirements over texts, behind the others. */
static int
text_criteria(struct bh_export *x, const struct bh_ex_segment *s)
{
	const char *key, *sep = s->labels.n == 0 ? "" : ", ";
	size_t i, k;
	bool ns;

	for (i = 0; i < s->labels.n_more; i++) {
		const struct bh_more *m = &s->labels.more[i];

		key = their_key(x->im, m->key, &ns);
		if (key == NULL)
			return -ENOMEM;
		for (k = 0; k < m->n; k++) {
			bh_buf_printf(x->out, "%s{key: \"%s\", op: \"%s\", value: ", sep, key,
				      m->op[0] == '~'   ? "regex"
				      : m->op[0] == '!' ? "!regex"
							: m->op);
			bh_out_quoted(x->out, m->value[k]);
			bh_buf_str(x->out, "}");
			sep = ", ";
		}
	}
	return 0;
}

static int
criteria(struct bh_export *x, const struct bh_ex_segment *s)
{
	struct bh_buf *b = x->out;
	const char *key;
	char text[64];
	size_t i, k;
	bool ns;

	for (i = 0; i < s->addresses.n_prefixes; i++) {
		bh_prefix_format(&s->addresses.prefix[i], text, sizeof(text));
		bh_buf_printf(b, "%s{key: address, op: \"=\", value: \"%s\"}", i == 0 ? "" : ", ",
			      text);
	}
	for (i = 0; i < s->addresses.n_hosts; i++)
		bh_buf_printf(b, "%s{key: address, op: \"=\", value: \"%s\"}",
			      i == 0 && s->addresses.n_prefixes == 0 ? "" : ", ",
			      s->addresses.host[i]);
	for (i = 0; i < s->labels.n; i++) {
		const struct bh_want *w = &s->labels.want[i];

		key = their_key(x->im, w->key, &ns);
		if (key == NULL)
			return -ENOMEM;
		if (w->exists)
			bh_buf_printf(b, "%s{key: \"%s\", op: \"=\", value: \"*\"}",
				      i == 0 ? "" : ", ", key);
		for (k = 0; k < w->n; k++)
			bh_buf_printf(b, "%s{key: \"%s\", op: \"%s\", value: \"%s\"}",
				      i == 0 && k == 0 ? "" : ", ", key,
				      w->in ? "=" : "!=", w->value[k]);
	}
	return text_criteria(x, s);
}

static int
group(struct bh_export *x, const struct bh_ex_segment *s, const char *reserved)
{
	int rc = 0;

	if (s == NULL || s->node == NULL) {
		bh_buf_printf(x->out, "{name: \"%s\", criteria: []}",
			      s != NULL ? s->name : reserved);
		return 0;
	}
	bh_buf_printf(x->out, "{name: \"%s\", criteria: [", s->alias);
	rc = criteria(x, s);
	bh_buf_str(x->out, "]}");
	return rc;
}

/* Protocols but TCP, UDP and ICMP as a whole have no words. */
static bool
sayable_port(const struct bh_span *s)
{
	unsigned proto = s->first >> 16;

	return s->last >= 0xffffff || proto == 6 || proto == 17 ||
	       (proto == 1 && (s->first & 0xffff) == 0 && (s->last & 0xffff) == 0xffff);
}

void
bh_ex_ports(struct bh_export *x, const struct bh_ex_rule *r)
{
	const char *sep = "";
	size_t i;

	for (i = 0; i < r->n_ports; i++) {
		const struct bh_span *s = &r->port[i];

		if (!sayable_port(s))
			continue;
		bh_buf_str(x->out, sep);
		sep = ",";
		if (s->last >= 0xffffff)
			bh_buf_str(x->out, "any");
		else if (s->first >> 16 != 1 && (s->first & 0xffff) <= 1 &&
			 (s->last & 0xffff) == 0xffff)
			bh_buf_printf(x->out, "%s/any", s->first >> 16 == 6 ? "tcp" : "udp");
		else
			bh_out_span(x->out, s);
	}
}

/* Who may be named where: a target, or the peer of one. */
struct end {
	const struct bh_ex_segment *segment;
	const char *reserved;
};

static bool
is_outside(const struct end *e)
{
	return e->segment == NULL ? strcmp(e->reserved, "external") == 0 : e->segment->node == NULL;
}

static bool
by_address(const struct end *e)
{
	return e->segment != NULL && e->segment->has_addresses;
}

static int
one(struct bh_export *x, const struct bh_ex_rule *r, const struct end end[2], unsigned priority)
{
	/* What is outside cannot be a target: then the rule stands at the other end. It stands with pods rather than
	 * with addresses, too, which have no mode there. */
	bool egress = is_outside(&end[1]) ||
		      (by_address(&end[1]) && !by_address(&end[0]) && !is_outside(&end[0]));
	const struct end *target = &end[!egress], *peer = &end[egress];
	const char *name = plain_name(x, r->id, true);
	size_t i;
	int rc;

	if (name == NULL)
		return -ENOMEM;
	bh_buf_printf(x->out,
		      "---\napiVersion: neuvector.com/v1\nkind: NvClusterSecurityRule\n"
		      "metadata: {name: \"%s\"}\nspec:\n  target:\n    policymode: N/A\n"
		      "    selector: ",
		      name);
	rc = group(x, target->segment, target->reserved);
	bh_buf_printf(x->out, "\n  %s:\n    - selector: ", egress ? "egress" : "ingress");
	if (rc == 0)
		rc = group(x, peer->segment, peer->reserved);
	bh_buf_str(x->out, "\n      applications: [");
	for (i = 0; i < r->n_apps; i++)
		bh_buf_printf(x->out, "%s%s", i == 0 ? "" : ", ", bh_export_app(r->app[i]));
	bh_buf_str(x->out, r->n_apps == 0 ? "any]\n      ports: \"" : "]\n      ports: \"");
	bh_ex_ports(x, r);
	bh_buf_printf(x->out, "\"\n      action: %s\n      name: \"%s\"\n      priority: %u\n",
		      r->deny ? "deny" : "allow", name, priority);
	return rc;
}

static size_t
n_ends(const struct bh_ex_side *s)
{
	return s->any ? 2 : s->n;
}

static struct end
end_at(const struct bh_export *x, const struct bh_ex_side *s, size_t i)
{
	if (s->any)
		return (struct end){NULL, i == 0 ? "containers" : "external"};
	return (struct end){&x->segment[s->segment[i]], NULL};
}

static int
pairs(struct bh_export *x, const struct bh_ex_rule *r, unsigned priority)
{
	struct end end[2];
	size_t f, t;
	int rc = 0;

	for (f = 0; rc == 0 && f < n_ends(&r->from); f++) {
		for (t = 0; rc == 0 && t < n_ends(&r->to); t++) {
			end[0] = end_at(x, &r->from, f);
			end[1] = end_at(x, &r->to, t);
			if (is_outside(&end[0]) && is_outside(&end[1]))
				bh_import_note(
					x->im, r->node,
					"rule '%.100s': from outside to outside cannot be said",
					r->id);
			else
				rc = one(x, r, end, priority);
		}
	}
	return rc;
}

const char *
bh_ex_no_service(const struct bh_ex_rule *r)
{
	bool some = false, all = true;
	size_t i;

	for (i = 0; i < r->n_apps; i++) {
		if (bh_export_app(r->app[i]) == NULL)
			return "it names an application that the form does not know";
	}
	for (i = 0; i < r->n_ports; i++) {
		some |= sayable_port(&r->port[i]);
		all &= sayable_port(&r->port[i]);
	}
	if (r->operations)
		return "operations of applications cannot be said";
	return !some || (r->deny && !all) ? "its ports cannot be said" : NULL;
}

static const char *
refusal(const struct bh_export *x, const struct bh_ex_rule *r)
{
	const struct bh_ex_side *side[2] = {&r->from, &r->to};
	const char *why = NULL;
	size_t i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; why == NULL && i < side[k]->n; i++)
			why = no_group(&x->segment[side[k]->segment[i]]);
	}
	if (why == NULL)
		why = bh_ex_no_service(r);
	if (why == NULL && r->deny && (r->from.any || r->to.any))
		why = "any stands for nodes, too, which it cannot name";
	return why;
}

int
bh_export_nv(struct bh_export *x)
{
	const struct bh_ex_rule *before;
	unsigned priority = 100;
	bool deny = false, first = true;
	const char *why;
	size_t i;
	int rc = name_groups(x);

	bh_import_note(x->im, NULL,
		       "what no rule fits is denied by the mode of the groups: set Protect there");
	for (i = 0; rc == 0 && i < x->n_rules; i++) {
		struct bh_ex_rule *r = &x->rule[i];

		why = refusal(x, r);
		before = why == NULL && !r->deny ? bh_ex_in_the_way(x, r) : NULL;
		if (before != NULL)
			why = "a rule that denies before it could not be said";
		if (why == NULL && !first && deny != r->deny && priority == 0)
			why = "the form has 101 priorities, and no more changes of action";
		if (why != NULL) {
			bh_ex_drop(x, r, why);
			continue;
		}
		priority -= !first && deny != r->deny;
		first = false;
		deny = r->deny;
		if (r->from.any || r->to.any)
			bh_import_note(x->im, r->node,
				       "rule '%.100s': any is said as containers and external",
				       r->id);
		rc = pairs(x, r, priority);
	}
	return rc;
}
