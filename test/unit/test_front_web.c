/* The dashboard's files: served as they were read, whatever happens to the folder; a path that is not in the table is the
 * control core's matter, and no form of one leads out of the folder. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/front/front.h"
#include "../../lib/ipc/ipc.h"
#include "unit.h"

struct rig {
	char folder[64];
	struct bh_front_web *web;
	pthread_t thread;
	int listener, front_end, control;
	uint16_t port;
	struct bh_ipc_reader in;
};

static void
put(const struct rig *r, const char *name, const char *text, size_t len)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void
make_folder(struct rig *r)
{
	char path[200];

	snprintf(r->folder, sizeof(r->folder), "/tmp/bh-web-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->folder));
	snprintf(path, sizeof(path), "%s/assets", r->folder);
	mkdir(path, 0755);
	put(r, "index.html", "<!doctype html>", 15);
	put(r, "assets/a.js", "let a;", 6);
	put(r, "assets/.hidden.js", "no", 2);
	put(r, "assets/secret.key", "no", 2);
	put(r, "beside.js", "no", 2);
	snprintf(path, sizeof(path), "%s/assets/link.js", r->folder);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
}

static void
remove_folder(const struct rig *r)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", r->folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void *
serve(void *arg)
{
	struct rig *r = arg;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_front_run(r->listener, r->front_end, r->web, &err), 0);
	return NULL;
}

static void
start(struct rig *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct bh_ipc_setup setup = {.max_connections = 8, .timeout_s = 10};
	struct bh_buf b = {0};
	socklen_t len = sizeof(a);
	int pair[2];

	*r = (struct rig){0};
	make_folder(r);
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

static void
stop(struct rig *r)
{
	close(r->control);
	pthread_join(r->thread, NULL);
	bh_front_web_free(r->web);
	bh_ipc_reader_free(&r->in);
	remove_folder(r);
}

/* Answer one request at the control core with 418. Returns whether one came. */
static bool
control(struct rig *r)
{
	const struct bh_ipc_reply reply = {.status = 418};
	struct bh_ipc_message m;
	struct bh_buf b = {0};

	for (;;) {
		if (bh_ipc_next(&r->in, &m) != 1) {
			if (bh_ipc_fill(&r->in, r->control) != 1)
				return false;
			continue;
		}
		if (m.type != BH_IPC_BODY || (m.flags & BH_IPC_LAST) == 0)
			continue;
		bh_ipc_put_reply(&b, m.id, 0, &reply);
		bh_ipc_put(&b, BH_IPC_DATA, BH_IPC_LAST, m.id, NULL, 0);
		CU_ASSERT_EQUAL(write(r->control, b.data, b.len), (ssize_t)b.len);
		bh_buf_free(&b);
		return true;
	}
}

/* One request on a connection of its own; status, and the whole answer in `out`. */
static int
ask(struct rig *r, const char *method, const char *path, const char *more, char *out, size_t size)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(r->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), n, status = 0;
	char request[600];
	size_t have = 0;
	ssize_t got;

	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	n = snprintf(request, sizeof(request),
		     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
		     path, more);
	CU_ASSERT_EQUAL(write(fd, request, (size_t)n), n);
	while (have < size - 1) {
		struct pollfd p[] = {{.fd = fd, .events = POLLIN},
				     {.fd = r->control, .events = POLLIN}};

		if (poll(p, 2, 10000) <= 0)
			break;
		if (p[1].revents != 0)
			control(r);
		if (p[0].revents == 0)
			continue;
		got = read(fd, out + have, size - 1 - have);
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	out[have] = '\0';
	close(fd);
	sscanf(out, "HTTP/1.1 %d", &status);
	return status;
}

