/* handover: flows as one gateway tells another of them: the next version of itself on the same machine (restart without a
 * gap), or the other one of a pair. The form of what is said; who says it is lib/gateway/carry.h, and how it gets there
 * (shared memory, a connection) is the caller's.
 *
 * Usage     teller: bh_handover_put_head() once, then blocks of flows by bh_handover_put_flows().
 *           listener: bh_handover_reader_init(), then each block, in order, to bh_handover_read(); the records that it hands
 *           back speak of the listener's own numbers and may go to bh_gateway_adopt().
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  what bh_handover_read() hands back is in the caller's block.
 *
 * Form. A stream is blocks, each with a head of 48 bytes: magic, version, kind, fingerprint of the record's layout, number,
 * length, CRC-32C of all of it. Numbers count from 0; block 0 is the head of the stream: the names that the teller's
 * numbers stand for (states, reasons, applications, pairs). Two versions that name the same things differently numbered
 * understand each other; a record whose layout differs does not fit, and nothing of it is read. Host byte order: the
 * magic of another one is not ours.
 *
 * What a record is worth. It tells what was seen, not what is allowed: the listener judges each flow by the policy that is
 * in force there, and again when that changes. Taken on trust are the address and port keys, who opened the flow, its state, the
 * application that its bytes proved, and that it was refused for what it said. What a flow is, decides how it goes on:
 *
 *   BH_CARRY_PLAIN     its addresses, ports and, where rules ask, its application decide; all that was judged has been
 *                      acknowledged. Goes on if the listener's policy allows it, without a packet lost.
 *   BH_CARRY_REFUSED   refused for what it said. Stays refused, under the same reason.
 *   BH_CARRY_EXAMINED  bytes of it wait for a judgement, are judged operation by operation, are looked into, or may come
 *                      again otherwise than they were judged. What it says next can't be judged without what it said before.
 *                      TCP: goes on where addresses and ports alone allow it, else exceptions.handover says what becomes of
 *                      it (default: both ends get a RST), under the reason `handover`. Datagrams stand alone: they are judged
 *                      from the next one on. Where nothing is blocked (discover, monitor), it goes on.
 *   BH_CARRY_GONE      has ended: only key and start count.
 *
 * What is not told: flows refused by addresses and ports (their next packet is judged again), fragments and packets
 * that wait (their senders send them again).
 */
#ifndef BH_HANDOVER_H
#define BH_HANDOVER_H

#include <sys/types.h>

#include "../base/base.h"
#include "../flow/flow.h"
#include "../net/net.h"

#define BH_HANDOVER_MAGIC UINT32_C(0x31564f48) /* "HOV1" */
#define BH_HANDOVER_VERSION 1u

enum bh_carry {
	BH_CARRY_PLAIN = 1,
	BH_CARRY_REFUSED,
	BH_CARRY_EXAMINED,
	BH_CARRY_GONE,
	BH_CARRY_COUNT
};

/* What is known of one side of a TCP connection whose bytes were judged (bh_stream): numbers as on the wire. A decided
 * connection has none (flags 0): nothing is asked about its numbers any more. */
enum { BH_CARRY_SIDE_KNOWN = 1, BH_CARRY_SIDE_SCALED = 2, BH_CARRY_SIDE_FIN = 4 };
struct bh_flow_side {
	uint32_t
		next; /* sequence number that its receiver expects next: all before it has been judged, and has gone */
	uint32_t acked; /* its receiver has acknowledged so far */
	uint32_t right; /* right edge of the window that its receiver offered */
	uint8_t scale;  /* of its own windows (RFC 7323 2.2), if SCALED */
	uint8_t flags;  /* BH_CARRY_SIDE_* */
	uint16_t spare;
};

