/* Files of generated rules, in the manner of public sets, against a plain account of what each must become. */
#include "signature_rig.h"

#define RULES 3000

static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* What a pattern must become. */
struct want_pattern {
	uint8_t kind, context;
	uint16_t flags;
	char text[64];
	size_t len;
};

struct want {
	bool loaded;
	uint8_t severity, action, direction;
	unsigned n_bits, n_references;
	struct want_pattern pattern[8];
	unsigned n_patterns;
	unsigned notes; /* options that are told */
};

struct generator {
	uint64_t seed;
	struct bh_buf out;
	struct want want[RULES];
};

static unsigned
pick(struct generator *g, unsigned n)
{
	return (unsigned)(next(&g->seed) >> 33) % n;
}

static const struct {
	const char *name;
	uint8_t context, direction;
} buffers[] = {
	{"http.uri", BH_SENSOR_HTTP_URI, BH_SENSOR_TO_SERVER},
	{"http.user_agent", BH_SENSOR_HTTP_USER_AGENT, BH_SENSOR_TO_SERVER},
	{"http.request_body", BH_SENSOR_HTTP_REQUEST_BODY, BH_SENSOR_TO_SERVER},
	{"http.response_body", BH_SENSOR_HTTP_RESPONSE_BODY, BH_SENSOR_TO_CLIENT},
	{"file.data", BH_SENSOR_FILE_DATA, BH_SENSOR_BOTH},
	{"dns.query", BH_SENSOR_DNS_QUERY, BH_SENSOR_TO_SERVER},
	{"tls.sni", BH_SENSOR_TLS_SNI, BH_SENSOR_TO_SERVER},
};

/* A content of any bytes, written in a mixture of ways. */
static void
content(struct generator *g, struct want *w, uint8_t context)
{
	struct want_pattern *p = &w->pattern[w->n_patterns++];
	unsigned n = 1 + pick(g, 12), i;

	*p = (struct want_pattern){.kind = BH_SENSOR_LITERAL, .context = context, .len = n};
	bh_buf_str(&g->out, "content:");
	if (w->n_patterns > 1 && pick(g, 6) == 0) {
		p->flags |= BH_SENSOR_NEGATED;
		bh_buf_str(&g->out, "!");
	}
	bh_buf_str(&g->out, "\"");
	for (i = 0; i < n; i++) {
		uint8_t c = pick(g, 3) != 0 ? (uint8_t)(32 + pick(g, 95)) : (uint8_t)pick(g, 256);

		p->text[i] = (char)c;
		if (c < 32 || c > 126 || c == '|' || pick(g, 9) == 0)
			bh_buf_printf(&g->out, pick(g, 2) ? "|%02x|" : "|%02X |", c);
		else if (strchr(":;\\\"", c) != NULL)
			bh_buf_printf(&g->out, "\\%c", c);
		else
			bh_buf_printf(&g->out, "%c", c);
	}
	bh_buf_str(&g->out, "\"; ");
	if (pick(g, 2)) {
		p->flags |= BH_SENSOR_NOCASE;
		bh_buf_str(&g->out, "nocase; ");
	}
	if (pick(g, 5) == 0) {
		p->flags |= BH_SENSOR_FAST;
		bh_buf_str(&g->out, "fast_pattern; ");
	}
	if (pick(g, 4) == 0) {
		p->flags |= BH_SENSOR_DEPTH;
		bh_buf_printf(&g->out, "depth:%u; ", n + pick(g, 50));
	}
}

static void
expression(struct generator *g, struct want *w, uint8_t context)
{
	static const char *const texts[] = {"^GET\\s+\\/[a-z]{3,9}", "(?:cmd|exec)=\\w+\\;",
					    "[A-F0-9]{32}", "\\x2e\\x2e[\\/\\\\]+etc"};
	struct want_pattern *p = &w->pattern[w->n_patterns++];
	unsigned text = pick(g, 4);

	*p = (struct want_pattern){.kind = BH_SENSOR_REGEX, .context = context};
	p->len = (size_t)snprintf(p->text, sizeof(p->text), "%s", texts[text]);
	if (pick(g, 2))
		p->flags |= BH_SENSOR_NOCASE;
	if (pick(g, 2))
		p->flags |= BH_SENSOR_DOTALL;
	bh_buf_printf(&g->out, "pcre:\"/%s/%s%s\"; ", texts[text],
		      p->flags & BH_SENSOR_NOCASE ? "i" : "",
		      p->flags & BH_SENSOR_DOTALL ? "s" : "");
}

static void
body(struct generator *g, struct want *w)
{
	unsigned n = 1 + pick(g, 4), i, b = pick(g, BH_ARRAY_SIZE(buffers));
	uint8_t context = BH_SENSOR_PACKET;

	if (pick(g, 3) != 0) {
		context = buffers[b].context;
		w->direction = buffers[b].direction;
		bh_buf_printf(&g->out, "%s; ", buffers[b].name);
	}
	for (i = 0; i < n; i++) {
		if (pick(g, 4) == 0)
			expression(g, w, context);
		else
			content(g, w, context);
	}
}

