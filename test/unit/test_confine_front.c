/* The HTTP process's confinement, tried from inside: a child takes the profile on and does what an intruder would. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/confine/confine.h"
#include "unit.h"

enum { WORKED = 0, NOT_CONFINED = 99 };

/* What a try came to: an exit code (0: it worked, else errno), or -SIGNAL. */
static int
outcome(int (*attempt)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct bh_confine_report report;

		if (bh_confine_front(256, &report, NULL) != 0)
			_exit(NOT_CONFINED);
		_exit(attempt());
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int
result(long rc)
{
	return rc >= 0 ? WORKED : errno;
}

static int
opens(void)
{
	return result(open("/etc/passwd", O_RDONLY));
}

static int
stats(void)
{
	struct stat st;

	return result(stat("/etc/passwd", &st));
}

static int
makes_file(void)
{
	return result(syscall(SYS_creat, "/tmp/bulkhead-confine-test", 0600));
}

static int
removes(void)
{
	return result(unlink("/tmp/bulkhead-confine-test"));
}

static int
sockets(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int
connects(void)
{
	const struct sockaddr to = {.sa_family = AF_INET};

	return result(connect(STDIN_FILENO, &to, sizeof(to)));
}

static int
runs(void)
{
	char *argv[] = {NULL};

	return result(execve("/bin/true", argv, argv));
}

static int
forks(void)
{
	return result(fork());
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
threads(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL);
}

static int
traces(void)
{
	return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int
kills(void)
{
	return result(kill(getppid(), 0));
}

static int
controls(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int
raises(void)
{
	const struct rlimit any = {4096, 4096};

	return result(setrlimit(RLIMIT_NOFILE, &any));
}

static int
becomes_root(void)
{
	return result(setuid(0));
}

#ifdef __x86_64__
/* open by the numbers of i386: another machine's calls are no way around. */
static int
other_machine(void)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory"); /* getpid there */
	return rc >= 0 ? WORKED : (int)-rc;
}

/* x32: the same numbers with bit 30 set. */
static int
other_numbers(void)
{
	return result(syscall(0x40000000L | SYS_getpid));
}
#endif

/* What it lives on. */
static int
serves(void)
{
	struct stat st;
	struct pollfd p = {.fd = STDIN_FILENO};
	void *m = mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED || munmap(m, 1u << 20) != 0 || poll(&p, 1, 0) < 0 ||
	    fstat(STDERR_FILENO, &st) != 0 || write(STDERR_FILENO, "", 0) != 0)
		return errno;
	return WORKED;
}

static void
the_http_process_can_do_its_work(void)
{
	CU_ASSERT_EQUAL(outcome(serves), WORKED);
}

static void
the_http_process_reaches_no_file(void)
{
	CU_ASSERT_EQUAL(outcome(opens), EACCES);
	CU_ASSERT_EQUAL(outcome(stats), EACCES);
	CU_ASSERT_EQUAL(outcome(makes_file), -SIGSYS);
	CU_ASSERT_EQUAL(outcome(removes), -SIGSYS);
}

static void
the_http_process_makes_no_socket_and_no_process(void)
{
	static int (*const attempts[])(void) = {sockets, connects, runs, forks, threads};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(attempts); i++)
		CU_ASSERT_EQUAL(outcome(attempts[i]), -SIGSYS);
}

static void
the_http_process_touches_no_other_and_gets_nothing_back(void)
{
	static int (*const attempts[])(void) = {traces, kills, controls, raises, becomes_root};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(attempts); i++)
		CU_ASSERT_EQUAL(outcome(attempts[i]), -SIGSYS);
}

static void
calls_by_the_numbers_of_another_machine_end_it(void)
{
#ifdef __x86_64__
	/* SIGSEGV: a kernel without 32-bit calls. */
	int rc = outcome(other_machine);

	CU_ASSERT(rc == -SIGSYS || rc == -SIGSEGV);
	CU_ASSERT_EQUAL(outcome(other_numbers), -SIGSYS);
#endif
}

static void
its_limits_leave_nothing_to_fill(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct bh_confine_report report;
		int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), rc;

		signal(SIGXFSZ, SIG_IGN);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		if (fd < 0 || bh_confine_front(256, &report, NULL) != 0)
			_exit(NOT_CONFINED);
		rc = write(fd, "x", 1) < 0 ? errno : WORKED;
		_exit(rc);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), EFBIG);
}

const struct bh_unit_test bh_suite_confine_front[] = {
	BH_TEST(the_http_process_can_do_its_work),
	BH_TEST(the_http_process_reaches_no_file),
	BH_TEST(the_http_process_makes_no_socket_and_no_process),
	BH_TEST(the_http_process_touches_no_other_and_gets_nothing_back),
	BH_TEST(calls_by_the_numbers_of_another_machine_end_it),
	BH_TEST(its_limits_leave_nothing_to_fill),
	BH_TEST_END,
};
