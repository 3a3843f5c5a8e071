/* DNS messages (RFC 1035 4): names that lead nowhere, bytes that belong to no record, whole zones, the type NULL. */
#include "app_priv.h"

enum { HEADER = 12, TYPE_NULL = 10, TYPE_IXFR = 251, TYPE_AXFR = 252 };
#define JUMPS_MAX 63u
#define NAME_WIRE 255u

enum walk { WALK_OK, WALK_CUT, WALK_BAD, WALK_LOOP };

struct message {
	struct bh_cur c;
	const uint8_t *start;
	uint32_t have;
	bool null; /* type NULL was seen */
	bool transfer;
};

static void
put_label(struct bh_threat_question *q, const uint8_t *p, unsigned n)
{
	unsigned i;

	if (q->labels++ != 0 && q->n < NAME_WIRE)
		q->name[q->n++] = '.';
	for (i = 0; i < n && q->n < NAME_WIRE; i++) {
		uint8_t c = p[i] >= 'A' && p[i] <= 'Z' ? (uint8_t)(p[i] + 32) : p[i];

		q->name[q->n++] = c > ' ' && c <= '~' ? (char)c : '?';
	}
	q->name[q->n] = '\0';
}

/* A pointer names a prior occurrence (4.1.4): before the name, or the part of one, that it ends. q may be NULL. */
static enum walk
name(struct message *m, struct bh_threat_question *q)
{
	uint32_t at = (uint32_t)(m->c.p - m->start), limit = at, total = 1, jumps = 0, target;
	bool jumped = false;

	for (;;) {
		uint8_t n;

		if (at >= m->have)
			return WALK_CUT;
		n = m->start[at++];
		if (n == 0)
			break;
		if (n >= 0xc0) {
			if (at >= m->have)
				return WALK_CUT;
			target = (n & 0x3fu) << 8 | m->start[at++];
			if (!jumped)
				m->c.p = m->start + at;
			jumped = true;
			if (target >= limit || ++jumps > JUMPS_MAX)
				return WALK_LOOP;
			if (target < HEADER)
				return WALK_BAD;
			limit = at = target;
			continue;
		}
		total += n + 1u;
		if (n > 63 || total > NAME_WIRE)
			return WALK_BAD;
		if (m->have - at < n)
			return WALK_CUT;
		if (q != NULL)
			put_label(q, m->start + at, n);
		at += n;
	}
	if (!jumped)
		m->c.p = m->start + at;
	return WALK_OK;
}

static enum walk
question(struct message *m, struct bh_threat_question *q)
{
	enum walk walk = name(m, q);
	uint16_t type, class_;

	if (walk != WALK_OK)
		return walk;
	if (!bh_cur_be16(&m->c, &type) || !bh_cur_be16(&m->c, &class_))
		return WALK_CUT;
	m->null |= type == TYPE_NULL;
	m->transfer |= type == TYPE_AXFR || type == TYPE_IXFR;
	if (q != NULL)
		q->type = type;
	return WALK_OK;
}

static enum walk
record(struct message *m)
{
	enum walk walk = name(m, NULL);
	uint16_t type, class_, length;
	uint32_t ttl;

	if (walk != WALK_OK)
		return walk;
	if (!bh_cur_be16(&m->c, &type) || !bh_cur_be16(&m->c, &class_) ||
	    !bh_cur_be32(&m->c, &ttl) || !bh_cur_be16(&m->c, &length))
		return WALK_CUT;
	m->null |= type == TYPE_NULL;
	return bh_cur_take(&m->c, length) != NULL ? WALK_OK : WALK_CUT;
}

static enum walk
sections(struct message *m, const uint8_t *h, struct bh_threat_question *q)
{
	unsigned questions = bh_load_be16(h + 4), i;
	unsigned records = bh_load_be16(h + 6) + bh_load_be16(h + 8) + bh_load_be16(h + 10);
	bool update = (h[2] >> 3 & 15) == 5; /* RFC 2136: its first sections are others */
	enum walk walk = WALK_OK;

	for (i = 0; i < questions && walk == WALK_OK; i++)
		walk = question(m, i == 0 ? q : NULL);
	for (i = 0; i < records && walk == WALK_OK && !update; i++)
		walk = record(m);
	return walk;
}

bool
bh_threat_dns(const struct bh_threat_ctx *ctx, const uint8_t *at, uint32_t have, uint32_t length,
	      struct bh_threat_question *q)
{
	struct message m = {.c = bh_cur(at, have), .start = at, .have = have};
	const uint8_t *h = bh_cur_take(&m.c, HEADER);
	uint32_t limit = ctx->rule[BH_THREAT_DNS_OVERFLOW].threshold, over;
	enum walk walk;

	q->n = q->labels = 0;
	if (h == NULL)
		return false;
	walk = sections(&m, h, q);
	if (walk == WALK_LOOP)
		bh_threat_hit(ctx, BH_THREAT_DNS_LOOP, "at byte %u", (unsigned)(m.c.p - at));
	over = length - (uint32_t)(m.c.p - at);
	/* What is not here can't be told apart from records. */
	if (length > limit && over > limit / 2 && (walk != WALK_CUT || have == length) &&
	    (h[2] >> 3 & 15) == 0)
		bh_threat_hit(ctx, BH_THREAT_DNS_OVERFLOW, "%u of %u bytes belong to no record",
			      over, length);
	if (m.transfer && (h[2] & 0xf8) == 0)
		bh_threat_hit(ctx, BH_THREAT_DNS_TRANSFER, "of %.64s", q->n != 0 ? q->name : ".");
	if (m.null)
		bh_threat_hit(ctx, BH_THREAT_DNS_NULL, "%.64s", q->name);
	/* Questions are what is asked: QR 0, opcode 0. */
	if (walk != WALK_OK || (h[2] & 0xf8) != 0)
		q->n = 0;
	return true;
}

void
bh_threat_dns_feed(struct bh_threat_dns_stream *d, const struct bh_threat_ctx *ctx, unsigned side,
		   const uint8_t *at, uint32_t n)
{
	struct bh_cur in = bh_cur(at, n);
	struct bh_threat_question q;

	side &= 1;
	while (bh_cur_left(&in) != 0) {
		uint32_t part, keep;
		const uint8_t *p;

		if (d->side[side].n_prefix < 2) {
			bh_cur_u8(&in, &d->side[side].prefix[d->side[side].n_prefix++]);
			if (d->side[side].n_prefix < 2)
				continue;
			d->side[side].left = d->side[side].length =
				bh_load_be16(d->side[side].prefix);
			d->side[side].kept = 0;
		}
		part = (uint32_t)BH_MIN_OF((size_t)d->side[side].left, bh_cur_left(&in));
		p = bh_cur_take(&in, part);
		keep = BH_MIN_OF(part, BH_THREAT_DNS_KEPT - (uint32_t)d->side[side].kept);
		memcpy(d->side[side].message + d->side[side].kept, p, keep);
		d->side[side].kept = (uint16_t)(d->side[side].kept + keep);
		d->side[side].left = (uint16_t)(d->side[side].left - part);
		if (d->side[side].left != 0)
			return;
		d->side[side].n_prefix = 0;
		if (bh_threat_dns(ctx, d->side[side].message, d->side[side].kept,
				  d->side[side].length, &q) &&
		    q.n != 0 && side == 0)
			ctx->asked(ctx->arg, &q);
	}
}
