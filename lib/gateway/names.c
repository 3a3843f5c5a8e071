/* What a record says of an end beyond its numbers: the labels it has. Control threads. */
#include "gateway.h"

struct labels {
	struct bh_json *j;
	const char *key;
};

static bool
put(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n_segments)
{
	struct labels *l = arg;
	unsigned i;

	(void)segments;
	(void)n_segments;
	bh_json_open(l->j, l->key, '{');
	for (i = 0; i < e->n_labels; i++)
		bh_json_str(l->j, e->labels[i].key, e->labels[i].value);
	bh_json_close(l->j, '}');
	return false;
}

void
bh_gateway_put_labels(struct bh_policy *policy, struct bh_json *j, const char *key,
		      const struct bh_flow_key *flow, unsigned end)
{
	struct labels l = {j, key};

	if (flow->family == BH_IP4 || flow->family == BH_IP6)
		bh_policy_endpoint_resolve(policy, flow->addr[end & 1].b, flow->family,
					   flow->tenant, put, &l);
}
