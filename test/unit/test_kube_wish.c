/* What clusters wish: as lines of a document, and which of it is accepted, against a plain model that judges change by change. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/kube/kube_priv.h"
#include "unit.h"

#define SEGMENTS 5
#define SENSORS 4
#define POLICIES 7

/* Of each kind that is modelled. */
static const unsigned many[] = {SEGMENTS, SENSORS, POLICIES};
static const char letter[] = "snp";
#define KINDS 3

static const struct bh_config config = {
	.n_sources = 2,
	.source = {{.type = BH_SOURCE_KUBERNETES,
		    .name = "east",
		    .network_policies = true,
		    .resources = BH_WISHES_APPLY},
		   {.type = BH_SOURCE_KUBERNETES, .name = "west", .resources = BH_WISHES_DRAFT}},
};

/* ---- lines of a document -------------------------------------------------------------------------------------- */

static int
part_of(const char *const spec[], const uint8_t kind[], const char *const name[], size_t n,
	struct bh_buf *out, struct bh_err *err)
{
	struct bh_kube_wish w[8] = {0};
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		w[i] = (struct bh_kube_wish){.kind = kind[i], .name = name[i]};
		w[i].spec = json_loads(spec[i], 0, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w[i].spec);
	}
	rc = bh_kube_part(w, n, &config, out, err);
	for (i = 0; i < n; i++)
		json_decref((json_t *)w[i].spec);
	return rc;
}

static void
wishes_are_a_part_of_a_document(void)
{
	static const char *const spec[] = {
		"{\"selector\":\"app = web\"}", "{\"selector\":\"app = db\",\"comment\":\"x\"}",
		"{\"order\":5,\"rules\":[{\"id\":\"a\",\"from\":[\"web\"],\"to\":[\"db\",\"gateway/"
		"backup\"],\"ports\":[\"tcp/5432\"],\"action\":\"allow\"}]}",
		"{\"podSelector\":{},\"policyTypes\":[\"Ingress\"],\"ingress\":[]}"};
	static const uint8_t kind[] = {BH_KUBE_SEGMENT, BH_KUBE_SEGMENT, BH_KUBE_POLICY,
				       BH_KUBE_NETPOL};
	static const char *const name[] = {"web", "db", "shop", "shop/closed"};
	static const char want[] =
		"clusters:\n  segments:\n"
		"    \"east/web\": {\"selector\": \"k8s.cluster = east, app = web\"}\n"
		"    \"east/db\": {\"selector\": \"k8s.cluster = east, app = db\", \"comment\": "
		"\"x\"}\n";
	struct bh_buf out = {0};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(part_of(spec, kind, name, 4, &out, &err), 0);
	CU_ASSERT_EQUAL(strncmp(out.data, want, sizeof(want) - 1), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "\"id\": \"east/shop/a\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "\"to\": [\"east/db\", \"backup\"]"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "k8s.cluster=east"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out.data, "- id: \"east/networkpolicy/k8s/isolated-ingress\""));
	/* Pods that nobody isolates are left to what comes behind. */
	CU_ASSERT_PTR_NULL(strstr(out.data, "k8s/open"));
	bh_buf_free(&out);
	CU_ASSERT_EQUAL(part_of(NULL, NULL, NULL, 0, &out, &err), 0);
	CU_ASSERT_EQUAL(out.len, 0);
	bh_buf_free(&out);
}

