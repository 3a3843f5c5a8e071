/* Cookies for SYNs, as a number that the client must send back: TMD's and Juniper's "safe reset", RFC 4987 3.6's relatives.
 *
 * A gateway that stands in the path can't answer a SYN in the server's name and later hand the connection over: the
 * numbers would have to be translated for as long as it lives. So the SYN/ACK acknowledges a number that the client has not
 * sent, the cookie. A client in SYN-SENT answers that with a RST of exactly this number (RFC 9293 3.10.7.3), stays where it
 * is and sends its SYN again: Linux at once, others with the next retransmission. Who sent the RST has received the cookie,
 * so its address is real. Nothing of the handshake is lost: the options are those of client and server. */
#include "threat.h"

/* A cookie is good for one to two of these: 2^16 ms. */
#define TICK_SHIFT 16

static uint32_t
cookie_at(const struct bh_hash_key *secret, const struct bh_flow_key *key, unsigned client,
	  uint32_t tick)
{
	uint64_t w[6];

	memcpy(w, key, sizeof(w));
	return (uint32_t)bh_mum(bh_hash48(secret, w) ^ tick, secret->k[6] ^ client);
}

uint32_t
bh_threat_cookie(const struct bh_hash_key *secret, const struct bh_flow_key *key, unsigned client,
		 uint32_t now_ms)
{
	return cookie_at(secret, key, client, now_ms >> TICK_SHIFT);
}

bool
bh_threat_cookie_good(const struct bh_hash_key *secret, const struct bh_flow_key *key,
		      unsigned client, uint32_t now_ms, uint32_t cookie)
{
	uint32_t tick = now_ms >> TICK_SHIFT;

	return cookie == cookie_at(secret, key, client, tick) ||
	       cookie == cookie_at(secret, key, client, tick - 1);
}
