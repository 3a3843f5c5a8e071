/* serve: the control core's end of the channel to the HTTP process (ipc.h), and that process's life.
 *
 * One thread: it starts the process, answers what comes, and starts it again when it ends. Requests that were under
 * way are forgotten then; a change that had begun has also ended, because handlers run here and not there.
 *
 * No deadlock: the other side never waits to write, so it always reads, and a write here can wait for it. One that
 * waits longer than WRITE_MS is taken for dead. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api_priv.h"

#define WRITE_MS 5000
#define STREAM_TICK_MS 200
/* A process that ends at once is started again after this, doubled each time up to the second. */
#define RESTART_MIN_MS 50
#define RESTART_MAX_MS 5000
#define LIVED_NS (2 * BH_NS_PER_SEC)

/* ---- requests --------------------------------------------------------------------------------------- */

static struct bh_api_req *
find(const struct bh_api *api, uint64_t id)
{
	struct bh_api_req *r = api->reqs;

	while (r != NULL && r->id != id)
		r = r->next;
	return r;
}

static void
forget(struct bh_api *api, struct bh_api_req *req)
{
	struct bh_api_req **at = &api->reqs;

	while (*at != req)
		at = &(*at)->next;
	*at = req->next;
	api->n_reqs--;
	bh_api_req_destroy(req);
}

/* ---- answers ---------------------------------------------------------------------------------------- */

