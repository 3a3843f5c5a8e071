/* feed: packets of the capture into bursts of one side, in their order and time; what comes out, to its
 * file. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <rte_mempool.h>

#include "replay.h"

/* Packets of one burst are at most so far apart: their records carry the time of the first. */
#define BATCH_NS BH_NS_PER_MS
/* Back by more than this is not the disorder of a capture, but a clock that was set or another capture. */
#define BACK_NS BH_NS_PER_SEC
/* The gateway's milliseconds have 32 bits: a gap counts as no more than 12 days, half of what still
 * compares as later. Longer than any time-out of use. */
#define MAX_GAP_NS (UINT64_C(12) * 86400 * BH_NS_PER_SEC)
/* A gap after which old flows are to leave before the next packet, not after it; in so many turns, each
 * of which looks at some thousand entries. */
#define IDLE_NS (60 * BH_NS_PER_SEC)
#define IDLE_TURNS 256

static struct replay_mark *
mark_of(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

/* A chained frame in one piece. */
static const uint8_t *
contiguous(struct replay *r, const struct rte_mbuf *m)
{
	return rte_pktmbuf_read(m, 0, m->pkt_len, r->scratch);
}

uint16_t
replay_send(void *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct replay *r = port;
	uint16_t i;

	(void)queue;
	for (i = 0; i < n; i++) {
		struct bh_capture_packet p = {
			.caplen = m[i]->pkt_len,
			.wirelen = m[i]->dynfield1[0],
			.linktype = (uint32_t)mark_of(m[i])->linktype,
			.time_ns = mark_of(m[i])->time_ns,
		};

		if (r->writer != NULL) {
			p.data = contiguous(r, m[i]);
			bh_capture_write(r->writer, &p); /* the first error is told at the end */
		}
		rte_pktmbuf_free(m[i]);
	}
	r->forwarded += n;
	return n;
}

/* Between bursts nobody reads a view: the old one may go. */
static void
names_taken(struct replay *r, int rc)
{
	bh_gateway_publish(r->gateway, *r->view);
	if (rc < 0 && !r->names_left_out)
		bh_log(BH_LOG_WARN, "addresses of names are left out: %s",
		       rc == -ENOSPC ? "names.max is reached" : strerror(-rc));
	r->names_left_out |= rc < 0;
}

static void
expire_names(struct replay *r)
{
	struct bh_buf told = {0};

	if (r->clock.mono_ns - r->clock.names_ns < BH_NS_PER_SEC)
		return;
	r->clock.names_ns = r->clock.mono_ns;
	names_taken(r, bh_policy_names_expire(r->policy, r->clock.mono_ns, &told));
	bh_buf_free(&told);
}

static void
take_events(struct replay *r)
{
	struct bh_buf told = {0};
	const struct bh_event *at;
	struct bh_event e[64];
	unsigned n;

	do {
		n = bh_gateway_events(r->gateway, e, BH_ARRAY_SIZE(e));
		for (at = e; at < e + n; at = bh_event_after(at))
			r->events++;
		replay_evidence_take(r, e, n);
		replay_draft_take(r, e, n);
		replay_recorded_take(r, e, n);
		bh_buf_reset(&told);
		names_taken(r, bh_gateway_take_answers(r->policy, e, n, r->clock.mono_ns, &told));
		bh_gateway_names_in_force(r->gateway);
		if (r->eve != NULL)
			bh_eve_file_write(r->eve, e, n);
	} while (n != 0);
	bh_buf_free(&told);
	expire_names(r);
	if (r->evidence != NULL)
		bh_evidence_step(r->evidence);
}

static void
flush(struct replay *r)
{
	if (r->n_batch == 0)
		return;
	bh_worker_input(r->worker, r->batch_wire, r->batch, r->n_batch, r->batch_mono_ns,
			r->batch_wall_ns);
	r->n_batch = 0;
	take_events(r);
}

/* Time passes without a packet: time-outs happen in it. */
static void
idle(struct replay *r, uint64_t gap_ns)
{
	uint64_t wall = r->clock.wall_ns, mono = r->clock.mono_ns;
	unsigned i;

	flush(r);
	for (i = 1; i < IDLE_TURNS; i++) {
		bh_worker_input(r->worker, 0, NULL, 0, mono + gap_ns / IDLE_TURNS * i,
				wall + gap_ns / IDLE_TURNS * i);
		take_events(r);
	}
}

/* Move capture time on to a packet's. It never goes back: packets that are a little out of order happen at the
 * latest time seen. */
static void
advance(struct replay *r, uint64_t wall_ns)
{
	struct replay_clock *c = &r->clock;
	uint64_t gap;

	if (!c->started) {
		*c = (struct replay_clock){.started = true, .wall_ns = wall_ns};
		c->mono_ns = BH_NS_PER_SEC; /* any start but 0 */
		return;
	}
	if (wall_ns <= c->wall_ns) {
		if (c->wall_ns - wall_ns > BACK_NS)
			c->wall_ns = wall_ns;
		return;
	}
	gap = wall_ns - c->wall_ns;
	if (gap > MAX_GAP_NS)
		gap = MAX_GAP_NS;
	if (gap > IDLE_NS)
		idle(r, gap);
	c->mono_ns += gap;
	c->span_ns += gap;
	c->wall_ns = wall_ns;
}

/* The frame in as many buffers as it takes. NULL: the pool is empty. */
static struct rte_mbuf *
frame(struct replay *r, const struct bh_capture_packet *p)
{
	struct rte_mbuf *head = NULL, *last = NULL, *m;
	uint32_t done = 0, n;

	do {
		m = rte_pktmbuf_alloc(r->pool);
		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		n = RTE_MIN(p->caplen - done, (uint32_t)rte_pktmbuf_tailroom(m));
		if (n != 0)
			memcpy(rte_pktmbuf_mtod(m, void *), p->data + done, n);
		m->data_len = (uint16_t)n;
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
		}
		last = m;
		done += n;
	} while (done < p->caplen);
	head->pkt_len = p->caplen;
	head->dynfield1[0] = p->wirelen; /* see bh_wire.wire_lengths */
	*mark_of(head) = (struct replay_mark){.time_ns = p->time_ns, .linktype = p->linktype};
	return head;
}

