/* The gateway that is replaced: it answers who comes to take over, closes what only one process may have open, tells of its
 * flows, and stops when it is told to. Until then it forwards, and goes on if the other one fails. Control core. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_launch.h>

#include "../bulkhead-bypass/guardian.h"
#include "pass.h"

enum stage { ASKED, RELEASED, TELLING, SETTLING };

struct pass {
	struct bh_daemon *d;
	int socket;
	uint8_t *page;
	uint32_t free;   /* places, as bits */
	uint64_t number; /* of the next block */
	enum stage stage;
	bool head, whole; /* told */
	uint64_t settled_ns;
	uint64_t heard_ns; /* of the other one; or since when it is its turn */
	int endpoints;     /* memory with them, -1 */
};

/* ---- the socket ---------------------------------------------------------------------------------------- */

/* Gateways with other ports may share a run_dir. */
static bool
is_taken(int fd, const struct sockaddr_un *to)
{
	return connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno == EAGAIN;
}

int
bh_daemon_pass_open(struct bh_daemon *d, struct bh_err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, rc = 0;

	if (d->pass_fd >= 0) /* the one before this one left its own */
		return 0;
	if (bh_pass_path(&d->config, to.sun_path, sizeof(to.sun_path)) != 0)
		return bh_err_set(err, ENAMETOOLONG, "run_dir '%s' is too long for a socket",
				  d->config.run_dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return bh_err_set(err, errno, "cannot make a socket: %s", strerror(errno));
	if (is_taken(fd, &to)) {
		bh_log(BH_LOG_WARN,
		       "another gateway has the same run_dir: only that one can hand over to its "
		       "next version");
		close(fd);
		return 0;
	}
	/* What lies there is of a gateway that is gone. */
	unlink(to.sun_path);
	if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    chmod(to.sun_path, 0600) != 0 || listen(fd, 4) != 0) {
		rc = bh_err_set(err, errno, "%s: %s", to.sun_path, strerror(errno));
		close(fd);
		return rc;
	}
	d->pass_fd = fd;
	return 0;
}

void
bh_daemon_pass_close(struct bh_daemon *d)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (d->pass_fd < 0)
		return;
	close(d->pass_fd);
	d->pass_fd = -1;
	/* Whoever took over listens there. */
	if (!d->passed && bh_pass_path(&d->config, path, sizeof(path)) == 0)
		unlink(path);
}

/* ---- what only one process may have open ------------------------------------------------------------------- */

static void
release(struct bh_daemon *d)
{
	/* Sensors that are being compiled are waited for: this silence means nothing. */
	bh_daemon_failure_phase(d, BH_GUARDIAN_STARTING);
	bh_daemon_sensors_join(d);
	bh_daemon_names_stop(d);
	bh_daemon_labels_close(d);
	d->api_fd = d->api != NULL ? bh_api_listener(d->api) : -1;
	bh_daemon_rest_stop(d);
	bh_daemon_fleet_close(d);
	bh_evidence_close(d->evidence);
	d->evidence = NULL;
	bh_daemon_learn_close(d);
	bh_response_close(d->response);
	d->response = NULL;
	bh_daemon_usage_close(d);
	bh_daemon_notes_close(d);
	bh_daemon_store_close(d);
	bh_daemon_events_part(d);
	bh_daemon_failure_phase(d, BH_GUARDIAN_FORWARDING);
}

