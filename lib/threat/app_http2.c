/* HTTP/2 (RFC 9113): frames counted by their headers. What one connection may ask of a server for nothing: streams that are
 * reset as soon as opened (CVE-2023-44487), blocks of fields that never end (CVE-2024-27316 and others), settings
 * and pings that must be answered (CVE-2019-9512, -9515). */
#include "app_priv.h"

enum { HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, CONTINUATION = 9 };
enum { FLAG_ACK = 1, FLAG_END_HEADERS = 4 };
enum { CLIENT, SERVER };
enum { TOLD_RESET = 1, TOLD_CONTINUATION = 2, TOLD_SETTINGS = 4, TOLD_PING = 8 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE (sizeof(preface) - 1)

static void
tell(struct bh_threat_http2 *h, const struct bh_threat_ctx *ctx, uint8_t bit, unsigned threat,
     uint32_t n)
{
	static const char *const what[] = {"resets of streams", "CONTINUATION frames of one block",
					   "SETTINGS frames", "PING frames"};
	unsigned i = bit == TOLD_RESET          ? 0
		     : bit == TOLD_CONTINUATION ? 1
		     : bit == TOLD_SETTINGS     ? 2
						: 3;

	if ((h->told & bit) != 0)
		return;
	h->told |= bit;
	bh_threat_hit(ctx, threat, "%u %s", n, what[i]);
}

/* Counts of a client begin anew with each window; all four have one length here, that of the resets. */
static void
roll(struct bh_threat_http2 *h, const struct bh_threat_ctx *ctx)
{
	if (h->counting && ctx->now_ms - h->second_ms < ctx->rule[BH_THREAT_H2_RESET].window_ms)
		return;
	h->counting = true;
	h->second_ms = ctx->now_ms;
	h->opened = h->resets = h->settings = h->pings = h->others = 0;
}

static void
count_client(struct bh_threat_http2 *h, const struct bh_threat_ctx *ctx, uint8_t type,
	     uint8_t flags)
{
	const struct bh_threat_rule *rule = ctx->rule;

	switch (type) {
	case HEADERS:
		h->opened++;
		break;
	case RST_STREAM:
		/* Calls may be cancelled, but not nearly all of them. */
		if (++h->resets >= rule[BH_THREAT_H2_RESET].threshold && h->resets * 2 > h->opened)
			tell(h, ctx, TOLD_RESET, BH_THREAT_H2_RESET, h->resets);
		break;
	case SETTINGS:
		if ((flags & FLAG_ACK) == 0 &&
		    ++h->settings >= rule[BH_THREAT_H2_SETTINGS].threshold)
			tell(h, ctx, TOLD_SETTINGS, BH_THREAT_H2_SETTINGS, h->settings);
		break;
	case PING:
		/* gRPC measures the path with one ping a round trip, beside the data that it measures. */
		if ((flags & FLAG_ACK) == 0 && ++h->pings >= rule[BH_THREAT_H2_PING].threshold &&
		    h->pings > h->opened + h->others)
			tell(h, ctx, TOLD_PING, BH_THREAT_H2_PING, h->pings);
		break;
	default:
		h->others++;
	}
}

static void
frame(struct bh_threat_http2 *h, const struct bh_threat_ctx *ctx, unsigned side)
{
	uint8_t type = h->head[side][3], flags = h->head[side][4];

	h->left[side] = bh_load_be32(h->head[side]) >> 8;
	if (type == CONTINUATION) {
		if (++h->continuations[side] >= ctx->rule[BH_THREAT_H2_CONTINUATION].threshold)
			tell(h, ctx, TOLD_CONTINUATION, BH_THREAT_H2_CONTINUATION,
			     h->continuations[side]);
		if ((flags & FLAG_END_HEADERS) != 0)
			h->continuations[side] = 0;
		return;
	}
	h->continuations[side] = 0;
	if (side == CLIENT) {
		roll(h, ctx);
		count_client(h, ctx, type, flags);
	}
}

void
bh_threat_http2_feed(struct bh_threat_http2 *h, const struct bh_threat_ctx *ctx, unsigned side,
		     const uint8_t *at, uint32_t n)
{
	struct bh_cur in = bh_cur(at, n);
	uint8_t b;

	side &= 1;
	while (side == CLIENT && h->preface < PREFACE && bh_cur_u8(&in, &b)) {
		if (b != (uint8_t)preface[h->preface++]) {
			h->done = true;
			return;
		}
	}
	while (bh_cur_left(&in) != 0) {
		uint32_t part;

		if (h->left[side] != 0) {
			part = (uint32_t)BH_MIN_OF((size_t)h->left[side], bh_cur_left(&in));
			bh_cur_take(&in, part);
			h->left[side] -= part;
			continue;
		}
		if (!bh_cur_u8(&in, &h->head[side][h->n_head[side]]))
			return;
		if (++h->n_head[side] < sizeof(h->head[side]))
			continue;
		h->n_head[side] = 0;
		frame(h, ctx, side);
	}
}
