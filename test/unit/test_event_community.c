/* Community ID: flows of the published specification and of our own, computed beside us by hashlib. */
#include <arpa/inet.h>

#include "../../lib/event/event.h"
#include "unit.h"

struct vector {
	const char *src, *dst;
	uint16_t sport, dport; /* ICMP: type, code */
	uint8_t proto;
	const char *id;
};

static const struct vector vectors[] = {
	{"128.232.110.120", "66.35.250.204", 34855, 80, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{"66.35.250.204", "128.232.110.120", 80, 34855, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{"192.168.1.52", "8.8.8.8", 54585, 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{"192.168.0.89", "192.168.0.1", 8, 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{"192.168.0.1", "192.168.0.89", 0, 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{"192.168.0.89", "192.168.0.1", 3, 3, 1, "1:dPRpNwuTNOTQEtM23HPAdlCnrwc="},
	{"fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, 58,
	 "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{"fe80::1", "fe80::2", 1, 4, 58, "1:PQpOWBr5/ICePGOnTMaFJZeK2us="},
	{"192.168.170.8", "192.168.170.56", 7, 80, 132, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
	{"2001:db8::2", "2001:db8::1", 443, 51000, 6, "1:TZebe/ybIXr8J9lX26/lqPRYGuk="},
	{"2001:db8::1", "2001:db8::2", 5353, 53, 17, "1:sEzqFsMvqwEs2PgSeOAwGpzkZJo="},
	{"10.1.24.4", "10.1.0.10", 0, 0, 47, "1:CYmtDBm1y95yTQTgWrBmRBYv15w="},
};

/* The ends of the key are tried both ways round: only the initiator says who is the source. */
static void
fill(struct bh_event *e, const struct vector *v, unsigned initiator)
{
	bool six = strchr(v->src, ':') != NULL, icmp = v->proto == 1 || v->proto == 58;
	unsigned peer = initiator ^ 1;

	*e = (struct bh_event){.initiator = (uint8_t)initiator};
	e->key.family = six ? BH_IP6 : BH_IP4;
	e->key.proto = v->proto;
	inet_pton(six ? AF_INET6 : AF_INET, v->src, &e->key.addr[initiator]);
	inet_pton(six ? AF_INET6 : AF_INET, v->dst, &e->key.addr[peer]);
	if (icmp) {
		e->service = (uint16_t)(v->sport << 8 | v->dport);
		e->key.port[0] = e->key.port[1] = 77; /* the echo's id, which does not count */
	} else {
		e->key.port[initiator] = v->sport;
		e->key.port[peer] = v->dport;
	}
}

static void
ids_are_those_that_others_compute(void)
{
	char id[BH_COMMUNITY_ID_LEN];
	struct bh_event e;
	unsigned initiator;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(vectors); i++) {
		for (initiator = 0; initiator < 2; initiator++) {
			fill(&e, &vectors[i], initiator);
			CU_ASSERT_TRUE_FATAL(bh_event_community_id(&e, id));
			CU_ASSERT_STRING_EQUAL(id, vectors[i].id);
		}
	}
}

static void
fragments_and_frames_without_addresses_have_none(void)
{
	char id[BH_COMMUNITY_ID_LEN];
	struct bh_event e;

	fill(&e, &vectors[0], 0);
	e.frame_kind = BH_FRAME_FRAGMENT;
	CU_ASSERT_FALSE(bh_event_community_id(&e, id));
	fill(&e, &vectors[0], 0);
	e.key.family = 0;
	CU_ASSERT_FALSE(bh_event_community_id(&e, id));
}

static void
it_stands_in_the_record(void)
{
	struct bh_buf out = {0};
	struct bh_event e;

	fill(&e, &vectors[0], 1);
	e.type = BH_EVENT_FLOW;
	bh_eve_format(&out, &e, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out.data);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out.data, "\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\""));
	bh_buf_free(&out);
}

const struct bh_unit_test bh_suite_event_community[] = {
	BH_TEST(ids_are_those_that_others_compute),
	BH_TEST(fragments_and_frames_without_addresses_have_none),
	BH_TEST(it_stands_in_the_record),
	BH_TEST_END,
};
