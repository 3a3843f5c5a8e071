/* A selector that counts inside some prefixes alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

struct rig {
	struct bh_policy *p;
	const struct bh_view *view;
};

static void
publish(void *arg, const struct bh_view *view)
{
	((struct rig *)arg)->view = view;
}

static void
make(struct rig *r)
{
	struct bh_policy_params params = {.max_endpoints = 256,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .arg = r};

	*r = (struct rig){0};
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&r->p, &params), 0);
}

static int
load(struct rig *r, const char *text, struct bh_err *err)
{
	return bh_policy_load_text(r->p, "within.yaml", text, strlen(text), false, NULL, err);
}

/* Whose packets are judged as whose. */
static bool
in_segment(const struct rig *r, const struct bh_prefix *at, const char *name)
{
	struct bh_flow_key key = {.proto = 6, .family = at->family};
	uint32_t id;

	memcpy(key.addr[0].b, at->addr, 16);
	CU_ASSERT_EQUAL_FATAL(bh_policy_segment_id(r->p, name, &id), 0);
	return bh_policy_end_in(r->view, &key, 0, id);
}

static bool
in_at(const struct rig *r, const char *address, const char *name)
{
	struct bh_prefix p;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(address, &p, NULL), 0);
	return in_segment(r, &p, name);
}

static void
a_selector_counts_inside_its_prefixes_alone(void)
{
	static const char text[] = "version: 1\nendpoints:\n"
				   "  - {address: 10.1.0.1, labels: {app: web}}\n"
				   "  - {address: 10.2.0.1, labels: {app: web}}\n"
				   "  - {address: 10.0.0.0/8, labels: {app: web}}\n"
				   "  - {address: 'fd00::1', labels: {app: web}}\n"
				   "  - {address: 10.1.0.2, labels: {app: db}}\n"
				   "segments:\n  web: {selector: app=web}\n"
				   "  front: {selector: app=web, within: [10.1.0.0/16, "
				   "'fd00::/64'], addresses: [10.2.0.0/31]}\n"
				   "zones:\n  dmz: {segments: [front]}\n";
	struct rig r;

	make(&r);
	CU_ASSERT_EQUAL_FATAL(load(&r, text, NULL), 0);
	CU_ASSERT_TRUE(in_at(&r, "10.1.0.1", "front"));
	CU_ASSERT_TRUE(in_at(&r, "10.1.0.1", "web"));
	CU_ASSERT_TRUE(in_at(&r, "10.1.0.1", "zone:dmz"));
	CU_ASSERT_TRUE(in_at(&r, "fd00::1", "front"));
	/* By its address, not by its labels. */
	CU_ASSERT_TRUE(in_at(&r, "10.2.0.1", "front"));
	/* An endpoint that is a prefix is inside or not as a whole, whatever address of it is asked about. */
	CU_ASSERT_FALSE(in_at(&r, "10.1.0.9", "front"));
	CU_ASSERT_FALSE(in_at(&r, "10.1.0.9", "zone:dmz"));
	CU_ASSERT_TRUE(in_at(&r, "10.1.0.9", "web"));
	CU_ASSERT_FALSE(in_at(&r, "10.1.0.2", "front"));
	bh_policy_destroy(r.p);
}

static void
within_needs_a_selector_and_prefixes(void)
{
	static const char *const wrong[] = {
		"version: 1\nsegments: {a: {within: [10.0.0.0/8]}}\n",
		"version: 1\nsegments: {a: {addresses: [10.0.0.0/8], within: [10.0.0.0/8]}}\n",
		"version: 1\nsegments: {a: {selector: x, within: []}}\n",
		"version: 1\nsegments: {a: {selector: x, within: [10.0.0.1/8]}}\n",
		"version: 1\nsegments: {a: {selector: x, within: here}}\n",
	};
	struct bh_err err;
	struct rig r;
	size_t i;

	make(&r);
	for (i = 0; i < BH_ARRAY_SIZE(wrong); i++) {
		err = (struct bh_err){0};
		CU_ASSERT_EQUAL(load(&r, wrong[i], &err), -EINVAL);
		CU_ASSERT_NOT_EQUAL(err.what[0], '\0');
	}
	bh_policy_destroy(r.p);
}

static bool
has_finding(struct rig *r, const char *text, const char *rule, enum bh_lint_kind kind)
{
	struct bh_lint *l;
	bool found = false;
	uint32_t i;

	CU_ASSERT_EQUAL_FATAL(bh_policy_lint(r->p, "l.yaml", text, strlen(text), &l, NULL), 0);
	for (i = 0; i < l->n_findings; i++)
		found |= l->finding[i].kind == kind && strcmp(l->finding[i].id, rule) == 0;
	bh_lint_free(l);
	return found;
}

#define LINTED                                                                                     \
	"version: 1\nsegments:\n  web: {selector: app=web}\n  db: {selector: app=db}\n"            \
	"  front: {selector: app=web, within: [10.1.0.0/16]}\n"                                    \
	"  same: {selector: 'app=web, tier=1', within: [10.1.0.0/16]}\nrules:\n"
#define RULE(id, from) "  - {id: " id ", from: " from ", to: db, ports: tcp/1, action: allow}\n"

