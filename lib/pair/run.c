/* run: the hello's thread. It waits for nothing but its sockets and the next hello. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pair_priv.h"

/* Its turns decide how soon a twin takes over, and whether this one's right to forward is renewed in time: before others'
 * work on this core, where that is permitted. */
#define NICE (-11)
#define TURN_MS 10

/* The switches are told at once, and again: a frame may be lost, and a switch's port that has just come up forwards late, with a
 * spanning tree after 30 s. */
static const unsigned announce_ms[] = {0, 100, 400, 1500, 4000, 8000, 15000, 32000};

static void
hear(struct bh_pair *p, struct bh_pair_link *l, uint64_t now_ns)
{
	uint8_t data[BH_PAIR_HELLO_SIZE + 1];
	struct bh_pair_message m;
	unsigned budget = 64;
	ssize_t n;

	while (budget-- > 0 && (n = recv(l->udp, data, sizeof(data), 0)) >= 0) {
		if (bh_pair_hello_read(&m, data, (size_t)n, p->key_hello) == 0)
			bh_pair_elect_heard(&p->elect, &m, now_ns);
		else
			atomic_fetch_add_explicit(&p->refused, 1, memory_order_relaxed);
	}
}

static void
say(struct bh_pair *p, const struct bh_pair_message *m)
{
	uint8_t data[BH_PAIR_HELLO_SIZE];
	unsigned i;

	bh_pair_hello_write(data, m, p->key_hello);
	/* What does not go is as what is lost: the next one comes soon. */
	for (i = 0; i < p->n_links; i++)
		(void)!sendto(p->link[i].udp, data, sizeof(data), 0,
			      (const struct sockaddr *)&p->link[i].peer, p->link[i].len);
}

static void
tell_status(struct bh_pair *p, bool changed, uint64_t now_ns)
{
	const struct bh_pair_elect *e = &p->elect;
	uint64_t wall = bh_clock_system.wall_ns(NULL);
	struct bh_pair_status *s = &p->status;

	pthread_mutex_lock(&p->lock);
	if (changed) {
		s->changes++;
		s->since_ns = wall;
	}
	s->role = e->role;
	s->cause = e->cause;
	s->term = e->term;
	s->usable = atomic_load_explicit(&p->usable, memory_order_relaxed);
	s->peer_alive = bh_pair_elect_alive(e, now_ns);
	s->peer_role = (enum bh_pair_role)e->peer.m.role;
	s->peer_priority = e->peer.m.priority;
	s->peer_usable = e->peer.m.usable;
	if (e->peer.m.sender != 0)
		s->peer_heard_ns = wall - (now_ns - e->peer.heard_ns);
	s->heard = e->heard;
	s->ignored = e->ignored;
	pthread_mutex_unlock(&p->lock);
}

static void
announce(struct bh_pair *p, uint64_t now_ns)
{
	unsigned n;

	if (p->elect.role != BH_PAIR_ACTIVE || p->announced == BH_ARRAY_SIZE(announce_ms) ||
	    now_ns < p->announce_ns + announce_ms[p->announced] * BH_NS_PER_MS)
		return;
	/* What the twin knew when it stopped; later this one knows better. */
	pthread_mutex_lock(&p->lock);
	n = p->announced++ == 0 ? p->n_macs : 0;
	memcpy(p->said, p->mac, n * sizeof(*p->mac));
	pthread_mutex_unlock(&p->lock);
	p->p.ops.announce(p->p.ops.arg, p->said, n);
}

static void
turn(struct bh_pair *p)
{
	const struct bh_pair_ops *ops = &p->p.ops;
	const struct bh_pair_input in = {
		.now_ns = bh_clock_system.mono_ns(NULL),
		.usable = atomic_load_explicit(&p->usable, memory_order_relaxed),
		.ready = atomic_load_explicit(&p->ready, memory_order_relaxed) == BH_PAIR_STANDBY,
		.leaving = atomic_load_explicit(&p->leaving, memory_order_relaxed),
	};
	struct bh_pair_output out;

	bh_pair_elect_turn(&p->elect, &in, &out);
	/* First what is, then what is said of it. */
	ops->forward(ops->arg, out.until_ns);
	if (out.changed) {
		p->announce_ns = in.now_ns;
		p->announced = 0;
		announce(p, in.now_ns);
	}
	if (out.send)
		say(p, &out.message);
	tell_status(p, out.changed, in.now_ns);
	if (out.changed) {
		atomic_store_explicit(&p->role, p->elect.role, memory_order_relaxed);
		ops->role(ops->arg, p->elect.role, p->elect.cause);
	}
	announce(p, in.now_ns);
}

void *
bh_pair_run(void *pair)
{
	struct pollfd fd[BH_PAIR_LINKS + 1] = {{.fd = -1}};
	struct bh_pair *p = pair;
	uint64_t woken;
	unsigned i;

	setpriority(PRIO_PROCESS, 0, NICE); /* 0: this thread alone, on Linux */
	for (i = 0; i < p->n_links; i++)
		fd[i] = (struct pollfd){.fd = p->link[i].udp, .events = POLLIN};
	fd[i] = (struct pollfd){.fd = p->wake_fd, .events = POLLIN};
	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		turn(p);
		if (poll(fd, p->n_links + 1, TURN_MS) < 0 && errno != EINTR)
			break;
		if (read(p->wake_fd, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
			break;
		for (i = 0; i < p->n_links; i++)
			hear(p, &p->link[i], bh_clock_system.mono_ns(NULL));
	}
	p->p.ops.forward(p->p.ops.arg, 0);
	return NULL;
}
