/* Frames of WebSocket (RFC 6455, RFC 7692) behind an upgrade. The first byte says whether memory for inflating runs out, the
 * second how the pieces are cut; of what follows each piece has a byte of its length and side. Asserts beyond "no crash":
 *  - nothing is read but what is shown: every piece is a heap block of exactly its size (ASan);
 *  - a record is printable ASCII and never shows sixteen digits that were next to one another;
 *  - what is decoded does not depend on where the bytes of a side are cut;
 *  - memory taken for inflating is given back, also when it runs out on the way. */
#include "fuzz_inspect.h"

static const char ask[] =
	"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			     "Connection: Upgrade\r\n\r\n";

/* What was decoded of each side, as a hash of its bytes. */
static uint64_t decoded[2];

static void
body(void *arg, unsigned side, const uint8_t *at, size_t len)
{
	(void)arg;
	require(side < 2);
	while (len-- > 0)
		decoded[side] = (decoded[side] ^ *at++) * UINT64_C(1099511628211) + 1;
}

static void
part(void *arg, unsigned side, enum bh_http1_what what, const struct bh_http1_part *p)
{
	(void)arg, (void)what, (void)p;
	require(side < 2);
}

static void
feed(struct bh_inspect_http *c, const struct bh_inspect_ctx *ctx, unsigned side, struct bh_cur *in,
     size_t n)
{
	uint8_t *copy;

	n = n < bh_cur_left(in) ? n : bh_cur_left(in);
	copy = malloc(n > 0 ? n : 1);
	require(copy != NULL);
	memcpy(copy, bh_cur_take(in, n), n);
	bh_inspect_http_feed(c, ctx, side, copy, n, false);
	free(copy);
}

/* cut: pieces of so many bytes at most; 0: as they come. */
static void
talk(const struct bh_inspect_ctx *ctx, struct bh_cur in, size_t cut)
{
	struct bh_inspect_http *c = calloc(1, sizeof(*c));
	uint8_t head;

	require(c != NULL);
	bh_inspect_http_open(c);
	bh_inspect_http_feed(c, ctx, 0, (const uint8_t *)ask, sizeof(ask) - 1, false);
	bh_inspect_http_feed(c, ctx, 1, (const uint8_t *)answer, sizeof(answer) - 1, false);
	require(c->frames);
	decoded[0] = decoded[1] = 0;
	while (bh_cur_u8(&in, &head)) {
		size_t n = (head >> 1) + ((head & 0x40) != 0 ? 400u : 0);
		struct bh_cur all;

		n = n < bh_cur_left(&in) ? n : bh_cur_left(&in);
		all = bh_cur(bh_cur_take(&in, n), n);
		while (bh_cur_left(&all) > 0)
			feed(c, ctx, head & 1, &all, cut != 0 ? cut : n);
	}
	bh_inspect_http_close(c, ctx);
	free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bh_inspect_tap tap = {.part = part, .body = body};
	struct run r = {0};
	const struct bh_memory memory = {.alloc = take, .free = give, .arg = &r};
	struct bh_inspect_ctx ctx = context(&r, &memory);
	uint64_t whole[2];

	ctx.tap = &tap;
	if (size < 3)
		return 0;
	r.left = UINT32_MAX;
	talk(&ctx, bh_cur(data + 2, size - 2), 0);
	require(r.blocks == 0);
	memcpy(whole, decoded, sizeof(whole));
	talk(&ctx, bh_cur(data + 2, size - 2), 1 + data[1] % 8);
	require(r.blocks == 0);
	require(whole[0] == decoded[0] && whole[1] == decoded[1]);
	r.left = data[0] % 8;
	talk(&ctx, bh_cur(data + 2, size - 2), 0);
	require(r.blocks == 0);
	return 0;
}
