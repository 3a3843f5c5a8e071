/* The kernel interface behind a port: made as silent and as faithful as a wire, and given back. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "port_priv.h"

static void
request(const struct bh_kif *k, struct ifreq *r)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->ifr_name, k->name, sizeof(r->ifr_name));
}

static int
kif_ioctl(const struct bh_kif *k, unsigned long what, struct ifreq *r)
{
	return ioctl(k->fd, what, r) < 0 ? -errno : 0;
}

static int
kif_ethtool(const struct bh_kif *k, void *command)
{
	struct ifreq r;

	request(k, &r);
	r.ifr_data = command;
	return kif_ioctl(k, SIOCETHTOOL, &r);
}

static int
eth_get(const struct bh_kif *k, uint32_t command, uint32_t *value)
{
	struct ethtool_value v = {.cmd = command};
	int rc = kif_ethtool(k, &v);

	*value = rc == 0 ? v.data : 0;
	return rc;
}

static int
eth_set(const struct bh_kif *k, uint32_t command, uint32_t value)
{
	struct ethtool_value v = {.cmd = command, .data = value};

	return kif_ethtool(k, &v);
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

int
bh_kif_open(struct bh_kif *k, const char *name, struct bh_err *err)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct bh_rtnl_link link;
	char list[300];

	memset(k, 0, sizeof(*k));
	k->xdp_link = -1;
	snprintf(k->name, sizeof(k->name), "%s", name);
	k->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0)
		return bh_err_set(err, errno, "no socket: %s", strerror(errno));
	k->index = (int)if_nametoindex(name);
	if (k->index == 0) {
		bh_kif_list(list, sizeof(list));
		bh_kif_close(k);
		return bh_err_set(err, ENODEV, "there is no interface %s here; there are: %s", name,
				  list);
	}
	if (bh_rtnl_link(k->index, &link) == 0)
		snprintf(k->kind, sizeof(k->kind), "%s", link.kind);
	if (kif_ethtool(k, &info) == 0)
		snprintf(k->driver, sizeof(k->driver), "%.31s", info.driver);
	return 0;
}

void
bh_kif_close(struct bh_kif *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
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

bool
bh_kif_local(const struct bh_kif *k)
{
	return k->kind[0] != '\0' || strcmp(k->driver, "virtio_net") == 0 ||
	       strcmp(k->driver, "vif") == 0 || strcmp(k->driver, "tun") == 0;
}

void
bh_kif_mac(const struct bh_kif *k, uint8_t mac[6])
{
	struct ifreq r;

	request(k, &r);
	if (kif_ioctl(k, SIOCGIFHWADDR, &r) == 0)
		memcpy(mac, r.ifr_hwaddr.sa_data, 6);
}

int
bh_kif_mtu(const struct bh_kif *k)
{
	struct ifreq r;
	int rc;

	request(k, &r);
	rc = kif_ioctl(k, SIOCGIFMTU, &r);
	return rc < 0 ? rc : r.ifr_mtu;
}

int
bh_kif_set_mtu(const struct bh_kif *k, unsigned mtu)
{
	struct ifreq r;

	request(k, &r);
	r.ifr_mtu = (int)mtu;
	return kif_ioctl(k, SIOCSIFMTU, &r);
}

/* Drivers count either combined queues or receive queues apart. */
static uint32_t *
queue_field(struct ethtool_channels *ch)
{
	return ch->max_combined != 0 ? &ch->combined_count : &ch->rx_count;
}

unsigned
bh_kif_queues(const struct bh_kif *k, bool *combined)
{
	struct ethtool_channels ch = {.cmd = ETHTOOL_GCHANNELS};

	*combined = false;
	if (kif_ethtool(k, &ch) < 0 || *queue_field(&ch) == 0)
		return 1;
	*combined = ch.max_combined != 0;
	return *queue_field(&ch);
}

static int
set_queues(const struct bh_kif *k, unsigned n)
{
	struct ethtool_channels ch = {.cmd = ETHTOOL_GCHANNELS};
	int rc = kif_ethtool(k, &ch);

	if (rc < 0)
		return rc;
	*queue_field(&ch) = n;
	ch.cmd = ETHTOOL_SCHANNELS;
	return kif_ethtool(k, &ch);
}

static int
get_flags(const struct bh_kif *k, short *flags)
{
	struct ifreq r;
	int rc;

	request(k, &r);
	rc = kif_ioctl(k, SIOCGIFFLAGS, &r);
	*flags = r.ifr_flags;
	return rc;
}

