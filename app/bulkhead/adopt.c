/* The gateway that comes: it asks the one that runs for its place, starts beside it with what that one let go, takes its flows,
 * and forwards from the moment the other one has stopped. Control thread, while it starts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../bulkhead-bypass/guardian.h"
#include "pass.h"

struct bh_adopting {
	int socket;
	pid_t pid; /* of the one that runs */
	uint8_t *page;
	uint8_t *block; /* one, out of the other's reach */
	int fd[BH_PASS_FDS];
	uint64_t endpoints; /* bytes of them */
	uint32_t watchdog_ms;
	struct bh_handover_reader reader;
	struct bh_pass_names names;
	uint64_t stopped_ns;
	bool whole, last;
};

/* ---- the conversation ------------------------------------------------------------------------------------ */

static int
ask(struct bh_adopting *a, struct bh_pass_message *m, int *fd, struct bh_err *err)
{
	int rc = bh_pass_receive(a->socket, m, fd, fd != NULL ? BH_PASS_FDS : 0, BH_PASS_WAIT_MS);

	if (rc == 0)
		return 0;
	return bh_err_set(err, -rc, "the gateway that runs (pid %d) %s", (int)a->pid,
			  rc == -EAGAIN       ? "does not answer"
			  : rc == -ECONNRESET ? "has ended the handover"
					      : "says what is not understood");
}

static int
say(struct bh_adopting *a, enum bh_pass_kind kind, uint32_t slot)
{
	struct bh_pass_message m = {.kind = (uint16_t)kind, .slot = slot};

	return bh_pass_send(a->socket, &m, NULL, 0);
}

