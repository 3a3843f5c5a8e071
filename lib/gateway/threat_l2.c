/* ARP and neighbour discovery that give an endpoint's address another MAC than it has been seen with (RFC 826, 4861). Only
 * addresses that labels are bound to are looked at: of others nobody here knows whose they are. */
#include <stdio.h>

#include "threat_state.h"

#define ARP_LEN 28u /* Ethernet and IPv4 */
#define ND_SOLICIT 135u
#define ND_ADVERT 136u

/* What a frame claims. */
struct claim {
	struct bh_flow_key key; /* addr[0] is the address */
	uint8_t mac[6];
};

static bool
read_arp(const uint8_t *p, uint32_t n, struct claim *c)
{
	static const uint8_t ip_over_ethernet[] = {0, 1, 8, 0, 6, 4};

	if (n < ARP_LEN || memcmp(p, ip_over_ethernet, sizeof(ip_over_ethernet)) != 0)
		return false;
	c->key.family = BH_IP4;
	memcpy(c->mac, p + 8, 6);
	memcpy(&c->key.addr[0], p + 14, 4);
	return c->key.addr[0].w[0] != 0; /* a probe claims nothing (RFC 5227) */
}

/* A solicitation says it of its source, in option 1; an advertisement of its target, in option 2. */
static bool
read_nd(const uint8_t *ip, const uint8_t *icmp, uint32_t n, struct claim *c)
{
	struct bh_cur cur = bh_cur(icmp, n);
	const uint8_t *head = bh_cur_take(&cur, 24), *value;
	uint8_t kind, units, want;

	if (head == NULL || (head[0] != ND_SOLICIT && head[0] != ND_ADVERT))
		return false;
	want = head[0] == ND_SOLICIT ? 1 : 2;
	c->key.family = BH_IP6;
	memcpy(&c->key.addr[0], head[0] == ND_SOLICIT ? ip + 8 : head + 8, 16);
	while (bh_cur_u8(&cur, &kind) && bh_cur_u8(&cur, &units) && units != 0) {
		value = bh_cur_take(&cur, units * 8u - 2u);
		if (value == NULL)
			return false;
		if (kind == want && units == 1) {
			memcpy(c->mac, value, 6);
			return true;
		}
	}
	return false;
}

static bool
read_claim(struct bh_worker *w, const struct bh_packet *p, struct claim *c)
{
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, p->m, &have);

	memset(c, 0, sizeof(*c));
	c->key.tenant = p->h.key.tenant;
	c->key.pair = p->h.key.pair;
	if (p->h.kind == BH_FRAME_ARP)
		return have > p->h.l3_off && read_arp(head + p->h.l3_off, have - p->h.l3_off, c);
	return p->h.l4_off >= p->h.l3_off + 40u && have > p->h.l4_off &&
	       read_nd(head + p->h.l3_off, head + p->h.l4_off, have - p->h.l4_off, c);
}

/* Do labels belong to it? */
static bool
is_endpoint(const struct bh_worker *w, const struct bh_flow_key *key)
{
	return w->view != NULL && !bh_policy_end_in(w->view, key, 0, BH_SEGMENT_EXTERNAL) &&
	       !bh_policy_end_in(w->view, key, 0, BH_SEGMENT_UNKNOWN);
}

void
bh_threat_address(struct bh_worker *w, struct bh_packet *p)
{
	const uint32_t window = w->config->threat[BH_THREAT_ADDRESS_SPOOF].window_ms;
	uint32_t high, low;
	struct bh_threat_cell *cell;
	struct claim c;
	char detail[80];

	if (!read_claim(w, p, &c) || !is_endpoint(w, &c.key))
		return;
	high = bh_load_be32(c.mac);
	low = bh_load_be16(c.mac + 4);
	cell = bh_threat_cell(w, &c.key, 0, BH_SALT_ADDRESS);
	if (cell->over && (cell->before != high || cell->extra != low) &&
	    w->now_ms - cell->start_ms < window) {
		struct bh_packet shown = *p;
		const struct bh_threat_case k = {.p = &shown,
						 .threat = BH_THREAT_ADDRESS_SPOOF,
						 .detail = detail};

		snprintf(detail, sizeof(detail), "%08x%04x says that it is it, %08x%04x was", high,
			 low, cell->before, cell->extra);
		shown.h.key = c.key;
		bh_threat_enforce(p, bh_threat_report(w, &k));
		return;
	}
	cell->before = high;
	cell->extra = low;
	cell->start_ms = w->now_ms;
	cell->over = true;
}
