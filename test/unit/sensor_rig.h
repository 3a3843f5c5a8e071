/* What the sensor room's tests share: models in a line a pattern, and a worker that keeps what was hit. */
#ifndef BH_TEST_SENSOR_RIG_H
#define BH_TEST_SENSOR_RIG_H

#include <stdlib.h>

#include "../../lib/sensor/sensor.h"
#include "unit.h"

#define RIG_HITS 256

struct rig {
	struct bh_sensor_model *model; /* until it is compiled */
	struct bh_sensor *sensor;
	struct bh_sensor_rule *rule; /* the newest */
	struct bh_sensor_set *set;
	struct bh_sensor_worker *worker;
	struct bh_sensor_conn conn;
	struct bh_err err;
	unsigned n;
	struct {
		char rule[32];
		uint8_t side, context;
		uint64_t offset, message;
	} hit[RIG_HITS];
	unsigned limits[BH_SENSOR_LIMITS];
};

static inline void
rig_report(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_hit *hit)
{
	struct rig *r = arg;

	(void)c;
	if (r->n == RIG_HITS)
		return;
	strncpy(r->hit[r->n].rule, hit->rule->name, sizeof(r->hit[0].rule) - 1);
	r->hit[r->n].side = hit->side;
	r->hit[r->n].context = hit->context;
	r->hit[r->n].offset = hit->offset;
	r->hit[r->n++].message = hit->message;
}

static inline void
rig_limit(void *arg, struct bh_sensor_conn *c, unsigned side, unsigned context,
	  enum bh_sensor_limit what)
{
	struct rig *r = arg;

	(void)c;
	(void)side;
	(void)context;
	r->limits[what]++;
}

static inline void
rig_begin(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->model = bh_sensor_model_create();
	r->sensor = bh_sensor_add(r->model, "test");
}

static inline struct bh_sensor_rule *
rig_rule(struct rig *r, const char *name)
{
	return r->rule = bh_sensor_add_rule(r->model, r->sensor, name);
}

static inline struct bh_sensor_pattern *
rig_pattern(struct rig *r, enum bh_sensor_kind kind, unsigned context, const char *text,
	    unsigned flags)
{
	struct bh_sensor_pattern *p =
		bh_sensor_add_pattern(r->model, r->rule, kind, text, strlen(text));

	p->context = (uint8_t)context;
	p->flags = (uint16_t)flags;
	return p;
}

static inline int
rig_compile(struct rig *r, const char *cache)
{
	int rc = bh_sensor_compile(r->model, cache, &r->set, &r->err);

	if (rc == 0)
		r->model = NULL;
	return rc;
}

static inline void
rig_worker(struct rig *r, struct bh_sensor_worker_params *params)
{
	struct bh_sensor_worker_params none = {0};

	if (params == NULL)
		params = &none;
	params->report = rig_report;
	params->limit = rig_limit;
	params->arg = r;
	CU_ASSERT_EQUAL_FATAL(bh_sensor_worker_create(&r->worker, params), 0);
}

static inline void
rig_open(struct rig *r, unsigned app)
{
	bh_sensor_open(r->worker, &r->conn,
		       &(struct bh_sensor_open){.app = (uint16_t)app, .port = 80});
}

/* Compile, a worker, a connection of HTTP. */
static inline void
rig_start(struct rig *r)
{
	int rc = rig_compile(r, NULL);

	if (rc != 0)
		fprintf(stderr, "%s\n", r->err.what);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	rig_worker(r, NULL);
	CU_ASSERT_EQUAL_FATAL(bh_sensor_publish(r->worker, r->set, BH_SENSOR_DRAIN), 0);
	bh_sensor_turn(r->worker, UINT64_MAX, 1);
	rig_open(r, BH_APP_HTTP);
}

static inline void
rig_feed(struct rig *r, unsigned side, unsigned context, const char *text, bool last)
{
	bh_sensor_feed(r->worker, &r->conn, side, context, (const uint8_t *)text, strlen(text),
		       last);
}

static inline unsigned
rig_hits(const struct rig *r, const char *rule)
{
	unsigned i, n = 0;

	for (i = 0; i < r->n; i++)
		n += strcmp(r->hit[i].rule, rule) == 0;
	return n;
}

static inline void
rig_end(struct rig *r)
{
	if (r->worker != NULL && r->conn.held != NULL)
		bh_sensor_close(r->worker, &r->conn);
	bh_sensor_worker_destroy(r->worker);
	bh_sensor_set_destroy(r->set);
	bh_sensor_model_destroy(r->model);
}

#endif
