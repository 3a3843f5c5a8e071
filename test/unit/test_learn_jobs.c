/* learn: pods that live for seconds do not explode the rule base. */
#include "../../lib/learn/draft.h"
#include "learn_rig.h"

#define JOBS 5000
#define BUILDS 300

struct cluster {
	struct rig r;
	struct bh_policy *p;
	struct bh_config config;
	struct bh_learn_labels labels;
	unsigned commits; /* for new segments */
};

static const char start_text[] = "version: 1\nnetworks: {internal: [10.0.0.0/8]}\n";

static void
publish_nothing(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

static const char *
name_segment(void *arg, uint32_t segment)
{
	return bh_policy_segment_name(((struct cluster *)arg)->p, segment);
}

static void
load(struct cluster *c, const char *text, size_t len)
{
	if (bh_policy_load_text(c->p, "jobs.yaml", text, len, false, NULL, &c->r.err) != 0) {
		fprintf(stderr, "\n%u: %s\n%s\n", c->r.err.line, c->r.err.what, text);
		CU_FAIL_FATAL("the document does not load");
	}
}

static void
enter(struct cluster *c, const char *ignore)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_DISCOVER,
					  .publish = publish_nothing};

	memset(c, 0, sizeof(*c));
	bh_config_default(&c->config);
	if (ignore != NULL)
		snprintf(c->config.learn_ignore.word[c->config.learn_ignore.n++],
			 sizeof(c->config.learn_ignore.word[0]), "%s", ignore);
	c->labels = (struct bh_learn_labels){&c->config.learn_services, &c->config.learn_namespaces,
					     &c->config.learn_ignore};
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&c->p, &params), 0);
	load(c, start_text, strlen(start_text));
	rig_enter(&c->r);
	bh_learn_close(c->r.l);
	c->r.names.segment = name_segment;
	c->r.names.arg = c;
	c->r.p.labels = c->labels;
	c->r.p.max = 65536;
	CU_ASSERT_EQUAL_FATAL(bh_learn_open(&c->r.l, &c->r.p, &c->r.err), 0);
}

static void
leave(struct cluster *c)
{
	rig_leave(&c->r);
	bh_policy_destroy(c->p);
}

/* A pod starts; labels as "key=value key=value". What is in no segment gets one, as the daemon does. */
static void
pod(struct cluster *c, const char *address, const char *labels)
{
	struct bh_buf lines = {0}, names = {0}, text = {0}, out = {0};
	struct bh_endpoint_change change = {.op = BH_ENDPOINT_PUT};
	struct bh_label label[8];
	char copy[400], *save = NULL, *word;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", labels);
	for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		label[n++] = (struct bh_label){word, value};
	}
	bh_prefix_parse(address, &change.endpoint.prefix, NULL);
	change.endpoint.labels = label;
	change.endpoint.n_labels = n;
	change.endpoint.source = BH_SOURCE_REST;
	CU_ASSERT_EQUAL_FATAL(bh_policy_endpoints_apply(c->p, &change, 1, NULL, &c->r.err), 0);
	if (bh_learn_new_segments(c->p, &c->labels, 256, &lines, &names) != 0) {
		bh_policy_text(c->p, &text);
		CU_ASSERT_EQUAL_FATAL(bh_document_add_segments(text.data, text.len, lines.data,
							       &out, &c->r.err),
				      0);
		load(c, out.data, out.len);
		c->commits++;
	}
	bh_buf_free(&lines);
	bh_buf_free(&names);
	bh_buf_free(&text);
	bh_buf_free(&out);
}

static void
pod_ends(struct cluster *c, const char *address)
{
	struct bh_endpoint_change change = {.op = BH_ENDPOINT_DELETE};

	bh_prefix_parse(address, &change.endpoint.prefix, NULL);
	CU_ASSERT_EQUAL_FATAL(bh_policy_endpoints_apply(c->p, &change, 1, NULL, &c->r.err), 0);
}

static bool
take_segment(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	(void)e;
	snprintf(arg, BH_NAME_MAX, "%s", n != 0 ? segments[0] : "unknown");
	return false;
}

