/* What becomes of the ports when this process is gone (failure in the configuration): who sees to it is another one,
 * bulkhead-bypass, which is started here and told each turn that the control core lives. And what happened last time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "../bulkhead-bypass/guardian.h"
#include "daemon.h"

#define PROGRAM "bulkhead-bypass"
/* The guardian of a gateway before this one may still be at it: kernel, then hook. */
#define FORMER_MS 15000

static bool
wanted(const struct bh_config *c)
{
	return c->failure_stop != BH_FAILURE_CLOSED || c->failure_crash != BH_FAILURE_CLOSED ||
	       c->failure_stall != BH_FAILURE_CLOSED || c->failure_hook[0] != '\0';
}

int
bh_daemon_failure_check(const struct bh_config *c, struct bh_err *err)
{
	const bool bypass = c->failure_stop == BH_FAILURE_BYPASS ||
			    c->failure_crash == BH_FAILURE_BYPASS ||
			    c->failure_stall == BH_FAILURE_BYPASS;
	struct bh_device d;
	unsigned i;

	if (c->failure_hook[0] != '\0' && access(c->failure_hook, X_OK) != 0)
		return bh_err_set(err, errno, "failure.hook: %s cannot be run: %s", c->failure_hook,
				  strerror(errno));
	for (i = 0; i < c->n_ports && bypass && c->failure_hook[0] == '\0'; i++) {
		if (bh_device_parse(&d, c->port[i].device, NULL) == 0 && d.ifname[0] == '\0')
			return bh_err_set(
				err, EINVAL,
				"failure: port %s (%s) is no kernel interface, which the "
				"kernel could join to another one: write failure.hook with a "
				"program for its bypass, or down",
				c->port[i].name, c->port[i].device);
	}
	return 0;
}

/* One guardian of these ports at a time; the lock goes on to it. Gateways of other ports, or of other network namespaces,
 * may share a run_dir. */
static int
take_lock(const struct bh_config *c, struct bh_err *err)
{
	char path[400];
	struct stat st;
	int fd, ms;

	if (stat("/proc/self/ns/net", &st) != 0)
		st.st_ino = 0;
	snprintf(path, sizeof(path), "%s/failure-%s@%lu.lock", c->run_dir, c->port[0].name,
		 (unsigned long)st.st_ino);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return bh_err_set(err, errno, "%s: %s", path, strerror(errno));
	for (ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; ms += 10) {
		if (ms >= FORMER_MS) {
			close(fd);
			return bh_err_set(err, EBUSY,
					  "%s is locked: the " PROGRAM
					  " of an earlier gateway still runs; end it",
					  path);
		}
		usleep(10000);
	}
	return fd;
}

static void
fill(struct bh_daemon *d, struct bh_guardian *g)
{
	const struct bh_config *c = &d->config;
	unsigned i;

	g->stop = c->failure_stop;
	g->crash = c->failure_crash;
	g->stall = c->failure_stall;
	g->after_ms = (uint32_t)c->failure_after_ms;
	g->pid = getpid();
	/* Until this one forwards itself, its end is nobody's loss. */
	g->phase = d->adopting != NULL ? BH_GUARDIAN_PASSED : BH_GUARDIAN_STARTING;
	g->n_pairs = c->n_pairs;
	for (i = 0; i < c->n_pairs; i++) {
		const struct bh_config_pair *p = &c->pair[i];

		snprintf(g->pair[i].name, sizeof(g->pair[i].name), "%s", p->name);
		snprintf(g->pair[i].a, sizeof(g->pair[i].a), "%s",
			 bh_port_info(d->port[p->inside])->ifname);
		snprintf(g->pair[i].b, sizeof(g->pair[i].b), "%s",
			 bh_port_info(d->port[p->outside])->ifname);
	}
	snprintf(g->hook, sizeof(g->hook), "%s", c->failure_hook);
	snprintf(g->record, sizeof(g->record), "%s/failure.json", c->run_dir);
}

static int
spawn(const int fd[3], struct bh_err *err)
{
	char program[BH_FRONT_PROGRAM_MAX], name[] = PROGRAM;
	char *argv[] = {name, NULL}, *envp[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int high[3], i, rc;
	pid_t pid;

	rc = bh_daemon_program(PROGRAM, program, sizeof(program), err);
	if (rc != 0)
		return rc;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	/* A session of its own: what is sent to the gateway's terminal or group is not for it. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSID);
	/* By way of high numbers: each may sit where another one goes. */
	for (i = 0; i < 3; i++) {
		high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 16);
		posix_spawn_file_actions_adddup2(&files, high[i], BH_GUARDIAN_PAGE + i);
	}
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, BH_GUARDIAN_LOCK + 1);
	rc = posix_spawn(&pid, program, &files, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	for (i = 0; i < 3; i++)
		close(high[i]);
	if (rc != 0)
		return bh_err_set(err, rc, "cannot start %s: %s", program, strerror(rc));
	bh_log(BH_LOG_INFO, "failure: %s watches (pid %d)", PROGRAM, (int)pid);
	return 0;
}

