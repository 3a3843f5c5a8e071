/* Capabilities and Landlock belong to threads, and only a thread itself can give them away. Each is asked by a signal whose
 * value points to the job: no shared state, and DPDK's threads need not know. */
#include "confine_priv.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#define THREADS_MAX 1024
#define WAIT_MS 5000
#define CAPS_MAX 64

struct job {
	const struct bh_confine_step *step;
	_Atomic int state; /* 0: asked, 1: done, -errno */
	_Atomic(const char *) what;
};

static int
drop_bounding(uint64_t keep)
{
	unsigned cap;

	for (cap = 0; cap < CAPS_MAX; cap++) {
		int there = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (there < 0)
			break; /* the kernel's last was the one before */
		/* Without CAP_SETPCAP (not started by root) it stays, and with no_new_privs it gives nothing. */
		if (there == 1 && (keep >> cap & 1) == 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EPERM)
			return -errno;
	}
	return 0;
}

static int
drop_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	unsigned i;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    syscall(SYS_capget, &head, data) != 0)
		return -errno;
	for (i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) == 0 ? 0 : -errno;
}

int
bh_confine_thread(const struct bh_confine_step *s, const char **what)
{
	int rc;

	*what = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	*what = "the bounding set";
	rc = drop_bounding(s->caps);
	if (rc != 0)
		return rc;
	*what = "Landlock";
	if (s->ruleset >= 0 && syscall(SYS_landlock_restrict_self, s->ruleset, 0) != 0)
		return -errno;
	*what = "capabilities";
	return drop_caps(s->caps);
}

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	struct job *job = info->si_value.sival_ptr;
	int saved = errno, rc;
	const char *what;

	(void)sig;
	(void)context;
	rc = bh_confine_thread(job->step, &what);
	atomic_store(&job->what, what);
	atomic_store(&job->state, rc == 0 ? 1 : rc);
	errno = saved;
}

static bool
is_there(pid_t tid)
{
	return syscall(SYS_tgkill, getpid(), tid, 0) == 0;
}

/* 0; -errno. A thread that has ended meanwhile is fine. */
static int
ask(pid_t tid, int sig, struct job *job)
{
	const struct timespec pause = {.tv_nsec = 100000};
	siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE};
	unsigned i;

	atomic_store(&job->state, 0);
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = job;
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, sig, &info) != 0)
		return errno == ESRCH ? 0 : -errno;
	for (i = 0; i < WAIT_MS * 10; i++) {
		int state = atomic_load(&job->state);

		if (state != 0)
			return state < 0 ? state : 0;
		if (!is_there(tid))
			return 0;
		nanosleep(&pause, NULL);
	}
	atomic_store(&job->what, "a thread that does not answer");
	return -ETIMEDOUT;
}

static bool
is_known(const pid_t *known, unsigned n, pid_t tid)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (known[i] == tid)
			return true;
	}
	return false;
}

/* Those that are not known yet. Number of them, or -errno. */
static int
pass(int sig, struct job *job, pid_t *known, unsigned *n)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	int found = 0, rc = 0;

	if (d == NULL) {
		atomic_store(&job->what, "/proc/self/task");
		return -errno;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid <= 0 || tid == gettid() || is_known(known, *n, tid))
			continue;
		if (*n == THREADS_MAX) {
			atomic_store(&job->what, "more threads than expected");
			rc = -E2BIG;
			break;
		}
		known[(*n)++] = tid;
		found++;
		rc = ask(tid, sig, job);
	}
	closedir(d);
	return rc < 0 ? rc : found;
}

int
bh_confine_threads(const struct bh_confine_step *s, unsigned *n, struct bh_err *err)
{
	struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction old;
	/* On the heap and not freed when a thread has not answered: it may still do so. */
	struct job *job = calloc(1, sizeof(*job));
	pid_t known[THREADS_MAX];
	int sig = SIGRTMAX - 1, rc;
	const char *what = "";

	*n = 0;
	if (job == NULL || sigaction(sig, &act, &old) != 0) {
		free(job);
		return bh_err_set(err, ENOMEM, "sandbox: no memory to confine threads");
	}
	job->step = s;
	/* A thread may be made while others are asked, by one that was not asked yet: until a pass finds none. This one
	 * is last, because the others' list is read with its rights. */
	do {
		rc = pass(sig, job, known, n);
	} while (rc > 0);
	what = atomic_load(&job->what);
	sigaction(sig, &old, NULL);
	if (rc != -ETIMEDOUT)
		free(job);
	if (rc == 0) {
		rc = bh_confine_thread(s, &what);
		(*n)++;
	}
	if (rc != 0)
		return bh_err_set(
			err, -rc,
			"sandbox: a thread cannot be confined (%s: %s); sandbox: off runs "
			"without",
			what, strerror(-rc));
	return 0;
}
