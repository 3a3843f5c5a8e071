/* front: the HTTP process, started with its two descriptors and nothing else. Called from the API's thread. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

#define PROGRAM "bulkhead-api"
enum { LISTENER = 3, CHANNEL = 4 };
/* After its channel has closed it ends by itself; if it does not within this, it is killed. */
#define END_MS 1000

/* Beside this program, or where `make install` puts it. */
int
bh_daemon_program(const char *program, char *out, size_t size, struct bh_err *err)
{
	static const char *const places[] = {".", "../libexec/bulkhead", "../lib/bulkhead"};
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (n <= 0)
		return bh_err_set(err, errno, "/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < BH_ARRAY_SIZE(places); i++) {
		int len = snprintf(out, size, "%s/%s/%s", self, places[i], program);

		if (len > 0 && (size_t)len < size && access(out, X_OK) == 0)
			return 0;
	}
	return bh_err_set(err, ENOENT,
			  "the program %s is neither beside this one (%s) nor in "
			  "../libexec/bulkhead: install all of them together",
			  program, self);
}

int
bh_daemon_front_program(char *out, size_t size, struct bh_err *err)
{
	return bh_daemon_program(PROGRAM, out, size, err);
}

void
bh_daemon_front_web(const char *configured, char *out, size_t size)
{
	static const char *const places[] = {"web", "../share/bulkhead/web"};
	char self[512], index[700];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	snprintf(out, size, "%s", strcmp(configured, "off") != 0 ? configured : "");
	if (configured[0] != '\0' || n <= 0)
		return;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < BH_ARRAY_SIZE(places); i++) {
		snprintf(out, size, "%s/%s", self, places[i]);
		if (snprintf(index, sizeof(index), "%s/index.html", out) < (int)sizeof(index) &&
		    access(index, R_OK) == 0)
			return;
	}
	out[0] = '\0';
}

/* Signals as a new program expects them; of descriptors only its own two, and where errors go. */
static int
prepare(posix_spawnattr_t *attr, posix_spawn_file_actions_t *files, int listener, int channel)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETPGROUP);
	/* By way of high numbers: each may sit where the other goes. */
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, listener, LISTENER);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, channel, CHANNEL);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files, CHANNEL + 1);
	return rc;
}

int
bh_daemon_front_start(void *arg, int listener, int channel, struct bh_err *err)
{
	struct bh_daemon *d = arg;
	char program[BH_FRONT_PROGRAM_MAX], web[BH_FRONT_PROGRAM_MAX], name[] = PROGRAM;
	char user[sizeof(d->config.api_user)], sandbox[] = "sandbox", bare[] = "bare";
	char *argv[] = {name, user, d->config.sandbox ? sandbox : bare, web, NULL};
	char *envp[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int high[2], rc;

	rc = bh_daemon_front_program(program, sizeof(program), err);
	if (rc != 0)
		return rc;
	snprintf(user, sizeof(user), "%s", d->config.api_user);
	bh_daemon_front_web(d->config.api_web, web, sizeof(web));
	if (web[0] == '\0')
		argv[3] = NULL;
	high[0] = fcntl(listener, F_DUPFD_CLOEXEC, 16);
	high[1] = fcntl(channel, F_DUPFD_CLOEXEC, 16);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&files);
	rc = high[0] < 0 || high[1] < 0 ? errno : prepare(&attr, &files, high[0], high[1]);
	if (rc == 0)
		rc = posix_spawn(&d->front_pid, program, &files, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (high[0] >= 0)
		close(high[0]);
	if (high[1] >= 0)
		close(high[1]);
	if (rc == 0)
		return 0;
	return bh_err_set(err, rc, "cannot start %s: %s", program, strerror(rc));
}

void
bh_daemon_front_end(void *arg)
{
	struct bh_daemon *d = arg;
	int status = 0, ms;

	for (ms = 0; waitpid(d->front_pid, &status, WNOHANG) == 0; ms++) {
		if (ms == END_MS)
			kill(d->front_pid, SIGKILL);
		usleep(1000);
	}
	if (WIFSIGNALED(status))
		bh_log(BH_LOG_WARN, "%s was ended by signal %d (%s)", PROGRAM, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
}
