/* http: libmicrohttpd's callbacks, and the loop around them.
 *
 * Connections. libmicrohttpd's time-out counts silence, so that one byte every few seconds keeps a connection for
 * ever; a full house would then shut everybody out. So it may take a few more than max_connections, and each one above
 * closes the connection that was idle longest.
 *
 * Answers that cannot wait for the end of the request (its framing is in doubt, or its body too long) are written to
 * the socket past libmicrohttpd, because 0.9.75 takes an early answer for POST and PUT alone, and none at all once the
 * body has begun.
 *
 * A request whose answer is not there yet is suspended: libmicrohttpd forgets it until bh_front_resume. */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front_priv.h"

#define CONNECTION_MEMORY (32u << 10) /* request line, headers and one piece of the body */
#define SPARE_CONNECTIONS 16
#define SETUP_MS 10000
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3"

/* ---- connections ------------------------------------------------------------------------------------ */

static void
conn_append(struct bh_front *f, struct bh_front_conn *c)
{
	c->prev = f->conns.prev;
	c->next = &f->conns;
	c->prev->next = c;
	f->conns.prev = c;
}

static void
conn_unlink(struct bh_front_conn *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
}

/* Shutting down is enough: libmicrohttpd then reads the end of the stream and closes. */
static void
close_oldest(struct bh_front *f, const struct bh_front_conn *but)
{
	struct bh_front_conn *c;

	for (c = f->conns.next; c != &f->conns; c = c->next) {
		if (c != but && !c->closing) {
			c->closing = true;
			f->n_conns--;
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
	struct bh_front *f = arg;
	struct bh_front_conn *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c == NULL)
			return;
		conn_unlink(c);
		if (!c->closing)
			f->n_conns--;
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
	conn_append(f, c);
	*context = c;
	if (++f->n_conns > f->max_connections)
		close_oldest(f, c);
}

static void
conn_used(struct bh_front *f, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (i == NULL || i->socket_context == NULL)
		return;
	conn_unlink(i->socket_context);
	conn_append(f, i->socket_context);
}

/* ---- who speaks --------------------------------------------------------------------------------------- */

struct who {
	char peer[INET6_ADDRSTRLEN + 8];
	char certificate[65], subject[128];
};

static void
name_peer(struct MHD_Connection *conn, struct who *w)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	w->peer[0] = '\0';
	if (i == NULL || i->client_addr == NULL)
		return;
	if (i->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)i->client_addr)->sin_addr, w->peer,
			  sizeof(w->peer));
	else if (i->client_addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)i->client_addr)->sin6_addr,
			  w->peer, sizeof(w->peer));
}

/* A certificate that the configured authority signed and that is valid now; else nothing. */
static void
name_certificate(struct MHD_Connection *conn, struct who *w)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	unsigned status = 1, n = 0, k;
	uint8_t hash[32];
	size_t size;

	w->certificate[0] = w->subject[0] = '\0';
	if (i == NULL || i->tls_session == NULL ||
	    gnutls_certificate_verify_peers2(i->tls_session, &status) != 0 || status != 0)
		return;
	chain = gnutls_certificate_get_peers(i->tls_session, &n);
	if (chain == NULL || n == 0 || gnutls_x509_crt_init(&crt) != 0)
		return;
	size = sizeof(w->subject);
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) != 0 ||
	    gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, w->subject,
					  &size) != 0 ||
	    gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], hash, &(size_t){sizeof(hash)}) != 0) {
		w->subject[0] = '\0';
	} else {
		for (k = 0; k < sizeof(hash); k++)
			snprintf(w->certificate + 2 * k, 3, "%02x", hash[k]);
	}
	gnutls_x509_crt_deinit(crt);
}

/* ---- requests --------------------------------------------------------------------------------------- */

void
bh_front_suspend(struct bh_front_req *req)
{
	if (req->suspended)
		return;
	req->suspended = true;
	MHD_suspend_connection(req->conn);
}

void
bh_front_resume(struct bh_front_req *req)
{
	if (!req->suspended)
		return;
	req->suspended = false;
	MHD_resume_connection(req->conn);
}

/* libmicrohttpd makes a table of the arguments next, that nobody reads, and goes astray where it does not fit: they end here,
 * in its own copy of the line. */
static void
hide_arguments(const char *uri)
{
	char *mark = strchr(uri, '?');

	if (mark != NULL)
		mark[1] = '\0';
}

