/* bulkhead-bypass: watches over one gateway, and does what the configuration says (failure) when that is gone: its process
 * has ended, or its control core has stopped turning. Started by the gateway; ends when it has done it, and what it did
 * stays in the kernel until the next gateway's ports start. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/event/event.h"
#include "../../lib/port/bypass.h"
#include "guardian.h"

/* A process that was killed ends at once, but for one that waits in a driver. */
#define END_MS 5000
#define HOOK_MS 10000

static const char *const actions[] = {"closed", "down", "bypass"};

struct failure {
	const char *cause;
	enum bh_failure action; /* what was done at last */
	char error[512];
};

/* Its end as a descriptor; -1: it has ended before. */
static int
open_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* All its descriptors are closed then: no socket of it takes a frame any more. */
static bool
has_ended(int process, int ms)
{
	struct pollfd fd = {.fd = process, .events = POLLIN};
	int rc;

	if (process < 0)
		return true;
	do
		rc = poll(&fd, 1, ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

static uint32_t
now(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* Until the gateway ends or is silent for too long; true: silent. Silence is counted in waits of our own, so that a machine
 * that was suspended, or so busy that neither of us ran, is no failure. */
static bool
watch(const struct bh_guardian *g)
{
	const int wait_ms = (int)(g->after_ms / 8 > 5 ? g->after_ms / 8 : 5);
	struct pollfd fd = {.fd = BH_GUARDIAN_CHANNEL, .events = POLLIN};
	uint32_t last = 0, beat, silent_ms = 0;
	int rc;

	for (;;) {
		rc = poll(&fd, 1, wait_ms);
		if (rc > 0)
			return false;
		beat = now(&g->beat);
		if (g->stall == BH_FAILURE_CLOSED || now(&g->phase) != BH_GUARDIAN_FORWARDING ||
		    beat != last)
			silent_ms = 0;
		else if (rc == 0)
			silent_ms += (uint32_t)wait_ms;
		last = beat;
		if (silent_ms >= g->after_ms)
			return true;
	}
}

static void
complain(struct failure *f, const struct bh_err *err)
{
	bh_log(BH_LOG_ERROR, "%s", err->what);
	if (f->error[0] == '\0')
		snprintf(f->error, sizeof(f->error), "%s", err->what);
}

static void
take_down(const char *name, struct failure *f)
{
	struct bh_err err = {0};

	if (name[0] != '\0' && bh_bypass_down(name, &err) != 0)
		complain(f, &err);
}

/* A pair that cannot be joined is closed instead. */
static void
act(const struct bh_guardian *g, struct failure *f)
{
	const enum bh_failure wanted = f->action;
	unsigned i;

	for (i = 0; i < g->n_pairs && wanted != BH_FAILURE_CLOSED; i++) {
		const char *a = g->pair[i].a, *b = g->pair[i].b;
		struct bh_err err = {0};

		if (wanted == BH_FAILURE_BYPASS && a[0] != '\0' && b[0] != '\0') {
			if (bh_bypass_join(a, b, &err) == 0)
				continue;
			complain(f, &err);
			f->action = BH_FAILURE_DOWN;
		}
		take_down(a, f);
		take_down(b, f);
	}
}

static void
write_record(const struct bh_guardian *g, const struct failure *f)
{
	char when[32], part[sizeof(g->record) + 8];
	struct bh_buf text = {0};
	struct bh_json j = {.out = &text};
	FILE *out;
	unsigned i;

	bh_time_format(bh_clock_system.wall_ns(NULL), when, sizeof(when));
	bh_json_open(&j, NULL, '{');
	bh_json_str(&j, "time", when);
	bh_json_str(&j, "cause", f->cause);
	bh_json_str(&j, "action", actions[f->action]);
	bh_json_u64(&j, "pid", (uint64_t)g->pid);
	if (f->error[0] != '\0')
		bh_json_str(&j, "error", f->error);
	bh_json_open(&j, "pairs", '[');
	for (i = 0; i < g->n_pairs; i++)
		bh_json_str(&j, NULL, g->pair[i].name);
	bh_json_close(&j, ']');
	bh_json_close(&j, '}');
	snprintf(part, sizeof(part), "%s.part", g->record);
	out = text.failed ? NULL : fopen(part, "we");
	if (out == NULL || fprintf(out, "%s\n", text.data) < 0 || fclose(out) != 0 ||
	    rename(part, g->record) != 0)
		bh_log(BH_LOG_ERROR, "%s cannot be written: %s", g->record, strerror(errno));
	bh_buf_free(&text);
}

/* PROGRAM CAUSE ACTION PAIR... */
static void
run_hook(const struct bh_guardian *g, const struct failure *f)
{
	char cause[16], action[16], path[sizeof(g->hook)], name[BH_MAX_PAIRS][32];
	char *argv[BH_MAX_PAIRS + 4] = {path, cause, action}, *envp[] = {NULL};
	posix_spawnattr_t attr;
	sigset_t all;
	unsigned i;
	int status = 0, ms;
	pid_t pid;

	snprintf(path, sizeof(path), "%s", g->hook);
	snprintf(cause, sizeof(cause), "%s", f->cause);
	snprintf(action, sizeof(action), "%s", actions[f->action]);
	for (i = 0; i < g->n_pairs; i++) {
		snprintf(name[i], sizeof(name[i]), "%s", g->pair[i].name);
		argv[3 + i] = name[i];
	}
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	errno = posix_spawn(&pid, path, NULL, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	if (errno != 0) {
		bh_log(BH_LOG_ERROR, "failure.hook: %s cannot be run: %s", path, strerror(errno));
		return;
	}
	for (ms = 0; waitpid(pid, &status, WNOHANG) == 0; ms++) {
		if (ms == HOOK_MS)
			kill(pid, SIGKILL);
		usleep(1000);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bh_log(BH_LOG_ERROR, "failure.hook: %s %s %s failed, status 0x%x", path, cause,
		       action, (unsigned)status);
}

/* False: there is nothing to do, another gateway forwards. */
static bool
decide(const struct bh_guardian *g, int process, struct failure *f)
{
	if (watch(g)) {
		*f = (struct failure){.cause = "heartbeat", .action = (enum bh_failure)g->stall};
		bh_log(BH_LOG_ERROR, "the gateway (pid %d) has been silent for %u ms: killing it",
		       g->pid, g->after_ms);
		syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
	} else if (now(&g->phase) == BH_GUARDIAN_PASSED) {
		return false;
	} else if (now(&g->phase) == BH_GUARDIAN_STOPPING) {
		*f = (struct failure){.cause = "stop", .action = (enum bh_failure)g->stop};
	} else {
		*f = (struct failure){.cause = "crash", .action = (enum bh_failure)g->crash};
	}
	if (has_ended(process, END_MS))
		return true;
	/* It may still pass frames: not both at once. */
	snprintf(f->error, sizeof(f->error), "the process %d does not end", g->pid);
	bh_log(BH_LOG_ERROR, "%s", f->error);
	if (f->action == BH_FAILURE_BYPASS)
		f->action = BH_FAILURE_DOWN;
	return true;
}

int
main(void)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	const struct bh_guardian *g;
	struct failure f;
	struct stat st;
	unsigned i;
	int process;

	if (fstat(BH_GUARDIAN_PAGE, &st) != 0 || st.st_size != (off_t)sizeof(*g)) {
		fputs("bulkhead-bypass: started by bulkhead, not by hand\n", stderr);
		return 2;
	}
	g = mmap(NULL, sizeof(*g), PROT_READ, MAP_SHARED, BH_GUARDIAN_PAGE, 0);
	if (g == MAP_FAILED)
		return 1;
	/* A service manager that ends the gateway's whole group would end its guardian before its time. */
	for (i = 0; i < BH_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	process = open_process(g->pid);
	if (!decide(g, process, &f))
		return 0;
	act(g, &f);
	bh_log(f.action == BH_FAILURE_BYPASS ? BH_LOG_ERROR : BH_LOG_WARN,
	       "the gateway is gone (%s): %s", f.cause,
	       f.action == BH_FAILURE_BYPASS ? "bypassed, nothing is judged"
	       : f.action == BH_FAILURE_DOWN ? "its links are down"
					     : "nothing passes");
	write_record(g, &f);
	if (g->hook[0] != '\0')
		run_hook(g, &f);
	return 0;
}
