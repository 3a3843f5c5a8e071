/* learn: the part of a document that the gateway writes, and promotion's rules. */
#include "../../lib/learn/draft.h"
#include "learn_rig.h"

static const char written[] = "version: 1\n"
			      "# by hand\n"
			      "segments:\n"
			      "  web: {selector: app=web}   # the shop\n"
			      "rules:\n"
			      "  - {from: web, to: any, ports: tcp/1, action: allow}\n";

static const char learned[] = "learned:\n"
			      "  segments:\n"
			      "    host-192.0.2.1: {addresses: [\"192.0.2.1\"]}\n"
			      "    host-192.0.2.2: {addresses: [\"192.0.2.2\"]}\n"
			      "  rules:\n"
			      "    - id: learned-a\n"
			      "      from: web\n"
			      "      to: host-192.0.2.1\n"
			      "      ports: [tcp/443]\n"
			      "      action: allow\n"
			      "    - id: learned-b\n"
			      "      from: web\n"
			      "      to: host-192.0.2.2\n"
			      "      ports: [tcp/80]\n"
			      "      action: allow\n";

static bool
loads(const char *text)
{
	struct bh_draft_params p = {.name = "t",
				    .text = text,
				    .len = strlen(text),
				    .max_endpoints = 64,
				    .mode = BH_MODE_PROTECT};
	struct bh_err err = {0};
	struct bh_draft *d = NULL;
	int rc = bh_draft_open(&d, &p, &err);

	if (rc != 0)
		fprintf(stderr, "%u: %s\n%s\n", err.line, err.what, text);
	bh_draft_close(d);
	return rc == 0;
}

static void
what_people_wrote_stays_byte_for_byte(void)
{
	struct bh_buf b = {0}, again = {0}, back = {0};

	CU_ASSERT_EQUAL(bh_document_with(written, strlen(written), learned, &b, NULL), 0);
	CU_ASSERT_EQUAL(strncmp(b.data, written, strlen(written)), 0);
	CU_ASSERT_STRING_EQUAL(b.data + strlen(written), learned);
	CU_ASSERT_TRUE(loads(b.data));
	CU_ASSERT_EQUAL(bh_document_with(b.data, b.len, "learned:\n  rules: []\n", &again, NULL),
			0);
	CU_ASSERT_STRING_EQUAL(again.data + strlen(written), "learned:\n  rules: []\n");
	bh_document_written(b.data, b.len, &back);
	CU_ASSERT_STRING_EQUAL(back.data, written);
	bh_buf_reset(&back);
	bh_document_learned(b.data, b.len, &back);
	CU_ASSERT_STRING_EQUAL(back.data, learned);
	bh_buf_free(&b);
	bh_buf_free(&again);
	bh_buf_free(&back);
}

static void
no_document_becomes_one_and_json_is_refused(void)
{
	static const char json[] = "{\"version\": 1}\n";
	struct bh_err err = {0};
	struct bh_buf b = {0};

	CU_ASSERT_EQUAL(bh_document_with("", 0, "learned:\n  rules: []\n", &b, NULL), 0);
	CU_ASSERT_STRING_EQUAL(b.data, "version: 1\nlearned:\n  rules: []\n");
	CU_ASSERT_TRUE(loads(b.data));
	bh_buf_reset(&b);
	CU_ASSERT_EQUAL(bh_document_with(json, strlen(json), learned, &b, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "flow style"));
	bh_buf_free(&b);
}

static void
an_adopted_rule_moves_with_its_segments(void)
{
	static const char *const id[] = {"learned-b"}, *const none[] = {"learned-c"};
	struct bh_buf b = {0}, out = {0}, all = {0};
	struct bh_err err = {0};
	unsigned moved;

	bh_document_with(written, strlen(written), learned, &b, NULL);
	CU_ASSERT_EQUAL(bh_document_adopt(b.data, b.len, id, 1, &out, &moved, &err), 0);
	CU_ASSERT_EQUAL(moved, 1);
	CU_ASSERT_TRUE(loads(out.data));
	CU_ASSERT_STRING_EQUAL(out.data, "version: 1\n"
					 "# by hand\n"
					 "segments:\n"
					 "  web: {selector: app=web}   # the shop\n"
					 "  host-192.0.2.2: {addresses: [\"192.0.2.2\"]}\n"
					 "rules:\n"
					 "  - {from: web, to: any, ports: tcp/1, action: allow}\n"
					 "  - id: learned-b\n"
					 "    from: web\n"
					 "    to: host-192.0.2.2\n"
					 "    ports: [tcp/80]\n"
					 "    action: allow\n"
					 "learned:\n"
					 "  segments:\n"
					 "    host-192.0.2.1: {addresses: [\"192.0.2.1\"]}\n"
					 "  rules:\n"
					 "    - id: learned-a\n"
					 "      from: web\n"
					 "      to: host-192.0.2.1\n"
					 "      ports: [tcp/443]\n"
					 "      action: allow\n");
	CU_ASSERT_EQUAL(bh_document_adopt(out.data, out.len, NULL, 0, &all, &moved, &err), 0);
	CU_ASSERT_EQUAL(moved, 1);
	CU_ASSERT_TRUE(loads(all.data));
	CU_ASSERT_PTR_NULL(strstr(strstr(all.data, "learned:\n"), "- id"));
	bh_buf_reset(&out);
	CU_ASSERT_EQUAL(bh_document_adopt(b.data, b.len, none, 1, &out, &moved, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "learned-c"));
	bh_buf_free(&b);
	bh_buf_free(&out);
	bh_buf_free(&all);
}

