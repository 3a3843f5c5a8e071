/* This gateway as the others see it: alive under a lease, and what it has in force. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_priv.h"

#define ASK_MS 3000

static void
alive_key(const struct bh_fleet *f, char out[BH_FLEET_KEY])
{
	snprintf(out, BH_FLEET_KEY, "%salive/%s", f->live, f->name);
}

static int
grant(struct bh_fleet *f, struct bh_err *err)
{
	struct bh_etcd_answer a;
	struct bh_buf ask = {0};
	int rc;

	bh_buf_printf(&ask, "{\"TTL\":\"%llu\"}",
		      (unsigned long long)((f->c->fleet_ttl_ms + 999) / 1000));
	rc = bh_etcd_call(&f->reader, "lease/grant", &ask, ASK_MS, &a, err);
	if (rc == 0)
		f->lease = a.lease;
	f->named = false;
	bh_etcd_answer_free(&a);
	bh_buf_free(&ask);
	return rc;
}

static int
keep_alive(struct bh_fleet *f, struct bh_err *err)
{
	struct bh_etcd_answer a;
	struct bh_buf ask = {0};
	int rc;

	bh_buf_printf(&ask, "{\"ID\":\"%lld\"}", (long long)f->lease);
	rc = bh_etcd_call(&f->reader, "lease/keepalive", &ask, ASK_MS, &a, err);
	/* Without a time to live it is gone. */
	if (rc == 0 && a.ttl <= 0)
		f->lease = 0;
	bh_etcd_answer_free(&a);
	bh_buf_free(&ask);
	return rc;
}

/* Two gateways of one name would each be the other. */
static int
take_name(struct bh_fleet *f, struct bh_err *err)
{
	char key[BH_FLEET_KEY];
	struct bh_etcd_answer a;
	struct bh_buf ask = {0};
	int rc;

	alive_key(f, key);
	bh_buf_str(&ask, "{\"compare\":[");
	bh_etcd_ask_compare(&ask, key, 0);
	bh_buf_str(&ask, "],\"success\":[");
	bh_etcd_ask_put(&ask, &(struct bh_etcd_put){.key = key,
						    .value = f->instance,
						    .len = strlen(f->instance),
						    .lease = f->lease});
	bh_buf_str(&ask, "],\"failure\":[{\"request_range\":");
	bh_etcd_ask_key(&ask, key);
	bh_buf_str(&ask, "}]}");
	rc = bh_etcd_call(&f->reader, "kv/txn", &ask, ASK_MS, &a, err);
	if (rc == 0 && !a.succeeded && a.n == 1 && strcmp(a.kv[0].value, f->instance) != 0)
		rc = bh_err_set(err, EEXIST,
				"a gateway of the name %s is there already (or was a moment ago, "
				"before a restart): give each its own fleet.name",
				f->name);
	/* Of a lease before: it ends with that, and is put then. */
	f->named = rc == 0 && a.succeeded;
	bh_etcd_answer_free(&a);
	bh_buf_free(&ask);
	return rc;
}

static void
look_at_self(struct bh_fleet *f, struct bh_fleet_member *m)
{
	struct bh_store_force force = {0};
	bool waits;

	bh_store_in_force(f->p.store, &force, NULL);
	*m = (struct bh_fleet_member){.revision = force.number, .since_ns = f->told.since_ns};
	snprintf(m->name, sizeof(m->name), "%s", f->name);
	snprintf(m->version, sizeof(m->version), "%s", BH_VERSION);
	if (force.number != 0)
		bh_sha256_hex(force.sha256, m->sha256);
	pthread_mutex_lock(&f->lock);
	waits = f->head.confirm_ms != 0 && !f->head.confirmed;
	f->status.in_step = f->known && f->head.number == force.number;
	snprintf(m->state, sizeof(m->state), "%s",
		 !f->status.in_step ? "behind"
		 : waits            ? "waiting"
				    : "in step");
	pthread_mutex_unlock(&f->lock);
	if (m->since_ns == 0 || m->revision != f->told.revision)
		m->since_ns = bh_clock_system.wall_ns(NULL);
}

