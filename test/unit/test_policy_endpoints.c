/* Endpoint changes: batches, their refusals, who wins, what is told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_world.h"
#include "unit.h"

static const struct bh_view *current;

static struct {
	void *obj;
	void (*free_fn)(void *obj);
} held[2048];
static unsigned n_held;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

/* A grace period that ends when the test says so. */
static void
hold(void *arg, void *obj, void (*free_fn)(void *obj))
{
	(void)arg;
	if (n_held == BH_ARRAY_SIZE(held))
		abort();
	held[n_held].obj = obj;
	held[n_held++].free_fn = free_fn;
}

static void
let_go(void)
{
	while (n_held > 0) {
		n_held--;
		held[n_held].free_fn(held[n_held].obj);
	}
}

static struct bh_policy *
make(uint32_t max_endpoints, const char *text)
{
	struct bh_policy_params params = {.max_endpoints = max_endpoints,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .retire = hold};
	struct bh_policy *p = NULL;

	n_held = 0;
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_load_text(p, "t", text, strlen(text), false, NULL, NULL),
			      0);
	return p;
}

static void
finish(struct bh_policy *p)
{
	bh_policy_destroy(p);
	let_go();
}

/* "app=web,tier=front" or "app=-" (remove) into labels. text is written to. */
static unsigned
split(char *text, struct bh_label *out)
{
	char *save = NULL, *item;
	unsigned n = 0;

	for (item = strtok_r(text, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(item, '=');

		*eq = '\0';
		out[n++] = (struct bh_label){item, strcmp(eq + 1, "-") == 0 ? NULL : eq + 1};
	}
	return n;
}

struct step {
	enum bh_endpoint_op op;
	const char *address;
	bh_tenant tenant;
	const char *labels;
};

static int
apply(struct bh_policy *p, const struct step *steps, size_t n, uint32_t *changed,
      struct bh_err *err)
{
	struct bh_endpoint_change c[16];
	struct bh_label labels[16][8];
	char text[16][128];
	size_t i;

	for (i = 0; i < n; i++) {
		c[i] = (struct bh_endpoint_change){.op = steps[i].op,
						   .endpoint = {.tenant = steps[i].tenant,
								.labels = labels[i]}};
		bh_prefix_parse(steps[i].address, &c[i].endpoint.prefix, NULL);
		snprintf(text[i], sizeof(text[i]), "%s",
			 steps[i].labels != NULL ? steps[i].labels : "");
		c[i].endpoint.n_labels = split(text[i], labels[i]);
	}
	return bh_policy_endpoints_apply(p, c, n, changed, err);
}

static bool
tell(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n_segments)
{
	struct bh_buf *b = arg;
	char text[64];
	unsigned i;

	bh_prefix_format(&e->prefix, text, sizeof(text));
	bh_buf_str(b, text);
	if (e->tenant != 0)
		bh_buf_printf(b, "@%llx", (unsigned long long)e->tenant);
	for (i = 0; i < e->n_labels; i++)
		bh_buf_printf(b, " %s=%s", e->labels[i].key, e->labels[i].value);
	bh_buf_str(b, e->source == BH_SOURCE_REST ? " R" : " F");
	for (i = 0; i < n_segments; i++)
		bh_buf_printf(b, " [%s]", segments[i]);
	bh_buf_str(b, "\n");
	return true;
}

static void
expect_list(struct bh_policy *p, const char *after, const char *want)
{
	struct bh_prefix from;
	struct bh_buf b = {0};

	if (after != NULL)
		bh_prefix_parse(after, &from, NULL);
	bh_buf_str(&b, "");
	bh_policy_endpoints_each(p, after != NULL ? &from : NULL, tell, &b);
	if (strcmp(b.data, want) != 0)
		fprintf(stderr, "\nwant:\n%sgot:\n%s", want, b.data);
	CU_ASSERT_STRING_EQUAL(b.data, want);
	bh_buf_free(&b);
}

#define POLICY                                                                                     \
	"version: 1\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  - {address: 10.0.0.1, labels: {app: web}}\n"                                            \
	"  - {address: 10.0.0.2, labels: {app: db}}\n"                                             \
	"segments:\n"                                                                              \
	"  web: {selector: app=web}\n"                                                             \
	"  front: {selector: tier=front}\n"                                                        \
	"  lan: {addresses: [10.0.0.0/24]}\n"                                                      \
	"rules: [{from: any, to: any, action: allow}]\n"

static void
batch_acts_in_order_and_only_the_outcome_counts(void)
{
	static const struct step steps[] = {
		{BH_ENDPOINT_PATCH, "10.0.0.1", 0, "tier=front"},
		{BH_ENDPOINT_PUT, "10.0.0.3", 0, "app=cache,x=y"},
		{BH_ENDPOINT_PATCH, "10.0.0.3", 0, "x=-,app=web"},
		{BH_ENDPOINT_PUT, "10.0.0.4", 0, "app=gone"},
		{BH_ENDPOINT_DELETE, "10.0.0.4", 0, NULL},
		{BH_ENDPOINT_DELETE, "10.0.0.2", 0, NULL},
		{BH_ENDPOINT_PUT, "10.0.0.2", 0, "app=db"},
		{BH_ENDPOINT_PUT, "fd00::/64", 5001, ""},
	};
	struct bh_policy *p = make(64, POLICY);
	uint32_t changed = 0;

	CU_ASSERT_EQUAL(apply(p, steps, BH_ARRAY_SIZE(steps), &changed, NULL), 0);
	CU_ASSERT_EQUAL(changed, 3); /* 10.0.0.2 is as before, 10.0.0.4 never was */
	expect_list(p, NULL,
		    "10.0.0.1 app=web tier=front R [web] [front] [lan]\n"
		    "10.0.0.2 app=db R [lan]\n"
		    "10.0.0.3 app=web R [web] [lan]\n"
		    "fd00::/64@1389 R\n");
	finish(p);
}

static void
refused_batch_changes_nothing_and_names_its_change(void)
{
	static const struct {
		struct step step;
		int rc;
		const char *want;
	} cases[] = {
		{{BH_ENDPOINT_PATCH, "10.0.0.9", 0, "a=b"},
		 -ENOENT,
		 "change 1 (10.0.0.9): no such endpoint"},
		{{BH_ENDPOINT_DELETE, "10.0.0.1", 7, NULL},
		 -ENOENT,
		 "change 1 (10.0.0.1): no such endpoint"},
		{{BH_ENDPOINT_PUT, "10.0.0.9", 0, "a=b c"},
		 -EINVAL,
		 "change 1 (10.0.0.9): 'b c' is no value for label 'a': up to 127 letters, digits, "
		 "'-', '_', '.' or '/', with a letter or digit at both ends"},
		{{BH_ENDPOINT_PUT, "10.0.0.9", 0, "a=b,a=c"},
		 -EINVAL,
		 "change 1 (10.0.0.9): label 'a' is given twice"},
		{{BH_ENDPOINT_PUT, "10.0.0.9", 0, "-a=b"},
		 -EINVAL,
		 "change 1 (10.0.0.9): '-a' is no label key: 1 to 127 letters, digits, '-', '_', "
		 "'.' "
		 "or '/', with a letter or digit at both ends"},
		{{BH_ENDPOINT_PUT, "10.0.0.9", 0, "a=b"},
		 -ENOSPC,
		 "2 endpoints and 2 new ones are more than endpoints.max (3): raise it in the "
		 "configuration"},
	};
	struct bh_policy *p = make(3, POLICY);
	struct bh_policy_counts before, after;
	size_t i;

	bh_policy_counts(p, &before);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct step steps[] = {{BH_ENDPOINT_PUT, "10.0.0.8", 0, "app=new"}, cases[i].step};
		struct bh_err err = {0};

		CU_ASSERT_EQUAL(apply(p, steps, 2, NULL, &err), cases[i].rc);
		if (strcmp(err.what, cases[i].want) != 0)
			fprintf(stderr, "\nwant: %s\ngot:  %s\n", cases[i].want, err.what);
		CU_ASSERT_STRING_EQUAL(err.what, cases[i].want);
		expect_list(p, NULL, "10.0.0.1 app=web F [web] [lan]\n10.0.0.2 app=db F [lan]\n");
	}
	bh_policy_counts(p, &after);
	CU_ASSERT_EQUAL(after.label_sets, before.label_sets);
	finish(p);
}

