/* event: the catalogue of what can happen, its fixed-size record, the per-core ring, EVE JSON.
 *
 * Usage     a worker fills a struct bh_event and calls bh_event_push; the control core pops and
 *           writes each as one JSON object a line (bh_eve_format).
 * Threads   one producer and one consumer a ring.
 * Lifetime  an event holds numbers, no pointers: names are looked up when it is written
 *           (struct bh_event_names); name ids of segments and rules are never reused.
 */
#ifndef BH_EVENT_H
#define BH_EVENT_H

#include "../base/base.h"
#include "../flow/flow.h"
#include "../net/net.h"
#include "../proto/proto.h"

enum bh_event_type {
#define BH_EVENT(sym, eve_type, kind, severity, sid, text) BH_EVENT_##sym,
#include "event.def"
#undef BH_EVENT
	BH_EVENT_COUNT
};

/* Beside the rules of lib/response, which may answer to any event: what an event asks for by itself. */
enum bh_respond {
	BH_RESPOND_NONE,
	BH_RESPOND_QUARANTINE,        /* of its initiator */
	BH_RESPOND_QUARANTINE_TARGET, /* of the other end */
};

/* 192 bytes. What does not apply is zero. src is the initiator where there is a flow, else the
 * sender. */
struct bh_event {
	uint64_t time_ns; /* wall clock */
	uint64_t flow_id; /* 0 = no flow */
	struct bh_flow_key key;
	uint64_t start_ns; /* FLOW */
	uint64_t bytes[2]; /* by end of the key */
	uint32_t packets[2];
	uint32_t last_ms_ago;      /* FLOW: idle time at its end */
	uint32_t rule;             /* name id, or UINT32_MAX */
	uint32_t segment[2];       /* name ids, by end of the key; UINT32_MAX: not judged */
	uint32_t tcp_seq, tcp_ack; /* DROP */
	uint16_t tcp_window;
	uint16_t frame_len;
	uint16_t l3_len;
	uint16_t ip_id;
	uint16_t ethertype;
	uint16_t service;
	uint16_t app;
	uint8_t type;      /* enum bh_event_type */
	uint8_t verdict;   /* enum bh_verdict */
	uint8_t reason;    /* enum bh_reason */
	uint8_t mode;      /* enum bh_mode */
	uint8_t initiator; /* end of the key that is src */
	uint8_t has_flow;
	uint8_t flow_state;  /* enum bh_flow_state */
	uint8_t flow_end;    /* enum bh_flow_end */
	uint8_t tcp_flags;   /* DROP: of the packet */
	uint8_t tcp_seen[2]; /* FLOW: by end */
	uint8_t ttl;
	uint8_t frame_kind; /* enum bh_frame_kind; key is only valid for IP */
	uint8_t port;       /* ingress port index */
	uint8_t worker;
	uint8_t alerted;
	uint32_t repeated; /* events of the same kind that were left out before this one */
	/* An operation: so many slots behind this one hold its words, see bh_event_text. */
	uint8_t n_text;
	uint8_t severity; /* SENSOR, THREAT: 1 high .. 3 low */
	uint8_t app_done; /* nothing more is asked about the flow's application */
	uint8_t respond;  /* SENSOR, THREAT: enum bh_respond, what whoever saw it asks for */
	/* FLOW, VIOLATION of an examined connection, if events.judged: bytes of end 0, 1 that were judged, and their
	 * FNV-1a hash (64 bits). */
	union {
		struct {
			/* THREAT: judged_bytes are what was counted, and its threshold */
			uint64_t judged_bytes[2], judged_hash[2];
		};
		struct {
			/* SENSOR: where it is in the value or region; number of the message on its side */
			uint64_t sensor_offset, sensor_message, sensor_none[2];
		};
	};
};
_Static_assert(sizeof(struct bh_event) == 192, "three lines: one copy into the ring");

struct bh_event_ring;
struct bh_json;

/* slots: power of two, 2 .. 2^24. All memory is taken and touched here. 0, -EINVAL, -ENOMEM. */
int bh_event_ring_create(struct bh_event_ring **out, uint32_t slots);
void bh_event_ring_destroy(struct bh_event_ring *r); /* NULL is fine */
/* Producer. false: full; the event is dropped and counted. e->n_text is 0. */
bool bh_event_push(struct bh_event_ring *r, const struct bh_event *e);

/* What an operation says, in at most BH_EVENT_TEXT bytes: values, each a field, its length and its bytes. They travel
 * in slots right behind their event, which leave the ring with it. */
#define BH_EVENT_TEXT_SLOTS 5
#define BH_EVENT_TEXT (BH_EVENT_TEXT_SLOTS * 192)
/* In place of a field: a few words of ours; of a SENSOR its key, sentence, ATT&CK id, place in the message, and what
 * matched, masked. */
