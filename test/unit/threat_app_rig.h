/* What detectors of applications found, and a clock for them. */
#ifndef BH_THREAT_APP_RIG_H
#define BH_THREAT_APP_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "../../lib/threat/threat_app.h"
#include "unit.h"

struct threat_rig {
	struct bh_threat_rule rule[BH_THREAT_COUNT];
	struct bh_threat_ctx ctx;
	struct bh_threat_conn conn;
	unsigned hits[BH_THREAT_COUNT];
	unsigned n_hits, failed, asked;
	char text[128];
};

static inline void
rig_hit(void *arg, unsigned threat, const char *text)
{
	struct threat_rig *r = arg;

	r->hits[threat]++;
	r->n_hits++;
	snprintf(r->text, sizeof(r->text), "%s", text);
}

static inline void
rig_failed(void *arg, unsigned app, unsigned n)
{
	(void)app;
	((struct threat_rig *)arg)->failed += n;
}

static inline void
rig_asked(void *arg, const struct bh_threat_question *q)
{
	((struct threat_rig *)arg)->asked += q->n != 0;
}

/* Every threat is on, thresholds are the defaults. */
static inline struct threat_rig *
rig_open(unsigned app)
{
	struct threat_rig *r = calloc(1, sizeof(*r));
	unsigned i;

	for (i = 0; i < BH_THREAT_COUNT; i++) {
		bh_threat_rule_default(&r->rule[i], i);
		r->rule[i].on = true;
	}
	r->ctx = (struct bh_threat_ctx){.rule = r->rule,
					.now_ms = 5000,
					.wall_s = 1700000000,
					.hit = rig_hit,
					.failed = rig_failed,
					.asked = rig_asked,
					.arg = r};
	bh_threat_conn_open(&r->conn, app);
	return r;
}

static inline void
rig_say(struct threat_rig *r, unsigned side, const void *p, size_t n)
{
	bh_threat_conn_feed(&r->conn, &r->ctx, side, p, (uint32_t)n, false);
}

/* The same, a byte at a time, so that no detector relies on how it is cut. */
static inline void
rig_drip(struct threat_rig *r, unsigned side, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n-- != 0)
		bh_threat_conn_feed(&r->conn, &r->ctx, side, b++, 1, false);
}

#define RIG_TEXT(r, side, text) rig_drip(r, side, text, sizeof(text) - 1)

#endif
