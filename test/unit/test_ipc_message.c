/* Messages survive any way of being cut, and nothing that is not one is taken for one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/ipc/ipc.h"
#include "unit.h"

static const struct bh_ipc_head full_head = {
	.method = "PUT",
	.uri = "/api/v1/policy?dry_run=1",
	.version = "HTTP/1.1",
	.host = "localhost",
	.authorization = "Bearer 0123456789abcdef",
	.content_type = "application/yaml",
	.if_match = "\"7\"",
	.peer = "192.0.2.1",
	.subject = "",
	.content_length = 1234567890123,
	.chunked = true,
};

static bool
text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
head_same(const struct bh_ipc_head *a, const struct bh_ipc_head *b)
{
	bool same = a->content_length == b->content_length && a->chunked == b->chunked;

#define X(name) same = same && text_same(a->name, b->name);
	BH_IPC_HEAD_STRINGS(X)
#undef X
	return same;
}

/* All bytes through a socket, in pieces of `piece`; calls `take` for each message. */
static int
carry(const struct bh_buf *b, size_t piece, void (*take)(const struct bh_ipc_message *, void *),
      void *arg)
{
	struct bh_ipc_reader r = {0};
	struct bh_ipc_message m;
	int pair[2], rc = 0, got;
	size_t at = 0;

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	while (rc == 0 && at < b->len) {
		size_t n = b->len - at < piece ? b->len - at : piece;

		CU_ASSERT_EQUAL_FATAL(write(pair[0], b->data + at, n), (ssize_t)n);
		at += n;
		got = bh_ipc_fill(&r, pair[1]);
		CU_ASSERT_EQUAL(got, 1);
		while ((rc = bh_ipc_next(&r, &m)) == 1)
			take(&m, arg);
	}
	if (rc == 0) {
		CU_ASSERT_EQUAL(bh_ipc_fill(&r, pair[1]), -EAGAIN);
		close(pair[0]);
		CU_ASSERT_EQUAL(bh_ipc_fill(&r, pair[1]), 0);
	} else {
		close(pair[0]);
	}
	close(pair[1]);
	bh_ipc_reader_free(&r);
	return rc;
}

struct seen {
	unsigned n;
	bool right;
};

static void
expect_sequence(const struct bh_ipc_message *m, void *arg)
{
	struct seen *s = arg;
	struct bh_ipc_head h;
	struct bh_ipc_reply r;
	struct bh_ipc_setup u;

	switch (s->n++) {
	case 0:
		s->right &= bh_ipc_get_setup(m, &u) == 0 && u.max_connections == 64 &&
			    u.timeout_s == 10 && text_same(u.key, "KEY") && u.client_ca == NULL;
		break;
	case 1:
		s->right &= m->id == 5 && bh_ipc_get_head(m, &h) == 0 && head_same(&h, &full_head);
		break;
	case 2:
		s->right &= m->type == BH_IPC_BODY && m->flags == BH_IPC_LAST && m->len == 3 &&
			    memcmp(m->payload, "a\0b", 3) == 0;
		break;
	case 3:
		s->right &= m->flags == BH_IPC_CLOSE && bh_ipc_get_reply(m, &r) == 0 &&
			    r.status == 413 && text_same(r.allow, "GET, HEAD") && r.etag == NULL &&
			    r.length == BH_IPC_LENGTH_UNKNOWN;
		break;
	default:
		s->right = false;
	}
}

static void
make_sequence(struct bh_buf *b)
{
	bh_ipc_put_setup(b, &(struct bh_ipc_setup){.key = "KEY",
						   .max_connections = 64,
						   .timeout_s = 10});
	bh_ipc_put_head(b, 5, &full_head);
	bh_ipc_put(b, BH_IPC_BODY, BH_IPC_LAST, 5, "a\0b", 3);
	bh_ipc_put_reply(b, 5, BH_IPC_CLOSE,
			 &(struct bh_ipc_reply){.status = 413,
						.allow = "GET, HEAD",
						.length = BH_IPC_LENGTH_UNKNOWN});
	CU_ASSERT_FALSE(b->failed);
}

static void
messages_arrive_as_they_were_sent_however_they_are_cut(void)
{
	struct bh_buf b = {0};
	size_t piece;

	make_sequence(&b);
	for (piece = 1; piece <= b.len; piece++) {
		struct seen s = {0, true};

		CU_ASSERT_EQUAL(carry(&b, piece, expect_sequence, &s), 0);
		CU_ASSERT_EQUAL(s.n, 4);
		CU_ASSERT_TRUE(s.right);
	}
	bh_buf_free(&b);
}

