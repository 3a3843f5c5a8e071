#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/port/port_priv.h"
#include "unit.h"

/* Names of locks are the machine's: tests of two people must not meet. */
static const char *
name(const char *what)
{
	static char text[64];
	static pid_t parent;

	if (parent == 0)
		parent = getpid();
	snprintf(text, sizeof(text), "test-%d-%s", (int)parent, what);
	return text;
}

static char dir[] = "/tmp/bh-lock-XXXXXX";

static const char *
lock_dir(void)
{
	if (strcmp(dir, "/tmp/bh-lock-XXXXXX") == 0)
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	return dir;
}

/* A process that holds the lock, with a note, until it is killed. */
static pid_t
holder(const char *note)
{
	struct bh_lock l;
	int ready[2], owner;
	char c = 0;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	name("");
	pid = fork();
	if (pid == 0) {
		if (bh_lock_take(&l, dir, name("dev"), &owner, NULL) == 0 &&
		    bh_lock_note(&l, note) == 0)
			c = 'y';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL(read(ready[0], &c, 1), 1);
	CU_ASSERT_EQUAL(c, 'y');
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void
a_second_owner_is_told_the_pid_of_the_first(void)
{
	struct bh_lock l;
	pid_t first;
	int owner;

	lock_dir();
	first = holder("");
	CU_ASSERT_EQUAL(bh_lock_take(&l, dir, name("dev"), &owner, NULL), -EBUSY);
	CU_ASSERT_EQUAL(owner, (int)first);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
}

static void
a_killed_owner_leaves_the_lock_free_and_its_note(void)
{
	struct bh_lock l;
	pid_t first;
	int owner;

	lock_dir();
	first = holder("flags 1 of the killed");
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	CU_ASSERT_EQUAL(bh_lock_take(&l, dir, name("dev"), &owner, NULL), 0);
	CU_ASSERT_STRING_EQUAL(l.left, "flags 1 of the killed");
	bh_lock_drop(&l);
}

static void
a_lock_given_back_leaves_nothing(void)
{
	struct bh_lock l, again;
	int owner;

	lock_dir();
	CU_ASSERT_EQUAL(bh_lock_take(&l, dir, name("clean"), &owner, NULL), 0);
	CU_ASSERT_STRING_EQUAL(l.left, "");
	bh_lock_note(&l, "a note");
	CU_ASSERT_EQUAL(access(l.path, F_OK), 0);
	bh_lock_drop(&l);
	CU_ASSERT_EQUAL(access(l.path, F_OK), -1);
	CU_ASSERT_EQUAL(bh_lock_take(&again, dir, name("clean"), &owner, NULL), 0);
	CU_ASSERT_STRING_EQUAL(again.left, "");
	bh_lock_drop(&again);
	bh_lock_drop(&again);
}

static void
one_process_cannot_take_a_device_twice(void)
{
	struct bh_lock a, b;
	int owner;

	lock_dir();
	CU_ASSERT_EQUAL(bh_lock_take(&a, dir, name("twice"), &owner, NULL), 0);
	CU_ASSERT_EQUAL(bh_lock_take(&b, dir, name("twice"), &owner, NULL), -EBUSY);
	CU_ASSERT_EQUAL(owner, (int)getpid());
	CU_ASSERT_EQUAL(b.fd, -1);
	bh_lock_drop(&b);
	CU_ASSERT_EQUAL(access(a.path, F_OK), 0);
	bh_lock_drop(&a);
}

static void
another_folder_for_locks_does_not_free_the_device(void)
{
	char other[] = "/tmp/bh-lock-other-XXXXXX";
	struct bh_lock l;
	pid_t first;
	int owner;

	lock_dir();
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(other));
	first = holder("");
	CU_ASSERT_EQUAL(bh_lock_take(&l, other, name("dev"), &owner, NULL), -EBUSY);
	CU_ASSERT_EQUAL(owner, (int)first);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	CU_ASSERT_EQUAL(bh_lock_take(&l, other, name("dev"), &owner, NULL), 0);
	bh_lock_drop(&l);
	CU_ASSERT_EQUAL(rmdir(other), 0);
	CU_ASSERT_EQUAL(bh_lock_take(&l, dir, name("dev"), &owner, NULL), 0);
	bh_lock_drop(&l);
}

static void
a_folder_that_cannot_be_made_is_named(void)
{
	struct bh_err err = {0};
	struct bh_lock l;
	int owner;

	CU_ASSERT_TRUE(bh_lock_take(&l, "/proc/no-such-folder", name("dev"), &owner, &err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "/proc/no-such-folder"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "run_dir"));
}

static void
nothing_is_left_in_the_folder(void)
{
	CU_ASSERT_EQUAL(rmdir(lock_dir()), 0);
}

const struct bh_unit_test bh_suite_port_lock[] = {
	BH_TEST(a_second_owner_is_told_the_pid_of_the_first),
	BH_TEST(a_killed_owner_leaves_the_lock_free_and_its_note),
	BH_TEST(a_lock_given_back_leaves_nothing),
	BH_TEST(one_process_cannot_take_a_device_twice),
	BH_TEST(another_folder_for_locks_does_not_free_the_device),
	BH_TEST(a_folder_that_cannot_be_made_is_named),
	BH_TEST(nothing_is_left_in_the_folder),
	BH_TEST_END,
};
