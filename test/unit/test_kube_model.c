/* Who has an address, against a plain model that looks through all objects each time. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/kube/kube_priv.h"
#include "unit.h"

#define NAMES 12
#define ADDRESSES 9
#define SOURCES 2

struct plain {
	bool there;
	struct bh_kube_object o;
	struct bh_kube_address at[2];
	char name[24], ns[8], start[8], uid[16], value[8];
};

struct world {
	struct bh_kube_model *m;
	struct plain pod[SOURCES][NAMES], space[SOURCES][3];
	char endpoint[ADDRESSES][128]; /* what the policy would have; "" = none */
	unsigned seed;
	uint64_t changes;
};

static const char *const clusters[] = {"east", "west"};

static unsigned
pick(struct world *w, unsigned n)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 16) % n;
}

static struct bh_prefix
address(unsigned i)
{
	return (struct bh_prefix){.addr = {10, 0, 0, (uint8_t)i}, .family = 4, .len = 32};
}

/* Labels in one order. */
static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct bh_label *)a)->key, ((const struct bh_label *)b)->key);
}

static void
write_labels(struct bh_label *label, unsigned n, char out[128])
{
	size_t len = 0;
	unsigned i;

	qsort(label, n, sizeof(*label), by_key);
	for (out[0] = '\0', i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, 128 - len, "%s=%s,", label[i].key,
					label[i].value);
}

/* One batch into what the policy would have. */
static void
take(struct world *w)
{
	struct bh_kube_batch b;
	struct bh_label label[BH_LABELS_MAX];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(bh_kube_model_changes(w->m, &b), 0);
	for (i = 0; i < b.n; i++) {
		const struct bh_endpoint *e = &b.change[i].endpoint;
		unsigned at = e->prefix.addr[3];

		if (b.change[i].op == BH_ENDPOINT_DELETE) {
			CU_ASSERT_NOT_EQUAL(w->endpoint[at][0], '\0');
			w->endpoint[at][0] = '\0';
			continue;
		}
		memcpy(label, e->labels, e->n_labels * sizeof(*label));
		write_labels(label, e->n_labels, w->endpoint[at]);
	}
	w->changes += b.n;
	bh_kube_model_done(w->m);
	bh_kube_batch_free(&b);
}

static bool
claims(const struct world *w, unsigned source, unsigned n, unsigned at)
{
	const struct plain *p = &w->pod[source][n];
	unsigned i;

	for (i = 0; p->there && i < p->o.n_addresses; i++) {
		if (p->o.address[i].prefix.addr[3] == at)
			return true;
	}
	return false;
}

static bool
goes_before(const struct plain *a, const struct plain *b)
{
	int c;

	if (a->o.source != b->o.source)
		return a->o.source < b->o.source;
	if (a->o.terminating != b->o.terminating)
		return b->o.terminating;
	c = strcmp(a->start, b->start);
	return c != 0 ? c > 0 : strcmp(a->uid, b->uid) > 0;
}

/* What the address should have. */
static void
expect(const struct world *w, unsigned at, char out[128])
{
	const struct plain *best = NULL, *ns;
	struct bh_label label[5];
	unsigned s, n;

	out[0] = '\0';
	for (s = 0; s < SOURCES; s++) {
		for (n = 0; n < NAMES; n++) {
			if (claims(w, s, n, at) &&
			    (best == NULL || goes_before(&w->pod[s][n], best)))
				best = &w->pod[s][n];
		}
	}
	if (best == NULL)
		return;
	ns = &w->space[best->o.source][best->ns[1] - '0'];
	if (!ns->there)
		return;
	label[0] = (struct bh_label){"app", best->value};
	label[1] = (struct bh_label){"k8s.cluster", clusters[best->o.source]};
	label[2] = (struct bh_label){"k8s.namespace", best->ns};
	label[3] = (struct bh_label){"namespace", best->ns};
	label[4] = (struct bh_label){"k8s.namespace/tier", ns->value};
	write_labels(label, 5, out);
}

static void
check_all(struct world *w)
{
	char want[128];
	unsigned i;

	take(w);
	for (i = 0; i < ADDRESSES; i++) {
		expect(w, i, want);
		CU_ASSERT_STRING_EQUAL(w->endpoint[i], want);
		if (strcmp(w->endpoint[i], want) != 0)
			fprintf(stderr, "address %u: has %s, should %s\n", i, w->endpoint[i], want);
	}
}

