/* gateway: sensors and signatures of users, over what is allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway_talk.h"

static const char policy[] =
	RIG_WEB_DB "rules:\n"
		   "  - {id: plain, from: web, to: db, ports: [tcp/80], action: allow}\n"
		   "  - {id: judged, from: web, to: db, ports: [tcp/82],\n"
		   "     applications: [{http: {methods: [GET, POST]}}], action: allow}\n";

static const char sensors[] = "sensors:\n"
			      "  - name: projects\n"
			      "    category: dlp.projects\n"
			      "    severity: high\n"
			      "    rules:\n"
			      "      - name: mars\n"
			      "        patterns:\n"
			      "          - {context: body, value: 'project-m[a-z]+s'}\n"
			      "          - {context: url, value: '/upload'}\n"
			      "attach:\n"
			      "  - {sensor: projects, segments: [db], side: server, action: ";

static const char anywhere[] = "attach:\n  - {sensor: local, action: alert}\n";
static const char rules[] =
	"drop http any any -> any any (msg:\"evil path\"; flow:to_server; http.uri; "
	"content:\"/evil/\"; sid:1000001; rev:1;)\n";

#define UPLOAD "POST /upload HTTP/1.1\r\nHost: db\r\nContent-Length: 12\r\n\r\nproject-mars"
#define OTHER "POST /other HTTP/1.1\r\nHost: db\r\nContent-Length: 12\r\n\r\nproject-mars"

static struct bh_inspect_engine *engine;

static void
sensing(struct bh_config *c, struct bh_gateway_params *p)
{
	c->n_sensor_files = 1;
	p->inspect = engine;
}

static void
take(struct rig *r, struct bh_signatures *s)
{
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_gateway_sense(r->g, r->policy, s, &err), 0);
	rig_run(r);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void
load_signatures(struct rig *r)
{
	char folder[] = "/tmp/bh-sensor-XXXXXX", path[2][64];
	const char *file[] = {path[0], path[1]};
	const struct bh_signature_params p = {.file = file, .n_files = 2};
	struct bh_signatures *s = NULL;
	struct bh_err err = {0};
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path[0], sizeof(path[0]), "%s/local.rules", folder);
	snprintf(path[1], sizeof(path[1]), "%s/attach.yaml", folder);
	write_file(path[0], rules);
	write_file(path[1], anywhere);
	rc = bh_signature_load(&p, &s, &err);
	remove(path[0]);
	remove(path[1]);
	rmdir(folder);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	take(r, s);
}

static void
short_of_budget(struct bh_config *c, struct bh_gateway_params *p)
{
	sensing(c, p);
	c->sensor_budget = 16;
}

static void
load(struct rig *r, const char *name, const char *text)
{
	const struct bh_signature_params none = {0};
	struct bh_signatures *s = NULL;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_signature_load_text(&none, name, text, strlen(text), &s, &err), 0);
	take(r, s);
}

static void
start_tuned(struct rig *r, unsigned mode, const char *action,
	    void (*tune)(struct bh_config *, struct bh_gateway_params *))
{
	char text[sizeof(sensors) + 32];
	struct bh_err err;

	if (engine == NULL)
		CU_ASSERT_EQUAL_FATAL(bh_inspect_engine_create(&engine, &err), 0);
	rig_start(r, &(struct rig_options){.mode = mode, .policy = policy, .tune = tune});
	snprintf(text, sizeof(text), "%s%s}\n", sensors, action);
	load(r, "sensors.yaml", text);
}

static void
start(struct rig *r, unsigned mode, const char *action)
{
	start_tuned(r, mode, action, sensing);
}

/* What can't be looked at is not let through where a hit would have ended it. */
static void
connection_that_the_budget_does_not_reach_is_refused(void)
{
	static const uint16_t ports[] = {80, 82};
	struct rig r;
	struct talk t;
	unsigned i;

	start_tuned(&r, BH_MODE_PROTECT, "deny", short_of_budget);
	for (i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(opens(&t, &r, 40000, ports[i]));
		CU_ASSERT_FALSE(says(&t, 0, OTHER));
		CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], i + 1);
		CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_STREAM_FULL], i + 1);
	}
	rig_stop(&r);
	start_tuned(&r, BH_MODE_PROTECT, "alert", short_of_budget);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, OTHER));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_INSPECT_FULL], 0);
	rig_stop(&r);
}

