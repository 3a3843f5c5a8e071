/* NetworkPolicy of networking.k8s.io/v1, as its API reference says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

static const char *const ways[] = {"ingress", "egress"};

/* ---- peers ------------------------------------------------------------------------------------------ */

static int
ip_block(struct bh_import *im, const struct bh_yaml *node, struct bh_term *t)
{
	static const char *const known[] = {"cidr", "except", NULL};
	const struct bh_yaml *cidr, *list;
	struct bh_prefix block, *except = NULL, one;
	size_t n = 0, i;
	int rc = bh_yaml_check_map(im->yaml, node, "an ipBlock", known, im->err);

	if (rc != 0)
		return rc;
	cidr = bh_import_get(node, "cidr");
	list = bh_import_get(node, "except");
	if (cidr == NULL)
		return bh_yaml_err(im->yaml, node, im->err, "an ipBlock needs 'cidr'");
	rc = bh_yaml_prefix(im->yaml, cidr, &block, im->err);
	if (rc == 0 && list != NULL)
		rc = bh_import_must(im, list, BH_YAML_LIST, "except");
	for (i = 0; rc == 0 && list != NULL && i < list->n; i++) {
		rc = bh_yaml_prefix(im->yaml, list->item[i], &one, im->err);
		if (rc == 0 && !bh_prefix_covers(&block, &one))
			rc = bh_yaml_err(im->yaml, list->item[i], im->err,
					 "'except' must lie in 'cidr'");
		if (rc == 0)
			rc = bh_import_push(im, &except, &n, &one, sizeof(one));
	}
	t->kind = BH_TERM_ADDRESS;
	return rc != 0 ? rc : bh_block_subtract(im, t, &block, except, n);
}

int
bh_k8s_cluster(struct bh_import *im, struct bh_term *t)
{
	return im->p->cluster != NULL
		       ? bh_term_add(im, t, BH_LABEL_CLUSTER, BH_WANT_IN, &im->p->cluster, 1)
		       : 0;
}

/* Pods by label: those of the policy's own namespace unless a namespaceSelector says which. */
static int
pod_peer(struct bh_import *im, const struct bh_k8s_policy *policy, const struct bh_yaml *map,
	 struct bh_term *t)
{
	const struct bh_yaml *pods = bh_import_get(map, "podSelector"),
			     *spaces = bh_import_get(map, "namespaceSelector");
	int rc, empty;

	if (spaces == NULL)
		rc = bh_term_add(im, t, BH_LABEL_NAMESPACE, BH_WANT_IN, &policy->ns, 1);
	else
		rc = bh_term_add(im, t, BH_LABEL_NAMESPACE, BH_WANT_EXISTS, NULL, 0);
	if (rc == 0)
		rc = bh_k8s_cluster(im, t);
	if (rc == 0 && spaces != NULL)
		rc = bh_k8s_selector(im, spaces, true, t);
	if (rc < 0)
		return rc;
	empty = rc;
	rc = pods != NULL ? bh_k8s_selector(im, pods, false, t) : 0;
	return rc < 0 ? rc : empty != 0 ? empty : rc;
}

static int
read_peer(struct bh_import *im, struct bh_k8s_rule *r, const struct bh_yaml *map, const char *key,
	  size_t index)
{
	static const char *const known[] = {"podSelector", "namespaceSelector", "ipBlock", NULL};
	const struct bh_yaml *block;
	struct bh_k8s_peer peer = {0};
	int rc = bh_yaml_check_map(im->yaml, map, "a peer", known, im->err);

	if (rc != 0)
		return rc;
	block = bh_import_get(map, "ipBlock");
	peer.hint = bh_import_text(im, "%s/%s-%zu", r->hint, key, index + 1);
	if (peer.hint == NULL)
		return -ENOMEM;
	if (block != NULL && map->n > 1)
		return bh_yaml_err(im->yaml, map, im->err,
				   "an ipBlock stands alone: no selector beside it");
	if (block == NULL && bh_import_get(map, "podSelector") == NULL &&
	    bh_import_get(map, "namespaceSelector") == NULL)
		return bh_yaml_err(im->yaml, map, im->err,
				   "a peer needs podSelector, namespaceSelector or ipBlock");
	rc = block != NULL ? ip_block(im, block, &peer.term)
			   : pod_peer(im, r->policy, map, &peer.term);
	if (rc == BH_TERM_EMPTY || (block != NULL && rc == 0 && peer.term.n_prefixes == 0)) {
		bh_import_note(im, map, "this peer can match nothing: left out");
		return 0;
	}
	return rc != 0 ? rc : bh_import_push(im, &r->peer, &r->n_peers, &peer, sizeof(peer));
}

/* ---- ports ------------------------------------------------------------------------------------------ */

