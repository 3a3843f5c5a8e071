/* Segments by DNS name: membership for as long as an address is a name's, and everybody else's rights as they were. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/host.h"
#include "../../lib/policy/policy.h"
#include "../../lib/policy/policy_hot.h"
#include "unit.h"

#define S BH_NS_PER_SEC

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
make(struct rig *r, const struct bh_names_params *names)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .arg = r};

	*r = (struct rig){0};
	if (names != NULL)
		params.names = *names;
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&r->p, &params), 0);
}

static int
load(struct rig *r, const char *text)
{
	struct bh_err err = {0};
	char message[1024];
	int rc = bh_policy_load_text(r->p, "names.yaml", text, strlen(text), false, NULL, &err);

	if (rc != 0) {
		bh_err_format(&err, message, sizeof(message));
		fprintf(stderr, "\n%s\n%s", message, text);
	}
	return rc;
}

static struct bh_judgement
ask(const struct rig *r, const char *from, const char *to, uint16_t port)
{
	struct bh_flow_key key = {.proto = 6};
	struct bh_prefix a, b;
	struct bh_judgement j;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(from, &a, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(to, &b, NULL), 0);
	key.family = a.family;
	memcpy(key.addr[0].b, a.addr, 16);
	memcpy(key.addr[1].b, b.addr, 16);
	bh_policy_judge(r->view, &key, 0, port, NULL, &j);
	return j;
}

static bool
allowed(const struct rig *r, const char *from, const char *to, uint16_t port)
{
	return ask(r, from, to, port).verdict == BH_VERDICT_ALLOW;
}

static int
learn(struct rig *r, const char *name, const char *address, uint32_t ttl, uint64_t now)
{
	struct bh_name_answer a = {.name = name, .ttl = ttl};
	struct bh_prefix p;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(address, &p, NULL), 0);
	a.family = p.family;
	memcpy(a.addr, p.addr, 16);
	return bh_policy_names_learn(r->p, &a, 1, now, NULL);
}

#define WEB "10.0.0.1"
static const char document[] =
	"version: 1\n"
	"endpoints:\n  - {address: 10.0.0.1, labels: {app: web}}\n"
	"  - {address: 'fd00::1', labels: {app: web}}\n"
	"  - {address: 10.0.0.2, labels: {app: db}}\n"
	"segments:\n  web: {selector: app=web}\n  db: {selector: app=db}\n"
	"  pay: {names: [pay.example.com, \"*.Bank.example.\"]}\n"
	"  mixed: {selector: app=mixed, addresses: [192.0.2.0/30], names: ['*.example.com']}\n"
	"zones:\n  out: {segments: [pay]}\n"
	"rules:\n  - {id: pay, from: web, to: pay, ports: tcp/443, action: allow}\n"
	"  - {id: mixed, from: web, to: mixed, ports: tcp/80, action: allow}\n"
	"  - {id: zone, from: web, to: 'zone:out', ports: tcp/25, action: allow}\n";

static void
an_address_is_in_the_segments_of_its_names_until_its_time_is_over(void)
{
	struct rig r;

	make(&r, &(struct bh_names_params){.min_ttl_ns = 10 * S, .max_ttl_ns = 100 * S});
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.1", 443));
	CU_ASSERT_EQUAL(learn(&r, "PAY.example.COM", "203.0.113.1", 30, 1 * S), 1);
	CU_ASSERT_TRUE(allowed(&r, WEB, "203.0.113.1", 443));
	CU_ASSERT_TRUE(allowed(&r, WEB, "203.0.113.1", 80)); /* *.example.com, too */
	CU_ASSERT_TRUE(allowed(&r, WEB, "203.0.113.1", 25)); /* and its zone */
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.2", 443));
	CU_ASSERT_FALSE(allowed(&r, "10.0.0.2", "203.0.113.1", 443));
	/* The same again is nothing new, and prolongs. */
	CU_ASSERT_EQUAL(learn(&r, "pay.example.com", "203.0.113.1", 30, 11 * S), 0);
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 40 * S, NULL), 0);
	CU_ASSERT_TRUE(allowed(&r, WEB, "203.0.113.1", 443));
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 41 * S, NULL), 1);
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.1", 443));
	/* Bounds of a TTL. */
	CU_ASSERT_EQUAL(learn(&r, "a.bank.example", "203.0.113.3", 0, 50 * S), 1);
	CU_ASSERT_EQUAL(learn(&r, "b.a.bank.example", "2001:db8::3", 4000000000u, 50 * S), 1);
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 59 * S, NULL), 0);
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 60 * S, NULL), 1);
	CU_ASSERT_TRUE(allowed(&r, "fd00::1", "2001:db8::3", 443));
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 150 * S, NULL), 1);
	CU_ASSERT_FALSE(allowed(&r, "fd00::1", "2001:db8::3", 443));
	bh_policy_destroy(r.p);
}

