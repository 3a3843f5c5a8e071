/* daemon: the running gateway as one program. main.c starts and ends it, control.c is the control
 * core's loop, links.c carries link state, learning.c keeps conversations, promotion.c learns
 * rules and promotes segments, commit.c takes policies through the store, events.c says where
 * events go, usage.c adds up what rules decide, modes.c sets those of segments, fleet.c shares the
 * policy with other gateways, shared.c endpoints, pair.c agrees with a twin on who forwards, failure.c says what happens to the ports when it
 * is gone, labels.c asks sources for labels, rest.c starts the API, front.c its HTTP process,
 * sandbox.c gives rights away, background.c lets go of who started it, notify.c tells the service manager, ops.c is what the API may ask
 * of it, telemetry.c tells DPDK's clients. */
#ifndef BH_DAEMON_H
#define BH_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "../../lib/api/api.h"
#include "../../lib/base/base.h"
#include "../../lib/conf/conf.h"
#include "../../lib/evidence/evidence.h"
#include "../../lib/fleet/fleet.h"
#include "../../lib/gateway/gateway.h"
#include "../../lib/kube/kube.h"
#include "../../lib/learn/learn.h"
#include "../../lib/learn/shadow.h"
#include "../../lib/pair/pair.h"
#include "../../lib/policy/host.h"
#include "../../lib/policy/policy.h"
#include "../../lib/port/port.h"
#include "../../lib/response/response.h"
#include "../../lib/proto/proto.h"
#include "../../lib/record/record.h"
#include "../../lib/secret/secret.h"
#include "../../lib/sink/sink.h"
#include "../../lib/store/store.h"

/* Exit codes, also in --help. */
enum { BH_EXIT_OK = 0, BH_EXIT_FAILED = 1, BH_EXIT_CONFIG = 2, BH_EXIT_STALLED = 70 };

/* What a port's own link is, and what was done to it because of the other side. Control core only. */
struct bh_link_watch {
	bool up;           /* last seen */
	bool forced;       /* taken down by us */
	uint64_t grace_ns; /* its own state is not judged before: it was just given back */
};

/* notes.c */
#define BH_NOTES 64
struct bh_note {
	enum bh_event_type type;
	char text[512];
};
struct bh_notes {
	pthread_mutex_t lock; /* note, n, left_out, push */
	struct bh_note note[BH_NOTES];
	unsigned n, left_out;
	struct bh_api_push push; /* not in the audit log yet */
	/* control core only */
	uint64_t alive_ns, push_ns, lost_ns, failure_ns; /* mono */
	uint64_t events_lost, failures_left_out;
	unsigned failures_left;
	bool eve_failing;
};

/* sensors.c: what is in use, and the thread that loads another. */
struct bh_daemon_sensors {
	pthread_mutex_t lock; /* of all of it */
	pthread_cond_t idle;  /* loading has become false */
	pthread_t thread;
	bool joinable, loading;
	bool again, files; /* there is something to load; the files have to be read */
	bool closed;       /* nothing is begun any more */
	bool told;         /* that clusters' are not looked for here */
	int rc;            /* of the last load */
	struct bh_err err;
	struct bh_buf in_use, good; /* what clusters say: in use; last found to load */
};

