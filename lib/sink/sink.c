/* A sink: memory, then a spool on disk, then out, by two threads of its own. sink.h says what is promised. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../secret/secret.h"
#include "sink_priv.h"

#define QUEUE_BYTES (1u << 20)
#define BATCH 128
#define END_MS 500
#define TURN_MS 100
#define QUEUE_HEADER 12u /* length, sequence number */

struct queue {
	uint8_t *data;
	size_t len;
};

struct bh_sink {
	const struct bh_sink_ops *ops;
	void *state;
	char name[64];
	unsigned kinds, retry_ms[2], settle_ms;
	pthread_t writer, sender;
	unsigned n_threads;
	int stop_fd;
	/* control thread */
	struct bh_buf record;
	uint64_t seq;
	/* control thread and writer */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct queue *in;
	bool stop;
	/* writer */
	struct queue queue[2];
	bool disk_failing;
	/* writer and sender */
	pthread_mutex_t spool_lock;
	pthread_cond_t written;
	struct bh_spool *spool; /* what was peeked may be read without the lock */
	bool complete;          /* nothing more will be written */
	char *secret, *target;  /* others, the sender's to take; NULL: none */
	/* sender */
	unsigned wait_ms; /* 0: the last attempt worked */
	uint64_t next_try_ns, mark_ns, settled_seq;
	struct bh_spool_mark
		mark; /* had gone at mark_ns; settled when the connection stands settle_ms later */
	_Atomic uint64_t put, sent, lost, failures, waiting;
	_Atomic bool up, begun;
};

