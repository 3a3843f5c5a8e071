/* TLS and SSL: which version and cipher were chosen, when the certificate ends, and two attacks on OpenSSL that the
 * records show. Records are followed while they tell something: until the server sends application data. */
#include "../proto/der.h"
#include "app_priv.h"

enum { REC_CHANGE_CIPHER = 20, REC_HANDSHAKE = 22, REC_DATA = 23, REC_HEARTBEAT = 24 };
enum { MSG_CLIENT_HELLO = 1, MSG_SERVER_HELLO = 2, MSG_CERTIFICATE = 11 };
enum { SSL2_CLIENT_HELLO = 1, SSL2_SERVER_HELLO = 4 };
enum { CLIENT, SERVER };

/* RFC 8446 5.2, RFC 5246 6.2.3 */
#define RECORD_MAX (16384u + 2048u)
/* Type, length and the least padding of a heartbeat (RFC 6520 4) */
#define BEAT_HEAD 3u
#define BEAT_PADDING 16u
/* An answer to an encrypted heartbeat has the request's payload: what is longer by more than a cipher's padding, or comes
 * unasked, was not asked for. */
#define BEAT_SLACK 256u
/* "HelloRetryRequest" by SHA-256 stands where the random would (RFC 8446 4.1.3); its first bytes will do. */
static const uint8_t retry_random[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};

static void
judge_version(const struct bh_threat_ctx *ctx, uint16_t version)
{
	const char *name = version == 0x0002   ? "SSL 2"
			   : version == 0x0300 ? "SSL 3.0"
			   : version == 0x0301 ? "TLS 1.0"
			   : version == 0x0302 ? "TLS 1.1"
			   : version == 0x0303 ? "TLS 1.2"
					       : "TLS 1.3";

	if (version <= 0x0300)
		bh_threat_hit(ctx, BH_THREAT_SSL, "%s was negotiated", name);
	else if (version == 0x0301)
		bh_threat_hit(ctx, BH_THREAT_TLS_1_0, "TLS 1.0 was negotiated");
	else if (version == 0x0302)
		bh_threat_hit(ctx, BH_THREAT_TLS_1_1, "TLS 1.1 was negotiated");
	/* 12 is 0x0303: TLS 1.2 */
	if (version < 0x0301 + (ctx->rule[BH_THREAT_TLS_FLOOR].threshold - 10))
		bh_threat_hit(ctx, BH_THREAT_TLS_FLOOR, "%s was negotiated", name);
}

static void
server_hello(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, uint16_t kept)
{
	struct bh_cur c = bh_cur(t->message, kept);
	uint16_t version, cipher, all, type, len;
	const uint8_t *random, *p;
	const char *weak;
	uint8_t n;

	if (!bh_cur_be16(&c, &version) || (random = bh_cur_take(&c, 32)) == NULL ||
	    !bh_cur_u8(&c, &n) || bh_cur_take(&c, n) == NULL || !bh_cur_be16(&c, &cipher) ||
	    !bh_cur_u8(&c, &n) || version >> 8 != 3)
		return;
	if (memcmp(random, retry_random, sizeof(retry_random)) == 0)
		return;
	if (bh_cur_be16(&c, &all)) {
		while (bh_cur_be16(&c, &type) && bh_cur_be16(&c, &len) &&
		       (p = bh_cur_take(&c, len)) != NULL) {
			if (type == 43 && len == 2) /* supported_versions */
				version = bh_load_be16(p);
		}
	}
	t->answered = true;
	judge_version(ctx, version);
	weak = bh_threat_weak_cipher(cipher);
	if (weak != NULL)
		bh_threat_hit(ctx, BH_THREAT_WEAK_CIPHER, "cipher suite 0x%04x was chosen: %s",
			      cipher, weak);
	/* From here on all is encrypted. Drafts say 0x7fxx. */
	t->done = version >= 0x0304;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, by counting leap years from March on. */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, of_era;

	y -= m <= 2;
	era = y / 400;
	of_era = y - era * 400;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
}

static int64_t
number(const char *p, unsigned n)
{
	int64_t v = 0;

	while (n-- != 0)
		v = v * 10 + (*p++ - '0');
	return v;
}

bool
bh_threat_certificate_end(const uint8_t *p, size_t len, int64_t *end, char text[20])
{
	struct bh_der_name subject = {0}, issuer = {0};
	char serial[BH_DER_SERIAL];
	struct bh_der_certificate names = {&subject, &issuer, text, serial};

	if (!bh_der_certificate(p, len, &names) || text[0] == '\0')
		return false;
	if (number(text + 5, 2) < 1 || number(text + 5, 2) > 12)
		return false;
	*end = days_of(number(text, 4), number(text + 5, 2), number(text + 8, 2)) * 86400 +
	       number(text + 11, 2) * 3600 + number(text + 14, 2) * 60 + number(text + 17, 2);
	return true;
}

