/* bulkhead-generator: ports, threads and reports around lib/generator.
 *
 *   main.c      options, signals, which test
 *   setup.c     EAL, ports, ends; who answers for an address
 *   worker.c    the loop of a worker: receive, judge or reflect, send
 *   send.c      probes at a rate
 *   trial.c     one trial from launch to counts
 *   rfc2544.c   searches made of trials
 *   connect.c   the loop of a worker with connections; frames for lib/generator's tcp
 *   rfc9411.c   runs of connections: ramp, measure, end; figures a second
 *   server.c    a server alone
 *   report.c    table and JSON
 */
#ifndef BH_APP_GEN_H
#define BH_APP_GEN_H

#include <signal.h>

#include <jansson.h>
#include <rte_mbuf.h>

#include "../../lib/generator/options.h"
#include "../../lib/generator/tcp.h"
#include "../../lib/port/port.h"

#define GEN_BURST 32
#define GEN_ENDS (2 * BH_MAX_WORKERS)

struct gen;

struct gen_counts {
	uint64_t sent, sent_bytes; /* FCS counted */
	uint64_t received, received_bytes;
	uint64_t late, repeated, corrupt, foreign, stale, reflected, no_buffer;
	uint64_t unsent; /* answers and reflections that the port did not take */
};

/* One queue of a port: one worker's. Control sets it up between trials and reads counts in them. */
struct gen_end {
	struct gen *g;
	struct bh_port *port;
	uint16_t queue;
	uint8_t side; /* BH_GEN_CLIENT ... */
	unsigned worker;
	bool sends, judges, reflects;

	/* What it sends in this trial. */
	struct bh_gen_pick pick;
	uint32_t first, step; /* its flows: first + step * pick */
	uint32_t *sequence;   /* of each of them */
	double per_tick;      /* frames; 0: as many as go */
	uint64_t limit;       /* frames; 0: until the time is over */
	uint64_t built;
	struct rte_mbuf *pending[GEN_BURST];
	uint16_t n_pending, at_pending;

	struct bh_gen_track *track; /* of every flow; NULL where it does not judge */
	struct gen_counts counts;
	struct bh_gen_hist latency; /* ticks */
	struct bh_gen_asked asked;

	/* With connections. */
	struct bh_gen_tcp *tcp;
	struct rte_ring
		*handed; /* frames of our flows that came to another queue; NULL: there is none */
	struct rte_mbuf *out[GEN_BURST];
	uint16_t n_out;
} __attribute__((aligned(BH_CACHE_LINE)));

enum gen_phase {
	GEN_SEND, /* with connections: they grow to their number */
	GEN_DRAIN,
	GEN_STOP,
	GEN_MEASURE, /* with connections, between SEND and DRAIN */
};

/* What a trial is to be, and what came of it. */
struct gen_trial {
	const struct bh_gen_mix *mix;
	double pps; /* a direction; 0: as fast as it goes */
	double seconds;
	uint64_t limit; /* frames; 0: seconds count */
	bool prime;
	const char *step; /* "load", "search", ... */
	double percent;   /* of what was found before; 0: of nothing */

	double took; /* seconds of sending */
	bool passed;
	struct gen_counts counts;
	struct bh_gen_hist *latency;
};

struct gen {
	struct bh_gen_options o;
	struct bh_config config;
	struct bh_port_env env;
	struct bh_port *port[2];
	struct bh_gen_probes probes;
	struct bh_gen_zipf zipf;
	struct bh_gen_book book;
	unsigned n_ends, n_workers;
	struct gen_end *end[GEN_ENDS];
	uint64_t origin; /* ticks of probes are from here */
	double hz;
	/* Of the trial: written by control before launch. */
	const struct bh_gen_mix *mix;
	uint32_t kib;
	uint64_t begin;
	uint8_t trial;
	unsigned phase; /* enum gen_phase: control writes (release), workers read (acquire) */
	unsigned
		n_draining; /* workers that send nothing new any more: they add (release), control reads */
	bool primed;
	FILE *table;
	json_t *trials, *results;
};

extern volatile sig_atomic_t gen_stopped; /* by a signal */

/* setup.c */
int gen_setup(struct gen *g, struct bh_err *err);
void gen_teardown(struct gen *g);

/* worker.c: returns when phase is GEN_STOP. arg: a struct gen_worker. */
struct gen_worker {
	struct gen *g;
	unsigned index;
};
int gen_worker_run(void *arg);

/* send.c: what is due now; returns frames sent. */
unsigned gen_send(struct gen_end *e, uint64_t now);
/* Give back what was built and not sent. */
void gen_send_drop(struct gen_end *e);

/* trial.c */
int gen_trial_run(struct gen *g, struct gen_trial *t, struct bh_err *err);
void gen_trial_free(struct gen_trial *t);
double gen_offered(const struct gen_trial *t);
/* Each flow once, before the first trial; nothing where it is switched off. */
int gen_prime(struct gen *g, const struct bh_gen_mix *mix, struct bh_err *err);

/* connect.c: as gen_worker_run, with connections. */
int gen_connect_run(void *arg);
int gen_connect_setup(struct gen *g, struct bh_err *err);
void gen_connect_free(struct gen_end *e);
/* Is the frame in m now an answer to send? It asked for one of our hosts. */
bool gen_answer(struct gen_end *e, struct rte_mbuf *m);

/* rfc9411.c */
int gen_run_connections(struct gen *g, struct bh_err *err);

/* rfc2544.c */
int gen_run_frames(struct gen *g, struct bh_err *err);

/* server.c */
int gen_run_server(struct gen *g, struct bh_err *err);

/* report.c */
void gen_report_head(struct gen *g);
void gen_report_trial(struct gen *g, const struct gen_trial *t);
void gen_report_result(struct gen *g, json_t *result);
int gen_report_write(struct gen *g, struct bh_err *err);
json_t *gen_percentiles(const struct gen *g, const struct bh_gen_hist *h);

#endif
