/* The thread: all is read, then watched, while the lease is kept alive. What fails is tried again, at the next endpoint. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fleet_priv.h"

#define PAGE 500
#define READ_MS 10000
#define TURN_MS 100
#define SILENT_S                                                                                   \
	86400 /* a watch is silent when nothing happens; who is alive is known by the beat */

struct watch {
	struct bh_fleet *f;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *header;
	struct bh_lines lines;
	struct bh_buf ask;
	int rc; /* of what came in; -ESTALE: compacted */
	bool ended;
};

static uint64_t
now_ns(void)
{
	return bh_clock_system.mono_ns(NULL);
}

/* ---- connected or not --------------------------------------------------------------------------------------------- */

void
bh_fleet_trouble(struct bh_fleet *f, const char *text)
{
	bool again;

	pthread_mutex_lock(&f->lock);
	f->status.failures++;
	again = strcmp(f->status.trouble, text) == 0;
	snprintf(f->status.trouble, sizeof(f->status.trouble), "%.255s", text);
	pthread_mutex_unlock(&f->lock);
	if (!again)
		bh_log(BH_LOG_WARN, "fleet: %s", text);
}

static void
connected(struct bh_fleet *f)
{
	char text[160];
	bool back, first;

	pthread_mutex_lock(&f->lock);
	first = !f->status.connected;
	back = f->cut_told;
	f->cut_told = false;
	f->known = true;
	f->heard_ns = now_ns();
	if (first) {
		f->status.connected = true;
		f->status.since_ns = bh_clock_system.wall_ns(NULL);
		f->status.trouble[0] = '\0';
		f->reconcile_ns = 0;
	}
	snprintf(text, sizeof(text), "connected to the fleet as %s; its revision is %u", f->name,
		 f->head.number);
	pthread_mutex_unlock(&f->lock);
	if (first)
		bh_log(BH_LOG_INFO, "fleet: %s", text);
	if (back)
		f->p.note(f->p.arg, BH_FLEET_BACK, text);
}

static void
look_cut(struct bh_fleet *f)
{
	char text[512];
	bool cut;

	pthread_mutex_lock(&f->lock);
	cut = !f->cut_told && now_ns() - f->heard_ns > f->c->fleet_ttl_ms * BH_NS_PER_MS;
	if (cut) {
		f->cut_told = true;
		f->status.connected = f->known = f->status.in_step = false;
		f->status.since_ns = bh_clock_system.wall_ns(NULL);
		snprintf(text, sizeof(text),
			 "cut off from the fleet: the policy in force stays, changes of it are "
			 "refused (%s)",
			 f->status.trouble[0] != '\0' ? f->status.trouble : "etcd is silent");
	}
	pthread_mutex_unlock(&f->lock);
	if (!cut)
		return;
	bh_log(BH_LOG_ERROR, "fleet: %s", text);
	f->p.note(f->p.arg, BH_FLEET_CUT_OFF, text);
}

/* ---- reading all --------------------------------------------------------------------------------------------------- */

static void
give_items(struct bh_fleet *f)
{
	if (f->p.items_end != NULL)
		f->p.items_end(f->p.arg);
}

static int
read_pages(struct bh_fleet *f, struct bh_err *err)
{
	struct bh_etcd_answer a = {.more = true};
	char after[BH_FLEET_KEY] = "";
	int64_t revision = 0;
	size_t i;
	int rc = 0;

	while (rc == 0 && a.more && !f->stop) {
		struct bh_buf ask = {0};

		bh_etcd_ask_range(&ask,
				  &(struct bh_etcd_range){.from = f->live,
							  .after = after[0] != '\0' ? after : NULL,
							  .limit = PAGE,
							  .revision = revision});
		rc = bh_etcd_call(&f->reader, "kv/range", &ask, READ_MS, &a, err);
		bh_buf_free(&ask);
		if (rc == 0 && revision == 0)
			revision = a.revision;
		for (i = 0; rc == 0 && i < a.n; i++)
			bh_fleet_view_take(f, &a.kv[i]);
		if (rc == 0 && a.n != 0)
			snprintf(after, sizeof(after), "%s", a.kv[a.n - 1].key);
		a.more &= a.n != 0;
		bh_etcd_answer_free(&a);
		give_items(f);
	}
	f->revision = revision;
	return rc;
}

static int
read_all(struct bh_fleet *f, struct bh_err *err)
{
	bool none;
	int rc;

	pthread_mutex_lock(&f->lock);
	f->status.reloads++;
	/* A fleet that was set back, or wiped, has smaller revisions than what is known. */
	f->head = (struct bh_fleet_record){0};
	f->head_mod = 0;
	f->known = false;
	pthread_mutex_unlock(&f->lock);
	bh_fleet_view_begin(f);
	rc = read_pages(f, err);
	if (rc != 0)
		return rc;
	bh_fleet_view_end(f);
	give_items(f);
	pthread_mutex_lock(&f->lock);
	none = f->head.number == 0;
	f->reconcile_ns = 0;
	pthread_mutex_unlock(&f->lock);
	if (none)
		bh_log(BH_LOG_INFO, "fleet: it has no policy yet");
	connected(f);
	return 0;
}

/* ---- the watch ------------------------------------------------------------------------------------------------------ */

