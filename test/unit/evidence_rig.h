/* evidence_rig: a ring, a folder of its own and a clock that the test sets; packets of one connection; events. */
#ifndef BH_EVIDENCE_RIG_H
#define BH_EVIDENCE_RIG_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/capture/capture.h"
#include "../../lib/evidence/evidence.h"
#include "net_frame.h"

#define RIG_T0 UINT64_C(1767323045000000000) /* 2026-01-02T03:04:05Z */
#define RIG_NAME "20260102T030405.000000Z-0000000000000007-"

struct evidence_rig {
	struct bh_evidence_ring *ring;
	struct bh_evidence *ev;
	struct bh_evidence_params p;
	struct bh_clock clock;
	const char *action; /* of sensors' events; NULL: none */
	char path[32];
	uint8_t app;         /* of the next packets' flow */
	uint32_t segment[2]; /* of its ends */
	uint64_t now_ns;     /* wall; mono is the same from RIG_T0 on */
};

static uint64_t
rig_wall(void *arg)
{
	return ((struct evidence_rig *)arg)->now_ns;
}

static uint64_t
rig_mono(void *arg)
{
	return ((struct evidence_rig *)arg)->now_ns - RIG_T0 + BH_NS_PER_SEC;
}

/* p as it is but for what every test has alike. */
static inline void
rig_open(struct evidence_rig *r)
{
	struct bh_err err = {0};

	r->now_ns = RIG_T0;
	r->clock = (struct bh_clock){rig_wall, rig_mono, r};
	if (r->path[0] == '\0') {
		strcpy(r->path, "/tmp/bh_evidence_XXXXXX");
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->path));
	}
	if (r->ring == NULL)
		CU_ASSERT_EQUAL_FATAL(bh_evidence_ring_create(&r->ring, BH_EVIDENCE_RING_MIN, 1600),
				      0);
	r->p.path = r->path;
	r->p.ring = &r->ring;
	r->p.n_rings = 1;
	r->p.n_wires = 2;
	r->p.wire[0] = (struct bh_evidence_wire){"shop", 1, BH_LINK_ETHERNET};
	r->p.wire[1] = (struct bh_evidence_wire){"cde", 1, BH_LINK_ETHERNET};
	if (r->p.before == 0)
		r->p.before = r->p.after = 8;
	r->p.after_ms = 1000;
	if (r->p.max_size == 0)
		r->p.max_size = 1 << 20;
	if (r->p.max_age_ms == 0)
		r->p.max_age_ms = 3600000;
	r->p.rate = 100;
	r->p.clock = &r->clock;
	bh_parse_params_default(&r->p.parse);
	CU_ASSERT_EQUAL_FATAL(bh_evidence_open(&r->ev, &r->p, &err), 0);
}

static inline void
rig_close(struct evidence_rig *r)
{
	char path[400];
	struct dirent *e;
	DIR *d;

	bh_evidence_close(r->ev);
	bh_evidence_ring_destroy(r->ring);
	d = opendir(r->path);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", r->path, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(r->path);
}

/* The next packet of a TCP connection 10.0.0.1:port > 10.0.0.2:80, a millisecond later. Returns its number. */
static inline uint32_t
rig_packet(struct evidence_rig *r, unsigned port, uint32_t seq, const void *text, uint32_t len)
{
	struct bh_evidence_packet p = {0};
	struct bh_evidence_piece piece;
	struct bh_parsed h;
	struct net_frame f;

	net_start(&f);
	net_eth(&f, 0x0800);
	net_ip4(&f, 6);
	net_tcp(&f, port, 80, 0x18);
	net_set16(&f, f.len - 16, seq >> 16);
	net_set16(&f, f.len - 14, seq & 0xffff);
	net_bytes(&f, text, len);
	net_end(&f);
	r->now_ns += BH_NS_PER_MS;
	CU_ASSERT_EQUAL_FATAL(bh_net_parse(&r->p.parse, BH_LINK_ETHERNET, f.b, f.len, f.len, 0, &h),
			      0);
	p.time_ns = r->now_ns;
	p.pair = bh_evidence_pair_hash(&h.key);
	p.flow = bh_evidence_flow_hash(&h.key, p.pair);
	p.wirelen = f.len;
	p.app = r->app;
	p.segment[0] = r->segment[0];
	p.segment[1] = r->segment[1];
	piece = (struct bh_evidence_piece){f.b, f.len};
	return bh_evidence_put(r->ring, &p, &piece, 1);
}

/* An event of that connection now: a violation, or a sensor's if it has a key. */
static inline void
rig_event(struct evidence_rig *r, unsigned port, const char *key, struct bh_event out[8])
{
	struct bh_event_ring *ring;
	struct bh_event_text t;
	struct bh_event e = {.time_ns = r->now_ns,
			     .flow_id = 7,
			     .has_flow = 1,
			     .rule = UINT32_MAX,
			     .segment = {UINT32_MAX, UINT32_MAX}};
	struct bh_parsed h;
	struct net_frame f;

	net_start(&f);
	net_eth(&f, 0x0800);
	net_ip4(&f, 6);
	net_tcp(&f, port, 80, 0x18);
	net_end(&f);
	CU_ASSERT_EQUAL_FATAL(bh_net_parse(&r->p.parse, BH_LINK_ETHERNET, f.b, f.len, f.len, 0, &h),
			      0);
	e.key = h.key;
	e.initiator = h.from;
	e.frame_kind = BH_FRAME_IP;
	e.verdict = BH_VERDICT_DENY;
	e.type = key != NULL ? BH_EVENT_SENSOR : BH_EVENT_VIOLATION;
	t.len = 0;
	t.cut = false;
	if (key != NULL)
		bh_event_text_add(&t, BH_EVENT_SENSOR_KEY, key, strlen(key));
	if (key != NULL && r->action != NULL)
		bh_event_text_add(&t, BH_EVENT_SENSOR_ACTION, r->action, strlen(r->action));
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&ring, 16), 0);
	CU_ASSERT_TRUE_FATAL(bh_event_push_text(ring, &e, &t));
	CU_ASSERT_FATAL(bh_event_pop(ring, out, 8) > 0);
	bh_event_ring_destroy(ring);
}

/* A whole file of the folder; the caller frees. */
static inline char *
rig_load(struct evidence_rig *r, const char *name, size_t *len)
{
	struct bh_err err = {0};
	char *data = NULL;
	int rc = bh_evidence_load(r->path, name, &data, len, &err);

	CU_ASSERT_EQUAL(rc, 0);
	return data;
}

static inline unsigned
rig_files(struct evidence_rig *r)
{
	static struct bh_evidence_file file[64];
	unsigned n = 0;
	bool more;

	CU_ASSERT_EQUAL(bh_evidence_list(r->path, &(struct bh_evidence_want){.max = 64}, file, &n,
					 &more, NULL),
			0);
	return n;
}

static inline bool
rig_has(const char *data, size_t len, const char *text)
{
	return memmem(data, len, text, strlen(text)) != NULL;
}

#endif