struct bh_daemon {
	struct bh_config config;
	struct bh_port_env env;
	unsigned n_workers;
	unsigned n_ports;
	struct bh_port *port[BH_MAX_PORTS];
	uint8_t pair_of[BH_MAX_PORTS];
	uint8_t peer_of[BH_MAX_PORTS];
	bool inside[BH_MAX_PORTS];
	enum bh_steering steering;
	struct bh_gateway *gateway;
	struct bh_policy *policy;
	struct bh_store *store; /* NULL: none is configured */
	char store_alarm[512];  /* what is wrong with it, for an event once there are events */
	struct bh_api *api;
	char *api_pem[3]; /* certificate, key, authorities; NULL: none */
	pid_t front_pid;  /* the HTTP process; the API's thread's */
	struct bh_eve_file *eve;
	struct bh_record *event_store; /* NULL: none is configured */
	struct bh_buf event_line;      /* control core */
	int eve_rc;                    /* of the last flush */
	struct bh_sink *sink[BH_CONFIG_SINKS];
	unsigned n_sinks;
	struct bh_notes notes;
	struct bh_event_names names;
	struct bh_evidence *evidence; /* NULL: none is kept */
	struct bh_daemon_sensors sensors;
	_Atomic uint32_t sensors_in_use, sensor_rules; /* of the files and of clusters */
	_Atomic uint64_t sensors_loaded_ns;            /* wall clock */
	char evidence_name[BH_EVIDENCE_NAME_MAX];
	struct bh_resolve *resolve; /* NULL: off */
	struct bh_kube *kube;       /* NULL: there are no sources */
	struct bh_fleet *fleet;     /* NULL: this gateway is alone */
	struct bh_shared *shared;   /* shared.c; NULL: as fleet */
	struct bh_twin *twin;       /* pair.c; NULL: this gateway has no other beside it */
	struct bh_secrets *secrets;
	struct bh_learn *learn;   /* NULL: off */
	struct bh_shadow *shadow; /* NULL: as learn */
	uint64_t learn_cursor;    /* of the look at all flows */
	uint64_t learn_look_ns, learn_save_ns, learn_lost_ns, learn_tick_ns,
		learn_segments_ns;  /* mono: when next */
	pthread_mutex_t learn_lock; /* what follows; written by the control core */
	struct bh_api_learn_segment *learn_segment;
	size_t n_learn_segments;
	struct bh_usage *usage; /* usage.c */
	struct bh_response *response;
	struct bh_link_watch link[BH_MAX_PORTS];
	struct bh_buf record; /* control core: records formatted here */
	uint64_t started_wall_ns, started_mono_ns;
	uint64_t next_stats_ns, next_watch_ns;
	pthread_mutex_t put_lock; /* one policy file replacement at a time */
	int signal_fd;
	int notify_fd;                       /* the service manager's; -1: there is none */
	uint64_t watchdog_ns, next_alive_ns; /* how often it wants to hear; 0: never */
	int tell_fd;                         /* who started this waits there; -1: nobody */
	bool started;                        /* workers run */
	struct bh_guardian *guardian;        /* NULL: nobody watches */
	int guardian_fd;                     /* -1: nobody does any more */
	int failure_fd;                      /* the lock of who watches; -1: there is none */
	int pass_fd;                         /* where the next version of this gateway asks; -1 */
	int api_fd;  /* a socket that listens for the API already; -1: there is none */
	bool passed; /* another gateway forwards in this one's place */
	struct bh_adopting *adopting; /* adopt.c; NULL: nothing is taken over */
	struct {
		uint64_t time_s; /* 0: none is known; atomic, the words before it */
		char cause[16], action[16];
	} failure; /* the last one of an earlier gateway */
};

/* control.c */
int bh_daemon_loop(struct bh_daemon *d); /* until a signal or a stall; returns the exit code */
void bh_daemon_drain(
	struct bh_daemon *d); /* workers have returned: end flows, write what is left */
void bh_daemon_take_events(struct bh_daemon *d);
/* A record of the control core's own: about which port (or NULL), and a sentence. */
void bh_daemon_record(struct bh_daemon *d, enum bh_event_type type, const char *port,
		      const char *detail);

