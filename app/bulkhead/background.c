/* --background: whoever started the gateway gets its exit status once this forwards, or has given up, and leaves it running.
 * For ExecReload=, whose end systemd waits for, and whose process alone it believes that the main one is another now
 * (NotifyAccess=exec). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

/* A word to the service manager is a datagram, sent at once. */
#define WORD_MS 5000

/* The starter waits here: for a pid, which is that of the service's main process from now on, and for one byte from a gateway
 * that forwards. One that has ended says nothing more. */
static void __attribute__((noreturn)) wait_for(struct bh_daemon *d, pid_t helper, int fd)
{
	char text[32];
	int32_t pid;
	ssize_t n;

	waitpid(helper, NULL, 0);
	bh_daemon_notify_open(d);
	for (;;) {
		n = read(fd, &pid, sizeof(pid));
		if (n == (ssize_t)sizeof(pid)) {
			snprintf(text, sizeof(text), "MAINPID=%d", pid);
			bh_daemon_notify(d, text);
			(void)!write(fd, "", 1);
		} else if (n >= 0 || errno != EINTR) {
			_exit(n == 1 ? BH_EXIT_OK : BH_EXIT_FAILED);
		}
	}
}

int
bh_daemon_background(struct bh_daemon *d, struct bh_err *err)
{
	pid_t helper, self;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
		return bh_err_set(err, errno, "cannot make a socket: %s", strerror(errno));
	helper = fork();
	if (helper < 0)
		return bh_err_set(err, errno, "cannot fork: %s", strerror(errno));
	if (helper > 0) {
		close(fd[1]);
		wait_for(d, helper, fd[0]);
	}
	close(fd[0]);
	/* By way of a process that ends at once: the gateway is nobody's child then but the service manager's. */
	self = getpid();
	helper = fork();
	if (helper != 0)
		_exit(helper > 0 ? 0 : 1);
	while (getppid() == self)
		usleep(1000);
	setsid();
	d->tell_fd = fd[1];
	return 0;
}

void
bh_daemon_background_main(struct bh_daemon *d)
{
	struct pollfd answer = {.fd = d->tell_fd, .events = POLLIN};
	const int32_t pid = (int32_t)getpid();
	char text[32], word;

	if (d->tell_fd < 0) {
		snprintf(text, sizeof(text), "MAINPID=%d", pid);
		bh_daemon_notify(d, text);
	} else if (write(d->tell_fd, &pid, sizeof(pid)) != (ssize_t)sizeof(pid) ||
		   poll(&answer, 1, WORD_MS) <= 0 || read(d->tell_fd, &word, 1) != 1) {
		bh_log(BH_LOG_WARN, "who started this does not tell the service manager of it");
	}
}

void
bh_daemon_background_end(struct bh_daemon *d)
{
	if (d->tell_fd < 0)
		return;
	(void)!write(d->tell_fd, "", 1);
	close(d->tell_fd);
	d->tell_fd = -1;
}
