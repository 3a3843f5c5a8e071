/* Inspection over foreign bytes: an HTTP conversation and a plain stream, cut by the input. Asserts beyond "no crash":
 *  - nothing is read but what is shown: every piece is a heap block of exactly its size (ASan);
 *  - how the bytes are cut does not change which classes an HTTP conversation has;
 *  - a record is printable ASCII and never shows sixteen digits that were next to one another;
 *  - memory taken for decompression is given back, also when it runs out on the way. */
#include "fuzz_inspect.h"

static void
feed(void *conn, const struct bh_inspect_ctx *ctx, bool http, const uint8_t *at, size_t len,
     unsigned side)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	memcpy(copy, at, len);
	if (http)
		bh_inspect_http_feed(conn, ctx, side, copy, len, false);
	else
		bh_inspect_text_feed(conn, ctx, side, copy, len, false);
	free(copy);
}

static uint64_t
run_http(const uint8_t *data, size_t size, size_t step, unsigned memory, size_t response)
{
	static struct bh_inspect_http conn;
	struct run r = {.left = memory};
	struct bh_memory m = {take, give, &r};
	struct bh_inspect_ctx ctx = context(&r, &m);
	size_t at;

	bh_inspect_http_open(&conn);
	for (at = 0; at < response; at += step)
		feed(&conn, &ctx, true, data + at, response - at < step ? response - at : step, 0);
	for (at = response; at < size; at += step)
		feed(&conn, &ctx, true, data + at, size - at < step ? size - at : step, 1);
	bh_inspect_http_close(&conn, &ctx);
	require(r.blocks == 0);
	return r.seen;
}

static void
run_text(const uint8_t *data, size_t size, size_t step)
{
	static struct bh_inspect_text conn;
	struct run r = {0};
	struct bh_inspect_ctx ctx = context(&r, NULL);
	size_t at;

	memset(&conn, 0, sizeof(conn));
	for (at = 0; at < size; at += step)
		feed(&conn, &ctx, false, data + at, size - at < step ? size - at : step, 0);
	bh_inspect_text_feed(&conn, &ctx, 0, data, 0, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step, response;
	unsigned memory;

	if (size < 3)
		return 0;
	step = data[0] + 1u;
	response = (size - 3) * (255u - data[1] % 64) / 255;
	memory = data[2] & 128 ? data[2] & 7 : 1000;
	data += 3;
	size -= 3;
	require(run_http(data, size, step, memory, response) ==
		run_http(data, size, SIZE_MAX / 2, memory, response));
	run_text(data, size, step);
	return 0;
}