static void
certificate(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, uint16_t kept)
{
	int64_t end, now = (int64_t)ctx->wall_s;
	char text[20];

	/* the list's and the first certificate's length, 3 bytes each */
	if (kept < 6 || !bh_threat_certificate_end(t->message + 6, kept - 6u, &end, text))
		return;
	if (end < now)
		bh_threat_hit(ctx, BH_THREAT_CERTIFICATE, "the certificate ended at %sZ", text);
	else if (end < now + (int64_t)ctx->rule[BH_THREAT_CERTIFICATE].threshold * 86400)
		bh_threat_hit(ctx, BH_THREAT_CERTIFICATE, "the certificate ends at %sZ", text);
}

/* Through the length of its cipher list: SSL 3's and TLS' count bytes, two each, within the message. */
static void
client_hello(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, uint16_t kept,
	     uint32_t length)
{
	struct bh_cur c = bh_cur(t->hello, kept);
	uint16_t ciphers;
	uint8_t n;

	if (bh_cur_take(&c, 34) == NULL || !bh_cur_u8(&c, &n) || bh_cur_take(&c, n) == NULL ||
	    !bh_cur_be16(&c, &ciphers))
		return;
	/* A method of compression follows. */
	if (ciphers == 0 || ciphers % 2 != 0 || ciphers + 34u + 1 + n + 2 + 2 > length)
		bh_threat_hit(ctx, BH_THREAT_CIPHER_OVERFLOW,
			      "a hello of %u bytes claims %u bytes of ciphers", length, ciphers);
}

static void
message_end(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side)
{
	struct bh_threat_tls_side *s = &t->side[side];
	uint32_t length = bh_load_be32(s->msg) & 0xffffff;

	if (side == CLIENT && s->msg[0] == MSG_CLIENT_HELLO)
		client_hello(t, ctx, s->kept, length);
	else if (side == SERVER && s->msg[0] == MSG_SERVER_HELLO)
		server_hello(t, ctx, s->kept);
	else if (side == SERVER && s->msg[0] == MSG_CERTIFICATE)
		certificate(t, ctx, s->kept);
}

static void
handshake(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side,
	  struct bh_cur part)
{
	struct bh_threat_tls_side *s = &t->side[side];
	uint8_t *to = side == CLIENT ? t->hello : t->message;
	uint32_t room = side == CLIENT ? sizeof(t->hello) : sizeof(t->message);

	while (bh_cur_left(&part) != 0 && !t->done) {
		uint32_t n, keep;
		const uint8_t *p;

		if (!s->in_msg) {
			while (s->n_msg < 4 && bh_cur_u8(&part, &s->msg[s->n_msg]))
				s->n_msg++;
			if (s->n_msg < 4)
				return;
			s->n_msg = 0;
			s->in_msg = true;
			s->kept = 0;
			s->msg_left = bh_load_be32(s->msg) & 0xffffff;
		}
		n = BH_MIN_OF(s->msg_left, (uint32_t)bh_cur_left(&part));
		p = bh_cur_take(&part, n);
		keep = BH_MIN_OF(n, room - s->kept);
		memcpy(to + s->kept, p, keep);
		s->kept = (uint16_t)(s->kept + keep);
		s->msg_left -= n;
		if (s->msg_left != 0)
			return;
		s->in_msg = false;
		message_end(t, ctx, side);
	}
}

/* ---- heartbeats ----------------------------------------------------------------------------------- */

/* RFC 6520 4: what claims more than is there must be thrown away; CVE-2014-0160 answers it from memory. */
static void
clear_beat(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side)
{
	struct bh_threat_tls_side *s = &t->side[side];
	uint16_t claimed = bh_load_be16(s->beat + 1);

	if (t->beat_told || s->beat[0] != 1 || claimed + BEAT_HEAD + BEAT_PADDING <= s->record)
		return;
	t->beat_told = true;
	bh_threat_hit(ctx, BH_THREAT_HEARTBLEED,
		      "a heartbeat of %u bytes claims %u bytes of payload", s->record, claimed);
}

static void
beat(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur part)
{
	struct bh_threat_tls_side *s = &t->side[side];
	uint32_t asked = t->side[1 - side].beats;

	if (!s->sealed) {
		while (s->n_beat < BEAT_HEAD && bh_cur_u8(&part, &s->beat[s->n_beat])) {
			if (++s->n_beat == BEAT_HEAD)
				clear_beat(t, ctx, side);
		}
		return;
	}
	if (s->n_beat != 0)
		return;
	s->n_beat = 1; /* once a record */
	s->beats += s->record;
	if (side == SERVER && !t->beat_told && asked != 0 && s->beats > asked + BEAT_SLACK) {
		t->beat_told = true;
		bh_threat_hit(ctx, BH_THREAT_HEARTBLEED,
			      "encrypted heartbeats: %u bytes asked, %u answered", asked, s->beats);
	}
}

