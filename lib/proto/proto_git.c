/* git over its own port (gitprotocol-pack): a pkt-line with the service that is asked for. */
#include "proto_priv.h"

enum bh_proto_answer
bh_proto_GIT(const struct bh_proto_input *in)
{
	static const char *const services[] = {"git-upload-pack ", "git-receive-pack ",
					       "git-upload-archive "};
	const uint8_t *p = in->data[BH_CLIENT];
	uint32_t n = in->len[BH_CLIENT], i;
	size_t s;

	for (i = 0; i < 4; i++) {
		if (i == n)
			return bh_proto_wants_more(in, BH_CLIENT);
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return BH_PROTO_NO;
	}
	for (s = 0; s < BH_ARRAY_SIZE(services); s++) {
		uint32_t k = (uint32_t)strlen(services[s]);

		if (n >= 4 + k && memcmp(p + 4, services[s], k) == 0)
			return BH_PROTO_YES;
	}
	return n < 4 + 19 ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
}
