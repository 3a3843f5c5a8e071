/* watch: a cluster, by what its API server lists and then says as it happens. One thread, a connection for each kind of object.
 *
 * Each kind is listed in pages, then watched from the version of the list. A watch that ends goes on from the last version seen;
 * where the server has no history of it (410 Gone), all is listed again, and what the list does not have any more is gone at its
 * end, not before. Credentials are read anew for each request: files rotate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kube_priv.h"

#define PAGE 250             /* objects of a page: pods have some 10 KiB each */
#define BODY_MAX (64u << 20) /* of a page */
#define FAILED_BODY_MAX 4096 /* an error's text */
#define WATCH_S 300          /* and up to as long again: not all gateways ask at once */
#define SILENT_S 150         /* bookmarks come each minute: a connection that brings none is dead */
#define STEADY_NS (5 * BH_NS_PER_SEC)
#define FAILED_WATCHES 3 /* then from a list: the version may be of a server that was set back */

enum state { IDLE, LISTING, WATCHING };

struct feed {
	struct cluster *c;
	enum bh_kube_kind kind;
	const char *path;
	CURL *easy;
	struct curl_slist *header;
	enum state state;
	bool open, synced;            /* open: the watch was answered with 200 */
	char version[64], next[1024]; /* version "": list */
	struct bh_buf body;
	struct bh_lines lines;
	uint64_t due_ns, opened_ns;
	unsigned failures;
	int rc; /* of reading an answer */
};

struct cluster {
	struct bh_kube_source *s;
	CURLM *multi;
	struct feed feed[BH_KUBE_KINDS];
	int file[3]; /* of what a kubeconfig holds itself: libcurl's GnuTLS reads files only */
	bool dirty;
};

static const char *const paths[BH_KUBE_KINDS] = {"/api/v1/namespaces", "/api/v1/nodes",
						 "/api/v1/services", "/api/v1/pods"};

static uint64_t
now_ns(void)
{
	return bh_clock_system.mono_ns(NULL);
}

/* ---- what comes in ------------------------------------------------------------------------------------------ */

/* deleted: by name alone. */
static int
take_object(struct feed *f, const json_t *o, bool deleted)
{
	struct bh_kube_object read;
	struct bh_arena memory = {0};
	struct bh_kube_model *m;
	int rc = bh_kube_object_read(&read, f->kind, o, &memory);

	if (rc == 0) {
		read.source = f->c->s->index;
		m = bh_kube_lock(f->c->s->kube);
		if (deleted)
			bh_kube_model_delete(m, read.source, read.kind, read.name);
		else
			rc = bh_kube_model_put(m, &read);
		bh_kube_unlock(f->c->s->kube);
		f->c->dirty = true;
	}
	bh_arena_free(&memory);
	return rc;
}

static int
take_event(void *arg, const char *line, size_t len)
{
	struct feed *f = arg;
	struct bh_kube_event e;
	int rc = bh_kube_event_read(&e, line, len);

	if (rc != 0)
		return rc;
	if (e.type == BH_KUBE_GONE) {
		f->version[0] = '\0';
		rc = -ESTALE;
	} else if (e.type == BH_KUBE_ERROR) {
		bh_kube_trouble(f->c->s, e.message);
		rc = -EIO;
	} else if (e.type != BH_KUBE_BOOKMARK) {
		rc = take_object(f, e.object, e.type == BH_KUBE_DELETED);
	}
	if (rc == 0 && e.version[0] != '\0')
		snprintf(f->version, sizeof(f->version), "%s", e.version);
	json_decref(e.doc);
	return rc;
}

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct feed *f = arg;
	long status = 0;

	size *= n;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && f->state == WATCHING) {
		f->rc = bh_lines_feed(&f->lines, data, size, take_event, f);
		return f->rc == 0 ? size : 0;
	}
	if (status != 200 && f->body.len + size > FAILED_BODY_MAX)
		return size;
	if (f->body.len + size > BODY_MAX) {
		f->rc = -EMSGSIZE;
		return 0;
	}
	bh_buf_add(&f->body, data, size);
	return f->body.failed ? 0 : size;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct feed *f = arg;
	long status = 0;

	(void)data;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!f->open && f->state == WATCHING && status == 200) {
		f->open = true;
		f->opened_ns = now_ns();
	}
	return size * n;
}

