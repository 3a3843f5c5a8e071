/* gateway_priv: the worker, the burst, the stages. Who writes what is said at each field. */
#ifndef BH_GATEWAY_PRIV_H
#define BH_GATEWAY_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "../evidence/evidence.h"
#include "../flow/flow_hot.h"
#include "../net/net_hot.h"
#include "../policy/policy_hot.h"
#include "../inspect/inspect.h"
#include "../proto/proto.h"
#include "../sensor/sensor.h"
#include "../signature/signature.h"
#include "../stream/stream.h"
#include "../threat/threat.h"
#include "carry.h"
#include "gateway.h"

#define BH_BURST 32
#define BH_MAX_SEGMENT_HEAD 512 /* headers of a frame must lie in its first 512 bytes */
#define BH_STEER_RING 1024      /* mbufs between two workers */
#define BH_AGE_PER_TURN 4096    /* entries aged, or flows ended by a drain, in one turn */
#define BH_SLICES 16            /* of a millisecond, in housekeeping */
#define BH_SLICE_NS (BH_NS_PER_MS / BH_SLICES)
#define BH_TX_RETRIES 8 /* bounded retry of a full transmit queue, then drop (tx_ring_full) */

/* The fate of one packet in a burst. A stage may only move it to a stricter one. */
enum bh_fate {
	BH_FATE_OPEN, /* nobody has decided: fails closed in verdict */
	BH_FATE_PASS,
	BH_FATE_DROP,
	BH_FATE_REJECT, /* drop, and answer */
	BH_FATE_GONE,   /* no longer in this burst: held, or handed to another worker */
};

/* One packet of a burst: what the stages found out about it. Two lines and a bit. */
struct bh_packet {
	struct rte_mbuf *m;
	struct bh_flow *flow;
	struct bh_frag_out
		*train; /* a whole datagram: all its fragments share this packet's fate */
	uint64_t hash;
	struct bh_parsed h;
	uint8_t wire;         /* came in here */
	uint8_t fate;         /* enum bh_fate */
	uint8_t reason;       /* enum bh_reason */
	uint8_t judge;        /* flow stage to policy stage: enum bh_judge */
	uint8_t asked;        /* workers that did not know the flow this ICMP error is about */
	uint8_t unless_known; /* enum bh_reason that decides if it is of no known flow; NONE: policy */
	bool found;           /* by the known stage: h is complete; hash and flow are known */
};

enum bh_judge {
	BH_JUDGE_NO,    /* decided */
	BH_JUDGE_STALE, /* flow is known, its stamp is old */
	BH_JUDGE_NEW,   /* no flow */
	BH_JUDGE_ERROR, /* ICMP error: by the flow it speaks of */
};

/* A plain packet and its flow's hash: one line. */
struct bh_known_packet {
	struct bh_plain plain;
	uint64_t hash;
} __rte_cache_aligned;
_Static_assert(sizeof(struct bh_known_packet) == RTE_CACHE_LINE_SIZE, "56 + 8");

struct bh_burst {
	/* Frames of one wire as they were received, until the known stage has seen them. */
	unsigned n_new, wire;
	uint64_t bytes; /* of them */
	struct rte_mbuf *m[BH_BURST];
	struct bh_known_packet known[BH_BURST]; /* that stage's own */
	struct bh_flow *flow[BH_BURST];         /* the same */
	unsigned n;
	/* What later stages find to do, so that most bursts cost them one look. */
	unsigned n_fragments; /* parse: for fragment */
	unsigned n_odd;       /* parse: ICMP, not IP, malformed: for threat */
	unsigned n_judge;     /* flow: for policy */
	unsigned
		n_unnamed; /* flow: for application; flows that policy finds or opens come on top */
	struct bh_packet p[BH_BURST];
	struct bh_frag_out train[BH_BURST]; /* [i] may be in use by p[i].train */
};

/* Token bucket; its worker only. */
struct bh_bucket {
	uint64_t rate;   /* tokens a second */
	uint64_t tokens; /* in 1/1000 of a token */
	uint64_t last_ms;
	uint64_t refused; /* since the last one that was granted */
};

