/* mail: the control core asks one worker to copy flows out of its table; the worker does so in slices of
 * its housekeeping, so that nobody else ever reads a table that is being written. */
#include <time.h>

#include "gateway_priv.h"

#define SCAN_PER_SLICE 128u /* entries looked at: about 1 us */
#define SCAN_PER_TURN 2048u /* at most, after a longer turn */
/* Entries one question covers, and how long a caller keeps asking on: a filter that hardly anything matches
 * gets a page that is not full, and a cursor, instead of a time-out. */
#define SCAN_PER_QUESTION (SCAN_PER_TURN * 100)
#define PAGE_TIME_NS (500 * BH_NS_PER_MS)
#define ANSWER_TIMEOUT_NS BH_NS_PER_SEC

static bool
prefix_holds(const struct bh_prefix *p, uint8_t family, const uint8_t *addr)
{
	unsigned full = p->len / 8, rest = p->len % 8;

	if (p->family != family || memcmp(p->addr, addr, full) != 0)
		return false;
	return rest == 0 || ((p->addr[full] ^ addr[full]) & (0xff00 >> rest) & 0xff) == 0;
}

static bool
query_matches(const struct bh_flow_query *q, const struct bh_flow *f)
{
	if (q->family != 0 && q->family != f->key.family)
		return false;
	if (q->proto != 0 && q->proto != f->key.proto)
		return false;
	if (q->verdict != 0 && q->verdict != f->verdict)
		return false;
	if (q->state != 0 && q->state != f->state + 1u)
		return false;
	if (q->port != 0 && q->port != f->key.port[0] && q->port != f->key.port[1])
		return false;
	if (q->segment != UINT32_MAX && q->segment != f->segment[0] && q->segment != f->segment[1])
		return false;
	return q->address.family == 0 ||
	       prefix_holds(&q->address, f->key.family, f->key.addr[0].b) ||
	       prefix_holds(&q->address, f->key.family, f->key.addr[1].b);
}

void
bh_mail_work(struct bh_worker *w, uint64_t slices)
{
	struct bh_mail *mail = &w->mail;
	uint32_t stop_at;

	if (likely(atomic_load_explicit(&mail->state, memory_order_acquire) != BH_MAIL_ASKED))
		return;
	stop_at =
		mail->cursor + (uint32_t)RTE_MIN(slices * SCAN_PER_SLICE, (uint64_t)SCAN_PER_TURN);
	while (mail->n < mail->query.max && mail->cursor < stop_at) {
		struct bh_flow *f = bh_flow_next(w->flows, &mail->cursor, stop_at);
		struct bh_flow_copy *out = &mail->out[mail->n];

		if (f == NULL) {
			if (mail->cursor < stop_at)
				mail->cursor = UINT32_MAX;
			break;
		}
		if (!query_matches(&mail->query, f) ||
		    (mail->query.id != 0 && mail->query.id != bh_flow_id(w->flows, f)))
			continue;
		out->flow = *f;
		out->id = bh_flow_id(w->flows, f);
		out->idle_ms = w->now_ms - f->last_ms;
		out->worker = (uint8_t)w->index;
		mail->n++;
	}
	if (mail->cursor >= mail->stop_at || mail->n == mail->query.max)
		atomic_store_explicit(&mail->state, BH_MAIL_ANSWERED, memory_order_release);
}

/* Ask one worker and wait. Returns the number copied or -ETIMEDOUT; *cursor moves on. */
static int
ask_worker(struct bh_gateway *g, struct bh_worker *w, const struct bh_flow_query *q,
	   uint32_t *cursor)
{
	const struct timespec nap = {.tv_nsec = 200000};
	const struct bh_clock *clock = g->p.clock;
	uint64_t until = clock->mono_ns(clock->arg) + ANSWER_TIMEOUT_NS;
	struct bh_mail *mail = &w->mail;
	int n;

	/* A question that was given up on is still the worker's: wait for it to finish that one. */
	while (atomic_load_explicit(&mail->state, memory_order_acquire) == BH_MAIL_ASKED) {
		if (clock->mono_ns(clock->arg) > until)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	mail->query = *q;
	mail->cursor = *cursor;
	mail->stop_at = *cursor + SCAN_PER_QUESTION;
	mail->n = 0;
	atomic_store_explicit(&mail->state, BH_MAIL_ASKED, memory_order_release);
	while (atomic_load_explicit(&mail->state, memory_order_acquire) != BH_MAIL_ANSWERED) {
		if (clock->mono_ns(clock->arg) > until)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	n = (int)mail->n;
	*cursor = mail->cursor;
	return n;
}

/* q->cursor: worker << 32 | entry, plus one so that 0 is the start. */
int
bh_gateway_flows(struct bh_gateway *g, struct bh_flow_query *q, struct bh_flow_copy *out)
{
	unsigned worker = q->cursor == 0 ? 0 : (unsigned)((q->cursor - 1) >> 32);
	uint32_t cursor = q->cursor == 0 ? 0 : (uint32_t)(q->cursor - 1);
	struct bh_flow_query part = *q;
	const struct bh_clock *clock = g->p.clock;
	uint64_t until = clock->mono_ns(clock->arg) + PAGE_TIME_NS;
	int total = 0, n = 0;

	pthread_mutex_lock(&g->query_lock);
	while (worker < g->n_workers && (unsigned)total < q->max &&
	       clock->mono_ns(clock->arg) < until) {
		part.max = RTE_MIN(q->max - (unsigned)total, (unsigned)BH_MAIL_FLOWS);
		n = ask_worker(g, g->worker[worker], &part, &cursor);
		if (n < 0)
			break;
		memcpy(out + total, g->worker[worker]->mail.out, (size_t)n * sizeof(*out));
		total += n;
		if (cursor == UINT32_MAX) {
			worker++;
			cursor = 0;
		}
	}
	pthread_mutex_unlock(&g->query_lock);
	q->cursor = worker < g->n_workers ? ((uint64_t)worker << 32 | cursor) + 1 : 0;
	return n < 0 ? n : total;
}
