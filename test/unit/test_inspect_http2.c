/* HTTP/2: the same values as in HTTP/1, whatever frames carry them. */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <zlib.h>

#include "inspect_rig.h"
#include "unit.h"

#define ATTACK "7 union select name, secret from accounts"
#define ATTACK_URL "7+union+select+name,+secret+from+accounts"

static struct bh_inspect_http2 conn;

/* What one side says, frame by frame. */
static struct {
	uint8_t at[300000];
	size_t len;
} wire[2];

static void
frame(unsigned side, uint8_t type, uint8_t flags, uint32_t id, const void *body, size_t len)
{
	uint8_t *p = wire[side].at + wire[side].len;

	const uint8_t head[9] = {
		(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0,
		(uint8_t)(id >> 8),   (uint8_t)id};

	memcpy(p, head, sizeof(head));
	if (len > 0)
		memcpy(p + 9, body, len);
	wire[side].len += 9 + len;
}

static void
begin(void)
{
	wire[0].len = wire[1].len = 0;
	memcpy(wire[0].at, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	wire[0].len = 24;
	frame(0, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
	frame(1, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* One header block, with Huffman codes and the dynamic table. fields: name, value, ..., NULL. */
static size_t
block(nghttp2_hd_deflater *d, uint8_t *out, const char *const *fields)
{
	nghttp2_nv nv[16];
	size_t n = 0;
	ssize_t len;

	for (; fields[0] != NULL; fields += 2)
		nv[n++] = (nghttp2_nv){(uint8_t *)(uintptr_t)fields[0],
				       (uint8_t *)(uintptr_t)fields[1], strlen(fields[0]),
				       strlen(fields[1]), 0};
	len = nghttp2_hd_deflate_hd(d, out, 60000, nv, n);
	CU_ASSERT(len > 0);
	return len > 0 ? (size_t)len : 0;
}

static void
asks(nghttp2_hd_deflater *d, uint32_t id, const char *path, const char *type, uint8_t flags)
{
	uint8_t out[60000];
	const char *fields[] = {":method",
				type != NULL ? "POST" : "GET",
				":scheme",
				"http",
				":authority",
				"a.example",
				":path",
				path,
				"user-agent",
				"x",
				type != NULL ? "content-type" : "accept",
				type != NULL ? type : "*/*",
				NULL};
	size_t n = block(d, out, fields);

	/* in two frames, the first one padded and with a priority */
	uint8_t first[64] = {3, 0, 0, 0, 0, 7};

	memcpy(first + 6, out, 4);
	memset(first + 10, 0, 3);
	frame(0, NGHTTP2_HEADERS, flags | 0x28, id, first, 13);
	frame(0, NGHTTP2_CONTINUATION, 4, id, out + 4, n - 4);
}

static uint64_t
judged(size_t step)
{
	struct inspect_rig *r = inspect_rig();
	unsigned side;
	size_t at;

	bh_inspect_http2_open(&conn);
	for (side = 0; side < 2; side++)
		for (at = 0; at < wire[side].len; at += step) {
			size_t n = wire[side].len - at < step ? wire[side].len - at : step;
			uint8_t *copy = malloc(n);

			memcpy(copy, wire[side].at + at, n);
			bh_inspect_http2_feed(&conn, &r->ctx, side, copy, n, false);
			free(copy);
		}
	bh_inspect_http2_close(&conn, &r->ctx);
	CU_ASSERT_EQUAL(r->taken, 0);
	return r->seen;
}

static nghttp2_hd_deflater *
deflater(void)
{
	nghttp2_hd_deflater *d = NULL;

	CU_ASSERT_EQUAL_FATAL(nghttp2_hd_deflate_new(&d, 4096), 0);
	return d;
}

static void
an_attack_is_seen_in_path_header_and_body_of_http2(void)
{
	nghttp2_hd_deflater *d = deflater();
	static const char form[] = "a=1&id=" ATTACK_URL, json[] = "{\"k\":\"" ATTACK "\"}";
	size_t step;

	for (step = 1; step < 400; step += step < 20 ? 1 : 97) {
		begin();
		asks(d, 1, "/x?a=1&b=2", NULL, 1);
		CU_ASSERT_EQUAL(judged(step), 0);
		nghttp2_hd_deflate_del(d);
		d = deflater();
		begin();
		asks(d, 1, "/x?a=1&id=" ATTACK_URL, NULL, 1);
		CU_ASSERT(SAW(judged(step), SQLI));
		nghttp2_hd_deflate_del(d);
		d = deflater();
		begin();
		asks(d, 1, "/x", "application/x-www-form-urlencoded", 0);
		frame(0, NGHTTP2_DATA, 0, 1, form, 10);
		frame(0, NGHTTP2_DATA, 1, 1, form + 10, sizeof(form) - 11);
		CU_ASSERT(SAW(judged(step), SQLI));
		nghttp2_hd_deflate_del(d);
		d = deflater();
		begin();
		asks(d, 1, "/x", "application/json", 0);
		frame(0, NGHTTP2_DATA, 1, 1, json, sizeof(json) - 1);
		CU_ASSERT(SAW(judged(step), SQLI));
		nghttp2_hd_deflate_del(d);
		d = deflater();
	}
	nghttp2_hd_deflate_del(d);
}

static void
streams_that_interleave_are_told_apart(void)
{
	nghttp2_hd_deflater *d = deflater();
	static const char one[] = "a=7+union+sel", two[] = "ect+name,+secret+from+accounts";
	uint32_t id;

	begin();
	for (id = 1; id <= 7; id += 2)
		asks(d, id, "/x", "application/x-www-form-urlencoded", 0);
	for (id = 1; id <= 7; id += 2)
		frame(0, NGHTTP2_DATA, 0, id, id == 5 ? one : "a=1&b=", id == 5 ? 13 : 6);
	CU_ASSERT_EQUAL(judged(50), 0);
	for (id = 1; id <= 7; id += 2)
		frame(0, NGHTTP2_DATA, 1, id, id == 5 ? two : "1", id == 5 ? sizeof(two) - 1 : 1);
	CU_ASSERT(SAW(judged(50), SQLI));
	nghttp2_hd_deflate_del(d);
}

/* More uploads at once than there are places: what has to make room is looked at, and what follows of it, too. */
static void
nothing_hides_behind_many_streams(void)
{
	nghttp2_hd_deflater *d = deflater();
	static const char text[] = "id=" ATTACK_URL "&x=";
	uint32_t id;

	begin();
	asks(d, 1, "/x", "application/x-www-form-urlencoded", 0);
	for (id = 3; id < 99; id += 2) {
		asks(d, id, "/x", "application/x-www-form-urlencoded", 0);
		frame(0, NGHTTP2_DATA, 0, id, "a=1", 3);
	}
	CU_ASSERT_EQUAL(judged(5000), 0);
	frame(0, NGHTTP2_DATA, 1, 1, text, sizeof(text) - 1);
	CU_ASSERT(SAW(judged(5000), SQLI));
	nghttp2_hd_deflate_del(d);
}

static void
grpc_messages_are_read_field_by_field(void)
{
	nghttp2_hd_deflater *d = deflater();
	uint8_t text[200] = {0, 0, 0, 0, 0, 0x08, 0x96, 0x01, 0x12, 0, 0x0a, 0};
	const size_t n = strlen(ATTACK);

	memcpy(text + 12, ATTACK, n);
	text[11] = (uint8_t)n;
	text[9] = (uint8_t)(n + 2);
	text[4] = (uint8_t)(n + 7);
	begin();
	asks(d, 1, "/shop.Catalog/Search", "application/grpc", 0);
	frame(0, NGHTTP2_DATA, 1, 1, text, n + 12);
	CU_ASSERT(SAW(judged(13), SQLI));
	nghttp2_hd_deflate_del(d);
}

static void
a_compressed_answer_of_http2_is_decoded(void)
{
	nghttp2_hd_deflater *d = deflater();
	static const char *const fields[] = {
		":status", "200", "content-type", "text/plain", "content-encoding", "gzip", NULL};
	static const char card[] = "pan 4111 1111 1111 1111 of Jane";
	uint8_t out[60000], zip[500];
	z_stream z = {0};
	size_t n;

	begin();
	asks(d, 1, "/x", NULL, 1);
	nghttp2_hd_deflate_del(d);
	d = deflater();
	n = block(d, out, fields);
	frame(1, NGHTTP2_HEADERS, 4, 1, out, n);
	CU_ASSERT_EQUAL(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)card;
	z.avail_in = sizeof(card) - 1;
	z.next_out = zip;
	z.avail_out = sizeof(zip);
	CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
	frame(1, NGHTTP2_DATA, 1, 1, zip, z.total_out);
	deflateEnd(&z);
	CU_ASSERT(SAW(judged(7), DLP_CARD));
	nghttp2_hd_deflate_del(d);
}

static void
without_memory_http2_is_left_alone(void)
{
	nghttp2_hd_deflater *d = deflater();
	struct inspect_rig *r = inspect_rig();

	begin();
	asks(d, 1, "/x?id=" ATTACK_URL, NULL, 1);
	r->ctx.memory = NULL;
	bh_inspect_http2_open(&conn);
	CU_ASSERT_EQUAL(bh_inspect_http2_feed(&conn, &r->ctx, 0, wire[0].at, wire[0].len, true), 0);
	bh_inspect_http2_close(&conn, &r->ctx);
	nghttp2_hd_deflate_del(d);
}

const struct bh_unit_test bh_suite_inspect_http2[] = {
	BH_TEST(an_attack_is_seen_in_path_header_and_body_of_http2),
	BH_TEST(streams_that_interleave_are_told_apart),
	BH_TEST(nothing_hides_behind_many_streams),
	BH_TEST(grpc_messages_are_read_field_by_field),
	BH_TEST(a_compressed_answer_of_http2_is_decoded),
	BH_TEST(without_memory_http2_is_left_alone),
	BH_TEST_END,
};
