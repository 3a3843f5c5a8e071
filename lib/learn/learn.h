/* learn: who talked to whom and how, and the allow list that follows from it.
 *
 * Usage     bh_learn_open(), bh_learn_events() with what bh_gateway_events gave, bh_learn_look_*() with the flows that
 *           are open, bh_learn_save() now and then, bh_learn_close(). bh_learn_rules() makes the list.
 * Threads   any control threads, one mutex inside; never a packet core. Only bh_learn_save and bh_learn_delete wait for
 *           the disk, with the mutex released while they do.
 * Lifetime  params are copied, names (callbacks) outlive the object; strings that a callback is given live until it
 *           returns.
 *
 * A conversation is all traffic from one party to another on one service (protocol and port, or type and code) that
 * proved one application, or none. A party is a segment, or for an address that is in none the name host-ADDRESS: the
 * name of the segment that the learned list makes for it, so that it stays the same party when that is in force.
 *
 * Bounded. At most `max` conversations and as many parties; a party meets at most `addresses` single addresses in each
 * direction, what comes beyond is the reserved segment (external, unknown) as a whole; a pair has at most
 * BH_LEARN_SERVICES conversations. What finds no room is counted and makes what it belongs to incomplete. A TCP
 * connection that was never answered is counted and not kept, unless policy refused it.
 *
 * Sessions are counted when they end (event FLOW); open ones are looked at every few seconds, so that a
 * connection that stays for days is a conversation as soon as its application is proven, and what an overrun event ring
 * lost is found again if it is still open. Lost events make the list incomplete for a time: bh_learn_lost().
 */
#ifndef BH_LEARN_H
#define BH_LEARN_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../event/event.h"
#include "../flow/flow.h"

#define BH_LEARN_SERVICES 256 /* conversations of one pair of parties */
#define BH_LEARN_NAME 128     /* BH_NAME_MAX of policy */
#define BH_LEARN_VALUES 64    /* values kept of one field of a conversation's operations */
#define BH_LEARN_MEMBERS 64   /* pairs of addresses kept of one conversation */
#define BH_LEARN_DAY_NS (86400 * BH_NS_PER_SEC)

struct bh_learn;

/* Which labels name segments, as the configuration has them. */
struct bh_learn_labels {
	const struct bh_config_words *services, *namespaces, *ignore;
};

struct bh_learn_params {
	const char *path; /* SQLite file, made with mode 0600; "" or NULL: in memory only */
	const struct bh_clock *clock;       /* NULL: the system's */
	const struct bh_event_names *names; /* segment, rule, app */
	uint32_t max;                       /* conversations, 16 .. 2^22 */
	uint32_t addresses;                 /* single ones that a party meets, 1 .. 4096 */
	uint32_t days;                      /* of figures kept, 0: all */
	bool operations;                    /* keep what OPERATION events say */
	struct bh_learn_labels
		labels; /* they outlive the object; services NULL: names are as they are */
};

/* 0; -EBUSY, -EBADMSG, -EPROTO, ... as bh_store_open, with err set. */
int bh_learn_open(struct bh_learn **out, const struct bh_learn_params *params, struct bh_err *err);
const struct bh_learn_labels *bh_learn_labels(const struct bh_learn *l);
/* Does not save. NULL is fine. */
void bh_learn_close(struct bh_learn *l);

/* ---- watching --------------------------------------------------------------------------------------- */

/* n slots, as bh_event_pop filled them: FLOW, VIOLATION and OPERATION count, others are passed over. */
void bh_learn_events(struct bh_learn *l, const struct bh_event *e, unsigned n);

/* One look at all open flows: begin, each flow once, end. */
void bh_learn_look_begin(struct bh_learn *l);
void bh_learn_look_flow(struct bh_learn *l, const struct bh_flow *f);
void bh_learn_look_end(struct bh_learn *l);

/* So many events have been lost since start, by the workers' own count. Returns how many of them are new. */
uint64_t bh_learn_lost(struct bh_learn *l, uint64_t total);

/* What changed goes to the disk, in one transaction: whoever dies in between finds the state before or after it. Old days
 * are dropped. 0 or -errno; on error nothing is forgotten, the next call tries again. */
int bh_learn_save(struct bh_learn *l, struct bh_err *err);

/* ---- reading ----------------------------------------------------------------------------------------- */