static void
put_pod(struct world *w, unsigned s, unsigned n)
{
	struct plain *p = &w->pod[s][n];
	unsigned i, count = pick(w, 3);

	p->there = true;
	snprintf(p->ns, sizeof(p->ns), "n%u", pick(w, 3));
	snprintf(p->name, sizeof(p->name), "pod-%u", n);
	snprintf(p->start, sizeof(p->start), "t%u", pick(w, 3));
	snprintf(p->uid, sizeof(p->uid), "u%u%u", n / 10, n % 10);
	snprintf(p->value, sizeof(p->value), "v%u", pick(w, 4));
	p->o = (struct bh_kube_object){.source = (uint8_t)s,
				       .kind = BH_KUBE_POD,
				       .name = p->name,
				       .ns = p->ns,
				       .uid = p->uid,
				       .start = p->start,
				       .node = "",
				       .terminating = pick(w, 4) == 0,
				       .n_labels = 1,
				       .label = {{"app", p->value}},
				       .address = p->at};
	for (i = 0; i < count; i++)
		p->o.address[p->o.n_addresses++] = (struct bh_kube_address){
			.prefix = address((pick(w, ADDRESSES / 2) * 2 + i) % ADDRESSES),
			.rank = BH_KUBE_RANK_POD};
	CU_ASSERT_EQUAL(bh_kube_model_put(w->m, &p->o), 0);
}

static void
put_space(struct world *w, unsigned s, unsigned n)
{
	struct plain *p = &w->space[s][n];

	p->there = true;
	snprintf(p->name, sizeof(p->name), "n%u", n);
	snprintf(p->value, sizeof(p->value), "w%u", pick(w, 3));
	p->o = (struct bh_kube_object){.source = (uint8_t)s,
				       .kind = BH_KUBE_NAMESPACE,
				       .name = p->name,
				       .n_labels = 1,
				       .label = {{"k8s.namespace/tier", p->value}}};
	CU_ASSERT_EQUAL(bh_kube_model_put(w->m, &p->o), 0);
}

static void
list_again(struct world *w, unsigned s)
{
	unsigned n;

	bh_kube_model_list_begin(w->m, (uint8_t)s, BH_KUBE_POD);
	for (n = 0; n < NAMES; n++) {
		struct plain *p = &w->pod[s][n];

		if (p->there && pick(w, 3) == 0)
			p->there = false;
		else if (p->there)
			CU_ASSERT_EQUAL(bh_kube_model_put(w->m, &p->o), 0);
		if (pick(w, 8) == 0)
			take(w); /* pages come into force one by one */
	}
	bh_kube_model_list_end(w->m, (uint8_t)s, BH_KUBE_POD);
}

static void
step(struct world *w)
{
	unsigned s = pick(w, SOURCES), n = pick(w, NAMES), what = pick(w, 20);

	if (what < 10) {
		put_pod(w, s, n);
	} else if (what < 15) {
		w->pod[s][n].there = false;
		snprintf(w->pod[s][n].name, sizeof(w->pod[s][n].name), "pod-%u", n);
		bh_kube_model_delete(w->m, (uint8_t)s, BH_KUBE_POD, w->pod[s][n].name);
	} else if (what < 17) {
		put_space(w, s, n % 3);
	} else if (what == 17) {
		snprintf(w->space[s][n % 3].name, sizeof(w->space[s][n % 3].name), "n%u", n % 3);
		w->space[s][n % 3].there = false;
		bh_kube_model_delete(w->m, (uint8_t)s, BH_KUBE_NAMESPACE, w->space[s][n % 3].name);
	} else if (what == 18) {
		list_again(w, s);
	} else {
		bh_kube_model_again(w->m);
	}
}