/* What parse must know of the wire that a frame came in on. */
struct bh_entry {
	uint64_t checksum_mask; /* of mbuf.ol_flags: the driver's verdict, where it counts */
	uint8_t pair;
	bool plain; /* Ethernet, lengths as they are, no checksum to be summed here */
};

/* Where a frame goes that came in on a wire. Longest L2 header that we let pass: Ethernet and two tags; the
 * wire's MTU counts IP bytes. */
#define BH_L2_MAX (14u + 8u)
struct bh_exit {
	uint32_t wire;
	uint32_t max_len; /* 0: that wire has no link */
	uint8_t refuse;   /* enum bh_reason of what is longer */
};

/* In mbuf.port: made by the gateway, came in on no wire. Such frames are in no sum of packets. */
#define BH_WIRE_NONE 0xff
_Static_assert(BH_MAX_WIRES < BH_WIRE_NONE, "a wire's number is 8 bits of mbuf.port");

/* Frames on their way out of one wire. */
struct bh_tx_buffer {
	unsigned n;
	unsigned n_made; /* of them, by the gateway */
	uint64_t bytes;
	struct rte_mbuf *m[2 * BH_BURST];
};

/* A question from the control core, answered by the worker in its housekeeping. `state` orders the
 * rest: control fills and stores ASKED (release); the worker loads it (acquire), works in slices,
 * stores ANSWERED (release). */
enum bh_mail_state { BH_MAIL_FREE, BH_MAIL_ASKED, BH_MAIL_ANSWERED };
#define BH_MAIL_FLOWS 256
struct bh_mail {
	_Atomic int state;
	struct bh_flow_query query;
	uint32_t cursor;  /* entry to go on with; UINT32_MAX = end of the table */
	uint32_t stop_at; /* an answer is due here, full or not */
	unsigned n;       /* copied */
	struct bh_flow_copy out[BH_MAIL_FLOWS];
};

/* The first bytes of one side of a flow: [0, len) in order and without a gap, and what came beyond one. */
#define BH_APP_GAPS 4
struct bh_app_side {
	uint32_t base; /* TCP: sequence number of byte 0 */
	uint32_t len;
	bool started, ended;
	uint8_t n_gaps;
	struct {
		uint16_t from, to;
	} gap[BH_APP_GAPS];
};

enum bh_app_phase {
	BH_APP_NAMING,     /* which application is it? */
	BH_APP_OPERATIONS, /* each operation is judged, or recorded */
	BH_APP_INSPECTION, /* allowed, and looked into */
	BH_APP_LET_GO,     /* decided: what was judged is watched until it is acknowledged */
};

/* app_vouch.c, of a side: what the receiver owes an acknowledgement for that its sender has got from us. */
struct bh_app_vouch {
	uint32_t said_ms; /* its last packet */
	uint32_t since_ms, from;
	uint8_t tries;
	bool owes;
};

#define BH_APP_HELD 16 /* datagrams of a flow that wait */

/* What is kept of a flow while it is examined; side 0 is the initiator. With a stream: by what it says it is judged,
 * and its bytes wait (hold) or are only looked at (monitor; applications.parse: all). Without: TCP whose rule is of
 * ports alone, named in passing from what comes in order; or UDP. */
