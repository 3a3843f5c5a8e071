/* The control core's loop: signals, events to their file, links, heartbeats, reclamation, statistics. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon.h"

#define TURN_MS 5
#define WATCH_NS (100 * BH_NS_PER_MS)
#define EVENTS_A_TURN 512

/* Flows that ended are events for learning, too: then it is here that events.flows keeps them from the records. What DNS
 * answers said is for the policy alone. */
static void
write_events(struct bh_daemon *d, const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;

	for (; e < end; e = bh_event_after(e)) {
		if (e->type == BH_EVENT_FLOW_ACTIVE)
			bh_daemon_sinks_put(d, &(struct bh_sink_record){.time_ns = e->time_ns,
									.event = e,
									.names = &d->names});
		else if (e->type != BH_EVENT_NONE && e->type != BH_EVENT_NAMES &&
			 (e->type != BH_EVENT_FLOW || d->config.event_flows))
			bh_daemon_put_event(d, e);
	}
}

void
bh_daemon_take_events(struct bh_daemon *d)
{
	struct bh_event e[64];
	unsigned n, taken = 0;

	do {
		n = bh_gateway_events(d->gateway, e, BH_ARRAY_SIZE(e));
		if (d->learn != NULL) {
			bh_learn_events(d->learn, e, n);
			bh_shadow_events(d->shadow, e, n);
		}
		bh_daemon_respond(d, e, n);
		bh_daemon_evidence_take(d, e, n);
		bh_daemon_names_take(d, e, n);
		if (bh_daemon_events_wanted(d))
			write_events(d, e, n);
		taken += n;
	} while (n != 0 && taken < 16 * EVENTS_A_TURN);
	bh_daemon_events_flush(d);
}

static void
record_begin(struct bh_daemon *d)
{
	char when[32];

	bh_time_format(bh_clock_system.wall_ns(NULL), when, sizeof(when));
	bh_buf_reset(&d->record);
	bh_buf_printf(&d->record, "{\"timestamp\":\"%s\",\"event_type\":\"stats\",", when);
}

static void
record_end(struct bh_daemon *d)
{
	const struct bh_buf *b = &d->record;

	bh_buf_str(&d->record, "}");
	if (b->failed)
		return;
	/* Not into the store: counters are not what is searched for there. */
	if (d->eve != NULL)
		bh_eve_file_line(d->eve, b->data, b->len);
	bh_daemon_sinks_put(d, &(struct bh_sink_record){.time_ns = bh_clock_system.wall_ns(NULL),
							.line = b->data,
							.len = b->len});
}

void
bh_daemon_record(struct bh_daemon *d, enum bh_event_type type, const char *port, const char *detail)
{
	const struct bh_eve_note note = {
		.type = type,
		.time_ns = bh_clock_system.wall_ns(NULL),
		.in_iface = port,
		.detail = detail,
		.policy_revision = bh_policy_revision(d->policy),
	};

	bh_daemon_put_note(d, &note);
	bh_daemon_failure_of(d, type, port, detail);
}

static void
record_reasons(struct bh_buf *out, const char *name, const uint64_t count[BH_REASON_COUNT])
{
	const char *comma = "";
	unsigned i;

	bh_buf_printf(out, "\"%s\":{", name);
	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (count[i] == 0)
			continue;
		bh_buf_printf(out, "%s\"%s\":%llu", comma, bh_reason_name(i),
			      (unsigned long long)count[i]);
		comma = ",";
	}
	bh_buf_str(out, "}");
}