static void
addresses_belong_to_whom_a_plain_model_says(void)
{
	static struct world w;
	struct bh_kube_status st = {0};
	unsigned round, i, have, s;

	for (round = 1; round <= 20; round++) {
		memset(&w, 0, sizeof(w));
		w.seed = round;
		CU_ASSERT_EQUAL_FATAL(bh_kube_model_create(&w.m, clusters, SOURCES), 0);
		for (i = 0; i < 1000; i++) {
			step(&w);
			if (pick(&w, 3) != 0)
				check_all(&w);
		}
		check_all(&w);
		for (have = 0, i = 0; i < ADDRESSES; i++)
			have += w.endpoint[i][0] != '\0';
		for (s = 0; s < SOURCES; s++) {
			bh_kube_model_count(w.m, (uint8_t)s, &st);
			have -= st.endpoints;
		}
		CU_ASSERT_EQUAL(have, 0);
		CU_ASSERT_TRUE(w.changes > 200);
		bh_kube_model_free(w.m);
	}
}

/* ---- what objects say ----------------------------------------------------------------------------------------- */

static struct bh_kube_object
read_object(enum bh_kube_kind kind, const char *text, struct bh_arena *a, json_t **doc)
{
	json_t *o = *doc = json_loads(text, 0, NULL);
	struct bh_kube_object out;

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL(bh_kube_object_read(&out, kind, o, a), 0);
	return out;
}

static const char *
value(const struct bh_kube_object *o, const char *key)
{
	unsigned i;

	for (i = 0; i < o->n_labels; i++) {
		if (strcmp(o->label[i].key, key) == 0)
			return o->label[i].value;
	}
	return "";
}

static void
a_pod_cannot_choose_what_its_cluster_says(void)
{
	struct bh_arena a = {0};
	json_t *doc;
	struct bh_kube_object o = read_object(
		BH_KUBE_POD,
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"labels\":{\"app\":\"x\","
		"\"k8s.namespace\":\"db\",\"k8s.namespace/tier\":\"front\",\"namespace\":\"db\","
		"\"kubernetes.io/"
		"hostname\":\"h\",\"k8s.node\":\"z\"}},\"spec\":{\"nodeName\":\"w1\"},"
		"\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":"
		"\"fd00::1\"}]}}",
		&a, &doc);

	CU_ASSERT_EQUAL(o.n_labels, 2);
	CU_ASSERT_STRING_EQUAL(value(&o, "app"), "x");
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.node"), "w1");
	CU_ASSERT_STRING_EQUAL(o.name, "n/p");
	CU_ASSERT_EQUAL(o.n_addresses, 2);
	json_decref(doc);
	bh_arena_free(&a);
}

static void
a_namespaces_labels_are_all_read(void)
{
	struct bh_arena a = {0};
	json_t *doc;
	struct bh_kube_object o = read_object(
		BH_KUBE_NAMESPACE,
		"{\"metadata\":{\"name\":\"n\",\"labels\":{\"kubernetes.io/metadata.name\":\"n\","
		"\"tier\":\"front\",\"team\":\"a\",\"example.com/env\":\"prod\"}}}",
		&a, &doc);

	CU_ASSERT_EQUAL(o.n_labels, 3);
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.namespace/tier"), "front");
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.namespace/team"), "a");
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.namespace/example.com/env"), "prod");
	json_decref(doc);
	bh_arena_free(&a);
}

static void
completed_pods_and_those_on_the_host_claim_nothing(void)
{
	static const char *const texts[] = {
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"status\":{\"phase\":"
		"\"Succeeded\","
		"\"podIP\":\"10.0.0.1\"}}",
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"status\":{\"phase\":"
		"\"Failed\","
		"\"podIP\":\"10.0.0.1\"}}",
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":{\"hostNetwork\":true}"
		","
		"\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\"}}",
	};
	struct bh_arena a = {0};
	json_t *doc;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(texts); i++) {
		CU_ASSERT_EQUAL(read_object(BH_KUBE_POD, texts[i], &a, &doc).n_addresses, 0);
		json_decref(doc);
	}
	bh_arena_free(&a);
}

static void
a_node_is_its_inner_and_outer_addresses(void)
{
	struct bh_arena a = {0};
	json_t *doc;
	struct bh_kube_object o =
		read_object(BH_KUBE_NODE,
			    "{\"metadata\":{\"name\":\"w1\",\"labels\":{\"zone\":\"a\"}},"
			    "\"status\":{\"addresses\":["
			    "{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"},{\"type\":"
			    "\"Hostname\",\"address\":\"w1\"},"
			    "{\"type\":\"ExternalIP\",\"address\":\"203.0.113.9\"}]}}",
			    &a, &doc);

	CU_ASSERT_EQUAL(o.n_addresses, 2);
	CU_ASSERT_EQUAL(o.address[1].rank, BH_KUBE_RANK_NODE);
	CU_ASSERT_STRING_EQUAL(value(&o, "kubernetes.io/hostname"), "w1");
	CU_ASSERT_STRING_EQUAL(value(&o, "zone"), "a");
	json_decref(doc);
	bh_arena_free(&a);
}

