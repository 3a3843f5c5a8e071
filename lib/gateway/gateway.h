/* gateway: the data plane. Workers, the burst, the stages and their order; the only packet room that
 * knows the others.
 *
 * Usage     fill bh_gateway_params, bh_gateway_create(), publish a policy view, run each worker's loop on its
 *           core (bh_worker_run), poll bh_gateway_control() from the control core; or, offline, give one
 *           worker a wire of your own and call bh_worker_poll() until the input ends.
 * Threads   bh_worker_*: the worker's thread. bh_gateway_*: control threads, as stated.
 * Lifetime  the gateway owns workers, tables and rings; wires and the policy model are the caller's.
 */
#ifndef BH_GATEWAY_H
#define BH_GATEWAY_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../event/event.h"
#include "../flow/flow.h"
#include "../net/net.h"
#include "../policy/policy.h"
#include "../threat/threat.h"

struct rte_mbuf;
struct rte_mempool;
struct bh_gateway;
struct bh_worker;

/* One side of a pair as a worker sees it: where frames come from and go to. `port` and queue numbers are
 * the caller's. Live: bh_port_rx/tx; offline: a capture; bench: a generator. */
struct bh_wire {
	uint16_t (*rx)(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n);
	uint16_t (*tx)(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n);
	void *port;
	uint16_t rx_queues; /* queue i is polled by worker i % n_workers */
	uint16_t
		tx_queues; /* worker i sends on queue i; i >= tx_queues: over a ring to i % tx_queues */
	uint16_t mtu;      /* IP bytes; longer frames are dropped as oversize; 0 = no limit */
	bool partial_checksums; /* complete them on the way */
	bool checksum_flags;    /* trust the driver's verdict on L4 checksums */
	bool rss;               /* the device hashes both directions to the same queue */
	bool wire_lengths; /* captures: the mbuf's dynfield1[0] holds the length on the wire, >= pkt_len */
	enum bh_link_type link;
};

#define BH_MAX_WIRES BH_MAX_PORTS

struct bh_inspect_engine;
struct bh_gateway_params {
	const struct bh_config *config;
	unsigned n_workers;
	unsigned n_wires; /* wire i is joined to wire peer[i] */
	struct bh_wire wire[BH_MAX_WIRES];
	uint8_t peer[BH_MAX_WIRES];
	uint8_t pair[BH_MAX_WIRES];   /* pair index of a wire: goes into flow keys */
	bool inside[BH_MAX_WIRES];    /* is it the inside of its pair */
	bool steer;                   /* more than one worker and no symmetric RSS */
	bool send_rejects;            /* false offline: a capture has nobody to answer */
	struct rte_mempool *pool;     /* for answers */
	const struct bh_clock *clock; /* wall clock for records; NULL = system */
	/* Sensors' patterns, compiled: the caller's. NULL: compiled here, if the configuration asks for them. */
	const struct bh_inspect_engine *inspect;
};

int bh_gateway_create(struct bh_gateway **out, const struct bh_gateway_params *params,
		      struct bh_err *err);
void bh_gateway_destroy(struct bh_gateway *g); /* workers have returned */

/* ---- policy -------------------------------------------------------------------------------------- */

/* For bh_policy_params: arg is the gateway. publish: store-release; retire: frees when every worker has
 * reported quiescent since (QSBR), from bh_gateway_control. Any control thread. */
void bh_gateway_publish(void *gateway, const struct bh_view *view);
void bh_gateway_retire(void *gateway, void *obj, void (*free_fn)(void *obj));
/* Wait until every worker has ended the turn it was in: what was changed before the call holds for all that
 * leaves after it. -ETIMEDOUT after a second (a worker hangs: the heartbeat will say so). */
int bh_gateway_settle(struct bh_gateway *g);

/* What DNS answers of these events (n slots) said, into the policy; `told` as bh_policy_names_learn(). 0, or the first error of
 * it: -ENOSPC, -ENOMEM. */
int bh_gateway_take_answers(struct bh_policy *p, const struct bh_event *e, unsigned n,
			    uint64_t mono_ns, struct bh_buf *told);

/* Name ids of the segments that exceptions of threats list. Once, before workers run. 0 or -ENOMEM. */
int bh_gateway_name_segments(struct bh_gateway *g, struct bh_policy *p);

/* ---- users' sensors ------------------------------------------------------------------------------- */

struct bh_signatures;
/* What clusters say about sensors: bh_signature_params.part. Zero: nothing. */
struct bh_sensor_part {
	const char *text;
	size_t len;
};
/* May sensors come while it runs: from files, or from clusters? */
bool bh_gateway_senses(const struct bh_config *c);
/* Would these load beside the files in use? Reads and compiles them alone, aside. 0; -EINVAL: err says which sensor and rule, where, and
 * what the engine says; -EEXIST: a sensor of the files has the name; -ENOMEM. Control. g NULL: it does not run yet. */
