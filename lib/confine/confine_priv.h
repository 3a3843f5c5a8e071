#ifndef BH_CONFINE_PRIV_H
#define BH_CONFINE_PRIV_H

#include "confine.h"

/* landlock.c: a ruleset's descriptor, -1 where the kernel has none (*version 0), or -errno. */
enum bh_landlock_kind { BH_LANDLOCK_GATEWAY, BH_LANDLOCK_FRONT };
int bh_landlock_ruleset(enum bh_landlock_kind kind, const struct bh_confine_path *path, size_t n,
			int *version, int *fd, struct bh_err *err);

/* What a thread does to itself; calls nothing but the kernel, so that a signal handler may. */
struct bh_confine_step {
	int ruleset;   /* -1: none */
	uint64_t caps; /* that stay, a bit each */
};
/* 0 or -errno; *what: the step that failed. */
int bh_confine_thread(const struct bh_confine_step *s, const char **what);
/* threads.c: the same in every thread of the process. */
int bh_confine_threads(const struct bh_confine_step *s, unsigned *n, struct bh_err *err);

/* seccomp.c: all threads at once; no_new_privs must be set. */
int bh_confine_calls(bool front, struct bh_err *err);

#endif
