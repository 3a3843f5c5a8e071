/* state: the channel's thread. Who does not forward asks; who forwards answers. */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pair_priv.h"

#define BUSY_MS 2 /* records come by themselves: nothing wakes this thread for them */
#define IDLE_MS 20
#define ASK_NS (100 * BH_NS_PER_MS) /* again, after what did not become a channel */
#define PROOF_NS BH_NS_PER_SEC      /* time to prove oneself */
#define ALIVE_NS (200 * BH_NS_PER_MS)
#define SILENT_NS (2 * BH_NS_PER_SEC) /* a channel on which nothing was said is dead */
#define HEARD_NS (20 * BH_NS_PER_MS)  /* how often it is looked who was heard on ports */
#define PULLS 16                      /* of a turn */
_Static_assert(BH_PAIR_ROOM == BH_PAIR_PAYLOAD, "a frame is what pull gave");
#define MISFIT_NS BH_NS_PER_SEC /* it is asked again, after what did not fit */
#define FULL_MS 1
#define MISFIT (-EDOM) /* what came does not fit, and the trouble says why */

static uint64_t
now(void)
{
	return bh_clock_system.mono_ns(NULL);
}

/* ---- who was heard on ports, as bytes: MAC, port, VLAN in network order --------------------------------------------- */

#define MAC_BYTES 9
_Static_assert(BH_PAIR_MACS *MAC_BYTES > BH_PAIR_PAYLOAD, "so more than one frame would be needed");
#define MACS_A_FRAME (BH_PAIR_PAYLOAD / MAC_BYTES)

static void
count(struct bh_pair *p, uint64_t *which, size_t n)
{
	pthread_mutex_lock(&p->lock);
	*which += n;
	pthread_mutex_unlock(&p->lock);
}

static int
tell_heard(struct bh_pair *p, struct bh_pair_end *e)
{
	unsigned n = p->p.ops.macs(p->p.ops.arg, p->told, MACS_A_FRAME), i;

	for (i = 0; i < n; i++) {
		uint16_t vlan_be = htobe16(p->told[i].vlan);

		memcpy(p->record + i * MAC_BYTES, p->told[i].mac, 6);
		p->record[i * MAC_BYTES + 6] = p->told[i].port;
		memcpy(p->record + i * MAC_BYTES + 7, &vlan_be, 2);
	}
	n *= MAC_BYTES;
	if (n == p->n_heard && memcmp(p->record, p->heard, n) == 0)
		return 0;
	memcpy(p->heard, p->record, n);
	p->n_heard = n;
	count(p, &p->status.sent_bytes, n);
	return bh_pair_end_write(e, BH_PAIR_HEARD, p->heard, n);
}

