/* What the service manager is told (sd_notify(3)): ready, reloading, stopping, and, while the control core turns and every
 * worker answers, that all is well. The protocol is a datagram; libsystemd opens a socket for each, which the sandbox would
 * have to permit for as long as the gateway lives. Control core. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"

/* Microseconds that WATCHDOG_USEC gives to this process; 0: nobody waits. */
static uint64_t
watchdog_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (us == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(us, NULL, 10);
}

void
bh_daemon_notify_open(struct bh_daemon *d)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = name != NULL ? strlen(name) : 0;

	d->notify_fd = -1;
	if (len < 2 || len >= sizeof(to.sun_path) || (name[0] != '/' && name[0] != '@'))
		return;
	memcpy(to.sun_path, name, len);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	d->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->notify_fd >= 0 &&
	    connect(d->notify_fd, (const struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
		bh_log(BH_LOG_WARN, "NOTIFY_SOCKET %s: %s: the service manager hears nothing", name,
		       strerror(errno));
		close(d->notify_fd);
		d->notify_fd = -1;
	}
	/* Half of what it waits for, as sd_watchdog_enabled(3) asks. systemd tells its first process alone: whoever takes over
	 * from that one has it from there. */
	if (d->notify_fd < 0)
		d->watchdog_ns = 0;
	else if (watchdog_us() != 0)
		d->watchdog_ns = watchdog_us() * 1000 / 2;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
bh_daemon_notify(struct bh_daemon *d, const char *what)
{
	if (d->notify_fd >= 0)
		(void)!send(d->notify_fd, what, strlen(what), MSG_NOSIGNAL);
}

void
bh_daemon_notify_reloading(struct bh_daemon *d)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(bh_clock_system.mono_ns(NULL) / 1000));
	bh_daemon_notify(d, text);
}

void
bh_daemon_notify_ready(struct bh_daemon *d)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "READY=1\nSTATUS=forwarding: %u pairs, %u workers, mode %s, policy revision %u",
		 d->config.n_pairs, d->n_workers, bh_mode_name(d->config.mode),
		 bh_policy_revision(d->policy));
	bh_daemon_notify(d, text);
}

void
bh_daemon_notify_alive(struct bh_daemon *d, uint64_t mono_ns)
{
	if (d->watchdog_ns == 0 || mono_ns < d->next_alive_ns)
		return;
	d->next_alive_ns = mono_ns + d->watchdog_ns;
	bh_daemon_notify(d, "WATCHDOG=1");
}

void
bh_daemon_notify_close(struct bh_daemon *d)
{
	if (d->notify_fd >= 0)
		close(d->notify_fd);
	d->notify_fd = -1;
}
