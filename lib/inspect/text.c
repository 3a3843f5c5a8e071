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
	f.side = r->side;
	if (r->ctx->excepts != NULL && r->ctx->excepts(r->ctx->arg, &f))
		return;
	*r->found |= BH_INSPECT_BIT(f.class);
	r->ctx->report(r->ctx->arg, &f);
}

static void
judge_data(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len, bool more)
{
	struct bh_inspect_value v = {.at = at, .len = len, .where = BH_AT_STREAM, .more = more};

	bh_inspect_dlp(ctx, &v);
}

static int
sextet(uint8_t c)
{
	if (bh_is_alpha(c))
		return c >= 'a' ? c - 'a' + 26 : c - 'A';
	return bh_is_digit(c) ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One line of base64: the bytes it stands for, behind those at out. Returns how many, 0: it is none. */
static size_t
base64_line(uint8_t *out, const uint8_t *at, size_t len)
{
	uint32_t bits = 0;
	size_t i, n = 0;

	while (len > 0 && at[len - 1] == '=')
		len--;
	for (i = 0; i < len; i++) {
		int six = sextet(at[i]);

		if (six < 0)
			return 0;
		bits = bits << 6 | (uint32_t)six;
		if (i % 4 != 0)
			out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return n;
}

/* A part of a mail in base64 (RFC 2045 6.8): lines of 60 to 76 characters, and a shorter last one. */
static void
base64_part(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len, bool more)
{
	uint8_t *out = ctx->scratch->view[0];
	size_t i = 0, n = 0;

	while (i < len) {
		const uint8_t *lf = memchr(at + i, '\n', len - i);
		size_t next = lf != NULL ? (size_t)(lf - at) + 1 : len, end = next, got = 0;

		while (end > i && (at[end - 1] == '\n' || at[end - 1] == '\r'))
			end--;
		if (end - i <= 76 && (end - i >= 60 || n > 0))
			got = base64_line(out + n, at + i, end - i);
		n += got;
		if (n > 0 && (got == 0 || next == len)) {
			judge_data(ctx, out, n, more && got > 0);
			n = 0;
		}
		i = next;
	}
}

/* Quoted-printable (RFC 2045 6.7): only where a soft line break or an encoded '=' says so. */
static void
quoted_part(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len, bool more)
{
	uint8_t *out = ctx->scratch->view[0];
	size_t i = 0, n = 0;

	if (memmem(at, len, "=\r\n", 3) == NULL && memmem(at, len, "=3D", 3) == NULL)
		return;
	while (i < len) {
		if (at[i] == '=' && i + 2 < len && at[i + 1] == '\r' && at[i + 2] == '\n') {
			i += 3;
		} else if (at[i] == '=' && i + 2 < len && bh_hex(at[i + 1]) >= 0 &&
			   bh_hex(at[i + 2]) >= 0) {
			out[n++] = (uint8_t)(bh_hex(at[i + 1]) << 4 | bh_hex(at[i + 2]));
			i += 3;
		} else {
			out[n++] = at[i++];
		}
	}
	judge_data(ctx, out, n, more);
}

static void
judge(const struct bh_inspect_ctx *ctx, const uint8_t *at, size_t len, bool more)
{
	struct bh_inspect_value v = {.at = at, .len = len, .where = BH_AT_STREAM, .more = more};

	bh_inspect_value(ctx, &v);
	bh_inspect_dlp(ctx, &v);
	base64_part(ctx, at, len, more);
	quoted_part(ctx, at, len, more);
}
_Static_assert(BH_INSPECT_TAIL <= BH_INSPECT_PIECE, "what is decoded fits into a reading");

uint64_t
bh_inspect_text_look(struct bh_inspect_text *c, const struct bh_inspect_ctx *ctx, unsigned side)
{
	struct relay r = {.ctx = ctx, .found = &c->side[side].found, .side = (uint8_t)side};
	struct bh_inspect_ctx inner = *ctx;
	uint64_t before = c->side[side].found;

	inner.report = relay;
	inner.arg = &r;
	inner.tally = bh_tally_of(ctx, side);
	if (c->side[side].fresh != 0)
		judge(&inner, c->side[side].tail, c->side[side].used, true);
	c->side[side].fresh = 0;
	return c->side[side].found & ~before;
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
	inner.tally = bh_tally_of(ctx, side);
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