/* Suricata's counters where there is one of the same meaning, ours beside them. */
static void
record_stats(struct bh_daemon *d, uint64_t mono_ns)
{
	struct bh_counters c;
	struct bh_buf *b = &d->record;

	bh_gateway_counters(d->gateway, UINT32_MAX, &c);
	record_begin(d);
	bh_buf_printf(b,
		      "\"stats\":{\"uptime\":%llu,\"decoder\":{\"pkts\":%llu,\"bytes\":%llu},"
		      "\"flow\":{\"active\":%llu,\"total\":%llu},\"ips\":{\"accepted\":%llu,"
		      "\"blocked\":%llu,\"rejected\":%llu}},",
		      (unsigned long long)((mono_ns - d->started_mono_ns) / BH_NS_PER_SEC),
		      (unsigned long long)c.packets, (unsigned long long)c.bytes,
		      (unsigned long long)c.flows, (unsigned long long)c.flows_opened,
		      (unsigned long long)c.forwarded, (unsigned long long)bh_counters_dropped(&c),
		      (unsigned long long)c.answers);
	bh_buf_printf(
		b,
		"\"bulkhead\":{\"packets\":%llu,\"forwarded\":%llu,\"held\":%llu,\"judged\":%llu,"
		"\"events_lost\":%llu,\"policy_revision\":%u,",
		(unsigned long long)c.packets, (unsigned long long)c.forwarded,
		(unsigned long long)c.held, (unsigned long long)c.judged,
		(unsigned long long)c.events_lost, bh_policy_revision(d->policy));
	record_reasons(b, "dropped", c.dropped);
	bh_buf_str(b, ",");
	record_reasons(b, "passed", c.passed);
	bh_buf_str(b, "}");
	record_end(d);
}

/* 1: the file is the one that was loaded last. */
static int
load_policy(struct bh_daemon *d, struct bh_policy_change *change, struct bh_api_sweep *swept,
	    struct bh_err *err)
{
	struct bh_sweep sessions;
	int rc;

	bh_daemon_sweep_before(d, &sessions);
	rc = d->store != NULL
		     ? bh_daemon_store_reload(d, change, err)
		     : bh_policy_load_file(d->policy, d->config.policy_file, false, change, err);
	if (rc == 0 && swept != NULL)
		bh_daemon_sweep_after(d, &sessions, swept);
	bh_daemon_sweep_free(&sessions);
	return rc;
}

static void
reload_policy(struct bh_daemon *d)
{
	struct bh_api_sweep *swept = calloc(1, sizeof(*swept));
	struct bh_policy_change change;
	char text[1024], sessions[120];
	struct bh_err err = {0};
	int rc = load_policy(d, &change, swept, &err);

	if (rc == 1) {
		bh_log(BH_LOG_INFO,
		       "policy in force, revision %u: the policy file is the one that was loaded "
		       "last",
		       bh_policy_revision(d->policy));
	} else if (rc != 0) {
		bh_err_format(&err, text, sizeof(text));
		bh_log(BH_LOG_ERROR, "policy refused, revision %u stays in force: %s",
		       bh_policy_revision(d->policy), text);
		bh_daemon_record(d, BH_EVENT_POLICY_REFUSED, NULL, text);
	} else {
		bh_daemon_sweep_text(swept, sessions, sizeof(sessions));
		snprintf(text, sizeof(text), "revision %u: %u rules, %u segments, %u endpoints%s",
			 change.revision, change.rules, change.segments, change.endpoints,
			 sessions);
		bh_log(BH_LOG_INFO, "policy in force, %s", text);
		bh_daemon_record(d, BH_EVENT_POLICY_LOADED, NULL, text);
	}
	free(swept);
}

static void
reload(struct bh_daemon *d)
{
	struct bh_err err = {0};
	char text[1024];

	if (d->eve != NULL && bh_eve_file_reopen(d->eve, &err) != 0) {
		bh_err_format(&err, text, sizeof(text));
		bh_log(BH_LOG_ERROR, "events go on into the old file: %s", text);
	}
	bh_secrets_look(d->secrets);
	bh_daemon_sensors_reload(d);
	bh_daemon_responses_reload(d);
	if (d->config.policy_file[0] == '\0')
		bh_log(BH_LOG_INFO, "reload: no policy file is configured; nothing to load");
	else
		reload_policy(d);
}

/* Returns false when the program is to end. */
static bool
take_signals(struct bh_daemon *d)
{
	struct signalfd_siginfo s;

	while (read(d->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo != SIGHUP) {
			bh_log(BH_LOG_INFO, "%s: draining", strsignal((int)s.ssi_signo));
			return false;
		}
		bh_daemon_notify_reloading(d);
		reload(d);
		bh_daemon_notify_ready(d);
	}
	return true;
}

/* A worker that stopped answering cannot be stopped either; closing the ports by ending the process is
 * what fails closed. */
