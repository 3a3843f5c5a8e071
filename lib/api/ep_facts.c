/* /applications, /threats, /configuration: what the gateway knows, looks for and was told. */
#include "../proto/proto.h"
#include "api_priv.h"

static void
reply_whole(struct bh_api_req *req, json_t *items)
{
	bh_api_json(req, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}

/* One of a name speaks over several numbers (etcd): told once. */
static bool
is_listed(const json_t *items, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(items, i, o)
	{
		if (strcmp(json_string_value(json_object_get(o, "name")), name) == 0)
			return true;
	}
	return false;
}

void
bh_api_ep_facts_applications(struct bh_api_req *req)
{
	json_t *items = json_array();
	unsigned i, parent;

	for (i = BH_APP_UNKNOWN + 1; i < BH_APP_COUNT; i++) {
		if (is_listed(items, bh_app_name(i)))
			continue;
		parent = bh_app_parent(i);
		json_array_append_new(items,
				      json_pack("{s:s, s:o, s:b}", "name", bh_app_name(i), "inside",
						parent != BH_APP_UNKNOWN && parent != i
							? json_string(bh_app_name(parent))
							: json_null(),
						"operations", bh_app_has_ops((enum bh_app)i)));
	}
	reply_whole(req, items);
}

void
bh_api_ep_facts_threats(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	const struct bh_config *config = req->api->p.config;
	json_t *items = json_array(), *o;
	struct bh_counters c;
	unsigned i;

	ops->counters(ops->arg, UINT32_MAX, &c);
	for (i = 0; i < BH_THREAT_COUNT; i++) {
		const struct bh_threat_info *t = bh_threat_info(i);

		o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I}", "name", t->key, "title", t->name,
			      "text", t->text, "attack_id", t->attack, "severity", (int)t->severity,
			      "events", (json_int_t)c.threats[i]);
		json_object_set_new(o, "on",
				    json_boolean(config != NULL ? config->threat[i].on : t->on));
		json_array_append_new(items, o);
	}
	reply_whole(req, items);
}

static json_t *
limit_json(uint64_t limit)
{
	return limit != 0 ? json_integer((json_int_t)limit) : json_null();
}

void
bh_api_ep_facts_quotas(struct bh_api_req *req)
{
	static const char *const per[BH_QUOTA_PERS] = {"source", "destination", "pair"};
	const struct bh_config *c = req->api->p.config;
	json_t *items = json_array();
	unsigned i;

	for (i = 0; c != NULL && i < c->n_quotas; i++) {
		const struct bh_threat_quota *q = &c->quota[i];
		const uint8_t end[2] = {q->from, q->to};
		const char *name[2];
		unsigned k;

		for (k = 0; k < 2; k++)
			name[k] = end[k] < c->n_threat_segments ? c->threat_segment[end[k]] : "any";
		json_array_append_new(
			items,
			json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "name", q->name,
				  "per", per[q->per % BH_QUOTA_PERS], "from", bh_api_str(name[0]),
				  "to", bh_api_str(name[1]), "action", q->alert ? "alert" : "deny",
				  "connections", limit_json(q->limit[BH_QUOTA_CONNECTIONS]),
				  "packets", limit_json(q->limit[BH_QUOTA_PACKETS]), "bytes",
				  limit_json(q->limit[BH_QUOTA_BYTES]), "sessions",
				  limit_json(q->limit[BH_QUOTA_SESSIONS])));
	}
	reply_whole(req, items);
}

/* By dotted path, with what a configuration without a word of it has. */
void
bh_api_ep_facts_configuration(struct bh_api_req *req)
{
	const struct bh_config *now = req->api->p.config;
	struct bh_config *normal = calloc(1, sizeof(*normal));
	char value[BH_CONFIG_VALUE_MAX], usual[BH_CONFIG_VALUE_MAX];
	json_t *items = json_array();
	const char *path;
	size_t i;

	if (normal == NULL || now == NULL) {
		json_decref(items);
		bh_api_fail(req, now == NULL ? BH_PROBLEM_NOT_FOUND : BH_PROBLEM_FULL, NULL, "%s",
			    now == NULL ? "the configuration is not known here" : "out of memory");
		free(normal);
		return;
	}
	bh_config_default(normal);
	for (i = 0; (path = bh_config_value(now, i, value)) != NULL; i++) {
		bh_config_value(normal, i, usual);
		json_array_append_new(items,
				      json_pack("{s:s, s:o, s:o, s:b}", "name", path, "value",
						bh_api_str(value), "default", bh_api_str(usual),
						"changed", strcmp(value, usual) != 0));
	}
	free(normal);
	reply_whole(req, items);
}
