/* bulkhead: the gateway's daemon. Start in the order that lets nothing pass early: configuration,
 * policy, devices, tables, workers, and the ports last. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "daemon.h"

static const char usage[] =
	"usage: bulkhead -c CONFIG [--adopt [--background] | --check]\n"
	"\n"
	"Stands on the wire between segments and passes what the policy allows.\n"
	"\n"
	"  -c, --config FILE   configuration (docs/configuration.md; a sample: "
	"config/bulkhead.yaml)\n"
	"      --adopt         take over from the gateway that runs with this run_dir: its ports "
	"and\n"
	"                      flows, without a gap (docs/deploy.md); if that fails, it goes on\n"
	"      --background    with --adopt: return once it forwards, or has given up, and leave "
	"it "
	"running\n"
	"      --check         read configuration, policy and sensors, say what is wrong, and end\n"
	"      --version       print the version\n"
	"      --help          print this\n"
	"\n"
	"Signals: SIGTERM, SIGINT drain and end; SIGHUP loads the policy and the sensors' files "
	"again and reopens\n"
	"the event file. What is refused leaves the one before in force.\n"
	"Exit: 0 ended by a signal or --check found nothing, 1 a device, port or memory failed,\n"
	"2 configuration, policy or command line is wrong, 70 a worker stopped answering.\n";

struct options {
	const char *config;
	bool check, adopt, background;
};

/* Returns -1 to go on, else the exit code. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"adopt", no_argument, NULL, 'a'},
		{"background", no_argument, NULL, 'b'},
		{"check", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'a':
			o->adopt = true;
			break;
		case 'b':
			o->background = true;
			break;
		case 'k':
			o->check = true;
			break;
		case 'v':
			printf("bulkhead %s\n", BH_VERSION);
			return BH_EXIT_OK;
		case 'h':
			fputs(usage, stdout);
			return BH_EXIT_OK;
		default:
			fputs(usage, stderr);
			return BH_EXIT_CONFIG;
		}
	}
	if (o->config == NULL || optind != argc || (o->background && !o->adopt)) {
		fputs(o->config == NULL ? "bulkhead: no configuration: give -c FILE\n"
		      : optind != argc  ? "bulkhead: unexpected argument\n"
					: "bulkhead: --background is for --adopt alone\n",
		      stderr);
		fputs(usage, stderr);
		return BH_EXIT_CONFIG;
	}
	return -1;
}

/* ---- policy ----------------------------------------------------------------------------------------- */

/* The model exists before the gateway, so that a bad policy stops the program before a device is
 * touched; what it publishes meanwhile is handed on by start_gateway. */
struct early_view {
	const struct bh_view *view;
	struct bh_gateway *gateway;
	_Atomic bool running; /* workers have been started */
};
static void
publish(void *arg, const struct bh_view *view)
{
	struct early_view *early = arg;

	early->view = view;
	if (early->gateway != NULL)
		bh_gateway_publish(early->gateway, view);
}

static void
retire(void *arg, void *obj, void (*free_fn)(void *obj))
{
	struct early_view *early = arg;

	if (early->gateway != NULL)
		bh_gateway_retire(early->gateway, obj, free_fn);
	else
		free_fn(obj);
}

static void
settle(void *arg)
{
	struct early_view *early = arg;

	/* Workers that do not run yet begin with the newest. */
	if (early->running && bh_gateway_settle(early->gateway) != 0)
		bh_log(BH_LOG_WARN, "a worker has not taken up a change within a second");
}

