/* Each refusal is one well-formed response (RFC 9112), and then the connection is closed: whoever finds the fault, and
 * however the request comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "front_rig.h"

#define HOST "Host: localhost\r\n"
#define GET "GET /api/v1/health HTTP/1.1\r\n" HOST
#define PUT "PUT /api/v1/endpoints/10.1.1.1 HTTP/1.1\r\n" HOST
#define CHUNKS PUT "Transfer-Encoding: chunked\r\n\r\n"
#define BODY "{\"labels\":{}}"

struct refused {
	const char *request;
	int status;
	const char *type; /* of the problem; NULL: libmicrohttpd's words, or its body has begun */
};

static const struct refused heads[] = {
	{"GET /api/v1/health HTTP/1.1\r\n\r\n", 400, "framing"},
	{PUT "Content-Length: 13, 13\r\n\r\n" BODY, 400, "framing"},
	{PUT "Content-Length: +13\r\n\r\n" BODY, 400, "framing"},
	{PUT "Content-Length: -1\r\n\r\n" BODY, 400, "framing"},
	{PUT "Content-Length: 0x0d\r\n\r\n" BODY, 400, "framing"},
	{PUT "Content-Length: \r\n\r\n" BODY, 400, "framing"},
	{PUT "Content-Length: 99999999999999999999999\r\n\r\n" BODY, 413, "too-large"},
	{PUT "Content-Length: 13\r\nContent-Length: 13\r\n\r\n" BODY, 400, "framing"},
	{PUT "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "framing"},
	{PUT "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "coding"},
	{GET HOST "\r\n", 400, "framing"},
	{GET "X : y\r\n\r\n", 400, "framing"},
	{"GET /api/v1/health /x HTTP/1.1\r\n" HOST "\r\n", 400, "framing"},
	{"GET /api/v1/\ahealth HTTP/1.1\r\n" HOST "\r\n", 400, "framing"},
	{GET "no colon\r\n\r\n", 400, NULL},
	{"GET /api/v1/health HTTQ/1.1\r\n" HOST "\r\n", 400, NULL},
	{"GET /api/v1/health HTTP/3.0\r\n" HOST "\r\n", 505, NULL},
	{"GET /api/v1/health\r\n\r\n", 400, NULL},
};

static const struct refused bodies[] = {
	{CHUNKS "zz\r\nabc\r\n0\r\n\r\n", 400, NULL},
	{CHUNKS "-1\r\nabc\r\n0\r\n\r\n", 400, NULL},
	{CHUNKS "3\r\nabcdef\r\n0\r\n\r\n", 400, NULL},
	{CHUNKS "fffffffffffffffffff\r\nabc\r\n0\r\n\r\n", 413, NULL},
	{CHUNKS "3\r\nabc\r\n0\r\nno colon\r\n\r\n", 400, NULL},
};

/* RFC 9112 6.3: one status line, one length, that many bytes, and no more before the end. */
static void
is_one_response(const char *what, const char *out, int status, const char *type)
{
	const char *body = strstr(out, "\r\n\r\n"),
		   *length = strcasestr(out, "\r\nContent-Length: ");
	const char *closing = strcasestr(out, "\r\nConnection: close\r\n");
	char urn[80];
	int got = 0;
	bool fine;

	sscanf(out, "HTTP/1.1 %d ", &got);
	fine = got == status && body != NULL && length != NULL && length < body &&
	       closing != NULL && closing < body &&
	       strtoul(length + 18, NULL, 10) == strlen(body + 4);
	if (type != NULL) {
		snprintf(urn, sizeof(urn), "\"type\":\"urn:bulkhead:problem:%s\"", type);
		fine = fine &&
		       strstr(out, "\r\nContent-Type: application/problem+json\r\n") != NULL &&
		       strstr(body, urn) != NULL;
	}
	if (!fine)
		printf("\n%.100s\n-> %s\n", what, out);
	CU_ASSERT(fine);
}

static void
each_is_one(struct front_rig *r, const struct refused *list, size_t n)
{
	static const size_t pieces[] = {100000, 7};
	char out[8192];
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < 2; k++) {
			front_rig_say(r, list[i].request, strlen(list[i].request), pieces[k], out,
				      sizeof(out));
			is_one_response(list[i].request, out, list[i].status, list[i].type);
		}
	}
}