static void
adopting_makes_the_blocks_that_are_not_there(void)
{
	static const char bare[] = "version: 1";
	static const char own[] = "learned:\n  rules:\n    - id: learned-a\n      from: any\n"
				  "      to: any\n      action: allow\n";
	static const char flow[] = "version: 1\nrules: [{from: any, to: any, action: deny}]\n";
	struct bh_buf b = {0}, out = {0};
	struct bh_err err = {0};
	unsigned moved;

	bh_document_with(bare, strlen(bare), own, &b, NULL);
	CU_ASSERT_EQUAL(bh_document_adopt(b.data, b.len, NULL, 0, &out, &moved, NULL), 0);
	CU_ASSERT_STRING_EQUAL(out.data, "version: 1\nrules:\n  - id: learned-a\n    from: any\n"
					 "    to: any\n    action: allow\nlearned:\n  rules:\n");
	CU_ASSERT_TRUE(loads(out.data));
	bh_buf_reset(&b);
	bh_buf_reset(&out);
	bh_document_with(flow, strlen(flow), own, &b, NULL);
	CU_ASSERT_EQUAL(bh_document_adopt(b.data, b.len, NULL, 0, &out, &moved, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "flow style"));
	bh_buf_free(&b);
	bh_buf_free(&out);
}

/* ---- what if ----------------------------------------------------------------------------------------------- */

static bool
put_change(void *arg, const struct bh_conversation *c, const struct bh_draft_verdict *before,
	   const struct bh_draft_verdict *after)
{
	bh_buf_printf(arg, "%s>%s:%u %s to %s by %s;", c->from.name, c->to.name,
		      c->service & 0xffff, bh_verdict_name(before->verdict),
		      bh_verdict_name(after->verdict), after->rule);
	return true;
}

static void
publish_nowhere(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

#define WORLD                                                                                      \
	"version: 1\n"                                                                             \
	"segments:\n"                                                                              \
	"  s2: {addresses: [10.0.0.2]}\n"                                                          \
	"  s3: {addresses: [10.0.0.3]}\n"                                                          \
	"rules:\n"

static void
a_draft_says_whom_it_would_change(void)
{
	static const char force[] = WORLD "  - {id: all, from: s2, to: s3, action: allow}\n";
	static const char draft[] =
		WORLD "  - {id: no-telnet, from: s2, to: s3, applications: telnet, action: deny}\n"
		      "  - {id: low, from: s2, to: s3, ports: tcp/1-100, action: allow}\n";
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish_nowhere};
	struct bh_whatif w = {.name = "draft",
			      .text = draft,
			      .len = strlen(draft),
			      .max_endpoints = 64,
			      .mode = BH_MODE_PROTECT};
	struct bh_whatif_counts n;
	struct bh_buf b = {0};
	struct bh_err err = {0};
	struct rig r;

	rig_enter(&r);
	rig_see(&r, 2, 3, 80, BH_APP_HTTP);
	rig_see(&r, 2, 3, 23, BH_APP_TELNET);
	rig_see(&r, 2, 3, 6379, BH_APP_REDIS);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&w.p, &params), 0);
	CU_ASSERT_EQUAL(bh_policy_load_text(w.p, "f", force, strlen(force), false, NULL, NULL), 0);
	CU_ASSERT_EQUAL(bh_learn_whatif(r.l, &w, put_change, &b, &n, &err), 0);
	CU_ASSERT_STRING_EQUAL(b.data != NULL ? b.data : "",
			       "s2>s3:23 allow to deny by no-telnet;s2>s3:6379 allow to deny by ;");
	CU_ASSERT_EQUAL(n.conversations, 3);
	CU_ASSERT_EQUAL(n.changed, 2);
	CU_ASSERT_EQUAL(n.unknown, 0);
	w.text = "version: 2\n";
	w.len = strlen(w.text);
	CU_ASSERT_EQUAL(bh_learn_whatif(r.l, &w, put_change, &b, &n, &err), -EINVAL);
	bh_buf_free(&b);
	bh_policy_destroy(w.p);
	rig_leave(&r);
}

