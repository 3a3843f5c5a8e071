/* message: into bytes and back. A string is its length in 4 bytes (ABSENT: none), its bytes and a NUL. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ipc.h"

#define ABSENT UINT32_MAX
#define FILL (64u << 10)

void
bh_ipc_put(struct bh_buf *out, enum bh_ipc_type type, unsigned flags, uint64_t id,
	   const void *payload, size_t len)
{
	const struct bh_ipc_header h = {.len = (uint32_t)len,
					.type = (uint8_t)type,
					.flags = (uint8_t)flags,
					.id = id};

	if (len > BH_IPC_PAYLOAD_MAX) {
		out->failed = true;
		return;
	}
	bh_buf_add(out, &h, sizeof(h));
	if (len != 0)
		bh_buf_add(out, payload, len);
}

static void
put_string(struct bh_buf *b, const char *s)
{
	uint32_t n = s != NULL ? (uint32_t)strnlen(s, BH_IPC_PAYLOAD_MAX) : ABSENT;

	bh_buf_add(b, &n, sizeof(n));
	if (s != NULL)
		bh_buf_add(b, s, (size_t)n + 1);
}

static void
put_payload(struct bh_buf *out, enum bh_ipc_type type, unsigned flags, uint64_t id,
	    struct bh_buf *payload)
{
	if (payload->failed)
		out->failed = true;
	else
		bh_ipc_put(out, type, flags, id, payload->data, payload->len);
	if (payload->data != NULL)
		explicit_bzero(payload->data, payload->cap); /* tokens and keys go by here */
	bh_buf_free(payload);
}

void
bh_ipc_put_head(struct bh_buf *out, uint64_t id, const struct bh_ipc_head *h)
{
	const uint32_t chunked = h->chunked;
	struct bh_buf b = {0};

	bh_buf_add(&b, &h->content_length, sizeof(h->content_length));
	bh_buf_add(&b, &chunked, sizeof(chunked));
#define X(name) put_string(&b, h->name);
	BH_IPC_HEAD_STRINGS(X)
#undef X
	put_payload(out, BH_IPC_HEAD, 0, id, &b);
}

void
bh_ipc_put_reply(struct bh_buf *out, uint64_t id, unsigned flags, const struct bh_ipc_reply *r)
{
	const uint32_t status = r->status;
	struct bh_buf b = {0};

	bh_buf_add(&b, &r->length, sizeof(r->length));
	bh_buf_add(&b, &status, sizeof(status));
#define X(name) put_string(&b, r->name);
	BH_IPC_REPLY_STRINGS(X)
#undef X
	put_payload(out, BH_IPC_REPLY, flags, id, &b);
}

void
bh_ipc_put_setup(struct bh_buf *out, const struct bh_ipc_setup *s)
{
	struct bh_buf b = {0};

	bh_buf_add(&b, &s->max_connections, sizeof(s->max_connections));
	bh_buf_add(&b, &s->timeout_s, sizeof(s->timeout_s));
#define X(name) put_string(&b, s->name);
	BH_IPC_SETUP_STRINGS(X)
#undef X
	put_payload(out, BH_IPC_SETUP, 0, 0, &b);
}

/* ---- and back ---------------------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
	bool bad;
};

static void
get_bytes(struct cursor *c, void *out, size_t n)
{
	if (c->bad || (size_t)(c->end - c->at) < n) {
		c->bad = true;
		memset(out, 0, n);
		return;
	}
	memcpy(out, c->at, n);
	c->at += n;
}

static const char *
get_string(struct cursor *c)
{
	const char *s;
	uint32_t n;

	get_bytes(c, &n, sizeof(n));
	s = c->at;
	if (c->bad || n == ABSENT)
		return NULL;
	/* One NUL, at its end: all who read it see the same string. */
	if (n >= (size_t)(c->end - c->at) || memchr(s, '\0', (size_t)n + 1) != s + n) {
		c->bad = true;
		return NULL;
	}
	c->at += (size_t)n + 1;
	return s;
}

static int
get_end(const struct cursor *c)
{
	return c->bad || c->at != c->end ? -EPROTO : 0;
}

int
bh_ipc_get_head(const struct bh_ipc_message *m, struct bh_ipc_head *h)
{
	struct cursor c = {m->payload, m->payload + m->len, m->type != BH_IPC_HEAD};
	uint32_t chunked;

	get_bytes(&c, &h->content_length, sizeof(h->content_length));
	get_bytes(&c, &chunked, sizeof(chunked));
	h->chunked = chunked != 0;
#define X(name) h->name = get_string(&c);
	BH_IPC_HEAD_STRINGS(X)
#undef X
	if (h->method == NULL || h->uri == NULL || h->version == NULL)
		return -EPROTO;
	return get_end(&c);
}

int
bh_ipc_get_reply(const struct bh_ipc_message *m, struct bh_ipc_reply *r)
{
	struct cursor c = {m->payload, m->payload + m->len, m->type != BH_IPC_REPLY};
	uint32_t status;

	get_bytes(&c, &r->length, sizeof(r->length));
	get_bytes(&c, &status, sizeof(status));
	r->status = (uint16_t)status;
#define X(name) r->name = get_string(&c);
	BH_IPC_REPLY_STRINGS(X)
#undef X
	return status < 100 || status > 599 ? -EPROTO : get_end(&c);
}

int
bh_ipc_get_setup(const struct bh_ipc_message *m, struct bh_ipc_setup *s)
{
	struct cursor c = {m->payload, m->payload + m->len, m->type != BH_IPC_SETUP};

	get_bytes(&c, &s->max_connections, sizeof(s->max_connections));
	get_bytes(&c, &s->timeout_s, sizeof(s->timeout_s));
#define X(name) s->name = get_string(&c);
	BH_IPC_SETUP_STRINGS(X)
#undef X
	return get_end(&c);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

int
bh_ipc_fill(struct bh_ipc_reader *r, int fd)
{
	char piece[FILL];
	ssize_t n;

	if (r->used != 0) {
		memmove(r->in.data, r->in.data + r->used, r->in.len - r->used);
		r->in.len -= r->used;
		r->used = 0;
	}
	n = read(fd, piece, sizeof(piece));
	if (n < 0)
		return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (n == 0)
		return 0;
	bh_buf_add(&r->in, piece, (size_t)n);
	return r->in.failed ? -ENOMEM : 1;
}

int
bh_ipc_next(struct bh_ipc_reader *r, struct bh_ipc_message *m)
{
	size_t have = r->in.len - r->used;
	struct bh_ipc_header h;

	if (have < sizeof(h))
		return 0;
	memcpy(&h, r->in.data + r->used, sizeof(h));
	if (h.len > BH_IPC_PAYLOAD_MAX || h.type == 0 || h.type >= BH_IPC_TYPES || h.zero != 0)
		return -EPROTO;
	if (have < sizeof(h) + h.len)
		return 0;
	*m = (struct bh_ipc_message){.type = h.type,
				     .flags = h.flags,
				     .id = h.id,
				     .payload = r->in.data + r->used + sizeof(h),
				     .len = h.len};
	r->used += sizeof(h) + h.len;
	return 1;
}

void
bh_ipc_reader_free(struct bh_ipc_reader *r)
{
	bh_buf_free(&r->in);
	*r = (struct bh_ipc_reader){0};
}
