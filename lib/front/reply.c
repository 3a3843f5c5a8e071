/* reply: answers, those of the control core and a few of our own. */
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <sys/socket.h>

#include "front_priv.h"

#define STREAM_BLOCK 16384

static const struct {
	unsigned status;
	const char *name, *title;
} problems[] = {
#define BH_PROBLEM(sym, s, n, t) [BH_PROBLEM_##sym] = {s, n, t},
#include "../ipc/problem.def"
#undef BH_PROBLEM
};

/* Inside a JSON string; what is not plain ASCII becomes a question mark. */
static void
add_plain(struct bh_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		bh_buf_add(b, c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? "?" : s, 1);
	}
}

void
bh_front_fail(struct bh_front_req *req, enum bh_front_problem problem, const char *detail)
{
	/* Details are sentences of framing.c: nothing in them needs an escape. */
	bh_buf_reset(&req->body);
	bh_buf_printf(&req->body,
		      "{\"type\":\"urn:bulkhead:problem:%s\",\"title\":\"%s\",\"status\":%u,"
		      "\"detail\":\"%s\",\"instance\":\"",
		      problems[problem].name, problems[problem].title, problems[problem].status,
		      detail);
	add_plain(&req->body, req->uri);
	bh_buf_str(&req->body, "\"}");
	req->reply = (struct bh_ipc_reply){.status = (uint16_t)problems[problem].status,
					   .content_type = "application/problem+json",
					   .length = req->body.len};
	req->ready = true;
}

/* ---- headers ---------------------------------------------------------------------------------------------- */

struct header {
	const char *name, *value;
};

#define HEADERS_MAX 20

static unsigned
collect(const struct bh_ipc_reply *r, struct header out[HEADERS_MAX])
{
	const struct header all[] = {
		{"Cache-Control", r->cache_control != NULL ? r->cache_control : "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy",
		 r->security != NULL ? r->security : "default-src 'none'; frame-ancestors 'none'"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		/* No page of another origin may read an answer: nobody has a name in .invalid (RFC 2606). */
		{"Access-Control-Allow-Origin", "https://none.invalid"},
		{"Content-Type", r->content_type},
		{"WWW-Authenticate", r->www_authenticate},
		{"Allow", r->allow},
		{"ETag", r->etag},
		{"Location", r->location},
		{"Retry-After", r->retry_after},
		{"RateLimit-Limit", r->rate_limit},
		{"RateLimit-Remaining", r->rate_left},
		{"RateLimit-Reset", r->rate_reset},
		{"Set-Cookie", r->set_cookie},
		{"Content-Disposition", r->disposition},
	};
	unsigned i, n = 0;

	_Static_assert(BH_ARRAY_SIZE(all) <= HEADERS_MAX, "headers fit");
	for (i = 0; i < BH_ARRAY_SIZE(all); i++) {
		if (all[i].value != NULL)
			out[n++] = all[i];
	}
	return n;
}

static ssize_t
read_stream(void *arg, uint64_t pos, char *out, size_t max)
{
	struct bh_front_req *req = arg;
	size_t n = req->body.len - req->body_read;

	(void)pos;
	if (n == 0) {
		if (req->stream_ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		bh_front_suspend(req);
		return 0;
	}
	if (n > max)
		n = max;
	memcpy(out, req->body.data + req->body_read, n);
	req->body_read += n;
	if (req->body_read == req->body.len) {
		bh_buf_reset(&req->body);
		req->body_read = 0;
	} else if (req->body_read >= BH_FRONT_STREAM_MAX) {
		/* Of a client that reads, but never all. */
		req->body.len -= req->body_read;
		memmove(req->body.data, req->body.data + req->body_read, req->body.len);
		req->body_read = 0;
	}
	return (ssize_t)n;
}

enum MHD_Result
bh_front_queue_reply(struct bh_front_req *req)
{
	struct header h[HEADERS_MAX];
	struct MHD_Response *response;
	enum MHD_Result rc;
	unsigned i, n;

	if (req->stream) {
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
							     read_stream, req, NULL);
	} else if (req->file != NULL) {
		response =
			MHD_create_response_from_buffer(req->file_len, (void *)(uintptr_t)req->file,
							MHD_RESPMEM_PERSISTENT);
	} else {
		response = MHD_create_response_from_buffer(req->body.len, req->body.data,
							   MHD_RESPMEM_MUST_FREE);
	}
	if (response == NULL)
		return MHD_NO;
	if (!req->stream)
		req->body = (struct bh_buf){0}; /* libmicrohttpd's now */
	n = collect(&req->reply, h);
	for (i = 0; i < n; i++)
		MHD_add_response_header(response, h[i].name, h[i].value);
	if (req->front->tls)
		MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
	rc = MHD_queue_response(req->conn, req->reply.status, response);
	MHD_destroy_response(response);
	return rc;
}

/* What is written fits the socket's buffer, which is empty: answers to earlier requests are out before the next is
 * read. */
static void
write_now(const struct bh_front_req *req, int fd, const struct bh_buf *b)
{
	const union MHD_ConnectionInfo *tls;

	if (!req->front->tls) {
		(void)!send(fd, b->data, b->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	tls = MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (tls == NULL)
		return;
	(void)gnutls_record_send(tls->tls_session, b->data, b->len);
	(void)gnutls_bye(tls->tls_session, GNUTLS_SHUT_WR);
}

enum MHD_Result
bh_front_reply_and_close(struct bh_front_req *req)
{
	const union MHD_ConnectionInfo *i;
	struct header h[HEADERS_MAX];
	struct bh_buf b = {0};
	unsigned k, n;

	if (req->raw)
		return MHD_NO;
	req->raw = true;
	i = MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	bh_buf_printf(&b, "HTTP/1.1 %u Refused\r\nConnection: close\r\nContent-Length: %zu\r\n",
		      req->reply.status, req->body.len);
	n = collect(&req->reply, h);
	for (k = 0; k < n; k++)
		bh_buf_printf(&b, "%s: %s\r\n", h[k].name, h[k].value);
	bh_buf_str(&b, "\r\n");
	bh_buf_add(&b, req->body.data, req->body.len);
	if (!b.failed && i != NULL) {
		write_now(req, i->connect_fd, &b);
		shutdown(i->connect_fd, SHUT_WR);
	}
	bh_buf_free(&b);
	return MHD_NO;
}