static int
take_heard(struct bh_pair *p, const uint8_t *data, size_t len)
{
	size_t n = len / MAC_BYTES, i;

	if (len % MAC_BYTES != 0 || n > BH_PAIR_MACS)
		return -EBADMSG;
	pthread_mutex_lock(&p->lock);
	for (i = 0; i < n; i++, data += MAC_BYTES) {
		memcpy(p->mac[i].mac, data, 6);
		p->mac[i].port = data[6];
		p->mac[i].vlan = bh_load_be16(data + 7);
	}
	p->n_macs = (unsigned)n;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/* ---- to the other one ------------------------------------------------------------------------------------------------ */

/* As whom; -1: it is not. What was wrong before is right once all has come. */
static void
set_ready(struct bh_pair *p, int ready)
{
	atomic_store_explicit(&p->ready, ready, memory_order_relaxed);
	if (ready >= 0)
		bh_pair_trouble(p, "%s", "");
}

static void
set_linked(struct bh_pair *p, bool linked, bool join)
{
	pthread_mutex_lock(&p->lock);
	p->status.linked = linked;
	p->status.joins += join;
	pthread_mutex_unlock(&p->lock);
}

static void
drop_asked(struct bh_pair *p)
{
	if (p->asked == NULL)
		return;
	if (p->begun && p->p.ops.end != NULL)
		p->p.ops.end(p->p.ops.arg);
	p->begun = false;
	bh_pair_end_free(p->asked);
	p->asked = NULL;
	set_ready(p, -1);
	set_linked(p, false, false);
}

/* An end that listens says nothing but that it lives, and that it has all. */
static int
got_asked(void *arg, struct bh_pair_end *e, const struct bh_pair_got *got)
{
	struct bh_pair *p = arg;

	if (got->kind == BH_PAIR_FRAMES)
		return bh_pair_end_write(e, BH_PAIR_ALIVE, NULL, 0);
	if (got->kind == BH_PAIR_WALKED && e == p->asked && p->walked && got->len == 0) {
		set_ready(p, BH_PAIR_ACTIVE);
		return 0;
	}
	return got->kind == BH_PAIR_ALIVE && got->len == 0 ? 0 : -EBADMSG;
}

static int
push(struct bh_pair *p, struct bh_err *err)
{
	const struct bh_pair_ops *ops = &p->p.ops;
	struct bh_pair_end *e = p->asked;
	bool walked = ops->pull == NULL;
	unsigned i;
	int n, rc = 0;

	if (now() >= p->heard_ns) {
		p->heard_ns = now() + HEARD_NS;
		rc = tell_heard(p, e);
	}
	for (i = 0; rc == 0 && ops->pull != NULL && i < PULLS; i++) {
		if (bh_pair_end_room(e) < 2 * BH_PAIR_PAYLOAD)
			break;
		n = ops->pull(ops->arg, p->record, BH_PAIR_PAYLOAD, &walked, err);
		if (n <= 0) {
			rc = n;
			break;
		}
		rc = bh_pair_end_write(e, BH_PAIR_RECORDS, p->record, (size_t)n);
		count(p, &p->status.sent_bytes, (size_t)n);
	}
	if (rc == 0 && walked && !p->walked) {
		p->walked = true;
		rc = bh_pair_end_write(e, BH_PAIR_WALKED, NULL, 0);
	}
	if (rc == 0 && now() - e->said_ns > ALIVE_NS)
		rc = bh_pair_end_write(e, BH_PAIR_ALIVE, NULL, 0);
	return rc == 0 ? bh_pair_end_flush(e) : rc;
}

static void
accept_one(struct bh_pair *p, unsigned i)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = accept4(p->listener[i], (struct sockaddr *)&from, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (p->next != NULL || !bh_pair_same_host(&from, &p->link[i].peer) ||
	    bh_pair_end_make(&p->next, p, fd, false) != 0)
		close(fd);
}

/* Whoever proves itself takes the place of the one before: that one's connection is dead and does not know it. */
static void
look_at_next(struct bh_pair *p)
{
	struct bh_pair_end *e = p->next;
	int rc = bh_pair_end_read(e, got_asked, p);

	if (rc == 0)
		rc = bh_pair_end_flush(e);
	if (rc == 0 && e->channel.proven) {
		drop_asked(p);
		p->asked = e;
		p->next = NULL;
		p->walked = false;
		p->heard_ns = 0;
		p->n_heard = 0;
		p->begun = true;
		set_linked(p, true, true);
		if (p->p.ops.begin != NULL)
			p->p.ops.begin(p->p.ops.arg);
	} else if (rc != 0 || now() - e->since_ns > PROOF_NS) {
		if (rc == -EBADMSG)
			atomic_fetch_add_explicit(&p->refused, 1, memory_order_relaxed);
		bh_pair_end_free(e);
		p->next = NULL;
	}
}

static void
tell_end(struct bh_pair *p, int rc, const struct bh_err *err)
{
	bh_pair_trouble(p, "the channel to the twin has ended: %.150s",
			err->what[0] != '\0' ? err->what : strerror(-rc));
}

static void
serve(struct bh_pair *p)
{
	struct bh_err err = {0};
	unsigned i;
	int rc;

	for (i = 0; i < p->n_links; i++)
		accept_one(p, i);
	if (p->next != NULL)
		look_at_next(p);
	if (p->asked == NULL)
		return;
	rc = bh_pair_end_read(p->asked, got_asked, p);
	if (rc == 0)
		rc = push(p, &err);
	if (rc == 0 && now() - p->asked->heard_ns > SILENT_NS)
		rc = -ETIMEDOUT;
	if (rc == 0)
		return;
	tell_end(p, rc, &err);
	drop_asked(p);
}

/* ---- from the other one ----------------------------------------------------------------------------------------------- */

static void
drop_asking(struct bh_pair *p)
{
	bool was = p->asking != NULL && p->asking->channel.proven;

	bh_pair_end_free(p->asking);
	p->asking = NULL;
	p->n_waiting = 0;
	p->ask_ns = now() + ASK_NS;
	p->ask_link++;
	set_ready(p, -1);
	if (was)
		set_linked(p, false, false);
}

/* 0, -EAGAIN: it waits; MISFIT. */
static int
take_records(struct bh_pair *p, const uint8_t *data, size_t len)
{
	struct bh_err err = {0};
	int rc = p->p.ops.put != NULL ? p->p.ops.put(p->p.ops.arg, data, len, &err) : 0;

	if (rc == -EAGAIN && data != p->record)
		memcpy(p->record, data, len);
	p->n_waiting = rc == -EAGAIN ? len : 0;
	if (rc == 0 || rc == -EAGAIN)
		return rc;
	tell_end(p, rc, &err);
	return MISFIT;
}

static int
got_asking(void *arg, struct bh_pair_end *e, const struct bh_pair_got *got)
{
	struct bh_pair *p = arg;

	switch (got->kind) {
	case BH_PAIR_FRAMES:
		return bh_pair_end_write(e, BH_PAIR_ALIVE, NULL, 0);
	case BH_PAIR_ALIVE:
		if (got->len == 0 && e->channel.in == 1) {
			set_linked(p, true, true);
			if (p->p.ops.join != NULL)
				p->p.ops.join(p->p.ops.arg);
		}
		return got->len == 0 ? 0 : -EBADMSG;
	case BH_PAIR_RECORDS:
		count(p, &p->status.got_bytes, got->len);
		return take_records(p, got->payload, got->len);
	case BH_PAIR_HEARD:
		count(p, &p->status.got_bytes, got->len);
		return take_heard(p, got->payload, got->len);
	default:
		if (got->len != 0)
			return -EBADMSG;
		if (p->p.ops.partial != NULL) {
			bh_pair_trouble(p, "%s", p->p.ops.partial);
			return 0;
		}
		set_ready(p, BH_PAIR_STANDBY);
		return bh_pair_end_write(e, BH_PAIR_WALKED, NULL, 0);
	}
}

static void
ask(struct bh_pair *p)
{
	const struct bh_pair_link *l = &p->link[p->ask_link % p->n_links];
	struct bh_err err = {0};
	int fd = bh_pair_socket(l, SOCK_STREAM, true, &err);

	if (fd < 0) {
		bh_pair_trouble(p, "%.190s", err.what);
	} else if ((connect(fd, (const struct sockaddr *)&l->peer, l->len) != 0 &&
		    errno != EINPROGRESS) ||
		   bh_pair_end_make(&p->asking, p, fd, true) != 0) {
		bh_pair_trouble(p, "cannot ask the twin: %s", strerror(errno));
		close(fd);
	} else {
		return;
	}
	p->ask_ns = now() + ASK_NS;
	p->ask_link++;
}

/* Who asks one that does not forward has not heard yet that it does not. */
static void
refuse(struct bh_pair *p)
{
	unsigned i;
	int fd;

	for (i = 0; i < p->n_links; i++) {
		fd = accept4(p->listener[i], NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
	}
}

static void
listen_to(struct bh_pair *p)
{
	struct bh_pair_end *e;
	int rc;

	if (p->asking == NULL && now() >= p->ask_ns)
		ask(p);
	e = p->asking;
	if (e == NULL)
		return;
	rc = bh_pair_end_flush(e);
	if (rc == 0 && p->n_waiting != 0)
		rc = take_records(p, p->record, p->n_waiting);
	if (rc == 0)
		rc = bh_pair_end_read(e, got_asking, p);
	/* Nothing is read while something waits: the other one is not silent then. */
	if (rc == -EAGAIN)
		e->heard_ns = now();
	/* Not connected yet. */
	if (rc == -ENOTCONN || rc == -EAGAIN)
		rc = 0;
	if (rc == 0 && e->channel.proven && now() - e->said_ns > ALIVE_NS)
		rc = bh_pair_end_write(e, BH_PAIR_ALIVE, NULL, 0);
	if (rc == 0 && now() - e->heard_ns > (e->channel.proven ? SILENT_NS : PROOF_NS))
		rc = -ETIMEDOUT;
	if (rc == 0)
		return;
	if (rc == -EBADMSG)
		atomic_fetch_add_explicit(&p->refused, 1, memory_order_relaxed);
	if (rc != MISFIT)
		tell_end(p, rc, &(struct bh_err){0});
	drop_asking(p);
	if (rc == MISFIT)
		p->ask_ns = now() + MISFIT_NS;
}

/* ---- the thread ------------------------------------------------------------------------------------------------------- */

static void
pause_for(const struct bh_pair *p)
{
	struct pollfd fd[BH_PAIR_LINKS + 3];
	const struct bh_pair_end *end[] = {p->asking, p->asked, p->next};
	nfds_t n = 0;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(end); i++) {
		if (end[i] != NULL && p->n_waiting == 0)
			fd[n++] = (struct pollfd){.fd = end[i]->fd, .events = POLLIN};
	}
	for (i = 0; i < p->n_links; i++)
		fd[n++] = (struct pollfd){.fd = p->listener[i], .events = POLLIN};
	poll(fd, n, p->n_waiting != 0 ? FULL_MS : p->asked != NULL ? BUSY_MS : IDLE_MS);
}

void *
bh_pair_carry(void *pair)
{
	struct bh_pair *p = pair;

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		if (atomic_load_explicit(&p->role, memory_order_relaxed) == BH_PAIR_ACTIVE) {
			if (p->asking != NULL)
				drop_asking(p);
			serve(p);
		} else {
			drop_asked(p);
			bh_pair_end_free(p->next);
			p->next = NULL;
			refuse(p);
			listen_to(p);
		}
		pause_for(p);
	}
	if (p->asking != NULL)
		drop_asking(p);
	drop_asked(p);
	bh_pair_end_free(p->next);
	p->next = NULL;
	return NULL;
}