static void *
on_uri(void *arg, const char *uri, struct MHD_Connection *conn)
{
	struct bh_front *f = arg;
	struct bh_front_req *req = calloc(1, sizeof(*req));

	conn_used(f, conn);
	if (req == NULL)
		return NULL;
	req->front = f;
	req->conn = conn;
	req->id = ++f->last_id;
	req->uri = strdup(uri);
	if (req->uri == NULL) {
		free(req);
		return NULL;
	}
	req->next = f->reqs;
	if (f->reqs != NULL)
		f->reqs->prev = req;
	f->reqs = req;
	hide_arguments(uri);
	return req;
}

/* Paths and arguments are decoded by the control core, after they were split. */
static size_t
leave_escapes(void *arg, struct MHD_Connection *conn, char *s)
{
	(void)arg;
	(void)conn;
	return strlen(s);
}

/* First call of a request: its headers are here. */
static enum MHD_Result
begin(struct bh_front_req *req)
{
	struct who who;

	if (!bh_front_framing(req, req->conn))
		return bh_front_reply_and_close(req);
	if (bh_front_web_answer(req)) {
		req->head = (struct bh_ipc_head){0};
		req->begun = true;
		return MHD_YES;
	}
	name_peer(req->conn, &who);
	name_certificate(req->conn, &who);
	req->head.uri = req->uri;
	req->head.peer = who.peer;
	if (who.certificate[0] != '\0') {
		req->head.certificate = who.certificate;
		req->head.subject = who.subject;
	}
	bh_front_send_head(req);
	/* They were good for this call. */
	req->head = (struct bh_ipc_head){0};
	req->begun = true;
	return MHD_YES;
}

static enum MHD_Result
take_body(struct bh_front_req *req, const char *data, size_t *size)
{
	if (!req->ready && bh_front_is_full(req->front)) {
		bh_front_suspend(req); /* *size stays: it comes again */
		return MHD_YES;
	}
	req->received += *size;
	if (!req->ready)
		bh_front_send_body(req, data, *size);
	else if (req->received > BH_FRONT_DRAIN_MAX)
		return bh_front_reply_and_close(req);
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *conn, const char *url, const char *method,
	   const char *version, const char *data, size_t *size, void **context)
{
	struct bh_front_req *req = *context;

	(void)arg;
	(void)conn;
	(void)url;
	if (req == NULL || req->raw)
		return MHD_NO;
	if (!req->begun) {
		req->head.method = method;
		req->head.version = version;
		return begin(req);
	}
	if (*size != 0)
		return take_body(req, data, size);
	if (!req->ended) {
		req->ended = true;
		if (!req->local)
			bh_front_send_end(req);
	}
	if (req->ready)
		return bh_front_queue_reply(req);
	bh_front_suspend(req);
	return MHD_YES;
}

static void
on_completed(void *arg, struct MHD_Connection *conn, void **context,
	     enum MHD_RequestTerminationCode why)
{
	struct bh_front_req *req = *context;

	(void)why;
	conn_used(arg, conn);
	*context = NULL;
	if (req == NULL)
		return;
	/* Unless both sides know that it is over. */
	if (req->begun && !req->local &&
	    (!req->ended || !req->ready || (req->stream && (!req->stream_ended || req->slow))))
		bh_front_send_gone(req);
	if (req->prev != NULL)
		req->prev->next = req->next;
	else
		req->front->reqs = req->next;
	if (req->next != NULL)
		req->next->prev = req->prev;
	bh_buf_free(&req->fields);
	bh_buf_free(&req->body);
	free(req->uri);
	free(req);
}

/* ---- start, loop, end ---------------------------------------------------------------------------------- */

int
bh_front_http_start(struct bh_front *f, int listener, const struct bh_ipc_setup *s,
		    struct bh_err *err)
{
	const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	const union MHD_DaemonInfo *info;
	struct MHD_OptionItem tls[5];
	unsigned n = 0;

