/* stream: the two byte streams of one TCP connection, made unambiguous. What the receiver can read is what was
 * judged, and nothing else: the first copy of a byte wins, and what is kept is kept until it is acknowledged.
 *
 * Usage     one store per worker. Open a stream with a connection's first SYN; hand in every later packet of the
 *           connection, of both sides; read what has become contiguous (bh_stream_next), judge it, say how far it
 *           may go (bh_stream_release), and forward what bh_stream_pop hands back. When what is said no longer
 *           matters: bh_stream_let_go, then close it as soon as bh_stream_settled.
 * Threads   a store belongs to one worker; nothing is shared or locked.
 * Lifetime  all memory is taken at creation. Packets are opaque handles; the store frees and keeps them through
 *           the callbacks it was created with. A stream is valid until it is closed.
 *
 * Offsets. Byte 0 of a side is the one behind its SYN; offsets are 64 bits and never wrap. For each side:
 *     acked <= released <= edge
 *   acked     the receiver has acknowledged so far: it will take nothing below again
 *   released  judged: packets that end here or before may go
 *   edge      contiguous so far; what lies beyond a gap is kept, not shown
 * Packets with bytes in [acked, edge) or beyond a gap are kept, whether they have gone or not, so that every byte that
 * comes again is compared with the first copy (SymTCP; PYROLYSE: what stacks make of overlaps differs, so there must
 * be none to see). Equal: it passes, as the receiver may need it (it waits once more where the first copy waits).
 * Different: TCP_CONFLICT. Bytes below acked can't be compared and do no harm: they pass (the receiver answers with the
 * ACK that its peer has missed).
 *
 * Bounds. What is kept of a side is bounded in bytes and packets. Out of order or undecided beyond them: STREAM_BYTES,
 * STREAM_SEGMENTS. Room that only waits for acknowledgements: the packet is dropped (no exception, never an end), as
 * by a congested router; likewise where the pool runs low, of which nobody gets all that is left. What comes in order
 * before a gap, here or at the receiver, has as much room again, or nothing behind the gap would ever go.
 *
 * Acknowledgements. The receiver's, but for bytes that wait and whose sender waits, too (bh_stream_vouch).
 *
 * Trust. A side's packets count only when they come in on the wire where that side's SYN or SYN/ACK came in
 * (TCP_WRONG_SIDE otherwise, packet dropped): a sender can't acknowledge in its receiver's name. The SYN/ACK comes
 * in on another wire than the SYN.
 *
 * Checks of a packet before it changes anything, in this order (exception.def names what is done):
 *   side
 *   options          RFC 9293 3.1: within the header, each kind once; no MPTCP, whose bytes come on several connections
 *   SYN              classical three-way handshake; a repeated SYN or SYN/ACK must be the same; data on it; data before
 *                    the handshake is complete
 *   RST              RFC 5961 3.2: exactly the number that the receiver expects next, i.e. the released edge, or, where
 *                    that has not arrived yet, what it acknowledged last. One at the edge when bytes wait is the
 *                    sender's honest abort: act END, reset, reason TCP_RST; the caller drops what waits, resets both ends
 *   PAWS             RFC 7323 5.3: new bytes or a FIN whose TSval is older than the latest that the receiver has echoed
 *   sequence         RFC 9293 3.10.7.4: inside [acked - window, right edge of the receiver's window], which never moves
 *                    back; one byte beyond is a window probe's
 *   acknowledgement  RFC 5961 5.2: not beyond what has been released of the other side, not further back than a window
 *   urgent, FIN
 * Keep-alives need no rule: their byte lies below acked; one that does not is compared like any other.
 * A SYN/ACK's and SYN's window is not scaled; a window scale counts when both sides sent it (RFC 7323 2.2).
 * The checksum is the caller's to check before.
 */
#ifndef BH_STREAM_H
#define BH_STREAM_H

#include "../base/base.h"
#include "../net/net.h"

struct bh_stream_store;
struct bh_stream;

struct bh_stream_params {
	uint32_t streams;       /* connections at once; 16 .. 2^20 */
	uint32_t segments;      /* packets kept over all of them; 64 .. 2^24 */
	uint32_t side_bytes;    /* payload bytes kept of one side; 4 KiB .. 64 MiB */
	uint32_t side_segments; /* packets kept of one side; 4 .. 65535 */
	uint8_t action
		[BH_EXCEPTION_COUNT]; /* enum bh_exception_action; those of TCP and stream_* are used here */
	/* The longest run of payload bytes in memory at offset off of a packet's payload: *n is at least 1 where
	 * off < payload length, less than what follows where a packet is chained. */
	const uint8_t *(*payload)(const void *packet, uint32_t off, uint32_t *n);
	void (*keep)(void *packet); /* one reference more */
	void (*drop)(void *packet); /* one reference less */
};

