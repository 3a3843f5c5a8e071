/* capture: pcap files, by libpcap. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_capture_file.h"
#include "unit.h"

static void
begin_pcap(struct image *f, uint32_t magic, uint32_t linktype)
{
	add32(f, magic);
	add16(f, 2);
	add16(f, 4);
	add32(f, 0);
	add32(f, 0);
	add32(f, 65535);
	add32(f, linktype);
}

static void
add_record(struct image *f, uint32_t sec, uint32_t part, uint32_t caplen, uint32_t wirelen)
{
	add32(f, sec);
	add32(f, part);
	add32(f, caplen);
	add32(f, wirelen);
	add_data(f, 0x42, caplen);
}

static void
both_byte_orders_and_time_units_are_read(void)
{
	static const struct {
		uint32_t magic;
		bool big;
		uint64_t ns;
	} cases[] = {
		{0xa1b2c3d4, false, 5000},
		{0xa1b2c3d4, true, 5000},
		{0xa1b23c4d, false, 5},
		{0xa1b23c4d, true, 5},
	};
	struct bh_capture_packet p;
	struct bh_capture *c;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct image f = {.big = cases[i].big};

		begin_pcap(&f, cases[i].magic, 1);
		add_record(&f, 4000000000u, 5, 60, 1500);
		CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
		CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 1);
		CU_ASSERT_EQUAL(p.time_ns, 4000000000u * BH_NS_PER_SEC + cases[i].ns);
		CU_ASSERT_EQUAL(p.caplen, 60);
		CU_ASSERT_EQUAL(p.wirelen, 1500);
		CU_ASSERT_EQUAL(p.linktype, 1);
		CU_ASSERT_EQUAL(p.data[59], 0x42);
		CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 0);
		CU_ASSERT_EQUAL(bh_capture_count(c), 1);
		bh_capture_close(c);
	}
}

static void
wire_length_is_never_below_what_is_there(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;

	begin_pcap(&f, 0xa1b2c3d4, 1);
	add_record(&f, 1, 0, 60, 20);
	CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 1);
	CU_ASSERT_EQUAL(p.wirelen, 60);
	bh_capture_close(c);
}

static void
fraction_of_more_than_a_second_carries_over(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;

	begin_pcap(&f, 0xa1b2c3d4, 1);
	add_record(&f, 7, 1500000, 60, 60);
	add_record(&f, 9, UINT32_MAX, 60, 60);
	CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 1);
	CU_ASSERT_EQUAL(p.time_ns, 8500000000);
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 1);
	CU_ASSERT_EQUAL(p.time_ns, 9000000000); /* damage */
	bh_capture_close(c);
}

static void
file_that_is_cut_gives_what_is_whole_and_says_where(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;
	struct bh_err err = {0};
	size_t whole;

	begin_pcap(&f, 0xa1b2c3d4, 1);
	add_record(&f, 1, 0, 60, 60);
	add_record(&f, 2, 0, 60, 60);
	whole = f.n;
	add_record(&f, 3, 0, 60, 60);
	for (; f.n > whole + 1; f.n -= 7) {
		err = (struct bh_err){0};
		CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
		while (bh_capture_next(c, &p, &err) == 1)
			;
		CU_ASSERT_EQUAL(bh_capture_count(c), f.n == whole + 76 ? 3 : 2);
		if (f.n != whole + 76)
			CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "after packet 2"));
		CU_ASSERT_EQUAL(bh_capture_next(c, &p, &err), 0);
		bh_capture_close(c);
	}
}

static void
impossible_length_is_an_error_not_an_allocation(void)
{
	struct image f = {0};
	struct bh_capture_packet p;
	struct bh_capture *c;
	struct bh_err err = {0};

	begin_pcap(&f, 0xa1b2c3d4, 1);
	add32(&f, 1);
	add32(&f, 0);
	add32(&f, 0xfffffff0);
	add32(&f, 0xfffffff0);
	add_data(&f, 1, 100);
	CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, &err), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "after packet 0"));
	bh_capture_close(c);
}

static void
what_is_no_capture_is_refused(void)
{
	static const char *const texts[] = {"",
					    "x",
					    "hello, world, this is no capture\n",
					    "\xd4\xc3\xb2\xa1",
					    "\x0a",
					    "\x0a\x0d\x0d\x0a"};
	char path[] = "/tmp/bh_capture_XXXXXX";
	int fd = mkstemp(path);
	struct bh_capture *c = NULL;
	size_t i;

	CU_ASSERT_FATAL(fd >= 0);
	for (i = 0; i < BH_ARRAY_SIZE(texts); i++) {
		struct bh_err err = {0};

		CU_ASSERT_EQUAL(ftruncate(fd, 0), 0);
		CU_ASSERT_EQUAL(pwrite(fd, texts[i], strlen(texts[i]), 0),
				(ssize_t)strlen(texts[i]));
		CU_ASSERT_EQUAL(bh_capture_open(&c, path, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, path));
		CU_ASSERT_PTR_NULL(c);
	}
	close(fd);
	unlink(path);
	CU_ASSERT_EQUAL(bh_capture_open(&c, path, NULL), -ENOENT);
	CU_ASSERT_EQUAL(bh_capture_open(&c, "/tmp", NULL), -EISDIR);
}

static void
link_types_map_to_how_frames_are_read(void)
{
	static const struct {
		uint32_t linktype;
		enum bh_link_type link;
	} known[] = {{1, BH_LINK_ETHERNET}, {101, BH_LINK_RAW_IP}, {228, BH_LINK_RAW_IP},
		     {229, BH_LINK_RAW_IP}, {113, BH_LINK_SLL},    {276, BH_LINK_SLL2},
		     {0, BH_LINK_NULL},     {108, BH_LINK_NULL}};
	enum bh_link_type link;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		CU_ASSERT_TRUE(bh_capture_link(known[i].linktype, &link));
		CU_ASSERT_EQUAL(link, known[i].link);
	}
	CU_ASSERT_FALSE(bh_capture_link(105, &link)); /* 802.11 */
	CU_ASSERT_FALSE(bh_capture_link(9, &link));   /* PPP */
}

static void
raw_ip_keeps_the_number_that_files_hold(void)
{
	static const uint32_t types[] = {101, 228, 0, 108, 113, 276, 105};
	struct bh_capture_packet p;
	struct bh_capture *c;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(types); i++) {
		struct image f = {0};

		begin_pcap(&f, 0xa1b2c3d4, types[i]);
		add_record(&f, 1, 0, 20, 20);
		CU_ASSERT_EQUAL_FATAL(open_image(&c, &f, NULL), 0);
		CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 1);
		CU_ASSERT_EQUAL(p.linktype, types[i]);
		bh_capture_close(c);
	}
}

const struct bh_unit_test bh_suite_capture_pcap[] = {
	BH_TEST(both_byte_orders_and_time_units_are_read),
	BH_TEST(wire_length_is_never_below_what_is_there),
	BH_TEST(fraction_of_more_than_a_second_carries_over),
	BH_TEST(file_that_is_cut_gives_what_is_whole_and_says_where),
	BH_TEST(impossible_length_is_an_error_not_an_allocation),
	BH_TEST(what_is_no_capture_is_refused),
	BH_TEST(link_types_map_to_how_frames_are_read),
	BH_TEST(raw_ip_keeps_the_number_that_files_hold),
	BH_TEST_END,
};