static void
a_head_that_is_refused_gets_one_response_and_reaches_nobody(void)
{
	struct front_rig r;
	char out[4096];

	front_rig_start(&r);
	each_is_one(&r, heads, sizeof(heads) / sizeof(heads[0]));
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/api/v1/health", "", out, sizeof(out)), 418);
	CU_ASSERT_EQUAL(r.reached, 1);
	front_rig_stop(&r);
}

static void
a_body_that_is_refused_gets_one_response(void)
{
	struct front_rig r;

	front_rig_start(&r);
	each_is_one(&r, bodies, sizeof(bodies) / sizeof(bodies[0]));
	front_rig_stop(&r);
}

/* `text` n times between two others. */
static char *
repeated(const char *before, const char *text, size_t n, const char *after)
{
	size_t len = strlen(text), i;
	char *all = calloc(1, strlen(before) + n * len + strlen(after) + 1), *at;

	at = stpcpy(all, before);
	for (i = 0; i < n; i++)
		at = stpcpy(at, text);
	strcpy(at, after);
	return all;
}

static void
a_head_that_is_too_long_gets_one_response(void)
{
	static const struct {
		const char *before, *text;
		size_t n;
		const char *after;
		int status;
		const char *type;
	} list[] = {
		{GET "X: ", "a", 70000, "\r\n\r\n", 431, NULL},
		{GET, "X: a\r\n", 5000, "\r\n", 431, NULL},
		{"GET /", "a", 70000, " HTTP/1.1\r\n" HOST "\r\n", 414, NULL},
		{GET "Cookie: ", "a=b; ", 3000, "\r\n\r\n", 431, "head-too-large"},
	};
	struct front_rig r;
	char out[8192];
	size_t i;

	front_rig_start(&r);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char *all = repeated(list[i].before, list[i].text, list[i].n, list[i].after);

		front_rig_say(&r, all, strlen(all), 20000, out, sizeof(out));
		is_one_response(all, out, list[i].status, list[i].type);
		free(all);
	}
	CU_ASSERT_EQUAL(r.reached, 0);
	front_rig_stop(&r);
}

static void
arguments_are_the_control_cores_however_many_there_are(void)
{
	char *all = repeated("GET /api/v1/events?", "a&", 5000,
			     " HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	struct front_rig r;
	char out[8192];

	front_rig_start(&r);
	front_rig_say(&r, all, strlen(all), 100000, out, sizeof(out));
	CU_ASSERT_EQUAL(strncmp(out, "HTTP/1.1 418", 12), 0);
	CU_ASSERT_EQUAL(r.uri_len, strlen("/api/v1/events?") + 10000);
	free(all);
	front_rig_stop(&r);
}

/* What comes behind a request that was refused is never read as another one. */
static void
nothing_is_read_behind_a_refusal(void)
{
	static const char all[] = PUT "Content-Length: 13, 13\r\n\r\n" BODY GET "\r\n";
	struct front_rig r;
	char out[8192];

	front_rig_start(&r);
	front_rig_say(&r, all, sizeof(all) - 1, sizeof(all), out, sizeof(out));
	is_one_response(all, out, 400, "framing");
	CU_ASSERT_EQUAL(front_rig_ask(&r, "GET", "/api/v1/health", "", out, sizeof(out)), 418);
	CU_ASSERT_EQUAL(r.reached, 1);
	front_rig_stop(&r);
}

const struct bh_unit_test bh_suite_front_refusal[] = {
	BH_TEST(a_head_that_is_refused_gets_one_response_and_reaches_nobody),
	BH_TEST(a_body_that_is_refused_gets_one_response),
	BH_TEST(a_head_that_is_too_long_gets_one_response),
	BH_TEST(arguments_are_the_control_cores_however_many_there_are),
	BH_TEST(nothing_is_read_behind_a_refusal),
	BH_TEST_END};