static void
prefix_with_bits_behind_it_is_refused(void)
{
	struct bh_endpoint_change c = {
		.op = BH_ENDPOINT_PUT,
		.endpoint = {.prefix = {.addr = {10, 0, 0, 1}, .family = 4, .len = 24}}};
	struct bh_policy *p = make(64, POLICY);
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_policy_endpoints_apply(p, &c, 1, NULL, &err), -EINVAL);
	c.endpoint.prefix.len = 33;
	CU_ASSERT_EQUAL(bh_policy_endpoints_apply(p, &c, 1, NULL, NULL), -EINVAL);
	c.endpoint.prefix.family = 5;
	CU_ASSERT_EQUAL(bh_policy_endpoints_apply(p, &c, 1, NULL, NULL), -EINVAL);
	finish(p);
}

static void
rest_wins_over_the_file_and_outlives_it(void)
{
	static const struct step steps[] = {
		{BH_ENDPOINT_PUT, "10.0.0.1", 0, "app=mine"},
		{BH_ENDPOINT_PUT, "10.0.0.7", 0, "app=web"},
		{BH_ENDPOINT_DELETE, "10.0.0.2", 0, NULL},
	};
	static const char other[] = "version: 1\n"
				    "endpoints:\n"
				    "  - {address: 10.0.0.1, labels: {app: file}}\n"
				    "  - {address: 10.0.0.5, labels: {app: file}}\n";
	struct bh_policy *p = make(64, POLICY);

	CU_ASSERT_EQUAL(apply(p, steps, 3, NULL, NULL), 0);
	expect_list(p, NULL, "10.0.0.1 app=mine R [lan]\n10.0.0.7 app=web R [web] [lan]\n");
	/* The file's own come back with the next load; the others stay. */
	CU_ASSERT_EQUAL(bh_policy_load_text(p, "t", POLICY, strlen(POLICY), false, NULL, NULL), 0);
	expect_list(p, NULL,
		    "10.0.0.1 app=mine R [lan]\n10.0.0.2 app=db F [lan]\n"
		    "10.0.0.7 app=web R [web] [lan]\n");
	CU_ASSERT_EQUAL(bh_policy_load_text(p, "t", other, strlen(other), false, NULL, NULL), 0);
	expect_list(p, NULL, "10.0.0.1 app=mine R\n10.0.0.5 app=file F\n10.0.0.7 app=web R\n");
	finish(p);
}

