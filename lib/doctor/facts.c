/* What only the kernel itself tells. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "doctor.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#define LANDLOCK_VERSION 1u /* LANDLOCK_CREATE_RULESET_VERSION */

/* Ones of a mask from the left. */
static unsigned
mask_bits(const struct sockaddr *a)
{
	const uint8_t *p;
	unsigned n = 0, i, len;

	if (a->sa_family == AF_INET) {
		p = (const uint8_t *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
		len = 4;
	} else {
		p = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
		len = 16;
	}
	for (i = 0; i < len; i++)
		n += (unsigned)__builtin_popcount(p[i]);
	return n;
}

/* A link-local address of IPv6 is the kernel's own and goes with IPv6: the gateway turns that off. */
static void
look_addresses(struct bh_doctor_facts *f)
{
	struct ifaddrs *list, *a;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&list) != 0)
		return;
	for (a = list; a != NULL && f->n_addresses < BH_DOCTOR_ADDRESSES; a = a->ifa_next) {
		struct bh_doctor_address *out = &f->address[f->n_addresses];
		const void *addr;

		if (a->ifa_addr == NULL || a->ifa_netmask == NULL)
			continue;
		if (a->ifa_addr->sa_family == AF_INET) {
			addr = &((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr;
		} else if (a->ifa_addr->sa_family == AF_INET6) {
			addr = &((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr;
			if (IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)addr))
				continue;
		} else {
			continue;
		}
		inet_ntop(a->ifa_addr->sa_family, addr, text, sizeof(text));
		snprintf(out->ifname, sizeof(out->ifname), "%s", a->ifa_name);
		snprintf(out->text, sizeof(out->text), "%s/%u", text, mask_bits(a->ifa_netmask));
		f->n_addresses++;
	}
	freeifaddrs(list);
}

static uint32_t
ethtool(int fd, const char *ifname, uint32_t command)
{
	struct ethtool_value v = {.cmd = command};
	struct ifreq r;

	memset(&r, 0, sizeof(r));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	r.ifr_data = (void *)&v;
	return ioctl(fd, SIOCETHTOOL, &r) == 0 ? v.data : 0;
}

/* One question, one answer: RTM_GETLINK by name (rtnetlink(7)). Bytes of the answer, or -1. */
static ssize_t
ask_link(const char *ifname, void *reply, size_t size)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		struct rtattr attr;
		char name[IFNAMSIZ];
	} q;
	size_t len = strlen(ifname) + 1;
	ssize_t n = -1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	memset(&q, 0, sizeof(q));
	q.attr.rta_type = IFLA_IFNAME;
	q.attr.rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(q.name, ifname, len);
	q.head.nlmsg_type = RTM_GETLINK;
	q.head.nlmsg_flags = NLM_F_REQUEST;
	q.head.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(q.info)) + RTA_ALIGN(q.attr.rta_len));
	if (fd >= 0 && send(fd, &q, q.head.nlmsg_len, 0) == (ssize_t)q.head.nlmsg_len)
		n = recv(fd, reply, size, 0);
	if (fd >= 0)
		close(fd);
	return n;
}

static void
look_link(struct bh_doctor_link *out, const char *ifname)
{
	_Alignas(struct nlmsghdr) char reply[16384];
	ssize_t n = ask_link(ifname, reply, sizeof(reply));
	const struct nlmsghdr *h = (const void *)reply;
	const struct ifinfomsg *info;
	const struct rtattr *a;
	int left;

	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*info)) || h->nlmsg_type != RTM_NEWLINK ||
	    h->nlmsg_len > (size_t)n)
		return;
	info = NLMSG_DATA(h);
	out->known = true;
	out->up = (info->ifi_flags & IFF_UP) != 0;
	out->carrier = (info->ifi_flags & IFF_LOWER_UP) != 0;
	left = (int)IFLA_PAYLOAD(h);
	for (a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		uint32_t v = 0;

		if (RTA_PAYLOAD(a) >= sizeof(v))
			memcpy(&v, RTA_DATA(a), sizeof(v));
		if (a->rta_type == IFLA_MTU)
			out->mtu = v;
		else if (a->rta_type == IFLA_NUM_RX_QUEUES)
			out->rx_queues = v;
		else if (a->rta_type == IFLA_MASTER)
			out->enslaved = v != 0;
	}
}

static void
look_links(struct bh_doctor_facts *f, const struct bh_config *c)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct bh_device d;
	unsigned i;

	for (i = 0; i < c->n_ports; i++) {
		if (bh_device_parse(&d, c->port[i].device, NULL) != 0 || d.ifname[0] == '\0')
			continue;
		look_link(&f->link[i], d.ifname);
		f->link[i].merges = ethtool(fd, d.ifname, ETHTOOL_GGRO) != 0 ||
				    (ethtool(fd, d.ifname, ETHTOOL_GFLAGS) & ETH_FLAG_LRO) != 0;
	}
	if (fd >= 0)
		close(fd);
}

/* The unit's user starts what lies in the unit's folder, whoever asks. */
static void
look_user(struct bh_doctor_facts *out, const struct bh_config *c)
{
	static const char folder[] = "/etc/bulkhead/";
	const struct passwd *service = NULL;

	out->uid = out->user = (unsigned)geteuid();
	out->group = (unsigned)getegid();
	if (out->uid == 0 && c != NULL && strncmp(c->path, folder, sizeof(folder) - 1) == 0)
		service = getpwnam("bulkhead");
	if (service == NULL)
		return;
	out->user = (unsigned)service->pw_uid;
	out->group = (unsigned)service->pw_gid;
}

void
bh_doctor_look(struct bh_doctor_facts *out, const struct bh_config *c)
{
	struct timex t = {.modes = 0};
	long version;
	int fd, state;

	memset(out, 0, sizeof(*out));
	look_user(out, c);
	version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
	out->landlock = version > 0 ? (int)version : 0;
	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	out->af_xdp = fd >= 0 ? 0 : -errno;
	if (fd >= 0)
		close(fd);
	state = adjtimex(&t);
	out->clock_synchronised = state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
	look_addresses(out);
	if (c != NULL)
		look_links(out, c);
}
