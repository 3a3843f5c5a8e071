/* The sensors' files: read at start, and again with SIGHUP. Compiling takes seconds: aside, while packets, events and the
 * watch over the workers go on. */
#include <string.h>

#include "../../lib/signature/signature.h"
#include "daemon.h"

static int
load(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_sensor_load done;
	int rc = bh_gateway_load_sensors(d->gateway, d->policy, &done, err);

	if (rc != 0)
		return rc;
	atomic_store(&d->sensors_in_use, done.sensors);
	atomic_store(&d->sensor_rules, done.rules);
	atomic_store(&d->sensors_loaded_ns, bh_clock_system.wall_ns(NULL));
	bh_log(BH_LOG_INFO, "sensors in use: %u with %u rules", done.sensors, done.rules);
	if (done.unkept)
		bh_log(BH_LOG_WARN, "sensors: the action capture keeps no packets without "
				    "evidence.path: set it, or attach with alert");
	if (done.left_out + done.changed != 0)
		bh_log(BH_LOG_WARN,
		       "sensors: %u rules left out, %u changed: bulkheadctl sensors check FILE "
		       "lists them",
		       done.left_out, done.changed);
	return 0;
}

int
bh_daemon_sensors_start(struct bh_daemon *d, struct bh_err *err)
{
	return d->config.n_sensor_files != 0 ? load(d, err) : 0;
}

static void *
reload(void *daemon)
{
	struct bh_daemon *d = daemon;
	struct bh_err err = {0};
	char text[1024];

	if (load(d, &err) != 0) {
		bh_err_format(&err, text, sizeof(text));
		bh_log(BH_LOG_ERROR, "sensors refused, those in use stay: %s", text);
	}
	atomic_store(&d->sensors_loading, false);
	return NULL;
}

void
bh_daemon_sensors_reload(struct bh_daemon *d)
{
	if (d->config.n_sensor_files == 0)
		return;
	if (atomic_exchange(&d->sensors_loading, true)) {
		bh_log(BH_LOG_WARN, "sensors are being loaded: send the signal again afterwards");
		return;
	}
	bh_daemon_sensors_join(d);
	if (pthread_create(&d->sensors_thread, NULL, reload, d) != 0) {
		bh_log(BH_LOG_ERROR, "sensors stay as they are: no thread to load them");
		atomic_store(&d->sensors_loading, false);
		return;
	}
	d->sensors_joinable = true;
}

void
bh_daemon_sensors_join(struct bh_daemon *d)
{
	if (d->sensors_joinable)
		pthread_join(d->sensors_thread, NULL);
	d->sensors_joinable = false;
}

int
bh_daemon_sensors_check(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_signatures *s = NULL;
	int rc = 0;

	if (d->config.n_sensor_files != 0)
		rc = bh_gateway_read_sensors(&d->config, &s, err);
	bh_signatures_free(s);
	return rc;
}
