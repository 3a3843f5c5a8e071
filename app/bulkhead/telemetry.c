/* DPDK's telemetry: its socket in run_dir, and commands of ours there beside DPDK's own, with the figures that /metrics has.
 * Its threads are DPDK's, one a client, ten at most; they read what the API's thread reads.
 *
 * DPDK hands a command no argument of ours: hence one object of file scope, which is empty before the gateway is there and
 * as soon as it goes. */
#include <rte_telemetry.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon.h"

/* Below run_dir, with DPDK's suffix where a socket of this name is alive. */
#define SOCKET "/dpdk/bulkhead/dpdk_telemetry.v2:99"
_Static_assert(BH_REASON_COUNT <= RTE_TEL_MAX_DICT_ENTRIES, "reasons fit one answer");

static struct {
	pthread_mutex_t lock;
	bool there;
	struct bh_daemon *d;
	struct bh_api_ops ops;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
bh_daemon_telemetry_prepare(struct bh_daemon *d)
{
	struct sockaddr_un a;

	if (!d->config.telemetry)
		return;
	if (strlen(d->config.run_dir) + sizeof(SOCKET) > sizeof(a.sun_path)) {
		bh_log(BH_LOG_WARN,
		       "metrics.telemetry: off, because run_dir '%s' is too long for a socket",
		       d->config.run_dir);
		d->config.telemetry = false;
		return;
	}
	setenv("RUNTIME_DIRECTORY", d->config.run_dir, 1);
}

static int
info(struct rte_tel_data *out)
{
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_string(out, "version", BH_VERSION);
	rte_tel_data_add_dict_string(out, "mode", told.ops.mode(told.ops.arg));
	rte_tel_data_add_dict_u64(out, "uptime_seconds", told.ops.uptime_ms(told.ops.arg) / 1000);
	rte_tel_data_add_dict_u64(out, "policy_revision", bh_policy_revision(told.d->policy));
	return 0;
}

static int
workers(struct rte_tel_data *out)
{
	unsigned n = told.ops.n_workers(told.ops.arg), i;

	rte_tel_data_start_array(out, RTE_TEL_INT_VAL);
	for (i = 0; i < n && i < RTE_TEL_MAX_ARRAY_ENTRIES; i++)
		rte_tel_data_add_array_int(out, (int)i);
	return 0;
}

static int
worker(unsigned long index, struct rte_tel_data *out)
{
	struct bh_counters c;

	if (index >= told.ops.n_workers(told.ops.arg))
		return -1;
	told.ops.counters(told.ops.arg, (uint32_t)index, &c);
	rte_tel_data_start_dict(out);
#define BH_WORKER_METRIC(member, name, type, help) rte_tel_data_add_dict_u64(out, name, c.member);
#define BH_PORT_METRIC(member, name, type, help)
#include "../../lib/api/metric.def"
#undef BH_WORKER_METRIC
#undef BH_PORT_METRIC
	return 0;
}

static int
ports(struct rte_tel_data *out)
{
	struct bh_api_port p;
	unsigned i;

	rte_tel_data_start_array(out, RTE_TEL_STRING_VAL);
	for (i = 0; told.ops.port(told.ops.arg, i, &p); i++)
		rte_tel_data_add_array_string(out, p.name);
	return 0;
}

static int
port(const char *name, struct rte_tel_data *out)
{
	struct bh_api_port p;
	unsigned i;

	for (i = 0; told.ops.port(told.ops.arg, i, &p); i++) {
		if (strcmp(p.name, name) != 0)
			continue;
		rte_tel_data_start_dict(out);
		rte_tel_data_add_dict_string(out, "pair", p.pair);
		rte_tel_data_add_dict_string(out, "device", p.device);
		rte_tel_data_add_dict_string(out, "driver", p.driver);
#define BH_WORKER_METRIC(member, name, type, help)
#define BH_PORT_METRIC(member, name, type, help) rte_tel_data_add_dict_u64(out, name, p.member);
#include "../../lib/api/metric.def"
#undef BH_WORKER_METRIC
#undef BH_PORT_METRIC
		return 0;
	}
	return -1;
}

static int
drops(struct rte_tel_data *out)
{
	struct bh_counters c;
	unsigned i;

	told.ops.counters(told.ops.arg, UINT32_MAX, &c);
	rte_tel_data_start_dict(out);
	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (i != BH_REASON_NONE && bh_reason_group(i) != BH_GROUP_PASS)
			rte_tel_data_add_dict_u64(out, bh_reason_name(i), c.dropped[i]);
	}
	return 0;
}

static int
answer(const char *what, const char *which, struct rte_tel_data *out)
{
	char *end;
	unsigned long n;

	if (strcmp(what, "info") == 0)
		return info(out);
	if (strcmp(what, "workers") == 0)
		return workers(out);
	if (strcmp(what, "ports") == 0)
		return ports(out);
	if (strcmp(what, "drops") == 0)
		return drops(out);
	if (which == NULL || which[0] == '\0')
		return -1;
	if (strcmp(what, "port") == 0)
		return port(which, out);
	n = strtoul(which, &end, 10);
	return *end == '\0' && which[0] != '-' ? worker(n, out) : -1;
}

static int
on_command(const char *command, const char *which, struct rte_tel_data *out)
{
	int rc = -1;

	pthread_mutex_lock(&told.lock);
	if (told.there)
		rc = answer(command + sizeof("/bulkhead/") - 1, which, out);
	pthread_mutex_unlock(&told.lock);
	return rc;
}

void
bh_daemon_telemetry_begin(struct bh_daemon *d)
{
	static const char *const list[][2] = {
		{"/bulkhead/info", "Version, mode, uptime, revision of the policy. No parameter"},
		{"/bulkhead/workers", "Numbers of the workers. No parameter"},
		{"/bulkhead/worker", "Counters of a worker. Parameter: its number"},
		{"/bulkhead/ports", "Names of the ports. No parameter"},
		{"/bulkhead/port", "Counters of a port. Parameter: its name"},
		{"/bulkhead/drops", "Packets dropped, by reason. No parameter"},
	};
	size_t i;

	if (!d->config.telemetry)
		return;
	pthread_mutex_lock(&told.lock);
	told.d = d;
	bh_daemon_ops(d, &told.ops);
	told.there = true;
	pthread_mutex_unlock(&told.lock);
	for (i = 0; i < BH_ARRAY_SIZE(list); i++)
		rte_telemetry_register_cmd(list[i][0], on_command, list[i][1]);
}

void
bh_daemon_telemetry_end(void)
{
	pthread_mutex_lock(&told.lock);
	told.there = false;
	pthread_mutex_unlock(&told.lock);
}
