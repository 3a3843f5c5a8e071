/* http: libmicrohttpd's callbacks. One thread runs them all, one at a time.
 *
 * Connections. libmicrohttpd's time-out counts silence, so that one byte every few seconds keeps a
 * connection for ever; a full house would then shut everybody out. So it may take a few more than
 * max_connections, and each one above closes the connection that was idle longest.
 *
 * Answers that cannot wait for the end of the request (its framing is in doubt, or its body too long)
 * are written to the socket here, because libmicrohttpd 0.9.75 takes an early answer for POST and PUT
 * alone, and none at all once the body has begun. */
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>

#include "api_priv.h"

#define CONNECTION_MEMORY (32u << 10) /* request line, headers and one piece of the body */
#define SPARE_CONNECTIONS 16

/* ---- connections ------------------------------------------------------------------------------------ */

static void
conn_append(struct bh_api *api, struct bh_api_conn *c)
{
	c->prev = api->conns.prev;
	c->next = &api->conns;
	c->prev->next = c;
	api->conns.prev = c;
}

static void
conn_unlink(struct bh_api_conn *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
}

/* Shutting down is enough: libmicrohttpd then reads the end of the stream and closes. */
static void
close_oldest(struct bh_api *api, const struct bh_api_conn *but)
{
	struct bh_api_conn *c;

	for (c = api->conns.next; c != &api->conns; c = c->next) {
		if (c != but && !c->closing) {
			c->closing = true;
			api->n_conns--;
			shutdown(c->fd, SHUT_RDWR);
			return;
		}
	}
}

static void
on_connection(void *arg, struct MHD_Connection *conn, void **context,
	      enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *fd;
	struct bh_api *api = arg;
	struct bh_api_conn *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c == NULL)
			return;
		conn_unlink(c);
		if (!c->closing)
			api->n_conns--;
		free(c);
		*context = NULL;
		return;
	}
	fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	c = calloc(1, sizeof(*c));
	if (c == NULL || fd == NULL) {
		/* It is served all the same, but can't be chosen to be closed. */
		free(c);
		return;
	}
	c->fd = fd->connect_fd;
	conn_append(api, c);
	*context = c;
	if (++api->n_conns > api->p.max_connections)
		close_oldest(api, c);
}

static void
conn_used(struct bh_api *api, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (i == NULL || i->socket_context == NULL)
		return;
	conn_unlink(i->socket_context);
	conn_append(api, i->socket_context);
}

/* ---- replies ---------------------------------------------------------------------------------------- */

static const char *const headers[][2] = {
	{"Cache-Control", "no-store"},
	{"X-Content-Type-Options", "nosniff"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
};

static enum MHD_Result
queue_reply(struct bh_api_req *req, struct MHD_Connection *conn)
{
	struct bh_api_reply *r = &req->reply;
	enum MHD_Result rc;
	struct MHD_Response *response;
	size_t i;

	response = MHD_create_response_from_buffer(r->len, r->body, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return MHD_NO;
	r->body = NULL; /* libmicrohttpd's now */
	for (i = 0; i < BH_ARRAY_SIZE(headers); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	if (r->content_type != NULL)
		MHD_add_response_header(response, "Content-Type", r->content_type);
	if (r->www_authenticate != NULL)
		MHD_add_response_header(response, "WWW-Authenticate", r->www_authenticate);
	if (r->allow[0] != '\0')
		MHD_add_response_header(response, "Allow", r->allow);
	if (r->etag[0] != '\0')
		MHD_add_response_header(response, "ETag", r->etag);
	rc = MHD_queue_response(conn, r->status, response);
	MHD_destroy_response(response);
	return rc;
}

/* Write the reply past libmicrohttpd and have the connection closed. It fits the socket's buffer,
 * which is empty: answers to earlier requests are out before the next is read. */
static enum MHD_Result
reply_and_close(const struct bh_api_req *req, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	const struct bh_api_reply *r = &req->reply;
	struct bh_buf b = {0};
	size_t h;

	bh_buf_printf(&b,
		      "HTTP/1.1 %u Refused\r\nConnection: close\r\nContent-Type: %s\r\n"
		      "Content-Length: %zu\r\n",
		      r->status, r->content_type, r->len);
	for (h = 0; h < BH_ARRAY_SIZE(headers); h++)
		bh_buf_printf(&b, "%s: %s\r\n", headers[h][0], headers[h][1]);
	bh_buf_str(&b, "\r\n");
	bh_buf_add(&b, r->body, r->len);
	if (!b.failed && i != NULL &&
	    send(i->connect_fd, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(i->connect_fd, SHUT_WR);
	bh_buf_free(&b);
	return MHD_NO;
}

/* ---- requests --------------------------------------------------------------------------------------- */

static void *
on_uri(void *arg, const char *uri, struct MHD_Connection *conn)
{
	conn_used(arg, conn);
	return bh_api_req_create(arg, uri);
}

/* Paths and arguments are decoded in args.c, after they were split. */
static size_t
leave_escapes(void *arg, struct MHD_Connection *conn, char *s)
{
	(void)arg;
	(void)conn;
	return strlen(s);
}

/* First call of a request: its headers are here. */
static enum MHD_Result
begin(struct bh_api_req *req, struct MHD_Connection *conn)
{
	if (!bh_api_framing(req, conn))
		return reply_and_close(req, conn);
	if (!bh_api_admit(req) && req->head.content_length > BH_API_DRAIN_MAX)
		return reply_and_close(req, conn);
	return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *conn, const char *url, const char *method,
	   const char *version, const char *data, size_t *size, void **context)
{
	struct bh_api_req *req = *context;

	(void)arg;
	(void)url;
	if (req == NULL)
		return MHD_NO;
	if (!req->begun) {
		req->begun = true;
		req->head.method = method;
		req->head.version = version;
		return begin(req, conn);
	}
	if (*size != 0) {
		bool more = bh_api_receive(req, data, *size);

		*size = 0;
		return more ? MHD_YES : reply_and_close(req, conn);
	}
	bh_api_finish(req);
	return queue_reply(req, conn);
}

static void
on_completed(void *arg, struct MHD_Connection *conn, void **context,
	     enum MHD_RequestTerminationCode why)
{
	(void)why;
	conn_used(arg, conn);
	bh_api_req_destroy(*context);
	*context = NULL;
}

int
bh_api_http_start(struct bh_api *api, int fd, struct bh_err *err)
{
	api->conns.next = api->conns.prev = &api->conns;
	api->mhd =
		MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, on_request, api,
				 MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				 api->p.max_connections + SPARE_CONNECTIONS,
				 MHD_OPTION_CONNECTION_TIMEOUT, api->p.timeout_s,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				 MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
				 on_connection, api, MHD_OPTION_NOTIFY_COMPLETED, on_completed, api,
				 MHD_OPTION_URI_LOG_CALLBACK, on_uri, api,
				 MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, api, MHD_OPTION_END);
	if (api->mhd != NULL)
		return 0;
	/* It has closed the socket. */
	return bh_err_set(err, EAGAIN,
			  "libmicrohttpd would not start the REST API: is the limit "
			  "of threads or open files reached?");
}

void
bh_api_http_stop(struct bh_api *api)
{
	if (api->mhd != NULL)
		MHD_stop_daemon(api->mhd); /* joins its thread, closes the socket */
	api->mhd = NULL;
}