static void
a_service_is_no_pod_and_takes_nobodys_address(void)
{
	static const struct bh_prefix taken = {.addr = {10, 0, 0, 1}, .family = 4, .len = 32};
	struct bh_kube_address at = {taken, BH_KUBE_RANK_POD};
	struct bh_arena a = {0};
	json_t *doc;
	struct bh_kube_object o = read_object(BH_KUBE_SERVICE,
					      "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\","
					      "\"labels\":{\"app\":\"x\"}},\"spec\":{"
					      "\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96."
					      "0.1\"],\"externalIPs\":[\"10.0.0.1\"]},"
					      "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
					      "\"192.0.2.1\"},{\"hostname\":\"x\"}]}}}",
					      &a, &doc);
	struct bh_kube_object pod = {.kind = BH_KUBE_POD,
				     .name = "n/p",
				     .ns = "n",
				     .n_labels = 1,
				     .label = {{"app", "y"}},
				     .n_addresses = 1,
				     .address = &at};
	struct bh_kube_object ns = {.kind = BH_KUBE_NAMESPACE, .name = "n"};
	struct bh_kube_model *m;
	struct bh_kube_batch b;
	size_t i, found = 0;

	CU_ASSERT_EQUAL(o.n_addresses, 3);
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.namespace"), "");
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.service"), "s");
	CU_ASSERT_EQUAL_FATAL(bh_kube_model_create(&m, clusters, 1), 0);
	CU_ASSERT_EQUAL(bh_kube_model_put(m, &o), 0);
	CU_ASSERT_EQUAL(bh_kube_model_put(m, &pod), 0);
	CU_ASSERT_EQUAL(bh_kube_model_put(m, &ns), 0);
	CU_ASSERT_EQUAL_FATAL(bh_kube_model_changes(m, &b), 0);
	CU_ASSERT_EQUAL(b.n, 3);
	for (i = 0; i < b.n; i++) {
		const struct bh_endpoint *e = &b.change[i].endpoint;
		unsigned k;

		for (k = 0; k < e->n_labels; k++)
			found += memcmp(&e->prefix, &taken, sizeof(taken)) == 0 &&
				 strcmp(e->labels[k].key, "app") == 0 &&
				 strcmp(e->labels[k].value, "y") == 0;
		/* What others delivered is not taken for the address that a load balancer gave. */
		CU_ASSERT_EQUAL(b.meek[i], e->prefix.addr[0] == 192);
	}
	CU_ASSERT_EQUAL(found, 1);
	bh_kube_model_done(m);
	bh_kube_batch_free(&b);
	bh_kube_model_free(m);
	json_decref(doc);
	bh_arena_free(&a);
}

static void
a_slice_is_who_is_no_object_of_the_cluster(void)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"db-1\",\"namespace\":\"n\",\"labels\":{"
		"\"kubernetes.io/service-name\":\"db\",\"site\":\"b\",\"k8s.node\":\"x\"}},"
		"\"addressType\":\"IPv4\",\"endpoints\":["
		"{\"addresses\":[\"192.0.2.7\"]},"
		"{\"addresses\":[\"10.0.0.1\"],\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p\"}},"
		"{\"addresses\":[\"192.0.2.8\"],\"targetRef\":null},"
		"{\"addresses\":[\"host.example\"]}]}";
	struct bh_arena a = {0};
	json_t *doc;
	struct bh_kube_object o = read_object(BH_KUBE_SLICE, text, &a, &doc);

	CU_ASSERT_EQUAL(o.n_addresses, 2);
	CU_ASSERT_EQUAL(o.address[0].rank, BH_KUBE_RANK_SLICE);
	CU_ASSERT_EQUAL(o.address[1].prefix.addr[3], 8);
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.service"), "db");
	CU_ASSERT_STRING_EQUAL(value(&o, "site"), "b");
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.node"), "");
	CU_ASSERT_STRING_EQUAL(value(&o, "k8s.namespace"), "");
	json_decref(doc);
	bh_arena_free(&a);
}

