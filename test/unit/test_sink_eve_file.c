/* sink: whole lines only, also when the disk is full, the reader slow or the file rotated. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/sink/sink.h"
#include "unit.h"

#define LINE_LEN 100 /* of a test line, with its newline */

static char dir[64], path[128];

static void
enter(void)
{
	strcpy(dir, "/tmp/bh_sink_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/eve.json", dir);
}

static void
leave(void)
{
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static struct bh_eve_file *
opened(size_t buffer_size)
{
	struct bh_eve_file_params params = {.path = path, .buffer_size = buffer_size};
	struct bh_eve_file *f = NULL;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL_FATAL(bh_eve_file_open(&f, &params, &err), 0);
	return f;
}

/* Line i: its number, padded to LINE_LEN with the newline. */
static void
put(struct bh_eve_file *f, unsigned i)
{
	char line[LINE_LEN];

	snprintf(line, sizeof(line), "%08u", i);
	memset(line + 8, 'x', sizeof(line) - 8);
	bh_eve_file_line(f, line, LINE_LEN - 1);
}

/* Number of lines in the file; every line is whole, and numbers only grow. */
static unsigned
checked_lines(const char *name)
{
	FILE *in = fopen(name, "r");
	char text[4 * LINE_LEN];
	unsigned n = 0, last = 0, i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	while (fgets(text, sizeof(text), in) != NULL) {
		CU_ASSERT_EQUAL(strlen(text), LINE_LEN);
		CU_ASSERT_EQUAL(text[LINE_LEN - 1], '\n');
		CU_ASSERT_EQUAL(sscanf(text, "%8u", &i), 1);
		CU_ASSERT(n == 0 || i > last);
		last = i;
		n++;
	}
	fclose(in);
	return n;
}

static struct bh_eve_file_stats
stats_of(const struct bh_eve_file *f)
{
	struct bh_eve_file_stats s;

	bh_eve_file_stats(f, &s);
	return s;
}

/* stderr away while a test provokes log lines. */
static int
hush(void)
{
	int old = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	close(null);
	return old;
}

static void
unhush(int old)
{
	dup2(old, STDERR_FILENO);
	close(old);
}

static void
limit_file_size(rlim_t bytes)
{
	struct rlimit l;

	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = bytes;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void
events_become_lines_and_nothing_is_overwritten(void)
{
	struct bh_event e = {.type = BH_EVENT_POLICY_LOADED};
	struct bh_eve_file *f;
	struct stat st;
	off_t size;

	enter();
	f = opened(0);
	bh_eve_file_write(f, &e, 1);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 0); /* waits */
	CU_ASSERT_EQUAL(bh_eve_file_flush(f), 0);
	stat(path, &st);
	CU_ASSERT(st.st_size > 50);
	CU_ASSERT_EQUAL(st.st_mode & 0007, 0);
	size = st.st_size;
	CU_ASSERT_EQUAL(bh_eve_file_close(f), 0);

	f = opened(0);
	bh_eve_file_write(f, &e, 1);
	CU_ASSERT_EQUAL(bh_eve_file_close(f), 0);
	stat(path, &st);
	CU_ASSERT_EQUAL(st.st_size, 2 * size);
	leave();
}

static void
file_is_replaced_when_asked(void)
{
	struct bh_eve_file_params params = {.path = path, .replace = true};
	struct bh_eve_file *f;

	enter();
	f = opened(0);
	put(f, 1);
	put(f, 2);
	bh_eve_file_close(f);
	CU_ASSERT_EQUAL_FATAL(bh_eve_file_open(&f, &params, NULL), 0);
	put(f, 3);
	bh_eve_file_close(f);
	CU_ASSERT_EQUAL(checked_lines(path), 1);
	leave();
}

static void
bad_path_is_told(void)
{
	struct bh_eve_file_params params = {.path = "/nonexistent/eve.json"};
	struct bh_eve_file *f = NULL;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_eve_file_open(&f, &params, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "/nonexistent/eve.json"));
	CU_ASSERT_PTR_NULL(f);
}

/* RLIMIT_FSIZE makes the kernel take a part of a write and refuse the rest, as a full disk does. */
static void
full_disk_never_shows_half_a_line_and_loses_only_what_it_counts(void)
{
	struct bh_eve_file *f;
	struct bh_eve_file_stats s;
	int err = hush();
	unsigned i;

	enter();
	signal(SIGXFSZ, SIG_IGN);
	f = opened(4096);
	limit_file_size(1050);
	for (i = 0; i < 100; i++)
		put(f, i);
	CU_ASSERT(bh_eve_file_flush(f) < 0);
	CU_ASSERT(bh_eve_file_flush(f) < 0);
	CU_ASSERT_EQUAL(checked_lines(path), 10); /* 1050 bytes hold ten and a half */
	s = stats_of(f);
	CU_ASSERT_EQUAL(s.lines, 10);
	CU_ASSERT_EQUAL(s.lost, 100 - 10 - 40); /* 4096 bytes hold forty */
	CU_ASSERT_EQUAL(s.episodes, 1);

	limit_file_size(RLIM_INFINITY);
	CU_ASSERT_EQUAL(bh_eve_file_flush(f), 0);
	put(f, 200);
	CU_ASSERT_EQUAL(bh_eve_file_flush(f), 0);
	CU_ASSERT_EQUAL(checked_lines(path), 51);
	s = stats_of(f);
	CU_ASSERT_EQUAL(s.lines, 51);
	CU_ASSERT_EQUAL(s.lost, 50);

	limit_file_size(51 * LINE_LEN);
	put(f, 300);
	CU_ASSERT(bh_eve_file_flush(f) < 0);
	CU_ASSERT_EQUAL(stats_of(f).episodes, 2);
	limit_file_size(RLIM_INFINITY);
	CU_ASSERT_NOT_EQUAL(bh_eve_file_close(f), 0); /* lines were lost: the caller is told */
	CU_ASSERT_EQUAL(checked_lines(path), 52);
	signal(SIGXFSZ, SIG_DFL);
	unhush(err);
	leave();
}