/* All of api->out; 0 or -errno. */
static int
flush(struct bh_api *api)
{
	struct pollfd p = {.fd = api->channel, .events = POLLOUT};
	size_t at = 0;
	ssize_t n;
	int rc = api->out.failed ? -ENOMEM : 0;

	while (rc == 0 && at < api->out.len) {
		n = send(api->channel, api->out.data + at, api->out.len - at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			rc = -errno;
		else if (poll(&p, 1, WRITE_MS) == 0)
			rc = -ETIMEDOUT;
	}
	bh_buf_reset(&api->out);
	return rc;
}

static void
put_body(struct bh_api *api, uint64_t id, const char *at, size_t len, bool last)
{
	do {
		size_t n = len < BH_IPC_PIECE ? len : BH_IPC_PIECE;

		len -= n;
		bh_ipc_put(&api->out, BH_IPC_DATA, last && len == 0 ? BH_IPC_LAST : 0, id, at, n);
		at += n;
	} while (len != 0);
}

static void
put_reply(struct bh_api *api, struct bh_api_req *req, bool close)
{
	struct bh_api_reply *r = &req->reply;
	const struct bh_ipc_reply out = {
		.status = (uint16_t)r->status,
		.content_type = r->content_type,
		.www_authenticate = r->www_authenticate,
		.allow = r->allow[0] != '\0' ? r->allow : NULL,
		.etag = r->etag[0] != '\0' ? r->etag : NULL,
		.retry_after = r->retry_after[0] != '\0' ? r->retry_after : NULL,
		.rate_limit = r->rate_limit[0] != '\0' ? r->rate_limit : NULL,
		.rate_reset = r->rate_reset[0] != '\0' ? r->rate_reset : NULL,
		.rate_left = r->rate_left[0] != '\0' ? r->rate_left : NULL,
		.length = req->stream.more != NULL ? BH_IPC_LENGTH_UNKNOWN : r->len,
	};
	unsigned flags = close ? BH_IPC_CLOSE : 0;

	req->replied = true;
	if (req->stream.more != NULL) {
		bh_ipc_put_reply(&api->out, req->id, flags | BH_IPC_STREAM, &out);
		return;
	}
	bh_ipc_put_reply(&api->out, req->id, flags, &out);
	put_body(api, req->id, r->body, r->len, true);
}

/* What streams have to say. */
static int
pump(struct bh_api *api)
{
	struct bh_api_req *req, *next;

	for (req = api->reqs; req != NULL; req = next) {
		struct bh_buf b = {0};
		bool more;

		next = req->next;
		if (req->stream.more == NULL || !req->replied)
			continue;
		more = req->stream.more(req->stream.arg, &b) && !b.failed;
		if (b.len != 0 || !more)
			put_body(api, req->id, b.data, b.len, !more);
		bh_buf_free(&b);
		if (!more)
			forget(api, req);
	}
	return flush(api);
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static int
take_head(struct bh_api *api, const struct bh_ipc_message *m)
{
	struct bh_ipc_message kept = *m;
	struct bh_ipc_head head;
	struct bh_api_req *req;

	if (find(api, m->id) != NULL || bh_ipc_get_head(m, &head) != 0)
		return -EPROTO;
	/* More than the HTTP process may have connections: it is not what it was. */
	if (api->n_reqs >= api->p.max_connections + BH_API_SPARE)
		return -EPROTO;
	req = bh_api_req_create(api, head.uri);
	if (req == NULL)
		return -ENOMEM;
	bh_buf_add(&req->fields, m->payload, m->len);
	if (req->fields.failed) {
		bh_api_req_destroy(req);
		return -ENOMEM;
	}
	kept.payload = req->fields.data;
	bh_ipc_get_head(&kept, &req->head);
	req->id = m->id;
	req->next = api->reqs;
	api->reqs = req;
	api->n_reqs++;
	if (!bh_api_admit(req) && req->head.content_length > BH_API_DRAIN_MAX)
		put_reply(api, req, true);
	return 0;
}

static int
take_body(struct bh_api *api, const struct bh_ipc_message *m)
{
	struct bh_api_req *req = find(api, m->id);

	if (req == NULL || req->ended)
		return -EPROTO;
	if (!req->replied && m->len != 0 && !bh_api_receive(req, m->payload, m->len))
		put_reply(api, req, true);
	if ((m->flags & BH_IPC_LAST) == 0)
		return 0;
	req->ended = true;
	if (!req->replied) {
		bh_api_finish(req);
		put_reply(api, req, false);
	}
	if (req->stream.more == NULL)
		forget(api, req);
	return 0;
}

static int
take(struct bh_api *api, const struct bh_ipc_message *m)
{
	struct bh_api_req *req;

	switch (m->type) {
	case BH_IPC_HEAD:
		return take_head(api, m);
	case BH_IPC_BODY:
		return take_body(api, m);
	case BH_IPC_GONE:
		req = find(api, m->id);
		if (req != NULL) /* else its answer and this have crossed */
			forget(api, req);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Until the channel ends or a stop is asked for. 0: stop; -ESTALE: the HTTP process is to begin anew; -errno. */
static int
converse(struct bh_api *api)
{
	struct pollfd p[] = {{.fd = api->channel, .events = POLLIN},
			     {.fd = api->stop, .events = POLLIN},
			     {.fd = api->renew, .events = POLLIN}};
	struct bh_ipc_message m;
	int rc = flush(api);

	if (api->out.data != NULL)
		explicit_bzero(api->out.data, api->out.cap); /* the key was in it */
	while (rc == 0) {
		if (poll(p, BH_ARRAY_SIZE(p), STREAM_TICK_MS) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents != 0)
			return 0;
		if (p[2].revents != 0)
			return -ESTALE;
		if (p[0].revents != 0) {
			rc = bh_ipc_fill(&api->in, api->channel);
			rc = rc == 0 ? -EPIPE : rc == -EAGAIN || rc == 1 ? 0 : rc;
		}
		while (rc == 0 && (rc = bh_ipc_next(&api->in, &m)) == 1)
			rc = take(api, &m);
		if (rc == 0)
			rc = pump(api);
	}
	return rc;
}

/* ---- the process --------------------------------------------------------------------------------------- */

/* 0 or -errno with err set. */
static int
launch(struct bh_api *api, struct bh_err *err)
{
	struct bh_ipc_setup setup = {.max_connections = api->p.max_connections,
				     .timeout_s = api->p.timeout_s};
	uint64_t count;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return bh_err_set(err, errno, "no channel to the HTTP process: %s",
				  strerror(errno));
	rc = api->p.front.start(api->p.front.arg, api->listener, pair[1], err);
	close(pair[1]);
	if (rc != 0) {
		close(pair[0]);
		return rc;
	}
	api->channel = pair[0];
	(void)!read(api->renew, &count, sizeof(count));
	pthread_mutex_lock(&api->secret_lock);
	setup.certificate = api->p.tls_certificate;
	setup.key = api->p.tls_key;
	setup.client_ca = api->p.tls_client_ca;
	bh_ipc_put_setup(&api->out, &setup);
	pthread_mutex_unlock(&api->secret_lock);
	return 0;
}

static void
hang_up(struct bh_api *api)
{
	while (api->reqs != NULL)
		forget(api, api->reqs);
	close(api->channel);
	api->channel = -1;
	bh_ipc_reader_free(&api->in);
	bh_buf_reset(&api->out);
	api->p.front.end(api->p.front.arg);
}

static bool
wait_stop(const struct bh_api *api, int ms)
{
	struct pollfd p = {.fd = api->stop, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static void *
run(void *arg)
{
	struct bh_api *api = arg;
	uint64_t since = bh_clock_system.mono_ns(NULL);
	int pause = RESTART_MIN_MS, rc;
	char text[1024];

	while ((rc = converse(api)) != 0) {
		struct bh_err err = {0};

		hang_up(api);
		if (bh_clock_system.mono_ns(NULL) - since > LIVED_NS)
			pause = RESTART_MIN_MS;
		if (rc == -ESTALE)
			bh_log(BH_LOG_INFO,
			       "the HTTP process begins anew, with another certificate");
		else
			bh_log(BH_LOG_ERROR, "the HTTP process has ended (%s); starting it again",
			       strerror(-rc));
		if (rc == -ESTALE)
			pause = RESTART_MIN_MS;
		do {
			if (wait_stop(api, rc == -ESTALE ? 0 : pause))
				return NULL;
			pause = pause * 2 < RESTART_MAX_MS ? pause * 2 : RESTART_MAX_MS;
			rc = launch(api, &err);
			if (rc != 0) {
				bh_err_format(&err, text, sizeof(text));
				bh_log(BH_LOG_ERROR, "%s", text);
			}
		} while (rc != 0);
		since = bh_clock_system.mono_ns(NULL);
	}
	hang_up(api);
	return NULL;
}

int
bh_api_serve_start(struct bh_api *api, struct bh_err *err)
{
	int rc;

	api->stop = eventfd(0, EFD_CLOEXEC);
	if (api->stop < 0)
		return bh_err_set(err, errno, "eventfd: %s", strerror(errno));
	rc = launch(api, err);
	if (rc != 0)
		return rc;
	rc = pthread_create(&api->thread, NULL, run, api);
	if (rc != 0) {
		hang_up(api);
		return bh_err_set(err, rc, "cannot start the API's thread: %s", strerror(rc));
	}
	api->serving = true;
	return 0;
}

void
bh_api_serve_stop(struct bh_api *api)
{
	const uint64_t one = 1;

	if (api->serving) {
		(void)!write(api->stop, &one, sizeof(one));
		pthread_join(api->thread, NULL);
	}
	if (api->stop >= 0)
		close(api->stop);
	bh_buf_free(&api->out);
	bh_ipc_reader_free(&api->in);
}
