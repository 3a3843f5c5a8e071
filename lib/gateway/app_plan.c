/* What is done about the compiled-in classes on a connection: what is attached between its ends, or else what the
 * configuration says; and which requests exceptions speak of. */
#include <stdio.h>

#include "gateway_priv.h"

void
bh_app_base_fill(struct bh_app_base *b, const struct bh_config *config)
{
	static const uint8_t actions[] = {
		[BH_INSPECT_OFF] = BH_SENSOR_DEFAULT,
		[BH_INSPECT_ALERT] = BH_SENSOR_ALERT,
		[BH_INSPECT_DENY] = BH_SENSOR_DENY,
		[BH_INSPECT_REJECT] = BH_SENSOR_REJECT,
		[BH_INSPECT_CAPTURE] = BH_SENSOR_CAPTURE,
		[BH_INSPECT_QUARANTINE] = BH_SENSOR_QUARANTINE,
	};
	unsigned i, action;

	_Static_assert(BH_INSPECT_CLASS_COUNT <= BH_INSPECT_CLASSES_MAX, "an action each");
	*b = (struct bh_app_base){.any = ~UINT64_C(0)};
	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++) {
		action = config->inspect_action[i];
		if (action == BH_INSPECT_OFF)
			b->any &= ~BH_INSPECT_BIT(i);
		/* Severity 1 is what inspect.sensors speaks of; a class of its own action is that. */
		if (action == BH_INSPECT_UNSET)
			action = config->inspect == BH_INSPECT_OFF ||
						 bh_inspect_class_info(i)->severity == 1
					 ? config->inspect
					 : BH_INSPECT_ALERT;
		if (config->inspect == BH_INSPECT_OFF)
			action = BH_INSPECT_OFF;
		b->action.action[i] = actions[action];
		b->blocks |= bh_app_ends(actions[action]);
	}
}

static const struct bh_sensing *
newest(const struct bh_worker *w)
{
	const struct bh_sensor_set *set =
		w->sensor != NULL ? bh_sensor_worker_set(bh_app_sensor_worker(w)) : NULL;

	return set != NULL ? bh_sensor_set_model(set)->user : NULL;
}

bool
bh_app_plan_attaches(const struct bh_worker *w)
{
	const struct bh_sensing *g = newest(w);

	return g != NULL && g->signatures->n_attachments != 0;
}

void
bh_app_plan_make(const struct bh_worker *w, const struct bh_app_base *base, const struct bh_flow *f,
		 struct bh_app_plan *plan)
{
	const struct bh_sensing *g = newest(w);
	struct bh_app_ends ends;
	uint64_t load = g != NULL ? g->load : 0;
	unsigned i;

	if (likely(plan->made && plan->load == load && plan->segment[0] == f->segment[0] &&
		   plan->segment[1] == f->segment[1] && plan->rule == f->rule))
		return;
	plan->made = true;
	plan->load = load;
	plan->segment[0] = f->segment[0];
	plan->segment[1] = f->segment[1];
	plan->rule = f->rule;
	plan->action = base->action;
	if (g != NULL)
		bh_signature_plan(g->scope, bh_app_ends_of(f, &ends), &base->action, base->any,
				  &plan->action);
	plan->classes = 0;
	plan->ends = false;
	for (i = 0; i < BH_INSPECT_CLASS_COUNT; i++) {
		if (plan->action.action[i] != BH_SENSOR_DEFAULT)
			plan->classes |= BH_INSPECT_BIT(i);
		plan->ends |= bh_app_ends(plan->action.action[i]);
	}
}

const struct bh_signature_pair *
bh_app_ends_of(const struct bh_flow *f, struct bh_app_ends *ends)
{
	unsigned client = f->flags & BH_FLAG_INITIATOR;

	ends->pair = (struct bh_signature_pair){
		.client = {&f->segment[client], f->segment[client] != UINT32_MAX},
		.server = {&f->segment[1 - client], f->segment[1 - client] != UINT32_MAX},
		.allowed_by = f->rule,
	};
	return &ends->pair;
}

