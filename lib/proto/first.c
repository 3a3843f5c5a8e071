/* The shared prefilter: which detectors need to see bytes that begin like these.
 *
 * A detector's line BH_FIRST in proto.def says what the first and the fifth byte of its application may be (the fifth
 * stands behind the length that binary protocols begin with). From these lines the compiler makes tables of candidate
 * sets, so that two look-ups a side answer for all detectors at once and asking costs what is left over. Which side
 * the bytes are of:
 *   CLIENT        the client's decide; nothing is known before they come
 *   SERVER        the server's decide
 *   EITHER        one side suffices: NO when both are others', open while one is silent
 *   GREETING      the server's decide, but a client that does not wait for them may tell
 *   CLIENT_FIRST  the client's decide, the server's while there are none
 *   BOTH          nothing is known before both have spoken
 * Over UDP all of them are about the newest datagram. The answers are those of the detectors: what is not asked
 * would have said NO, or MAYBE because its side is silent (the tests compare both for all inputs they have). */
#include "first.h"

#define ANY 256 /* row: no such byte yet */
#define FIFTH 4

#define DIGIT (B >= '0' && B <= '9')
#define UPPER ((B >= 'A' && B <= 'Z') || B == '-' || B == '_')
#define LETTER ((B >= 'A' && B <= 'Z') || (B >= 'a' && B <= 'z'))
#define SET_BIT(sym, condition) ((bh_app_set)((condition) ? 1 : 0) << BH_APP_##sym)

#define LINE(sym, transports, parent) 0

/* Over streams */
#define UDP 0
#define BIT(sym, side, first, fifth) SET_BIT(sym, first)
static const bh_app_set stream_first[257] = {
#include "first_rows.h"
	[ANY] = ~(bh_app_set)0,
};
#undef BIT

#define BIT(sym, side, first, fifth) SET_BIT(sym, fifth)
static const bh_app_set stream_fifth[257] = {
#include "first_rows.h"
	[ANY] = ~(bh_app_set)0,
};
#undef BIT
#undef UDP

/* Over datagrams */
#define UDP 1
#define BIT(sym, side, first, fifth) SET_BIT(sym, first)
static const bh_app_set datagram_first[257] = {
#include "first_rows.h"
	[ANY] = ~(bh_app_set)0,
};
#undef BIT

#define BIT(sym, side, first, fifth) SET_BIT(sym, fifth)
static const bh_app_set datagram_fifth[257] = {
#include "first_rows.h"
	[ANY] = ~(bh_app_set)0,
};
#undef BIT

#undef UDP

/* The detectors of each side: the same rows, by another column. */
enum { CLIENT, SERVER, EITHER, GREETING, CLIENT_FIRST, BOTH, SIDES };
#define BIT(sym, side, first, fifth) SET_BIT(sym, side == B)
static const bh_app_set of_side[] = {
#define HI 0
#include "first_row.h"
#undef HI
};
#undef BIT
_Static_assert(SIDES <= 16, "a row a side");

/* Those that have a line at all. */
#define BIT(sym, side, first, fifth) SET_BIT(sym, true)
static const bh_app_set declared[] = {
#define B 0
#include "first_cell.h"
#undef B
};
#undef BIT
#undef LINE

#define BIT(sym, side, first, fifth) 0
#define LINE(sym, transports, parent) SET_BIT(sym, BH_APP_##parent == B)
static const bh_app_set on_top[256] = {
#include "first_rows.h"
};
#undef LINE

#define LINE(sym, transports, parent) SET_BIT(sym, ((transports)&B) != 0)
static const bh_app_set over[] = {
#define HI 0
#include "first_row.h"
#undef HI
};

bh_app_set
bh_proto_on_top(unsigned app)
{
	return on_top[app];
}

bh_app_set
bh_proto_over(unsigned transport)
{
	return transport < BH_ARRAY_SIZE(over) ? over[transport] : 0;
}

/* What may begin like this side; nothing has come: nothing. When nothing will come either, the detectors are asked. */
static bh_app_set
alive(const struct bh_proto_input *in, unsigned side)
{
	const uint8_t *p = in->data[side];
	uint32_t n = in->len[side];

	if (n == 0)
		return in->ended[side] ? stream_first[ANY] : 0;
	return stream_first[p[0]] & stream_fifth[n > FIFTH ? p[FIFTH] : ANY];
}

static struct bh_proto_first
of_stream(const struct bh_proto_input *in)
{
	bool silent[2] = {in->len[0] == 0 && !in->ended[0], in->len[1] == 0 && !in->ended[1]};
	bh_app_set c = alive(in, 0), s = alive(in, 1), all = ~(bh_app_set)0;
	/* By side: whom to ask, and who may still be because a side is silent. */
	bh_app_set may[SIDES] = {
		[CLIENT] = silent[0] ? all : 0,
		[SERVER] = silent[1] ? all : 0,
		[EITHER] = silent[0] || silent[1] ? all : 0,
		[CLIENT_FIRST] = silent[0] ? all : 0,
		[BOTH] = silent[0] || silent[1] ? all : 0,
	};
	bh_app_set ask[SIDES] = {
		[CLIENT] = c,
		[SERVER] = s,
		[EITHER] = c | s,
		[GREETING] = silent[1] ? all : s,
		[CLIENT_FIRST] = silent[0] ? s : c,
		[BOTH] = silent[0] || silent[1] ? 0 : all,
	};
	struct bh_proto_first f = {.ask = ~declared[0]};
	bh_app_set open = f.ask;
	unsigned i;

	for (i = 0; i < SIDES; i++) {
		f.ask |= ask[i] & of_side[i];
		open |= (ask[i] | may[i]) & of_side[i];
	}
	f.no = ~open;
	return f;
}

struct bh_proto_first
bh_proto_first(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[in->from];
	uint32_t n = in->len[in->from];
	struct bh_proto_first f;

	if (in->transport != BH_OVER_UDP)
		return of_stream(in);
	f.ask = datagram_first[n > 0 ? p[0] : ANY] & datagram_fifth[n > FIFTH ? p[FIFTH] : ANY];
	f.ask |= ~declared[0];
	f.no = ~f.ask;
	return f;
}
