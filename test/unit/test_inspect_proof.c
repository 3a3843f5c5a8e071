/* Recall and precision over data that is made here: every kind of sensitive data in every container that carries it, and
 * near misses in the same ones. The figures are printed; no record shows any of the data whole. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "inspect_made.h"
#include "inspect_talk.h"
#include "unit.h"

#define EACH 12 /* of a kind in a container */

/* ---- containers ------------------------------------------------------------------------------------------ */

static char text[8192];
static uint64_t seen;
static unsigned records, shown;
static const char *secret;

/* Does a record show the secret, or enough of its digits? */
static bool
shows(const char *record)
{
	return strlen(secret) >= 8 && strstr(record, secret) != NULL;
}

static void
report(void *arg, const struct bh_inspect_finding *f)
{
	(void)arg;
	records++;
	shown += shows(f->excerpt) || shows(f->name);
	if (f->class >= BH_INSPECT_DLP_CARD)
		seen |= BH_INSPECT_BIT(f->class);
}

static struct bh_inspect_ctx
context(void)
{
	struct bh_inspect_ctx ctx = inspect_rig()->ctx;

	ctx.report = report;
	return ctx;
}

static uint8_t sent[32000];
static size_t n_sent;

/* The body in one piece, or in chunks of which none is long: a border may stand anywhere. */
static void
put_body(bool chunked, const uint8_t *body, size_t len)
{
	size_t n, most = 1 + draw(40);

	if (!chunked) {
		memcpy(sent + n_sent, body, len);
		n_sent += len;
		return;
	}
	for (; len > 0; body += n, len -= n) {
		n = 1 + draw((uint32_t)most);
		n = n < len ? n : len;
		n_sent += (size_t)sprintf((char *)sent + n_sent, "%zx\r\n", n);
		memcpy(sent + n_sent, body, n);
		n_sent += n;
		n_sent += (size_t)sprintf((char *)sent + n_sent, "\r\n");
	}
	n_sent += (size_t)sprintf((char *)sent + n_sent, "0\r\n\r\n");
}

static void
http(bool request, const char *head, const void *body, size_t len)
{
	static struct bh_inspect_http conn;
	struct bh_inspect_ctx ctx = context();
	static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t pos, step = 1 + draw(1400);
	bool chunked = draw(3) == 0;

	n_sent = (size_t)sprintf((char *)sent, "%s\r\nHost: a\r\n%s",
				 request ? "POST / HTTP/1.1" : "HTTP/1.1 200 OK", head);
	n_sent += (size_t)sprintf((char *)sent + n_sent,
				  chunked ? "Transfer-Encoding: chunked\r\n\r\n"
					  : "Content-Length: %zu\r\n\r\n",
				  len);
	put_body(chunked, body, len);
	bh_inspect_http_open(&conn);
	if (!request)
		bh_inspect_http_feed(&conn, &ctx, 0, (const uint8_t *)ask, sizeof(ask) - 1, false);
	for (pos = 0; pos < n_sent; pos += step)
		bh_inspect_http_feed(&conn, &ctx, request ? 0 : 1, sent + pos,
				     n_sent - pos < step ? n_sent - pos : step, false);
	bh_inspect_http_close(&conn, &ctx);
}

static void
in_body(const char *value)
{
	snprintf(text, sizeof(text), "The record of today says %s and nothing else.\n", value);
	http(draw(2), "Content-Type: text/plain\r\n", text, strlen(text));
}

/* gzip, or zlib as HTTP calls deflate; of what is in `text`. */
static size_t
packed(uint8_t *out, size_t room, int bits)
{
	z_stream z = {0};

	deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)text;
	z.avail_in = (uInt)strlen(text);
	z.next_out = out;
	z.avail_out = (uInt)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void
in_gzip(const char *value)
{
	uint8_t out[8192];
	bool gzip = draw(2);

	snprintf(text, sizeof(text), "<p>The record of today says</p> <b>%s</b> (nothing else)\n",
		 value);
	http(draw(2),
	     gzip ? "Content-Type: text/html\r\nContent-Encoding: gzip\r\n"
		  : "Content-Type: text/html\r\nContent-Encoding: deflate\r\n",
	     out, packed(out, sizeof(out), gzip ? 31 : 15));
}