struct bh_app_context {
	struct bh_proto_state state;
	struct bh_app_side side[2];
	struct bh_stream *stream;
	struct bh_flow *flow; /* NULL: nobody's */
	uint32_t held_ms;     /* since when something waits, if waiting */
	uint32_t next_free;
	uint32_t inspect; /* of app_inspect.c's pool; 0: none */
	uint32_t opened_ms;
	uint16_t packets;
	uint16_t asked, answered; /* requests that went on, final responses that came back */
	uint8_t phase;            /* enum bh_app_phase */
	uint8_t first;            /* side that spoke first */
	bool spoken;              /* one has */
	bool hold;                /* bytes wait for their judgement */
	bool by_operation;        /* operations are judged, not only recorded */
	bool ask_again;           /* policy changed: what holds now? */
	bool unlooked;            /* there was no room to look into it */
	uint8_t blocked;          /* enum bh_verdict that a finding asks for; NONE */
	uint32_t unparsed
		[2]; /* bytes read last that the parser of operations wants to see more of */
	struct bh_app_vouch vouch[2];
	bool waiting;
	bool passed;    /* bytes of it went that were judged by their ports alone, or as a whole */
	bool threat;    /* app_threat.c reads along */
	bool slow_told; /* it takes its time to say what it is */
	uint8_t threat_action; /* asked for, and not done yet: enum bh_threat_action */
	bool gap;              /* and did so for the network when it was looked at last */
	bool said[2];          /* a side's operation has been emitted */
	uint64_t judged_bytes[2], judged_hash[2]; /* events.judged; by side */
	uint32_t stamp[2];                        /* newest TCP timestamp of a side that has gone */
	bool stamped[2];
	uint8_t n_held; /* UDP */
	uint32_t held_bytes;
	void *held[BH_APP_HELD]; /* see bh_hold_packet */
	struct bh_stream_tag tag[BH_APP_HELD];
	union {
		uint8_t data[2][BH_PROTO_WINDOW]; /* NAMING */
		struct bh_ops ops;                /* OPERATIONS */
	} u;
};

/* A datagram that came in fragments, on hold: its payload in one piece, and its frames. The handle of a packet that
 * waits is its mbuf, or one of these with the lowest bit set. */
#define BH_TRAINS 32 /* of a worker; 64 KiB each */
struct bh_train {
	uint32_t refs;
	uint32_t len;
	uint32_t arrival;
	unsigned n;
	struct bh_worker *owner;
	struct bh_train *next_free;
	struct rte_mbuf *packet[BH_FRAG_MAX];
	uint8_t data[UINT16_MAX + 1];
};

/* What is watched for threats. */
struct bh_threat_watch {
	bool opened;  /* flows that open, and how their states move */
	bool packet;  /* every packet: quotas of packets and bytes */
	bool flooded; /* some address is, or was not long ago */
};
/* In mbuf.dynfield1, of frames that wait; [0] is the length on the wire, of captures. */
enum bh_mbuf_field { BH_MBUF_ARRIVAL = 1, BH_MBUF_L4_OFF, BH_MBUF_L3_OFF, BH_MBUF_EVIDENCE };

/* All that one packet core writes. Counters are written by its worker alone and read relaxed by
 * control. */