static void
ignore(const struct bh_ipc_message *m, void *arg)
{
	(void)m;
	(void)arg;
}

static void
header_that_cannot_be_ends_the_channel(void)
{
	static const struct bh_ipc_header bad[] = {
		{.len = BH_IPC_PAYLOAD_MAX + 1, .type = BH_IPC_BODY},
		{.type = 0},
		{.type = BH_IPC_TYPES},
		{.type = BH_IPC_BODY, .zero = 1},
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		struct bh_buf b = {0};

		bh_buf_add(&b, &bad[i], sizeof(bad[i]));
		CU_ASSERT_EQUAL(carry(&b, b.len, ignore, NULL), -EPROTO);
		bh_buf_free(&b);
	}
}

/* A payload that is short, long, or has a NUL inside a string, at every place. */
static void
payload_that_is_not_exact_is_refused(void)
{
	struct bh_ipc_message m = {.type = BH_IPC_HEAD};
	struct bh_buf b = {0};
	struct bh_ipc_head h;
	uint32_t n;
	char *copy;

	bh_ipc_put_head(&b, 1, &full_head);
	m.payload = b.data + sizeof(struct bh_ipc_header);
	m.len = (uint32_t)(b.len - sizeof(struct bh_ipc_header));
	CU_ASSERT_EQUAL(bh_ipc_get_head(&m, &h), 0);
	for (n = 0; n < m.len; n++) {
		/* By itself, so that a read behind it is seen by the sanitizer. */
		struct bh_ipc_message cut = {.type = BH_IPC_HEAD, .len = n};

		copy = malloc(n + 1);
		memcpy(copy, m.payload, n);
		cut.payload = copy;
		CU_ASSERT_EQUAL(bh_ipc_get_head(&cut, &h), -EPROTO);
		free(copy);
	}
	bh_buf_add(&b, "", 1);
	m.payload = b.data + sizeof(struct bh_ipc_header);
	m.len++;
	CU_ASSERT_EQUAL(bh_ipc_get_head(&m, &h), -EPROTO);
	m.len--;
	*strstr(memmem(b.data, b.len, "Bearer", 6), "0123") = '\0';
	CU_ASSERT_EQUAL(bh_ipc_get_head(&m, &h), -EPROTO);
	m.type = BH_IPC_BODY;
	CU_ASSERT_EQUAL(bh_ipc_get_head(&m, &h), -EPROTO);
	bh_buf_free(&b);
}

static void
request_without_method_or_target_is_refused(void)
{
	struct bh_ipc_head none = full_head, h;
	struct bh_buf b = {0};
	struct bh_ipc_message m = {.type = BH_IPC_HEAD};

	none.uri = NULL;
	bh_ipc_put_head(&b, 1, &none);
	m.payload = b.data + sizeof(struct bh_ipc_header);
	m.len = (uint32_t)(b.len - sizeof(struct bh_ipc_header));
	CU_ASSERT_EQUAL(bh_ipc_get_head(&m, &h), -EPROTO);
	bh_buf_free(&b);
}

static void
more_than_a_message_holds_is_not_sent(void)
{
	struct bh_ipc_head big = full_head;
	struct bh_buf b = {0};
	char *uri = malloc(BH_IPC_PAYLOAD_MAX + 1);

	memset(uri, 'a', BH_IPC_PAYLOAD_MAX);
	uri[BH_IPC_PAYLOAD_MAX] = '\0';
	big.uri = uri;
	bh_ipc_put_head(&b, 1, &big);
	CU_ASSERT_TRUE(b.failed);
	CU_ASSERT_EQUAL(b.len, 0);
	bh_buf_free(&b);
	free(uri);
}

const struct bh_unit_test bh_suite_ipc_message[] = {
	BH_TEST(messages_arrive_as_they_were_sent_however_they_are_cut),
	BH_TEST(header_that_cannot_be_ends_the_channel),
	BH_TEST(payload_that_is_not_exact_is_refused),
	BH_TEST(request_without_method_or_target_is_refused),
	BH_TEST(more_than_a_message_holds_is_not_sent),
	BH_TEST_END,
};
