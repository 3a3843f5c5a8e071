/* A configured device, taken apart: what EAL calls it, which kernel interface it takes, what to lock. */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"

_Static_assert(BH_IFNAME_SIZE == IFNAMSIZ, "the kernel's");

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "03:00.0" or "0000:03:00.0" at the start of text: its length, 0 if it is something else. */
static size_t
pci_length(const char *text)
{
	static const char *const forms[] = {"hhhh:hh:hh.h", "hh:hh.h"};
	size_t f, i;

	for (f = 0; f < BH_ARRAY_SIZE(forms); f++) {
		for (i = 0; forms[f][i] != '\0'; i++) {
			if (forms[f][i] == 'h' ? !is_hex(text[i]) : text[i] != forms[f][i])
				break;
		}
		if (forms[f][i] == '\0' && (text[i] == '\0' || text[i] == ','))
			return i;
	}
	return 0;
}

/* Value of key= in "name,key=value,...": its length, 0 if there is none. */
static size_t
devarg(const char *text, const char *key, const char **value)
{
	size_t len = strlen(key);
	const char *p;

	for (p = strchr(text, ','); p != NULL; p = strchr(p, ',')) {
		p++;
		if (strncmp(p, key, len) == 0 && p[len] == '=') {
			*value = p + len + 1;
			return strcspn(*value, ",");
		}
	}
	return 0;
}

static int
set_ifname(struct bh_device *d, const char *name, size_t len, struct bh_err *err)
{
	if (len == 0)
		return bh_err_set(err, EINVAL, "an interface name is missing");
	if (len >= sizeof(d->ifname))
		return bh_err_set(err, EINVAL,
				  "interface name '%.*s' is longer than the %zu characters that "
				  "Linux allows",
				  (int)len, name, sizeof(d->ifname) - 1);
	memcpy(d->ifname, name, len);
	d->ifname[len] = '\0';
	if (strpbrk(d->ifname, "/ \t:") != NULL)
		return bh_err_set(err, EINVAL, "'%s' is not an interface name", d->ifname);
	return 0;
}

/* An interface is a name within a network namespace, so both name the resource. */
static void
set_key(struct bh_device *d, const char *text)
{
	struct stat ns;
	char *p;

	if (d->ifname[0] != '\0' && stat("/proc/self/ns/net", &ns) == 0)
		snprintf(d->key, sizeof(d->key), "%s@%lu", d->ifname, (unsigned long)ns.st_ino);
	else if (d->kind == BH_DEVICE_PCI)
		snprintf(d->key, sizeof(d->key), "%s", d->name);
	else
		snprintf(d->key, sizeof(d->key), "%s", text);
	for (p = d->key; *p != '\0'; p++) {
		if (*p == '/')
			*p = '_';
	}
}

static int
parse_vdev(struct bh_device *d, const char *text, struct bh_err *err)
{
	size_t len = strcspn(text, ",");
	const char *value;

	if (strncmp(text, "net_", 4) != 0 && strncmp(text, "eth_", 4) != 0)
		return bh_err_set(err, EINVAL,
				  "'%s' is neither iface:NAME nor packet:NAME, nor a PCI address "
				  "(0000:03:00.0), "
				  "nor devargs that begin with net_ (net_af_xdp0,iface=eth1)",
				  text);
	if (len >= sizeof(d->name))
		return bh_err_set(err, EINVAL, "device name '%.*s' is too long", (int)len, text);
	d->kind = BH_DEVICE_VDEV;
	memcpy(d->name, text, len);
	d->name[len] = '\0';
	d->af_xdp = strncmp(text, "net_af_xdp", 10) == 0;
	d->af_packet = strncmp(text + 3, "_af_packet", 10) == 0;
	if (!d->af_xdp && !d->af_packet)
		return 0;
	len = devarg(text, "iface", &value);
	if (len == 0)
		return bh_err_set(err, EINVAL, "'%s' does not say which interface: add ,iface=NAME",
				  text);
	return set_ifname(d, value, len, err);
}

int
bh_device_parse(struct bh_device *d, const char *text, struct bh_err *err)
{
	size_t len = pci_length(text);
	int rc = 0;

	memset(d, 0, sizeof(*d));
	if (strncmp(text, "iface:", 6) == 0) {
		d->kind = BH_DEVICE_IFACE;
		rc = set_ifname(d, text + 6, strlen(text + 6), err);
	} else if (strncmp(text, "packet:", 7) == 0) {
		d->kind = BH_DEVICE_PACKET;
		rc = set_ifname(d, text + 7, strlen(text + 7), err);
	} else if (len != 0) {
		d->kind = BH_DEVICE_PCI;
		/* One device, one name: the domain is 0000 unless said. */
		snprintf(d->name, sizeof(d->name), "%s%.*s", len == 7 ? "0000:" : "", (int)len,
			 text);
	} else {
		rc = parse_vdev(d, text, err);
	}
	if (rc < 0)
		return rc;
	set_key(d, text);
	return 0;
}

enum bh_pci_state
bh_pci_look(const char *sysfs, const char *address, char *driver, size_t size)
{
	/* Kernel drivers that DPDK's work through, and those that stand aside for it. */
	static const char *const fine[] = {"vfio-pci",  "uio_pci_generic", "igb_uio",
					   "mlx4_core", "mlx5_core",       "mana",
					   "hv_netvsc"};
	char path[PATH_MAX], to[300];
	const char *base;
	ssize_t n;
	size_t i;

	driver[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", sysfs, address);
	if (access(path, F_OK) < 0)
		return BH_PCI_MISSING;
	snprintf(path, sizeof(path), "%s/%s/driver", sysfs, address);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return BH_PCI_UNBOUND;
	to[n] = '\0';
	base = strrchr(to, '/');
	snprintf(driver, size, "%s", base != NULL ? base + 1 : to);
	for (i = 0; i < BH_ARRAY_SIZE(fine); i++) {
		if (strcmp(driver, fine[i]) == 0)
			return BH_PCI_READY;
	}
	return BH_PCI_KERNEL;
}

bool
bh_pci_hint(const char *sysfs, const char *address, char *out, size_t size)
{
	char driver[64];

	switch (bh_pci_look(sysfs, address, driver, sizeof(driver))) {
	case BH_PCI_MISSING:
		snprintf(out, size, "there is no PCI device %s; see 'lspci -D'", address);
		return true;
	case BH_PCI_UNBOUND:
		snprintf(out, size,
			 "no driver is bound to PCI device %s; bind vfio-pci with "
			 "deploy/bind-nic.sh bind %s",
			 address, address);
		return true;
	case BH_PCI_KERNEL:
		snprintf(out, size,
			 "the kernel's driver %s has PCI device %s; bind vfio-pci with "
			 "deploy/bind-nic.sh bind %s, or take its interface with iface:NAME",
			 driver, address, address);
		return true;
	default:
		return false;
	}
}