static int
load_policy(struct bh_daemon *d, struct early_view *early, bool check, struct bh_err *err)
{
	struct bh_policy_params params = {
		.max_endpoints = (uint32_t)d->config.max_endpoints,
		.mode = (enum bh_mode)d->config.mode,
		.names = {.min_ttl_ns = d->config.names_min_ms * BH_NS_PER_MS,
			  .max_ttl_ns = d->config.names_max_ms * BH_NS_PER_MS,
			  .keep_ns = d->config.names_keep_ms * BH_NS_PER_MS,
			  .max = (uint32_t)d->config.names_max},
		.publish = publish,
		.retire = retire,
		.settle = settle,
		.arg = early,
	};
	struct bh_policy_change change;
	int rc = bh_hash_key_random(&params.hash_key);

	if (rc == 0)
		rc = bh_policy_create(&d->policy, &params);
	if (rc != 0)
		return bh_err_set(err, -rc, "cannot set up the policy: %s", strerror(-rc));
	if (d->config.store_path[0] != '\0' && !check)
		return bh_daemon_store_load(d, err);
	if (d->config.policy_file[0] == '\0')
		return bh_policy_load_empty(d->policy, err);
	rc = bh_policy_load_file(d->policy, d->config.policy_file, false, &change, err);
	if (rc == 0)
		bh_log(BH_LOG_INFO, "policy %s: %u rules, %u segments, %u endpoints",
		       d->config.policy_file, change.rules, change.segments, change.endpoints);
	return rc;
}

/* ---- devices and the gateway ------------------------------------------------------------------------ */

static uint16_t
wire_rx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	return bh_port_rx(port, queue, m, n);
}

static uint16_t
wire_tx(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	return bh_port_tx(port, queue, m, n);
}

static int
open_ports(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_port_loan loan;
	char why[160];
	unsigned i;
	int rc;

	rc = bh_port_init(&d->config, &d->env, err);
	if (rc != 0)
		return rc;
	bh_log(BH_LOG_INFO, "memory: %s", d->env.memory_text);
	for (i = 0; i < d->config.n_ports; i++) {
		if (bh_daemon_adopt_loan(d, i, &loan))
			rc = bh_port_open_lent(&d->port[i], &d->config, i, &loan, err);
		else
			rc = bh_port_open(&d->port[i], &d->config, i, d->n_workers, err);
		if (rc != 0)
			return rc;
		d->n_ports++;
	}
	d->steering =
		bh_port_steering(d->port, d->n_ports, d->n_workers, &d->config, why, sizeof(why));
	bh_log(BH_LOG_INFO, "steering: %s (%s)",
	       d->steering == BH_STEERING_NONE  ? "none"
	       : d->steering == BH_STEERING_RSS ? "symmetric RSS"
						: "software, over rings",
	       why);
	return 0;
}

static void
fill_pairs(struct bh_daemon *d)
{
	unsigned i;

	for (i = 0; i < d->config.n_pairs; i++) {
		const struct bh_config_pair *p = &d->config.pair[i];

		d->pair_of[p->inside] = d->pair_of[p->outside] = (uint8_t)i;
		d->peer_of[p->inside] = p->outside;
		d->peer_of[p->outside] = p->inside;
		d->inside[p->inside] = true;
	}
}

static int
start_gateway(struct bh_daemon *d, struct early_view *early, struct bh_err *err)
{
	struct bh_gateway_params gp = {
		.config = &d->config,
		.n_workers = d->n_workers,
		.n_wires = d->n_ports,
		.steer = d->steering == BH_STEERING_SOFTWARE,
		.send_rejects = true,
		.pool = d->env.pool,
	};
	unsigned i;
	int rc;

	for (i = 0; i < d->n_ports; i++) {
		const struct bh_port_info *info = bh_port_info(d->port[i]);

		gp.wire[i] = (struct bh_wire){
			.rx = wire_rx,
			.tx = wire_tx,
			.port = d->port[i],
			.rx_queues = info->rx_queues,
			.tx_queues = info->tx_queues,
			.mtu = info->mtu,
			.partial_checksums = info->partial_checksums,
			.checksum_flags = info->checksum_flags,
			.rss = d->steering == BH_STEERING_RSS,
			.link = BH_LINK_ETHERNET,
		};
		gp.peer[i] = d->peer_of[i];
		gp.pair[i] = d->pair_of[i];
		gp.inside[i] = d->inside[i];
		d->link[i].up = true;
		bh_log(BH_LOG_INFO, "port %s: %s, driver %s, MTU %u, %u+%u queues", info->name,
		       info->device, info->driver, info->mtu, info->rx_queues, info->tx_queues);
	}
	rc = bh_gateway_create(&d->gateway, &gp, err);
	if (rc != 0)
		return rc;
	early->gateway = d->gateway;
	bh_gateway_publish(d->gateway, early->view);
	rc = bh_gateway_name_segments(d->gateway, d->policy);
	return rc == 0 ? 0 : bh_err_set(err, -rc, "cannot name segments: %s", strerror(-rc));
}

