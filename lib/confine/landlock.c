/* Landlock by its system calls: glibc 2.36 has no functions for them, and the kernel's header of that time not all rights.
 * What a kernel's version does not know is left out (linux: Documentation/userspace-api/landlock.rst). */
#include "confine_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#define REFER (UINT64_C(1) << 13)     /* version 2: move to another folder */
#define TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define BIND_TCP (UINT64_C(1) << 0)   /* version 4 */
#define CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ALL UINT64_C(3) /* version 6: abstract Unix sockets, signals */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define MAKE                                                                                       \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                          \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | MAKE | REFER | TRUNCATE | IOCTL_DEV)
#define OF_A_FILE                                                                                  \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |                            \
	 LANDLOCK_ACCESS_FS_EXECUTE | TRUNCATE | IOCTL_DEV)

/* struct landlock_ruleset_attr of version 6: older kernels take it as long as the rest is zero. */
struct attr {
	uint64_t fs, net, scoped;
};

int
bh_confine_landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v < 0 ? 0 : (int)v;
}

static uint64_t
known_fs(int version)
{
	uint64_t fs = (UINT64_C(1) << 13) - 1;

	if (version >= 2)
		fs |= REFER;
	if (version >= 3)
		fs |= TRUNCATE;
	if (version >= 5)
		fs |= IOCTL_DEV;
	return fs;
}

static int
allow(int ruleset, const struct bh_confine_path *p, uint64_t known)
{
	uint64_t access = (p->access & BH_CONFINE_READ) != 0 ? READ : 0;
	struct landlock_path_beneath_attr rule;
	struct stat st;
	int fd = open(p->path, O_PATH | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno == ENOENT && (p->access & BH_CONFINE_OPTIONAL) != 0 ? 0 : -errno;
	if ((p->access & BH_CONFINE_WRITE) != 0)
		access |= WRITE;
	if ((p->access & BH_CONFINE_RUN) != 0)
		access |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISDIR(st.st_mode))
		access &= OF_A_FILE;
	rule = (struct landlock_path_beneath_attr){.allowed_access = access & known,
						   .parent_fd = fd};
	if (rc == 0 &&
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

int
bh_landlock_ruleset(enum bh_landlock_kind kind, const struct bh_confine_path *path, size_t n,
		    int *version, int *fd, struct bh_err *err)
{
	struct attr attr = {0};
	size_t i;

	*fd = -1;
	*version = bh_confine_landlock_version();
	if (*version == 0)
		return 0;
	attr.fs = known_fs(*version);
	if (*version >= 4)
		attr.net = kind == BH_LANDLOCK_FRONT ? BIND_TCP | CONNECT_TCP : BIND_TCP;
	if (*version >= 6 && kind == BH_LANDLOCK_FRONT)
		attr.scoped = SCOPE_ALL;
	*fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (*fd < 0)
		return bh_err_set(err, errno, "sandbox: Landlock takes no rules: %s",
				  strerror(errno));
	for (i = 0; i < n; i++) {
		int rc = allow(*fd, &path[i], attr.fs);

		if (rc != 0) {
			close(*fd);
			*fd = -1;
			return bh_err_set(err, -rc, "sandbox: %s: %s", path[i].path, strerror(-rc));
		}
	}
	return 0;
}