static void
a_file_is_served_with_its_type_and_a_strict_policy(void)
{
	char out[4096];
	struct rig r;

	start(&r);
	CU_ASSERT_EQUAL(ask(&r, "GET", "/", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Content-Type: text/html"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out, "default-src 'none'; script-src 'self'; style-src 'self'"));
	CU_ASSERT_PTR_NULL(strstr(out, "unsafe"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\r\n\r\n<!doctype html>"));
	CU_ASSERT_EQUAL(ask(&r, "GET", "/assets/a.js?v=1", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Content-Type: text/javascript"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "\r\n\r\nlet a;"));
	CU_ASSERT_EQUAL(ask(&r, "HEAD", "/assets/a.js", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Content-Length: 6"));
	CU_ASSERT_PTR_NULL(strstr(out, "let a;"));
	CU_ASSERT_EQUAL(ask(&r, "POST", "/", "Content-Length: 2\r\n\r\nab", out, sizeof(out)), 405);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Allow: GET, HEAD"));
	stop(&r);
}

static void
a_file_that_is_known_is_not_sent_again(void)
{
	char out[4096], again[100];
	const char *tag;
	struct rig r;

	start(&r);
	CU_ASSERT_EQUAL(ask(&r, "GET", "/assets/a.js", "", out, sizeof(out)), 200);
	tag = strstr(out, "ETag: \"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(tag);
	snprintf(again, sizeof(again), "If-None-Match: W/\"x\", %.18s\r\n", tag + 6);
	CU_ASSERT_EQUAL(ask(&r, "GET", "/assets/a.js", again, out, sizeof(out)), 304);
	CU_ASSERT_PTR_NULL(strstr(out, "let a;"));
	CU_ASSERT_EQUAL(ask(&r, "GET", "/", again, out, sizeof(out)), 200);
	stop(&r);
}

/* 418 is what the control core of this test says to anything. */
static void
no_path_leads_out_of_the_table(void)
{
	static const char *const paths[] = {
		"/assets/../index.html",
		"/assets/%2e%2e/beside.js",
		"/assets//a.js",
		"/assets",
		"/assets/",
		"/beside.js",
		"/index.html",
		"//",
		"/assets/.hidden.js",
		"/assets/secret.key",
		"/assets/link.js",
		"/assets/a.js%00",
		"/assets/../../../../../../etc/passwd",
		"/ASSETS/a.js",
		"/api/v1/health",
	};
	char out[4096];
	struct rig r;
	size_t i;

	start(&r);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int status = ask(&r, "GET", paths[i], "", out, sizeof(out));

		if (status != 418)
			printf("%s: %d\n", paths[i], status);
		CU_ASSERT_EQUAL(status, 418);
	}
	stop(&r);
}

static void
what_happens_to_the_folder_later_changes_nothing(void)
{
	char out[4096];
	struct rig r;

	start(&r);
	put(&r, "assets/a.js", "changed", 7);
	put(&r, "assets/new.js", "new", 3);
	CU_ASSERT_EQUAL(ask(&r, "GET", "/assets/a.js", "", out, sizeof(out)), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "let a;"));
	CU_ASSERT_EQUAL(ask(&r, "GET", "/assets/new.js", "", out, sizeof(out)), 418);
	stop(&r);
}

static void
a_folder_that_is_too_large_or_no_dashboard_is_refused(void)
{
	const size_t mib = 1u << 20;
	struct bh_front_web *web;
	char *big, path[200];
	struct bh_err err = {0};
	struct rig r = {0};

	make_folder(&r);
	big = calloc(16, mib);
	put(&r, "assets/big.js", big, 16 * mib - 21); /* with index.html and a.js exactly all */
	put(&r, "beside.txt", "", 0);
	snprintf(path, sizeof(path), "%s/beside.js", r.folder);
	unlink(path);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, r.folder, NULL), 0);
	bh_front_web_free(web);
	put(&r, "assets/big.js", big, 16 * mib - 20);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, r.folder, &err), -EFBIG);
	CU_ASSERT_PTR_NULL(web);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "16 MiB"));
	free(big);
	put(&r, "assets/big.js", "", 0);
	snprintf(path, sizeof(path), "%s/index.html", r.folder);
	unlink(path);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, r.folder, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_front_web_load(&web, "/nonexistent", NULL), -ENOENT);
	remove_folder(&r);
}

const struct bh_unit_test bh_suite_front_web[] = {
	BH_TEST(a_file_is_served_with_its_type_and_a_strict_policy),
	BH_TEST(a_file_that_is_known_is_not_sent_again),
	BH_TEST(no_path_leads_out_of_the_table),
	BH_TEST(what_happens_to_the_folder_later_changes_nothing),
	BH_TEST(a_folder_that_is_too_large_or_no_dashboard_is_refused),
	BH_TEST_END};