enum {
	BH_EVENT_WHY = 0xff,
	BH_EVENT_SENSOR_KEY = 0xfe,
	BH_EVENT_SENSOR_TEXT = 0xfd,
	BH_EVENT_SENSOR_ATTACK = 0xfc,
	BH_EVENT_SENSOR_WHERE = 0xfb,
	BH_EVENT_SENSOR_EXCERPT = 0xfa,
	BH_EVENT_SENSOR_RULE = 0xf0,
	BH_EVENT_SENSOR_ACTION = 0xf1, /* what it asks for: "alert", "quarantine" ... */
	BH_EVENT_ADDRESS = 0xef, /* NAMES: family, TTL (4 bytes, of this machine), address (16) */
};
struct bh_event_text {
	uint16_t len;
	bool cut; /* a value did not fit */
	uint8_t data[BH_EVENT_TEXT];
};
/* Append a value; what does not fit is left out. field: enum bh_op_field or BH_EVENT_WHY. */
void bh_event_text_add(struct bh_event_text *t, uint8_t field, const void *at, size_t len);
/* Push e and its words, both or none. */
bool bh_event_push_text(struct bh_event_ring *r, struct bh_event *e, const struct bh_event_text *t);
/* Read on: the next value behind *cursor (0 at first) of the event at e, whose slots follow it in memory; false:
 * none is left. */
bool bh_event_text_next(const struct bh_event *e, uint32_t *cursor, uint8_t *field,
			const uint8_t **at, uint32_t *len);
/* The event behind this one and its words, in an array that bh_event_pop filled. */
static inline const struct bh_event *
bh_event_after(const struct bh_event *e)
{
	return e + 1 + e->n_text;
}

/* Consumer: up to n slots, oldest first; returns how many. n > BH_EVENT_TEXT_SLOTS, so that an event with its words
 * always fits: they are never parted. Walk them with bh_event_after. */
unsigned bh_event_pop(struct bh_event_ring *r, struct bh_event *out, unsigned n);
uint64_t bh_event_lost(const struct bh_event_ring *r); /* any thread */

/* ---- writing ------------------------------------------------------------------------------------- */

/* Numbers to names. Each may return NULL or "": the field is then left out. A function that is NULL
 * does the same. */
struct bh_event_names {
	const char *(*segment)(void *arg, uint32_t segment);
	const char *(*rule)(void *arg, uint32_t rule);
	const char *(*port)(void *arg, uint32_t port);
	const char *(*app)(void *arg, uint16_t app);
	/* Of an alert: an object of the labels that an end of the key has, under this key, or nothing. */
	void (*labels)(void *arg, struct bh_json *j, const char *key, const struct bh_event *e,
		       unsigned end);
	/* Of an alert: the file with its packets. */
	const char *(*evidence)(void *arg, const struct bh_event *e);
	void *arg;
};

/* "violation", "sensor", "threat", "anomaly", or "". Any value is safe. */
const char *bh_event_kind(unsigned type);

/* Append one JSON object and a newline, in the field names of Suricata's EVE
 * (docs/events.md). Valid UTF-8 whatever the names hold, valid JSON whatever the event holds.
 * names may be NULL. */
void bh_eve_format(struct bh_buf *out, const struct bh_event *e,
		   const struct bh_event_names *names);

/* The flow's Community ID ("1:" and base64) as Suricata and Zeek write it; false: what the event is about has none. */
#define BH_COMMUNITY_ID_LEN 31
bool bh_event_community_id(const struct bh_event *e, char out[BH_COMMUNITY_ID_LEN]);

/* What the control core has to say that is about no packet. */
struct bh_eve_note {
	enum bh_event_type type;
	uint64_t time_ns;     /* wall clock */
	const char *in_iface; /* port it is about, or NULL */
	const char *detail;   /* a sentence, or NULL */
	uint32_t policy_revision;
};

/* The same form: one object and a newline. */
void bh_eve_format_note(struct bh_buf *out, const struct bh_eve_note *note);

/* ---- JSON by hand: records that are no struct bh_event (stats) ----------------------------------- */

/* Quoted, escaped; bytes that are not UTF-8 become U+FFFD; NULL is "". */
void bh_json_string(struct bh_buf *out, const char *s);

/* Writes members with the commas between them. key is plain ASCII, or NULL inside an array. */
struct bh_json {
	struct bh_buf *out;
	bool comma;
};

void bh_json_open(struct bh_json *j, const char *key, char bracket); /* '{' or '[' */
void bh_json_close(struct bh_json *j, char bracket);                 /* '}' or ']' */
void bh_json_str(struct bh_json *j, const char *key, const char *s);
/* Values above 2^63 - 1 are written as that: readers keep integers in signed 64 bits. */
void bh_json_u64(struct bh_json *j, const char *key, uint64_t v);
void bh_json_bool(struct bh_json *j, const char *key, bool v);
void bh_json_time(struct bh_json *j, const char *key, uint64_t wall_ns); /* EVE's form */

#endif
