#include <ctype.h>

#include "line.h"

#define MULTI_NONE 0

bool
bh_line_next(struct bh_line *l, struct bh_cur *in)
{
	uint8_t b;

	if (l->whole) {
		l->whole = false;
		l->len = 0;
		l->kept = 0;
	}
	while (l->skip != 0 && bh_cur_left(in) != 0) {
		size_t n = l->skip < bh_cur_left(in) ? l->skip : bh_cur_left(in);

		bh_cur_take(in, n);
		l->skip -= (uint32_t)n;
	}
	while (bh_cur_u8(in, &b)) {
		if (b == '\n') {
			if (l->kept != 0 && l->text[l->kept - 1] == '\r')
				l->kept--;
			l->whole = true;
			return true;
		}
		l->len += l->len < UINT32_MAX;
		if (l->kept < BH_LINE_KEPT)
			l->text[l->kept++] = (char)b;
	}
	return false;
}

bool
bh_line_says(const struct bh_line *l, unsigned from, const char *words)
{
	size_t n = strlen(words);

	return l->kept >= from + n && strncasecmp(l->text + from, words, n) == 0 &&
	       (l->kept == from + n || l->text[from + n] == ' ');
}

unsigned
bh_line_word(const struct bh_line *l, unsigned *from)
{
	unsigned at = *from, n = 0;

	while (at < l->kept && l->text[at] == ' ')
		at++;
	while (at + n < l->kept && l->text[at + n] != ' ')
		n++;
	*from = at;
	return n;
}

/* ---- replies in numbers -------------------------------------------------------------------------------- */

/* Decimal number at `from`; false: none, or more than 9 digits. */
static bool
number(const struct bh_line *l, unsigned from, uint32_t *v)
{
	unsigned n = bh_line_word(l, &from), i;

	if (n == 0 || n > 9)
		return false;
	for (i = 0, *v = 0; i < n; i++) {
		if (!isdigit((unsigned char)l->text[from + i]))
			return false;
		*v = *v * 10 + (uint32_t)(l->text[from + i] - '0');
	}
	return true;
}

static void
command(struct bh_coded *c, const struct bh_coded_how *how)
{
	struct bh_line *l = &c->side[BH_CLIENT];
	unsigned i;

	if (c->body) { /* RFC 5321 4.1.1.4 */
		c->body = !(l->kept == 1 && l->text[0] == '.');
		c->unanswered += !c->body;
		return;
	}
	c->unanswered += c->unanswered < UINT32_MAX;
	c->data = how->mail && bh_line_says(l, 0, "DATA");
	if (how->mail && bh_line_says(l, 0, "BDAT") && !number(l, 4, &l->skip)) /* RFC 3030 */
		l->skip = 0;
	for (i = 0; how->upgrade[i] != NULL; i++)
		c->asked |= bh_line_says(l, 0, how->upgrade[i]);
}

/* Code of a reply's last line (RFC 5321 4.2.1, RFC 959 4.2), or 0. */
static uint16_t
final_code(struct bh_coded *c)
{
	const struct bh_line *l = &c->side[BH_SERVER];
	uint16_t code = 0;
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (i >= l->kept || !isdigit((unsigned char)l->text[i]))
			return 0;
		code = (uint16_t)(code * 10 + (l->text[i] - '0'));
	}
	if (l->kept > 3 && l->text[3] == '-') {
		if (c->multi == MULTI_NONE)
			c->multi = code;
		return 0;
	}
	/* Inside a reply of several lines only its own code ends it. */
	if (c->multi != MULTI_NONE && c->multi != code)
		return 0;
	c->multi = MULTI_NONE;
	return code;
}

/* true: TLS begins. */
static bool
reply(struct bh_coded *c, const struct bh_coded_how *how)
{
	uint16_t code = final_code(c);
	bool granted;

	if (code < 200) /* none, or preliminary (RFC 959 4.2.1) */
		return false;
	c->unanswered -= c->unanswered != 0;
	c->body |= c->data && code == 354;
	c->data &= code != 354;
	if (!c->asked || c->unanswered != 0)
		return false;
	granted = code == how->granted;
	c->asked = false;
	return granted;
}

enum bh_ops_status
bh_coded_feed(struct bh_coded *c, const struct bh_coded_how *how, unsigned side, struct bh_cur *in,
	      struct bh_ops_out *out)
{
	while (bh_cur_left(in) != 0) {
		if (side == BH_CLIENT && c->asked)
			return bh_ops_say(out, BH_OPS_ERROR, "clear text behind a request for TLS");
		if (!bh_line_next(&c->side[side], in))
			break;
		if (side == BH_CLIENT)
			command(c, how);
		else if (reply(c, how))
			return bh_ops_upgraded(out);
	}
	return BH_OPS_MORE;
}
