/* A few questions to the kernel: rtnetlink, bpf(2), interface addresses and names. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "port_priv.h"
#include "rtnl.h"

void
bh_nl_start(struct bh_nl *m, uint16_t type, uint16_t flags, const void *head, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = type;
	m->h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->h.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&m->h), head, len);
}

void *
bh_nl_put(struct bh_nl *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((uint8_t *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len != 0)
		memcpy(RTA_DATA(a), data, len);
	m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
	return a;
}

void
bh_nl_nest_end(struct bh_nl *m, void *nest)
{
	struct rtattr *a = nest;

	a->rta_len = (uint16_t)((uint8_t *)m + NLMSG_ALIGN(m->h.nlmsg_len) - (uint8_t *)a);
}

int
bh_nl_ask(struct bh_nl *m, void *reply, size_t size)
{
	struct nlmsghdr *h = reply;
	ssize_t n;
	int fd, rc = 0;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (send(fd, m, m->h.nlmsg_len, 0) < 0) {
		rc = -errno;
		goto out;
	}
	n = recv(fd, reply, size, 0);
	if (n < (ssize_t)sizeof(*h) || (size_t)n < h->nlmsg_len)
		rc = n < 0 ? -errno : -EBADMSG;
	else if (h->nlmsg_type == NLMSG_ERROR)
		rc = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
out:
	close(fd);
	return rc;
}

static void
link_kind(struct rtattr *info, char kind[16])
{
	int left = (int)RTA_PAYLOAD(info);
	struct rtattr *a;

	for (a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_INFO_KIND)
			snprintf(kind, 16, "%.*s", (int)RTA_PAYLOAD(a), (char *)RTA_DATA(a));
	}
}

static uint32_t
xdp_prog(struct rtattr *xdp)
{
	int left = (int)RTA_PAYLOAD(xdp);
	struct rtattr *a;
	uint32_t id = 0;

	for (a = RTA_DATA(xdp); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_XDP_PROG_ID && RTA_PAYLOAD(a) == sizeof(id))
			memcpy(&id, RTA_DATA(a), sizeof(id));
	}
	return id;
}

int
bh_rtnl_link(int index, struct bh_rtnl_link *out)
{
	struct ifinfomsg head = {.ifi_index = index};
	union {
		struct nlmsghdr h;
		uint8_t room[16384];
	} reply;
	struct rtnl_link_stats64 stats;
	struct rtattr *a;
	struct bh_nl m;
	int left, rc;

	memset(out, 0, sizeof(*out));
	bh_nl_start(&m, RTM_GETLINK, 0, &head, sizeof(head));
	rc = bh_nl_ask(&m, &reply, sizeof(reply));
	if (rc < 0)
		return rc;
	left = (int)IFLA_PAYLOAD(&reply.h);
	for (a = IFLA_RTA(NLMSG_DATA(&reply.h)); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_LINKINFO) {
			link_kind(a, out->kind);
		} else if (a->rta_type == IFLA_XDP) {
			out->xdp_prog = xdp_prog(a);
		} else if (a->rta_type == IFLA_STATS64) {
			memset(&stats, 0, sizeof(stats));
			memcpy(&stats, RTA_DATA(a),
			       RTA_PAYLOAD(a) < sizeof(stats) ? RTA_PAYLOAD(a) : sizeof(stats));
			out->rx_dropped = stats.rx_dropped;
		}
	}
	return 0;
}

int
bh_rtnl_xdp_detach(int index)
{
	struct ifinfomsg head = {.ifi_index = index};
	uint8_t reply[4096];
	struct bh_nl m;
	void *nest;
	int none = -1;

	bh_nl_start(&m, RTM_SETLINK, NLM_F_ACK, &head, sizeof(head));
	nest = bh_nl_put(&m, IFLA_XDP | NLA_F_NESTED, NULL, 0);
	bh_nl_put(&m, IFLA_XDP_FD, &none, sizeof(none));
	bh_nl_nest_end(&m, nest);
	return bh_nl_ask(&m, reply, sizeof(reply));
}

int
bh_bpf(int command, void *attr, size_t size)
{
	long rc = syscall(SYS_bpf, command, attr, size);

	return rc < 0 ? -errno : (int)rc;
}

int
bh_bpf_prog_name(uint32_t id, char out[16])
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	int fd, rc;

	out[0] = '\0';
	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = bh_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
	if (fd < 0)
		return fd;
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uint64_t)(uintptr_t)&info;
	rc = bh_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	close(fd);
	snprintf(out, 16, "%.15s", info.name);
	return rc;
}

void
bh_kif_list(char *out, size_t size)
{
	struct if_nameindex *all = if_nameindex(), *i;
	size_t n = 0;

	out[0] = '\0';
	for (i = all; i != NULL && i->if_index != 0 && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", n == 0 ? "" : ", ", i->if_name);
	if_freenameindex(all);
}

/* Link-local IPv6 addresses come by themselves and lead nowhere. */
static bool
counts(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return true;
	return a->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

int
bh_kif_check_addresses(const struct bh_kif *k, struct bh_err *err)
{
	struct ifaddrs *all, *a;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return 0;
	for (a = all; a != NULL && !found; a = a->ifa_next) {
		found = a->ifa_addr != NULL && strcmp(a->ifa_name, k->name) == 0 &&
			counts(a->ifa_addr);
	}
	freeifaddrs(all);
	if (!found)
		return 0;
	return bh_err_set(
		err, EADDRINUSE,
		"interface %s has an address of this machine, which would no longer be "
		"reached through it; a port takes all frames: choose another interface, or "
		"remove the address with 'ip address flush dev %s'",
		k->name, k->name);
}