static void
list_goes_on_behind_a_prefix(void)
{
	static const struct step steps[] = {
		{BH_ENDPOINT_PUT, "10.0.0.0/30", 0, ""}, {BH_ENDPOINT_PUT, "10.0.0.0/30", 12, ""},
		{BH_ENDPOINT_PUT, "10.0.0.0/31", 0, ""}, {BH_ENDPOINT_PUT, "9.0.0.0/8", 0, ""},
		{BH_ENDPOINT_PUT, "::/0", 0, ""},        {BH_ENDPOINT_PUT, "10.0.0.0/8", 0, ""},
	};
	struct bh_policy *p = make(64, "version: 1\n");
	struct bh_prefix prefix;
	struct bh_buf b = {0};

	CU_ASSERT_EQUAL(apply(p, steps, BH_ARRAY_SIZE(steps), NULL, NULL), 0);
	expect_list(p, NULL,
		    "9.0.0.0/8 R\n10.0.0.0/8 R\n10.0.0.0/30 R\n10.0.0.0/30@c R\n10.0.0.0/31 R\n"
		    "::/0 R\n");
	expect_list(p, "10.0.0.0/30", "10.0.0.0/31 R\n::/0 R\n");
	expect_list(p, "10.0.0.0/9", "10.0.0.0/30 R\n10.0.0.0/30@c R\n10.0.0.0/31 R\n::/0 R\n");
	bh_prefix_parse("10.0.0.0/30", &prefix, NULL);
	CU_ASSERT_TRUE(bh_policy_endpoint_get(p, &prefix, 12, tell, &b));
	CU_ASSERT_STRING_EQUAL(b.data, "10.0.0.0/30@c R\n");
	CU_ASSERT_FALSE(bh_policy_endpoint_get(p, &prefix, 13, tell, &b));
	bh_buf_free(&b);
	finish(p);
}

