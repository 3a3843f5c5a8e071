/* threat_rig: what tests of threats share: a policy of many clients, alerts by name, floods. */
#ifndef BH_THREAT_RIG_H
#define BH_THREAT_RIG_H

#include <stdio.h>

#include "gateway_rig.h"

#define SERVER "10.2.0.1"
#define SERVER2 "10.2.0.2"

/* Clients are 10.1.0.0/16, of whom 10.1.9.0/24 are testers; servers 10.2.0.0/24. */
static const char threat_policy[] =
	"version: 1\n"
	"segments:\n"
	"  clients: {addresses: [10.1.0.0/16, '2001:db8:1::/64']}\n"
	"  testers: {addresses: [10.1.9.0/24]}\n"
	"  servers: {addresses: [10.2.0.0/24, '2001:db8:2::/64']}\n"
	"rules:\n"
	"  - {id: in, from: clients, to: servers, ports: [tcp/80-90, udp/53, icmp, icmpv6], "
	"action: "
	"allow}\n"
	"  - {id: test, from: testers, to: servers, ports: [tcp/80-90, udp/53, icmp, icmpv6], "
	"action: "
	"allow}\n"
	"  - {id: out, from: servers, to: external, ports: [tcp/443], action: allow}\n";

static inline void
threat_start(struct rig *r, void (*tune)(struct bh_config *c, struct bh_gateway_params *p),
	     enum bh_mode mode)
{
	const struct rig_options o = {.mode = mode, .policy = threat_policy, .tune = tune};

	rig_start(r, &o);
}

static inline bool
threat_is(const struct bh_event *e, const char *sensor)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field == BH_EVENT_SENSOR_KEY)
			return len == strlen(sensor) && memcmp(at, sensor, len) == 0;
	}
	return false;
}

/* The last alert of this sensor; NULL: there is none. *n: how many. */
static inline const struct bh_event *
threat_find(const struct rig *r, const char *sensor, unsigned *n)
{
	const struct bh_event *e, *found = NULL;

	*n = 0;
	for (e = r->event; e < r->event + r->n_events; e = bh_event_after(e)) {
		if (e->type != BH_EVENT_THREAT || !threat_is(e, sensor))
			continue;
		found = e;
		(*n)++;
	}
	return found;
}

static inline unsigned
threat_alerts(const struct rig *r, const char *sensor)
{
	unsigned n;

	threat_find(r, sensor, &n);
	return n;
}

/* Of all threats. */
static inline unsigned
threat_total(const struct rig *r)
{
	unsigned i, n = 0;

	for (i = 0; i < BH_THREAT_COUNT; i++)
		n += (unsigned)r->c.threats[i];
	return n;
}

static inline const char *
client_name(unsigned i, char name[32])
{
	snprintf(name, 32, "10.1.%u.%u", i / 200, 1 + i % 200);
	return name;
}

static inline void
tcp_frame(struct rig_frame *f, const char *src, const char *dst, uint16_t ports[2], uint8_t flags)
{
	rig_build(f, &(struct rig_packet){.src = src,
					  .dst = dst,
					  .proto = 6,
					  .sport = ports[0],
					  .dport = ports[1],
					  .tcp_flags = flags,
					  .seq = 1000,
					  .ack = flags & BH_TCP_ACK ? 5000 : 0});
}

/* A SYN of client i to a server's port 80. */
static inline void
syn_of(struct rig_frame *f, unsigned i, const char *server)
{
	char name[32];

	tcp_frame(f, client_name(i, name), server, (uint16_t[2]){(uint16_t)(2000 + i), 80},
		  BH_TCP_SYN);
}

/* Clients [from, to) send a SYN each and nothing else. */
static inline void
flood(struct rig *r, unsigned from, unsigned to, const char *server)
{
	struct rig_frame f;
	unsigned i;

	for (i = from; i < to; i++) {
		syn_of(&f, i, server);
		rig_put(r, RIG_OUTSIDE, &f);
		if (i % 32 == 31)
			rig_run(r);
	}
	rig_run(r);
}

/* A whole handshake. */
static inline bool
connects(struct rig *r, const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	struct rig_frame f;
	bool ok;

	tcp_frame(&f, src, dst, (uint16_t[2]){sport, dport}, BH_TCP_SYN);
	ok = rig_passes(r, RIG_OUTSIDE, &f);
	tcp_frame(&f, dst, src, (uint16_t[2]){dport, sport}, BH_TCP_SYN | BH_TCP_ACK);
	ok = ok && rig_passes(r, RIG_INSIDE, &f);
	tcp_frame(&f, src, dst, (uint16_t[2]){sport, dport}, BH_TCP_ACK);
	return ok && rig_passes(r, RIG_OUTSIDE, &f);
}

#endif