bool
bh_app_ends(unsigned action)
{
	return action == BH_SENSOR_DENY || action == BH_SENSOR_REJECT ||
	       action == BH_SENSOR_QUARANTINE;
}

enum bh_verdict
bh_app_action_verdict(const struct bh_app_context *c, unsigned action)
{
	unsigned mode = c->flow->mode;

	if (!bh_app_ends(action))
		return BH_VERDICT_ALLOW;
	if (!c->hold || mode != BH_MODE_PROTECT)
		return mode == BH_MODE_MONITOR ? BH_VERDICT_VIOLATE : BH_VERDICT_ALLOW;
	return action == BH_SENSOR_REJECT ? BH_VERDICT_REJECT : BH_VERDICT_DENY;
}

/* ---- requests ------------------------------------------------------------------------------------------- */

/* Paths that receivers read differently are no exception's. */
static uint64_t
paths_of(const struct bh_sensing *g, struct bh_http_text target)
{
	struct bh_http_path path;

	if (target.at == NULL || bh_http_path(target.at, target.len, &path) != NULL ||
	    path.len > BH_OP_VALUE_MAX)
		return 0;
	return bh_signature_paths(g->scope, path.text, path.len);
}

void
bh_app_plan_request(const struct bh_worker *w, struct bh_app_plan *plan, uint64_t message,
		    struct bh_http_text path)
{
	const struct bh_sensing *g = newest(w);

	if (g == NULL || !bh_signature_has_paths(g->scope))
		return;
	plan->request[plan->n_requests++ % BH_APP_REQUESTS] =
		(struct bh_app_request){message, paths_of(g, path), true};
}

void
bh_app_plan_response(struct bh_app_plan *plan, unsigned status)
{
	/* RFC 9110 15.2: of a request there are any number of interim responses, and a final one. */
	plan->answered += plan->answering && !plan->interim;
	plan->answering = true;
	plan->interim = status < 200 && status != 101;
}

uint64_t
bh_app_plan_paths(const struct bh_app_plan *plan, uint64_t message)
{
	unsigned i;

	for (i = 0; i < BH_APP_REQUESTS; i++) {
		if (plan->request[i].known && plan->request[i].message == message)
			return plan->request[i].paths;
	}
	return 0;
}

uint64_t
bh_app_plan_paths_of_all(const struct bh_app_plan *plan)
{
	uint64_t all = plan->request[0].known ? ~UINT64_C(0) : 0;
	unsigned i;

	for (i = 0; i < BH_APP_REQUESTS; i++) {
		if (plan->request[i].known)
			all &= plan->request[i].paths;
	}
	return plan->n_requests <= BH_APP_REQUESTS ? all : 0;
}

bool
bh_app_plan_excepts(const struct bh_worker *w, const struct bh_app_plan *plan,
		    const struct bh_flow *f, const struct bh_inspect_finding *found)
{
	const struct bh_sensing *g = newest(w);
	char where[BH_INSPECT_NAME_MAX + 32];
	struct bh_app_ends ends;
	struct bh_signature_hit hit = {.class_ = found->class, .where = where};

	if (g == NULL || g->signatures->n_exceptions == 0)
		return false;
	/* A response is the answer to the request of its number, counted without interim ones; in HTTP/2 both have that of
	 * their stream. */
	hit.paths = bh_app_plan_paths(plan, found->side == 1 && !plan->streams ? plan->answered
									       : found->message);
	bh_app_where(found, where, sizeof(where));
	return bh_signature_excepted(g->scope, &hit, bh_app_ends_of(f, &ends));
}

void
bh_app_where(const struct bh_inspect_finding *found, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", bh_inspect_where_name(found->where),
		 found->name[0] != '\0' ? " " : "", found->name);
}