/* What waits for a packet core waits in a receive ring of a few milliseconds: other programs on that core, if there are any,
 * come after it. Where that is not permitted, it shares as all do. */
#define WORKER_NICE (-10)

static int
run_worker(void *worker)
{
	setpriority(PRIO_PROCESS, 0, WORKER_NICE); /* 0: this thread alone, on Linux */
	return bh_worker_run(worker);
}

static int
start_workers(struct bh_daemon *d, struct bh_err *err)
{
	unsigned lcore, i = 0;
	int rc;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (i == d->n_workers)
			break;
		rc = rte_eal_remote_launch(d->config.share_core ? bh_worker_run : run_worker,
					   bh_gateway_worker(d->gateway, i), lcore);
		if (rc != 0)
			return bh_err_set(err, -rc, "cannot start worker %u: %s", i, strerror(-rc));
		i++;
		d->started = true;
	}
	if (i != d->n_workers)
		return bh_err_set(err, EINVAL, "%u worker cores for %u workers: see cores.workers",
				  i, d->n_workers);
	return 0;
}

/* Nothing is received before. */
static int
start_ports(struct bh_daemon *d, struct bh_err *err)
{
	unsigned i;
	int rc = d->adopting != NULL ? bh_daemon_adopt_flows(d, err) : 0;

	for (i = 0; rc == 0 && i < d->n_ports; i++)
		rc = bh_port_start(d->port[i], err);
	if (rc == 0 && d->adopting != NULL)
		bh_daemon_adopt_end(d);
	return rc;
}

/* ---- records ---------------------------------------------------------------------------------- */

static const char *
name_segment(void *arg, uint32_t segment)
{
	return bh_policy_segment_name(((struct bh_daemon *)arg)->policy, segment);
}

static const char *
name_rule(void *arg, uint32_t rule)
{
	return bh_policy_rule_name(((struct bh_daemon *)arg)->policy, rule);
}

static const char *
name_port(void *arg, uint32_t port)
{
	struct bh_daemon *d = arg;

	return port < d->config.n_ports ? d->config.port[port].name : NULL;
}

static const char *
name_app(void *arg, uint16_t app)
{
	(void)arg;
	return bh_app_name(app);
}

static int
open_events(struct bh_daemon *d, struct bh_err *err)
{
	d->names = (struct bh_event_names){.segment = name_segment,
					   .rule = name_rule,
					   .port = name_port,
					   .app = name_app,
					   .arg = d};
	bh_daemon_evidence_names(d);
	return bh_daemon_events_open(d, err);
}

/* ---- start and end ------------------------------------------------------------------------------------ */

/* All threads made from here on leave these to the control core's descriptor. */
static int
take_over_signals(struct bh_daemon *d, struct bh_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return bh_err_set(err, EINVAL, "cannot block signals");
	d->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (d->signal_fd < 0)
		return bh_err_set(err, errno, "cannot make a signal descriptor: %s",
				  strerror(errno));
	return 0;
}

