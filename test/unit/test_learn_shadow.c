/* learn: a draft beside traffic tells what it would have judged otherwise, and does nothing. */
#include "../../lib/learn/shadow.h"
#include "learn_rig.h"

static const char force[] = "version: 1\n"
			    "segments:\n"
			    "  web: {selector: app=web}\n"
			    "  db: {selector: app=db}\n"
			    "rules:\n"
			    "  - {id: web-db, from: web, to: db, action: allow}\n";
static const char draft[] =
	"version: 1\n"
	"segments:\n"
	"  web: {selector: app=web}\n"
	"  db: {selector: app=db}\n"
	"rules:\n"
	"  - {id: no-telnet, from: web, to: db, ports: tcp/23, action: deny}\n"
	"  - {id: web-redis, from: web, to: db, applications: redis, action: allow}\n";

struct scene {
	struct bh_policy *p;
	struct bh_shadow *s;
	struct bh_event_names names;
	struct bh_err err;
};

static void
publish_nothing(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

static const char *
name_segment(void *arg, uint32_t segment)
{
	return bh_policy_segment_name(((struct scene *)arg)->p, segment);
}

static const char *
name_rule(void *arg, uint32_t rule)
{
	return bh_policy_rule_name(((struct scene *)arg)->p, rule);
}

static void
own(struct scene *c, const char *address, const char *app)
{
	struct bh_label label = {"app", app};
	struct bh_endpoint_change change = {
		.op = app != NULL ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE,
		.endpoint = {.labels = &label, .n_labels = app != NULL, .source = BH_SOURCE_REST}};

	bh_prefix_parse(address, &change.endpoint.prefix, NULL);
	CU_ASSERT_EQUAL_FATAL(bh_policy_endpoints_apply(c->p, &change, 1, NULL, &c->err), 0);
}

static void
enter(struct scene *c)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish_nothing};

	memset(c, 0, sizeof(*c));
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&c->p, &params), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_load_text(c->p, "force", force, strlen(force), false, NULL,
						  &c->err),
			      0);
	c->names = (struct bh_event_names){.segment = name_segment,
					   .rule = name_rule,
					   .app = rig_app,
					   .arg = c};
	CU_ASSERT_EQUAL_FATAL(bh_shadow_create(&c->s, &c->names), 0);
	own(c, "10.0.0.1", "web");
	own(c, "10.0.0.2", "db");
}

static void
leave(struct scene *c)
{
	bh_shadow_destroy(c->s);
	bh_policy_destroy(c->p);
}

static int
begin(struct scene *c, const char *text, uint64_t ms)
{
	const struct bh_shadow_params params = {.name = "draft",
						.text = text,
						.len = strlen(text),
						.p = c->p,
						.max_endpoints = 64,
						.mode = BH_MODE_PROTECT,
						.for_ms = ms};

	return bh_shadow_start(c->s, &params, &c->err);
}

/* A connection of 10.0.0.FROM to 10.0.0.TO that ended, as the gateway judged it. */
static void
connection(struct scene *c, unsigned from, unsigned to, uint16_t port, unsigned app,
	   uint8_t verdict)
{
	const struct rig none = {.wall = 1000};
	struct bh_event e = rig_flow(&none, 0, 0, port, app);
	uint32_t id[2];

	CU_ASSERT_EQUAL(bh_policy_segment_id(c->p, "web", &id[0]), 0);
	CU_ASSERT_EQUAL(bh_policy_segment_id(c->p, "db", &id[1]), 0);
	memcpy(e.segment, id, sizeof(id));
	e.key.addr[0].b[3] = (uint8_t)from;
	e.key.addr[1].b[3] = (uint8_t)to;
	e.verdict = verdict;
	bh_shadow_events(c->s, &e, 1);
}

static bool
put(void *arg, const struct bh_shadow_difference *d)
{
	bh_buf_printf(arg, "%s>%s:%u %s %s>%s(%s) x%llu;", d->from, d->to, d->service & 0xffff,
		      d->app, bh_verdict_name(d->before), bh_verdict_name(d->after), d->rule[1],
		      (unsigned long long)d->connections);
	return true;
}

static void
differences_are(struct scene *c, uint64_t connections, const char *want)
{
	struct bh_shadow_state state;
	struct bh_buf b = {0};

	bh_shadow_each(c->s, &state, put, &b);
	CU_ASSERT_EQUAL(state.connections, connections);
	CU_ASSERT_STRING_EQUAL(b.data != NULL ? b.data : "", want);
	if (strcmp(b.data != NULL ? b.data : "", want) != 0)
		fprintf(stderr, "\n%s\n", b.data);
	bh_buf_free(&b);
}

