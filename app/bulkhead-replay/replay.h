/* replay: the daemon's pipeline over a capture, in capture time. main.c reads the command line, engine.c starts
 * and ends EAL, policy and gateway, feed.c turns packets into bursts, side.c says on which side a packet
 * came in, report.c prints.
 *
 * One thread does everything. Wires come in pairs, one pair for each way to read frames (link type): the
 * even one is outside, the odd one inside. All are one port pair to the policy. */
#ifndef BH_REPLAY_H
#define BH_REPLAY_H

#include <rte_mbuf.h>

#include "../../lib/base/base.h"
#include "../../lib/capture/capture.h"
#include "../../lib/conf/conf.h"
#include "../../lib/evidence/evidence.h"
#include "../../lib/gateway/gateway.h"
#include "../../lib/learn/learn.h"
#include "../../lib/policy/host.h"
#include "../../lib/policy/policy.h"
#include "../../lib/proto/proto.h"
#include "../../lib/sink/sink.h"

/* Exit codes, also in --help. */
enum {
	REPLAY_OK = 0,
	REPLAY_FAILED = 1,
	REPLAY_INPUT = 2,
	REPLAY_SUM = 3,
	REPLAY_CHANGES = 4, /* --draft: it judges otherwise */
};

#define REPLAY_MAX_INSIDE 64
#define REPLAY_LINKS (BH_LINK_NULL + 1)
#define REPLAY_WIRES (2 * REPLAY_LINKS)
#define REPLAY_BATCH 32
#define REPLAY_DRAFT_MAX (256u << 20) /* bytes of a policy, as the daemon's */

struct replay_options {
	const char *config;
	const char *in;
	const char *forwarded; /* NULL: not written */
	const char *events;
	const char *stats;
	const char *evidence;      /* folder */
	const char *draft;         /* policy to compare with */
	const char *changes;       /* file for the connections that it judges otherwise */
	const char *conversations; /* database for what was said, as the daemon's */
	const char *whatif;        /* file for what conversations say the draft judges otherwise */
	struct bh_prefix inside[REPLAY_MAX_INSIDE];
	unsigned n_inside;
};

/* What a frame needs again when it leaves: in its mbuf's private area. */
struct replay_mark {
	uint64_t time_ns;
	uint64_t linktype;
};

struct replay_sides; /* side.c */
struct replay_draft; /* draft.c */

/* Capture time as the pipeline sees it. */
struct replay_clock {
	uint64_t wall_ns; /* latest seen */
	uint64_t mono_ns;
	uint64_t span_ns;  /* how much capture time went by */
	uint64_t names_ns; /* names were looked at */
	bool started;
};

struct replay {
	struct replay_options o;
	struct bh_config config;
	struct rte_mempool *pool;
	struct bh_capture *capture;
	struct bh_capture_writer *writer;
	struct bh_eve_file *eve;
	struct bh_event_names names;
	struct bh_evidence *evidence; /* NULL: none is wanted */
	struct bh_clock evidence_clock;
	char evidence_name[BH_EVIDENCE_NAME_MAX];
	struct bh_policy *policy;
	const struct bh_view *first; /* of the policy in force */
	const struct bh_view **view; /* that of the run that goes on: names change it */
	struct bh_gateway *gateway;
	struct bh_worker *worker;
	struct replay_sides *sides;
	struct replay_draft *draft; /* NULL: there is none */
	struct bh_learn *learn;     /* of the first run; NULL: not wanted */
	struct replay_clock clock;
	struct rte_mbuf *batch[REPLAY_BATCH];
	unsigned n_batch, batch_wire;
	uint64_t batch_mono_ns, batch_wall_ns;
	uint8_t *scratch; /* BH_CAPTURE_MAX_PACKET: a chained frame in one piece */
	/* Counted here, independently of the gateway: what went in and what came out. */
	uint64_t packets, bytes, forwarded;
	uint64_t dropped[BH_REASON_COUNT]; /* packets that never reached a wire */
	uint64_t events, events_not_written;
	bool names_left_out;         /* no room or memory for addresses of names */
	bool usable;                 /* command line, configuration, policy and capture are good */
	bool cut;                    /* the capture broke off */
	double seconds, cpu_seconds; /* from the first packet to the end of the drain */
};

/* engine.c */
int replay_start(struct replay *r, struct bh_err *err);
/* From the beginning, under this policy, without outputs. */
int replay_again(struct replay *r, struct bh_policy *policy, const struct bh_view **view,
		 struct bh_err *err);
/* A model that publishes into *view. */
int replay_policy(struct replay *r, struct bh_policy **out, const struct bh_view **view,
		  struct bh_err *err);
int replay_finish(struct replay *r,
		  struct bh_err *err); /* files closed: 0, or what was not written */
void replay_free(struct replay *r);

/* feed.c */
void replay_feed(struct replay *r); /* the whole capture, and the drain */
uint16_t replay_send(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n);

/* evidence.c */
int replay_evidence_start(struct replay *r, struct bh_err *err);
/* Events in n slots, before they are written. */
void replay_evidence_take(struct replay *r, const struct bh_event *e, unsigned n);
int replay_evidence_finish(struct replay *r, struct bh_err *err);

/* How one connection was judged in one run: the strictest that was said of it. */
struct replay_judged {
	struct bh_flow_key key;
	uint64_t flow_id, start_ns;
	uint32_t service; /* protocol << 16 | port, or type << 8 | code */
	uint16_t app;
	uint8_t client; /* end of the key */
	uint8_t verdict, reason;
	bool flow;                     /* its end was reported */
	const char *rule, *segment[2]; /* "" = none; client, server; as long as the run's model */
};

struct replay_run {
	struct replay_judged *item; /* n, in order of keys, then of their starts */
	size_t n, room;
	bool failed; /* no memory */
};

/* draft.c */
int replay_draft_open(struct replay *r, struct bh_err *err);
void replay_draft_close(struct replay_draft *d); /* NULL is fine */
/* Events in n slots, of the run that goes on. */
void replay_draft_take(struct replay *r, const struct bh_event *e, unsigned n);
/* The second run, the comparison and what it comes to. 0 with *changed, or -errno. */
int replay_draft_run(struct replay *r, FILE *out, size_t *changed, struct bh_err *err);

/* recorded.c: conversations of the first run. finish: they are saved, and compared with the draft. 0 or -errno. */
int replay_recorded_open(struct replay *r, struct bh_err *err);
void replay_recorded_take(struct replay *r, const struct bh_event *e, unsigned n);
int replay_recorded_finish(struct replay *r, FILE *table, struct bh_err *err);

/* changes.c: what the second of two runs judges otherwise. */
struct replay_changes {
	const struct replay_run *run[2];
	const char *name; /* of the draft */
	FILE *table;
	FILE *json; /* NULL: not wanted */
	size_t connections, changed;
};
void replay_changes_sort(struct replay_run *run);
int replay_changes_print(struct replay_changes *c, struct bh_err *err);

/* side.c */
int replay_sides_create(struct replay_sides **out, const struct replay *r);
void replay_sides_destroy(struct replay_sides *s);
/* 0: outside, 1: inside. */
unsigned replay_side(struct replay_sides *s, enum bh_link_type link,
		     const struct bh_capture_packet *p);

/* report.c */
void replay_totals(struct replay *r,
		   struct bh_counters *c); /* the gateway's and what was dropped here */
bool replay_sum_holds(const struct replay *r, const struct bh_counters *c);
void replay_print(FILE *out, const struct replay *r, const struct bh_counters *c);
int replay_write_stats(const struct replay *r, const struct bh_counters *c, struct bh_err *err);

#endif
