/* When the gateway was there: how long it was down is told at the next start. And entries that found no room in the log. */
#include <errno.h>
#include <stdio.h>

#include "store_priv.h"

#define RETRY_NS (10 * BH_NS_PER_SEC)

void
bh_store_alive(struct bh_store *s)
{
	pthread_mutex_lock(&s->lock);
	/* On a full disk the time stays older: down for longer than it was. */
	bh_store_sql_set(s, "alive_ns", (int64_t)s->clock->wall_ns(s->clock->arg), NULL);
	pthread_mutex_unlock(&s->lock);
}

struct newest {
	uint64_t time_ns;
	bool stopped;
};

static bool
keep_newest(void *arg, const struct bh_audit *a)
{
	struct newest *n = arg;

	n->time_ns = a->time_ns;
	n->stopped = strcmp(a->action, "gateway.stop") == 0;
	return false;
}

int
bh_store_down(struct bh_store *s, struct bh_down *out, struct bh_err *err)
{
	struct newest n = {0};
	int64_t alive = 0;
	int rc = bh_store_audits(s, 0, 1, keep_newest, &n, err);

	*out = (struct bh_down){0};
	if (rc != 0 || n.time_ns == 0)
		return rc;
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_setting(s, "alive_ns", 0, &alive, err);
	pthread_mutex_unlock(&s->lock);
	if (rc != 0)
		return rc;
	out->clean = n.stopped;
	out->since_ns = n.stopped || (uint64_t)alive < n.time_ns ? n.time_ns : (uint64_t)alive;
	return 0;
}

void
bh_store_audit_missed(struct bh_store *s)
{
	if (__atomic_fetch_add(&s->missed, 1, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(&s->missed_ns, s->clock->wall_ns(s->clock->arg), __ATOMIC_RELAXED);
	__atomic_fetch_add(&s->missed_ever, 1, __ATOMIC_RELAXED);
}

uint64_t
bh_store_audit_lost(struct bh_store *s)
{
	return __atomic_load_n(&s->missed_ever, __ATOMIC_RELAXED);
}

void
bh_store_audit_gap(struct bh_store *s)
{
	uint64_t n = __atomic_load_n(&s->missed, __ATOMIC_RELAXED), now;
	char detail[200], when[32];
	const struct bh_audit a = {.actor = "gateway",
				   .action = "control.failed",
				   .object = "audit log",
				   .result = "ok",
				   .detail = detail};
	int rc;

	if (n == 0)
		return;
	now = s->clock->mono_ns(s->clock->arg);
	if (s->retry_ns != 0 && now < s->retry_ns)
		return;
	s->retry_ns = now + RETRY_NS;
	bh_time_format(__atomic_load_n(&s->missed_ns, __ATOMIC_RELAXED), when, sizeof(when));
	snprintf(detail, sizeof(detail),
		 "{\"reason\":\"%llu entries could not be written since %s\",\"moment\":true}",
		 (unsigned long long)n, when);
	pthread_mutex_lock(&s->lock);
	rc = bh_store_sql_begin(s, NULL);
	if (rc == 0)
		rc = bh_store_sql_end(s, bh_audit_append(s, &a, NULL), NULL);
	pthread_mutex_unlock(&s->lock);
	if (rc == 0) {
		__atomic_fetch_sub(&s->missed, n, __ATOMIC_RELAXED);
		s->retry_ns = 0;
	}
}