/* 0, -EINVAL (a bound out of range), -ENOMEM. */
int bh_stream_store_create(struct bh_stream_store **out, const struct bh_stream_params *params);
void bh_stream_store_destroy(struct bh_stream_store *st);   /* streams must be closed */
uint32_t bh_stream_count(const struct bh_stream_store *st); /* open streams */
/* Packets that wait, i.e. are held and have not gone; over all streams. */
uint32_t bh_stream_waiting(const struct bh_stream_store *st);

/* What the caller must know to forward a packet later; handed back by pop. */
struct bh_stream_tag {
	uint16_t l3_len;
	uint8_t tcp_flags;
	uint8_t wire;
	uint8_t side; /* 0: the initiator's */
};

/* One packet of the connection. */
struct bh_stream_packet {
	const struct bh_parsed *h;
	const uint8_t *tcp; /* the TCP header with its options, as long as its data offset says */
	void *packet;
	uint8_t wire; /* it came in here */
	uint8_t side; /* 0: sent by the end that opened the connection */
};

enum bh_stream_act {
	BH_STREAM_PASS, /* forward it now. If its bytes are compared later, the store has taken its own reference */
	BH_STREAM_KEPT, /* the store has it: pop hands it back when its bytes may go */
	BH_STREAM_DROP, /* this packet is dropped for `reason` */
	BH_STREAM_END, /* the connection is to be dropped for `reason` (action DROP_FLOW or REJECT) */
};

struct bh_stream_result {
	uint8_t act; /* enum bh_stream_act */
	/* enum bh_reason. DROP, END: why. PASS, KEPT: NONE; EXCEPTION where an exception is configured to pass or
	 * normalise; in a stream that holds nothing, why it would have been dropped. */
	uint8_t reason;
	uint8_t exception; /* enum bh_exception + 1 when an exception decided, else 0 */
	bool clear_urgent; /* PASS, KEPT: before anything else clear URG and the pointer, and mend the checksum */
	bool reset;       /* END: answer with RST (action REJECT) */
	bool established; /* this packet completes the handshake */
	bool closing; /* an exact RST: nothing more will be accepted; inspection goes on nevertheless */
};

/* Open with the first SYN (p->side 0; flags as bh_tcp_opens). hold: bytes wait for release; else every packet passes
 * at once, whatever is found out about it, and is kept for reading and comparing only (monitor; the handshake may have
 * been seen in part). `r` says what happens to this packet. NULL: no room, r is what stream_full asks for. A stream
 * whose SYN was dropped stays open and takes the next SYN as its first; END: close it. */
struct bh_stream *bh_stream_open(struct bh_stream_store *st, const struct bh_stream_packet *p,
				 bool hold, struct bh_stream_result *r);
/* Open in the middle of a connection (flows.midstream, exceptions.midstream: pass is the caller's): the first
 * packet of each side starts it, what lies before is taken for old and passes; no window is checked until both sides
 * and an ACK were seen. Timestamps are not checked. */
struct bh_stream *bh_stream_open_midstream(struct bh_stream_store *st,
					   const struct bh_stream_packet *p, bool hold,
					   struct bh_stream_result *r);
void bh_stream_input(struct bh_stream_store *st, struct bh_stream *s,
		     const struct bh_stream_packet *p, struct bh_stream_result *r);

/* The next bytes of a side that have not been read: a run in memory, in order. Reading moves on by calling
 * bh_stream_read. 0: there are none. *ended: the side's FIN is right behind what has been read. */
uint32_t bh_stream_next(struct bh_stream *s, unsigned side, const uint8_t **at, bool *ended);
void bh_stream_read(struct bh_stream *s, unsigned side, uint32_t n);
/* Go back to offset 0 (identification has looked; now operations are parsed). Only while nothing was released and
 * acknowledged away: false when the first bytes are gone. */
bool bh_stream_rewind(struct bh_stream *s, unsigned side);
uint64_t bh_stream_read_so_far(const struct bh_stream *s, unsigned side); /* offset */
uint64_t bh_stream_edge(const struct bh_stream *s, unsigned side);

/* The next n bytes behind what was read are of no interest (a body that is only counted): they pass at once, in any
 * order, and are neither kept nor compared; reading goes on behind them. Returns how many: fewer when the side ends
 * before, none while half of BH_STREAM_SKIP has not been acknowledged of what was skipped last, so that sequence numbers
 * stay unambiguous. */
#define BH_STREAM_SKIP (UINT32_C(1) << 30)
uint32_t bh_stream_skip(struct bh_stream *s, unsigned side, uint32_t n);

/* Bytes of `side` below `offset` may go. Never moves back; not beyond what has been read (before a rewind, too). */
void bh_stream_release(struct bh_stream *s, unsigned side, uint64_t offset);
/* A packet that may go now, in order of its sequence, or NULL. The store keeps a reference of its own while it
 * compares; the one handed out is the caller's to send and free. A packet goes when all its bytes may; one that reaches
 * further does not keep back those behind it that don't. */
void *bh_stream_pop(struct bh_stream_store *st, struct bh_stream *s, unsigned side,
		    struct bh_stream_tag *tag);