/* The other one failed. What can't be opened again is missing from now on, and said; packets do not wait for it. */
static void
take_back(struct bh_daemon *d)
{
	struct bh_err err = {0};
	char text[600];
	int rc;

	bh_daemon_failure_phase(d, BH_GUARDIAN_STARTING);
	rc = bh_daemon_events_join(d, &err);
	if (rc == 0)
		rc = bh_daemon_store_reopen(d, &err);
	if (rc == 0)
		rc = bh_daemon_learn_open(d, &err);
	if (rc == 0)
		rc = bh_daemon_responses_open(d, &err);
	if (rc == 0)
		rc = bh_daemon_usage_open(d);
	if (rc == 0)
		rc = bh_daemon_evidence_start(d, &err);
	if (rc == 0)
		rc = bh_daemon_fleet_open(d, &err);
	if (rc == 0)
		rc = bh_daemon_rest_start(d, &err);
	if (rc == 0)
		rc = bh_daemon_names_start(d, &err);
	bh_daemon_sensors_resume(d);
	if (rc == 0)
		rc = bh_daemon_labels_open(d, &err);
	if (rc == 0)
		rc = bh_daemon_labels_begin(d, &err);
	if (rc == 0)
		rc = bh_daemon_fleet_begin(d, &err);
	bh_daemon_failure_phase(d, BH_GUARDIAN_FORWARDING);
	if (rc == 0) {
		bh_daemon_sinks_begin(d);
		bh_log(BH_LOG_INFO, "handover: this gateway goes on as before");
		return;
	}
	snprintf(
		text, sizeof(text),
		"handover failed, and this gateway goes on without all of its control: %s; restart "
		"it",
		err.what[0] != '\0' ? err.what : strerror(-rc));
	bh_log(BH_LOG_ERROR, "%s", text);
	bh_daemon_record(d, BH_EVENT_GATEWAY_FAILED, NULL, text);
}

/* ---- messages ------------------------------------------------------------------------------------------- */

static int
say(struct pass *p, enum bh_pass_kind kind)
{
	struct bh_pass_message m = {.kind = (uint16_t)kind};

	return bh_pass_send(p->socket, &m, NULL, 0);
}

/* Endpoints that nothing on this machine's disk knows. */
static int
put_endpoints(struct pass *p, uint64_t *bytes)
{
	struct bh_buf text = {0};
	int rc = 0;

	bh_pass_put_endpoints(p->d->policy, &text);
	*bytes = text.len;
	p->endpoints = memfd_create("bulkhead-endpoints", MFD_CLOEXEC);
	if (p->endpoints < 0 || text.failed)
		rc = -ENOMEM;
	else if (text.len != 0 && pwrite(p->endpoints, text.data, text.len, 0) != (ssize_t)text.len)
		rc = -ENOMEM;
	bh_buf_free(&text);
	return rc;
}

static int
lend(struct pass *p)
{
	struct bh_pass_message m = {.kind = BH_PASS_RELEASED,
				    .ports = p->d->n_ports,
				    .len = (uint32_t)(p->d->watchdog_ns / BH_NS_PER_MS)};
	int fd[BH_PASS_FDS], all[BH_PASS_FDS], rc;
	struct bh_port_loan loan = {{-1, -1, -1}};
	unsigned i, n = 0, k;

	rc = put_endpoints(p, &m.value);
	all[BH_PASS_FD_SELF] = p->d->pass_fd;
	all[BH_PASS_FD_API] = p->d->api_fd;
	all[BH_PASS_FD_FAILURE] = p->d->failure_fd;
	all[BH_PASS_FD_ENDPOINTS] = p->endpoints;
	for (i = 0; i < p->d->n_ports && rc == 0; i++) {
		rc = bh_port_lend(p->d->port[i], &loan);
		memcpy(&all[BH_PASS_FD_PORTS + 3 * i], loan.fd, sizeof(loan.fd));
	}
	for (k = 0; rc == 0 && k < BH_PASS_FD_PORTS + 3 * p->d->n_ports; k++) {
		if (all[k] < 0)
			continue;
		m.present[k / 64] |= UINT64_C(1) << k % 64;
		fd[n++] = all[k];
	}
	return rc == 0 ? bh_pass_send(p->socket, &m, fd, n) : rc;
}

/* ---- flows ----------------------------------------------------------------------------------------------- */

static struct bh_handover_block *
place(struct pass *p, uint32_t *slot)
{
	if (p->free == 0)
		return NULL;
	*slot = (uint32_t)__builtin_ctz(p->free);
	return (struct bh_handover_block *)(void *)(p->page + *slot * BH_PASS_SLOT);
}