static void
feed_packet(struct replay *r, const struct bh_capture_packet *p)
{
	enum bh_link_type link;
	struct rte_mbuf *m;
	unsigned wire;

	r->packets++;
	r->bytes += p->wirelen;
	advance(r, p->time_ns);
	if (!bh_capture_link(p->linktype, &link)) {
		r->dropped[BH_REASON_LINK_TYPE]++;
		return;
	}
	m = frame(r, p);
	if (m == NULL) {
		/* The burst in hand may hold what is missing. */
		flush(r);
		m = frame(r, p);
	}
	if (m == NULL) {
		r->dropped[BH_REASON_NO_MBUF]++;
		return;
	}
	wire = 2 * link + replay_side(r->sides, link, p);
	if (r->n_batch == REPLAY_BATCH || (r->n_batch != 0 && wire != r->batch_wire) ||
	    (r->n_batch != 0 && r->clock.mono_ns - r->batch_mono_ns > BATCH_NS))
		flush(r);
	if (r->n_batch == 0) {
		r->batch_wire = wire;
		r->batch_mono_ns = r->clock.mono_ns;
		r->batch_wall_ns = r->clock.wall_ns;
	}
	r->batch[r->n_batch++] = m;
}

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
replay_feed(struct replay *r)
{
	uint64_t start = bh_clock_system.mono_ns(NULL);
	double cpu = cpu_seconds();
	struct bh_capture_packet p;
	struct bh_err err = {0};
	uint32_t left;
	int rc;

	while ((rc = bh_capture_next(r->capture, &p, &err)) == 1)
		feed_packet(r, &p);
	if (rc < 0) {
		r->cut = true;
		bh_log(BH_LOG_WARN, "%s; what came before is judged", err.what);
	}
	flush(r);
	do {
		left = bh_worker_drain(r->worker, r->clock.mono_ns, r->clock.wall_ns);
		take_events(r);
	} while (left != 0);
	if (r->eve != NULL)
		bh_eve_file_flush(r->eve);
	r->seconds = (double)(bh_clock_system.mono_ns(NULL) - start) / 1e9;
	r->cpu_seconds = cpu_seconds() - cpu;
}