static const struct {
	const char *name;
	const struct bh_sink_ops *ops;
} types[BH_SINK_TYPES] = {
#define BH_SINK(sym, n, key, forms, schemes, kinds, options, text)                                 \
	[BH_SINK_##sym] = {#n, &bh_sink_##n},
#include "../base/sink.def"
#undef BH_SINK
};

const char *
bh_sink_type_name(unsigned type)
{
	return type < BH_SINK_TYPES ? types[type].name : "invalid";
}

static const char *const kinds[BH_SINK_KINDS] = {
#define BH_SINK_KIND(sym, type) [BH_SINK_BIT_##sym] = type,
#include "../base/sink_kind.def"
#undef BH_SINK_KIND
};

const char *
bh_sink_kind_name(enum bh_sink_kind kind)
{
	return kinds[__builtin_ctz((unsigned)kind | 1u << (BH_SINK_KINDS - 1))];
}

enum bh_sink_kind
bh_sink_kind_of(const char *line)
{
	static const char key[] = "\"event_type\":\"";
	const char *p = strstr(line, key);
	size_t i, n;

	for (i = 0; p != NULL && i < BH_SINK_KINDS; i++) {
		n = strlen(kinds[i]);
		if (strncmp(p + sizeof(key) - 1, kinds[i], n) == 0 && p[sizeof(key) - 1 + n] == '"')
			return (enum bh_sink_kind)(1u << i);
	}
	return BH_SINK_KIND_OPERATION;
}

/* ---- control thread ----------------------------------------------------------------------------------- */

void
bh_sink_put(struct bh_sink *s, const struct bh_sink_record *r)
{
	uint32_t len;
	bool room;

	if (r->line == NULL ? !s->ops->active : (s->kinds & bh_sink_kind_of(r->line)) == 0)
		return;
	bh_buf_reset(&s->record);
	if (!s->ops->format(s->state, &s->record, r, s->seq + 1))
		return;
	s->seq++;
	atomic_fetch_add_explicit(&s->put, 1, memory_order_relaxed);
	len = (uint32_t)s->record.len;
	pthread_mutex_lock(&s->lock);
	room = !s->record.failed && s->record.len <= BH_SPOOL_RECORD_MAX &&
	       s->in->len + QUEUE_HEADER + len <= QUEUE_BYTES;
	if (room) {
		memcpy(s->in->data + s->in->len, &len, 4);
		memcpy(s->in->data + s->in->len + 4, &s->seq, 8);
		memcpy(s->in->data + s->in->len + QUEUE_HEADER, s->record.data, len);
		s->in->len += QUEUE_HEADER + len;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	if (!room)
		atomic_fetch_add_explicit(&s->lost, 1, memory_order_relaxed);
	if (s->record.failed)
		bh_buf_free(&s->record);
}

/* ---- writer: from memory to the spool ------------------------------------------------------------------ */

static void
to_disk(struct bh_sink *s, struct queue *q)
{
	uint64_t seq, lost = 0;
	uint32_t len;
	size_t at;
	int rc, code = 0;

	pthread_mutex_lock(&s->spool_lock);
	for (at = 0; at < q->len; at += QUEUE_HEADER + len) {
		memcpy(&len, q->data + at, 4);
		memcpy(&seq, q->data + at + 4, 8);
		rc = bh_spool_append(s->spool, seq, q->data + at + QUEUE_HEADER, len);
		if (rc != 0) {
			lost++;
			code = -rc;
		}
	}
	pthread_cond_signal(&s->written);
	pthread_mutex_unlock(&s->spool_lock);
	q->len = 0;
	atomic_fetch_add_explicit(&s->lost, lost, memory_order_relaxed);
	if (lost != 0 && !s->disk_failing)
		bh_log(BH_LOG_ERROR,
		       "sink %s: no room in its spool (%s): newer events are lost to it", s->name,
		       strerror(code));
	s->disk_failing = lost != 0;
}

static void *
run_writer(void *arg)
{
	struct bh_sink *s = arg;
	struct queue *q;
	bool stop;

	do {
		pthread_mutex_lock(&s->lock);
		while (s->in->len == 0 && !s->stop)
			pthread_cond_wait(&s->wake, &s->lock);
		q = s->in;
		s->in = q == &s->queue[0] ? &s->queue[1] : &s->queue[0];
		stop = s->stop;
		pthread_mutex_unlock(&s->lock);
		if (q->len != 0)
			to_disk(s, q);
	} while (!stop);
	pthread_mutex_lock(&s->spool_lock);
	s->complete = true;
	pthread_cond_signal(&s->written);
	pthread_mutex_unlock(&s->spool_lock);
	return NULL;
}

/* ---- sender: from the spool to the target; holds the spool's lock but while it sends ---------------------- */

static void
failed(struct bh_sink *s, int rc, uint64_t now)
{
	if (s->wait_ms == 0)
		bh_log(BH_LOG_WARN, "sink %s: %s; events wait in its spool until it is back",
		       s->name, strerror(-rc));
	if (s->wait_ms == 0)
		s->wait_ms = s->retry_ms[0];
	else
		s->wait_ms = s->wait_ms > s->retry_ms[1] / 2 ? s->retry_ms[1] : s->wait_ms * 2;
	s->next_try_ns = now + s->wait_ms * BH_NS_PER_MS;
	s->ops->reset(s->state);
	bh_spool_rewind(s->spool);
	s->mark = bh_spool_read_mark(s->spool);
	s->mark_ns = now;
	atomic_fetch_add_explicit(&s->failures, 1, memory_order_relaxed);
	atomic_store_explicit(&s->up, false, memory_order_relaxed);
}

static void
worked(struct bh_sink *s)
{
	if (s->wait_ms != 0)
		bh_log(BH_LOG_INFO, "sink %s: it is back", s->name);
	s->wait_ms = 0;
	atomic_store_explicit(&s->up, true, memory_order_relaxed);
}

/* Send a batch. Returns whether something went. */
static bool
deliver(struct bh_sink *s, uint64_t now)
{
	struct bh_spool_item item[BATCH];
	int n = bh_spool_peek(s->spool, item, BATCH), rc;

	if (n <= 0) {
		if (n < 0)
			failed(s, n, now);
		return false;
	}
	pthread_mutex_unlock(&s->spool_lock);
	rc = s->ops->send(s->state, item, (unsigned)n);
	pthread_mutex_lock(&s->spool_lock);
	if (rc <= 0 && rc != -EMSGSIZE) {
		failed(s, rc != 0 ? rc : -EAGAIN, bh_clock_system.mono_ns(NULL));
		return false;
	}
	atomic_fetch_add_explicit(rc > 0 ? &s->sent : &s->lost, rc > 0 ? (unsigned)rc : 1,
				  memory_order_relaxed);
	bh_spool_advance(s->spool, rc > 0 ? (unsigned)rc : 1);
	if (s->ops->confirms) {
		s->mark = bh_spool_read_mark(s->spool);
		(void)bh_spool_settle(s->spool, &s->mark);
		s->settled_seq = s->mark.seq;
	}
	worked(s);
	return true;
}

/* What had gone settle_ms ago has arrived, if the connection stood since and all of it was acknowledged. */
static void
settle(struct bh_sink *s, uint64_t now, unsigned settle_ms)
{
	struct bh_spool_mark read = bh_spool_read_mark(s->spool);
	int rc;

	if (s->wait_ms != 0 || now - s->mark_ns < settle_ms * BH_NS_PER_MS ||
	    read.seq == s->settled_seq)
		return;
	rc = s->ops->settled(s->state);
	if (rc < 0)
		failed(s, rc, now);
	if (rc != 1)
		return;
	(void)bh_spool_settle(s->spool, &s->mark); /* fails: it comes again after a restart */
	s->settled_seq = s->mark.seq;
	s->mark = read;
	s->mark_ns = now;
}

/* Wait for something to send, or for the time of the next attempt. */
static void
wait_written(struct bh_sink *s)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TURN_MS * (long)BH_NS_PER_MS;
	until.tv_sec += until.tv_nsec / (long)BH_NS_PER_SEC;
	until.tv_nsec %= (long)BH_NS_PER_SEC;
	(void)pthread_cond_timedwait(&s->written, &s->spool_lock, &until);
}

static void
take_value(struct bh_sink *s, char **value, int (*take)(void *state, const char *value))
{
	int rc;

	if (*value == NULL)
		return;
	rc = take(s->state, *value);
	if (rc != 0)
		bh_log(BH_LOG_ERROR, "sink %s: its new secret is not taken: %s", s->name,
		       strerror(-rc));
	else
		s->next_try_ns = 0; /* it may be what was missing */
	bh_secret_free(*value);
	*value = NULL;
}

static void *
run_sender(void *arg)
{
	struct bh_sink *s = arg;
	uint64_t now, end = 0;
	bool more = false;

	pthread_mutex_lock(&s->spool_lock);
	do {
		if (!more && !s->complete)
			wait_written(s);
		take_value(s, &s->secret, s->ops->rekey);
		take_value(s, &s->target, s->ops->retarget);
		now = bh_clock_system.mono_ns(NULL);
		if (s->complete && end == 0)
			end = now + END_MS * BH_NS_PER_MS;
		more = atomic_load_explicit(&s->begun, memory_order_acquire) &&
		       (s->wait_ms == 0 || now >= s->next_try_ns) && deliver(s, now);
		settle(s, now, s->settle_ms);
		atomic_store_explicit(&s->waiting, bh_spool_unread(s->spool), memory_order_relaxed);
	} while (!s->complete || (more && now < end));
	pthread_mutex_unlock(&s->spool_lock);
	return NULL;
}

static int
give_value(struct bh_sink *s, char **to, const char *value)
{
	char *copy = bh_secret_alloc(strlen(value));

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, value, strlen(value));
	pthread_mutex_lock(&s->spool_lock);
	bh_secret_free(*to);
	*to = copy;
	pthread_cond_signal(&s->written);
	pthread_mutex_unlock(&s->spool_lock);
	return 0;
}