/* How a session was judged. */
enum bh_learn_seen {
	BH_SEEN_RULE,    /* a rule allowed it */
	BH_SEEN_LEARNED, /* no rule speaks of it: allowed by discover */
	BH_SEEN_VIOLATED, /* a rule or its absence says no, and it passed: monitor, or discover against a rule */
	BH_SEEN_BLOCKED,
	BH_SEEN_KINDS
};
const char *bh_learn_seen_name(unsigned seen); /* "rule", "learned", "violated", "blocked" */

struct bh_party {
	const char *name;
	struct bh_prefix address; /* family 0: a segment */
	bool whole;               /* reserved: all addresses that are in no segment */
	uint8_t reserved; /* of an address: 1 external, 2 unknown: what it would be without a name */
};

/* Two addresses that had a conversation. */
struct bh_learn_member {
	uint64_t last_ns;
	uint64_t sessions;      /* ended */
	uint8_t address[2][16]; /* client, server */
	bh_tenant tenant;
	uint8_t family;
	bool undecided; /* none of their sessions said enough to tell its application: refused at once, or silent */
	bool dirty; /* the room's own */
};

struct bh_conversation {
	uint64_t id;
	struct bh_party from, to;
	uint32_t service; /* protocol << 16 | port, or type << 8 | code */
	const char *app;  /* "" none proven */
	bool undecided;   /* app is "" because too little was said to tell */
	bool learn;       /* belongs into the allow list */
	uint64_t first_ns, last_ns;
	uint64_t sessions[BH_SEEN_KINDS];
	uint64_t bytes[2]; /* to the server, to the client; of ended sessions */
	bool here; /* this gateway has seen it, not others alone; own figures without theirs */
	uint64_t own_sessions[BH_SEEN_KINDS], own_bytes[2];
	uint32_t open;    /* sessions at the last look */
	const char *rule; /* that judged it last, "" = none */
	/* An example: who it was last time. */
	uint8_t family;
	uint8_t address[2][16]; /* client, server */
	bh_tenant tenant;
	/* All pairs that had it, the latest ones; members_lost: there were others before. 0: not known, there is the example. */
	const struct bh_learn_member *member;
	unsigned n_members;
	bool members_lost;
	/* Operations, if kept: values by field, in order of their first appearance. */
	const struct bh_learn_value *value;
	unsigned n_values;
};

struct bh_learn_value {
	uint8_t field; /* enum bh_op_field */
	bool more;     /* more values than are kept: this one stands for the rest, its text is "" */
	char *text;
};

struct bh_learn_filter {
	const char *party;       /* either end; NULL: any */
	const char *from, *to;   /* NULL: any */
	const char *application; /* "" = none proven */
	int seen;                /* enum bh_learn_seen; -1: any */
	uint64_t since_ns;       /* last seen then or later */
	uint64_t id;             /* this one; 0: any */
	uint64_t after;          /* ids above this */
};
typedef bool (*bh_conversation_fn)(void *arg, const struct bh_conversation *c);
/* In order of ids, until fn returns false. The object is locked meanwhile: copy and return. */
void bh_learn_each(struct bh_learn *l, const struct bh_learn_filter *f, bh_conversation_fn fn,
		   void *arg);
/* Sessions of the days from `day` (since the epoch) on instead of all. -errno of the disk. */
int bh_learn_each_since(struct bh_learn *l, uint32_t day, bh_conversation_fn fn, void *arg,
			struct bh_err *err);

/* Another gateway has seen it: known here as if it had been seen here, its figures beside this gateway's, in place of what that
 * one said before. Of c count the parties' names and reserved, service, app, undecided, learn, times, sessions, bytes, the
 * example and values. The same in any order, and however often. Its figures are not in the file, and not in those of days. 0;
 * -EINVAL an application that is not known; -ENOSPC, -ENOMEM. */
int bh_learn_far(struct bh_learn *l, const char *gateway, const struct bh_conversation *c);

/* Forget those that fit. 0 with *n, or -errno (nothing forgotten). */
int bh_learn_delete(struct bh_learn *l, const struct bh_learn_filter *f, uint32_t *n,
		    struct bh_err *err);

struct bh_learn_counts {
	uint32_t conversations, parties, max;
	uint64_t unanswered; /* TCP connections without an answer: not kept */
	uint64_t midstream;  /* connections whose opener is not known: not kept */
	uint64_t no_room;    /* sightings that found no room */
	uint64_t lost;       /* events that the rings lost */
	uint64_t lost_ns;    /* wall clock of the last loss or lack of room, 0: never */
	uint64_t damaged;    /* rows of the file whose checksum was wrong */
	uint64_t started_ns;
};
void bh_learn_counts(struct bh_learn *l, struct bh_learn_counts *out);

