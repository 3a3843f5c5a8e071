/* The reserved segment of hosts. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

struct rig {
	struct bh_policy *p;
	const struct bh_view *view;
	struct bh_err err;
};

static void
publish(void *arg, const struct bh_view *view)
{
	((struct rig *)arg)->view = view;
}

static void
make(struct rig *r)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .arg = r};

	*r = (struct rig){0};
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&r->p, &params), 0);
}

static int
load(struct rig *r, const char *text, struct bh_policy_change *change)
{
	r->err = (struct bh_err){0};
	return bh_policy_load_text(r->p, "nodes.yaml", text, strlen(text), false, change, &r->err);
}

static bool
allowed(const struct rig *r, const char *from, const char *to)
{
	struct bh_flow_key key = {.proto = 6, .family = BH_IP4};
	struct bh_prefix a, b;
	struct bh_judgement j;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(from, &a, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(to, &b, NULL), 0);
	memcpy(key.addr[0].b, a.addr, 16);
	memcpy(key.addr[1].b, b.addr, 16);
	bh_policy_judge(r->view, &key, 0, 10250, NULL, &j);
	return j.verdict == BH_VERDICT_ALLOW;
}

#define WHO                                                                                        \
	"version: 1\nendpoints:\n"                                                                 \
	"  - {address: 10.0.0.1, labels: {kubernetes.io/hostname: worker-1}}\n"                    \
	"  - {address: 10.0.0.2, labels: {app: web}}\n"                                            \
	"  - {address: 10.0.0.3, labels: {role: host}}\n"

static void
nodes_are_who_has_the_label_of_a_host_unless_the_document_says_otherwise(void)
{
	static const char by_default[] =
		WHO "segments:\n  web: {selector: app=web}\n"
		    "rules:\n  - {from: web, to: [nodes], ports: tcp/10250, action: allow}\n";
	static const char written[] =
		WHO "segments:\n  web: {selector: app=web}\n"
		    "  nodes: {selector: role=host, addresses: [192.0.2.0/24]}\n"
		    "rules:\n  - {from: web, to: nodes, ports: tcp/10250, action: allow}\n";
	struct bh_policy_change change;
	struct rig r;

	make(&r);
	CU_ASSERT_EQUAL_FATAL(load(&r, by_default, &change), 0);
	CU_ASSERT_EQUAL(change.segments, 2);
	CU_ASSERT_TRUE(allowed(&r, "10.0.0.2", "10.0.0.1"));
	CU_ASSERT_FALSE(allowed(&r, "10.0.0.2", "10.0.0.3"));
	CU_ASSERT_EQUAL_FATAL(load(&r, written, &change), 0);
	CU_ASSERT_EQUAL(change.segments, 2);
	CU_ASSERT_EQUAL(change.segments_changed, 1);
	CU_ASSERT_FALSE(allowed(&r, "10.0.0.2", "10.0.0.1"));
	CU_ASSERT_TRUE(allowed(&r, "10.0.0.2", "10.0.0.3"));
	CU_ASSERT_TRUE(allowed(&r, "10.0.0.2", "192.0.2.9"));
	bh_policy_destroy(r.p);
}

static void
nodes_are_there_where_a_rule_or_a_zone_of_any_part_names_them_and_nowhere_else(void)
{
	static const struct {
		const char *text;
		uint32_t segments;
	} test[] = {
		{"version: 1\n", 0},
		{"version: 1\nsegments: {web: {selector: nodes}}\n", 1},
		{"version: 1\nzones: {z: {segments: [nodes]}}\n", 2},
		{"version: 1\nimported: {rules: [{from: [nodes], to: any, action: deny}]}\n", 1},
		{"version: 1\nlearned: {rules: [{from: any, to: nodes, action: allow}]}\n", 1},
		{"version: 1\nrules: [{from: any, to: any, comment: nodes, action: deny}]\n", 0},
	};
	struct bh_policy_change change;
	struct rig r;
	size_t i;

	make(&r);
	for (i = 0; i < BH_ARRAY_SIZE(test); i++) {
		CU_ASSERT_EQUAL_FATAL(load(&r, test[i].text, &change), 0);
		CU_ASSERT_EQUAL(change.segments, test[i].segments);
	}
	/* What is no list of segments is an error of its own, and not looked into. */
	CU_ASSERT_EQUAL(load(&r, "version: 1\nrules: [{from: {a: nodes}, to: any}]\n", &change),
			-EINVAL);
	CU_ASSERT_EQUAL(load(&r, "version: 1\nrules: nodes\nzones: nodes\n", &change), -EINVAL);
	bh_policy_destroy(r.p);
}

const struct bh_unit_test bh_suite_policy_nodes[] = {
	BH_TEST(nodes_are_who_has_the_label_of_a_host_unless_the_document_says_otherwise),
	BH_TEST(nodes_are_there_where_a_rule_or_a_zone_of_any_part_names_them_and_nowhere_else),
	BH_TEST_END};
