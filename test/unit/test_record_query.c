/* record: what queries find, compared with a plain list. */
#include "test_record_rig.h"

#define EVENTS 30000 /* more than one window */
#define QUERIES 150

static const char *const kinds[] = {"violation", "sensor", "flow", "drop"};
static const char *const segments[] = {"web", "db", "cache", ""};
static const char *const rules[] = {"r1", "r2", "", ""};
static const char *const verdicts[] = {"allow", "deny", "reject", "violate"};
static const char *const addresses[] = {"10.0.0.1",    "10.0.1.2",      "10.1.0.3",
					"2001:db8::1", "2001:db8:1::2", ""};

struct said {
	uint64_t time_ns;
	unsigned kind, src, dst, rule, verdict, from, to, severity;
};

struct world {
	struct rig rig;
	struct said *said;
	uint64_t seed;
};

static unsigned
roll(struct world *w, unsigned n)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(w->seed >> 33) % n;
}

static void
say(struct world *w, unsigned i)
{
	struct said *s = &w->said[i];
	char when[32], line[512];

	*s = (struct said){RIG_START + i * UINT64_C(20000000) + roll(w, 1000) * 1000000u,
			   roll(w, 4),
			   roll(w, 4),
			   roll(w, 4),
			   roll(w, 4),
			   roll(w, 4),
			   roll(w, 6),
			   roll(w, 6),
			   roll(w, 4)};
	bh_time_format(s->time_ns, when, sizeof(when));
	snprintf(
		line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"%s\",\"src_ip\":\"%s\",\"dest_ip\":\"%s\","
		"\"alert\":{\"severity\":%u},\"bulkhead\":{\"kind\":\"%s\",\"src_segment\":\"%s\","
		"\"dst_segment\":\"%s\",\"rule_id\":\"%s\",\"verdict\":\"%s\",\"mode\":\"protect\","
		"\"n\":%u}}",
		when, s->kind < 2 ? "alert" : kinds[s->kind], addresses[s->from], addresses[s->to],
		s->severity, s->kind < 2 ? kinds[s->kind] : "", segments[s->src], segments[s->dst],
		rules[s->rule], verdicts[s->verdict], i);
	bh_record_line(w->rig.r, line, strlen(line));
}

static void
enter(struct world *w)
{
	unsigned i;

	rig_enter(&w->rig, NULL);
	w->seed = 20261122;
	w->said = calloc(EVENTS, sizeof(*w->said));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->said);
	for (i = 0; i < EVENTS; i++)
		say(w, i);
	bh_record_flush(w->rig.r);
}

static void
leave(struct world *w)
{
	rig_leave(&w->rig);
	free(w->said);
}

/* ---- the model -------------------------------------------------------------------------------------- */

/* Which of `addresses` a prefix holds, written down by hand. */
static const struct {
	const char *text;
	unsigned holds; /* bits */
} prefixes[] = {
	{"10.0.0.0/16", 1u << 0 | 1u << 1},
	{"10.0.0.0/8", 7},
	{"10.1.0.3", 4},
	{"2001:db8::/48", 8},
	{"2001:db8::/32", 8 | 16},
	{"0.0.0.0/0", 7},
	{"::/0", 8 | 16},
	{"10.0.0.2", 0},
};

struct asked {
	struct bh_record_filter f;
	int from, to, either; /* prefixes, or -1 */
};

static bool
word(const char *asked, const char *is)
{
	return asked == NULL || strcmp(asked, is) == 0;
}

static bool
holds(int prefix, unsigned address)
{
	return prefix < 0 || (prefixes[prefix].holds >> address & 1) != 0;
}

static bool
fits(const struct asked *a, const struct said *s)
{
	const struct bh_record_filter *f = &a->f;
	bool dropped = s->kind == 3 || s->verdict == 1 || s->verdict == 2;
	uint64_t t = s->time_ns / 1000 * 1000;

	return t >= f->since_ns && (f->until_ns == 0 || t <= f->until_ns) &&
	       (word(f->kind, kinds[s->kind]) || (strcmp(f->kind, "alert") == 0 && s->kind < 2)) &&
	       word(f->from.segment, segments[s->src]) && word(f->to.segment, segments[s->dst]) &&
	       (word(f->segment, segments[s->src]) || word(f->segment, segments[s->dst])) &&
	       holds(a->from, s->from) && holds(a->to, s->to) &&
	       (holds(a->either, s->from) || holds(a->either, s->to)) &&
	       word(f->rule, rules[s->rule]) &&
	       (f->verdict != NULL && strcmp(f->verdict, "drop") == 0
			? dropped
			: word(f->verdict, verdicts[s->verdict])) &&
	       (f->severity == 0 || (s->severity >= 1 && s->severity <= f->severity));
}

static int
some_prefix(struct world *w, struct bh_prefix *out)
{
	int i = (int)roll(w, 3 * BH_ARRAY_SIZE(prefixes)) - 2 * (int)BH_ARRAY_SIZE(prefixes);

	if (i < 0)
		return -1;
	CU_ASSERT_EQUAL(bh_prefix_parse(prefixes[i].text, out, NULL), 0);
	return i;
}

