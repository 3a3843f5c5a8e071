/* pair: a hello is read as it was written, and no bit of it is another's. */
#include <errno.h>

#include "../../lib/pair/hello.h"
#include "unit.h"

static const struct bh_pair_message sample = {.sender = 0x1122334455667788,
					      .seq = 7,
					      .heard = 0x8877665544332211,
					      .ack = 9,
					      .term = 3,
					      .priority = 100,
					      .usable = 2,
					      .role = BH_PAIR_ACTIVE,
					      .flags = BH_PAIR_READY};

static void
hello_is_read_as_it_was_written(void)
{
	uint8_t key[BH_PAIR_KEY], data[BH_PAIR_HELLO_SIZE];
	struct bh_pair_message m;

	bh_pair_key(key, "a secret of two", "hello");
	bh_pair_hello_write(data, &sample, key);
	CU_ASSERT_EQUAL_FATAL(bh_pair_hello_read(&m, data, sizeof(data), key), 0);
	CU_ASSERT_EQUAL(m.sender, sample.sender);
	CU_ASSERT_EQUAL(m.seq, 7);
	CU_ASSERT_EQUAL(m.heard, sample.heard);
	CU_ASSERT_EQUAL(m.ack, 9);
	CU_ASSERT_EQUAL(m.term, 3);
	CU_ASSERT_EQUAL(m.priority, 100);
	CU_ASSERT_EQUAL(m.usable, 2);
	CU_ASSERT_EQUAL(m.role, BH_PAIR_ACTIVE);
	CU_ASSERT_EQUAL(m.flags, BH_PAIR_READY);
}

static void
no_bit_of_a_hello_can_be_changed(void)
{
	uint8_t key[BH_PAIR_KEY], other[BH_PAIR_KEY], data[BH_PAIR_HELLO_SIZE + 1];
	struct bh_pair_message m;
	size_t i;

	bh_pair_key(key, "a secret of two", "hello");
	bh_pair_hello_write(data, &sample, key);
	for (i = 0; i < 8 * BH_PAIR_HELLO_SIZE; i++) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		CU_ASSERT_EQUAL(bh_pair_hello_read(&m, data, BH_PAIR_HELLO_SIZE, key), -EBADMSG);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i <= sizeof(data); i++)
		CU_ASSERT_EQUAL(bh_pair_hello_read(&m, data, i, key),
				i == BH_PAIR_HELLO_SIZE ? 0 : -EBADMSG);
	bh_pair_key(other, "another secret", "hello");
	CU_ASSERT_EQUAL(bh_pair_hello_read(&m, data, BH_PAIR_HELLO_SIZE, other), -EBADMSG);
	bh_pair_key(other, "a secret of two", "channel");
	CU_ASSERT_EQUAL(bh_pair_hello_read(&m, data, BH_PAIR_HELLO_SIZE, other), -EBADMSG);
}

static void
nonsense_of_the_twin_is_refused(void)
{
	struct bh_pair_message m, bad[] = {sample, sample, sample};
	uint8_t key[BH_PAIR_KEY], data[BH_PAIR_HELLO_SIZE];
	size_t i;

	bad[0].role = BH_PAIR_ROLES;
	bad[1].flags = 0x80;
	bad[2].sender = 0;
	bh_pair_key(key, "a secret of two", "hello");
	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		bh_pair_hello_write(data, &bad[i], key);
		CU_ASSERT_EQUAL(bh_pair_hello_read(&m, data, sizeof(data), key), -EINVAL);
	}
}

const struct bh_unit_test bh_suite_pair_hello[] = {
	BH_TEST(hello_is_read_as_it_was_written),
	BH_TEST(no_bit_of_a_hello_can_be_changed),
	BH_TEST(nonsense_of_the_twin_is_refused),
	BH_TEST_END,
};