static bool
workers_answer(struct bh_daemon *d)
{
	char text[160];
	unsigned i;

	for (i = 0; i < d->n_workers; i++) {
		uint64_t age = bh_gateway_heartbeat_age_ms(d->gateway, i);

		if (age <= d->config.heartbeat_ms)
			continue;
		snprintf(text, sizeof(text),
			 "worker %u has not answered for %llu ms: closing all ports", i,
			 (unsigned long long)age);
		bh_log(BH_LOG_ERROR, "%s", text);
		bh_daemon_record(d, BH_EVENT_WORKER_STALLED, NULL, text);
		return false;
	}
	return true;
}

/* Rules whose time is over. */
static void
expire_rules(struct bh_daemon *d)
{
	struct bh_buf ids = {0}, text = {0};
	int n = bh_policy_expire(d->policy, bh_clock_system.wall_ns(NULL), &ids);

	if (n > 0) {
		bh_buf_printf(&text, "no longer counts: %.400s", ids.len != 0 ? ids.data : "?");
		bh_log(BH_LOG_WARN, "%d rules have expired: %s", n, ids.len != 0 ? ids.data : "?");
		bh_daemon_record(d, BH_EVENT_RULE_EXPIRED, NULL, text.failed ? NULL : text.data);
	} else if (n < 0) {
		bh_log(BH_LOG_ERROR,
		       "rules have expired and still count: out of memory; trying again");
	}
	bh_buf_free(&ids);
	bh_buf_free(&text);
}

int
bh_daemon_loop(struct bh_daemon *d)
{
	struct pollfd fd = {.fd = d->signal_fd, .events = POLLIN};
	uint64_t now, last = bh_clock_system.mono_ns(NULL);

	for (;;) {
		if (poll(&fd, 1, TURN_MS) < 0 && errno != EINTR)
			return BH_EXIT_FAILED;
		if (!take_signals(d))
			return BH_EXIT_OK;
		switch (bh_daemon_pass_turn(d)) {
		case BH_PASS_OVER:
			return BH_EXIT_OK;
		case BH_PASS_LOST:
			return BH_EXIT_FAILED;
		case BH_PASS_STALLED:
			return BH_EXIT_STALLED;
		case BH_PASS_GOES_ON:
			break;
		}
		now = bh_clock_system.mono_ns(NULL);
		bh_daemon_failure_beat(d);
		bh_gateway_control(d->gateway);
		bh_daemon_take_events(d);
		bh_daemon_responses_turn(d);
		bh_daemon_learn_turn(d, now);
		bh_daemon_promotion_tick(d, now);
		if (now >= d->next_watch_ns) {
			d->next_watch_ns = now + WATCH_NS;
			bh_links_watch(d, now);
			bh_daemon_pair_watch(d);
			bh_daemon_failure_watch(d);
			bh_daemon_evidence_watch(d);
			/* A fleet has a thread that may wait. */
			if (d->store != NULL && d->fleet == NULL)
				bh_daemon_store_tick(d);
			expire_rules(d);
			bh_daemon_names_tick(d, now);
			bh_daemon_usage_tick(d, now);
			bh_daemon_notes_tick(d, now);
			/* When this core itself stood still (a stopped process, a suspended machine), the
			 * workers' silence says nothing yet. */
			if (now - last < 10 * WATCH_NS && !workers_answer(d))
				return BH_EXIT_STALLED;
			bh_daemon_notify_alive(d, now);
		}
		if (d->config.stats_ms != 0 && now >= d->next_stats_ns) {
			d->next_stats_ns = now + d->config.stats_ms * BH_NS_PER_MS;
			record_stats(d, now);
		}
		last = now;
	}
}

void
bh_daemon_drain(struct bh_daemon *d)
{
	uint64_t mono = bh_clock_system.mono_ns(NULL), wall = bh_clock_system.wall_ns(NULL);
	unsigned i;

	for (i = 0; i < d->n_workers; i++) {
		while (bh_worker_drain(bh_gateway_worker(d->gateway, i), mono, wall) > 0)
			bh_daemon_take_events(d);
	}
	bh_daemon_take_events(d);
	bh_daemon_responses_turn(d);
	record_stats(d, mono);
	if (d->eve != NULL)
		bh_eve_file_flush(d->eve);
}
