/* gateway: the known stage does nothing that the other stages would not do. Two gateways get the same random traffic, the
 * same changes of labels and the same time; in one of them every packet goes through all stages. What leaves, in what
 * order, what is counted, and every flow is the same. */
#include <stdlib.h>

#include "gateway_rig.h"

#define ROUNDS 60
#define STEPS 40
#define CONNECTIONS 8

struct connection {
	const char *end[2];
	uint8_t proto;
	uint16_t port[2];
	uint16_t vlan;
};

/* [0] has the known stage, [1] has not. */
struct pair {
	struct rig r[2];
	struct connection c[CONNECTIONS];
	unsigned known; /* packets of [0] that ended in the known stage, at least */
};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static struct bh_worker *
worker(struct rig *r)
{
	return bh_gateway_worker(r->g, 0);
}

/* Few addresses and ports: those of the rig's policy, allowed, rejected and denied. */
static void
make_connection(struct connection *c)
{
	static const char *const client[] = {"10.1.0.1", "10.1.0.2", "10.9.0.1"};
	static const uint16_t port[] = {6379, 6379, 6379, 6380, 7000, 4789};
	bool v6 = rnd(4) == 0;

	*c = (struct connection){
		.end = {v6 ? "2001:db8:1::1" : client[rnd(8) < 6 ? 0 : 1 + rnd(2)],
			v6 ? "2001:db8:2::1" : "10.2.0.1"},
		.proto = rnd(3) == 0 ? 17 : 6,
		.port = {(uint16_t)(40000 + rnd(4)), port[rnd(6)]},
		.vlan = rnd(4) == 0 ? 7 : 0,
	};
}

static uint8_t
random_flags(void)
{
	static const uint8_t rare[] = {BH_TCP_SYN,
				       BH_TCP_SYN | BH_TCP_ACK,
				       BH_TCP_FIN | BH_TCP_ACK,
				       BH_TCP_FIN | BH_TCP_ACK,
				       BH_TCP_RST,
				       BH_TCP_RST | BH_TCP_ACK,
				       BH_TCP_ACK | BH_TCP_URG,
				       BH_TCP_SYN | BH_TCP_FIN,
				       0};

	if (rnd(8) == 0)
		return rare[rnd(BH_ARRAY_SIZE(rare))];
	return rnd(2) ? BH_TCP_ACK : BH_TCP_ACK | BH_TCP_PSH;
}

static void
put_both(struct pair *p, unsigned wire, const struct rig_frame *f, unsigned split)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (split != 0)
			rig_put_split(&p->r[i], wire, f, split);
		else
			rig_put(&p->r[i], wire, f);
	}
}

/* Mostly plain packets of a few connections, both ways and on either wire. */
static void
put_packet(struct pair *p, unsigned wire)
{
	const struct connection *c = &p->c[rnd(CONNECTIONS)];
	unsigned from = rnd(2), i;
	struct rig_packet k = {
		.src = c->end[from],
		.dst = c->end[1 - from],
		.proto = c->proto,
		.sport = c->port[from],
		.dport = c->port[1 - from],
		.tcp_flags = random_flags(),
		.seq = 1000,
		.ack = 1000,
		.payload = (uint16_t)(rnd(20) == 0  ? 1400 + rnd(200)
				      : rnd(3) == 0 ? 0
						    : rnd(60)),
		.seed = (uint8_t)(128 + rnd(100)),
		.vlan = c->vlan,
	};
	struct rig_frame f, piece[2];

	if (rnd(60) == 0)
		k.proto = c->end[0][0] == '1' ? 1 : 58;
	if (k.proto == 1)
		k.icmp_type = 8;
	else if (k.proto == 58)
		k.icmp_type = 128;
	rig_build(&f, &k);
	if (k.vlan == 0 && k.payload >= 16 && rnd(60) == 0) {
		rig_fragment(&f, piece, 2);
		for (i = 0; i < 2; i++)
			put_both(p, wire, &piece[i], 0);
		return;
	}
	/* Whether a SYN opens its connection anew is asked by the other stages before any packet of its burst moves the
	 * old one's state, by this one in the order in which they came: it comes first. */
	for (i = 0; i < 2 && bh_tcp_opens(k.tcp_flags); i++)
		rig_run(&p->r[i]);
	if (rnd(60) == 0)
		f.b[14 + rnd(20)] ^= (uint8_t)(1 + rnd(255));
	put_both(p, wire, &f, rnd(60) == 0 ? 40 : 0);
}