int
bh_daemon_failure_start(struct bh_daemon *d, struct bh_err *err)
{
	int fd[3] = {-1, -1, -1}, channel[2] = {-1, -1}, rc = 0;

	d->guardian_fd = -1;
	if (!wanted(&d->config))
		return 0;
	/* Taken over from a gateway that still runs: the lock is one with that of its guardian. */
	fd[2] = d->failure_fd >= 0 ? d->failure_fd : take_lock(&d->config, err);
	if (fd[2] < 0)
		return fd[2];
	fd[0] = memfd_create("bulkhead-guardian", MFD_CLOEXEC);
	if (fd[0] < 0 || ftruncate(fd[0], sizeof(*d->guardian)) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
		rc = bh_err_set(err, errno, "failure: %s", strerror(errno));
		goto out;
	}
	fd[1] = channel[1];
	d->guardian =
		mmap(NULL, sizeof(*d->guardian), PROT_READ | PROT_WRITE, MAP_SHARED, fd[0], 0);
	if (d->guardian == MAP_FAILED) {
		d->guardian = NULL;
		rc = bh_err_set(err, errno, "failure: %s", strerror(errno));
		goto out;
	}
	fill(d, d->guardian);
	rc = spawn(fd, err);
	if (rc == 0) {
		d->guardian_fd = channel[0];
		channel[0] = -1;
	}
out:
	if (channel[0] >= 0)
		close(channel[0]);
	if (channel[1] >= 0)
		close(channel[1]);
	if (fd[0] >= 0)
		close(fd[0]);
	d->failure_fd = fd[2];
	return rc;
}

void
bh_daemon_failure_beat(struct bh_daemon *d)
{
	if (d->guardian != NULL)
		__atomic_store_n(&d->guardian->beat, d->guardian->beat + 1, __ATOMIC_RELAXED);
}

/* It says nothing ever: what can be read is its end. */
void
bh_daemon_failure_watch(struct bh_daemon *d)
{
	struct pollfd fd = {.fd = d->guardian_fd, .events = POLLIN};

	if (d->guardian == NULL || d->guardian_fd < 0 || poll(&fd, 1, 0) <= 0)
		return;
	close(d->guardian_fd);
	d->guardian_fd = -1;
	bh_log(BH_LOG_ERROR,
	       PROGRAM " has ended: after a failure nothing will pass, but links stay up");
	bh_daemon_record(
		d, BH_EVENT_GUARDIAN_LOST, NULL,
		"after a failure nothing will pass, but links stay up, whatever failure says");
}

void
bh_daemon_failure_phase(struct bh_daemon *d, unsigned phase)
{
	if (d->guardian != NULL)
		__atomic_store_n(&d->guardian->phase, phase, __ATOMIC_RELAXED);
}

bool
bh_daemon_failure_stopping(struct bh_daemon *d)
{
	if (d->guardian == NULL || d->guardian_fd < 0)
		return false;
	bh_daemon_failure_phase(d, BH_GUARDIAN_STOPPING);
	return d->config.failure_stop == BH_FAILURE_BYPASS;
}

/* ---- the time before --------------------------------------------------------------------------------------- */

static uint64_t
seconds_of(const char *time)
{
	struct tm tm = {0};

	return strptime(time, "%Y-%m-%dT%H:%M:%S", &tm) != NULL ? (uint64_t)timegm(&tm) : 0;
}

static void
tell(struct bh_daemon *d, const json_t *o)
{
	const char *time = "", *cause = "", *action = "", *error = NULL;
	char text[700];

	if (json_unpack((json_t *)o, "{s:s, s:s, s:s, s?s}", "time", &time, "cause", &cause,
			"action", &action, "error", &error) != 0)
		return;
	snprintf(text, sizeof(text), "%s at %s: %s until now%s%s", cause, time,
		 strcmp(action, "bypass") == 0 ? "bypassed, nothing was judged"
		 : strcmp(action, "down") == 0 ? "links were down"
					       : "nothing passed",
		 error != NULL ? "; " : "", error != NULL ? error : "");
	bh_log(BH_LOG_WARN, "the gateway before this one: %s", text);
	snprintf(d->failure.cause, sizeof(d->failure.cause), "%s", cause);
	snprintf(d->failure.action, sizeof(d->failure.action), "%s", action);
	/* Release: the API's thread reads the words behind it. */
	__atomic_store_n(&d->failure.time_s, seconds_of(time), __ATOMIC_RELEASE);
	/* What was ordered is no alarm, but for frames that nobody judged. */
	if (strcmp(cause, "stop") != 0 || strcmp(action, "bypass") == 0)
		bh_daemon_record(d, BH_EVENT_GATEWAY_FAILED, NULL, text);
}

void
bh_daemon_failure_forwarding(struct bh_daemon *d)
{
	char path[320], last[340];
	json_error_t why;
	json_t *o;

	bh_daemon_failure_phase(d, BH_GUARDIAN_FORWARDING);
	snprintf(path, sizeof(path), "%s/failure.json", d->config.run_dir);
	o = json_load_file(path, 0, &why);
	if (o == NULL)
		return;
	tell(d, o);
	json_decref(o);
	snprintf(last, sizeof(last), "%s.last", path);
	if (rename(path, last) != 0)
		bh_log(BH_LOG_WARN, "%s: %s", path, strerror(errno));
}