static void
a_cluster_decides_about_its_own_pods_alone(void)
{
	static const struct {
		const char *segment, *from, *to;
		bool good;
	} cases[] = {
		{"{\"selector\":\"a = b\"}", "s", "any", true},
		{"{\"selector\":\"a = b\"}", "any", "s", true},
		{"{\"selector\":\"a = b\"}", "any", "any", false},
		{"{\"selector\":\"a = b\"}", "gateway/x", "external", false},
		{"{\"addresses\":[\"0.0.0.0/0\"]}", "s", "any", false},
		{"{\"selector\":\"a = b\",\"addresses\":[\"0.0.0.0/0\"]}", "s", "any", false},
		{"{\"selector\":\"a = b\",\"names\":[\"a.example\"]}", "any", "s", false},
		{"{\"selector\":\"a = b\"}", "s", "nobody", false},
		{"{\"selector\":\"a = b\"}", "s", "west/s", false},
		{"{\"selector\":7}", "s", "any", false},
		{"{\"selector\":\"a = b\",\"zone\":\"x\"}", "s", "any", false},
	};
	static const uint8_t kind[] = {BH_KUBE_SEGMENT, BH_KUBE_POLICY};
	static const char *const name[] = {"s", "p"};
	const char *spec[2];
	char policy[300];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_buf out = {0};
		struct bh_err err = {0};

		snprintf(policy, sizeof(policy),
			 "{\"rules\":[{\"from\":[\"%s\"],\"to\":[\"%s\"],\"action\":\"allow\"}]}",
			 cases[i].from, cases[i].to);
		spec[0] = cases[i].segment;
		spec[1] = policy;
		CU_ASSERT_EQUAL(part_of(spec, kind, name, 2, &out, &err),
				cases[i].good ? 0 : -EINVAL);
		CU_ASSERT_EQUAL(err.what[0] == '\0', cases[i].good);
		bh_buf_free(&out);
	}
}

/* ---- which are accepted --------------------------------------------------------------------------------------- */

struct text {
	bool there, bad;
	unsigned version, segment, sensor; /* which it names: sensors a segment, policies both */
};

struct world {
	struct bh_kube_intent *in;
	struct text now[KINDS][POLICIES], good[KINDS][POLICIES];
	char in_force[16384];
	unsigned seed, version, published;
	int fails; /* the document can't be put in force, by this */
};

static unsigned
pick(struct world *w, unsigned n)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 16) % n;
}

/* Loads what does not say that it is bad. */
static int
take(void *arg, const struct bh_kube_part *part, uint32_t *revision, struct bh_err *err)
{
	struct world *w = arg;

	if (strstr(part->text, "bad") != NULL)
		return bh_err_set(err, EINVAL, "it is bad");
	if (!part->dry && w->fails != 0)
		return bh_err_set(err, -w->fails, "a revision waits");
	if (!part->dry) {
		snprintf(w->in_force, sizeof(w->in_force), "%s", part->text);
		w->published++;
	}
	*revision = w->published;
	return 0;
}

static void
put(struct world *w, unsigned kind, unsigned i)
{
	struct text *t = &w->now[kind][i];
	json_t *o;

	*t = (struct text){.there = true,
			   .bad = pick(w, 4) == 0,
			   .version = ++w->version,
			   .segment = pick(w, SEGMENTS),
			   .sensor = pick(w, SENSORS)};
	if (kind == BH_KUBE_SEGMENT)
		o = json_pack("{s:{s:o, s:i}, s:{s:s, s:o}}", "metadata", "name",
			      json_sprintf("s%u", i), "generation", (int)t->version, "spec",
			      "selector", "a = b", "comment",
			      json_sprintf("%sv%u;", t->bad ? "bad " : "", t->version));
	else if (kind == BH_KUBE_SENSOR)
		o = json_pack("{s:{s:o, s:i}, s:{s:[{s:s, s:[{s:s}]}], s:[{s:[o]}], s:o}}",
			      "metadata", "name", json_sprintf("n%u", i), "generation",
			      (int)t->version, "spec", "rules", "name", "r", "patterns", "value",
			      "x", "attach", "segments", json_sprintf("s%u", t->segment), "comment",
			      json_sprintf("%sv%u;", t->bad ? "bad " : "", t->version));
	else
		o = json_pack("{s:{s:o, s:i}, s:{s:[{s:[o], s:[s], s:s, s:o, s:[o]}]}}", "metadata",
			      "name", json_sprintf("p%u", i), "generation", (int)t->version, "spec",
			      "rules", "from", json_sprintf("s%u", t->segment), "to", "any",
			      "action", "allow", "comment",
			      json_sprintf("%sv%u;", t->bad ? "bad " : "", t->version), "sensors",
			      json_sprintf("n%u", t->sensor));
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL(bh_kube_intent_put(w->in, 0, (uint8_t)kind, o), 0);
	json_decref(o);
}

