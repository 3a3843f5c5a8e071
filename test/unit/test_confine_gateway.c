/* The gateway's confinement: of every thread, also of those that were there before. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/confine/confine.h"
#include "unit.h"

#define N_THREADS 6

enum { OK = 0, NOT_CONFINED = 99 };

static char inside[] = "/tmp/bulkhead-confine-XXXXXX";

struct prober {
	_Atomic bool go;
	_Atomic int failed; /* number of the first check that did */
};

static bool
writes(const char *folder)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/of-%ld", folder, (long)syscall(SYS_gettid));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	close(fd);
	unlink(path);
	return true;
}

static bool
refused(long rc, int code)
{
	return rc < 0 && errno == code;
}

/* 0, or the number of what was not as it should be. */
static int
probe(void)
{
	bool landlock = bh_confine_landlock_version() != 0;

	if (!writes(inside))
		return 1;
	if (landlock && writes("/tmp"))
		return 2;
	if (landlock && !refused(open("/etc/hostname", O_RDONLY | O_CLOEXEC), EACCES))
		return 3;
	if (!refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM))
		return 4;
	if (!refused(socket(AF_PACKET, SOCK_RAW, 0), EPERM))
		return 5;
	if (!refused(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM))
		return 6;
	if (!refused(syscall(SYS_unshare, 0), EPERM) || !refused(syscall(SYS_bpf, 0, 0, 0), EPERM))
		return 7;
	if (geteuid() == 0 && !refused(chown(inside, 1, 1), EPERM))
		return 8;
	return 0;
}

static void *
prober(void *arg)
{
	struct prober *p = arg;
	const struct timespec t = {.tv_nsec = 1000000};

	while (!atomic_load(&p->go))
		nanosleep(&t, NULL);
	atomic_store(&p->failed, probe());
	return NULL;
}

static int
many_threads(void)
{
	const struct bh_confine_path path[] = {
		{inside, BH_CONFINE_READ | BH_CONFINE_WRITE},
		{"/proc", BH_CONFINE_READ},
	};
	struct prober p[N_THREADS] = {0};
	struct bh_confine_report report;
	pthread_t t[N_THREADS];
	int i, rc;

	for (i = 0; i < N_THREADS - 1; i++) {
		if (pthread_create(&t[i], NULL, prober, &p[i]) != 0)
			return NOT_CONFINED;
	}
	if (bh_confine_gateway(path, BH_ARRAY_SIZE(path), &report, NULL) != 0)
		return NOT_CONFINED;
	if (report.threads != N_THREADS)
		return 50;
	/* And one that is made afterwards. */
	if (pthread_create(&t[i], NULL, prober, &p[i]) != 0)
		return 51;
	rc = probe();
	for (i = 0; i < N_THREADS; i++) {
		atomic_store(&p[i].go, true);
		pthread_join(t[i], NULL);
		if (rc == 0 && p[i].failed != 0)
			rc = 10 * (i + 1) + p[i].failed;
	}
	return rc;
}

static int
missing_folder(void)
{
	const struct bh_confine_path path[] = {{"/nowhere/at/all", BH_CONFINE_READ}};
	struct bh_confine_report report;
	struct bh_err err = {0};
	int rc = bh_confine_gateway(path, 1, &report, &err);

	if (bh_confine_landlock_version() == 0)
		return 0;
	return rc == -ENOENT && strstr(err.what, "/nowhere/at/all") != NULL ? 0 : 1;
}

/* A folder of somebody else: root had the right to write there, and will not have it any more. */
static int
folder_of_another(void)
{
	const struct bh_confine_path path[] = {{inside, BH_CONFINE_READ | BH_CONFINE_WRITE},
					       {"/proc", BH_CONFINE_READ}};
	struct bh_confine_report report;
	struct bh_err err = {0};
	int rc;

	if (geteuid() != 0)
		return 0;
	if (chown(inside, 65534, 65534) != 0)
		return NOT_CONFINED;
	rc = bh_confine_gateway(path, BH_ARRAY_SIZE(path), &report, &err);
	return rc == -EACCES && strstr(err.what, inside) != NULL ? 0 : 1;
}

/* A started program inherits it, and confines itself further. */
static int
front_within(void)
{
	const struct bh_confine_path path[] = {{"/proc", BH_CONFINE_READ}};
	struct bh_confine_report report;
	pid_t pid;
	int status = 0;

	if (bh_confine_gateway(path, 1, &report, NULL) != 0)
		return NOT_CONFINED;
	pid = fork();
	if (pid == 0) {
		if (bh_confine_front(64, &report, NULL) != 0)
			_exit(NOT_CONFINED);
		socket(AF_UNIX, SOCK_STREAM, 0);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? 0 : 1;
}

static int
in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int
with_folder(int (*fn)(void))
{
	int rc;

	strcpy(inside + sizeof(inside) - 7, "XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(inside));
	rc = in_child(fn);
	CU_ASSERT_EQUAL(rmdir(inside), 0);
	return rc;
}

static void
every_thread_is_confined(void)
{
	CU_ASSERT_EQUAL(with_folder(many_threads), 0);
}

static void
a_folder_that_is_missing_is_named(void)
{
	CU_ASSERT_EQUAL(in_child(missing_folder), 0);
}

static void
a_folder_that_could_not_be_written_later_is_named(void)
{
	CU_ASSERT_EQUAL(with_folder(folder_of_another), 0);
}

static void
a_confined_gateway_starts_a_confined_http_process(void)
{
	CU_ASSERT_EQUAL(in_child(front_within), 0);
}

static void
what_the_http_process_may_the_gateway_may(void)
{
	long nr;

	/* It inherits the gateway's filter. */
	for (nr = 0; nr < 600; nr++)
		CU_ASSERT(!bh_confine_call_listed(nr, true) || bh_confine_call_listed(nr, false));
	CU_ASSERT(bh_confine_call_listed(SYS_execve, false));
	CU_ASSERT(!bh_confine_call_listed(SYS_execve, true));
}

const struct bh_unit_test bh_suite_confine_gateway[] = {
	BH_TEST(every_thread_is_confined),
	BH_TEST(a_folder_that_is_missing_is_named),
	BH_TEST(a_folder_that_could_not_be_written_later_is_named),
	BH_TEST(a_confined_gateway_starts_a_confined_http_process),
	BH_TEST(what_the_http_process_may_the_gateway_may),
	BH_TEST_END,
};