/* 0; 1: the port has a name, told. */
static int
port_number(struct bh_import *im, const struct bh_yaml *map, struct bh_span *s)
{
	const struct bh_yaml *port = bh_import_get(map, "port"),
			     *end = bh_import_get(map, "endPort");
	uint64_t first = 0, last;
	int rc;

	if (port == NULL)
		return end == NULL ? 0
				   : bh_yaml_err(im->yaml, end, im->err, "endPort needs 'port'");
	if (port->type == BH_YAML_SCALAR &&
	    strspn(port->text, "0123456789") != strlen(port->text)) {
		if (end != NULL)
			return bh_yaml_err(im->yaml, end, im->err,
					   "endPort needs a port that is a number");
		bh_import_note(im, port,
			       "port '%.60s' has a number only in each pod: this port is left out, "
			       "write its number",
			       port->text);
		return 1;
	}
	rc = bh_yaml_u64(im->yaml, port, 1, 65535, &first, im->err);
	last = first;
	if (rc == 0 && end != NULL)
		rc = bh_yaml_u64(im->yaml, end, first, 65535, &last, im->err);
	s->last = s->first | (uint32_t)last;
	s->first |= (uint32_t)first;
	return rc;
}

static int
read_port(struct bh_import *im, struct bh_k8s_rule *r, const struct bh_yaml *map)
{
	static const char *const known[] = {"protocol", "port", "endPort", NULL};
	static const char *const words[] = {"TCP", "UDP", "SCTP", NULL};
	static const uint32_t protos[] = {6, 17, 132};
	const struct bh_yaml *node;
	unsigned word = 0;
	struct bh_span s;
	int rc = bh_yaml_check_map(im->yaml, map, "a port", known, im->err);

	if (rc != 0)
		return rc;
	node = bh_import_get(map, "protocol");
	if (node != NULL)
		rc = bh_yaml_enum(im->yaml, node, words, &word, im->err);
	if (rc != 0)
		return rc;
	s.first = protos[word] << 16;
	s.last = s.first | 0xffff;
	rc = port_number(im, map, &s);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return bh_import_push(im, &r->port, &r->n_ports, &s, sizeof(s));
}

/* ---- rules and policies --------------------------------------------------------------------------------- */

static int
read_rule(struct bh_import *im, struct bh_k8s *k, struct bh_k8s_policy *policy, unsigned way,
	  const struct bh_yaml *map, size_t index)
{
	static const char *const known[2][3] = {{"from", "ports", NULL}, {"to", "ports", NULL}};
	static const struct bh_span all = BH_SPAN_ALL;
	struct bh_k8s_rule r = {.policy = policy, .place = bh_import_place(im, map)};
	struct bh_k8s_peer any = {.term = {.kind = BH_TERM_ANY}};
	const struct bh_yaml *peers, *ports;
	int rc = bh_yaml_check_map(im->yaml, map, "a rule", known[way], im->err);
	size_t i;

	if (rc != 0)
		return rc;
	peers = bh_import_get(map, known[way][0]);
	ports = bh_import_get(map, "ports");
	any.hint = r.hint = bh_import_text(im, "%s/%s-%zu", policy->name, ways[way], index + 1);
	if (r.hint == NULL)
		return -ENOMEM;
	if (peers != NULL)
		rc = bh_import_must(im, peers, BH_YAML_LIST, known[way][0]);
	if (rc == 0 && ports != NULL)
		rc = bh_import_must(im, ports, BH_YAML_LIST, "ports");
	/* No list and an empty list are the same: all. */
	if (rc == 0 && (peers == NULL || peers->n == 0))
		rc = bh_import_push(im, &r.peer, &r.n_peers, &any, sizeof(any));
	for (i = 0; rc == 0 && peers != NULL && i < peers->n; i++)
		rc = read_peer(im, &r, peers->item[i], known[way][0], i);
	if (rc == 0 && (ports == NULL || ports->n == 0))
		rc = bh_import_push(im, &r.port, &r.n_ports, &all, sizeof(all));
	for (i = 0; rc == 0 && ports != NULL && i < ports->n; i++)
		rc = read_port(im, &r, ports->item[i]);
	if (rc == 0 && r.n_ports != 0 && r.n_peers != 0)
		rc = bh_import_push(im, &k->rule[way], &k->n_rules[way], &r, sizeof(r));
	else if (rc == 0)
		bh_import_note(im, map, "nothing is left of this rule: left out");
	return rc;
}

/* Which directions it isolates: as the API server fills it in where nothing is written. */
static int
policy_types(struct bh_import *im, struct bh_k8s_policy *policy, const struct bh_yaml *spec)
{
	static const char *const words[] = {"Ingress", "Egress", NULL};
	const struct bh_yaml *types = bh_import_get(spec, "policyTypes"),
			     *egress = bh_import_get(spec, "egress");
	unsigned word;
	size_t i;
	int rc = 0;

	if (types != NULL)
		rc = bh_import_must(im, types, BH_YAML_LIST, "policyTypes");
	for (i = 0; rc == 0 && types != NULL && i < types->n; i++) {
		rc = bh_yaml_enum(im->yaml, types->item[i], words, &word, im->err);
		if (rc == 0)
			policy->isolates[word] = true;
	}
	if (rc == 0 && (types == NULL || types->n == 0)) {
		policy->isolates[0] = true;
		policy->isolates[1] = egress != NULL && egress->n != 0;
	}
	return rc;
}

