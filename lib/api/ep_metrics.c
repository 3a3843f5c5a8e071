/* /metrics: what Prometheus reads (text format 0.0.4). Label values are names that the configuration lets through and
 * words of ours: nothing in them needs an escape. */
#include <stdio.h>

#include "api_priv.h"

/* A family: its head, once, then a line a series. */
static void
family(struct bh_buf *b, const char *name, const char *type, const char *help)
{
	bh_buf_printf(b, "# HELP bulkhead_%s %s\n# TYPE bulkhead_%s %s\n", name, help, name, type);
}

static void
series(struct bh_buf *b, const char *name, const char *labels, uint64_t value)
{
	bh_buf_printf(b, "bulkhead_%s%s %llu\n", name, labels, (unsigned long long)value);
}

static void
seconds(struct bh_buf *b, const char *name, const char *labels, uint64_t ns)
{
	bh_buf_printf(b, "bulkhead_%s%s %llu.%03u\n", name, labels,
		      (unsigned long long)(ns / BH_NS_PER_SEC),
		      (unsigned)(ns % BH_NS_PER_SEC / BH_NS_PER_MS));
}

static const char *
by_worker(char out[48], unsigned worker)
{
	snprintf(out, 48, "{worker=\"%u\"}", worker);
	return out;
}

static void
put_workers(struct bh_buf *b, const struct bh_api_ops *ops)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} list[] = {
#define BH_WORKER_METRIC(member, name, type, help)                                                 \
	{name, type, help, offsetof(struct bh_counters, member)},
#define BH_PORT_METRIC(member, name, type, help)
#include "metric.def"
#undef BH_WORKER_METRIC
#undef BH_PORT_METRIC
	};
	unsigned n = ops->n_workers(ops->arg), w;
	struct bh_counters c;
	char labels[48];
	uint64_t v;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(list); i++) {
		family(b, list[i].name, list[i].type, list[i].help);
		for (w = 0; w < n; w++) {
			ops->counters(ops->arg, w, &c);
			memcpy(&v, (const uint8_t *)&c + list[i].offset, sizeof(v));
			series(b, list[i].name, by_worker(labels, w), v);
		}
	}
	family(b, "worker_heartbeat_age_seconds", "gauge", "Time since a worker last answered.");
	for (w = 0; w < n; w++)
		seconds(b, "worker_heartbeat_age_seconds", by_worker(labels, w),
			ops->heartbeat_age_ms(ops->arg, w) * BH_NS_PER_MS);
}

/* An octave a bucket: of the four classes of each the counts are added up. Bounds are whole nanoseconds, and included. */
static void
put_turns(struct bh_buf *b, const struct bh_api_ops *ops)
{
	unsigned n = ops->n_workers(ops->arg), w, i;
	struct bh_counters c;
	char labels[80];

	family(b, "turn_seconds", "histogram",
	       "Time of a worker's turns that had packets, which is how long a packet waits at "
	       "most.");
	for (w = 0; w < n; w++) {
		uint64_t sum = 0;

		ops->counters(ops->arg, w, &c);
		for (i = 0; i < BH_TURN_CLASSES; i++) {
			sum += c.turns[i];
			if (i % 4 != 0 || i == BH_TURN_CLASSES - 1)
				continue;
			snprintf(labels, sizeof(labels), "{worker=\"%u\",le=\"0.%09llu\"}", w,
				 (unsigned long long)bh_turn_bound(i) - 1);
			series(b, "turn_seconds_bucket", labels, sum);
		}
		snprintf(labels, sizeof(labels), "{worker=\"%u\",le=\"+Inf\"}", w);
		series(b, "turn_seconds_bucket", labels, sum);
		bh_buf_printf(b, "bulkhead_turn_seconds_sum%s %llu.%09llu\n", by_worker(labels, w),
			      (unsigned long long)(c.turns_ns / BH_NS_PER_SEC),
			      (unsigned long long)(c.turns_ns % BH_NS_PER_SEC));
		series(b, "turn_seconds_count", labels, sum);
	}
}

