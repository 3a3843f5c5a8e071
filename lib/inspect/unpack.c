/* Content codings, one inside the other at most (coder.h). Output goes on in small pieces, so that no bomb needs memory; the
 * ratio and the total are bounded all the same. */
#include "message.h"

#define UNPACK_PIECE 4096
#define UNPACK_TOTAL (UINT64_C(64) << 20) /* bytes of one body that are looked at */
#define UNPACK_RATIO 200                  /* zlib's limit is 1032; text rarely exceeds 20 */

void
bh_unpack_end(struct bh_message *m)
{
	unsigned level;

	for (level = 0; level < 2; level++) {
		bh_coder_close(m->s->inflater[level]);
		m->s->inflater[level] = NULL;
	}
}

/* Several members one behind the other are one file (RFC 1952 2.2). */
static bool
next_member(struct bh_coder *c, unsigned coding, const struct bh_view *in)
{
	return coding == BH_CODING_GZIP && in->len > 1 && in->at[0] == 0x1f && in->at[1] == 0x8b &&
	       bh_coder_again(c);
}

/* Said to be gzip, and begins neither as that (RFC 1952 2.3.1) nor as zlib (RFC 1950 2.2): clients that only say so.
 * Who believes them can't read it, so what is judged is what others read. */
static bool
is_plain(uint8_t coding, const struct bh_view *data)
{
	return coding == BH_CODING_GZIP && data->len > 0 && data->at[0] != 0x1f &&
	       (data->at[0] & 15) != 8;
}

void
bh_unpack(struct bh_message *m, unsigned level, struct bh_view data)
{
	struct bh_inspect_side *s = m->s;
	struct bh_coder *c;
	uint8_t out[UNPACK_PIECE];
	enum bh_coded how = BH_CODED_ON;
	size_t n = 0;

	while (level < 2 && s->coding[level] == BH_CODING_NONE)
		level++;
	if (level == 2) {
		bh_body_take(m, data);
		return;
	}
	if (s->inflater[level] == NULL && is_plain(s->coding[level], &data)) {
		s->coding[level] = BH_CODING_NONE;
		bh_unpack(m, level + 1, data);
		return;
	}
	if (s->inflater[level] == NULL)
		s->inflater[level] = bh_coder_open(m->ctx->memory, s->coding[level]);
	c = s->inflater[level];
	if (c == NULL) {
		bh_message_unread(m);
		return;
	}
	if (level == 0)
		s->packed += data.len;
	while (!s->unread && how == BH_CODED_ON) {
		how = bh_coder_step(c, &data, out, sizeof(out), &n);
		s->unpacked += n;
		if (n > 0)
			bh_unpack(m, level + 1, (struct bh_view){out, n});
		if (how == BH_CODED_REFUSED) {
			bh_message_unread(m);
		} else if (how == BH_CODED_BAD) {
			s->unread = true;
			bh_message_say(m, BH_INSPECT_HTTP,
				       "the body is not what Content-Encoding says");
		} else if (s->unpacked > UNPACK_TOTAL ||
			   (s->unpacked > (1 << 20) && s->unpacked / UNPACK_RATIO > s->packed)) {
			s->unread = true;
			bh_message_say(m, BH_INSPECT_HTTP,
				       "the body grows beyond measure when it is decoded");
		} else if (how == BH_CODED_END && next_member(c, s->coding[level], &data)) {
			how = BH_CODED_ON;
		} else if (n == 0 || (n < sizeof(out) && data.len == 0)) {
			break;
		}
	}
}