static void
the_linter_knows_that_a_part_is_inside_of_the_whole_and_not_the_other_way_round(void)
{
	struct rig r;

	make(&r);
	CU_ASSERT_TRUE(
		has_finding(&r, LINTED RULE("a", "web") RULE("b", "front"), "b", BH_LINT_SHADOWED));
	CU_ASSERT_FALSE(
		has_finding(&r, LINTED RULE("a", "front") RULE("b", "web"), "b", BH_LINT_SHADOWED));
	CU_ASSERT_TRUE(has_finding(&r, LINTED RULE("a", "front") RULE("b", "same"), "b",
				   BH_LINT_SHADOWED));
	bh_policy_destroy(r.p);
}

/* ---- against a plain model ------------------------------------------------------------------------------ */

#define PLACES 4
#define HOSTS 8

struct plain {
	bool there[PLACES][HOSTS], a[PLACES][HOSTS];
	bool inside[PLACES]; /* the segment counts here */
};

static void
reload(struct rig *r, const struct plain *m)
{
	struct bh_buf b = {0};
	const char *comma = ", ";
	unsigned i;

	bh_buf_str(&b, "version: 1\nsegments:\n  a: {selector: app=a}\n  part: {selector: app=a, "
		       "within: [192.0.2.0/24");
	for (i = 0; i < PLACES; i++) {
		if (m->inside[i])
			bh_buf_printf(&b, "%s10.0.%u.0/24", comma, i);
	}
	bh_buf_str(&b, "]}\nzones:\n  z: {segments: [part]}\n");
	CU_ASSERT_EQUAL_FATAL(load(r, b.data, NULL), 0);
	bh_buf_free(&b);
}

static void
change(struct rig *r, struct plain *m, unsigned place, unsigned host, unsigned what)
{
	struct bh_label label = {"app", (what & 1) != 0 ? "a" : "b"};
	struct bh_endpoint_change c = {.op = what < 4 ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE};

	if (what >= 4 && !m->there[place][host])
		return;
	c.endpoint.prefix = (struct bh_prefix){.family = BH_IP4,
					       .len = 32,
					       .addr = {10, 0, (uint8_t)place, (uint8_t)host}};
	c.endpoint.labels = &label;
	c.endpoint.n_labels = what < 4;
	CU_ASSERT_EQUAL(bh_policy_endpoints_apply(r->p, &c, 1, NULL, NULL), 0);
	m->there[place][host] = what < 4;
	m->a[place][host] = (what & 1) != 0;
}

struct counted {
	uint32_t a, part, zone;
};

static bool
count(void *arg, const struct bh_segment_info *s)
{
	struct counted *c = arg;

	if (strcmp(s->name, "a") == 0)
		c->a = s->members;
	else if (strcmp(s->name, "part") == 0)
		c->part = s->members;
	else if (strcmp(s->name, "zone:z") == 0)
		c->zone = s->members;
	return true;
}

static void
compare(struct rig *r, const struct plain *m)
{
	struct counted c = {0};
	uint32_t a = 0, part = 0;
	unsigned i, k;

	for (i = 0; i < PLACES; i++) {
		for (k = 0; k < HOSTS; k++) {
			struct bh_prefix at = {.family = BH_IP4,
					       .len = 32,
					       .addr = {10, 0, (uint8_t)i, (uint8_t)k}};
			bool is_a = m->there[i][k] && m->a[i][k];

			CU_ASSERT_EQUAL(in_segment(r, &at, "a"), is_a);
			CU_ASSERT_EQUAL(in_segment(r, &at, "part"), is_a && m->inside[i]);
			CU_ASSERT_EQUAL(in_segment(r, &at, "zone:z"), is_a && m->inside[i]);
			a += is_a;
			part += is_a && m->inside[i];
		}
	}
	bh_policy_segments_each(r->p, count, &c);
	CU_ASSERT_EQUAL(c.a, a);
	CU_ASSERT_EQUAL(c.part, part);
	CU_ASSERT_EQUAL(c.zone, part);
}

static void
random_changes_and_loads_come_to_what_a_plain_model_says(void)
{
	struct plain m = {0};
	struct rig r;
	unsigned i, k;

	srand(7);
	make(&r);
	for (i = 0; i < 60; i++) {
		for (k = 0; k < PLACES; k++)
			m.inside[k] = rand() % 2 == 0;
		reload(&r, &m);
		compare(&r, &m);
		for (k = 0; k < 12; k++)
			change(&r, &m, (unsigned)rand() % PLACES, (unsigned)rand() % HOSTS,
			       (unsigned)rand() % 6);
		compare(&r, &m);
	}
	bh_policy_destroy(r.p);
}

const struct bh_unit_test bh_suite_policy_within[] = {
	BH_TEST(a_selector_counts_inside_its_prefixes_alone),
	BH_TEST(within_needs_a_selector_and_prefixes),
	BH_TEST(the_linter_knows_that_a_part_is_inside_of_the_whole_and_not_the_other_way_round),
	BH_TEST(random_changes_and_loads_come_to_what_a_plain_model_says), BH_TEST_END};