/* All reasons from the start, with zeros: a rate needs the value before the first one. */
static void
put_reasons(struct bh_buf *b, const struct bh_api_ops *ops)
{
	struct bh_counters c;
	char labels[160];
	unsigned i;

	ops->counters(ops->arg, UINT32_MAX, &c);
	family(b, "dropped_packets_total", "counter", "Packets dropped, by reason.");
	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (i == BH_REASON_NONE || bh_reason_group(i) == BH_GROUP_PASS)
			continue;
		snprintf(labels, sizeof(labels), "{reason=\"%s\",group=\"%s\"}", bh_reason_name(i),
			 bh_reason_group_name(bh_reason_group(i)));
		series(b, "dropped_packets_total", labels, c.dropped[i]);
	}
	family(b, "exceptions_total", "counter", "Cases that cannot be judged, by case.");
	for (i = 0; i < BH_EXCEPTION_COUNT; i++) {
		snprintf(labels, sizeof(labels), "{exception=\"%s\"}", bh_exception_name(i));
		series(b, "exceptions_total", labels, c.exceptions[i]);
	}
	family(b, "threats_total", "counter", "Threats seen, told or not, by threat.");
	for (i = 0; i < BH_THREAT_COUNT; i++) {
		snprintf(labels, sizeof(labels), "{threat=\"%s\"}", bh_threat_info(i)->key);
		series(b, "threats_total", labels, c.threats[i]);
	}
}

/* ---- of one thing of several: ports, sinks, sources ------------------------------------------------------- */

struct metric {
	const char *name, *type, *help;
};

#define ROW_MAX 12
struct row {
	char labels[160];
	uint64_t value[ROW_MAX]; /* in the order of the metrics; of times nanoseconds */
};
/* The k-th; false: there is none. */
typedef bool (*row_fn)(const struct bh_api_ops *ops, unsigned k, struct row *out);

/* A metric whose name ends so is a time. */
static bool
is_time(const char *name)
{
	static const char end[] = "_seconds";
	size_t len = strlen(name), n = sizeof(end) - 1;

	return len > n && strcmp(name + len - n, end) == 0;
}

static void
put_rows(struct bh_buf *b, const struct bh_api_ops *ops, row_fn row, const struct metric *m,
	 size_t n)
{
	struct row r;
	unsigned k;
	size_t i;

	if (!row(ops, 0, &r))
		return;
	for (i = 0; i < n; i++) {
		family(b, m[i].name, m[i].type, m[i].help);
		for (k = 0; row(ops, k, &r); k++)
			(is_time(m[i].name) ? seconds : series)(b, m[i].name, r.labels, r.value[i]);
	}
}

static bool
port_row(const struct bh_api_ops *ops, unsigned k, struct row *out)
{
	struct bh_api_port p;

	if (k >= ops->n_ports(ops->arg) || !ops->port(ops->arg, k, &p))
		return false;
	snprintf(out->labels, sizeof(out->labels), "{port=\"%s\",pair=\"%s\"}", p.name, p.pair);
	const uint64_t value[ROW_MAX] = {
#define BH_WORKER_METRIC(member, name, type, help)
#define BH_PORT_METRIC(member, name, type, help) p.member,
#include "metric.def"
#undef BH_WORKER_METRIC
#undef BH_PORT_METRIC
	};
	memcpy(out->value, value, sizeof(out->value));
	return true;
}

static const struct metric ports[] = {
#define BH_WORKER_METRIC(member, name, type, help)
#define BH_PORT_METRIC(member, name, type, help) {"port_" name, type, help},
#include "metric.def"
#undef BH_WORKER_METRIC
#undef BH_PORT_METRIC
};

static bool
sink_row(const struct bh_api_ops *ops, unsigned k, struct row *out)
{
	struct bh_api_sink s;

	if (ops->sink == NULL || !ops->sink(ops->arg, k, &s))
		return false;
	snprintf(out->labels, sizeof(out->labels), "{sink=\"%s\",type=\"%s\"}", s.name, s.type);
	memcpy(out->value,
	       (const uint64_t[ROW_MAX]){s.put, s.sent, s.lost, s.failures, s.waiting_bytes, s.up},
	       sizeof(out->value));
	return true;
}