/* ---- records ------------------------------------------------------------------------------------------ */

static void
record_head(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side)
{
	struct bh_threat_tls_side *s = &t->side[side];

	s->type = s->head[0];
	s->record = s->left = bh_load_be16(s->head + 3);
	s->n_beat = 0;
	if (s->type < REC_CHANGE_CIPHER || s->type > REC_HEARTBEAT || s->head[1] != 3 ||
	    s->record > RECORD_MAX) {
		t->done = true;
		return;
	}
	if (s->type == REC_CHANGE_CIPHER)
		s->sealed = true;
	if (s->type == REC_DATA && side == SERVER)
		t->done = true;
	if (s->type == REC_HEARTBEAT && !s->sealed && s->record < BEAT_HEAD && !t->beat_told) {
		t->beat_told = true;
		bh_threat_hit(ctx, BH_THREAT_HEARTBLEED, "a heartbeat of %u bytes has no length",
			      s->record);
	}
}

/* SSL 2's hello: 2 bytes of length with the top bit, type, version, lengths of ciphers, session id, challenge. Its lengths
 * must fill it (draft-hickman-netscape-ssl 5.5.1); OpenSSL before 0.9.6e copied what they said (CVE-2002-0656). */
static void
ssl2(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side)
{
	const uint8_t *h = side == CLIENT ? t->hello : t->message;
	uint32_t length = bh_load_be16(h) & 0x7fffu;
	uint32_t ciphers = bh_load_be16(h + 5), id = bh_load_be16(h + 7);

	if (side == SERVER) {
		t->done = true;
		if (t->ssl2 && h[2] == SSL2_SERVER_HELLO)
			judge_version(ctx, 0x0002);
		return;
	}
	if (length < 9 || h[2] != SSL2_CLIENT_HELLO || (h[3] != 3 && bh_load_be16(h + 3) != 2)) {
		t->done = true;
		return;
	}
	t->ssl2 = true;
	if (ciphers == 0 || ciphers % 3 != 0 || ciphers + id + bh_load_be16(h + 9) + 9u != length)
		bh_threat_hit(ctx, BH_THREAT_CIPHER_OVERFLOW,
			      "a hello of SSL 2 with %u bytes claims %u bytes of ciphers", length,
			      ciphers);
	/* Then TLS goes on behind it, where the server chooses that. */
	t->side[CLIENT].left = (uint16_t)(length + 2 - 11);
	t->side[CLIENT].type = 0;
}

#define SSL2_HEAD 11u

/* The first byte tells which form it is. False: more is needed. */
static bool
start(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side, struct bh_cur *in)
{
	struct bh_threat_tls_side *s = &t->side[side];
	uint8_t *h = side == CLIENT ? t->hello : t->message;

	if (s->kept == 0 && in->p[0] < 0x80) {
		s->started = true;
		return true;
	}
	while (s->kept < SSL2_HEAD && bh_cur_u8(in, &h[s->kept]))
		s->kept++;
	if (s->kept < SSL2_HEAD)
		return false;
	s->started = true;
	s->kept = 0;
	ssl2(t, ctx, side);
	return true;
}

void
bh_threat_tls_feed(struct bh_threat_tls *t, const struct bh_threat_ctx *ctx, unsigned side,
		   const uint8_t *at, uint32_t n)
{
	struct bh_threat_tls_side *s = &t->side[side & 1];
	struct bh_cur in = bh_cur(at, n);

	side &= 1;
	while (bh_cur_left(&in) != 0 && !t->done) {
		struct bh_cur part;

		if (!s->started && !start(t, ctx, side, &in))
			return;
		if (t->done || bh_cur_left(&in) == 0)
			return;
		if (s->left == 0) {
			while (s->n_head < 5 && bh_cur_u8(&in, &s->head[s->n_head]))
				s->n_head++;
			if (s->n_head < 5)
				return;
			s->n_head = 0;
			record_head(t, ctx, side);
			continue;
		}
		part = bh_cur(in.p, BH_MIN_OF((size_t)s->left, bh_cur_left(&in)));
		bh_cur_take(&in, bh_cur_left(&part));
		s->left = (uint16_t)(s->left - bh_cur_left(&part));
		if (s->type == REC_HANDSHAKE && !s->sealed)
			handshake(t, ctx, side, part);
		else if (s->type == REC_HEARTBEAT)
			beat(t, ctx, side, part);
	}
}
