/* engine: EAL as a private library, policy, gateway, files; in the order that a mistake in the configuration
 * is told before anything is made, and back. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include "replay.h"

/* Of the drain's at most 4096 flows a call each is an event, and a violation may be one more. */
#define MIN_EVENT_RING 16384
#define EAL_MEGABYTES 64 /* beside the packet buffers */

/* "0@(1,3)": one logical core, free to run on any CPU this process may use, so that several replays do
 * not share the first one. */
static void
lcore_text(char *out, size_t size)
{
	cpu_set_t set;
	size_t at = 0;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		snprintf(out, size, "0");
		return;
	}
	for (cpu = 0; cpu < CPU_SETSIZE && at + 8 < size; cpu++) {
		if (CPU_ISSET(cpu, &set))
			at += (size_t)snprintf(out + at, size - at, "%s%d", at == 0 ? "0@(" : ",",
					       cpu);
	}
	snprintf(out + at, size - at, ")");
}

/* Size of one buffer with all that the pool adds to it: mbuf, private area, headroom, the pool's header and
 * padding. */
static size_t
buffer_bytes(const struct bh_config *c)
{
	return sizeof(struct rte_mbuf) + sizeof(struct replay_mark) + RTE_PKTMBUF_HEADROOM +
	       c->mbuf_size + 4 * RTE_CACHE_LINE_SIZE;
}

/* EAL makes its run-time folder even when told to share nothing; leave none behind. */
static void
remove_runtime_dir(void)
{
	char path[512], *slash;

	snprintf(path, sizeof(path), "%s", rte_eal_get_runtime_dir());
	if (rmdir(path) != 0)
		return;
	slash = strrchr(path, '/');
	if (slash != NULL && slash != path) {
		*slash = '\0';
		/* Fails when another program uses it: fine. */
		if (rmdir(path) != 0)
			return;
	}
}

