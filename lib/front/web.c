/* web: the dashboard's files. They are read whole before the process gives its rights away, and a path of a request is
 * looked up in the table of what was read: there is no file name made of what a stranger sent. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front_priv.h"

#define FILES_MAX 256
#define BYTES_MAX (16u << 20)
#define DEPTH_MAX 4
#define PATH_LONGEST 200
#define INDEX "/index.html"
#define ASSETS "/assets/"

/* Scripts and styles come from files of ours alone, and talk to nobody else; no other page may frame this one. */
static const char security[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

static const struct {
	const char *suffix, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".mjs", "text/javascript; charset=utf-8"},
	{".json", "application/json"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
	{".webmanifest", "application/manifest+json"},
};

struct bh_front_file {
	char path[PATH_LONGEST]; /* as a request names it */
	const char *type;
	char etag[20]; /* quoted */
	char *data;
	size_t len;
};

struct bh_front_web {
	struct bh_front_file file[FILES_MAX]; /* by path */
	unsigned n;
	size_t bytes;
};

static const char *
type_of(const char *name)
{
	size_t len = strlen(name), k, i;

	for (i = 0; i < BH_ARRAY_SIZE(types); i++) {
		k = strlen(types[i].suffix);
		if (len > k && strcmp(name + len - k, types[i].suffix) == 0)
			return types[i].type;
	}
	return NULL;
}

/* FNV-1a, 64 bits: it tells one build's file from another's; nobody gains by a collision with his own cache. */
static void
make_etag(struct bh_front_file *f)
{
	uint64_t h = 0xcbf29ce484222325u;
	size_t i;

	for (i = 0; i < f->len; i++)
		h = (h ^ (unsigned char)f->data[i]) * 0x100000001b3u;
	snprintf(f->etag, sizeof(f->etag), "\"%016llx\"", (unsigned long long)h);
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static int
read_whole(int fd, struct bh_front_file *f, size_t max)
{
	struct bh_buf b = {0};
	char piece[16384];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0 && b.len + (size_t)n <= max)
		bh_buf_add(&b, piece, (size_t)n);
	if (n != 0 || b.failed) {
		bh_buf_free(&b);
		return n < 0 ? -errno : n > 0 ? -EFBIG : -ENOMEM;
	}
	f->data = b.data;
	f->len = b.len;
	return 0;
}

static int
add_file(struct bh_front_web *web, int dir, const char *name, const char *path, struct bh_err *err)
{
	struct bh_front_file *f = &web->file[web->n];
	int fd, rc;

	if (web->n == FILES_MAX)
		return bh_err_set(err, E2BIG, "more than %u files", FILES_MAX);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	rc = fd < 0 ? -errno : read_whole(fd, f, BYTES_MAX - web->bytes);
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		return bh_err_set(err, -rc, "%s: %s%s", path, strerror(-rc),
				  rc == -EFBIG ? " (16 MiB is all that is kept)" : "");
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->type = type_of(name);
	make_etag(f);
	web->bytes += f->len;
	web->n++;
	return 0;
}

static int
add_folder(struct bh_front_web *web, int dir, const char *path, unsigned depth, struct bh_err *err)
{
	char below[PATH_LONGEST];
	struct stat st;
	struct dirent *e;
	DIR *d = fdopendir(dir); /* dir is d's now */
	int rc = d != NULL ? 0 : bh_err_set(err, errno, "%s: %s", path, strerror(errno));

	if (d == NULL)
		close(dir);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    snprintf(below, sizeof(below), "%s%s%s", path, e->d_name,
			     S_ISDIR(st.st_mode) ? "/" : "") >= (int)sizeof(below))
			continue;
		if (S_ISREG(st.st_mode) && type_of(e->d_name) != NULL) {
			rc = add_file(web, dir, e->d_name, below, err);
		} else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			int fd = openat(dir, e->d_name,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

			rc = fd < 0 ? bh_err_set(err, errno, "%s: %s", below, strerror(errno))
				    : add_folder(web, fd, below, depth + 1, err);
		}
	}
	if (d != NULL)
		closedir(d);
	return rc;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct bh_front_file *)a)->path,
		      ((const struct bh_front_file *)b)->path);
}

int
bh_front_web_load(struct bh_front_web **out, const char *folder, struct bh_err *err)
{
	struct bh_front_web *web = calloc(1, sizeof(*web));
	int rc, fd;

	*out = NULL;
	if (web == NULL)
		return bh_err_set(err, ENOMEM, "the dashboard: out of memory");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? bh_err_set(err, errno, "%s", strerror(errno))
		    : add_folder(web, fd, "/", 0, err);
	qsort(web->file, web->n, sizeof(web->file[0]), by_path);
	if (rc == 0 && bh_front_web_find(web, "/") == NULL)
		rc = bh_err_set(err, ENOENT, "there is no index.html: run `make web`");
	if (rc != 0) {
		bh_front_web_free(web);
		if (err != NULL)
			snprintf(err->file, sizeof(err->file), "%s", folder);
		return rc;
	}
	*out = web;
	return 0;
}

void
bh_front_web_free(struct bh_front_web *web)
{
	unsigned i;

	if (web == NULL)
		return;
	for (i = 0; i < FILES_MAX; i++)
		free(web->file[i].data);
	free(web);
}

/* ---- serving ----------------------------------------------------------------------------------------------- */

const struct bh_front_file *
bh_front_web_find(const struct bh_front_web *web, const char *uri)
{
	size_t len = strcspn(uri, "?");
	struct bh_front_file key = {0};

	if (web == NULL || len == 0 || len >= sizeof(key.path))
		return NULL;
	snprintf(key.path, sizeof(key.path), "%.*s", (int)len, uri);
	if (strcmp(key.path, "/") == 0)
		snprintf(key.path, sizeof(key.path), INDEX);
	else if (strncmp(key.path, ASSETS, sizeof(ASSETS) - 1) != 0)
		return NULL;
	return bsearch(&key, web->file, web->n, sizeof(key), by_path);
}

/* RFC 9110 13.1.2: a list of tags, weak ones are equal to strong ones, or `*`. Ours has no comma in it. */
static bool
is_known(const char *tags, const char *etag)
{
	return tags != NULL && (strcmp(tags, "*") == 0 || strstr(tags, etag) != NULL);
}

bool
bh_front_web_answer(struct bh_front_req *req)
{
	const struct bh_front_file *f = bh_front_web_find(req->front->web, req->uri);

	if (f == NULL)
		return false;
	req->local = true;
	if (strcmp(req->head.method, "GET") != 0 && strcmp(req->head.method, "HEAD") != 0) {
		bh_front_fail(req, BH_PROBLEM_METHOD, "this is a file: GET and HEAD are allowed");
		req->reply.allow = "GET, HEAD";
		return true;
	}
	/* Asked for each time, so that an upgrade is seen at once; an answer of 304 has no body. */
	req->reply = (struct bh_ipc_reply){.status = 200,
					   .content_type = f->type,
					   .etag = f->etag,
					   .cache_control = "no-cache",
					   .security = security,
					   .length = f->len};
	if (is_known(req->head.if_none_match, f->etag)) {
		req->reply.status = 304;
		req->reply.content_type = NULL;
	} else {
		req->file = f->data;
		req->file_len = f->len;
	}
	req->ready = true;
	return true;
}
