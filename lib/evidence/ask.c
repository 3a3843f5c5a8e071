/* Captures that somebody asks for: packets that fit a filter, from now on, until enough have come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence_priv.h"

/* ---- which packets ------------------------------------------------------------------------------------ */

static bool
prefix_holds(const struct bh_evidence_prefix *p, const struct bh_flow_key *key, unsigned end)
{
	const uint8_t *a = key->addr[end].b;
	unsigned whole = p->len / 8, rest = p->len % 8;

	return memcmp(p->addr, a, whole) == 0 &&
	       (rest == 0 || ((p->addr[whole] ^ a[whole]) & (0xff00u >> rest & 0xff)) == 0);
}

static bool
addresses_fit(const struct bh_evidence_filter *f, const struct bh_flow_key *key)
{
	const struct bh_evidence_prefix *p = f->address;
	unsigned family = key->family == BH_IP6 ? 6 : 4, i;

	for (i = 0; i < f->n_addresses; i++) {
		if (p[i].family != family)
			return false;
	}
	if (f->n_addresses == 2)
		return (prefix_holds(&p[0], key, 0) && prefix_holds(&p[1], key, 1)) ||
		       (prefix_holds(&p[0], key, 1) && prefix_holds(&p[1], key, 0));
	return f->n_addresses == 0 || prefix_holds(&p[0], key, 0) || prefix_holds(&p[0], key, 1);
}

static bool
segments_fit(const struct bh_evidence_filter *f, const uint32_t s[2])
{
	if (f->n_segments == 2)
		return (f->segment[0] == s[0] && f->segment[1] == s[1]) ||
		       (f->segment[0] == s[1] && f->segment[1] == s[0]);
	return f->n_segments == 0 || f->segment[0] == s[0] || f->segment[0] == s[1];
}

static bool
any_app(const struct bh_evidence_filter *f)
{
	return (f->app[0] | f->app[1]) == 0;
}

static bool
app_fits(const struct bh_evidence_filter *f, uint8_t app)
{
	return app < 128 && (f->app[app / 64] >> app % 64 & 1) != 0;
}

/* Fragments behind the first have no ports: those of a wanted protocol are taken along. */
static bool
key_fits(const struct bh_evidence *ev, const struct bh_evidence_filter *f,
	 const struct bh_evidence_packet *p)
{
	struct bh_parsed h;

	if (f->n_addresses == 0 && f->port == 0 && f->proto == 0)
		return true;
	if (!bh_evidence_key(&ev->p, p, ev->data, &h))
		return false;
	return addresses_fit(f, &h.key) && (f->proto == 0 || f->proto == h.key.proto) &&
	       (f->port == 0 || h.kind == BH_FRAME_FRAGMENT || h.key.port[0] == f->port ||
		h.key.port[1] == f->port);
}

/* ---- taking them -------------------------------------------------------------------------------------- */

unsigned
bh_evidence_asks(struct bh_evidence *ev, struct bh_evidence_ask *out[BH_EVIDENCE_CAPTURES])
{
	unsigned n = 0, i;

	pthread_mutex_lock(&ev->lock);
	for (i = 0; i < BH_EVIDENCE_CAPTURES; i++) {
		if (ev->ask[i].state == BH_ASK_RUNS)
			out[n++] = &ev->ask[i];
	}
	pthread_mutex_unlock(&ev->lock);
	return n;
}