static int
start_eal(struct replay *r, struct bh_err *err)
{
	unsigned long long megabytes =
		(r->config.mbufs * buffer_bytes(&r->config) >> 20) + EAL_MEGABYTES;
	char lcores[1024], line[1400], *save = NULL, *argv[16], *word;
	int argc = 0, rc;

	lcore_text(lcores, sizeof(lcores));
	snprintf(line, sizeof(line),
		 "bulkhead-replay --no-huge --no-pci --no-shconf --no-telemetry "
		 "--log-level 4 --file-prefix bulkhead-replay-%d -m %llu --lcores %s",
		 (int)getpid(), megabytes, lcores);
	for (word = strtok_r(line, " ", &save); word != NULL && argc < 15;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	rc = rte_eal_init(argc, argv);
	remove_runtime_dir();
	if (rc < 0)
		return bh_err_set(err, EIO,
				  "cannot start DPDK's EAL with %llu MB: %s (lower memory.mbufs?)",
				  megabytes, rte_strerror(rte_errno));
	r->pool = rte_pktmbuf_pool_create("replay", (unsigned)r->config.mbufs, 256,
					  sizeof(struct replay_mark),
					  (uint16_t)(RTE_PKTMBUF_HEADROOM + r->config.mbuf_size),
					  SOCKET_ID_ANY);
	if (r->pool == NULL)
		return bh_err_set(err, ENOMEM,
				  "no memory for %llu packet buffers: lower memory.mbufs",
				  (unsigned long long)r->config.mbufs);
	return 0;
}

/* ---- policy: loaded before there is a gateway to publish to ------------------------------------------- */

static void
publish(void *arg, const struct bh_view *view)
{
	*(const struct bh_view **)arg = view;
}

int
replay_policy(struct replay *r, struct bh_policy **out, const struct bh_view **view,
	      struct bh_err *err)
{
	struct bh_policy_params params = {
		.max_endpoints = (uint32_t)r->config.max_endpoints,
		.mode = (enum bh_mode)r->config.mode,
		.names = {.min_ttl_ns = r->config.names_min_ms * BH_NS_PER_MS,
			  .max_ttl_ns = r->config.names_max_ms * BH_NS_PER_MS,
			  .keep_ns = r->config.names_keep_ms * BH_NS_PER_MS,
			  .max = (uint32_t)r->config.names_max},
		.publish = publish,
		.arg = view,
	};
	int rc = bh_hash_key_random(&params.hash_key);

	if (rc == 0)
		rc = bh_policy_create(out, &params);
	if (rc != 0)
		return bh_err_set(err, -rc, "cannot set up the policy: %s", strerror(-rc));
	return 0;
}

static int
load_policy(struct replay *r, struct bh_err *err)
{
	struct bh_policy_change change;
	int rc = replay_policy(r, &r->policy, &r->first, err);

	r->view = &r->first;
	if (rc != 0)
		return rc;
	if (r->config.policy_file[0] == '\0')
		return bh_policy_load_empty(r->policy, err);
	return bh_policy_load_file(r->policy, r->config.policy_file, false, &change, err);
}

static int
start_gateway(struct replay *r, struct bh_err *err)
{
	struct bh_sensor_load sensors;
	struct bh_gateway_params gp = {
		.config = &r->config,
		.n_workers = 1,
		.n_wires = REPLAY_WIRES,
		.pool = r->pool,
	};
	unsigned i;
	int rc;

	for (i = 0; i < REPLAY_WIRES; i++) {
		gp.wire[i] = (struct bh_wire){
			.tx = replay_send,
			.port = r,
			.tx_queues = 1,
			.wire_lengths = true,
			.link = (enum bh_link_type)(i / 2),
		};
		gp.peer[i] = (uint8_t)(i ^ 1);
		gp.inside[i] = (i & 1) != 0;
	}
	rc = bh_gateway_create(&r->gateway, &gp, err);
	if (rc != 0)
		return rc;
	r->worker = bh_gateway_worker(r->gateway, 0);
	bh_gateway_publish(r->gateway, *r->view);
	rc = bh_gateway_name_segments(r->gateway, r->policy);
	if (rc != 0)
		return bh_err_set(err, -rc, "cannot name segments: %s", strerror(-rc));
	return bh_gateway_load_sensors(r->gateway, r->policy, NULL, &sensors, err);
}

/* ---- files -------------------------------------------------------------------------------------------- */

static const char *
name_app(void *arg, uint16_t app)
{
	(void)arg;
	return bh_app_name(app);
}

static const char *
name_segment(void *arg, uint32_t segment)
{
	return bh_policy_segment_name(((struct replay *)arg)->policy, segment);
}

static const char *
name_rule(void *arg, uint32_t rule)
{
	return bh_policy_rule_name(((struct replay *)arg)->policy, rule);
}

static const char *
name_port(void *arg, uint32_t port)
{
	(void)arg;
	return (port & 1) != 0 ? "inside" : "outside";
}

static int
open_outputs(struct replay *r, struct bh_err *err)
{
	/* Standard input cannot be read twice: pcapng holds whatever comes. */
	struct bh_capture_form form = {.mixed = true};
	struct bh_eve_file_params params = {.path = r->o.events,
					    .names = &r->names,
					    .replace = true};
	int rc = 0;

	r->names = (struct bh_event_names){.segment = name_segment,
					   .app = name_app,
					   .rule = name_rule,
					   .port = name_port,
					   .arg = r};
	if (r->o.events != NULL)
		rc = bh_eve_file_open(&r->eve, &params, err);
	if (rc == 0 && r->o.forwarded != NULL && strcmp(r->o.in, "-") != 0)
		rc = bh_capture_survey(r->o.in, &form, err);
	if (rc == 0 && r->o.forwarded != NULL)
		rc = bh_capture_writer_open(&r->writer, r->o.forwarded, &form, err);
	return rc;
}

int
replay_start(struct replay *r, struct bh_err *err)
{
	int rc = bh_config_load(&r->config, r->o.config, false, err);

	if (rc != 0)
		return rc;
	r->config.n_workers = 1;
	/* The daemon's folder is not touched. */
	snprintf(r->config.evidence_path, sizeof(r->config.evidence_path), "%s",
		 r->o.evidence != NULL ? r->o.evidence : "");
	r->config.event_active_ms = 0; /* for sinks, of which there are none here */
	/* Answers are learned from between bursts: none waits for that. */
	r->config.names_hold_ms = 0;
	if (r->config.event_ring < MIN_EVENT_RING)
		r->config.event_ring = MIN_EVENT_RING;
	r->scratch = malloc(BH_CAPTURE_MAX_PACKET);
	if (r->scratch == NULL)
		return bh_err_set(err, ENOMEM, "no memory");
	rc = load_policy(r, err);
	if (rc == 0)
		rc = replay_draft_open(r, err);
	if (rc == 0)
		rc = replay_recorded_open(r, err);
	if (rc == 0)
		rc = bh_capture_open(&r->capture, r->o.in, err);
	if (rc != 0)
		return rc;
	r->usable = true;
	rc = open_outputs(r, err);
	if (rc == 0)
		rc = start_eal(r, err);
	if (rc == 0 && replay_sides_create(&r->sides, r) != 0)
		rc = bh_err_set(err, ENOMEM, "no memory");
	if (rc == 0)
		rc = start_gateway(r, err);
	if (rc == 0)
		rc = replay_evidence_start(r, err);
	return rc;
}

int
replay_again(struct replay *r, struct bh_policy *policy, const struct bh_view **view,
	     struct bh_err *err)
{
	int rc;

	bh_gateway_destroy(r->gateway);
	r->gateway = NULL;
	replay_sides_destroy(r->sides);
	r->sides = NULL;
	bh_capture_close(r->capture);
	r->capture = NULL;
	r->policy = policy;
	r->view = view;
	r->clock = (struct replay_clock){0};
	r->packets = r->bytes = r->forwarded = r->events = 0;
	memset(r->dropped, 0, sizeof(r->dropped));
	rc = bh_capture_open(&r->capture, r->o.in, err);
	if (rc == 0 && replay_sides_create(&r->sides, r) != 0)
		rc = bh_err_set(err, ENOMEM, "no memory");
	return rc == 0 ? start_gateway(r, err) : rc;
}

int
replay_finish(struct replay *r, struct bh_err *err)
{
	struct bh_eve_file_stats stats = {0};
	int rc = replay_evidence_finish(r, err), rc_writer, rc_eve;

	rc_writer = bh_capture_writer_close(r->writer, err);
	if (rc == 0)
		rc = rc_writer;
	r->writer = NULL;
	if (r->eve != NULL)
		bh_eve_file_stats(r->eve, &stats);
	r->events_not_written = stats.lost;
	rc_eve = bh_eve_file_close(r->eve);
	r->eve = NULL;
	if (rc_eve != 0)
		bh_err_set(err, -rc_eve, "not all events could be written to %s: %s", r->o.events,
			   strerror(-rc_eve));
	return rc != 0 ? rc : rc_eve;
}

void
replay_free(struct replay *r)
{
	replay_evidence_finish(r, NULL);
	bh_capture_writer_close(r->writer, NULL);
	bh_eve_file_close(r->eve);
	bh_learn_close(r->learn);
	bh_capture_close(r->capture);
	replay_sides_destroy(r->sides);
	if (r->draft == NULL)
		bh_policy_destroy(r->policy);
	replay_draft_close(r->draft);
	bh_gateway_destroy(r->gateway);
	rte_mempool_free(r->pool);
	free(r->scratch);
}
