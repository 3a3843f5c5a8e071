/* handover: what is written is what is read, in the listener's numbers; what does not fit or was changed is refused. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/handover/handover_priv.h"
#include "unit.h"

static const char *const pairs[] = {"dmz", "inner", "outer"};
static const struct bh_handover_self self = {.pair = pairs, .n_pairs = 3};
static uint64_t seed;

static uint64_t
rnd(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % below;
}

/* Blocks are 8-aligned. */
static union {
	uint8_t b[BH_HANDOVER_MAX];
	struct bh_handover_block head;
} block, copy;

static struct bh_flow_record
random_record(void)
{
	struct bh_flow_record f;
	uint8_t *byte = (uint8_t *)&f;
	bool refused;
	size_t i;

	for (i = 0; i < sizeof(f); i++)
		byte[i] = (uint8_t)rnd(256);
	f.key.family = rnd(2) ? BH_IP4 : BH_IP6;
	for (i = 0; i < 2 && f.key.family == BH_IP4; i++)
		f.key.addr[i].w[1] = f.key.addr[i].w[2] = f.key.addr[i].w[3] = 0;
	f.key.proto = rnd(2) ? 6 : 17;
	f.key.pair = (uint8_t)rnd(3);
	f.key.tunnel = (uint8_t)rnd(BH_TUNNEL_IPIP + 1);
	f.state = (uint8_t)(f.key.proto == 6 ? BH_STATE_SYN_SENT + rnd(6) : rnd(2));
	f.kind = (uint8_t)(BH_CARRY_PLAIN + rnd(4));
	refused = f.kind == BH_CARRY_REFUSED;
	f.verdict = (uint8_t)(refused ? BH_VERDICT_DENY + rnd(2) : BH_VERDICT_ALLOW + rnd(2));
	f.reason = (uint8_t)rnd(BH_REASON_COUNT);
	f.app = (uint8_t)rnd(BH_APP_COUNT);
	f.flags &= (uint8_t) ~(BH_FLAG_USED | BH_FLAG_EMBRYO);
	return f;
}

static size_t
put_random(uint32_t n, uint64_t number)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		bh_handover_records(&block.head)[i] = random_record();
	return bh_handover_seal(&block.head, BH_HANDOVER_FLOWS, n, number);
}

static void
open_reader(struct bh_handover_reader *r)
{
	struct bh_flow_record *f;
	struct bh_err err = {0};
	size_t len;
	uint32_t n;

	bh_handover_reader_init(r, &self);
	len = bh_handover_put_head(&self, block.b, sizeof(block));
	CU_ASSERT_NOT_EQUAL_FATAL(len, 0);
	CU_ASSERT_EQUAL_FATAL(bh_handover_length(block.b, len, &err), (ssize_t)len);
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(r, block.b, len, &f, &n, &err), BH_HANDOVER_HEAD);
	CU_ASSERT_EQUAL(n, 0);
}

static void
random_records_come_out_as_they_went_in(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f;
	struct bh_err err = {0};
	uint64_t number;
	uint32_t n, put, total = 0;
	size_t len;

	seed = 1;
	open_reader(&r);
	for (number = 1; number <= 400; number++) {
		put = 1 + (uint32_t)rnd(number % 50 == 0 ? BH_HANDOVER_FLOWS_MAX : 40);
		len = put_random(put, number);
		memcpy(&copy, &block, len);
		CU_ASSERT_EQUAL(bh_handover_length(block.b, sizeof(block.head), &err),
				(ssize_t)len);
		CU_ASSERT_EQUAL_FATAL(bh_handover_read(&r, block.b, len, &f, &n, &err),
				      BH_HANDOVER_FLOWS);
		CU_ASSERT_EQUAL_FATAL(n, put);
		CU_ASSERT_EQUAL(memcmp(f, bh_handover_records(&copy.head), n * sizeof(*f)), 0);
		total += n;
	}
	CU_ASSERT_EQUAL(r.flows, total);
	CU_ASSERT_EQUAL(r.misfits, 0);
}

static void
each_changed_bit_is_noticed(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f;
	struct bh_err err = {0};
	uint32_t n;
	size_t len, bit;
	int rc;

	seed = 2;
	open_reader(&r);
	len = put_random(3, 1);
	memcpy(&copy, &block, len);
	for (bit = 0; bit < len * 8; bit++) {
		memcpy(&block, &copy, len);
		block.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		rc = bh_handover_read(&r, block.b, len, &f, &n, &err);
		CU_ASSERT_TRUE(rc == -EBADMSG || rc == -EPROTO || rc == -EINVAL);
		CU_ASSERT_EQUAL(n, 0);
		CU_ASSERT_EQUAL(r.next, 1);
	}
	memcpy(&block, &copy, len);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_FLOWS);
}