static void
a_slice_may_have_a_thousand_ends(void)
{
	struct bh_buf text = {0};
	struct bh_arena a = {0};
	struct bh_kube_object o;
	json_t *doc;
	unsigned i;

	bh_buf_str(&text, "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\"},\"endpoints\":[");
	for (i = 0; i < 1100; i++)
		bh_buf_printf(&text, "%s{\"addresses\":[\"192.0.%u.%u\"]}", i != 0 ? "," : "",
			      i / 250, i % 250);
	bh_buf_str(&text, "]}");
	o = read_object(BH_KUBE_SLICE, text.data, &a, &doc);
	CU_ASSERT_EQUAL(o.n_addresses, BH_KUBE_ADDRESSES);
	CU_ASSERT_EQUAL(o.address[999].prefix.addr[3], 999 % 250);
	json_decref(doc);
	bh_arena_free(&a);
	bh_buf_free(&text);
}

static void
a_source_that_is_not_trusted_has_no_endpoints_until_it_is(void)
{
	static struct world w;
	char before[128];

	memset(&w, 0, sizeof(w));
	w.seed = 7;
	CU_ASSERT_EQUAL_FATAL(bh_kube_model_create(&w.m, clusters, SOURCES), 0);
	put_space(&w, 0, 0);
	do {
		put_pod(&w, 0, 1);
	} while (w.pod[0][1].o.n_addresses == 0 || w.pod[0][1].ns[1] != '0');
	take(&w);
	snprintf(before, sizeof(before), "%s", w.endpoint[w.pod[0][1].o.address[0].prefix.addr[3]]);
	CU_ASSERT_NOT_EQUAL(before[0], '\0');
	bh_kube_model_trust(w.m, 0, false);
	take(&w);
	CU_ASSERT_EQUAL(w.endpoint[w.pod[0][1].o.address[0].prefix.addr[3]][0], '\0');
	bh_kube_model_trust(w.m, 0, true);
	take(&w);
	CU_ASSERT_STRING_EQUAL(w.endpoint[w.pod[0][1].o.address[0].prefix.addr[3]], before);
	bh_kube_model_free(w.m);
}

static void
a_pod_with_more_labels_than_an_endpoint_has_is_unknown(void)
{
	struct bh_kube_address at = {address(1), BH_KUBE_RANK_POD};
	struct bh_kube_object o = {.kind = BH_KUBE_POD,
				   .name = "n/p",
				   .ns = "n",
				   .too_many = true,
				   .n_addresses = 1,
				   .address = &at},
			      ns = {.kind = BH_KUBE_NAMESPACE, .name = "n"};
	struct bh_kube_status st = {0};
	struct bh_kube_model *m;
	struct bh_kube_batch b;

	CU_ASSERT_EQUAL_FATAL(bh_kube_model_create(&m, clusters, 1), 0);
	CU_ASSERT_EQUAL(bh_kube_model_put(m, &o), 0);
	CU_ASSERT_EQUAL(bh_kube_model_put(m, &ns), 0);
	CU_ASSERT_EQUAL_FATAL(bh_kube_model_changes(m, &b), 0);
	CU_ASSERT_EQUAL(b.n, 0);
	bh_kube_model_count(m, 0, &st);
	CU_ASSERT_EQUAL(st.left_out, 1);
	bh_kube_batch_free(&b);
	bh_kube_model_free(m);
}

const struct bh_unit_test bh_suite_kube_model[] = {
	BH_TEST(addresses_belong_to_whom_a_plain_model_says),
	BH_TEST(a_pod_cannot_choose_what_its_cluster_says),
	BH_TEST(a_namespaces_labels_are_all_read),
	BH_TEST(completed_pods_and_those_on_the_host_claim_nothing),
	BH_TEST(a_node_is_its_inner_and_outer_addresses),
	BH_TEST(a_service_is_no_pod_and_takes_nobodys_address),
	BH_TEST(a_slice_is_who_is_no_object_of_the_cluster),
	BH_TEST(a_slice_may_have_a_thousand_ends),
	BH_TEST(a_source_that_is_not_trusted_has_no_endpoints_until_it_is),
	BH_TEST(a_pod_with_more_labels_than_an_endpoint_has_is_unknown),
	BH_TEST_END,
};
