/* fuzz_generator: frames of strangers to the traffic generator's two ends.
 *
 * Input     frames, each behind two bytes: whose end (bit 0), what is repaired before it is handed in (bit 1: TCP's checksum,
 *           so that the fuzzer gets past it), and its length; time goes on by the first byte's high bits.
 * Asserts   beyond "no crash": no frame counts as a probe that was not built here; answers have the length of one; connections
 *           stay within their table; what is sent parses and has a right checksum; nothing is left when all time-outs are over.
 */
#include <stdlib.h>

#include "../../lib/generator/tcp.h"

#define CONNECTIONS 8
#define HZ 1e6

static struct {
	struct bh_gen_probes probes;
	struct bh_gen_book book;
	uint8_t sent[2048];
	uint16_t sent_len;
} w;

static void
insist(bool fact)
{
	if (!fact)
		abort();
}

static uint64_t
sum_of(void *arg, uint32_t off, uint32_t len)
{
	return bh_csum_add(0, (const uint8_t *)arg + off, len);
}

/* What was written into the room that was taken before is a packet. */
static void
check_sent(void)
{
	struct bh_parsed h;
	uint16_t good;

	if (w.sent_len == 0)
		return;
	insist(bh_net_parse(&w.probes.parse, BH_LINK_ETHERNET, w.sent, w.sent_len, w.sent_len, 0,
			    &h) == BH_REASON_NONE);
	insist(bh_net_l4_csum(&(struct bh_csum_view){w.sent, sum_of, w.sent}, &h, false, &good) ==
	       BH_CSUM_GOOD);
	w.sent_len = 0;
}

static uint8_t *
take(void *arg, uint16_t len)
{
	(void)arg;
	check_sent();
	insist(len <= sizeof(w.sent));
	w.sent_len = len;
	return w.sent;
}

static void
world(void)
{
	struct bh_gen_wire *wire = &w.probes.wire;

	if (wire->port != 0)
		return;
	bh_prefix_parse("10.0.0.0/24", &wire->net[0], NULL);
	bh_prefix_parse("10.0.1.0/24", &wire->net[1], NULL);
	wire->hosts[0] = wire->hosts[1] = 4;
	wire->port = 80;
	bh_parse_params_default(&w.probes.parse);
	w.probes.secret = 7;
	bh_gen_book_init(&w.book, BH_GEN_HTTP);
}

/* The right checksum, if that is all that is wrong. */
static void
repair(uint8_t *frame, uint32_t len, const struct bh_parsed *h)
{
	uint16_t good;

	if ((h->flags & BH_PKT_CUT) == 0 && h->l4_off + 18u <= len &&
	    bh_net_l4_csum(&(struct bh_csum_view){frame, sum_of, frame}, h, false, &good) ==
		    BH_CSUM_BAD)
		memcpy(frame + h->l4_off + 16, &good, sizeof(good));
}

static void
one(struct bh_gen_tcp *t, unsigned side, uint8_t *frame, uint32_t len, bool mend, uint64_t now)
{
	struct bh_gen_probe probe;
	struct bh_gen_asked asked = {0};
	uint8_t answer[BH_GEN_ASK_SIZE];
	unsigned n = bh_gen_neighbour_input(&w.probes.wire, side, frame, len, &asked, answer);
	struct bh_parsed h;

	insist(n == 0 || (n >= 60 && n <= BH_GEN_ASK_SIZE));
	/* 2^-16 of those that have a right UDP checksum, too: the fuzzer would need the secret. */
	(void)bh_gen_probe_read(&w.probes, frame, len, &probe);
	if (bh_net_parse(&w.probes.parse, BH_LINK_ETHERNET, frame, len, len, 0, &h) ==
		    BH_REASON_NONE &&
	    h.kind == BH_FRAME_IP && h.key.proto == 6) {
		if (mend)
			repair(frame, len, &h);
		bh_gen_tcp_input(t, frame, len, &h, now);
		check_sent();
		insist(bh_gen_tcp_used(t) <= CONNECTIONS);
	}
	(void)bh_gen_probe_reflect(&w.probes, frame, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_cur c = bh_cur(data, size);
	struct bh_gen_tcp *t[2];
	uint64_t now = 1000;
	uint8_t how, len;
	unsigned i;

	world();
	for (i = 0; i < 2; i++) {
		const struct bh_gen_tcp_params p = {.wire = &w.probes.wire,
						    .book = &w.book,
						    .side = i,
						    .connections = CONNECTIONS,
						    .mss = 1000,
						    .step = 1,
						    .hz = HZ,
						    .secret = 7,
						    .take = take};

		insist(bh_gen_tcp_create(&t[i], &p) == 0);
	}
	*bh_gen_tcp_load(t[0]) = (struct bh_gen_load){.active = 4, .transactions = 2, .kib = 3};
	while (bh_cur_u8(&c, &how) && bh_cur_u8(&c, &len)) {
		uint8_t frame[256];
		uint32_t n = bh_cur_left(&c) < len ? (uint32_t)bh_cur_left(&c) : len;

		memcpy(frame, bh_cur_take(&c, n), n);
		now += (uint64_t)(how >> 2) * 1000 + 1;
		one(t[how & 1], how & 1, frame, n, (how & 2) != 0, now);
		for (i = 0; i < 2; i++) {
			bh_gen_tcp_poll(t[i], now);
			check_sent();
		}
	}
	bh_gen_tcp_load(t[0])->active = 0;
	for (i = 0; i < 30; i++) {
		now += 70000000; /* the longest time-out */
		bh_gen_tcp_poll(t[0], now);
		bh_gen_tcp_poll(t[1], now);
	}
	insist(bh_gen_tcp_used(t[0]) == 0 && bh_gen_tcp_used(t[1]) == 0);
	w.sent_len = 0;
	for (i = 0; i < 2; i++)
		bh_gen_tcp_destroy(t[i]);
	return 0;
}