static void
what_the_draft_judges_otherwise_is_told(void)
{
	struct scene c;

	enter(&c);
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW); /* nothing is on */
	CU_ASSERT_EQUAL(begin(&c, draft, 60000), 0);
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW);
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW);
	connection(&c, 1, 2, 6379, BH_APP_REDIS, BH_VERDICT_ALLOW);
	connection(&c, 1, 2, 6379, BH_APP_HTTP, BH_VERDICT_ALLOW);
	connection(&c, 1, 2, 6379, BH_APP_REDIS, BH_VERDICT_DENY);
	differences_are(
		&c, 5,
		"web>db:23 telnet allow>deny(no-telnet) x2;web>db:6379 http allow>deny() x1;"
		"web>db:6379 redis deny>allow(web-redis) x1;");
	/* Another one begins anew; one that does not load leaves it on. */
	CU_ASSERT_EQUAL(begin(&c, draft, 60000), 0);
	CU_ASSERT_EQUAL(begin(&c, "version: 1\nrules:\n- {from: x}\n", 60000), -EINVAL);
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW);
	differences_are(&c, 1, "web>db:23 telnet allow>deny(no-telnet) x1;");
	leave(&c);
}

/* Addresses change hands while it is on. */
static void
the_draft_knows_who_has_an_address_by_now(void)
{
	struct scene c;

	enter(&c);
	CU_ASSERT_EQUAL(begin(&c, draft, 60000), 0);
	own(&c, "10.0.0.3", "web");
	connection(&c, 3, 2, 6379, BH_APP_REDIS, BH_VERDICT_ALLOW);
	differences_are(&c, 1, "");
	own(&c, "10.0.0.3", "other");
	connection(&c, 3, 2, 6379, BH_APP_REDIS, BH_VERDICT_DENY);
	differences_are(&c, 2, "");
	own(&c, "10.0.0.3", NULL);
	connection(&c, 3, 2, 6379, BH_APP_REDIS, BH_VERDICT_DENY);
	own(&c, "10.0.0.2", NULL);
	connection(&c, 1, 2, 6379, BH_APP_REDIS, BH_VERDICT_DENY);
	differences_are(&c, 4, "");
	own(&c, "10.0.0.2", "db");
	connection(&c, 1, 2, 6379, BH_APP_REDIS, BH_VERDICT_ALLOW);
	differences_are(&c, 5, "");
	leave(&c);
}

static void
it_ends_when_told_and_in_time(void)
{
	struct bh_shadow_state state;
	struct scene c;

	enter(&c);
	CU_ASSERT_FALSE(bh_shadow_stop(c.s));
	CU_ASSERT_EQUAL(begin(&c, draft, 60000), 0);
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW);
	CU_ASSERT_TRUE(bh_shadow_stop(c.s));
	CU_ASSERT_FALSE(bh_shadow_stop(c.s));
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW);
	differences_are(&c, 1, "web>db:23 telnet allow>deny(no-telnet) x1;");
	/* Its time is over before anything happens. */
	CU_ASSERT_EQUAL(begin(&c, draft, 1), 0);
	usleep(5000);
	connection(&c, 1, 2, 23, BH_APP_TELNET, BH_VERDICT_ALLOW);
	bh_shadow_each(c.s, &state, NULL, NULL);
	CU_ASSERT_FALSE(state.on);
	CU_ASSERT_TRUE(state.started);
	CU_ASSERT_EQUAL(state.connections, 0);
	leave(&c);
}

static void
differences_are_bounded_and_what_found_no_room_is_counted(void)
{
	struct bh_shadow_state state;
	struct scene c;
	unsigned i;

	enter(&c);
	CU_ASSERT_EQUAL(begin(&c, draft, 600000), 0);
	for (i = 0; i < BH_SHADOW_MAX + 100; i++)
		connection(&c, 1, 2, (uint16_t)(1000 + i), 0, BH_VERDICT_ALLOW);
	connection(&c, 1, 2, 1000, 0, BH_VERDICT_ALLOW);
	bh_shadow_each(c.s, &state, NULL, NULL);
	CU_ASSERT_EQUAL(state.changed, BH_SHADOW_MAX + 101);
	CU_ASSERT_EQUAL(state.no_room, 100);
	leave(&c);
}

const struct bh_unit_test bh_suite_learn_shadow[] = {
	BH_TEST(what_the_draft_judges_otherwise_is_told),
	BH_TEST(the_draft_knows_who_has_an_address_by_now),
	BH_TEST(it_ends_when_told_and_in_time),
	BH_TEST(differences_are_bounded_and_what_found_no_room_is_counted),
	BH_TEST_END,
};