static void delete (struct world *w, unsigned kind, unsigned i)
{
	json_t *o =
		json_pack("{s:{s:o}}", "metadata", "name", json_sprintf("%c%u", letter[kind], i));

	w->now[kind][i].there = false;
	bh_kube_intent_delete(w->in, 0, (uint8_t)kind, o);
	json_decref(o);
}

/* Does a policy, or a sensor, name it? */
static bool
is_used(const struct world *w, unsigned kind, unsigned which)
{
	unsigned by, i;

	for (by = kind + 1; by < KINDS; by++) {
		for (i = 0; i < many[by]; i++) {
			const struct text *t = &w->good[by][i];

			if (t->there && (kind == BH_KUBE_SEGMENT ? t->segment : t->sensor) == which)
				return true;
		}
	}
	return false;
}

/* What it names is there. */
static bool
is_whole(const struct world *w, unsigned kind, const struct text *t)
{
	return (kind == BH_KUBE_SEGMENT || w->good[BH_KUBE_SEGMENT][t->segment].there) &&
	       (kind != BH_KUBE_POLICY || w->good[BH_KUBE_SENSOR][t->sensor].there);
}

/* One change after the other: segments, sensors, policies that come; policies, sensors, segments that go. */
static void
judge_plainly(struct world *w)
{
	unsigned kind, i;

	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i < many[kind]; i++) {
			const struct text *t = &w->now[kind][i];

			if (t->there && !t->bad && is_whole(w, kind, t))
				w->good[kind][i] = *t;
		}
	}
	for (kind = KINDS; kind-- > 0;) {
		for (i = 0; i < many[kind]; i++) {
			if (!w->now[kind][i].there && !is_used(w, kind, i))
				w->good[kind][i].there = false;
		}
	}
}

static void
check_force(const struct world *w)
{
	unsigned kind, i, have = 0, want = 0;
	const char *at;
	char word[24];

	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i < many[kind]; i++) {
			snprintf(word, sizeof(word), "\"v%u;\"", w->good[kind][i].version);
			want += w->good[kind][i].there;
			if (w->good[kind][i].there)
				CU_ASSERT_PTR_NOT_NULL(strstr(w->in_force, word));
		}
	}
	for (at = w->in_force; (at = strstr(at, "\"v")) != NULL; at++)
		have += isdigit((unsigned char)at[2]) != 0;
	CU_ASSERT_EQUAL(have, want);
}

/* Each that is there was told what became of it. */
static void
check_told(struct world *w)
{
	struct bh_kube_told t;
	unsigned n = 0, i;

	for (; bh_kube_intent_untold(w->in, 0, &t) && n < 100; n++) {
		i = (unsigned)atoi(t.name + 1);
		CU_ASSERT_TRUE(w->now[t.kind][i].there);
		CU_ASSERT_EQUAL(t.generation, w->now[t.kind][i].version);
		CU_ASSERT_EQUAL(t.verdict,
				w->good[t.kind][i].there && w->good[t.kind][i].version ==
								    w->now[t.kind][i].version
					? BH_KUBE_ACCEPTED
					: BH_KUBE_REFUSED);
		CU_ASSERT_EQUAL(t.verdict == BH_KUBE_REFUSED, t.reason[0] != '\0');
		bh_kube_intent_told(w->in, 0, &t);
	}
	CU_ASSERT_TRUE(n < 100);
}

static void
create(struct world *w, unsigned seed)
{
	const struct bh_kube_intent_params p = {.config = &config, .wish = take, .arg = w};

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	CU_ASSERT_EQUAL_FATAL(bh_kube_intent_create(&w->in, &p), 0);
}