static const struct metric sinks[] = {
	{"sink_records_total", "counter", "Records for a sink."},
	{"sink_sent_records_total", "counter",
	 "Records handed over; again after a connection broke."},
	{"sink_lost_records_total", "counter",
	 "Records that found no room, or are too long for the target."},
	{"sink_failures_total", "counter", "Attempts to send that failed."},
	{"sink_waiting_bytes", "gauge", "Bytes in a sink's spool that were not sent yet."},
	{"sink_up", "gauge", "Whether the last attempt to send worked."},
};

static bool
source_row(const struct bh_api_ops *ops, unsigned k, struct row *out)
{
	struct bh_api_source s;

	if (ops->source == NULL || !ops->source(ops->arg, k, &s))
		return false;
	snprintf(out->labels, sizeof(out->labels), "{source=\"%s\",type=\"%s\"}", s.name, s.type);
	memcpy(out->value,
	       (const uint64_t[ROW_MAX]){s.connected, s.stale, s.objects, s.endpoints, s.left_out,
					 s.refused, s.changes, s.failures, s.age_ns},
	       sizeof(out->value));
	return true;
}

static const struct metric sources[] = {
	{"source_up", "gauge", "Whether all that a source of labels has is watched."},
	{"source_stale", "gauge", "Whether a source has been silent for too long."},
	{"source_objects", "gauge", "Objects that a source has."},
	{"source_endpoints", "gauge", "Endpoints whose labels are a source's."},
	{"source_left_out", "gauge", "Objects whose labels do not fit an endpoint."},
	{"source_refused_total", "counter", "Changes that there was no room for."},
	{"source_changes_total", "counter", "Changes of endpoints by a source."},
	{"source_failures_total", "counter", "Requests to a source that failed."},
	{"source_age_seconds", "gauge",
	 "Time since a source last said anything, or that nothing is new."},
};

/* In the order of their figures. */
static const struct metric fleet[] = {
	{"fleet_connected", "gauge", "Whether the fleet's etcd answers this gateway."},
	{"fleet_in_step", "gauge", "Whether the fleet's revision is in force here."},
	{"fleet_revision", "gauge", "The fleet's revision, as far as it is known here."},
	{"fleet_members", "gauge", "Gateways of the fleet that are known."},
	{"fleet_connected_members", "gauge", "Of them, those that are connected."},
	{"fleet_pending", "gauge", "What is shared and did not get to etcd yet."},
	{"fleet_left_out_total", "counter", "What was to be shared and found no room."},
	{"fleet_reloads_total", "counter", "How often all of the fleet's keys were read."},
	{"fleet_failures_total", "counter", "Requests to the fleet's etcd that failed."},
};

static void
put_fleet(struct bh_buf *b, struct bh_fleet *f)
{
	struct bh_fleet_status s;
	size_t i;

	if (f == NULL)
		return;
	bh_fleet_status(f, &s);
	const uint64_t value[] = {s.connected, s.in_step,           s.revision,
				  s.members,   s.connected_members, s.pending,
				  s.left_out,  s.reloads,           s.failures};

	for (i = 0; i < BH_ARRAY_SIZE(fleet); i++) {
		family(b, fleet[i].name, fleet[i].type, fleet[i].help);
		series(b, fleet[i].name, "", value[i]);
	}
}

