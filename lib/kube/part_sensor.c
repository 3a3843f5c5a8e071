/* part_sensor: BulkheadSensors, as sensors and attachments of a policy document (lib/signature reads them there).
 *
 * A cluster's sensor looks into what its own pods take part in: each attachment names BulkheadSegments that have a selector alone, or
 * a rule of a BulkheadPolicy, one end of which is such. Nobody is put in quarantine by a cluster: that would decide about
 * whoever was heard. Compiled-in sensors can be attached by rules with what ends connections only, so that nothing gets milder than the gateway has it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "part.h"

/* What a cluster may have done about a finding. */
static int
check_action(struct bh_kube_writing *p, const json_t *o, bool compiled_in, const char *what)
{
	static const char *const words[] = {"deny", "reject", "alert", "capture"};
	const json_t *action = json_object_get(o, "action");
	const char *text = json_string_value(action);
	size_t i, n = compiled_in ? 2 : BH_ARRAY_SIZE(words);

	if (action == NULL && !compiled_in)
		return 0;
	for (i = 0; i < n && text != NULL; i++) {
		if (strcmp(words[i], text) == 0)
			return 0;
	}
	return bh_kube_refuse(p, "%s: 'action' is one of %s", what,
			      compiled_in ? "deny and reject, for a sensor that is compiled in"
					  : "alert, capture, deny and reject");
}

/* o[key], where it is there, becomes names of the document's segments. */
static int
write_ends(struct bh_kube_writing *p, const struct bh_kube_wish *w, const char *key, json_t *o,
	   bool *own)
{
	const json_t *v;
	size_t i;
	int rc;

	*own = false;
	if (json_object_get(o, key) == NULL)
		return 0;
	rc = bh_kube_write_side(p, w, key, o, own);
	json_array_foreach(json_object_get(o, key), i, v)
	{
		if (rc == 0 && strcmp(json_string_value(v), "any") == 0)
			rc = bh_kube_refuse(p, "'%s' names segments: leave it out for any", key);
	}
	return rc;
}

/* The sensor with its exceptions, and nothing of what it is attached to; its name stands first, for whoever reads the line. */
static json_t *
in_document(const struct bh_kube_writing *p, const struct bh_kube_wish *w)
{
	json_t *o = json_object(), *spec = json_deep_copy(w->spec);
	json_t *name = json_sprintf("%s/%s", bh_kube_cluster_of(p, w), w->name);
	bool good = o != NULL && spec != NULL && name != NULL;

	good = good && json_object_set(o, "name", name) == 0 && json_object_update(o, spec) == 0;
	json_decref(name);
	json_decref(spec);
	if (!good) {
		json_decref(o);
		return NULL;
	}
	json_object_del(o, "attach");
	return o;
}

static int
write_exceptions(struct bh_kube_writing *p, const struct bh_kube_wish *w, json_t *list)
{
	static const char *const known[] = {"rules", "segments", "peers",   "side",
					    "paths", "where",    "comment", NULL};
	json_t *o;
	size_t i;
	bool own;
	int rc = 0;

	if (list != NULL && !json_is_array(list))
		return bh_kube_refuse(p, "spec.exceptions is a list");
	json_array_foreach(list, i, o)
	{
		if (rc == 0)
			rc = bh_kube_known_keys(p, o, known, "an exception");
		if (rc == 0)
			rc = write_ends(p, w, "segments", o, &own);
		if (rc == 0)
			rc = write_ends(p, w, "peers", o, &own);
	}
	return rc;
}

static int
check_rules(struct bh_kube_writing *p, const json_t *rules)
{
	const json_t *rule;
	char what[40];
	size_t i;
	int rc = json_is_array(rules) ? 0 : bh_kube_refuse(p, "spec needs 'rules', a list");

	json_array_foreach((json_t *)rules, i, rule)
	{
		snprintf(what, sizeof(what), "rule %zu", i + 1);
		if (rc == 0 && json_is_object(rule))
			rc = check_action(p, rule, false, what);
	}
	return rc;
}