/* ---- promotion --------------------------------------------------------------------------------------------- */

#define S BH_NS_PER_SEC

static const struct bh_promotion_params minute = {.quiet_ms = 60000,
						  .monitor_ms = 120000,
						  .upto = BH_MODE_PROTECT};

static struct bh_promotion
decide(const struct bh_promotion_params *p, struct bh_promotion_facts f)
{
	struct bh_promotion out;

	bh_learn_promotion(p, &f, &out);
	return out;
}

static void
quiet_counts_from_the_last_of_all_that_disturbs(void)
{
	struct bh_promotion_facts f = {.mode = BH_MODE_DISCOVER,
				       .times = {.learned = 3, .new_ns = 1000 * S},
				       .started_ns = 900 * S,
				       .now_ns = 1059 * S};
	struct bh_promotion p = decide(&minute, f);

	CU_ASSERT_EQUAL(p.to, BH_MODE_DISCOVER);
	CU_ASSERT_EQUAL(p.hold, BH_HOLD_QUIET);
	CU_ASSERT_EQUAL(p.left_ns, S);
	f.now_ns = 1060 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).to, BH_MODE_MONITOR);
	f.lost_ns = 1001 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_QUIET);
	f.lost_ns = 0;
	f.started_ns = 1001 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_QUIET);
	f.started_ns = 900 * S;
	f.since_ns = 1001 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_QUIET);
	f.since_ns = 0;
	f.times.violation_ns = 1001 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_VIOLATION);
}

static void
nobody_is_promoted_on_nothing_or_on_half(void)
{
	struct bh_promotion_facts f = {.mode = BH_MODE_DISCOVER, .now_ns = 5000 * S};

	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_NOTHING);
	f.times.learned = 1;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_NONE);
	f.times.full = true;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_NO_ROOM);
	CU_ASSERT_EQUAL(decide(&minute, f).to, BH_MODE_DISCOVER);
}

static void
monitor_ends_without_fresh_violations_only(void)
{
	struct bh_promotion_facts f = {.mode = BH_MODE_MONITOR,
				       .times = {.learned = 1, .violation_ns = 1100 * S},
				       .since_ns = 1000 * S,
				       .now_ns = 1121 * S};

	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_VIOLATION);
	f.times.violation_ns = 1000 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).to, BH_MODE_PROTECT);
	f.since_ns = 1050 * S;
	CU_ASSERT_EQUAL(decide(&minute, f).hold, BH_HOLD_QUIET);
}

static void
promotion_goes_as_far_as_it_may(void)
{
	struct bh_promotion_params p = minute;
	struct bh_promotion_facts f = {.mode = BH_MODE_DISCOVER,
				       .times = {.learned = 1},
				       .now_ns = 5000 * S};

	p.upto = BH_MODE_DISCOVER;
	CU_ASSERT_EQUAL(decide(&p, f).hold, BH_HOLD_OFF);
	p.upto = BH_MODE_MONITOR;
	CU_ASSERT_EQUAL(decide(&p, f).to, BH_MODE_MONITOR);
	f.mode = BH_MODE_MONITOR;
	CU_ASSERT_EQUAL(decide(&p, f).hold, BH_HOLD_DONE);
	f.mode = BH_MODE_DISCOVER;
	p.upto = BH_MODE_PROTECT;
	p.monitor_ms = 0;
	CU_ASSERT_EQUAL(decide(&p, f).to, BH_MODE_PROTECT);
	f.mode = BH_MODE_PROTECT;
	CU_ASSERT_EQUAL(decide(&p, f).hold, BH_HOLD_DONE);
}

const struct bh_unit_test bh_suite_learn_document[] = {
	BH_TEST(what_people_wrote_stays_byte_for_byte),
	BH_TEST(no_document_becomes_one_and_json_is_refused),
	BH_TEST(an_adopted_rule_moves_with_its_segments),
	BH_TEST(adopting_makes_the_blocks_that_are_not_there),
	BH_TEST(a_draft_says_whom_it_would_change),
	BH_TEST(quiet_counts_from_the_last_of_all_that_disturbs),
	BH_TEST(nobody_is_promoted_on_nothing_or_on_half),
	BH_TEST(monitor_ends_without_fresh_violations_only),
	BH_TEST(promotion_goes_as_far_as_it_may),
	BH_TEST_END,
};
