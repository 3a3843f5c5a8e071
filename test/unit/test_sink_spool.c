/* spool: against a plain model, over restarts, torn ends, damage and a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/sink/spool.h"
#include "unit.h"

static char folder[64];

static void
enter(void)
{
	strcpy(folder, "/tmp/bh_spool_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void
leave(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct bh_spool *
opened(uint64_t max)
{
	struct bh_spool_params p = {.folder = folder, .max_bytes = max};
	struct bh_spool *s = NULL;

	CU_ASSERT_EQUAL_FATAL(bh_spool_open(&s, &p, NULL), 0);
	return s;
}

/* Data of a record is made from its number: 0 to 3,000 bytes. */
static uint32_t
data_of(uint64_t seq, uint8_t out[3072])
{
	uint32_t len = (uint32_t)(seq * 2654435761u >> 3) % 3000, i;

	for (i = 0; i < len; i++)
		out[i] = (uint8_t)(seq + i * 7);
	return len;
}

static bool
put(struct bh_spool *s, uint64_t seq)
{
	uint8_t data[3072];

	return bh_spool_append(s, seq, data, data_of(seq, data)) == 0;
}

static bool
is_record(const struct bh_spool_item *item, uint64_t seq)
{
	uint8_t data[3072];
	uint32_t len = data_of(seq, data);

	return item->seq == seq && item->len == len && memcmp(item->data, data, len) == 0;
}

/* Model: records settled < read <= put; what is refused has no number. Each step is followed by a look at what comes
 * next. */
static void
random_use_equals_a_queue_of_numbers(void)
{
	uint64_t put_seq = 0, read_seq = 0, settled_seq = 0;
	struct bh_spool_item item[8];
	struct bh_spool_mark mark;
	struct bh_spool *s;
	unsigned step, k;
	int n;

	enter();
	srandom(7);
	s = opened(BH_SPOOL_MIN * 4);
	for (step = 0; step < 6000; step++) {
		switch (random() % 12) {
		case 0:
			mark = bh_spool_read_mark(s);
			CU_ASSERT_EQUAL_FATAL(bh_spool_settle(s, &mark), 0);
			settled_seq = read_seq;
			break;
		case 1:
			bh_spool_rewind(s);
			read_seq = settled_seq;
			break;
		case 2:
			if (random() % 8 != 0)
				break;
			bh_spool_close(s);
			s = opened(BH_SPOOL_MIN * 4);
			CU_ASSERT_EQUAL_FATAL(bh_spool_last_seq(s), put_seq);
			read_seq = settled_seq;
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			put_seq += put(s, put_seq + 1);
			break;
		default:
			n = bh_spool_peek(s, item, 1 + (unsigned)random() % 8);
			CU_ASSERT_FATAL(n >= 0 && (n > 0) == (read_seq < put_seq));
			n = n > 0 ? (int)(random() % n) + 1 : 0;
			for (k = 0; k < (unsigned)n; k++)
				CU_ASSERT_FATAL(is_record(&item[k], read_seq + 1 + k));
			bh_spool_advance(s, (unsigned)n);
			read_seq += (unsigned)n;
			break;
		}
		CU_ASSERT_FATAL(bh_spool_bytes(s) <= BH_SPOOL_MIN * 4);
		CU_ASSERT_EQUAL_FATAL(bh_spool_read_mark(s).seq, read_seq);
	}
	CU_ASSERT(put_seq > 1000 && settled_seq > 500);
	bh_spool_close(s);
	leave();
}

static void
a_full_spool_keeps_the_oldest_and_takes_again_when_they_have_gone(void)
{
	struct bh_spool_item item[64];
	struct bh_spool_mark mark;
	struct bh_spool *s;
	uint64_t seq = 0, next = 0;
	int n, k;

	enter();
	s = opened(BH_SPOOL_MIN);
	while (put(s, seq + 1))
		seq++;
	CU_ASSERT(seq > 300);
	CU_ASSERT_EQUAL(bh_spool_append(s, seq + 1, folder, BH_SPOOL_RECORD_MAX + 1), -EMSGSIZE);
	while ((n = bh_spool_peek(s, item, 64)) > 0 && next + (unsigned)n <= seq / 2) {
		for (k = 0; k < n; k++)
			CU_ASSERT(is_record(&item[k], ++next));
		bh_spool_advance(s, (unsigned)n);
	}
	mark = bh_spool_read_mark(s);
	CU_ASSERT_EQUAL(bh_spool_settle(s, &mark), 0);
	CU_ASSERT(put(s, seq + 1));
	bh_spool_close(s);
	leave();
}

static void
newest_file(char out[128])
{
	char command[160];
	FILE *in;

	snprintf(command, sizeof(command), "ls %s/*.spool | tail -1", folder);
	in = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(out, 128, in));
	out[strcspn(out, "\n")] = '\0';
	pclose(in);
}

static void
a_torn_end_costs_its_record_alone(void)
{
	struct bh_spool_item item[8];
	struct bh_spool *s;
	char name[128];
	struct stat st;
	int n, k;

	enter();
	s = opened(BH_SPOOL_MIN);
	for (k = 1; k <= 3; k++)
		CU_ASSERT(put(s, (uint64_t)k));
	bh_spool_close(s);
	newest_file(name);
	CU_ASSERT_EQUAL(stat(name, &st), 0);
	CU_ASSERT_EQUAL(truncate(name, st.st_size - 1), 0);
	s = opened(BH_SPOOL_MIN);
	CU_ASSERT_EQUAL(bh_spool_last_seq(s), 2);
	CU_ASSERT(put(s, 4));
	n = bh_spool_peek(s, item, 8);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT(is_record(&item[0], 1) && is_record(&item[1], 2));
	bh_spool_advance(s, 2);
	n = bh_spool_peek(s, item, 8);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT(is_record(&item[0], 4));
	bh_spool_close(s);
	leave();
}

/* Any byte changed on disk: what comes out is what went in, in order, or nothing. */
static void
damage_never_comes_out(void)
{
	struct bh_spool_item item[16];
	struct bh_spool *s;
	char name[128];
	unsigned round;
	struct stat st;
	uint8_t byte;
	int fd, n, k;

	srandom(3);
	for (round = 0; round < 200; round++) {
		enter();
		s = opened(BH_SPOOL_MIN);
		for (k = 1; k <= 5; k++)
			CU_ASSERT(put(s, (uint64_t)k));
		bh_spool_close(s);
		newest_file(name);
		fd = open(round % 4 == 0 ? strcat(strcpy(name, folder), "/settled") : name, O_RDWR);
		CU_ASSERT_FATAL(fd >= 0 && fstat(fd, &st) == 0);
		byte = (uint8_t)random();
		CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, random() % (st.st_size + 1)), 1);
		close(fd);
		s = opened(BH_SPOOL_MIN);
		n = bh_spool_peek(s, item, 16);
		CU_ASSERT(n >= 0 && n <= 5);
		for (k = 0; k < n; k++)
			CU_ASSERT(is_record(&item[k], (uint64_t)k + 1));
		bh_spool_close(s);
		leave();
	}
}

const struct bh_unit_test bh_suite_sink_spool[] = {
	BH_TEST(random_use_equals_a_queue_of_numbers),
	BH_TEST(a_full_spool_keeps_the_oldest_and_takes_again_when_they_have_gone),
	BH_TEST(a_torn_end_costs_its_record_alone),
	BH_TEST(damage_never_comes_out),
	BH_TEST_END,
};