static void
in_json(const char *value)
{
	snprintf(text, sizeof(text), "{\"id\": %u, \"items\": [{\"note\": \"%s\"}], \"ok\": true}",
		 draw(1000), value);
	http(draw(2), "Content-Type: application/json\r\n", text, strlen(text));
}

static void
in_form(const char *value)
{
	size_t n = (size_t)sprintf(text, "id=%u&note=", draw(1000));

	for (; *value != '\0'; value++)
		n += (size_t)sprintf(text + n,
				     strchr(ALNUM, *value) != NULL ? "%c"
				     : *value == ' '               ? "+"
								   : "%%%02X",
				     (uint8_t)*value);
	sprintf(text + n, "&ok=1");
	http(true, "Content-Type: application/x-www-form-urlencoded\r\n", text, strlen(text));
}

static void
talked(const struct inspect_talk *t, unsigned app)
{
	struct bh_inspect_ctx ctx = context();

	talk_feed_to(t, app, 1 + draw(700), &ctx);
}

static void
in_mysql(const char *value)
{
	struct inspect_talk *t = talk_new();
	struct talk_value v = {.kind = TALK_TEXT, .text = value};
	bool binary = draw(2);

	talk_mysql_login(t, 0x000fa685);
	if (draw(3) == 0) {
		talk_mysql_bound(t, &v);
		talked(t, BH_APP_MYSQL);
		return;
	}
	talk_mysql_command(t, binary ? 0x17 : 0x03, "SELECT a, b, c FROM t");
	talk_mysql_result(t, &v, 1, binary, draw(2));
	talked(t, BH_APP_MYSQL);
}

static void
in_pgsql(const char *value)
{
	struct inspect_talk *t = talk_new();
	struct talk_value v = {.kind = TALK_TEXT, .text = value};
	bool binary = draw(2);

	talk_pgsql_login(t);
	if (draw(3) == 0) {
		talk_pgsql_bound(t, &v);
		talked(t, BH_APP_POSTGRESQL);
		return;
	}
	talk_pgsql_bind(t, "SELECT a, b, c FROM t", "7", binary);
	talk_pgsql_result(t, &v, 1, binary, true);
	talked(t, BH_APP_POSTGRESQL);
}

static void
in_mssql(const char *value)
{
	struct inspect_talk *t = talk_new();
	struct talk_value v = {.kind = TALK_TEXT, .text = value};

	talk_mssql_login(t);
	if (draw(3) == 0) {
		talk_mssql_call(t, "INSERT INTO t VALUES (@a)", value, draw(2));
	} else {
		talk_mssql_batch(t, "SELECT a, b, c FROM t");
		talk_mssql_result(t, &v, draw(3), draw(2));
	}
	talked(t, BH_APP_MSSQL);
}

static void
in_redis(const char *value)
{
	struct inspect_talk *t = talk_new();
	const char *const arguments[] = {draw(2) ? "SET" : "PUBLISH", "the:record", value};
	bool asks = draw(2);

	talk_redis_command(t, asks ? 2 : 3, arguments);
	talk_redis_reply(t, asks ? value : "OK", draw(2));
	talked(t, BH_APP_REDIS);
}

static void
in_mongodb(const char *value)
{
	struct inspect_talk *t = talk_new();
	struct talk_value v = {.kind = TALK_TEXT, .text = value};

	talk_mongodb(t, draw(2), &v, draw(7));
	talked(t, BH_APP_MONGODB);
}

static void
in_memcached(const char *value)
{
	struct inspect_talk *t = talk_new();

	talk_memcached(t, value, draw(5));
	talked(t, BH_APP_MEMCACHED);
}

static void
mail(const char *head, const char *body)
{
	struct inspect_talk *t = talk_new();

	talk_words(t, 0, "EHLO a\r\nDATA\r\n");
	talk_words(t, 1, "250 ok\r\n354 go on\r\n");
	talk_words(t, 0, "Subject: the record\r\n");
	talk_words(t, 0, head);
	talk_words(t, 0, "\r\n");
	talk_words(t, 0, body);
	talk_words(t, 0, "\r\n.\r\n");
	talked(t, BH_APP_SMTP);
}

static void
in_mail(const char *value)
{
	snprintf(text, sizeof(text), "The record of today says %s and nothing else.", value);
	mail("Content-Type: text/plain\r\n", text);
}