static void
what_is_cut_short_is_refused(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f;
	struct bh_err err = {0};
	uint32_t n;
	size_t len, cut;

	seed = 3;
	open_reader(&r);
	len = put_random(4, 1);
	for (cut = 0; cut < len; cut++) {
		CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, cut, &f, &n, &err), -EBADMSG);
		CU_ASSERT_EQUAL(n, 0);
		CU_ASSERT_EQUAL(bh_handover_length(block.b, cut, &err),
				cut < sizeof(block.head) ? 0 : (ssize_t)len);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "cut short"));
}

static void
another_version_or_layout_is_refused_before_its_length_is_believed(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f;
	struct bh_err err = {0};
	uint32_t n;
	size_t len = (seed = 4, open_reader(&r), put_random(1, 1));

	memcpy(&copy, &block, len);
	block.head.version++;
	CU_ASSERT_EQUAL(bh_handover_length(block.b, len, &err), -EPROTO);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "version 2, this gateway reads version 1"));
	memcpy(&block, &copy, len);
	err = (struct bh_err){0};
	block.head.layout ^= 1;
	CU_ASSERT_EQUAL(bh_handover_length(block.b, len, &err), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "layout"));
	memcpy(&block, &copy, len);
	block.head.magic = __builtin_bswap32(BH_HANDOVER_MAGIC);
	CU_ASSERT_EQUAL(bh_handover_length(block.b, len, &err), -EPROTO);
	memcpy(&block, &copy, len);
	block.head.len = UINT32_MAX;
	CU_ASSERT_EQUAL(bh_handover_length(block.b, len, &err), -EINVAL);
	block.head.n = BH_HANDOVER_FLOWS_MAX + 1;
	block.head.len = block.head.n * (uint32_t)sizeof(*f);
	CU_ASSERT_EQUAL(bh_handover_length(block.b, len, &err), -EINVAL);
}

static void
blocks_come_once_each_and_in_order(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f;
	struct bh_err err = {0};
	uint32_t n;
	size_t len;

	seed = 5;
	bh_handover_reader_init(&r, &self);
	len = put_random(1, 1);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), -EPROTO);
	len = bh_handover_seal(&block.head, BH_HANDOVER_FLOWS, 1, 0);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), -EPROTO);
	open_reader(&r);
	len = put_random(1, 2);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), -EPROTO);
	len = bh_handover_seal(&block.head, BH_HANDOVER_WHOLE, 0, 1);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_WHOLE);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), -EPROTO);
	len = bh_handover_seal(&block.head, BH_HANDOVER_LAST, 0, 2);
	CU_ASSERT_EQUAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_LAST);
}

/* The listener has the same pairs in another order, and one of them not. */
static void
names_lead_to_the_listeners_numbers(void)
{
	static const char *const theirs[] = {"outer", "dmz"};
	static const struct bh_handover_self other = {.pair = theirs, .n_pairs = 2};
	static const uint8_t expected[3] = {1, BH_HANDOVER_UNKNOWN, 0};
	struct bh_handover_reader r;
	struct bh_flow_record *f, *put;
	struct bh_err err = {0};
	uint8_t pair[3], kept = 0;
	uint32_t n, i;
	size_t len;

	seed = 6;
	bh_handover_reader_init(&r, &other);
	len = bh_handover_put_head(&self, block.b, sizeof(block));
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_HEAD);
	put_random(3, 1);
	put = bh_handover_records(&block.head);
	for (i = 0; i < 3; i++)
		pair[i] = put[i].key.pair = (uint8_t)i;
	len = bh_handover_seal(&block.head, BH_HANDOVER_FLOWS, 3, 1);
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_FLOWS);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(r.misfits, 1);
	for (i = 0; i < 3; i++) {
		if (expected[pair[i]] != BH_HANDOVER_UNKNOWN)
			CU_ASSERT_EQUAL(f[kept++].key.pair, expected[pair[i]]);
	}
}

