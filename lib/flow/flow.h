/* flow: the per-core flow table, connection states, ageing; virtual reassembly of fragments.
 *
 * Usage     one table and one fragment store per worker: create, then bulk look-up per burst,
 *           insert what is new, age a slice per housekeeping turn. A stage that calls hash,
 *           prefetch or touch for every packet includes flow_hot.h and uses their inlined forms.
 * Threads   an object belongs to one worker; nothing here is shared or locked.
 * Lifetime  all memory is taken at creation; nothing is allocated afterwards. A `struct bh_flow *`
 *           stays valid until that flow is removed by age, remove, evict or destroy.
 *
 * Design. Entries (128 bytes, never moved) live in one array; the index beside it is made of
 * 64-byte buckets of 8 slots (16-bit tag, 32-bit entry number). A key has two buckets; the second
 * is only looked at when the first has overflowed (Cuckoo++, arXiv 1712.09624), so that a hit
 * and most misses touch one index line. Where Cuckoo++ keeps a Bloom filter of what overflowed, a
 * bucket here counts it, in 16 counters of 4 bits by the tag's low bits: exact, so that removal
 * undoes it. An insertion that finds both buckets full moves index slots, not entries (Pagh and
 * Rodler's cuckoo step, searched breadth first). The index has 4/3 to 8/3 slots per entry: the
 * capacity can be reached. Bulk look-up prefetches the buckets of the whole burst, then both
 * lines of each entry. Memory: 128 bytes a flow and 11 to 22 of index. Cost: bench/bench_flow.
 *
 * Time. Table time is milliseconds in 32 bits and wraps; only differences count, as signed numbers,
 * so that an entry a little ahead of the clock is idle for 0 ms.
 *
 * Why a changed label makes an entry unreachable. An entry keeps `stamp`: the generation of both
 * ends' endpoint slots plus the policy's epoch, all of which only ever grow. The worker compares
 * it with the present sum before it trusts the cached verdict; any change of either end or of the
 * policy makes it differ, and the flow is judged anew (see policy.h). One addition and one compare
 * per packet instead of two label look-ups.
 */
#ifndef BH_FLOW_H
#define BH_FLOW_H

#include "../base/base.h"
#include "../net/net.h"

/* Connection states; flow_state.def is the one list (name, protocol class, time-out key). */
enum bh_flow_state {
#define BH_FLOW_STATE(sym, name, timeout_key, default_s, text) BH_STATE_##sym,
#include "flow_state.def"
#undef BH_FLOW_STATE
	BH_STATE_COUNT
};
const char *bh_flow_state_name(unsigned state);
/* EVE's word for it: "new", "established", "closed". */
const char *bh_flow_state_eve(unsigned state);

/* bh_flow.flags */
enum {
	BH_FLAG_INITIATOR = 1 << 0, /* which end of the key opened the flow: 0 or 1 */
	BH_FLAG_REPLIED = 1 << 1,   /* the responder has sent something */
	BH_FLAG_MIDSTREAM = 1 << 2, /* TCP: its SYN was not seen */
	BH_FLAG_ALERTED = 1 << 3,   /* a violation of it has been reported */
	BH_FLAG_LAST_FIN = 1 << 4,  /* CLOSING: which end of the key sent the second FIN */
	BH_FLAG_APP_DONE = 1 << 5,  /* nothing more is asked about its application */
	BH_FLAG_EMBRYO = 1 << 6,    /* TCP: counted as half open by who watches for floods */
	BH_FLAG_USED = 1 << 7,      /* entry is in the table */
};

/* bh_flow.carried */
enum bh_carried {
	BH_CARRIED_NOT,      /* opened here */
	BH_CARRIED,          /* taken over from another gateway */
	BH_CARRIED_EXAMINED, /* and what it says next can't be judged without what it said there */
};

/* bh_flow.app_proof */
enum { BH_PROOF_CLIENT = 1 << 6, BH_PROOF_SERVER = 1 << 7, BH_PROOF_PACKETS = 63 };

/* One flow. Line 0 is what a look-up compares and what a packet is judged by; it changes with
 * verdicts and new TCP flags only. Line 1 is what a packet counts and all that ageing reads. Index
 * [0] and [1] are the ends of the key; "src" and "dst" the initiator and the responder. */