static int
change_flags(const struct bh_kif *k, short on, short off)
{
	struct ifreq r;
	int rc;

	request(k, &r);
	rc = kif_ioctl(k, SIOCGIFFLAGS, &r);
	if (rc < 0)
		return rc;
	r.ifr_flags = (short)((r.ifr_flags & ~off) | on);
	return kif_ioctl(k, SIOCSIFFLAGS, &r);
}

int
bh_kif_up(const struct bh_kif *k, bool up)
{
	return change_flags(k, up ? IFF_UP : 0, up ? 0 : IFF_UP);
}

/* Without it the kernel sends router solicitations and multicast reports of its own onto the wire.
 * Returns the former value, or -errno. */
static int
ipv6_off(const struct bh_kif *k, bool off)
{
	char path[96], c = '0';
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", k->name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, &c, 1) != 1 || pwrite(fd, off ? "1" : "0", 1, 0) != 1)
		rc = -EIO;
	close(fd);
	return rc < 0 ? rc : c == '1';
}

/* Frames as they came: none merged (GRO, LRO), no tag taken off. Not every driver can turn each of them off:
 * then it does not do it, or docs/ports.md says what is lost. */
static void
faithful(struct bh_kif *k)
{
	uint32_t gro;

	eth_get(k, ETHTOOL_GGRO, &gro);
	k->gro = gro != 0;
	eth_get(k, ETHTOOL_GFLAGS, &k->eth_flags);
	if (k->gro)
		eth_set(k, ETHTOOL_SGRO, 0);
	if ((k->eth_flags & ETH_FLAG_LRO) != 0)
		eth_set(k, ETHTOOL_SFLAGS, k->eth_flags & ~(uint32_t)ETH_FLAG_LRO);
	if ((k->eth_flags & ETH_FLAG_RXVLAN) != 0 &&
	    eth_set(k, ETHTOOL_SFLAGS, k->eth_flags & ~(uint32_t)(ETH_FLAG_LRO | ETH_FLAG_RXVLAN)) <
		    0)
		bh_log(BH_LOG_WARN, "interface %s keeps taking VLAN tags off received frames",
		       k->name);
}

int
bh_kif_prepare(struct bh_kif *k, unsigned queues, struct bh_err *err)
{
	bool combined;
	int rc;

	rc = get_flags(k, &k->flags);
	if (rc < 0)
		return bh_err_set(err, -rc, "interface %s: %s", k->name, strerror(-rc));
	k->prepared = true;
	k->queues = bh_kif_queues(k, &combined);
	if (k->queues != queues) {
		rc = set_queues(k, queues);
		if (rc < 0)
			return bh_err_set(err, -rc,
					  "interface %s has %u receive queues, of which %u can be "
					  "taken, and their number cannot be changed: %s",
					  k->name, k->queues, queues, strerror(-rc));
		k->queues_set = true;
	}
	k->ipv6_off = ipv6_off(k, true) == 1;
	faithful(k);
	/* The kernel answers ARP for any address of the machine on any interface. */
	rc = change_flags(k, IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP, 0);
	if (rc == -EPERM)
		return bh_err_set(err, EPERM,
				  "interface %s cannot be changed: run as root, or with "
				  "CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF",
				  k->name);
	if (rc < 0)
		return bh_err_set(err, -rc, "interface %s cannot be brought up: %s", k->name,
				  strerror(-rc));
	return 0;
}

void
bh_kif_restore(struct bh_kif *k)
{
	const short ours = IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP;

	if (!k->prepared)
		return;
	k->prepared = false;
	change_flags(k, (short)(k->flags & ours), (short)(~k->flags & ours));
	if (k->gro)
		eth_set(k, ETHTOOL_SGRO, 1);
	if ((k->eth_flags & (ETH_FLAG_LRO | ETH_FLAG_RXVLAN)) != 0)
		eth_set(k, ETHTOOL_SFLAGS, k->eth_flags);
	if (k->queues_set)
		set_queues(k, k->queues);
	if (!k->ipv6_off)
		ipv6_off(k, false);
}

bool
bh_kif_carrier(const struct bh_kif *k)
{
	uint32_t up;
	short flags;
	int rc = eth_get(k, ETHTOOL_GLINK, &up);

	if (rc == 0)
		return up != 0;
	/* Not every driver has it; the flag follows the carrier within a second. */
	return rc == -EOPNOTSUPP && get_flags(k, &flags) == 0 && (flags & IFF_RUNNING) != 0;
}
