/* end: one end of a channel: bytes in, bytes out, and never a wait. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "pair_priv.h"

int
bh_pair_end_make(struct bh_pair_end **out, struct bh_pair *p, int fd, bool asks)
{
	struct bh_pair_end *e = calloc(1, sizeof(*e));
	uint8_t nonce[BH_PAIR_NONCE], greeting[BH_PAIR_GREETING];

	if (e == NULL)
		return -ENOMEM;
	randombytes_buf(nonce, sizeof(nonce));
	e->fd = fd;
	e->since_ns = e->heard_ns = bh_clock_system.mono_ns(NULL);
	bh_pair_channel_begin(&e->channel, asks, p->key_channel, nonce);
	bh_pair_channel_greet(&e->channel, greeting);
	bh_buf_add(&e->out, greeting, sizeof(greeting));
	if (e->out.failed) {
		free(e);
		return -ENOMEM;
	}
	*out = e;
	return 0;
}

void
bh_pair_end_free(struct bh_pair_end *e)
{
	if (e == NULL)
		return;
	close(e->fd);
	bh_buf_free(&e->out);
	explicit_bzero(&e->channel, sizeof(e->channel));
	free(e);
}

size_t
bh_pair_end_room(const struct bh_pair_end *e)
{
	size_t waits = e->out.len - e->sent;

	return waits < BH_PAIR_OUT ? BH_PAIR_OUT - waits : 0;
}

int
bh_pair_end_write(struct bh_pair_end *e, enum bh_pair_frame kind, const void *data, size_t len)
{
	bh_pair_channel_write(&e->channel, &e->out, kind, data, len);
	e->said_ns = bh_clock_system.mono_ns(NULL);
	return e->out.failed ? -ENOMEM : 0;
}

int
bh_pair_end_flush(struct bh_pair_end *e)
{
	ssize_t n;

	while (e->sent < e->out.len) {
		n = send(e->fd, e->out.data + e->sent, e->out.len - e->sent, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		e->sent += (size_t)n;
	}
	e->sent = 0;
	bh_buf_reset(&e->out);
	return 0;
}

/* What is there of whole frames, to fn. */
static int
frames(struct bh_pair_end *e,
       int (*fn)(void *arg, struct bh_pair_end *e, const struct bh_pair_got *got), void *arg)
{
	struct bh_pair_got got;
	size_t at = 0;
	int n, rc = 0;

	while (rc == 0 &&
	       (n = bh_pair_channel_read(&e->channel, e->in + at, e->n_in - at, &got)) > 0) {
		rc = fn(arg, e, &got);
		at += (size_t)n;
	}
	memmove(e->in, e->in + at, e->n_in - at);
	e->n_in -= at;
	return rc != 0 ? rc : n;
}

int
bh_pair_end_read(struct bh_pair_end *e,
		 int (*fn)(void *arg, struct bh_pair_end *e, const struct bh_pair_got *got),
		 void *arg)
{
	unsigned budget = 64;
	ssize_t n;
	int rc = frames(e, fn, arg); /* that fn did not want before */

	while (rc == 0 && budget-- > 0) {
		n = recv(e->fd, e->in + e->n_in, sizeof(e->in) - e->n_in, 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n == 0)
			return -ECONNRESET;
		e->n_in += (size_t)n;
		e->heard_ns = bh_clock_system.mono_ns(NULL);
		rc = frames(e, fn, arg);
	}
	return rc;
}