static int
put_block(struct pass *p, uint32_t slot, size_t len)
{
	struct bh_pass_message m = {.kind = BH_PASS_BLOCK, .slot = slot, .len = (uint32_t)len};

	p->free &= ~(1u << slot);
	p->number++;
	p->heard_ns = bh_clock_system.mono_ns(NULL);
	return bh_pass_send(p->socket, &m, NULL, 0);
}

static void
number_records(const struct pass *p, struct bh_flow_record *r, uint32_t n)
{
	uint32_t revision = bh_policy_revision(p->d->policy);

	while (n-- != 0)
		r++->revision = revision;
}

/* As much as there are places for. stopped: workers have returned. *more: something is left. */
static int
tell(struct pass *p, bool stopped, bool *more)
{
	struct bh_handover_block *b;
	struct bh_pass_names names;
	struct bh_flow_record *r;
	uint32_t slot, n;
	size_t len;
	int rc = 0;

	*more = false;
	while (rc == 0 && (b = place(p, &slot)) != NULL) {
		if (!p->head) {
			bh_pass_names(&p->d->config, &names);
			len = bh_handover_put_head(&names.self, (uint8_t *)b, BH_PASS_SLOT);
			p->head = true;
			rc = len != 0 ? put_block(p, slot, len) : -E2BIG;
			continue;
		}
		r = bh_handover_records(b);
		n = stopped ? bh_gateway_carry_finish(p->d->gateway, r, BH_HANDOVER_FLOWS_MAX)
			    : bh_gateway_carry_take(p->d->gateway, r, BH_HANDOVER_FLOWS_MAX);
		if (n == 0)
			return 0;
		number_records(p, r, n);
		rc = put_block(p, slot, bh_handover_seal(b, BH_HANDOVER_FLOWS, n, p->number));
	}
	*more = true;
	return rc;
}

/* Nothing is forwarded from here on: this process ends. Returns 1, or 2 if the new one did not say that it forwards. */
static int
stop_and_tell(struct pass *p)
{
	struct bh_pass_message m, last = {.kind = BH_PASS_LAST};
	bool more = true;
	int rc = 0;

	last.value = bh_clock_system.mono_ns(NULL);
	bh_gateway_stop(p->d->gateway);
	rte_eal_mp_wait_lcore();
	while (rc == 0 && more) {
		rc = tell(p, true, &more);
		while (rc == 0 && more && p->free == 0) {
			rc = bh_pass_receive(p->socket, &m, NULL, 0, BH_PASS_WAIT_MS);
			if (rc == 0 && m.kind == BH_PASS_FREE)
				p->free |= 1u << (m.slot % BH_PASS_SLOTS);
		}
	}
	/* Whatever happens from the last word on, it is the other one's to forward, and its guardian's to act. */
	if (rc == 0) {
		bh_daemon_failure_phase(p->d, BH_GUARDIAN_PASSED);
		rc = bh_pass_send(p->socket, &last, NULL, 0);
	}
	while (rc == 0) {
		rc = bh_pass_receive(p->socket, &m, NULL, 0, BH_PASS_WAIT_MS);
		if (rc == 0 && m.kind == BH_PASS_DONE)
			return 1;
	}
	bh_log(BH_LOG_ERROR, "handover: the new gateway took the flows and failed: %s",
	       strerror(-rc));
	return 2;
}

/* It may hang, and what this one has closed for it stays closed meanwhile: not without end. */
static bool
is_silent(const struct pass *p, uint64_t now)
{
	static const uint32_t patience_ms[] = {[ASKED] = BH_PASS_ASK_MS,
					       [RELEASED] = BH_PASS_START_MS,
					       [TELLING] = BH_PASS_WAIT_MS};

	if (p->stage == SETTLING || (p->stage == TELLING && !p->whole && p->free != 0))
		return false; /* it waits for this one */
	return now - p->heard_ns > patience_ms[p->stage] * BH_NS_PER_MS;
}

/* ---- the order of it ------------------------------------------------------------------------------------------ */

