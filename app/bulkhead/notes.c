/* What is told about the gateway itself: notes of other threads for the event file, failures of the control for the audit
 * log (PCI DSS 10.7), that the gateway lives, and how many endpoints were pushed. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"

#define ALIVE_NS                                                                                   \
	(10 * BH_NS_PER_SEC) /* a gateway that is killed is known to have lived so long ago */
#define PUSH_NS (60 * BH_NS_PER_SEC) /* pushes of a minute are one entry */
#define LOST_NS (60 * BH_NS_PER_SEC)
/* Failures that may be written at once, and one more each ten seconds: a link that flaps does not fill the disk. */
#define FAILURES_AT_ONCE 60
#define FAILURE_NS (10 * BH_NS_PER_SEC)

/* ---- notes ---------------------------------------------------------------------------------------------- */

void
bh_daemon_note(struct bh_daemon *d, enum bh_event_type type, const char *text)
{
	struct bh_notes *n = &d->notes;
	struct bh_note *to;

	pthread_mutex_lock(&n->lock);
	if (n->n < BH_NOTES) {
		to = &n->note[n->n++];
		to->type = type;
		snprintf(to->text, sizeof(to->text), "%s", text);
	} else {
		n->left_out++;
	}
	pthread_mutex_unlock(&n->lock);
}

static void
flush_notes(struct bh_daemon *d)
{
	struct bh_notes *n = &d->notes;
	struct bh_note note[BH_NOTES];
	unsigned count, left_out, i;

	pthread_mutex_lock(&n->lock);
	count = n->n;
	left_out = n->left_out;
	memcpy(note, n->note, count * sizeof(note[0]));
	n->n = n->left_out = 0;
	pthread_mutex_unlock(&n->lock);
	for (i = 0; i < count; i++)
		bh_daemon_record(d, note[i].type, NULL, note[i].text);
	if (left_out != 0)
		bh_log(BH_LOG_WARN,
		       "%u notes found no room among the events; the audit log has them", left_out);
}

/* ---- failures ------------------------------------------------------------------------------------------- */

enum happening { FAILED, RESTORED, MOMENT };

static const struct {
	enum bh_event_type type;
	enum happening what;
	const char *object; /* NULL: the port */
} happenings[] = {
	{BH_EVENT_LINK_DOWN, FAILED, NULL},
	{BH_EVENT_LINK_UP, RESTORED, NULL},
	{BH_EVENT_WORKER_STALLED, MOMENT, "worker"},
	{BH_EVENT_POLICY_DAMAGED, MOMENT, "stored policy"},
	{BH_EVENT_EVIDENCE_LOST, FAILED, "evidence"},
	{BH_EVENT_EVIDENCE_BACK, RESTORED, "evidence"},
	{BH_EVENT_SOURCE_LOST, FAILED, "labels"},
	{BH_EVENT_SOURCE_BACK, RESTORED, "labels"},
	{BH_EVENT_SECRET_LOST, FAILED, "secrets"},
	{BH_EVENT_SECRET_BACK, RESTORED, "secrets"},
	{BH_EVENT_LEARNING_LOST, MOMENT, "events"},
	{BH_EVENT_FLEET_CUT_OFF, FAILED, "fleet"},
	{BH_EVENT_FLEET_BACK, RESTORED, "fleet"},
	{BH_EVENT_PAIR_ACTIVE, MOMENT, "pair"},
	{BH_EVENT_PAIR_STANDBY, MOMENT, "pair"},
	{BH_EVENT_TWIN_LOST, FAILED, "twin"},
	{BH_EVENT_TWIN_BACK, RESTORED, "twin"},
	{BH_EVENT_GATEWAY_FAILED, MOMENT, "gateway"},
	{BH_EVENT_GUARDIAN_LOST, MOMENT, "guardian"},
};

static bool
may_write(struct bh_notes *n, uint64_t now)
{
	uint64_t more = (now - n->failure_ns) / FAILURE_NS;

	if (n->failure_ns == 0 || n->failures_left + more >= FAILURES_AT_ONCE) {
		n->failures_left = FAILURES_AT_ONCE;
		n->failure_ns = now;
	} else {
		n->failures_left += (unsigned)more;
		n->failure_ns += more * FAILURE_NS;
	}
	if (n->failures_left == 0)
		return false;
	n->failures_left--;
	return true;
}