/* events.c: where events go, the file and the store. Control core. */
int bh_daemon_events_open(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_events_close(struct bh_daemon *d);
/* Store and sinks, which one process has for itself, closed and opened again; the file stays open. */
void bh_daemon_events_part(struct bh_daemon *d);
int bh_daemon_events_join(struct bh_daemon *d, struct bh_err *err);
bool bh_daemon_events_wanted(const struct bh_daemon *d);
void bh_daemon_put_event(struct bh_daemon *d, const struct bh_event *e); /* and its words */
void bh_daemon_put_note(struct bh_daemon *d, const struct bh_eve_note *note);
void bh_daemon_put_line(struct bh_daemon *d, const char *line, size_t len);
void bh_daemon_events_flush(struct bh_daemon *d);

/* journal.c: any thread. */
bool bh_daemon_log_line(void *arg, uint64_t number, struct bh_api_log *out);

/* sinks.c: control core, but for bh_daemon_sink. */
int bh_daemon_sinks_open(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_sinks_close(struct bh_daemon *d);
void bh_daemon_sinks_begin(struct bh_daemon *d); /* once rights are given away */
void bh_daemon_sinks_put(struct bh_daemon *d, const struct bh_sink_record *r);
bool bh_daemon_sink(void *arg, unsigned index, struct bh_api_sink *out); /* any thread */

/* sensors.c */
int bh_daemon_sensors_start(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_sensors_reload(struct bh_daemon *d);
/* Would the sensors of clusters load that this document has? 0 or -errno with err set. */
int bh_daemon_sensors_try(struct bh_daemon *d, const char *text, size_t len, struct bh_err *err);
/* A document is in force: its sensors are loaded, aside, where they are not in use. Any control thread. */
void bh_daemon_sensors_follow(struct bh_daemon *d);
/* The same, and waits for it. 0: they are in use; -EAGAIN: not yet, err says why. Not the control core. */
int bh_daemon_sensors_settle(struct bh_daemon *d, struct bh_err *err);
/* Waits for what is being loaded; nothing else is until bh_daemon_sensors_resume(). */
void bh_daemon_sensors_join(struct bh_daemon *d);
void bh_daemon_sensors_resume(struct bh_daemon *d);
void bh_daemon_sensors_free(struct bh_daemon *d);
/* --check: the files can be read. */
int bh_daemon_sensors_check(struct bh_daemon *d, struct bh_err *err);

/* names.c: addresses of the names that segments list */
int bh_daemon_names_start(struct bh_daemon *d, struct bh_err *err);
/* Events in n slots: what DNS answers said. */
void bh_daemon_names_take(struct bh_daemon *d, const struct bh_event *e, unsigned n);
void bh_daemon_names_tick(struct bh_daemon *d, uint64_t mono_ns);
void bh_daemon_names_stop(struct bh_daemon *d);

/* resolve.c: a thread that asks for them. told: lines of what is new, for the control core. */
int bh_resolve_start(struct bh_resolve **out, struct bh_policy *p, const struct bh_config *c);
void bh_resolve_told(struct bh_resolve *r, struct bh_buf *out);
void bh_resolve_stop(struct bh_resolve *r); /* NULL is fine */

/* secrets.c. Values: bh_secret_free(); NULL: none is configured. */
int bh_daemon_secrets_open(struct bh_daemon *d, struct bh_err *err);
int bh_daemon_secrets_watch(struct bh_daemon *d, struct bh_err *err);
int bh_daemon_secret_token(struct bh_daemon *d, char **out, struct bh_err *err);
int bh_daemon_secret_tls(struct bh_daemon *d, char *pem[3],
			 struct bh_err *err); /* a pair, or none */
struct bh_daemon_sink_secrets {
	char *secret, *to; /* to: NULL where the configuration says it itself */
};
int bh_daemon_secret_sink(struct bh_daemon *d, unsigned index, struct bh_daemon_sink_secrets *out,
			  struct bh_err *err);
void bh_daemon_secret_sink_free(struct bh_daemon_sink_secrets *s);

/* clusters.c: as bh_kube_params.wish */
int bh_daemon_clusters_wish(void *arg, const struct bh_kube_part *part, uint32_t *revision,
			    struct bh_err *err);

/* labels.c: clusters and watched files */
int bh_daemon_labels_open(struct bh_daemon *d, struct bh_err *err);
int bh_daemon_labels_begin(struct bh_daemon *d,
			   struct bh_err *err); /* once rights are given away */
void bh_daemon_labels_close(struct bh_daemon *d);
bool bh_daemon_source(void *arg, unsigned index, struct bh_api_source *out); /* any thread */

/* evidence.c */
void bh_daemon_evidence_names(struct bh_daemon *d);
int bh_daemon_evidence_start(struct bh_daemon *d, struct bh_err *err);
/* Events in n slots, before they are written anywhere. */
void bh_daemon_evidence_take(struct bh_daemon *d, const struct bh_event *e, unsigned n);
void bh_daemon_evidence_watch(struct bh_daemon *d);
/* learning.c */
int bh_daemon_learn_open(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_learn_turn(struct bh_daemon *d, uint64_t mono_ns);
void bh_daemon_learn_close(struct bh_daemon *d);

/* promotion.c */
void bh_daemon_promotion_tick(struct bh_daemon *d, uint64_t mono_ns);
/* A document that has no `clusters:` or `learned:` part, with that of the policy in force; out stays empty when there is nothing to
 * carry over. */
int bh_daemon_carry_learned(struct bh_daemon *d, const char *text, size_t len, struct bh_buf *out,
			    struct bh_err *err);
/* A policy file came into force: what was learned, and what clusters wish, goes on beside it. before: the document that was in force. */
void bh_daemon_keep_learned(struct bh_daemon *d, const struct bh_buf *before);
/* That document, of the newest revision that was in force. */
void bh_daemon_stored(struct bh_daemon *d, struct bh_buf *out);
bool bh_daemon_learn_segment(void *arg, size_t index, struct bh_api_learn_segment *out);

/* responses.c */
int bh_daemon_responses_open(struct bh_daemon *d, struct bh_err *err);
/* Events in n slots, before they are written: what is to be suppressed becomes BH_EVENT_NONE. */
void bh_daemon_respond(struct bh_daemon *d, struct bh_event *e, unsigned n);
void bh_daemon_responses_turn(struct bh_daemon *d); /* expiry, records */
void bh_daemon_responses_reload(struct bh_daemon *d);
int bh_daemon_responses_check(struct bh_daemon *d, struct bh_err *err); /* --check */

/* links.c */
void bh_links_watch(struct bh_daemon *d, uint64_t mono_ns);
void bh_links_release(struct bh_daemon *d);

/* commit.c */
int bh_daemon_store_load(struct bh_daemon *d, struct bh_err *err); /* open, policy in force */
void bh_daemon_store_close(struct bh_daemon *d);
/* After a close: the policy in force stays the one that is. */
int bh_daemon_store_reopen(struct bh_daemon *d, struct bh_err *err);
int bh_daemon_store_reload(struct bh_daemon *d, struct bh_policy_change *change,
			   struct bh_err *err);
void bh_daemon_store_tick(struct bh_daemon *d);
int bh_daemon_commit(void *arg, const struct bh_api_commit *in, struct bh_policy_change *change,
		     struct bh_err *err);
int bh_daemon_rollback(void *arg, const struct bh_api_commit *in, struct bh_policy_change *change,
		       struct bh_err *err);

/* A revision of the fleet's into force here; as bh_fleet_params.take. */
int bh_daemon_take(void *arg, const struct bh_revision *r, const char *by, uint64_t left_ms,
		   struct bh_err *err);

/* fleet.c */
int bh_daemon_fleet_open(struct bh_daemon *d, struct bh_err *err);
int bh_daemon_fleet_begin(struct bh_daemon *d, struct bh_err *err); /* once rights are given away */
void bh_daemon_fleet_close(struct bh_daemon *d);
/* pair.c */
int bh_daemon_pair_open(struct bh_daemon *d, struct bh_err *err);  /* the gateway is there */
int bh_daemon_pair_begin(struct bh_daemon *d, struct bh_err *err); /* ports receive */
struct bh_pair *bh_daemon_pair(const struct bh_daemon *d);         /* NULL: there is none */
bool bh_daemon_pair_flows(void *arg,
			  struct bh_api_pair_flows *out); /* any thread; false: as above */
void bh_daemon_pair_watch(struct bh_daemon *d);           /* links were looked at */
/* An orderly end begins: the other one may forward. true: it does, and has the flows. */
bool bh_daemon_pair_leave(struct bh_daemon *d);
void bh_daemon_pair_close(struct bh_daemon *d);
/* shared.c: endpoints and conversations of other gateways; as bh_fleet_params.item and items_end say. */
int bh_daemon_shared_open(struct bh_daemon *d);
void bh_daemon_shared_close(struct bh_daemon *d);
void bh_daemon_shared_item(void *arg, enum bh_fleet_kind kind, const char *name, const char *value,
			   size_t len);
void bh_daemon_shared_end(void *arg);
void bh_daemon_shared_tick(struct bh_daemon *d); /* of the fleet's thread */
void bh_daemon_endpoints_applied(void *arg, const struct bh_endpoint_change *c, size_t n);
int bh_daemon_confirm_revision(void *arg, const char *author, uint32_t *number, struct bh_err *err);

/* modes.c: with a store it is on disk, with its audit entry, before it is in force. */
int bh_daemon_modes_set(void *arg, struct bh_mode_change *change, size_t n,
			const struct bh_api_commit *who, struct bh_err *err);
/* What was set before the last end. */
int bh_daemon_modes_load(struct bh_daemon *d, struct bh_err *err);

/* notes.c */
/* A record from any control thread: the control core writes it. */
void bh_daemon_note(struct bh_daemon *d, enum bh_event_type type, const char *text);
/* An event that is a failure of the control, or its end: an entry of the audit log. Control core. */
void bh_daemon_failure_of(struct bh_daemon *d, enum bh_event_type type, const char *port,
			  const char *reason);
void bh_daemon_endpoints_pushed(void *arg, const struct bh_api_push *push);
void bh_daemon_notes_tick(struct bh_daemon *d, uint64_t mono_ns);
void bh_daemon_notes_close(struct bh_daemon *d);

/* sweep.c: sessions that another policy judges otherwise. Control threads. */
struct bh_sweep {
	struct bh_flow_copy *flow;
	size_t n, room;
	bool complete;
};
void bh_daemon_sweep_before(struct bh_daemon *d, struct bh_sweep *s);
void bh_daemon_sweep_after(struct bh_daemon *d, struct bh_sweep *s, struct bh_api_sweep *out);
void bh_daemon_sweep_free(struct bh_sweep *s);
/* Behind the words about a change: ", 3 of 120 open sessions are judged otherwise". out NULL, or nobody looked: nothing. */
void bh_daemon_sweep_text(const struct bh_api_sweep *out, char *text, size_t size);

/* usage.c: what rules have decided. Any control thread. */
int bh_daemon_usage_open(struct bh_daemon *d);
void bh_daemon_usage_take(struct bh_daemon *d); /* before another policy is published */
void bh_daemon_usage_bind(struct bh_daemon *d); /* after it */
void bh_daemon_usage_tick(struct bh_daemon *d, uint64_t mono_ns);
void bh_daemon_usage_close(struct bh_daemon *d);
bool bh_daemon_rule_use(void *arg, uint32_t name_id, struct bh_api_use *out);

/* rest.c */
int bh_daemon_rest_start(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_rest_stop(struct bh_daemon *d);

/* front.c: as struct bh_api_front says; path of its program */
#define BH_FRONT_PROGRAM_MAX 600
int bh_daemon_front_program(char *out, size_t size, struct bh_err *err);
int bh_daemon_program(const char *program, char *out, size_t size, struct bh_err *err);

/* failure.c */
int bh_daemon_failure_check(const struct bh_config *c, struct bh_err *err);
int bh_daemon_failure_start(struct bh_daemon *d, struct bh_err *err); /* ports are open */
void bh_daemon_failure_forwarding(struct bh_daemon *d); /* and tell of the time before */
void bh_daemon_failure_beat(struct bh_daemon *d);       /* each turn */
/* enum bh_guardian_phase: what the end of this process, or its silence, means from now on. */
void bh_daemon_failure_phase(struct bh_daemon *d, unsigned phase);
void bh_daemon_failure_watch(struct bh_daemon *d);
/* An orderly stop begins. true: the ports are left as they are for what comes. */
bool bh_daemon_failure_stopping(struct bh_daemon *d);
/* The dashboard's folder: api.web, or where `make` and `make install` put it; "" when there is none. */
void bh_daemon_front_web(const char *configured, char *out, size_t size);
int bh_daemon_front_start(void *arg, int listener, int channel, struct bh_err *err);
void bh_daemon_front_end(void *arg);

/* pass.c: the gateway that is replaced (pass.h). Socket: once ports are locked, before the sandbox. */
int bh_daemon_pass_open(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_pass_close(struct bh_daemon *d);
enum bh_pass_end { BH_PASS_GOES_ON, BH_PASS_OVER, BH_PASS_LOST, BH_PASS_STALLED };
/* Whoever asks is served to the end. OVER: nothing more is forwarded here; LOST: nor, as far as is known, there. */
enum bh_pass_end bh_daemon_pass_turn(struct bh_daemon *d);
/* adopt.c: the one that comes. Begin: before anything is opened that only one process may have. */
int bh_daemon_adopt_begin(struct bh_daemon *d, struct bh_err *err);
int bh_daemon_adopt_endpoints(struct bh_daemon *d, struct bh_err *err); /* the policy is loaded */
bool bh_daemon_adopt_loan(const struct bh_daemon *d, unsigned port, struct bh_port_loan *out);
/* Workers run, ports are open: returns when the other one has stopped; the ports are to be started at once, then end. */
int bh_daemon_adopt_flows(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_adopt_end(struct bh_daemon *d);

/* sandbox.c: after everything is open and all threads run, before a port receives. */
int bh_daemon_confine(struct bh_daemon *d, struct bh_err *err);

/* background.c: goes on in another process; who called this one learns by its exit what has become of it. Before any thread
 * is made. */
int bh_daemon_background(struct bh_daemon *d, struct bh_err *err);
void bh_daemon_background_main(
	struct bh_daemon *d); /* the service's main process is this one from now on */
void bh_daemon_background_end(struct bh_daemon *d); /* it forwards */

/* notify.c */
void bh_daemon_notify_open(struct bh_daemon *d);
void bh_daemon_notify(struct bh_daemon *d, const char *what);
void bh_daemon_notify_reloading(struct bh_daemon *d);
void bh_daemon_notify_ready(struct bh_daemon *d);
void bh_daemon_notify_alive(struct bh_daemon *d, uint64_t mono_ns); /* the workers answer */
void bh_daemon_notify_close(struct bh_daemon *d);

/* telemetry.c. prepare: before there is another thread; begin: once there are workers and ports; end: before they go. */
void bh_daemon_telemetry_prepare(struct bh_daemon *d);
void bh_daemon_telemetry_begin(struct bh_daemon *d);
void bh_daemon_telemetry_end(void);

/* ops.c */
void bh_daemon_ops(struct bh_daemon *d, struct bh_api_ops *ops);

#endif
