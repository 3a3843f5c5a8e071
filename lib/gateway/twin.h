/* twin: a gateway that has another one on a path beside it (lib/pair). Its right to forward ends by itself, it knows who is
 * heard on its ports, and it can say something of its own.
 *
 * Usage     with pair.listen in the configuration workers begin without the right to forward. bh_gateway_forward() gives it to
 *           them, for a time; bh_gateway_heard() and bh_gateway_inject() make switches learn another path.
 * Threads   control, as each says.
 * Cost      without a twin: a flag a turn, a pointer for bursts that hold more than known flows. With one: the time stamp
 *           counter once a turn and once for each buffer of frames that is sent.
 *
 * The right. A worker asks the time stamp counter, at the beginning of a turn and again before each send: a process that was
 * stopped at any instruction finds its right gone by the next one of these, whatever its control core does. Beyond it, what
 * comes in is dropped unseen (pair_standby), and so is what would go out.
 */
#ifndef BH_GATEWAY_TWIN_H
#define BH_GATEWAY_TWIN_H

#include "gateway.h"

/* until_ns: of the monotonic clock. 0, or past: returns once no worker sends any more; -ETIMEDOUT: one hangs. One thread. */
int bh_gateway_forward(struct bh_gateway *g, uint64_t until_ns);

#define BH_HEARD 8192 /* ends that a worker remembers */
struct bh_gateway_heard {
	uint8_t mac[6];
	uint16_t vlan; /* of its frames' outermost 802.1Q tag; 0: none */
	uint8_t wire;  /* came in there last */
};
/* Sources of frames that opened or moved a flow, or were none: at most n. Any thread. */
unsigned bh_gateway_heard(struct bh_gateway *g, struct bh_gateway_heard *out, unsigned n);
/* They are where h says, until they are heard elsewhere: another gateway knew. Control. */
void bh_gateway_hear_of(struct bh_gateway *g, const struct bh_gateway_heard *h, unsigned n);
/* A frame leaves by a wire in a moment, if the gateway may forward then. 0; -ENOBUFS, -EMSGSIZE. Any thread. */
int bh_gateway_inject(struct bh_gateway *g, unsigned wire, const void *frame, unsigned len);
/* Make the switch on the other side of its wire learn that this end is to be reached by here: a broadcast frame with its
 * address (a RARP request, as machines send that move from host to host). As inject. */
int bh_gateway_announce(struct bh_gateway *g, const struct bh_gateway_heard *h);

#endif
