/* Rules, actions, expiry, undo, restart; against the policy's own judgement and the audit log. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/policy/policy_hot.h"
#include "../../lib/response/response_priv.h"
#include "unit.h"

static const char document[] = "version: 1\n"
			       "endpoints:\n"
			       "  - {address: 10.0.0.1, labels: {app: web}}\n"
			       "  - {address: 10.0.0.2, labels: {app: gate}}\n"
			       "segments:\n"
			       "  web: {selector: app=web}\n"
			       "  gates: {selector: app=gate}\n"
			       "rules:\n"
			       "  - {from: any, to: any, action: allow}\n";

struct rig {
	char dir[64], store_path[128], rules_path[128];
	struct bh_policy *policy;
	struct bh_store *store;
	struct bh_response *r;
	struct bh_clock clock;
	uint64_t wall, mono;
	const struct bh_view *view;
	struct bh_buf records;
};

static uint64_t
rig_wall(void *arg)
{
	return ((struct rig *)arg)->wall;
}

static uint64_t
rig_mono(void *arg)
{
	return ((struct rig *)arg)->mono;
}

static void
publish(void *arg, const struct bh_view *view)
{
	((struct rig *)arg)->view = view;
}

static void
say(const struct bh_err *err)
{
	char text[800];

	bh_err_format(err, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
}

static void
begin(struct rig *t)
{
	struct bh_policy_params pp = {.max_endpoints = 64,
				      .mode = BH_MODE_PROTECT,
				      .publish = publish,
				      .arg = t};
	struct bh_store_params sp = {.path = t->store_path, .clock = &t->clock};
	struct bh_response_params rp = {.clock = &t->clock};
	struct bh_err err = {0};
	int rc;

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&pp.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&t->policy, &pp), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_load_text(t->policy, "p", document, strlen(document), false,
						  NULL, &err),
			      0);
	CU_ASSERT_EQUAL_FATAL(bh_store_open(&t->store, &sp, &err), 0);
	rp.policy = t->policy;
	rp.store = t->store;
	rp.rules = t->rules_path;
	rc = bh_response_open(&t->r, &rp, &err);
	if (rc != 0)
		say(&err);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void
end(struct rig *t)
{
	bh_response_close(t->r);
	bh_store_close(t->store);
	bh_policy_destroy(t->policy);
}

static void
rig_start(struct rig *t, const char *rules)
{
	FILE *f;

	memset(t, 0, sizeof(*t));
	t->wall = UINT64_C(1767323045000000000);
	t->mono = 1000 * BH_NS_PER_SEC;
	t->clock = (struct bh_clock){.wall_ns = rig_wall, .mono_ns = rig_mono, .arg = t};
	snprintf(t->dir, sizeof(t->dir), "/tmp/bh-response-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(t->dir));
	snprintf(t->store_path, sizeof(t->store_path), "%s/store.db", t->dir);
	snprintf(t->rules_path, sizeof(t->rules_path), "%s/rules.yaml", t->dir);
	f = fopen(t->rules_path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(rules, f);
	fclose(f);
	begin(t);
}

static void
rig_stop(struct rig *t)
{
	char path[160];

	end(t);
	bh_buf_free(&t->records);
	unlink(t->rules_path);
	unlink(t->store_path);
	snprintf(path, sizeof(path), "%s-wal", t->store_path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-journal", t->store_path);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(t->dir), 0);
}

static void
wait_ms(struct rig *t, uint64_t ms)
{
	t->wall += ms * BH_NS_PER_MS;
	t->mono += ms * BH_NS_PER_MS;
	bh_response_tick(t->r);
}

/* An event of a connection from 10.0.0.a to 10.0.0.b port 80. */
struct event {
	struct bh_event e;
	struct bh_event words[BH_EVENT_TEXT_SLOTS];
};

