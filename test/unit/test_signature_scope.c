/* Attachments and exceptions: what is done about a hit between two ends. */
#include "signature_rig.h"

/* Segments a..f are 0..5. */
static bool
find(void *arg, const char *name, uint32_t *id)
{
	(void)arg;
	*id = (uint32_t)(name[0] - 'a');
	return name[1] == '\0' && name[0] >= 'a' && name[0] <= 'f';
}

static const struct bh_signature_segment segments = {find, NULL};

#define SENSORS                                                                                    \
	"sensors:\n"                                                                               \
	"- name: one\n"                                                                            \
	"  rules: [{name: x, patterns: [{value: x}]}, {name: y, action: reject, patterns: "        \
	"[{value: y}]}]\n"                                                                         \
	"- name: two\n"                                                                            \
	"  rules: [{name: x, patterns: [{value: x}]}]\n"

struct scoped {
	struct rig r;
	struct bh_signature_scope *scope;
	const struct bh_sensor_rule *one_x, *one_y, *two_x;
};

static void
scope(struct scoped *s, const char *text)
{
	char all[2048];

	snprintf(all, sizeof(all), SENSORS "%s", text);
	rig_must(&s->r, "a.yaml", all);
	s->one_x = s->r.s->model->sensors->rules;
	s->one_y = s->one_x->next;
	s->two_x = s->r.s->model->sensors->next->rules;
	CU_ASSERT_EQUAL_FATAL(bh_signature_scope_create(&s->scope, s->r.s, s->r.s->model, &segments,
							NULL),
			      0);
}

static void
scope_end(struct scoped *s)
{
	bh_signature_scope_destroy(s->scope);
	rig_free(&s->r);
}

/* "ab>c": the client is in a and b, the server in c. */
static enum bh_sensor_action
between(const struct scoped *s, const struct bh_sensor_rule *rule, unsigned class, const char *ends)
{
	uint32_t id[2][6];
	struct bh_signature_pair pair = {{id[0], 0}, {id[1], 0}};

	for (; *ends != '>'; ends++)
		id[0][pair.client.n++] = (uint32_t)(*ends - 'a');
	for (ends++; *ends != '\0'; ends++)
		id[1][pair.server.n++] = (uint32_t)(*ends - 'a');
	/* Attached is what has an action for some rule or class, exceptions aside. */
	if (bh_signature_action(s->scope, rule, class, &pair) != BH_SENSOR_DEFAULT)
		CU_ASSERT_TRUE(bh_signature_attached(s->scope, &pair));
	return bh_signature_action(s->scope, rule, class, &pair);
}

static void
first_attachment_that_holds_says_the_action(void)
{
	struct scoped s;

	scope(&s, "attach:\n"
		  "- {sensor: one, segments: [a, c], action: deny}\n"
		  "- {sensor: '*', segments: [b], action: alert}\n"
		  "- {sensor: dlp.card, segments: [d], action: quarantine}\n");
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>b"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>ce"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>d"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "a>b"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "a>c"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "d>e"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, ">"), BH_SENSOR_DEFAULT);
	/* What the rule says of itself, where it is attached. */
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "a>b"), BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "d>e"), BH_SENSOR_DEFAULT);
	/* Built-in ones. */
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_DLP_CARD, "d>e"), BH_SENSOR_QUARANTINE);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_SQLI, "d>e"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_SQLI, "b>e"), BH_SENSOR_ALERT);
	scope_end(&s);
}

static void
sides_and_peers_narrow_an_attachment(void)
{
	struct scoped s;

	scope(&s, "attach:\n"
		  "- {sensor: one, segments: [a], side: server, action: deny}\n"
		  "- {sensor: one, segments: [a], side: client, peers: [f], action: capture}\n"
		  "- {sensor: two, rules: [x], segments: [b], peers: [c]}\n");
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>a"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>b"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>f"), BH_SENSOR_CAPTURE);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>af"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "b>c"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "c>b"), BH_SENSOR_ALERT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "b>d"), BH_SENSOR_DEFAULT);
	scope_end(&s);
}

static void
exceptions_win_over_attachments(void)
{
	struct scoped s;

	scope(&s, "attach: [{sensor: '*', action: deny}]\n"
		  "exceptions:\n"
		  "- {sensor: one, rules: [x], segments: [a], side: client}\n"
		  "- {sensor: sqli, segments: [b]}\n"
		  "- {rules: [x], segments: [e]}\n"
		  "- {segments: [f]}\n");
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "a>b"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "b>a"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "a>b"), BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "a>b"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_SQLI, "a>b"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_XSS, "a>b"), BH_SENSOR_DENY);
	/* A rule's name without its sensor: in all of them, and of no built-in one. */
	CU_ASSERT_EQUAL(between(&s, s.one_x, 0, "e>d"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "e>d"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, s.one_y, 0, "e>d"), BH_SENSOR_REJECT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_XSS, "e>d"), BH_SENSOR_DENY);
	CU_ASSERT_EQUAL(between(&s, s.two_x, 0, "c>f"), BH_SENSOR_DEFAULT);
	CU_ASSERT_EQUAL(between(&s, NULL, BH_INSPECT_XSS, "f>c"), BH_SENSOR_DEFAULT);
	scope_end(&s);
}

static void
a_segment_that_is_not_there_is_told_by_place(void)
{
	struct bh_signature_scope *none;
	struct bh_err err = {0};
	char text[1400];
	struct rig r;

	rig_must(&r, "a.yaml", "attach:\n- {sensor: sqli, segments: [a, shop]}\n");
	CU_ASSERT_EQUAL(bh_signature_scope_create(&none, r.s, r.s->model, &segments, &err),
			-EINVAL);
	bh_err_format(&err, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "a.yaml:2:12: no segment of the policy is called 'shop'");
	rig_free(&r);
}

const struct bh_unit_test bh_suite_signature_scope[] = {
	BH_TEST(first_attachment_that_holds_says_the_action),
	BH_TEST(sides_and_peers_narrow_an_attachment), BH_TEST(exceptions_win_over_attachments),
	BH_TEST(a_segment_that_is_not_there_is_told_by_place), BH_TEST_END};
