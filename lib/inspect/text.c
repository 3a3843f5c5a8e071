/* Streams of protocols that have no decoder here: their bytes in a window that slides, so that nothing is cut in two. */
#include "inspect_priv.h"

#define TEXT_FRESH 64 /* new bytes, or a line's end, that are worth a look */

struct relay {
	const struct bh_inspect_ctx *ctx;
	uint64_t *found;
	uint8_t side;
};

static void
relay(void *arg, const struct bh_inspect_finding *finding)
{
	struct relay *r = arg;
	struct bh_inspect_finding f = *finding;

	if (*r->found & BH_INSPECT_BIT(f.class))
		return;
	*r->found |= BH_INSPECT_BIT(f.class);
	f.side = r->side;
	r->ctx->report(r->ctx->arg, &f);
}

static void
judge(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len, bool more)
{
	struct bh_inspect_value v = {.at = at, .len = len, .where = BH_AT_STREAM, .more = more};

	bh_inspect_value(ctx, &v);
	bh_inspect_dlp(ctx, &v);
}

uint64_t
bh_inspect_text_feed(struct bh_inspect_text *c, const struct bh_inspect_ctx *ctx, unsigned side,
		     const uint8_t *data, size_t len, bool ended)
{
	struct relay r = {.ctx = ctx, .found = &c->side[side].found, .side = (uint8_t)side};
	struct bh_inspect_ctx inner = *ctx;
	uint64_t before = c->side[side].found;
	uint8_t *tail = c->side[side].tail;
	uint32_t used = c->side[side].used;
	size_t fresh = memchr(data, '\n', len) != NULL ? TEXT_FRESH : len;

	inner.report = relay;
	inner.arg = &r;
	fresh = fresh < TEXT_FRESH ? fresh : TEXT_FRESH;
	while (len > 0) {
		size_t n = BH_INSPECT_TAIL - used;

		n = n < len ? n : len;
		memcpy(tail + used, data, n);
		used += (uint32_t)n;
		data += n;
		len -= n;
		if (used == BH_INSPECT_TAIL) {
			/* what may go on behind the end is looked at again with what follows */
			judge(&inner, tail, used, true);
			memmove(tail, tail + BH_INSPECT_TAIL / 2, BH_INSPECT_TAIL / 2);
			used = BH_INSPECT_TAIL / 2;
		}
	}
	/* often enough to be in time, not for every byte of a slow sender */
	fresh += c->side[side].fresh;
	if (used > 0 && (ended || fresh >= TEXT_FRESH)) {
		judge(&inner, tail, used, !ended);
		fresh = 0;
	}
	c->side[side].fresh = (uint32_t)fresh;
	c->side[side].used = used;
	return c->side[side].found & ~before;
}
