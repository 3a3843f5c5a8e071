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

/* How often a server is tried that takes no connection, by one feed, and up to as long again: at first, and when it has been away for YOUNG_NS. */
#define PROBE_MS 100
#define OLD_PROBE_MS 250
#define YOUNG_NS (60 * BH_NS_PER_SEC)
#define WAKE_MS 100 /* when it answers, the others ask within so long */
#define WAKING_NS                                                                                  \
	(10 *                                                                                      \
	 BH_NS_PER_SEC) /* who has just come back says no for a moment only: no back-off grows */
#define MISSING 5       /* refusals in a row until what nobody must have counts as not there */
#define LOOK_AGAIN_NS (30 * BH_NS_PER_SEC)

/* In the order in which they are asked for; `older`: where a server has it that does not know the first. */
static const struct {
	const char *path, *older;
	bool optional; /* a cluster without it, or without the right to it, is whole */
} feeds[BH_KUBE_FEEDS] = {
	[BH_KUBE_NAMESPACE] = {"/api/v1/namespaces", NULL, false},
	[BH_KUBE_NODE] = {"/api/v1/nodes", NULL, false},
	[BH_KUBE_SERVICE] = {"/api/v1/services", NULL, false},
	[BH_KUBE_POD] = {"/api/v1/pods", NULL, false},
	[BH_KUBE_SLICE] = {"/apis/discovery.k8s.io/v1/endpointslices",
			   "/apis/discovery.k8s.io/v1beta1/endpointslices", true},
	[BH_KUBE_KINDS + BH_KUBE_SEGMENT] = {BH_KUBE_GROUP "bulkheadsegments", NULL, false},
	[BH_KUBE_KINDS + BH_KUBE_SENSOR] = {BH_KUBE_GROUP "bulkheadsensors", NULL, false},
	[BH_KUBE_KINDS + BH_KUBE_POLICY] = {BH_KUBE_GROUP "bulkheadpolicies", NULL, false},
	[BH_KUBE_KINDS +
		BH_KUBE_NETPOL] = {"/apis/networking.k8s.io/v1/networkpolicies", NULL, false},
};

static uint64_t
now_ns(void)
{
	return bh_clock_system.mono_ns(NULL);
}

/* ---- what comes in ------------------------------------------------------------------------------------------ */

static int
take_wish(struct bh_kube_feed *f, const json_t *o, bool deleted)
{
	struct bh_kube_intent *in = bh_kube_intent_of(f->c->s->kube);
	uint8_t kind = (uint8_t)(f->kind - BH_KUBE_KINDS);

	if (!deleted)
		return bh_kube_intent_put(in, f->c->s->index, kind, o);
	bh_kube_intent_delete(in, f->c->s->index, kind, o);
	return 0;
}

/* deleted: by name alone. */
static int
take_object(struct bh_kube_feed *f, const json_t *o, bool deleted)
{
	struct bh_kube_object read;
	struct bh_arena memory = {0};
	struct bh_kube_model *m;
	int rc;

	if (f->kind >= BH_KUBE_KINDS)
		return take_wish(f, o, deleted);
	rc = bh_kube_object_read(&read, (enum bh_kube_kind)f->kind, o, &memory);

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
	struct bh_kube_feed *f = arg;
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
	struct bh_kube_feed *f = arg;
	long status = 0;

	size *= n;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && f->state == BH_KUBE_WATCHING) {
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
	struct bh_kube_feed *f = arg;
	long status = 0;

	(void)data;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	f->c->answered |= status == 200;
	if (!f->open && f->state == BH_KUBE_WATCHING && status == 200) {
		f->open = true;
		f->opened_ns = now_ns();
	}
	return size * n;
}