/* One flow. Index [0] and [1] are the ends of the key. */
struct bh_flow_record {
	struct bh_flow_key
		key; /* pair: an index into the stream's names, as state, reason and app */
	uint64_t
		start_ns; /* wall clock; as bh_flow.start_ns: with the key it names this flow and no later one */
	uint64_t bytes[2];
	uint32_t packets[2];
	uint32_t idle_ms;  /* since its last packet, when it was told of */
	uint32_t revision; /* of the policy in force at the teller */
	uint8_t kind;      /* enum bh_carry */
	uint8_t verdict;   /* enum bh_verdict */
	uint8_t reason;
	uint8_t state;
	uint8_t flags; /* BH_FLAG_*, but for USED and EMBRYO */
	uint8_t app;
	uint8_t app_proof;
	uint8_t mode; /* enum bh_mode of its ends */
	uint8_t tcp_seen[2];
	uint8_t spare[6];
	struct bh_flow_side side[2]; /* BH_CARRY_EXAMINED; else zero */
};
_Static_assert(sizeof(struct bh_flow_record) == 136,
	       "48 + 8 + 16 + 8 + 4 + 4 + 8 + 2 + 6 + 2 * 16");

enum bh_handover_kind {
	BH_HANDOVER_HEAD = 1, /* names */
	BH_HANDOVER_FLOWS,
	BH_HANDOVER_WHOLE, /* no body: all flows have been told of at least once since the head */
	BH_HANDOVER_LAST,  /* no body: nothing follows */
	BH_HANDOVER_KINDS
};

struct bh_handover_block {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;   /* enum bh_handover_kind */
	uint64_t layout; /* bh_handover_layout() */
	uint64_t number; /* from 0 */
	uint32_t len;    /* bytes behind this head */
	uint32_t n;      /* records in them */
	uint32_t crc;    /* CRC-32C of head, with 0 in this place, and body */
	uint32_t spare[3];
};
_Static_assert(sizeof(struct bh_handover_block) == 48, "4 + 2 + 2 + 8 + 8 + 4 + 4 + 4 + 12");

#define BH_HANDOVER_FLOWS_MAX 4096 /* records of a block */
#define BH_HANDOVER_HEAD_MAX 65536 /* bytes of a head's body */
/* The longest block. */
#define BH_HANDOVER_MAX                                                                            \
	(sizeof(struct bh_handover_block) + BH_HANDOVER_FLOWS_MAX * sizeof(struct bh_flow_record))

/* Names and places of a record's fields, as a number. */
uint64_t bh_handover_layout(void);

/* Who speaks, or listens: the names of its pairs, in their order. */
struct bh_handover_self {
	const char *const *pair;
	unsigned n_pairs; /* 254 at most */
};

/* The stream's head into out, which holds `room` bytes. Its length; 0: more than fits. */
size_t bh_handover_put_head(const struct bh_handover_self *self, uint8_t *out, size_t room);
/* A block of 1 .. BH_HANDOVER_FLOWS_MAX records, WHOLE or LAST (n 0), in place: the records stand behind the block's head already.
 * Returns its length. number: counts on from the head's 0. */
size_t bh_handover_seal(struct bh_handover_block *b, enum bh_handover_kind kind, uint32_t n,
			uint64_t number);
/* Where its records go. */
struct bh_flow_record *bh_handover_records(struct bh_handover_block *b);

/* The listener's side: its numbers for the teller's. */
struct bh_handover_reader {
	const struct bh_handover_self *self;
	uint64_t next; /* block that comes next */
	uint64_t flows,
		misfits; /* records handed back, and left out because they say what is not known here */
	unsigned n_pairs; /* that the teller has */
	uint8_t pair[256], state[256], reason[256], app[256];
};
#define BH_HANDOVER_UNKNOWN 0xff /* in these four */

/* self: the listener, must outlive the reader. */
void bh_handover_reader_init(struct bh_handover_reader *r, const struct bh_handover_self *self);

/* How long is the block whose head stands at `at`? The head alone is looked at, `len` bytes of which there are.
 * 0: the head is not complete. -EPROTO: this is no block of a version and layout that fits (err says which); -EINVAL: its
 * length can't be. Call it before that many bytes are waited for. */
ssize_t bh_handover_length(const uint8_t *at, size_t len, struct bh_err *err);

/* One whole block of `len` bytes, 8-aligned, changed in place. Returns its kind, or -EPROTO (as above, no head came
 * first, or another block than the next), -EBADMSG (cut short, or its checksum is wrong), -EINVAL (its content can't be); err
 * says what. After an error nothing more of the stream is to be read. FLOWS: *record and *n are what is to be adopted: what
 * makes no sense here is left out and counted. */
int bh_handover_read(struct bh_handover_reader *r, uint8_t *block, size_t len,
		     struct bh_flow_record **record, uint32_t *n, struct bh_err *err);

#endif
