/* pair: the other gateway on a path beside this one (lib/pair): what it may ask of this one, and what is told of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/gateway/carry.h"
#include "../../lib/gateway/twin.h"
#include "pair_flows.h"

struct bh_twin {
	struct bh_pair *pair;
	bool alive, known;             /* as it was told last */
	struct bh_gateway_heard *here; /* [BH_PAIR_MACS]; the hello's thread */
	struct bh_gateway_heard *tell; /* [BH_PAIR_MACS]; the channel's */
	struct bh_pair_flows *flows;
	uint64_t
		strange_ns; /* the twin forwards, and does not tell of its flows, since; 0: it does, or does not forward */
};
/* For longer than that what is known here of flows is not worth believing. */
#define STRANGE_NS (5 * BH_NS_PER_SEC)

static void
forward(void *arg, uint64_t until_ns)
{
	struct bh_daemon *d = arg;

	if (bh_gateway_forward(d->gateway, until_ns) != 0)
		bh_log(BH_LOG_ERROR, "pair: a worker has not stopped forwarding within a second");
}

static void
role(void *arg, enum bh_pair_role role, enum bh_pair_cause cause)
{
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", bh_pair_role_name(role), bh_pair_cause_text(cause));
	bh_log(BH_LOG_INFO, "pair: %s", text);
	bh_daemon_note(arg, role == BH_PAIR_ACTIVE ? BH_EVENT_PAIR_ACTIVE : BH_EVENT_PAIR_STANDBY,
		       text);
}

/* The twin's word counts: what came in here while it forwarded may have gone through it. */
static void
announce(void *arg, const struct bh_pair_mac *mac, unsigned n)
{
	struct bh_daemon *d = arg;
	struct bh_gateway_heard *here = d->twin->here;
	unsigned i, lost = 0;

	for (i = 0; i < n; i++) {
		memcpy(here[i].mac, mac[i].mac, sizeof(here[i].mac));
		here[i].vlan = mac[i].vlan;
		here[i].wire = mac[i].port;
	}
	bh_gateway_hear_of(d->gateway, here, n);
	n = bh_gateway_heard(d->gateway, here, BH_PAIR_MACS);
	for (i = 0; i < n; i++)
		lost += bh_gateway_announce(d->gateway, &here[i]) != 0;
	if (lost != 0)
		bh_log(BH_LOG_WARN, "pair: switches were not told of %u of %u ends", lost, n);
}

static unsigned
macs(void *arg, struct bh_pair_mac *out, unsigned max)
{
	struct bh_daemon *d = arg;
	struct bh_gateway_heard *tell = d->twin->tell;
	unsigned n = bh_gateway_heard(d->gateway, tell, max), i;

	for (i = 0; i < n; i++) {
		memcpy(out[i].mac, tell[i].mac, sizeof(out[i].mac));
		out[i].vlan = tell[i].vlan;
		out[i].port = tell[i].wire;
	}
	return n;
}

/* ---- flows: pair_flows.c --------------------------------------------------------------------------- */

static void
begin(void *arg)
{
	bh_pair_flows_begin(((struct bh_daemon *)arg)->twin->flows);
}

static void
end(void *arg)
{
	bh_pair_flows_end(((struct bh_daemon *)arg)->twin->flows);
}

static int
pull(void *arg, uint8_t *out, size_t room, bool *walked, struct bh_err *err)
{
	return bh_pair_flows_pull(((struct bh_daemon *)arg)->twin->flows, out, room, walked, err);
}

static void
join(void *arg)
{
	bh_pair_flows_join(((struct bh_daemon *)arg)->twin->flows);
}

static int
put(void *arg, const uint8_t *data, size_t len, struct bh_err *err)
{
	return bh_pair_flows_put(((struct bh_daemon *)arg)->twin->flows, data, len, err);
}

bool
bh_daemon_pair_flows(void *arg, struct bh_api_pair_flows *out)
{
	struct bh_daemon *d = arg;

	if (d->twin == NULL)
		return false;
	bh_pair_flows_counts(d->twin->flows, out);
	return true;
}

