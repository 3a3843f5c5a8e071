/* The HTTP process's loop in a thread, between a client and a control core that answers everything with 418. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front_rig.h"

void
front_rig_put(const struct front_rig *r, const char *name, const char *text, size_t len)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	fclose(f);
}

void
front_rig_make_folder(struct front_rig *r)
{
	char path[200];

	snprintf(r->folder, sizeof(r->folder), "/tmp/bh-web-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->folder));
	snprintf(path, sizeof(path), "%s/assets", r->folder);
	mkdir(path, 0755);
	front_rig_put(r, "index.html", "<!doctype html>", 15);
	front_rig_put(r, "assets/a.js", "let a;", 6);
	front_rig_put(r, "assets/.hidden.js", "no", 2);
	front_rig_put(r, "assets/secret.key", "no", 2);
	front_rig_put(r, "beside.js", "no", 2);
	snprintf(path, sizeof(path), "%s/assets/link.js", r->folder);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
}

void
front_rig_remove_folder(const struct front_rig *r)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", r->folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void *
serve(void *arg)
{
	struct front_rig *r = arg;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_front_run(r->listener, r->front_end, r->web, &err), 0);
	return NULL;
}

void
front_rig_start(struct front_rig *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct bh_ipc_setup setup = {.max_connections = 8, .timeout_s = 10};
	struct bh_buf b = {0};
	socklen_t len = sizeof(a);
	int pair[2];

	*r = (struct front_rig){0};
	front_rig_make_folder(r);
	CU_ASSERT_EQUAL_FATAL(bh_front_web_load(&r->web, r->folder, NULL), 0);
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL_FATAL(bind(r->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	listen(r->listener, 16);
	getsockname(r->listener, (struct sockaddr *)&a, &len);
	r->port = ntohs(a.sin_port);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r->control = pair[0];
	r->front_end = pair[1];
	bh_ipc_put_setup(&b, &setup);
	CU_ASSERT_EQUAL(write(r->control, b.data, b.len), (ssize_t)b.len);
	bh_buf_free(&b);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&r->thread, NULL, serve, r), 0);
}

void
front_rig_stop(struct front_rig *r)
{
	close(r->control);
	pthread_join(r->thread, NULL);
	bh_front_web_free(r->web);
	bh_ipc_reader_free(&r->in);
	front_rig_remove_folder(r);
}

/* What has come to the control core: each whole request is answered with 418. */
static void
control(struct front_rig *r)
{
	const struct bh_ipc_reply reply = {.status = 418};
	struct bh_ipc_message m;
	struct bh_ipc_head head;
	struct bh_buf b = {0};

	if (bh_ipc_fill(&r->in, r->control) != 1)
		return;
	while (bh_ipc_next(&r->in, &m) == 1) {
		if (m.type == BH_IPC_HEAD && bh_ipc_get_head(&m, &head) == 0) {
			r->reached++;
			r->uri_len = strlen(head.uri);
		}
		if (m.type != BH_IPC_BODY || (m.flags & BH_IPC_LAST) == 0)
			continue;
		bh_ipc_put_reply(&b, m.id, 0, &reply);
		bh_ipc_put(&b, BH_IPC_DATA, BH_IPC_LAST, m.id, NULL, 0);
	}
	if (b.len != 0)
		CU_ASSERT_EQUAL(write(r->control, b.data, b.len), (ssize_t)b.len);
	bh_buf_free(&b);
}

size_t
front_rig_say(struct front_rig *r, const char *bytes, size_t len, size_t piece, char *out,
	      size_t size)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(r->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t have = 0, said = 0;
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	while (have < size - 1) {
		struct pollfd p[] = {{.fd = fd, .events = said < len ? POLLIN | POLLOUT : POLLIN},
				     {.fd = r->control, .events = POLLIN}};

		if (poll(p, 2, 30000) <= 0) {
			CU_FAIL("it stays open");
			break;
		}
		if (p[1].revents != 0)
			control(r);
		if ((p[0].revents & POLLOUT) != 0 && said < len) {
			n = send(fd, bytes + said, len - said < piece ? len - said : piece,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
			said = n > 0 ? said + (size_t)n : len; /* refused before all was said */
		}
		if ((p[0].revents & ~POLLOUT) == 0)
			continue;
		n = read(fd, out + have, size - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	out[have] = '\0';
	close(fd);
	return have;
}

int
front_rig_ask(struct front_rig *r, const char *method, const char *path, const char *more,
	      char *out, size_t size)
{
	char request[600];
	int status = 0, n;

	n = snprintf(request, sizeof(request),
		     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
		     path, more);
	front_rig_say(r, request, (size_t)n, sizeof(request), out, size);
	sscanf(out, "HTTP/1.1 %d", &status);
	return status;
}

static void
requests_on_one_connection_are_answered_one_after_the_other(void)
{
	static const char said[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
				   "PUT /22 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
				   "GET /333 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct front_rig r;
	char out[4096];
	const char *at = out;
	unsigned n = 0;

	front_rig_start(&r);
	front_rig_say(&r, said, sizeof(said) - 1, 5, out, sizeof(out));
	for (; (at = strstr(at, "HTTP/1.1 418")) != NULL; at++)
		n++;
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT_EQUAL(r.reached, 3);
	CU_ASSERT_EQUAL(r.uri_len, 4);
	front_rig_stop(&r);
}

const struct bh_unit_test bh_suite_front_rig[] = {
	BH_TEST(requests_on_one_connection_are_answered_one_after_the_other), BH_TEST_END};
