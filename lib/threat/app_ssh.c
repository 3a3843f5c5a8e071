/* SSH: version 1, and log-ins that fail. Those are encrypted: the sizes of the server's messages tell. */
#include "app_priv.h"

enum { MSG_NEWKEYS = 21 };
enum { CLIENT, SERVER };

/* RFC 4253 6.1: more is no packet of a key exchange. */
#define PACKET_MAX 35000u
/* SERVICE_ACCEPT of 17 bytes with length, padding and the longest authentication tag in use; what is longer and comes
 * before is EXT_INFO (RFC 8308). */
#define ACCEPT_MAX 116u
/* Servers allow 6 tries or so, each two messages at most; a log-in is followed by host keys, or by work. */
#define TRIES_MESSAGES 24u
#define TRIES_SIZE 600u

static void
version(struct bh_threat_ssh *s, const struct bh_threat_ctx *ctx, unsigned side)
{
	const uint8_t *l = s->side[side].line;

	/* 1.99 is a server that speaks both (RFC 4253 5.1). */
	if (l[4] != '1' || (l[6] == '9' && l[7] == '9'))
		return;
	s->done = true;
	if (!s->told)
		bh_threat_hit(ctx, BH_THREAT_SSH_1, "the %s speaks version %c.%c",
			      side == CLIENT ? "client" : "server", l[4],
			      l[6] >= ' ' && l[6] <= '~' ? l[6] : '?');
	s->told = true;
}

/* Lines until one begins with SSH- (RFC 4253 4.2). */
static void
greeting(struct bh_threat_ssh *s, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur *in)
{
	uint8_t *line = s->side[side].line, *n = &s->side[side].n_line, b;

	while (bh_cur_u8(in, &b)) {
		if (*n < sizeof(s->side[side].line))
			line[(*n)++] = b;
		if (b != '\n')
			continue;
		if (*n == sizeof(s->side[side].line) && memcmp(line, "SSH-", 4) == 0) {
			s->side[side].greeted = true;
			version(s, ctx, side);
			return;
		}
		*n = 0;
	}
}

static void
packets(struct bh_threat_ssh *s, unsigned side, struct bh_cur *in)
{
	uint8_t *head = s->side[side].head, *n = &s->side[side].n_head;
	uint32_t length;

	while (bh_cur_left(in) != 0 && !s->side[side].sealed) {
		if (s->side[side].left != 0) {
			length = (uint32_t)BH_MIN_OF((size_t)s->side[side].left, bh_cur_left(in));
			bh_cur_take(in, length);
			s->side[side].left -= length;
			s->side[side].sealed = s->side[side].left == 0 && head[5] == MSG_NEWKEYS;
			continue;
		}
		if (!bh_cur_u8(in, &head[*n]) || ++*n < sizeof(s->side[side].head))
			continue;
		*n = 0;
		length = bh_load_be32(head);
		if (length < 3 || length > PACKET_MAX) {
			s->done = true;
			return;
		}
		s->side[side].left = length - 2;
	}
}

static void
count_size(struct bh_threat_ssh *s, uint16_t size)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(s->seen); i++) {
		if (s->seen[i].n != 0 && s->seen[i].size != size)
			continue;
		s->seen[i].size = size;
		s->seen[i].n++;
		return;
	}
}

/* What a server sends at once is one message, as long as log-ins go. */
static void
sealed(struct bh_threat_ssh *s, uint32_t size)
{
	if (s->accept == 0) {
		if (size <= ACCEPT_MAX)
			s->accept = (uint16_t)size;
		return;
	}
	if (size + 16 == s->accept || size > TRIES_SIZE || ++s->messages > TRIES_MESSAGES) {
		s->success = true;
		s->done = true;
		return;
	}
	count_size(s, (uint16_t)size);
}

void
bh_threat_ssh_feed(struct bh_threat_ssh *s, const struct bh_threat_ctx *ctx, unsigned side,
		   const uint8_t *at, uint32_t n)
{
	struct bh_cur in = bh_cur(at, n);

	side &= 1;
	if (!s->side[side].greeted)
		greeting(s, ctx, side, &in);
	if (s->done || !s->side[side].greeted)
		return;
	packets(s, side, &in);
	if (!s->done && s->side[side].sealed && side == SERVER && bh_cur_left(&in) != 0)
		sealed(s, (uint32_t)bh_cur_left(&in));
}

void
bh_threat_ssh_close(struct bh_threat_ssh *s, const struct bh_threat_ctx *ctx)
{
	unsigned i, most = 0;

	for (i = 0; i < BH_ARRAY_SIZE(s->seen); i++)
		most = s->seen[i].n > most ? s->seen[i].n : most;
	if (s->success || s->done || most == 0)
		return;
	s->done = true;
	/* The first is the answer to "none", with which clients ask what they may do (RFC 4252 5.2). */
	ctx->failed(ctx->arg, BH_APP_SSH, most > 1 ? most - 1 : 1);
}
