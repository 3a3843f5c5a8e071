/* proto: which application speaks, proven from its bytes, never from a port.
 *
 * Usage     keep one struct bh_proto_state per flow (8 bytes of candidates and the result); call
 *           bh_proto_identify() whenever a side's first bytes have grown, until it is decided.
 * Threads   pure functions over the caller's memory: any thread.
 * Lifetime  nothing is kept but the state.
 *
 * A detector is one file, proto_<name>.c, with one function
 *     enum bh_proto_answer bh_proto_<name>(const struct bh_proto_input *in)
 * and one line in proto.def. It looks at the bytes of both sides and says no, maybe (more bytes could make it
 * either) or yes. It reads through bounded cursors only, keeps nothing, and does work bounded by the bytes
 * shown. YES must be proof: a structure that random bytes or another protocol do not have by chance (two
 * agreeing fields, a magic of 4 bytes or more, a checked length chain, a full text verb with its grammar ...).
 * NO must be final: no more bytes of the stream can make it this application; over UDP it is about the newest
 * datagram, and final after BH_PROTO_DATAGRAMS of them.
 */
#ifndef BH_PROTO_H
#define BH_PROTO_H

#include "../base/base.h"

/* First bytes kept of each side; a detector never sees more. */
#define BH_PROTO_WINDOW 4096
/* Datagrams of a UDP flow after which a detector's NO is the last word. */
#define BH_PROTO_DATAGRAMS 8

enum bh_app {
	BH_APP_UNKNOWN,
#define BH_PROTO(sym, name, transports, parent, text) BH_APP_##sym,
#include "proto.def"
#undef BH_PROTO
	BH_APP_COUNT
};
_Static_assert(BH_APP_COUNT <= 128, "candidate sets are two 64-bit words");

/* Name as in rules and EVE's app_proto ("redis"); "unknown" for 0, "invalid" out of range. */
const char *bh_app_name(unsigned app);
/* Number of a name, 0 when there is none. A protocol with two forms (etcd over http, over grpc) has two lines
 * of one name in the table: this is the first one's number, so compare with bh_app_is(), not with ==. */
enum bh_app bh_app_find(const char *name);
/* The application below ("http" for "elasticsearch"), or BH_APP_UNKNOWN. */
enum bh_app bh_app_parent(unsigned app);

/* Is `app`, or an application below it, of the name that `wanted` has? What a rule asks. */
bool bh_app_is(unsigned app, enum bh_app wanted);

/* Transports in proto.def */
enum { BH_OVER_TCP = 1, BH_OVER_UDP = 2, BH_OVER_SCTP = 4 };

/* What a detector is shown. Side 0 is the client (who opened the flow), side 1 the server; a capture
 * that began in the middle may have them swapped, so a detector that can tell, should: `swapped` is set in
 * a second try when the flow's start was not seen.
 * TCP: data[] are the first bytes of each stream, in order, without gaps.
 * UDP: the newest datagram of each side (len 0: none yet); `from` is the side that has just sent. */
struct bh_proto_input {
	const uint8_t *data[2];
	uint32_t len[2];   /* 0 .. BH_PROTO_WINDOW */
	bool ended[2];     /* nothing more will be shown of this side: FIN, or the window is full */
	uint8_t transport; /* one of BH_OVER_* */
	uint8_t from;      /* side of the newest bytes */
	uint16_t packets;  /* datagrams (UDP) or segments with data so far, both sides */
};

enum bh_proto_answer { BH_PROTO_NO, BH_PROTO_MAYBE, BH_PROTO_YES };

struct bh_proto_state {
	uint64_t ruled_out[2]; /* bit per application */
	uint8_t app;           /* proven, or 0 */
	uint8_t decided;       /* nothing more to ask: app is final, also when 0 */
};

/* Ask the detectors that are still candidates. Returns true when state->decided is set by this call. When
 * an application that others are built on is proven (http), it is stored at once, and the call says decided
 * only when those on top are ruled out or one is proven. */
bool bh_proto_identify(struct bh_proto_state *state, const struct bh_proto_input *in);
/* Could the flow still be `app` (or is it)? What a hold-until-verdict rule asks. */
bool bh_proto_possible(const struct bh_proto_state *state, enum bh_app app);

#endif
