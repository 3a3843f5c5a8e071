/* evidence: the ring of the latest packets, against a plain model, and under readers that it does not wait for. */
#include <pthread.h>
#include <stdlib.h>

#include "../../lib/evidence/evidence.h"
#include "unit.h"

#define SNAP 512u

/* Bytes that follow from a packet's number, and say it in each: a mix of two packets can't pass for one. */
static void
fill(uint8_t *to, uint32_t len, uint64_t number)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		to[i] = (uint8_t)(number * 31 + i * 7 + (number >> (i % 24)));
}

static uint32_t
length_of(uint64_t number)
{
	return (uint32_t)(number * 2654435761u >> 7) % (SNAP + 200);
}

static void
put(struct bh_evidence_ring *r, uint64_t number)
{
	uint8_t data[SNAP + 200];
	uint32_t len = length_of(number), cut = len / 3;
	const struct bh_evidence_packet p = {.time_ns = number * 3,
					     .flow = number ^ 0x55,
					     .pair = number + 9,
					     .wirelen = len,
					     .wire = (uint8_t)(number & 7)};
	const struct bh_evidence_piece piece[2] = {{data, number % 2 == 0 ? len : cut},
						   {data + cut, len - cut}};

	fill(data, len, number);
	bh_evidence_put(r, &p, piece, number % 2 == 0 ? 1 : 2);
}

/* Is what was read the packet of this number, whole? */
static bool
is_packet(const struct bh_evidence_packet *p, const uint8_t *data, uint64_t number)
{
	uint8_t want[SNAP + 200];
	uint32_t len = length_of(number), kept = len < SNAP ? len : SNAP;

	fill(want, len, number);
	return p->time_ns == number * 3 && p->flow == (number ^ 0x55) && p->pair == number + 9 &&
	       p->wirelen == len && p->caplen == kept && p->wire == (number & 7) &&
	       memcmp(data, want, kept) == 0;
}

static void
the_latest_packets_are_there_and_whole(void)
{
	struct bh_evidence_ring *r;
	struct bh_evidence_packet p;
	uint8_t data[SNAP];
	uint64_t n, k, bytes, found = 0;

	CU_ASSERT_EQUAL_FATAL(bh_evidence_ring_create(&r, BH_EVIDENCE_RING_MIN, SNAP), 0);
	for (n = 0; n < 20000; n++) {
		put(r, n);
		CU_ASSERT_EQUAL(bh_evidence_head(r), n + 1);
		if (n % 997 != 0)
			continue;
		/* All that fit by bytes and by slots, and nothing that is older. */
		for (k = n + 1, bytes = 0; k-- > bh_evidence_tail(r);) {
			uint32_t kept = length_of(k) < SNAP ? length_of(k) : SNAP;

			bytes += (kept + 7) & ~UINT64_C(7);
			if (!bh_evidence_get(r, k, &p, data)) {
				/* At the wrap less than one packet stays empty. */
				CU_ASSERT(bytes > BH_EVIDENCE_RING_MIN - SNAP - 8);
				break;
			}
			CU_ASSERT(is_packet(&p, data, k));
			found++;
		}
		CU_ASSERT(n < 4000 || found > 1000);
		found = 0;
	}
	CU_ASSERT_FALSE(bh_evidence_get(r, 0, &p, data));
	CU_ASSERT_FALSE(bh_evidence_get(r, n, &p, data));
	bh_evidence_ring_destroy(r);
}

