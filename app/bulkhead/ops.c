/* What the API may ask of the running gateway. Called from the API's thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"

static unsigned
op_n_workers(void *arg)
{
	return ((struct bh_daemon *)arg)->n_workers;
}

static uint64_t
op_heartbeat_age_ms(void *arg, unsigned worker)
{
	return bh_gateway_heartbeat_age_ms(((struct bh_daemon *)arg)->gateway, worker);
}

static void
op_counters(void *arg, uint32_t worker, struct bh_counters *out)
{
	bh_gateway_counters(((struct bh_daemon *)arg)->gateway, worker, out);
}

static int
op_flows(void *arg, struct bh_flow_query *q, struct bh_flow_copy *out)
{
	return bh_gateway_flows(((struct bh_daemon *)arg)->gateway, q, out);
}

static unsigned
op_n_ports(void *arg)
{
	return ((struct bh_daemon *)arg)->n_ports;
}

static bool
op_port(void *arg, unsigned index, struct bh_api_port *out)
{
	struct bh_daemon *d = arg;
	const struct bh_port_info *info;
	struct bh_port_stats stats;

	if (index >= d->n_ports)
		return false;
	info = bh_port_info(d->port[index]);
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", info->name);
	snprintf(out->device, sizeof(out->device), "%s", info->device);
	snprintf(out->driver, sizeof(out->driver), "%s", info->driver);
	snprintf(out->ifname, sizeof(out->ifname), "%s", info->ifname);
	snprintf(out->pair, sizeof(out->pair), "%s", d->config.pair[d->pair_of[index]].name);
	out->inside = d->inside[index];
	out->link_up = d->link[index].up && !d->link[index].forced;
	out->forced_down = d->link[index].forced;
	out->mtu = info->mtu;
	out->rx_queues = info->rx_queues;
	out->tx_queues = info->tx_queues;
	bh_gateway_wire_counters(d->gateway, index, &out->wire);
	bh_port_stats(d->port[index], &stats);
	out->rx_missed = stats.rx_missed;
	out->rx_errors = stats.rx_errors;
	out->tx_errors = stats.tx_errors;
	out->rx_nombuf = stats.rx_nombuf;
	return true;
}

static const char *
op_steering(void *arg)
{
	static const char *const names[] = {"single", "rss", "software"};

	return names[((struct bh_daemon *)arg)->steering];
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* A crash at any moment leaves the old file or the new one, whole. */
static int
replace_file(const char *path, const char *text, size_t len, struct bh_err *err)
{
	const char *slash = strrchr(path, '/');
	char tmp[300], dir[300] = ".";
	int fd, rc;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	if (slash != NULL)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash + 1 - path), path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		rc = -errno;
		return bh_err_set(err, -rc, "cannot write %s: %s", tmp, strerror(-rc));
	}
	rc = write_all(fd, text, len);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, path) != 0)
		rc = -errno;
	if (rc != 0) {
		unlink(tmp);
		return bh_err_set(err, -rc, "cannot write %s: %s; the policy in force stays", path,
				  strerror(-rc));
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return 0;
}

static int
put_locked(struct bh_daemon *d, const char *text, size_t len, struct bh_policy_change *change,
	   struct bh_err *err)
{
	const char *path = d->config.policy_file;
	struct bh_buf old = {0};
	int rc;

	if (path[0] == '\0')
		return bh_err_set(
			err, EROFS,
			"no policy file is configured: set `policy:` in the configuration, so that "
			"the policy survives a restart");
	rc = bh_policy_load_text(d->policy, "request body", text, len, true, change, err);
	if (rc == 0)
		rc = bh_daemon_sensors_try(d, text, len, err);
	if (rc != 0)
		return rc;
	rc = replace_file(path, text, len, err);
	if (rc != 0)
		return rc;
	bh_policy_text(d->policy, &old);
	rc = bh_policy_load_text(d->policy, path, text, len, false, change, err);
	/* It was accepted a moment ago; only memory can fail now. Keep file and gateway the same. */
	if (rc != 0 && !old.failed)
		replace_file(path, old.data != NULL ? old.data : "", old.len, NULL);
	bh_buf_free(&old);
	if (rc == 0)
		bh_daemon_sensors_follow(d);
	return rc;
}