/* The first packet that waits though *n of its bytes, its first ones, may go, while the receiver has acknowledged all that
 * has gone: a sender that may have one packet on its way only (RFC 5681 3.1, after a loss) waits for an answer to them, and
 * we for what it has not sent. Likewise where they have gone before, as such a part or in a smaller packet (a sender may
 * join what it sends again), were lost behind us, and the sender has sent them again. NULL: there is none. The caller sends
 * a copy of these bytes and says so; the packet itself goes later. */
void *bh_stream_part(const struct bh_stream *s, unsigned side, uint32_t *n);
void bh_stream_part_gone(struct bh_stream *s, unsigned side);

/* What it says no longer matters: everything held may go (pop it), new bytes pass at once and are not kept. What was
 * contiguous before is still compared until it is acknowledged; nothing is read any more. */
void bh_stream_let_go(struct bh_stream_store *st, struct bh_stream *s);
/* Let go, nothing held, and all that was judged is acknowledged: close it and look no more. */
bool bh_stream_settled(const struct bh_stream *s);

/* What the receiver of a side would answer to a packet of that side that lies behind a gap: the gap is in front of us, what
 * lies behind it waits here, and without this answer the sender learns of its loss by time-out only (RFC 5681 3.2, RFC
 * 2018). Numbers as on the wire; nothing is acknowledged that the receiver has not acknowledged itself. */
#define BH_STREAM_BLOCKS 3
struct bh_stream_gap {
	uint32_t seq, ack;
	uint32_t ts_val, ts_ecr; /* if stamped */
	uint16_t window;
	bool stamped;
	uint8_t n_blocks; /* selective acknowledgements, if both sides permit them; that of the last packet first */
	struct {
		uint32_t from, to;
	} block[BH_STREAM_BLOCKS];
};
/* False: the last packet of this side did not come behind a gap, nothing is held, or the receiver has not acknowledged
 * all that comes before the gap, as far as it has gone: told of it earlier, the sender would take the order for disturbed
 * and wait longer (RFC 8985 6.2). Ask when a packet of the side was kept, and when the receiver has acknowledged. */
bool bh_stream_gap(const struct bh_stream *s, unsigned side, struct bh_stream_gap *out);

/* Whose bytes wait here undecided may say no more until they are acknowledged: Nagle's algorithm (RFC 896), one packet on
 * its way after a loss. The receiver, who has not got them, can't do that: we do, in its name, within the window that it has
 * offered, and see to it that it gets them once they may go (bh_stream_owed).
 * Returns a packet of `side` that tells the addresses, the acknowledgement in *out; NULL: nothing waits, or what has gone is
 * not acknowledged yet (its sender knows what to do), or a packet is longer than max bytes of payload, which is as much as
 * the caller can send again. Call bh_stream_vouched when it has been sent. Again when its sender has not heard it. */
void *bh_stream_vouch(const struct bh_stream *s, unsigned side, uint32_t max,
		      struct bh_stream_gap *out);
void bh_stream_vouched(struct bh_stream *s, unsigned side);
/* Something was vouched for that the receiver has not acknowledged. */
bool bh_stream_owes(const struct bh_stream *s, unsigned side);
/* Of that, the first packet whose bytes may go (and have gone: bh_stream_pop comes first): a copy of its first *n bytes is to be
 * sent when the receiver stays silent for a retransmission time-out (RFC 6298), as nobody else will. *from: number of the first
 * byte that is missed there, to see whether it comes on. NULL: there is none. */
void *bh_stream_owed(struct bh_stream *s, unsigned side, uint32_t *n, uint32_t *from);

/* Packets of this stream that wait (held, not gone), of both sides, and their payload bytes (bytes may be NULL). Since
 * when is the caller's to know: from 0 to 1 is its first KEPT. */
uint32_t bh_stream_held(const struct bh_stream *s, uint32_t *bytes);

/* Bytes lie behind a gap, on either side: what waits does so for the network. */
bool bh_stream_has_gap(const struct bh_stream *s);

/* The next sequence number of a side as its receiver expects it at the latest (released + FIN, as a 32-bit number),
 * for an RST or a response in that side's name. */
uint32_t bh_stream_seq(const struct bh_stream *s, unsigned side);
/* Wire on which a side is; BH_STREAM_NO_WIRE when it has sent nothing yet. */
#define BH_STREAM_NO_WIRE 0xff
uint8_t bh_stream_wire(const struct bh_stream *s, unsigned side);
/* So many bytes more this side takes, by its last packet; UINT32_MAX: not known. */
uint32_t bh_stream_window(const struct bh_stream *s, unsigned side);
bool bh_stream_is_established(const struct bh_stream *s);

/* End: what waited and never went is handed to `each` (its reference is the callee's), the rest is dropped. */
void bh_stream_close(struct bh_stream_store *st, struct bh_stream *s,
		     void (*each)(void *arg, void *packet, const struct bh_stream_tag *tag),
		     void *arg);

#endif
