/* imap: nothing is judged but the upgrade to TLS (RFC 9051 6.2.1): the connection goes on as tls. Literals (RFC 9051 4.3)
 * of both sides are stepped over: what looks like a command or an answer in them is none. */
#include <ctype.h>

#include "line.h"

struct imap_side {
	struct bh_line line;
	bool goes_on; /* the line continues behind a literal */
	/* "{123}" or "{123+}" at the end of what was read of the line */
	uint8_t literal; /* enum literal */
	uint32_t size;
};

enum literal { LITERAL_NONE, LITERAL_DIGITS, LITERAL_PLUS, LITERAL_CLOSED };

struct imap {
	struct imap_side side[2];
	bool asked;
	uint8_t n_tag;
	char tag[64];
};

static uint8_t
literal_step(struct imap_side *s, uint8_t b)
{
	if (b == '{') {
		s->size = 0;
		return LITERAL_DIGITS;
	}
	if (b == '\r')
		return s->literal;
	if (s->literal == LITERAL_DIGITS && isdigit(b) && s->size < UINT32_MAX / 10 - 1) {
		s->size = s->size * 10 + (uint32_t)(b - '0');
		return LITERAL_DIGITS;
	}
	if (s->literal == LITERAL_DIGITS && b == '+')
		return LITERAL_PLUS;
	return s->literal != LITERAL_NONE && s->literal != LITERAL_CLOSED && b == '}'
		       ? LITERAL_CLOSED
		       : LITERAL_NONE;
}

/* A line is whole: what does the next one hold? Returns whether this one is the start of a command or answer. */
static bool
line_end(struct imap_side *s)
{
	bool start = !s->goes_on;

	s->goes_on = s->literal == LITERAL_CLOSED;
	s->line.skip = s->goes_on ? s->size : 0;
	s->literal = LITERAL_NONE;
	return start;
}

static void
command(struct imap *i)
{
	const struct bh_line *l = &i->side[BH_CLIENT].line;
	unsigned at = 0, n = bh_line_word(l, &at), tag = at;

	if (n == 0 || n > sizeof(i->tag))
		return;
	i->n_tag = (uint8_t)n;
	memcpy(i->tag, l->text + tag, n);
	at += n;
	bh_line_word(l, &at);
	i->asked = bh_line_says(l, at, "STARTTLS");
}

/* "tag OK ..." to the request. true: TLS begins. */
static bool
answer(struct imap *i)
{
	const struct bh_line *l = &i->side[BH_SERVER].line;
	unsigned at = i->n_tag;

	if (!i->asked || l->kept <= at || memcmp(l->text, i->tag, at) != 0 || l->text[at] != ' ')
		return false;
	bh_line_word(l, &at);
	i->asked = false;
	return bh_line_says(l, at, "OK");
}

/* bh_line_next, with an eye on the bytes that it takes of the line. */
static bool
next_line(struct imap_side *s, struct bh_cur *in)
{
	size_t skip = s->line.skip < bh_cur_left(in) ? s->line.skip : bh_cur_left(in);
	const uint8_t *p = in->p + skip;
	bool whole = bh_line_next(&s->line, in);

	for (; p < in->p; p++) {
		if (*p != '\n')
			s->literal = literal_step(s, *p);
	}
	return whole;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct imap *i = BH_OPS_OF(s, struct imap);

	(void)ended;
	while (bh_cur_left(in) != 0) {
		if (side == BH_CLIENT && i->asked)
			return bh_ops_say(out, BH_OPS_ERROR, "clear text behind a request for TLS");
		if (!next_line(&i->side[side], in) || !line_end(&i->side[side]))
			continue;
		if (side == BH_CLIENT)
			command(i);
		else if (answer(i))
			return bh_ops_upgraded(out);
	}
	return BH_OPS_MORE;
}

const struct bh_ops_parser bh_ops_imap = {.feed = feed};