static int
read_way(struct bh_import *im, struct bh_k8s *k, struct bh_k8s_policy *policy, unsigned way,
	 const struct bh_yaml *spec)
{
	const struct bh_yaml *list = bh_import_get(spec, ways[way]);
	size_t i;
	int rc;

	if (list == NULL)
		return 0;
	rc = bh_import_must(im, list, BH_YAML_LIST, ways[way]);
	if (rc == 0 && !policy->isolates[way] && list->n != 0) {
		bh_import_note(im, list, "policyTypes does not name %s: these rules have no effect",
			       way == 0 ? "Ingress" : "Egress");
		return 0;
	}
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = read_rule(im, k, policy, way, list->item[i], i);
	return rc;
}

static int
read_names(struct bh_import *im, struct bh_k8s *k, struct bh_k8s_policy *policy,
	   const struct bh_yaml *doc)
{
	const struct bh_yaml *meta = bh_import_get(doc, "metadata");
	const struct bh_yaml *name = bh_import_get(meta, "name");
	const char *api = bh_import_word(doc, "apiVersion", "");
	bool fresh;

	if (strcmp(api, "networking.k8s.io/v1") != 0)
		return bh_yaml_err(im->yaml, doc, im->err,
				   "expected apiVersion networking.k8s.io/v1, found '%.60s'", api);
	if (name == NULL || name->type != BH_YAML_SCALAR)
		return bh_yaml_err(im->yaml, doc, im->err, "a NetworkPolicy needs metadata.name");
	policy->ns = bh_import_word(meta, "namespace", "default");
	if (policy->ns[0] == '\0' || !bh_label_value_valid(policy->ns))
		return bh_yaml_err(im->yaml, meta, im->err, "'%.60s' is no name of a namespace",
				   policy->ns);
	if (bh_import_get(meta, "namespace") == NULL)
		bh_import_note(im, meta, "no namespace: taken as 'default'");
	policy->name = bh_import_text(im, "%s/%s", policy->ns, name->text);
	if (policy->name == NULL || bh_words_at(&k->names, policy->name, 0, &fresh) == NULL)
		return bh_import_nomem(im);
	return fresh ? 0
		     : bh_yaml_err(im->yaml, name, im->err,
				   "there are two NetworkPolicies %.100s: keep one", policy->name);
}

int
bh_k8s_read(struct bh_import *im, struct bh_forms *f, const struct bh_yaml *doc)
{
	static const char *const known[] = {"apiVersion", "kind",   "metadata",
					    "spec",       "status", NULL};
	static const char *const in_spec[] = {"podSelector", "policyTypes", "ingress", "egress",
					      NULL};
	struct bh_k8s_policy *policy = bh_import_alloc(im, sizeof(*policy));
	const struct bh_yaml *spec, *pods;
	int rc = policy == NULL
			 ? -ENOMEM
			 : bh_yaml_check_map(im->yaml, doc, "a NetworkPolicy", known, im->err);

	if (rc == 0)
		rc = read_names(im, &f->k8s, policy, doc);
	if (rc != 0)
		return rc;
	policy->place = bh_import_place(im, doc);
	spec = bh_import_get(doc, "spec");
	if (spec == NULL)
		return bh_yaml_err(im->yaml, doc, im->err, "a NetworkPolicy needs 'spec'");
	rc = bh_yaml_check_map(im->yaml, spec, "spec", in_spec, im->err);
	if (rc != 0)
		return rc;
	pods = bh_import_get(spec, "podSelector");
	rc = bh_term_add(im, &policy->subject, BH_LABEL_NAMESPACE, BH_WANT_IN, &policy->ns, 1);
	if (rc == 0)
		rc = bh_k8s_cluster(im, &policy->subject);
	if (rc == 0 && pods != NULL)
		rc = bh_k8s_selector(im, pods, false, &policy->subject);
	if (rc == BH_TERM_EMPTY) {
		bh_import_note(im, pods, "no pod can match this: the policy has no effect");
		return 0;
	}
	if (rc == 0)
		rc = policy_types(im, policy, spec);
	if (rc == 0)
		rc = read_way(im, &f->k8s, policy, 0, spec);
	if (rc == 0)
		rc = read_way(im, &f->k8s, policy, 1, spec);
	return rc != 0 ? rc
		       : bh_import_push(im, &f->k8s.policy, &f->k8s.n_policies, &policy,
					sizeof(policy));
}