static uint32_t
segment_of(struct cluster *c, const char *address)
{
	char name[BH_NAME_MAX] = "external";
	struct bh_prefix prefix;
	uint32_t id = 0;

	bh_prefix_parse(address, &prefix, NULL);
	bh_policy_endpoint_get(c->p, &prefix, 0, take_segment, name);
	CU_ASSERT_EQUAL(bh_policy_segment_id(c->p, name, &id), 0);
	return id;
}

static void
talk(struct cluster *c, const char *from, const char *to, uint16_t port, unsigned app)
{
	struct bh_event e = rig_flow(&c->r, segment_of(c, from), segment_of(c, to), port, app);
	struct bh_prefix p[2];
	unsigned i;

	bh_prefix_parse(from, &p[0], NULL);
	bh_prefix_parse(to, &p[1], NULL);
	for (i = 0; i < 2; i++)
		memcpy(e.key.addr[i].b, p[i].addr, 16);
	bh_learn_events(c->r.l, &e, 1);
}

static void
start_services(struct cluster *c)
{
	pod(c, "10.0.0.1", "app=artifacts namespace=ci");
	pod(c, "10.0.0.2", "app=git namespace=ci pod-template-hash=7d9f");
	pod(c, "10.0.0.3", "k8s-app=dns namespace=kube-system");
}

static void
work(struct cluster *c, const char *address)
{
	talk(c, address, "10.0.0.1", 443, BH_APP_TLS);
	talk(c, address, "10.0.0.2", 22, BH_APP_SSH);
	talk(c, address, "10.0.0.3", 53, BH_APP_DNS);
}

/* The forms that orchestrators give them: each number is new. */
static void
job_labels(unsigned i, char *out, size_t size)
{
	static const char *const forms[] = {
		("job-name=nightly-%u controller-uid=u%u batch.kubernetes.io/job-name=n%u "
		 "namespace=ci"),
		"app=runner-%u pod-template-hash=%u controller-revision-hash=%u namespace=ci",
		"app.kubernetes.io/name=report pod-template-hash=%u job-name=r%u x=%u namespace=ci",
	};

	snprintf(out, size, forms[i % 3], i, i, i);
}

static void
thousands_of_jobs_are_a_handful_of_rules(void)
{
	static struct cluster c;
	struct bh_learned *o = NULL;
	char labels[300], address[32];
	struct bh_buf yaml = {0}, text = {0}, old = {0}, kept = {0}, out = {0};
	unsigned i;

	enter(&c, "app=runner-*");
	start_services(&c);
	for (i = 0; i < JOBS; i++) {
		/* Addresses come again, too. */
		snprintf(address, sizeof(address), "10.1.0.%u", i % 250);
		job_labels(i, labels, sizeof(labels));
		pod(&c, address, labels);
		work(&c, address);
		pod_ends(&c, address);
	}
	/* Three services, and what jobs, runners and reports are. */
	CU_ASSERT_EQUAL(c.commits, 6);
	CU_ASSERT_EQUAL_FATAL(bh_learn_proposal(c.r.l, c.p, 64, &o, &c.r.err), 0);
	CU_ASSERT_EQUAL(o->n_rules, 3);
	for (i = 0; i < o->n_rules; i++) {
		CU_ASSERT_EQUAL(o->rule[i].n_from, 3);
		CU_ASSERT_EQUAL(o->rule[i].seen.sessions, JOBS);
	}
	/* And they load, with their segments. */
	bh_policy_text(c.p, &text);
	bh_document_learned(text.data, text.len, &old);
	bh_document_selectors(old.data, old.len, &kept);
	bh_learned_yaml(o, kept.data, &yaml);
	CU_ASSERT_EQUAL(bh_document_with(text.data, text.len, yaml.data, &out, &c.r.err), 0);
	load(&c, out.data, out.len);
	bh_learned_free(o);
	bh_buf_free(&yaml);
	bh_buf_free(&text);
	bh_buf_free(&old);
	bh_buf_free(&kept);
	bh_buf_free(&out);
	leave(&c);
}

