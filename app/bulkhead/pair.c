/* pair: the other gateway on a path beside this one (lib/pair): what it may ask of this one, and what is told of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/gateway/twin.h"
#include "daemon.h"

struct bh_twin {
	struct bh_pair *pair;
	bool alive, known;             /* as it was told last */
	struct bh_gateway_heard *here; /* [BH_PAIR_MACS]; the hello's thread */
	struct bh_gateway_heard *tell; /* [BH_PAIR_MACS]; the channel's */
};

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
	if (n == 0)
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

int
bh_daemon_pair_open(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_pair_params p = {.config = &d->config,
					 .secrets = d->secrets,
					 .ops = {.arg = d,
						 .forward = forward,
						 .role = role,
						 .announce = announce,
						 .macs = macs}};

	if (d->config.pair_listen[0] == '\0')
		return 0;
	d->twin = calloc(1, sizeof(*d->twin));
	if (d->twin == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	d->twin->here = calloc(BH_PAIR_MACS, sizeof(*d->twin->here));
	d->twin->tell = calloc(BH_PAIR_MACS, sizeof(*d->twin->tell));
	if (d->twin->here == NULL || d->twin->tell == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	return bh_pair_open(&d->twin->pair, &p, err);
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

void
bh_daemon_pair_leave(struct bh_daemon *d)
{
	if (d->twin != NULL)
		bh_pair_leave(d->twin->pair);
}

void
bh_daemon_pair_close(struct bh_daemon *d)
{
	if (d->twin == NULL)
		return;
	bh_pair_close(d->twin->pair);
	free(d->twin->here);
	free(d->twin->tell);
	free(d->twin);
	d->twin = NULL;
}