static int
start(struct bh_daemon *d, struct early_view *early, struct bh_err *err)
{
	int rc = take_over_signals(d, err);

	bh_daemon_notify_open(d);
	if (rc == 0)
		rc = bh_daemon_secrets_watch(d, err);
	if (rc == 0)
		rc = open_events(d, err);
	if (rc == 0)
		rc = bh_daemon_learn_open(d, err);
	if (rc == 0)
		rc = open_ports(d, err);
	if (rc == 0)
		rc = bh_daemon_failure_start(d, err);
	if (rc == 0)
		rc = start_gateway(d, early, err);
	if (rc == 0)
		rc = bh_daemon_responses_open(d, err);
	if (rc == 0 && bh_daemon_usage_open(d) != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (rc == 0)
		rc = bh_daemon_sensors_start(d, err);
	if (rc == 0)
		rc = bh_daemon_evidence_start(d, err);
	if (rc == 0)
		rc = bh_daemon_fleet_open(d, err);
	if (rc == 0)
		rc = bh_daemon_pair_open(d, err);
	if (rc == 0)
		rc = bh_daemon_rest_start(d, err);
	if (rc == 0)
		rc = start_workers(d, err);
	early->running = rc == 0;
	if (rc == 0)
		bh_daemon_telemetry_begin(d);
	if (rc == 0)
		rc = bh_daemon_names_start(d, err);
	if (rc == 0)
		rc = bh_daemon_labels_open(d, err);
	if (rc == 0)
		rc = bh_daemon_pass_open(d, err);
	if (rc == 0)
		rc = bh_daemon_confine(d, err);
	if (rc == 0)
		rc = bh_secrets_begin(d->secrets, err);
	if (rc == 0)
		rc = bh_daemon_labels_begin(d, err);
	if (rc == 0)
		rc = bh_daemon_fleet_begin(d, err);
	if (rc == 0)
		bh_daemon_sinks_begin(d);
	if (rc == 0)
		rc = start_ports(d, err);
	if (rc == 0)
		rc = bh_daemon_pair_begin(d, err);
	return rc;
}

static void
finish(struct bh_daemon *d, bool stalled, bool leave)
{
	bool goes_on;
	unsigned i;

	if (stalled) {
		/* A worker that hangs cannot be joined, and its ports must not stay open for it: the end
		 * of the process closes them all. */
		bh_daemon_take_events(d);
		_exit(BH_EXIT_STALLED);
	}
	goes_on = bh_daemon_pair_leave(d) || d->passed;
	bh_daemon_telemetry_end();
	bh_daemon_sensors_join(d);
	bh_secrets_end(d->secrets);
	bh_daemon_names_stop(d);
	bh_daemon_labels_close(d);
	bh_daemon_rest_stop(d);
	bh_daemon_fleet_close(d);
	bh_daemon_pair_close(d);
	if (d->gateway != NULL)
		bh_gateway_stop(d->gateway);
	if (d->started)
		rte_eal_mp_wait_lcore();
	/* Flows that go on elsewhere have not ended. */
	if (goes_on)
		bh_gateway_passed(d->gateway);
	if (d->started)
		bh_daemon_drain(d);
	bh_daemon_pass_close(d);
	if (d->gateway != NULL && !d->passed)
		bh_links_release(d);
	for (i = 0; i < d->n_ports; i++) {
		bh_port_stop(d->port[i]);
		/* As a gateway that was killed leaves them: the next one's close undoes it. */
		if (!leave)
			bh_port_close(d->port[i]);
	}
	bh_evidence_close(d->evidence);
	bh_daemon_learn_close(d);
	bh_response_close(d->response);
	bh_daemon_usage_close(d);
	bh_daemon_notes_close(d);
	bh_daemon_store_close(d);
	bh_daemon_events_close(d);
	bh_policy_destroy(d->policy);
	bh_gateway_destroy(d->gateway);
	bh_daemon_sensors_free(d);
	bh_buf_free(&d->record);
	if (d->env.pool != NULL)
		bh_port_fini();
	bh_secrets_close(d->secrets);
	bh_daemon_notify_close(d);
	if (d->signal_fd >= 0)
		close(d->signal_fd);
}

static int
fail(const struct bh_err *err, int code)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	fprintf(stderr, "bulkhead: %s\n", text);
	return code;
}

