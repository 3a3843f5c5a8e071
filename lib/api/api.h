/* api: REST /api/v1 on libmicrohttpd. route.def is the one list of endpoints.
 *
 * Usage     fill bh_api_params, bh_api_start(), bh_api_stop().
 * Threads   one polling thread inside libmicrohttpd; it calls the operations below, which must be safe
 *           from it. Nothing here runs on a packet core.
 * Lifetime  params are copied; what ops points to outlives the server.
 */
#ifndef BH_API_H
#define BH_API_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../gateway/gateway.h"
#include "../policy/policy.h"

/* JSON-ready facts of a port. */
struct bh_api_port {
	char name[32], device[256], driver[64], ifname[16], pair[32];
	bool inside, link_up, forced_down;
	uint16_t mtu, rx_queues, tx_queues;
	struct bh_wire_counters wire;
	uint64_t rx_missed, rx_errors, tx_errors, rx_nombuf; /* device */
};

/* All that the API knows of the running gateway. */
struct bh_api_ops {
	void *arg;
	unsigned (*n_workers)(void *arg);
	uint64_t (*heartbeat_age_ms)(void *arg, unsigned worker);
	void (*counters)(void *arg, uint32_t worker, struct bh_counters *out);
	int (*flows)(void *arg, struct bh_flow_query *q, struct bh_flow_copy *out);
	unsigned (*n_ports)(void *arg);
	/* false when index is out of range */
	bool (*port)(void *arg, unsigned index, struct bh_api_port *out);
	const char *(*steering)(void *arg); /* "single", "rss", "software" */
	/* Replace the policy: write the file (atomic rename), then publish. dry_run writes nothing. */
	int (*policy_put)(void *arg, const char *text, size_t len, bool dry_run,
			  struct bh_policy_change *change, struct bh_err *err);
	uint64_t (*uptime_ms)(void *arg);
	uint64_t (*started_ns)(void *arg);
	const char *(*mode)(void *arg);
};

struct bh_api_params {
	char listen[256]; /* "127.0.0.1:8471", "[::1]:8471"; port 0: any free one */
	char token[256];  /* bearer token for changes; "" = changes are refused */
	uint64_t max_body;
	unsigned max_connections; /* default 64 */
	unsigned timeout_s;       /* default 10 */
	struct bh_policy *policy;
	struct bh_api_ops ops;
};

struct bh_api;

int bh_api_start(struct bh_api **out, const struct bh_api_params *params, struct bh_err *err);
void bh_api_stop(struct bh_api *api); /* NULL is fine */
uint16_t bh_api_port_number(const struct bh_api *api);

#endif
