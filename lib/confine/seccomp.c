/* The filter, straight from syscall.def: a comparison a line, which the kernel (5.11 on) works out once for each call that is
 * always allowed and keeps in a bitmap, so that its length costs nothing later. */
#include "confine_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "the sandbox does not know this machine's system calls: add its AUDIT_ARCH"
#endif

enum treatment { KILL, ALLOW, REFUSE, OWN_FD, FAMILY, NO_TTY };

struct call {
	uint16_t nr;
	uint8_t gateway, front; /* enum treatment */
};

static const struct call calls[] = {
#define BH_CALL(name, gateway, front) {__NR_##name, gateway, front},
#include "syscall.def"
#undef BH_CALL
};

/* Instructions: a line has 2, three of them up to LINE_MAX; the frame around them has 6. */
#define LINE_MAX 11
#define PROGRAM_MAX (2 * BH_ARRAY_SIZE(calls) + 3 * LINE_MAX + 6)

struct program {
	struct sock_filter *code;
	unsigned short n;
};

bool
bh_confine_call_listed(long nr, bool front)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(calls); i++) {
		unsigned t = front ? calls[i].front : calls[i].gateway;

		if (calls[i].nr == nr)
			return t != KILL && t != REFUSE;
	}
	return false;
}

static void
put(struct program *p, struct sock_filter f)
{
	p->code[p->n++] = f;
}

static void
load(struct program *p, size_t offset)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void
give(struct program *p, uint32_t action)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* The word loaded is v: action; else on behind it. */
static void
give_if(struct program *p, uint32_t v, uint32_t action)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0, 1));
	give(p, action);
}

/* Low words of arguments: both machines are little-endian; the kernel takes these arguments as int. */
static size_t
argument(unsigned i)
{
	return offsetof(struct seccomp_data, args) + 8 * i;
}

static void
put_call(struct program *p, const struct call *c, bool front, uint32_t otherwise)
{
	static const uint16_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	static const uint32_t typing[] = {TIOCSTI, TIOCLINUX};
	struct program own = {.code = (struct sock_filter[LINE_MAX]){{0}}};
	unsigned treatment = front ? c->front : c->gateway, i;

	switch (treatment) {
	case KILL:
		give(&own, otherwise);
		break;
	case ALLOW:
		give(&own, SECCOMP_RET_ALLOW);
		break;
	case REFUSE:
		give(&own, SECCOMP_RET_ERRNO | EACCES);
		break;
	case OWN_FD:
		load(&own, argument(3));
		put(&own,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 1));
		give(&own, SECCOMP_RET_ALLOW);
		give(&own, SECCOMP_RET_ERRNO | EACCES);
		break;
	case FAMILY:
		load(&own, argument(0));
		for (i = 0; i < BH_ARRAY_SIZE(families); i++)
			give_if(&own, families[i], SECCOMP_RET_ALLOW);
		give(&own, otherwise);
		break;
	case NO_TTY:
		load(&own, argument(1));
		for (i = 0; i < BH_ARRAY_SIZE(typing); i++)
			give_if(&own, typing[i], otherwise);
		give(&own, SECCOMP_RET_ALLOW);
		break;
	}
	/* Each of these ends with an action: the number stays loaded for those that jump over them. */
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, c->nr, 0, (uint8_t)own.n));
	for (i = 0; i < own.n; i++)
		put(p, own.code[i]);
}

int
bh_confine_calls(bool front, struct bh_err *err)
{
	const uint32_t otherwise = front ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
	struct program p = {.code = calloc(PROGRAM_MAX, sizeof(*p.code))};
	struct sock_fprog prog;
	long rc;
	size_t i;

	if (p.code == NULL)
		return bh_err_set(err, ENOMEM, "sandbox: out of memory");
	load(&p, offsetof(struct seccomp_data, arch));
	put(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	give(&p, SECCOMP_RET_KILL_PROCESS); /* another machine's numbers mean other calls */
	load(&p, offsetof(struct seccomp_data, nr));
	for (i = 0; i < BH_ARRAY_SIZE(calls); i++)
		put_call(&p, &calls[i], front, otherwise);
	give(&p, otherwise);
	prog = (struct sock_fprog){.len = p.n, .filter = p.code};
	/* All threads or none; a thread that has a filter which is not this one's makes it fail with its number. */
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (rc < 0)
		rc = -errno;
	free(p.code);
	if (rc == 0)
		return 0;
	if (rc > 0)
		return bh_err_set(err, EBUSY, "sandbox: thread %ld has a filter of its own", rc);
	return bh_err_set(
		err, (int)-rc,
		"sandbox: the kernel takes no filter of system calls (CONFIG_SECCOMP_FILTER): "
		"%s; sandbox: off runs without",
		strerror((int)-rc));
}