/* > 0: the end of this process, as stop_and_tell says. Else 0, or -errno: give up. */
static int
turn(struct pass *p)
{
	const struct bh_carry_params params = {.ring = 1u << 16, .per_turn = 64};
	struct bh_pass_message m;
	uint64_t now = bh_clock_system.mono_ns(NULL);
	bool more;
	int rc = bh_pass_receive(p->socket, &m, NULL, 0, 1);

	if (rc == 0)
		p->heard_ns = now;
	else if (rc == -EAGAIN && is_silent(p, now))
		return -ETIMEDOUT;
	if (rc == 0 && m.kind == BH_PASS_FREE) {
		p->free |= 1u << (m.slot % BH_PASS_SLOTS);
	} else if (rc == 0 && m.kind == BH_PASS_RELEASE && p->stage == ASKED) {
		bh_log(BH_LOG_INFO, "handover: another gateway takes over");
		release(p->d);
		p->stage = RELEASED;
		rc = lend(p);
	} else if (rc == 0 && m.kind == BH_PASS_TELL && p->stage == RELEASED) {
		p->stage = TELLING;
		rc = bh_gateway_carry_start(p->d->gateway, &params);
	} else if (rc == 0 && m.kind == BH_PASS_SWITCH && p->stage == TELLING) {
		p->stage = SETTLING;
		p->settled_ns = now + BH_PASS_SETTLE_MS * BH_NS_PER_MS;
		bh_gateway_settle_connections(p->d->gateway, true);
	} else if (rc == 0) {
		rc = -EPROTO;
	}
	if (rc == -EAGAIN)
		rc = 0;
	if (rc != 0 || p->stage < TELLING)
		return rc;
	rc = tell(p, false, &more);
	if (rc == 0 && !p->whole && !more && bh_gateway_carry_walked(p->d->gateway)) {
		p->whole = true;
		rc = say(p, BH_PASS_WHOLE);
	}
	if (rc == 0 && p->stage == SETTLING && now >= p->settled_ns)
		return stop_and_tell(p);
	return rc;
}

/* The rest of the control core's work goes on, as far as packets need it. */
static bool
keep_house(struct bh_daemon *d, uint64_t *watch_ns)
{
	uint64_t now = bh_clock_system.mono_ns(NULL), due = *watch_ns;
	unsigned i;

	bh_daemon_failure_beat(d);
	bh_gateway_control(d->gateway);
	bh_daemon_take_events(d);
	if (now < due)
		return true;
	*watch_ns = now + 100 * BH_NS_PER_MS;
	bh_links_watch(d, now);
	bh_daemon_notify_alive(d, now);
	/* This core itself stood still: the workers' silence says nothing yet. */
	if (now - due > BH_NS_PER_SEC)
		return true;
	for (i = 0; i < d->n_workers; i++) {
		if (bh_gateway_heartbeat_age_ms(d->gateway, i) > d->config.heartbeat_ms)
			return false;
	}
	return true;
}

static bool
is_trusted(int fd)
{
	struct ucred who = {0};
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == geteuid();
}

/* Words to whom this gateway can't be taken over by, or "". */
static void
check(const struct bh_daemon *d, const struct bh_pass_message *m, char *why, size_t size)
{
	struct bh_port_loan loan;
	unsigned i;

	why[0] = '\0';
	if (m->version != BH_HANDOVER_VERSION || m->layout != bh_handover_layout())
		snprintf(why, size,
			 "its flow state is of version %u, layout %016llx; this gateway's is of "
			 "version %u, layout %016llx",
			 BH_HANDOVER_VERSION, (unsigned long long)bh_handover_layout(), m->version,
			 (unsigned long long)m->layout);
	else if (bh_daemon_pair(d) != NULL)
		snprintf(why, size,
			 "it is one of a pair: end it, and its twin takes over with its flows");
	else if (m->ports != d->n_ports)
		snprintf(why, size, "it has %u ports, this configuration %u", d->n_ports, m->ports);
	else if (d->n_workers > 1 && d->steering != BH_STEERING_SOFTWARE)
		snprintf(why, size, "its workers have queues of their own");
	for (i = 0; i < d->n_ports && why[0] == '\0'; i++) {
		if (d->link[i].forced)
			snprintf(why, size,
				 "port %s: its link is held down while the other side's is",
				 bh_port_info(d->port[i])->name);
		else if (bh_port_lend(d->port[i], &loan) != 0)
			snprintf(why, size,
				 "port %s: its driver has the device for one process alone; only "
				 "AF_PACKET ports are handed over",
				 bh_port_info(d->port[i])->name);
	}
}