static void
list_begins(struct bh_kube_feed *f)
{
	struct bh_kube_source *s = f->c->s;

	if (f->kind >= BH_KUBE_KINDS) {
		bh_kube_intent_list_begin(bh_kube_intent_of(s->kube), s->index,
					  (uint8_t)(f->kind - BH_KUBE_KINDS));
		return;
	}
	bh_kube_model_list_begin(bh_kube_lock(s->kube), s->index, (uint8_t)f->kind);
	bh_kube_unlock(s->kube);
}

static void
list_ends(struct bh_kube_feed *f)
{
	struct bh_kube_source *s = f->c->s;

	if (f->kind >= BH_KUBE_KINDS) {
		bh_kube_intent_list_end(bh_kube_intent_of(s->kube), s->index,
					(uint8_t)(f->kind - BH_KUBE_KINDS));
		return;
	}
	bh_kube_model_list_end(bh_kube_lock(s->kube), s->index, (uint8_t)f->kind);
	bh_kube_unlock(s->kube);
}

/* A page of a list. Returns 1 when it was the last. */
static int
take_page(struct bh_kube_feed *f)
{
	struct bh_kube_source *s = f->c->s;
	struct bh_kube_page page;
	const json_t *o;
	size_t i;
	int rc = bh_kube_page_read(&page, f->body.data != NULL ? f->body.data : "", f->body.len);

	if (rc != 0)
		return rc;
	if (f->next[0] == '\0')
		list_begins(f);
	json_array_foreach(page.items, i, o)
	{
		rc = take_object(f, o, false);
		if (rc == -ENOMEM)
			goto out;
	}
	rc = 0;
	snprintf(f->next, sizeof(f->next), "%s", page.next);
	if (f->next[0] == '\0') {
		list_ends(f);
		bh_kube_lock(s->kube);
		s->status.lists++;
		bh_kube_unlock(s->kube);
		snprintf(f->version, sizeof(f->version), "%s", page.version);
		f->synced = true;
		f->absent = false;
		f->c->dirty = true;
		rc = 1;
	}
out:
	json_decref(page.doc);
	return rc;
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static int
set_url(struct bh_kube_feed *f, const char *server)
{
	struct bh_buf url = {0};
	char *next = NULL;
	int rc = 0;

	bh_buf_printf(&url, "%s%s?", server, f->path);
	if (f->state == BH_KUBE_WATCHING) {
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
set_options(struct bh_kube_feed *f)
{
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	bh_client_options(f->easy, "https", f->state == BH_KUBE_WATCHING ? SILENT_S : 30);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
}

static bool
is_waking(const struct bh_kube_cluster *c)
{
	return c->back_ns != 0 && now_ns() - c->back_ns < WAKING_NS;
}

static void
fail(struct bh_kube_feed *f, const char *why)
{
	struct bh_kube_source *s = f->c->s;
	char text[256];

	f->due_ns = now_ns() + bh_client_backoff_ns(is_waking(f->c) ? 0 : f->failures);
	f->failures++;
	f->next[0] = '\0';
	if (f->failures >= FAILED_WATCHES)
		f->version[0] = '\0';
	snprintf(text, sizeof(text), "%s: %.160s", f->path, why);
	bh_kube_trouble(s, text);
	bh_kube_clear(f);
}

/* Nobody listens: one feed finds out soon when somebody does, and wakes the others. */
static void
refused(struct bh_kube_feed *f)
{
	uint64_t now = now_ns();
	uint32_t ms;

	f->refused = true;
	if (f != &f->c->feed[0])
		return;
	if (f->c->away_ns == 0)
		f->c->away_ns = now;
	ms = now - f->c->away_ns < YOUNG_NS ? PROBE_MS : OLD_PROBE_MS;
	f->due_ns = now + (ms + bh_client_random_below(ms)) * BH_NS_PER_MS;
}

static void
wake_others(struct bh_kube_cluster *c)
{
	uint64_t now = now_ns(), soon;
	unsigned i;

	for (i = 0; i < c->n_feeds; i++) {
		struct bh_kube_feed *f = &c->feed[i];

		if (!f->refused)
			continue;
		soon = now + bh_client_random_below(WAKE_MS) * BH_NS_PER_MS;
		if (f->state == BH_KUBE_IDLE && f->due_ns > soon)
			f->due_ns = soon;
		f->refused = false;
		c->back_ns = now;
	}
	c->answered = false;
	c->away_ns = 0;
}

static void
begin(struct bh_kube_feed *f)
{
	struct bh_kube_access a;
	struct bh_err err = {0};
	int rc = bh_kube_access_load(&a, f->c->s->config, bh_kube_secrets(f->c->s->kube), &err);

	if (rc != 0) {
		fail(f, err.what);
		return;
	}
	f->state = f->version[0] != '\0' ? BH_KUBE_WATCHING : BH_KUBE_LISTING;
	f->rc = 0;
	f->easy = curl_easy_init();
	rc = f->easy == NULL ? -ENOMEM : 0;
	if (rc == 0) {
		set_options(f);
		rc = bh_kube_credentials(f, &a);
	}
	if (rc == 0)
		rc = set_url(f, a.server);
	bh_kube_access_free(&a);
	if (rc == 0 && curl_multi_add_handle(f->c->multi, f->easy) == CURLM_OK)
		return;
	fail(f, "no memory for a request");
}

/* The server does not know this kind, or does not let us see it. */
static void
not_there(struct bh_kube_feed *f, long status)
{
	struct bh_kube_source *s = f->c->s;
	bool empty = f->kind < BH_KUBE_KINDS
			     ? feeds[f->kind].optional && !f->synced
			     : bh_kube_intent_count(bh_kube_intent_of(s->kube), s->index,
						    (uint8_t)(f->kind - BH_KUBE_KINDS)) == 0;

	if (status == 404 && feeds[f->kind].older != NULL)
		f->path = f->path == feeds[f->kind].older ? feeds[f->kind].path
							  : feeds[f->kind].older;
	/* A server that has just started may not know its own resources yet. */
	if (!empty || (status != 404 && !feeds[f->kind].optional) || f->failures < MISSING ||
	    is_waking(f->c))
		return;
	if (!f->absent)
		bh_log(BH_LOG_WARN,
		       "source %s: %s: %ld: taken as empty until the server has it, or the right "
		       "to list and watch it is given",
		       s->config->name, feeds[f->kind].path, status);
	f->absent = true;
	f->due_ns = now_ns() + LOOK_AGAIN_NS;
}

static void
done(struct bh_kube_feed *f, CURLcode code)
{
	long status = 0;
	char why[200];
	int rc;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->rc == -ESTALE || status == 410) {
		f->version[0] = f->next[0] = '\0';
		f->due_ns = now_ns() + bh_client_random_below(100) * BH_NS_PER_MS;
		bh_kube_clear(f);
		return;
	}
	if (code != CURLE_OK || status != 200) {
		bh_kube_words(f, status, why);
		/* It takes connections, and does not speak yet. */
		if (f->refused && code != CURLE_COULDNT_CONNECT)
			f->failures = 0;
		fail(f, f->rc != 0         ? strerror(-f->rc)
			: code != CURLE_OK ? curl_easy_strerror(code)
					   : why);
		if (code == CURLE_COULDNT_CONNECT)
			refused(f);
		else if (status == 404 || status == 403)
			not_there(f, status);
		return;
	}
	if (f->state == BH_KUBE_LISTING) {
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
	bh_kube_clear(f);
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

/* Is this kind of object asked for? */
static bool
is_wanted(const struct bh_kube_cluster *c, unsigned kind)
{
	const struct bh_config_source *s = c->s->config;

	if (kind < BH_KUBE_KINDS)
		return true;
	return kind == BH_KUBE_KINDS + BH_KUBE_NETPOL ? s->network_policies
						      : s->resources != BH_WISHES_OFF;
}

static void
tell(struct bh_kube_cluster *c)
{
	bool connected = true, synced = true;
	unsigned i;

	for (i = 0; i < c->n_feeds; i++) {
		struct bh_kube_feed *f = &c->feed[i];

		/* A watch that ended in its time and is asked for again is no loss. */
		connected &=
			f->absent ||
			(f->synced && (f->open || (f->failures == 0 && f->version[0] != '\0')));
		synced &= f->synced || f->absent;
		/* One that breaks again at once has not mended anything. */
		if (f->open && now_ns() - f->opened_ns > STEADY_NS)
			f->failures = 0;
	}
	bh_kube_lock(c->s->kube);
	c->s->status.synced = synced;
	bh_kube_unlock(c->s->kube);
	if (c->dirty) {
		bh_kube_lock(c->s->kube);
		bh_kube_apply(c->s);
	}
	c->dirty = false;
	if (synced && bh_kube_intent_of(c->s->kube) != NULL)
		bh_kube_intent_ready(bh_kube_intent_of(c->s->kube), c->s->index);
	bh_kube_heard(c->s, connected);
	bh_kube_look_stale(c->s);
}

/* Returns how long nothing is due, at most `wait_ms`. */
static uint64_t
begin_due(struct bh_kube_cluster *c, uint64_t wait_ms)
{
	uint64_t now = now_ns();
	unsigned i;

	if (c->answered)
		wake_others(c);
	for (i = 0; i < c->n_feeds; i++) {
		struct bh_kube_feed *f = &c->feed[i];

		if (f->state == BH_KUBE_IDLE && f->due_ns <= now)
			begin(f);
		if (f->state == BH_KUBE_IDLE && f->due_ns > now &&
		    (f->due_ns - now) / BH_NS_PER_MS < wait_ms)
			wait_ms = (f->due_ns - now) / BH_NS_PER_MS + 1;
	}
	if (c->s->config->resources != BH_WISHES_OFF && c->teller.state == BH_KUBE_IDLE &&
	    c->teller.due_ns <= now && bh_kube_tell_begin(&c->teller))
		wait_ms = 0;
	return wait_ms;
}

static void
turn(struct bh_kube_cluster *c)
{
	struct curl_waitfd stop = {.fd = bh_kube_stop_fd(c->s->kube), .events = CURL_WAIT_POLLIN};
	uint64_t wait_ms = begin_due(c, c->s->config->resources != BH_WISHES_OFF ? 200 : 1000);
	struct bh_kube_feed *f;
	CURLMsg *msg;
	int n;

	curl_multi_perform(c->multi, &n);
	while ((msg = curl_multi_info_read(c->multi, &n)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &f);
		if (f == &c->teller)
			bh_kube_tell_done(f, msg->data.result);
		else
			done(f, msg->data.result);
		wait_ms = 0;
	}
	tell(c);
	curl_multi_poll(c->multi, &stop, 1, (int)wait_ms, NULL);
}

void
bh_kube_run_cluster(struct bh_kube_source *s)
{
	struct bh_kube_cluster c = {.s = s, .multi = curl_multi_init(), .file = {-1, -1, -1}};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(c.file); i++)
		c.file[i] = memfd_create("kube", MFD_CLOEXEC);
	for (i = 0; i < BH_KUBE_FEEDS; i++) {
		if (is_wanted(&c, i))
			c.feed[c.n_feeds++] =
				(struct bh_kube_feed){.c = &c, .kind = i, .path = feeds[i].path};
	}
	c.teller.c = &c;
	while (c.multi != NULL && !bh_kube_stopping(s->kube))
		turn(&c);
	for (i = 0; i < c.n_feeds; i++)
		bh_kube_clear(&c.feed[i]);
	bh_kube_clear(&c.teller);
	if (c.multi != NULL)
		curl_multi_cleanup(c.multi);
	for (i = 0; i < BH_ARRAY_SIZE(c.file); i++) {
		if (c.file[i] >= 0)
			close(c.file[i]);
	}
}