static void
write_failure(struct bh_daemon *d, enum happening what, const char *object, const char *reason)
{
	struct bh_notes *n = &d->notes;
	struct bh_buf detail = {0};
	struct bh_err err = {0};
	struct bh_json j = {.out = &detail};
	struct bh_audit a = {.actor = "gateway",
			     .action = what == RESTORED ? "control.restored" : "control.failed",
			     .object = object,
			     .result = "ok"};

	if (d->store == NULL)
		return;
	if (!may_write(n, bh_clock_system.mono_ns(NULL))) {
		n->failures_left_out++;
		return;
	}
	bh_json_open(&j, NULL, '{');
	if (reason != NULL)
		bh_json_str(&j, "reason", reason);
	if (what == MOMENT)
		bh_json_bool(&j, "moment", true);
	if (n->failures_left_out != 0)
		bh_json_u64(&j, "left_out_before", n->failures_left_out);
	bh_json_close(&j, '}');
	n->failures_left_out = 0;
	a.detail = detail.failed ? NULL : detail.data;
	if (bh_store_audit(d->store, &a, &err) != 0)
		bh_log(BH_LOG_ERROR, "no audit entry about %s: %s", object, err.what);
	bh_buf_free(&detail);
}

void
bh_daemon_failure_of(struct bh_daemon *d, enum bh_event_type type, const char *port,
		     const char *reason)
{
	char object[64];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(happenings); i++) {
		if (happenings[i].type != type)
			continue;
		snprintf(object, sizeof(object), "%s%s",
			 happenings[i].object == NULL ? "port " : happenings[i].object,
			 happenings[i].object == NULL && port != NULL ? port : "");
		write_failure(d, happenings[i].what, object, reason);
		return;
	}
}

/* The event file does not take what is written; and what workers could not even hand over. */
static void
watch_events(struct bh_daemon *d, uint64_t now)
{
	struct bh_notes *n = &d->notes;
	struct bh_counters c;
	char text[160];
	bool failing = d->eve_rc != 0;

	if (failing != n->eve_failing) {
		n->eve_failing = failing;
		snprintf(text, sizeof(text), "cannot be written: %s; events wait, then are lost",
			 strerror(-d->eve_rc));
		write_failure(d, failing ? FAILED : RESTORED, "event file", failing ? text : NULL);
	}
	if (now < n->lost_ns)
		return;
	n->lost_ns = now + LOST_NS;
	bh_gateway_counters(d->gateway, UINT32_MAX, &c);
	if (c.events_lost > n->events_lost && d->learn == NULL) {
		snprintf(text, sizeof(text), "%llu events found no room (events.ring)",
			 (unsigned long long)(c.events_lost - n->events_lost));
		write_failure(d, MOMENT, "events", text);
	}
	n->events_lost = c.events_lost;
}

/* ---- endpoints ------------------------------------------------------------------------------------------ */

void
bh_daemon_endpoints_pushed(void *arg, const struct bh_api_push *push)
{
	struct bh_notes *n = &((struct bh_daemon *)arg)->notes;

	pthread_mutex_lock(&n->lock);
	n->push.requests += push->requests;
	n->push.refused += push->refused;
	n->push.changes += push->changes;
	n->push.changed += push->changed;
	pthread_mutex_unlock(&n->lock);
}

static void
write_pushes(struct bh_daemon *d)
{
	struct bh_notes *n = &d->notes;
	struct bh_api_push p;
	struct bh_err err = {0};
	char detail[200];
	struct bh_audit a = {.actor = "api",
			     .action = "endpoints.push",
			     .object = "endpoints",
			     .result = "ok",
			     .detail = detail};

	pthread_mutex_lock(&n->lock);
	p = n->push;
	n->push = (struct bh_api_push){0};
	pthread_mutex_unlock(&n->lock);
	if (p.requests == 0)
		return;
	snprintf(detail, sizeof(detail),
		 "{\"requests\":%llu,\"refused\":%llu,\"changes\":%llu,\"changed\":%llu}",
		 (unsigned long long)p.requests, (unsigned long long)p.refused,
		 (unsigned long long)p.changes, (unsigned long long)p.changed);
	if (bh_store_audit(d->store, &a, &err) != 0)
		bh_log(BH_LOG_ERROR, "no audit entry about pushed endpoints: %s", err.what);
}

/* ---- control core --------------------------------------------------------------------------------------- */

void
bh_daemon_notes_tick(struct bh_daemon *d, uint64_t now)
{
	struct bh_notes *n = &d->notes;

	flush_notes(d);
	watch_events(d, now);
	if (d->store == NULL)
		return;
	bh_store_audit_gap(d->store);
	if (now >= n->alive_ns) {
		n->alive_ns = now + ALIVE_NS;
		bh_store_alive(d->store);
	}
	if (now >= n->push_ns && n->push.requests != 0) {
		n->push_ns = now + PUSH_NS;
		write_pushes(d);
	}
}

void
bh_daemon_notes_close(struct bh_daemon *d)
{
	flush_notes(d);
	if (d->store != NULL)
		write_pushes(d);
}
