/* pair: begin, end, what is told about it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "pair_priv.h"

#define SECRET_MIN 16
#define SECRET_MAX 255

static int
take_secret(struct bh_pair *p, struct bh_err *err)
{
	char *secret;
	int rc =
		bh_secret_read_line(p->p.secrets, p->c->pair_secret_file, SECRET_MAX, &secret, err);

	if (rc != 0)
		return rc;
	if (strlen(secret) < SECRET_MIN)
		rc = bh_err_set(err, EINVAL,
				"pair.secret_file: %s holds %zu characters; at least %d are needed "
				"(make one: head -c 32 /dev/urandom | base64 > FILE)",
				p->c->pair_secret_file, strlen(secret), SECRET_MIN);
	bh_pair_key(p->key_hello, secret, "bulkhead pair: hello");
	bh_pair_key(p->key_channel, secret, "bulkhead pair: channel");
	bh_secret_free(secret);
	return rc;
}

static int
take_link(struct bh_pair *p, const char *listen, const char *peer, const char *interface,
	  struct bh_err *err)
{
	struct bh_pair_link *l = &p->link[p->n_links];
	socklen_t len;

	if (listen[0] == '\0')
		return 0;
	l->interface = interface;
	if (bh_pair_address(listen, &l->own, &l->len) != 0 ||
	    bh_pair_address(peer, &l->peer, &len) != 0 || l->len != len)
		return bh_err_set(err, EINVAL,
				  "pair: %s and %s are not two addresses of one family", listen,
				  peer);
	l->udp = bh_pair_socket(l, SOCK_DGRAM, false, err);
	if (l->udp < 0)
		return l->udp;
	p->listener[p->n_links] = bh_pair_socket(l, SOCK_STREAM, false, err);
	if (p->listener[p->n_links] < 0) {
		close(l->udp);
		return p->listener[p->n_links];
	}
	p->n_links++;
	return 0;
}

static void
begin_election(struct bh_pair *p)
{
	struct bh_pair_rules rules = {.hello_ns = p->c->pair_hello_ms * BH_NS_PER_MS,
				      .dead_ns = p->c->pair_dead_ms * BH_NS_PER_MS,
				      .priority = (uint32_t)p->c->pair_priority,
				      .preempt = p->c->pair_preempt};

	while (rules.instance == 0)
		randombytes_buf(&rules.instance, sizeof(rules.instance));
	bh_pair_elect_begin(&p->elect, &rules, bh_clock_system.mono_ns(NULL));
	p->status.since_ns = bh_clock_system.wall_ns(NULL);
}

static int
take_memory(struct bh_pair *p)
{
	p->mac = calloc(BH_PAIR_MACS, sizeof(*p->mac));
	p->said = calloc(BH_PAIR_MACS, sizeof(*p->said));
	p->told = calloc(BH_PAIR_MACS, sizeof(*p->told));
	p->record = malloc(BH_PAIR_PAYLOAD);
	p->heard = malloc(BH_PAIR_PAYLOAD);
	p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return p->mac == NULL || p->said == NULL || p->told == NULL || p->record == NULL ||
			       p->heard == NULL || p->wake_fd < 0
		       ? -ENOMEM
		       : 0;
}

int
bh_pair_open(struct bh_pair **out, const struct bh_pair_params *params, struct bh_err *err)
{
	struct bh_pair *p = calloc(1, sizeof(*p));
	const struct bh_config *c = params->config;
	int rc;

	if (p == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	p->p = *params;
	p->c = c;
	p->wake_fd = -1;
	atomic_store_explicit(&p->ready, -1, memory_order_relaxed);
	pthread_mutex_init(&p->lock, NULL);
	rc = sodium_init() < 0 ? bh_err_set(err, EIO, "pair: no random numbers") : 0;
	if (rc == 0 && take_memory(p) != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (rc == 0)
		rc = take_secret(p, err);
	if (rc == 0)
		rc = take_link(p, c->pair_listen, c->pair_peer, c->pair_interface, err);
	if (rc == 0)
		rc = take_link(p, c->pair_listen_2, c->pair_peer_2, c->pair_interface_2, err);
	if (rc != 0) {
		bh_pair_close(p);
		return rc;
	}
	begin_election(p);
	*out = p;
	return 0;
}

int
bh_pair_begin(struct bh_pair *p, struct bh_err *err)
{
	int rc = pthread_create(&p->hello, NULL, bh_pair_run, p);

	p->hello_runs = rc == 0;
	if (rc == 0) {
		rc = pthread_create(&p->state, NULL, bh_pair_carry, p);
		p->state_runs = rc == 0;
	}
	return rc == 0 ? 0 : bh_err_set(err, rc, "pair: cannot start a thread: %s", strerror(rc));
}

static void
wake(struct bh_pair *p)
{
	const uint64_t one = 1;

	if (write(p->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		bh_log(BH_LOG_WARN, "pair: %m");
}

void
bh_pair_links(struct bh_pair *p, unsigned usable)
{
	if (atomic_exchange_explicit(&p->usable, usable, memory_order_relaxed) != usable)
		wake(p);
}

void
bh_pair_leave(struct bh_pair *p)
{
	const struct timespec nap = {.tv_nsec = 2000000};
	uint64_t until;
	bool done = false;

	if (p == NULL || !p->hello_runs)
		return;
	atomic_store_explicit(&p->leaving, true, memory_order_relaxed);
	wake(p);
	until = bh_clock_system.mono_ns(NULL) + p->c->pair_dead_ms * BH_NS_PER_MS;
	while (!done && bh_clock_system.mono_ns(NULL) < until) {
		nanosleep(&nap, NULL);
		pthread_mutex_lock(&p->lock);
		done = p->status.role == BH_PAIR_INIT &&
		       (!p->status.peer_alive || p->status.peer_role == BH_PAIR_ACTIVE);
		pthread_mutex_unlock(&p->lock);
	}
}

void
bh_pair_close(struct bh_pair *p)
{
	unsigned i;

	if (p == NULL)
		return;
	atomic_store_explicit(&p->stop, true, memory_order_relaxed);
	if (p->wake_fd >= 0)
		wake(p);
	if (p->hello_runs)
		pthread_join(p->hello, NULL);
	if (p->state_runs)
		pthread_join(p->state, NULL);
	for (i = 0; i < p->n_links; i++) {
		close(p->link[i].udp);
		close(p->listener[i]);
	}
	if (p->wake_fd >= 0)
		close(p->wake_fd);
	pthread_mutex_destroy(&p->lock);
	free(p->mac);
	free(p->said);
	free(p->told);
	free(p->record);
	free(p->heard);
	explicit_bzero(p, sizeof(*p));
	free(p);
}

void
bh_pair_status(struct bh_pair *p, struct bh_pair_status *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->status;
	out->macs = p->n_macs;
	pthread_mutex_unlock(&p->lock);
	out->refused = atomic_load_explicit(&p->refused, memory_order_relaxed);
	/* What it was in another role says nothing. */
	out->ready = atomic_load_explicit(&p->ready, memory_order_relaxed) == (int)out->role;
}

void
bh_pair_trouble(struct bh_pair *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&p->lock);
	vsnprintf(p->status.trouble, sizeof(p->status.trouble), fmt, ap);
	pthread_mutex_unlock(&p->lock);
	va_end(ap);
}
