/* channel: requests to the control core, its answers back. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front_priv.h"

void
bh_front_send_head(struct bh_front_req *req)
{
	bh_ipc_put_head(&req->front->out, req->id, &req->head);
}

void
bh_front_send_body(struct bh_front_req *req, const char *data, size_t len)
{
	for (; len != 0;) {
		size_t n = len < BH_IPC_PIECE ? len : BH_IPC_PIECE;

		bh_ipc_put(&req->front->out, BH_IPC_BODY, 0, req->id, data, n);
		data += n;
		len -= n;
	}
}

void
bh_front_send_end(struct bh_front_req *req)
{
	bh_ipc_put(&req->front->out, BH_IPC_BODY, BH_IPC_LAST, req->id, NULL, 0);
}

void
bh_front_send_gone(struct bh_front_req *req)
{
	bh_ipc_put(&req->front->out, BH_IPC_GONE, 0, req->id, NULL, 0);
}

bool
bh_front_is_full(const struct bh_front *f)
{
	return f->out.len - f->out_sent >= BH_FRONT_OUT_HIGH;
}

int
bh_front_flush(struct bh_front *f)
{
	struct bh_front_req *r;
	ssize_t n;

	if (f->out.failed)
		return -ENOMEM;
	while (f->out_sent < f->out.len) {
		n = send(f->channel, f->out.data + f->out_sent, f->out.len - f->out_sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		f->out_sent += (size_t)n;
	}
	if (f->out.len != 0)
		explicit_bzero(f->out.data, f->out.len); /* credentials were in it */
	bh_buf_reset(&f->out);
	f->out_sent = 0;
	for (r = f->reqs; r != NULL; r = r->next) {
		if (!r->ended)
			bh_front_resume(r); /* its body may go on */
	}
	return 0;
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static struct bh_front_req *
find(const struct bh_front *f, uint64_t id)
{
	struct bh_front_req *r = f->reqs;

	while (r != NULL && r->id != id)
		r = r->next;
	return r;
}

static void
make_ready(struct bh_front_req *req)
{
	req->ready = true;
	if (!req->ended && (req->flags & BH_IPC_CLOSE) != 0) {
		const union MHD_ConnectionInfo *i =
			MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CONNECTION_FD);

		/* libmicrohttpd then reads the end of the stream and closes. */
		bh_front_reply_and_close(req);
		if (i != NULL)
			shutdown(i->connect_fd, SHUT_RDWR);
	}
	bh_front_resume(req);
}

static int
take_reply(struct bh_front_req *req, const struct bh_ipc_message *m)
{
	struct bh_ipc_message kept = *m;

	if (req->fields.len != 0)
		return -EPROTO; /* a second one */
	bh_buf_add(&req->fields, m->payload, m->len);
	if (req->fields.failed)
		return -ENOMEM;
	kept.payload = req->fields.data;
	if (bh_ipc_get_reply(&kept, &req->reply) != 0)
		return -EPROTO;
	req->flags = m->flags;
	if ((m->flags & BH_IPC_STREAM) != 0) {
		req->stream = true;
		make_ready(req);
	}
	return 0;
}

/* It reads too slowly, or is gone. libmicrohttpd then fails to write, and the control core is told that the client is gone. */
static void
give_up(struct bh_front_req *req)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CONNECTION_FD);

	req->slow = req->stream_ended = true;
	if (i != NULL)
		shutdown(i->connect_fd, SHUT_RDWR);
	bh_front_resume(req);
}

/* libmicrohttpd does not watch a connection that waits for something to say, and the second write to one that was closed is
 * the first to fail: with a word each ten seconds its place would be taken for twenty. */
void
bh_front_drop_gone(struct bh_front *f)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);
	struct bh_front_req *r;

	if (now - f->looked_ns < BH_NS_PER_SEC)
		return;
	f->looked_ns = now;
	for (r = f->reqs; r != NULL; r = r->next) {
		const union MHD_ConnectionInfo *i =
			r->stream && !r->slow
				? MHD_get_connection_info(r->conn,
							  MHD_CONNECTION_INFO_CONNECTION_FD)
				: NULL;
		struct pollfd p = {.fd = i != NULL ? i->connect_fd : -1, .events = POLLRDHUP};

		if (poll(&p, 1, 0) == 1)
			give_up(r);
	}
}

static int
take_data(struct bh_front_req *req, const struct bh_ipc_message *m)
{
	bool last = (m->flags & BH_IPC_LAST) != 0;

	if (req->fields.len == 0 || (req->ready && !req->stream))
		return -EPROTO;
	if (req->slow)
		return 0;
	if (req->stream && req->body.len - req->body_read > BH_FRONT_STREAM_MAX) {
		give_up(req);
		return 0;
	}
	bh_buf_add(&req->body, m->payload, m->len);
	if (req->body.failed)
		return -ENOMEM;
	if (req->stream) {
		req->stream_ended |= last;
		bh_front_resume(req);
	} else if (last) {
		make_ready(req);
	}
	return 0;
}

int
bh_front_receive(struct bh_front *f)
{
	struct bh_ipc_message m;
	int rc = bh_ipc_fill(&f->in, f->channel);

	if (rc == -EAGAIN)
		return 0;
	if (rc <= 0)
		return rc == 0 ? -EPIPE : rc;
	while ((rc = bh_ipc_next(&f->in, &m)) == 1) {
		struct bh_front_req *req = find(f, m.id);

		if (m.type != BH_IPC_REPLY && m.type != BH_IPC_DATA)
			return -EPROTO;
		if (req == NULL)
			continue; /* its client is gone, and so was said */
		rc = m.type == BH_IPC_REPLY ? take_reply(req, &m) : take_data(req, &m);
		if (rc != 0)
			return rc;
	}
	return rc;
}
