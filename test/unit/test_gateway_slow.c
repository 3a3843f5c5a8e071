/* gateway: addresses that change their owner, silent clients, small windows, even steps. */
#include "threat_rig.h"

#define CLIENT "10.1.0.1"

static void
slow_on(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->threat[BH_THREAT_NO_CLIENT_DATA].on = true;
	c->threat[BH_THREAT_NO_CLIENT_DATA].threshold = 3;
	c->threat[BH_THREAT_NO_CLIENT_DATA].action = BH_THREAT_DROP;
	c->threat[BH_THREAT_BEACON].on = true;
	c->threat[BH_THREAT_ADDRESS_SPOOF].action = BH_THREAT_DROP;
}

static void
window_on(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->threat[BH_THREAT_SMALL_WINDOW].on = true;
	c->threat[BH_THREAT_SMALL_WINDOW].action = BH_THREAT_DROP;
}

static void
arp(struct rig_frame *f, uint8_t mac, const uint8_t ip[4])
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
				       0,    8,    6,    0,    1,    8,    0, 6, 4, 0, 2};

	memset(f->b, 0, sizeof(f->b));
	memcpy(f->b, head, sizeof(head));
	f->b[11] = mac;
	f->b[22] = 2;
	f->b[27] = mac;
	memcpy(f->b + 28, ip, 4);
	f->len = 60;
}

/* A neighbour advertisement of 2001:db8:2::`last` with its option 2. */
static void
advert(struct rig_frame *f, uint8_t mac, uint8_t last)
{
	uint8_t body[20 + 8 - 4] = {0x20, 0x01, 0x0d, 0xb8, 0, 2};

	body[15] = last;
	body[16] = 2;
	body[17] = 1;
	body[18] = 2;
	body[23] = mac;
	rig_build(f, &(struct rig_packet){.src = "2001:db8:2::1",
					  .dst = "2001:db8:1::1",
					  .proto = 58,
					  .icmp_type = 136,
					  .payload = sizeof(body),
					  .text = (const char *)body});
}

static void
another_mac_for_an_endpoint_is_told(void)
{
	static const uint8_t server[] = {10, 2, 0, 1}, other[] = {10, 2, 0, 2},
			     nobody[] = {192, 0, 2, 1};
	struct rig_frame f;
	struct rig r;

	threat_start(&r, slow_on, BH_MODE_PROTECT);
	arp(&f, 1, server);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	arp(&f, 2, other);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	arp(&f, 1, nobody);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	arp(&f, 2, nobody);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	arp(&f, 9, server);
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.address_spoof"), 1);
	/* Not heard of for the window, it may have a new owner. */
	rig_wait(&r, 300000);
	CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

static void
another_mac_for_an_ipv6_endpoint_is_told(void)
{
	struct rig_frame f;
	struct rig r;

	threat_start(&r, slow_on, BH_MODE_PROTECT);
	advert(&f, 1, 1);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	advert(&f, 2, 2);
	CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	advert(&f, 9, 1);
	CU_ASSERT(rig_drops(&r, RIG_INSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.address_spoof"), 1);
	rig_stop(&r);
}

static void
clients_that_say_nothing_are_dropped(void)
{
	struct rig_frame f;
	struct rig r;
	uint16_t i;

	threat_start(&r, slow_on, BH_MODE_PROTECT);
	/* Two that talk and two that do not: no threat. */
	for (i = 0; i < 4; i++)
		CU_ASSERT(connects(&r, CLIENT, SERVER, (uint16_t)(3000 + i), 80));
	for (i = 0; i < 2; i++) {
		rig_build(&f, &(struct rig_packet){.src = CLIENT,
						   .dst = SERVER,
						   .proto = 6,
						   .sport = (uint16_t)(3000 + i),
						   .dport = 80,
						   .tcp_flags = BH_TCP_ACK | BH_TCP_PSH,
						   .seq = 1001,
						   .ack = 5001,
						   .payload = 10});
		CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
	}
	for (i = 0; i < 60; i++) {
		rig_wait(&r, 1000);
		rig_run(&r);
	}
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	CU_ASSERT(connects(&r, CLIENT, SERVER, 3010, 80));
	for (i = 0; i < 60; i++) {
		rig_wait(&r, 1000);
		rig_run(&r);
	}
	CU_ASSERT(threat_alerts(&r, "threat.no_client_data") >= 1);
	CU_ASSERT(r.c.threats[BH_THREAT_NO_CLIENT_DATA] >= 1);
	rig_stop(&r);
}

static void
window_frame(struct rig_frame *f, uint16_t window)
{
	uint8_t *tcp;
	uint32_t sum;

	tcp_frame(f, CLIENT, SERVER, (uint16_t[2]){3000, 80}, BH_TCP_ACK);
	tcp = f->b + rig_l4(f);
	sum = (uint32_t)(uint16_t)~bh_load_be16(tcp + 16) + (uint16_t)~bh_load_be16(tcp + 14) +
	      window;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	tcp[14] = (uint8_t)(window >> 8);
	tcp[15] = (uint8_t)window;
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

static void
window_that_stays_small_is_dropped(void)
{
	struct rig_frame f, large;
	struct rig r;
	unsigned i;

	threat_start(&r, window_on, BH_MODE_PROTECT);
	CU_ASSERT(connects(&r, CLIENT, SERVER, 3000, 80));
	window_frame(&f, 10);
	window_frame(&large, 1000);
	for (i = 0; i < 20; i++) {
		CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, i % 5 == 4 ? &large : &f));
		rig_wait(&r, 1000);
	}
	CU_ASSERT_EQUAL(threat_total(&r), 0);
	for (i = 0; i < 8; i++) {
		CU_ASSERT(rig_passes(&r, RIG_OUTSIDE, &f));
		rig_wait(&r, 1000);
	}
	CU_ASSERT(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_THREAT));
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.small_window"), 1);
	rig_stop(&r);
}

static void
even_steps_to_an_external_service_are_a_beacon(void)
{
	struct rig_frame f;
	struct rig r;
	unsigned i;

	threat_start(&r, slow_on, BH_MODE_PROTECT);
	/* In steps that are not even. */
	for (i = 0; i < 30; i++) {
		tcp_frame(&f, SERVER2, "203.0.113.9", (uint16_t[2]){(uint16_t)(3000 + i), 443},
			  BH_TCP_SYN);
		CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
		rig_wait(&r, 20000 + i * 7919 % 40000);
	}
	CU_ASSERT_EQUAL(r.c.threats[BH_THREAT_BEACON], 0);
	for (i = 0; i < 12; i++) {
		CU_ASSERT_EQUAL(r.c.threats[BH_THREAT_BEACON], 0);
		tcp_frame(&f, SERVER, "203.0.113.9", (uint16_t[2]){(uint16_t)(3000 + i), 443},
			  BH_TCP_SYN);
		CU_ASSERT(rig_passes(&r, RIG_INSIDE, &f));
		rig_wait(&r, 60000 + i * 7 % 500);
	}
	CU_ASSERT_EQUAL(threat_alerts(&r, "threat.beacon"), 1);
	rig_stop(&r);
}

const struct bh_unit_test bh_suite_gateway_slow[] = {
	BH_TEST(another_mac_for_an_endpoint_is_told),
	BH_TEST(another_mac_for_an_ipv6_endpoint_is_told),
	BH_TEST(clients_that_say_nothing_are_dropped),
	BH_TEST(window_that_stays_small_is_dropped),
	BH_TEST(even_steps_to_an_external_service_are_a_beacon),
	BH_TEST_END};
