/* gateway_rig: a gateway between two fake wires, for the unit tests of the room. The test's thread is every
 * worker's thread, time moves when the test says so, and what leaves a wire is kept for comparison.
 *
 * Usage     rig_start(), rig_put() frames, rig_run(), look at what left, events and counters, rig_stop().
 *           rig_run() and rig_stop() check that no frame was lost or made up: packets == forwarded +
 *           dropped + held, and in the end all packet buffers are back in their pool.
 */
#ifndef BH_GATEWAY_RIG_H
#define BH_GATEWAY_RIG_H

#include "../../lib/gateway/gateway_priv.h"
#include "unit.h"

/* ---- frames: test_gateway_frames.c ----------------------------------------------------------------- */

#define RIG_FRAME 2048 /* longest frame */
#define RIG_TTL 61     /* of all frames made here */

struct rig_frame {
	unsigned len;
	uint8_t b[RIG_FRAME];
};

/* What a frame is made of. Zero is the usual. */
struct rig_packet {
	const char *src, *dst; /* their form says the family */
	uint8_t proto;
	uint16_t sport, dport; /* ICMP query: identifier in sport */
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint32_t ts_val, ts_ecr; /* not 0: TCP's timestamp option */
	uint8_t icmp_type, icmp_code;
	uint16_t payload; /* bytes; their values follow from seed */
	uint8_t seed;
	const void *text; /* payload bytes to be written instead */
	uint16_t vlan;
	uint16_t ip_id;
	bool partial;                  /* checksum field holds the pseudo-header's sum alone */
	const struct rig_frame *quote; /* ICMP error about this frame */
	const struct rig_frame
		*content; /* inside VXLAN; GRE if proto is 47, Geneve if dport is 6081 */
};

void rig_build(struct rig_frame *out, const struct rig_packet *p);
/* Cut the IP payload of a frame without tags into n fragments, n - 1 of them of the same length. */
void rig_fragment(const struct rig_frame *whole, struct rig_frame *out, unsigned n);
/* Are the IPv4 header's and the L4 checksum right? By plain 16-bit sums, not by the code under test. */
bool rig_checksums_good(const struct rig_frame *f);
bool rig_same(const struct rig_frame *a, const struct rig_frame *b);
/* Offset of the innermost-but-tunnels IP header, and of what follows it. */
unsigned rig_l3(const struct rig_frame *f);
unsigned rig_l4(const struct rig_frame *f);

/* ---- gateway: test_gateway_rig.c ------------------------------------------------------------------- */

#define RIG_WIRES 2
#define RIG_QUEUES 4
#define RIG_ROOM 1024                           /* frames kept of a wire */
#define RIG_EVENTS 8192                         /* kept until rig_clear() */
#define RIG_WALL0 UINT64_C(1767323045000000000) /* 2026-01-02T03:04:05Z */

enum { RIG_OUTSIDE, RIG_INSIDE }; /* wires */

struct rig_wire {
	struct rte_mbuf *in[RIG_QUEUES][RIG_ROOM];
	unsigned n_in[RIG_QUEUES];
	struct rig_frame out[RIG_ROOM];
	uint16_t out_queue[RIG_ROOM];
	unsigned n_out;
	unsigned room; /* frames it still takes */
};

struct rig_options {
	unsigned n_workers; /* 0: 1 */
	unsigned queues;    /* of each wire, both ways; 0: 1 */
	unsigned mode;      /* enum bh_mode */
	const char *policy; /* YAML; NULL: rig_policy */
	bool no_policy;     /* nothing is published */
	void (*tune)(struct bh_config *c, struct bh_gateway_params *p);
};

struct rig {
	struct bh_config config;
	struct bh_gateway_params params;
	struct bh_gateway *g;
	struct bh_policy *policy;
	struct bh_clock clock;
	uint64_t now_ns;
	struct rig_wire *wire; /* [RIG_WIRES] */
	struct bh_event *event;
	unsigned n_events;
	struct bh_counters c; /* after the last turn */
	unsigned buffers;     /* free in the pool before */
};

/* web 10.1.0.1 and 2001:db8:1::1, batch 10.1.0.2, redis 10.2.0.1 and 2001:db8:2::1. web may talk to redis on port
 * 6379 and by ICMP, batch on 6380; web is rejected on 7000; all else is denied. */
extern const char rig_policy[];
/* The beginning of another one, up to its rules: web is 10.1.0.1, db 10.2.0.1. */
#define RIG_WEB_DB                                                                                 \
	"version: 1\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  - {address: 10.1.0.1, labels: {app: web}}\n"                                            \
	"  - {address: 10.2.0.1, labels: {app: db}}\n"                                             \
	"segments:\n"                                                                              \
	"  web: {selector: app=web}\n"                                                             \
	"  db: {selector: app=db}\n"

void rig_start(struct rig *r, const struct rig_options *options);
/* Drain, check the sums, destroy. */
void rig_stop(struct rig *r);
/* A frame comes in on a wire: whole, or cut into two segments behind `split` bytes. */
void rig_put(struct rig *r, unsigned wire, const struct rig_frame *f);
void rig_put_split(struct rig *r, unsigned wire, const struct rig_frame *f, unsigned split);
void rig_put_queue(struct rig *r, unsigned wire, unsigned queue, const struct rig_frame *f);
/* A millisecond goes by and every worker turns until nothing moves; counters and events are read. */
void rig_run(struct rig *r);
void rig_wait(struct rig *r, uint64_t ms); /* time goes by without a turn */
/* Put, run: does exactly this frame, bit for bit, leave by the other wire? */
bool rig_passes(struct rig *r, unsigned wire, const struct rig_frame *f);
/* Put, run: is it dropped for this reason, and nothing leaves? */
bool rig_drops(struct rig *r, unsigned wire, const struct rig_frame *f, enum bh_reason reason);
void rig_clear(struct rig *r); /* forget what left and what was reported */
unsigned rig_count_events(const struct rig *r, enum bh_event_type type);
/* The last one of a type; all zero when there is none. */
const struct bh_event *rig_event(const struct rig *r, enum bh_event_type type);
/* Give an address the label app=VALUE; NULL: it is no endpoint any more. */
void rig_label(struct rig *r, const char *address, const char *app);
void rig_load(struct rig *r, const char *policy);

#endif