void
bh_evidence_ask_look(struct bh_evidence *ev, struct bh_evidence_ask *a, unsigned ring,
		     uint64_t number, const struct bh_evidence_packet *p)
{
	const struct bh_evidence_order *o = &a->order;
	struct bh_evidence_packet now;
	uint8_t *data;

	if (a->n == o->packets || a->bytes + p->caplen > o->bytes || p->time_ns < a->time_ns ||
	    !segments_fit(&o->filter, p->segment) ||
	    (!any_app(&o->filter) && p->app != 0 && !app_fits(&o->filter, p->app)))
		return;
	if (!bh_evidence_get(ev->ring[ring], number, &now, ev->data)) {
		bh_evidence_count(&ev->stats.torn, 1);
		return;
	}
	if (!key_fits(ev, &o->filter, &now))
		return;
	data = malloc(now.caplen + 1u);
	if (data == NULL)
		return;
	memcpy(data, ev->data, now.caplen);
	a->ring[a->n] = (uint16_t)ring;
	a->packet[a->n] = (struct bh_evidence_kept){.number = number, .p = now, .data = data};
	pthread_mutex_lock(&ev->lock);
	a->n++;
	a->bytes += now.caplen;
	pthread_mutex_unlock(&ev->lock);
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static int
by_flow(const void *va, const void *vb)
{
	const uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;

	return a < b ? -1 : a > b;
}

static int
by_time(const void *va, const void *vb)
{
	const struct bh_evidence_kept *const *a = va, *const *b = vb;

	if ((*a)->p.time_ns != (*b)->p.time_ns)
		return (*a)->p.time_ns < (*b)->p.time_ns ? -1 : 1;
	return (*a)->number < (*b)->number ? -1 : (*a)->number > (*b)->number;
}

static bool
fate_fits(const struct bh_evidence_filter *f, unsigned fate)
{
	bool dropped = fate == BH_EVIDENCE_DROPPED || fate == BH_EVIDENCE_REJECTED;

	return (!f->dropped || dropped) && (!f->passed || fate == BH_EVIDENCE_PASSED);
}

/* What fits now that fates are known, and what flows came to be: their first packets come before that is proven. */
static int
choose(struct bh_evidence *ev, struct bh_evidence_ask *a, struct bh_evidence_sheet *s)
{
	const struct bh_evidence_filter *f = &a->order.filter;
	uint64_t *flow = calloc(a->n + 1u, sizeof(*flow));
	unsigned n_flows = 0, i;

	s->packet = calloc(a->n + 1u, sizeof(struct bh_evidence_kept *));
	if (flow == NULL || s->packet == NULL) {
		free(flow);
		return -ENOMEM;
	}
	for (i = 0; i < a->n; i++) {
		if (app_fits(f, a->packet[i].p.app))
			flow[n_flows++] = a->packet[i].p.flow;
	}
	qsort(flow, n_flows, sizeof(*flow), by_flow);
	for (i = 0; i < a->n; i++) {
		struct bh_evidence_kept *k = &a->packet[i];

		bh_evidence_refresh(ev->ring[a->ring[i]], k);
		if (fate_fits(f, k->p.fate) &&
		    (any_app(f) ||
		     bsearch(&k->p.flow, flow, n_flows, sizeof(*flow), by_flow) != NULL))
			s->packet[s->n++] = k;
	}
	qsort(s->packet, s->n, sizeof(s->packet[0]), by_time);
	free(flow);
	return 0;
}

void
bh_evidence_ask_free(struct bh_evidence_ask *a)
{
	uint32_t i;

	for (i = 0; a->packet != NULL && i < a->n; i++)
		free(a->packet[i].data);
	free(a->packet);
	free(a->ring);
	a->packet = NULL;
	a->ring = NULL;
	a->n = 0;
}

static void
ask_write(struct bh_evidence *ev, struct bh_evidence_ask *a)
{
	struct bh_evidence_sheet s = {.comment = {a->text}, .n_comments = 1};
	struct bh_buf text = {0};
	int rc;

	pthread_mutex_lock(&ev->lock);
	a->state = BH_ASK_ENDING;
	pthread_mutex_unlock(&ev->lock);
	rc = choose(ev, a, &s);
	if (rc == 0)
		rc = bh_evidence_write(ev, &s, &text);
	if (rc == 0)
		rc = bh_evidence_save(ev, a->name, &text);
	bh_evidence_count(rc == 0 ? &ev->stats.files : &ev->stats.failed, 1);
	if (rc == 0)
		bh_evidence_count(&ev->stats.packets, s.n);
	free(s.packet);
	bh_buf_free(&text);
	pthread_mutex_lock(&ev->lock);
	bh_evidence_ask_free(a);
	a->state = BH_ASK_FREE;
	ev->n_asks--;
	pthread_mutex_unlock(&ev->lock);
}

static bool
is_stopped(struct bh_evidence *ev, const struct bh_evidence_ask *a)
{
	bool stop;

	pthread_mutex_lock(&ev->lock);
	stop = a->stop;
	pthread_mutex_unlock(&ev->lock);
	return stop;
}

void
bh_evidence_ask_end(struct bh_evidence *ev, bool hurry)
{
	uint64_t now_ns = ev->clock->mono_ns(ev->clock->arg);
	struct bh_evidence_ask *a[BH_EVIDENCE_CAPTURES];
	unsigned n = bh_evidence_asks(ev, a), i;

	for (i = 0; i < n; i++) {
		const struct bh_evidence_order *o = &a[i]->order;

		/* A packet more may not fit: the last ones of a full capture are known by the room of one. */
		if (hurry || is_stopped(ev, a[i]) || a[i]->n == o->packets ||
		    a[i]->bytes + bh_evidence_snap(ev->ring[0]) > o->bytes ||
		    now_ns - a[i]->started_ns >= o->for_ms * BH_NS_PER_MS)
			ask_write(ev, a[i]);
	}
}

/* ---- who asks ------------------------------------------------------------------------------------------ */

static bool
name_is_taken(const struct bh_evidence *ev, const char *name)
{
	unsigned i;

	for (i = 0; i < BH_EVIDENCE_CAPTURES; i++) {
		if (ev->ask[i].state != BH_ASK_FREE && strcmp(ev->ask[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Under the lock. */
static int
ask_begin(struct bh_evidence *ev, const struct bh_evidence_order *order, char *out,
	  struct bh_err *err)
{
	struct bh_evidence_ask *a = ev->ask;
	uint64_t name_ns;

	while (a < ev->ask + BH_EVIDENCE_CAPTURES && a->state != BH_ASK_FREE)
		a++;
	if (a == ev->ask + BH_EVIDENCE_CAPTURES)
		return bh_err_set(err, EBUSY, "%u captures run already: stop one, or wait",
				  BH_EVIDENCE_CAPTURES);
	a->packet = calloc(order->packets, sizeof(*a->packet));
	a->ring = calloc(order->packets, sizeof(*a->ring));
	if (a->packet == NULL || a->ring == NULL) {
		bh_evidence_ask_free(a);
		return bh_err_set(err, ENOMEM, "no memory for %u packets", order->packets);
	}
	a->n = 0;
	a->bytes = 0;
	a->stop = false;
	a->order = *order;
	snprintf(a->text, sizeof(a->text), "%s", order->text);
	a->time_ns = name_ns = ev->clock->wall_ns(ev->clock->arg);
	a->started_ns = ev->clock->mono_ns(ev->clock->arg);
	do {
		bh_evidence_name_make(a->name, name_ns, 0, BH_EVIDENCE_CAPTURE_CLASS);
		name_ns += 1000;
	} while (name_is_taken(ev, a->name));
	memcpy(out, a->name, BH_EVIDENCE_NAME_MAX);
	a->state = BH_ASK_RUNS;
	ev->n_asks++;
	pthread_cond_signal(&ev->wake);
	return 0;
}

int
bh_evidence_capture_start(struct bh_evidence *ev, const struct bh_evidence_order *order,
			  char out[BH_EVIDENCE_NAME_MAX], struct bh_err *err)
{
	int rc;

	if (order->packets == 0 || order->packets > BH_EVIDENCE_CAPTURE_PACKETS ||
	    order->bytes == 0 || order->bytes > BH_EVIDENCE_CAPTURE_BYTES || order->for_ms == 0 ||
	    order->for_ms > BH_EVIDENCE_CAPTURE_MS)
		return bh_err_set(err, EINVAL, "1 to %u packets, 1 to %u bytes, at most %u seconds",
				  BH_EVIDENCE_CAPTURE_PACKETS, BH_EVIDENCE_CAPTURE_BYTES,
				  BH_EVIDENCE_CAPTURE_MS / 1000);
	pthread_mutex_lock(&ev->lock);
	rc = ask_begin(ev, order, out, err);
	pthread_mutex_unlock(&ev->lock);
	return rc;
}

int
bh_evidence_capture_stop(struct bh_evidence *ev, const char *name)
{
	int rc = -ENOENT;
	unsigned i;

	pthread_mutex_lock(&ev->lock);
	for (i = 0; i < BH_EVIDENCE_CAPTURES; i++) {
		if (ev->ask[i].state == BH_ASK_FREE || strcmp(ev->ask[i].name, name) != 0)
			continue;
		ev->ask[i].stop = true;
		pthread_cond_signal(&ev->wake);
		rc = 0;
	}
	pthread_mutex_unlock(&ev->lock);
	return rc;
}

unsigned
bh_evidence_captures(struct bh_evidence *ev, struct bh_evidence_running out[BH_EVIDENCE_CAPTURES])
{
	unsigned n = 0, i;

	pthread_mutex_lock(&ev->lock);
	for (i = 0; i < BH_EVIDENCE_CAPTURES; i++) {
		const struct bh_evidence_ask *a = &ev->ask[i];

		if (a->state == BH_ASK_FREE)
			continue;
		out[n] = (struct bh_evidence_running){.time_ns = a->time_ns,
						      .for_ms = a->order.for_ms,
						      .bytes = a->bytes,
						      .packets = a->n,
						      .ending =
							      a->stop || a->state == BH_ASK_ENDING};
		memcpy(out[n].name, a->name, sizeof(out[n].name));
		memcpy(out[n].text, a->text, sizeof(out[n].text));
		n++;
	}
	pthread_mutex_unlock(&ev->lock);
	return n;
}