struct bh_worker {
	/* read-only after creation */
	struct bh_gateway *g;
	const struct bh_config *config;
	unsigned index;
	struct bh_parse_params parse;
	struct bh_entry entry[BH_MAX_WIRES]; /* by the wire a frame came in on */
	struct bh_flow_table *flows;
	struct bh_frag_store *frags;
	struct bh_event_ring *events;
	struct bh_evidence_ring *evidence; /* NULL: none is kept */
	struct bh_app_context *app;        /* [app_contexts + 1], see app_context.c */
	uint64_t *app_used;                /* a bit each: it is somebody's */
	struct bh_stream_store *streams;
	struct bh_train *train, *free_train;
	struct bh_memory ops_memory; /* slab.c */
	struct bh_slab *slab;
	struct bh_policy_scratch *policy_scratch;
	struct bh_threat_watch watch;
	struct bh_carrier
		*carry;         /* carry.c; NULL: nobody is told of flows. Looked at once a turn */
	struct bh_adopt *adopt; /* adopt.c; NULL: no flows are taken over */
	bool adopted_ends;      /* a flow ends because it did elsewhere: told there */
	bool twin;              /* twin.c: there is one, the right to forward ends */
	struct bh_heard_table *heard; /* the same: who is heard on ports; NULL: there is none */
	bool examines;                /* the known stage lets every packet through to the others */
	struct bh_threat_state *threat;   /* threat_report.c */
	struct bh_app_inspect *inspect;   /* app_inspect.c; NULL: no sensors */
	struct bh_app_threat *app_threat; /* app_threat.c; NULL: none of its threats is on */
	struct bh_app_sensor *sensor;     /* app_sensor.c; NULL: none of users */
	struct bh_app_names *names;       /* app_names.c; NULL: names.watch is off */
	struct bh_app_answers *answers;   /* app_answers.c; NULL: names.hold is 0 */
	uint32_t timeout_ms[BH_STATE_COUNT];
	uint32_t age_budget;      /* entries a slice */
	struct rte_ring **inbox;  /* [n_workers], frames for us, from worker i; NULL: one worker */
	struct rte_ring **outbox; /* [n_workers], the other end: worker i's inbox from us */
	struct rte_ring **tx_inbox; /* [n_workers], frames to send for worker i; NULL: own queues */
	struct rte_ring **tx_outbox; /* [n_workers] */
	/* this worker only */
	const struct bh_view *view; /* loaded once a turn */
	uint64_t mono_ns, wall_ns;
	uint64_t slice;      /* mono in slices */
	uint32_t now_ms;     /* mono in ms, wraps */
	bool fenced;         /* this turn began without the right to forward */
	uint64_t kept_slice; /* housekeeping was last done then, by slices and by ms */
	uint32_t kept_ms;
	uint64_t age_debt;      /* entries still to be looked at */
	uint32_t active_ms;     /* flows that go on are told of so often; 0: never */
	uint32_t active_cursor; /* next entry to look at for that */
	uint64_t active_debt;   /* entries still to be looked at, times the walk's slices */
	uint32_t drain_cursor;  /* bh_worker_drain goes on here */
	uint32_t forget_cursor; /* bh_adopt_forget does */
	struct bh_exit exit[BH_MAX_WIRES]; /* by the wire a frame came in on; set once a turn */
	struct bh_bucket reject_bucket, event_bucket;
	struct bh_tx_buffer tx[BH_MAX_WIRES];
	struct bh_burst burst;
	uint32_t evidence_first
		[BH_BURST];     /* stage_evidence.c: of the burst's packets, their numbers */
	uint32_t evidence_kept; /* and which have one, as bits */
	uint32_t app_cursor;    /* housekeeping looks at contexts from four times this on */
	uint32_t n_waiting;     /* frames on hold outside of the fragment store */
	bool full
		[BH_MAX_WIRES]; /* the last poll of a queue of this wire brought all that a burst holds */
	bool pressed;           /* and the one before it: more is waiting than is taken */
	uint32_t arrivals; /* packets that were given a handle; wraps */
	uint8_t scratch[BH_MAX_SEGMENT_HEAD];
	uint8_t window[2][BH_PROTO_WINDOW]; /* while operations start */
	/* written here, read by control (relaxed) */
	struct bh_counters c __rte_cache_aligned;
	struct bh_wire_counters wc[BH_MAX_WIRES];
	struct bh_rule_use *rule_use; /* [BH_RULE_SLOTS + 2], rule_use.c */
	_Atomic uint64_t beat_ns;
	struct bh_carry_counts carried;
	/* shared with control, see bh_mail */
	struct bh_mail mail __rte_cache_aligned;
	_Atomic(struct bh_carrier *)
		carry_set; /* control writes (release), loaded once a turn (acquire) */
	_Atomic(struct bh_adopt *) adopt_set;
	struct bh_carrier *carry_kept; /* control's */
	_Atomic uint32_t forgotten;    /* of g->forget; the worker writes, release */
	/* written by control: answers taken from the ring; how many of these are in force (release / acquire) */
	uint32_t names_taken;
	_Atomic uint32_t names_in_force;
};

struct bh_retired {
	struct bh_retired *next;
	void *obj;
	void (*free_fn)(void *obj);
	uint64_t token;
};