int bh_gateway_try_sensors(struct bh_gateway *g, const struct bh_sensor_part *part,
			   struct bh_err *err);
/* The files of sensors.files, as they are. 0 or -errno with err set. */
int bh_gateway_read_sensors(const struct bh_config *c, struct bh_signatures **out,
			    struct bh_err *err);
struct bh_sensor_load {
	uint32_t sensors, rules;    /* in use now */
	uint32_t left_out, changed; /* rules; `bulkheadctl sensors check` lists them */
	bool unkept;                /* an action is capture, and no evidence is kept */
};
/* Read the files of sensors.files, compile them with the part and take into use. Nothing to do without both. Control, one thread; seconds
 * for ten thousand patterns, while workers go on with what they have. 0; -EINVAL (err has the place), -ENOMEM, -EBUSY (a worker
 * hangs, or connections keep too many older ones): what was in use stays. */
int bh_gateway_load_sensors(struct bh_gateway *g, struct bh_policy *policy,
			    const struct bh_sensor_part *part, struct bh_sensor_load *out,
			    struct bh_err *err);
/* The same with what was loaded; takes it over in any case. */
int bh_gateway_sense(struct bh_gateway *g, struct bh_policy *policy,
		     struct bh_signatures *signatures, struct bh_err *err);

/* ---- workers ------------------------------------------------------------------------------------- */

struct bh_worker *bh_gateway_worker(struct bh_gateway *g, unsigned index);
/* Poll, judge, forward until bh_gateway_stop(); then send what other workers handed over, and return 0. For
 * rte_eal_remote_launch. */
int bh_worker_run(void *worker);
/* One turn: every wire's queues once, rings, housekeeping. Returns packets received. */
unsigned bh_worker_poll(struct bh_worker *w, uint64_t mono_ns, uint64_t wall_ns);
/* Hand frames to one turn of the pipeline as if they had come in on a wire (offline). */
void bh_worker_input(struct bh_worker *w, unsigned wire, struct rte_mbuf **m, unsigned n,
		     uint64_t mono_ns, uint64_t wall_ns);
/* After the loops of all workers have returned, from any one thread: drop what is held (reason shutdown), end
 * flows, a few thousand a call. Returns how many flows are left: take the events and call again. */
uint32_t bh_worker_drain(struct bh_worker *w, uint64_t mono_ns, uint64_t wall_ns);

/* ---- control ------------------------------------------------------------------------------------- */

/* No TCP connection opens from here on (SYNs are dropped, reason handover), or again: those that are being named get done with
 * it before their flows are handed over. */
void bh_gateway_settle_connections(struct bh_gateway *g, bool on);
/* Workers have returned, and the flows go on in another gateway: their end here is no event. */
void bh_gateway_passed(struct bh_gateway *g);
void bh_gateway_stop(struct bh_gateway *g); /* any thread, also a signal handler */
bool bh_gateway_stopping(const struct bh_gateway *g);
/* Frees what is quiescent. Call every few ms from one control thread. */
void bh_gateway_control(struct bh_gateway *g);
/* A port's peer lost its link: drop what would leave there. */
void bh_gateway_wire_down(struct bh_gateway *g, unsigned wire, bool down);
/* Pop up to n events over all workers, oldest of each ring first. One control thread. */
unsigned bh_gateway_events(struct bh_gateway *g, struct bh_event *out, unsigned n);
/* What all BH_EVENT_NAMES popped so far say has been given to bh_policy_names_learn(), which has returned: their answers go
 * on to the clients (names.hold). The same thread. */
void bh_gateway_names_in_force(struct bh_gateway *g);
/* A worker's latest packets (evidence.path), or NULL; the gateway's. */
struct bh_evidence_ring;
struct bh_evidence_ring *bh_gateway_evidence(struct bh_gateway *g, unsigned worker);
/* How the configuration wants frames parsed. */
void bh_gateway_parse_params(const struct bh_config *c, struct bh_parse_params *out);
/* For bh_event_names: the labels of an end of a flow as an object under key; nothing where it has none. */
void bh_gateway_put_labels(struct bh_policy *policy, struct bh_json *j, const char *key,
			   const struct bh_flow_key *flow, unsigned end);
/* Milliseconds since a worker last turned. */
uint64_t bh_gateway_heartbeat_age_ms(struct bh_gateway *g, unsigned worker);

/* Sums; packets == forwarded + dropped + held at any quiet moment, and held == 0 after a drain. A
 * consumed or answered packet (reject) counts as dropped under its reason. */
