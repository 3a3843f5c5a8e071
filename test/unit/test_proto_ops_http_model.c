/* Random HTTP/1 conversations: the writer knows which operations are in them, the parser must find just these. */
#include <stdio.h>

#include "../../lib/proto/proto.h"
#include "proto_ops_rig.h"
#include "unit.h"

struct writer {
	uint32_t x;
	struct bh_buf side[2];
	struct bh_buf expected[2]; /* operations of each side: all requests are sent first */
};

static uint32_t
draw(struct writer *w, uint32_t below)
{
	w->x = w->x * 1664525 + 1013904223;
	return (w->x >> 8) % below;
}

/* Bytes that would be a request or a response if they were not a body. */
static void
body_bytes(struct writer *w, struct bh_buf *b, uint32_t n)
{
	static const char bait[] = "\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
				   "HTTP/1.1 200 OK\r\n\r\n0\r\n\r\n";
	uint32_t at = draw(w, sizeof(bait) - 1), i;

	for (i = 0; i < n; i++)
		bh_buf_add(b, bait + (at + i) % (sizeof(bait) - 1), 1);
}

static void
body(struct writer *w, struct bh_buf *b, unsigned how)
{
	uint32_t n = draw(w, 90), chunk;

	if (how == 1) {
		bh_buf_printf(b, "Content-Length: %u\r\n\r\n", n);
		body_bytes(w, b, n);
		return;
	}
	bh_buf_str(b, "Transfer-Encoding: chunked\r\n\r\n");
	for (; n != 0; n -= chunk) {
		chunk = 1 + draw(w, n);
		bh_buf_printf(b, draw(w, 2) != 0 ? "%x\r\n" : "%04X;a=b\r\n", chunk);
		body_bytes(w, b, chunk);
		bh_buf_str(b, "\r\n");
	}
	bh_buf_str(b, draw(w, 2) != 0 ? "0\r\n\r\n" : "000\r\nX-Sum: 1\r\n\r\n");
}

static void
interim(struct writer *w)
{
	bh_buf_str(&w->side[1], "HTTP/1.1 100 Continue\r\n\r\n");
	bh_buf_str(&w->expected[1], "http.1 record HTTP_STATUS=100\n");
}

/* Bodies: 0 none, 1 of a length, 2 chunked. */
static void
exchange(struct writer *w, unsigned n)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
	static const unsigned statuses[] = {200, 204, 304, 404, 500};
	const char *method = methods[draw(w, 4)];
	unsigned status = statuses[draw(w, 5)], how = draw(w, 3);

	bh_buf_printf(&w->side[0], "%s /%u HTTP/1.1\r\nHost: h%u\r\n", method, n, n);
	bh_buf_printf(&w->expected[0],
		      "http.0 HTTP_METHOD=%s HTTP_HOST=h%u HTTP_PATH=/%u "
		      "HTTP_PROTOCOL=HTTP/1.1 HTTP_HEADER=host%s\n",
		      method, n, n,
		      how == 0   ? ""
		      : how == 1 ? " HTTP_HEADER=content-length"
				 : " HTTP_HEADER=transfer-encoding");
	if (how == 0)
		bh_buf_str(&w->side[0], "\r\n");
	else
		body(w, &w->side[0], how);
	if (draw(w, 4) == 0)
		interim(w);
	bh_buf_printf(&w->side[1], "HTTP/1.1 %u X\r\n", status);
	bh_buf_printf(&w->expected[1], "http.1 record HTTP_STATUS=%u\n", status);
	if (status == 204)
		bh_buf_str(&w->side[1], "\r\n");
	else if (status == 304 || method[0] == 'H')
		bh_buf_printf(&w->side[1], "Content-Length: %u\r\n\r\n", draw(w, 99));
	else
		body(w, &w->side[1], 1 + draw(w, 2));
}

static void
conversations_are_read_as_written(void)
{
	unsigned round, i;

	for (round = 0; round < 300; round++) {
		struct writer w = {.x = round};
		struct bh_ops_said said[2];
		unsigned n = 1 + draw(&w, 12);
		char *got;

		for (i = 0; i < n; i++)
			exchange(&w, i);
		bh_buf_printf(&w.expected[0], "%smore", w.expected[1].data);
		for (i = 0; i < 2; i++)
			said[i] = (struct bh_ops_said){i, w.side[i].data, w.side[i].len};
		got = bh_ops_rig_run(BH_APP_HTTP, said, 2, 1 + draw(&w, 40), 1 + draw(&w, 40));
		CU_ASSERT(got != NULL && strcmp(got, w.expected[0].data) == 0);
		free(got);
		for (i = 0; i < 2; i++) {
			bh_buf_free(&w.side[i]);
			bh_buf_free(&w.expected[i]);
		}
	}
}

const struct bh_unit_test bh_suite_proto_ops_http_model[] = {
	BH_TEST(conversations_are_read_as_written),
	BH_TEST_END,
};