struct bh_gateway {
	/* read-only after creation */
	struct bh_gateway_params p;
	unsigned n_workers;
	struct bh_worker **worker;
	struct rte_rcu_qsbr *qsbr;
	const struct bh_inspect_engine *inspect; /* NULL: no sensors */
	struct bh_inspect_engine *own_inspect;
	bool senses;                              /* users' sensors may come */
	_Atomic bool sensors_block;               /* relaxed: a hit may end a connection */
	pthread_mutex_t sense_lock;               /* the two below */
	struct bh_sensing *sensing, *sensing_now; /* control: all that are in use; the newest */
	uint64_t loads;                           /* of sensors so far */
	struct bh_hash_key steer_key;
	uint32_t threat_segment[BH_THREAT_SEGMENTS]; /* name ids of config.threat_segment */
	bool twin;                                   /* there is one: twin.c */
	struct rte_ring *inject;                     /* the same: frames to send, for worker 0 */
	/* control writes, workers read once a turn */
	_Atomic(const struct bh_view *) view __rte_cache_aligned; /* release / acquire */
	_Atomic bool stop;                                        /* relaxed */
	_Atomic bool wire_down[BH_MAX_WIRES];                     /* relaxed */
	_Atomic bool settles;                                     /* relaxed: no connection opens */
	_Atomic uint64_t forward_until; /* of the TSC; release / relaxed */
	_Atomic uint32_t forget; /* how often all flows were to be ended; release / acquire */
	/* control only */
	pthread_mutex_t retire_lock __rte_cache_aligned; /* retired */
	pthread_mutex_t query_lock;                      /* one question to the workers at a time */
	struct bh_retired *retired;
	bool carrying, adopting;
	uint64_t told; /* records handed out */
};
#define BH_CARRY_WORKERS RTE_MAX_LCORE

