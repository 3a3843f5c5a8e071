/* Inspection over foreign HTTP/2: frames of both sides, cut by the input. Asserts beyond "no crash":
 *  - nothing is read but what is shown: every piece is a heap block of exactly its size (ASan);
 *  - how the bytes are cut does not change which classes a conversation has;
 *  - a record is printable ASCII;
 *  - memory taken for headers, streams and decompression is given back, also when it runs out on the way. */
#include "fuzz_inspect.h"

static uint64_t
run(const uint8_t *data, size_t size, size_t step, unsigned memory, size_t response)
{
	static struct bh_inspect_http2 conn;
	struct run r = {.left = memory};
	struct bh_memory m = {take, give, &r};
	struct bh_inspect_ctx ctx = context(&r, &m);
	size_t at, n;

	bh_inspect_http2_open(&conn);
	for (at = 0; at < size; at += n) {
		size_t end = at < response ? response : size;
		uint8_t *copy;

		n = end - at < step ? end - at : step;
		copy = malloc(n);
		memcpy(copy, data + at, n);
		bh_inspect_http2_feed(&conn, &ctx, at >= response, copy, n, false);
		free(copy);
	}
	bh_inspect_http2_close(&conn, &ctx);
	require(r.blocks == 0);
	return r.seen;
}

/* The client's preface is put in front, so that inputs are frames. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t text[24 + 65536];
	size_t step, response;
	unsigned memory;

	if (size < 3 || size > 65536)
		return 0;
	step = data[0] + 1u;
	memory = data[2] & 128 ? data[2] & 31 : 1000;
	size -= 3;
	response = 24 + size * (255u - data[1] % 64) / 255;
	memcpy(text, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	memcpy(text + 24, data + 3, size);
	require(run(text, 24 + size, step, memory, response) ==
		run(text, 24 + size, SIZE_MAX / 2, memory, response));
	return 0;
}