/* A connection that opened there since has the ends of one that is over, and is known here as that one. */
static void
doubt(struct bh_daemon *d, const struct bh_pair_status *s)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);

	if (s->role == BH_PAIR_ACTIVE || !s->peer_alive || s->peer_role != BH_PAIR_ACTIVE ||
	    s->linked) {
		d->twin->strange_ns = 0;
	} else if (d->twin->strange_ns == 0) {
		d->twin->strange_ns = now;
	} else if (now - d->twin->strange_ns > STRANGE_NS) {
		bh_gateway_forget(d->gateway);
		d->twin->strange_ns = now;
	}
}

/* ---------------------------------------------------------------------------------------------------- */

int
bh_daemon_pair_open(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_pair_params p = {.config = &d->config,
				   .secrets = d->secrets,
				   .ops = {.arg = d,
					   .forward = forward,
					   .role = role,
					   .announce = announce,
					   .macs = macs,
					   .begin = begin,
					   .end = end,
					   .pull = pull,
					   .join = join,
					   .put = put}};
	int rc;

	if (d->config.pair_listen[0] == '\0')
		return 0;
	d->twin = calloc(1, sizeof(*d->twin));
	if (d->twin == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	d->twin->here = calloc(BH_PAIR_MACS, sizeof(*d->twin->here));
	d->twin->tell = calloc(BH_PAIR_MACS, sizeof(*d->twin->tell));
	if (d->twin->here == NULL || d->twin->tell == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	rc = bh_pair_flows_open(&d->twin->flows, d, &p.ops.partial, err);
	if (p.ops.partial != NULL) {
		p.ops.join = NULL;
		p.ops.put = NULL;
	}
	return rc == 0 ? bh_pair_open(&d->twin->pair, &p, err) : rc;
}

int
bh_daemon_pair_begin(struct bh_daemon *d, struct bh_err *err)
{
	return d->twin != NULL ? bh_pair_begin(d->twin->pair, err) : 0;
}

struct bh_pair *
bh_daemon_pair(const struct bh_daemon *d)
{
	return d->twin != NULL ? d->twin->pair : NULL;
}

static bool
whole(const struct bh_daemon *d, unsigned port)
{
	return d->link[port].up && !d->link[port].forced;
}

void
bh_daemon_pair_watch(struct bh_daemon *d)
{
	struct bh_pair_status s;
	unsigned i, usable = 0;

	if (d->twin == NULL)
		return;
	for (i = 0; i < d->config.n_pairs; i++)
		usable += whole(d, d->config.pair[i].inside) && whole(d, d->config.pair[i].outside);
	bh_pair_links(d->twin->pair, usable);
	bh_pair_status(d->twin->pair, &s);
	doubt(d, &s);
	if (s.peer_alive == d->twin->alive && d->twin->known)
		return;
	/* Who is alone from the start has not lost it, but is told so all the same, once it had its time to speak. */
	if (!d->twin->known && !s.peer_alive && s.role != BH_PAIR_ACTIVE)
		return;
	if (d->twin->known || !s.peer_alive)
		bh_daemon_record(d, s.peer_alive ? BH_EVENT_TWIN_BACK : BH_EVENT_TWIN_LOST, NULL,
				 s.peer_alive ? "it stands by, or forwards"
					      : "nobody takes over if this gateway fails");
	d->twin->known = true;
	d->twin->alive = s.peer_alive;
}

bool
bh_daemon_pair_leave(struct bh_daemon *d)
{
	struct bh_pair_status before, after;

	if (bh_daemon_pair(d) == NULL)
		return false;
	bh_pair_status(d->twin->pair, &before);
	bh_pair_leave(d->twin->pair);
	bh_pair_status(d->twin->pair, &after);
	return before.ready && after.peer_alive && after.peer_role == BH_PAIR_ACTIVE;
}

void
bh_daemon_pair_close(struct bh_daemon *d)
{
	if (d->twin == NULL)
		return;
	bh_pair_close(d->twin->pair);
	bh_pair_flows_close(d->twin->flows);
	free(d->twin->here);
	free(d->twin->tell);
	free(d->twin);
	d->twin = NULL;
}
