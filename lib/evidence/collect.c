/* From the rings into the cases. Each ring is read once for all cases; a new case looks back into what is left of its ring. */
#include <errno.h>
#include <stdlib.h>

#include "evidence_priv.h"

#define SHORTEST_NS (100 * BH_NS_PER_MS) /* a case lives so long, that its name can be asked for */

/* Which low bytes of a hash are asked for: most packets are nobody's. */
struct filter {
	struct bh_evidence_ask *ask[BH_EVIDENCE_CAPTURES];
	unsigned n_asks;
	bool flow[256], pair[256];
	struct bh_evidence_case *open[BH_EVIDENCE_CASES];
	unsigned n;
};

static bool
belongs(const struct bh_evidence_case *c, const struct bh_evidence_packet *p)
{
	return c->whole_pair ? p->pair == c->pair : p->flow == c->flow;
}

/* Hashes are alike by chance, or by will: the addresses and ports decide. A fragment has none. */
static bool
is_of(const struct bh_evidence *ev, const struct bh_evidence_case *c,
      const struct bh_evidence_packet *p)
{
	struct bh_parsed h;

	if (!bh_evidence_key(&ev->p, p, ev->data, &h))
		return true;
	if (memcmp(h.key.addr, c->key.addr, sizeof(h.key.addr)) != 0)
		return false;
	return c->whole_pair || h.kind == BH_FRAME_FRAGMENT ||
	       (h.key.proto == c->key.proto &&
		memcmp(h.key.port, c->key.port, sizeof(h.key.port)) == 0);
}

/* Where the next packet goes; NULL: it is one too many. */
static struct bh_evidence_kept *
place(const struct bh_evidence *ev, struct bh_evidence_case *c, uint64_t time_ns)
{
	struct bh_evidence_kept *k;

	if (time_ns > c->time_ns)
		return c->n_after < ev->p.after ? &c->packet[ev->p.before + c->n_after++] : NULL;
	if (ev->p.before == 0)
		return NULL;
	if (c->n_before < ev->p.before)
		return &c->packet[c->n_before++];
	k = &c->packet[c->oldest];
	c->oldest = (c->oldest + 1) % ev->p.before;
	return k;
}

static void
keep(struct bh_evidence *ev, struct bh_evidence_case *c, uint64_t number)
{
	struct bh_evidence_packet p;
	struct bh_evidence_kept *k;
	uint8_t *data;

	if (!bh_evidence_get(ev->ring[c->ring], number, &p, ev->data)) {
		bh_evidence_count(&ev->stats.torn, 1);
		return;
	}
	if (!is_of(ev, c, &p))
		return;
	if (p.time_ns > c->time_ns + ev->p.after_ms * BH_NS_PER_MS) {
		c->over = true;
		return;
	}
	data = malloc(p.caplen + 1u);
	k = data != NULL ? place(ev, c, p.time_ns) : NULL;
	if (k == NULL) {
		free(data);
		return;
	}
	memcpy(data, ev->data, p.caplen);
	free(k->data);
	*k = (struct bh_evidence_kept){.number = number, .p = p, .data = data};
}

static void
look(struct bh_evidence *ev, const struct filter *f, unsigned ring, uint64_t number)
{
	struct bh_evidence_packet p;
	unsigned i;

	if (!bh_evidence_get(ev->ring[ring], number, &p, NULL)) {
		bh_evidence_count(&ev->stats.torn, 1);
		return;
	}
	for (i = 0; i < f->n_asks; i++)
		bh_evidence_ask_look(ev, f->ask[i], ring, number, &p);
	if (!f->flow[p.flow & 0xff] && !f->pair[p.pair & 0xff])
		return;
	for (i = 0; i < f->n; i++) {
		if (f->open[i]->ring == ring && belongs(f->open[i], &p))
			keep(ev, f->open[i], number);
	}
}

/* What has come since the last round. */
static void
read_rings(struct bh_evidence *ev, const struct filter *f)
{
	const bool idle = f->n == 0 && f->n_asks == 0;
	uint64_t head, tail;
	unsigned r;

	for (r = 0; r < ev->p.n_rings; r++) {
		head = bh_evidence_head(ev->ring[r]);
		tail = bh_evidence_tail(ev->ring[r]);
		if (!idle && ev->at[r] < tail)
			bh_evidence_count(&ev->stats.torn, tail - ev->at[r]);
		if (idle || ev->at[r] < tail)
			ev->at[r] = idle ? head : tail;
		for (; ev->at[r] < head; ev->at[r]++)
			look(ev, f, r, ev->at[r]);
	}
}