static void
event(struct event *out, enum bh_event_type type, unsigned a, unsigned b, const char *class_)
{
	struct bh_event_ring *ring;
	struct bh_event_text text;
	struct bh_event e = {.type = (uint8_t)type,
			     .mode = BH_MODE_PROTECT,
			     .severity = 1,
			     .has_flow = 1,
			     .flow_state = BH_STATE_ESTABLISHED,
			     .frame_kind = BH_FRAME_IP,
			     .segment = {UINT32_MAX, UINT32_MAX},
			     .key = {.family = BH_IP4, .proto = 6, .port = {1000, 80}}};

	memset(&text, 0, sizeof(text));
	memcpy(e.key.addr[0].b, (uint8_t[]){10, 0, 0, (uint8_t)a}, 4);
	memcpy(e.key.addr[1].b, (uint8_t[]){10, 0, 0, (uint8_t)b}, 4);
	bh_event_text_add(&text, BH_EVENT_SENSOR_KEY, class_, strlen(class_));
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&ring, 64), 0);
	CU_ASSERT_TRUE(bh_event_push_text(ring, &e, &text));
	memset(out, 0, sizeof(*out));
	CU_ASSERT_TRUE(bh_event_pop(ring, &out->e, 1 + BH_EVENT_TEXT_SLOTS) > 1);
	bh_event_ring_destroy(ring);
}

static unsigned
tell(struct rig *t, enum bh_event_type type, unsigned a, unsigned b, const char *class_)
{
	struct event x;

	event(&x, type, a, b, class_);
	x.e.time_ns = t->wall;
	return bh_response_event(t->r, &x.e);
}

static enum bh_reason
asked(struct rig *t, unsigned a, unsigned b, unsigned port)
{
	struct bh_flow_key key = {.family = BH_IP4, .proto = 6, .port = {1000, (uint16_t)port}};
	struct bh_judgement j;

	memcpy(key.addr[0].b, (uint8_t[]){10, 0, 0, (uint8_t)a}, 4);
	memcpy(key.addr[1].b, (uint8_t[]){10, 0, 0, (uint8_t)b}, 4);
	bh_policy_judge(t->view, &key, 0, (uint16_t)port, NULL, &j);
	return (enum bh_reason)j.reason;
}

