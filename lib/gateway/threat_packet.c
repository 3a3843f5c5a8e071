/* Threats that a single packet is. */
#include <stdio.h>

#include "threat_state.h"

void
bh_threat_malformed(struct bh_worker *w, const struct bh_packet *p)
{
	struct bh_threat_case k = {.p = p, .source = p->h.from};

	if (p->reason == BH_REASON_FRAG_OVERLAP)
		k.threat = BH_THREAT_TEARDROP;
	else if (p->reason == BH_REASON_FRAG_TOO_BIG &&
		 (p->h.key.proto == 1 || p->h.key.proto == 58))
		k.threat = BH_THREAT_PING_DEATH;
	else if (bh_reason_group(p->reason) == BH_GROUP_MALFORMED)
		k.threat = BH_THREAT_INVALID_PACKET;
	else
		return;
	k.detail = bh_reason_text(p->reason);
	bh_threat_report(w, &k);
}

/* MSS of a SYN and whether it permits selective acknowledgement (RFC 9293 3.2, RFC 2018 2). 0: none is given. */
static unsigned
syn_mss(const uint8_t *opt, size_t len, bool *sack)
{
	struct bh_cur c = bh_cur(opt, len);
	const uint8_t *value;
	unsigned mss = 0;
	uint8_t kind, n;

	*sack = false;
	while (bh_cur_u8(&c, &kind) && kind != 0) {
		if (kind == 1)
			continue;
		if (!bh_cur_u8(&c, &n) || n < 2 || (value = bh_cur_take(&c, n - 2u)) == NULL)
			break;
		if (kind == 2 && n == 4)
			mss = bh_load_be16(value);
		*sack |= kind == 4 && n == 2;
	}
	return mss;
}

static void
check_mss(struct bh_worker *w, struct bh_packet *p)
{
	const uint32_t threshold = w->config->threat[BH_THREAT_SMALL_MSS].threshold;
	struct bh_threat_case k = {.p = p, .threat = BH_THREAT_SMALL_MSS, .source = p->h.from};
	const unsigned from = p->h.l4_off + 20u;
	uint32_t have;
	const uint8_t *head = bh_frame_head(w, p->m, &have);
	char detail[32];
	unsigned mss;
	bool sack;

	if (p->h.payload_off > have || p->h.payload_off <= from)
		return;
	mss = syn_mss(head + from, p->h.payload_off - from, &sack);
	if (mss == 0 || mss >= threshold || !sack)
		return;
	snprintf(detail, sizeof(detail), "MSS %u", mss);
	k.detail = detail;
	bh_threat_enforce(p, bh_threat_report(w, &k));
}

void
bh_threat_syn_options(struct bh_worker *w, struct bh_packet *p)
{
	if (unlikely(p->h.payload_len != 0) && bh_threat_on(w, BH_THREAT_SYN_DATA)) {
		const struct bh_threat_case k = {.p = p,
						 .threat = BH_THREAT_SYN_DATA,
						 .source = p->h.from};

		bh_threat_enforce(p, bh_threat_report(w, &k));
	}
	if (bh_threat_on(w, BH_THREAT_SMALL_MSS))
		check_mss(w, p);
}
