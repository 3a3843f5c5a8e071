/* What was done, in JSON: records for the event file, objects for the API. */
#include <stdio.h>

#include "response_priv.h"

void
bh_response_class_of(const struct bh_event *e, uint8_t field, char *out, size_t size)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t f;

	out[0] = '\0';
	while (bh_event_text_next(e, &cursor, &f, &at, &len)) {
		if (f == field) {
			snprintf(out, size, "%.*s", (int)len, (const char *)at);
			return;
		}
	}
}

void
bh_response_object(const struct bh_restriction *r, char *out, size_t size)
{
	char a[144], b[144], service[64];

	bh_restriction_end_format(&r->end[0], a, sizeof(a));
	bh_restriction_end_format(&r->end[1], b, sizeof(b));
	bh_restriction_service_format(r->first, r->last, service, sizeof(service));
	switch (r->kind) {
	case BH_RESTRICTION_QUARANTINE:
		snprintf(out, size, "quarantine of %s", a);
		break;
	case BH_RESTRICTION_CUT:
		snprintf(out, size, "cut of %s port %u to %s port %u", a, r->port[0], b,
			 r->port[1]);
		break;
	default:
		snprintf(out, size, "block of %s to %s, %s%s%s", a, b, service,
			 r->app != BH_APP_UNKNOWN ? " " : "",
			 r->app != BH_APP_UNKNOWN ? bh_app_name(r->app) : "");
		break;
	}
}

static void
put_tenant(struct bh_json *j, bh_tenant tenant)
{
	if (BH_TENANT_VNI(tenant) != 0)
		bh_json_u64(j, "vni", BH_TENANT_VNI(tenant));
	if (BH_TENANT_VLAN2(tenant) != 0) {
		bh_json_open(j, "vlan", '[');
		bh_json_u64(j, NULL, BH_TENANT_VLAN1(tenant));
		bh_json_u64(j, NULL, BH_TENANT_VLAN2(tenant));
		bh_json_close(j, ']');
	} else if (BH_TENANT_VLAN1(tenant) != 0) {
		bh_json_u64(j, "vlan", BH_TENANT_VLAN1(tenant));
	}
}

void
bh_response_action_json(const struct bh_response *r, const struct bh_response_action *a,
			struct bh_buf *out)
{
	const struct bh_restriction *x = &a->r;
	uint64_t now = r->p.clock->mono_ns(r->p.clock->arg);
	struct bh_json j = {.out = out};
	char text[192];
	uint32_t i;

	bh_json_open(&j, NULL, '{');
	bh_json_u64(&j, "id", x->id);
	bh_json_str(&j, "kind", bh_restriction_kind_name(x->kind));
	bh_json_str(&j, x->kind == BH_RESTRICTION_QUARANTINE ? "address" : "from",
		    bh_restriction_end_format(&x->end[0], text, sizeof(text)));
	if (x->kind == BH_RESTRICTION_QUARANTINE) {
		bh_json_open(&j, "allow", '[');
		for (i = 0; i < x->n_paths; i++)
			bh_json_str(&j, NULL,
				    bh_restriction_path_format(&x->path[i], text, sizeof(text)));
		bh_json_close(&j, ']');
	} else {
		bh_json_str(&j, "to", bh_restriction_end_format(&x->end[1], text, sizeof(text)));
	}
	if (x->kind == BH_RESTRICTION_BLOCK) {
		bh_json_str(&j, "service",
			    bh_restriction_service_format(x->first, x->last, text, sizeof(text)));
		bh_json_str(&j, "application",
			    x->app != BH_APP_UNKNOWN ? bh_app_name(x->app) : "any");
	} else if (x->kind == BH_RESTRICTION_CUT) {
		bh_json_u64(&j, "proto", x->proto);
		bh_json_u64(&j, "from_port", x->port[0]);
		bh_json_u64(&j, "to_port", x->port[1]);
	}
	put_tenant(&j, x->tenant);
	bh_json_time(&j, "since", a->since_ns);
	bh_json_time(&j, "until", a->until_ns);
	bh_json_u64(&j, "left_ms",
		    a->until_mono_ns > now ? (a->until_mono_ns - now) / BH_NS_PER_MS : 0);
	bh_json_str(&j, "by", a->by);
	bh_json_str(&j, "why", a->why);
	if (a->rule[0] != '\0')
		bh_json_str(&j, "rule", a->rule);
	bh_json_bool(&j, "stored", a->stored);
	bh_json_close(&j, '}');
}

