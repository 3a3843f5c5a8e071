/* api: REST /api/v1. route.def is the one list of endpoints, ipc/problem.def of errors. HTTP itself is spoken by
 * another process (room front, app/bulkhead-api), which hands requests over and trusts nothing to be let in by itself.
 *
 * Usage     fill bh_api_params, bh_api_start(), bh_api_stop().
 * Threads   one thread of its own; it calls the operations below, which must be safe from it, and starts the HTTP
 *           process again when it ends. Nothing here runs on a packet core.
 * Lifetime  params are copied; what ops points to outlives the server.
 *
 * Who may do what. route.def says what each request needs, role.def which role has it. A request is somebody's by its
 * bearer token (of an identity in the store, or of api.token_file, which is an admin's), or by its client certificate;
 * on a loopback address it may be nobody's and read (the Host header must then name loopback, so that a web page cannot
 * reach the API by rebinding its name). Health is free. A body is only taken in once its request has passed all of
 * that: what a stranger can make the HTTP process hold is max_connections x 32 KiB.
 */
#ifndef BH_API_H
#define BH_API_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../fleet/fleet.h"
#include "../pair/pair.h"
#include "../gateway/gateway.h"
#include "../learn/learn.h"
#include "../policy/policy.h"
#include "../record/record.h"
#include "../response/response.h"
#include "../store/store.h"

/* JSON-ready facts of a port. */
/* A line of the log; longer ones are cut. */
#define BH_API_LOG_MAX 512
struct bh_api_log {
	uint64_t number, time_ns;
	enum bh_log_level level;
	char text[BH_API_LOG_MAX];
};

struct bh_api_port {
	char name[32], device[256], driver[64], ifname[16], pair[32];
	bool inside, link_up, forced_down;
	uint16_t mtu, rx_queues, tx_queues;
	struct bh_wire_counters wire;
	uint64_t rx_missed, rx_errors, tx_errors, rx_nombuf; /* device */
};

/* Sessions that a change of the policy judges otherwise. */
#define BH_API_SWEEP_ITEMS 100
struct bh_api_swept {
	struct bh_flow_copy flow;  /* as it was */
	uint32_t rule, segment[2]; /* now; by end of the key */
	uint8_t verdict, reason;
};
struct bh_api_sweep {
	bool known;    /* false: nobody looked */
	bool complete; /* false: there were too many to look at all */
	uint64_t judged, changed;
	unsigned n; /* the first of them */
	struct bh_api_swept item[BH_API_SWEEP_ITEMS];
};

/* A change of the policy that is kept in the store. */
struct bh_api_commit {
	const char *text; /* commit only */
	size_t len;
	uint32_t to; /* rollback only: as in bh_store_rollback */
	const char *author, *why;
	uint64_t confirm_ms; /* commit only */
	bool whole;          /* commit only: nothing of the one in force is carried over into it */
	uint32_t only_after; /* commit only; not 0: -ESTALE unless this revision is in force */
	struct bh_api_sweep *sweep; /* where the answer goes; NULL: nobody asks */
};

/* What a rule decided, over restarts if there is a store; 0: never. */
struct bh_api_use {
	uint64_t hits, packets, bytes;
	uint64_t first_ns, last_ns; /* wall clock */
	uint64_t since_ns;          /* wall clock: it is in force; 0: not known */
};

/* What watches the gateway, and what is inspected; strings are the gateway's. */
struct bh_api_control {
	const char *inspect; /* what a sensor's finding does: "off", "alert", "deny", "reject" */
	const char *evidence_mask; /* "dlp", "always", "never", "" */
	const char *events;        /* where events go, "" = nowhere */
	unsigned n_sensor_files;
	const char *sensor_file[BH_SENSOR_FILES];
	uint32_t sensors, sensor_rules; /* of the files, in use */
	uint64_t sensors_loaded_ns;     /* wall clock; 0: none are */
	uint64_t event_lines_lost;      /* that the event file could not take */
	uint64_t audit_lost;            /* entries of the audit log that could not be written */
};

/* Where events go besides the event file, and how that goes; names are the gateway's. */
struct bh_api_failure {
	uint64_t time_s;            /* since the epoch */
	const char *cause, *action; /* words of docs/deploy.md */
};