static void
what_is_bad_is_refused_alone_and_what_it_said_stays(void)
{
	static struct world w;
	unsigned round, i, k, kind;

	for (round = 1; round <= 40; round++) {
		create(&w, round);
		for (i = 0; i < 60; i++) {
			for (k = pick(&w, 6); k > 0; k--) {
				kind = pick(&w, KINDS);
				if (pick(&w, 3) == 0)
					delete (&w, kind, pick(&w, many[kind]));
				else
					put(&w, kind, pick(&w, many[kind]));
			}
			judge_plainly(&w);
			CU_ASSERT_EQUAL(bh_kube_intent_round(w.in), 0);
			check_force(&w);
			check_told(&w);
		}
		bh_kube_intent_free(w.in);
	}
}

static void
a_part_that_cannot_be_in_force_yet_waits_and_says_so(void)
{
	static struct world w;
	struct bh_kube_told t;

	create(&w, 1);
	do
		put(&w, BH_KUBE_SEGMENT, 0);
	while (w.now[0][0].bad);
	w.fails = -EALREADY;
	CU_ASSERT_EQUAL(bh_kube_intent_round(w.in), -EALREADY);
	CU_ASSERT_TRUE_FATAL(bh_kube_intent_untold(w.in, 0, &t));
	CU_ASSERT_EQUAL(t.verdict, BH_KUBE_WAITING);
	CU_ASSERT_STRING_EQUAL(t.reason, "a revision waits");
	bh_kube_intent_told(w.in, 0, &t);
	CU_ASSERT_EQUAL(w.published, 0);
	w.fails = 0;
	CU_ASSERT_EQUAL(bh_kube_intent_round(w.in), 0);
	CU_ASSERT_TRUE_FATAL(bh_kube_intent_untold(w.in, 0, &t));
	CU_ASSERT_EQUAL(t.verdict, BH_KUBE_ACCEPTED);
	CU_ASSERT_EQUAL(t.revision, 1);
	bh_kube_intent_free(w.in);
}

static void
drafts_are_judged_and_not_in_force(void)
{
	static struct world w;
	struct bh_kube_told t;
	json_t *o = json_pack("{s:{s:s, s:i}, s:{s:s, s:s}}", "metadata", "name", "d", "generation",
			      1, "spec", "selector", "a = b", "comment", "v1;");

	create(&w, 1);
	CU_ASSERT_EQUAL(bh_kube_intent_put(w.in, 1, BH_KUBE_SEGMENT, o), 0);
	CU_ASSERT_EQUAL(bh_kube_intent_round(w.in), 0);
	CU_ASSERT_STRING_EQUAL(w.in_force, "");
	CU_ASSERT_TRUE_FATAL(bh_kube_intent_untold(w.in, 1, &t));
	CU_ASSERT_EQUAL(t.verdict, BH_KUBE_DRAFT);
	CU_ASSERT_STRING_EQUAL(t.name, "d");
	json_decref(o);
	bh_kube_intent_free(w.in);
}

static void
what_a_new_list_does_not_have_is_gone_at_its_end(void)
{
	static struct world w;
	unsigned i;

	create(&w, 3);
	for (i = 0; i < SEGMENTS; i++) {
		do
			put(&w, BH_KUBE_SEGMENT, i);
		while (w.now[0][i].bad);
	}
	CU_ASSERT_EQUAL(bh_kube_intent_round(w.in), 0);
	bh_kube_intent_list_begin(w.in, 0, BH_KUBE_SEGMENT);
	do
		put(&w, BH_KUBE_SEGMENT, 2);
	while (w.now[0][2].bad);
	CU_ASSERT_EQUAL(bh_kube_intent_count(w.in, 0, BH_KUBE_SEGMENT), SEGMENTS);
	bh_kube_intent_list_end(w.in, 0, BH_KUBE_SEGMENT);
	CU_ASSERT_EQUAL(bh_kube_intent_count(w.in, 0, BH_KUBE_SEGMENT), 1);
	CU_ASSERT_EQUAL(bh_kube_intent_round(w.in), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.in_force, "\"east/s2\""));
	CU_ASSERT_PTR_NULL(strstr(w.in_force, "\"east/s1\""));
	bh_kube_intent_free(w.in);
}

/* ---- sensors ---------------------------------------------------------------------------------------------------- */