static void
a_fate_reaches_its_own_packet_alone(void)
{
	struct bh_evidence_ring *r;
	struct bh_evidence_packet p;
	uint64_t n, slots = BH_EVIDENCE_RING_MIN / 512;

	CU_ASSERT_EQUAL_FATAL(bh_evidence_ring_create(&r, BH_EVIDENCE_RING_MIN, SNAP), 0);
	for (n = 0; n < 3; n++)
		put(r, n);
	bh_evidence_settle(r, 1, BH_EVIDENCE_DROPPED, BH_REASON_APP_DENY);
	CU_ASSERT(bh_evidence_get(r, 0, &p, NULL) && p.fate == BH_EVIDENCE_WAITS);
	CU_ASSERT(bh_evidence_get(r, 1, &p, NULL) && p.fate == BH_EVIDENCE_DROPPED);
	CU_ASSERT_EQUAL(p.reason, BH_REASON_APP_DENY);
	/* Its slot is another packet's by now: what comes late for the first is not for that. */
	for (; n < slots + 2; n++)
		put(r, n);
	bh_evidence_settle(r, 1, BH_EVIDENCE_PASSED, BH_REASON_RULE_ALLOW);
	CU_ASSERT(bh_evidence_get(r, slots + 1, &p, NULL) && p.fate == BH_EVIDENCE_WAITS);
	bh_evidence_ring_destroy(r);
}

static void
sizes_that_are_no_power_of_two_are_refused(void)
{
	struct bh_evidence_ring *r;

	CU_ASSERT_EQUAL(bh_evidence_ring_create(&r, 3 << 20, SNAP), -22);
	CU_ASSERT_EQUAL(bh_evidence_ring_create(&r, 1 << 19, SNAP), -22);
	CU_ASSERT_EQUAL(bh_evidence_ring_create(&r, 1 << 20, 63), -22);
	CU_ASSERT_EQUAL(bh_evidence_ring_create(&r, 1 << 20, 16385), -22);
}

/* ---- one writer, two readers ------------------------------------------------------------------------ */

struct race {
	struct bh_evidence_ring *ring;
	bool stop;
	uint64_t whole, torn, wrong;
};

static void *
read_on(void *arg)
{
	struct race *race = arg;
	struct bh_evidence_packet p;
	uint8_t data[SNAP];
	uint64_t at = 0, head;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		head = bh_evidence_head(race->ring);
		at = bh_evidence_tail(race->ring);
		/* The oldest first: they are overwritten while they are read. */
		for (; at < head; at++) {
			if (!bh_evidence_get(race->ring, at, &p, data))
				__atomic_fetch_add(&race->torn, 1, __ATOMIC_RELAXED);
			else if (is_packet(&p, data, at))
				__atomic_fetch_add(&race->whole, 1, __ATOMIC_RELAXED);
			else
				race->wrong++;
		}
	}
	return NULL;
}

static void
readers_never_see_half_a_packet(void)
{
	struct bh_evidence_ring *r;
	struct race race[2];
	pthread_t reader[2];
	uint64_t n = 0, whole = 0, torn = 0;
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_evidence_ring_create(&r, BH_EVIDENCE_RING_MIN, SNAP), 0);
	for (i = 0; i < 2; i++) {
		race[i] = (struct race){.ring = r};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&reader[i], NULL, read_on, &race[i]), 0);
	}
	/* At least so many packets, and until both readers have met both cases. */
	while (n < 400000 ||
	       (n < 40000000 && (__atomic_load_n(&race[0].torn, __ATOMIC_RELAXED) == 0 ||
				 __atomic_load_n(&race[1].whole, __ATOMIC_RELAXED) == 0)))
		put(r, n++);
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&race[i].stop, true, __ATOMIC_RELEASE);
		pthread_join(reader[i], NULL);
		CU_ASSERT_EQUAL(race[i].wrong, 0);
		whole += race[i].whole;
		torn += race[i].torn;
	}
	CU_ASSERT(whole > 0);
	CU_ASSERT(torn > 0);
	bh_evidence_ring_destroy(r);
}

const struct bh_unit_test bh_suite_evidence_ring[] = {
	BH_TEST(the_latest_packets_are_there_and_whole),
	BH_TEST(a_fate_reaches_its_own_packet_alone),
	BH_TEST(sizes_that_are_no_power_of_two_are_refused),
	BH_TEST(readers_never_see_half_a_packet),
	BH_TEST_END,
};
