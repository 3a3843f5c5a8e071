/* Who is in the zone, and which rules lead in and out of it. */
#include <errno.h>

#include "report.h"

/* Applications that send what they say, passwords too, for everybody on the way to read (PCI DSS 1.2.6, 2.2.5). */
static const char plain[] =
	"ftp telnet http tftp pop3 imap smtp snmp ldap rsh rlogin vnc redis memcached mysql "
	"postgresql mongodb mqtt amqp syslog nfs";

bool
bh_report_in_clear(const char *application)
{
	return bh_api_word_in(application, plain);
}

/* ---- segments, members ----------------------------------------------------------------------------------- */

struct walk {
	struct bh_report *r;
	json_t *items;
	size_t at, total;
	uint32_t not_protect;
};

static bool
add_segment(void *arg, const struct bh_segment_info *s)
{
	struct walk *w = arg;
	size_t at = w->at++;
	uint8_t bits = at < w->r->scope->n_segments ? w->r->scope->segment[at] : 0;
	json_t *addresses, *o;
	char text[64];
	unsigned i;

	if (bits == 0)
		return true;
	addresses = json_array();
	for (i = 0; i < s->n_addresses && i < BH_REPORT_ITEMS; i++) {
		bh_prefix_format(&s->address[i], text, sizeof(text));
		json_array_append_new(addresses, json_string(text));
	}
	if ((bits & BH_SCOPE_NAMED) != 0 && at != w->r->scope->zone)
		w->not_protect += s->mode != BH_MODE_PROTECT;
	o = json_pack("{s:o, s:s, s:o, s:o, s:I, s:s, s:s}", "name", bh_api_str(s->name), "is",
		      at == w->r->scope->zone        ? "the zone"
		      : (bits & BH_SCOPE_NAMED) != 0 ? "part of it"
						     : "shares members with it",
		      "selector", bh_api_str(s->selector != NULL ? s->selector : ""), "addresses",
		      addresses, "members", (json_int_t)s->members, "mode", bh_mode_name(s->mode),
		      "mode_from", bh_mode_origin_name(s->mode_origin));
	json_array_append_new(w->items, o);
	return true;
}

static bool
add_member(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	struct walk *w = arg;
	unsigned i = 0;

	while (i < n && strcmp(segments[i], w->r->scope->name) != 0)
		i++;
	if (i == n)
		return true;
	if (w->total++ < BH_REPORT_ITEMS)
		json_array_append_new(w->items, bh_api_json_endpoint(e, segments, n));
	return true;
}

/* ---- rules --------------------------------------------------------------------------------------------- */

struct rules {
	struct bh_report *r;
	json_t *allowed, *refusing;
	size_t at;
};

static json_t *
directions(uint8_t bits)
{
	json_t *list = json_array();

	if ((bits & BH_SCOPE_IN) != 0)
		json_array_append_new(list, json_string("in"));
	if ((bits & BH_SCOPE_OUT) != 0)
		json_array_append_new(list, json_string("out"));
	if ((bits & BH_SCOPE_WITHIN) != 0)
		json_array_append_new(list, json_string("within"));
	return list;
}

/* Of what the rule names; a rule for ports alone is judged by what was seen on it, see report_talk.c. */
static json_t *
plain_of(const struct bh_rule_info *r)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < r->n_apps; i++) {
		if (bh_report_in_clear(r->app[i].name))
			json_array_append_new(list, json_string(r->app[i].name));
	}
	return list;
}

static bool
add_rule(void *arg, const struct bh_rule_info *info)
{
	struct rules *w = arg;
	size_t at = w->at++;
	uint8_t bits = at < w->r->scope->n_rules ? w->r->scope->rule[at] : 0;
	json_t *o, *list = info->action == BH_VERDICT_ALLOW ? w->allowed : w->refusing;

	if (bits == 0 || json_array_size(list) >= 10 * BH_REPORT_ITEMS)
		return true;
	o = bh_api_json_rule(info);
	json_object_set_new(o, "name_id", json_integer(info->name_id));
	json_object_set_new(o, "applications", bh_api_str(info->applications));
	json_object_set_new(o, "directions", directions(bits));
	json_object_set_new(o, "stopped_at_border", json_boolean((bits & BH_SCOPE_FENCED) != 0));
	json_object_set_new(o, "in_clear", plain_of(info));
	json_object_set_new(o, "findings", json_array());
	json_array_append_new(list, o);
	return true;
}

