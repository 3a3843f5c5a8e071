/* gateway: compiled-in classes attached between segments and to rules, as sensors of users are; exceptions; actions. */
#include "gateway_talk.h"

#define SQL "1'%20union%20select%20name,pass%20from%20users--%20x"
#define ASK(path, query) "GET " path "?" query " HTTP/1.1\r\nHost: db\r\nAccept: */*\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define CARD "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\ncard 4111 1111 1111 1111"

static const char policy[] =
	RIG_WEB_DB "  lab: {selector: app=lab}\n"
		   "rules:\n"
		   "  - {id: plain, from: web, to: db, ports: [tcp/80], action: allow}\n"
		   "  - {id: other, from: web, to: db, ports: [tcp/81], action: allow}\n";

static struct bh_inspect_engine *engine;

static void
files_only(struct bh_config *c, struct bh_gateway_params *p)
{
	c->n_sensor_files = 1;
	p->inspect = engine;
}

static void
alerts(struct bh_config *c, struct bh_gateway_params *p)
{
	files_only(c, p);
	c->inspect = BH_INSPECT_ALERT;
	c->inspect_action[BH_INSPECT_DLP_CARD] = BH_INSPECT_CAPTURE;
}

static void
little(struct bh_config *c, struct bh_gateway_params *p)
{
	files_only(c, p);
	c->inspect_flow_bytes = 100;
}

static void
attach(struct rig *r, const char *text)
{
	const struct bh_signature_params none = {0};
	struct bh_signatures *s = NULL;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_signature_load_text(&none, "attach.yaml", text, strlen(text), &s,
						     &err),
			      0);
	CU_ASSERT_EQUAL_FATAL(bh_gateway_sense(r->g, r->policy, s, &err), 0);
	rig_run(r);
}

static void
start(struct rig *r, void (*tune)(struct bh_config *, struct bh_gateway_params *), const char *text)
{
	struct bh_err err;

	if (engine == NULL)
		CU_ASSERT_EQUAL_FATAL(bh_inspect_engine_create(&engine, &err), 0);
	rig_start(r,
		  &(struct rig_options){.mode = BH_MODE_PROTECT, .policy = policy, .tune = tune});
	attach(r, text);
}

/* A new connection, one request. */
static bool
asks(struct rig *r, struct talk *t, uint16_t port, const char *text)
{
	static uint16_t sport = 40000;

	CU_ASSERT_TRUE(opens(t, r, sport++, port));
	rig_clear(r);
	return says(t, 0, text);
}

static void
class_is_looked_for_where_it_is_attached(void)
{
	struct rig r;
	struct talk t;

	start(&r, files_only,
	      "attach: [{sensor: sqli, segments: [db], side: server, action: deny}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "id=1")));
	CU_ASSERT_FALSE(asks(&r, &t, 80, ASK("/a", "id=" SQL)));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 1);
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_DENY);
	/* Another class is attached nowhere. */
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "f=../../../../etc/passwd")));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	/* The same segment as client; a segment that neither is in: nothing is looked at. */
	attach(&r, "attach: [{sensor: sqli, segments: [db], side: client, action: deny}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "id=" SQL)));
	attach(&r, "attach: [{sensor: sqli, segments: [lab], action: deny}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "id=" SQL)));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	rig_stop(&r);
}

static void
class_may_be_attached_to_a_rule(void)
{
	struct rig r;
	struct talk t;

	start(&r, files_only, "attach: [{sensor: sqli, allowed_by: [other], action: reject}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "id=" SQL)));
	CU_ASSERT_FALSE(asks(&r, &t, 81, ASK("/a", "id=" SQL)));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_REJECT);
	rig_stop(&r);
}

/* inspect.sensors says what is done where no attachment does. */
static void
attachments_go_before_the_configuration(void)
{
	struct rig r;
	struct talk t;

	start(&r, alerts,
	      "attach: [{sensor: sqli, segments: [db], allowed_by: [other], action: deny}]\n"
	      "exceptions: [{sensor: traversal, segments: [web]}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "id=" SQL)));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_FALSE(asks(&r, &t, 81, ASK("/a", "id=" SQL)));
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "f=../../../../etc/passwd")));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	rig_stop(&r);
}

static bool
asks_for(const struct bh_event *e, const char *action)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field == BH_EVENT_SENSOR_ACTION)
			return len == strlen(action) && memcmp(at, action, len) == 0;
	}
	return false;
}

