/* capture: pcapng files, by our own reader. */
#include <errno.h>
#include <stdlib.h>

#include "test_capture_file.h"
#include "unit.h"

static size_t
begin_block(struct image *f, uint32_t type)
{
	size_t at = f->n;

	add32(f, type);
	add32(f, 0); /* end_block */
	return at;
}

static void
end_block(struct image *f, size_t at)
{
	uint32_t total = (uint32_t)(f->n - at + 4);
	size_t end;

	add32(f, total);
	end = f->n;
	f->n = at + 4;
	add32(f, total);
	f->n = end;
}

static void
section(struct image *f)
{
	size_t at = begin_block(f, 0x0a0d0d0a);

	add32(f, 0x1a2b3c4d);
	add16(f, 1);
	add16(f, 0);
	add32(f, UINT32_MAX);
	add32(f, UINT32_MAX);
	end_block(f, at);
}

static void
interface(struct image *f, uint16_t linktype, uint32_t snaplen)
{
	size_t at = begin_block(f, 1);

	add16(f, linktype);
	add16(f, 0);
	add32(f, snaplen);
	end_block(f, at);
}

static void
interface_with_time(struct image *f, uint8_t resolution, int64_t offset)
{
	size_t at = begin_block(f, 1);

	add16(f, 1);
	add16(f, 0);
	add32(f, 0);
	add16(f, 2); /* if_name, to be stepped over */
	add16(f, 3);
	add_data(f, 'e', 4);
	add16(f, 9);
	add16(f, 1);
	add_data(f, resolution, 4);
	add16(f, 14);
	add16(f, 8);
	add32(f, (uint32_t)(f->big ? (uint64_t)offset >> 32 : (uint64_t)offset));
	add32(f, (uint32_t)(f->big ? (uint64_t)offset : (uint64_t)offset >> 32));
	add32(f, 0);
	end_block(f, at);
}

static void
enhanced(struct image *f, uint32_t index, uint64_t ticks, uint32_t caplen, uint32_t wirelen)
{
	size_t at = begin_block(f, 6);

	add32(f, index);
	add32(f, (uint32_t)(ticks >> 32));
	add32(f, (uint32_t)ticks);
	add32(f, caplen);
	add32(f, wirelen);
	add_data(f, (uint8_t)caplen, (caplen + 3u) & ~3u);
	end_block(f, at);
}

static void
check_next(struct bh_capture *c, uint32_t linktype, uint64_t time_ns, uint32_t caplen,
	   uint32_t wirelen)
{
	struct bh_capture_packet p = {0};

	CU_ASSERT_EQUAL_FATAL(bh_capture_next(c, &p, NULL), 1);
	CU_ASSERT_EQUAL(p.linktype, linktype);
	CU_ASSERT_EQUAL(p.time_ns, time_ns);
	CU_ASSERT_EQUAL_FATAL(p.caplen, caplen);
	CU_ASSERT_EQUAL(p.wirelen, wirelen);
	CU_ASSERT(caplen == 0 || (p.data[0] == (uint8_t)caplen && p.data[caplen - 1] == p.data[0]));
}

static void
interfaces_may_differ_in_link_type_and_snap_length(void)
{
	struct bh_capture_packet p;
	struct bh_capture *c;
	unsigned big;

	for (big = 0; big < 2; big++) {
		struct image f = {.big = big != 0};

		section(&f);
		interface(&f, 1, 262144);
		interface(&f, 101, 96);
		enhanced(&f, 1, 1000001, 41, 41);
		interface(&f, 113, 0);
		enhanced(&f, 0, 1000002, 60, 1514);
		enhanced(&f, 2, 1000003, 62, 5); /* never fewer on the wire than here */
		CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
		check_next(c, 101, 1000001000, 41, 41);
		check_next(c, 1, 1000002000, 60, 1514);
		check_next(c, 113, 1000003000, 62, 62);
		CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 0);
		bh_capture_close(c);
	}
}

static void
new_section_may_change_byte_order_and_has_its_own_interfaces(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;
	struct bh_err err = {0};

	section(&f);
	interface(&f, 1, 0);
	interface(&f, 1, 0);
	enhanced(&f, 1, 7, 20, 20);
	f.big = true;
	section(&f);
	interface(&f, 101, 0);
	enhanced(&f, 0, 8, 24, 24);
	enhanced(&f, 1, 9, 24, 24); /* was described in the section before */
	CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
	check_next(c, 1, 7000, 20, 20);
	check_next(c, 101, 8000, 24, 24);
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, &err), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "after packet 2"));
	bh_capture_close(c);
}