/* A counter that one thread writes and others may read at any time. */
static inline void
bh_count(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* ---- the stages, in their order: pipeline.c -------------------------------------------------------- */

void bh_pipeline_run(struct bh_worker *w, struct bh_burst *b);

unsigned bh_stage_rx(struct bh_worker *w, unsigned wire, unsigned queue); /* frames in w->burst */
void bh_stage_known(struct bh_worker *w, struct bh_burst *b);
void bh_stage_parse(struct bh_worker *w, struct bh_burst *b);
void bh_stage_steer(struct bh_worker *w, struct bh_burst *b);
void bh_stage_fragment(struct bh_worker *w, struct bh_burst *b);
void bh_stage_flow(struct bh_worker *w, struct bh_burst *b);
void bh_stage_threat(struct bh_worker *w, struct bh_burst *b);
void bh_stage_policy(struct bh_worker *w, struct bh_burst *b);
void bh_stage_application(struct bh_worker *w, struct bh_burst *b);
void bh_stage_evidence(struct bh_worker *w, struct bh_burst *b);
void bh_stage_verdict(struct bh_worker *w, struct bh_burst *b);
void bh_stage_settle(struct bh_worker *w, const struct bh_burst *b);
void bh_stage_tx(struct bh_worker *w);
void bh_stage_housekeeping(struct bh_worker *w);

/* ---- shared by stages ------------------------------------------------------------------------------ */

/* Decide, if it is stricter than what was decided. */
static inline void
bh_packet_decide(struct bh_packet *p, enum bh_fate fate, enum bh_reason reason)
{
	if (fate > p->fate) {
		p->fate = (uint8_t)fate;
		p->reason = (uint8_t)reason;
	}
}

/* Why its packets pass, where they do. */
static inline enum bh_reason
bh_flow_pass_reason(const struct bh_flow *f)
{
	return f->verdict == BH_VERDICT_VIOLATE ? BH_REASON_MONITOR : (enum bh_reason)f->reason;
}

/* stage_rx.c: make the burst of n <= BH_BURST frames. Received: those in w->burst.m, from outside by this wire, are
 * counted and marked. Handed: by another worker, which did that. */
void bh_burst_received(struct bh_worker *w, unsigned wire, unsigned n);
void bh_burst_handed(struct bh_burst *b, struct rte_mbuf **m, unsigned n);

/* stage_rx.c: nothing is known of p but its frame. */
void bh_packet_place(struct bh_packet *p, struct rte_mbuf *m, unsigned wire);

/* stage_steer.c: which worker a packet with this key belongs to, as far as its key tells. */
unsigned bh_steer_owner(const struct bh_worker *w, const struct bh_flow_key *key);

/* stage_verdict.c: drop a frame outside of a burst (a ring was full, shutdown). */
void bh_drop_frame(struct bh_worker *w, struct rte_mbuf *m, unsigned wire, enum bh_reason reason);
/* stage_tx.c: send what waits for a wire. */
void bh_tx_flush(struct bh_worker *w, unsigned wire);

/* Queue a frame to leave by a wire. Takes it. mbuf.port: the wire it came in on. */
static inline void
bh_tx_put(struct bh_worker *w, unsigned wire, struct rte_mbuf *m)
{
	struct bh_tx_buffer *t = &w->tx[wire];

	t->bytes += m->pkt_len;
	t->m[t->n++] = m;
	if (unlikely(t->n == BH_ARRAY_SIZE(t->m)))
		bh_tx_flush(w, wire);
}

/* The same for a frame that the gateway made: mbuf.port becomes BH_WIRE_NONE. */
static inline void
bh_tx_put_made(struct bh_worker *w, unsigned wire, struct rte_mbuf *m)
{
	m->port = BH_WIRE_NONE;
	w->tx[wire].n_made++;
	bh_tx_put(w, wire, m);
}

/* stage_parse.c: sums the innermost L4 checksum. */
bool bh_parse_checksum_wrong(struct bh_worker *w, struct bh_packet *p);

/* stage_evidence.c: what became of a frame that left its burst to wait. Before the frame is given away. */
void bh_evidence_held(struct bh_worker *w, const struct rte_mbuf *m, enum bh_fate fate,
		      enum bh_reason reason);

/* stage_policy.c: what policy says of a known flow now. Changes nothing. */
void bh_judge_flow(struct bh_worker *w, const struct bh_flow *f, struct bh_judgement *out);
/* A flow that is allowed and has a stale stamp. true: it is judged as it was, and current again. false: nothing has changed;
 * the policy stage is to see it. */
bool bh_judge_stays(struct bh_worker *w, struct bh_flow *f);

/* rule_use.c: a rule has decided; a connection that it decided has ended. One line of memory each: per connection and
 * operation, never per packet. */
void bh_rule_decided(struct bh_worker *w, uint32_t rule);
void bh_rule_ended(struct bh_worker *w, const struct bh_flow *f);
int bh_rule_use_create(struct bh_worker *w); /* -ENOMEM */
void bh_rule_use_destroy(struct bh_worker *w);

/* icmp_error.c: does it speak of a flow that is allowed? */
void bh_judge_icmp_error(struct bh_worker *w, struct bh_packet *p);

/* Is the flow past its time-out, by the sweep's own measure? It would have found it a little later: a flow
 * never lives longer than configured just because the sweep was elsewhere. */
static inline bool
bh_flow_is_expired(const struct bh_worker *w, const struct bh_flow *f)
{
	return (int32_t)(w->now_ms - f->last_ms) >= (int32_t)w->timeout_ms[f->state];
}

/* answer.c: RST or ICMP unreachable for a rejected packet; takes nothing, frees nothing. */
void bh_answer_reject(struct bh_worker *w, const struct bh_packet *p);
/* RST to both ends of an examined connection, of which p is a packet; forbidden: the client is told so by HTTP before
 * (RFC 9110 15.5.4). */
void bh_answer_reset(struct bh_worker *w, const struct bh_packet *p, const struct bh_stream *s,
		     bool forbidden);

/* SYN/ACK to the sender of a SYN that acknowledges what it has not sent. False: it can't be told. */
bool bh_answer_cookie(struct bh_worker *w, const struct bh_packet *p, uint32_t cookie);
/* In the receiver's name to the sender of what waits here. p is the sender's (back), or the receiver's. False: it can't be told. */
bool bh_answer_gap(struct bh_worker *w, const struct bh_packet *p, const struct bh_stream_gap *g,
		   bool back);

/* A copy of the first n payload bytes of a TCP packet leaves by a wire. False: it can't be made. One with so much payload can
 * be, whatever its headers. */
#define BH_PART_PAYLOAD 1700u
struct bh_part {
	const struct rte_mbuf *m;
	uint16_t l3_off, l4_off, payload_off;
	uint16_t n;
	uint8_t wire;
};
bool bh_answer_part(struct bh_worker *w, const struct bh_part *part);

struct bh_app_case;
/* record.c: events. */
/* verdict: what protect says, or would. */
void bh_record_violation(struct bh_worker *w, const struct bh_packet *p, enum bh_verdict verdict);
void bh_record_drop(struct bh_worker *w, const struct bh_packet *p);
/* The same with what was said; packet and operation may be missing. */
void bh_record_refusal(struct bh_worker *w, const struct bh_flow *f, const struct bh_app_case *k,
		       enum bh_verdict verdict);
struct bh_inspect_finding;
struct bh_threat_case;
/* What a sensor's finding asks for, and what comes of it. */
struct bh_deed {
	uint8_t action; /* enum bh_sensor_action */
	uint8_t side;   /* who said it: that end goes to quarantine */
	enum bh_verdict verdict;
};
void bh_record_sensor(struct bh_worker *w, const struct bh_flow *f,
		      const struct bh_inspect_finding *found, const struct bh_deed *deed);
/* A threat in a packet or a flow; missed: alerts of the same that were left out. */
void bh_record_threat(struct bh_worker *w, const struct bh_threat_case *k, bool blocked,
		      uint32_t missed);
void bh_record_hit(struct bh_worker *w, const struct bh_flow *f, const struct bh_sensor_hit *hit,
		   const struct bh_deed *deed);
/* What an answer says of names: for the control core, in no file. False: there was no room for it. */
bool bh_record_names(struct bh_worker *w, const struct bh_flow *f, const struct bh_event_text *t);
void bh_record_operation(struct bh_worker *w, const struct bh_flow *f, const struct bh_op *op);
void bh_record_flow_end(void *worker, const struct bh_flow *f, enum bh_flow_end why);
void bh_record_flow_active(struct bh_worker *w, const struct bh_flow *f);

/* worker.c */
bool bh_bucket_take(struct bh_bucket *b, uint64_t now_ms);
static inline bool
bh_bucket_is_empty(const struct bh_bucket *b, uint64_t now_ms)
{
	return b->tokens + (now_ms - b->last_ms) * b->rate < 1000;
}
/* mail.c: so many slices of the pending question, if there is one. */
void bh_mail_work(struct bh_worker *w, uint64_t slices);

/* A pointer to the frame's first bytes, through `need` (<= BH_MAX_SEGMENT_HEAD) of them, contiguous:
 * in place, or gathered into w->scratch. *have is how many there are. */
static inline const uint8_t *
bh_frame_head(struct bh_worker *w, const struct rte_mbuf *m, uint32_t *have)
{
	uint32_t n;

	if (likely(m->nb_segs == 1 || m->data_len >= BH_MAX_SEGMENT_HEAD)) {
		*have = m->data_len;
		return rte_pktmbuf_mtod(m, const uint8_t *);
	}
	n = m->pkt_len < BH_MAX_SEGMENT_HEAD ? m->pkt_len : BH_MAX_SEGMENT_HEAD;
	*have = n;
	return rte_pktmbuf_read(m, 0, n, w->scratch);
}

static inline uint32_t
bh_wire_length(const struct bh_worker *w, const struct rte_mbuf *m, unsigned wire)
{
	return w->g->p.wire[wire].wire_lengths ? m->dynfield1[0] : m->pkt_len;
}

#include "gateway_app.h"
#include "gateway_threat.h"
#include "gateway_touch.h"
#include "gateway_twin.h"

#endif