static int
take_line(void *arg, const char *line, size_t len)
{
	struct watch *w = arg;
	struct bh_etcd_answer a;
	size_t i;
	int rc = bh_etcd_line_read(&a, line, len);

	if (rc != 0)
		return rc;
	if (!w->f->watching)
		w->f->behind = 0;
	w->f->watching = true;
	if (a.compacted != 0 || strstr(a.error, "has been compacted") != NULL) {
		rc = -ESTALE;
	} else if (a.error[0] != '\0' || a.canceled) {
		bh_fleet_trouble(w->f, a.error[0] != '\0' ? a.error : "the watch was ended");
		rc = -EIO;
	}
	for (i = 0; rc == 0 && i < a.n; i++)
		bh_fleet_view_take(w->f, &a.kv[i]);
	if (rc == 0 && a.revision > w->f->revision && a.n != 0)
		w->f->revision = a.revision;
	bh_etcd_answer_free(&a);
	give_items(w->f);
	return rc;
}

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct watch *w = arg;

	w->rc = bh_lines_feed(&w->lines, data, size * n, take_line, w);
	return w->rc == 0 ? size * n : 0;
}

static int
watch_begin(struct watch *w)
{
	struct bh_fleet *f = w->f;

	w->multi = curl_multi_init();
	w->easy = curl_easy_init();
	bh_etcd_ask_watch(&w->ask, f->live, f->revision + 1);
	if (w->multi == NULL || w->easy == NULL || w->ask.failed)
		return -ENOMEM;
	w->header = bh_etcd_prepare(&f->reader, w->easy, "watch", SILENT_S);
	curl_easy_setopt(w->easy, CURLOPT_POSTFIELDSIZE, (long)w->ask.len);
	curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, w->ask.data);
	curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(w->easy, CURLOPT_WRITEDATA, w);
	return curl_multi_add_handle(w->multi, w->easy) == CURLM_OK ? 0 : -ENOMEM;
}

static void
watch_end(struct watch *w)
{
	if (w->easy != NULL && w->multi != NULL)
		curl_multi_remove_handle(w->multi, w->easy);
	if (w->easy != NULL)
		curl_easy_cleanup(w->easy);
	if (w->multi != NULL)
		curl_multi_cleanup(w->multi);
	curl_slist_free_all(w->header);
	bh_lines_free(&w->lines);
	bh_buf_free(&w->ask);
}

static void
watch_perform(struct watch *w)
{
	CURLMsg *msg;
	int n;

	curl_multi_perform(w->multi, &n);
	while ((msg = curl_multi_info_read(w->multi, &n)) != NULL) {
		if (msg->msg == CURLMSG_DONE)
			w->ended = true;
	}
}

/* ---- turns ------------------------------------------------------------------------------------------------------------ */

static void
wait_for(struct bh_fleet *f, CURLM *multi, unsigned ms)
{
	struct curl_waitfd wake = {.fd = f->wake_fd, .events = CURL_WAIT_POLLIN};
	uint64_t n;

	curl_multi_poll(multi, &wake, 1, (int)ms, NULL);
	if (read(f->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		bh_log(BH_LOG_WARN, "fleet: %m");
}

static int
beat(struct bh_fleet *f, struct bh_err *err)
{
	uint64_t now = now_ns();
	int rc = 0;

	if (now >= f->beat_ns) {
		f->beat_ns = now + f->c->fleet_ttl_ms * BH_NS_PER_MS / 5;
		rc = bh_fleet_member_beat(f, err);
		f->failures = rc == 0 ? 0 : f->failures;
	}
	return rc == 0 ? bh_fleet_member_tell(f, err) : rc;
}

/* Until it breaks. -ESTALE: all is to be read again. */
static int
watch(struct bh_fleet *f, struct bh_err *err)
{
	struct watch w = {.f = f};
	int rc = watch_begin(&w), flush;

	f->beat_ns = 0;
	f->watching = false;
	f->behind = 0;
	while (rc == 0 && !f->stop) {
		watch_perform(&w);
		if (w.rc != 0 || w.ended) {
			rc = w.rc == -ESTALE ? -ESTALE : bh_err_set(err, EPIPE, "a watch ended");
			break;
		}
		bh_fleet_reconcile(f);
		f->p.tick(f->p.arg);
		pthread_mutex_lock(&f->lock);
		rc = f->known ? 0 : -ESTALE;
		pthread_mutex_unlock(&f->lock);
		if (rc == 0)
			rc = beat(f, err);
		flush = rc == 0 ? bh_fleet_view_flush(f) : 0;
		look_cut(f);
		if (rc == 0)
			wait_for(f, w.multi, flush == -EAGAIN ? 0 : TURN_MS);
	}
	watch_end(&w);
	return rc;
}

/* Nothing can be had: what has to be done here is done meanwhile. */
static void
pause_for(struct bh_fleet *f, uint64_t ns)
{
	uint64_t end = now_ns() + ns;
	CURLM *multi = curl_multi_init();

	while (!f->stop && now_ns() < end) {
		f->p.tick(f->p.arg);
		look_cut(f);
		if (multi != NULL)
			wait_for(f, multi, TURN_MS);
	}
	if (multi != NULL)
		curl_multi_cleanup(multi);
}

void
bh_fleet_run(struct bh_fleet *f)
{
	bool all = true;
	int rc;

	while (!f->stop) {
		struct bh_err err = {0};

		rc = all ? read_all(f, &err) : 0;
		all = rc != 0;
		if (rc == 0)
			rc = watch(f, &err);
		if (rc == 0)
			continue;
		if (rc == -ESTALE) {
			all = true;
			continue;
		}
		/* A watch that broke goes on where it was; a gateway that was cut off reads all. */
		pthread_mutex_lock(&f->lock);
		all |= !f->known;
		pthread_mutex_unlock(&f->lock);
		if (err.what[0] != '\0')
			bh_fleet_trouble(f, err.what);
		bh_etcd_next(&f->reader);
		pause_for(f, bh_client_backoff_ns(f->failures < 3 ? f->failures++ : 3));
	}
	bh_fleet_member_leave(f);
}
