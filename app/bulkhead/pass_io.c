/* Messages with descriptors, and endpoints as text: what the old and the new gateway of a restart share. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pass.h"

#define BATCH 512 /* endpoints entered at once */

int
bh_pass_send(int socket, struct bh_pass_message *m, const int *fd, unsigned n_fds)
{
	char control[CMSG_SPACE(sizeof(int) * BH_PASS_FDS)];
	struct iovec part = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *c;

	m->magic = BH_PASS_MAGIC;
	m->version = BH_HANDOVER_VERSION;
	m->layout = bh_handover_layout();
	m->n_fds = n_fds;
	if (n_fds != 0) {
		memset(control, 0, sizeof(control));
		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fd, sizeof(int) * n_fds);
	}
	return sendmsg(socket, &h, MSG_NOSIGNAL) == (ssize_t)sizeof(*m) ? 0 : -errno;
}

static unsigned
take_descriptors(struct msghdr *h, int *fd, unsigned room)
{
	struct cmsghdr *c;
	unsigned n = 0, i, got;
	int one;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		got = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (i = 0; i < got; i++) {
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (n < room)
				fd[n++] = one;
			else
				close(one);
		}
	}
	return n;
}

int
bh_pass_receive(int socket, struct bh_pass_message *m, int *fd, unsigned room, int ms)
{
	char control[CMSG_SPACE(sizeof(int) * BH_PASS_FDS)];
	struct iovec part = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr h = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = socket, .events = POLLIN};
	unsigned got, i;
	ssize_t n;

	while ((n = poll(&p, 1, ms)) < 0 && errno == EINTR)
		;
	if (n == 0)
		return -EAGAIN;
	n = recvmsg(socket, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -ECONNRESET;
	if (n == 0)
		return -ECONNRESET;
	got = take_descriptors(&h, fd, room);
	if (n == (ssize_t)sizeof(*m) && m->magic == BH_PASS_MAGIC && m->kind != 0 &&
	    m->kind < BH_PASS_KINDS && got == m->n_fds && (h.msg_flags & MSG_CTRUNC) == 0) {
		m->text[sizeof(m->text) - 1] = '\0';
		return 0;
	}
	for (i = 0; i < got; i++)
		close(fd[i]);
	return -EPROTO;
}

int
bh_pass_path(const struct bh_config *c, char *out, size_t size)
{
	return snprintf(out, size, "%s/handover.sock", c->run_dir) < (int)size ? 0 : -ENAMETOOLONG;
}

void
bh_pass_names(const struct bh_config *c, struct bh_pass_names *out)
{
	unsigned i;

	for (i = 0; i < c->n_pairs; i++)
		out->pair[i] = c->pair[i].name;
	out->self = (struct bh_handover_self){.pair = out->pair, .n_pairs = c->n_pairs};
}

/* ---- endpoints --------------------------------------------------------------------------------------- */

/* PREFIX TENANT KEY VALUE KEY VALUE ..., tabs between: no key or value has one. */
static bool
put_endpoint(void *arg, const struct bh_endpoint *e, const char *const segments[],
	     unsigned n_segments)
{
	struct bh_buf *out = arg;
	char prefix[64];
	unsigned i;

	(void)segments;
	(void)n_segments;
	if (e->source != BH_SOURCE_REST)
		return true;
	bh_prefix_format(&e->prefix, prefix, sizeof(prefix));
	bh_buf_printf(out, "%s\t%llu", prefix, (unsigned long long)e->tenant);
	for (i = 0; i < e->n_labels; i++)
		bh_buf_printf(out, "\t%s\t%s", e->labels[i].key, e->labels[i].value);
	bh_buf_str(out, "\n");
	return true;
}

void
bh_pass_put_endpoints(struct bh_policy *p, struct bh_buf *out)
{
	bh_policy_endpoints_each(p, NULL, put_endpoint, out);
}

struct batch {
	struct bh_endpoint_change change[BATCH];
	struct bh_label label[BATCH][BH_LABELS_MAX];
};

static int
read_endpoint(char *line, struct bh_endpoint_change *c, struct bh_label *label, struct bh_err *err)
{
	char *prefix = strsep(&line, "\t"), *tenant = strsep(&line, "\t"), *key, *value;

	*c = (struct bh_endpoint_change){
		.op = BH_ENDPOINT_PUT,
		.endpoint = {.labels = label, .source = BH_SOURCE_REST},
	};
	if (tenant == NULL || bh_prefix_parse(prefix, &c->endpoint.prefix, err) != 0)
		return bh_err_set(err, EPROTO, "endpoints of the gateway before can't be read");
	c->endpoint.tenant = strtoull(tenant, NULL, 10);
	while ((key = strsep(&line, "\t")) != NULL) {
		value = strsep(&line, "\t");
		if (value == NULL || c->endpoint.n_labels == BH_LABELS_MAX)
			return bh_err_set(err, EPROTO,
					  "endpoints of the gateway before can't be read");
		label[c->endpoint.n_labels++] = (struct bh_label){key, value};
	}
	return 0;
}

int
bh_pass_take_endpoints(struct bh_policy *p, char *text, uint32_t *n, struct bh_err *err)
{
	struct batch *b = malloc(sizeof(*b));
	unsigned k = 0;
	char *line;
	int rc = b != NULL ? 0 : bh_err_set(err, ENOMEM, "out of memory");

	*n = 0;
	while (rc == 0 && (line = strsep(&text, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		rc = read_endpoint(line, &b->change[k], b->label[k], err);
		k += rc == 0;
		if (rc == 0 && k == BATCH) {
			rc = bh_policy_endpoints_apply(p, b->change, k, NULL, err);
			*n += k;
			k = 0;
		}
	}
	if (rc == 0 && k != 0) {
		rc = bh_policy_endpoints_apply(p, b->change, k, NULL, err);
		*n += k;
	}
	free(b);
	return rc;
}