/* -ENOENT: there is none. */
static int
connect_to(struct bh_adopting *a, const struct bh_config *c, struct bh_err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct ucred who = {0};
	socklen_t size = sizeof(who);
	int rc;

	if (bh_pass_path(c, to.sun_path, sizeof(to.sun_path)) != 0)
		return bh_err_set(err, ENAMETOOLONG, "run_dir '%s' is too long for a socket",
				  c->run_dir);
	a->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (a->socket < 0)
		return bh_err_set(err, errno, "cannot make a socket: %s", strerror(errno));
	if (connect(a->socket, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		rc = errno == ECONNREFUSED ? ENOENT : errno;
		return bh_err_set(err, rc,
				  "no gateway to take over from: %s: %s; start without --adopt",
				  to.sun_path, strerror(errno));
	}
	if (getsockopt(a->socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
	    who.uid != geteuid())
		return bh_err_set(err, EPERM, "%s is another user's", to.sun_path);
	a->pid = who.pid;
	return 0;
}

/* Memory that both map; neither can make it smaller. */
static int
make_page(struct bh_adopting *a, int *fd, struct bh_err *err)
{
	*fd = memfd_create("bulkhead-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)BH_PASS_BYTES) != 0 ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return bh_err_set(err, errno, "cannot make shared memory: %s", strerror(errno));
	a->page = mmap(NULL, BH_PASS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	a->block = malloc(BH_PASS_SLOT);
	if (a->page == MAP_FAILED || a->block == NULL)
		return bh_err_set(err, ENOMEM, "cannot map shared memory");
	return 0;
}

static int
greet(struct bh_adopting *a, const struct bh_config *c, struct bh_err *err)
{
	struct bh_pass_message m = {.kind = BH_PASS_HELLO, .ports = c->n_ports};
	int memory = -1;
	int rc = make_page(a, &memory, err);

	if (rc == 0 && bh_pass_send(a->socket, &m, &memory, 1) != 0)
		rc = bh_err_set(err, EPIPE, "the gateway that runs does not listen");
	if (memory >= 0)
		close(memory);
	if (rc == 0)
		rc = ask(a, &m, NULL, err);
	/* The socket's credentials are those of the gateway that made it, maybe long ago. */
	if (rc == 0)
		a->pid = (pid_t)m.value;
	if (rc != 0 || m.kind == BH_PASS_WELCOME)
		return rc;
	return bh_err_set(err, ENOTSUP,
			  "the gateway that runs (pid %d) can't be taken over, and goes on: %s; to "
			  "start without its flows, end it first",
			  (int)a->pid, m.text);
}

/* Its locks and sockets, once it has closed what we have to open. */
static int
take_place(struct bh_adopting *a, struct bh_err *err)
{
	struct bh_pass_message m;
	int fd[BH_PASS_FDS], rc;
	unsigned i, n = 0;

	if (say(a, BH_PASS_RELEASE, 0) != 0)
		return bh_err_set(err, EPIPE, "the gateway that runs has gone");
	rc = ask(a, &m, fd, err);
	if (rc != 0)
		return rc;
	for (i = 0; i < BH_PASS_FDS; i++) {
		if ((m.present[i / 64] >> i % 64 & 1) != 0 && n < m.n_fds)
			a->fd[i] = fd[n++];
	}
	a->endpoints = m.value;
	a->watchdog_ms = m.len;
	return m.kind == BH_PASS_RELEASED ? 0 : bh_err_set(err, EPROTO, "no place was released");
}

int
bh_daemon_adopt_begin(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_adopting *a = calloc(1, sizeof(*a));
	unsigned i;
	int rc;

	if (a == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	a->socket = -1;
	for (i = 0; i < BH_PASS_FDS; i++)
		a->fd[i] = -1;
	rc = connect_to(a, &d->config, err);
	if (rc == 0)
		rc = greet(a, &d->config, err);
	if (rc == 0)
		rc = take_place(a, err);
	if (rc != 0) {
		/* The end of the connection is what the other one waits for. */
		if (a->socket >= 0)
			close(a->socket);
		free(a->block);
		free(a);
		return rc;
	}
	bh_pass_names(&d->config, &a->names);
	bh_handover_reader_init(&a->reader, &a->names.self);
	d->adopting = a;
	d->pass_fd = a->fd[BH_PASS_FD_SELF];
	d->api_fd = a->fd[BH_PASS_FD_API];
	d->failure_fd = a->fd[BH_PASS_FD_FAILURE];
	d->watchdog_ns = a->watchdog_ms * BH_NS_PER_MS;
	return 0;
}

bool
bh_daemon_adopt_loan(const struct bh_daemon *d, unsigned port, struct bh_port_loan *out)
{
	if (d->adopting == NULL)
		return false;
	memcpy(out->fd, &d->adopting->fd[BH_PASS_FD_PORTS + 3 * port], sizeof(out->fd));
	return true;
}

int
bh_daemon_adopt_endpoints(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_adopting *a = d->adopting;
	int fd = a->fd[BH_PASS_FD_ENDPOINTS], rc;
	char *text = a->endpoints < SIZE_MAX / 2 ? malloc(a->endpoints + 1) : NULL;
	uint32_t n = 0;

	if (text == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	if (fd < 0 || pread(fd, text, a->endpoints, 0) != (ssize_t)a->endpoints) {
		free(text);
		return bh_err_set(err, EPROTO, "endpoints of the gateway before can't be read");
	}
	text[a->endpoints] = '\0';
	rc = bh_pass_take_endpoints(d->policy, text, &n, err);
	if (rc == 0)
		bh_log(BH_LOG_INFO, "handover: %u endpoints that were pushed", n);
	free(text);
	close(fd);
	return rc;
}

/* ---- flows ------------------------------------------------------------------------------------------------ */

static void
nap(struct bh_daemon *d)
{
	const struct timespec t = {.tv_nsec = 50000};

	bh_gateway_control(d->gateway);
	nanosleep(&t, NULL);
}

static int
enter(struct bh_daemon *d, const struct bh_pass_message *m, struct bh_err *err)
{
	struct bh_adopting *a = d->adopting;
	struct bh_flow_record *r;
	uint32_t n, done = 0;
	int rc;

	if (m->slot >= BH_PASS_SLOTS || m->len > BH_PASS_SLOT)
		return bh_err_set(err, EPROTO, "a place that is not there");
	/* What is checked is what is used. */
	memcpy(a->block, a->page + m->slot * BH_PASS_SLOT, m->len);
	rc = bh_handover_read(&a->reader, a->block, m->len, &r, &n, err);
	if (rc < 0)
		return rc;
	if (say(a, BH_PASS_FREE, m->slot) != 0)
		return bh_err_set(err, EPIPE, "the gateway that runs has gone");
	while ((done += bh_gateway_adopt(d->gateway, r + done, n - done)) < n)
		nap(d);
	return 0;
}

static void
wait_adopted(struct bh_daemon *d)
{
	while (!bh_gateway_adopted(d->gateway))
		nap(d);
}

/* All of them, then those that changed meanwhile, while nothing is forwarded. */
static int
take_flows(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_adopting *a = d->adopting;
	struct bh_pass_message m;
	int rc = 0;

	if (say(a, BH_PASS_TELL, 0) != 0)
		return bh_err_set(err, EPIPE, "the gateway that runs has gone");
	while (rc == 0 && !a->last) {
		rc = ask(a, &m, NULL, err);
		if (rc != 0)
			break;
		if (m.kind == BH_PASS_BLOCK) {
			rc = enter(d, &m, err);
		} else if (m.kind == BH_PASS_WHOLE) {
			wait_adopted(d);
			rc = say(a, BH_PASS_SWITCH, 0);
		} else if (m.kind == BH_PASS_LAST) {
			a->last = true;
			a->stopped_ns = m.value;
			/* The other one's guardian does nothing any more. */
			bh_daemon_failure_phase(d, BH_GUARDIAN_STARTING);
		} else {
			rc = bh_err_set(err, EPROTO, "a message that has no place here");
		}
	}
	return rc;
}

int
bh_daemon_adopt_flows(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_carry_params params = {.ring = 1u << 16, .per_turn = 1024};
	/* One that is to have a twin is ready for its flows already. */
	int rc = bh_daemon_pair(d) == NULL ? bh_gateway_adopt_start(d->gateway, &params) : 0;
	unsigned i;

	if (rc != 0)
		return bh_err_set(err, -rc, "cannot take flows over: %s", strerror(-rc));
	rc = take_flows(d, err);
	if (rc != 0)
		return rc;
	wait_adopted(d);
	for (i = 0; i < d->n_ports; i++)
		bh_port_own(d->port[i]);
	return 0;
}

void
bh_daemon_adopt_end(struct bh_daemon *d)
{
	struct bh_adopting *a = d->adopting;
	uint64_t now = bh_clock_system.mono_ns(NULL);
	struct bh_carry_counts c;
	char text[200];

	/* Before the other one ends, which would be the end of the service. */
	bh_daemon_background_main(d);
	say(a, BH_PASS_DONE, 0);
	bh_gateway_carry_counts(d->gateway, &c);
	if (bh_daemon_pair(d) == NULL)
		bh_gateway_adopt_stop(d->gateway);
	snprintf(text, sizeof(text),
		 "took over from pid %d: %llu flows kept, %llu left out, %.1f ms not forwarding",
		 (int)a->pid, (unsigned long long)(c.adopted - c.ended),
		 (unsigned long long)(c.full + a->reader.misfits),
		 (double)(now - a->stopped_ns) / (double)BH_NS_PER_MS);
	bh_log(BH_LOG_INFO, "handover: %s", text);
	close(a->socket);
	munmap(a->page, BH_PASS_BYTES);
	free(a->block);
	free(a);
	d->adopting = NULL;
}