/* HELLO, and what is answered to it. */
static int
greet(struct pass *p)
{
	struct bh_pass_message m, answer = {.kind = BH_PASS_WELCOME, .value = (uint64_t)getpid()};
	struct stat st;
	int memory = -1;
	int rc = bh_pass_receive(p->socket, &m, &memory, 1, 1000);

	if (rc != 0)
		return rc;
	if (m.kind != BH_PASS_HELLO || m.n_fds != 1 || fstat(memory, &st) != 0 ||
	    st.st_size != (off_t)BH_PASS_BYTES ||
	    (fcntl(memory, F_GET_SEALS) & F_SEAL_SHRINK) == 0) {
		rc = -EPROTO;
		goto out;
	}
	check(p->d, &m, answer.text, sizeof(answer.text));
	if (answer.text[0] != '\0') {
		answer.kind = BH_PASS_REFUSED;
		bh_log(BH_LOG_WARN, "handover refused: %s", answer.text);
		rc = -ENOTSUP;
	} else {
		p->page = mmap(NULL, BH_PASS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
		rc = p->page != MAP_FAILED ? 0 : -ENOMEM;
	}
	if (rc != -ENOMEM && bh_pass_send(p->socket, &answer, NULL, 0) != 0)
		rc = -ECONNRESET;
out:
	if (memory >= 0)
		close(memory);
	return rc;
}

static void
give_up(struct pass *p, int rc)
{
	struct bh_daemon *d = p->d;

	bh_log(BH_LOG_ERROR, "handover given up: %s",
	       rc == -ECONNRESET ? "the new gateway has ended"
	       : rc == -ETIMEDOUT
		       ? "the new gateway is silent; end it before another one is started"
		       : strerror(-rc));
	bh_gateway_settle_connections(d->gateway, false);
	bh_gateway_carry_stop(d->gateway);
	if (p->stage >= RELEASED)
		take_back(d);
}

/* Returns what `serve` does, once it has a peer. */
static enum bh_pass_end
serve(struct pass *p)
{
	struct bh_daemon *d = p->d;
	struct pollfd signals = {.fd = d->signal_fd, .events = POLLIN};
	uint64_t watch_ns = 0;
	int rc = 0;

	p->heard_ns = bh_clock_system.mono_ns(NULL);
	while (rc == 0) {
		/* The service manager wants it to end: then both do. */
		if (poll(&signals, 1, 0) > 0 && p->stage < SETTLING)
			rc = -ECANCELED;
		if (!keep_house(d, &watch_ns))
			return BH_PASS_STALLED;
		if (rc == 0)
			rc = turn(p);
	}
	if (rc > 0)
		return rc == 1 ? BH_PASS_OVER : BH_PASS_LOST;
	give_up(p, rc);
	return BH_PASS_GOES_ON;
}

enum bh_pass_end
bh_daemon_pass_turn(struct bh_daemon *d)
{
	struct pass p = {.d = d, .free = (1u << BH_PASS_SLOTS) - 1, .endpoints = -1};
	enum bh_pass_end end = BH_PASS_GOES_ON;

	p.socket = d->pass_fd >= 0 ? accept4(d->pass_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (p.socket < 0)
		return BH_PASS_GOES_ON;
	if (is_trusted(p.socket) && greet(&p) == 0)
		end = serve(&p);
	if (p.page != NULL && p.page != MAP_FAILED)
		munmap(p.page, BH_PASS_BYTES);
	if (p.endpoints >= 0)
		close(p.endpoints);
	close(p.socket);
	d->passed = end == BH_PASS_OVER || end == BH_PASS_LOST;
	return end;
}