	f->tls = s->certificate != NULL && s->key != NULL;
	f->max_connections = s->max_connections;
	f->conns.next = f->conns.prev = &f->conns;
	if (f->tls) {
		tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
						   (void *)(uintptr_t)s->certificate};
		tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
						   (void *)(uintptr_t)s->key};
		tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
						   (void *)(uintptr_t)TLS_PRIORITIES};
		if (s->client_ca != NULL)
			tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
							   (void *)(uintptr_t)s->client_ca};
	}
	tls[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	/* Not strict: what that adds is looked at in framing.c, and of its refusals one has two heads and one is silent. */
	f->mhd = MHD_start_daemon(flags | (f->tls ? MHD_USE_TLS : 0u), 0, NULL, NULL, on_request, f,
				  MHD_OPTION_EXTERNAL_LOGGER, bh_front_on_log, f,
				  MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
				  s->max_connections + SPARE_CONNECTIONS,
				  MHD_OPTION_CONNECTION_TIMEOUT, s->timeout_s,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				  MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_NOTIFY_CONNECTION,
				  on_connection, f, MHD_OPTION_NOTIFY_COMPLETED, on_completed, f,
				  MHD_OPTION_URI_LOG_CALLBACK, on_uri, f,
				  MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, f, MHD_OPTION_ARRAY,
				  tls, MHD_OPTION_END);
	info = f->mhd != NULL ? MHD_get_daemon_info(f->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info == NULL)
		return bh_err_set(
			err, EINVAL,
			"libmicrohttpd would not start: is the limit of open files "
			"reached, or are api.tls.certificate and api.tls.key not a pair of "
			"PEM files?");
	f->epoll = info->epoll_fd;
	return 0;
}

void
bh_front_http_stop(struct bh_front *f)
{
	struct bh_front_req *r;

	for (r = f->reqs; r != NULL; r = r->next)
		bh_front_resume(r);
	if (f->mhd != NULL)
		MHD_stop_daemon(f->mhd); /* closes the listening socket */
	f->mhd = NULL;
}

/* The first message; nothing is served before it. */
static int
wait_setup(struct bh_front *f, struct bh_ipc_setup *s, struct bh_err *err)
{
	struct pollfd p = {.fd = f->channel, .events = POLLIN};
	struct bh_ipc_message m;
	int rc;

	for (;;) {
		rc = bh_ipc_next(&f->in, &m);
		if (rc == 1)
			break;
		if (rc == 0 && poll(&p, 1, SETUP_MS) != 1)
			rc = -ETIMEDOUT;
		if (rc == 0)
			rc = bh_ipc_fill(&f->in, f->channel);
		if (rc == -EAGAIN)
			continue;
		if (rc <= 0)
			return bh_err_set(err, rc == 0 ? EPIPE : -rc,
					  "the control core said nothing: %s",
					  strerror(rc == 0 ? EPIPE : -rc));
	}
	if (bh_ipc_get_setup(&m, s) != 0 || s->max_connections == 0)
		return bh_err_set(err, EPROTO, "the control core's first message is no SETUP");
	return 0;
}

static int
loop(struct bh_front *f, struct bh_err *err)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int rc = 0, wait;

	while (rc == 0) {
		struct pollfd p[] = {{.fd = f->channel, .events = POLLIN},
				     {.fd = f->epoll, .events = POLLIN}};

		if (f->out.len != f->out_sent)
			p[0].events |= POLLOUT;
		wait = MHD_get_timeout(f->mhd, &ms) == MHD_YES && ms < 1000 ? (int)ms : 1000;
		if (poll(p, BH_ARRAY_SIZE(p), wait) < 0 && errno != EINTR)
			return bh_err_set(err, errno, "poll: %s", strerror(errno));
		if (p[0].revents != 0)
			rc = bh_front_receive(f);
		bh_front_drop_gone(f);
		if (rc == 0 && MHD_run(f->mhd) != MHD_YES)
			rc = -EIO;
		if (rc == 0)
			rc = bh_front_flush(f);
	}
	/* The control core has ended, and so do we. */
	return rc == -EPIPE || rc == -ECONNRESET
		       ? 0
		       : bh_err_set(err, -rc, "the channel to the control core: %s", strerror(-rc));
}

int
bh_front_run(int listener, int channel, const struct bh_front_web *web, struct bh_err *err)
{
	struct bh_front f = {.web = web, .channel = channel, .epoll = -1};
	struct bh_ipc_setup setup;
	int rc = wait_setup(&f, &setup, err);

	if (rc == 0)
		rc = bh_front_http_start(&f, listener, &setup, err);
	else
		close(listener);
	if (rc == 0)
		rc = loop(&f, err);
	bh_front_http_stop(&f);
	bh_ipc_reader_free(&f.in);
	bh_buf_free(&f.out);
	close(channel);
	return rc;
}
