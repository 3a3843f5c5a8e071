/* Log-ins that fail where the server says so in clear text. Only answers to log-ins are told; once a user is in, or TLS
 * begins, there is nothing more to see. */
#include "../proto/ber.h"
#include "app_priv.h"

enum { CLIENT, SERVER };

/* Answers without a failed log-in after which a connection is let go, where log-ins may come at any time. */
#define REPLIES 64u

static void
fail(struct bh_threat_login *l, const struct bh_threat_ctx *ctx)
{
	l->asked = false;
	l->replies = 0;
	ctx->failed(ctx->arg, l->app, 1);
}

/* n bytes of what a side says now. */
static bool
gather(struct bh_threat_login *l, unsigned side, struct bh_cur *in, unsigned n)
{
	while (l->n_kept[side] < n && bh_cur_u8(in, &l->kept[side][l->n_kept[side]]))
		l->n_kept[side]++;
	return l->n_kept[side] >= n;
}

/* False: all that is here belongs to what is passed over. */
static bool
pass_over(struct bh_threat_login *l, unsigned side, struct bh_cur *in)
{
	uint32_t n = (uint32_t)BH_MIN_OF((size_t)l->left[side], bh_cur_left(in));

	bh_cur_take(in, n);
	l->left[side] -= n;
	return bh_cur_left(in) != 0;
}

/* The rest of a message of which so many bytes were kept. */
static void
message_done(struct bh_threat_login *l, unsigned side, uint32_t length)
{
	l->left[side] = length > l->n_kept[side] ? length - l->n_kept[side] : 0;
	l->n_kept[side] = 0;
}

static uint32_t
le(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n-- != 0)
		v = v << 8 | p[n];
	return v;
}

/* ---- MySQL: protocol::ERR_Packet, protocol::SSLRequest -------------------------------------------- */

static void
mysql(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur *in)
{
	enum { HEAD = 4, SSL = 0x0800, DENIED_DB = 1044, DENIED = 1045 };
	uint8_t *k = l->kept[side];

	while (!l->done && pass_over(l, side, in)) {
		uint32_t length, want;

		if (!gather(l, side, in, HEAD))
			return;
		length = le(k, 3);
		want = HEAD + BH_MIN_OF(length, 4u);
		if (!gather(l, side, in, want))
			return;
		if (side == CLIENT) {
			l->done |= !l->chosen && length == 32 && (le(k + HEAD, 4) & SSL) != 0;
			l->chosen = true;
		} else if (length >= 3 && k[HEAD] == 0xff) {
			uint32_t code = le(k + HEAD + 1, 2);

			if (code == DENIED_DB || code == DENIED) {
				bh_threat_hit(ctx, BH_THREAT_MYSQL_DENIED, "error %u", code);
				fail(l, ctx);
			}
			l->done = true;
		} else if (length != 0 && k[HEAD] == 0 && l->chosen) {
			l->done = true; /* OK: in */
		}
		message_done(l, side, HEAD + length);
	}
}

/* ---- PostgreSQL (protocol 3.0, 55.7) ------------------------------------------------------------------ */

static void
postgresql_client(struct bh_threat_login *l, struct bh_cur *in)
{
	enum { SSL_REQUEST = 80877103, GSS_REQUEST = 80877104 };

	while (!l->chosen && gather(l, CLIENT, in, 8)) {
		uint32_t code = bh_load_be32(l->kept[CLIENT] + 4);

		if (code == SSL_REQUEST || code == GSS_REQUEST)
			l->tls++;
		else
			l->chosen = true;
		l->n_kept[CLIENT] = 0;
	}
}

/* Fields of an ErrorResponse: a letter and a text each; C is the SQLSTATE: 28xxx, invalid authorization. */
static bool
is_refused(const uint8_t *p, unsigned n)
{
	unsigned i;

	for (i = 0; i + 4 < n; i++) {
		if ((i == 0 || p[i - 1] == 0) && p[i] == 'C')
			return p[i + 1] == '2' && p[i + 2] == '8';
	}
	return false;
}

static void
postgresql(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side,
	   struct bh_cur *in)
{
	enum { HEAD = 5 };
	uint8_t *k = l->kept[SERVER], answer;

