/* /stats: every counter there is. */
#include "api_priv.h"

/* The counters that are one number, under their names in struct bh_counters. A test sees to it that none
 * is left out. */
static const struct {
	const char *name;
	size_t offset;
} scalars[] = {
#define COUNTER(m)                                                                                 \
	{                                                                                          \
#m, offsetof(struct bh_counters, m)                                                \
	}
	COUNTER(packets),
	COUNTER(bytes),
	COUNTER(forwarded),
	COUNTER(forwarded_bytes),
	COUNTER(held),
	COUNTER(answers),
	COUNTER(answers_suppressed),
	COUNTER(partial_checksums),
	COUNTER(flows_opened),
	COUNTER(flows_ended),
	COUNTER(flows_evicted),
	COUNTER(flows_relabelled),
	COUNTER(judged),
	COUNTER(steered),
	COUNTER(apps_named),
	COUNTER(apps_unasked),
	COUNTER(findings),
	COUNTER(names_held),
	COUNTER(events_lost),
	COUNTER(polls),
	COUNTER(empty_polls),
	COUNTER(flows),
#undef COUNTER
};
/* {"default_deny": {"group": "policy", "packets": 3}, ...}; zeros are left out, /reasons has them. */
static json_t *
by_reason(const uint64_t count[BH_REASON_COUNT])
{
	json_t *o = json_object();
	unsigned i;

	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (count[i] != 0)
			json_object_set_new(o, bh_reason_name(i),
					    json_pack("{s:s, s:I}", "group",
						      bh_reason_group_name(bh_reason_group(i)),
						      "packets", (json_int_t)count[i]));
	}
	return o;
}

/* {"tcp_conflict": 2, ...}; zeros are left out. */
static json_t *
by_exception(const uint64_t count[BH_EXCEPTION_COUNT])
{
	json_t *o = json_object();
	unsigned i;

	for (i = 0; i < BH_EXCEPTION_COUNT; i++) {
		if (count[i] != 0)
			json_object_set_new(o, bh_exception_name(i),
					    json_integer((json_int_t)count[i]));
	}
	return o;
}

/* The same of threats. */
static json_t *
by_threat(const uint64_t count[BH_THREAT_COUNT])
{
	json_t *o = json_object();
	unsigned i;

	for (i = 0; i < BH_THREAT_COUNT; i++) {
		if (count[i] != 0)
			json_object_set_new(o, bh_threat_info(i)->key,
					    json_integer((json_int_t)count[i]));
	}
	return o;
}

/* The last class has none: the one before says from where on it is. */
static json_int_t
bound_of(unsigned i)
{
	return (json_int_t)bh_turn_bound(i < BH_TURN_CLASSES - 1 ? i : BH_TURN_CLASSES - 2);
}

/* The time that so many of n turns took at most. */
static json_int_t
quantile(const struct bh_counters *c, uint64_t n, uint64_t permille)
{
	uint64_t want = n - n * (1000 - permille) / 1000, sum = 0;
	unsigned i;

	for (i = 0; i < BH_TURN_CLASSES - 2 && (sum += c->turns[i]) < want; i++)
		;
	return n == 0 ? 0 : bound_of(i);
}

/* Since the start, and the classes that are not empty, for whoever wants the time between two looks. */
static json_t *
turns_json(const struct bh_counters *c)
{
	json_t *classes = json_array();
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < BH_TURN_CLASSES; i++) {
		n += c->turns[i];
		if (c->turns[i] != 0)
			json_array_append_new(classes, json_pack("[I, I]", bound_of(i),
								 (json_int_t)c->turns[i]));
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)n, "sum",
			 (json_int_t)c->turns_ns, "p50", quantile(c, n, 500), "p99",
			 quantile(c, n, 990), "p999", quantile(c, n, 999), "classes", classes);
}

static json_t *
counters_json(const struct bh_api_ops *ops, uint32_t worker)
{
	json_t *o = json_object();
	struct bh_counters c;
	size_t i;

	ops->counters(ops->arg, worker, &c);
	for (i = 0; i < BH_ARRAY_SIZE(scalars); i++) {
		uint64_t v;

		memcpy(&v, (const uint8_t *)&c + scalars[i].offset, sizeof(v));
		json_object_set_new(o, scalars[i].name, json_integer((json_int_t)v));
	}
	json_object_set_new(o, "dropped", json_integer((json_int_t)bh_counters_dropped(&c)));
	json_object_set_new(o, "dropped_by_reason", by_reason(c.dropped));
	json_object_set_new(o, "passed_by_reason", by_reason(c.passed));
	json_object_set_new(o, "exceptions", by_exception(c.exceptions));
	json_object_set_new(o, "threats", by_threat(c.threats));
	json_object_set_new(o, "turn_ns", turns_json(&c));
	return o;
}

