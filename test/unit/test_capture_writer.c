/* capture: what is written is read back the same, by our reader and by libpcap. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_capture_file.h"
#include "unit.h"

static char path[32];

static struct bh_capture_writer *
begin(const struct bh_capture_form *form)
{
	struct bh_capture_writer *w = NULL;
	int fd;

	strcpy(path, "/tmp/bh_writer_XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL_FATAL(bh_capture_writer_open(&w, path, form, NULL), 0);
	return w;
}

static struct bh_capture_packet
packet(uint32_t linktype, uint64_t time_ns, uint32_t caplen, uint32_t wirelen)
{
	static uint8_t data[BH_CAPTURE_MAX_PACKET];

	memset(data, (int)caplen, caplen);
	return (struct bh_capture_packet){data, caplen, wirelen, linktype, time_ns};
}

static void
check_next(struct bh_capture *c, const struct bh_capture_packet *want)
{
	struct bh_capture_packet p;

	CU_ASSERT_EQUAL_FATAL(bh_capture_next(c, &p, NULL), 1);
	CU_ASSERT_EQUAL(p.linktype, want->linktype);
	CU_ASSERT_EQUAL(p.time_ns, want->time_ns);
	CU_ASSERT_EQUAL(p.wirelen, want->wirelen);
	CU_ASSERT_EQUAL_FATAL(p.caplen, want->caplen);
	CU_ASSERT_EQUAL(memcmp(p.data, want->data, want->caplen), 0);
}

/* Random packets through a writer of this form, and back. */
static void
round_trip(const struct bh_capture_form *form, uint64_t unit_ns)
{
	static const uint32_t links[] = {1, 101, 113, 276, 0};
	struct bh_capture_writer *w = begin(form);
	struct bh_capture_packet p, want[200];
	uint8_t *copy[200];
	struct bh_capture *c;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(want); i++) {
		uint32_t len = i == 0 ? BH_CAPTURE_MAX_PACKET : (uint32_t)rand() % 2000;
		uint32_t link = form->mixed ? links[rand() % 5] : form->linktype;

		p = packet(link,
			   (UINT64_C(1700000000000000000) + (uint64_t)rand()) / unit_ns * unit_ns,
			   len, len + (uint32_t)rand() % 3);
		CU_ASSERT_EQUAL(bh_capture_write(w, &p), 0);
		copy[i] = malloc(len + 1);
		memcpy(copy[i], p.data, len);
		want[i] = p;
		want[i].data = copy[i];
	}
	CU_ASSERT_EQUAL(bh_capture_writer_close(w, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(bh_capture_open(&c, path, NULL), 0);
	for (i = 0; i < BH_ARRAY_SIZE(want); i++) {
		check_next(c, &want[i]);
		free(copy[i]);
	}
	CU_ASSERT_EQUAL(bh_capture_next(c, &p, NULL), 0);
	bh_capture_close(c);
	unlink(path);
}

static void
every_form_reads_back_the_same(void)
{
	srand(5);
	round_trip(&(struct bh_capture_form){.linktype = 1}, 1000);
	round_trip(&(struct bh_capture_form){.linktype = 113, .nanoseconds = true}, 1);
	round_trip(&(struct bh_capture_form){.linktype = 101, .mixed = true}, 1);
}

static void
file_without_packets_is_a_capture(void)
{
	static const struct bh_capture_form forms[] = {{.linktype = 101}, {.mixed = true}};
	struct bh_capture_form seen;
	size_t i;

	for (i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(bh_capture_writer_close(begin(&forms[i]), NULL), 0);
		CU_ASSERT_EQUAL(bh_capture_survey(path, &seen, NULL), 0);
		CU_ASSERT_EQUAL(seen.linktype, i == 0 ? 101 : 1);
		CU_ASSERT_FALSE(seen.mixed);
		unlink(path);
	}
}

static void
pcap_refuses_a_second_link_type(void)
{
	struct bh_capture_writer *w = begin(&(struct bh_capture_form){.linktype = 1});
	struct bh_capture_packet p = packet(101, 1, 20, 20);
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_capture_write(w, &p), -EINVAL);
	p.linktype = 1;
	CU_ASSERT_EQUAL(bh_capture_write(w, &p), -EINVAL); /* the first error stays */
	CU_ASSERT_EQUAL(bh_capture_writer_close(w, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, path));
	unlink(path);
}

static void
survey_tells_what_a_file_must_hold(void)
{
	struct bh_capture_form form = {.mixed = true}, seen;
	struct bh_capture_packet p = packet(101, UINT64_C(1700000000000001000), 20, 20);
	struct bh_capture_writer *w = begin(&form);

	bh_capture_write(w, &p);
	bh_capture_writer_close(w, NULL);
	CU_ASSERT_EQUAL(bh_capture_survey(path, &seen, NULL), 0);
	CU_ASSERT_EQUAL(seen.linktype, 101);
	CU_ASSERT_FALSE(seen.mixed);
	CU_ASSERT_FALSE(seen.nanoseconds);
	unlink(path);

	w = begin(&form);
	bh_capture_write(w, &p);
	p.time_ns++;
	bh_capture_write(w, &p);
	p.linktype = 1;
	bh_capture_write(w, &p);
	bh_capture_writer_close(w, NULL);
	CU_ASSERT_EQUAL(bh_capture_survey(path, &seen, NULL), 0);
	CU_ASSERT_TRUE(seen.mixed);
	CU_ASSERT_TRUE(seen.nanoseconds);
	unlink(path);

	w = begin(&form);
	p.time_ns = UINT64_C(5000000000) * BH_NS_PER_SEC; /* no 32-bit seconds */
	bh_capture_write(w, &p);
	bh_capture_writer_close(w, NULL);
	CU_ASSERT_EQUAL(bh_capture_survey(path, &seen, NULL), 0);
	CU_ASSERT_TRUE(seen.mixed);
	unlink(path);
}

static void
full_disk_is_told_at_the_latest_when_closing(void)
{
	struct bh_capture_form form = {.linktype = 1};
	struct bh_capture_packet p = packet(1, 0, 100, 100);
	struct bh_capture_writer *w = NULL;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_capture_writer_open(&w, "/dev/full", &form, NULL), 0);
	bh_capture_write(w, &p);
	CU_ASSERT_EQUAL(bh_capture_writer_close(w, &err), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "/dev/full"));
	CU_ASSERT_EQUAL(bh_capture_writer_open(&w, "/nonexistent/x", &form, NULL), -ENOENT);
}

const struct bh_unit_test bh_suite_capture_writer[] = {
	BH_TEST(every_form_reads_back_the_same),
	BH_TEST(file_without_packets_is_a_capture),
	BH_TEST(pcap_refuses_a_second_link_type),
	BH_TEST(survey_tells_what_a_file_must_hold),
	BH_TEST(full_disk_is_told_at_the_latest_when_closing),
	BH_TEST_END,
};