struct bh_api_sink {
	const char *name, *type;
	uint64_t put, sent, lost, failures, waiting_bytes;
	bool up;
};

/* Who tells labels of endpoints besides the policy and REST, and how that goes; names are the gateway's. */
struct bh_api_source {
	const char *name, *type; /* "kubernetes", "file" */
	bool connected, synced, stale;
	uint64_t age_ns; /* since it last said anything, or that nothing is new */
	uint64_t objects, endpoints, left_out, refused, changes, lists, failures;
	uint64_t policies, policies_refused; /* of a cluster */
	char trouble[256];                   /* "": none */
};

/* Changes of endpoints over REST, for the audit log. */
struct bh_api_push {
	uint64_t requests, refused, changes, changed;
};

/* A segment on its way from discover to protect. */
struct bh_api_learn_segment {
	char name[BH_NAME_MAX];
	uint8_t mode, origin; /* enum bh_mode, bh_mode_origin */
	uint64_t since_ns;    /* it has this mode; 0: since before this process */
	struct bh_learn_times times;
	struct bh_promotion promotion;
};

/* Of a pair: flows that were told the other one; that it told, since the start. */
struct bh_api_pair_flows {
	uint64_t told, walks; /* records; walks over all because more changed than is noted */
	uint64_t adopted, renewed,
		ended;     /* flows that came, records about these, that ended there */
	uint64_t left_out; /* what does not fit here, and for what there was no room */
	uint64_t cut;      /* that exceptions.handover ended */
};

/* All that the API knows of the running gateway. None may be NULL, but for those of the store when there is none. */
struct bh_api_ops {
	void *arg;
	unsigned (*n_workers)(void *arg);
	uint64_t (*heartbeat_age_ms)(void *arg, unsigned worker);
	void (*counters)(void *arg, uint32_t worker, struct bh_counters *out);
	int (*flows)(void *arg, struct bh_flow_query *q, struct bh_flow_copy *out);
	unsigned (*n_ports)(void *arg);
	/* false when index is out of range */
	bool (*port)(void *arg, unsigned index, struct bh_api_port *out);
	const char *(*steering)(void *arg); /* "single", "rss", "software" */
	/* Replace the policy: write the file (atomic rename), then publish. dry_run writes nothing.
	 * -EINVAL: the document is wrong, err says where (422). -ENOSPC: no room for the file or the
	 * endpoints (507). Anything else: err says what failed (500). */
	int (*policy_put)(void *arg, const char *text, size_t len, bool dry_run,
			  struct bh_policy_change *change, struct bh_err *err);
	/* With a store, instead of policy_put without dry_run. 0, -errno of bh_store_commit, bh_store_rollback. */
	int (*policy_commit)(void *arg, const struct bh_api_commit *c,
			     struct bh_policy_change *change, struct bh_err *err);
	int (*policy_rollback)(void *arg, const struct bh_api_commit *c,
			       struct bh_policy_change *change, struct bh_err *err);
	/* With the store of a fleet, instead of bh_store_confirm. NULL: there is none. */
	int (*policy_confirm)(void *arg, const char *author, uint32_t *number, struct bh_err *err);
	/* Modes of segments (who: author, why, sweep): as bh_policy_modes_set with `present`, or -errno of the store. NULL: in the model alone. */
	int (*modes_set)(void *arg, struct bh_mode_change *change, size_t n,
			 const struct bh_api_commit *who, struct bh_err *err);
	/* The index-th segment as promotion sees it; false behind the last. NULL: nothing is promoted. */
	bool (*learn_segment)(void *arg, size_t index, struct bh_api_learn_segment *out);
	/* By the rule's name id, or BH_NO_RULE for what none decided since the start. false: it is not counted. NULL: none
	 * is. */
	bool (*rule_use)(void *arg, uint32_t rule, struct bh_api_use *out);
	/* They are in force, in this order. NULL: nobody asks. */
	void (*endpoints_applied)(void *arg, const struct bh_endpoint_change *c, size_t n);
	void (*endpoints_pushed)(void *arg, const struct bh_api_push *push); /* NULL: nobody asks */
	void (*control)(void *arg, struct bh_api_control *out); /* NULL: nothing is known */
	/* false when index is out of range. NULL: there are none */
	bool (*sink)(void *arg, unsigned index, struct bh_api_sink *out);
	/* The log line of a number, from 1 on; false: there is none, or it is no longer kept. 0: the newest. NULL: none are. */
	bool (*log)(void *arg, uint64_t number, struct bh_api_log *out);
	/* The same. */
	bool (*source)(void *arg, unsigned index, struct bh_api_source *out);
	/* What became of the gateway before this one; NULL or false: nothing is known. */
	bool (*failure)(void *arg, struct bh_api_failure *out);
	bool (*pair_flows)(void *arg,
			   struct bh_api_pair_flows *out); /* the same: there is none beside it */
	uint64_t (*uptime_ms)(void *arg);
	uint64_t (*started_ns)(void *arg); /* wall clock */
	const char *(*mode)(void *arg);
};