static void
hit_is_told_where_the_sensor_is_attached(void)
{
	const struct bh_event *e;
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT, "alert");
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, OTHER));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	CU_ASSERT_TRUE(says(&t, 0, UPLOAD));
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 1);
	e = rig_event(&r, BH_EVENT_SENSOR);
	CU_ASSERT_EQUAL(e->severity, 1);
	CU_ASSERT_EQUAL(e->verdict, BH_VERDICT_ALLOW);
	rig_stop(&r);
}

/* In three pieces: all patterns of a rule, across the message. */
static void
hit_that_denies_ends_the_connection_before_its_last_byte_arrives(void)
{
	static const uint16_t ports[] = {80, 82};
	struct rig r;
	struct talk t;
	unsigned i;

	start(&r, BH_MODE_PROTECT, "deny");
	for (i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(opens(&t, &r, 40000, ports[i]));
		CU_ASSERT_TRUE(says(&t, 0, OTHER));
		rig_clear(&r);
		CU_ASSERT_FALSE(says(&t, 0, "POST /upload HTTP/1.1\r\nHost: db\r\nContent-"));
		CU_ASSERT_FALSE(says(&t, 0, "Length: 12\r\n\r\nproject"));
		CU_ASSERT_FALSE(says(&t, 0, "-mars"));
		/* Its head was complete, and no hit yet. */
		CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 1);
		CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_DENY);
		CU_ASSERT_FALSE(says(&t, 0, GET));
	}
	rig_stop(&r);
	start(&r, BH_MODE_MONITOR, "deny");
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, UPLOAD));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_VIOLATE);
	rig_stop(&r);
}

static void
signature_says_itself_what_is_done(void)
{
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT, "alert");
	load_signatures(&r);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, UPLOAD)); /* the sensors before are gone */
	CU_ASSERT_EQUAL(rig_count_events(&r, BH_EVENT_SENSOR), 0);
	CU_ASSERT_FALSE(says(&t, 0, "GET /%65vil/ HTTP/1.1\r\nHost: db\r\n\r\n"));
	CU_ASSERT_EQUAL(rig_event(&r, BH_EVENT_SENSOR)->verdict, BH_VERDICT_DENY);
	rig_stop(&r);
}

/* on_reload: drain. What was open keeps its sensors, what opens takes the new ones; the old set goes with its last user. */
static void
open_connections_keep_their_sensors(void)
{
	struct rig r;
	struct talk old, fresh;

	start(&r, BH_MODE_PROTECT, "deny");
	CU_ASSERT_TRUE(opens(&old, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&old, 0, GET));
	load_signatures(&r);
	CU_ASSERT_TRUE(opens(&fresh, &r, 40001, 80));
	CU_ASSERT_TRUE(says(&fresh, 0, UPLOAD));
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL(bh_gateway_sensors_in_use(r.g), 2);
	CU_ASSERT_FALSE(says(&old, 0, UPLOAD));
	rig_run(&r);
	bh_gateway_control(r.g);
	CU_ASSERT_EQUAL(bh_gateway_sensors_in_use(r.g), 1);
	rig_stop(&r);
	bh_inspect_engine_destroy(engine);
	engine = NULL;
}

const struct bh_unit_test bh_suite_gateway_sensor[] = {
	BH_TEST(connection_that_the_budget_does_not_reach_is_refused),
	BH_TEST(hit_is_told_where_the_sensor_is_attached),
	BH_TEST(hit_that_denies_ends_the_connection_before_its_last_byte_arrives),
	BH_TEST(signature_says_itself_what_is_done),
	BH_TEST(open_connections_keep_their_sensors),
	BH_TEST_END,
};
