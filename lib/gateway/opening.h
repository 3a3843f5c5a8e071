/* opening: who opens what, and whether a verdict is against it. Plain functions of the packet; no state. */
#ifndef BH_GATEWAY_OPENING_H
#define BH_GATEWAY_OPENING_H

#include "gateway_priv.h"

static inline bool
bh_is_blocked(uint8_t verdict)
{
	return verdict == BH_VERDICT_DENY || verdict == BH_VERDICT_REJECT;
}

/* Blocked, or would be in protect. */
static inline bool
bh_is_against(uint8_t verdict)
{
	return bh_is_blocked(verdict) || verdict == BH_VERDICT_VIOLATE;
}

/* The service that a packet asks for or answers from, where this end opened its flow. */
static inline uint16_t
bh_service_of(const struct bh_parsed *h, unsigned initiator)
{
	if (h->key.proto == 6 || h->key.proto == 17 || h->key.proto == 132)
		return h->key.port[1 - initiator];
	return h->service;
}

/* Could it be a question, where no handshake tells? Queries of ICMP are, and what goes to a port that is not above the
 * sender's own: clients take theirs from the upper end (RFC 6335 6). */
static inline bool
bh_may_ask(const struct bh_parsed *h)
{
	if (h->key.proto == 6)
		return false;
	if (h->key.proto == 1 || h->key.proto == 58)
		return (h->flags & BH_PKT_TO_SERVER_HINT) != 0;
	return h->key.port[1 - h->from] <= h->key.port[h->from];
}

#endif