static int
run(struct bh_daemon *d, struct early_view *early)
{
	struct bh_err err = {0};
	int code;

	if (start(d, early, &err) != 0) {
		finish(d, false, false);
		return fail(&err, BH_EXIT_FAILED);
	}
	bh_log(BH_LOG_INFO, "forwarding: %u pairs, %u workers, mode %s", d->config.n_pairs,
	       d->n_workers, bh_mode_name(d->config.mode));
	bh_daemon_record(d, BH_EVENT_STARTED, NULL, bh_mode_name(d->config.mode));
	if (d->store_alarm[0] != '\0')
		bh_daemon_record(d, BH_EVENT_POLICY_DAMAGED, NULL, d->store_alarm);
	bh_daemon_failure_forwarding(d);
	bh_daemon_notify_ready(d);
	bh_daemon_background_end(d);
	code = bh_daemon_loop(d);
	/* The service goes on where another gateway forwards. */
	if (!d->passed)
		bh_daemon_notify(d, "STOPPING=1");
	finish(d, code == BH_EXIT_STALLED,
	       d->passed || (code == BH_EXIT_OK && bh_daemon_failure_stopping(d)));
	bh_log(BH_LOG_INFO, "ended");
	return code;
}

int
main(int argc, char **argv)
{
	static struct bh_daemon d = {.signal_fd = -1,
				     .notify_fd = -1,
				     .guardian_fd = -1,
				     .failure_fd = -1,
				     .pass_fd = -1,
				     .api_fd = -1,
				     .tell_fd = -1,
				     .put_lock = PTHREAD_MUTEX_INITIALIZER,
				     .sensors = {.lock = PTHREAD_MUTEX_INITIALIZER,
						 .idle = PTHREAD_COND_INITIALIZER},
				     .notes = {.lock = PTHREAD_MUTEX_INITIALIZER},
				     .learn_lock = PTHREAD_MUTEX_INITIALIZER};
	struct early_view early = {0};
	struct options o = {0};
	struct bh_err err = {0};
	int code = read_options(argc, argv, &o);

	if (code >= 0)
		return code;
	if (o.background && bh_daemon_background(&d, &err) != 0)
		return fail(&err, BH_EXIT_FAILED);
	if (bh_config_load(&d.config, o.config, true, &err) != 0)
		return fail(&err, BH_EXIT_CONFIG);
	bh_daemon_telemetry_prepare(&d);
	d.n_workers = d.config.n_workers != 0 ? d.config.n_workers : 1;
	d.started_mono_ns = bh_clock_system.mono_ns(NULL);
	d.started_wall_ns = bh_clock_system.wall_ns(NULL);
	fill_pairs(&d);
	if (bh_daemon_secrets_open(&d, &err) != 0 ||
	    bh_daemon_failure_check(&d.config, &err) != 0 ||
	    bh_daemon_responses_check(&d, &err) != 0 ||
	    (o.adopt && !o.check && bh_daemon_adopt_begin(&d, &err) != 0) ||
	    load_policy(&d, &early, o.check, &err) != 0 ||
	    (o.check &&
	     (bh_daemon_sensors_check(&d, &err) != 0 || bh_daemon_labels_open(&d, &err) != 0)) ||
	    (d.adopting != NULL && bh_daemon_adopt_endpoints(&d, &err) != 0)) {
		bh_store_close(d.store);
		bh_policy_destroy(d.policy);
		bh_secrets_close(d.secrets);
		return fail(&err, BH_EXIT_CONFIG);
	}
	if (o.check) {
		bh_daemon_labels_close(&d);
		bh_secrets_close(d.secrets);
		bh_policy_destroy(d.policy);
		puts("configuration and policy: ok");
		return BH_EXIT_OK;
	}
	return run(&d, &early);
}