struct bh_flow {
	struct bh_flow_key key; /* 48 */
	uint32_t slot[2];       /* endpoint slots of the ends of the key */
	uint32_t stamp;         /* see above */
	uint8_t verdict;        /* enum bh_verdict */
	uint8_t reason;         /* enum bh_reason of the verdict; VIOLATE: that of protect */
	uint8_t tcp_seen[2];    /* flags seen from end 0, 1 */
	/* ---- line 1 ---- */
	uint64_t start_ns;   /* wall clock; see bh_flow_id */
	uint64_t bytes[2];   /* IP bytes sent by end 0, 1 */
	uint32_t packets[2]; /* saturate */
	uint32_t last_ms;    /* table time of the last packet */
	uint32_t rule;       /* name id of the rule that judged it, or BH_NO_RULE */
	uint32_t segment[2]; /* name ids of the ends' segments, for the record */
	uint32_t class_[2]; /* fingerprints of the ends' segment sets: while equal, the same flow */
	uint32_t ext;       /* index of an extension (reassembly, inspection), 0 = none */
	uint8_t app;        /* 0 until an application is proven */
	uint8_t app_proof; /* by what: BH_PROOF_* of the sides that had spoken, and segments or datagrams till then */
	uint8_t state : 4;   /* enum bh_flow_state */
	uint8_t mode : 2;    /* enum bh_mode of its two ends, when it was judged */
	uint8_t carried : 2; /* enum bh_carried */
	uint8_t flags;
};
_Static_assert(sizeof(struct bh_flow) == 128, "48+8+4+1+1+2 | 8+16+8+4+4+8+8+4+2+1+1");
_Static_assert(offsetof(struct bh_flow, start_ns) == 64, "what every packet writes is line 1");
_Static_assert(offsetof(struct bh_flow, tcp_seen) < 64, "ageing needs nothing of line 0");
_Static_assert(BH_REASON_COUNT <= 256, "reason is stored in 8 bits");
_Static_assert(BH_STATE_COUNT <= 16, "two bits a state in BH_FLOW_QUIET, four in a flow");

struct bh_flow_table;

/* Why a flow left the table. */
enum bh_flow_end {
	BH_FLOW_END_TIMEOUT,
	BH_FLOW_END_CLOSED,
	BH_FLOW_END_EVICTED,
	BH_FLOW_END_RELABELLED,
	BH_FLOW_END_SHUTDOWN,
	BH_FLOW_END_COUNT
};
const char *bh_flow_end_name(unsigned end);

/* Called for each flow that leaves, before its entry is reused. Must not touch the table. */
typedef void (*bh_flow_end_fn)(void *arg, const struct bh_flow *flow, enum bh_flow_end why);

struct bh_flow_table_params {
	uint32_t capacity;                   /* flows; 64 .. 2^27 */
	uint32_t timeout_ms[BH_STATE_COUNT]; /* idle time after which a state ends; < 2^31 */
	struct bh_hash_key hash_key;
	uint8_t worker; /* goes into flow ids */
	bh_flow_end_fn on_end;
	void *on_end_arg;
};

/* Time-outs from flow_state.def; the rest zero. */
void bh_flow_table_params_default(struct bh_flow_table_params *params);

/* 0, -EINVAL (capacity or a time-out out of range), -ENOMEM. */
int bh_flow_table_create(struct bh_flow_table **out, const struct bh_flow_table_params *params);
/* Does not call on_end; drain with bh_flow_end_all first. NULL is fine. */
void bh_flow_table_destroy(struct bh_flow_table *t);

/* Keyed hash of a canonical key. */
uint64_t bh_flow_hash(const struct bh_flow_table *t, const struct bh_flow_key *key);

/* Start loading the index line of a hash: best done for each key as soon as its hash is known. */
void bh_flow_prefetch(const struct bh_flow_table *t, uint64_t hash);

/* Look up n <= 64 keys; out[i] is the flow or NULL. In passes with prefetch between them: index
 * lines, entries, compare. */
void bh_flow_lookup_bulk(struct bh_flow_table *t, const struct bh_flow_key *const keys[],
			 const uint64_t hash[], unsigned n, struct bh_flow *out[]);
struct bh_flow *bh_flow_lookup(struct bh_flow_table *t, const struct bh_flow_key *key,
			       uint64_t hash);

