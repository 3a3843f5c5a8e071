/* Compressed packets of MySQL ("Client/Server Protocol": Compression): 24 bits of length, a number, 24 bits of length
 * before zlib or zstd, and what they hold is packets, cut anywhere. */
#include "wire_mysql.h"

static bool
inflate(struct bh_wire *w, struct bh_my_packed *p, struct bh_cur *part,
	void (*plain)(struct bh_wire *w, struct bh_cur *in))
{
	uint8_t out[2048];

	while (p->plain > 0) {
		size_t n = p->plain < sizeof(out) ? p->plain : sizeof(out);
		struct bh_cur text;

		if (!bh_wire_inflate(&p->z, part, out, &n))
			return false;
		if (n == 0)
			break;
		p->plain -= (uint32_t)n;
		text = bh_cur(out, n);
		plain(w, &text);
	}
	return true;
}

/* A packet's head is there. */
static bool
begins(struct bh_wire *w, struct bh_my_packed *p)
{
	p->head.have = 0;
	p->left = (uint32_t)bh_wire_le(p->head.byte, 3);
	p->plain = (uint32_t)bh_wire_le(p->head.byte + 4, 3);
	p->inside = true;
	return p->plain == 0 || bh_wire_inflate_begin(w, &p->z, p->coding);
}

bool
bh_my_unpack(struct bh_wire *w, struct bh_my_packed *p, struct bh_cur *in,
	     void (*plain)(struct bh_wire *w, struct bh_cur *in))
{
	while (bh_cur_left(in) > 0) {
		struct bh_cur part;
		bool packed;

		if (!p->inside) {
			if (!bh_wire_collect(&p->head, in, 7))
				break;
			if (!begins(w, p))
				return false;
		}
		packed = bh_wire_le(p->head.byte + 4, 3) != 0;
		part = bh_wire_upto(in, p->left);
		p->left -= (uint32_t)bh_cur_left(&part);
		if (!packed)
			plain(w, &part);
		else if (!inflate(w, p, &part, plain))
			return false;
		p->inside = p->left > 0;
		/* less than was said */
		if (!p->inside && packed && p->plain > 0)
			return false;
	}
	return true;
}
