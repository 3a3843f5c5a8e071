/* The two profiles. */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/capability.h>

#include "confine_priv.h"

#define BIT(cap) (UINT64_C(1) << (cap))
/* In docs/architecture.md, with why. */
#define GATEWAY_CAPS (BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_NET_ADMIN))
/* What the HTTP process may still write to a log that is a file: it says why it ends, and no more. */
#define LOG_BYTES (1u << 20)

/* Without CAP_IPC_LOCK, memory that a device reads counts as locked; without CAP_SYS_NICE, a worker's thread may be raised as
 * far as this limit goes: 20 - 30 = -10. Where it is not permitted, it is as the starter left it. */
static void
raise_limits(void)
{
	const struct rlimit locked = {RLIM_INFINITY, RLIM_INFINITY}, nice = {30, 30};

	setrlimit(RLIMIT_MEMLOCK, &locked);
	setrlimit(RLIMIT_NICE, &nice);
}

/* Root without CAP_DAC_OVERRIDE is refused what belongs to others: now, and not when an alert is to be written. */
static int
check_writable(const struct bh_confine_path *path, size_t n, struct bh_err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int mode = R_OK | W_OK;

		if ((path[i].access & BH_CONFINE_WRITE) == 0 ||
		    (path[i].access & BH_CONFINE_OPTIONAL) != 0)
			continue;
		if (faccessat(AT_FDCWD, path[i].path, mode, AT_EACCESS) != 0)
			return bh_err_set(
				err, errno,
				"sandbox: %s cannot be written without root's rights over "
				"others' files: %s (chown it to the user that starts the "
				"gateway, or sandbox: off)",
				path[i].path, strerror(errno));
	}
	return 0;
}

int
bh_confine_gateway(const struct bh_confine_path *path, size_t n, struct bh_confine_report *out,
		   struct bh_err *err)
{
	struct bh_confine_step step = {.caps = GATEWAY_CAPS};
	int rc = bh_landlock_ruleset(BH_LANDLOCK_GATEWAY, path, n, &out->landlock, &step.ruleset,
				     err);

	if (rc != 0)
		return rc;
	raise_limits();
	rc = bh_confine_threads(&step, &out->threads, err);
	if (step.ruleset >= 0)
		close(step.ruleset);
	if (rc == 0)
		rc = check_writable(path, n, err);
	return rc == 0 ? bh_confine_calls(false, err) : rc;
}

static int
front_limits(unsigned max_files, struct bh_err *err)
{
	const struct rlimit none = {0, 0}, files = {max_files, max_files};
	struct rlimit size = none;
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		size.rlim_cur = size.rlim_max = (rlim_t)st.st_size + LOG_BYTES;
	if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NPROC, &none) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &size) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
		return bh_err_set(err, errno, "sandbox: setrlimit: %s", strerror(errno));
	return 0;
}

int
bh_confine_front(unsigned max_files, struct bh_confine_report *out, struct bh_err *err)
{
	struct bh_confine_step step = {0};
	const char *what;
	int rc = front_limits(max_files, err);

	out->threads = 1;
	if (rc == 0)
		rc = bh_landlock_ruleset(BH_LANDLOCK_FRONT, NULL, 0, &out->landlock, &step.ruleset,
					 err);
	if (rc != 0)
		return rc;
	rc = bh_confine_thread(&step, &what);
	if (step.ruleset >= 0)
		close(step.ruleset);
	if (rc != 0)
		return bh_err_set(err, -rc, "sandbox: %s: %s", what, strerror(-rc));
	return bh_confine_calls(true, err);
}