/* ---- records ---------------------------------------------------------------------------------------- */

static void
put_cause(const struct bh_response *r, struct bh_json *j, const struct bh_event *e)
{
	unsigned from = e->initiator & 1, i;
	char text[128];

	bh_json_str(j, "cause", bh_event_kind(e->type));
	bh_response_class_of(e, BH_EVENT_SENSOR_KEY, text, sizeof(text));
	if (text[0] != '\0')
		bh_json_str(j, "class", text);
	for (i = 0; i < 2; i++) {
		uint32_t s = e->segment[i ^ from];

		if (s != UINT32_MAX)
			bh_json_str(j, i == 0 ? "src_segment" : "dst_segment",
				    bh_policy_segment_name(r->p.policy, s));
	}
}

static void
put_ends(struct bh_json *j, const struct bh_event *e)
{
	unsigned from = e->initiator & 1, i;
	char text[64];

	if (e->flow_id != 0)
		bh_json_u64(j, "flow_id", e->flow_id);
	for (i = 0; i < 2; i++) {
		struct bh_prefix p = {.family = e->key.family,
				      .len = e->key.family == BH_IP6 ? 128 : 32};

		memcpy(p.addr, e->key.addr[i ^ from].b, sizeof(p.addr));
		bh_prefix_format(&p, text, sizeof(text));
		bh_json_str(j, i == 0 ? "src_ip" : "dest_ip", text);
		if (e->key.port[i ^ from] != 0)
			bh_json_u64(j, i == 0 ? "src_port" : "dest_port", e->key.port[i ^ from]);
	}
}

void
bh_response_record(struct bh_response *r, const struct bh_response_note *n)
{
	const struct bh_response_action *a = n->a;
	struct bh_json j = {.out = &r->records};
	char text[400];

	if (r->records.len > BH_RESPONSE_RECORDS_MAX || r->records.failed) {
		r->records_lost++;
		return;
	}
	bh_json_open(&j, NULL, '{');
	bh_json_time(&j, "timestamp", r->p.clock->wall_ns(r->p.clock->arg));
	bh_json_str(&j, "event_type", "response");
	if (n->cause != NULL)
		put_ends(&j, n->cause);
	bh_json_open(&j, "bulkhead", '{');
	bh_json_str(&j, "event", "response");
	bh_json_str(&j, "action", a != NULL ? bh_restriction_kind_name(a->r.kind) : n->action);
	bh_json_str(&j, "result", n->result);
	if (a != NULL) {
		bh_response_object(&a->r, text, sizeof(text));
		bh_json_u64(&j, "id", a->r.id);
		bh_json_str(&j, "target", text);
		bh_json_time(&j, "until", a->until_ns);
	} else if (n->target != NULL) {
		bh_json_str(&j, "target", n->target);
	}
	if (n->rule != NULL)
		bh_json_str(&j, "rule", n->rule);
	else if (a != NULL && a->rule[0] != '\0')
		bh_json_str(&j, "rule", a->rule);
	bh_json_str(&j, "by", n->by != NULL ? n->by : a != NULL ? a->by : "");
	bh_json_str(&j, "why", n->why != NULL ? n->why : a != NULL && n->by == NULL ? a->why : "");
	if (n->cause != NULL)
		put_cause(r, &j, n->cause);
	bh_json_close(&j, '}');
	bh_json_close(&j, '}');
	bh_buf_str(&r->records, "\n");
}

void
bh_response_take_records(struct bh_response *r, struct bh_buf *out)
{
	pthread_mutex_lock(&r->lock);
	if (r->records.failed)
		bh_buf_free(&r->records);
	else if (r->records.len != 0)
		bh_buf_add(out, r->records.data, r->records.len);
	bh_buf_reset(&r->records);
	if (r->records_lost != 0)
		bh_log(BH_LOG_WARN, "%llu records of responses are lost: too many at once",
		       (unsigned long long)r->records_lost);
	r->records_lost = 0;
	pthread_mutex_unlock(&r->lock);
}