/* Bytes as lines of base64, in `text`. */
static void
base64(const uint8_t *at, size_t n)
{
	static const char set[] = ALNUM;
	char *out = text;
	size_t i;

	for (i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)at[i] << 16 | (i + 1 < n ? (uint32_t)at[i + 1] << 8 : 0) |
			     (i + 2 < n ? at[i + 2] : 0);
		unsigned k;

		for (k = 0; k < 4; k++) {
			unsigned six = v >> (18 - 6 * k) & 63;

			/* ALNUM has its capitals first, as base64 has */
			*out++ = i + k > n + (k == 0) ? '='
				 : six == 62          ? '+'
				 : six == 63          ? '/'
						      : set[six];
		}
		if (i % 57 == 54)
			*out++ = '\r', *out++ = '\n';
	}
	*out = '\0';
}

/* A file as it is, in gzip, in UTF-16. */
static void
in_base64(const char *value)
{
	uint8_t file[4096];
	unsigned form = draw(3);
	size_t i, n;

	n = (size_t)sprintf(text, "The record of today says %s and nothing else.\n", value);
	memcpy(file, text, n);
	if (form == 1)
		n = packed(file, sizeof(file), 31);
	for (i = n; form == 2 && i-- > 0;) {
		file[2 * i] = (uint8_t)text[i];
		file[2 * i + 1] = 0;
	}
	base64(file, form == 2 ? 2 * n : n);
	mail("Content-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: base64\r\n", text);
}

static void
in_quoted(const char *value)
{
	size_t n = (size_t)sprintf(text, "The record =3D "), column = n;

	for (; *value != '\0'; value++, column++) {
		if (column >= 24)
			n += (size_t)sprintf(text + n, "=\r\n"), column = 0;
		n += (size_t)sprintf(text + n, *value == '=' || draw(8) == 0 ? "=%02X" : "%c",
				     (uint8_t)*value);
	}
	sprintf(text + n, " and nothing else.");
	mail("Content-Transfer-Encoding: quoted-printable\r\n", text);
}

static void (*const containers[])(const char *value) = {
	in_body,  in_gzip,    in_json,      in_form, in_mysql,  in_pgsql,  in_mssql,
	in_redis, in_mongodb, in_memcached, in_mail, in_base64, in_quoted,
};
static const char *const names[] = {"body",       "gzip",   "json",  "form",    "mysql",
				    "postgresql", "mssql",  "redis", "mongodb", "memcached",
				    "mail",       "base64", "quoted"};

/* ---- the claims ------------------------------------------------------------------------------------------ */

/* One address in a form is its sender's own (struct bh_inspect_own). */
static bool
is_own(unsigned class, void (*container)(const char *value))
{
	return class == BH_INSPECT_DLP_EMAIL && container == in_form;
}

static void
recall_and_precision_of_sensitive_data_are_kept(void)
{
	unsigned made = 0, found = 0, near = 0, wrong = 0, k, c, i;
	char value[256];

	seed = 0x9e3779b97f4a7c15u;
	records = shown = 0;
	for (k = 0; k < BH_ARRAY_SIZE(kinds); k++) {
		for (c = 0; c < BH_ARRAY_SIZE(containers); c++) {
			if (is_own(kinds[k].class, containers[c]))
				continue;
			for (i = 0; i < EACH * (k == 0 ? 4u : 1u); i++) {
				uint64_t bit = BH_INSPECT_BIT(kinds[k].class);

				kinds[k].make(value);
				secret = value;
				seen = 0;
				containers[c](value);
				made++;
				found += (seen & bit) != 0;
				wrong += (unsigned)__builtin_popcountll(seen &
									~(bit | kinds[k].also));
				if ((seen & ~kinds[k].also) != bit)
					fprintf(stderr, "%s in %s: %s: %llx\n",
						bh_inspect_class_info(kinds[k].class)->key,
						names[c], value, (unsigned long long)seen);
			}
		}
	}
	for (k = 0; k < BH_ARRAY_SIZE(misses); k++) {
		for (c = 0; c < BH_ARRAY_SIZE(containers); c++) {
			for (i = 0; i < 2 * EACH; i++) {
				misses[k](value);
				seen = 0;
				containers[c](value);
				near++;
				wrong += (unsigned)__builtin_popcountll(seen);
				if (seen != 0)
					fprintf(stderr, "near miss %u in %s: %s: %llx\n", k,
						names[c], value, (unsigned long long)seen);
			}
		}
	}
	printf("sensitive data: %u of %u found (%.2f %%), %u wrong of %u near misses, precision "
	       "%.2f %%, %u records, %u unmasked\n",
	       found, made, 100.0 * found / made, wrong, near, 100.0 * found / (found + wrong),
	       records, shown);
	CU_ASSERT(found * 1000.0 >= made * 990.0);
	CU_ASSERT(found * 1000.0 >= (found + wrong) * 995.0);
	CU_ASSERT_EQUAL(shown, 0);
}