static struct asked
some_question(struct world *w)
{
	static const char *const v[] = {"drop", "allow", "deny", "reject", "violate"};
	struct asked a = {0};

	if (roll(w, 2) == 0)
		a.f.since_ns = RIG_START + roll(w, EVENTS) * UINT64_C(20000000);
	if (roll(w, 3) == 0)
		a.f.until_ns = RIG_START + roll(w, EVENTS) * UINT64_C(20000000);
	if (roll(w, 3) == 0)
		a.f.kind = roll(w, 4) == 0 ? "alert" : kinds[roll(w, 4)];
	if (roll(w, 4) == 0)
		a.f.from.segment = segments[roll(w, 3)];
	if (roll(w, 4) == 0)
		a.f.to.segment = segments[roll(w, 3)];
	if (roll(w, 4) == 0)
		a.f.segment = segments[roll(w, 3)];
	if (roll(w, 4) == 0)
		a.f.rule = rules[roll(w, 2)];
	if (roll(w, 3) == 0)
		a.f.verdict = v[roll(w, 5)];
	if (roll(w, 4) == 0)
		a.f.severity = 1 + roll(w, 3);
	a.from = some_prefix(w, &a.f.from.address);
	a.to = some_prefix(w, &a.f.to.address);
	a.either = some_prefix(w, &a.f.address);
	return a;
}

/* ---- comparing -------------------------------------------------------------------------------------- */

struct found {
	const struct world *w;
	const struct asked *a;
	bool oldest_first, wrong;
	uint64_t at; /* next number of the list to be looked at */
	unsigned n;
};

/* Moves through the list until the next that fits: it must be this one. */
static bool
compare(void *arg, uint64_t id, const char *line, size_t len)
{
	struct found *f = arg;
	char tail[32];

	while (f->at >= 1 && f->at <= EVENTS && !fits(f->a, &f->w->said[f->at - 1]))
		f->at += f->oldest_first ? 1u : UINT64_MAX;
	snprintf(tail, sizeof(tail), "\"n\":%llu}}", (unsigned long long)id - 1);
	f->wrong |=
		id != f->at || len < strlen(tail) || strcmp(line + len - strlen(tail), tail) != 0;
	f->at += f->oldest_first ? 1u : UINT64_MAX;
	f->n++;
	return true;
}

static void
ask(struct world *w, const struct asked *a, bool oldest_first)
{
	struct found f = {.w = w, .a = a, .oldest_first = oldest_first};
	struct bh_record_query q = {.filter = a->f, .oldest_first = oldest_first};
	uint64_t reached;
	unsigned pages = 0;

	f.at = oldest_first ? 1 : EVENTS;
	q.max = 1 + roll(w, 3000);
	do {
		q.budget_ns = roll(w, 2); /* 1: one window a page */
		CU_ASSERT_EQUAL_FATAL(bh_record_query(w->rig.r, &q, compare, &f, &reached, NULL),
				      0);
		if (oldest_first)
			q.after = reached;
		else
			q.before = reached;
	} while (reached != 0 && ++pages < EVENTS);
	while (f.at >= 1 && f.at <= EVENTS) {
		f.wrong |= fits(a, &w->said[f.at - 1]);
		f.at += oldest_first ? 1u : UINT64_MAX;
	}
	CU_ASSERT(!f.wrong);
}

static void
queries_find_what_a_plain_list_holds(void)
{
	struct world w;
	struct asked all = {.from = -1, .to = -1, .either = -1};
	unsigned i;

	enter(&w);
	ask(&w, &all, false);
	ask(&w, &all, true);
	for (i = 0; i < QUERIES; i++) {
		struct asked a = some_question(&w);

		ask(&w, &a, i % 2 == 0);
	}
	leave(&w);
}

static void
an_event_is_found_by_its_number(void)
{
	struct world w;
	unsigned n = 0;

	enter(&w);
	CU_ASSERT_EQUAL(bh_record_get(w.rig.r, 1, rig_count, &n, NULL), 0);
	CU_ASSERT_EQUAL(bh_record_get(w.rig.r, EVENTS, rig_count, &n, NULL), 0);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(bh_record_get(w.rig.r, 0, rig_count, &n, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_record_get(w.rig.r, EVENTS + 1, rig_count, &n, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_record_get(w.rig.r, UINT64_MAX, rig_count, &n, NULL), -ENOENT);
	leave(&w);
}

static void
an_empty_store_answers(void)
{
	const struct bh_record_query q = {.max = 10};
	uint64_t reached = 7;
	unsigned n = 0;
	struct rig g;

	rig_enter(&g, NULL);
	CU_ASSERT_EQUAL(bh_record_query(g.r, &q, rig_count, &n, &reached, NULL), 0);
	CU_ASSERT_EQUAL(reached, 0);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(bh_record_newest(g.r), 0);
	rig_leave(&g);
}

const struct bh_unit_test bh_suite_record_query[] = {BH_TEST(queries_find_what_a_plain_list_holds),
						     BH_TEST(an_event_is_found_by_its_number),
						     BH_TEST(an_empty_store_answers), BH_TEST_END};
