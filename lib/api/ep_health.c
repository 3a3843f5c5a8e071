/* /health: is the gateway doing its work? For probes: 200 or 503, no token. */
#include "api_priv.h"

static void add(json_t *reasons, const char *fmt, ...) BH_PRINTF(2, 3);

static void
add(json_t *reasons, const char *fmt, ...)
{
	struct bh_buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (!b.failed)
		json_array_append_new(reasons, bh_api_str(b.data));
	bh_buf_free(&b);
}

static json_t *
check_workers(const struct bh_api *api, json_t *reasons)
{
	const struct bh_api_ops *ops = &api->p.ops;
	unsigned n = ops->n_workers(ops->arg), i;
	json_t *list = json_array();

	for (i = 0; i < n; i++) {
		uint64_t age = ops->heartbeat_age_ms(ops->arg, i);

		if (age > api->p.heartbeat_max_ms)
			add(reasons, "worker %u has been silent for %llu ms", i,
			    (unsigned long long)age);
		json_array_append_new(list, json_pack("{s:i, s:I}", "worker", (int)i,
						      "heartbeat_age_ms", (json_int_t)age));
	}
	return list;
}

/* A port that carry holds down is not at fault itself: its peer is named. */
static void
check_ports(const struct bh_api *api, json_t *reasons)
{
	const struct bh_api_ops *ops = &api->p.ops;
	unsigned n = ops->n_ports(ops->arg), i;
	struct bh_api_port port;

	for (i = 0; i < n; i++) {
		if (ops->port(ops->arg, i, &port) && !port.link_up && !port.forced_down)
			add(reasons, "port %s (%s) has no link", port.name, port.device);
	}
}

void
bh_api_ep_health_get(struct bh_api_req *req)
{
	const struct bh_api *api = req->api;
	const struct bh_api_ops *ops = &api->p.ops;
	uint32_t revision = bh_policy_revision(api->p.policy);
	const char *mode = ops->mode(ops->arg);
	json_t *reasons = json_array(), *workers;
	bool ok;

	workers = check_workers(api, reasons);
	check_ports(api, reasons);
	if (revision == 0 && strcmp(mode, bh_mode_name(BH_MODE_DISCOVER)) != 0)
		add(reasons, "no policy is loaded");
	ok = json_array_size(reasons) == 0;
	bh_api_json(req, ok ? 200 : 503,
		    json_pack("{s:s, s:o, s:b, s:I, s:s, s:I, s:o}", "status",
			      ok ? "ok" : "degraded", "reasons", reasons, "policy_loaded",
			      revision != 0, "policy_revision", (json_int_t)revision, "mode", mode,
			      "uptime_ms", (json_int_t)ops->uptime_ms(ops->arg), "workers",
			      workers));
}
