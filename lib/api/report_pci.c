/* The report about a zone of cardholder data: from facts of policy, store, conversations and counters to one object. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "report.h"

const json_t *
bh_report_at(const json_t *o, const char *path)
{
	char key[64];

	while (o != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		o = json_object_get(o, key);
		path += n + (path[n] == '.');
	}
	return o;
}

json_int_t
bh_report_int(const json_t *o, const char *path)
{
	return json_integer_value(bh_report_at(o, path));
}

const char *
bh_report_text(const json_t *o, const char *path)
{
	const char *s = json_string_value(bh_report_at(o, path));

	return s != NULL ? s : "";
}

/* ---- who reaches the zone ------------------------------------------------------------------------------- */

struct source {
	json_t *list;
	const struct bh_scope *scope;
	const char *text;
	const json_t *rule;
	size_t at;
};

static json_t *
find_source(json_t *list, const char *name)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		if (strcmp(bh_report_text(o, "name"), name) == 0)
			return o;
	}
	return NULL;
}

/* Is this one of the names in "web, api"? */
static bool
is_named_in(const char *name, const char *text)
{
	size_t n = strlen(name);

	while (text != NULL && *text != '\0') {
		if (strncmp(text, name, n) == 0 && (text[n] == '\0' || text[n] == ','))
			return true;
		text = strchr(text, ',');
		text += text != NULL ? 1 + strspn(text + 1, " ") : 0;
	}
	return false;
}

static void
put_source(struct source *s, const char *name, json_int_t members, const char *is)
{
	json_t *o = find_source(s->list, name);

	if (o == NULL) {
		o = json_pack("{s:o, s:I, s:s, s:[]}", "name", bh_api_str(name), "members", members,
			      "is", is, "rules");
		json_array_append_new(s->list, o);
	}
	json_array_append(json_object_get(o, "rules"), json_object_get(s->rule, "id"));
}

static bool
add_source(void *arg, const struct bh_segment_info *info)
{
	struct source *s = arg;
	size_t at = s->at++;
	uint8_t bits = at < s->scope->n_segments ? s->scope->segment[at] : 0;

	if ((bits & BH_SCOPE_NAMED) == 0 && is_named_in(info->name, s->text))
		put_source(s, info->name, info->members,
			   info->reserved                    ? "outside of all segments"
			   : strchr(info->name, ':') != NULL ? "zone"
							     : "segment");
	return true;
}

/* Everybody that an allowed path leads from: the zone's connected-to systems (PCI DSS 12.5.2). */
static void
reach(struct bh_report *r)
{
	const json_t *paths = bh_report_at(r->o, "paths"), *rule, *d;
	struct source s = {.list = json_array(), .scope = r->scope};
	size_t i, k;

	json_array_foreach(paths, i, rule)
	{
		bool in = false;

		json_array_foreach(json_object_get(rule, "directions"), k, d) in |=
			strcmp(json_string_value(d), "in") == 0;
		if (!in || json_is_true(json_object_get(rule, "expired")))
			continue;
		s.rule = rule;
		s.text = bh_report_text(rule, "from");
		s.at = 0;
		if (strcmp(s.text, "any") == 0)
			put_source(&s, "any", 0, "anybody");
		else
			bh_policy_segments_each(r->p->policy, add_source, &s);
	}
	json_object_set_new(r->o, "reached_from", s.list);
}

/* ---- sensors ------------------------------------------------------------------------------------------- */

static void
sensors(struct bh_report *r)
{
	struct bh_api_control c = {0};
	json_t *files = json_array();
	struct stat st;
	uint64_t at;
	unsigned i;

	if (r->p->ops.control != NULL)
		r->p->ops.control(r->p->ops.arg, &c);
	for (i = 0; i < c.n_sensor_files; i++) {
		at = stat(c.sensor_file[i], &st) == 0 ? (uint64_t)st.st_mtim.tv_sec * BH_NS_PER_SEC
						      : 0;
		json_array_append_new(
			files,
			json_pack("{s:o, s:o, s:o}", "file", bh_api_str(c.sensor_file[i]),
				  "changed", at != 0 ? bh_api_time(at) : json_null(), "age_days",
				  at != 0 && at < r->now_ns
					  ? json_integer((json_int_t)((r->now_ns - at) /
								      (86400 * BH_NS_PER_SEC)))
					  : json_null()));
	}
	json_object_set_new(r->o, "sensors",
			    json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:s, s:I, s:I}",
				      "action", c.inspect != NULL ? c.inspect : "off", "built_in",
				      "attacks and sensitive data, part of the gateway",
				      "built_in_version", BH_VERSION, "files_sensors",
				      (json_int_t)c.sensors, "files_rules",
				      (json_int_t)c.sensor_rules, "loaded",
				      c.sensors_loaded_ns != 0 ? bh_api_time(c.sensors_loaded_ns)
							       : json_null(),
				      "files", files, "evidence_mask",
				      c.evidence_mask != NULL ? c.evidence_mask : "",
				      "event_lines_lost", (json_int_t)c.event_lines_lost,
				      "audit_entries_lost", (json_int_t)c.audit_lost));
	json_object_set_new(r->o, "events_to", bh_api_str(c.events != NULL ? c.events : ""));
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

static int
fill(struct bh_report *r, struct bh_err *err)
{
	const struct bh_api_ops *ops = &r->p->ops;
	json_t *o = r->o;
	int rc;

	json_object_set_new(o, "report", json_string("pci-dss"));
	json_object_set_new(o, "standard", json_string("PCI DSS v4.0.1"));
	json_object_set_new(o, "generated", bh_api_time(r->now_ns));
	json_object_set_new(o, "since", r->since_ns != 0 ? bh_api_time(r->since_ns) : json_null());
	json_object_set_new(o, "version", json_string(BH_VERSION));
	json_object_set_new(o, "started", bh_api_time(ops->started_ns(ops->arg)));
	json_object_set_new(o, "uptime_ms", json_integer((json_int_t)ops->uptime_ms(ops->arg)));
	json_object_set_new(o, "revision", json_integer(r->scope->revision));
	rc = bh_report_zone(r);
	if (rc == 0) {
		reach(r);
		bh_report_talk(r);
		rc = bh_report_trail(r, err);
	}
	if (rc == 0) {
		sensors(r);
		bh_report_asks(r);
	}
	return rc;
}

int
bh_report_pci(const struct bh_api_params *p, const char *zone, uint64_t days, json_t **out,
	      struct bh_err *err)
{
	struct bh_report r = {.p = p, .now_ns = bh_clock_system.wall_ns(NULL)};
	uint64_t span = days * 86400 * BH_NS_PER_SEC;
	int rc = bh_policy_scope(p->policy, zone, &r.scope, err);

	if (rc != 0)
		return rc;
	if (!r.scope->cde) {
		rc = bh_err_set(err, EINVAL,
				"%s is not marked as a zone of cardholder data: write `cde: true` "
				"at it in the policy",
				r.scope->name);
		goto free_scope;
	}
	r.since_ns = days != 0 && span < r.now_ns ? r.now_ns - span : 0;
	r.o = json_object();
	rc = fill(&r, err);
	if (rc == 0)
		*out = r.o;
	else
		json_decref(r.o);
free_scope:
	bh_scope_free(r.scope);
	return rc;
}
