/* grpc over http2: a request HEADERS block whose content-type is application/grpc, plain or in HPACK's
 * Huffman code (RFC 7541 5.2; gRPC over HTTP2). */
#include "proto_priv.h"

#define PREFACE 24
#define FRAME_HEADER 9
enum { FRAME_HEADERS = 1, FRAME_CONTINUATION = 9 };

/* "application/grpc" in Huffman code; its last byte also holds the next symbol's first bits. */
static const uint8_t huffman[] = {0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65};
static const char plain[] = "application/grpc";

static bool
holds(const uint8_t *p, uint32_t n, const void *what, uint32_t len)
{
	return memmem(p, n, what, len) != NULL;
}

enum bh_proto_answer
bh_proto_GRPC(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT);
	const uint8_t *h;
	unsigned frames;

	if (bh_cur_take(&c, PREFACE) == NULL)
		return bh_proto_wants_more(in, BH_CLIENT);
	for (frames = 0; frames < 16; frames++) {
		uint32_t length, n;

		h = bh_cur_take(&c, FRAME_HEADER);
		if (h == NULL)
			return bh_proto_wants_more(in, BH_CLIENT);
		length = bh_load_be32(h) >> 8;
		n = length < bh_cur_left(&c) ? length : (uint32_t)bh_cur_left(&c);
		if (h[3] == FRAME_HEADERS || h[3] == FRAME_CONTINUATION) {
			if (holds(c.p, n, plain, sizeof(plain) - 1) ||
			    holds(c.p, n, huffman, sizeof(huffman)))
				return BH_PROTO_YES;
			/* The first request tells what is spoken. */
			if (n == length && (h[4] & 4) != 0)
				return BH_PROTO_NO;
		}
		if (bh_cur_take(&c, length) == NULL)
			return bh_proto_wants_more(in, BH_CLIENT);
	}
	return BH_PROTO_NO;
}