static bool
has(const struct rig *r, const char *name, const char *address)
{
	struct bh_prefix p;

	CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(address, &p, NULL), 0);
	return bh_policy_name_has(r->view, name, strlen(name), p.addr, p.family);
}

/* What is due is asked about again while it is still in force: nobody is without it in between. */
static void
a_pair_is_forgotten_before_its_address_goes(void)
{
	struct rig r;

	make(&r, &(struct bh_names_params){.min_ttl_ns = 10 * S});
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	CU_ASSERT_FALSE(has(&r, "pay.example.com", "203.0.113.1"));
	CU_ASSERT_EQUAL(learn(&r, "Pay.example.com", "203.0.113.1", 30, 1 * S), 1);
	CU_ASSERT_EQUAL(learn(&r, "x.bank.example", "fd02::1", 60, 1 * S), 1);
	CU_ASSERT_TRUE(has(&r, "pay.example.com", "203.0.113.1"));
	CU_ASSERT_TRUE(has(&r, "x.bank.example", "fd02::1"));
	CU_ASSERT_FALSE(has(&r, "x.bank.example", "203.0.113.1"));
	CU_ASSERT_FALSE(has(&r, "pay.example.com", "203.0.113.2"));
	CU_ASSERT_EQUAL(bh_policy_names_leave(r.p, 30 * S), 0);
	CU_ASSERT_EQUAL(bh_policy_names_leave(r.p, 31 * S), 1);
	CU_ASSERT_EQUAL(bh_policy_names_leave(r.p, 31 * S), 0);
	CU_ASSERT_FALSE(has(&r, "pay.example.com", "203.0.113.1"));
	CU_ASSERT_TRUE(has(&r, "x.bank.example", "fd02::1"));
	CU_ASSERT_TRUE(allowed(&r, WEB, "203.0.113.1", 443));
	/* Heard again: nothing new, and it stays. */
	CU_ASSERT_EQUAL(learn(&r, "pay.example.com", "203.0.113.1", 30, 31 * S), 0);
	CU_ASSERT_TRUE(has(&r, "pay.example.com", "203.0.113.1"));
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 31 * S, NULL), 0);
	CU_ASSERT_EQUAL(bh_policy_names_leave(r.p, 61 * S), 2);
	CU_ASSERT_EQUAL(bh_policy_names_expire(r.p, 61 * S, NULL), 2);
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.1", 443));
	bh_policy_destroy(r.p);
}

static void
what_no_segment_lists_is_not_taken(void)
{
	static const char *const other[] = {
		"bank.example", "xbank.example", "pay.example.com.evil.org", "example.com",
		"com",          "a.example",     "pay.example.comx",         "*.bank.example2"};
	struct rig r;
	size_t i;

	make(&r, NULL);
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	for (i = 0; i < BH_ARRAY_SIZE(other); i++) {
		CU_ASSERT_EQUAL(learn(&r, other[i], "203.0.113.9", 60, S), 0);
		CU_ASSERT_FALSE(bh_policy_name_wanted(r.view, other[i], strlen(other[i])));
	}
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.9", 443));
	CU_ASSERT_TRUE(bh_policy_name_wanted(r.view, "pay.example.com", 15));
	CU_ASSERT_TRUE(bh_policy_name_wanted(r.view, "x.y.bank.example", 16));
	bh_policy_destroy(r.p);
}

static void
flows_are_judged_again_when_an_address_comes_and_goes(void)
{
	struct bh_judgement before, during, after;
	struct rig r;

	make(&r, NULL);
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	before = ask(&r, WEB, "203.0.113.1", 443);
	learn(&r, "pay.example.com", "203.0.113.1", 60, S);
	CU_ASSERT_NOT_EQUAL(before.stamp, bh_view_stamp(r.view, before.slot[0], before.slot[1]));
	during = ask(&r, WEB, "203.0.113.1", 443);
	CU_ASSERT_NOT_EQUAL(before.class_[1], during.class_[1]);
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(r.p, during.segment[1]), "pay");
	bh_policy_names_expire(r.p, 61 * S, NULL);
	CU_ASSERT_NOT_EQUAL(during.stamp, bh_view_stamp(r.view, during.slot[0], during.slot[1]));
	after = ask(&r, WEB, "203.0.113.1", 443);
	CU_ASSERT_EQUAL(after.verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(after.class_[1], before.class_[1]);
	bh_policy_destroy(r.p);
}

