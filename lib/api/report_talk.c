/* What was seen: conversations with members of the zone, and what was denied. */
#include "report.h"

struct talk {
	struct bh_report *r;
	json_t *used, *denied;
	size_t n_used, n_denied;
	uint64_t blocked, violated;
};

/* Is a party in the zone? By the name of its segment. */
static bool
in_zone(const struct bh_report *r, const char *party)
{
	const json_t *list = bh_report_at(r->o, "segments"), *s;
	size_t i;

	json_array_foreach(list, i, s)
	{
		if (strcmp(bh_report_text(s, "name"), party) == 0)
			return true;
	}
	return false;
}

static bool
add(void *arg, const struct bh_conversation *c)
{
	struct talk *t = arg;
	bool from = in_zone(t->r, c->from.name), to = in_zone(t->r, c->to.name);
	uint64_t refused = c->sessions[BH_SEEN_BLOCKED] + c->sessions[BH_SEEN_VIOLATED],
		 good = c->sessions[BH_SEEN_RULE] + c->sessions[BH_SEEN_LEARNED] + c->open;
	json_t *o;

	if ((!from && !to) || c->last_ns < t->r->since_ns)
		return true;
	t->blocked += c->sessions[BH_SEEN_BLOCKED];
	t->violated += c->sessions[BH_SEEN_VIOLATED];
	o = bh_api_json_conversation(c);
	json_object_set_new(o, "direction", json_string(from && to ? "within" : to ? "in" : "out"));
	/* Known by its violation alone: its first session is counted when it is forgotten. */
	if ((refused != 0 || good == 0) && t->n_denied++ < BH_REPORT_ITEMS)
		json_array_append(t->denied, o);
	if (good != 0 && t->n_used++ < BH_REPORT_ITEMS)
		json_array_append(t->used, o);
	json_decref(o);
	return true;
}

/* Applications that were proven on a path. */
static void
seen_on(json_t *rule, const json_t *used)
{
	json_t *apps = json_array(), *plain = json_object_get(rule, "in_clear"), *app;
	const json_t *c;
	const char *name;
	size_t i, k;

	json_array_foreach(used, i, c)
	{
		name = bh_report_text(c, "application");
		if (name[0] == '\0' ||
		    strcmp(bh_report_text(c, "rule"), bh_report_text(rule, "id")) != 0)
			continue;
		json_array_foreach(apps, k, app)
		{
			if (strcmp(json_string_value(app), name) == 0)
				break;
		}
		if (k < json_array_size(apps))
			continue;
		json_array_append_new(apps, json_string(name));
		/* Of a rule that names it it is there. */
		if (bh_report_in_clear(name) &&
		    json_array_size(json_object_get(rule, "in_clear")) == 0)
			json_array_append_new(plain, json_string(name));
	}
	json_object_set_new(rule, "applications_seen", apps);
}

void
bh_report_talk(struct bh_report *r)
{
	struct talk t = {.r = r, .used = json_array(), .denied = json_array()};
	const struct bh_learn_filter all = {.seen = -1};
	json_t *rule, *none = json_object();
	struct bh_counters c;
	size_t i;

	if (r->p->learn != NULL)
		bh_learn_each(r->p->learn, &all, add, &t);
	json_array_foreach(json_object_get(r->o, "paths"), i, rule)
	{
		seen_on(rule, t.used);
	}
	r->p->ops.counters(r->p->ops.arg, UINT32_MAX, &c);
	bh_api_json_use(&r->p->ops, BH_NO_RULE, none);
	json_object_set_new(
		r->o, "traffic",
		json_pack("{s:b, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I}", "recorded",
			  r->p->learn != NULL, "conversations", (json_int_t)t.n_used,
			  "denied_conversations", (json_int_t)t.n_denied, "sessions_blocked",
			  (json_int_t)t.blocked, "sessions_against_policy_passed",
			  (json_int_t)t.violated, "no_rule_since_start", none,
			  "packets_dropped_since_start", (json_int_t)bh_counters_dropped(&c),
			  "packets_default_deny", (json_int_t)c.dropped[BH_REASON_DEFAULT_DENY],
			  "packets_zone_boundary", (json_int_t)c.dropped[BH_REASON_ZONE_BOUNDARY],
			  "packets_threat", (json_int_t)c.dropped[BH_REASON_THREAT], "findings",
			  (json_int_t)c.findings));
	json_object_set_new(r->o, "conversations", t.used);
	json_object_set_new(r->o, "denied", t.denied);
}
