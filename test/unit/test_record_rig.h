/* An event store in a folder of its own, a clock that is set by hand, and the plain list that it is compared with. */
#ifndef BH_TEST_RECORD_RIG_H
#define BH_TEST_RECORD_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/record/record.h"
#include "unit.h"

#define RIG_UNUSED __attribute__((unused))
#define RIG_START (UINT64_C(1790000000) * BH_NS_PER_SEC)

struct rig {
	char dir[64], path[128];
	struct bh_record *r;
	struct bh_record_params p;
	struct bh_clock clock;
	_Atomic uint64_t wall;
	struct bh_err err;
};

static uint64_t
rig_wall(void *arg)
{
	return ((struct rig *)arg)->wall;
}

static uint64_t
rig_mono(void *arg)
{
	(void)arg;
	return bh_clock_system.mono_ns(NULL);
}

static int
rig_open(struct rig *g)
{
	g->err = (struct bh_err){0};
	g->p.path = g->path;
	g->p.clock = &g->clock;
	g->r = NULL;
	return bh_record_open(&g->r, &g->p, &g->err);
}

static void
rig_enter(struct rig *g, const struct bh_record_params *p)
{
	*g = (struct rig){.wall = RIG_START};
	if (p != NULL)
		g->p = *p;
	g->clock = (struct bh_clock){.wall_ns = rig_wall, .mono_ns = rig_mono, .arg = g};
	snprintf(g->dir, sizeof(g->dir), "/tmp/bh-record-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(g->dir));
	snprintf(g->path, sizeof(g->path), "%s/events.db", g->dir);
	CU_ASSERT_EQUAL_FATAL(rig_open(g), 0);
}

static void
rig_leave(struct rig *g)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[160];
	size_t i;

	bh_record_close(g->r);
	for (i = 0; i < BH_ARRAY_SIZE(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", g->path, ends[i]);
		unlink(path);
	}
	CU_ASSERT_EQUAL(rmdir(g->dir), 0);
}

static RIG_UNUSED void
rig_say(struct rig *g, uint64_t time_ns, unsigned n)
{
	char when[32], line[256];

	bh_time_format(time_ns, when, sizeof(when));
	snprintf(line, sizeof(line),
		 "{\"timestamp\":\"%s\",\"event_type\":\"drop\",\"bulkhead\":{\"n\":%u,"
		 "\"verdict\":\"deny\"}}\n",
		 when, n);
	bh_record_line(g->r, line, strlen(line));
}

static RIG_UNUSED bool
rig_count(void *arg, uint64_t id, const char *line, size_t len)
{
	(void)id;
	(void)line;
	(void)len;
	++*(unsigned *)arg;
	return true;
}

#endif
