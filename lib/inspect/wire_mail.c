/* smtp, pop3, imap: mails decoded, and passwords that go by in the clear; ftp: those alone. Lines of commands and
 * answers, and between them messages: behind DATA up to a lone dot (RFC 5321 4.1.1.4, RFC 1939 3), or of a length that is
 * told (BDAT: RFC 3030; literals: RFC 9051 4.3). */
#include "mime.h"

#define LINE 600

enum kind { SMTP, POP3, IMAP, FTP };
enum state { LINES, DOTTED, COUNTED };

struct side {
	struct bh_mime mime;
	uint64_t left;
	uint16_t used;
	uint8_t state;
	uint8_t dot;          /* where in CR LF . CR LF the text stands */
	bool chunked, inside; /* BDAT: a message goes on in the next chunk */
	uint8_t line[LINE];
};

struct mail {
	struct side side[2];
	bool data, secret, tls, anonymous; /* what the client asked for last */
	bool last;
};

static bool
word_at(const struct side *s, size_t pos, const char *word)
{
	struct bh_view v = {s->line, s->used};
	size_t n = strlen(word);

	return bh_at(&v, pos, word) && (pos + n == v.len || bh_is_space(v.at[pos + n]));
}

/* Is there something behind the words of a command? */
static bool
has_argument(const struct side *s, size_t pos)
{
	struct bh_view v = {s->line, s->used};

	return bh_skip_space(&v, pos) < v.len;
}

static void
begin_mime(struct bh_wire *w, struct side *s, enum state state)
{
	bh_wire_begin(w, BH_TEXT_DATA);
	bh_mime_drop(w, &s->mime);
	bh_mime_open(&s->mime);
	s->state = (uint8_t)state;
	s->dot = 2;
}

/* ---- commands ------------------------------------------------------------------------------------------- */

static void
smtp_command(struct bh_wire *w, struct mail *m, struct side *s)
{
	unsigned long long n = 0;
	size_t i;

	m->data = word_at(s, 0, "data");
	m->tls = word_at(s, 0, "starttls");
	if (word_at(s, 0, "auth")) {
		m->secret = !has_argument(s, 10);
		if ((word_at(s, 5, "plain") || word_at(s, 5, "login")) && !m->secret)
			bh_wire_password(w);
		/* a log-in of two lines names its user first */
		m->last = word_at(s, 5, "plain");
		m->secret = m->secret && (m->last || word_at(s, 5, "login"));
		return;
	}
	if (!word_at(s, 0, "bdat"))
		return;
	for (i = 5; i < s->used && bh_is_digit(s->line[i]) && n < UINT64_C(1) << 40; i++)
		n = n * 10 + (unsigned)(s->line[i] - '0');
	if (!s->inside)
		begin_mime(w, s, COUNTED);
	s->state = COUNTED;
	s->left = n;
	s->inside = !word_at(s, i + 1, "last");
	s->chunked = true;
}

static void
pop3_command(struct bh_wire *w, struct mail *m, struct side *s)
{
	m->data = word_at(s, 0, "retr") || word_at(s, 0, "top");
	m->tls = word_at(s, 0, "stls");
	if ((word_at(s, 0, "pass") && has_argument(s, 4)) ||
	    (word_at(s, 0, "auth") && word_at(s, 5, "plain") && has_argument(s, 10)))
		bh_wire_password(w);
	m->secret = word_at(s, 0, "auth") && word_at(s, 5, "plain") && !has_argument(s, 10);
	m->last = true;
}

static void
imap_command(struct bh_wire *w, struct mail *m, struct side *s)
{
	struct bh_view v = {s->line, s->used};
	size_t tag = 0;

	while (tag < v.len && !bh_is_space(v.at[tag]))
		tag++;
	tag = bh_skip_space(&v, tag);
	m->tls = word_at(s, tag, "starttls");
	if (word_at(s, tag, "login") && has_argument(s, tag + 6))
		bh_wire_password(w);
	if (word_at(s, tag, "authenticate") && word_at(s, tag + 13, "plain")) {
		m->secret = !has_argument(s, tag + 18);
		m->last = true;
		if (!m->secret)
			bh_wire_password(w);
	}
}

