/* gateway: the judged first bytes of a packet that waits. */
#include "gateway_talk.h"

static const char policy[] =
	RIG_WEB_DB "rules:\n"
		   "  - {from: web, to: db,\n"
		   "     applications: [{redis: {commands: [ping]}}], action: allow}\n";

#define HALF "*1\r\n$4\r\nPI"
#define TCP_AND_STAMP 32

/* Its clock at ts. */
static void
sends(struct road *w, uint32_t offset, const char *text, uint32_t ts)
{
	w->t.ts[0] = ts;
	road_sends(w, offset, text);
}

/* What came out last on the server's side: this text at this offset, its checksums right. Returns its TSval. */
static uint32_t
came(const struct road *w, uint32_t offset, const char *text)
{
	const struct rig_wire *wire = &w->r.wire[RIG_INSIDE];
	const struct rig_frame *f;
	const uint8_t *tcp;
	size_t len = strlen(text);

	if (wire->n_out == 0)
		return 0;
	f = &wire->out[wire->n_out - 1];
	tcp = f->b + rig_l4(f);
	CU_ASSERT_TRUE(rig_checksums_good(f));
	CU_ASSERT_EQUAL(bh_load_be32(tcp + 4), w->start + offset);
	CU_ASSERT_EQUAL(f->len, rig_l4(f) + TCP_AND_STAMP + len);
	CU_ASSERT_EQUAL(memcmp(tcp + TCP_AND_STAMP, text, len), 0);
	return bh_load_be32(tcp + 24);
}

static void
judged_bytes_of_a_packet_that_waits_go(void)
{
	struct road w;

	road_start(&w, policy, 100);
	sends(&w, 0, PING HALF, 101);
	CU_ASSERT_EQUAL(w.r.c.held, 1);
	CU_ASSERT_EQUAL(came(&w, 0, PING), 101);
	CU_ASSERT_EQUAL(road_arrived(&w), 1);
	road_has(&w, 14);
	sends(&w, 14 + 10, "NG\r\n", 102);
	CU_ASSERT_EQUAL(w.r.c.held, 0);
	CU_ASSERT_EQUAL(w.r.c.dropped[BH_REASON_APP_DENY], 0);
	rig_stop(&w.r);
}

/* RFC 7323 5.3: the server has taken a later stamp, and refuses what is older. */
static void
a_part_is_no_older_than_what_overtook_it(void)
{
	struct road w;

	road_start(&w, policy, 100);
	sends(&w, 14, PING HALF, 101); /* behind a gap */
	CU_ASSERT_EQUAL(w.r.c.held, 1);
	sends(&w, 0, PING, 150); /* sent again */
	CU_ASSERT_EQUAL(came(&w, 0, PING), 150);
	CU_ASSERT_EQUAL(road_arrived(&w), 1);
	road_has(&w, 14);
	CU_ASSERT_EQUAL(came(&w, 14, PING), 150);
	CU_ASSERT_EQUAL(road_arrived(&w), 1);
	rig_stop(&w.r);
}

static void
a_part_goes_again_each_time_its_sender_asks(void)
{
	struct road w;
	unsigned i;

	road_start(&w, policy, 100);
	sends(&w, 0, PING HALF, 101);
	CU_ASSERT_EQUAL(road_arrived(&w), 1);
	for (i = 0; i < 8; i++) {
		sends(&w, 0, PING HALF, 200 << i);
		CU_ASSERT_EQUAL(came(&w, 0, PING), 101); /* newer than nothing that has gone */
		CU_ASSERT_EQUAL(road_arrived(&w), 1);
	}
	road_has(&w, 14);
	CU_ASSERT_EQUAL(road_arrived(&w), 0);
	rig_stop(&w.r);
}

const struct bh_unit_test bh_suite_gateway_part[] = {
	BH_TEST(judged_bytes_of_a_packet_that_waits_go),
	BH_TEST(a_part_is_no_older_than_what_overtook_it),
	BH_TEST(a_part_goes_again_each_time_its_sender_asks),
	BH_TEST_END,
};