/* Once it has changed. */
int
bh_fleet_member_tell(struct bh_fleet *f, struct bh_err *err)
{
	struct bh_fleet_member m;
	struct bh_buf value = {0}, ask = {0};
	struct bh_etcd_answer a;
	char key[BH_FLEET_KEY];
	int rc;

	look_at_self(f, &m);
	if (!f->named)
		return 0;
	if (memcmp(&m, &f->told, sizeof(m)) == 0)
		return 0;
	bh_fleet_member_write(&value, &m);
	snprintf(key, sizeof(key), "%smember/%s", f->live, f->name);
	bh_buf_str(&ask, "{\"success\":[");
	bh_etcd_ask_put(&ask,
			&(struct bh_etcd_put){.key = key, .value = value.data, .len = value.len});
	bh_buf_str(&ask, "]}");
	ask.failed |= value.failed;
	rc = bh_etcd_call(&f->reader, "kv/txn", &ask, ASK_MS, &a, err);
	if (rc == 0)
		f->told = m;
	bh_etcd_answer_free(&a);
	bh_buf_free(&value);
	bh_buf_free(&ask);
	return rc;
}

#define LAGS 2  /* beats that a watch may be behind */
#define OPENS 5 /* that it may take to be one: a ttl */

/* A read that takes the majority: it is what "connected" means. A head that the watch has not brought by the next one is a
 * watch that lags; one that is not open yet (TLS, a busy machine) has more time, or none would ever be. */
static int
read_head(struct bh_fleet *f, struct bh_err *err)
{
	struct bh_etcd_answer a;
	struct bh_buf ask = {0};
	char key[BH_FLEET_KEY];
	bool ahead;
	int rc;

	snprintf(key, sizeof(key), "%shead", f->live);
	bh_etcd_ask_key(&ask, key);
	rc = bh_etcd_call(&f->reader, "kv/range", &ask, ASK_MS, &a, err);
	if (rc == 0) {
		pthread_mutex_lock(&f->lock);
		f->heard_ns = bh_clock_system.mono_ns(NULL);
		ahead = f->known && (a.n == 0) != (f->head_mod == 0);
		ahead |= f->known && a.n == 1 && a.kv[0].mod > f->head_mod;
		/* What went wrong before has been mended, but for a revision that could not be taken. */
		if (f->named && f->reconcile_ns == UINT64_MAX)
			f->status.trouble[0] = '\0';
		snprintf(f->status.endpoint, sizeof(f->status.endpoint), "%s",
			 f->c->fleet_endpoint[f->reader.at]);
		pthread_mutex_unlock(&f->lock);
		f->behind = ahead ? f->behind + 1 : 0;
		if (f->behind >= (f->watching ? LAGS : OPENS))
			rc = bh_err_set(err, EPIPE, "the watch brings nothing");
	}
	bh_etcd_answer_free(&a);
	bh_buf_free(&ask);
	return rc;
}

int
bh_fleet_member_beat(struct bh_fleet *f, struct bh_err *err)
{
	struct bh_err name = {0};
	int rc = read_head(f, err);

	if (rc == 0)
		rc = f->lease != 0 ? keep_alive(f, err) : 0;
	if (rc == 0 && f->lease == 0)
		rc = grant(f, err);
	if (rc == 0 && !f->named && take_name(f, &name) == -EEXIST)
		bh_fleet_trouble(f, name.what);
	return rc;
}

void
bh_fleet_member_leave(struct bh_fleet *f)
{
	struct bh_etcd_answer a;
	static const _Atomic bool go_on = false;
	struct bh_buf ask = {0};

	if (f->lease == 0)
		return;
	/* A last request, though it is time to stop. */
	f->reader.stop = &go_on;
	bh_buf_printf(&ask, "{\"ID\":\"%lld\"}", (long long)f->lease);
	bh_etcd_call(&f->reader, "lease/revoke", &ask, 1000, &a, NULL);
	bh_etcd_answer_free(&a);
	bh_buf_free(&ask);
}