/* A connection that was opened the usual way and has said enough. */
static void
open_connection(struct pair *p, const struct connection *c)
{
	static const uint8_t hello[] = {BH_TCP_SYN, BH_TCP_SYN | BH_TCP_ACK, BH_TCP_ACK};
	unsigned n;

	for (n = 0; n < 24; n++) {
		unsigned from = n & 1;
		const struct rig_packet k = {
			.src = c->end[from],
			.dst = c->end[1 - from],
			.proto = c->proto,
			.sport = c->port[from],
			.dport = c->port[1 - from],
			.tcp_flags = n < 3 ? hello[n] : BH_TCP_ACK,
			.seq = 1000,
			.ack = 1000,
			.payload = n < 3 && c->proto == 6 ? 0 : 40,
			.seed = 200,
			.vlan = c->vlan,
		};
		struct rig_frame f;

		rig_build(&f, &k);
		put_both(p, from == 0 ? RIG_OUTSIDE : RIG_INSIDE, &f, 0);
		rig_run(&p->r[0]);
		rig_run(&p->r[1]);
	}
}

static void
compare_flows(struct pair *p)
{
	struct bh_flow_table *t[2] = {worker(&p->r[0])->flows, worker(&p->r[1])->flows};
	const struct bh_flow *f, *g;
	uint32_t cursor = 0;

	CU_ASSERT_EQUAL(bh_flow_count(t[0]), bh_flow_count(t[1]));
	while ((f = bh_flow_next(t[0], &cursor, UINT32_MAX)) != NULL) {
		g = bh_flow_lookup(t[1], &f->key, bh_flow_hash(t[1], &f->key));
		CU_ASSERT_PTR_NOT_NULL_FATAL(g);
		CU_ASSERT_EQUAL(f->state, g->state);
		CU_ASSERT_EQUAL(f->flags, g->flags);
		CU_ASSERT_EQUAL(f->verdict, g->verdict);
		CU_ASSERT_EQUAL(f->last_ms, g->last_ms);
		CU_ASSERT_EQUAL(f->start_ns, g->start_ns);
		CU_ASSERT_EQUAL(memcmp(f->bytes, g->bytes, sizeof(f->bytes)), 0);
		CU_ASSERT_EQUAL(memcmp(f->packets, g->packets, sizeof(f->packets)), 0);
		CU_ASSERT_EQUAL(memcmp(f->tcp_seen, g->tcp_seen, sizeof(f->tcp_seen)), 0);
	}
}

static void
compare(struct pair *p)
{
	struct bh_wire_counters wire[2];
	unsigned i, k;

	CU_ASSERT_EQUAL_FATAL(memcmp(&p->r[0].c, &p->r[1].c, sizeof(p->r[0].c)), 0);
	for (i = 0; i < RIG_WIRES; i++) {
		const struct rig_wire *a = &p->r[0].wire[i], *b = &p->r[1].wire[i];

		bh_gateway_wire_counters(p->r[0].g, i, &wire[0]);
		bh_gateway_wire_counters(p->r[1].g, i, &wire[1]);
		CU_ASSERT_EQUAL(memcmp(&wire[0], &wire[1], sizeof(wire[0])), 0);
		CU_ASSERT_EQUAL_FATAL(a->n_out, b->n_out);
		for (k = 0; k < a->n_out; k++)
			CU_ASSERT_TRUE(rig_same(&a->out[k], &b->out[k]));
	}
	CU_ASSERT_EQUAL(p->r[0].n_events, p->r[1].n_events);
	compare_flows(p);
	for (i = 0; i < 2; i++)
		rig_clear(&p->r[i]);
}

