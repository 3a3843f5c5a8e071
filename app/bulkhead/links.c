/* A link that goes down on one side of a pair is taken down on the other, so that whoever is there takes
 * another path instead of sending into a void. */
#include <stdio.h>

#include "daemon.h"

/* A physical port needs seconds to come up; a port that was just given back is not judged before. */
#define GRACE_NS (3 * BH_NS_PER_SEC)

static void
force(struct bh_daemon *d, unsigned port, bool down, const char *because)
{
	const char *name = d->config.port[port].name;
	int rc = bh_port_force_down(d->port[port], down);

	if (rc != 0)
		bh_log(BH_LOG_WARN, "port %s: cannot take its link %s: %s", name,
		       down ? "down" : "up", strerror(-rc));
	else
		bh_log(BH_LOG_INFO, "port %s: link %s, because %s", name,
		       down ? "taken down" : "given back", because);
	d->link[port].forced = down && rc == 0;
}

static void
changed(struct bh_daemon *d, unsigned port, bool up)
{
	char text[128];
	const char *name = d->config.port[port].name;

	snprintf(text, sizeof(text), "port %s: link %s", name, up ? "up" : "down");
	bh_log(up ? BH_LOG_INFO : BH_LOG_WARN, "%s", text);
	bh_daemon_record(d, up ? BH_EVENT_LINK_UP : BH_EVENT_LINK_DOWN, name, text);
	d->link[port].up = up;
	bh_gateway_wire_down(d->gateway, port, !up);
}

void
bh_links_watch(struct bh_daemon *d, uint64_t mono_ns)
{
	unsigned i;

	for (i = 0; i < d->n_ports; i++) {
		struct bh_link_watch *own = &d->link[i];
		unsigned other = d->peer_of[i];
		char why[96];
		bool up;

		if (own->forced || mono_ns < own->grace_ns)
			continue;
		up = bh_port_link(d->port[i]);
		if (up != own->up)
			changed(d, i, up);
		if (!d->config.carry_link || d->link[other].forced == !up)
			continue;
		snprintf(why, sizeof(why), "port %s is %s", d->config.port[i].name,
			 up ? "up" : "down");
		force(d, other, !up, why);
		if (up)
			d->link[other].grace_ns = mono_ns + GRACE_NS;
	}
}

void
bh_links_release(struct bh_daemon *d)
{
	unsigned i;

	for (i = 0; i < d->n_ports; i++) {
		if (d->link[i].forced)
			force(d, i, false, "the gateway ends");
	}
}
