/* NetworkPolicies: random clusters and policies, and each connection judged by what was imported against
 * an evaluator that knows nothing of rules: it asks, for both ends, the policies as they were drawn. */
#include "import_rig.h"

#define KEYS 3
#define VALUES 4 /* the last is empty */
#define PODS 14
#define STRANGERS 6
#define SPACES 3
#define POLICIES 6
#define RULES 3
#define PEERS 3
#define PORTS 3

/* Keys 0.. of pods; namespaces have their own, and the last is the name. */
static const char *const pod_keys[KEYS] = {"app", "tier", "example.com/pci"};
static const char *const ns_keys[KEYS] = {"team", "env", "kubernetes.io/metadata.name"};
static const char *const values[VALUES] = {"a", "b", "c", ""};
static const char *const spaces[SPACES] = {"shop", "lab", "ops"};

struct host {
	uint32_t addr;
	int ns; /* -1: no pod */
	int label[KEYS];
};

struct need {
	unsigned key, op, values; /* op: In, NotIn, Exists, DoesNotExist; values: bits */
};

struct choice {
	unsigned n;
	struct need need[3];
};

enum peer_kind { PEER_POD, PEER_NS, PEER_NS_POD, PEER_BLOCK };

struct peer {
	enum peer_kind kind;
	struct choice pod, ns;
	unsigned block;
};

struct port {
	unsigned proto, first, last; /* first 0: all */
};

struct rule {
	unsigned n_peers, n_ports;
	struct peer peer[PEERS];
	struct port port[PORTS];
};

struct policy {
	unsigned ns, types; /* bits: 1 ingress, 2 egress; 0: not written */
	struct choice pods;
	unsigned n_rules[2];
	struct rule rule[2][RULES];
};

static struct cluster {
	int ns_label[SPACES][KEYS];
	struct host host[PODS + STRANGERS];
	unsigned n_policies;
	struct policy policy[POLICIES];
} cluster;

static const struct block {
	uint32_t addr, len;
	unsigned n_except;
	struct {
		uint32_t addr, len;
	} except[2];
	bool cuts; /* pods are in it and out of it */
} blocks[] = {
	{0, 0, 0, {{0, 0}}, false},
	{0, 0, 1, {{0x0af40000, 16}}, false},
	{0x0a000000, 8, 2, {{0x0af40000, 16}, {0x0a010200, 24}}, false},
	{0xc0a80000, 16, 1, {{0xc0a80700, 24}}, false},
	{0x08080808, 32, 0, {{0, 0}}, false},
	{0x0a000000, 8, 1, {{0x0a010000, 16}}, false},
	{0x0af40100, 24, 0, {{0, 0}}, true},
	{0, 0, 1, {{0x0af40200, 23}}, true},
};
#define WHOLE_BLOCKS 6

static const uint32_t strangers[STRANGERS] = {0x0a010203, 0x0a010303, 0xc0a80709,
					      0xc0a80809, 0x08080808, 0x09090909};
static const unsigned protos[] = {6, 17, 132};
static const char *const proto_names[] = {"TCP", "UDP", "SCTP"};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* ---- what Kubernetes says --------------------------------------------------------------------------- */

static bool
has_all(const struct choice *c, const int label[KEYS], bool of_ns, int ns)
{
	unsigned i;

	for (i = 0; i < c->n; i++) {
		const struct need *n = &c->need[i];
		bool named = of_ns && n->key == KEYS - 1;
		int v = named ? ns : label[n->key];
		bool in = v >= 0 && (n->values & 1u << v) != 0;
		bool met[] = {in, !in, v >= 0, v < 0};

		if (!met[n->op])
			return false;
	}
	return true;
}

static bool
in_prefix(uint32_t addr, uint32_t net, uint32_t len)
{
	return len == 0 || (addr ^ net) >> (32 - len) == 0;
}

static bool
is_peer(const struct policy *p, const struct peer *e, const struct host *h)
{
	const struct block *b = &blocks[e->block];
	unsigned i;

	if (e->kind == PEER_BLOCK) {
		for (i = 0; i < b->n_except; i++) {
			if (in_prefix(h->addr, b->except[i].addr, b->except[i].len))
				return false;
		}
		return in_prefix(h->addr, b->addr, b->len);
	}
	if (h->ns < 0)
		return false;
	if (e->kind == PEER_POD && h->ns != (int)p->ns)
		return false;
	if (e->kind != PEER_POD && !has_all(&e->ns, cluster.ns_label[h->ns], true, h->ns))
		return false;
	return e->kind == PEER_NS || has_all(&e->pod, h->label, false, 0);
}

