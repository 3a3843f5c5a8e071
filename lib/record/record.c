/* record: the queue and the thread behind it. Two buffers: one takes what comes, the other is being written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "record_priv.h"

#define QUEUE_BYTES (16u << 20)
#define QUEUE_MIN (64u << 10)
#define TURN_MS 100
#define RETRY_MS 1000
#define LINE_MAX (1u << 20)

static void
deadline(struct timespec *t, unsigned ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	t->tv_sec += ms / 1000 + t->tv_nsec / 1000000000;
	t->tv_nsec %= 1000000000;
}

/* With `lock`: until something is urgent, or the time is over. What just failed is not tried again at once. */
static void
rest(struct bh_record *r, unsigned ms)
{
	struct timespec until;

	deadline(&until, ms);
	while (!r->ending && (r->failing || !r->urgent) &&
	       pthread_cond_timedwait(&r->wake, &r->lock, &until) != ETIMEDOUT)
		;
}

static void
swap(struct bh_record *r)
{
	struct bh_record_batch full = r->in;

	r->in = r->out;
	r->in.len = 0;
	r->in.n = 0;
	r->out = full;
	r->urgent = false;
}

/* Once. true: the batch is done with. */
static bool
write_batch(struct bh_record *r)
{
	struct bh_err err = {0};
	int rc = bh_record_db_write(r, &err);

	pthread_mutex_lock(&r->lock);
	if (rc != 0 && !r->failing)
		bh_log(BH_LOG_ERROR, "events wait, and are lost when too many do: %s", err.what);
	else if (rc == 0 && r->failing)
		bh_log(BH_LOG_INFO, "event store %s: written again", r->path);
	r->failing = rc != 0;
	if (rc == 0) {
		r->done += r->out.n;
		r->out.n = 0;
		r->out.len = 0;
	}
	pthread_cond_broadcast(&r->settled);
	pthread_mutex_unlock(&r->lock);
	return rc == 0;
}

static void *
work(void *arg)
{
	struct bh_record *r = arg;
	bool ending = false;

	while (!ending) {
		pthread_mutex_lock(&r->lock);
		rest(r, r->failing ? RETRY_MS : TURN_MS);
		ending = r->ending;
		if (r->out.n == 0)
			swap(r);
		r->urgent = false;
		pthread_mutex_unlock(&r->lock);
		/* At the end: what was being tried, then what waits behind it. */
		if (write_batch(r) && ending) {
			pthread_mutex_lock(&r->lock);
			swap(r);
			pthread_mutex_unlock(&r->lock);
			write_batch(r);
		}
	}
	pthread_mutex_lock(&r->lock);
	r->lost += r->in.n + r->out.n;
	r->done += r->in.n + r->out.n;
	if (r->in.n + r->out.n != 0)
		bh_log(BH_LOG_ERROR, "event store %s: %llu events could not be written", r->path,
		       (unsigned long long)(r->in.n + r->out.n));
	r->in.n = r->out.n = 0;
	pthread_cond_broadcast(&r->settled);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

void
bh_record_line(struct bh_record *r, const char *line, size_t len)
{
	uint32_t n;

	while (len > 0 && line[len - 1] == '\n')
		len--;
	if (len == 0)
		return;
	n = (uint32_t)len;
	pthread_mutex_lock(&r->lock);
	if (len > LINE_MAX || sizeof(n) + len > r->cap - r->in.len) {
		r->lost++;
	} else {
		memcpy(r->in.data + r->in.len, &n, sizeof(n));
		memcpy(r->in.data + r->in.len + sizeof(n), line, len);
		r->in.len += sizeof(n) + len;
		r->in.n++;
		r->given++;
		/* Once a batch: a wake-up is a system call. */
		if (!r->urgent && r->in.len > r->cap / 4) {
			r->urgent = true;
			pthread_cond_signal(&r->wake);
		}
	}
	pthread_mutex_unlock(&r->lock);
}

void
bh_record_flush(struct bh_record *r)
{
	uint64_t until;

	pthread_mutex_lock(&r->lock);
	until = r->given;
	while (r->done < until && !r->failing) {
		r->urgent = true;
		pthread_cond_signal(&r->wake);
		pthread_cond_wait(&r->settled, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
}

void
bh_record_stats(struct bh_record *r, struct bh_record_stats *out)
{
	*out = (struct bh_record_stats){.stored = atomic_load(&r->stored),
					.deleted = atomic_load(&r->deleted),
					.oldest = atomic_load(&r->oldest),
					.newest = atomic_load(&r->newest),
					.bytes = atomic_load(&r->bytes)};
	pthread_mutex_lock(&r->lock);
	out->lost = r->lost;
	out->failing = r->failing;
	pthread_mutex_unlock(&r->lock);
}

uint64_t
bh_record_newest(const struct bh_record *r)
{
	return atomic_load(&r->newest);
}

static int
start(struct bh_record *r, struct bh_err *err)
{
	int rc;

	r->in.data = malloc(r->cap);
	r->out.data = malloc(r->cap);
	if (r->in.data == NULL || r->out.data == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	rc = bh_record_db_open(r, err);
	if (rc != 0)
		return rc;
	rc = pthread_create(&r->thread, NULL, work, r);
	if (rc != 0)
		return bh_err_set(err, rc, "cannot start the event store's thread: %s",
				  strerror(rc));
	r->running = true;
	return 0;
}

int
bh_record_open(struct bh_record **out, const struct bh_record_params *p, struct bh_err *err)
{
	struct bh_record *r = calloc(1, sizeof(*r));
	pthread_condattr_t mono;
	int rc;

	if (r == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->read_lock, NULL);
	pthread_cond_init(&r->wake, &mono);
	pthread_cond_init(&r->settled, NULL);
	pthread_condattr_destroy(&mono);
	r->lock_fd = -1;
	r->keep_ns = p->keep_ns;
	r->keep_bytes = p->keep_bytes;
	r->clock = p->clock != NULL ? p->clock : &bh_clock_system;
	r->cap = p->queue_bytes == 0          ? QUEUE_BYTES
		 : p->queue_bytes < QUEUE_MIN ? QUEUE_MIN
					      : p->queue_bytes;
	snprintf(r->path, sizeof(r->path), "%s", p->path);
	rc = start(r, err);
	if (rc != 0) {
		bh_record_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void
bh_record_close(struct bh_record *r)
{
	if (r == NULL)
		return;
	if (r->running) {
		pthread_mutex_lock(&r->lock);
		r->ending = true;
		pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
	}
	bh_record_db_close(r);
	free(r->in.data);
	free(r->out.data);
	pthread_cond_destroy(&r->wake);
	pthread_cond_destroy(&r->settled);
	pthread_mutex_destroy(&r->read_lock);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