/* A teller of another release: a new application in front, one that this release does not have. */
static void
applications_of_another_release_are_found_by_name(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f, *put;
	struct bh_err err = {0};
	uint8_t *at = copy.b;
	unsigned i, list;
	uint32_t n;
	size_t len;

	seed = 7;
	/* states, reasons, applications, pairs */
	for (list = 0; list < 4; list++) {
		const unsigned count[] = {BH_STATE_COUNT, BH_REASON_COUNT, BH_APP_COUNT + 1, 1};

		*at++ = (uint8_t)count[list];
		for (i = 0; i < count[list]; i++) {
			const char *name = list == 0   ? bh_flow_state_name(i)
					   : list == 1 ? bh_reason_name(i)
					   : list == 3 ? "outer"
					   : i == 0    ? ""
					   : i == 1    ? "an-application-to-come"
						       : bh_app_name(i - 1);

			memcpy(at, name, strlen(name) + 1);
			at += strlen(name) + 1;
		}
	}
	open_reader(&r);
	len = (size_t)(at - copy.b);
	CU_ASSERT_EQUAL_FATAL(bh_handover_put_head(&self, block.b, sizeof(block)) > 0, true);
	/* As the teller would have sealed it: a head of that body. */
	memcpy(block.b + sizeof(block.head), copy.b, len);
	CU_ASSERT_EQUAL_FATAL(bh_handover_close(&block.head, BH_HANDOVER_HEAD, 0, 0, (uint32_t)len),
			      sizeof(block.head) + len);
	bh_handover_reader_init(&r, &self);
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(&r, block.b, sizeof(block.head) + len, &f, &n, &err),
			      BH_HANDOVER_HEAD);
	put_random(2, 1);
	put = bh_handover_records(&block.head);
	for (i = 0; i < 2; i++) {
		put[i].kind = BH_CARRY_PLAIN;
		put[i].verdict = BH_VERDICT_ALLOW;
		put[i].key.pair = 0;
	}
	put[0].app = 1;
	put[1].app = BH_APP_REDIS + 1;
	len = bh_handover_seal(&block.head, BH_HANDOVER_FLOWS, 2, 1);
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_FLOWS);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_EQUAL(f->app, BH_APP_REDIS);
	CU_ASSERT_EQUAL(f->key.pair, 2);
}

static void
records_that_make_no_sense_are_left_out(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f, *put;
	struct bh_err err = {0};
	uint32_t n;
	size_t len;

	seed = 8;
	open_reader(&r);
	put_random(8, 1);
	put = bh_handover_records(&block.head);
	for (n = 0; n < 8; n++) {
		put[n].kind = BH_CARRY_PLAIN;
		put[n].verdict = BH_VERDICT_ALLOW;
		put[n].key.proto = 6;
		put[n].state = BH_STATE_ESTABLISHED;
	}
	put[0].kind = 0;
	put[1].kind = BH_CARRY_COUNT;
	put[2].verdict = BH_VERDICT_DENY; /* and yet not refused */
	put[3].kind = BH_CARRY_REFUSED;   /* and yet allowed */
	put[4].key.family = 7;
	put[5].state = BH_STATE_REPLIED; /* of a TCP connection */
	put[6].key.family = BH_IP4;
	put[6].key.addr[0].w[3] = 1;
	len = bh_handover_seal(&block.head, BH_HANDOVER_FLOWS, 8, 1);
	CU_ASSERT_EQUAL_FATAL(bh_handover_read(&r, block.b, len, &f, &n, &err), BH_HANDOVER_FLOWS);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(r.misfits, 7);
}

static void
a_head_of_any_bytes_is_read_or_refused(void)
{
	struct bh_handover_reader r;
	struct bh_flow_record *f;
	struct bh_err err = {0};
	unsigned i;
	uint32_t n, len, k;
	int rc;

	seed = 9;
	for (i = 0; i < 3000; i++) {
		len = (uint32_t)rnd(300);
		for (k = 0; k < len; k++)
			block.b[sizeof(block.head) + k] = (uint8_t)(rnd(3) ? rnd(4) : rnd(256));
		bh_handover_close(&block.head, BH_HANDOVER_HEAD, 0, 0, len);
		bh_handover_reader_init(&r, &self);
		rc = bh_handover_read(&r, block.b, sizeof(block.head) + len, &f, &n, &err);
		CU_ASSERT_TRUE(rc == BH_HANDOVER_HEAD || rc == -EINVAL);
	}
	CU_ASSERT_EQUAL(bh_handover_put_head(&self, block.b, sizeof(block.head)), 0);
	CU_ASSERT_EQUAL(bh_handover_put_head(&self, block.b, sizeof(block.head) + 100), 0);
}

const struct bh_unit_test bh_suite_handover_record[] = {
	BH_TEST(random_records_come_out_as_they_went_in),
	BH_TEST(each_changed_bit_is_noticed),
	BH_TEST(what_is_cut_short_is_refused),
	BH_TEST(another_version_or_layout_is_refused_before_its_length_is_believed),
	BH_TEST(blocks_come_once_each_and_in_order),
	BH_TEST(names_lead_to_the_listeners_numbers),
	BH_TEST(applications_of_another_release_are_found_by_name),
	BH_TEST(records_that_make_no_sense_are_left_out),
	BH_TEST(a_head_of_any_bytes_is_read_or_refused),
	BH_TEST_END,
};
