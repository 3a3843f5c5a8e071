/* The kernel interface behind a port: made as silent and as faithful as a wire, and given back. */
#include <errno.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "port_priv.h"

/* What makes an interface a wire. */
#define OUR_FLAGS (IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP)

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
bh_kif_close(struct bh_kif *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
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

static void
ipv6_path(const struct bh_kif *k, char *out, size_t size)
{
	snprintf(out, size, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", k->name);
}

/* A kernel without IPv6 has no such file, and nothing to turn off. */
static void
ipv6_off(const struct bh_kif *k, bool off)
{
	char path[96];
	int fd;

	ipv6_path(k, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, off ? "1" : "0", 1) < 0)
		bh_log(BH_LOG_WARN, "interface %s: %s cannot be written: %s", k->name, path,
		       strerror(errno));
	close(fd);
}

void
bh_kif_found_format(const struct bh_kif_found *f, char *out, size_t size)
{
	const uint8_t *m = f->mac;

	snprintf(out, size,
		 "flags %x eth %x gro %u ipv6_off %u queues %u mtu %u mac %02x%02x%02x%02x%02x%02x",
		 f->flags, f->eth_flags, f->gro, f->ipv6_off, f->queues, f->mtu, m[0], m[1], m[2],
		 m[3], m[4], m[5]);
}

int
bh_kif_found_parse(struct bh_kif_found *f, const char *text)
{
	uint8_t *m = f->mac;
	int n;

	memset(f, 0, sizeof(*f));
	n = sscanf(text,
		   "flags %x eth %x gro %u ipv6_off %u queues %u mtu %u mac "
		   "%2hhx%2hhx%2hhx%2hhx%2hhx%2hhx",
		   &f->flags, &f->eth_flags, &f->gro, &f->ipv6_off, &f->queues, &f->mtu, &m[0],
		   &m[1], &m[2], &m[3], &m[4], &m[5]);
	return n == 12 ? 0 : -EINVAL;
}

/* Not every driver knows every setting: it then counts as off and stays untouched. */
static void
look(const struct bh_kif *k, struct bh_kif_found *f)
{
	char path[96], c = '0';
	uint32_t gro, eth;
	bool combined;
	short flags;
	int fd;

	get_flags(k, &flags);
	eth_get(k, ETHTOOL_GGRO, &gro);
	eth_get(k, ETHTOOL_GFLAGS, &eth);
	ipv6_path(k, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, &c, 1) != 1)
			c = '0';
		close(fd);
	}
	*f = (struct bh_kif_found){
		.flags = (unsigned short)flags,
		.eth_flags = eth,
		.gro = gro != 0,
		.ipv6_off = c == '1',
		.queues = bh_kif_queues(k, &combined),
		.mtu = (unsigned)bh_kif_mtu(k),
	};
	bh_kif_mac(k, f->mac);
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
	look(k, &k->found);
	return 0;
}

/* Frames as they came: none merged (GRO, LRO), no tag taken off. */
static void
faithful(const struct bh_kif *k)
{
	const uint32_t merge = ETH_FLAG_LRO, strip = ETH_FLAG_RXVLAN;
	const uint32_t now = k->found.eth_flags;

	if (k->found.gro != 0)
		eth_set(k, ETHTOOL_SGRO, 0);
	if ((now & merge) != 0)
		eth_set(k, ETHTOOL_SFLAGS, now & ~merge);
	if ((now & strip) != 0 && eth_set(k, ETHTOOL_SFLAGS, now & ~(merge | strip)) < 0)
		bh_log(BH_LOG_WARN, "interface %s keeps taking VLAN tags off received frames",
		       k->name);
}

/* Leave the device as many receive queues as are taken. */
static int
prepare_queues(const struct bh_kif *k, unsigned queues, struct bh_err *err)
{
	bool combined;
	unsigned now = bh_kif_queues(k, &combined);
	int rc;

	if (now == queues)
		return 0;
	rc = set_queues(k, queues);
	if (rc < 0)
		return bh_err_set(
			err, -rc,
			"interface %s has %u receive queues, of which %u can be taken, and "
			"their number cannot be changed: %s",
			k->name, now, queues, strerror(-rc));
	return 0;
}

int
bh_kif_prepare(struct bh_kif *k, unsigned queues, struct bh_err *err)
{
	int rc;

	k->changed = true;
	/* Without it the kernel sends router solicitations and multicast reports of its own. */
	ipv6_off(k, true);
	/* The kernel answers ARP for any address of the machine on any interface. */
	rc = change_flags(k, OUR_FLAGS, 0);
	if (rc == -EPERM)
		return bh_err_set(err, EPERM,
				  "interface %s cannot be changed: run as root, or with "
				  "CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF",
				  k->name);
	if (rc < 0)
		return bh_err_set(err, -rc, "interface %s cannot be brought up: %s", k->name,
				  strerror(-rc));
	faithful(k);
	return prepare_queues(k, queues, err);
}

void
bh_kif_restore(struct bh_kif *k)
{
	const struct bh_kif_found *f = &k->found;
	struct bh_kif_found now;

	if (!k->changed)
		return;
	k->changed = false;
	look(k, &now);
	if (f->mtu != now.mtu)
		bh_kif_set_mtu(k, f->mtu);
	if (f->queues != now.queues)
		set_queues(k, f->queues);
	if (f->gro != now.gro)
		eth_set(k, ETHTOOL_SGRO, f->gro);
	if (f->eth_flags != now.eth_flags)
		eth_set(k, ETHTOOL_SFLAGS, f->eth_flags);
	change_flags(k, (short)(f->flags & OUR_FLAGS), (short)(~f->flags & OUR_FLAGS));
	if (f->ipv6_off == 0)
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