/* spec.attach[index]: where the sensor looks. */
static int
write_attachment(struct bh_kube_writing *p, const struct bh_kube_wish *w, const json_t *spec,
		 size_t index)
{
	static const char *const known[] = {"rules",  "segments", "peers", "side",
					    "action", "comment",  NULL};
	json_t *o, *name;
	bool own = false, others;
	char what[40];
	int rc;

	snprintf(what, sizeof(what), "attach %zu", index + 1);
	rc = bh_kube_known_keys(p, spec, known, what);
	if (rc == 0)
		rc = check_action(p, spec, false, what);
	if (rc != 0)
		return rc;
	o = json_deep_copy(spec);
	name = json_sprintf("%s/%s", bh_kube_cluster_of(p, w), w->name);
	if (o == NULL || json_object_set_new(o, "sensor", name) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = write_ends(p, w, "segments", o, &own);
	if (rc == 0 && !own)
		rc = bh_kube_refuse(p,
				    "%s: 'segments' must be BulkheadSegments that have a selector "
				    "alone: a cluster looks into what its own pods say",
				    what);
	if (rc == 0)
		rc = write_ends(p, w, "peers", o, &others);
	if (rc == 0)
		rc = bh_kube_write_line(&p->attach, "- ", o);
	json_decref(o);
	return rc;
}

int
bh_kube_write_sensor(struct bh_kube_writing *p, const struct bh_kube_wish *w)
{
	static const char *const known[] = {"comment", "severity", "category",   "attack",
					    "rules",   "attach",   "exceptions", NULL};
	const json_t *attach = json_object_get(w->spec, "attach"), *at;
	json_t *o;
	size_t i;
	int rc = bh_kube_known_keys(p, w->spec, known, "spec");

	if (rc == 0)
		rc = check_rules(p, json_object_get(w->spec, "rules"));
	if (rc == 0 && attach != NULL && !json_is_array(attach))
		rc = bh_kube_refuse(p, "spec.attach is a list");
	if (rc != 0)
		return rc;
	o = in_document(p, w);
	rc = o != NULL ? write_exceptions(p, w, json_object_get(o, "exceptions")) : -ENOMEM;
	if (rc == 0)
		rc = bh_kube_write_line(&p->sensors, "- ", o);
	json_decref(o);
	json_array_foreach((json_t *)attach, i, at)
	{
		if (rc == 0)
			rc = write_attachment(p, w, at, i);
	}
	return rc;
}

/* ---- sensors that rules name ------------------------------------------------------------------------------------ */

/* One of a rule's `sensors`: a name, or {sensor, rules, action}. */
static int
write_named(struct bh_kube_writing *p, const struct bh_kube_wish *w, const json_t *spec,
	    const char *id)
{
	static const char *const known[] = {"sensor", "rules", "action", NULL};
	const char *name =
		json_string_value(json_is_string(spec) ? spec : json_object_get(spec, "sensor"));
	bool compiled_in;
	json_t *o, *full;
	int rc =
		json_is_string(spec) ? 0 : bh_kube_known_keys(p, spec, known, "a sensor of a rule");

	if (rc != 0)
		return rc;
	if (name == NULL)
		return bh_kube_refuse(p,
				      "a rule's sensor is a name, or {sensor: NAME, action: ...}");
	compiled_in = strncmp(name, BH_KUBE_GATEWAYS, strlen(BH_KUBE_GATEWAYS)) == 0;
	if (!compiled_in && json_object_get(p->sensor[w->source], name) == NULL)
		return bh_kube_refuse(p,
				      "no BulkheadSensor is called '%.100s'; one that is compiled "
				      "into the gateway is '" BH_KUBE_GATEWAYS "NAME'",
				      name);
	rc = check_action(p, spec, compiled_in, "a rule's sensor");
	if (rc != 0)
		return rc;
	o = json_is_object(spec) ? json_deep_copy(spec) : json_object();
	full = compiled_in ? json_string(name + strlen(BH_KUBE_GATEWAYS))
			   : json_sprintf("%s/%s", bh_kube_cluster_of(p, w), name);
	if (o == NULL || json_object_set_new(o, "sensor", full) != 0 ||
	    json_object_set_new(o, "allowed_by", json_pack("[s]", id)) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = bh_kube_write_line(&p->attach, "- ", o);
	json_decref(o);
	return rc;
}

int
bh_kube_write_rule_sensors(struct bh_kube_writing *p, const struct bh_kube_wish *w,
			   const json_t *rule, const char *id)
{
	const json_t *list = json_object_get(rule, "sensors"), *one;
	const char *action = json_string_value(json_object_get(rule, "action"));
	size_t i;
	int rc = 0;

	if (list == NULL)
		return 0;
	if (!json_is_array(list))
		return bh_kube_refuse(p, "'sensors' is a list");
	if (action == NULL || strcmp(action, "allow") != 0)
		return bh_kube_refuse(p,
				      "'sensors' look into what a rule allows: this one does not");
	json_array_foreach((json_t *)list, i, one)
	{
		if (rc == 0)
			rc = write_named(p, w, one, id);
	}
	return rc;
}