	if (side == CLIENT) {
		postgresql_client(l, in);
		return;
	}
	while (!l->done && pass_over(l, side, in)) {
		uint32_t length, want = HEAD;

		if (l->tls != 0) {
			l->tls--;
			l->done = !bh_cur_u8(in, &answer) || answer != 'N';
			continue;
		}
		if (!gather(l, side, in, HEAD))
			return;
		length = bh_load_be32(k + 1) + 1;
		if (k[0] == 'E')
			want = BH_MIN_OF(length, BH_THREAT_LOGIN_KEPT);
		if (!gather(l, side, in, want))
			return;
		if (k[0] == 'E' && want > HEAD && is_refused(k + HEAD, want - HEAD))
			fail(l, ctx);
		l->done = k[0] == 'Z' || k[0] == 'E' || length < HEAD;
		message_done(l, side, length);
	}
}

/* ---- MSSQL ([MS-TDS] 2.2.3, 2.2.7.10) ------------------------------------------------------------------ */

static void
mssql(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur *in)
{
	enum {
		HEAD = 8,
		RESPONSE = 4,
		ERROR = 0xaa,
		INFO = 0xab,
		LOGINACK = 0xad,
		ENVCHANGE = 0xe3
	};
	uint8_t *k = l->kept[SERVER];

	while (side == SERVER && !l->done && pass_over(l, side, in)) {
		uint32_t length, want, at = HEAD, code;

		if (!gather(l, side, in, HEAD))
			return;
		length = bh_load_be16(k + 2);
		want = BH_MIN_OF(length, BH_THREAT_LOGIN_KEPT);
		if (length < HEAD) {
			l->done = true;
			return;
		}
		if (!gather(l, side, in, want))
			return;
		while (k[0] == RESPONSE && at + 7 <= want && (k[at] == ENVCHANGE || k[at] == INFO))
			at += 3 + le(k + at + 1, 2);
		if (k[0] == RESPONSE && at + 7 <= want && k[at] == ERROR) {
			code = le(k + at + 3, 4);
			/* failed, not trusted, disabled, locked, expired, to be changed */
			if (code == 18456 || code == 18452 || code == 18470 || code == 18486 ||
			    code == 18487 || code == 18488)
				fail(l, ctx);
			l->done = true;
		}
		l->done |= k[0] == RESPONSE && at < want && k[at] == LOGINACK;
		l->done |= ++l->replies > REPLIES;
		message_done(l, side, length);
	}
}

/* ---- LDAP (RFC 4511 4.1.1, 4.2.2) --------------------------------------------------------------------- */

static void
ldap(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur *in)
{
	enum { HEAD = 2, BIND_RESPONSE = 0x61, ENUMERATED = 0x0a, INVALID_CREDENTIALS = 49 };
	uint8_t *k = l->kept[SERVER];

	while (side == SERVER && !l->done && pass_over(l, side, in)) {
		uint32_t inner, length, want, part;
		struct bh_cur c;
		uint8_t tag;

		if (!gather(l, side, in, HEAD))
			return;
		/* Six bytes hold the longest head in use: a length of four. */
		if (k[1] > 0x80 && !gather(l, side, in, 2u + BH_MIN_OF(k[1] & 0x7fu, 4u)))
			return;
		c = bh_cur(k, l->n_kept[side]);
		if (!bh_ber_head(&c, &tag, &inner) || tag != 0x30 || inner > (1u << 28)) {
			l->done = true;
			return;
		}
		length = inner + (uint32_t)(c.p - k);
		want = BH_MIN_OF(length, 32u);
		if (!gather(l, side, in, want))
			return;
		c = bh_cur(c.p, want - (size_t)(c.p - k));
		if (bh_ber_head(&c, &tag, &part) && tag == 2 && bh_cur_take(&c, part) != NULL &&
		    bh_ber_head(&c, &tag, &part) && tag == BIND_RESPONSE &&
		    bh_ber_head(&c, &tag, &part) && tag == ENUMERATED && part == 1 &&
		    bh_cur_u8(&c, &tag)) {
			if (tag == INVALID_CREDENTIALS)
				fail(l, ctx);
			l->done = tag == 0;
		}
		l->done |= ++l->replies > REPLIES;
		message_done(l, side, length);
	}
}

/* ---- lines: FTP (RFC 959), SMTP (4954), POP3 (1939, 5034), IMAP (9051), RESP ------------------------------- */

static bool
begins(const uint8_t *line, unsigned n, const char *word)
{
	unsigned i, len = (unsigned)strlen(word);

	for (i = 0; i < len && i < n; i++) {
		uint8_t c = line[i] >= 'a' && line[i] <= 'z' ? (uint8_t)(line[i] - 32) : line[i];

		if (c != (uint8_t)word[i])
			return false;
	}
	return n >= len;
}