static struct bh_judgement
judge(unsigned host)
{
	struct bh_flow_key key = {.family = 4, .proto = 6};
	struct bh_judgement j;

	key.addr[0].b[0] = key.addr[1].b[0] = 10;
	key.addr[0].b[3] = (uint8_t)host;
	key.addr[1].b[3] = 200;
	bh_policy_judge(current, &key, 0, 80, NULL, &j);
	return j;
}

/* A worker may be in the middle of a judgement of the old owner. */
static void
slot_is_not_reused_before_its_grace_period_ends(void)
{
	static const struct step put1 = {BH_ENDPOINT_PUT, "10.0.0.11", 0, "app=a"},
				 gone1 = {BH_ENDPOINT_DELETE, "10.0.0.11", 0, NULL},
				 put2 = {BH_ENDPOINT_PUT, "10.0.0.12", 0, "app=b"},
				 put3 = {BH_ENDPOINT_PUT, "10.0.0.13", 0, "app=c"};
	struct bh_policy *p = make(64, POLICY);
	uint32_t slot;

	CU_ASSERT_EQUAL(apply(p, &put1, 1, NULL, NULL), 0);
	slot = judge(11).slot[0];
	CU_ASSERT_NOT_EQUAL(slot, 0);
	CU_ASSERT_EQUAL(apply(p, &gone1, 1, NULL, NULL), 0);
	CU_ASSERT_EQUAL(judge(11).slot[0], 0);
	CU_ASSERT_EQUAL(apply(p, &put2, 1, NULL, NULL), 0);
	CU_ASSERT_NOT_EQUAL(judge(12).slot[0], slot);
	let_go();
	CU_ASSERT_EQUAL(apply(p, &put3, 1, NULL, NULL), 0);
	CU_ASSERT_EQUAL(judge(13).slot[0], slot);
	finish(p);
}

/* Slots run out only when no grace period ends for as many deletions as there are slots. */
static void
churn_without_grace_periods_is_told_to_wait(void)
{
	/* max_endpoints 2: 2 * 2 + 1024 slots, one of them for "none". */
	static const struct step put = {BH_ENDPOINT_PUT, "10.0.0.11", 0, "app=a"},
				 gone = {BH_ENDPOINT_DELETE, "10.0.0.11", 0, NULL};
	struct bh_policy *p = make(2, "version: 1\n");
	struct bh_err err = {0};
	int rc = 0, n;

	for (n = 0; n < 3000; n++) {
		rc |= apply(p, &put, 1, NULL, NULL) | apply(p, &gone, 1, NULL, NULL);
		let_go();
	}
	CU_ASSERT_EQUAL(rc, 0);
	for (n = 0; n < 1027; n++)
		rc |= apply(p, &put, 1, NULL, NULL) | apply(p, &gone, 1, NULL, NULL);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(apply(p, &put, 1, NULL, &err), -EAGAIN);
	CU_ASSERT_STRING_EQUAL(err.what,
			       "endpoints deleted before are still being let go of by the "
			       "workers: try again in a moment");
	let_go();
	CU_ASSERT_EQUAL(apply(p, &put, 1, NULL, NULL), 0);
	finish(p);
}

