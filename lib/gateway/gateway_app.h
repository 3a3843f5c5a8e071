/* gateway_app: what the files app_*.c, which judge flows by what they say, offer each other and the stages. Part of
 * gateway_priv.h, which includes it. */
#ifndef BH_GATEWAY_APP_H
#define BH_GATEWAY_APP_H

#include "gateway_priv.h"

/* app_context.c: the worker's pools; -ENOMEM. */
int bh_app_create(struct bh_worker *w);
void bh_app_destroy(struct bh_worker *w);
/* For libraries of operation parsers (HPACK tables: 4 KiB a side and connection, RFC 7541). */
#define BH_SLAB_PER_CONTEXT 4096u
uint32_t bh_app_take(struct bh_worker *w, struct bh_flow *f); /* 0: there is none free */
/* Give a flow's context back: what waits is dropped for this reason. 0 is fine. */
void bh_app_release(struct bh_worker *w, uint32_t context, enum bh_reason reason);

/* app_window.c: name a flow from the first bytes of both sides as they pass. */
void bh_app_watch(struct bh_worker *w, struct bh_packet *p, struct bh_app_context *c);
/* Ask the detectors; true when there is nothing more to ask. */
bool bh_app_identify(struct bh_app_context *c, uint8_t transport, unsigned from);

/* app_tcp.c, app_udp.c: one packet of a flow that is examined, or is to be. */
void bh_app_tcp(struct bh_worker *w, struct bh_packet *p);
void bh_app_udp(struct bh_worker *w, struct bh_packet *p);
/* Contexts whose time to wait is over; a slice a call. */
void bh_app_age(struct bh_worker *w, uint64_t slices);

/* app_tcp.c: the next n bytes of a side are being judged. */
void bh_app_note_judged(const struct bh_worker *w, struct bh_app_context *c, unsigned side,
			const uint8_t *at, uint32_t n);

/* app_verdict.c. What is known of what a flow says; *own is the caller's memory for it. NULL: nothing yet. */
const struct bh_said *bh_app_said(const struct bh_worker *w, const struct bh_flow *f,
				  struct bh_proto_state *own, struct bh_said *said);
/* What happened to an examined flow: which packet brought it to light (NULL: none did), with what words. */
struct bh_app_case {
	struct bh_packet *p;
	struct bh_app_context *c;
	const struct bh_op *op; /* or NULL */
	const char *why;        /* or NULL */
	bool told;              /* there is an alert about it already */
};
/* Policy is asked about what has been said so far. Returns true when the flow goes on. */
bool bh_app_judge(struct bh_worker *w, const struct bh_app_case *k);
/* The same for one operation; true: it may go. */
bool bh_app_judge_operation(struct bh_worker *w, const struct bh_app_case *k);
/* A case of exception.def. Returns true when the packet, or the flow, goes on. */
bool bh_app_except(struct bh_worker *w, const struct bh_app_case *k, enum bh_exception x,
		   enum bh_reason reason);
/* The flow ends here as far as the gateway is concerned (protect), or is only reported (monitor: returns true). */
bool bh_app_refuse(struct bh_worker *w, const struct bh_app_case *k, enum bh_reason reason,
		   enum bh_denied how);
/* Nothing more is judged of it. */
void bh_app_let_go(struct bh_worker *w, struct bh_app_context *c);

/* app_operations.c: from here on the parser of c->state.app reads along. */
void bh_app_start_operations(struct bh_worker *w, const struct bh_app_case *k);
/* All that can be read of both sides. False: the flow was refused. */
bool bh_app_operate(struct bh_worker *w, const struct bh_app_case *k);
/* One datagram. *pending: it has to wait for the next ones. */
bool bh_app_operate_datagram(struct bh_worker *w, const struct bh_app_case *k, bool *pending);

/* What one load of the sensors' files came to. Immutable once published, but for `next`. */
struct bh_sensing {
	struct bh_sensing *next; /* control: those that workers may still use */
	struct bh_signatures *signatures;
	struct bh_signature_scope *scope;
	struct bh_sensor_set *set;
	uint64_t load; /* its number, from 1 */
	bool blocks;   /* a hit may end a connection */
};

/* app_plan.c: what is done about compiled-in classes. What the configuration says, on every connection: */
struct bh_app_base {
	struct bh_signature_plan action;
	uint64_t any; /* classes that attachments of '*' are about, as bits */
	bool blocks;  /* one of them ends connections */
};
void bh_app_base_fill(struct bh_app_base *b, const struct bh_config *config);