static void
relabel(struct pair *p)
{
	static const char *const app[] = {"web", "batch", "redis", NULL};
	const char *who = rnd(2) ? "10.1.0.1" : "10.2.0.1", *what = app[rnd(4)];

	rig_label(&p->r[0], who, "other");
	rig_label(&p->r[1], who, "other");
	rig_label(&p->r[0], who, what);
	rig_label(&p->r[1], who, what);
	/* Mostly the old one again: its flows are judged anew and go on. */
	if (rnd(4) != 0) {
		what = who[3] == '1' ? "web" : "redis";
		rig_label(&p->r[0], who, what);
		rig_label(&p->r[1], who, what);
	}
}

static void
step(struct pair *p)
{
	static const uint64_t pause[] = {1, 20, 700, 11000, 31000, 130000};
	struct bh_worker *w = worker(&p->r[0]);
	unsigned i, n = 1 + rnd(80), wire = rnd(2);
	uint64_t ms = rnd(4) == 0 ? pause[rnd(6)] : 0;

	if (rnd(12) == 0)
		relabel(p);
	for (i = 0; i < n; i++)
		put_packet(p, wire);
	for (i = 0; i < 2; i++) {
		rig_wait(&p->r[i], ms);
		rig_run(&p->r[i]);
	}
	/* What the last full burst left for the other stages. */
	p->known += w->burst.n < 16;
	compare(p);
}

static void
both_ways_do_the_same(void)
{
	static struct pair p;
	unsigned round, i, known = 0;

	srand(7);
	for (round = 0; round < ROUNDS; round++) {
		memset(&p, 0, sizeof(p));
		rig_start(&p.r[0], NULL);
		rig_start(&p.r[1], NULL);
		worker(&p.r[1])->examines = true;
		for (i = 0; i < CONNECTIONS; i++) {
			make_connection(&p.c[i]);
			open_connection(&p, &p.c[i]);
		}
		compare(&p);
		for (i = 0; i < STEPS; i++)
			step(&p);
		known += p.known;
		rig_stop(&p.r[0]);
		rig_stop(&p.r[1]);
	}
	CU_ASSERT_TRUE(known > ROUNDS);
}

/* And it is not idle: of a known flow's packets none is left for the others. */
static void
plain_packets_of_known_flows_end_in_it(void)
{
	static const uint8_t proto[] = {6, 17};
	static struct pair p;
	unsigned i, n, wire;

	for (i = 0; i < 2; i++) {
		struct connection c = {{"10.1.0.1", "10.2.0.1"}, proto[i], {40000, 6379}, 0};
		struct rig_packet k = {.src = c.end[0],
				       .dst = c.end[1],
				       .proto = c.proto,
				       .sport = c.port[0],
				       .dport = c.port[1],
				       .tcp_flags = BH_TCP_ACK,
				       .payload = 100};
		struct rig_frame f;

		memset(&p, 0, sizeof(p));
		rig_start(&p.r[0], NULL);
		rig_start(&p.r[1], NULL);
		open_connection(&p, &c);
		for (wire = 0; wire < 2; wire++) {
			rig_build(&f, &k);
			for (n = 0; n < BH_BURST; n++)
				rig_put(&p.r[0], wire, &f);
			worker(&p.r[0])->burst.n = 99;
			rig_run(&p.r[0]);
			CU_ASSERT_EQUAL(worker(&p.r[0])->burst.n, 0);
		}
		k.dport = 6380;
		rig_build(&f, &k);
		rig_put(&p.r[0], 0, &f);
		rig_run(&p.r[0]);
		CU_ASSERT_EQUAL(worker(&p.r[0])->burst.n, 1);
		rig_stop(&p.r[0]);
		rig_stop(&p.r[1]);
	}
}

const struct bh_unit_test bh_suite_gateway_known[] = {
	BH_TEST(both_ways_do_the_same),
	BH_TEST(plain_packets_of_known_flows_end_in_it),
	BH_TEST_END,
};