int
bh_sink_set_secret(struct bh_sink *s, const char *secret)
{
	return s->ops->rekey != NULL ? give_value(s, &s->secret, secret) : -EINVAL;
}

int
bh_sink_set_target(struct bh_sink *s, const char *to)
{
	if (s->ops->retarget == NULL ||
	    (strncmp(to, "https://", 8) != 0 && strncmp(to, "http://", 7) != 0))
		return -EINVAL;
	return give_value(s, &s->target, to);
}

/* ---- start and end ----------------------------------------------------------------------------------- */

static int
start_threads(struct bh_sink *s, struct bh_err *err)
{
	pthread_condattr_t attr;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->written, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&s->wake, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->spool_lock, NULL);
	rc = pthread_create(&s->sender, NULL, run_sender, s);
	if (rc == 0)
		s->n_threads++;
	if (rc == 0 && (rc = pthread_create(&s->writer, NULL, run_writer, s)) == 0)
		s->n_threads++;
	return rc == 0 ? 0
		       : bh_err_set(err, rc, "cannot start the threads of sink %s: %s", s->name,
				    strerror(rc));
}

static int
open_spool(struct bh_sink *s, const struct bh_sink_params *p, struct bh_err *err)
{
	char folder[512];
	struct bh_spool_params spool = {.folder = folder, .max_bytes = p->spool_bytes};
	int rc;

	if (mkdir(p->spool, 0700) != 0 && errno != EEXIST)
		return bh_err_set(err, errno,
				  "cannot make the folder of spools %s: %s; check spool.path",
				  p->spool, strerror(errno));
	snprintf(folder, sizeof(folder), "%s/%s", p->spool, p->name);
	rc = bh_spool_open(&s->spool, &spool, err);
	if (rc == 0) {
		s->seq = bh_spool_last_seq(s->spool);
		s->mark = bh_spool_read_mark(s->spool);
		s->settled_seq = s->mark.seq;
	}
	return rc;
}

