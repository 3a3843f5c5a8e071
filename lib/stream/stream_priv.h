/* What the files of this room share.
 *
 * A side keeps two lists over one kind of node:
 *   pieces   the bytes that are known, disjoint and in order of offset. A node is the first copy of the
 *            bytes [lo, hi) of its packet; a packet that fills several holes has a node for each
 *   waiting  packets that are held and have not gone, in order of their first byte. A node may be on this list alone:
 *            a FIN without bytes, or one more copy of bytes that wait
 * A node owns one reference to its packet and is freed when it is on neither list.
 */
#ifndef BH_STREAM_PRIV_H
#define BH_STREAM_PRIV_H

#include "stream.h"

#define BH_STREAM_NONE UINT32_MAX
#define BH_STREAM_NO_SCALE 0xff
#define BH_STREAM_NO_FIN INT64_MIN
#define BH_STREAM_MAX_SHIFT 14 /* RFC 7323 2.3 */

enum bh_stream_state {
	BH_STREAM_NEW,      /* no SYN has been let through */
	BH_STREAM_SYN_SENT, /* the initiator's SYN has */
	BH_STREAM_SYN_RECEIVED,
	BH_STREAM_ESTABLISHED,
};

struct bh_stream_node {
	int64_t from; /* offset of the packet's first byte; below 0: the SYN's own number is sent again */
	void *packet;
	uint32_t next, prev;   /* pieces; free list (next) */
	uint32_t wnext, wprev; /* waiting */
	uint16_t len;          /* payload bytes of the packet */
	uint16_t lo, hi;       /* first copy of these; lo == hi: not on the list of pieces */
	struct bh_stream_tag tag;
	bool waits;
};
_Static_assert(sizeof(struct bh_stream_node) == 48, "2*8 + 4*4 + 3*2 + 6 + 1, padded");

struct bh_stream_side {
	int64_t acked, released, edge; /* stream.h */
	int64_t read, seen_to;         /* read cursor, and the furthest that it has been */
	int64_t base;                  /* bytes below are no longer kept */
	int64_t fin;                   /* offset of the FIN, BH_STREAM_NO_FIN */
	int64_t right;                 /* right edge of what the receiver ever offered */
	int64_t limit;                 /* let go: bytes from here on are not compared */
	int64_t far;                   /* behind the furthest byte that has gone */
	int64_t skip_from, skip_to;    /* bytes of the latest skip, equal: there was none */
	int64_t vouched;               /* acknowledged in the receiver's name so far; 0: never */
	uint32_t isn;                  /* sequence number of byte 0 is isn + 1 */
	uint32_t window;               /* largest window that the receiver offered, in bytes */
	uint32_t ts_recent;            /* latest TSval accepted in order (RFC 7323) */
	uint32_t ts_echoed;            /* latest one that the receiver is known to have taken */
	uint32_t head, tail;           /* pieces */
	uint32_t hint, cursor;         /* pieces: last looked at; where reading stands */
	uint32_t whead, wtail;         /* waiting */
	uint32_t bytes, nodes;         /* kept */
	uint32_t waiting, waiting_bytes;
	uint32_t ts_val, ts_ecr; /* of its last packet */
	uint32_t last;           /* piece of its last packet behind a gap, BH_STREAM_NONE */
	uint16_t raw_window;     /* of its last packet, not scaled */
	uint8_t wire;
	uint8_t scale;      /* offered by this side's SYN */
	bool known : 1;     /* its SYN, SYN/ACK or first packet was seen */
	bool windowed : 1;  /* right is known */
	bool stamps : 1;    /* its SYN had the timestamp option */
	bool sacks : 1;     /* its SYN permitted selective acknowledgements */
	bool spoken : 1;    /* ts_val, ts_ecr and raw_window are set */
	bool fin_gone : 1;  /* the FIN has been forwarded */
	bool fin_acked : 1; /* and acknowledged */
	bool repeat : 1; /* what was vouched for has come again: its sender has not heard of it */
	bool asked : 1; /* a packet that waits brought again what has gone and is not acknowledged */
};

struct bh_stream {
	struct bh_stream_store *st;
	struct bh_stream_side side[2];
	uint32_t link; /* free list */
	uint8_t state; /* enum bh_stream_state */
	bool hold;
	bool gone;  /* let go */
	bool loose; /* start not seen: scale and stamps are not known */
};
_Static_assert(sizeof(struct bh_stream) <= 384, "docs: streams.max says what one costs");