/* How many lines of the records hold a text. */
static unsigned
recorded(struct rig *t, const char *text)
{
	const char *p;
	unsigned n = 0;

	bh_response_take_records(t->r, &t->records);
	for (p = t->records.data; p != NULL && (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

struct audit {
	const char *action, *actor;
	unsigned n;
};

static bool
count_audit(void *arg, const struct bh_audit *a)
{
	struct audit *x = arg;

	x->n += strcmp(a->action, x->action) == 0 &&
		(x->actor == NULL || strcmp(a->actor, x->actor) == 0);
	return true;
}

static unsigned
audited(struct rig *t, const char *action, const char *actor)
{
	struct audit x = {action, actor, 0};

	CU_ASSERT_EQUAL(bh_store_audits(t->store, 0, 1000, count_audit, &x, NULL), 0);
	return x.n;
}

static const char sqli[] = "never: [gates, 10.0.0.9]\n"
			   "rules:\n"
			   "  - id: sqli\n"
			   "    on: sensor\n"
			   "    class: [sqli, dlp.*]\n"
			   "    do:\n"
			   "      - {action: quarantine, for: 1m, allow: ['10.0.0.7:443']}\n"
			   "      - notify\n";

static void
finding_puts_its_source_in_quarantine_until_it_is_over(void)
{
	struct rig t;

	rig_start(&t, sqli);
	tell(&t, BH_EVENT_SENSOR, 1, 3, "xss");
	tell(&t, BH_EVENT_THREAT, 1, 3, "sqli");
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_RULE_ALLOW);
	tell(&t, BH_EVENT_SENSOR, 1, 3, "dlp.card");
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(asked(&t, 5, 1, 80), BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(asked(&t, 1, 7, 443), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(asked(&t, 3, 5, 80), BH_REASON_RULE_ALLOW);
	/* Another finding changes nothing: not even when it ends. */
	wait_ms(&t, 59000);
	tell(&t, BH_EVENT_SENSOR, 1, 3, "sqli");
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_QUARANTINED);
	wait_ms(&t, 1000);
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_RULE_ALLOW);
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	CU_ASSERT_EQUAL(audited(&t, "response.quarantine", "response:sqli"), 1);
	CU_ASSERT_EQUAL(audited(&t, "response.expire", "gateway"), 1);
	CU_ASSERT_EQUAL(recorded(&t, "\"action\":\"quarantine\",\"result\":\"done\""), 1);
	CU_ASSERT_EQUAL(recorded(&t, "\"result\":\"expired\""), 1);
	CU_ASSERT_EQUAL(recorded(&t, "\"action\":\"notify\""), 2);
	rig_stop(&t);
}

/* `application` reads a name as rules do: http is also what speaks HTTP/2. */
static void
application_is_all_that_its_name_stands_for(void)
{
	static const uint16_t apps[] = {BH_APP_HTTP, BH_APP_HTTP2, BH_APP_GRPC, BH_APP_TLS,
					BH_APP_REDIS};
	struct event x;
	struct rig t;
	unsigned i;

	rig_start(&t, "rules: [{id: a, on: sensor, application: http, do: [notify]}]\n");
	for (i = 0; i < BH_ARRAY_SIZE(apps); i++) {
		event(&x, BH_EVENT_SENSOR, 1, 3, "xss");
		x.e.app = apps[i];
		bh_response_event(t.r, &x.e);
	}
	CU_ASSERT_EQUAL(recorded(&t, "\"action\":\"notify\""), 3);
	rig_stop(&t);
}

static void
listed_ones_are_never_put_in_quarantine(void)
{
	struct bh_response_order o = {.what = {.kind = BH_RESTRICTION_QUARANTINE}, .by = "api:eve"};
	struct rig t;
	uint64_t id;

	rig_start(&t, sqli);
	tell(&t, BH_EVENT_SENSOR, 2, 3, "sqli");
	tell(&t, BH_EVENT_SENSOR, 9, 3, "sqli");
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	CU_ASSERT_EQUAL(recorded(&t, "\"result\":\"never\""), 2);
	/* Not by hand either, nor inside of a prefix. */
	CU_ASSERT_EQUAL(bh_restriction_end("10.0.0.2", &o.what.end[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_response_add(t.r, &o, &id, NULL), -EPERM);
	CU_ASSERT_EQUAL(bh_restriction_end("10.0.0.8/29", &o.what.end[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_response_add(t.r, &o, &id, NULL), -EPERM);
	CU_ASSERT_EQUAL(audited(&t, "response.quarantine", NULL), 0);
	rig_stop(&t);
}

static void
what_is_in_force_survives_a_restart_until_it_is_over(void)
{
	struct bh_response_order o = {.by = "api:eve", .why = "T-1", .for_ms = 120000};
	struct bh_restriction_path path;
	uint64_t id, other;
	struct rig t;

	rig_start(&t, sqli);
	tell(&t, BH_EVENT_SENSOR, 1, 3, "sqli"); /* for a minute */
	o.what = (struct bh_restriction){.kind = BH_RESTRICTION_QUARANTINE,
					 .n_paths = 1,
					 .path = &path};
	CU_ASSERT_EQUAL(bh_restriction_end("10.0.0.5", &o.what.end[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_restriction_path("web:tcp/22", &path, NULL), 0);
	CU_ASSERT_EQUAL(bh_response_add(t.r, &o, &id, NULL), 0);
	CU_ASSERT_EQUAL(bh_response_add(t.r, &o, &other, NULL), -EEXIST);
	CU_ASSERT_EQUAL(other, id);
	o.what = (struct bh_restriction){.kind = BH_RESTRICTION_BLOCK};
	CU_ASSERT_EQUAL(bh_restriction_end("web", &o.what.end[0], NULL), 0);
	CU_ASSERT_EQUAL(bh_restriction_service("81", &o.what.first, &o.what.last, NULL), 0);
	CU_ASSERT_EQUAL(bh_response_add(t.r, &o, &other, NULL), 0);
	end(&t);
	t.wall += 30 * BH_NS_PER_SEC;
	t.mono = 7; /* another boot */
	begin(&t);
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(asked(&t, 5, 3, 80), BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(asked(&t, 5, 1, 22), BH_REASON_QUARANTINED); /* 1 is in quarantine, too */
	wait_ms(&t, 30000);
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 81), BH_REASON_BLOCKED);
	CU_ASSERT_EQUAL(asked(&t, 5, 1, 22), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(asked(&t, 5, 3, 80), BH_REASON_QUARANTINED);
	/* Undone by hand: at once, and for good. */
	CU_ASSERT_EQUAL(bh_response_end(t.r, BH_RESTRICTION_QUARANTINE, id, "api:eve", "T-2", NULL),
			0);
	CU_ASSERT_EQUAL(bh_response_end(t.r, 0, id, "api:eve", "T-2", NULL), -ENOENT);
	CU_ASSERT_EQUAL(asked(&t, 5, 3, 80), BH_REASON_RULE_ALLOW);
	end(&t);
	/* Over while nobody was there. */
	t.wall += 60 * BH_NS_PER_SEC;
	begin(&t);
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 81), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(asked(&t, 5, 3, 80), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(audited(&t, "response.release", "api:eve"), 1);
	CU_ASSERT_EQUAL(audited(&t, "response.expire", "gateway"), 2);
	CU_ASSERT_EQUAL(audited(&t, "response.block", "api:eve"), 1);
	/* Numbers are not given twice. */
	CU_ASSERT_EQUAL(bh_response_add(t.r, &o, &id, NULL), 0);
	CU_ASSERT_TRUE(id > other);
	rig_stop(&t);
}

static void
counts_windows_and_limits_hold(void)
{
	static const char rules[] =
		"limit: 3\n"
		"rules:\n"
		"  - {id: five, on: [violation], count: 5, within: 10s, do: [{action: "
		"quarantine}]}\n"
		"  - {id: hush, on: threat, class: noise, do: [suppress, capture]}\n"
		"  - {id: cut, on: threat, class: bad, do: [cut, {action: block, for: 5s}]}\n";
	struct rig t;
	unsigned i;

	rig_start(&t, rules);
	for (i = 0; i < 4; i++)
		tell(&t, BH_EVENT_VIOLATION, 1, 3, "");
	wait_ms(&t, 10001);
	tell(&t, BH_EVENT_VIOLATION, 1, 3, "");
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_RULE_ALLOW);
	for (i = 0; i < 4; i++)
		tell(&t, BH_EVENT_VIOLATION, 1, 4 + i, "");
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(tell(&t, BH_EVENT_THREAT, 1, 3, "noise"),
			BH_RESPONSE_SUPPRESS | BH_RESPONSE_CAPTURE);
	CU_ASSERT_EQUAL(tell(&t, BH_EVENT_THREAT, 5, 6, "bad"), 0);
	CU_ASSERT_EQUAL(asked(&t, 5, 6, 80), BH_REASON_BLOCKED);
	CU_ASSERT_EQUAL(asked(&t, 6, 5, 80), BH_REASON_RULE_ALLOW);
	wait_ms(&t, 5000);
	CU_ASSERT_EQUAL(asked(&t, 5, 6, 80), BH_REASON_CUT);
	/* That were three in a minute. */
	tell(&t, BH_EVENT_THREAT, 7, 8, "bad");
	CU_ASSERT_EQUAL(asked(&t, 7, 8, 80), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(recorded(&t, "\"result\":\"limit\""), 2);
	wait_ms(&t, 60000);
	tell(&t, BH_EVENT_THREAT, 7, 8, "bad");
	CU_ASSERT_EQUAL(asked(&t, 7, 8, 80), BH_REASON_BLOCKED);
	rig_stop(&t);
}

static void
what_a_response_refuses_leads_to_no_other(void)
{
	static const char rules[] =
		"rules: [{id: all, on: [violation, sensor, threat], proven: false,"
		" do: [{action: quarantine}]}]\n";
	struct event x;
	struct rig t;

	rig_start(&t, rules);
	event(&x, BH_EVENT_VIOLATION, 1, 3, "");
	x.e.reason = BH_REASON_QUARANTINED;
	bh_response_event(t.r, &x.e);
	x.e.reason = BH_REASON_BLOCKED;
	bh_response_event(t.r, &x.e);
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	/* An address that only sends, and that is nobody's, may be forged; a known one is taken for itself. */
	x.e.reason = BH_REASON_DEFAULT_DENY;
	x.e.flow_state = BH_STATE_REFUSED;
	x.e.key.addr[0].b[3] = 77;
	bh_response_event(t.r, &x.e);
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	CU_ASSERT_EQUAL(recorded(&t, "\"result\":\"forged\""), 1);
	x.e.key.addr[0].b[3] = 1;
	/* In monitor it says what it would do. */
	x.e.mode = BH_MODE_MONITOR;
	bh_response_event(t.r, &x.e);
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	CU_ASSERT_EQUAL(recorded(&t, "\"result\":\"reported\""), 1);
	x.e.mode = BH_MODE_PROTECT;
	bh_response_event(t.r, &x.e);
	CU_ASSERT_EQUAL(asked(&t, 1, 3, 80), BH_REASON_QUARANTINED);
	rig_stop(&t);
}

static void
event_may_ask_for_a_quarantine_by_itself(void)
{
	struct event x;
	struct rig t;

	rig_start(&t, "quarantine: {for: 5s, allow: ['any:22']}\n");
	event(&x, BH_EVENT_SENSOR, 1, 3, "leak");
	bh_response_event(t.r, &x.e);
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	x.e.respond = BH_RESPOND_QUARANTINE_TARGET;
	bh_response_event(t.r, &x.e);
	CU_ASSERT_EQUAL(asked(&t, 3, 5, 80), BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(asked(&t, 5, 3, 22), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(asked(&t, 1, 5, 80), BH_REASON_RULE_ALLOW);
	CU_ASSERT_EQUAL(audited(&t, "response.quarantine", "sensor:leak"), 1);
	wait_ms(&t, 5000);
	CU_ASSERT_PTR_NULL(t.view->restrictions);
	rig_stop(&t);
}

static void
mistakes_are_named_with_their_place(void)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *say;
	} some[] = {
		{"rulez: []\n", 1, 1, "did you mean"},
		{"rules:\n  - {id: a, on: sensors, do: [cut]}\n", 2, 17, "sensor"},
		{"rules:\n  - {id: a, on: sensor}\n", 2, 5, "`do`"},
		{"rules:\n  - {on: sensor, do: [cut]}\n", 2, 5, "`id`"},
		{"rules:\n  - {id: a, on: sensor, do: [cutt]}\n", 2, 30, "cut"},
		{"rules:\n  - {id: a, on: sensor, count: 3, do: [cut]}\n", 2, 32, "within"},
		{"rules:\n  - {id: a, on: sensor, do: [cut, cut]}\n", 2, 35, "twice"},
		{"rules:\n  - id: a\n    on: sensor\n    do: [{action: quarantine, allow: "
		 "['web:x']}]\n",
		 4, 39, "service"},
		{"rules:\n  - id: a\n    on: sensor\n    do: [{action: quarantine, for: 31d}]\n", 4,
		 36, "30d"},
		{"rules:\n  - {id: a, on: sensor, do: [cut]}\n  - {id: a, on: sensor, do: [cut]}\n",
		 3, 10, "line 2"},
		{"never: [any]\n", 1, 9, "quarantines off"},
		{"limit: 0\n", 1, 8, "1"},
		{"rules:\n  - {id: a, on: sensor, class: 'a*b', do: [cut]}\n", 2, 32, "end only"},
		{"rules:\n  - {id: a, on: sensor, application: nope, do: [cut]}\n", 2, 38, "nope"},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(some); i++) {
		struct bh_err err = {0};

		CU_ASSERT_EQUAL(bh_response_check("r.yaml", some[i].text, strlen(some[i].text),
						  &err),
				-EINVAL);
		if (err.line != some[i].line || err.column != some[i].column ||
		    strstr(err.what, some[i].say) == NULL) {
			say(&err);
			CU_FAIL("not there, or not so");
		}
	}
}

const struct bh_unit_test bh_suite_response_action[] = {
	{"a finding puts its source in quarantine until it is over",
	 finding_puts_its_source_in_quarantine_until_it_is_over},
	{"an application is all that its name stands for",
	 application_is_all_that_its_name_stands_for},
	{"listed ones are never put in quarantine", listed_ones_are_never_put_in_quarantine},
	{"what is in force survives a restart until it is over",
	 what_is_in_force_survives_a_restart_until_it_is_over},
	{"counts, windows and limits hold", counts_windows_and_limits_hold},
	{"what a response refuses leads to no other", what_a_response_refuses_leads_to_no_other},
	{"an event may ask for a quarantine by itself", event_may_ask_for_a_quarantine_by_itself},
	{"mistakes are named with their place", mistakes_are_named_with_their_place},
	{NULL, NULL},
};