/* The HTTP process. */
struct bh_api_front {
	void *arg;
	/* Start it with copies of these two descriptors; both stay the caller's. 0 or -errno with err set. */
	int (*start)(void *arg, int listener, int channel, struct bh_err *err);
	/* Its channel is closed: return when it is no more. Called once for every start that returned 0. */
	void (*end)(void *arg);
};

struct bh_api_params {
	char listen[256]; /* "127.0.0.1:8471", "[::1]:8471"; port 0: any free one */
	int listener;     /* a socket that listens there already, the API's from now on; 0: none */
	char token[256];  /* bearer token for changes; "" = changes are refused */
	char first_token_file[256]; /* where the one-time token goes; "" = there is none */
	unsigned rate;              /* requests a second of one identity; 0: any */
	uint64_t max_body;          /* bytes; default 16 MiB */
	unsigned max_connections;   /* default 64; one more closes the one that was idle longest */
	unsigned timeout_s;         /* of silence, on a connection; default 10 */
	unsigned
		heartbeat_max_ms; /* a worker silent for longer makes health degraded; default 5000 */
	struct bh_policy *policy;
	struct bh_learn *learn;   /* NULL: conversations are not kept */
	struct bh_shadow *shadow; /* NULL: no draft can be tried beside the traffic */
	uint32_t max_endpoints; /* of the policy: learned rules are tried on a model of their own */
	struct bh_response *response;   /* NULL: there are no quarantines and blocks */
	struct bh_store *store;         /* NULL: revisions and audit log are not kept */
	struct bh_fleet *fleet;         /* NULL: this gateway is alone */
	struct bh_pair *pair;           /* NULL: it has none beside it */
	struct bh_record *record;       /* NULL: events are not kept */
	const struct bh_config *config; /* the caller's; NULL: it is not known */
	const char *evidence;           /* folder, or NULL; the caller's */
	struct bh_evidence *capture;    /* NULL: no packets are kept */
	/* PEM, the caller's until the server is stopped; NULL: no TLS, no client certificates */
	const char *tls_certificate, *tls_key, *tls_client_ca;
	struct bh_api_front front;
	struct bh_api_ops ops;
};

struct bh_api;

/* 0; -EINVAL (address, token, missing operation, other than loopback without a token), -EADDRINUSE,
 * -EACCES, ..., -ENOMEM; err says what to do. */
int bh_api_start(struct bh_api **out, const struct bh_api_params *params, struct bh_err *err);
/* Its listening socket, for a gateway that comes after this one: a copy, or -errno. */
int bh_api_listener(const struct bh_api *api);
/* Another token, or certificate, key and authorities (PEM; the caller's, until the next call or bh_api_stop), from now on: the
 * HTTP process begins anew with those, and its connections end. Any control thread. The token: 0 or -EINVAL, then it stays. */
int bh_api_set_token(struct bh_api *api, const char *token, struct bh_err *err);
void bh_api_set_tls(struct bh_api *api, const char *certificate, const char *key,
		    const char *client_ca);
void bh_api_stop(struct bh_api *api); /* NULL is fine */
uint16_t bh_api_port_number(const struct bh_api *api);

#endif