static json_t *
workers_json(const struct bh_api_ops *ops)
{
	unsigned n = ops->n_workers(ops->arg), i;
	json_t *list = json_array(), *o;

	for (i = 0; i < n; i++) {
		o = counters_json(ops, i);
		json_object_set_new(o, "worker", json_integer(i));
		json_object_set_new(o, "heartbeat_age_ms",
				    json_integer((json_int_t)ops->heartbeat_age_ms(ops->arg, i)));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
port_json(const struct bh_api_port *p)
{
	json_t *o = json_object(), *device;

	json_object_set_new(o, "name", bh_api_str(p->name));
	json_object_set_new(o, "pair", bh_api_str(p->pair));
	json_object_set_new(o, "side", json_string(p->inside ? "inside" : "outside"));
	json_object_set_new(o, "device", bh_api_str(p->device));
	json_object_set_new(o, "driver", bh_api_str(p->driver));
	json_object_set_new(o, "interface", bh_api_str(p->ifname));
	json_object_set_new(o, "link",
			    json_string(p->forced_down ? "held-down"
					: p->link_up   ? "up"
						       : "down"));
	json_object_set_new(o, "mtu", json_integer(p->mtu));
	json_object_set_new(o, "rx_queues", json_integer(p->rx_queues));
	json_object_set_new(o, "tx_queues", json_integer(p->tx_queues));
	json_object_set_new(o, "rx_packets", json_integer((json_int_t)p->wire.rx_packets));
	json_object_set_new(o, "rx_bytes", json_integer((json_int_t)p->wire.rx_bytes));
	json_object_set_new(o, "tx_packets", json_integer((json_int_t)p->wire.tx_packets));
	json_object_set_new(o, "tx_bytes", json_integer((json_int_t)p->wire.tx_bytes));
	json_object_set_new(o, "dropped", json_integer((json_int_t)p->wire.dropped));
	device = json_pack("{s:I, s:I, s:I, s:I}", "rx_missed", (json_int_t)p->rx_missed,
			   "rx_errors", (json_int_t)p->rx_errors, "tx_errors",
			   (json_int_t)p->tx_errors, "rx_nombuf", (json_int_t)p->rx_nombuf);
	json_object_update(o, device);
	json_decref(device);
	return o;
}

static json_t *
ports_json(const struct bh_api_ops *ops)
{
	unsigned n = ops->n_ports(ops->arg), i;
	json_t *list = json_array();
	struct bh_api_port port;

	for (i = 0; i < n; i++) {
		if (ops->port(ops->arg, i, &port))
			json_array_append_new(list, port_json(&port));
	}
	return list;
}

void
bh_api_ep_ports_list(struct bh_api_req *req)
{
	bh_api_json(req, 200,
		    json_pack("{s:o, s:n}", "items", ports_json(&req->api->p.ops), "next"));
}

void
bh_api_ep_workers_list(struct bh_api_req *req)
{
	bh_api_json(req, 200,
		    json_pack("{s:o, s:n}", "items", workers_json(&req->api->p.ops), "next"));
}

/* The event store; nothing where there is none. */
static void
put_events(struct bh_api_req *req, json_t *answer)
{
	struct bh_record_stats s;

	if (req->api->p.record == NULL)
		return;
	bh_record_stats(req->api->p.record, &s);
	json_object_set_new(answer, "event_store",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "stored",
				      (json_int_t)s.stored, "lost", (json_int_t)s.lost, "deleted",
				      (json_int_t)s.deleted, "oldest", (json_int_t)s.oldest,
				      "newest", (json_int_t)s.newest, "bytes", (json_int_t)s.bytes,
				      "failing", s.failing));
}

static json_t *
sinks_json(const struct bh_api_ops *ops)
{
	json_t *list = json_array();
	struct bh_api_sink s;
	unsigned i;

	for (i = 0; ops->sink != NULL && ops->sink(ops->arg, i, &s); i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "name",
						s.name, "type", s.type, "up", s.up, "put",
						(json_int_t)s.put, "sent", (json_int_t)s.sent,
						"lost", (json_int_t)s.lost, "failures",
						(json_int_t)s.failures, "waiting_bytes",
						(json_int_t)s.waiting_bytes));
	return list;
}

void
bh_api_ep_stats_get(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	json_t *answer;

	answer = json_pack("{s:o, s:I, s:s, s:s, s:I, s:o, s:o, s:o}", "started",
			   bh_api_time(ops->started_ns(ops->arg)), "uptime_ms",
			   (json_int_t)ops->uptime_ms(ops->arg), "mode", ops->mode(ops->arg),
			   "steering", ops->steering(ops->arg), "policy_revision",
			   (json_int_t)bh_policy_revision(req->api->p.policy), "total",
			   counters_json(ops, UINT32_MAX), "workers", workers_json(ops), "ports",
			   ports_json(ops));
	put_events(req, answer);
	json_object_set_new(answer, "sinks", sinks_json(ops));
	bh_api_json(req, 200, answer);
}