static void
capture_asks_for_packets_and_quarantine_ends(void)
{
	const struct bh_event *e;
	struct rig r;
	struct talk t;

	start(&r, alerts, "attach: [{sensor: sqli, action: quarantine}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "id=1")));
	CU_ASSERT_TRUE(says(&t, 1, CARD));
	e = rig_event(&r, BH_EVENT_SENSOR);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_ALLOW);
	CU_ASSERT_TRUE(asks_for(e, "capture"));
	CU_ASSERT_EQUAL(e->sensor_message, 0);
	CU_ASSERT_EQUAL(e->sensor_offset, 5);
	CU_ASSERT_FALSE(asks(&r, &t, 80, ASK("/a", "id=" SQL)));
	e = rig_event(&r, BH_EVENT_SENSOR);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_DENY);
	CU_ASSERT_TRUE(asks_for(e, "quarantine"));
	CU_ASSERT_EQUAL(e->respond, BH_RESPOND_QUARANTINE);
	CU_ASSERT_FALSE(says(&t, 0, GET));
	rig_stop(&r);
}

/* Excepted is what was meant, and nothing beside it in the same message, or behind it. */
static void
exceptions_of_paths_and_places_silence_those_alone(void)
{
	struct rig r;
	struct talk t;

	start(&r, files_only,
	      "attach: [{sensor: '*', segments: [db], action: deny}]\n"
	      "exceptions:\n"
	      "  - {sensor: sqli, paths: ['/query/*'], segments: [db]}\n"
	      "  - {sensor: sqli, where: [argument sql]}\n"
	      "  - {sensor: dlp.card, paths: [/cards]}\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/query/a", "id=" SQL)));
	CU_ASSERT_TRUE(says(&t, 1, OK));
	CU_ASSERT_FALSE(says(&t, 0, ASK("/a", "id=" SQL)));
	CU_ASSERT_FALSE(asks(&r, &t, 80, ASK("/query/../a", "id=" SQL)));
	CU_ASSERT_FALSE(asks(&r, &t, 80, ASK("/query%2f..%2fa", "id=" SQL)));
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/a", "sql=" SQL)));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	CU_ASSERT_FALSE(asks(&r, &t, 80, ASK("/a", "sql=" SQL "&id=" SQL)));
	/* Of an answer: by what was asked, interim responses left out. */
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/cards", "a=1")));
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 103 Early Hints\r\n\r\n"));
	CU_ASSERT_TRUE(says(&t, 1, CARD));
	CU_ASSERT_TRUE(says(&t, 0, ASK("/other", "a=1")));
	CU_ASSERT_FALSE(says(&t, 1, CARD));
	rig_stop(&r);
}

/* Each request is of less than 50 bytes. */
static void
connection_that_is_over_its_bytes_is_refused_where_a_finding_ends_it(void)
{
	struct rig r;
	struct talk t;

	start(&r, little,
	      "attach: [{sensor: sqli, allowed_by: [plain], action: deny},\n"
	      "         {sensor: sqli, action: alert}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, GET));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 0);
	CU_ASSERT_FALSE(says(&t, 0, GET));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 1);
	CU_ASSERT_TRUE(asks(&r, &t, 81, GET));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	CU_ASSERT_TRUE(says(&t, 0, ASK("/a", "id=" SQL)));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 1);
	CU_ASSERT_EQUAL(r.c.apps_unasked, 2);
	rig_stop(&r);
}

static void
sensors_of_users_have_the_same_exceptions(void)
{
	struct rig r;
	struct talk t;

	start(&r, files_only,
	      "sensors:\n"
	      "  - {name: own, rules: [{name: r, patterns: [{value: forbidden, context: body}]},\n"
	      "                        {name: u, patterns: [{value: forbidden, context: url}]}]}\n"
	      "attach: [{sensor: own, action: deny}]\n"
	      "exceptions: [{sensor: own, paths: [/free]}, {sensor: own, where: [url]}]\n");
	CU_ASSERT_TRUE(asks(&r, &t, 80, ASK("/free", "a=1")));
	CU_ASSERT_TRUE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforbidden"));
	CU_ASSERT_TRUE(says(&t, 0, ASK("/held", "a=forbidden")));
	CU_ASSERT_FALSE(says(&t, 1, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforbidden"));
	rig_stop(&r);
	bh_inspect_engine_destroy(engine);
	engine = NULL;
}

const struct bh_unit_test bh_suite_gateway_attach[] = {
	BH_TEST(class_is_looked_for_where_it_is_attached),
	BH_TEST(class_may_be_attached_to_a_rule),
	BH_TEST(attachments_go_before_the_configuration),
	BH_TEST(capture_asks_for_packets_and_quarantine_ends),
	BH_TEST(exceptions_of_paths_and_places_silence_those_alone),
	BH_TEST(connection_that_is_over_its_bytes_is_refused_where_a_finding_ends_it),
	BH_TEST(sensors_of_users_have_the_same_exceptions),
	BH_TEST_END,
};