static int
op_policy_put(void *arg, const char *text, size_t len, bool dry_run,
	      struct bh_policy_change *change, struct bh_err *err)
{
	struct bh_daemon *d = arg;
	int rc;

	if (dry_run) {
		rc = bh_policy_load_text(d->policy, "request body", text, len, true, change, err);
		return rc == 0 ? bh_daemon_sensors_try(d, text, len, err) : rc;
	}
	pthread_mutex_lock(&d->put_lock);
	rc = put_locked(d, text, len, change, err);
	pthread_mutex_unlock(&d->put_lock);
	if (rc == 0)
		bh_log(BH_LOG_INFO,
		       "policy in force, revision %u: %u rules, %u segments, %u endpoints",
		       change->revision, change->rules, change->segments, change->endpoints);
	return rc;
}

static uint64_t
op_uptime_ms(void *arg)
{
	struct bh_daemon *d = arg;

	return (bh_clock_system.mono_ns(NULL) - d->started_mono_ns) / BH_NS_PER_MS;
}

static uint64_t
op_started_ns(void *arg)
{
	return ((struct bh_daemon *)arg)->started_wall_ns;
}

static void
op_control(void *arg, struct bh_api_control *out)
{
	static const char *const masks[] = {"dlp", "always", "never"};
	static const char *const actions[] = {"off", "alert", "deny", "reject"};
	struct bh_daemon *d = arg;
	struct bh_eve_file_stats lines = {0};
	unsigned i;

	if (d->eve != NULL)
		bh_eve_file_stats(d->eve, &lines);
	*out = (struct bh_api_control){
		.inspect = actions[d->config.inspect & 3],
		.evidence_mask = d->config.evidence_path[0] != '\0'
					 ? masks[d->config.evidence_mask % 3]
					 : "",
		.events = d->config.eve_file,
		.n_sensor_files = d->config.n_sensor_files,
		.sensors = atomic_load(&d->sensors_in_use),
		.sensor_rules = atomic_load(&d->sensor_rules),
		.sensors_loaded_ns = atomic_load(&d->sensors_loaded_ns),
		.event_lines_lost = lines.lost,
		.audit_lost = d->store != NULL ? bh_store_audit_lost(d->store) : 0,
	};
	for (i = 0; i < d->config.n_sensor_files; i++)
		out->sensor_file[i] = d->config.sensor_file[i];
}

/* Acquire: the words were written before the time. */
static bool
op_failure(void *arg, struct bh_api_failure *out)
{
	struct bh_daemon *d = arg;

	*out = (struct bh_api_failure){
		.time_s = __atomic_load_n(&d->failure.time_s, __ATOMIC_ACQUIRE),
		.cause = d->failure.cause,
		.action = d->failure.action,
	};
	return out->time_s != 0;
}

static const char *
op_mode(void *arg)
{
	return bh_mode_name(((struct bh_daemon *)arg)->config.mode);
}

void
bh_daemon_ops(struct bh_daemon *d, struct bh_api_ops *ops)
{
	*ops = (struct bh_api_ops){
		.arg = d,
		.n_workers = op_n_workers,
		.heartbeat_age_ms = op_heartbeat_age_ms,
		.counters = op_counters,
		.flows = op_flows,
		.n_ports = op_n_ports,
		.port = op_port,
		.steering = op_steering,
		.policy_put = op_policy_put,
		.policy_commit = bh_daemon_commit,
		.policy_rollback = bh_daemon_rollback,
		.policy_confirm = d->fleet != NULL ? bh_daemon_confirm_revision : NULL,
		.modes_set = bh_daemon_modes_set,
		.learn_segment = bh_daemon_learn_segment,
		.rule_use = bh_daemon_rule_use,
		.control = op_control,
		.sink = bh_daemon_sink,
		.log = bh_daemon_log_line,
		.failure = op_failure,
		.pair_flows = bh_daemon_pair_flows,
		.source = bh_daemon_source,
		.endpoints_pushed = bh_daemon_endpoints_pushed,
		.endpoints_applied = bh_daemon_endpoints_applied,
		.uptime_ms = op_uptime_ms,
		.started_ns = op_started_ns,
		.mode = op_mode,
	};
}