static bool
rule_fits(const struct policy *p, const struct rule *r, const struct host *other, unsigned proto,
	  unsigned port)
{
	bool peer = r->n_peers == 0, service = r->n_ports == 0;
	unsigned i;

	for (i = 0; i < r->n_peers; i++)
		peer |= is_peer(p, &r->peer[i], other);
	for (i = 0; i < r->n_ports; i++)
		service |= protos[r->port[i].proto] == proto &&
			   (r->port[i].first == 0 ||
			    (port >= r->port[i].first && port <= r->port[i].last));
	return peer && service;
}

static unsigned
types_of(const struct policy *p)
{
	return p->types != 0 ? p->types : 1 + 2 * (p->n_rules[1] != 0);
}

static bool
selects(const struct policy *p, const struct host *h, unsigned way)
{
	return h->ns == (int)p->ns && (types_of(p) & 1u << way) != 0 &&
	       has_all(&p->pods, h->label, false, 0);
}

/* Does the side of `mine` let it pass? way 0: mine is the destination. */
static bool
side_allows(const struct host *mine, const struct host *other, unsigned way, unsigned proto,
	    unsigned port, bool *isolated)
{
	unsigned i, k;
	bool pass = false;

	*isolated = false;
	for (i = 0; i < cluster.n_policies; i++) {
		const struct policy *p = &cluster.policy[i];

		if (!selects(p, mine, way))
			continue;
		*isolated = true;
		for (k = 0; k < p->n_rules[way]; k++)
			pass |= rule_fits(p, &p->rule[way][k], other, proto, port);
	}
	return pass || !*isolated;
}

/* ---- drawing one --------------------------------------------------------------------------------------- */

static void
draw_choice(struct choice *c, unsigned most)
{
	unsigned i;

	c->n = rnd(most + 1);
	for (i = 0; i < c->n; i++) {
		c->need[i] = (struct need){.key = rnd(KEYS), .op = rnd(4)};
		c->need[i].op = rnd(2) ? 0 : c->need[i].op;
		c->need[i].values = 1u << rnd(VALUES);
		if (rnd(3) == 0)
			c->need[i].values |= 1u << rnd(VALUES);
	}
}

static void
draw_rule(struct rule *r, unsigned n_blocks)
{
	unsigned i;

	r->n_peers = rnd(PEERS + 1);
	for (i = 0; i < r->n_peers; i++) {
		r->peer[i].kind = (enum peer_kind)rnd(4);
		draw_choice(&r->peer[i].pod, 2);
		draw_choice(&r->peer[i].ns, 1 + rnd(2));
		r->peer[i].block = rnd(n_blocks);
	}
	r->n_ports = rnd(PORTS + 1);
	for (i = 0; i < r->n_ports; i++) {
		r->port[i] = (struct port){.proto = rnd(4) % 3, .first = 80 + rnd(4)};
		r->port[i].last = r->port[i].first + (rnd(3) == 0 ? rnd(4) : 0);
		if (rnd(5) == 0)
			r->port[i].first = 0;
	}
}

static void
draw_cluster(unsigned n_blocks)
{
	unsigned i, k, w;

	memset(&cluster, 0, sizeof(cluster));
	for (i = 0; i < SPACES; i++) {
		for (k = 0; k < KEYS; k++)
			cluster.ns_label[i][k] = (int)rnd(VALUES + 1) - 1;
	}
	for (i = 0; i < PODS + STRANGERS; i++) {
		struct host *h = &cluster.host[i];

		h->ns = i < PODS ? (int)rnd(SPACES) : -1;
		h->addr = i < PODS ? 0x0af40000 + (rnd(4) << 8) + i : strangers[i - PODS];
		for (k = 0; k < KEYS; k++)
			h->label[k] = (int)rnd(VALUES + 1) - 1;
	}
	cluster.n_policies = 1 + rnd(POLICIES);
	for (i = 0; i < cluster.n_policies; i++) {
		struct policy *p = &cluster.policy[i];

		p->ns = rnd(SPACES);
		p->types = rnd(4);
		draw_choice(&p->pods, rnd(3));
		for (w = 0; w < 2; w++) {
			p->n_rules[w] = rnd(RULES + 1);
			for (k = 0; k < p->n_rules[w]; k++)
				draw_rule(&p->rule[w][k], n_blocks);
		}
	}
}

/* ---- writing it down --------------------------------------------------------------------------------------- */

static const char *
value_name(unsigned v, bool name)
{
	return name ? (v < SPACES ? spaces[v] : "none") : values[v];
}