static void
an_endpoint_keeps_its_own_segments_beside_those_of_its_names(void)
{
	struct rig r;

	make(&r, NULL);
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	learn(&r, "pay.example.com", "10.0.0.2", 60, S);
	learn(&r, "www.example.com", "192.0.2.1", 60, S);
	CU_ASSERT_TRUE(allowed(&r, WEB, "10.0.0.2", 443));
	CU_ASSERT_TRUE(allowed(&r, WEB, "192.0.2.1", 80));
	CU_ASSERT_FALSE(allowed(&r, WEB, "192.0.2.1", 443));
	bh_policy_names_expire(r.p, 1000 * S, NULL);
	CU_ASSERT_FALSE(allowed(&r, WEB, "10.0.0.2", 443));
	CU_ASSERT_TRUE(allowed(&r, WEB, "192.0.2.1", 80)); /* by its address */
	bh_policy_destroy(r.p);
}

static void
what_is_known_survives_a_load_and_its_room_is_bounded(void)
{
	struct bh_buf told = {0};
	struct rig r;

	make(&r, &(struct bh_names_params){.max = 2});
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	learn(&r, "pay.example.com", "203.0.113.1", 60, S);
	CU_ASSERT_EQUAL(load(&r, "version: 1\nrules: []\n"), 0);
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.1", 443));
	CU_ASSERT_EQUAL_FATAL(load(&r, document), 0);
	CU_ASSERT_TRUE(allowed(&r, WEB, "203.0.113.1", 443));
	CU_ASSERT_EQUAL(learn(&r, "pay.example.com", "203.0.113.2", 60, S), 1);
	CU_ASSERT_EQUAL(learn(&r, "pay.example.com", "203.0.113.3", 60, S), -ENOSPC);
	CU_ASSERT_FALSE(allowed(&r, WEB, "203.0.113.3", 443));
	bh_policy_names_wanted(r.p, &told);
	CU_ASSERT_STRING_EQUAL(told.data, "pay.example.com\n");
	bh_buf_free(&told);
	bh_policy_destroy(r.p);
}

static void
what_is_no_name_is_refused(void)
{
	static const struct {
		const char *name, *why;
	} cases[] = {{"'*'", "a star stands alone"},     {"'*.com'", "it has one label"},
		     {"a.*.com", "a star stands alone"}, {"localhost", "it has one label"},
		     {"a..b", "a label has 1 to 63"},    {"-a.b", "a label has 1 to 63"},
		     {"'a b.c'", "alone (write other"},  {"[a.b]", "it is no text"}};
	char text[256];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_err err = {0};
		struct rig r;

		make(&r, NULL);
		snprintf(text, sizeof(text), "version: 1\nsegments:\n  a: {names: [%s]}\n",
			 cases[i].name);
		CU_ASSERT_EQUAL(bh_policy_load_text(r.p, "n", text, strlen(text), false, NULL,
						    &err),
				-EINVAL);
		if (strstr(err.what, cases[i].why) == NULL || err.line != 3) {
			fprintf(stderr, "\n%s: %u: %s\n", cases[i].name, err.line, err.what);
			CU_FAIL("a mistake is told otherwise");
		}
		bh_policy_destroy(r.p);
	}
}

/* ---- against a plain model ------------------------------------------------------------------------------- */

#define N_NAMES 12
#define N_ADDRESSES 24
#define N_SEGMENTS 6
static const char *const all_names[N_NAMES] = {"a.x.org",   "b.x.org",     "c.b.x.org", "x.org",
					       "a.y.org",   "y.org",       "d.a.y.org", "z.net",
					       "www.z.net", "q.www.z.net", "m.net",     "n.m.net"};
static const char *const all_patterns[] = {"a.x.org", "*.x.org", "*.b.x.org", "y.org", "*.y.org",
					   "z.net",   "*.z.net", "*.m.net",   "m.net", "*.net.org"};

struct plain {
	unsigned patterns[N_SEGMENTS]; /* bits */
	uint64_t until[N_NAMES][N_ADDRESSES];
};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static bool
fits(const char *pattern, const char *name)
{
	size_t n = strlen(name), m = strlen(pattern) - 1;

	if (pattern[0] != '*')
		return strcmp(pattern, name) == 0;
	return n > m && strcmp(name + n - m, pattern + 1) == 0;
}

static bool
is_in(const struct plain *m, unsigned segment, unsigned address, uint64_t now)
{
	unsigned i, k;

	for (i = 0; i < N_NAMES; i++) {
		for (k = 0; m->until[i][address] > now && k < BH_ARRAY_SIZE(all_patterns); k++) {
			if ((m->patterns[segment] >> k & 1) != 0 &&
			    fits(all_patterns[k], all_names[i]))
				return true;
		}
	}
	return false;
}