/* ---- lists ------------------------------------------------------------------------------------------ */

uint64_t
bh_response_list(struct bh_response *r, unsigned kind, uint64_t after, size_t max,
		 struct bh_buf *out)
{
	uint64_t last = 0, next = 0;
	size_t i, n = 0;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < r->n_actions; i++) {
		const struct bh_response_action *a = r->action[i];

		if (!bh_response_kind_fits(kind, a->r.kind) || a->r.id <= after)
			continue;
		if (n == max) {
			next = last;
			break;
		}
		bh_buf_str(out, n++ != 0 ? "," : "");
		bh_response_action_json(r, a, out);
		last = a->r.id;
	}
	pthread_mutex_unlock(&r->lock);
	return next;
}

bool
bh_response_get(struct bh_response *r, unsigned kind, uint64_t id, struct bh_buf *out)
{
	bool found = false;
	size_t i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < r->n_actions && !found; i++) {
		found = r->action[i]->r.id == id &&
			bh_response_kind_fits(kind, r->action[i]->r.kind);
		if (found)
			bh_response_action_json(r, r->action[i], out);
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

static void
rule_json(const struct bh_response_rule *rule, struct bh_buf *out)
{
	static const char *const on[] = {"violation", "sensor", "threat"};
	static const char *const per[] = {"source", "target", "pair", "all"};
	static const char *const severity[] = {"", "high", "medium", "low"};
	struct bh_json j = {.out = out};
	char text[192];
	unsigned i;

	bh_json_open(&j, NULL, '{');
	bh_json_str(&j, "id", rule->id);
	bh_json_u64(&j, "line", rule->line);
	bh_json_open(&j, "on", '[');
	for (i = 0; i < 3; i++) {
		if ((rule->on & 1u << i) != 0)
			bh_json_str(&j, NULL, on[i]);
	}
	bh_json_close(&j, ']');
	bh_json_open(&j, "class", '[');
	for (i = 0; i < rule->n_classes; i++)
		bh_json_str(&j, NULL, rule->class_[i]);
	bh_json_close(&j, ']');
	bh_json_str(&j, "severity", severity[rule->severity & 3]);
	bh_json_str(&j, "from", bh_restriction_end_format(&rule->end[0], text, sizeof(text)));
	bh_json_str(&j, "to", bh_restriction_end_format(&rule->end[1], text, sizeof(text)));
	bh_json_str(&j, "application",
		    rule->app != BH_APP_UNKNOWN ? bh_app_name(rule->app) : "any");
	bh_json_open(&j, "modes", '[');
	for (i = 0; i <= BH_MODE_PROTECT; i++) {
		if ((rule->modes & 1u << i) != 0)
			bh_json_str(&j, NULL, bh_mode_name(i));
	}
	bh_json_close(&j, ']');
	bh_json_u64(&j, "count", rule->count);
	bh_json_u64(&j, "within_ms", rule->within_ms);
	bh_json_str(&j, "per", per[rule->per]);
	bh_json_open(&j, "do", '[');
	for (i = 0; i < rule->n_actions; i++)
		bh_json_str(&j, NULL, bh_response_act_name(rule->action[i].act));
	bh_json_close(&j, ']');
	bh_json_u64(&j, "events", rule->events);
	bh_json_u64(&j, "hits", rule->hits);
	bh_json_u64(&j, "acted", rule->acted);
	bh_json_u64(&j, "reported", rule->reported);
	bh_json_u64(&j, "not_done", rule->left);
	bh_json_u64(&j, "forgotten", rule->window != NULL ? bh_window_evicted(rule->window) : 0);
	bh_json_close(&j, '}');
}

void
bh_response_rules(struct bh_response *r, struct bh_buf *out)
{
	unsigned i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < r->rules->n; i++) {
		bh_buf_str(out, i != 0 ? "," : "");
		rule_json(&r->rules->rule[i], out);
	}
	pthread_mutex_unlock(&r->lock);
}
