/* confine: what a process gives away once it has started. Capabilities, files (Landlock), system calls (seccomp), limits.
 *
 * Usage     bh_confine_gateway() once, when everything that needs more rights is open: it confines every thread of the
 *           process, those of DPDK too. bh_confine_front() in the HTTP process, before it reads a byte.
 * Threads   both are called from one thread. Threads made later, and programs started later, inherit what is in force.
 * Lifetime  for good: nothing here can be taken back, by nobody.
 *
 * Refused calls: the gateway's get EPERM (a library that tries something new must not end the traffic), those of the HTTP
 * process end it (SIGSYS; it is started again). syscall.def is the list of both.
 */
#ifndef BH_CONFINE_H
#define BH_CONFINE_H

#include "../base/base.h"

enum {
	BH_CONFINE_READ = 1 << 0,     /* files and folders below */
	BH_CONFINE_WRITE = 1 << 1,    /* and change, make and remove them */
	BH_CONFINE_RUN = 1 << 2,      /* and execute */
	BH_CONFINE_OPTIONAL = 1 << 3, /* leave out what is not there */
};

struct bh_confine_path {
	const char *path; /* a folder and all below it, or a file */
	unsigned access;
};

struct bh_confine_report {
	int landlock; /* version of its interface; 0: this kernel has none, files are not confined */
	unsigned threads; /* confined */
};

/* Leave to all threads: these files, the capabilities CAP_KILL, CAP_SETGID, CAP_SETUID (the HTTP process is started again)
 * and CAP_NET_ADMIN (links are taken down), and the calls of syscall.def; no TCP port is opened any more. What the ended
 * rights allowed to do later is raised before (memory that is locked, priority). A path that is to be written and that
 * the capabilities that stay do not allow to write is an error. 0; -errno, err says what failed and what to do; some
 * threads may be confined then: end. */
int bh_confine_gateway(const struct bh_confine_path *path, size_t n, struct bh_confine_report *out,
		       struct bh_err *err);

/* Leave to this process, of one thread, what its open descriptors allow: no path, no new descriptor but accepted
 * connections, no capability, no process, max_files descriptors. 0 or -errno with err set. */
int bh_confine_front(unsigned max_files, struct bh_confine_report *out, struct bh_err *err);

/* The steps by themselves, for tests. */
bool bh_confine_call_listed(long nr, bool front);
int bh_confine_landlock_version(void); /* 0: there is none */

#endif