/* ---- numbers in binary ----------------------------------------------------------------------------------- */

/* As a column has it, or as it is bound. */
static void
in_column(uint64_t number, unsigned kind)
{
	struct inspect_talk *t = talk_new();
	char printed[24];
	struct talk_value v = {.kind = kind, .number = number, .text = printed};
	static const uint8_t form[] = {0, 3, 5, 4};
	bool binds = draw(2);

	sprintf(printed, "%llu", (unsigned long long)number);
	switch (draw(3)) {
	case 0:
		talk_mysql_login(t, 0x000fa685);
		if (!binds) {
			talk_mysql_command(t, 0x17, "\1\0\0\0\0\1\0\0\0");
			talk_mysql_result(t, &v, 1, true, draw(2));
		} else {
			talk_mysql_bound(t, &v);
		}
		talked(t, BH_APP_MYSQL);
		break;
	case 1:
		talk_pgsql_login(t);
		if (!binds) {
			talk_pgsql_bind(t, "SELECT a, b, c FROM t", "7", true);
			talk_pgsql_result(t, &v, 1, true, true);
		} else {
			talk_pgsql_bound(t, &v);
		}
		talked(t, BH_APP_POSTGRESQL);
		break;
	default:
		talk_mssql_login(t);
		talk_mssql_batch(t, "SELECT a, b, c FROM t");
		talk_mssql_result(t, &v, form[kind], draw(2));
		talked(t, BH_APP_MSSQL);
	}
}

/* A number in decimal that a bad check digit, a time, an order, a telephone or an article has. */
static uint64_t
other_number(void)
{
	char d[64];

	switch (draw(6)) {
	case 0:
		do
			card_number(d, false);
		while (strpbrk(d, " -") != NULL);
		break;
	case 1:
		miss_imei(d);
		break;
	case 2:
		miss_article(d);
		break;
	case 3:
		miss_time(d);
		break;
	case 4:
		sprintf(d, "%llu", 1500000000000ull + (unsigned long long)draw(1u << 31) * 200);
		break;
	default:
		digits(d, 8 + draw(4));
	}
	return strtoull(d, NULL, 10);
}

static void
recall_and_precision_of_numbers_in_binary_are_kept(void)
{
	enum { EACH_KIND = 600 };
	unsigned made = 0, found = 0, wrong = 0, kind, i;
	char value[64];

	seed = 0x6a09e667f3bcc909u;
	records = shown = 0;
	for (kind = TALK_INT8; kind <= TALK_NUMERIC; kind++) {
		for (i = 0; i < EACH_KIND; i++) {
			/* floating point holds integers up to 2^53 */
			do
				card_number(value, true);
			while (strpbrk(value, " -") != NULL || strlen(value) > 16 ||
			       strcmp(value, "9007199254740992") > 0);
			secret = value;
			seen = 0;
			in_column(strtoull(value, NULL, 10), kind);
			made++;
			found += seen == BH_INSPECT_BIT(BH_INSPECT_DLP_CARD);
		}
		for (i = 0; i < EACH_KIND; i++) {
			seen = 0;
			in_column(other_number(), kind);
			wrong += (unsigned)__builtin_popcountll(seen);
		}
	}
	printf("cards as numbers in binary: %u of %u found (%.2f %%), %u wrong of %u others, "
	       "precision %.2f %%, %u unmasked\n",
	       found, made, 100.0 * found / made, wrong, made, 100.0 * found / (found + wrong),
	       shown);
	CU_ASSERT(found * 1000.0 >= made * 990.0);
	CU_ASSERT(found * 1000.0 >= (found + wrong) * 995.0);
	CU_ASSERT_EQUAL(shown, 0);
}

const struct bh_unit_test bh_suite_inspect_proof[] = {
	BH_TEST(recall_and_precision_of_numbers_in_binary_are_kept),
	BH_TEST(recall_and_precision_of_sensitive_data_are_kept),
	BH_TEST_END,
};
