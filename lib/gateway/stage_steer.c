/* steer: where devices have one queue or no symmetric hash, the worker that received a frame hands it
 * over a lockless ring to the one that owns its flow.
 *
 * The owner follows from both outermost addresses alone, not from ports: so fragments, flows over several
 * ports and ICMP errors about them meet on one worker without further ado, and so do whole and fragmented
 * packets of a tunnel. RSS is set to addresses for the same reason. What it costs: one pair of addresses,
 * and all that goes through a tunnel between them, never uses two cores. */
#include "gateway_priv.h"

unsigned
bh_steer_owner(const struct bh_worker *w, const struct bh_flow_key *key)
{
	const struct bh_hash_key *k = &w->g->steer_key;
	uint64_t h = bh_mum(key->addr[0].q[0] ^ k->k[0], key->addr[0].q[1] ^ k->k[1]) ^
		     bh_mum(key->addr[1].q[0] ^ k->k[2], key->addr[1].q[1] ^ k->k[3]);

	h = bh_mum(h ^ k->k[4], k->k[5]);
	/* Multiply-shift instead of a division: uniform over n_workers. */
	return (unsigned)((h >> 32) * w->g->n_workers >> 32);
}

/* Addresses of the outermost IP header, which was parsed: it lies in the head. */
static void
outer_key(const uint8_t *ip, struct bh_flow_key *key)
{
	bool v4 = ip[0] >> 4 == 4;

	memset(key, 0, sizeof(*key));
	key->family = v4 ? BH_IP4 : BH_IP6;
	bh_flow_key_set(key, ip + (v4 ? 12 : 8), ip + (v4 ? 16 : 24), 0, 0);
}

static unsigned
owner_of_packet(struct bh_worker *w, const struct bh_packet *p)
{
	struct bh_flow_key key;
	const uint8_t *head;
	uint32_t have;
	uint8_t from;

	if (likely((p->h.flags & (BH_PKT_ICMP_ERROR | BH_PKT_TUNNELLED)) == 0))
		return bh_steer_owner(w, &p->h.key);
	head = bh_frame_head(w, p->m, &have);
	if ((p->h.flags & BH_PKT_TUNNELLED) != 0) {
		outer_key(head + p->h.outer_l3_off, &key);
		return bh_steer_owner(w, &key);
	}
	/* An error about a flow may come from a router: it belongs where that flow is. */
	if (bh_net_quoted(head, have, &p->h, &key, &from) == BH_REASON_NONE)
		return bh_steer_owner(w, &key);
	return bh_steer_owner(w, &p->h.key);
}

void
bh_stage_steer(struct bh_worker *w, struct bh_burst *b)
{
	unsigned i;

	if (!w->g->p.steer || w->inbox == NULL)
		return;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];
		unsigned owner;

		if (p->fate != BH_FATE_OPEN || p->h.kind > BH_FRAME_FRAGMENT)
			continue;
		owner = owner_of_packet(w, p);
		if (owner == w->index)
			continue;
		if (rte_ring_sp_enqueue(w->outbox[owner], p->m) != 0) {
			bh_packet_decide(p, BH_FATE_DROP, BH_REASON_STEER_RING_FULL);
			continue;
		}
		p->fate = BH_FATE_GONE;
		bh_count(&w->c.steered, 1);
	}
}