/* And on one. Zero it at the start. */
#define BH_APP_REQUESTS 8 /* whose paths are known at once */
struct bh_app_plan {
	struct bh_signature_plan action;
	uint64_t classes; /* that are looked for */
	uint64_t load;    /* what it was made of, with the next two */
	uint32_t segment[2], rule;
	bool made;
	bool ends;               /* one of them would end the connection */
	bool streams;            /* HTTP/2: messages have the numbers of their streams */
	bool answering, interim; /* a response has begun; that one is */
	uint32_t n_requests;
	uint64_t answered; /* final responses before that one */
	struct bh_app_request {
		uint64_t message, paths;
		bool known;
	} request[BH_APP_REQUESTS];
};
/* Is anything attached, anywhere? */
bool bh_app_plan_attaches(const struct bh_worker *w);
/* Make it, unless nothing has changed: attachments, the flow's ends, the rule that allows it. */
void bh_app_plan_make(const struct bh_worker *w, const struct bh_app_base *base,
		      const struct bh_flow *f, struct bh_app_plan *plan);
/* A request of this number begins; a response of HTTP/1. */
void bh_app_plan_request(const struct bh_worker *w, struct bh_app_plan *plan, uint64_t message,
			 struct bh_http_text path);
void bh_app_plan_response(struct bh_app_plan *plan, unsigned status);
/* Bits of bh_signature_paths(): of the request of this number; what all requests so far have. */
uint64_t bh_app_plan_paths(const struct bh_app_plan *plan, uint64_t message);
uint64_t bh_app_plan_paths_of_all(const struct bh_app_plan *plan);
/* Is this finding excepted by its place or path? */
bool bh_app_plan_excepts(const struct bh_worker *w, const struct bh_app_plan *plan,
			 const struct bh_flow *f, const struct bh_inspect_finding *found);
/* "argument q" */
void bh_app_where(const struct bh_inspect_finding *found, char *out, size_t size);
/* Both ends as attachments see them; in the caller's memory. */
struct bh_app_ends {
	struct bh_signature_pair pair;
};
const struct bh_signature_pair *bh_app_ends_of(const struct bh_flow *f, struct bh_app_ends *ends);
/* Does this enum bh_sensor_action end connections, and what does it do to this one, in its mode? */
bool bh_app_ends(unsigned action);
enum bh_verdict bh_app_action_verdict(const struct bh_app_context *c, unsigned action);

/* app_sensor.c: what users look for, in the connections that app_inspect.c looks into. s->context is whose bytes are being
 * looked at: set before bytes are fed. */
int bh_app_sensor_create(struct bh_worker *w); /* 0 or -ENOMEM */
void bh_app_sensor_destroy(struct bh_worker *w);
void bh_app_sensor_turn(struct bh_worker *w);
bool bh_app_sensor_open(struct bh_worker *w, struct bh_app_context *c,
			struct bh_sensor_conn *conn); /* false: nothing is looked for */
void bh_app_sensor_close(struct bh_worker *w, struct bh_app_context *c,
			 struct bh_sensor_conn *conn);
/* plan: of the connection; NULL: it has none. */
void bh_app_sensor_look_at(struct bh_app_sensor *s, struct bh_app_context *c,
			   const struct bh_app_plan *plan);
struct bh_app_part {
	enum bh_http1_what what;
	const struct bh_http1_part *part;
};
void bh_app_sensor_part(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
			const struct bh_app_part *part);
void bh_app_sensor_body(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
			struct bh_http_text text);
void bh_app_sensor_text(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
			unsigned kind, const struct bh_inspect_said *said);
void bh_app_sensor_bytes(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
			 struct bh_http_text text, bool ended);
/* The words of one operation by themselves: then ask bh_app_inspect_is_refused. */
void bh_app_sensor_operation(struct bh_worker *w, const struct bh_app_case *k);
struct bh_sensor_worker *bh_app_sensor_worker(const struct bh_worker *w);
/* sensing.c */
void bh_gateway_reap_sensors(struct bh_gateway *g);
/* Loads that connections still use, and the newest. */
unsigned bh_gateway_sensors_in_use(const struct bh_gateway *g);
void bh_gateway_forget_sensors(struct bh_gateway *g); /* workers are gone */