static void
random_document(struct plain *m, struct rig *r)
{
	struct bh_buf b = {0};
	unsigned i, k;

	bh_buf_str(&b, "version: 1\nendpoints:\n  - {address: 10.0.0.1, labels: {app: web}}\n"
		       "  - {address: 'fd00::1', labels: {app: web}}\nsegments:\n");
	for (i = 0; i < N_SEGMENTS; i++) {
		m->patterns[i] = 1 + rnd((1u << BH_ARRAY_SIZE(all_patterns)) - 1);
		bh_buf_printf(&b, "  s%u: {names: [", i);
		for (k = 0; k < BH_ARRAY_SIZE(all_patterns); k++) {
			if ((m->patterns[i] >> k & 1) != 0)
				bh_buf_printf(&b, "'%s',", all_patterns[k]);
		}
		bh_buf_str(&b, "]}\n");
	}
	bh_buf_str(&b, "rules:\n");
	for (i = 0; i < N_SEGMENTS; i++)
		bh_buf_printf(&b, "  - {from: any, to: s%u, ports: tcp/%u, action: allow}\n", i,
			      i + 1);
	CU_ASSERT_EQUAL_FATAL(load(r, b.data), 0);
	bh_buf_free(&b);
}

static unsigned
count_wrong(const struct plain *m, const struct rig *r, uint64_t now)
{
	unsigned a, s, wrong = 0;
	char text[32];

	for (a = 0; a < N_ADDRESSES; a++) {
		snprintf(text, sizeof(text), a % 2 != 0 ? "203.0.113.%u" : "2001:db8::%u", a + 1);
		for (s = 0; s < N_SEGMENTS; s++)
			wrong += allowed(r, a % 2 != 0 ? WEB : "fd00::1", text,
					 (uint16_t)(s + 1)) != is_in(m, s, a, now);
	}
	return wrong;
}

static void
random_answers_and_loads_come_to_what_a_plain_model_says(void)
{
	struct plain *m = calloc(1, sizeof(*m));
	unsigned step, name, a, ttl, wrong = 0;
	uint64_t now = S;
	char text[32];
	struct rig r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	srand(51);
	make(&r,
	     &(struct bh_names_params){.min_ttl_ns = 5 * S, .max_ttl_ns = 40 * S, .keep_ns = S});
	random_document(m, &r);
	for (step = 0; step < 3000 && wrong == 0; step++) {
		name = rnd(N_NAMES);
		a = rnd(N_ADDRESSES);
		ttl = rnd(60);
		snprintf(text, sizeof(text), a % 2 != 0 ? "203.0.113.%u" : "2001:db8::%u", a + 1);
		CU_ASSERT_TRUE(learn(&r, all_names[name], text, ttl, now) >= 0);
		for (unsigned k = 0, taken = 0; k < N_SEGMENTS && taken == 0; k++) {
			for (unsigned i = 0; i < BH_ARRAY_SIZE(all_patterns) && taken == 0; i++)
				taken = (m->patterns[k] >> i & 1) != 0 &&
					fits(all_patterns[i], all_names[name]);
			ttl = ttl < 5 ? 5 : ttl > 40 ? 40 : ttl;
			if (taken && m->until[name][a] < now + (ttl + 1) * S)
				m->until[name][a] = now + (ttl + 1) * S;
		}
		if (rnd(3) == 0) {
			now += (rnd(4) + 1) * S;
			CU_ASSERT_TRUE(bh_policy_names_expire(r.p, now, NULL) >= 0);
		}
		if (rnd(100) == 0)
			random_document(m, &r);
		if (step % 10 == 0)
			wrong = count_wrong(m, &r, now);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	bh_policy_destroy(r.p);
	free(m);
}

const struct bh_unit_test bh_suite_policy_names[] = {
	BH_TEST(an_address_is_in_the_segments_of_its_names_until_its_time_is_over),
	BH_TEST(a_pair_is_forgotten_before_its_address_goes),
	BH_TEST(what_no_segment_lists_is_not_taken),
	BH_TEST(flows_are_judged_again_when_an_address_comes_and_goes),
	BH_TEST(an_endpoint_keeps_its_own_segments_beside_those_of_its_names),
	BH_TEST(what_is_known_survives_a_load_and_its_room_is_bounded),
	BH_TEST(what_is_no_name_is_refused),
	BH_TEST(random_answers_and_loads_come_to_what_a_plain_model_says),
	BH_TEST_END};