/* A segment's times, wall clock; 0: never. */
struct bh_learn_times {
	uint64_t new_ns;       /* its newest conversation that belongs into the list began */
	uint64_t violation_ns; /* last violation from or to it */
	uint32_t learned;      /* conversations of it that belong into the list */
	bool full;             /* one of its pairs has found no room */
};
/* false: nothing is known of it. */
bool bh_learn_segment(struct bh_learn *l, const char *name, struct bh_learn_times *out);

/* ---- promotion --------------------------------------------------------------------------------------- */

struct bh_promotion_params {
	uint64_t quiet_ms;   /* discover ends when no new conversation formed for so long */
	uint64_t monitor_ms; /* monitor ends after so long without a violation; 0: there is none */
	uint8_t upto;        /* enum bh_mode: nothing beyond; DISCOVER: off */
};

struct bh_promotion_facts {
	uint8_t mode; /* enum bh_mode, now */
	struct bh_learn_times times;
	uint64_t since_ns;   /* it has this mode, as far as this process knows; 0 */
	uint64_t started_ns; /* this process */
	uint64_t lost_ns;    /* last loss of events */
	uint64_t now_ns;     /* all wall clock */
};

enum bh_learn_hold {
	BH_HOLD_NONE,       /* it may be promoted */
	BH_HOLD_DONE,       /* it is where it may get to */
	BH_HOLD_OFF,        /* learning.promote: off */
	BH_HOLD_NOTHING,    /* no conversation of it is known */
	BH_HOLD_NO_ROOM,    /* one of its conversations found no room */
	BH_HOLD_QUIET,      /* not long enough quiet */
	BH_HOLD_VIOLATION,  /* not long enough without a violation */
	BH_HOLD_WRITTEN,    /* its mode is written in the policy */
	BH_HOLD_OVERRIDDEN, /* the policy has one mode for all */
	BH_HOLD_COUNT
};
const char *bh_learn_hold_name(unsigned hold);

struct bh_promotion {
	uint8_t to;   /* enum bh_mode */
	uint8_t hold; /* enum bh_learn_hold */
	uint64_t left_ns;
};
void bh_learn_promotion(const struct bh_promotion_params *p, const struct bh_promotion_facts *f,
			struct bh_promotion *out);

/* ---- the allow list ---------------------------------------------------------------------------------- */

struct bh_learned_seen {
	uint64_t first_ns, last_ns, sessions, bytes;
	uint32_t conversations;
};

struct bh_learned_rule {
	const char *id;
	const char **from, **to; /* n_from, n_to: names of segments */
	uint32_t n_from, n_to;
	const char *ports; /* as YAML: "[tcp/80, tcp/8000-8010]" */
	const char
		*applications; /* as YAML: "[redis]"; "": any, nothing was proven on these ports */
	struct bh_learned_seen seen;
};

struct bh_learned {
	struct bh_learned_rule
		*rule; /* n_rules, in order of their `to`, applications, ports, `from` */
	uint32_t n_rules;
	struct bh_party *host; /* n_hosts: addresses that are named, which become segments */
	uint32_t n_hosts;
	struct bh_arena arena;
	bool failed;
};

struct bh_learned_params {
	uint32_t
		ports; /* ranges of ports that a rule lists; beyond, one from the lowest to the highest of each protocol */
	const struct bh_learn_labels *labels; /* what is one by them has one name; NULL */
	const char *(*rename)(void *arg, const char *party); /* for a try; NULL */
	void *rename_arg;
	/* Does this conversation need a rule? NULL: all do. Called with the object locked. */
	bool (*wanted)(void *arg, const struct bh_conversation *c);
	void *arg;
};

/* The smallest readable list that allows the conversations that belong into it: by application where every session of a
 * service proved one, else by port. The same conversations make the same list, in whatever order they came. 0 or -ENOMEM. */
int bh_learn_rules(struct bh_learn *l, const struct bh_learned_params *params,
		   struct bh_learned **out, struct bh_err *err);
void bh_learned_free(struct bh_learned *o); /* NULL is fine */
/* The `learned:` part of a policy document, appended. segments: lines of further ones, or "". */
void bh_learned_yaml(const struct bh_learned *o, const char *segments, struct bh_buf *out);

#endif