static void
ftp_command(struct bh_wire *w, struct mail *m, struct side *s)
{
	m->tls = word_at(s, 0, "auth");
	if (word_at(s, 0, "user"))
		m->anonymous = word_at(s, 5, "anonymous") || word_at(s, 5, "ftp");
	else if (word_at(s, 0, "pass") && has_argument(s, 4) && !m->anonymous)
		bh_wire_password(w);
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static bool
answers(const struct side *s, const char *code)
{
	return s->used >= strlen(code) && memcmp(s->line, code, strlen(code)) == 0;
}

static void
answer(struct bh_wire *w, struct mail *m, struct side *s, enum kind kind)
{
	static const char *const ready[] = {"220", "+OK", " OK", "234"};
	bool yes = answers(s, ready[kind]) ||
		   (kind == IMAP && memmem(s->line, s->used, ready[IMAP], 3) != NULL &&
		    s->line[0] != '*');

	if (m->tls && yes) {
		w->c->opaque = true;
		return;
	}
	if (m->tls && kind != IMAP)
		m->tls = false;
	if (kind == SMTP && m->data && answers(s, "354"))
		begin_mime(&(struct bh_wire){.c = w->c, .ctx = w->ctx, .side = 0}, &m->side[0],
			   DOTTED);
	if (kind == POP3 && m->data && yes)
		begin_mime(w, s, DOTTED);
	/* commands may have been sent ahead (RFC 2920): only the answer to DATA is for DATA */
	m->data = m->data && kind == SMTP && !answers(s, "354");
	if (m->secret && !answers(s, "334") && !answers(s, "+"))
		m->secret = false;
}

/* {n}, {n+} at a line's end: so many bytes follow (RFC 9051 4.3, RFC 7888). */
static void
literal(struct bh_wire *w, struct side *s)
{
	size_t i = s->used, digits = 0;
	uint64_t n = 0, scale = 1;

	if (i < 3 || s->line[--i] != '}')
		return;
	if (s->line[i - 1] == '+')
		i--;
	for (; i > 0 && bh_is_digit(s->line[i - 1]) && digits < 10; i--, digits++, scale *= 10)
		n += scale * (unsigned)(s->line[i - 1] - '0');
	if (digits == 0 || i == 0 || s->line[i - 1] != '{' || n == 0)
		return;
	begin_mime(w, s, COUNTED);
	s->left = n;
	s->chunked = false;
}

/* ---- lines and messages --------------------------------------------------------------------------------- */

/* A secret is not shown to anyone. */
static bool
is_secret(struct bh_wire *w, struct mail *m)
{
	if (w->side != 0 || !m->secret)
		return false;
	m->secret = !m->last;
	if (m->last)
		bh_wire_password(w);
	m->last = true;
	return true;
}

static void
line(struct bh_wire *w, struct mail *m, struct side *s, enum kind kind)
{
	if (s->used > 0 && s->line[s->used - 1] == '\r')
		s->used--;
	if (is_secret(w, m))
		return;
	bh_wire_begin(w, kind == SMTP && w->side == 0 ? BH_TEXT_COMMAND : BH_TEXT_DATA);
	bh_wire_text(w, s->line, s->used);
	if (w->side == 1)
		answer(w, m, s, kind);
	else if (kind == SMTP)
		smtp_command(w, m, s);
	else if (kind == POP3)
		pop3_command(w, m, s);
	else if (kind == IMAP)
		imap_command(w, m, s);
	else
		ftp_command(w, m, s);
	if (kind == IMAP && s->state == LINES)
		literal(w, s);
	if (s->state == LINES)
		bh_wire_end(w, w->side);
}

static void
lines(struct bh_wire *w, struct mail *m, struct bh_cur *in, enum kind kind)
{
	struct side *s = &m->side[w->side];
	uint8_t c = 0;

	while (bh_cur_left(in) > 0 && s->state == LINES && !w->c->opaque) {
		(void)bh_cur_u8(in, &c);
		/* what is too long is looked at in pieces */
		if (c == '\n' || s->used == LINE) {
			line(w, m, s, kind);
			s->used = 0;
		}
		if (c != '\n')
			s->line[s->used++] = c;
	}
}

/* Up to CR LF . CR LF; a dot at a line's beginning stands before another character. */
static void
dotted(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	const uint8_t *from = in->p;
	uint8_t c = 0;

	while (bh_cur_left(in) > 0) {
		(void)bh_cur_u8(in, &c);
		if (s->dot == 2 && c == '.') {
			bh_mime_feed(w, &s->mime, bh_cur(from, (size_t)(in->p - 1 - from)));
			from = in->p;
			s->dot = 3;
		} else if (s->dot >= 3 && c == '\n') {
			bh_mime_end(w, &s->mime);
			s->state = LINES;
			return;
		} else if (s->dot == 3 && c == '\r') {
			s->dot = 4;
			from = in->p;
		} else {
			/* a bare line feed ends no line: who takes it for one reads on in our mail */
			s->dot = c == '\r' ? 1 : c == '\n' && s->dot == 1 ? 2 : 0;
		}
	}
	bh_mime_feed(w, &s->mime, bh_cur(from, (size_t)(in->p - from)));
}

static void
counted(struct bh_wire *w, struct side *s, struct bh_cur *in)
{
	struct bh_cur part = bh_wire_upto(in, s->left);

	s->left -= bh_cur_left(&part);
	bh_mime_feed(w, &s->mime, part);
	if (s->left != 0)
		return;
	s->state = LINES;
	if (!s->chunked || !s->inside)
		bh_mime_end(w, &s->mime);
}

static bool
feed(struct bh_wire *w, struct bh_cur *in, enum kind kind)
{
	struct mail *m = BH_WIRE_OF(w, struct mail);
	struct side *s = &m->side[w->side];

	while (bh_cur_left(in) > 0 && !w->c->opaque) {
		if (s->state == LINES)
			lines(w, m, in, kind);
		else if (s->state == DOTTED)
			dotted(w, s, in);
		else
			counted(w, s, in);
	}
	return true;
}

static bool
feed_smtp(struct bh_wire *w, struct bh_cur *in)
{
	return feed(w, in, SMTP);
}

static bool
feed_pop3(struct bh_wire *w, struct bh_cur *in)
{
	return feed(w, in, POP3);
}

static bool
feed_imap(struct bh_wire *w, struct bh_cur *in)
{
	return feed(w, in, IMAP);
}

static bool
feed_ftp(struct bh_wire *w, struct bh_cur *in)
{
	return feed(w, in, FTP);
}

static void
finish(struct bh_wire *w)
{
	struct mail *m = BH_WIRE_OF(w, struct mail);

	bh_mime_drop(w, &m->side[0].mime);
	bh_mime_drop(w, &m->side[1].mime);
}

const struct bh_wire_proto bh_wire_smtp = {.feed = feed_smtp, .close = finish};
const struct bh_wire_proto bh_wire_pop3 = {.feed = feed_pop3, .close = finish};
const struct bh_wire_proto bh_wire_imap = {.feed = feed_imap, .close = finish};
const struct bh_wire_proto bh_wire_ftp = {.feed = feed_ftp};