/* Options of which each rule has some; and now and then one that leaves it out. */
static void
rest(struct generator *g, struct want *w)
{
	static const char *const refused[] = {"byte_test:2,>,100,0,relative; ", "lua:detect.lua; ",
					      "xbits:set,seen,track ip_src; ", "ttl:64; "};
	unsigned i;

	for (i = pick(g, 3); i > 0; i--) {
		bh_buf_printf(&g->out, "reference:cve,2026-%04u; ", pick(g, 9999));
		w->n_references++;
	}
	if (pick(g, 4) == 0) {
		bh_buf_printf(&g->out, "flowbits:%s,bit.%u; ", pick(g, 2) ? "set" : "isset",
			      pick(g, 30));
		w->n_bits++;
	}
	w->severity = 2;
	if (pick(g, 2)) {
		w->severity = (uint8_t)(1 + pick(g, 3));
		bh_buf_printf(&g->out, "classtype:%s; ",
			      w->severity == 1   ? "trojan-activity"
			      : w->severity == 2 ? "bad-unknown"
						 : "misc-activity");
	}
	for (i = 0; i < 2; i++) {
		if (pick(g, 12) != 0)
			continue;
		bh_buf_str(&g->out, refused[pick(g, 4)]);
		w->loaded = false;
		w->notes++;
	}
}

static void
generate(struct generator *g, unsigned n)
{
	static const char *const actions[] = {"alert", "drop", "reject"};
	static const uint8_t becomes[] = {BH_SENSOR_DEFAULT, BH_SENSOR_DENY, BH_SENSOR_REJECT};
	unsigned i, action;

	for (i = 0; i < n; i++) {
		struct want *w = &g->want[i];

		*w = (struct want){.loaded = true};
		action = pick(g, 3);
		w->action = becomes[action];
		bh_buf_printf(&g->out,
			      "%s ip $EXTERNAL_NET any -> $HOME_NET any (msg:\"rule %u\"; ",
			      actions[action], i + 1);
		body(g, w);
		rest(g, w);
		bh_buf_printf(&g->out, "sid:%u; rev:1;)\n%s", i + 1,
			      pick(g, 10) == 0 ? "\n# a comment\n" : "");
	}
}

static void
compare_patterns(const struct bh_sensor_rule *rule, const struct want *w)
{
	const struct bh_sensor_pattern *p = rule->patterns;
	unsigned i;

	for (i = 0; i < w->n_patterns; i++, p = p->next) {
		const struct want_pattern *want = &w->pattern[i];

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT_EQUAL(p->kind, want->kind);
		CU_ASSERT_EQUAL(p->context, want->context);
		CU_ASSERT_EQUAL(p->flags, want->flags);
		CU_ASSERT_EQUAL_FATAL(p->len, want->len);
		CU_ASSERT_EQUAL(memcmp(p->text, want->text, p->len), 0);
	}
	CU_ASSERT_PTR_NULL(p);
}

static unsigned
length_of_bits(const struct bh_sensor_rule *rule)
{
	const struct bh_sensor_bit *b;
	unsigned n = 0;

	for (b = rule->bits; b != NULL; b = b->next)
		n++;
	return n;
}

static unsigned
length_of_references(const struct bh_sensor_rule *rule)
{
	const struct bh_sensor_reference *f;
	unsigned n = 0;

	for (f = rule->references; f != NULL; f = f->next)
		n++;
	return n;
}

static unsigned
notes_of(const struct rig *r, uint32_t sid)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < r->s->report.n_notes; i++)
		n += r->s->report.note[i].sid == sid;
	return n;
}

static void
generated_rules_become_what_was_generated(void)
{
	struct generator *g = calloc(1, sizeof(*g));
	const struct bh_sensor_rule *rule;
	unsigned i, loaded = 0;
	struct rig r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	g->seed = UINT64_C(0x9e3779b97f4a7c15);
	generate(g, RULES);
	CU_ASSERT_FALSE_FATAL(g->out.failed);
	rig_must(&r, "generated.rules", g->out.data);
	rule = r.s->model->sensors->rules;
	for (i = 0; i < RULES; i++) {
		const struct want *w = &g->want[i];

		CU_ASSERT_EQUAL(notes_of(&r, i + 1), w->notes);
		if (!w->loaded)
			continue;
		loaded++;
		CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
		CU_ASSERT_EQUAL_FATAL(rule->sid, i + 1);
		CU_ASSERT_EQUAL(rule->action, w->action);
		CU_ASSERT_EQUAL(rule->severity, w->severity);
		CU_ASSERT_EQUAL(rule->direction, w->direction);
		CU_ASSERT_EQUAL(length_of_bits(rule), w->n_bits);
		CU_ASSERT_EQUAL(length_of_references(rule), w->n_references);
		compare_patterns(rule, w);
		rule = rule->next;
	}
	CU_ASSERT_PTR_NULL(rule);
	CU_ASSERT_EQUAL(r.s->report.file[0].rules, loaded);
	CU_ASSERT_EQUAL(r.s->report.file[0].left_out, RULES - loaded);
	CU_ASSERT(loaded > RULES / 2 && loaded < RULES);
	rig_free(&r);
	bh_buf_free(&g->out);
	free(g);
}

static void
what_is_loaded_compiles_as_a_whole(void)
{
	struct generator *g = calloc(1, sizeof(*g));
	struct bh_sensor_set_info info;
	struct bh_sensor_set *set;
	struct rig r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	g->seed = 2026;
	generate(g, 100);
	rig_must(&r, "generated.rules", g->out.data);
	CU_ASSERT_EQUAL_FATAL(bh_sensor_compile(r.s->model, NULL, &set, &r.err), 0);
	r.s->model = NULL;
	bh_sensor_set_info(set, &info);
	CU_ASSERT_EQUAL(info.rules, r.s->report.file[0].rules);
	bh_sensor_set_destroy(set);
	rig_free(&r);
	bh_buf_free(&g->out);
	free(g);
}

const struct bh_unit_test bh_suite_signature_random[] = {
	BH_TEST(generated_rules_become_what_was_generated),
	BH_TEST(what_is_loaded_compiles_as_a_whole), BH_TEST_END};
