/* Decoders of databases and mail over foreign bytes, and statements. The first byte chooses the decoder; then pieces of a
 * length, a side and so many bytes. Asserts beyond "no crash":
 *  - nothing is read but what is shown: every piece is a heap block of exactly its size (ASan);
 *  - a record is printable ASCII and never shows sixteen digits that were next to one another;
 *  - what is shown to others (the tap) is of a kind, and ends;
 *  - memory taken for decompression is given back, also when it runs out on the way;
 *  - a statement is judged alike whatever stands behind it in memory. */
#include "../../lib/inspect/wire.h"
#include "fuzz_inspect.h"

static void
said(void *arg, unsigned side, unsigned kind, const struct bh_inspect_said *text)
{
	struct run *r = arg;
	volatile uint8_t sum = 0;
	size_t i;

	require(side < 2 && kind <= BH_TEXT_FILE);
	for (i = 0; i < text->len; i++)
		sum = (uint8_t)(sum + text->at[i]);
	r->open[side] = !text->last;
}

static void
talk(const struct bh_inspect_ctx *ctx, unsigned app, struct bh_cur in)
{
	struct bh_inspect_wire *c = malloc(sizeof(*c));
	uint8_t head;

	require(c != NULL);
	bh_inspect_wire_open(c, app);
	while (bh_cur_u8(&in, &head)) {
		size_t n = (head >> 1) + ((head & 0x40) != 0 ? 400u : 0);
		uint8_t *copy;

		n = n < bh_cur_left(&in) ? n : bh_cur_left(&in);
		copy = malloc(n > 0 ? n : 1);
		require(copy != NULL);
		memcpy(copy, bh_cur_take(&in, n), n);
		bh_inspect_wire_feed(c, ctx, head & 1, copy, n, false);
		free(copy);
	}
	bh_inspect_wire_close(c, ctx);
	free(c);
}

static void
statement(const struct bh_inspect_ctx *ctx, const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size > 0 ? size : 1), *more = malloc(size + 4);
	uint64_t a, b;

	require(exact != NULL && more != NULL);
	memcpy(exact, data, size);
	memcpy(more, data, size);
	memcpy(more + size, "'-- ", 4);
	a = bh_inspect_statement(ctx, exact, size, true);
	b = bh_inspect_statement(ctx, more, size, true);
	require(a == b);
	bh_inspect_statement(ctx, exact, size, false);
	free(exact);
	free(more);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t apps[] = {
#define BH_WIRE(app, name) BH_APP_##app,
#include "../../lib/inspect/wire.def"
#undef BH_WIRE
	};
	static const struct bh_inspect_tap tap = {.text = said};
	struct run r = {.left = size > 0 ? data[0] >> 5 : 0};
	const struct bh_memory memory = {.alloc = take, .free = give, .arg = &r};
	struct bh_inspect_ctx ctx = context(&r, &memory);

	ctx.tap = &tap;
	if (size < 2)
		return 0;
	if ((data[0] & 0x1f) == 0x1f)
		statement(&ctx, data + 1, size - 1);
	else
		talk(&ctx, apps[(data[0] & 0x1f) % BH_ARRAY_SIZE(apps)],
		     bh_cur(data + 1, size - 1));
	require(r.blocks == 0);
	require(!r.open[0] && !r.open[1]);
	return 0;
}