static void
a_sensor_is_its_clusters_and_stands_behind_the_rules(void)
{
	static const char *const spec[] = {
		"{\"selector\":\"app = db\"}",
		"{\"severity\":\"high\",\"rules\":[{\"name\":\"r\",\"patterns\":[{\"value\":\"a\"}]"
		"}],"
		"\"attach\":[{\"segments\":[\"db\"],\"peers\":[\"gateway/"
		"press\"],\"action\":\"deny\"}],"
		"\"exceptions\":[{\"segments\":[\"db\"]}]}",
		"{\"rules\":[{\"id\":\"a\",\"from\":[\"db\"],\"to\":[\"any\"],\"action\":\"allow\","
		"\"sensors\":[\"leak\",{\"sensor\":\"gateway/sqli\",\"action\":\"reject\"}]}]}"};
	static const uint8_t kind[] = {BH_KUBE_SEGMENT, BH_KUBE_SENSOR, BH_KUBE_POLICY};
	static const char *const name[] = {"db", "leak", "shop"};
	static const char want[] =
		"clusters:\n  segments:\n"
		"    \"east/db\": {\"selector\": \"k8s.cluster = east, app = db\"}\n"
		"  rules:\n"
		"    - {\"id\": \"east/shop/a\", \"from\": [\"east/db\"], \"to\": [\"any\"], "
		"\"action\": \"allow\"}\n"
		"  sensors:\n"
		"    - {\"name\": \"east/leak\", \"severity\": \"high\", \"rules\": [{\"name\": "
		"\"r\", \"patterns\": [{\"value\": \"a\"}]}], \"exceptions\": [{\"segments\": "
		"[\"east/db\"]}]}\n"
		"  attach:\n"
		"    - {\"sensor\": \"east/leak\", \"allowed_by\": [\"east/shop/a\"]}\n"
		"    - {\"sensor\": \"sqli\", \"action\": \"reject\", \"allowed_by\": "
		"[\"east/shop/a\"]}\n"
		"    - {\"segments\": [\"east/db\"], \"peers\": [\"press\"], \"action\": \"deny\", "
		"\"sensor\": \"east/leak\"}\n";
	struct bh_buf out = {0};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(part_of(spec, kind, name, 3, &out, &err), 0);
	CU_ASSERT_STRING_EQUAL(out.data, want);
	bh_buf_free(&out);
}

static void
a_cluster_looks_into_its_own_pods_alone_and_quarantines_nobody(void)
{
	static const struct {
		const char *sensor, *rule; /* more of the spec; of the rule */
		const char *words;         /* NULL: good */
	} cases[] = {
		{"", "", NULL},
		{",\"attach\":[{\"segments\":[\"s\"],\"action\":\"capture\"}]", "", NULL},
		{",\"attach\":[{\"segments\":[\"s\"],\"action\":\"quarantine\"}]", "", "action"},
		{",\"attach\":[{\"action\":\"deny\"}]", "", "own pods"},
		{",\"attach\":[{\"segments\":[\"gateway/x\"]}]", "", "own pods"},
		{",\"attach\":[{\"segments\":[\"s\",\"external\"]}]", "", "own pods"},
		{",\"attach\":[{\"segments\":[\"fixed\"]}]", "", "own pods"},
		{",\"attach\":[{\"segments\":[\"s\"],\"peers\":[\"any\"]}]", "", "leave it out"},
		{",\"attach\":[{\"segments\":[\"s\"],\"sensor\":\"sqli\"}]", "", "'sensor'"},
		{",\"attach\":{}", "", "a list"},
		{",\"exceptions\":[{\"allowed_by\":[\"x\"]}]", "", "'allowed_by'"},
		{",\"name\":\"sqli\"", "", "'name'"},
		{"", ",\"sensors\":[\"n\"]", NULL},
		{"", ",\"sensors\":[{\"sensor\":\"n\",\"action\":\"quarantine\"}]", "action"},
		{"", ",\"sensors\":[\"other\"]", "'other'"},
		{"", ",\"sensors\":[\"west/n\"]", "'west/n'"},
		{"", ",\"sensors\":[\"gateway/sqli\"]", "deny and reject"},
		{"", ",\"sensors\":[{\"sensor\":\"gateway/sqli\",\"action\":\"alert\"}]",
		 "deny and reject"},
		{"", ",\"sensors\":\"n\"", "a list"},
		{"", ",\"sensors\":[7]", "no object"},
	};
	static const uint8_t kind[] = {BH_KUBE_SEGMENT, BH_KUBE_SEGMENT, BH_KUBE_SENSOR,
				       BH_KUBE_POLICY};
	static const char *const name[] = {"s", "fixed", "n", "p"};
	const char *spec[4] = {"{\"selector\":\"a = b\"}", "{\"addresses\":[\"10.0.0.0/8\"]}"};
	char sensor[300], policy[300];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_buf out = {0};
		struct bh_err err = {0};

		snprintf(sensor, sizeof(sensor),
			 "{\"rules\":[{\"name\":\"r\",\"patterns\":[{\"value\":\"x\"}]}]%s}",
			 cases[i].sensor);
		snprintf(policy, sizeof(policy),
			 "{\"rules\":[{\"from\":[\"s\"],\"to\":[\"any\"],\"action\":\"allow\"%s}]}",
			 cases[i].rule);
		spec[2] = sensor;
		spec[3] = policy;
		CU_ASSERT_EQUAL(part_of(spec, kind, name, 4, &out, &err),
				cases[i].words == NULL ? 0 : -EINVAL);
		if (cases[i].words != NULL)
			CU_ASSERT_PTR_NOT_NULL(strstr(err.what, cases[i].words));
		bh_buf_free(&out);
	}
}

