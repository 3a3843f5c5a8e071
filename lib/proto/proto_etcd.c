/* etcd: v3 over grpc, told by the service's path, plain or in HPACK's Huffman code (RFC 7541 5.2). */
#include "proto_priv.h"

/* "/etcdserverpb." and "/v3electionpb", "/v3lockpb": the first one covers KV, Watch, Lease, Auth,
 * Cluster and Maintenance. Huffman: whole bytes of the word's code. */
static const char plain[] = "/etcdserverpb.";
static const uint8_t huffman[] = {0x60, 0xa9, 0x24, 0x88, 0x2d, 0x9d, 0xcb, 0x65, 0x71};

enum bh_proto_answer
bh_proto_ETCD(const struct bh_proto_input *in)
{
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT];

	if (memmem(p, n, plain, sizeof(plain) - 1) != NULL ||
	    memmem(p, n, huffman, sizeof(huffman)) != NULL)
		return BH_PROTO_YES;
	return n > 1024 ? BH_PROTO_NO : bh_proto_wants_more(in, BH_CLIENT);
}