static const struct metric pair[] = {
	{"pair_active", "gauge", "Whether this gateway of a pair forwards."},
	{"pair_twin_alive", "gauge", "Whether the other one is heard."},
	{"pair_ready", "gauge", "Whether what one knows the other one has."},
	{"pair_term", "gauge", "How often one of the two began to forward."},
	{"pair_changes_total", "counter", "Changes of this gateway's role."},
	{"pair_joins_total", "counter", "How often all of it was told anew."},
	{"pair_sent_bytes_total", "counter", "What the other one was told."},
	{"pair_received_bytes_total", "counter", "What it told."},
	{"pair_refused_total", "counter", "What came over the links and proved nothing."},
	{"pair_flows_told_total", "counter", "Records of flows that the other one was told."},
	{"pair_flow_walks_total", "counter",
	 "Walks over all flows because more changed than is noted."},
	{"pair_flows_adopted_total", "counter", "Flows that the other one told of."},
	{"pair_flows_renewed_total", "counter", "Records about these."},
	{"pair_flows_ended_total", "counter", "Of these, that ended there."},
	{"pair_flows_left_out_total", "counter", "Records that do not fit here, or had no room."},
	{"pair_flows_cut_total", "counter", "Adopted flows that exceptions.handover ended."},
};

static void
put_pair(struct bh_buf *b, struct bh_pair *p, const struct bh_api_ops *ops)
{
	struct bh_api_pair_flows f = {0};
	struct bh_pair_status s;
	size_t i;

	if (p == NULL)
		return;
	bh_pair_status(p, &s);
	if (ops->pair_flows != NULL)
		ops->pair_flows(ops->arg, &f);
	const uint64_t value[] = {s.role == BH_PAIR_ACTIVE,
				  s.peer_alive,
				  s.ready,
				  s.term,
				  s.changes,
				  s.joins,
				  s.sent_bytes,
				  s.got_bytes,
				  s.refused,
				  f.told,
				  f.walks,
				  f.adopted,
				  f.renewed,
				  f.ended,
				  f.left_out,
				  f.cut};

	for (i = 0; i < BH_ARRAY_SIZE(pair); i++) {
		family(b, pair[i].name, pair[i].type, pair[i].help);
		series(b, pair[i].name, "", value[i]);
	}
}

/* ---------------------------------------------------------------------------------------------------------- */

static void
put_control(struct bh_buf *b, const struct bh_api_ops *ops)
{
	struct bh_api_control c;

	if (ops->control == NULL)
		return;
	ops->control(ops->arg, &c);
	family(b, "event_lines_lost_total", "counter", "Lines that the event file could not take.");
	series(b, "event_lines_lost_total", "", c.event_lines_lost);
	family(b, "audit_entries_lost_total", "counter",
	       "Entries of the audit log that could not be written.");
	series(b, "audit_entries_lost_total", "", c.audit_lost);
}

static void
put_failure(struct bh_buf *b, const struct bh_api_ops *ops)
{
	struct bh_api_failure f;
	char labels[96];

	if (ops->failure == NULL || !ops->failure(ops->arg, &f))
		return;
	family(b, "last_failure_timestamp_seconds", "gauge",
	       "When a gateway was gone and failure said what its ports do, Unix time.");
	snprintf(labels, sizeof(labels), "{cause=\"%s\",action=\"%s\"}", f.cause, f.action);
	series(b, "last_failure_timestamp_seconds", labels, f.time_s);
}

void
bh_api_ep_metrics_get(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_buf b = {0};

	family(&b, "build_info", "gauge", "The version that runs.");
	series(&b, "build_info", "{version=\"" BH_VERSION "\"}", 1);
	family(&b, "start_time_seconds", "gauge", "When the gateway started, Unix time.");
	seconds(&b, "start_time_seconds", "", ops->started_ns(ops->arg));
	family(&b, "policy_revision", "gauge", "Revision of the policy in force.");
	series(&b, "policy_revision", "", bh_policy_revision(req->api->p.policy));
	put_workers(&b, ops);
	put_turns(&b, ops);
	put_reasons(&b, ops);
	put_rows(&b, ops, port_row, ports, BH_ARRAY_SIZE(ports));
	put_rows(&b, ops, sink_row, sinks, BH_ARRAY_SIZE(sinks));
	put_rows(&b, ops, source_row, sources, BH_ARRAY_SIZE(sources));
	put_fleet(&b, req->api->p.fleet);
	put_pair(&b, req->api->p.pair, ops);
	put_control(&b, ops);
	put_failure(&b, ops);
	bh_api_text(req, &b, "text/plain; version=0.0.4; charset=utf-8");
	bh_buf_free(&b);
}