/* What JSON takes as it is and YAML would read as the end of a line, or not at all. */
static void
a_pattern_is_in_the_document_byte_for_byte(void)
{
	static const char value[] = "a\\\"'#: \t\x7f|\xc2\x85|\xc2\xa0|\xe2\x80\xa8|\xe2\x80\xa9|"
				    "\xef\xbb\xbf|\xf0\x9f\x98\x80|\xc3\xa9";
	struct bh_kube_wish w = {.kind = BH_KUBE_SENSOR, .name = "n"};
	json_t *spec = json_pack("{s:[{s:s, s:[{s:s}]}]}", "rules", "name", "r", "patterns",
				 "value", value);
	struct bh_buf out = {0};
	struct bh_err err = {0};
	struct bh_yaml_doc *doc;
	const struct bh_yaml *node;

	w.spec = spec;
	CU_ASSERT_EQUAL_FATAL(bh_kube_part(&w, 1, &config, &out, &err), 0);
	CU_ASSERT_EQUAL_FATAL(bh_yaml_load_text(&doc, "part", out.data, out.len, &err), 0);
	node = bh_yaml_get(bh_yaml_get(bh_yaml_root(doc), "clusters"), "sensors");
	node = bh_yaml_get(node->item[0], "rules");
	node = bh_yaml_get(node->item[0], "patterns");
	CU_ASSERT_STRING_EQUAL(bh_yaml_get(node->item[0], "value")->text, value);
	bh_yaml_free(doc);
	bh_buf_free(&out);
	json_decref(spec);
}

const struct bh_unit_test bh_suite_kube_wish[] = {
	BH_TEST(wishes_are_a_part_of_a_document),
	BH_TEST(a_cluster_decides_about_its_own_pods_alone),
	BH_TEST(what_is_bad_is_refused_alone_and_what_it_said_stays),
	BH_TEST(a_part_that_cannot_be_in_force_yet_waits_and_says_so),
	BH_TEST(drafts_are_judged_and_not_in_force),
	BH_TEST(what_a_new_list_does_not_have_is_gone_at_its_end),
	BH_TEST(a_sensor_is_its_clusters_and_stands_behind_the_rules),
	BH_TEST(a_cluster_looks_into_its_own_pods_alone_and_quarantines_nobody),
	BH_TEST(a_pattern_is_in_the_document_byte_for_byte),
	BH_TEST_END,
};