/* A case begins: all that its ring still has of it. */
static int
look_back(struct bh_evidence *ev, struct bh_evidence_case *c)
{
	const struct bh_evidence_ring *ring = ev->ring[c->ring];
	struct bh_evidence_packet p;
	uint64_t number;

	c->n_before = c->n_after = c->oldest = 0;
	c->over = false;
	c->packet = calloc(ev->p.before + ev->p.after + 1, sizeof(*c->packet));
	if (c->packet == NULL)
		return -ENOMEM;
	for (number = bh_evidence_tail(ring); number < ev->at[c->ring]; number++) {
		if (bh_evidence_get(ring, number, &p, NULL) && belongs(c, &p))
			keep(ev, c, number);
	}
	return 0;
}

static void
release(struct bh_evidence *ev, struct bh_evidence_case *c)
{
	unsigned i;

	for (i = 0; c->packet != NULL && i < ev->p.before + ev->p.after; i++)
		free(c->packet[i].data);
	free(c->packet);
	c->packet = NULL;
	for (i = 0; i < c->n_events; i++)
		bh_buf_reset(&c->event[i]);
	c->n_events = 0;
}

/* Nobody joins it any more: rendering and writing need no lock. */
static void
end_case(struct bh_evidence *ev, struct bh_evidence_case *c)
{
	struct bh_buf text = {0};
	int rc = -ENOMEM;

	pthread_mutex_lock(&ev->lock);
	c->state = BH_CASE_ENDING;
	pthread_mutex_unlock(&ev->lock);
	if (c->packet != NULL)
		rc = bh_evidence_render(ev, c, &text);
	if (rc == 0)
		rc = bh_evidence_save(ev, c->name, &text);
	bh_buf_free(&text);
	if (rc == 0) {
		bh_evidence_count(&ev->stats.files, 1);
		bh_evidence_count(&ev->stats.packets, c->n_before + c->n_after);
	} else {
		bh_evidence_count(&ev->stats.failed, 1);
	}
	release(ev, c);
	pthread_mutex_lock(&ev->lock);
	c->state = BH_CASE_FREE;
	ev->n_cases--;
	pthread_mutex_unlock(&ev->lock);
}

static bool
is_due(const struct bh_evidence *ev, const struct bh_evidence_case *c, uint64_t now_ns)
{
	uint64_t age = now_ns - c->started_ns;

	return age >= SHORTEST_NS &&
	       (c->n_after >= ev->p.after || c->over || age >= ev->p.after_ms * BH_NS_PER_MS);
}

static void
gather(struct bh_evidence *ev, struct filter *f, enum bh_evidence_state state)
{
	unsigned i;

	memset(f, 0, sizeof(*f));
	pthread_mutex_lock(&ev->lock);
	for (i = 0; i < BH_EVIDENCE_CASES; i++) {
		struct bh_evidence_case *c = &ev->one[i];

		if (c->state != state)
			continue;
		f->open[f->n++] = c;
		if (c->whole_pair)
			f->pair[c->pair & 0xff] = true;
		else
			f->flow[c->flow & 0xff] = true;
		c->state = BH_CASE_OPEN;
	}
	pthread_mutex_unlock(&ev->lock);
}

void
bh_evidence_collect(struct bh_evidence *ev, bool hurry)
{
	uint64_t now_ns = ev->clock->mono_ns(ev->clock->arg);
	struct filter f;
	unsigned i;

	gather(ev, &f, BH_CASE_OPEN);
	f.n_asks = bh_evidence_asks(ev, f.ask);
	read_rings(ev, &f);
	bh_evidence_ask_end(ev, hurry);
	for (i = 0; i < f.n; i++) {
		if (hurry || is_due(ev, f.open[i], now_ns))
			end_case(ev, f.open[i]);
	}
	gather(ev, &f, BH_CASE_NEW);
	for (i = 0; i < f.n; i++) {
		if (look_back(ev, f.open[i]) != 0 || hurry)
			end_case(ev, f.open[i]);
	}
}