struct bh_counters {
	uint64_t packets, bytes; /* received */
	uint64_t forwarded, forwarded_bytes;
	uint64_t dropped[BH_REASON_COUNT]; /* by reason */
	uint64_t passed[BH_REASON_COUNT];  /* by PASS reason */
	uint64_t held;                     /* waiting: fragments, and what is not judged yet */
	uint64_t answers;                  /* RST and ICMP sent */
	uint64_t answers_suppressed;       /* rate, size, tunnel or ICMP about ICMP */
	uint64_t partial_checksums;        /* completed */
	uint64_t flows_opened, flows_ended, flows_evicted, flows_relabelled;
	uint64_t judged;       /* policy look-ups */
	uint64_t steered;      /* handed to another worker */
	uint64_t apps_named;   /* flows whose application was proven */
	uint64_t findings;     /* of sensors */
	uint64_t names_held;   /* DNS answers that waited until segments had their addresses */
	uint64_t apps_unasked; /* flows that found no context: applications.contexts */
	uint64_t exceptions[BH_EXCEPTION_COUNT]; /* cases met, whatever was done */
	uint64_t threats[BH_THREAT_COUNT];       /* seen, told or not */
	uint64_t events_lost;
	uint64_t polls, empty_polls;
	uint64_t turns[70]; /* with packets, by the time they took: bh_turn_class */
	uint64_t turns_ns;  /* what they took together */
	uint64_t flows;     /* now in the table */
};
uint64_t bh_counters_dropped(const struct bh_counters *c);

/* How long a turn that had packets took, from the look at the ports to the next look: no packet of it waited longer for its
 * worker, but for those that are held, and what the ports' own queues add. Four classes an octave of nanoseconds, so that a
 * quantile read from them is at most a quarter too long; from 256 ns; the last has all beyond 2^25 ns, 34 ms. */
#define BH_TURN_CLASSES (1u + 4u * 17u + 1u)
_Static_assert(BH_TURN_CLASSES == sizeof(((struct bh_counters *)0)->turns) / sizeof(uint64_t), "");
unsigned bh_turn_class(uint64_t ns);
/* The shortest time that is beyond the class; UINT64_MAX of the last. */
uint64_t bh_turn_bound(unsigned turn_class);

/* What a rule decided since the workers began: connections, or operations where it names some. */
struct bh_rule_use {
	uint64_t hits;
	uint64_t packets, bytes; /* of its connections that have ended */
	uint64_t
		last_ns; /* wall clock: the last decision, or packet of an ended connection; 0: none */
};
_Static_assert(sizeof(struct bh_rule_use) == 32, "two of them a line");
#define BH_RULE_SLOTS                                                                              \
	(1u << 17) /* name ids below are counted one by one; what is beyond, together */
/* Sum over workers by the rule's name id (BH_NO_RULE: what no rule decided). false, and the sum of all that is beyond:
 * it has no slot of its own. Relaxed reads, any thread. */
bool bh_gateway_rule_use(struct bh_gateway *g, uint32_t rule, struct bh_rule_use *out);
/* One worker's, or all of them when worker is UINT32_MAX. Relaxed reads. Any thread. */
void bh_gateway_counters(struct bh_gateway *g, uint32_t worker, struct bh_counters *out);
/* Per wire: received and sent frames and bytes, and frames dropped that came in on it. */
struct bh_wire_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, dropped;
};
void bh_gateway_wire_counters(struct bh_gateway *g, unsigned wire, struct bh_wire_counters *out);
unsigned bh_gateway_n_workers(const struct bh_gateway *g);

/* ---- flows, as the control core sees them ---------------------------------------------------------- */

/* Copies of flows, made by their worker in its housekeeping (typed mailbox). */
struct bh_flow_copy {
	struct bh_flow flow;
	uint64_t id;
	uint32_t idle_ms;
	uint8_t worker;
};

struct bh_flow_query {
	uint64_t cursor; /* 0 = from the start; on return where to go on, 0 = at the end */
	unsigned max;    /* room in out[] */
	/* Filters; zero = any. Applied by the worker. */
	uint8_t family, proto, verdict;
	uint8_t state;            /* enum bh_flow_state + 1 */
	struct bh_prefix address; /* either end; family 0 = any */
	uint32_t segment;         /* name id of either end, or UINT32_MAX */
	uint16_t port;
	uint64_t id; /* this flow alone */
};
/* Number copied: fewer than max, even 0, may come with a cursor when few flows match; -ETIMEDOUT when a
 * worker did not answer within a second. Any control thread; one at a time (mutex inside). */
int bh_gateway_flows(struct bh_gateway *g, struct bh_flow_query *q, struct bh_flow_copy *out);

#endif
