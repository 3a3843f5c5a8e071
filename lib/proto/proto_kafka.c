/* kafka: request header v1/v2 (length, api key, version, correlation id, client id); proven by a readable
 * client id, or by a response with the same correlation id. */
#include "proto_priv.h"

#define MAX_API_KEY 110 /* 92 in 4.1 */
#define MAX_VERSION 20
#define MAX_REQUEST (100u << 20)

enum bh_proto_answer
bh_proto_KAFKA(const struct bh_proto_input *in)
{
	struct bh_cur c = bh_side(in, BH_CLIENT), s = bh_side(in, BH_SERVER);
	uint32_t length, correlation, answer_length, answer;
	uint16_t key, version, id_length;
	const uint8_t *id, *p = in->data[BH_CLIENT];

	/* The length's and the api key's upper bytes. */
	if ((in->len[BH_CLIENT] > 0 && p[0] > MAX_REQUEST >> 24) ||
	    (in->len[BH_CLIENT] > 4 && p[4] != 0))
		return BH_PROTO_NO;
	if (!bh_cur_be32(&c, &length) || !bh_cur_be16(&c, &key) || !bh_cur_be16(&c, &version))
		return bh_proto_wants_more(in, BH_CLIENT);
	if (length < 8 || length > MAX_REQUEST || key > MAX_API_KEY || version > MAX_VERSION)
		return BH_PROTO_NO;
	if (!bh_cur_be32(&c, &correlation) || !bh_cur_be16(&c, &id_length))
		return bh_proto_wants_more(in, BH_CLIENT);
	if (id_length != 0xffff && (id_length > 249 || id_length + 10u > length))
		return BH_PROTO_NO;
	if (id_length != 0xffff && id_length >= 3) {
		id = bh_cur_take(&c, id_length);
		if (id == NULL)
			return bh_proto_wants_more(in, BH_CLIENT);
		return bh_proto_printable(id, id_length) ? BH_PROTO_YES : BH_PROTO_NO;
	}
	/* No client id, or hardly one: the length is that of what was sent. */
	if (length >= 16 && length + 4 == in->len[BH_CLIENT])
		return BH_PROTO_YES;
	if (!bh_cur_be32(&s, &answer_length) || !bh_cur_be32(&s, &answer))
		return bh_proto_wants_more(in, BH_SERVER);
	return answer_length >= 4 && answer_length <= MAX_REQUEST && answer == correlation
		       ? BH_PROTO_YES
		       : BH_PROTO_NO;
}