static void
write_choice(struct bh_buf *b, const struct choice *c, bool of_ns)
{
	static const char *const ops[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	const char *const *keys = of_ns ? ns_keys : pod_keys;
	unsigned i, v;

	/* The first one as matchLabels where that can say it. */
	i = c->n > 0 && c->need[0].op == 0 && (c->need[0].values & (c->need[0].values - 1)) == 0;
	bh_buf_str(b, "{");
	if (i == 1)
		bh_buf_printf(b, "matchLabels: {%s: \"%s\"}, ", keys[c->need[0].key],
			      value_name((unsigned)__builtin_ctz(c->need[0].values),
					 of_ns && c->need[0].key == KEYS - 1));
	bh_buf_str(b, "matchExpressions: [");
	for (; i < c->n; i++) {
		const struct need *n = &c->need[i];

		bh_buf_printf(b, "{key: %s, operator: %s", keys[n->key], ops[n->op]);
		bh_buf_str(b, n->op < 2 ? ", values: [" : "");
		for (v = 0; v < VALUES && n->op < 2; v++) {
			if ((n->values & 1u << v) != 0)
				bh_buf_printf(b, "\"%s\",",
					      value_name(v, of_ns && n->key == KEYS - 1));
		}
		bh_buf_str(b, n->op < 2 ? "]}," : "},");
	}
	bh_buf_str(b, "]}");
}

static void
write_addr(struct bh_buf *b, uint32_t addr, uint32_t len)
{
	bh_buf_printf(b, "%u.%u.%u.%u/%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
		      addr & 255, len);
}

static void
write_peer(struct bh_buf *b, const struct peer *e)
{
	const struct block *k = &blocks[e->block];
	unsigned i;

	bh_buf_str(b, "      - {");
	if (e->kind == PEER_BLOCK) {
		bh_buf_str(b, "ipBlock: {cidr: ");
		write_addr(b, k->addr, k->len);
		bh_buf_str(b, ", except: [");
		for (i = 0; i < k->n_except; i++) {
			bh_buf_str(b, i != 0 ? ", " : "");
			write_addr(b, k->except[i].addr, k->except[i].len);
		}
		bh_buf_str(b, "]}");
	}
	if (e->kind == PEER_NS || e->kind == PEER_NS_POD) {
		bh_buf_str(b, "namespaceSelector: ");
		write_choice(b, &e->ns, true);
	}
	if (e->kind == PEER_POD || e->kind == PEER_NS_POD) {
		bh_buf_str(b, e->kind == PEER_NS_POD ? ", podSelector: " : "podSelector: ");
		write_choice(b, &e->pod, false);
	}
	bh_buf_str(b, "}\n");
}

static void
write_rule(struct bh_buf *b, const struct rule *r, unsigned way)
{
	unsigned i;

	bh_buf_printf(b, "  - %s:\n", way == 0 ? "from" : "to");
	for (i = 0; i < r->n_peers; i++)
		write_peer(b, &r->peer[i]);
	bh_buf_str(b, "    ports:\n");
	for (i = 0; i < r->n_ports; i++) {
		const struct port *p = &r->port[i];

		bh_buf_printf(b, "      - {protocol: %s", proto_names[p->proto]);
		if (p->first != 0)
			bh_buf_printf(b, ", port: %u", p->first);
		if (p->first != 0 && p->last != p->first)
			bh_buf_printf(b, ", endPort: %u", p->last);
		bh_buf_str(b, "}\n");
	}
}

static void
write_policies(struct bh_buf *b)
{
	static const char *const types[] = {"[]", "[Ingress]", "[Egress]", "[Egress, Ingress]"};
	unsigned i, k, w;

	for (i = 0; i < cluster.n_policies; i++) {
		const struct policy *p = &cluster.policy[i];

		bh_buf_printf(b,
			      "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			      "metadata: {name: p%u, namespace: %s}\nspec:\n  podSelector: ",
			      i, spaces[p->ns]);
		write_choice(b, &p->pods, false);
		bh_buf_printf(b, "\n  policyTypes: %s\n", types[p->types]);
		for (w = 0; w < 2; w++) {
			if (p->n_rules[w] != 0)
				bh_buf_printf(b, "  %s:\n", w == 0 ? "ingress" : "egress");
			for (k = 0; k < p->n_rules[w]; k++)
				write_rule(b, &p->rule[w][k], w);
		}
	}
}

static void
write_endpoints(struct bh_buf *b)
{
	unsigned i, k;

	bh_buf_str(b, "endpoints:\n");
	for (i = 0; i < PODS; i++) {
		const struct host *h = &cluster.host[i];

		bh_buf_str(b, "  - {address: ");
		write_addr(b, h->addr, 32);
		bh_buf_printf(b, ", labels: {k8s.namespace: %s", spaces[h->ns]);
		for (k = 0; k < KEYS; k++) {
			if (h->label[k] >= 0)
				bh_buf_printf(b, ", %s: \"%s\"", pod_keys[k], values[h->label[k]]);
			if (k < KEYS - 1 && cluster.ns_label[h->ns][k] >= 0)
				bh_buf_printf(b, ", k8s.namespace/%s: \"%s\"", ns_keys[k],
					      values[cluster.ns_label[h->ns][k]]);
		}
		bh_buf_str(b, "}}\n");
	}
}

/* ---- comparing --------------------------------------------------------------------------------------------- */

struct tally {
	bool exact; /* narrower is wrong, too */
	unsigned cells, allowed, wider, narrower, narrower_outside;
};

static void
compare(const struct rig *r, struct tally *t)
{
	static const unsigned ports[] = {79, 80, 81, 82, 83, 86, 443};
	unsigned a, b, p, k;
	bool isolated[2], want, got;

	for (a = 0; a < PODS + STRANGERS; a++) {
		for (b = 0; b < PODS + STRANGERS; b++) {
			const struct host *from = &cluster.host[a], *to = &cluster.host[b];

			/* Between two strangers Kubernetes has no say. */
			if (a == b || (from->ns < 0 && to->ns < 0))
				continue;
			for (p = 0; p < 3 * BH_ARRAY_SIZE(ports); p++) {
				k = p / 3;
				want = side_allows(from, to, 1, protos[p % 3], ports[k],
						   &isolated[0]);
				want &= side_allows(to, from, 0, protos[p % 3], ports[k],
						    &isolated[1]);
				got = rig_allows(r, from->addr, to->addr, (uint8_t)protos[p % 3],
						 (uint16_t)ports[k]);
				t->cells++;
				t->allowed += want;
				t->wider += got && !want;
				t->narrower += want && !got;
				t->narrower_outside +=
					want && !got && !(isolated[0] && isolated[1]);
			}
		}
	}
}

static unsigned
play(unsigned rounds, unsigned n_blocks, const char *pods, struct tally *t)
{
	struct bh_buf text, endpoints;
	unsigned round, told = 0;
	struct rig r;

	for (round = 0; round < rounds && t->wider == 0; round++) {
		text = endpoints = (struct bh_buf){0};
		draw_cluster(n_blocks);
		write_policies(&text);
		write_endpoints(&endpoints);
		if (rig_import(&r, BH_FORM_AUTO, text.data, pods) != 0) {
			fprintf(stderr, "\n%u: %s\n%s", r.err.line, r.err.what, text.data);
			CU_FAIL_FATAL("a good policy is not imported");
		}
		rig_load(&r, endpoints.data);
		compare(&r, t);
		if (t->wider != 0 || (t->exact && t->narrower != 0)) {
			fprintf(stderr, "\n%s\n%s", text.data, r.out.data);
			round = rounds;
		}
		told += r.notes.data != NULL && strstr(r.notes.data, "--pods") != NULL;
		rig_free(&r);
		bh_buf_free(&text);
		bh_buf_free(&endpoints);
	}
	return told;
}

static void
each_connection_is_judged_as_kubernetes_would(void)
{
	struct tally t = {.exact = true};

	srand(5);
	CU_ASSERT_EQUAL(play(400, WHOLE_BLOCKS, "10.244.0.0/16", &t), 0);
	CU_ASSERT_EQUAL(t.wider, 0);
	CU_ASSERT_EQUAL(t.narrower, 0);
	CU_ASSERT_TRUE(t.cells > 1000000);
	CU_ASSERT_TRUE(t.allowed > t.cells / 20 && t.allowed < t.cells / 20 * 19);
}

static void
a_block_that_cuts_through_the_pods_is_told_and_never_allows_more(void)
{
	struct tally t = {0};

	srand(6);
	CU_ASSERT_TRUE(play(200, BH_ARRAY_SIZE(blocks), "10.244.0.0/16", &t) > 10);
	CU_ASSERT_EQUAL(t.wider, 0);
	CU_ASSERT_EQUAL(t.narrower_outside, 0);
	/* Without a word on where pods are, each block may cut. */
	t = (struct tally){0};
	CU_ASSERT_TRUE(play(200, WHOLE_BLOCKS, NULL, &t) > 10);
	CU_ASSERT_EQUAL(t.wider, 0);
	CU_ASSERT_EQUAL(t.narrower_outside, 0);
}

const struct bh_unit_test bh_suite_import_k8s[] = {
	BH_TEST(each_connection_is_judged_as_kubernetes_would),
	BH_TEST(a_block_that_cuts_through_the_pods_is_told_and_never_allows_more), BH_TEST_END};