static void
explode(struct cluster *c)
{
	char labels[100], address[32];
	unsigned i;

	enter(c, NULL);
	start_services(c);
	pod(c, "10.0.0.4", "app=web namespace=ci");
	work(c, "10.0.0.4");
	talk(c, "10.0.0.4", "10.0.0.1", 80, BH_APP_HTTP);
	talk(c, "10.0.0.4", "10.0.0.1", 81, BH_APP_HTTP);
	for (i = 0; i < BUILDS; i++) {
		snprintf(address, sizeof(address), "10.1.0.%u", i % 250);
		snprintf(labels, sizeof(labels), "app=build-%u namespace=ci", i);
		pod(c, address, labels);
		work(c, address);
		/* One more of ten does a little more. */
		if (i % 10 == 0 && i != 0)
			talk(c, address, "10.0.0.2", 9418, BH_APP_GIT);
		pod_ends(c, address);
	}
}

static void
what_does_the_same_is_suggested_as_one(void)
{
	static struct cluster c;
	const struct bh_suggestion *s;
	struct bh_suggestions *o = NULL;

	explode(&c);
	CU_ASSERT_EQUAL_FATAL(bh_learn_suggestions(c.r.l, c.p, &o, &c.r.err), 0);
	CU_ASSERT_EQUAL_FATAL(o->n, 2);
	s = &o->item[0];
	CU_ASSERT_STRING_EQUAL(s->name, "build.ci");
	CU_ASSERT_EQUAL(s->n_segments, BUILDS - (BUILDS - 1) / 10);
	CU_ASSERT_STRING_EQUAL(s->ignore, "app=build-*");
	CU_ASSERT_STRING_EQUAL(s->selector, "app prefix build-, namespace=ci");
	CU_ASSERT_EQUAL(s->in_common, 3);
	CU_ASSERT_EQUAL(s->in_all, 3);
	CU_ASSERT_EQUAL(s->n_shared, 3);
	CU_ASSERT_EQUAL(s->seen.sessions, 3 * s->n_segments);
	/* Three of four is not nearly all: those are another suggestion. */
	CU_ASSERT_EQUAL(o->item[1].n_segments, (BUILDS - 1) / 10);
	CU_ASSERT_EQUAL(o->item[1].in_common, 4);
	CU_ASSERT(o->names[1] < 20);
	CU_ASSERT(o->names[0] > 2 * BUILDS);
	bh_suggestions_free(o);
	leave(&c);
}

/* The suggestion is followed: the names of before, in conversations and in the document, are one from then on. */
static void
a_suggestion_that_is_followed_folds_what_is_there(void)
{
	static struct cluster c;
	struct bh_buf text = {0}, old = {0}, all = {0}, kept = {0}, yaml = {0}, out = {0};
	struct bh_learned *o = NULL;
	struct bh_policy_counts n;

	explode(&c);
	snprintf(c.config.learn_ignore.word[c.config.learn_ignore.n++], 160, "app=build-*");
	CU_ASSERT_EQUAL_FATAL(bh_learn_proposal(c.r.l, c.p, 64, &o, &c.r.err), 0);
	CU_ASSERT_EQUAL(o->n_rules, 5);
	bh_policy_text(c.p, &text);
	bh_document_learned(text.data, text.len, &old);
	bh_document_selectors(old.data, old.len, &all);
	bh_learn_supersede(&c.labels, all.data, all.len, &kept);
	bh_learned_yaml(o, kept.data, &yaml);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(kept.data,
		       "    build.ci: {selector: \"app prefix build-, namespace=ci\"}\n"));
	CU_ASSERT_EQUAL(bh_document_with(text.data, text.len, yaml.data, &out, &c.r.err), 0);
	load(&c, out.data, out.len);
	bh_policy_counts(c.p, &n);
	CU_ASSERT_EQUAL(n.segments, 5);
	bh_learned_free(o);
	bh_buf_free(&text);
	bh_buf_free(&old);
	bh_buf_free(&all);
	bh_buf_free(&kept);
	bh_buf_free(&yaml);
	bh_buf_free(&out);
	leave(&c);
}

const struct bh_unit_test bh_suite_learn_jobs[] = {
	BH_TEST(thousands_of_jobs_are_a_handful_of_rules),
	BH_TEST(what_does_the_same_is_suggested_as_one),
	BH_TEST(a_suggestion_that_is_followed_folds_what_is_there),
	BH_TEST_END,
};
