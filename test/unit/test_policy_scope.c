/* policy: who is in a zone, and which rules lead into it, out of it, through it. */
#include <errno.h>

#include "../../lib/policy/policy.h"
#include "unit.h"

static const char text[] =
	"version: 1\n"
	"endpoints:\n"
	"  - {address: 10.1.0.1, labels: {app: web}}\n"
	"  - {address: 10.2.0.1, labels: {app: cards, tier: back}}\n"
	"  - {address: 10.2.0.2, labels: {app: other, tier: back}}\n"
	"  - {address: 10.3.0.1, labels: {app: vault}}\n"
	"segments:\n"
	"  web:   {selector: app=web}\n"
	"  cards: {selector: app=cards}\n"
	"  back:  {selector: tier=back}\n"
	"  rack:  {addresses: [10.3.0.0/24]}\n"
	"  vault: {selector: app=vault}\n"
	"  far:   {addresses: [192.0.2.0/24]}\n"
	"zones:\n"
	"  cde:   {segments: [cards, vault], cde: true%s}\n"
	"  shop:  {segments: [web]}\n"
	"rules:\n"
	"  - {id: in,      from: web, to: cards, owner: a, reason: b, expires: "
	"2100-01-01, action: allow}\n"
	"  - {id: shares,  from: web, to: back, ports: tcp/1, action: allow}\n"
	"  - {id: byplace, from: web, to: rack, ports: tcp/2, action: allow}\n"
	"  - {id: out,     from: cards, to: far, action: allow}\n"
	"  - {id: within,  from: cards, to: vault, action: allow}\n"
	"  - {id: never,   from: any, to: 'zone:cde', ports: tcp/3, action: deny}\n"
	"  - {id: away,    from: web, to: far, action: allow}\n"
	"  - {id: zones,   from: 'zone:shop', to: 'zone:cde', ports: tcp/4, owner: a, "
	"reason: b, expires: 2100-01-01, action: allow}\n";

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

static struct bh_policy *
make(const char *more)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish};
	struct bh_policy *p = NULL;
	struct bh_buf b = {0};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	bh_buf_printf(&b, text, more);
	CU_ASSERT_EQUAL_FATAL(bh_policy_load_text(p, "scope", b.data, b.len, false, NULL, &err), 0);
	bh_buf_free(&b);
	return p;
}

struct find {
	const char *name;
	const struct bh_scope *s;
	unsigned at;
	int bits;
};

static bool
find_rule(void *arg, const struct bh_rule_info *r)
{
	struct find *f = arg;

	if (strcmp(r->id, f->name) == 0)
		f->bits = f->s->rule[r->index];
	return true;
}

static bool
find_segment(void *arg, const struct bh_segment_info *s)
{
	struct find *f = arg;

	if (strcmp(s->name, f->name) == 0)
		f->bits = f->s->segment[f->at];
	f->at++;
	return true;
}

static int
rule_bits(struct bh_policy *p, const struct bh_scope *s, const char *id)
{
	struct find f = {.name = id, .s = s, .bits = -1};

	bh_policy_rules_each(p, find_rule, &f);
	return f.bits;
}

static int
segment_bits(struct bh_policy *p, const struct bh_scope *s, const char *name)
{
	struct find f = {.name = name, .s = s, .bits = -1};

	bh_policy_segments_each(p, find_segment, &f);
	return f.bits;
}

static void
segments_are_in_it_by_name_or_by_a_member(void)
{
	struct bh_policy *p = make("");
	struct bh_scope *s = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_policy_scope(p, "cde", &s, NULL), 0);
	CU_ASSERT_STRING_EQUAL(s->name, "zone:cde");
	CU_ASSERT_TRUE(s->cde);
	CU_ASSERT_EQUAL(segment_bits(p, s, "cards"), BH_SCOPE_NAMED | BH_SCOPE_SHARES);
	CU_ASSERT_EQUAL(segment_bits(p, s, "zone:cde"), BH_SCOPE_NAMED | BH_SCOPE_SHARES);
	CU_ASSERT_EQUAL(segment_bits(p, s, "back"), BH_SCOPE_SHARES);
	CU_ASSERT_EQUAL(segment_bits(p, s, "rack"), BH_SCOPE_SHARES);
	CU_ASSERT_EQUAL(segment_bits(p, s, "web"), 0);
	CU_ASSERT_EQUAL(segment_bits(p, s, "far"), 0);
	CU_ASSERT_EQUAL(segment_bits(p, s, "external"), 0);
	CU_ASSERT_EQUAL(segment_bits(p, s, "zone:shop"), 0);
	bh_scope_free(s);
	bh_policy_destroy(p);
}

static void
rules_lead_in_out_or_through_by_who_may_be_at_their_ends(void)
{
	struct bh_policy *p = make("");
	struct bh_scope *s = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_policy_scope(p, "zone:cde", &s, NULL), 0);
	CU_ASSERT_EQUAL(rule_bits(p, s, "in"), BH_SCOPE_IN);
	CU_ASSERT_EQUAL(rule_bits(p, s, "shares"), BH_SCOPE_IN);
	CU_ASSERT_EQUAL(rule_bits(p, s, "byplace"), BH_SCOPE_IN);
	CU_ASSERT_EQUAL(rule_bits(p, s, "out"), BH_SCOPE_OUT);
	CU_ASSERT_EQUAL(rule_bits(p, s, "within"), BH_SCOPE_WITHIN);
	CU_ASSERT_EQUAL(rule_bits(p, s, "never"), BH_SCOPE_IN | BH_SCOPE_WITHIN);
	CU_ASSERT_EQUAL(rule_bits(p, s, "away"), 0);
	CU_ASSERT_EQUAL(rule_bits(p, s, "zones"), BH_SCOPE_IN);
	bh_scope_free(s);
	bh_policy_destroy(p);
}

static void
a_zone_that_keeps_to_itself_is_entered_by_rules_for_zones(void)
{
	struct bh_policy *p = make(", intra: only");
	struct bh_scope *s = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_policy_scope(p, "cde", &s, NULL), 0);
	CU_ASSERT_TRUE(s->keeps);
	CU_ASSERT_EQUAL(rule_bits(p, s, "in"), BH_SCOPE_FENCED);
	CU_ASSERT_EQUAL(rule_bits(p, s, "out"), BH_SCOPE_FENCED);
	CU_ASSERT_EQUAL(rule_bits(p, s, "within"), BH_SCOPE_WITHIN);
	CU_ASSERT_EQUAL(rule_bits(p, s, "zones"), BH_SCOPE_IN);
	bh_scope_free(s);
	bh_policy_destroy(p);
}

static void
segments_are_no_zones(void)
{
	struct bh_policy *p = make("");
	struct bh_scope *s = NULL;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_policy_scope(p, "cards", &s, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "cards"));
	CU_ASSERT_EQUAL(bh_policy_scope(p, "nowhere", &s, NULL), -ENOENT);
	CU_ASSERT_PTR_NULL(s);
	bh_policy_destroy(p);
}

const struct bh_unit_test bh_suite_policy_scope[] = {
	BH_TEST(segments_are_in_it_by_name_or_by_a_member),
	BH_TEST(rules_lead_in_out_or_through_by_who_may_be_at_their_ends),
	BH_TEST(a_zone_that_keeps_to_itself_is_entered_by_rules_for_zones),
	BH_TEST(segments_are_no_zones),
	BH_TEST_END,
};