/* A page of a list. Returns 1 when it was the last. */
static int
take_page(struct feed *f)
{
	struct bh_kube_source *s = f->c->s;
	struct bh_kube_page page;
	const json_t *o;
	size_t i;
	int rc = bh_kube_page_read(&page, f->body.data != NULL ? f->body.data : "", f->body.len);

	if (rc != 0)
		return rc;
	if (f->next[0] == '\0') {
		bh_kube_model_list_begin(bh_kube_lock(s->kube), s->index, (uint8_t)f->kind);
		bh_kube_unlock(s->kube);
	}
	json_array_foreach(page.items, i, o)
	{
		rc = take_object(f, o, false);
		if (rc == -ENOMEM)
			goto out;
	}
	rc = 0;
	snprintf(f->next, sizeof(f->next), "%s", page.next);
	if (f->next[0] == '\0') {
		bh_kube_model_list_end(bh_kube_lock(s->kube), s->index, (uint8_t)f->kind);
		s->status.lists++;
		bh_kube_unlock(s->kube);
		snprintf(f->version, sizeof(f->version), "%s", page.version);
		f->synced = true;
		f->c->dirty = true;
		rc = 1;
	}
out:
	json_decref(page.doc);
	return rc;
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

/* PEM into the memory file, whose path goes into out. */
static int
put_file(int fd, const char *pem, char out[256])
{
	size_t len = strlen(pem);

	if (ftruncate(fd, 0) != 0 || pwrite(fd, pem, len, 0) != (ssize_t)len)
		return -EIO;
	snprintf(out, 256, "/proc/%d/fd/%d", (int)getpid(), fd);
	return 0;
}

static int
set_credentials(struct feed *f, struct bh_kube_access *a)
{
	struct bh_buf line = {0};
	int rc = 0;

	if (a->ca_data != NULL)
		rc = put_file(f->c->file[0], a->ca_data, a->ca);
	if (rc == 0 && a->certificate_data != NULL)
		rc = put_file(f->c->file[1], a->certificate_data, a->certificate);
	if (rc == 0 && a->key_data != NULL)
		rc = put_file(f->c->file[2], a->key_data, a->key);
	if (rc != 0)
		return rc;
	bh_client_trust(f->easy, &(struct bh_client_tls){.ca = a->ca,
							 .certificate = a->certificate,
							 .key = a->key,
							 .insecure = a->insecure});
	f->header = curl_slist_append(NULL, "Accept: application/json");
	if (a->token != NULL && a->certificate[0] == '\0') {
		bh_buf_printf(&line, "Authorization: Bearer %s", a->token);
		if (!line.failed)
			f->header = curl_slist_append(f->header, line.data);
		else
			rc = -ENOMEM;
		if (line.data != NULL)
			explicit_bzero(line.data, line.len);
		bh_buf_free(&line);
	}
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->header);
	return rc;
}

static int
set_url(struct feed *f, const char *server)
{
	struct bh_buf url = {0};
	char *next = NULL;
	int rc = 0;

	bh_buf_printf(&url, "%s%s?", server, f->path);
	if (f->state == WATCHING) {
		bh_buf_printf(&url,
			      "watch=true&allowWatchBookmarks=true&resourceVersion=%s&"
			      "timeoutSeconds=%u",
			      f->version, WATCH_S + bh_client_random_below(WATCH_S));
	} else {
		bh_buf_printf(&url, "limit=%u", PAGE);
		if (f->next[0] != '\0') {
			next = curl_easy_escape(f->easy, f->next, 0);
			bh_buf_printf(&url, "&continue=%s", next != NULL ? next : "");
			curl_free(next);
		}
	}
	if (url.failed)
		rc = -ENOMEM;
	else
		curl_easy_setopt(f->easy, CURLOPT_URL, url.data);
	bh_buf_free(&url);
	return rc;
}

static void
set_options(struct feed *f)
{
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	bh_client_options(f->easy, "https", f->state == WATCHING ? SILENT_S : 30);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
}

static void
clear(struct feed *f)
{
	if (f->easy != NULL) {
		curl_multi_remove_handle(f->c->multi, f->easy);
		curl_easy_cleanup(f->easy);
	}
	curl_slist_free_all(f->header);
	f->easy = NULL;
	f->header = NULL;
	f->state = IDLE;
	f->open = false;
	bh_buf_free(&f->body);
	bh_buf_free(&f->lines.buf);
}

static void
fail(struct feed *f, const char *why)
{
	struct bh_kube_source *s = f->c->s;
	char text[256];

	f->due_ns = now_ns() + bh_client_backoff_ns(f->failures);
	f->failures++;
	f->next[0] = '\0';
	if (f->failures >= FAILED_WATCHES)
		f->version[0] = '\0';
	snprintf(text, sizeof(text), "%s: %s", f->path, why);
	bh_kube_trouble(s, text);
	clear(f);
}