/* Add a flow whose key is not in the table. The entry comes back zeroed but for key, flags
 * (USED), start and last times, and state: SYN_SENT (TCP), ICMP (ICMP, ICMPv6) or NEW.
 *
 * When the table is full, one flow that is not established makes room and is reported to on_end
 * as EVICTED. First that which was told to bh_flow_over before all others and still is CLOSED or
 * REFUSED. Where there is none, NEW, ICMP, SYN_SENT, SYN_RECEIVED, CLOSING may go, too. Never:
 * ESTABLISHED, REPLIED, FIN_WAIT. The (at most 16) flows in the key's two buckets are
 * looked at, then, if none of them may go, the 64 that follow a clock hand over the entries (8
 * when its last whole turn found none); of each lot the longest idle goes. When there is none,
 * NULL: the new flow is refused.
 *
 * An eviction may take a flow that the caller has looked up earlier in the same burst: after
 * on_end said EVICTED, pointers from before must be looked up again. */
struct bh_flow *bh_flow_insert(struct bh_flow_table *t, const struct bh_flow_key *key,
			       uint64_t hash, uint32_t now_ms, uint64_t wall_ns);
/* This flow has become CLOSED or REFUSED: it makes room before any that has not. */
void bh_flow_over(struct bh_flow_table *t, const struct bh_flow *f);
/* Report and free one flow. */
void bh_flow_remove(struct bh_flow_table *t, struct bh_flow *f, enum bh_flow_end why);

/* Count a packet of l3_len bytes from end `from` and advance the state (RFC 9293 3.3.2 as seen from
 * the middle: by flags; sequence numbers are judged by the reassembly, where a flow has one).
 *   SYN_SENT      responder's SYN/ACK: SYN_RECEIVED. Without any SYN seen (midstream): both ends
 *                 have sent: as if the handshake had been seen.
 *   SYN_RECEIVED  initiator's ACK: ESTABLISHED
 *   ESTABLISHED   FIN of one end: FIN_WAIT; of both: CLOSING
 *   CLOSING       ACK of the end whose FIN came first: CLOSED
 *   any           RST: CLOSED. The entry stays for that state's time-out, counted from the last
 *                 packet, so that what comes late still belongs to this flow.
 *   NEW           packet from the responder: REPLIED (not TCP)
 *   REFUSED       stays: the gateway puts a flow there and takes it out again */
void bh_flow_touch(struct bh_flow *f, const struct bh_parsed *pkt, uint32_t now_ms);

/* May a TCP packet with these flags open a flow? (SYN without ACK, RST, FIN.) */
static inline bool
bh_tcp_opens(uint8_t tcp_flags)
{
	return (tcp_flags & (BH_TCP_SYN | BH_TCP_ACK | BH_TCP_RST | BH_TCP_FIN)) == BH_TCP_SYN;
}

/* Does this packet open a new connection on the ports of f, which is over (RFC 9293 3.6.1)? Then
 * remove f and insert anew: the new one is judged on its own. Both ends done (CLOSING, CLOSED):
 * whoever sends the SYN; one end done (FIN_WAIT): the initiator alone, so that a forged SYN of the
 * other end does not cut off what still flows. Picked up in the middle, who opened f is a guess: the
 * end that it takes for the responder opens nothing on it. */
static inline bool
bh_flow_reopens(const struct bh_flow *f, const struct bh_parsed *pkt)
{
	if (BH_LIKELY(!bh_tcp_opens(pkt->tcp_flags)))
		return false;
	return f->state == BH_STATE_CLOSED || f->state == BH_STATE_CLOSING ||
	       (f->state == BH_STATE_FIN_WAIT && pkt->from == (f->flags & BH_FLAG_INITIATOR)) ||
	       ((f->flags & BH_FLAG_MIDSTREAM) != 0 && pkt->from != (f->flags & BH_FLAG_INITIATOR));
}

/* Look at up to `budget` entries, where the last call stopped, and end those idle for their
 * state's time-out: CLOSED when that is their state, else TIMEOUT. Returns how many ended. A full
 * turn takes at most capacity / budget calls; entries that were never used are not visited. */
uint32_t bh_flow_age(struct bh_flow_table *t, uint32_t now_ms, uint32_t budget);
/* End every flow (shutdown, end of a capture). */
void bh_flow_end_all(struct bh_flow_table *t, enum bh_flow_end why);