/* Behind the first space: IMAP's tags come before the word. */
static bool
second_begins(const uint8_t *line, unsigned n, const char *word)
{
	const uint8_t *space = memchr(line, ' ', n);

	return space != NULL && begins(space + 1, n - 1 - (unsigned)(space - line), word);
}

static void
client_line(struct bh_threat_login *l, const uint8_t *p, unsigned n)
{
	switch (l->app) {
	case BH_APP_FTP:
		l->asked |= begins(p, n, "PASS");
		break;
	case BH_APP_POP3:
		l->asked |= begins(p, n, "PASS ") || begins(p, n, "APOP ") || begins(p, n, "AUTH ");
		break;
	case BH_APP_IMAP:
		l->asked |= second_begins(p, n, "LOGIN ") || second_begins(p, n, "AUTHENTICATE ");
		break;
	default:
		break;
	}
}

/* RESP: a length in front of a value whose bytes are no lines. */
static void
redis_value(struct bh_threat_login *l, const uint8_t *p, unsigned n)
{
	uint32_t length = 0;
	unsigned i;

	if (p[0] != '$' && p[0] != '=' && p[0] != '!')
		return;
	for (i = 1; i < n && p[i] >= '0' && p[i] <= '9' && length < (1u << 29); i++)
		length = length * 10 + (p[i] - '0');
	if (i > 1)
		l->left[SERVER] = length + 2;
}

static void
server_line(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, const uint8_t *p,
	    unsigned n)
{
	bool ok = false, no = false;

	switch (l->app) {
	case BH_APP_FTP:
		no = l->asked && begins(p, n, "530");
		ok = begins(p, n, "230");
		break;
	case BH_APP_SMTP:
		no = begins(p, n, "535");
		ok = begins(p, n, "235");
		break;
	case BH_APP_POP3:
		no = l->asked && begins(p, n, "-ERR");
		ok = l->asked && begins(p, n, "+OK");
		break;
	case BH_APP_IMAP:
		no = l->asked && second_begins(p, n, "NO");
		ok = l->asked && p[0] != '*' && second_begins(p, n, "OK");
		break;
	default:
		no = begins(p, n, "-WRONGPASS") || begins(p, n, "-ERR INVALID PASSWORD");
		redis_value(l, p, n);
		break;
	}
	if (no)
		fail(l, ctx);
	l->done = ok || ++l->replies > REPLIES;
}

static void
lines(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur *in)
{
	uint8_t *n = &l->n_kept[side], b;

	if (side == CLIENT && l->app == BH_APP_REDIS)
		return;
	while (!l->done && pass_over(l, side, in) && bh_cur_u8(in, &b)) {
		if (*n == 0 && side == CLIENT && b == 0x16) {
			l->done = true; /* TLS */
			return;
		}
		if (b != '\n') {
			if (*n < BH_THREAT_LOGIN_KEPT)
				l->kept[side][(*n)++] = b;
			continue;
		}
		if (side == CLIENT)
			client_line(l, l->kept[side], *n);
		else
			server_line(l, ctx, l->kept[side], *n);
		*n = 0;
	}
}

bool
bh_threat_login_knows(unsigned app)
{
	switch (app) {
	case BH_APP_MYSQL:
	case BH_APP_POSTGRESQL:
	case BH_APP_MSSQL:
	case BH_APP_LDAP:
	case BH_APP_FTP:
	case BH_APP_SMTP:
	case BH_APP_POP3:
	case BH_APP_IMAP:
	case BH_APP_REDIS:
		return true;
	default:
		return false;
	}
}

void
bh_threat_login_feed(struct bh_threat_login *l, const struct bh_threat_ctx *ctx, unsigned side,
		     const uint8_t *at, uint32_t n)
{
	struct bh_cur in = bh_cur(at, n);

	side &= 1;
	switch (l->app) {
	case BH_APP_MYSQL:
		mysql(l, ctx, side, &in);
		break;
	case BH_APP_POSTGRESQL:
		postgresql(l, ctx, side, &in);
		break;
	case BH_APP_MSSQL:
		mssql(l, ctx, side, &in);
		break;
	case BH_APP_LDAP:
		ldap(l, ctx, side, &in);
		break;
	default:
		lines(l, ctx, side, &in);
		break;
	}
}
