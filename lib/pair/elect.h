/* elect: which of two gateways forwards. A pure function of what was heard, what this one is, and the time.
 *
 * Usage     bh_pair_elect_begin(); bh_pair_elect_heard() for each message that its channel proved; bh_pair_elect_turn() often,
 *           and soon after a message: it says until when this one may forward, and what to tell the other.
 * Threads   one. No time but the caller's, no memory but the struct.
 *
 * The promise that holds it up. Who stands by and hears the other one says so: its message acknowledges the other's newest,
 * and yields. From then on it does not forward before `dead` has passed since it last heard that other one, or that one
 * yields. So
 *  - who forwards may do it until `fence` after it sent the newest message that was acknowledged; fence is three fifths of
 *    dead, so that clocks and packets that are on their way have the rest. One that stands still (SIGSTOP, a hung machine)
 *    has lost its right before the other takes it, and knows by its own clock alone;
 *  - who wants to forward while the other one lives needs a message of it that yields and acknowledges one in which this one
 *    did not yield: both can't have that of each other, because of two such messages one was sent after the other was heard,
 *    and messages older than the newest are not taken.
 * Where nothing is heard of the other one for half a fence it may be dead: then who forwards goes on by itself, or the end
 * of the standby would be an end of the service. That leaves one case in which both forward: all links between two that live
 * are cut. When they hear each other again, the
 * one with the lower (term, priority, instance) stops at once.
 */
#ifndef BH_PAIR_ELECT_H
#define BH_PAIR_ELECT_H

#include "../base/base.h"

enum bh_pair_role {
	BH_PAIR_INIT,    /* not able to: no pair of ports has its links, or it ends */
	BH_PAIR_STANDBY, /* able to */
	BH_PAIR_ACTIVE,  /* forwards */
	BH_PAIR_ROLES
};

enum { /* bh_pair_message.flags */
       BH_PAIR_YIELD = 1 << 0,
       BH_PAIR_WANT = 1 << 1,  /* has the higher priority and the flows: let me */
       BH_PAIR_READY = 1 << 2, /* has all flows of the one that forwards */
       BH_PAIR_LAST = 1 << 3, /* forwarded last, and stood still for a moment: the flows are here */
       BH_PAIR_FLAGS = BH_PAIR_YIELD | BH_PAIR_WANT | BH_PAIR_READY | BH_PAIR_LAST
};

struct bh_pair_message {
	uint64_t sender; /* a random number of this start of it; never 0 */
	uint64_t seq;    /* grows, from 1 */
	uint64_t heard;  /* of whom (0: nobody yet), */
	uint64_t ack;    /* and its newest */
	uint64_t term;   /* of its last time as the one that forwards */
	uint32_t priority;
	uint32_t usable; /* pairs of ports that have both links */
	uint8_t role, flags;
};

struct bh_pair_rules {
	uint64_t instance; /* not 0 */
	uint64_t hello_ns, dead_ns;
	uint32_t priority;
	bool preempt;
};

/* Why the role is what it is; names in elect.c. */
enum bh_pair_cause {
	BH_PAIR_STARTED,
	BH_PAIR_LINKS_UP,
	BH_PAIR_LINKS_DOWN,
	BH_PAIR_LEAVING,
	BH_PAIR_PEER_SILENT,
	BH_PAIR_PEER_YIELDED,
	BH_PAIR_PEER_ACTIVE,    /* both were: the other one stays */
	BH_PAIR_PEER_BETTER,    /* has more links */
	BH_PAIR_PEER_PREFERRED, /* preemption */
	BH_PAIR_STOOD_STILL,    /* its right to forward ended before it was renewed */
	BH_PAIR_CAUSES
};
const char *bh_pair_cause_text(enum bh_pair_cause cause);
const char *bh_pair_role_name(enum bh_pair_role role); /* "init", "standby", "active" */

struct bh_pair_input {
	uint64_t now_ns;
	uint32_t usable;
	bool ready;   /* has all flows of the other one */
	bool leaving; /* the process ends */
};

struct bh_pair_output {
	bool changed;      /* role; cause says why */
	bool send;         /* message, now; after `until_ns` is in force */
	uint64_t until_ns; /* 0: forward nothing */
	struct bh_pair_message message;
};

#define BH_PAIR_SENT 256 /* times that are remembered: messages that can still be acknowledged */
struct bh_pair_elect {
	struct bh_pair_rules rules;
	uint64_t fence_ns;
	enum bh_pair_role role;
	enum bh_pair_cause cause;
	uint64_t begun_ns, role_since_ns;
	uint64_t until_ns, term;
	uint64_t seq, sent_ns[BH_PAIR_SENT], next_ns;
	uint64_t plain; /* the first message since this one does not yield; 0: it does */
	bool told;      /* what was sent last is still true */
	uint32_t usable;
	struct bh_pair_message said; /* last */
	struct {
		struct bh_pair_message m; /* the newest; sender 0: none ever */
		uint64_t heard_ns;
		uint64_t acked_ns; /* when that was sent which it has acknowledged */
	} peer;
	struct {
		uint64_t sender, seq, heard_ns;
	} candidate; /* says it is the peer, and has not acknowledged anything yet */
	uint64_t heard, ignored;
};

void bh_pair_elect_begin(struct bh_pair_elect *e, const struct bh_pair_rules *rules,
			 uint64_t now_ns);
/* false: it is old, of this one itself, or of somebody who still has to show that it lives now. */
bool bh_pair_elect_heard(struct bh_pair_elect *e, const struct bh_pair_message *m, uint64_t now_ns);
void bh_pair_elect_turn(struct bh_pair_elect *e, const struct bh_pair_input *in,
			struct bh_pair_output *out);
bool bh_pair_elect_alive(const struct bh_pair_elect *e, uint64_t now_ns); /* the peer */

#endif