static void
time_resolutions_and_offsets_become_nanoseconds(void)
{
	static const struct {
		uint8_t resolution;
		int64_t offset;
		uint64_t ticks, ns;
	} cases[] = {
		{6, 0, 1234567, 1234567000},
		{9, 0, 1234567, 1234567},
		{0, 0, 3, 3 * BH_NS_PER_SEC},
		{3, 10, 1500, 11500000000},
		{12, 0, 1234567, 1234},
		{0x80 | 10, 0, 1536, 1500000000},
		{0x80 | 0, 0, 2, 2 * BH_NS_PER_SEC},
		{0x80 | 127, 0, UINT64_MAX, 0},
		{9, -5, 6 * BH_NS_PER_SEC, BH_NS_PER_SEC},
		{9, -5, 4 * BH_NS_PER_SEC, 0},  /* before 1970 */
		{0, 0, UINT64_MAX, UINT64_MAX}, /* beyond 64 bits */
		{9, INT64_MAX, UINT64_MAX, UINT64_MAX},
		{9, INT64_MIN, UINT64_MAX, 0},
		{127, 0, UINT64_MAX, 0},
	};
	struct bh_capture *c;
	size_t i;

	for (i = 0; i < 2 * BH_ARRAY_SIZE(cases); i++) {
		struct image f = {.big = i % 2 != 0};

		section(&f);
		interface_with_time(&f, cases[i / 2].resolution, cases[i / 2].offset);
		enhanced(&f, 0, cases[i / 2].ticks, 4, 4);
		CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
		check_next(c, 1, cases[i / 2].ns, 4, 4);
		bh_capture_close(c);
	}
}

static void
simple_and_obsolete_packets_are_read_and_others_stepped_over(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;
	size_t at;

	section(&f);
	interface(&f, 1, 32);
	at = begin_block(&f, 5); /* interface statistics */
	add_data(&f, 9, 40);
	end_block(&f, at);
	at = begin_block(&f, 2); /* obsolete packet */
	add16(&f, 0);
	add16(&f, 77);
	add32(&f, 0);
	add32(&f, 5);
	add32(&f, 8);
	add32(&f, 9);
	add_data(&f, 8, 8);
	end_block(&f, at);
	at = begin_block(&f, 3); /* simple packet, cut by the snap length */
	add32(&f, 1000);
	add_data(&f, 32, 32);
	end_block(&f, at);
	CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
	check_next(c, 1, 5000, 8, 9);
	check_next(c, 1, 5000, 32, 1000); /* time of the one before */
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 0);
	bh_capture_close(c);
}

/* Overwrites the word at `at`, and the file must give one packet and then this error. */
static void
check_broken(size_t at, uint32_t word, const char *text)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;
	struct bh_err err = {0};
	size_t second;

	section(&f);
	interface(&f, 1, 0);
	enhanced(&f, 0, 1, 4, 4);
	second = f.n;
	enhanced(&f, 0, 2, 8, 8);
	memcpy(f.b + second + at, &word, sizeof(word));
	CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
	check_next(c, 1, 1000, 4, 4);
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, &err), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "after packet 1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, text));
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, &err), 0);
	bh_capture_close(c);
}

static void
broken_blocks_end_the_file_with_a_reason(void)
{
	check_broken(4, 0, "impossible length");
	check_broken(4, 38, "impossible length");
	check_broken(4, 0xfffffff0, "longer than any packet");
	check_broken(4, 36, "two lengths differ");
	check_broken(4, 400, "ends inside a block");
	check_broken(8, 1, "not described");
	check_broken(20, 9, "longer than its block");
	check_broken(20, 0x7fffffff, "more than");
	check_broken(0, 0x0a0d0d0a, "byte-order magic");
}

static void
every_cut_gives_the_packets_before_it(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;
	size_t first, all;
	int rc;

	section(&f);
	interface(&f, 1, 0);
	enhanced(&f, 0, 1, 4, 4);
	first = f.n;
	enhanced(&f, 0, 2, 5, 5);
	all = f.n;
	for (f.n = 28; f.n < all; f.n++) {
		CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
		while ((rc = bh_capture_next(c, &p, NULL)) == 1)
			;
		CU_ASSERT_EQUAL(bh_capture_count(c), f.n >= first ? 1 : 0);
		CU_ASSERT_EQUAL(rc, f.n == 28 || f.n == 48 || f.n == first ? 0 : -EBADMSG);
		bh_capture_close(c);
	}
}

const struct bh_unit_test bh_suite_capture_pcapng[] = {
	BH_TEST(interfaces_may_differ_in_link_type_and_snap_length),
	BH_TEST(new_section_may_change_byte_order_and_has_its_own_interfaces),
	BH_TEST(time_resolutions_and_offsets_become_nanoseconds),
	BH_TEST(simple_and_obsolete_packets_are_read_and_others_stepped_over),
	BH_TEST(broken_blocks_end_the_file_with_a_reason),
	BH_TEST(every_cut_gives_the_packets_before_it),
	BH_TEST_END,
};