static const struct bh_sink_options defaults = {
#define BH_SINK_NUMBER(field, key, def, min, max) .field = (def),
#define BH_SINK_TIME(field, key, def, min, max) .field = (def),
#define BH_SINK_FILE(field, key)
#define BH_SINK_SECRET(field, key)
#define BH_SINK_TEXT(field, key, def) .field = def,
#include "../base/sink_option.def"
#undef BH_SINK_NUMBER
#undef BH_SINK_TIME
#undef BH_SINK_FILE
#undef BH_SINK_SECRET
#undef BH_SINK_TEXT
};

static int
open_state(struct bh_sink *s, const struct bh_sink_params *p, struct bh_err *err)
{
	struct bh_sink_params q = *p;

	if (q.options == NULL)
		q.options = &defaults;
	return s->ops->open(&s->state, &q, s->stop_fd, err);
}

int
bh_sink_open(struct bh_sink **out, const struct bh_sink_params *p, struct bh_err *err)
{
	struct bh_sink *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	s->ops = types[p->type].ops;
	snprintf(s->name, sizeof(s->name), "%s", p->name);
	s->kinds = p->kinds;
	s->retry_ms[0] = p->retry_ms[0] != 0 ? p->retry_ms[0] : 200;
	s->retry_ms[1] = p->retry_ms[1] != 0 ? p->retry_ms[1] : 30000;
	s->settle_ms = p->settle_ms != 0 ? p->settle_ms : 1000;
	atomic_store_explicit(&s->begun, !p->hold, memory_order_relaxed);
	s->in = &s->queue[0];
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->queue[0].data = malloc(QUEUE_BYTES);
	s->queue[1].data = malloc(QUEUE_BYTES);
	if (s->stop_fd < 0 || s->queue[0].data == NULL || s->queue[1].data == NULL)
		rc = bh_err_set(err, ENOMEM, "no memory for sink %s", p->name);
	else
		rc = open_state(s, p, err);
	if (rc == 0)
		rc = open_spool(s, p, err);
	if (rc == 0)
		rc = start_threads(s, err);
	if (rc != 0) {
		bh_sink_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
bh_sink_begin(struct bh_sink *s)
{
	atomic_store_explicit(&s->begun, true, memory_order_release);
}

void
bh_sink_stats(const struct bh_sink *s, struct bh_sink_stats *out)
{
	*out = (struct bh_sink_stats){
		.put = atomic_load_explicit(&s->put, memory_order_relaxed),
		.sent = atomic_load_explicit(&s->sent, memory_order_relaxed),
		.lost = atomic_load_explicit(&s->lost, memory_order_relaxed),
		.failures = atomic_load_explicit(&s->failures, memory_order_relaxed),
		.waiting_bytes = atomic_load_explicit(&s->waiting, memory_order_relaxed),
		.up = atomic_load_explicit(&s->up, memory_order_relaxed),
	};
}

const char *
bh_sink_name(const struct bh_sink *s)
{
	return s->name;
}

static void
stop_threads(struct bh_sink *s)
{
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	if (write(s->stop_fd, &one, sizeof(one)) < 0)
		bh_log(BH_LOG_WARN, "sink %s ends late", s->name);
	if (s->n_threads == 2) {
		pthread_join(s->writer, NULL);
	} else {
		pthread_mutex_lock(&s->spool_lock);
		s->complete = true;
		pthread_mutex_unlock(&s->spool_lock);
	}
	pthread_join(s->sender, NULL);
}

void
bh_sink_close(struct bh_sink *s)
{
	if (s == NULL)
		return;
	if (s->n_threads != 0)
		stop_threads(s);
	bh_spool_close(s->spool);
	if (s->state != NULL)
		s->ops->close(s->state);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	bh_buf_free(&s->record);
	bh_secret_free(s->secret);
	bh_secret_free(s->target);
	free(s->queue[0].data);
	free(s->queue[1].data);
	free(s);
}