static void
begin(struct feed *f)
{
	struct bh_kube_access a;
	struct bh_err err = {0};
	int rc = bh_kube_access_load(&a, f->c->s->config, bh_kube_secrets(f->c->s->kube), &err);

	if (rc != 0) {
		fail(f, err.what);
		return;
	}
	f->state = f->version[0] != '\0' ? WATCHING : LISTING;
	f->rc = 0;
	f->easy = curl_easy_init();
	rc = f->easy == NULL ? -ENOMEM : 0;
	if (rc == 0) {
		set_options(f);
		rc = set_credentials(f, &a);
	}
	if (rc == 0)
		rc = set_url(f, a.server);
	bh_kube_access_free(&a);
	if (rc == 0 && curl_multi_add_handle(f->c->multi, f->easy) == CURLM_OK)
		return;
	fail(f, "no memory for a request");
}

/* The API's own words for an error, where it gave any. */
static void
words(const struct feed *f, long status, char out[200])
{
	json_t *doc = f->body.len != 0 ? json_loadb(f->body.data, f->body.len, 0, NULL) : NULL;
	const char *message = json_string_value(json_object_get(doc, "message"));

	snprintf(out, 200, "%ld%s%.150s", status, message != NULL ? ": " : "",
		 message != NULL ? message : "");
	json_decref(doc);
}

static void
done(struct feed *f, CURLcode code)
{
	long status = 0;
	char why[200];
	int rc;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->rc == -ESTALE || status == 410) {
		f->version[0] = f->next[0] = '\0';
		f->due_ns = now_ns() + bh_client_random_below(100) * BH_NS_PER_MS;
		clear(f);
		return;
	}
	if (code != CURLE_OK || status != 200) {
		words(f, status, why);
		fail(f, f->rc != 0         ? strerror(-f->rc)
			: code != CURLE_OK ? curl_easy_strerror(code)
					   : why);
		return;
	}
	if (f->state == LISTING) {
		rc = take_page(f);
		if (rc < 0) {
			fail(f, "its answer is no list of the API");
			return;
		}
		f->due_ns = 0;
	} else {
		f->due_ns = now_ns() + 50 * BH_NS_PER_MS; /* a watch that always ends at once */
	}
	f->failures = 0;
	clear(f);
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

static void
tell(struct cluster *c)
{
	bool connected = true, synced = true;
	unsigned i;

	for (i = 0; i < BH_KUBE_KINDS; i++) {
		const struct feed *f = &c->feed[i];

		/* A watch that ended in its time and is asked for again is no loss. */
		connected &= f->synced && (f->open || (f->failures == 0 && f->version[0] != '\0'));
		synced &= f->synced;
		/* One that breaks again at once has not mended anything. */
		if (f->open && now_ns() - f->opened_ns > STEADY_NS)
			c->feed[i].failures = 0;
	}
	bh_kube_lock(c->s->kube);
	c->s->status.synced = synced;
	bh_kube_unlock(c->s->kube);
	if (c->dirty) {
		bh_kube_lock(c->s->kube);
		bh_kube_apply(c->s);
	}
	c->dirty = false;
	bh_kube_heard(c->s, connected);
	bh_kube_look_stale(c->s);
}

static void
turn(struct cluster *c)
{
	struct curl_waitfd stop = {.fd = bh_kube_stop_fd(c->s->kube), .events = CURL_WAIT_POLLIN};
	uint64_t now = now_ns(), wait_ms = 1000;
	struct feed *f;
	CURLMsg *msg;
	int n;
	unsigned i;

	for (i = 0; i < BH_KUBE_KINDS; i++) {
		f = &c->feed[i];
		if (f->state == IDLE && f->due_ns <= now)
			begin(f);
		if (f->state == IDLE && f->due_ns > now &&
		    (f->due_ns - now) / BH_NS_PER_MS < wait_ms)
			wait_ms = (f->due_ns - now) / BH_NS_PER_MS + 1;
	}
	curl_multi_perform(c->multi, &n);
	while ((msg = curl_multi_info_read(c->multi, &n)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &f);
		done(f, msg->data.result);
		wait_ms = 0;
	}
	tell(c);
	curl_multi_poll(c->multi, &stop, 1, (int)wait_ms, NULL);
}

void
bh_kube_run_cluster(struct bh_kube_source *s)
{
	struct cluster c = {.s = s, .multi = curl_multi_init(), .file = {-1, -1, -1}};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(c.file); i++)
		c.file[i] = memfd_create("kube", MFD_CLOEXEC);
	for (i = 0; i < BH_KUBE_KINDS; i++)
		c.feed[i] = (struct feed){.c = &c, .kind = (enum bh_kube_kind)i, .path = paths[i]};
	while (c.multi != NULL && !bh_kube_stopping(s->kube))
		turn(&c);
	for (i = 0; i < BH_KUBE_KINDS; i++)
		clear(&c.feed[i]);
	if (c.multi != NULL)
		curl_multi_cleanup(c.multi);
	for (i = 0; i < BH_ARRAY_SIZE(c.file); i++) {
		if (c.file[i] >= 0)
			close(c.file[i]);
	}
}