struct bh_stream_store {
	struct bh_stream_params p;
	struct bh_stream *stream;
	struct bh_stream_node *node;
	uint32_t free_stream, free_node; /* heads of the free lists */
	uint32_t n_free_nodes;
	uint32_t n_streams;
	uint32_t waiting;
	size_t map_size;
	void *map;
};

struct bh_stream_options {
	uint32_t ts_val;
	uint32_t ts_ecr;
	uint8_t scale; /* BH_STREAM_NO_SCALE */
	bool stamp;
	bool sack;
};

/* One packet on its way through the checks. */
struct bh_stream_ctx {
	struct bh_stream_store *st;
	struct bh_stream *s;
	const struct bh_stream_packet *p;
	struct bh_stream_result *r;
	struct bh_stream_side *d; /* its sender's */
	struct bh_stream_side *o; /* the other */
	int64_t from, to;         /* offsets of its payload */
	int64_t ack;              /* offset in the other side's bytes; only when `acks` */
	struct bh_stream_options opt;
	uint8_t flags;
	bool acks;  /* has an ACK of a side that is known */
	bool opens; /* takes the connection to SYN_SENT or SYN_RECEIVED */
	bool stale; /* its timestamp is older than it should be */
	bool cut;   /* its FIN comes before the end of what was skipped */
};

/* ---- input.c, check.c, option.c --------------------------------------------------------------- */

/* False: the options run over the header, one is there twice, has a wrong length or is MPTCP's. */
bool bh_stream_read_options(const uint8_t *tcp, struct bh_stream_options *o);
/* Sets the result that the exception's action asks for; true when the packet goes on. */
bool bh_stream_except(struct bh_stream_ctx *c, enum bh_exception exception);
/* All checks before the bytes are looked at; false when r holds the end result. */
bool bh_stream_check(struct bh_stream_ctx *c);

/* ---- keep.c ------------------------------------------------------------------------------------- */

/* What comparing found out about [lo, hi) of a side. */
struct bh_stream_overlap {
	int64_t lo, hi;
	uint32_t first;     /* first piece that ends behind lo, or NONE */
	uint32_t new_bytes; /* in no piece */
	uint32_t holes;     /* runs of them */
	bool same;          /* what is in pieces is equal */
};
void bh_stream_compare(struct bh_stream_ctx *c, struct bh_stream_overlap *v);
/* Take the packet's new bytes as pieces, and the packet as waiting. Room was checked before. */
void bh_stream_keep(struct bh_stream_ctx *c, const struct bh_stream_overlap *v, bool waits);
/* First piece that ends behind an offset. */
uint32_t bh_stream_find(struct bh_stream_store *st, struct bh_stream_side *d, int64_t offset);
/* Let go of pieces that nobody can need. */
void bh_stream_trim(struct bh_stream *s, struct bh_stream_side *d);
void bh_stream_unpiece(struct bh_stream_store *st, struct bh_stream_side *d, uint32_t i);
/* No longer waiting; the packet's reference is the caller's. */
void *bh_stream_unwait(struct bh_stream_store *st, struct bh_stream_side *d, uint32_t i);

static inline int64_t
bh_stream_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
bh_stream_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline int64_t
bh_stream_piece_from(const struct bh_stream_node *n)
{
	return n->from + n->lo;
}

static inline int64_t
bh_stream_piece_to(const struct bh_stream_node *n)
{
	return n->from + n->hi;
}

/* Does this stream hold what it has not been told to release? */
static inline bool
bh_stream_holds(const struct bh_stream *s)
{
	return s->hold && !s->gone;
}

/* The offset of a sequence number: the one nearest to the edge, since no window reaches 2^31. */
static inline int64_t
bh_stream_offset(const struct bh_stream_side *d, uint32_t seq)
{
	return d->edge + (int32_t)(seq - (d->isn + 1 + (uint32_t)d->edge));
}

/* Within what was skipped nobody knows how far the side has come. */
static inline bool
bh_stream_is_skipped(const struct bh_stream_side *d, int64_t offset)
{
	return offset >= bh_stream_max(d->acked, d->skip_from) && offset <= d->skip_to &&
	       d->skip_from != d->skip_to;
}

/* The next number that the receiver may expect: behind all that has gone, and the FIN once it has. */
static inline int64_t
bh_stream_top(const struct bh_stream_side *d)
{
	return d->far + d->fin_gone;
}

/* Behind the last byte that is known, gaps or not. */
static inline int64_t
bh_stream_high(const struct bh_stream_store *st, const struct bh_stream_side *d)
{
	return d->tail == BH_STREAM_NONE
		       ? d->edge
		       : bh_stream_max(d->edge, bh_stream_piece_to(&st->node[d->tail]));
}

#endif