/* app_inspect.c: sensors over what is allowed. Create: 0 or -errno with err set; without sensors it does nothing. */
int bh_app_inspect_create(struct bh_worker *w);
void bh_app_inspect_destroy(struct bh_worker *w);
/* May a finding end a connection? Then bytes wait until they have been judged. */
bool bh_app_inspect_blocks(const struct bh_worker *w);
/* Is anything looked for, wherever? */
bool bh_app_inspect_wants(const struct bh_worker *w);
/* From here on it is looked into, what naming has read first. False: it is not. */
bool bh_app_inspect_begin(struct bh_worker *w, struct bh_app_context *c);
/* All of these return false when a finding ended the connection. */
bool bh_app_inspect_go_on(struct bh_worker *w, const struct bh_app_case *k);
/* What a finding or hit asked for, or that not all could be looked at; true: the connection has ended. It may have been
 * let go, too (exceptions.inspect_full: pass). */
bool bh_app_inspect_is_refused(struct bh_worker *w, const struct bh_app_case *k);
bool bh_app_inspect_feed(struct bh_worker *w, const struct bh_app_case *k, unsigned side,
			 const uint8_t *at, uint32_t n, bool ended);
/* Judge what waits, and let it go. */
bool bh_app_inspect_look(struct bh_worker *w, const struct bh_app_case *k);
/* How many of the bytes of a side that were read last must wait. */
uint32_t bh_app_inspect_waits(const struct bh_worker *w, const struct bh_app_context *c,
			      unsigned side);
void bh_app_inspect_end(struct bh_worker *w, struct bh_app_context *c);

/* app_hold.c: packets that wait. */
/* Its handle: the packet with all its fragments; NULL when there is no room for those. */
void *bh_hold_packet(struct bh_worker *w, struct bh_packet *p);
/* The handle is not needed: the packet is in its burst as before. */
void bh_hold_forget(void *handle);
unsigned bh_hold_frames(const void *handle);
/* Would the receiver refuse this datagram that came in fragments, by its TCP or UDP checksum? False for others. */
bool bh_hold_checksum_wrong(const struct bh_packet *p, const void *handle);
/* A packet of a side goes: its timestamp becomes the newest of the side, or, if it has waited and another overtook it, is
 * set to that, so that the receiver does not take it for a stray (PAWS, RFC 7323 5). l4_off: of its TCP header. */
void bh_hold_stamp(struct bh_app_context *c, unsigned side, struct rte_mbuf *m, unsigned l4_off,
		   bool waited);
/* Packets that may go leave in the order in which they came, not of their sequence: a receiver takes the older timestamp
 * behind a newer one for a stray. */
void bh_hold_forward_ready(struct bh_worker *w, struct bh_app_context *c);
/* Of a packet that has to wait, what may go (bh_stream_part). */
void bh_hold_forward_parts(struct bh_worker *w, struct bh_app_context *c);
/* A copy of a held packet's first n payload bytes. False: it can't be made. */
bool bh_hold_forward_part(struct bh_worker *w, struct bh_app_context *c, unsigned side,
			  struct rte_mbuf *m, uint32_t n);
bool bh_hold_is_train(const void *handle); /* a datagram in fragments, not a frame */
/* app_vouch.c: a turn for a connection whose bytes wait. */
void bh_app_vouch(struct bh_worker *w, struct bh_app_context *c);
/* stream's callbacks */
const uint8_t *bh_hold_payload(const void *handle, uint32_t off, uint32_t *n);
void bh_hold_keep(void *handle);
void bh_hold_drop(void *handle);
/* A packet that waited leaves, or not. */
void bh_hold_forward(struct bh_worker *w, struct bh_flow *f, void *handle,
		     const struct bh_stream_tag *tag);
void bh_hold_refuse(struct bh_worker *w, void *handle, enum bh_reason reason);
/* The same of one whose flow has counted it. */
void bh_hold_send(struct bh_worker *w, void *handle, unsigned wire, enum bh_reason reason);

/* app_answers.c: DNS answers that wait and may go. */
void bh_app_answers_age(struct bh_worker *w);

/* slab.c: bounded memory for what parsers' libraries allocate. */
struct bh_slab;
int bh_slab_create(struct bh_slab **out, size_t size);
void bh_slab_destroy(struct bh_slab *s);
void *bh_slab_alloc(void *slab, size_t size);
void bh_slab_free(void *slab, void *p);

#endif