/* Iterate: the first used entry with number >= *cursor and < end; *cursor moves behind it. NULL
 * when there is none: *cursor is then end, or less at the end of the table. */
struct bh_flow *bh_flow_next(struct bh_flow_table *t, uint32_t *cursor, uint32_t end);
/* Number of a flow's entry, and the flow of an entry; NULL: it is not in use. */
uint32_t bh_flow_number(const struct bh_flow_table *t, const struct bh_flow *f);
struct bh_flow *bh_flow_at(const struct bh_flow_table *t, uint32_t number);
/* Number of used entries, and the capacity. */
uint32_t bh_flow_count(const struct bh_flow_table *t);
uint32_t bh_flow_capacity(const struct bh_flow_table *t);
/* 63-bit id: worker, then start_ns modulo 2^55 (417 days). Unique over workers and time because
 * insert makes the start times of a table's flows distinct: one that is not after the last one by
 * less than a second (same burst, disorder of a capture) is set 1 ns after it. After a larger
 * step back of the clock ids are only as unique as nanoseconds are. */
uint64_t bh_flow_id(const struct bh_flow_table *t, const struct bh_flow *f);

/* ---- virtual reassembly (frag.c) ------------------------------------------------------------- */

/* Fragments are held, as opaque packet handles, until their datagram is whole; then all of them
 * come back, in the order they came, to be judged by the first one's L4 header and passed
 * unchanged. A datagram is its key (addresses, protocol, id, tenant) and its direction.
 *
 * Nothing is left to the receiver's choice. Refused with all its fragments is a datagram with
 *   any byte twice, also in an exact duplicate, a second last fragment, or bytes behind the last
 *   one (FRAG_OVERLAP; RFC 5722, RFC 8200 4.5); a fragment without bytes, or one that is not last
 *   and not a multiple of 8 (FRAG_LENGTH); more than 65,535 bytes with its header (FRAG_TOO_BIG);
 *   more than max_fragments (FRAG_TOO_MANY); a fragment for which there is no room
 *   (FRAG_TABLE_FULL).
 * The refusal is remembered: what follows of that datagram is dropped for the same reason until
 * the time-out, which runs from its first fragment. When `datagrams` are remembered, fragments of
 * others are dropped (FRAG_TABLE_FULL): the old stay. */
struct bh_frag_store;

struct bh_frag_params {
	uint32_t datagrams;     /* incomplete ones held at once; 16 .. 2^20 */
	uint32_t max_fragments; /* of one datagram; 2 .. 64 */
	uint32_t max_held;      /* packets over all; 0: datagrams * (max_fragments - 1) */
	uint32_t timeout_ms; /* from its first fragment (RFC 791: 15 s, RFC 8200: 60 s; ours 5 s) */
	struct bh_hash_key hash_key;
};

/* 0, -EINVAL (a bound out of range), -ENOMEM. */
int bh_frag_store_create(struct bh_frag_store **out, const struct bh_frag_params *params);
void bh_frag_store_destroy(struct bh_frag_store *s); /* must be empty: bh_frag_flush */

/* What bh_frag_add and bh_frag_age hand back. packet[] is in order of arrival; the handles are the
 * caller's again. */
#define BH_FRAG_MAX 64
struct bh_frag_out {
	unsigned n;
	void *packet[BH_FRAG_MAX];
	unsigned first;        /* index of the fragment with offset 0, valid when whole */
	uint32_t total_len;    /* bytes the fragments make together, valid when whole */
	enum bh_reason reason; /* BH_REASON_NONE: whole datagram; else: drop all of these */
};

/* Hand in one fragment (pkt->kind == BH_FRAME_FRAGMENT; its key holds the IP id). Returns true when
 * `out` holds something (n >= 1): a whole datagram, or a refusal that includes this fragment.
 * false: the packet is held. */
bool bh_frag_add(struct bh_frag_store *s, const struct bh_parsed *pkt, void *packet,
		 uint32_t now_ms, struct bh_frag_out *out);
/* One datagram past its time (FRAG_TIMEOUT), or false when there is none: call until false. */
bool bh_frag_age(struct bh_frag_store *s, uint32_t now_ms, struct bh_frag_out *out);
/* Like age, for all that is held (SHUTDOWN). */
bool bh_frag_flush(struct bh_frag_store *s, struct bh_frag_out *out);
uint32_t bh_frag_held(const struct bh_frag_store *s); /* packets */

#endif
