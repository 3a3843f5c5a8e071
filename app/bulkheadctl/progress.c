/* progress: what a long request, or work of our own, is at, on a terminal alone, and away again before anything else is printed. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define PROGRESS_AFTER_NS BH_NS_PER_SEC /* shorter ones flicker */
#define PROGRESS_EVERY_NS (BH_NS_PER_SEC / 10)
#define PROGRESS_BAR 24

static void
progress_draw(char bar[PROGRESS_BAR + 1], double share)
{
	unsigned i;

	for (i = 0; i < PROGRESS_BAR; i++)
		bar[i] = i < (unsigned)(share * PROGRESS_BAR) ? '#' : '-';
	bar[i] = '\0';
}

static void
progress_bar(char *out, size_t size, const char *what, double done, double all)
{
	char bar[PROGRESS_BAR + 1], have[16], of[16];
	double share = done < all ? done / all : 1;

	progress_draw(bar, share);
	bh_ctl_human(have, sizeof(have), done);
	bh_ctl_human(of, sizeof(of), all);
	snprintf(out, size, "%s [%s] %3u %%  %s of %s", what, bar, (unsigned)(share * 100), have,
		 of);
}

void
bh_ctl_progress_text(char *out, size_t size, uint64_t elapsed_ns, const struct bh_ctl_amounts *a)
{
	char have[16];

	if (a->to_send > 0 && a->sent < a->to_send) {
		progress_bar(out, size, "sending", a->sent, a->to_send);
	} else if (a->to_receive > 0) {
		progress_bar(out, size, "receiving", a->received, a->to_receive);
	} else if (a->received > 0) {
		bh_ctl_human(have, sizeof(have), a->received);
		snprintf(out, size, "receiving %s", have);
	} else {
		snprintf(out, size, "the gateway works on it: %llu s",
			 (unsigned long long)(elapsed_ns / BH_NS_PER_SEC));
	}
}

static void
progress_show(struct bh_ctl *ctl, const char *text, uint64_t now)
{
	fprintf(ctl->err, "\r\033[K%s", text);
	fflush(ctl->err);
	ctl->shown_ns = now;
}

static bool
progress_is_shown(const struct bh_ctl *ctl)
{
	return ctl->err == stderr && isatty(STDERR_FILENO);
}

static int
progress_look(void *arg, curl_off_t to_receive, curl_off_t received, curl_off_t to_send,
	      curl_off_t sent)
{
	struct bh_ctl *ctl = arg;
	struct bh_ctl_amounts a = {(double)to_send, (double)sent, (double)to_receive,
				   (double)received};
	uint64_t now = bh_clock_system.mono_ns(NULL);
	char text[120];

	if (now - ctl->asked_ns < PROGRESS_AFTER_NS || now - ctl->shown_ns < PROGRESS_EVERY_NS)
		return 0;
	bh_ctl_progress_text(text, sizeof(text), now - ctl->asked_ns, &a);
	progress_show(ctl, text, now);
	return 0;
}

void
bh_ctl_progress_begin(struct bh_ctl *ctl)
{
	ctl->shown_ns = 0;
	if (!progress_is_shown(ctl))
		return;
	ctl->asked_ns = bh_clock_system.mono_ns(NULL);
	curl_easy_setopt(ctl->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(ctl->curl, CURLOPT_XFERINFOFUNCTION, progress_look);
	curl_easy_setopt(ctl->curl, CURLOPT_XFERINFODATA, ctl);
}

void
bh_ctl_progress_end(struct bh_ctl *ctl)
{
	if (ctl->shown_ns == 0)
		return;
	fputs("\r\033[K", ctl->err);
	fflush(ctl->err);
	ctl->shown_ns = 0;
}

void
bh_ctl_progress_work_text(char *out, size_t size, uint64_t elapsed_ns, const struct bh_ctl_work *w)
{
	unsigned long long s = elapsed_ns / BH_NS_PER_SEC;
	uint32_t done = atomic_load(w->done), all = atomic_load(w->all);
	char bar[PROGRESS_BAR + 1];

	if (all == 0) {
		snprintf(out, size, "%s: %llu s", w->what, s);
		return;
	}
	progress_draw(bar, (double)done / all);
	snprintf(out, size, "%s [%s] %u of %u %s, %llu s", w->what, bar, done, all, w->parts, s);
}

static void
progress_watch(struct bh_ctl *ctl, const struct bh_ctl_work *w, pthread_t thread)
{
	uint64_t now, begin = bh_clock_system.mono_ns(NULL);
	struct timespec until;
	char text[120];

	do {
		now = bh_clock_system.mono_ns(NULL);
		if (now - begin >= PROGRESS_AFTER_NS) {
			bh_ctl_progress_work_text(text, sizeof(text), now - begin, w);
			progress_show(ctl, text, now);
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += PROGRESS_EVERY_NS;
		until.tv_sec += until.tv_nsec / (long)BH_NS_PER_SEC;
		until.tv_nsec %= (long)BH_NS_PER_SEC;
	} while (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0);
	bh_ctl_progress_end(ctl);
}

void
bh_ctl_progress_work(struct bh_ctl *ctl, const struct bh_ctl_work *w)
{
	pthread_t thread;

	ctl->shown_ns = 0;
	if (progress_is_shown(ctl) && pthread_create(&thread, NULL, w->run, w->arg) == 0)
		progress_watch(ctl, w, thread);
	else
		w->run(w->arg);
}