static void
add_use(struct bh_report *r, json_t *list)
{
	json_t *rule;
	size_t i;

	json_array_foreach(list, i, rule)
	{
		bh_api_json_use(&r->p->ops, (uint32_t)bh_report_int(rule, "name_id"), rule);
		json_object_del(rule, "name_id");
	}
}

/* What the linter says of each. */
static void
add_findings(json_t *list, const struct bh_lint *l)
{
	json_t *rule;
	uint32_t k;
	size_t i;

	json_array_foreach(list, i, rule)
	{
		for (k = 0; k < l->n_findings; k++) {
			if (l->finding[k].rule == (uint32_t)bh_report_int(rule, "index"))
				json_array_append_new(
					json_object_get(rule, "findings"),
					json_pack("{s:s, s:s, s:o}", "kind",
						  bh_lint_kind_name(l->finding[k].kind), "severity",
						  bh_lint_severity_name(l->finding[k].severity),
						  "text", bh_api_str(l->finding[k].text)));
		}
	}
}

static void
lint(struct bh_report *r, json_t *allowed, json_t *refusing)
{
	struct bh_lint *l = NULL;
	json_int_t n[3] = {0};
	uint32_t i;

	if (bh_policy_lint(r->p->policy, "policy in force", NULL, 0, &l, NULL) != 0)
		return;
	for (i = 0; i < l->n_findings; i++)
		n[l->finding[i].severity]++;
	add_findings(allowed, l);
	add_findings(refusing, l);
	json_object_set_new(r->o, "lint",
			    json_pack("{s:I, s:I, s:I, s:I, s:b}", "rules", (json_int_t)l->n_rules,
				      "errors", n[BH_LINT_ERROR], "warnings", n[BH_LINT_WARNING],
				      "hints", n[BH_LINT_INFO], "complete", l->complete));
	bh_lint_free(l);
}

int
bh_report_zone(struct bh_report *r)
{
	struct walk segments = {.r = r, .items = json_array()};
	struct walk members = {.r = r, .items = json_array()};
	struct rules rules = {.r = r, .allowed = json_array(), .refusing = json_array()};
	struct bh_modes_info m;

	bh_policy_segments_each(r->p->policy, add_segment, &segments);
	bh_policy_endpoints_each(r->p->policy, NULL, add_member, &members);
	bh_policy_rules_each(r->p->policy, add_rule, &rules);
	add_use(r, rules.allowed);
	add_use(r, rules.refusing);
	bh_policy_modes(r->p->policy, &m);
	json_object_set_new(
		r->o, "zone",
		json_pack("{s:s, s:b, s:s, s:I, s:I, s:s, s:s, s:s}", "name", r->scope->name, "cde",
			  r->scope->cde, "intra", r->scope->keeps ? "only" : "any", "members",
			  (json_int_t)members.total, "segments_not_in_protect",
			  (json_int_t)segments.not_protect, "default_mode",
			  bh_mode_name(m.default_mode), "override",
			  m.override_mode == BH_MODE_UNSET ? "" : bh_mode_name(m.override_mode),
			  "contention", m.strict ? "strict" : "basic; strict for this zone"));
	json_object_set_new(r->o, "segments", segments.items);
	json_object_set_new(r->o, "members", members.items);
	json_object_set_new(r->o, "paths", rules.allowed);
	json_object_set_new(r->o, "refusing_rules", rules.refusing);
	lint(r, rules.allowed, rules.refusing);
	return 0;
}