static void
device_that_takes_nothing_loses_everything_and_says_so(void)
{
	struct bh_eve_file_params params = {.path = "/dev/full", .buffer_size = 4096};
	struct bh_eve_file *f = NULL;
	int err = hush();
	unsigned i;

	CU_ASSERT_EQUAL_FATAL(bh_eve_file_open(&f, &params, NULL), 0);
	for (i = 0; i < 50; i++)
		put(f, i);
	CU_ASSERT_EQUAL(bh_eve_file_flush(f), -ENOSPC);
	CU_ASSERT_EQUAL(stats_of(f).lines, 0);
	CU_ASSERT_EQUAL(stats_of(f).lost, 10);
	CU_ASSERT_EQUAL(stats_of(f).episodes, 1);
	CU_ASSERT_NOT_EQUAL(bh_eve_file_close(f), 0);
	unhush(err);
}

/* A pipe cannot be cut: the rest of a line goes first when there is room again. */
static void
slow_reader_of_a_pipe_gets_whole_lines(void)
{
	struct bh_eve_file *f;
	int fd, err = hush();
	char text[7919]; /* no multiple of a line or a page: reads cut anywhere */
	unsigned i, lines = 0, at = 0;
	ssize_t n, k;

	enter();
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	f = opened(4096);
	for (i = 0; i < 5000; i++) {
		put(f, i);
		if (i % 100 != 0)
			continue;
		bh_eve_file_flush(f);
		if (i % 1000 != 0)
			continue;
		n = read(fd, text, sizeof(text));
		for (k = 0; k < n; k++, at++) {
			CU_ASSERT_EQUAL(text[k] == '\n', at % LINE_LEN == LINE_LEN - 1);
			lines += text[k] == '\n';
		}
	}
	CU_ASSERT(stats_of(f).lost > 1000);
	while ((n = read(fd, text, sizeof(text))) > 0) {
		for (k = 0; k < n; k++, at++) {
			CU_ASSERT_EQUAL(text[k] == '\n', at % LINE_LEN == LINE_LEN - 1);
			lines += text[k] == '\n';
		}
		bh_eve_file_flush(f);
	}
	CU_ASSERT_EQUAL(at % LINE_LEN, 0);
	CU_ASSERT_EQUAL(stats_of(f).lines, lines);
	CU_ASSERT_EQUAL(stats_of(f).lost + lines, 5000);
	bh_eve_file_close(f);
	close(fd);
	unhush(err);
	leave();
}

static void
rotation_continues_in_a_new_file(void)
{
	struct bh_eve_file *f;
	char old[160];

	enter();
	snprintf(old, sizeof(old), "%s.1", path);
	f = opened(0);
	put(f, 1);
	put(f, 2);
	CU_ASSERT_EQUAL(rename(path, old), 0);
	put(f, 3);
	CU_ASSERT_EQUAL(bh_eve_file_reopen(f, NULL), 0);
	put(f, 4);
	CU_ASSERT_EQUAL(bh_eve_file_flush(f), 0);
	CU_ASSERT_EQUAL(checked_lines(old), 3);
	CU_ASSERT_EQUAL(checked_lines(path), 1);
	CU_ASSERT_EQUAL(stats_of(f).lines, 4);
	CU_ASSERT_EQUAL(bh_eve_file_close(f), 0);
	unlink(old);
	leave();
}

static void
rotation_that_fails_keeps_the_old_file(void)
{
	struct bh_eve_file *f;
	struct bh_err err = {0};
	char old[160];

	enter();
	snprintf(old, sizeof(old), "%s.1", path);
	f = opened(0);
	CU_ASSERT_EQUAL(rename(path, old), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(bh_eve_file_reopen(f, &err), -EISDIR);
	CU_ASSERT_NOT_EQUAL(err.what[0], '\0');
	put(f, 1);
	CU_ASSERT_EQUAL(bh_eve_file_close(f), 0);
	CU_ASSERT_EQUAL(checked_lines(old), 1);
	rmdir(path);
	unlink(old);
	leave();
}

static void
half_a_line_of_a_program_that_died_is_ended(void)
{
	struct bh_eve_file *f;
	char text[300];
	FILE *out;
	size_t n;

	enter();
	out = fopen(path, "w");
	fputs("{\"cut", out);
	fclose(out);
	f = opened(0);
	put(f, 1);
	CU_ASSERT_EQUAL(bh_eve_file_close(f), 0);
	out = fopen(path, "r");
	n = fread(text, 1, sizeof(text), out);
	fclose(out);
	CU_ASSERT_EQUAL(n, 6 + LINE_LEN);
	CU_ASSERT_EQUAL(memcmp(text, "{\"cut\n00000001", 14), 0);
	leave();
}

const struct bh_unit_test bh_suite_sink_eve_file[] = {
	BH_TEST(events_become_lines_and_nothing_is_overwritten),
	BH_TEST(file_is_replaced_when_asked),
	BH_TEST(bad_path_is_told),
	BH_TEST(full_disk_never_shows_half_a_line_and_loses_only_what_it_counts),
	BH_TEST(device_that_takes_nothing_loses_everything_and_says_so),
	BH_TEST(slow_reader_of_a_pipe_gets_whole_lines),
	BH_TEST(rotation_continues_in_a_new_file),
	BH_TEST(rotation_that_fails_keeps_the_old_file),
	BH_TEST(half_a_line_of_a_program_that_died_is_ended),
	BH_TEST_END,
};
