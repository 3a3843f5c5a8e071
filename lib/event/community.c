/* Community ID, version 1, seed 0: the same words for a flow in everybody's records
 * (github.com/corelight/community-id-spec). */
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>

#include "event_priv.h"

/* The type that answers an ICMP type takes the place of the other port. Types without an answer are one-way: their code
 * takes it, and the ends are not put in order. */
static bool
icmp_ports(const struct bh_event *e, uint16_t port[2])
{
	static const uint8_t pairs[2][8][2] = {
		{{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}},
		{{128, 129}, {133, 134}, {135, 136}, {130, 131}, {139, 140}, {144, 145}},
	};
	uint8_t type = (uint8_t)(e->service >> 8);
	unsigned v6 = e->key.proto == PROTO_ICMP6, i;

	port[0] = type;
	for (i = 0; i < 8 && (pairs[v6][i][0] | pairs[v6][i][1]) != 0; i++) {
		if (pairs[v6][i][0] == type || pairs[v6][i][1] == type) {
			port[1] = pairs[v6][i][pairs[v6][i][0] == type];
			return true;
		}
	}
	port[1] = e->service & 0xff;
	return false;
}

bool
bh_event_community_id(const struct bh_event *e, char out[BH_COMMUNITY_ID_LEN])
{
	size_t len = e->key.family == BH_IP6 ? 16 : 4;
	unsigned first = e->initiator & 1, second = first ^ 1;
	uint8_t digest[SHA1_DIGEST_SIZE], seed[2] = {0}, proto[2] = {e->key.proto, 0}, be[4];
	uint16_t port[2] = {e->key.port[first], e->key.port[second]};
	bool ordered = true, has_ports = true;
	struct sha1_ctx sha;
	unsigned from = 0;
	int order;

	if (e->frame_kind == BH_FRAME_FRAGMENT ||
	    (e->key.family != BH_IP4 && e->key.family != BH_IP6))
		return false;
	if (e->key.proto == PROTO_ICMP || e->key.proto == PROTO_ICMP6)
		ordered = icmp_ports(e, port);
	else
		has_ports = e->key.proto == PROTO_TCP || e->key.proto == PROTO_UDP ||
			    e->key.proto == PROTO_SCTP;
	order = memcmp(&e->key.addr[first], &e->key.addr[second], len);
	if (ordered && (order > 0 || (order == 0 && has_ports && port[0] > port[1]))) {
		from = 1;
		first = second;
		second ^= 1;
	}
	be[0] = (uint8_t)(port[from] >> 8);
	be[1] = (uint8_t)port[from];
	be[2] = (uint8_t)(port[from ^ 1] >> 8);
	be[3] = (uint8_t)port[from ^ 1];
	sha1_init(&sha);
	sha1_update(&sha, sizeof(seed), seed);
	sha1_update(&sha, len, e->key.addr[first].b);
	sha1_update(&sha, len, e->key.addr[second].b);
	sha1_update(&sha, sizeof(proto), proto);
	if (has_ports)
		sha1_update(&sha, sizeof(be), be);
	sha1_digest(&sha, sizeof(digest), digest);
	memcpy(out, "1:", 2);
	base64_encode_raw(out + 2, sizeof(digest), digest);
	out[2 + BASE64_ENCODE_RAW_LENGTH(sizeof(digest))] = '\0';
	return true;
}