/* Other labels in the same segments: nobody needs to be judged anew. */
static void
labels_that_change_no_segment_leave_flows_fresh(void)
{
	static const struct step put = {BH_ENDPOINT_PUT, "10.0.0.1", 0, "app=web,pod=x"},
				 other = {BH_ENDPOINT_PUT, "10.0.0.1", 0, "app=web,tier=front"};
	struct bh_policy *p = make(64, POLICY);
	struct bh_judgement j = judge(1);

	CU_ASSERT_EQUAL(apply(p, &put, 1, NULL, NULL), 0);
	CU_ASSERT_EQUAL(j.stamp, bh_view_stamp(current, j.slot[0], j.slot[1]));
	CU_ASSERT_EQUAL(apply(p, &other, 1, NULL, NULL), 0);
	CU_ASSERT_NOT_EQUAL(j.stamp, bh_view_stamp(current, j.slot[0], j.slot[1]));
	CU_ASSERT_NOT_EQUAL(j.class_[0], judge(1).class_[0]);
	finish(p);
}

/* Labels over REST must never cost a compile, whatever segments they make. */
static void
new_sets_of_segments_are_not_compiled(void)
{
	struct bh_policy *p = make(64, POLICY);
	const struct bh_view *view = current;
	static const struct step steps[] = {
		{BH_ENDPOINT_PUT, "10.0.0.20", 0, "app=web,tier=front"},
		{BH_ENDPOINT_PUT, "10.0.0.21", 0, "tier=front"},
		{BH_ENDPOINT_PUT, "10.0.0.22", 0, "app=none"},
	};

	CU_ASSERT_EQUAL(apply(p, steps, 3, NULL, NULL), 0);
	CU_ASSERT_PTR_EQUAL(current, view);
	CU_ASSERT_STRING_EQUAL(bh_policy_segment_name(p, judge(21).segment[0]), "front");
	finish(p);
}

/* One address goes through every subset of twelve segments: more classes than a snapshot has room for. */
static void
classes_that_nobody_is_in_are_left_behind(void)
{
	struct bh_label labels[12];
	char key[12][8];
	struct bh_buf text = {0};
	struct bh_endpoint_change c = {.op = BH_ENDPOINT_PUT, .endpoint = {.labels = labels}};
	const struct bh_view *first;
	struct bh_policy *p;
	unsigned set, i, wrong = 0, renewed = 0;

	bh_buf_str(&text, "version: 1\nsegments:\n");
	for (i = 0; i < 12; i++)
		bh_buf_printf(&text, "  s%u: {selector: k%u}\n", i, i);
	p = make(1, text.data);
	first = current;
	bh_prefix_parse("10.0.0.1", &c.endpoint.prefix, NULL);
	for (set = 1; set < 1u << 12; set++) {
		c.endpoint.n_labels = 0;
		for (i = 0; i < 12; i++) {
			if ((set & 1u << i) == 0)
				continue;
			snprintf(key[i], sizeof(key[i]), "k%u", i);
			labels[c.endpoint.n_labels++] = (struct bh_label){key[i], ""};
		}
		wrong += bh_policy_endpoints_apply(p, &c, 1, NULL, NULL) != 0;
		snprintf(key[0], sizeof(key[0]), "s%u", (unsigned)__builtin_ctz(set));
		wrong += strcmp(bh_policy_segment_name(p, judge(1).segment[0]), key[0]) != 0;
		renewed += current != first;
		first = current;
		let_go();
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(renewed >= 2 && renewed <= 8);
	bh_buf_free(&text);
	finish(p);
}

const struct bh_unit_test bh_suite_policy_endpoints[] = {
	BH_TEST(batch_acts_in_order_and_only_the_outcome_counts),
	BH_TEST(refused_batch_changes_nothing_and_names_its_change),
	BH_TEST(prefix_with_bits_behind_it_is_refused),
	BH_TEST(rest_wins_over_the_file_and_outlives_it),
	BH_TEST(list_goes_on_behind_a_prefix),
	BH_TEST(slot_is_not_reused_before_its_grace_period_ends),
	BH_TEST(churn_without_grace_periods_is_told_to_wait),
	BH_TEST(labels_that_change_no_segment_leave_flows_fresh),
	BH_TEST(new_sets_of_segments_are_not_compiled),
	BH_TEST(classes_that_nobody_is_in_are_left_behind),
	BH_TEST_END};
