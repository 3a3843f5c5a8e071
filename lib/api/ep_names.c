/* /names: addresses that segments have by DNS name now. */
#include "../policy/host.h"
#include "api_priv.h"

struct list {
	size_t at, from, limit;
	const char *name; /* NULL: all */
	json_t *items;
	bool more;
};

static bool
list_add(void *arg, const struct bh_name_answer *a, uint64_t left_ns)
{
	struct bh_prefix address = {.family = a->family, .len = a->family == BH_IP6 ? 128 : 32};
	struct list *l = arg;
	char text[64];

	if ((l->name != NULL && strcmp(l->name, a->name) != 0) || l->at++ < l->from)
		return true;
	if (json_array_size(l->items) == l->limit) {
		l->more = true;
		return false;
	}
	memcpy(address.addr, a->addr, sizeof(address.addr));
	bh_prefix_format(&address, text, sizeof(text));
	json_array_append_new(l->items,
			      json_pack("{s:o, s:s, s:I}", "name", bh_api_str(a->name), "address",
					text, "left_ms", (json_int_t)(left_ns / BH_NS_PER_MS)));
	return true;
}

/* In no order; what comes and goes between two pages may be missed there. */
void
bh_api_ep_names_list(struct bh_api_req *req)
{
	struct list l = {.name = bh_api_arg(req, "name")};

	if (!bh_api_arg_limit(req, &l.limit) || !bh_api_arg_position(req, &l.from))
		return;
	l.items = json_array();
	bh_policy_names_each(req->api->p.policy, bh_clock_system.mono_ns(NULL), list_add, &l);
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o}", "items", l.items, "next",
			      l.more ? bh_api_position(req, l.from + l.limit) : json_null()));
}
